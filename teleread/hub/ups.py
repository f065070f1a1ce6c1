"""The Hub port over workitems, and over UPS-RS: a task performer of IHE RRR-WF (RAD-80 to RAD-88, RAD-109).

The worklist and the claims are workitems; reports go to the hub's archive as DICOM documents, and the
workitem names them when it is completed. Transaction UIDs are in the vault before they are sent.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from teleread.host.clock import Clock, SystemClock
from teleread.hub.document_delivery import Delivery, Documents, earlier_studies
from teleread.hub.port import Capabilities, Found, Health, PullPage
from teleread.hub.ups_bodies import cancel_reason, progress_note
from teleread.hub.ups_claim import UpsClaim
from teleread.hub.ups_events import UpsEvents
from teleread.hub.ups_memory import KeyStore, UpsMemory
from teleread.hub.ups_port import UpsLine
from teleread.hub.ups_pull import UpsPull
from teleread.hub.ups_store import DocumentStore
from teleread.hub.ups_submit import UpsSubmit
from teleread.hub.ups_wire import Dialect, UpsWire, dialect_of
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError
from teleread.model.hubfile import HubFile
from teleread.model.task import PriorReport, PriorStudy, TaskContext, TaskKey
from teleread.model.text import EMPTY, SafeText, clean
from teleread.wire.fhir_json import Unreadable
from teleread.wire.http import HttpClient
from teleread.wire.http_answers import Timeouts
from teleread.wire.sign_in import SecretSignIn, SignIn
from teleread.wire.ups_json import Seen, Workitem, context_of_workitem, is_reader

if TYPE_CHECKING:
    import httpx

__all__ = ["UpsHub", "UpsRsHub"]

NOTE_LIMIT: Final = 1024
"""Longest Procedure Step Progress Description, characters (VR ST, PS3.5 6.2)."""


class UpsHub:
    """The Hub port over workitems, whatever line they come by.

    Args:
        hub: The hub file.
        dialect: How this hub differs.
        wire: The line to its workitems.
        documents: The archive its reports go to.
        memory: Where Transaction UIDs are kept; the vault's hub secrets.
        clock: Our clock.
    """

    forms: tuple[str, ...] = ("dicom-sr", "dicom-pdf")

    def __init__(
        self,
        hub: HubFile,
        dialect: Dialect,
        wire: UpsLine,
        documents: Documents,
        memory: KeyStore,
        clock: Clock,
    ) -> None:
        self.hub = hub
        self.hub_id = hub.hub_id
        self.dialect = dialect
        self.wire = wire
        self.memory = UpsMemory(hub.hub_id, memory)
        self._clock = clock
        self._documents = documents
        self._claim = UpsClaim(wire, hub, self.memory, clock.now, self._seen)
        self._delivery = Delivery(documents, self.memory, hub, clock.now)
        self._submit = UpsSubmit(wire, self._delivery, self._claim, self.memory, hub, clock.now)

    def pull(self, cursor: str) -> Iterator[PullPage]:
        """Yield what changed since a cursor, windows overlapping by 5 minutes."""
        self.memory.prune(self._clock.now())
        return UpsPull(self.wire, self._clock.now, self._readable).pages(cursor)

    def read(self, key: TaskKey) -> TaskContext:
        """Read a task again: a workitem carries its order, patient and study itself."""
        return self._context(self._submit.read(key.task_id))

    def look(self, keys: Collection[TaskKey]) -> dict[TaskKey, TaskContext]:
        """Nothing: workitems are read one by one, so that what is compared was always told the same way."""
        return {}

    def claim(self, context: TaskContext) -> TaskContext:
        """Take a task for this reader.

        Raises:
            AttentionError: ``claim-lost``, ``not-ready``.
        """
        return self._context(self._claim.claim(context.key.task_id))

    def give_back(self, context: TaskContext, reason_code: str, reason_text: str) -> TaskContext:
        """Cancel a claimed task with a reason (CID 9303 code); the hub offers it anew as another one."""
        return self._context(self._claim.give_back(context.key.task_id, reason_code, reason_text))

    def ask_to_cancel(self, key: TaskKey, reason_code: str, reason_text: str) -> None:
        """Ask whoever holds a task to cancel it (RAD-88); they need not.

        Raises:
            AttentionError: It has ended, or the hub does not allow it.
        """
        self.wire.request_cancel(key.task_id, cancel_reason(reason_code, reason_text))

    def priors(self, context: TaskContext) -> tuple[tuple[PriorStudy, ...], tuple[PriorReport, ...]]:
        """Ask the archive for the patient's earlier studies, newest first; a UPS-RS hub has no reports."""
        if not self.hub.has_archive:
            return (), ()
        current = str(context.study.study_uid) if context.study else ""
        numbers = [str(one.value) for one in context.patient.identifiers]
        known = {number: self._issuers(context, number) for number in numbers}
        return earlier_studies(self._documents, known, current), ()

    def submit(self, submission: Submission) -> Receipt:
        """Send one report version and read it back; safe to repeat with the same key."""
        return self._submit.submit(submission)

    def find(self, report_id: str, key: str) -> Found | None:
        """Ask what the archive holds for a report or an idempotency key."""
        return self._delivery.find(report_id, key)

    def holding(self, receipts: Mapping[str, str]) -> dict[str, Found]:
        """Ask for several reports; missing ones are left out."""
        return self._delivery.holding(receipts)

    def send_note(self, submission: Submission) -> Receipt:
        """Tell the hub something about a task this reader holds, in its progress (RAD-84).

        Raises:
            OfflineError: ``unknown``: it may have been applied.
            AttentionError: The task is not the reader's, the note is too long, or the hub's refusal.
        """
        uid = submission.task.task_id
        text = _note_in(submission)
        item = self.wire.read(uid)
        known = self.memory.claim(uid)
        if text not in item.progress:
            if known is None or not self._claim.is_ours(item):
                raise self._no_note("It takes words on a case only from whoever holds it.")
            whole = f"{item.progress}\n{text}".strip()
            if len(whole) > NOTE_LIMIT:
                raise self._no_note(f"It takes at most {NOTE_LIMIT} characters on a case.")
            self.wire.update(uid, progress_note(whole), known.transaction)
            item = self.wire.read(uid)
        shown = " ".join(text.split()) in " ".join(item.progress.split())
        return Receipt(
            id=clean(f"Note/{submission.key}"),
            version=EMPTY,
            sha256=submission.sha256 if shown else hashlib.sha256(item.progress.encode()).hexdigest(),
            hub_time="",
            stored_at=self._clock.now(),
        )

    def other_reports(self, context: TaskContext, ours: Collection[str] = ()) -> tuple[PriorReport, ...]:
        """What this task was completed with, by whomever, unless that is among ours."""
        item = self._submit.read(context.key.task_id)
        known = self.memory.claim(item.uid)
        named = [is_reader(one, self._seen()) for one in item.performers]
        # A hub put back from its backup may have had it ended by somebody else since.
        ours_alone = known is not None and known.state == "completed" and (any(named) or not named)
        if item.state != "COMPLETED" or (ours_alone and not item.outputs):
            return ()
        mine = self._delivery.names(ours)
        if any(sop in mine for _, _, sop in item.outputs):
            return ()
        study, series, sop = item.outputs[0] if item.outputs else ("", "", item.uid)
        text = self._documents.words_of(study, series, sop) if self.hub.has_archive else ""
        name = next((name or code for code, name in item.performers), "")
        report = PriorReport(
            id=SafeText(sop),
            version=EMPTY,
            status=SafeText("final"),
            study_uid=clean(study, limit=64),
            accession=context.order.accession,
            title=context.order.procedure,
            author=clean(name, limit=200),
            issued=context.task.last_updated,
            text=clean(text, multiline=True),
        )
        return (report,)

    def close(self) -> None:
        """Let go of connections."""
        self.wire.close()
        self._documents.close()

    def _seen(self) -> Seen:
        hub = self.hub
        return Seen(
            self.hub_id,
            self._clock.now(),
            hub.reader_reference,
            hub.reader_name,
            hub.patient_id_issuer,
            self.dialect.zone,
        )

    def _readable(self, item: Workitem) -> tuple[TaskContext, tuple[str, ...]]:
        mine = self._claim.is_mine(item)
        asked = item.state == "IN PROGRESS" and mine and self.memory.asked_to_cancel(item.uid)
        return context_of_workitem(item, self._seen(), mine=mine, asked_to_cancel=asked)

    def _context(self, item: Workitem) -> TaskContext:
        try:
            return self._readable(item)[0]
        except Unreadable as problem:
            raise AttentionError(
                f"The hub {self.hub.name} gives a task that cannot be read.",
                f"{clean(problem)}.",
                "Tell the site.",
                code="refused",
            ) from problem

    def _issuers(self, context: TaskContext, value: str) -> frozenset[str]:
        """The names of whoever issued a number, as an archive may write them."""
        raw = context.raw.get("workitem", {})
        local = raw.get("00100021", {}).get("Value", []) if isinstance(raw, dict) else []
        own = {str(one.issuer) for one in context.patient.identifiers if one.value == value}
        return frozenset({*own, *(str(one) for one in local)} - {""})

    def _no_note(self, why: str) -> AttentionError:
        return AttentionError(
            f"The hub {self.hub.name} takes no such note.",
            why,
            "Ring the site, then close this with what was told.",
            code="refused",
        )


class UpsRsHub(UpsHub):
    """A UPS-RS worklist with a DICOMweb archive.

    Args:
        hub: The hub file; ``ups_rs`` and ``dicomweb`` are set.
        secret: Password or token for basic and bearer.
        clock: Our clock.
        memory: Where Transaction UIDs are kept; the vault's hub secrets.
        timeouts: Time limits of each request.
        transport: Another HTTP transport, for tests.
        sign_in: Another way to sign in than the secret; asked again when the hub refuses a token.

    Raises:
        UsageError: The hub file's ``ups_options`` are wrong.
    """

    def __init__(
        self,
        hub: HubFile,
        secret: str | None = None,
        clock: Clock | None = None,
        *,
        memory: KeyStore,
        timeouts: Timeouts | None = None,
        transport: httpx.BaseTransport | None = None,
        sign_in: SignIn | None = None,
    ) -> None:
        dialect = dialect_of(hub)
        sign_in = sign_in or SecretSignIn(hub, secret)
        more: dict[str, Any] = {"timeouts": timeouts, "transport": transport, "sign_in": sign_in}
        http = HttpClient(hub, secret, base=hub.ups_rs, **more)
        documents = DocumentStore(
            HttpClient(hub, secret, base=hub.dicomweb, what="archive", **more) if hub.dicomweb else http
        )
        self._web = UpsWire(http, hub, dialect)
        super().__init__(hub, dialect, self._web, documents, memory, clock or SystemClock())
        self._events = UpsEvents(self._web, hub, self.memory, sign_in)

    def health(self) -> Health:
        """Look whether the hub answers."""
        began, sent = self._clock.monotonic(), self._clock.now()
        answer = self._web.ask()
        seconds = self._clock.monotonic() - began
        # A Date header counts whole seconds: half of one is added, and half of the round trip taken off.
        date = answer.date
        offset = (date - sent).total_seconds() - seconds / 2 + 0.5 if date is not None else None
        software = clean(answer.headers.get("server", "") or "a UPS-RS worklist", limit=200)
        can = Capabilities("UPS-RS", if_match=False, transactions=False)
        return Health(software, offset, seconds * 1000, can)

    def listen(self, stop: threading.Event, heard: Callable[[], None]) -> bool:
        """Listen to the hub's events until stopped or until the channel ends.

        Returns:
            False where there are none to be had.

        Raises:
            OfflineError: The hub does not answer, or the channel broke.
            NotSignedInError: It wants a sign-in.
        """
        return self.dialect.events and self._events.listen(stop, heard)


def _started(one: PriorStudy) -> Any:
    return one.started


def _note_in(submission: Submission) -> str:
    try:
        payload = json.loads(submission.body)["payload"]
        return str(payload[0]["contentString"])
    except (ValueError, LookupError, TypeError):
        raise AttentionError("This note could not be made ready to send.", code="unsendable") from None
