"""DICOM data sets as they go over DIMSE, to DICOM JSON and back (PS3.5 7.1, PS3.18 annex F). I/O-free.

Little endian alone. Lists come from machines that get much wrong: nothing here trusts a length, a depth or a
character set, and what one element gets wrong costs that element or its data set, never more.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from teleread.wire.dicom_tags import EXPLICIT, ITEM, ITEM_END, LONG_VRS, SEQUENCE_END, UNDEFINED
from teleread.wire.dicom_text import character_sets, decode
from teleread.wire.fhir_json import Unreadable
from teleread.wire.pdu import IMPLICIT

__all__ = ["DataSet", "read_data_set", "write_data_set"]

DataSet = dict[str, Any]

MAX_DEPTH: Final = 12
"""Deepest nesting read; an order has three levels, a structured report seldom eight."""
MAX_ELEMENTS: Final = 50_000
"""Most elements of one data set, nested ones counted."""
MAX_TEXT: Final = 65_536
"""Longest value kept, bytes."""
MAX_VALUES: Final = 256
CHARACTER_SET: Final = 0x00080005
_VRS: Final = {
    "AE": "00080054 00400001 00741234 00741236 00741242",
    "CS": "00080005 00080052 00080060 00080061 00100022 00100040 00180015 00200060 00400020 00400033 00404041"
    " 0040A010 0040A040 0040E020 00741000 00741200 00741242",
    "DA": "00080020 00100030 00400002 00400004 00402004",
    "DS": "00741004",
    "DT": "00404005 00404008 00404010 00404011 00404050 00404051 00404052 0040A120",
    "IS": "00201208",
    "LO": "00080080 00080104 00081030 00100020 00100021 00102000 00321033 00321060 00380010 00380300 00400007"
    " 00401002 00401005 00402016 00402017 00404036 0074100C 00741202 00741204 00741230",
    "LT": "00104000 00324000 00401400 00402400 00741238",
    "PN": "00080090 00100010 00321032 00400006 00404037",
    "SH": "00080050 00080100 00080102 00080103 00080201 00400009 00400010 00400011 00401001 00401003",
    "SQ": "00080051 00081110 00081199 00082218 00100024 00101002 00321064 00400008 00400026 00400100 0040100A"
    " 00404009 00404018 00404019 00404021 00404025 00404026 00404027 00404028 00404033 00404034 00404035"
    " 0040A043 0040A168 0040A370 0040A730 0040E021 0040E022 0040E023 0040E024 0040E025 00741002 00741008"
    " 0074100E 00741210 00741216 00741224",
    "ST": "00741006",
    "TM": "00080030 00400003 00400005",
    "UI": "00080016 00080018 00081150 00081155 00081195 0020000D 0020000E",
    "UR": "00081190 0074100A",
    "UT": "00400031 00400032 0040A160",
}
"""Value representations of what an order, a workitem or a structured report carries (PS3.6 chapter 6)."""
_VR: Final = {int(tag, 16): vr for vr, tags in _VRS.items() for tag in tags.split()}
_TEXT: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""Representations that the character set applies to (PS3.5 6.1.2.3)."""
_WHOLE: Final = frozenset({"LT", "ST", "UR", "UT"})
"""Those in which a backslash parts nothing."""
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


def read_data_set(raw: bytes | memoryview, syntax: str = IMPLICIT, fallback: str = "") -> DataSet:
    """Read one data set; elements nothing here asks for are left out.

    Args:
        raw: Without a file meta group.
        syntax: Implicit or explicit VR, little endian.
        fallback: The Specific Character Set to assume where the data set names none.

    Raises:
        Unreadable: It is cut off, nested beyond reason, or no data set at all.
    """
    reader = _Reader(memoryview(raw), fallback)
    codecs = character_sets(b"", fallback)
    return reader.elements(0, len(raw), codecs, 0, explicit=syntax == EXPLICIT)[0]


class _Reader:
    """One pass over one data set."""

    def __init__(self, raw: memoryview, fallback: str) -> None:
        self._raw = raw
        self._fallback = fallback
        self._left = MAX_ELEMENTS

    def elements(
        self, at: int, end: int, codecs: Sequence[str], depth: int, *, explicit: bool, inside: bool = False
    ) -> tuple[DataSet, int]:
        """The elements up to ``end``, or up to the delimiter of an item (``inside``); and where they stop."""
        data: DataSet = {}
        while at < end:
            self._count(depth)
            tag, vr, length, at = self._header(at, end, explicit=explicit)
            if tag == ITEM_END and inside:
                return data, at
            if vr == "SQ" or length == UNDEFINED:
                known = explicit and vr != "UN"  # what has no known VR is nested in implicit VR (PS3.5 6.2.2)
                items, at = self._sequence(at, end, length, codecs, depth + 1, explicit=known)
                if _VR.get(tag) == "SQ":
                    data[f"{tag:08X}"] = {"vr": "SQ", "Value": items}
                continue
            if at + length > end:
                raise Unreadable("a data set that is cut off")
            if tag == CHARACTER_SET:
                codecs = character_sets(bytes(self._raw[at : at + min(length, 512)]), self._fallback)
            kept = _VR.get(tag, "")
            if kept and kept != "SQ":
                data[f"{tag:08X}"] = _element(kept, bytes(self._raw[at : at + min(length, MAX_TEXT)]), codecs)
            at += length
        if inside:
            raise Unreadable("an item that does not end")
        return data, at

    def _count(self, depth: int) -> None:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise Unreadable("a data set larger or deeper than any is")

    def _header(self, at: int, end: int, *, explicit: bool) -> tuple[int, str, int, int]:
        """Tag, value representation, length and where the value begins."""
        if end - at < 8:
            raise Unreadable("a data set that is cut off")
        group, number, length = struct.unpack_from("<HHI", self._raw, at)
        tag = group << 16 | number
        if not explicit or group == 0xFFFE:
            return tag, _VR.get(tag, ""), length, at + 8
        vr = bytes(self._raw[at + 4 : at + 6])
        if vr not in LONG_VRS:
            return tag, vr.decode("ascii", "replace"), length >> 16, at + 8
        if end - at < 12:
            raise Unreadable("a data set that is cut off")
        return tag, vr.decode("ascii"), struct.unpack_from("<I", self._raw, at + 8)[0], at + 12

    def _sequence(
        self, at: int, end: int, length: int, codecs: Sequence[str], depth: int, *, explicit: bool
    ) -> tuple[list[DataSet], int]:
        items: list[DataSet] = []
        stop = end if length == UNDEFINED else at + length
        if stop > end:
            raise Unreadable("a data set that is cut off")
        while at < stop:
            tag, _, size, at = self._header(at, stop, explicit=explicit)
            if tag == SEQUENCE_END and length == UNDEFINED:
                return items, at
            if tag != ITEM:
                raise Unreadable("a sequence with something else than items")
            self._count(depth)
            if size == UNDEFINED:
                item, at = self.elements(at, stop, codecs, depth, explicit=explicit, inside=True)
            elif at + size > stop:
                raise Unreadable("a data set that is cut off")
            else:
                item, at = self.elements(at, at + size, codecs, depth, explicit=explicit)
            items.append(item)
        if length == UNDEFINED:
            raise Unreadable("a sequence that does not end")
        return items, at


def _element(vr: str, raw: bytes, codecs: Sequence[str]) -> DataSet:
    # Decoded first, parted afterwards: a backslash can be half of a character (PS3.5 6.1.2.3).
    words = decode(raw, codecs) if vr in _TEXT else raw.decode("ascii", "replace")
    parts = [words] if vr in _WHOLE else words.split("\\", MAX_VALUES)[:MAX_VALUES]
    values = [one.rstrip(" \0") if vr in _WHOLE else one.strip(" \0") for one in parts]
    if not any(values):
        return {"vr": vr}
    if vr != "PN":
        return {"vr": vr, "Value": values}
    return {"vr": vr, "Value": [_name(one) for one in values]}


def _name(text: str) -> DataSet:
    groups = [one.rstrip(" ^") for one in text.split("=")]
    return {label: one for label, one in zip(_GROUPS, groups, strict=False) if one}


# -- writing ------------------------------------------------------------------------------------------


def write_data_set(data: Mapping[str, Any]) -> bytes:
    """DICOM JSON as implicit VR little endian, its texts in UTF-8.

    Args:
        data: Texts, numbers as texts, names and sequences; tags of eight hexadecimal digits.
    """
    return b"".join(_written(tag, data[tag]) for tag in sorted(data))


def _written(tag: str, element: Mapping[str, Any]) -> bytes:
    number = int(tag, 16)
    values = element.get("Value") or []
    if element["vr"] == "SQ":
        raw = b"".join(_item(one) for one in values)
    else:
        words = "\\".join(_text_of(one) for one in values)
        raw = words.encode("utf-8")
        if len(raw) % 2:
            raw += b"\0" if element["vr"] == "UI" else b" "
    return struct.pack("<HHI", number >> 16, number & 0xFFFF, len(raw)) + raw


def _item(data: Mapping[str, Any]) -> bytes:
    raw = write_data_set(data)
    return struct.pack("<HHI", ITEM >> 16, ITEM & 0xFFFF, len(raw)) + raw


def _text_of(value: Any) -> str:
    if isinstance(value, Mapping):
        return "=".join(_until_last(str(value.get(label, "")) for label in _GROUPS))
    return str(value)


def _until_last(groups: Iterator[str]) -> list[str]:
    found = list(groups)
    while found and not found[-1]:
        found.pop()
    return found
