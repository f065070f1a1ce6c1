"""What a key object selection document refers to (PS3.3 C.17.6.2): a bounded reader of one small object.

A site's archive may list a Manifest (KOS with document title 113030, DCM; IHE XDS-I.b, PS3.16 CID 7010): it
says what instances a study has. Only title and evidence are read; depth, count and size are limited.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .dicom_tags import LONG_VRS, is_uid

__all__ = ["KEY_OBJECTS", "MANIFEST_TITLE", "MAX_BYTES", "Evidence", "evidence"]

KEY_OBJECTS: Final = "1.2.840.10008.5.1.4.1.1.88.59"
"""SOP Class of key object selection documents."""
MANIFEST_TITLE: Final = "113030"
"""Code value of the title that says: this is all there is (DCM)."""
MAX_BYTES: Final = 8 << 20
"""Largest document read."""
_MAX_ELEMENTS: Final = 400_000
_MAX_DEPTH: Final = 12
_IMPLICIT: Final = "1.2.840.10008.1.2"
_EXPLICIT: Final = "1.2.840.10008.1.2.1"
_META: Final = b"DICM\x02\0\0\0"
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_EVIDENCE, _SERIES, _SOPS, _TITLE = 0x0040A375, 0x00081115, 0x00081199, 0x0040A043
_SEQUENCES: Final = frozenset({_EVIDENCE, _SERIES, _SOPS, _TITLE})
_STUDY_UID, _SERIES_UID, _SOP_UID, _SOP_CLASS, _CODE = (
    0x0020000D,
    0x0020000E,
    0x00081155,
    0x00081150,
    0x00080100,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a document says."""

    title: str
    """Code value of the document title."""
    studies: dict[str, dict[str, dict[str, str]]]
    """Study UID to series UID to SOP Instance UID to SOP Class UID."""

    @property
    def is_manifest(self) -> bool:
        """Whether it claims to list everything."""
        return self.title == MANIFEST_TITLE


class _BadError(Exception):
    """The bytes are no such document."""


class _Reader:
    """Walks elements of one little endian data set."""

    def __init__(self, data: bytes, implicit: bool) -> None:
        self.data = data
        self.implicit = implicit
        self.count = 0

    def elements(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(tag, value's start, value's end; -1 for undefined) up to the end or an item's delimiter."""
        at = start
        while at + 8 <= end:
            self.count += 1
            if self.count > _MAX_ELEMENTS:
                raise _BadError
            group, element = struct.unpack_from("<HH", self.data, at)
            tag = group << 16 | element
            if tag in (_ITEM_END, _SEQUENCE_END):
                return
            at, length = self._head(tag, at)
            if length == _UNDEFINED:
                yield tag, at, -1
                at = self.skip(at, end, 0)
                continue
            if at + length > end:
                raise _BadError
            yield tag, at, at + length
            at += length

    def _head(self, tag: int, at: int) -> tuple[int, int]:
        if self.implicit or tag == _ITEM:
            return at + 8, int(struct.unpack_from("<I", self.data, at + 4)[0])
        vr = self.data[at + 4 : at + 6]
        if vr in LONG_VRS:
            if at + 12 > len(self.data):
                raise _BadError
            return at + 12, int(struct.unpack_from("<I", self.data, at + 8)[0])
        return at + 8, int(struct.unpack_from("<H", self.data, at + 6)[0])

    def items(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """(start, end) of each item of a sequence."""
        end = len(self.data) if stop < 0 else stop
        at = start
        while at + 8 <= end:
            group, element, length = struct.unpack_from("<HHI", self.data, at)
            tag = group << 16 | element
            if tag == _SEQUENCE_END:
                return
            if tag != _ITEM:
                raise _BadError
            if length == _UNDEFINED:
                after = self._item_end(at + 8, end, 0)
                yield at + 8, after
            else:
                after = at + 8 + length
                if after > end:
                    raise _BadError
                yield at + 8, after
            at = after

    def skip(self, start: int, end: int, depth: int) -> int:
        """Past a sequence of undefined length."""
        if depth > _MAX_DEPTH:
            raise _BadError
        at = start
        while at + 8 <= end:
            group, element, length = struct.unpack_from("<HHI", self.data, at)
            tag = group << 16 | element
            if tag == _SEQUENCE_END:
                return at + 8
            if tag != _ITEM:
                raise _BadError
            at = self._item_end(at + 8, end, depth + 1) if length == _UNDEFINED else at + 8 + length
        raise _BadError

    def _item_end(self, start: int, end: int, depth: int) -> int:
        if depth > _MAX_DEPTH:
            raise _BadError
        at = start
        while at + 8 <= end:
            self.count += 1
            if self.count > _MAX_ELEMENTS:
                raise _BadError
            group, element = struct.unpack_from("<HH", self.data, at)
            tag = group << 16 | element
            if tag == _ITEM_END:
                return at + 8
            at, length = self._head(tag, at)
            at = self.skip(at, end, depth + 1) if length == _UNDEFINED else at + length
        raise _BadError


def evidence(data: bytes, transfer_syntax: str) -> Evidence | None:
    """Read a document.

    Args:
        data: The Part 10 file.
        transfer_syntax: Of its data set; others than the two uncompressed little endian ones are not read.

    Returns:
        What it refers to; None where it can't be read.
    """
    if len(data) > MAX_BYTES or transfer_syntax not in {_IMPLICIT, _EXPLICIT} or data[128:136] != _META:
        return None
    # The meta group is explicit whatever follows, and its first element is its length (PS3.10 section 7.1).
    start = 144 + int(struct.unpack_from("<I", data.ljust(144, b"\0"), 140)[0])
    reader = _Reader(data, transfer_syntax == _IMPLICIT)
    title, studies = "", {}
    try:
        for tag, at, stop in reader.elements(start, len(data)):
            if tag == _TITLE:
                title = title or _title(reader, at, stop)
            elif tag == _EVIDENCE:
                studies = _studies(reader, at, stop)
    except (_BadError, struct.error):
        return None
    return Evidence(title, studies)


def _title(reader: _Reader, at: int, stop: int) -> str:
    for start, end in reader.items(at, stop):
        return _values(reader, start, end).get(_CODE, "")
    return ""


def _studies(reader: _Reader, at: int, stop: int) -> dict[str, dict[str, dict[str, str]]]:
    out: dict[str, dict[str, dict[str, str]]] = {}
    for study, study_end in reader.items(at, stop):
        told = _values(reader, study, study_end)
        series_out = out.setdefault(told.get(_STUDY_UID, ""), {})
        for series, series_end in _inside(reader, study, study_end, _SERIES):
            uid = _values(reader, series, series_end).get(_SERIES_UID, "")
            sops = series_out.setdefault(uid, {})
            for sop, sop_end in _inside(reader, series, series_end, _SOPS):
                values = _values(reader, sop, sop_end)
                if is_uid(values.get(_SOP_UID, "")):
                    sops[values[_SOP_UID]] = values.get(_SOP_CLASS, "")
    return out


def _inside(reader: _Reader, start: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    for tag, at, stop in reader.elements(start, end):
        if tag == wanted:
            yield from reader.items(at, stop)


def _values(reader: _Reader, start: int, end: int) -> dict[int, str]:
    return {
        tag: reader.data[at:stop].rstrip(b"\0 ").decode("ascii", "replace")
        for tag, at, stop in reader.elements(start, end)
        if tag not in _SEQUENCES and 0 <= stop - at <= 64
    }
