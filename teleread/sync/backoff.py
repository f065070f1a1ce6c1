"""When to try again: full jitter, and what a hub asked for. Only jitter comes from a seedable generator."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any, Final

__all__ = ["Extras", "next_try"]

BASE_SECONDS: Final = 2.0
CAP_SECONDS: Final = 15 * 60.0


def next_try(now: datetime, attempts: int, dice: random.Random, asked: float | None = None) -> datetime:
    """The time of the next try: anywhere up to a bound that doubles, and never before what was asked for.

    Args:
        now: UTC.
        attempts: Tries so far.
        dice: Jitter.
        asked: Seconds of a Retry-After.
    """
    bound = min(CAP_SECONDS, BASE_SECONDS * 2 ** min(max(attempts, 1), 20))
    return now + timedelta(seconds=max(dice.uniform(0, bound), asked or 0.0))


class Extras:
    """What an outbox item carries besides, as its JSON payload: choices made, a note, a hub's wish to wait.

    Args:
        payload: As stored; empty for nothing.
    """

    def __init__(self, payload: str) -> None:
        values = json.loads(payload) if payload else {}
        self._values: dict[str, Any] = values if isinstance(values, dict) else {}

    @property
    def settled(self) -> frozenset[str]:
        """Rules the reader has decided about."""
        return frozenset(str(one) for one in self._values.get("settled", ()))

    @property
    def note(self) -> str:
        """What the reader adds for the hub."""
        return str(self._values.get("note", ""))

    @property
    def wait_until(self) -> datetime | None:
        """Before this the hub wants not to be asked."""
        value = self._values.get("wait_until")
        return datetime.fromisoformat(value) if isinstance(value, str) else None

    def settle(self, rule: str, note: str = "") -> Extras:
        """The reader decided about a rule."""
        more: dict[str, Any] = {"settled": sorted({*self.settled, rule})}
        return self._with(**more, **({"note": note} if note else {}))

    def waiting(self, until: datetime | None) -> Extras:
        """The hub asked for time; None once it is over."""
        return self._with(wait_until=until.isoformat() if until else None)

    def get(self, name: str) -> str:
        """Another value; empty where there is none."""
        return str(self._values.get(name) or "")

    def _with(self, **more: Any) -> Extras:
        values = {**self._values, **more}
        return Extras(json.dumps({key: one for key, one in values.items() if one is not None}))

    def __str__(self) -> str:
        return json.dumps(self._values, separators=(",", ":"), sort_keys=True) if self._values else ""
