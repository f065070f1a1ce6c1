"""FHIR R4 JSON to the model: Task, ServiceRequest, Patient, ImagingStudy.

No I/O; tolerant of what is missing; text from outside is cleaned here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from teleread.model.patient import NHS_SYSTEM, Patient, PatientIdentifier
from teleread.model.task import Order, OrderedStudy, PriorStudy, Task, TaskContext, TaskKey
from teleread.model.text import EMPTY, SafeText, clean
from teleread.wire.fhir_parts import (
    accessions,
    codeable_code,
    codeable_words,
    codings,
    count,
    is_record_number,
    items,
    logical_id,
    obj,
    reference,
    version_of,
    when,
    words,
)

__all__ = [
    "TaskLinks",
    "Unreadable",
    "context_of",
    "links_of",
    "order_of",
    "patient_of",
    "prior_study_of",
    "study_of",
    "study_uid_of",
    "task_of",
]

DICOM_UID_SYSTEM = "urn:dicom:uid"
_UID = re.compile(r"^[0-9]+(\.[0-9]+)+$")
_DATE = re.compile(r"^\d{4}(-\d{2}(-\d{2})?)?$")
_NHS_STATUS = re.compile(r"^0[1-8]$")
_NOT_PIXELS = frozenset({"SR", "PR", "KO", "DOC", "REG", "SEG", "AU", "RTSTRUCT"})
_PREFERRED_NAMES = ("official", "usual", "temp", "")
_SEX = {"male": "M", "female": "F", "other": "O"}
_SIDE_CODES = {"7771000": "LEFT", "24028007": "RIGHT", "51440002": "BILATERAL"}
_SIDES = (
    ("BILATERAL", re.compile(r"\b(bilateral|both|b/l)\b", re.IGNORECASE)),
    ("LEFT", re.compile(r"\b(left|lt)\b|\(l\)", re.IGNORECASE)),
    ("RIGHT", re.compile(r"\b(right|rt)\b|\(r\)", re.IGNORECASE)),
)


class Unreadable(ValueError):  # noqa: N818 - words on one resource; the rest is good
    """A resource that lacks what nothing can be read without. Its text is for people."""


@dataclass(frozen=True, slots=True)
class TaskLinks:
    """Logical ids of what hangs on a Task; empty where it names none."""

    order: str
    patient: str
    study: str


def links_of(task: dict[str, Any]) -> TaskLinks:
    """Where a Task's order, patient and study stand, whichever of its elements names them."""
    pointers = [*items(task.get("basedOn")), *items(task.get("focus"))]
    for entry in items(task.get("input")):
        pointers += list(items(entry.get("valueReference")))
    return TaskLinks(
        _first(pointers, "ServiceRequest"),
        _first([*items(task.get("for")), *pointers], "Patient"),
        _first(pointers, "ImagingStudy"),
    )


def _first(pointers: list[dict[str, Any]], kind: str) -> str:
    return next((found for one in pointers if (found := logical_id(one, kind))), "")


def task_of(resource: dict[str, Any]) -> Task:
    """Read a Task.

    Raises:
        Unreadable: It has no id.
    """
    restriction = obj(obj(resource.get("restriction")).get("period"))
    owner = resource.get("owner")
    return Task(
        id=_id(resource, "Task"),
        version=version_of(resource),
        status=words(resource.get("status"), limit=64),
        priority=words(resource.get("priority"), limit=64) or SafeText("routine"),
        owner=reference(owner),
        owner_name=words(obj(owner).get("display")),
        requester=words(obj(resource.get("requester")).get("display")),
        description=words(resource.get("description")) or codeable_words(resource.get("code")),
        due=when(restriction.get("end")),
        authored=when(resource.get("authoredOn")),
        last_updated=when(obj(resource.get("meta")).get("lastUpdated")),
        code=codeable_code(resource.get("code")),
    )


def order_of(resource: dict[str, Any]) -> Order:
    """Read a ServiceRequest.

    Raises:
        Unreadable: It has no id.
    """
    sites = list(items(resource.get("bodySite")))
    procedure = codeable_words(resource.get("code"))
    return Order(
        id=_id(resource, "ServiceRequest"),
        version=version_of(resource),
        status=words(resource.get("status"), limit=64) or SafeText("unknown"),
        accessions=accessions(resource),
        procedure=procedure,
        procedure_code=codeable_code(resource.get("code")),
        body_part=next((text for site in sites if (text := codeable_words(site))), EMPTY),
        laterality=_laterality(sites, procedure),
        priority=words(resource.get("priority"), limit=64) or SafeText("routine"),
        question=_question(resource),
        requester=words(obj(resource.get("requester")).get("display")),
        contact=_contact(resource),
        authored=when(resource.get("authoredOn")),
        occurrence=_occurrence(resource),
    )


def _occurrence(resource: dict[str, Any]) -> datetime | None:
    return when(resource.get("occurrenceDateTime")) or when(
        obj(resource.get("occurrencePeriod")).get("start")
    )


def _laterality(sites: list[dict[str, Any]], procedure: SafeText) -> SafeText:
    coded = {_SIDE_CODES.get(str(one.get("code"))) for site in sites for one in codings(site)} - {None}
    said = {side for site in sites for side in _sides(_all_words(site))}
    for found in (coded, said, set(_sides(procedure))):
        if found:
            sides = sorted(str(side) for side in found)
            return SafeText(sides[0] if len(sides) == 1 else "BILATERAL")
    return EMPTY


def _all_words(concept: dict[str, Any]) -> str:
    return " ".join([words(concept.get("text")), *(words(one.get("display")) for one in codings(concept))])


def _sides(text: str) -> Iterator[str]:
    return (side for side, pattern in _SIDES if pattern.search(text))


def _question(resource: dict[str, Any]) -> SafeText:
    parts: list[str] = [codeable_words(one) for one in items(resource.get("reasonCode"))]
    parts += [words(one.get("display")) for one in items(resource.get("reasonReference"))]
    parts += [words(one.get("text"), multiline=True, limit=16_384) for one in items(resource.get("note"))]
    for one in items(resource.get("supportingInfo")):
        if not logical_id(one, "ImagingStudy"):
            parts.append(words(one.get("display")))
    return clean("\n".join(dict.fromkeys(part for part in parts if part)), multiline=True)


def _contact(resource: dict[str, Any]) -> SafeText:
    wanted = obj(resource.get("requester")).get("reference")
    for one in items(resource.get("contained")):
        if f"#{one.get('id')}" == wanted:
            for telecom in items(one.get("telecom")):
                number = words(telecom.get("value"), limit=128)
                if number:
                    return number
    return EMPTY


def patient_of(resource: dict[str, Any]) -> Patient:
    """Read a Patient.

    Raises:
        Unreadable: It has no id.
    """
    links = list(items(resource.get("link")))
    birth_date = words(resource.get("birthDate"), limit=16)
    return Patient(
        id=_id(resource, "Patient"),
        version=version_of(resource),
        name=_name(resource),
        identifiers=_identifiers(resource),
        birth_date=birth_date if _DATE.match(birth_date) else EMPTY,
        sex=SafeText(_SEX.get(str(resource.get("gender")), "")),
        linked_ids=tuple(
            SafeText(one) for link in links if (one := logical_id(link.get("other"), "Patient"))
        ),
        active=resource.get("active") is not False
        and not any(link.get("type") == "replaced-by" for link in links),
    )


def _name(resource: dict[str, Any]) -> SafeText:
    names = [one for one in items(resource.get("name")) if one.get("use", "") in _PREFERRED_NAMES]
    names = names or list(items(resource.get("name")))
    names.sort(
        key=lambda one: _PREFERRED_NAMES.index(use) if (use := one.get("use", "")) in _PREFERRED_NAMES else 9
    )
    return next((name for one in names if (name := _person_name(one))), EMPTY)


def _person_name(name: dict[str, Any]) -> SafeText:
    """A HumanName as a DICOM PN (PS3.5, 6.2): the first component group."""
    family = _pn_part(name.get("family"))
    given = (
        [_pn_part(one) for one in name.get("given", ()) if isinstance(one, str)]
        if isinstance(name.get("given"), list)
        else []
    )
    if not family and not any(given):
        head, comma, tail = _pn_part(name.get("text")).partition(",")
        family, given = head.strip(), [tail.strip()] if comma else []
    return clean("^".join([family, *given[:1], " ".join(given[1:])]).rstrip("^"), limit=256)


def _pn_part(value: Any) -> str:
    return re.sub(r"[\^=\\]+", " ", words(value, limit=128)).strip()


def _identifiers(resource: dict[str, Any]) -> tuple[PatientIdentifier, ...]:
    found: list[tuple[tuple[bool, bool], PatientIdentifier]] = []
    for one in items(resource.get("identifier")):
        value = words(one.get("value"), limit=128)
        if not value:
            continue
        issuer = words(one.get("system"), limit=256) or words(obj(one.get("assigner")).get("display"))
        status = _nhs_status(one) if issuer == NHS_SYSTEM else EMPTY
        # Lists show the first: the hospital's record number where one is told, never a number no longer used.
        rank = (one.get("use") == "old", not (issuer and is_record_number(one)))
        found.append((rank, PatientIdentifier(value, issuer, status)))
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))


def _nhs_status(identifier: dict[str, Any]) -> SafeText:
    """UK Core verification status; the retired word codes count as none, which is the careful reading."""
    for extension in items(identifier.get("extension")):
        if "NHSNumberVerificationStatus" in words(extension.get("url")):
            for coding in codings(extension.get("valueCodeableConcept")):
                code = words(coding.get("code"), limit=64)
                if _NHS_STATUS.match(code):
                    return code
    return EMPTY


def study_uid_of(resource: dict[str, Any]) -> SafeText:
    """The Study Instance UID of an ImagingStudy; empty where there is none fit to be one."""
    for one in items(resource.get("identifier")):
        value = words(one.get("value"), limit=128)
        bare = value.removeprefix("urn:oid:")
        named = one.get("system") == DICOM_UID_SYSTEM or value.startswith("urn:oid:")
        if named and len(bare) <= 64 and _UID.match(bare):
            return SafeText(bare)
    return EMPTY


def study_of(resource: dict[str, Any]) -> OrderedStudy:
    """Read an ImagingStudy.

    Raises:
        Unreadable: It has no id, or no Study Instance UID.
    """
    ident = _id(resource, "ImagingStudy")
    uid = study_uid_of(resource)
    if not uid:
        raise Unreadable(f"ImagingStudy/{ident} has no Study Instance UID")
    return OrderedStudy(
        id=ident,
        version=version_of(resource),
        study_uid=uid,
        modality=_modality(resource),
        series=count(resource.get("numberOfSeries")),
        instances=count(resource.get("numberOfInstances")),
        started=when(resource.get("started")),
        description=_study_words(resource),
        accessions=accessions(resource),
        status=words(resource.get("status"), limit=64) or SafeText("available"),
    )


def prior_study_of(resource: dict[str, Any]) -> PriorStudy:
    """Read an ImagingStudy as an earlier study.

    Raises:
        Unreadable: It has no id, or no Study Instance UID.
    """
    study = study_of(resource)
    return PriorStudy(
        study.study_uid,
        study.modality,
        study.description,
        study.started,
        study.instances,
        study.accessions,
        next((code for one in items(resource.get("procedureCode")) if (code := codeable_code(one))), EMPTY),
    )


def _study_words(resource: dict[str, Any]) -> SafeText:
    text = words(resource.get("description"))
    if text:
        return text
    return next((t for one in items(resource.get("procedureCode")) if (t := codeable_words(one))), EMPTY)


def _modality(resource: dict[str, Any]) -> SafeText:
    codes = [words(one.get("code"), limit=16) for one in items(resource.get("modality"))]
    codes += [
        words(obj(series.get("modality")).get("code"), limit=16) for series in items(resource.get("series"))
    ]
    known = [code for code in dict.fromkeys(codes) if code]
    return next((code for code in known if code not in _NOT_PIXELS), known[0] if known else EMPTY)


def context_of(
    hub_id: str,
    task: dict[str, Any],
    order: dict[str, Any] | None,
    patient: dict[str, Any] | None,
    study: dict[str, Any] | None,
    seen_at: datetime,
) -> tuple[TaskContext, tuple[str, ...]]:
    """Put a Task and what hangs on it together.

    Args:
        hub_id: The hub's stable id.
        task: The Task.
        order: Its ServiceRequest; without one the order is made of what the Task says.
        patient: Its Patient.
        study: Its ImagingStudy; None where there is none (yet).
        seen_at: When it was read.

    Returns:
        The context, and words on what could not be used.

    Raises:
        Unreadable: No id, or no patient: a task that is nobody's cannot be read.
    """
    head = task_of(task)
    if patient is None:
        raise Unreadable(f"Task/{head.id} names no patient that can be read")
    noted: list[str] = []
    found: OrderedStudy | None = None
    if study is not None:
        try:
            found = study_of(study)
        except Unreadable as problem:
            noted.append(str(problem))
    if order is None:
        noted.append(f"Task/{head.id} names no order that can be read; it is listed and can't be signed")
    raw = {"task": task, "order": order, "patient": patient, "study": study}
    context = TaskContext(
        key=TaskKey(hub_id, head.id),
        task=head,
        order=order_of(order) if order is not None else _bare_order(head),
        patient=patient_of(patient),
        study=found,
        raw={name: one for name, one in raw.items() if one is not None},
        seen_at=seen_at,
    )
    return context, tuple(noted)


def _bare_order(task: Task) -> Order:
    return Order(
        id=EMPTY,
        version=EMPTY,
        status=EMPTY,
        procedure=task.description,
        procedure_code=task.code,
        priority=task.priority,
        requester=task.requester,
        authored=task.authored,
    )


def _id(resource: dict[str, Any], kind: str) -> SafeText:
    ident = words(resource.get("id"), limit=128)
    if resource.get("resourceType") != kind or not ident:
        raise Unreadable(f"a {kind} without an id")
    return ident
