"""What an absence brought: each change of a task is put into words once, when it is first seen after it.

Pure functions over what the mirror held and what the hub says now; the pull keeps what they find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from teleread.model.task import TaskContext
from teleread.sync.rules import FREE, OVER, REVOKED

__all__ = ["AWAY", "URGENT", "WORDS", "Change", "away_since", "news_of", "sentence"]

AWAY: Final = timedelta(minutes=10)
"""So long without asking a hub is an absence even where no try failed: the machine slept."""
URGENT: Final = frozenset({"stat", "urgent"})
"""Priorities that are told as urgent (FHIR request-priority)."""

WORDS: Final = {
    "cancelled": "cancelled",
    "reported": "reported by another",
    "reassigned": "given to somebody else",
    "lapsed": "no longer claimed",
    "patient": "with a corrected patient",
    "amended": "amended",
    "images": "with new images",
    "new-urgent": "new urgent",
    "new": "new",
}
"""What moved, in the order it is told."""


@dataclass(frozen=True, slots=True)
class Change:
    """One task before and after."""

    before: TaskContext | None
    """As the mirror held it; None for a task never seen."""
    now: TaskContext
    reader: str
    """The reader's reference at this hub."""
    in_hand: bool
    """Claimed, drafted or signed here: only of these every change is told."""
    sent: bool = False
    """A report of ours is on its way or there: that the task is done is no news."""


def away_since(now: datetime, last_pull: datetime | None, offline: datetime | None) -> datetime | None:
    """When the absence began that ends with this pull; None where there was none, or at the first pull."""
    if last_pull is None:
        return None
    if offline is not None:
        return min(last_pull, offline)
    return last_pull if now - last_pull > AWAY else None


def news_of(change: Change) -> tuple[str, ...]:
    """What is to be told of a change: keys of `WORDS`; one of an end or an owner, and what else moved."""
    if change.before is None:
        return _arrived(change.now)
    if not change.in_hand:
        return ()
    end = next((what for what, holds in _ENDS if holds(change.before, change.now, change)), "")
    if end in {"cancelled", "reported"}:
        return (end,)
    more = tuple(what for what, differs in _MORE if differs(change.before, change.now))
    return (end, *more) if end else more


def _arrived(now: TaskContext) -> tuple[str, ...]:
    if now.task.owner or now.task.status not in FREE:
        return ()
    return ("new-urgent" if now.task.priority in URGENT else "new",)


def _cancelled(before: TaskContext, now: TaskContext, change: Change) -> bool:
    def over(one: TaskContext) -> bool:
        return one.task.status in OVER or one.order.status in REVOKED

    return over(now) and not over(before)


def _reported(before: TaskContext, now: TaskContext, change: Change) -> bool:
    return now.task.status == "completed" != before.task.status and not change.sent


def _reassigned(before: TaskContext, now: TaskContext, change: Change) -> bool:
    return now.task.owner not in {"", change.reader, before.task.owner}


def _lapsed(before: TaskContext, now: TaskContext, change: Change) -> bool:
    return before.task.owner == change.reader != "" and not now.task.owner


def _patient(before: TaskContext, now: TaskContext) -> bool:
    def who(one: TaskContext) -> tuple[object, ...]:
        patient = one.patient
        return patient.id, patient.name, patient.birth_date, patient.sex, patient.active

    return who(before) != who(now)


def _amended(before: TaskContext, now: TaskContext) -> bool:
    def what(one: TaskContext) -> tuple[object, ...]:
        order = one.order
        asked = order.procedure, order.procedure_code, order.body_part, order.laterality, order.question
        return (*asked, order.accessions)

    return what(before) != what(now)


def _images(before: TaskContext, now: TaskContext) -> bool:
    then = before.study.instances if before.study else None
    told = now.study.instances if now.study else None
    return told is not None and told > (then or 0)


_ENDS: Final[tuple[tuple[str, Callable[[TaskContext, TaskContext, Change], bool]], ...]] = (
    ("cancelled", _cancelled),
    ("reported", _reported),
    ("reassigned", _reassigned),
    ("lapsed", _lapsed),
)
_MORE: Final[tuple[tuple[str, Callable[[TaskContext, TaskContext], bool]], ...]] = (
    ("patient", _patient),
    ("amended", _amended),
    ("images", _images),
)


def sentence(found: Iterable[str]) -> str:
    """``2 cancelled, 1 reported by another, 3 new urgent``; empty for nothing. Counts alone, no names.

    Args:
        found: Keys of `WORDS`, as often as they happened.
    """
    told = list(found)
    return ", ".join(f"{told.count(what)} {words}" for what, words in WORDS.items() if what in told)
