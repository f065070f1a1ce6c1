"""The Hub port over HL7 v2: orders and news of patients come in by MLLP, results go out by MLLP.

HL7 v2 has no claim that a site would know of: who has a case is noted on this machine alone, and said so. The
site tells what becomes of an order; it can't be asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from teleread.host.clock import Clock, SystemClock
from teleread.hub.claiming import check_reader, claim_lost, no_notes
from teleread.hub.hl7_board import Board
from teleread.hub.hl7_inbox import Inbox
from teleread.hub.hl7_results import FORM, Hl7Results, Sent
from teleread.hub.local_claims import LocalClaims
from teleread.hub.port import Capabilities, Found, Health, PullPage
from teleread.hub.ups_memory import KeyStore
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.task import PriorReport, PriorStudy, TaskContext, TaskKey
from teleread.model.text import EMPTY, SafeText, clean
from teleread.wire.fhir_json import Unreadable
from teleread.wire.mllp import reach
from teleread.wire.mllp_listen import MllpListener, listening_tls
from teleread.wire.orders import ENDED, OrderEntry, State

__all__ = ["Hl7Hub"]

PAGE: Final = 100
_TROUBLE: Final = "hl7-trouble"
_STRANGERS: Final = "hl7-strangers"
_SITE: Final = "Practitioner/at-the-site"


class Hl7Hub:
    """A site that speaks HL7 v2.

    Args:
        hub: The hub file; ``hub.hl7`` is where results go, ``hub.hl7_listen`` where orders come in.
        secret: None is used.
        clock: Our clock.
        memory: Keeps what the site sent, claims, and what was acknowledged.
    """

    def __init__(
        self, hub: HubFile, secret: str | None = None, clock: Clock | None = None, *, memory: KeyStore
    ) -> None:
        self.hub = hub
        self.hub_id = hub.hub_id
        self.forms: tuple[str, ...] = (FORM,)
        self._clock = clock or SystemClock()
        self._memory = memory
        self._board = Board(hub.hub_id, memory, hub.patient_id_issuer)
        self._claims = LocalClaims(hub, memory)
        self._results = Hl7Results(hub, memory, self._clock)

    def health(self) -> Health:
        """Look whether the receiver takes a connection; it says nothing of itself."""
        began = self._clock.monotonic()
        if self.hub.hl7 is not None:
            reach(self.hub, self.hub.hl7)
        passed = self._clock.monotonic() - began
        able = Capabilities("hl7v2", claim=False, if_match=False, transactions=False)
        return Health("an HL7 v2 interface", None, passed * 1000, able)

    # -- orders -----------------------------------------------------------------------------------------

    def listen(self, stop: threading.Event, heard: Callable[[], None]) -> bool:
        """Take orders until stopped; False where the hub file does not ask for it."""
        address = self.hub.hl7_listen
        if address is None:
            return False
        inbox = Inbox(self._board, self._clock)

        def take(frame: bytes) -> list[bytes]:
            answer = inbox.take(frame)
            heard()
            return answer

        try:
            tls = listening_tls(self.hub)
            listener = MllpListener(address, self.hub.hl7_from, take, tls=tls, refused=self._stranger)
        except TelereadError as problem:
            self._memory.put(self.hub_id, _TROUBLE, problem.title)
            raise
        with listener:
            self._memory.delete(self.hub_id, _TROUBLE)
            heard()
            listener.serve(stop)
        return True

    def _stranger(self, host: str) -> None:
        words = f"{clean(host, limit=64)} tried to send and is not named in hl7_from"
        if self._memory.get(self.hub_id, _STRANGERS) != words:
            self._memory.put(self.hub_id, _STRANGERS, words)

    def pull(self, cursor: str) -> Iterator[PullPage]:
        """Yield the orders that changed since a cursor; what ended before the first pull is left out."""
        since = int(cursor) if cursor.isdigit() else 0
        held = {task for task, one in self._claims.all().items() if one.status == "in-progress"}
        self._board.draw_together(self._clock.now(), held)
        upto = self._board.upto
        since = since if since <= upto else 0  # of a vault that was put back since
        orders = self._board.registry.orders.values()
        changed = [one for one in orders if self._board.changed_at(one) > since]
        found, skipped = self._contexts(changed)
        skipped += self._told()
        contexts = [one for one in found.values() if cursor or one.task.status not in ENDED]
        pages = [contexts[at : at + PAGE] for at in range(0, len(contexts), PAGE)] or [[]]
        for number, page in enumerate(pages, 1):
            last = number == len(pages)
            yield PullPage(tuple(page), str(upto), last, tuple(skipped) if last else ())

    def read(self, key: TaskKey) -> TaskContext:
        """Read a task again: as the last message left it."""
        found = self.look([key]).get(key)
        if found is None:
            raise AttentionError(
                f"No order of {self.hub.name} is kept under this number.",
                "A draft of yours stays as it is.",
                "Ask the site to send the order again.",
                code="gone",
            )
        return found

    def look(self, keys: Collection[TaskKey]) -> dict[TaskKey, TaskContext]:
        """Look at several tasks."""
        self._board.refresh()
        orders = self._board.registry.orders
        found, _ = self._contexts([orders[one.task_id] for one in keys if one.task_id in orders])
        return {key: found[key.task_id] for key in keys if key.task_id in found}

    def priors(self, context: TaskContext) -> tuple[tuple[PriorStudy, ...], tuple[PriorReport, ...]]:
        """The patient's other examinations among the orders; no report of them ever came this way."""
        self._board.refresh()
        board = self._board
        mine = board.registry.orders.get(context.key.task_id)
        if mine is None:
            return (), ()
        others = [
            one
            for one in board.registry.orders.values()
            if one.task_id != mine.task_id
            and board.resolved(one.patient.key) == board.resolved(mine.patient.key)
        ]
        studies = [one.study for one in self._contexts(others)[0].values()]
        found = [
            PriorStudy(
                study_uid=one.study_uid,
                modality=one.modality,
                description=one.description,
                started=one.started,
                instances=one.instances,
                accessions=one.accessions,
            )
            for one in studies
            if one is not None and (context.study is None or one.study_uid != context.study.study_uid)
        ]
        return tuple(found), ()

    # -- claims -----------------------------------------------------------------------------------------

    def claim(self, context: TaskContext) -> TaskContext:
        """Note that the reader has a task; on this machine alone.

        Raises:
            AttentionError: ``claim-lost``: it is no longer offered.
        """
        check_reader(self.hub)
        now = self.read(context.key)
        mine = now.task.owner == self.hub.reader_reference and now.task.status == "in-progress"
        if mine:
            return now
        if now.task.owner or now.task.status in ENDED:
            raise self._lost(now)
        self._claims.take(context.key.task_id)
        return self.read(context.key)

    def give_back(self, context: TaskContext, reason_code: str, reason_text: str) -> TaskContext:
        """Note that a task is free again, with the reason; on this machine alone.

        Raises:
            AttentionError: ``claim-lost``: it is not the reader's.
        """
        check_reader(self.hub)
        before = self._claims.of(context.key.task_id)
        now = self.read(context.key)
        if before is not None and before.status == "requested":
            return now
        if now.task.owner != self.hub.reader_reference or now.task.status != "in-progress":
            raise self._lost(now)
        self._claims.give_back(context.key.task_id, reason_code, reason_text)
        return self.read(context.key)

    def _lost(self, now: TaskContext) -> AttentionError:
        who = now.task.owner_name or ("another reader" if now.task.owner else "")
        said = f"{who} has this task" if who else f"this task is no longer offered ({now.task.status})"
        return claim_lost(f"The last message of {self.hub.name} says that {said}.")

    # -- results ----------------------------------------------------------------------------------------

    def submit(self, submission: Submission) -> Receipt:
        """Send one report version; safe to repeat.

        Raises:
            OfflineError: ``unknown``: it was sent, and no acknowledgement of it came.
            AttentionError: Its refusal; ``claim-lost``.
        """
        if submission.form != "documents":
            raise AttentionError(f"A report cannot be sent by HL7 as {submission.form}.", code="refused")
        held = self._results.find(submission.report_id, "")
        known = held is not None and held.receipt.sha256 == submission.sha256
        if submission.completes and submission.version == 1 and not known:
            context = self.read(submission.task)
            if context.task.owner != self.hub.reader_reference:
                raise self._lost(context)
        return self._results.submit(submission)

    def find(self, report_id: str, key: str) -> Found | None:
        """What the receiver has acknowledged of a report or an idempotency key."""
        return self._results.find(report_id, key)

    def holding(self, receipts: Mapping[str, str]) -> dict[str, Found]:
        """What it has acknowledged of several reports."""
        return self._results.holding(receipts)

    def send_note(self, submission: Submission) -> Receipt:
        """Refuse: HL7 v2 has no message that every site files as a note on an order.

        Raises:
            AttentionError: ``refused``, always.
        """
        raise no_notes(self.hub, f"{self.hub.name} takes no notes by HL7.")

    def other_reports(self, context: TaskContext, ours: Collection[str] = ()) -> tuple[PriorReport, ...]:
        """The reader's own other reports that ended this case here; somebody else's are never told this way.

        An order that the site calls completed shows as somebody else's.
        """
        mine = {one.lower().removeprefix("report/") for one in ours}
        task = context.key.task_id
        found = {one.report: one for one in self._results.all() if one.task == task and one.completes}
        return tuple(
            PriorReport(
                id=one.receipt.id,
                version=one.receipt.version,
                status=SafeText("final"),
                study_uid=context.study.study_uid if context.study else EMPTY,
                accession=context.order.accession,
                title=context.order.procedure,
                author=clean(one.author, limit=256),
                issued=one.receipt.stored_at,
                text=EMPTY,
            )
            for one in found.values()
            if one.report not in mine
        )

    def close(self) -> None:
        """There is nothing to let go of."""

    # -- as tasks ---------------------------------------------------------------------------------------

    def _contexts(self, orders: Collection[OrderEntry]) -> tuple[dict[str, TaskContext], list[str]]:
        claims, done, seen_at = self._claims.all(), self._results.done(), self._clock.now()
        found: dict[str, TaskContext] = {}
        skipped: list[str] = []
        for one in orders:
            state = _state(one, claims.get(one.task_id), done.get(one.task_id), self.hub)
            try:
                found[one.task_id] = self._board.registry.context(self.hub_id, one, state, seen_at)
            except Unreadable as problem:
                skipped.append(str(problem))
        return found, skipped

    def _told(self) -> list[str]:
        """Words on what could not come in, or only in part."""
        told = [str(clean(one, limit=300)) for one in self._board.registry.skipped]
        notes = (self._memory.get(self.hub_id, name) for name in (_TROUBLE, _STRANGERS))
        return [*told, *(one for one in notes if one)]


def _state(order: OrderEntry, claim: State | None, done: Sent | None, hub: HubFile) -> State:
    """What became of a task: reported by us, ended by the site, or as noted here."""
    if done is not None:
        return State(f"r{done.version}", "completed", hub.reader_reference, done.author)
    if order.status == "completed":
        return State("s", "completed", _SITE, "The site")
    return claim if claim is not None else State()
