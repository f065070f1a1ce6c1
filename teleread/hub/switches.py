"""Tables of switches in a hub file: how one worklist differs from another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import tzinfo
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from teleread.model.errors import UsageError
from teleread.model.hubfile import HubFile

__all__ = ["Switches", "read_switches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What every such table has."""

    timezone: str = ""
    """Of times that name none, such as ``Europe/London``; without it they stay unknown."""
    charset: str = ""
    """Over DIMSE: the Specific Character Set of answers that name none, such as ``ISO_IR 192`` (UTF-8)."""

    @property
    def zone(self) -> tzinfo | None:
        """`timezone` as such."""
        return ZoneInfo(self.timezone) if self.timezone else None


T = TypeVar("T", bound=Switches)


def read_switches(
    hub: HubFile, table: str, kind: type[T], told: Mapping[str, Any], lacks: Callable[[str, Any], str]
) -> T:
    """Read a table of the hub file.

    Args:
        hub: The hub file, for words.
        table: The table's name.
        kind: What it is read as; each switch is named as a field of it, and has its default's type.
        told: The table.
        lacks: What a value of the right type may be instead, in words; empty where it is good.

    Raises:
        UsageError: A switch is not known, or has a value it can't have.
    """
    known: dict[str, Any] = {one.name: one.default for one in fields(kind)}

    def wrong(name: str, remedy: str) -> UsageError:
        code = table.replace("_", "-")
        return UsageError(
            f"Hub file {hub.name}: {table} has a {name} that is none.", remedy=remedy, code=code
        )

    for name, value in told.items():
        if name not in known or type(value) is not type(known[name]):
            raise wrong(name, f"The switches are {', '.join(known)}.")
        if remedy := lacks(name, value):
            raise wrong(name, remedy)
    switches = kind(**told)
    try:
        switches.zone  # noqa: B018 - whether there is one of that name
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise wrong("timezone", "It is a name such as Europe/London.") from None
    return switches
