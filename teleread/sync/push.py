"""Pushing: whatever is due for one hub, one after another, each exactly once.

An item's state is stored before the first byte leaves, and what the hub already holds is asked for before
anything is sent: so a crash at any instruction, a lost answer and a second engine all end the same way.
Strict order within an accession comes from the outbox; an item that fails for itself never blocks another's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from teleread.host.clock import Clock
from teleread.hub.port import Hub
from teleread.model.delivery import OutboxItem, Receipt, Submission
from teleread.model.errors import AttentionError, NotSignedInError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.report import SignedReport
from teleread.model.task import TaskContext
from teleread.sync.alerts import deliver_alert
from teleread.sync.backoff import Extras, base_of, next_try, same_id
from teleread.sync.composing import FHIR, form_of, submission
from teleread.sync.documents_out import DOCUMENTS, add_documents, deliver_documents
from teleread.sync.notes import note_submission
from teleread.sync.rules import Decision, Situation, decide

if TYPE_CHECKING:
    from teleread.vault.vault import Vault

__all__ = ["Emit", "PushOutcome", "Pusher", "push"]

Emit = Callable[[str, Mapping[str, Any]], object]
"""Takes an event kind and its data."""

_ROUNDS: Final = 3
"""How often a version that moved between looking and sending is looked at again."""
_LINE_DOWN: Final = frozenset({"offline", "timeout", "cut", "tls", "busy"})
"""Codes after which nothing else is tried at this hub in this pass."""


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What one pass did and left."""

    pushed: int = 0
    held: int = 0
    """In their undo window, or behind an earlier one."""
    needs_attention: int = 0
    waiting: int = 0
    """Queued, or sent and unanswered."""
    offline: bool = False
    problem: TelereadError | None = None
    """Why the pass ended early; None where it went through."""


def push(
    vault: Vault,
    hub: Hub,
    hub_file: HubFile,
    clock: Clock,
    *,
    ignore_backoff: bool = False,
    emit: Emit | None = None,
    dice: random.Random | None = None,
) -> PushOutcome:
    """One pass over what is due for a hub.

    Args:
        vault: The open vault.
        hub: The hub.
        hub_file: Its file: the reader's reference.
        clock: Local clock.
        ignore_backoff: Typed by the reader: back-off does not hold it; a Retry-After does.
        emit: Takes events; the vault's table by default.
        dice: Jitter.
    """
    return Pusher(vault, hub, hub_file, clock, emit=emit, dice=dice).run(ignore_backoff=ignore_backoff)


class Pusher:
    """The same, with its parts; one for one pass."""

    def __init__(
        self,
        vault: Vault,
        hub: Hub,
        hub_file: HubFile,
        clock: Clock,
        *,
        emit: Emit | None = None,
        dice: random.Random | None = None,
    ) -> None:
        self._vault = vault
        self._hub = hub
        self._file = hub_file
        self._clock = clock
        self._emit = emit or vault.events.emit
        self._dice = dice or random.Random()

    def run(self, *, ignore_backoff: bool = False) -> PushOutcome:
        """Deliver until nothing is due, or the line is down."""
        pushed, done = 0, set[str]()
        problem: TelereadError | None = None
        while problem is None and (batch := self._batch(done, ignore_backoff)):
            for item in batch:
                done.add(item.id)
                try:
                    pushed += self._deliver(item)
                except NotSignedInError as error:
                    problem = error
                except OfflineError as error:
                    problem = error if error.code in _LINE_DOWN or error.retry_after else None
                if problem is not None:
                    break
        return self._outcome(pushed, problem)

    def _batch(self, done: set[str], ignore_backoff: bool) -> list[OutboxItem]:
        """The first due one of each accession; the next of each comes with the next batch."""
        now = self._clock.now()
        if any(Extras(one.payload).waits(now) for one in self._open()):
            return []  # the hub asked for time; that holds for all it gets
        due = self._vault.outbox.due(now, ignore_backoff=ignore_backoff)
        return [one for one in due if one.key.hub_id == self._hub.hub_id and one.id not in done]

    def _open(self) -> list[OutboxItem]:
        return [one for one in self._vault.outbox.open() if one.key.hub_id == self._hub.hub_id]

    def _outcome(self, pushed: int, problem: TelereadError | None) -> PushOutcome:
        states = [one.state for one in self._open()]
        return PushOutcome(
            pushed,
            states.count("held"),
            states.count("needs_attention"),
            states.count("queued") + states.count("sending"),
            isinstance(problem, OfflineError),
            problem,
        )

    def _deliver(self, item: OutboxItem) -> int:
        """Bring one item as far as it goes; 1 where it was delivered."""
        unanswered = item.state == "sending"
        try:
            self._vault.outbox.mark_sending(item.id)
        except TelereadError as error:
            if error.code != "bad-move":
                raise
            return 0  # taken back or withdrawn a moment ago
        try:
            receipt = _KINDS[item.kind](self, item)
        except (OfflineError, NotSignedInError) as error:
            self._wait(item, error, unanswered=unanswered or error.code == "unknown")
            raise
        except AttentionError as error:
            words = f"{error.title} {error.detail}".strip()
            self._attention(item, words, _CHOICES_BY_CODE.get(error.code, ("resend", "withdraw")))
            return 0
        except TelereadError as error:
            self._wait(item, error, unanswered=unanswered)
            raise
        if receipt is None:
            return 0
        with self._vault.transaction():
            self._vault.outbox.mark_delivered(item.id, receipt)
            add_documents(self._vault, self._hub, item)
        self._emit("delivered", {**_names(item), "receipt": receipt.id})
        return 1

    def _wait(self, item: OutboxItem, error: TelereadError, *, unanswered: bool) -> None:
        now = self._clock.now()
        at = next_try(now, item.attempts + 1, self._dice, error.retry_after)
        extras = Extras(item.payload)
        with self._vault.transaction():
            if error.retry_after:
                extras = extras.waiting(now + timedelta(seconds=error.retry_after))
                self._vault.outbox.set_payload(item.id, str(extras))
            if unanswered:
                self._vault.outbox.mark_unknown(item.id, error.title, at=at)
            else:
                self._vault.outbox.reschedule(item.id, at, error.title)

    def _attention(self, item: OutboxItem, why: str, choices: tuple[str, ...]) -> None:
        self._vault.outbox.mark_needs_attention(item.id, why, choices)
        self._emit("needs-attention", {**_names(item), "choices": list(choices)})

    # -- a report -------------------------------------------------------------------------------------

    def _report(self, item: OutboxItem) -> Receipt | None:
        report = self._vault.reports.get(item.report_id, item.report_version)
        before = self._predecessor(item)
        if before is None and report.version > 1:
            self._attention(item, "The version before it never reached the hub.", ("withdraw",))
            return None
        if self._stands_on_taken_back(report):
            words = "The version it was written on was taken back: read it, sign again."
            self._attention(item, words, ("resign", "withdraw"))
            return None
        moved: AttentionError | None = None
        for _ in range(_ROUNDS):
            try:
                return self._round(item, report, before)
            except AttentionError as error:
                if error.code not in {"changed", "claim-lost"}:
                    raise
                moved = error
        assert moved is not None
        raise moved

    def _round(self, item: OutboxItem, report: SignedReport, before: Receipt | None) -> Receipt | None:
        """Ask what is there, look at the case as it is now, and send what may be sent."""
        found = self._hub.find(report.report_id, "")
        if found is not None and found.receipt.sha256 == report.sha256:
            return self._received(found.receipt)
        context = self._look(item)
        if found is not None and not self._stands_on(found.receipt, before):
            if before is None or not self._read(report, found.receipt):
                self._superseded(item, report, context, found.receipt)
                return None
            before = found.receipt
        situation = self._situation(item, report, context, found is not None)
        decision = decide(situation)
        if decision.action == "hold":
            self._hold(item, decision, situation)
            return None
        if decision.action == "claim":
            context = self._claimed(context)
        self._tell(item, decision)
        return self._received(self._hub.submit(self._composed(item, report, context, before)), context)

    def _composed(
        self, item: OutboxItem, report: SignedReport, context: TaskContext, before: Receipt | None
    ) -> Submission:
        forms = self._hub.forms
        seals = {} if forms[0] == FHIR else self._vault.reports.seals(report.report_id, report.version)
        return submission(item, report, context, before, self._file, forms=forms, seals=seals)

    def _predecessor(self, item: OutboxItem) -> Receipt | None:
        """The newest receipt of an earlier version; versions between were withdrawn before they were sent."""
        held = [
            (one.report_version, one.receipt)
            for one in self._vault.outbox.of_report(item.report_id)
            if one.report_version < item.report_version
            and one.receipt is not None
            and one.state == "delivered"
        ]
        return max(held, key=lambda pair: pair[0])[1] if held else None

    def _stands_on_taken_back(self, report: SignedReport) -> bool:
        """Whether its text repeats a version that was withdrawn before it was sent."""
        before = form_of(report)["predecessor"]
        return before is not None and any(
            one.report_version == before["version"] and one.state == "closed"
            for one in self._vault.outbox.of_report(report.report_id)
        )

    @staticmethod
    def _stands_on(held: Receipt, before: Receipt | None) -> bool:
        return before is not None and (held.version, held.id) == (before.version, before.id)

    def _read(self, report: SignedReport, held: Receipt) -> bool:
        """Whether the reader has read what the hub made of it, and signed again since."""
        return any(
            one.report_version < report.version and Extras(one.payload).get("base_read") == base_of(held)
            for one in self._vault.outbox.of_report(report.report_id)
        )

    def _superseded(
        self, item: OutboxItem, report: SignedReport, context: TaskContext, held: Receipt
    ) -> None:
        if report.version == 1:
            words = "The hub holds another text under this report's number."
            self._attention(item, words, ("resend", "withdraw"))
            return
        told = [one for one in self._hub.other_reports(context) if same_id(one.id, held.id)]
        self._vault.outbox.set_payload(item.id, str(Extras(item.payload).shown(told).met(base_of(held))))
        words = f"The report this {report.kind} stands on was changed at the hub: read it, then sign again."
        self._attention(item, words, ("resign", "withdraw"))

    def _look(self, item: OutboxItem) -> TaskContext:
        """Task, order, patient and study as they are now; the mirror follows where they moved."""
        context = self._hub.read(item.key)
        before = self._vault.worklist.get(item.key)
        context = context.carrying(before)
        if before is None or before.raw != context.raw:
            self._vault.worklist.put_page(self._hub.hub_id, [context], self._clock.now())
        return context

    def _situation(
        self, item: OutboxItem, report: SignedReport, context: TaskContext, found: bool
    ) -> Situation:
        # Only the versions of this very report are no news: another one the reader signed on the case, here
        # or at another machine, would be a second final report all the same.
        ours = {item.report_id}
        # an unsigned reading of ours says nothing about what others have issued since
        others = () if found and report.kind != "report" else self._hub.other_reports(context, ours)
        answered = self._answered(item)
        fresh = tuple(one for one in others if one.id not in answered)
        # Whoever has decided to write beside theirs knows that the case is not the reader's.
        known = {"reassigned"} if len(fresh) < len(others) else set()
        return Situation(
            form_of(report),
            context,
            fresh,
            self._file.reader_reference,
            Extras(item.payload).settled | known,
        )

    def _answered(self, item: OutboxItem) -> frozenset[str]:
        """Others' reports the reader has decided about, for this item or for one it took the place of."""
        same = (Extras(one.payload).answered for one in self._vault.outbox.of_task(item.key))
        return frozenset[str]().union(*same)

    def _hold(self, item: OutboxItem, decision: Decision, situation: Situation) -> None:
        if decision.rule == "other-final":
            self._vault.outbox.set_payload(item.id, str(Extras(item.payload).shown(situation.others)))
        # A receiver of HL7 can't be asked what it has: to withdraw such a report may not be the end of it.
        sent = item.state == "sending" and self._file.hl7 is not None
        more = " It was sent before and not acknowledged: the site may have it." if sent else ""
        self._attention(item, f"{decision.why}{more}", decision.choices)

    def _claimed(self, context: TaskContext) -> TaskContext:
        claimed = self._hub.claim(context)
        self._vault.claims.put(claimed.key, "held", version=claimed.task.version)
        self._emit("claimed", {"hub": claimed.key.hub_id, "task": claimed.key.task_id})
        return claimed

    def _tell(self, item: OutboxItem, decision: Decision) -> None:
        flags = {"flags": list(decision.flags)} if decision.flags else {}
        self._emit("submitting", {**_names(item), **flags})

    def _received(self, receipt: Receipt, context: TaskContext | None = None) -> Receipt:
        if context is not None and receipt.task_status:
            task = replace(context.task, status=receipt.task_status)
            self._vault.worklist.put_page(self._hub.hub_id, [replace(context, task=task)], self._clock.now())
        return receipt

    # -- a task given back ------------------------------------------------------------------------------

    def _give_back(self, item: OutboxItem) -> Receipt | None:
        extras = Extras(item.payload)
        context = self._look(item)
        try:
            context = self._hub.give_back(context, extras.get("reason_code"), extras.get("reason"))
        except AttentionError as error:
            if error.code not in {"claim-lost", "gone"}:
                raise
            self._vault.outbox.close(item.id, "The case was not yours any more.")
            return None
        self._vault.claims.put(item.key, "given_back", version=context.task.version)
        self._vault.worklist.put_page(self._hub.hub_id, [context], self._clock.now())
        self._emit("given-back", {"hub": item.key.hub_id, "task": item.key.task_id})
        return Receipt(
            id=context.task.id,
            version=context.task.version,
            sha256="",
            hub_time=context.task.last_updated.isoformat() if context.task.last_updated else "",
            stored_at=self._clock.now(),
            task_status=context.task.status,
        )

    # -- a note to the site, who was told of a critical finding --------------------------------------------

    def _note(self, item: OutboxItem) -> Receipt:
        context, sent = self._look(item), item.created_at or self._clock.now()
        return self._hub.send_note(note_submission(item, context, self._file.reader_reference, sent))

    def _alert(self, item: OutboxItem) -> Receipt | None:
        return deliver_alert(self._vault, self._hub, item, self._look(item), self._file.reader_reference)


_KINDS: Final[dict[str, Callable[[Pusher, OutboxItem], Receipt | None]]] = {
    "report": Pusher._report,
    "give-back": Pusher._give_back,
    "note": Pusher._note,
    "alert": Pusher._alert,
    DOCUMENTS: lambda one, item: deliver_documents(one._vault, one._hub, item, one._file),
}

_CHOICES_BY_CODE: Final = {
    "other-report": ("withdraw",),
    "doubled": ("resend",),
    "no-reader": ("resend",),
    "patient-changed": ("withdraw",),
}
"""What is offered for a refusal; else to send it again unchanged, or to withdraw it."""


def _names(item: OutboxItem) -> dict[str, Any]:
    return {
        "item": item.id,
        "what": item.kind,
        "hub": item.key.hub_id,
        "task": item.key.task_id,
        **({"report": item.report_id, "version": item.report_version} if item.report_id else {}),
    }
