"""Values of elements found by the bounded reader: tolerant in what is read, never raising for a bad value.

An unreadable value counts as absent; which absences matter is for the caller to say. PS3.5 section 6.2.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Final

__all__ = ["Element", "Elements"]

_MOST_VALUES: Final = 4096
"""Most values read of one element; lookup tables are taken raw."""

_BINARY: Final = {
    "US": ("H", 2),
    "SS": ("h", 2),
    "UL": ("I", 4),
    "SL": ("i", 4),
    "FL": ("f", 4),
    "FD": ("d", 8),
    "UV": ("Q", 8),
    "SV": ("q", 8),
    "OW": ("H", 2),
}

_IMPLICIT_VR: Final = {
    0x00280002: "US",
    0x00280006: "US",
    0x00280010: "US",
    0x00280011: "US",
    0x00280100: "US",
    0x00280101: "US",
    0x00280102: "US",
    0x00280103: "US",
    0x00280120: "US",
    0x00280121: "US",
    0x00281101: "US",
    0x00281102: "US",
    0x00281103: "US",
    0x00283002: "US",
}
"""Binary elements a picture needs, for implicit VR; everything else read here is text."""
_IMPLICIT_OVERLAY: Final = {
    0x0010: "US",
    0x0011: "US",
    0x0050: "SS",
    0x0051: "US",
    0x0100: "US",
    0x0102: "US",
}

_CHARSETS: Final = {
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 192": "utf_8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}


@dataclass(frozen=True, slots=True)
class Element:
    """Where one element's value lies in the bytes."""

    tag: int
    """Group and element number as one 32-bit figure."""
    vr: str
    """Value representation; empty for implicit VR."""
    offset: int
    """Of the value, bytes."""
    length: int
    """Of the value as held, bytes."""
    undefined: bool = False
    """Pixel data in fragments."""
    claimed: int = 0
    """Length the header claims; for pixel data it may exceed what is held."""
    items: tuple[Elements, ...] = ()
    """Items, for sequences."""


class Elements:
    """One data set or item: elements by tag, and their values."""

    __slots__ = ("big", "data", "table")

    def __init__(self, data: memoryview, table: dict[int, Element], big: bool) -> None:
        self.data = data
        self.table = table
        self.big = big

    def __contains__(self, tag: int) -> bool:
        return tag in self.table

    def raw(self, tag: int) -> memoryview:
        """The bytes of a value; empty where absent."""
        element = self.table.get(tag)
        if element is None:
            return memoryview(b"")
        return self.data[element.offset : element.offset + element.length]

    def texts(self, tag: int) -> list[str]:
        """Values of a text element, stripped, as the data set's character set reads them."""
        element = self.table.get(tag)
        if element is None or element.items:
            return []
        raw = bytes(self.raw(tag)[:65536])
        charset = "ascii" if tag == 0x00080005 else _CHARSETS.get(self.text(0x00080005), "latin_1")
        return [part.strip(" \0") for part in raw.decode(charset, errors="replace").split("\\")]

    def text(self, tag: int) -> str:
        """First value of a text element; empty where absent."""
        values = self.texts(tag)
        return values[0] if values else ""

    def numbers(self, tag: int, *, vr: str = "") -> list[float]:
        """Values of a DS, IS or binary element; unreadable and infinite ones are left out.

        Args:
            tag: The element.
            vr: Value representation to read it by, where the reader knows better than the bytes.
        """
        element = self.table.get(tag)
        if element is None or element.items:
            return []
        kind = vr or element.vr or self._implied(tag)
        if kind in _BINARY:
            return [value for value in self._binary(tag, kind) if math.isfinite(value)]
        return [value for value in map(_number, self.texts(tag)[:_MOST_VALUES]) if value is not None]

    def number(self, tag: int) -> float | None:
        """First value; None where absent or unreadable."""
        values = self.numbers(tag)
        return values[0] if values else None

    def whole(self, tag: int, default: int = 0) -> int:
        """First value as a whole number; the default where absent or unreadable."""
        value = self.number(tag)
        return default if value is None else int(value)

    def items(self, tag: int) -> tuple[Elements, ...]:
        """Items of a sequence; none where absent."""
        element = self.table.get(tag)
        return element.items if element is not None else ()

    def item(self, tag: int, index: int = 0) -> Elements:
        """One item of a sequence; an empty one where it is absent."""
        items = self.items(tag)
        return items[index] if 0 <= index < len(items) else Elements(memoryview(b""), {}, self.big)

    def _implied(self, tag: int) -> str:
        if tag >> 24 == 0x60:
            return _IMPLICIT_OVERLAY.get(tag & 0xFFFF, "")
        return _IMPLICIT_VR.get(tag, "")

    def _binary(self, tag: int, vr: str) -> list[float]:
        code, size = _BINARY[vr]
        raw = self.raw(tag)
        count = min(len(raw) // size, _MOST_VALUES)
        return list(struct.unpack_from(f"{'>' if self.big else '<'}{count}{code}", raw))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
