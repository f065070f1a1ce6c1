"""The plan of this moment, from the vault: what the engine fetches by, and what `worklist why` explains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from teleread.archive.planner import READABLE, plan
from teleread.archive.plans import Held, Line, Plan, Situation, SizeGuess
from teleread.archive.priors import RankedPrior, case_of, rank_priors
from teleread.model.patient import PatientIdentifier
from teleread.model.study import StudyKey
from teleread.model.task import PriorStudy, TaskContext, TaskKey
from teleread.vault.wishes import ALL, Wish

if TYPE_CHECKING:
    from teleread.model.hubfile import HubFile
    from teleread.sync.policy import Policy
    from teleread.vault.vault import Vault
    from teleread.vault.worklist import WorklistRow

__all__ = ["Outlook", "archive_identifier", "listed_priors", "opened_studies", "readers"]

OPEN_HOURS: Final = 12.0
"""How long a case counts as open that nobody closed."""
OPEN_AT_ONCE: Final = 2
"""Cases on screens at once: the newest ones."""
RANKED_SECONDS: Final = 20.0
"""How long a case's ranked priors are believed."""


@dataclass(slots=True)
class Outlook:
    """Looks at the vault and plans.

    Args:
        vault: The open vault.
        files: The hub files.
        policy: What is wanted.
    """

    vault: Vault
    files: Sequence[HubFile]
    policy: Policy
    waiting: Mapping[StudyKey, str] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)
    documents: frozenset[StudyKey] = frozenset()
    pictures: frozenset[StudyKey] = frozenset()
    _ranked: dict[TaskKey, tuple[float, tuple[RankedPrior, ...]]] = field(default_factory=dict)
    _wishes: tuple[Wish, ...] = ()

    def remember(self, other: Outlook) -> None:
        """Go on with what another one knew of priors a moment ago."""
        self._ranked, self._wishes = other._ranked, other._wishes

    def plan(self) -> Plan:
        """The plan, with everything but the room for it (`teleread.sync.room.Room.fit`)."""
        rules, ways = self.policy.rules, {one.hub_id for one in self.files if one.has_archive}
        wishes = self.vault.wishes.list()
        if wishes != self._wishes:
            self._wishes = wishes
            self._ranked.clear()
        free = rules.cases + max(rules.thumbnails, rules.later)
        rows = self.vault.worklist.ahead(sorted(READABLE), readers(self.files), free)
        return plan(
            [row for row in rows if row.hub_id in ways],
            rules,
            self._situation(wishes),
            mine=lambda row: bool(row.owner),  # the others' were not read
            held=self._held,
            priors=self._priors,
            sizes=_sizes(self.vault),
        )

    def _situation(self, wishes: Sequence[Wish]) -> Situation:
        now = self.vault.clock.now()
        local = now.astimezone()
        return Situation(
            now=now,
            minute=local.hour * 60 + local.minute,
            lines=self.lines,
            metered=self.policy.metered,
            battery=self.policy.battery,
            opened=opened_studies(self.vault),
            asked=[one.key for one in wishes if one.kind == "first"],
            paused=frozenset(one.key for one in wishes if one.kind == "pause" and one.key != ALL),
            all_paused=any(one.kind == "pause" and one.key == ALL for one in wishes),
            waiting=self.waiting,
            documents=self.documents,
            pictures=self.pictures,
        )

    def _held(self, key: StudyKey) -> Held:
        one = self.vault.studies.get(key.hub_id, key.study_uid)
        return Held(one.state, one.held, one.expected, one.bytes) if one is not None else Held()

    def _priors(self, row: WorklistRow, count: int) -> Sequence[RankedPrior]:
        now = self.vault.clock.monotonic()
        known = self._ranked.get(row.key)
        if known is not None and now - known[0] < RANKED_SECONDS:
            return known[1]
        context = self.vault.worklist.get(row.key)
        file = next((one for one in self.files if one.hub_id == row.hub_id), None)
        found = self.ranked(context, file, count) if context is not None and file is not None else ()
        self._ranked[row.key] = (now, found)
        return found

    def ranked(
        self, context: TaskContext, file: HubFile, count: int | None = None
    ) -> tuple[RankedPrior, ...]:
        """A case's earlier studies, ranked; ``count`` of them chosen, as many as the rules say by default."""
        study_uid = context.study.study_uid if context.study else ""
        pinned = {
            one.key.study_uid
            for one in self.vault.wishes.list()
            if one.kind == "pin" and one.for_study == study_uid
        }
        return rank_priors(
            case_of(context),
            listed_priors(self.vault, context, file),
            reports=context.prior_reports,
            pinned=pinned,
            count=self.policy.rules.priors if count is None else count,
        )


def readers(files: Iterable[HubFile]) -> tuple[str, ...]:
    """How the reader is called at the hubs, as a task's owner names them."""
    names = {name for one in files if one.reader_id for name in (one.reader_reference, one.reader_id)}
    return tuple(sorted(names))


def opened_studies(vault: Vault) -> tuple[StudyKey, ...]:
    """The studies on screens now, the last opened first."""
    since: datetime = vault.clock.now() - timedelta(hours=OPEN_HOURS)
    return vault.events.opened(since, OPEN_AT_ONCE)


def archive_identifier(context: TaskContext, file: HubFile) -> PatientIdentifier | None:
    """The identifier by which the hub's archive knows the patient: of the issuer that the hub file names.

    A bare number is never asked for: two hospitals give the same one to two people.
    """
    if not file.patient_id_issuer:
        return None
    for one in context.patient.identifiers:
        if one.issuer == file.patient_id_issuer and one.value:
            return one
    return None


def listed_priors(vault: Vault, context: TaskContext, file: HubFile) -> tuple[PriorStudy, ...]:
    """Earlier studies as the hub lists them, then those the archive alone knows."""
    name = archive_identifier(context, file)
    more = vault.wishes.priors(context.key.hub_id, name.issuer, name.value) if name else ()
    known = {one.study_uid for one in context.priors}
    return (*context.priors, *(one for one in more if one.study_uid not in known))


def _sizes(vault: Vault) -> SizeGuess:
    means = vault.studies.means()
    return SizeGuess(
        {modality: each for modality, each, _ in means},
        {modality: whole for modality, _, whole in means if whole},
    )
