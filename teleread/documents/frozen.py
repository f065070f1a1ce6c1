"""The frozen form ``teleread.report/1``: what is signed, and what every other form is made from.

RFC 8785 JSON, NFC text, decimals as strings, RFC 3339 in UTC. Reports frozen by it verify for ever, so
nothing here changes: a later need gets a new schema number beside this one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from teleread.model.errors import IntegrityError
from teleread.model.identity import Match
from teleread.model.patient import Patient
from teleread.model.report import Check, Draft, Override, Section, SignedReport
from teleread.model.study import InstanceInfo, StudyInfo
from teleread.model.task import Order, TaskContext

__all__ = ["MAX_BYTES", "SCHEMA", "Freezing", "freeze", "moment", "thaw"]

SCHEMA: Final = "teleread.report/1"

MAX_BYTES: Final = 32 * 1024 * 1024
"""Longest frozen form read back (about 200,000 instances)."""


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
        "template": {"id": draft.template_id, "version": draft.template_version},
        "sections": [
            {"id": one.id, "label": one.label, "loinc": one.loinc, "text": one.text} for one in what.sections
        ],
        "fields": dict(draft.fields),
        "checks": [{"id": one.id, "severity": one.severity, "text": one.text} for one in what.checks],
        "overrides": [{"rule": one.rule, "reason": one.reason} for one in what.overrides],
        "identity": [{"rule": one.rule, "level": one.level, "text": one.text} for one in what.match.findings],
        "reader": {"id": what.reader_id, "name": what.reader_name},
        "predecessor": _predecessor(what.predecessor, before),
        "signed_at": moment(what.signed_at),
        "zone": what.zone,
        "clock_offset": None if what.offset_seconds is None else _decimal(what.offset_seconds),
    }
    data: bytes = rfc8785.dumps(_normal(form))
    return data


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
    return {
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


def _predecessor(report: SignedReport | None, form: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The version before, and the keys of every version after the first so far."""
    if report is None or form is None:
        return None
    keys = list(form["predecessor"]["keys"]) if form["predecessor"] else []
    if report.version > 1:
        keys.append(report.idempotency_key)
    return {"version": report.version, "sha256": report.sha256, "keys": keys}


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


# -- reading back -------------------------------------------------------------------------------------

_TEXT, _NUMBER, _TEXT_OR_NULL, _NUMBER_OR_NULL = "text", "number", "text?", "number?"
_UUID, _STAMP = "uuid", "stamp"
_PATTERNS: Final = {
    _UUID: re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII),
    _STAMP: re.compile(
        r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{3})?Z",
        re.ASCII,
    ),
}

_SHAPE: Final[dict[str, Any]] = {
    "schema": _TEXT,
    "report_id": _UUID,
    "version": _NUMBER,
    "kind": _TEXT,
    "idempotency_key": _UUID,
    "hub_id": _TEXT,
    "task": {"id": _TEXT, "version": _TEXT, "status": _TEXT},
    "order": {
        "id": _TEXT,
        "version": _TEXT,
        "accessions": [_TEXT],
        "procedure": _TEXT,
        "procedure_code": _TEXT,
        "body_part": _TEXT,
        "laterality": _TEXT,
        "question": _TEXT,
        "requester": _TEXT,
        "occurrence": _TEXT_OR_NULL,
    },
    "patient": {
        "id": _TEXT,
        "version": _TEXT,
        "name": _TEXT,
        "identifiers": [{"value": _TEXT, "issuer": _TEXT, "status": _TEXT}],
        "birth_date": _TEXT,
        "sex": _TEXT,
    },
    "study": {
        "id": _TEXT,
        "version": _TEXT,
        "uid": _TEXT,
        "modality": _TEXT,
        "description": _TEXT,
        "started": _TEXT_OR_NULL,
        "expected": _NUMBER_OR_NULL,
        "held": _NUMBER,
        "instances": [{"sop_uid": _TEXT, "sha256": _TEXT}],
    },
    "template": {"id": _TEXT, "version": _TEXT},
    "sections": [{"id": _TEXT, "label": _TEXT, "loinc": _TEXT, "text": _TEXT}],
    "fields": {"*": _TEXT},
    "checks": [{"id": _TEXT, "severity": _TEXT, "text": _TEXT}],
    "overrides": [{"rule": _TEXT, "reason": _TEXT}],
    "identity": [{"rule": _TEXT, "level": _TEXT, "text": _TEXT}],
    "reader": {"id": _TEXT, "name": _TEXT},
    "predecessor": (None, {"version": _NUMBER, "sha256": _TEXT, "keys": [_UUID]}),
    "signed_at": _STAMP,
    "zone": _TEXT,
    "clock_offset": _TEXT_OR_NULL,
}


def thaw(data: bytes) -> dict[str, Any]:
    """Read a frozen form strictly: what comes back serialises to the very same bytes.

    Raises:
        IntegrityError: Too long, no JSON, a name given twice, a member missing, unknown or of the wrong
            kind, text that is not NFC, or bytes that are not RFC 8785's.
    """
    import rfc8785

    if len(data) > MAX_BYTES:
        raise _broken(f"it is longer than {MAX_BYTES // 1048576} MiB")
    try:
        form = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_once,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
        if not isinstance(form, dict) or form.get("schema") != SCHEMA:
            raise _broken("it is of another kind or version")
        _check(form, _SHAPE, "")
        if rfc8785.dumps(form) != data:
            raise _broken("its bytes are not in the canonical form")
    except (UnicodeError, ValueError, RecursionError, rfc8785.CanonicalizationError):
        raise _broken("it can't be read") from None
    return form


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise _broken("a name stands in it twice")
    return table


def _no_number(text: str) -> Any:
    raise _broken("it holds a number that is not whole")


def _check(value: Any, shape: Any, place: str) -> None:
    if isinstance(shape, tuple):
        if value is not None:
            _check(value, shape[1], place)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise _broken(f"{place} is of the wrong kind")
        for one in value:
            _check(one, shape[0], place)
    elif isinstance(shape, dict):
        _check_object(value, shape, place)
    elif not _is(value, shape):
        raise _broken(f"{place} is of the wrong kind")


def _check_object(value: Any, shape: dict[str, Any], place: str) -> None:
    if not isinstance(value, dict):
        raise _broken(f"{place} is of the wrong kind")
    if "*" in shape:
        if not all(_is(one, _TEXT) and _is(name, _TEXT) for name, one in value.items()):
            raise _broken(f"{place} is of the wrong kind")
        return
    if value.keys() != shape.keys():
        raise _broken(f"{place or 'it'} has too many or too few members")
    for name, inner in shape.items():
        _check(value[name], inner, f"{place}.{name}" if place else name)


def _is(value: Any, kind: str) -> bool:
    if value is None:
        return kind.endswith("?")
    if kind.startswith("number"):
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not isinstance(value, str) or not unicodedata.is_normalized("NFC", value):
        return False
    pattern = _PATTERNS.get(kind)
    return pattern is None or pattern.fullmatch(value) is not None


def _broken(why: str) -> IntegrityError:
    return IntegrityError(
        "This is not a frozen report as it was signed.", f"What is wrong: {why}.", code="not-frozen"
    )
