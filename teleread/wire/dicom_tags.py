"""The tags, value representations and transfer syntaxes the header reader knows (PS3.6, PS3.5). Data only."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BIG_ENDIAN",
    "DEFLATED",
    "EXPLICIT",
    "FUNCTIONAL",
    "IMPLICIT",
    "ITEM",
    "ITEM_END",
    "LONG_VRS",
    "OTHER_IDS",
    "PER_FRAME",
    "PIXELS",
    "SEQUENCE_END",
    "SHARED",
    "TOP",
    "UNDEFINED",
    "WANTED_IN",
    "is_uid",
]

DEFLATED: Final = "1.2.840.10008.1.2.1.99"
IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"

LONG_VRS: Final = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
UNDEFINED: Final = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})

TOP: Final = frozenset(
    {
        *(0x00020002, 0x00020003, 0x00020010),
        *(0x00080005, 0x00080016, 0x00080018, 0x00080020, 0x00080050, 0x00080060, 0x00080061, 0x00080062),
        *(0x00081030, 0x0008103E, 0x00080052),
        *(0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040),
        *(0x00180015,),
        *(0x0020000D, 0x0020000E, 0x00200011, 0x00200013, 0x00200032, 0x00200037, 0x00200060, 0x00200062),
        *(0x00201208, 0x00201209),
        *(0x00280008, 0x00280010, 0x00280011, 0x00281050, 0x00281051),
    }
)
"""What is kept of the top level, tags as group << 16 | element."""

OTHER_IDS: Final = 0x00101002
SHARED, PER_FRAME = 0x52009229, 0x52009230
FUNCTIONAL: Final = frozenset({0x00209113, 0x00209116, 0x00289132})
"""Plane Position, Plane Orientation and Frame VOI LUT sequences of enhanced objects."""
WANTED_IN: Final = {
    "other": frozenset({0x00100020, 0x00100021}),
    "frame": frozenset({0x00200032, 0x00200037, 0x00281050, 0x00281051}),
}


def is_uid(value: str) -> bool:
    """Whether a text can be a UID at all: 1 to 64 digits and dots (PS3.5 section 9)."""
    return 0 < len(value) <= 64 and value.isascii() and not value.strip("0123456789.")
