"""The whole worklist in memory, in order, kept up by what moved in the vault since it was last looked at."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from teleread.model.hubfile import HubFile
from teleread.model.task import TaskKey

from .api import WorklistItem
from .joining import Join, share_used
from .outlook import Ready
from .query import order_key

if TYPE_CHECKING:
    from .core import Core

__all__ = ["Listing"]

K = TypeVar("K")
V = TypeVar("V")

ANEW_FROM: Final = 1500
"""Lines that moved from which all are put in order again, not one by one."""
AGED_SECONDS: Final = 60.0
"""How old the shares of time used may become."""


class Listing:
    """Every line as screens show it; equal to a fresh look at the vault after each `refresh`.

    A line is made anew only where its row, its study, its draft, its report, or whether its priors are here
    has changed; all others stay the same objects, so that who shows them can tell by identity.

    Args:
        core: The open profile.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._guard = threading.Lock()
        self._hubs: tuple[HubFile, ...] | None = None
        self._seen: tuple[int, tuple[int, int]] | None = None
        """This thread, and what its connection says of the vault: another thread's numbers are others."""
        self._moves = (0, 0)
        self._studies: Mapping[tuple[str, str], tuple[int, int | None]] = {}
        self._drafts: Mapping[TaskKey, str] = {}
        self._reports: Mapping[TaskKey, str] = {}
        self._lines: dict[TaskKey, WorklistItem] = {}
        self._order: list[WorklistItem] = []
        self._waiting: set[TaskKey] = set()
        """Lines that may be read and are whole here: whether their priors are here too is looked up."""
        self._moved_at = self._aged_at = float("-inf")

    def items(self) -> list[WorklistItem]:
        """Every line as it is now, stat first, then due; the list is the caller's own."""
        with self._guard:
            self._refresh()
            return self._order.copy()

    def _refresh(self) -> None:
        vault, hubs, now = self._core.vault, self._core.hubs, self._core.clock.monotonic()
        seen = (threading.get_ident(), vault.data_version())
        if hubs is not self._hubs or seen != self._seen:
            self._moved_at = now
            moves = vault.worklist.moves()
            if hubs is not self._hubs or moves[0] < self._moves[0] or moves[1] != self._moves[1]:
                self._moves, self._hubs = moves, hubs
                self._read_all()
            else:
                self._put(self._moved_keys(moves[0]))
            self._seen = seen
        self._look_for_priors()
        if now - self._aged_at >= AGED_SECONDS:
            self._aged_at = now
            self._age()

    # -- reading ----------------------------------------------------------------------------------
    def _join(self) -> Join:
        return Join(self._core, self._drafts, self._reports, self._priors_here)

    def _priors_here(self, key: TaskKey) -> bool:
        """Asked of a line that is made anew: what was known of it, until it is looked at again."""
        self._waiting.add(key)
        known = self._lines.get(key)
        return known is not None and known.cached == "all" and known.priors_ready

    def _read_all(self) -> None:
        self._take_columns()
        self._waiting.clear()
        join = self._join()
        rows = self._core.vault.worklist.every()
        self._lines = {one.key: one for one in (join.item(row) for row in rows if row.hub_id in join.hubs)}
        self._order = sorted(self._lines.values(), key=order_key)
        self._aged_at = self._core.clock.monotonic()

    def _take_columns(self) -> None:
        vault = self._core.vault
        self._studies = vault.studies.counts()
        self._drafts, self._reports = vault.drafts.open_ids(), vault.reports.states()

    def _moved_keys(self, number: int) -> set[TaskKey]:
        """Lines of which anything that a list shows has changed; the columns are the new ones afterwards."""
        store = self._core.vault.worklist
        studies, drafts, reports = self._studies, self._drafts, self._reports
        moved = {row.key for row in store.moved_since(self._moves[0])}
        self._moves = (number, self._moves[1])
        self._take_columns()
        for study in _changed(studies, self._studies):
            moved.update(store.tasks_of_study(*study))
        return moved | _changed(drafts, self._drafts) | _changed(reports, self._reports)

    # -- putting into place -----------------------------------------------------------------------
    def _put(self, keys: set[TaskKey]) -> None:
        join, anew = self._join(), len(keys) > ANEW_FROM
        for row in filter(None, map(self._core.vault.worklist.row, keys)):
            if row.hub_id not in join.hubs:
                continue
            self._waiting.discard(row.key)
            item, old = join.item(row), self._lines.get(row.key)
            if old is not None and item == replace(old, due_used=item.due_used):
                continue  # time alone has gone on
            self._lines[item.key] = item
            if not anew:
                self._place(old, item)
        if anew:
            self._order = sorted(self._lines.values(), key=order_key)

    def _place(self, old: WorklistItem | None, item: WorklistItem) -> None:
        if old is None:
            insort(self._order, item, key=order_key)
            return
        at = self._index(old)
        if order_key(old) == order_key(item):
            self._order[at] = item
        else:
            del self._order[at]
            insort(self._order, item, key=order_key)

    def _index(self, item: WorklistItem) -> int:
        """Where a line stands; several of one key are told apart by who they are."""
        at = bisect_left(self._order, order_key(item), key=order_key)
        while self._order[at] is not item:
            at += 1
        return at

    def _swap(self, old: WorklistItem, item: WorklistItem) -> None:
        self._order[self._index(old)] = self._lines[item.key] = item

    # -- what is looked up, and what time alone changes -------------------------------------------
    def _look_for_priors(self) -> None:
        """From the top down, so many each time; what was looked up since the vault moved stands."""
        known = self._core.ready
        old = [key for key in self._waiting if key not in known or known[key][0] <= self._moved_at]
        if not old:
            return
        ready = Ready(self._core)
        for item in sorted((self._lines[key] for key in old), key=order_key):
            here = ready(item.key)
            if here != item.priors_ready:
                self._swap(item, replace(item, priors_ready=here))

    def _age(self) -> None:
        now = self._core.clock.now()
        for place, item in enumerate(self._order):
            used = share_used(item.priority, item.due, now)
            if used is not None and item.due_used is not None and int(4 * used) != int(4 * item.due_used):
                self._order[place] = self._lines[item.key] = replace(item, due_used=used)


def _changed(before: Mapping[K, V], after: Mapping[K, V]) -> set[K]:
    """Names whose value is another one now, that are gone, or that are new."""
    if before == after:
        return set()
    gone = before.keys() - after.keys()
    return gone | {key for key, value in after.items() if before.get(key, before) != value}
