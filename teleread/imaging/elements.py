"""Values of elements found by the bounded reader: tolerant in what is read, never raising for a bad value.

An unreadable value counts as absent; which absences matter is for the caller to say. PS3.5 section 6.2.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Final

from teleread.wire.dicom_text import character_sets, decode

__all__ = ["Element", "Elements"]

_LONGEST: Final = 1024 * 1024
"""Most bytes read of one text."""
_MOST_VALUES: Final = 8192
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
    0x00181622: "US",
    0x00186012: "US",
    0x00186014: "US",
    0x00186016: "UL",
    0x00186018: "UL",
    0x0018601A: "UL",
    0x0018601C: "UL",
    0x0018601E: "UL",
    0x00186020: "SL",
    0x00186022: "SL",
    0x00186024: "US",
    0x00186026: "US",
    0x00186028: "FD",
    0x0018602A: "FD",
    0x0018602C: "FD",
    0x0018602E: "FD",
    0x003A0005: "US",
    0x003A0010: "UL",
    0x00420015: "UL",
    0x0062000B: "US",
    0x00700010: "FL",
    0x00700011: "FL",
    0x00700014: "FL",
    0x00700022: "FL",
    0x00700042: "US",
    0x00700052: "SL",
    0x00700053: "SL",
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

    __slots__ = ("_codecs", "big", "data", "root", "table")

    def __init__(
        self, data: memoryview, table: dict[int, Element], big: bool, root: Elements | None = None
    ) -> None:
        self.data = data
        self.table = table
        self.big = big
        self.root = root
        """The data set an item stands in; its character set holds where the item names none."""
        self._codecs: tuple[str, ...] | None = None

    def __contains__(self, tag: int) -> bool:
        return tag in self.table

    def raw(self, tag: int) -> memoryview:
        """The bytes of a value; empty where absent."""
        element = self.table.get(tag)
        if element is None:
            return memoryview(b"")
        return self.data[element.offset : element.offset + element.length]

    @property
    def codecs(self) -> tuple[str, ...]:
        """What text here is decoded with (Specific Character Set)."""
        if self._codecs is None:
            if 0x00080005 in self.table or self.root is None:
                self._codecs = character_sets(bytes(self.raw(0x00080005)[:256]))
            else:
                self._codecs = self.root.codecs
        return self._codecs

    def whole_text(self, tag: int) -> str:
        """The value of a text element in which a backslash separates nothing (ST, LT, UT)."""
        element = self.table.get(tag)
        if element is None or element.items:
            return ""
        raw = bytes(self.raw(tag)[:_LONGEST])
        return (raw.decode("ascii") if raw.isascii() else decode(raw, self.codecs)).rstrip(" \0")

    def texts(self, tag: int) -> list[str]:
        """Values of a text element, stripped, as the data set's character set reads them."""
        return [part.strip(" \0") for part in self.whole_text(tag).split("\\")] if tag in self.table else []

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

    def plain_numbers(self, tag: int, most: int) -> list[float]:
        """Values of a long DS element, up to a count; none where one of them can't be read."""
        element = self.table.get(tag)
        if element is None or element.items:
            return []
        raw = bytes(self.raw(tag)[: 17 * most])
        try:
            values = [float(part) for part in raw.split(b"\\")[:most]] if raw.strip(b" \0") else []
        except ValueError:
            return []
        return values if all(map(math.isfinite, values)) else []

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
        return items[index] if 0 <= index < len(items) else Elements(memoryview(b""), {}, self.big, self.root)

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
