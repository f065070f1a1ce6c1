"""A bounded reader of DICOM Part 10 bytes, for bytes nobody vouches for.

It finds elements and nothing more: nesting, element count, lengths and inflated size are capped before
anything is allocated, so that what comes after it (pixel decoding) works on checked figures. Runs in the
decode child; standard library only. PS3.10 section 7, PS3.5 section 7.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from teleread.model.errors import TelereadError

from .elements import Element, Elements

__all__ = ["MAX_DEPTH", "MAX_INFLATED", "Part10", "cannot", "scan"]

MAX_DEPTH: Final = 32
"""Deepest nesting of sequences followed; real objects stay under ten."""
MAX_ELEMENTS: Final = 1_000_000
"""Most elements in one object."""
MAX_INFLATED: Final = 128 * 1024 * 1024
"""Most bytes a deflated object may inflate to."""

_PIECE: Final = 4 * 1024 * 1024
"""Bytes inflated at a time."""

IMPLICIT_LE: Final = "1.2.840.10008.1.2"
EXPLICIT_LE: Final = "1.2.840.10008.1.2.1"
DEFLATED_LE: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE: Final = "1.2.840.10008.1.2.2"

_LONG_VRS: Final = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_SHORT_VRS: Final = b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
_VRS: Final = _LONG_VRS | frozenset(_SHORT_VRS.split())
_PIXEL_TAGS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD

_KNOWN_SEQUENCES: Final = frozenset(
    {
        0x00081115,
        0x00081140,
        0x00081199,
        0x00089215,
        0x00186011,
        0x00209071,
        0x00209111,
        0x00209113,
        0x00209116,
        0x00283000,
        0x00283010,
        0x00283110,
        0x00289110,
        0x00289132,
        0x00289145,
        0x003A0200,
        0x003A0208,
        0x003A0211,
        0x004008EA,
        0x00409096,
        0x0040A043,
        0x0040A073,
        0x0040A168,
        0x0040A300,
        0x0040A301,
        0x0040A375,
        0x0040A385,
        0x0040A730,
        0x0040B020,
        0x00540016,
        0x00620002,
        0x0062000A,
        0x00700001,
        0x00700008,
        0x00700009,
        0x0070005A,
        0x20500010,
        0x30060010,
        0x30060016,
        0x30060020,
        0x30060039,
        0x30060040,
        0x52009229,
        0x52009230,
        0x54000100,
    }
)
"""Sequences that are read, for implicit VR where nothing in the bytes says that they are sequences."""


def cannot(title: str, code: str = "damaged") -> TelereadError:
    """The error that becomes the words in place of a picture."""
    return TelereadError(title, code=code)


@dataclass(slots=True)
class Part10:
    """What the scan found."""

    transfer_syntax: str
    """As the file meta says; guessed where it says nothing."""
    elements: Elements
    """The data set up to and with the pixel data."""
    pixel: Element | None
    """Pixel Data, Float Pixel Data or Double Float Pixel Data; None where there is none."""
    encapsulated: bool = False
    """The pixel data has undefined length: fragments."""
    tolerated: list[str] = field(default_factory=list)
    """What was wrong and read all the same."""


def scan(data: memoryview, total: int = 0) -> Part10:
    """Find the elements of an object without trusting any length in it.

    Args:
        data: The bytes of a Part 10 file; a missing preamble or file meta is accepted.
        total: Bytes the whole file has, where ``data`` is only its beginning: what lies behind the header
            counts as held then.

    Raises:
        TelereadError: Not DICOM, damaged or over a limit; ``title`` says which, in words.
    """
    try:
        return _Scanner(data, total).run()
    except (struct.error, IndexError, RecursionError, UnicodeDecodeError) as error:
        raise cannot("The file ends inside its header.", "truncated") from error


class _Scanner:
    def __init__(self, data: memoryview, total: int = 0) -> None:
        self.data = data
        self.total = max(total, len(data))
        self.big = False
        self.implicit = False
        self.count = 0
        self.tolerated: list[str] = []
        self.root: Elements | None = None

    def run(self) -> Part10:
        start = self._start()
        meta, at = self._file_meta(start)
        syntax = meta.text(0x00020010)
        if syntax == DEFLATED_LE:
            self.data, at = _inflate(self.data[at:]), 0
            self.total = len(self.data)
        self._choose_encoding(syntax, at)
        if not syntax:
            syntax = EXPLICIT_BE if self.big else IMPLICIT_LE if self.implicit else EXPLICIT_LE
            self.tolerated.append("no transfer syntax")
        table: dict[int, Element] = {}
        elements = self.root = Elements(self.data, table, self.big)
        pixel: Element | None = None
        for element in self._elements(at, len(self.data), 0, self.implicit):
            table[element.tag] = element
            if element.tag in _PIXEL_TAGS:
                pixel = element
                break
        if not table:
            raise cannot("This file holds no DICOM elements.", "not-dicom")
        encapsulated = pixel is not None and pixel.undefined
        return Part10(syntax, elements, pixel, encapsulated, self.tolerated)

    def _start(self) -> int:
        data = self.data
        if bytes(data[128:132]) == b"DICM":
            return 132
        found = bytes(data[:1024]).find(b"DICM\x02\x00")
        if found >= 0:
            self.tolerated.append("preamble of the wrong length")
            return found + 4
        if len(data) < 8 or not _looks_like_elements(data, 0):
            raise cannot("This is not a DICOM file.", "not-dicom")
        self.tolerated.append("no preamble")
        return 0

    def _file_meta(self, at: int) -> tuple[Elements, int]:
        """Group 0002 is explicit little endian whatever follows."""
        table: dict[int, Element] = {}
        data = self.data
        while at + 8 <= len(data) and bytes(data[at : at + 2]) == b"\x02\x00":
            element, at = self._element(at, len(data), 0, implicit=False)
            table[element.tag] = element
        return Elements(self.data, table, False), at

    def _choose_encoding(self, syntax: str, at: int) -> None:
        """Take what the bytes say where they contradict the transfer syntax."""
        data = self.data
        if len(data) - at < 8:
            raise cannot("The file ends before its data set.", "truncated")
        explicit = bytes(data[at + 4 : at + 6]) in _VRS
        self.big = syntax == EXPLICIT_BE if syntax else data[at] == 0 and data[at + 1] != 0
        self.implicit = syntax == IMPLICIT_LE if syntax else not explicit
        if self.implicit == explicit and syntax:
            self.implicit = not explicit
            self.tolerated.append("transfer syntax and encoding disagree")

    def _elements(self, at: int, end: int, depth: int, implicit: bool) -> Iterator[Element]:
        """Elements of one data set until its end, or until an item delimiter."""
        while at + 8 <= end:
            tag = self._tag(at)
            if tag in (_ITEM_END, _SEQUENCE_END, _ITEM):
                if depth:
                    return
                self.tolerated.append("a stray delimiter")
                at += 8
                continue
            element, at = self._element(at, end, depth, implicit, tag)
            yield element

    def _tag(self, at: int) -> int:
        group, number = struct.unpack_from(">HH" if self.big else "<HH", self.data, at)
        return int(group) << 16 | int(number)

    def _element(self, at: int, end: int, depth: int, implicit: bool, tag: int = -1) -> tuple[Element, int]:
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise cannot("The file holds more than a million elements; it was not read further.", "limit")
        if tag < 0:
            tag = self._tag(at)
        vr, length, at = self._header(at, implicit)
        if tag in _PIXEL_TAGS:
            return self._pixel_element(tag, vr, length, at)
        sequence = vr == "SQ" or (implicit and tag in _KNOWN_SEQUENCES)
        if length == _UNDEFINED:
            inner_implicit = implicit or vr == "UN"  # PS3.5 6.2.2 note 2
            items, after = self._items(at, end, depth + 1, inner_implicit, bounded=False)
            return Element(tag, "SQ", at, after - at, items=items), after
        if length > end - at:
            raise cannot("The file ends inside its header.", "truncated")
        if sequence:
            items = self._bounded_items(at, at + length, depth + 1, implicit)
            return Element(tag, "SQ", at, length, items=items), at + length
        return Element(tag, vr, at, length), at + length

    def _header(self, at: int, implicit: bool) -> tuple[str, int, int]:
        """VR, length and where the value begins."""
        order = ">" if self.big else "<"
        vr = bytes(self.data[at + 4 : at + 6])
        if implicit or vr not in _VRS:
            if not implicit and vr.isalpha() and vr.isupper():
                (length,) = struct.unpack_from(order + "H", self.data, at + 6)
                return "UN", length, at + 8
            (length,) = struct.unpack_from(order + "I", self.data, at + 4)
            return "", length, at + 8
        if vr in _LONG_VRS:
            (length,) = struct.unpack_from(order + "I", self.data, at + 8)
            return vr.decode(), length, at + 12
        (length,) = struct.unpack_from(order + "H", self.data, at + 6)
        return vr.decode(), length, at + 8

    def _pixel_element(self, tag: int, vr: str, length: int, at: int) -> tuple[Element, int]:
        """Pixel data may be cut short: how much is there is for the decoder to tell."""
        held = self.total - at
        if length == _UNDEFINED:
            return Element(tag, vr, at, held, undefined=True), self.total
        return Element(tag, vr, at, min(length, held), claimed=length), at + min(length, held)

    def _bounded_items(self, at: int, end: int, depth: int, implicit: bool) -> tuple[Elements, ...]:
        """Items of a sequence whose length is known: damage inside it costs the sequence, not the picture."""
        try:
            return self._items(at, end, depth, implicit, bounded=True)[0]
        except TelereadError as error:
            if error.code == "limit":
                raise
        except (struct.error, IndexError):
            pass
        self.tolerated.append("a damaged sequence")
        return ()

    def _items(
        self, at: int, end: int, depth: int, implicit: bool, *, bounded: bool
    ) -> tuple[tuple[Elements, ...], int]:
        """The items of a sequence, and where it ends."""
        if depth > MAX_DEPTH:
            raise cannot(f"The file nests sequences more than {MAX_DEPTH} deep; it was not read.", "limit")
        items: list[Elements] = []
        while at + 8 <= end:
            tag = self._tag(at)
            (length,) = struct.unpack_from(">I" if self.big else "<I", self.data, at + 4)
            at += 8
            if tag == _SEQUENCE_END:
                return tuple(items), at
            if tag != _ITEM:
                raise cannot("A sequence in the file is damaged.")
            stop = end if length == _UNDEFINED else at + length
            if stop > end:
                raise cannot("The file ends inside a sequence.", "truncated")
            item, at = self._item(at, stop, depth, implicit, delimited=length == _UNDEFINED)
            items.append(item)
        if not bounded:
            raise cannot("The file ends inside a sequence.", "truncated")
        return tuple(items), end

    def _item(
        self, at: int, stop: int, depth: int, implicit: bool, *, delimited: bool
    ) -> tuple[Elements, int]:
        table: dict[int, Element] = {}
        while at + 8 <= stop:
            if self._tag(at) == _ITEM_END:
                return Elements(self.data, table, self.big, self.root), at + 8
            if delimited and self._tag(at) in (_ITEM, _SEQUENCE_END):
                self.tolerated.append("an item without its end")
                return Elements(self.data, table, self.big, self.root), at
            element, at = self._element(at, stop, depth, implicit)
            table[element.tag] = element
        return Elements(self.data, table, self.big, self.root), stop


def _looks_like_elements(data: memoryview, at: int) -> bool:
    """Whether a first element of a group a data set may begin with stands here."""
    little, big = struct.unpack_from("<H", data, at)[0], struct.unpack_from(">H", data, at)[0]
    return little in (0x0002, 0x0004, 0x0008) or (big == 0x0008 and bytes(data[at + 4 : at + 6]) in _VRS)


def _inflate(data: memoryview) -> memoryview:
    """Inflate a deflated data set (PS3.5 A.5) up to the cap."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    out, left = bytearray(), bytes(data)
    while not engine.eof:
        try:
            piece = engine.decompress(left, _PIECE)
        except zlib.error as error:
            raise cannot("The deflated data set is damaged and could not be inflated.") from error
        out += piece  # in pieces, so that no more than the cap and one of them is ever held
        if len(out) > MAX_INFLATED:
            limit = MAX_INFLATED // 1024**2
            raise cannot(f"The file inflates to more than {limit} MiB; it was not read.", "limit")
        left = engine.unconsumed_tail
        if not left and not piece:
            raise cannot("The deflated data set ends early.", "truncated")
    return memoryview(out).toreadonly()
