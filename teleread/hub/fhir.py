"""The Hub port over FHIR R4 (REST, JSON)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from teleread.host.clock import Clock, SystemClock
from teleread.hub.document_delivery import Delivery, archive_of
from teleread.hub.fhir_claim import FhirClaim
from teleread.hub.fhir_notes import FhirNotes
from teleread.hub.fhir_pull import FhirPull
from teleread.hub.fhir_submit import FhirSubmit
from teleread.hub.fhir_wire import PAGE_SIZE, FhirWire, Resource
from teleread.hub.port import Capabilities, Found, Health, PullPage
from teleread.hub.ups_memory import KeyStore, UpsMemory
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.hubfile import HubFile
from teleread.model.task import PriorReport, PriorStudy, TaskContext, TaskKey
from teleread.model.text import EMPTY, clean
from teleread.wire.fhir_json import (
    Unreadable,
    context_of,
    links_of,
    prior_study_of,
    study_uid_of,
    task_of,
)
from teleread.wire.fhir_parts import accessions, items, logical_id, obj, when, words
from teleread.wire.fhir_reports import FINAL, prior_report_of, report_study_ids, uuids_of
from teleread.wire.http import HttpClient
from teleread.wire.http_answers import Timeouts
from teleread.wire.sign_in import SignIn

if TYPE_CHECKING:
    import httpx

__all__ = ["FhirHub"]

ARCHIVE_FORMS = ("dicom-sr", "key-objects", "dicom-measurements")
"""Documents for the archive; the first tells which signed bytes it holds, and a withdrawal rejects it."""
_HIDDEN_STATUSES = frozenset({"entered-in-error", "cancelled", "registered", "unknown"})
_PRIOR_PAGES = 5


class FhirHub:
    """A FHIR R4 hub.

    Args:
        hub: The hub file; ``hub.fhir`` is the base address.
        secret: Password or token for basic and bearer.
        clock: Our clock.
        timeouts: Time limits of each request.
        transport: Another HTTP transport, for tests.
        sign_in: Another way to sign in than the secret; asked again when the hub refuses a token.
        memory: Where it is kept which documents went to the archive; without it none go.
    """

    forms: tuple[str, ...] = ("fhir-transaction",)

    def __init__(
        self,
        hub: HubFile,
        secret: str | None = None,
        clock: Clock | None = None,
        *,
        timeouts: Timeouts | None = None,
        transport: httpx.BaseTransport | None = None,
        sign_in: SignIn | None = None,
        memory: KeyStore | None = None,
    ) -> None:
        self.hub = hub
        self.hub_id = hub.hub_id
        self._clock = clock or SystemClock()
        self._http = HttpClient(
            hub, secret, base=hub.fhir, timeouts=timeouts, transport=transport, sign_in=sign_in
        )
        self._wire = FhirWire(self._http)
        self._claim = FhirClaim(self._wire, hub, self._compares)
        self._submit = FhirSubmit(self._wire, self._clock.now)
        self._capabilities: Capabilities | None = None
        self._documents = archive_of(hub, secret, sign_in) if memory and hub.archive_documents else None
        self._delivery: Delivery | None = None
        if self._documents is not None and memory is not None:
            self._delivery = Delivery(self._documents, UpsMemory(hub.hub_id, memory), hub, self._clock.now)
        self.archive_forms: tuple[str, ...] = ARCHIVE_FORMS if self._delivery is not None else ()

    def health(self) -> Health:
        """Look whether the hub answers, and what it can do."""
        began, sent = self._clock.monotonic(), self._clock.now()
        answer = self._wire.get("metadata")
        seconds = self._clock.monotonic() - began
        statement = obj(answer.json)
        if statement.get("resourceType") != "CapabilityStatement":
            raise OfflineError(
                f"The hub {self.hub.name} answers, but not as a FHIR server.",
                remedy="Check its address: it is the one below which /metadata stands.",
                code="garbled",
            )
        self._capabilities = _capabilities(statement)
        software = obj(statement.get("software"))
        name = f"{words(software.get('name')) or 'a FHIR server'} {words(software.get('version'))}".strip()
        # A Date header counts whole seconds: half of one is added, and half of the round trip taken off.
        offset = None
        if answer.date is not None:
            offset = (answer.date - sent).total_seconds() - seconds / 2 + 0.5
        return Health(name, offset, seconds * 1000, self._capabilities)

    def pull(self, cursor: str) -> Iterator[PullPage]:
        """Yield what changed since a cursor, windows overlapping by 5 minutes."""
        return FhirPull(self._wire, self.hub_id, self._clock.now).pages(cursor)

    def read(self, key: TaskKey) -> TaskContext:
        """Read a task and what hangs on it again, resource by resource."""
        task = self._wire.read("Task", key.task_id)
        links = links_of(task)
        order = self._wire.read("ServiceRequest", links.order) if links.order else None
        patient_id = links.patient or logical_id(obj(order).get("subject"), "Patient")
        patient = self._wire.read("Patient", patient_id) if patient_id else None
        study = self._study(links.study, links.order)
        return self._context(task, order, patient, study)

    def look(self, keys: Collection[TaskKey]) -> dict[TaskKey, TaskContext]:
        """Look at several tasks and what hangs on them, forty a request."""
        found = FhirPull(self._wire, self.hub_id, self._clock.now).look([one.task_id for one in keys])
        return {one.key: one for one in found}

    def claim(self, context: TaskContext) -> TaskContext:
        """Take a task for this reader.

        Raises:
            AttentionError: ``claim-lost``.
        """
        return self._renewed(context, self._claim.claim(context.key.task_id))

    def give_back(self, context: TaskContext, reason_code: str, reason_text: str) -> TaskContext:
        """Return a claimed task with a reason (DICOM CID 9303 code)."""
        return self._renewed(context, self._claim.give_back(context.key.task_id, reason_code, reason_text))

    def renew(self, context: TaskContext, now: datetime) -> TaskContext | None:
        """Renew this reader's claim once half of the hub file's ``lease_minutes`` is over.

        Args:
            context: The task as the hub has it now; its ``last_updated`` is when the time began.
            now: The hub's time, UTC.

        Raises:
            AttentionError: ``claim-lost``.
        """
        lease = timedelta(minutes=self.hub.lease_minutes)
        began = context.task.last_updated or when(obj(context.raw.get("task")).get("lastModified"))
        if not lease or (began is not None and now - began < lease / 2):
            return None
        return self._renewed(context, self._claim.renew(context.key.task_id, context.task.version, now))

    def priors(self, context: TaskContext) -> tuple[tuple[PriorStudy, ...], tuple[PriorReport, ...]]:
        """Ask for the patient's earlier studies and reports, newest first."""
        params = {"patient": f"Patient/{context.patient.id}", "_count": PAGE_SIZE}
        resources = self._wire.all("ImagingStudy", params, pages=_PRIOR_PAGES)
        uids: dict[str, str] = {words(one.get("id")): study_uid_of(one) for one in resources}
        current = context.study.study_uid if context.study else ""
        studies = [
            study
            for study in map(_readable_study, resources)
            if study is not None and study.study_uid != current
        ]
        reports = [
            report
            for one in self._wire.all("DiagnosticReport", params, pages=_PRIOR_PAGES)
            if one.get("status") not in _HIDDEN_STATUSES
            and (report := _readable_report(one, uids)) is not None
            and (not current or report.study_uid != current)
        ]
        return _newest(studies, lambda one: one.started), _newest(reports, lambda one: one.issued)

    def submit(self, submission: Submission) -> Receipt:
        """Send one report version and read it back; safe to repeat with the same key."""
        return self._submit.submit(submission)

    def find(self, report_id: str, key: str) -> Found | None:
        """Ask by identifier what the hub holds for a report or an idempotency key."""
        return self._submit.find(report_id, key)

    def holding(self, receipts: Mapping[str, str]) -> dict[str, Found]:
        """Ask for several reports at once, by identifier and then by address; missing ones are left out."""
        return self._submit.holding(receipts)

    def send_note(self, submission: Submission) -> Receipt:
        """Send a note about a task; safe to repeat with the same key."""
        return FhirNotes(self._wire, self._clock.now).send(submission)

    def store_documents(self, submission: Submission) -> Receipt:
        """Store a report version's documents in the hub's archive and read them back; safe to repeat."""
        if self._delivery is None:
            raise AttentionError(f"The hub {self.hub.name} takes no DICOM documents.", code="refused")
        stored = self._delivery.bring(submission)
        self._delivery.arrived(submission, stored)
        return self._delivery.receipt(stored[0], EMPTY)

    def other_reports(self, context: TaskContext, ours: Collection[str] = ()) -> tuple[PriorReport, ...]:
        """Issued reports on this order or study that are not among ours.

        Args:
            context: The task.
            ours: Report ids (UUIDs) and logical ids (``DiagnosticReport/17``) to leave out.
        """
        found: dict[str, Resource] = {}
        if context.order.id:
            params = {"based-on": f"ServiceRequest/{context.order.id}", "_count": PAGE_SIZE}
            for one in self._wire.all("DiagnosticReport", params, pages=_PRIOR_PAGES):
                # A server that does not know based-on answers with everything it has.
                if any(
                    logical_id(ref, "ServiceRequest") == context.order.id for ref in items(one.get("basedOn"))
                ):
                    found[words(one.get("id"))] = one
        if context.patient.id:
            params = {"patient": f"Patient/{context.patient.id}", "_count": PAGE_SIZE}
            for one in self._wire.all("DiagnosticReport", params, pages=_PRIOR_PAGES):
                if _about(one, context):
                    found[words(one.get("id"))] = one
        mine = {one.lower() for one in ours}
        uids: dict[str, str] = {context.study.id: context.study.study_uid} if context.study else {}
        reports = [
            report
            for ident, one in found.items()
            if one.get("status") in FINAL
            and f"diagnosticreport/{ident}".lower() not in mine
            and not mine.intersection(uuids_of(one))
            and (report := _readable_report(one, uids)) is not None
        ]
        return _newest(reports, lambda one: one.issued)

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()
        if self._documents is not None:
            self._documents.close()

    def _compares(self) -> bool:
        # Not asked for here: looking at one Task again is cheaper than reading a CapabilityStatement.
        return self._capabilities is not None and self._capabilities.if_match

    def _study(self, ident: str, order_id: str) -> Resource | None:
        if ident:
            try:
                return self._wire.read("ImagingStudy", ident)
            except AttentionError as refusal:
                if refusal.code != "gone":
                    raise
                return None
        if not order_id:
            return None
        try:
            studies = self._wire.all("ImagingStudy", {"basedon": f"ServiceRequest/{order_id}"}, pages=1)
        except AttentionError as refusal:
            if refusal.code not in {"refused", "forbidden", "gone"}:
                raise
            return None
        return next(
            (
                one
                for one in studies
                if any(logical_id(ref, "ServiceRequest") == order_id for ref in items(one.get("basedOn")))
            ),
            None,
        )

    def _context(
        self, task: Resource, order: Resource | None, patient: Resource | None, study: Resource | None
    ) -> TaskContext:
        try:
            return context_of(self.hub_id, task, order, patient, study, self._clock.now())[0]
        except Unreadable as problem:
            raise AttentionError(
                f"The hub {self.hub.name} gives a task that cannot be read.",
                f"{clean(problem)}.",
                "Tell the site.",
                code="refused",
            ) from problem

    def _renewed(self, context: TaskContext, task: Resource) -> TaskContext:
        return replace(
            context, task=task_of(task), raw={**context.raw, "task": task}, seen_at=self._clock.now()
        )


def _capabilities(statement: dict[str, Any]) -> Capabilities:
    server = next(iter(items(statement.get("rest"))), {})
    task = next((one for one in items(server.get("resource")) if one.get("type") == "Task"), {})
    verbs = {str(one.get("code")) for one in items(server.get("interaction"))}
    return Capabilities(
        protocol="FHIR R4",
        if_match=task.get("versioning") == "versioned-update",
        transactions="transaction" in verbs,
    )


def _readable_study(resource: Resource) -> PriorStudy | None:
    try:
        return prior_study_of(resource)
    except Unreadable:
        return None


def _readable_report(resource: Resource, uids: dict[str, str]) -> PriorReport | None:
    try:
        return prior_report_of(resource, uids)
    except Unreadable:
        return None


def _about(report: Resource, context: TaskContext) -> bool:
    study = context.study
    if study is not None and {study.id, study.study_uid} & set(report_study_ids(report)):
        return True
    numbers = {one.casefold() for one in context.order.accessions}
    return bool(numbers.intersection(one.casefold() for one in accessions(report)))


def _newest(found: list[Any], at: Any) -> tuple[Any, ...]:
    dated = sorted((one for one in found if at(one) is not None), key=at, reverse=True)
    return (*dated, *(one for one in found if at(one) is None))
