"""Bringing a report to a FHIR hub exactly once: one transaction, then read back and compared.

Every doubt is settled by asking: after a lost answer, a refusal that follows one (412 on a replay) and a
success alike, what the hub then holds under the report's identifier counts, compared by the SHA-256 of the
frozen bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from teleread.hub.fhir_wire import FHIR_JSON, FhirWire, Resource
from teleread.hub.port import Found
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.text import EMPTY, SafeText, clean
from teleread.wire.fhir_parts import items, logical_id, obj, version_of, words
from teleread.wire.fhir_reports import author_of, frozen_sha256, uuids_of

__all__ = ["URI_SYSTEM", "FhirSubmit"]

URI_SYSTEM = "urn:ietf:rfc:3986"
AT_ONCE = 20
"""Most reports asked for in one search, so that its address stays under 2 KB."""


class FhirSubmit:
    """Submit and find.

    Args:
        wire: The hub.
        now: Our clock, for ``stored_at``.
    """

    def __init__(self, wire: FhirWire, now: Callable[[], datetime]) -> None:
        self._wire = wire
        self._now = now

    def submit(self, submission: Submission) -> Receipt:
        """Send one report version and read it back.

        Raises:
            OfflineError: ``unknown``: it may have been applied.
            AttentionError: ``changed``, ``other-report``, or the hub's refusal.
        """
        if submission.form != "fhir-transaction":
            raise AttentionError(
                f"{self._who} takes FHIR transactions only.", code="refused", remedy="Check its hub file."
            )
        headers = {"Accept": FHIR_JSON, "Content-Type": FHIR_JSON}
        try:
            answer = self._wire.http.send_json("POST", "", submission.body, headers)
        except (OfflineError, AttentionError) as problem:
            if problem.code in {"unknown", "changed", "refused"}:
                receipt = self._after_doubt(submission)
                if receipt is not None:
                    return receipt
            raise
        located = _report_location(obj(answer.json))
        hub_time = answer.date.isoformat() if answer.date else ""
        try:
            return self._proof(submission, located, hub_time)
        except OfflineError as problem:
            raise OfflineError(
                f"{self._who} took the report, but could not be asked for it.",
                "It has most likely arrived. It is asked for again before anything is sent again.",
                code="unknown",
                retry_after=problem.retry_after,
            ) from problem

    def find(self, report_id: str, key: str) -> Found | None:
        """What the hub holds for a report or an idempotency key; None for nothing."""
        for uuid in dict.fromkeys(one.lower() for one in (report_id, key) if one):
            resource, date = self._ask(uuid)
            if resource is not None:
                return self._found(resource, date)
        return None

    def holding(self, receipts: Mapping[str, str]) -> dict[str, Found]:
        """What the hub holds of several reports: many in one search, the rest each by itself.

        Args:
            receipts: Report id to the id of its receipt (``DiagnosticReport/17``).
        """
        found: dict[str, Found] = {}
        wanted = sorted(receipts)
        for at in range(0, len(wanted), AT_ONCE):
            found |= self._batch(wanted[at : at + AT_ONCE])
        for report_id in wanted:
            if report_id not in found:
                one = self.find(report_id, "") or self._at(receipts[report_id], report_id)
                if one is not None:
                    found[report_id] = one
        return found

    def _batch(self, report_ids: list[str]) -> dict[str, Found]:
        names = ",".join(f"{URI_SYSTEM}|urn:uuid:{one.lower()}" for one in report_ids)
        try:
            hits = self._wire.all("DiagnosticReport", {"identifier": names, "_count": AT_ONCE})
        except AttentionError as refusal:
            if refusal.code not in {"refused", "gone"}:
                raise
            return {}  # a server that knows no lists: one by one
        return {
            report_id: self._found(one, "")
            for one in hits
            for report_id in report_ids
            if report_id.lower() in uuids_of(one)
        }

    def _at(self, receipt_id: str, report_id: str) -> Found | None:
        """By its address: a search index may lag behind the store, or have been lost."""
        try:
            resource = self._wire.read("DiagnosticReport", receipt_id.rpartition("/")[2])
        except AttentionError as refusal:
            if refusal.code != "gone":
                raise
            return None
        return self._found(resource, "") if report_id.lower() in uuids_of(resource) else None

    def _ask(self, uuid: str) -> tuple[Resource | None, str]:
        params = {"identifier": f"{URI_SYSTEM}|urn:uuid:{uuid}", "_count": 10}
        hits: list[Resource] = []
        date = ""
        for page in self._wire.search("DiagnosticReport", params, pages=5):
            date = date or (page.date.isoformat() if page.date else "")
            # A server that ignores the parameter answers with other reports: only what carries the id counts.
            hits += [one for one in page.of("DiagnosticReport") if uuid in uuids_of(one)]
        if len({words(one.get("id")) for one in hits}) > 1:
            raise AttentionError(
                f"{self._who} holds one report more than once.",
                "Nothing more is sent for it.",
                "Ring the site: one of them has to be taken away there.",
                code="doubled",
            )
        return (hits[0] if hits else None), date

    def _found(self, resource: Resource, hub_time: str, task_status: SafeText = EMPTY) -> Found:
        receipt = Receipt(
            id=clean(f"DiagnosticReport/{words(resource.get('id'))}"),
            version=version_of(resource),
            sha256=frozen_sha256(resource),
            hub_time=hub_time or words(obj(resource.get("meta")).get("lastUpdated"), limit=64),
            stored_at=self._now(),
            task_status=task_status,
        )
        return Found(receipt, words(resource.get("status")), author_of(resource), uuids_of(resource))

    def _after_doubt(self, submission: Submission) -> Receipt | None:
        try:
            found = self.find(submission.report_id, "")
        except TelereadError:
            return None  # the first news stands
        if found is None or found.receipt.sha256 != submission.sha256:
            return None
        return self._with_task(submission, found.receipt)

    def _proof(self, submission: Submission, located: str, hub_time: str) -> Receipt:
        found: Found | None = None
        if located:
            # By its address first: a search index may lag behind the store.
            found = self._found(self._wire.read("DiagnosticReport", located), hub_time)
            if found.receipt.sha256 != submission.sha256:
                found = None
        found = found or self.find(submission.report_id, "")
        if found is None:
            raise OfflineError(f"{self._who} took the report but does not show it.", code="unknown")
        if found.receipt.sha256 != submission.sha256:
            raise AttentionError(
                f"{self._who} holds another text under this report's number.",
                "Yours is kept here, signed, and was not stored there.",
                "Compare both, then choose.",
                code="other-report",
            )
        return self._with_task(submission, found.receipt)

    def _with_task(self, submission: Submission, receipt: Receipt) -> Receipt:
        try:
            task = self._wire.read("Task", submission.task.task_id)
        except TelereadError:
            return receipt  # the report is proven; the task's state comes with the next pull
        return Receipt(
            receipt.id,
            receipt.version,
            receipt.sha256,
            receipt.hub_time,
            receipt.stored_at,
            words(task.get("status"), limit=64),
        )

    @property
    def _who(self) -> str:
        return self._wire.http.who[:1].upper() + self._wire.http.who[1:]


def _report_location(bundle: Resource) -> str:
    """Logical id of the DiagnosticReport that a transaction's answer names; empty where it names none."""
    for entry in items(bundle.get("entry")):
        resource = obj(entry.get("resource"))
        if resource.get("resourceType") == "DiagnosticReport":
            return words(resource.get("id"))
        location = obj(entry.get("response")).get("location")
        ident = logical_id({"reference": location}, "DiagnosticReport")
        if ident:
            return ident
    return ""
