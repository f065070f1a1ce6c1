"""Room for images: what may stay, what goes when more is needed, and what goes when its time is over."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from teleread.archive.eviction import Eviction, HeldStudy, Name, choose, expired, fit, spared
from teleread.archive.plans import Decision, Plan
from teleread.model.study import StudyKey
from teleread.sync.outlook import opened_studies, readers
from teleread.sync.rules import OVER

if TYPE_CHECKING:
    from teleread.model.hubfile import HubFile
    from teleread.sync.policy import Policy
    from teleread.vault.vault import Vault

__all__ = ["Room"]

_CLOSED: Final = frozenset(OVER) | {"completed"}
_YOURS: Final = "it is your case"
_NO_TASK: Final = ("", "", "")


class Room:
    """The cache's room.

    Args:
        vault: The open vault.
        files: The hub files.
        policy: What is wanted.
        busy: Studies being fetched at this moment.
        free: Bytes free on the vault's disk; the system is asked by default.
    """

    def __init__(
        self,
        vault: Vault,
        files: Iterable[HubFile],
        policy: Policy,
        *,
        busy: Collection[StudyKey] = (),
        free: Callable[[], int] | None = None,
    ) -> None:
        self._vault = vault
        self._files = tuple(files)
        self._policy = policy
        self._busy = busy
        self._free = free or (lambda: shutil.disk_usage(vault.paths.data).free)
        self._rows: dict[Name, tuple[str, str, str]] | None = None

    # -- what stays --------------------------------------------------------------------------------------

    def keeps(self) -> dict[Name, str]:
        """Studies that go for nothing, with the reason: claimed, drafted, undelivered, held, open, coming."""
        vault = self._vault
        out: dict[Name, str] = {}
        for hub_id, study_uid, status in vault.worklist.studies_of(readers(self._files)):
            if status not in _CLOSED:
                out[hub_id, study_uid] = _YOURS
        claims = [one.key for state in ("held", "wanted") for one in vault.claims.list(state)]
        for keys, words in (
            (claims, _YOURS),
            (vault.drafts.open_ids(), "it has a draft"),
            ([one.key for one in vault.outbox.undelivered_reports()], "its report is not delivered"),
        ):
            for key in keys:
                study_uid, status = vault.worklist.study_of(key)
                # A claim of a task that is over keeps nothing; a draft or an undelivered report always does.
                if study_uid and not (words == _YOURS and status in _CLOSED):
                    out.setdefault((key.hub_id, study_uid), words)
        for study in opened_studies(vault):
            out[study.hub_id, study.study_uid] = "it is open on a screen"
        for study in tuple(self._busy):
            out[study.hub_id, study.study_uid] = "it is being fetched"
        for hold in vault.holds.list():
            out[hold.key.hub_id, hold.key.study_uid] = "it is under legal hold"
        return out

    def _tasks(self) -> Mapping[Name, tuple[str, str, str]]:
        """Study, owner and status by (hub id, task id); read once a look."""
        if self._rows is None:
            self._rows = {
                (hub_id, task_id): (study_uid, owner, status)
                for hub_id, task_id, study_uid, owner, status in self._vault.worklist.studies()
            }
        return self._rows

    # -- room --------------------------------------------------------------------------------------------

    def fit(self, plan: Plan) -> Plan:
        """The plan with what there is no room for held back."""
        held = self._held()
        sizes = {(one.hub_id, one.study_uid): one.bytes for one in held}
        keeps = self.keeps()
        named = {(one.key.hub_id, one.key.study_uid) for one in plan.decisions}
        apart = sum(size for name, size in sizes.items() if name in keeps and name not in named)
        total = sum(sizes.values())
        capacity = total + self._policy.budget.room(total, self._free()) - apart
        return fit(plan, capacity, sizes, keeps)

    def make(self, need: int, plan: Plan | None = None, before: Decision | None = None) -> int:
        """Purge until so many bytes may be taken, or nothing more may go.

        Args:
            need: Bytes to come.
            plan: A fitted plan, whose better decisions are spared.
            before: The decision room is made for.

        Returns:
            Bytes purged.
        """
        held = self._held()
        total = sum(one.bytes for one in held)
        lacking = need - self._policy.budget.room(total, self._free())
        if lacking <= 0:
            return 0
        keep = {**(spared(plan, before) if plan is not None else {}), **self.keeps()}
        delivered = self._receipts()
        over = {(task[0], one[0]) for task, one in self._tasks().items() if one[2] in _CLOSED}
        return self._purge(choose(held, lacking, keep=keep, delivered=delivered, over=over))

    def sweep(self) -> int:
        """Purge what its time is over for, and what is too much by now; bytes purged."""
        self._rows = None
        gone = 0
        hours = {hub: stays for hub, stays in self._policy.retain_hours.items() if stays >= 0}
        if hours:
            now = self._vault.clock.now()
            gone = self._purge(expired(self._held(), self._receipts(), hours, now, keep=self.keeps()))
        return gone + self.make(0)

    def _purge(self, chosen: Iterable[Eviction]) -> int:
        gone = 0
        for one in chosen:
            self._vault.objects.shred(one.hub_id, one.study_uid, one.why)
            self._vault.events.emit("purged", {"hub": one.hub_id, "study": one.study_uid, "why": one.why})
            gone += one.bytes
        return gone

    def _held(self) -> list[HeldStudy]:
        return [HeldStudy(*row) for row in self._vault.studies.sizes()]

    def _receipts(self) -> Mapping[Name, datetime]:
        """When the last receipt of each study's reports came."""
        tasks = self._tasks()
        out: dict[Name, datetime] = {}
        for (hub_id, task_id), at in self._vault.outbox.receipts().items():
            study_uid = tasks.get((hub_id, task_id), _NO_TASK)[0]
            if study_uid:
                name = (hub_id, study_uid)
                out[name] = max(at, out.get(name, at))
        return out
