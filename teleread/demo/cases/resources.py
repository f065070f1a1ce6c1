"""Cases as the FHIR resources a UK teleradiology hub would hold."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from teleread.demo.cases.nouns import Case, Order, Person, Prior, Seed, Site, Study
from teleread.demo.cases.people import READERS, SITES

__all__ = ["Laid", "case_resources", "due_period", "house_resources", "instant", "patient_resource"]

Laid = tuple[str, str, dict[str, Any]]
"""Type, id and body."""

NHS_SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"
_VERIFIED = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
_VERIFIED_CODES = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_SCT = "http://snomed.info/sct"
_PROCEDURES = "https://demo.example/codes/procedure"
_REPRESENTATION = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
ENDPOINT = "demo-archive"
"""Id of the Endpoint resource."""


def instant(when: datetime) -> str:
    """A FHIR dateTime in UTC."""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def house_resources(dicomweb: str) -> list[Laid]:
    """Hospitals, readers and the archive's endpoint."""
    out: list[Laid] = [
        (
            "Practitioner",
            ident,
            {"active": True, "name": [{"prefix": [prefix], "given": [given], "family": family}]},
        )
        for ident, (prefix, given, family) in READERS.items()
    ]
    for index, site in enumerate(SITES):
        telecom = [{"system": "phone", "value": f"01632 9600{index}0", "use": "work"}]
        out.append(("Organization", site.key, {"active": True, "name": site.name, "telecom": telecom}))
    endpoint = {
        "status": "active",
        "connectionType": {
            "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
            "code": "dicom-wado-rs",
        },
        "name": "DEMO archive",
        "payloadType": [{"text": "DICOM"}],
        "payloadMimeType": ["application/dicom"],
        "address": dicomweb,
    }
    out.append(("Endpoint", ENDPOINT, endpoint))
    return out


def patient_resource(person: Person, site: Site, seed: Seed) -> Laid:
    """A Patient of UK Core's shape."""
    hospital = {
        "use": "usual",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
        "system": site.system,
        "value": person.mrn,
        "assigner": {"reference": f"Organization/{site.key}", "display": site.issuer},
    }
    identifiers: list[dict[str, Any]] = [hospital]
    if person.nhs:
        status = {"coding": [{"system": _VERIFIED_CODES, "code": person.nhs_status}]}
        identifiers.insert(
            0,
            {
                "extension": [{"url": _VERIFIED, "valueCodeableConcept": status}],
                "use": "official",
                "system": NHS_SYSTEM,
                "value": person.nhs,
            },
        )
    names: list[dict[str, Any]] = [
        {"use": "official", "family": person.family, "given": person.given.split(" ")}
    ]
    for code, group in (("IDE", person.ideographic), ("SYL", person.phonetic)):
        if group:
            family, _, given = group.partition("^")
            names.append(
                {
                    "extension": [{"url": _REPRESENTATION, "valueCode": code}],
                    "use": "usual",
                    "family": family,
                    "given": [given],
                }
            )
    body = {
        "active": True,
        "identifier": identifiers,
        "name": names,
        "gender": person.sex,
        "birthDate": person.born,
        "managingOrganization": {"reference": f"Organization/{site.key}", "display": site.name},
    }
    return ("Patient", f"pt-{seed.value}-{person.key}", body)


def case_resources(case: Case, seed: Seed, began: datetime) -> list[Laid]:
    """Everything the hub holds about one case, targets before what points at them."""
    out = [patient_resource(case.person, case.site, seed)]
    if case.images_of is not None:
        out.append(patient_resource(case.images_of, case.site, seed))
    patient = {"reference": f"Patient/{out[0][1]}"}
    for index, prior in enumerate(case.priors, 1):
        out += _prior(case, prior, index, seed, patient, began)
    asked = began - timedelta(minutes=case.asked)
    order_id, study_id = seed.ident("sr", case), seed.ident("is", case)
    accession = seed.accession(case)
    status = {"completed": "completed", "cancelled": "revoked"}.get(case.state, "active")
    out.append(("ServiceRequest", order_id, _order(case.order, case, accession, patient, asked, status)))
    study_uid = seed.uid(case.number, case.study.slug)
    study = _study(case.study, case, study_uid, accession, patient, order_id, asked - timedelta(minutes=8))
    out.append(("ImagingStudy", study_id, study))
    out.append(("Task", seed.ident("rt", case), _task(case, order_id, study_id, patient, began)))
    if case.report:
        report = _report(case.order, case.report, case.conclusion, patient, order_id, study_id, asked + _HOUR)
        out.append(("DiagnosticReport", seed.ident("dr", case), report))
    return out


_HOUR = timedelta(hours=1)


def _prior(
    case: Case, prior: Prior, index: int, seed: Seed, patient: dict[str, Any], began: datetime
) -> list[Laid]:
    suffix = f"-p{index}"
    when = began - timedelta(days=prior.study.days_ago)
    order_id, study_id = seed.ident("sr", case, suffix), seed.ident("is", case, suffix)
    accession = seed.accession(case, index)
    study_uid = seed.uid(case.number, prior.study.slug)
    return [
        ("ServiceRequest", order_id, _order(prior.order, case, accession, patient, when, "completed")),
        ("ImagingStudy", study_id, _study(prior.study, case, study_uid, accession, patient, order_id, when)),
        (
            "DiagnosticReport",
            seed.ident("dr", case, suffix),
            _report(prior.order, prior.report, prior.conclusion, patient, order_id, study_id, when + _HOUR),
        ),
    ]


def _procedure(order: Order) -> dict[str, Any]:
    return {
        "coding": [{"system": _PROCEDURES, "code": order.code, "display": order.procedure}],
        "text": order.procedure,
    }


def _order(
    order: Order, case: Case, accession: str, patient: dict[str, Any], when: datetime, status: str
) -> dict[str, Any]:
    body_site: dict[str, Any] = {"text": order.site_text}
    if order.site_code:
        body_site["coding"] = [{"system": _SCT, "code": order.site_code, "display": order.site_text}]
    body: dict[str, Any] = {
        "identifier": [_accession(accession, case.site)],
        "status": status,
        "intent": "order",
        "category": [{"coding": [{"system": _SCT, "code": "363679005", "display": "Imaging"}]}],
        "priority": case.priority,
        "code": _procedure(order),
        "subject": patient,
        "authoredOn": instant(when),
        "occurrenceDateTime": instant(when),
        "requester": {
            "reference": f"Organization/{case.site.key}",
            "display": f"{order.referrer}, {case.site.name}",
        },
        "reasonCode": [{"text": order.question}],
        "bodySite": [body_site],
    }
    if order.note:
        body["note"] = [{"text": order.note}]
    return body


def _accession(value: str, site: Site) -> dict[str, Any]:
    return {
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]},
        "system": f"https://{site.key}.demo.example/id/accession",
        "value": value,
    }


def _study(
    study: Study,
    case: Case,
    uid: str,
    accession: str,
    patient: dict[str, Any],
    order_id: str,
    when: datetime,
) -> dict[str, Any]:
    series = [
        {
            "uid": f"{uid}.{one.number}",
            "number": one.number,
            "modality": {"system": _DCM, "code": one.modality},
            "description": one.description,
            "numberOfInstances": one.count,
            "bodySite": {"display": one.body_part},
        }
        for one in study.series
    ]
    return {
        "identifier": [
            {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"},
            _accession(accession, case.site),
        ],
        "status": "available",
        "modality": [{"system": _DCM, "code": code} for code in study.modalities],
        "subject": patient,
        "started": instant(when),
        "basedOn": [{"reference": f"ServiceRequest/{order_id}"}],
        "endpoint": [{"reference": f"Endpoint/{ENDPOINT}"}],
        "numberOfSeries": len(study.series),
        "numberOfInstances": study.instances,
        "description": study.description,
        "series": series,
    }


def due_period(case: Case, now: datetime) -> dict[str, Any]:
    """Until when the reading is wanted."""
    return {"period": {"end": instant(now + timedelta(minutes=case.due))}}


def _task(
    case: Case, order_id: str, study_id: str, patient: dict[str, Any], began: datetime
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "status": case.state,
        "intent": "order",
        "priority": case.priority,
        "code": {
            "coding": [{"system": _DCM, "code": "110005", "display": "Interpretation"}],
            "text": "Read and report",
        },
        "description": case.order.procedure,
        "basedOn": [{"reference": f"ServiceRequest/{order_id}"}],
        "focus": {"reference": f"ImagingStudy/{study_id}"},
        "for": patient,
        "authoredOn": instant(began - timedelta(minutes=case.asked)),
        "lastModified": instant(began),
        "requester": {"reference": f"Organization/{case.site.key}", "display": case.site.name},
        "restriction": due_period(case, began),
    }
    if case.owner:
        prefix, given, family = READERS[case.owner]
        body["owner"] = {"reference": f"Practitioner/{case.owner}", "display": f"{prefix} {given} {family}"}
    if case.state == "cancelled":
        body["statusReason"] = {"text": "Duplicate order"}
    return body


def _report(
    order: Order,
    text: str,
    conclusion: str,
    patient: dict[str, Any],
    order_id: str,
    study_id: str,
    when: datetime,
) -> dict[str, Any]:
    data = text.encode()
    return {
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}]}
        ],
        "code": _procedure(order),
        "subject": patient,
        "basedOn": [{"reference": f"ServiceRequest/{order_id}"}],
        "effectiveDateTime": instant(when),
        "issued": instant(when),
        "resultsInterpreter": [{"reference": "Practitioner/reader-2", "display": "Dr Other Demoreader"}],
        "imagingStudy": [{"reference": f"ImagingStudy/{study_id}"}],
        "conclusion": conclusion,
        "presentedForm": [
            {
                "contentType": "text/plain; charset=utf-8",
                "language": "en-GB",
                "data": base64.b64encode(data).decode(),
                "size": len(data),
                "hash": base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode(),
                "title": f"{order.procedure}, report",
            }
        ],
    }
