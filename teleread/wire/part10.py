"""Part 10 file meta information (PS3.10 section 7.1) for data sets that came by DIMSE. I/O-free."""

from __future__ import annotations

import struct
from typing import Final

__all__ = [
    "IMPLEMENTATION_UID",
    "IMPLEMENTATION_VERSION",
    "PREAMBLE",
    "file_meta",
    "syntax_in",
    "zeroed_preamble",
]

IMPLEMENTATION_UID: Final = "2.25.186430912846019574823746501928374650192"
"""Implementation Class UID; in the UUID-derived root, so that it needs no registration."""
IMPLEMENTATION_VERSION: Final = "TELEREAD_1"
PREAMBLE: Final = bytes(128)
"""Always zeros: what a sender puts there can make a file be two things at once (CVE-2019-11687)."""


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b" " if vr == b"SH" else b"\0"
    long_form = vr == b"OB"
    length = struct.pack("<HI", 0, len(value)) if long_form else struct.pack("<H", len(value))
    return struct.pack("<HH2s", 2, number, vr) + length + value


def file_meta(sop_class: str, sop_uid: str, transfer_syntax: str) -> bytes:
    """Preamble, prefix and meta group; the data set follows it byte for byte.

    Args:
        sop_class: Affected SOP Class UID of the C-STORE.
        sop_uid: Affected SOP Instance UID of the C-STORE.
        transfer_syntax: Of the presentation context it came by.
    """
    body = b"".join(
        (
            _element(0x01, b"OB", b"\0\1"),
            _element(0x02, b"UI", sop_class.encode("ascii", "replace")),
            _element(0x03, b"UI", sop_uid.encode("ascii", "replace")),
            _element(0x10, b"UI", transfer_syntax.encode("ascii", "replace")),
            _element(0x12, b"UI", IMPLEMENTATION_UID.encode()),
            _element(0x13, b"SH", IMPLEMENTATION_VERSION.encode()),
        )
    )
    return PREAMBLE + b"DICM" + _element(0, b"UL", struct.pack("<I", len(body))) + body


def syntax_in(head: bytes) -> str:
    """The Transfer Syntax UID in the first bytes of a file; empty where it is not in them.

    A glance, for choices that cost nothing when they are wrong; `teleread.wire.dicom_header` reads.
    """
    at = head.find(b"\x02\x00\x10\x00UI", 128, 1024)
    if at < 0 or len(head) < at + 8:
        return ""
    size = int.from_bytes(head[at + 6 : at + 8], "little")
    return head[at + 8 : at + 8 + min(size, 64)].rstrip(b"\0 ").decode("ascii", "replace")


def zeroed_preamble(data: bytes) -> bytes:
    """A Part 10 file as it may leave the vault: with zeros for a preamble (PS3.10 section 7.5)."""
    if data[128:132] != b"DICM" or not any(data[:128]):
        return data
    return PREAMBLE + data[128:]
