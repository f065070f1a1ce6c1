"""From a draft to the bytes that are signed: a report, or a later version with everything it stands on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from teleread.documents.frozen import Freezing, freeze, moment, thaw
from teleread.model.evidence import Alert, Evidence, KeyImage, Measurement
from teleread.model.identity import Match
from teleread.model.report import Check, Draft, Override, Section, SignedReport, Template
from teleread.model.study import InstanceInfo, StudyInfo
from teleread.model.task import TaskContext, TaskKey
from teleread.model.text import SafeText, clean
from teleread.reporting.alerts import alert_in, plain_fields
from teleread.reporting.drafting import resolved

from .acts import changing_in, cosigners_in

__all__ = ["Case", "alert_of", "as_signed", "compose_sections", "freezing", "report_of", "uuid7", "words_of"]

ADDENDUM_LOINC: Final = "55107-7"


@dataclass(frozen=True, slots=True)
class Case:
    """What is signed, besides who signs it and when."""

    draft: Draft
    context: TaskContext
    """Task, order, patient and study as last seen."""
    study: StudyInfo | None
    instances: Sequence[InstanceInfo]
    match: Match
    checks: Sequence[Check]
    overrides: Sequence[Override]
    template: Template | None
    predecessor: SignedReport | None = None
    """The version of the report that this one adds to, corrects, withdraws or, after an unsigned reading,
    signs."""
    version: int = 0
    """Number of the new version; 0 for the one after the predecessor. Larger where versions in between
    were signed and taken back: their numbers are never used again."""
    act: str = ""
    """``preliminary`` where the draft goes out unsigned; else the draft's own kind counts."""
    again: bool = False
    """An earlier report on this task was withdrawn."""
    key_images: tuple[KeyImage, ...] = ()
    """Images the reader marked."""
    measurements: tuple[Measurement, ...] = ()
    """What was measured on images and stands in the text."""

    @property
    def kind(self) -> str:
        """Kind of the version that is made."""
        return self.act or self.draft.kind


def compose_sections(
    draft: Draft,
    template: Template | None,
    predecessor: SignedReport | None,
    reader_name: str,
    signed_at: datetime,
) -> tuple[Section, ...]:
    """The text as it will be signed: fields without brackets.

    An addendum comes after all that was said, a withdrawal repeats what it takes back, all else is the
    draft's own text.
    """
    own = resolved(draft.sections, template)
    if predecessor is None or draft.kind not in {"addendum", "withdrawal"}:
        return own
    before = tuple(
        Section(one["id"], SafeText(one["label"]), one["loinc"], SafeText(one["text"]))
        for one in thaw(predecessor.frozen)["sections"]
    )
    if draft.kind == "withdrawal":
        return before
    number = 1 + sum(one.id.startswith("addendum-") for one in before)
    written = [one for one in own if one.text.strip()]
    bare = len(written) == 1
    text = "\n\n".join(one.text if bare else f"{one.label}\n{one.text}" for one in written)
    stamp = moment(signed_at)
    label = clean(f"Addendum {number}, {stamp[:10]} {stamp[11:16]} UTC, {reader_name or 'the reader'}")
    return (*before, Section(f"addendum-{number}", label, ADDENDUM_LOINC, clean(text, multiline=True)))


def freezing(
    case: Case,
    *,
    idempotency_key: str,
    report_id: str,
    reader_id: str,
    reader_name: str,
    signed_at: datetime,
    zone: str,
    offset_seconds: float | None,
) -> Freezing:
    """Everything a signature will cover."""
    before, name = case.predecessor, clean(reader_name)
    changing = changing_in(case.draft.fields)
    return Freezing(
        report_id=before.report_id if before else report_id,
        version=case.version or (before.version + 1 if before else 1),
        idempotency_key=idempotency_key,
        draft=replace(case.draft, kind=case.kind, fields=plain_fields(case.draft.fields)),
        sections=compose_sections(case.draft, case.template, before, name, signed_at),
        context=case.context,
        study=case.study,
        instances=case.instances,
        match=case.match,
        checks=case.checks,
        overrides=case.overrides,
        reader_id=reader_id,
        reader_name=name,
        signed_at=signed_at,
        zone=zone,
        offset_seconds=offset_seconds,
        predecessor=before,
        evidence=Evidence(
            key_images=case.key_images,
            measurements=case.measurements,
            alert=alert_of(case),
            language=case.template.language if case.template else "",
            change=changing.change if changing else None,
            cosigners=cosigners_in(case.draft.fields),
        ),
    )


def alert_of(case: Case) -> Alert | None:
    """The alert of the draft; else the one the report it adds to carries already."""
    own = alert_in(case.draft.fields)
    if own is not None or case.predecessor is None:
        return own
    before = thaw(case.predecessor.frozen).get("alert")
    words = (before[name] for name in ("category", "told", "at", "method")) if before else ()
    return Alert(*map(SafeText, words)) if before else None


def as_signed(what: Freezing, signature_of: str, frozen: bytes) -> SignedReport:
    """The report as the vault keeps it."""
    report = report_of(frozen, signature_of)
    return replace(report, draft_id=what.draft.id, signed_at=what.signed_at)


def report_of(frozen: bytes, signature: str) -> SignedReport:
    """A signed report from its bytes alone.

    Raises:
        IntegrityError: They are no frozen form.
    """
    form = thaw(frozen)
    accessions = form["order"]["accessions"]
    return SignedReport(
        report_id=form["report_id"],
        version=form["version"],
        draft_id="",
        key=TaskKey(form["hub_id"], form["task"]["id"]),
        kind=form["kind"],
        frozen=frozen,
        sha256=hashlib.sha256(frozen).hexdigest(),
        signature=signature,
        signed_at=datetime.fromisoformat(form["signed_at"]),
        idempotency_key=form["idempotency_key"],
        accession=clean(accessions[0] if accessions else ""),
    )


def words_of(report: SignedReport) -> str:
    """A report's words for searching: patient, numbers, procedure and text."""
    form = thaw(report.frozen)
    parts = [
        form["patient"]["name"].replace("^", " "),
        *(one["value"] for one in form["patient"]["identifiers"]),
        *form["order"]["accessions"],
        form["order"]["procedure"],
        *(one["text"] for one in form["sections"]),
    ]
    return "\n".join(part for part in parts if part)


def freeze_case(what: Freezing) -> bytes:
    """Freeze, and prove that it reads back."""
    data = freeze(what)
    thaw(data)
    return data


def uuid7(now: datetime) -> str:
    """A UUID of version 7 (RFC 9562 section 5.7): sorted by time, random by the operating system."""
    value = int(now.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
