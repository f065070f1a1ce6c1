"""The worklist: light rows of the vault joined with drafts and reports, filtered and sorted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from teleread.model.errors import UsageError
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText

from .api import WorklistItem
from .core import Core
from .outlook import Ready
from .query import order_key, parse_query

if TYPE_CHECKING:
    from teleread.vault.worklist import WorklistRow

__all__ = ["OPEN_STATES", "age_seconds", "is_mine", "item", "items"]

OPEN_STATES: Final = frozenset({"requested", "received", "accepted", "ready", "in-progress"})
"""Task states in which a report can still be signed."""

TARGETS: Final = {"stat": 3600.0, "urgent": 4 * 3600.0, "asap": 24 * 3600.0, "routine": 72 * 3600.0}
"""Turnaround in seconds that ``due_used`` counts against where the hub does not say when it began."""


def items(core: Core, query: str = "", limit: int | None = None) -> Sequence[WorklistItem]:
    """Rows that match, stat first, then due.

    Raises:
        UsageError: The query can't be read.
    """
    now = core.clock.now()
    wanted = parse_query(query, now)
    join = _Join(core, now)
    rows = [join.item(row) for row in core.vault.worklist.items() if row.hub_id in join.hubs]
    found = sorted((one for one in rows if wanted.matches(one)), key=order_key)
    return found if limit is None else found[:limit]


def item(core: Core, key: TaskKey) -> WorklistItem:
    """One row.

    Raises:
        UsageError: It is not in the worklist.
    """
    row = core.vault.worklist.row(key)
    if row is None:
        raise UsageError(
            "That task is not in the worklist.", remedy="teleread sync asks the hubs.", code="no-task"
        )
    return _Join(core, core.clock.now()).item(row)


def age_seconds(core: Core) -> float | None:
    """Age of the oldest pull over all hubs; None before the first of any."""
    pulls = [core.vault.worklist.hub_state(hub.hub_id).last_pull_at for hub in core.hubs]
    if not pulls or any(one is None for one in pulls):
        return None
    oldest = min(one for one in pulls if one is not None)
    return max(0.0, (core.clock.now() - oldest).total_seconds())


def is_mine(hub: HubFile, owner: str) -> bool:
    """Whether a task's owner, a reference or an identifier, is this reader."""
    if not owner or not hub.reader_id:
        return False
    mine = hub.reader_reference
    return owner in {mine, hub.reader_id} or owner.endswith("/" + mine)


class _Join:
    """What one look at the vault needs to turn a row into an item."""

    def __init__(self, core: Core, now: datetime) -> None:
        self.hubs = {hub.hub_id: (hub, SafeText(hub.name)) for hub in core.hubs}
        self._core = core
        self._now = now
        self._drafts = core.vault.drafts.open_ids()
        self._reports = core.vault.reports.states()
        self._ready = Ready(core)

    def item(self, row: WorklistRow) -> WorklistItem:
        hub, name = self.hubs[row.hub_id]
        key = TaskKey(row.hub_id, row.task_id)
        mine = is_mine(hub, row.owner)
        draft = self._drafts.get(key)
        report = self._reports.get(key)
        why_not = self._why_not(hub, row, key, mine, report)
        return WorklistItem(
            key=key,
            task=f"{name}:{row.task_id}",
            hub=name,
            state=row.status,
            mine=mine,
            signable=not why_not,
            why_not=why_not,
            priority=row.priority,
            due=row.due,
            due_used=self._used(row),
            name=row.patient_name,
            patient_id=row.patient_id,
            issuer=row.issuer,
            birth_date=row.birth_date,
            sex=row.sex,
            nhs_number=row.nhs_number,
            nhs_status=row.nhs_status,
            accession=row.accession,
            procedure=row.procedure,
            modality=row.modality,
            site=row.site,
            study_uid=row.study_uid,
            instances=row.instances,
            held=row.held,
            cached=row.cached,
            priors_ready=row.cached == "all" and (not self._to_read(row, mine) or self._ready(key)),
            draft=draft,
            report_state=report or ("draft" if draft else None),
            owner_name=row.owner_name,
        )

    @staticmethod
    def _to_read(row: WorklistRow, mine: bool) -> bool:
        """Whether the reader may still read it: only then its priors matter."""
        return row.status in OPEN_STATES and (mine or not row.owner)

    def _used(self, row: WorklistRow) -> float | None:
        if row.due is None:
            return None
        target = TARGETS.get(row.priority, TARGETS["routine"])
        return max(0.0, 1.0 - (row.due - self._now).total_seconds() / target)

    def _why_not(
        self, hub: HubFile, row: WorklistRow, key: TaskKey, mine: bool, report: str | None
    ) -> SafeText:
        if report in {"signed", "issued"}:
            return _REPORTED
        if row.status not in OPEN_STATES:
            return SafeText(f"the task is {row.status}")
        if row.owner and not mine:
            return SafeText(f"{row.owner_name or 'somebody else'} has it")
        if "sign" not in hub.rights:
            return _NO_RIGHT
        if not row.order_status:
            return _NO_ORDER
        if row.held:
            from .rightness import known_stop

            return known_stop(self._core, key, row.held)
        return EMPTY


_REPORTED: Final = SafeText("it is reported")
_NO_ORDER: Final = SafeText("it names no order that can be read")
_NO_RIGHT: Final = SafeText("you may not sign at this hub")
