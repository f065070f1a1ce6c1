"""From a signed report to what the hub moves; composed anew for every try, from bytes that never change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, TypeVar

from teleread.documents.fhir import leaves_task, transaction
from teleread.documents.forms import pdf_name, render_form, sr_name, switches_of
from teleread.documents.frozen import thaw
from teleread.model.delivery import OutboxItem, Receipt, Submission
from teleread.model.errors import AttentionError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.report import SignedReport
from teleread.model.task import TaskContext
from teleread.model.text import clean
from teleread.sync.backoff import Extras

__all__ = ["FHIR", "form_of", "submission"]

FHIR: Final = "fhir-transaction"

T = TypeVar("T")


def form_of(report: SignedReport) -> Mapping[str, Any]:
    """The frozen form, parsed.

    Raises:
        AttentionError: ``unsendable``: it is none.
    """
    return _made(lambda: thaw(report.frozen))


def submission(
    item: OutboxItem,
    report: SignedReport,
    context: TaskContext,
    before: Receipt | None,
    hub: HubFile,
    *,
    forms: Sequence[str] = (FHIR,),
    seals: Mapping[str, bytes] = MappingProxyType({}),
) -> Submission:
    """A report version as the hub takes it, with the reader's note and in the way the reader chose.

    Args:
        item: Its row in the outbox.
        report: What was signed.
        context: The task as the hub has it now.
        before: The receipt of the version it stands on; None for the first.
        hub: The hub's file: who the reader is there, and its switches for documents.
        forms: What the hub takes.
        seals: The signatures made for documents when the report was signed, by their name.

    Raises:
        AttentionError: ``unsendable``: it can't be composed; the others go on.
    """
    if forms[0] != FHIR:
        return _documents(item, report, context, before, hub, forms, seals)
    reader = hub.reader_reference
    extras = Extras(item.payload)
    seen = _noted(context, extras.note) if extras.note else context
    body = _made(lambda: transaction(report, seen, before, reader))
    if extras.get("as") == "preliminary":
        body = _preliminary(body)
    return Submission(
        form=FHIR,
        body=body,
        key=report.idempotency_key,
        report_id=report.report_id,
        version=report.version,
        sha256=report.sha256,
        task=item.key,
        predecessor=before.version if before else "",
    )


def _documents(
    item: OutboxItem,
    report: SignedReport,
    context: TaskContext,
    before: Receipt | None,
    hub: HubFile,
    forms: Sequence[str],
    seals: Mapping[str, bytes],
) -> Submission:
    """The report in every form the hub takes; one that can't be written here is left out, the first never."""
    switches = _made(lambda: switches_of(hub.documents))
    preliminary = Extras(item.payload).get("as") == "preliminary"
    names = {
        "dicom-sr": sr_name(switches) if switches.dicom_signature else "",
        "pdf": pdf_name() if switches.pdf_signature else "",
    }
    parts: dict[str, bytes] = {}
    for form in forms:
        try:
            data = _made(lambda form=form: render_form(report, form, switches))  # type: ignore[misc]
        except AttentionError:
            if form == forms[0]:
                raise
            continue
        if form == "hl7v2" and preliminary:
            from teleread.documents.hl7v2 import offered

            data = offered(data)
        parts[form] = data + seals.get(names.get(form, ""), b"")
    thawed = form_of(report)
    leaves = leaves_task(thawed) or preliminary
    return Submission(
        form="documents",
        body=report.frozen,
        key=report.idempotency_key,
        report_id=report.report_id,
        version=report.version,
        sha256=report.sha256,
        task=item.key,
        predecessor=before.version if before else "",
        parts=parts,
        author=str(thawed["reader"]["name"]),
        signed_at=report.signed_at,
        completes=not leaves and context.task.owner == hub.reader_reference,
        note=Extras(item.payload).note,
    )


def _made(make: Callable[[], T]) -> T:
    """What is composed of our own bytes; a report that can't be must not keep the others from going."""
    try:
        return make()
    except (TelereadError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
        words = problem.title if isinstance(problem, TelereadError) else type(problem).__name__
        raise AttentionError(
            "This report could not be made ready to send.", clean(words), code="unsendable"
        ) from problem


def _preliminary(body: bytes) -> bytes:
    """The same report as one that ends nobody's reading: status preliminary, the task left as it is."""
    bundle = json.loads(body)
    kept = [one for one in bundle["entry"] if one["resource"]["resourceType"] != "Task"]
    for one in kept:
        if one["resource"]["resourceType"] == "DiagnosticReport":
            one["resource"]["status"] = "preliminary"
    return json.dumps({**bundle, "entry": kept}, ensure_ascii=False, separators=(",", ":")).encode()


def _noted(context: TaskContext, note: str) -> TaskContext:
    """The task with the reader's note for the hub; the signed report itself is not touched."""
    raw = context.raw.get("task", {})
    notes = raw.get("note")
    kept = list(notes) if isinstance(notes, list) else []
    return replace(context, raw={**context.raw, "task": {**raw, "note": [*kept, {"text": note}]}})
