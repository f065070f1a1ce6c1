"""How a read object travels from a decode child, and how it is checked on arrival.

The types of `objects` say what each value can be; whatever does not fit makes the whole answer broken, since
a child that fell to a hostile file must not be believed.
"""

from __future__ import annotations

import math
import types
import typing
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Final, Union, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from teleread.model.text import SafeText, clean

from . import objects
from .frames import LookupTable, Window

__all__ = ["pack_object", "unpack_object"]

_KINDS: Final = {
    one.__name__: one for one in (objects.Document, objects.Presentation, objects.Waveform, objects.Contours)
}
_LONG: Final = {("Line", "text"): 400_000, ("TextMark", "text"): 4000}
"""Texts that may hold line breaks, and the longest of each."""
_SHORT: Final = 1000
_MOST: Final = 1 << 62


def pack_object(found: objects.ReadObject) -> tuple[dict[str, Any], list[memoryview]]:
    """A read object as a message.

    Args:
        found: What was read.
    """
    blobs: list[memoryview] = []
    return {"kind": "object", "type": type(found).__name__, "object": _plain(found, blobs)}, blobs


def _plain(value: Any, blobs: list[memoryview]) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name), blobs) for one in fields(value)}
    if isinstance(value, tuple):
        return [_plain(one, blobs) for one in value]
    if isinstance(value, np.ndarray):
        blobs.append(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
        return list(value.shape)
    return value


def unpack_object(head: dict[str, Any], blob: bytearray) -> objects.ReadObject:
    """Build what a child answered.

    Args:
        head: The JSON part.
        blob: The raw part: all arrays, in order.

    Raises:
        ValueError: A value is not what it can be (KeyError and TypeError alike).
    """
    reader = _Reader(blob)
    found: objects.ReadObject = reader.value(_KINDS[head["type"]], head["object"], ("", ""))
    if reader.at != len(blob):
        raise ValueError("bytes are left over")
    return found


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind, localns={"numpy": np, "NDArray": NDArray})


class _Reader:
    def __init__(self, blob: bytearray) -> None:
        self.blob = blob
        self.at = 0

    def value(self, hint: Any, value: Any, place: tuple[str, str]) -> Any:
        origin = get_origin(hint)
        if origin in (Union, types.UnionType):
            [kind] = [one for one in get_args(hint) if one is not type(None)]
            return None if value is None else self.value(kind, value, place)
        if hint is Any or origin is np.ndarray:
            return self._array(value, np.float32 if hint is Any else np.uint16)
        if origin is tuple:
            return self._tuple(get_args(hint), value, place)
        if is_dataclass(hint):
            return self._dataclass(hint, value)
        return _single(hint, value, place)

    def _dataclass(self, kind: Any, value: Any) -> Any:
        hints = _hints(kind)
        if not isinstance(value, dict) or set(value) != set(hints):
            raise ValueError("fields")
        name = kind.__name__
        made = kind(**{one: self.value(hint, value[one], (name, one)) for one, hint in hints.items()})
        _check(made)
        return made

    def _tuple(self, hints: tuple[Any, ...], value: Any, place: tuple[str, str]) -> Any:
        if not isinstance(value, list):
            raise ValueError("no list")
        if len(hints) == 2 and hints[1] is Ellipsis:
            return tuple(self.value(hints[0], one, place) for one in value)
        if len(value) != len(hints):
            raise ValueError("length")
        return tuple(self.value(hint, one, place) for hint, one in zip(hints, value, strict=True))

    def _array(self, shape: Any, dtype: Any) -> NDArray[Any]:
        sizes = [_single(int, size, ("", "")) for size in shape]
        count = math.prod(sizes)
        if min(sizes, default=0) < 0 or not 1 <= len(sizes) <= 2:
            raise ValueError("shape")
        found = np.frombuffer(self.blob, dtype, count, self.at) if count else np.zeros(0, dtype)
        self.at += found.nbytes
        return found.reshape(sizes)


def _single(hint: Any, value: Any, place: tuple[str, str]) -> Any:
    if hint is float:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError("no number")
        return float(value)
    if hint is bool or hint is int:
        if type(value) is not hint or not -_MOST < value < _MOST:
            raise ValueError("no whole number")
        return value
    if not isinstance(value, str) or hint not in (str, SafeText):
        raise ValueError("no text")
    text = clean(value, multiline=place in _LONG, limit=_LONG.get(place, _SHORT))
    return text if hint is SafeText else str(text)


def _check(made: Any) -> None:
    """What a type alone does not say."""
    if isinstance(made, Window) and not made.width > 0:
        raise ValueError("width")
    if isinstance(made, LookupTable) and not (len(made.values) and 1 <= made.bits <= 16):
        raise ValueError("table")
    if isinstance(made, objects.Channel) and not (made.rate > 0 and made.samples.ndim == 1):
        raise ValueError("channel")
    if isinstance(made, objects.Contour) and made.points.shape[1:] != (3,):
        raise ValueError("points")
    if isinstance(made, objects.Contours) and any(
        not 0 <= one.roi < len(made.names) or len(made.colours) != len(made.names) for one in made.contours
    ):
        raise ValueError("structure")
