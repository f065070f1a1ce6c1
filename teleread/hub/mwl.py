"""The Hub port over a Modality Worklist: a list to read, for sites that have nothing better.

A list knows no claims and takes no reports. Who has a case is noted on this machine alone, and said so;
reports go to the archive (STOW-RS or C-STORE), by HL7 where the hub file names a receiver, or both. An order
that left the list was called off or is done with: it is shown as cancelled, and who holds it decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from teleread.host.clock import Clock, SystemClock
from teleread.hub.claiming import check_reader, claim_lost, no_notes
from teleread.hub.dimse_peer import DimsePeer
from teleread.hub.document_delivery import Documents, archive_of, earlier_studies
from teleread.hub.local_claims import LocalClaims
from teleread.hub.mwl_list import Listed, MwlList, options_of
from teleread.hub.mwl_memory import MwlMemory, Shown
from teleread.hub.mwl_reports import MwlReports
from teleread.hub.port import Capabilities, Found, Health, PullPage, each_found
from teleread.hub.ups_memory import KeyStore
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, UsageError
from teleread.model.hubfile import HubFile
from teleread.model.task import PriorReport, PriorStudy, TaskContext, TaskKey
from teleread.wire.fhir_json import Unreadable
from teleread.wire.orders import ENDED, OrderEntry, State, context_from

if TYPE_CHECKING:
    from teleread.wire.sign_in import SignIn

__all__ = ["MwlHub"]

PAGE: Final = 100
OVERLAP: Final = timedelta(minutes=5)
_GONE: Final = "The list no longer shows this order: it was called off, or is done with."
_OLD: Final = "The order is older than the list is asked for."


class MwlHub:
    """A Modality Worklist and the archive beside it.

    Args:
        hub: The hub file; ``mwl`` is set, and ``dicomweb``, ``dimse`` or ``hl7`` to take reports.
        secret: Password or token of the archive's DICOMweb.
        clock: Our clock.
        memory: Keeps what the list showed, claims, and what was delivered.
        sign_in: Another way to sign in at the DICOMweb than the secret.
        documents: Another archive, for tests.

    Raises:
        UsageError: The hub file's ``mwl_options`` are wrong.
    """

    def __init__(
        self,
        hub: HubFile,
        secret: str | None = None,
        clock: Clock | None = None,
        *,
        memory: KeyStore,
        sign_in: SignIn | None = None,
        documents: Documents | None = None,
    ) -> None:
        if hub.mwl is None:
            raise UsageError(f"Hub {hub.name} has no worklist address.", remedy="Give one with --mwl.")
        self.hub = hub
        self.hub_id = hub.hub_id
        self._clock = clock or SystemClock()
        self._options = options_of(hub)
        peer = DimsePeer(hub, hub.mwl, f"The worklist of {hub.name}")
        self._list = MwlList(peer, self._options, hub.patient_id_issuer, self._clock.monotonic)
        self._memory = MwlMemory(hub.hub_id, memory)
        self._claims = LocalClaims(hub, memory)
        self._documents = documents if documents is not None else archive_of(hub, secret, sign_in)
        self._reports = MwlReports(hub, self._documents, memory, self._clock)
        self.forms: tuple[str, ...] = self._reports.forms

    def health(self) -> Health:
        """Look whether the list answers; it tells no clock."""
        began = self._clock.monotonic()
        self._list.reach()
        passed = self._clock.monotonic() - began
        able = Capabilities("MWL", claim=False, if_match=False, transactions=False)
        return Health("a Modality Worklist", None, passed * 1000, able)

    # -- the list ---------------------------------------------------------------------------------------

    def pull(self, cursor: str) -> Iterator[PullPage]:
        """Yield all that is on the list, and what left it since a cursor; a list tells no changes."""
        now = self._clock.now()
        listed = self._list.whole(self._today(now))
        before, claims = self._memory.all(), self._claims.all()
        contexts: list[TaskContext] = []
        skipped = listed.skipped
        for order in listed.orders.found.values():
            self._add(contexts, skipped, order, claims.get(order.task_id))
        departed = self._departed(listed, before, cursor, now)
        # On disk before anything is told: what left the list later is known to have been on it.
        self._memory.keep({task: Shown(one) for task, one in listed.orders.found.items()} | departed)
        for task, shown in departed.items():
            self._add(contexts, skipped, shown.order, claims.get(task), shown.gone)
        held = frozenset(task for task, one in claims.items() if one.status == "in-progress")
        self._memory.prune(held, now)
        kept = [one for one in contexts if cursor or one.task.status not in ENDED]
        pages = [kept[at : at + PAGE] for at in range(0, len(kept), PAGE)] or [[]]
        for number, page in enumerate(pages, 1):
            last = number == len(pages)
            yield PullPage(tuple(page), now.isoformat(), last, tuple(skipped) if last else ())

    def _departed(
        self, listed: Listed, before: Mapping[str, Shown], cursor: str, now: datetime
    ) -> dict[str, Shown]:
        """Orders that are no longer offered, those found so since the last pull too."""
        found: dict[str, Shown] = {}
        since = _moment(cursor)
        for task, one in before.items():
            if task in listed.orders.found or task in listed.orders.doubtful:
                continue
            if one.gone:
                if since is None or datetime.fromisoformat(one.since) >= since - OVERLAP:
                    found[task] = one
            elif self._is_old(one.order, now):
                if not self._claims.mine(task):
                    found[task] = replace(one, gone=_OLD, since=now.isoformat())
            elif listed.complete:
                found[task] = replace(one, gone=_GONE, since=now.isoformat())
        return found

    def _is_old(self, order: OrderEntry, now: datetime) -> bool:
        oldest = self._today(now) - timedelta(days=self._options.days_back)
        return bool(order.performed) and order.performed[:10] < oldest.isoformat()

    def _today(self, now: datetime) -> Any:
        return now.astimezone(self._options.zone or UTC).date()

    def _add(
        self,
        to: list[TaskContext],
        skipped: list[str],
        order: OrderEntry,
        claim: State | None,
        gone: str = "",
    ) -> None:
        try:
            to.append(self._context(order, claim, gone))
        except Unreadable as problem:
            skipped.append(str(problem))

    def _context(self, order: OrderEntry, claim: State | None, gone: str = "") -> TaskContext:
        state = claim or State()
        if gone and state.status != "completed":
            order = replace(order, status="cancelled")
            state = replace(state, reason=gone)
        return context_from(self.hub_id, order, (order.patient, ()), state, self._clock.now())

    # -- single orders ----------------------------------------------------------------------------------

    def read(self, key: TaskKey) -> TaskContext:
        """Ask the list for one order, now; one that left it is cancelled.

        Raises:
            AttentionError: ``gone``: the list never showed it here.
        """
        shown = self._memory.of(key.task_id)
        if shown is None:
            raise AttentionError(
                f"The worklist of {self.hub.name} has not shown this order.",
                "A draft of yours stays as it is.",
                "Ask the site.",
                code="gone",
            )
        claim = self._claims.of(key.task_id)
        listed = self._asked([shown.order])
        order = listed.orders.found.get(key.task_id)
        if order is not None:
            return self._readable(order, claim)
        if key.task_id in listed.orders.doubtful:
            raise self._unclear()
        old = self._is_old(shown.order, self._clock.now()) and not self._claims.mine(key.task_id)
        return self._readable(shown.order, claim, shown.gone or (_OLD if old else _GONE))

    def look(self, keys: Collection[TaskKey]) -> dict[TaskKey, TaskContext]:
        """Ask for several orders on one line; those it does not show are left out."""
        shown = {key: self._memory.of(key.task_id) for key in keys}
        orders = [one.order for one in shown.values() if one is not None]
        found = self._asked(orders).orders.found if orders else {}
        return {
            key: self._readable(found[key.task_id], self._claims.of(key.task_id))
            for key in keys
            if key.task_id in found
        }

    def _asked(self, orders: Collection[OrderEntry]) -> Listed:
        """The orders as the list has them now, each asked for by the best number it has."""
        return self._list.some(
            {"accession": one.accession}
            if one.accession
            else {"study_uid": one.study_uid}
            if one.study_uid
            else {"patient_id": one.patient.number or one.patient.nhs_number}
            for one in orders
        )

    def _readable(self, order: OrderEntry, claim: State | None, gone: str = "") -> TaskContext:
        try:
            return self._context(order, claim, gone)
        except Unreadable as problem:
            raise self._unclear() from problem

    def _unclear(self) -> AttentionError:
        return AttentionError(
            f"The worklist of {self.hub.name} gives this order so that it cannot be told which one is meant.",
            "A draft of yours stays as it is.",
            "Tell the site.",
            code="refused",
        )

    # -- claims -----------------------------------------------------------------------------------------

    def claim(self, context: TaskContext) -> TaskContext:
        """Note that the reader has a task, on this machine alone.

        Raises:
            AttentionError: ``claim-lost``: the list no longer offers it.
        """
        check_reader(self.hub)
        now = self.read(context.key)
        if self._claims.mine(context.key.task_id) and now.task.status == "in-progress":
            return now
        if now.task.status in ENDED or now.task.owner:
            raise self._lost(now)
        self._claims.take(context.key.task_id)
        return self.read(context.key)

    def give_back(self, context: TaskContext, reason_code: str, reason_text: str) -> TaskContext:
        """Note that a task is free again, with the reason, on this machine alone.

        Raises:
            AttentionError: ``claim-lost``: it is not the reader's.
        """
        check_reader(self.hub)
        before = self._claims.of(context.key.task_id)
        now = self.read(context.key)
        if before is not None and before.status == "requested":
            return now
        if not self._claims.mine(context.key.task_id):
            raise self._lost(now)
        self._claims.give_back(context.key.task_id, reason_code, reason_text)
        return self.read(context.key)

    def _lost(self, now: TaskContext) -> AttentionError:
        who = now.task.owner_name if now.task.status not in ENDED else ""
        said = f"is kept by {who}" if who else f"is no longer offered ({now.task.status})"
        return claim_lost(f"This order on the worklist of {self.hub.name} {said}.")

    # -- reports ----------------------------------------------------------------------------------------

    def priors(self, context: TaskContext) -> tuple[tuple[PriorStudy, ...], tuple[PriorReport, ...]]:
        """Ask the archive for the patient's earlier studies, newest first; a list has no reports."""
        if self._documents is None:
            return (), ()
        current = str(context.study.study_uid) if context.study else ""
        numbers = {str(one.value): frozenset({str(one.issuer)} - {""}) for one in context.patient.identifiers}
        return earlier_studies(self._documents, numbers, current), ()

    def submit(self, submission: Submission) -> Receipt:
        """Deliver one report version; safe to repeat.

        Raises:
            OfflineError: ``unknown``: some of it may have arrived.
            AttentionError: ``claim-lost``: the reader does not have the case; the archive's refusal.
        """
        task = submission.task.task_id
        known = self._claims.of(task)
        first = submission.completes and submission.version == 1
        if first and not self._claims.mine(task) and (known is None or known.status != "completed"):
            raise claim_lost(f"This order on the worklist of {self.hub.name} is not noted as yours.")
        receipt = self._reports.submit(submission)
        if submission.completes and (known is None or known.status != "completed"):
            self._claims.done(task, submission.author)
        return receipt

    def find(self, report_id: str, key: str) -> Found | None:
        """What was delivered for a report or an idempotency key."""
        return self._reports.find(report_id, key)

    def holding(self, receipts: Mapping[str, str]) -> dict[str, Found]:
        """The same of several reports; missing ones are left out."""
        return each_found(self._reports.find, receipts)

    def send_note(self, submission: Submission) -> Receipt:
        """Refuse: a list takes no notes.

        Raises:
            AttentionError: ``refused``, always.
        """
        raise no_notes(self.hub, f"The worklist of {self.hub.name} takes no notes.")

    def other_reports(self, context: TaskContext, ours: Collection[str] = ()) -> tuple[PriorReport, ...]:
        """None are told by a list; an order that somebody reported leaves it."""
        return ()

    def close(self) -> None:
        """Let go of connections."""
        if self._documents is not None:
            self._documents.close()


def _moment(cursor: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cursor)
    except ValueError:
        return None
