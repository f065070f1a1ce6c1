"""When to try again: full jitter, and what a hub asked for. Only jitter comes from a seedable generator."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from teleread.model.delivery import Receipt
    from teleread.model.task import PriorReport

__all__ = ["LONGEST_WAIT", "Extras", "base_of", "next_try", "same_id"]

BASE_SECONDS: Final = 2.0
CAP_SECONDS: Final = 15 * 60.0
LONGEST_WAIT: Final = timedelta(hours=7)
"""A hub may ask for six hours. What lies further ahead was written before the clock was set back."""


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


_SHOWN: Final = 50_000
"""Most characters of somebody else's report kept with an item."""


def base_of(held: Receipt) -> str:
    """Id and version of what the hub holds, as `Extras.met` keeps it."""
    return f"{held.id} {held.version}"


def same_id(one: str, other: str) -> bool:
    """Whether two ids name one report, with its type before it (``DiagnosticReport/17``) or without."""
    return one.rpartition("/")[2] == other.rpartition("/")[2]


def _whole(one: PriorReport) -> str:
    """A report's words; its conclusion first where the text does not hold it: it may be what was changed."""
    text, conclusion = one.text, one.conclusion
    if not text or " ".join(conclusion.split()) in " ".join(text.split()):
        return text or conclusion
    return f"Conclusion: {conclusion}\n\n{text}"


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

    def waits(self, now: datetime) -> bool:
        """Whether the hub wants not to be asked yet."""
        value = self._values.get("wait_until")
        if not isinstance(value, str):
            return False
        return timedelta(0) < datetime.fromisoformat(value) - now <= LONGEST_WAIT

    @property
    def theirs(self) -> tuple[Mapping[str, str], ...]:
        """Others' reports the reader was shown: ``id``, ``author``, ``issued``, ``text`` each."""
        found = self._values.get("theirs", ())
        return tuple({str(key): str(value) for key, value in one.items()} for one in found)

    @property
    def answered(self) -> frozenset[str]:
        """Ids of others' reports the reader has decided to write beside."""
        return frozenset(str(one) for one in self._values.get("answered", ()))

    def settle(self, *rules: str, note: str = "") -> Extras:
        """The reader decided about rules."""
        more: dict[str, Any] = {"settled": sorted({*self.settled, *rules})}
        return self._with(**more, **({"note": note} if note else {}))

    def shown(self, others: Iterable[PriorReport]) -> Extras:
        """What others issued is put before the reader."""
        theirs = [
            {
                "id": one.id,
                "author": one.author,
                "issued": one.issued.isoformat() if one.issued else "",
                "text": _whole(one)[:_SHOWN],
            }
            for one in others
        ]
        return self._with(theirs=theirs)

    def answer(self) -> Extras:
        """The reader writes beside what was shown: that is no news for the next report on the case."""
        return self._with(answered=sorted({*self.answered, *(one["id"] for one in self.theirs)}))

    def met(self, base: str) -> Extras:
        """The hub's version of the report this one was written on is another than was signed on.

        Args:
            base: Id and version of it at the hub.
        """
        return self._with(base=base)

    def read_base(self) -> Extras:
        """The reader has read it: the next version may be sent on top of it."""
        return self._with(base_read=self.get("base"))

    def going_as(self, how: str) -> Extras:
        """It goes out in another way: ``preliminary``."""
        return self._with(**{"as": how})

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
