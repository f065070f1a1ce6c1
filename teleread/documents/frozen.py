"""The frozen form ``teleread.report/1``: what is signed, and what every other form is made from.

RFC 8785 JSON, NFC text, decimals as strings, RFC 3339 in UTC. Reports frozen by it verify for ever, so
no member changes or goes; it grows by optional members alone, which are left out where they say nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from teleread.model.evidence import NO_EVIDENCE, Code, Evidence, ImageRef, Measurement
from teleread.model.identity import Match
from teleread.model.patient import Patient
from teleread.model.report import Check, Draft, Override, Section, SignedReport
from teleread.model.study import InstanceInfo, StudyInfo
from teleread.model.task import Order, TaskContext

from .thawing import MAX_BYTES, SCHEMA, thaw

__all__ = ["MAX_BYTES", "SCHEMA", "Freezing", "freeze", "moment", "thaw"]


@dataclass(frozen=True, slots=True)
class Freezing:
    """Everything a signature covers."""

    report_id: str
    version: int
    idempotency_key: str
    draft: Draft
    """For kind, template and fields."""
    sections: tuple[Section, ...]
    """The text as it will read; in an addendum the whole text so far, then the addendum."""
    context: TaskContext
    """Task, order, patient and study with the versions seen at signing."""
    study: StudyInfo | None
    instances: Sequence[InstanceInfo]
    """The held instances."""
    match: Match
    checks: Sequence[Check]
    overrides: Sequence[Override]
    """Only those that lifted something."""
    reader_id: str
    """FHIR reference of the reader at this hub; empty where the hub file names none."""
    reader_name: str
    signed_at: datetime
    """Local clock, aware."""
    zone: str
    """The zone seen on this machine: ``Europe/London`` or ``+01:00``."""
    offset_seconds: float | None = None
    """The hub's clock minus ours; None where it was never measured."""
    predecessor: SignedReport | None = None
    evidence: Evidence = NO_EVIDENCE
    """Key images, measurements, codes, the alert, the reason of a change, co-signers."""


def freeze(what: Freezing) -> bytes:
    """The bytes to sign: the same input always gives the same bytes."""
    import rfc8785

    before = thaw(what.predecessor.frozen) if what.predecessor else None
    context, draft = what.context, what.draft
    form = {
        "schema": SCHEMA,
        "report_id": what.report_id,
        "version": what.version,
        "kind": draft.kind,
        "idempotency_key": what.idempotency_key,
        "hub_id": context.key.hub_id,
        "task": {"id": context.key.task_id, "version": context.task.version, "status": context.task.status},
        "order": _order(context.order),
        "patient": _patient(context.patient),
        "study": _study(what),
        "template": _with(
            {"id": draft.template_id, "version": draft.template_version}, language=what.evidence.language
        ),
        "sections": [
            {"id": one.id, "label": one.label, "loinc": one.loinc, "text": one.text} for one in what.sections
        ],
        "fields": dict(draft.fields),
        "checks": [{"id": one.id, "severity": one.severity, "text": one.text} for one in what.checks],
        "overrides": [{"rule": one.rule, "reason": one.reason} for one in what.overrides],
        "identity": [{"rule": one.rule, "level": one.level, "text": one.text} for one in what.match.findings],
        "reader": _with(
            {"id": what.reader_id, "name": what.reader_name}, organisation=what.evidence.organisation
        ),
        "predecessor": _predecessor(what.predecessor, before),
        "signed_at": moment(what.signed_at),
        "zone": what.zone,
        "clock_offset": None if what.offset_seconds is None else _decimal(what.offset_seconds),
    }
    data: bytes = rfc8785.dumps(_normal(_with(form, **_evidence(what.evidence))))
    return data


def _with(table: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """The table with those optional members that say something."""
    return table | {name: value for name, value in optional.items() if value}


def _evidence(what: Evidence) -> dict[str, Any]:
    alert, change = what.alert, what.change
    return {
        "key_images": [_with(_image(one.image), note=one.note) for one in what.key_images],
        "measurements": [_measurement(one) for one in what.measurements],
        "codes": [_code(one) for one in what.codes],
        "alert": alert
        and {"category": alert.category, "told": alert.told, "at": alert.at, "method": alert.method},
        "change": change and {"reason": change.reason, "told": change.told},
        "cosigners": [{"id": one.id, "name": one.name, "role": one.role} for one in what.cosigners],
    }


def _image(image: ImageRef) -> dict[str, Any]:
    return {
        "series_uid": image.series_uid,
        "sop_uid": image.sop_uid,
        "sop_class": image.sop_class,
        "frame": image.frame,
    }


def _code(code: Code) -> dict[str, Any]:
    return _with({"value": code.value, "scheme": code.scheme, "meaning": code.meaning}, section=code.section)


def _measurement(one: Measurement) -> dict[str, Any]:
    return _with(
        {"label": one.label, "value": one.value, "unit": one.unit},
        side=one.side,
        group=one.group,
        code=one.code and _code(one.code),
        image=one.image and _image(one.image),
    )


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "version": order.version,
        "accessions": list(order.accessions),
        "procedure": order.procedure,
        "procedure_code": order.procedure_code,
        "body_part": order.body_part,
        "laterality": order.laterality,
        "question": order.question,
        "requester": order.requester,
        "occurrence": None if order.occurrence is None else moment(order.occurrence),
    }


def _patient(patient: Patient) -> dict[str, Any]:
    return {
        "id": patient.id,
        "version": patient.version,
        "name": patient.name,
        "identifiers": [
            {"value": one.value, "issuer": one.issuer, "status": one.status} for one in patient.identifiers
        ],
        "birth_date": patient.birth_date,
        "sex": patient.sex,
    }


def _study(what: Freezing) -> dict[str, Any]:
    ordered, held = what.context.study, what.study
    digests = {one.sop_uid: one.sha256 for one in what.instances}
    table = {
        "id": ordered.id if ordered else "",
        "version": ordered.version if ordered else "",
        "uid": ordered.study_uid if ordered else (held.key.study_uid if held else ""),
        "modality": (ordered.modality if ordered else "") or (held.modality if held else ""),
        "description": (ordered.description if ordered else "") or (held.description if held else ""),
        "started": moment(ordered.started) if ordered and ordered.started else None,
        "expected": held.expected if held else None,
        "held": len(digests),
        "instances": [{"sop_uid": uid, "sha256": digests[uid]} for uid in sorted(digests)],
    }
    return _with(table, series=_series(what.instances, sorted(digests)))


def _series(instances: Sequence[InstanceInfo], order: Sequence[str]) -> list[dict[str, Any]]:
    """Which series and SOP class the instances are of: by their places in the list, from 0."""
    place = {uid: index for index, uid in enumerate(order)}
    table: dict[tuple[str, str], set[int]] = {}
    for one in instances:
        if one.series_uid and one.sop_class:
            table.setdefault((one.series_uid, one.sop_class), set()).add(place[one.sop_uid])
    return [
        {"uid": uid, "sop_class": sop_class, "at": sorted(at)}
        for (uid, sop_class), at in sorted(table.items())
    ]


def _predecessor(report: SignedReport | None, form: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The version before, the keys of every version after the first so far; of an opinion, that it is one."""
    if report is None or form is None:
        return None
    keys = list(form["predecessor"]["keys"]) if form["predecessor"] else []
    if report.version > 1:
        keys.append(report.idempotency_key)
    began = form["kind"] if form["kind"] == "opinion" else (form["predecessor"] or {}).get("began", "")
    return _with({"version": report.version, "sha256": report.sha256, "keys": keys}, began=began)


def moment(when: datetime) -> str:
    """RFC 3339 in UTC with a Z; a time without a zone keeps its date alone, for it is never converted."""
    if when.tzinfo is None:
        return when.strftime("%Y-%m-%d")
    utc = when.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


def _decimal(value: float) -> str:
    """A decimal as a string, three places, without an exponent."""
    rounded = Decimal(str(value)).quantize(Decimal("0.001")).normalize()
    return f"{rounded:f}" if rounded else "0"


def _normal(value: Any) -> Any:
    """Plain JSON values, every text (keys too) in NFC."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", str(value))
    if isinstance(value, Mapping):
        return {_normal(str(key)): _normal(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(one) for one in value]
    return value
