"""Which rows a filter lets through, remembered by the rows themselves: only new ones are asked.

Rows that did not change stay the same objects (`teleread.workstation.listing`), so they are told apart by
identity; ten thousand of them are gone through in a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import compress
from operator import is_not
from typing import Final

from teleread.workstation.api import WorklistItem
from teleread.workstation.query import parse_query

__all__ = ["STRETCH", "Sieve", "in_place", "new_among"]

STRETCH: Final = 400
"""Rows asked at once; a key comes in between."""
FEW: Final = 64
"""Places with another row than before up to which only those are looked at."""
TIMED: Final = timedelta(seconds=15)
"""How old an answer of a filter of time may be."""


class Sieve:
    """One filter over the rows of the worklist.

    Args:
        text: The filter, in the worklist's QUERY language.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._asked: set[int] = set()
        self._passing: set[int] = set()
        self._held: Sequence[WorklistItem] = ()
        """The rows asked last, so that no new row is ever taken for one that is gone."""
        self._since: datetime | None = None
        """When a filter of time began to ask."""

    def steps(self, rows: Sequence[WorklistItem], now: datetime) -> Iterator[None]:
        """Ask the rows that are new, a stretch at a time; may be left at any step and begun again.

        Args:
            rows: All rows as they are.
            now: What ``due`` counts from, UTC; a filter of time asks every row anew, four times a minute.

        Raises:
            UsageError: The filter can't be read.
        """
        query = parse_query(self.text, now)
        if query.timed and (self._since is None or not timedelta(0) <= now - self._since < TIMED):
            self._asked, self._passing, self._since = set(), set(), now
        todo = self._unasked(rows)
        for start in range(0, len(todo), STRETCH):
            stretch = todo[start : start + STRETCH]
            self._passing.update(id(row) for row in stretch if query.matches(row))
            self._asked.update(map(id, stretch))
            yield

    def _unasked(self, rows: Sequence[WorklistItem]) -> Sequence[WorklistItem]:
        """Forget the rows that are gone; those that were not asked yet."""
        moved = _moved(self._held, rows) if len(self._asked) == len(self._held) else None
        self._held = list(rows)
        if moved is not None:
            gone = set(map(id, moved[0]))
            self._asked -= gone
            self._passing -= gone
            return moved[1]
        here = set(map(id, rows))
        self._asked &= here
        self._passing &= here
        fresh = here - self._asked
        return [row for row in rows if id(row) in fresh] if fresh else []

    def passing(self, rows: Sequence[WorklistItem], now: datetime) -> list[WorklistItem]:
        """The rows it lets through, in their order.

        Raises:
            UsageError: The filter can't be read.
        """
        if not self.text.strip():
            return list(rows)
        for _ in self.steps(rows, now):
            pass
        return [row for row in rows if id(row) in self._passing]

    @property
    def count(self) -> int:
        """How many it let through when it was asked last."""
        return len(self._passing)


def _moved(
    before: Sequence[WorklistItem], rows: Sequence[WorklistItem]
) -> tuple[list[WorklistItem], list[WorklistItem]] | None:
    """(gone, come) where only a few places have another row than before; None where many have."""
    if len(before) != len(rows):
        return None
    places = list(compress(range(len(rows)), map(is_not, before, rows)))
    if len(places) > FEW:
        return None
    left = {id(before[place]) for place in places}
    came = {id(rows[place]) for place in places}
    gone = [before[place] for place in places if id(before[place]) not in came]
    return gone, [rows[place] for place in places if id(rows[place]) not in left]


def new_among(rows: Sequence[WorklistItem], before: Sequence[WorklistItem]) -> list[WorklistItem]:
    """Rows whose case was not among the rows before; a case that only changed is not new."""
    few = _moved(before, rows)
    if few is not None:
        keys = {row.key for row in few[0]}
        return [row for row in few[1] if row.key not in keys]
    known = set(map(id, before))
    here = set(map(id, rows))
    changed = [row for row in rows if id(row) not in known]
    gone = {row.key for row in before if id(row) not in here} if changed else set()
    return [row for row in changed if row.key not in gone]


def in_place(rows: Sequence[WorklistItem], shown: Sequence[WorklistItem]) -> list[WorklistItem]:
    """The rows, those that are on the screen at their places there, the others behind them in their order."""
    if len(rows) == len(shown):
        places = list(compress(range(len(rows)), map(is_not, shown, rows)))
        if len(places) <= FEW and all(shown[place].key == rows[place].key for place in places):
            return list(rows)
    here, there = set(map(id, rows)), set(map(id, shown))
    others = {row.key: row for row in rows if id(row) not in there}
    kept: list[WorklistItem] = []
    for row in shown:
        if id(row) in here:
            kept.append(row)
        elif others and (now := others.pop(row.key, None)) is not None:
            kept.append(now)
    return [*kept, *others.values()]
