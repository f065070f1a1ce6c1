"""One line of the worklist: a light row of the vault joined with its draft, its report and its priors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from teleread.model.hubfile import HubFile
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText
from teleread.signing.rights import denied

from .api import WorklistItem
from .rightness import known_stop, rights_outlived

if TYPE_CHECKING:
    from teleread.vault.worklist import WorklistRow

    from .core import Core

__all__ = ["OPEN_STATES", "Join", "is_mine", "share_used"]

OPEN_STATES: Final = frozenset({"requested", "received", "accepted", "ready", "in-progress"})
"""Task states in which a report can still be signed."""

TARGETS: Final = {"stat": 3600.0, "urgent": 4 * 3600.0, "asap": 24 * 3600.0, "routine": 72 * 3600.0}
"""Turnaround in seconds that ``due_used`` counts against where the hub does not say when it began."""


def is_mine(hub: HubFile, owner: str) -> bool:
    """Whether a task's owner, a reference or an identifier, is this reader."""
    if not owner or not hub.reader_id:
        return False
    mine = hub.reader_reference
    return owner in {mine, hub.reader_id} or owner.endswith("/" + mine)


def share_used(priority: str, due: datetime | None, now: datetime) -> float | None:
    """Share of the turnaround that is used, 0 to 1 and more; None where nothing is due."""
    if due is None:
        return None
    target = TARGETS.get(priority, TARGETS["routine"])
    return max(0.0, 1.0 - (due - now).total_seconds() / target)


class Join:
    """What one look at the vault needs to turn a row into an item.

    Args:
        core: The open profile.
        drafts: Tasks with an open draft.
        reports: State of the last report on every task.
        ready: Whether the priors of a task are here; asked of lines alone that may still be read and whose
            own images are all here.
    """

    def __init__(
        self,
        core: Core,
        drafts: Mapping[TaskKey, str],
        reports: Mapping[TaskKey, str],
        ready: Callable[[TaskKey], bool],
    ) -> None:
        self.hubs = {hub.hub_id: (hub, SafeText(hub.name)) for hub in core.hubs}
        self._core = core
        self._now = core.clock.now()
        self._outlived = {hub.hub_id for hub in core.hubs if rights_outlived(core, hub)}
        self._drafts, self._reports, self._ready = drafts, reports, ready

    def item(self, row: WorklistRow) -> WorklistItem:
        """A row of one of the profile's hubs, as lists show it."""
        hub, name = self.hubs[row.hub_id]
        key = TaskKey(row.hub_id, row.task_id)
        mine = is_mine(hub, row.owner)
        draft = self._drafts.get(key)
        report = self._reports.get(key)
        cached = row.cached
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
            due_used=share_used(row.priority, row.due, self._now),
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
            cached=cached,
            priors_ready=cached == "all" and (not self._to_read(row, mine) or self._ready(key)),
            draft=draft,
            report_state=report or ("draft" if draft else None),
            owner_name=row.owner_name,
        )

    @staticmethod
    def _to_read(row: WorklistRow, mine: bool) -> bool:
        """Whether the reader may still read it: only then its priors matter."""
        return row.status in OPEN_STATES and (mine or not row.owner)

    def _why_not(
        self, hub: HubFile, row: WorklistRow, key: TaskKey, mine: bool, report: str | None
    ) -> SafeText:
        if report in {"signed", "issued"}:
            return _REPORTED
        if row.status not in OPEN_STATES:
            return SafeText(f"the task is {row.status}")
        if row.owner and not mine:
            return SafeText(f"{row.owner_name or 'somebody else'} has it")
        if denied(hub, "sign"):
            return _NO_RIGHT
        if hub.hub_id in self._outlived:
            return _OUTLIVED
        if not row.order_status:
            return _NO_ORDER
        if row.held:
            return known_stop(self._core, key, row.held)
        return EMPTY


_REPORTED: Final = SafeText("it is reported")
_NO_ORDER: Final = SafeText("it names no order that can be read")
_OUTLIVED: Final = SafeText("the hub was not reached for longer than it allows")
_NO_RIGHT: Final = SafeText("you may not sign at this hub")
