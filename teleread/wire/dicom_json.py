"""DICOM JSON (PS3.18 annex F), read tolerantly. I/O-free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from teleread.model.text import EMPTY, SafeText, clean

__all__ = ["data_sets", "inside", "integer", "texts", "uid", "words"]


def data_sets(document: Any) -> tuple[Mapping[str, Any], ...]:
    """The data sets of a QIDO-RS answer; whatever is none is left out."""
    if isinstance(document, Mapping):
        document = [document]
    if not isinstance(document, list):
        return ()
    return tuple(one for one in document if isinstance(one, Mapping))


def _values(data: Mapping[str, Any], tag: str) -> list[Any]:
    element = data.get(tag)
    if not isinstance(element, Mapping):
        return []
    value = element.get("Value")
    return value if isinstance(value, list) else []


def inside(data: Mapping[str, Any], tag: str) -> tuple[Mapping[str, Any], ...]:
    """The items of a sequence; whatever is none is left out."""
    return tuple(one for one in _values(data, tag)[:4096] if isinstance(one, Mapping))


def texts(data: Mapping[str, Any], tag: str) -> tuple[SafeText, ...]:
    """All values of an element as cleaned text; a person's name by its first filled component group."""
    out = []
    for value in _values(data, tag)[:256]:
        if isinstance(value, Mapping):
            value = value.get("Alphabetic") or value.get("Ideographic") or value.get("Phonetic")
        if isinstance(value, str | int | float):
            out.append(clean(str(value).strip(), limit=1024))
    return tuple(out)


def words(data: Mapping[str, Any], tag: str) -> SafeText:
    """The first value, or the empty text."""
    return next(iter(texts(data, tag)), EMPTY)


def uid(data: Mapping[str, Any], tag: str) -> str:
    """The first value as it stands, cleaned, at most 80 characters: whoever uses it checks what it is."""
    return str(clean(words(data, tag), limit=80))


def integer(data: Mapping[str, Any], tag: str) -> int | None:
    """The first value as a number; None where it is none (IS comes as a text from some servers)."""
    value = words(data, tag)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
