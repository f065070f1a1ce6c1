"""Model values to JSON text and back, for the columns that hold a whole value."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from teleread.model.errors import IntegrityError
from teleread.model.text import SafeText

__all__ = ["dumps", "loads", "stamp", "stamp_or_none", "unstamp", "unstamp_or_none"]

T = TypeVar("T")
_Reader = Callable[[Any], Any]


def stamp(moment: datetime) -> str:
    """A moment as every column keeps it: UTC, microseconds, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stamp_or_none(moment: datetime | None) -> str | None:
    """As `stamp`; None stays None."""
    return None if moment is None else stamp(moment)


def unstamp(text: str) -> datetime:
    """What `stamp` wrote."""
    return datetime.fromisoformat(text)


def unstamp_or_none(text: str | None) -> datetime | None:
    """As `unstamp`; None stays None."""
    return None if text is None else datetime.fromisoformat(text)


def dumps(value: object) -> str:
    """Compact JSON of a dataclass, or of JSON values; keys sorted, so equal values give equal text."""
    return json.dumps(value, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def loads(kind: type[T], text: str | bytes) -> T:
    """A dataclass from what `dumps` wrote; fields it did not have yet get their defaults.

    Raises:
        IntegrityError: It is something else.
    """
    try:
        value: T = _reader(typing.cast(Hashable, kind))(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise IntegrityError("A row of the vault can't be read.", code="row-unreadable") from None
    return value


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return stamp(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


@cache
def _reader(kind: Hashable) -> _Reader:
    """A function that builds values of that type from JSON ones; made once a type."""
    if kind in _LEAVES:
        return _LEAVES[kind]
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _optional(kind)
    if origin is tuple:
        return _tuple(get_args(kind))
    if origin in (dict, Mapping):
        return dict
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    raise TypeError(f"no JSON form for {kind}")


def _itself(value: Any) -> Any:
    return value


_LEAVES: dict[Any, _Reader] = {
    str: _itself,
    int: _itself,
    float: float,
    bool: _itself,
    typing.Any: _itself,
    SafeText: SafeText,
    datetime: unstamp,
    dict: _itself,
}


def _optional(kind: Any) -> _Reader:
    inner = [one for one in get_args(kind) if one is not type(None)]
    if len(inner) != 1:
        raise TypeError(f"no JSON form for {kind}")
    read = _reader(inner[0])
    return lambda value: None if value is None else read(value)


def _tuple(arguments: tuple[Any, ...]) -> _Reader:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        read = _reader(arguments[0])
        return lambda value: tuple([read(one) for one in value])
    reads = [_reader(one) for one in arguments]
    return lambda value: tuple(read(one) for read, one in zip(reads, value, strict=True))


def _dataclass(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    reads = {one.name: _reader(hints[one.name]) for one in dataclasses.fields(kind) if one.init}
    return lambda value: kind(**{name: reads[name](one) for name, one in value.items() if name in reads})
