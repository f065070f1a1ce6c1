"""Orders of sites without FHIR (files, HL7 v2, Modality Worklist), brought to one shape. I/O-free.

Whatever a site writes becomes a list of changes: an order, what is known of a patient, two records merged.
A `Registry` takes them in their order and gives tasks the way `teleread.wire.fhir_json` reads them, so that
sides, names and numbers are understood alike everywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final

from teleread.model.identifiers import normal_identifier, normal_issuer
from teleread.model.patient import NHS_SYSTEM
from teleread.model.task import TaskContext
from teleread.wire.fhir_json import context_of

__all__ = ["ENDED", "Change", "Merge", "OrderEntry", "PatientEntry", "Registry", "State", "safe_name"]

ENDED: Final = frozenset({"cancelled", "completed", "entered-in-error", "rejected", "failed"})
"""Task statuses after which nothing is left to read."""
_NHS_STATUS: Final = (
    "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")
_SEX: Final = {"M": "male", "F": "female", "O": "other"}
_REQUEST: Final = {"cancelled": "revoked", "completed": "completed", "entered-in-error": "entered-in-error"}

Resource = dict[str, Any]


def safe_name(text: str) -> str:
    """A name that is fit for a file and for a logical id: the text itself where it is, else its digest."""
    if _NAME.fullmatch(text) and not text.endswith("."):
        return text
    return f"x-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


@dataclass(frozen=True, slots=True)
class PatientEntry:
    """A patient as a site writes one; empty where it is silent."""

    number: str = ""
    """The hospital's number."""
    issuer: str = ""
    """Who gave it."""
    name: str = ""
    """DICOM PN."""
    birth_date: str = ""
    """ISO 8601, possibly partial."""
    sex: str = ""
    """``M``, ``F``, ``O`` or empty."""
    nhs_number: str = ""
    nhs_status: str = ""
    """``01`` to ``08``."""

    @property
    def key(self) -> tuple[str, str]:
        """(issuer, number) for comparing; the NHS number where there is no other."""
        if self.number:
            return normal_issuer(self.issuer), normal_identifier(self.number)
        return normal_issuer(NHS_SYSTEM), normal_identifier(self.nhs_number)

    @property
    def known(self) -> bool:
        """Whether it names anybody."""
        return bool(self.number or self.nhs_number)


@dataclass(frozen=True, slots=True)
class OrderEntry:
    """One reading to do, as a site writes it; empty where it is silent."""

    id: str = ""
    """What the site calls it; the accession number where it gives it no other name."""
    accession: str = ""
    status: str = ""
    """``requested``, ``cancelled`` or ``completed``; empty: as before, else requested."""
    priority: str = ""
    """``stat``, ``urgent``, ``asap`` or ``routine``."""
    due: str = ""
    """ISO 8601."""
    authored: str = ""
    performed: str = ""
    procedure: str = ""
    procedure_code: str = ""
    body_part: str = ""
    laterality: str = ""
    """``left``, ``right`` or ``bilateral``, in words."""
    question: str = ""
    requester: str = ""
    contact: str = ""
    study_uid: str = ""
    modality: str = ""
    description: str = ""
    instances: int | None = None
    patient: PatientEntry = PatientEntry()

    @property
    def task_id(self) -> str:
        """The task's name at this hub; empty where the order has none."""
        return safe_name(self.id or self.accession) if self.id or self.accession else ""


@dataclass(frozen=True, slots=True)
class Change:
    """An order, or news of a patient (without an ``order``)."""

    patient: PatientEntry
    order: OrderEntry | None = None
    partly: bool = False
    """Only what it says is changed; else it takes the place of what was known of the order."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two records are one person (HL7 ADT^A40): ``gone`` is no longer used."""

    kept: PatientEntry
    gone: PatientEntry


@dataclass(frozen=True, slots=True)
class State:
    """What became of a task at the hub, apart from its order."""

    version: str = "0"
    status: str = "requested"
    owner: str = ""
    """Reference of who holds it."""
    owner_name: str = ""
    reason_code: str = ""
    """Why it was given back (CID 9303)."""
    reason: str = ""


@dataclass(slots=True)
class Registry:
    """Orders and patients as the changes so far leave them."""

    orders: dict[str, OrderEntry] = field(default_factory=dict)
    """By task id."""
    patients: dict[tuple[str, str], PatientEntry] = field(default_factory=dict)
    merged: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """Record to the one it was merged into."""
    skipped: list[str] = field(default_factory=list)
    """Words on what could not be used."""

    def take(self, changes: Iterable[Change | Merge], origin: str) -> None:
        """Take changes in their order.

        Args:
            changes: What a file or a message says.
            origin: Its name in words, for `skipped`.
        """
        for one in changes:
            if isinstance(one, Merge):
                self._merge(one)
                continue
            if one.patient.known:
                before = self.patients.get(one.patient.key)
                self.patients[one.patient.key] = one.patient if before is None else _over(before, one.patient)
            if one.order is not None:
                self._order(one, origin)

    def _merge(self, one: Merge) -> None:
        if one.kept.known and one.gone.known and one.kept.key != one.gone.key:
            before = self.patients.get(one.kept.key)
            self.patients[one.kept.key] = one.kept if before is None else _over(before, one.kept)
            self.merged[one.gone.key] = one.kept.key
            self.merged.pop(one.kept.key, None)

    def _order(self, one: Change, origin: str) -> None:
        order = one.order
        assert order is not None
        if not order.task_id:
            self.skipped.append(f"{origin}: an order has neither an id nor an accession number")
            return
        before = self.orders.get(order.task_id)
        if one.partly and before is not None:
            order = _over(before, order)
            patient = one.patient if one.patient.known else before.patient
            order = replace(order, patient=patient)
        else:
            order = replace(order, patient=one.patient)
        if not order.patient.known:
            self.skipped.append(f"{origin}: the order {order.task_id} names no patient")
            return
        self.orders[order.task_id] = order

    def patient_of(self, order: OrderEntry) -> tuple[PatientEntry, tuple[PatientEntry, ...]]:
        """The record that stands for an order's patient now, and those merged into it."""
        key = order.patient.key
        for _ in range(len(self.merged)):
            if key not in self.merged:
                break
            key = self.merged[key]
        gone = tuple(
            self.patients[one] for one, into in self.merged.items() if into == key and one in self.patients
        )
        return self.patients.get(key, order.patient), gone

    def context(self, hub_id: str, order: OrderEntry, state: State, seen_at: datetime) -> TaskContext:
        """An order as the task it is.

        Raises:
            Unreadable: It can't be read.
        """
        return context_from(hub_id, order, self.patient_of(order), state, seen_at)


def _over(before: Any, now: Any) -> Any:
    """What is told now over what was known."""
    told = {one.name: getattr(now, one.name) for one in fields(now)}
    return replace(before, **{key: value for key, value in told.items() if value not in ("", None)})


# -- as resources -------------------------------------------------------------------------------------


def context_from(
    hub_id: str,
    order: OrderEntry,
    person: tuple[PatientEntry, tuple[PatientEntry, ...]],
    state: State,
    seen_at: datetime,
) -> TaskContext:
    """The task of an order.

    Raises:
        Unreadable: It can't be read.
    """
    patient = _patient(*person)
    request = _request(order, patient)
    study = _study(order, patient) if order.study_uid else None
    return context_of(hub_id, _task(order, patient, state), request, patient, study, seen_at)[0]


def _sealed(resource: Resource) -> Resource:
    """With a version made of what it says: sites without FHIR count none."""
    words = json.dumps(resource, sort_keys=True, ensure_ascii=False)
    return {**resource, "meta": {"versionId": hashlib.sha256(words.encode()).hexdigest()[:16]}}


def _without_gaps(resource: Mapping[str, Any]) -> Resource:
    return {key: value for key, value in resource.items() if value not in ("", None, [], {})}


def _patient_id(one: PatientEntry) -> str:
    issuer, number = one.key
    return safe_name(f"{issuer}|{number}" if issuer else number)


def _patient(one: PatientEntry, gone: tuple[PatientEntry, ...]) -> Resource:
    family, given, middle, prefix, suffix = (one.name.split("=")[0].split("^") + [""] * 5)[:5]
    numbers: list[Resource] = []
    if one.number:
        kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
        numbers.append(_without_gaps({"type": kind, "system": one.issuer, "value": one.number}))
    for other in gone:
        if other.number:  # images made before the merge carry it
            numbers.append(_without_gaps({"use": "old", "system": other.issuer, "value": other.number}))
    if one.nhs_number:
        status = {"url": _NHS_STATUS, "valueCodeableConcept": {"coding": [{"code": one.nhs_status}]}}
        extension = [status] if one.nhs_status else []
        value = re.sub(r"[\s-]", "", one.nhs_number)
        numbers.append(_without_gaps({"system": NHS_SYSTEM, "value": value, "extension": extension}))
    name = _without_gaps(
        {
            "family": family,
            "given": [part for part in (given, *middle.split()) if part],
            "prefix": [prefix] if prefix else [],
            "suffix": [suffix] if suffix else [],
        }
    )
    links = [{"other": {"reference": f"Patient/{_patient_id(other)}"}, "type": "replaces"} for other in gone]
    return _sealed(
        _without_gaps(
            {
                "resourceType": "Patient",
                "id": _patient_id(one),
                "identifier": numbers,
                "name": [name] if name else [],
                "birthDate": one.birth_date,
                "gender": _SEX.get(one.sex.upper(), ""),
                "link": links,
            }
        )
    )


def _request(order: OrderEntry, patient: Resource) -> Resource:
    site = " ".join(part for part in (order.laterality.capitalize(), order.body_part) if part)
    code = _without_gaps(
        {
            "coding": [{"code": order.procedure_code, "display": order.procedure}]
            if order.procedure_code
            else [],
            "text": order.procedure,
        }
    )
    contact = {"resourceType": "Practitioner", "id": "requester", "telecom": [{"value": order.contact}]}
    requester = _without_gaps(
        {"display": order.requester, "reference": "#requester" if order.contact else ""}
    )
    return _sealed(
        _without_gaps(
            {
                "resourceType": "ServiceRequest",
                "id": order.task_id,
                "status": _REQUEST.get(order.status, "active"),
                "contained": [contact] if order.contact else [],
                "subject": {"reference": f"Patient/{patient['id']}"},
                "identifier": [{"type": {"coding": [{"code": "ACSN"}]}, "value": order.accession}]
                if order.accession
                else [],
                "code": code,
                "priority": order.priority,
                "bodySite": [{"text": site}] if site else [],
                "reasonCode": [{"text": order.question.split("\n")[0]}] if order.question else [],
                "note": [{"text": line} for line in order.question.split("\n")[1:] if line.strip()],
                "requester": requester,
                "authoredOn": order.authored,
                "occurrenceDateTime": order.performed,
            }
        )
    )


def _study(order: OrderEntry, patient: Resource) -> Resource:
    number = {"type": {"coding": [{"code": "ACSN"}]}, "value": order.accession}
    return _sealed(
        _without_gaps(
            {
                "resourceType": "ImagingStudy",
                "id": safe_name(order.study_uid),
                "status": "available",
                "identifier": [
                    {"system": "urn:dicom:uid", "value": f"urn:oid:{order.study_uid}"},
                    *([number] if order.accession else []),
                ],
                "subject": {"reference": f"Patient/{patient['id']}"},
                "basedOn": [{"reference": f"ServiceRequest/{order.task_id}"}],
                "modality": [{"code": order.modality}] if order.modality else [],
                "numberOfInstances": order.instances,
                "started": order.performed,
                "description": order.description or order.procedure,
            }
        )
    )


def _task(order: OrderEntry, patient: Resource, state: State) -> Resource:
    status = order.status if order.status in ENDED and state.status != "completed" else state.status
    coded = {"coding": [{"code": state.reason_code}]} if state.reason_code else {}
    reason = {**coded, "text": state.reason} if state.reason or coded else {}
    owner = _without_gaps({"reference": state.owner, "display": state.owner_name})
    task = _without_gaps(
        {
            "resourceType": "Task",
            "id": order.task_id,
            "status": status,
            "intent": "order",
            "priority": order.priority or "routine",
            "description": order.procedure,
            "owner": owner if state.owner else {},
            "statusReason": reason,
            "for": {"reference": f"Patient/{patient['id']}"},
            "basedOn": [{"reference": f"ServiceRequest/{order.task_id}"}],
            "requester": {"display": order.requester} if order.requester else {},
            "authoredOn": order.authored,
            "restriction": {"period": {"end": order.due}} if order.due else {},
        }
    )
    return {**task, "meta": {"versionId": f"{state.version}-{_sealed(task)['meta']['versionId'][:8]}"}}
