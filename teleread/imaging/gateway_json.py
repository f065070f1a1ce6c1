"""DICOM JSON (PS3.18 annex F) out of the bounded reader's elements, for the local gateway.

Pixels never stand in it; long values go by URI. Names of value representations come from pydicom's dictionary
where implicit VR says none; no byte of an object is read by pydicom.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from .elements import Element, Elements

__all__ = ["INLINE", "bulk_value", "data_set", "vr_of"]

INLINE: Final = 4096
"""Longest binary value that stands in the answer itself, bytes."""
_MOST_ITEMS: Final = 20_000
_LONGEST_TEXT: Final = 1024 * 1024

_NUMBERS: Final[Mapping[str, tuple[str, int]]] = {
    "FL": ("f", 4),
    "FD": ("d", 8),
    "SL": ("i", 4),
    "SS": ("h", 2),
    "SV": ("q", 8),
    "UL": ("I", 4),
    "US": ("H", 2),
    "UV": ("Q", 8),
}
_WORDS: Final[Mapping[str, int]] = {"OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2}
"""Bytes of a word, for values that big endian turns round."""
_BULK: Final = frozenset({*_WORDS, "OB", "UN"})
_WHOLE_TEXT: Final = frozenset({"LT", "ST", "UT", "UR"})
"""A backslash separates nothing in them."""

Address = Callable[[tuple[int, ...]], str]
"""The URI of a long value, by tags and item numbers from the top."""


def vr_of(element: Element, signed: bool = False) -> str:
    """A value representation: the file's own, else the dictionary's.

    Args:
        element: The element.
        signed: Pixel Representation, which decides between US and SS (PS3.6 section 6).
    """
    if element.vr and element.vr != "UN":
        return element.vr
    from pydicom.datadict import dictionary_VR

    try:
        known = str(dictionary_VR(element.tag))
    except KeyError:
        return "SQ" if element.items else "UN"
    if known == "US or SS":
        return "SS" if signed else "US"
    return "OW" if " or " in known and "OW" in known else known


def data_set(
    elements: Elements, address: Address, aliases: Mapping[str, str], path: tuple[int, ...] = ()
) -> dict[str, Any]:
    """One data set or item.

    Args:
        elements: What the bounded reader found.
        address: Makes the URI of a long value.
        aliases: UIDs that are shown under another name.
        path: Where an item stands, as (tag, index) pairs one after the other.
    """
    root = elements.root or elements
    signed = root.whole(0x00280103) == 1
    out: dict[str, Any] = {}
    for tag in sorted(elements.table):
        if tag >> 16 == 0x7FE0 or tag & 0xFFFF == 0:
            continue
        element = elements.table[tag]
        vr = vr_of(element, signed)
        made: dict[str, Any] = {"vr": vr}
        if vr == "SQ" or element.items:
            made["vr"] = "SQ"
            made["Value"] = [
                data_set(item, address, aliases, (*path, tag, index))
                for index, item in enumerate(element.items[:_MOST_ITEMS])
            ]
        elif element.length:
            made |= _value(elements, element, vr, address, aliases, path)
        out[f"{tag:08X}"] = made
    return out


def _value(
    elements: Elements,
    element: Element,
    vr: str,
    address: Address,
    aliases: Mapping[str, str],
    path: tuple[int, ...],
) -> dict[str, Any]:
    if vr in _BULK:
        if element.length > INLINE:
            return {"BulkDataURI": address((*path, element.tag))}
        return {"InlineBinary": base64.b64encode(bulk_value(elements, element, vr)).decode()}
    if vr in _NUMBERS or vr == "AT":
        values = _binary(elements, element, vr)
    else:
        values = _texts(elements, element, vr, aliases)
    while values and values[-1] is None:
        values.pop()
    return {"Value": values} if values else {}


def bulk_value(elements: Elements, element: Element, vr: str) -> bytes:
    """A binary value in little endian, whatever the file's order (PS3.18 section 8.7.3.3)."""
    raw = bytes(elements.raw(element.tag))
    size = _WORDS.get(vr, 1)
    if not elements.big or size == 1:
        return raw
    whole = len(raw) // size * size
    turned = bytearray(raw[:whole])
    for place in range(size):
        turned[place::size] = raw[size - 1 - place : whole : size]
    return bytes(turned)


def _binary(elements: Elements, element: Element, vr: str) -> list[Any]:
    raw, order = elements.raw(element.tag), ">" if elements.big else "<"
    if vr == "AT":
        pairs = struct.unpack_from(f"{order}{len(raw) // 4 * 2}H", raw)
        return [f"{group:04X}{number:04X}" for group, number in zip(pairs[::2], pairs[1::2], strict=True)]
    code, size = _NUMBERS[vr]
    found = struct.unpack_from(f"{order}{len(raw) // size}{code}", raw)
    return [one if isinstance(one, int) or math.isfinite(one) else None for one in found]


def _texts(elements: Elements, element: Element, vr: str, aliases: Mapping[str, str]) -> list[Any]:
    text = elements.whole_text(element.tag)[:_LONGEST_TEXT]
    if vr in _WHOLE_TEXT:
        return [text] if text else []
    parts = [part.strip(" \0") for part in text.split("\\")]
    return [_text(part, vr, aliases) if part else None for part in parts]


def _text(part: str, vr: str, aliases: Mapping[str, str]) -> Any:
    if vr == "PN":
        groups = zip(("Alphabetic", "Ideographic", "Phonetic"), part.split("="), strict=False)
        return {name: group.strip() for name, group in groups if group.strip()} or None
    if vr == "IS":
        return _number(part, whole=True)
    if vr == "DS":
        return _number(part)
    return aliases.get(part, part) if vr == "UI" else part


def _number(part: str, *, whole: bool = False) -> int | float | None:
    try:
        value = float(part)
        return int(value) if whole and value == int(value) else value if math.isfinite(value) else None
    except (ValueError, OverflowError):
        return None
