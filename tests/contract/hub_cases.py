"""Made-up tasks and transactions for the hub suites."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from teleread.model.delivery import OutboxItem, Receipt, Submission
from teleread.model.task import TaskContext, TaskKey
from teleread.sync.alerts import alert_submission
from tests.contract.ups_cases import documents

READER = "reader"
NHS = "https://fhir.nhs.uk/Id/nhs-number"
NHS_STATUS = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"

Resource = dict[str, Any]


def case(number: int = 1, **task: Any) -> list[Resource]:
    """Patient, order, study and task of one case; words in ``task`` replace elements of the Task."""
    tag = f"c{number}"
    return [
        {
            "resourceType": "Patient",
            "id": f"p-{tag}",
            "identifier": [
                {
                    "system": NHS,
                    "value": "9990000018",
                    "extension": [
                        {
                            "url": NHS_STATUS,
                            "valueCodeableConcept": {"coding": [{"code": "01"}]},
                        }
                    ],
                },
                {"system": "https://north.example/id", "value": f"N{number:06}"},
            ],
            "name": [{"use": "official", "family": "Testwell", "given": ["Ada", "Bea"]}],
            "gender": "female",
            "birthDate": "1970-01-02",
        },
        {
            "resourceType": "ServiceRequest",
            "id": f"sr-{tag}",
            "status": "active",
            "intent": "order",
            "subject": {"reference": f"Patient/p-{tag}"},
            "identifier": [{"type": {"coding": [{"code": "ACSN"}]}, "value": f"ACC{number:05}"}],
            "code": {"coding": [{"code": "XKNEL", "display": "XR Knee Left"}], "text": "XR Knee Left"},
            "bodySite": [{"text": "Left knee"}],
            "reasonCode": [{"text": "Fell. Fracture?"}],
            "note": [{"text": "Second line"}],
            "requester": {"display": "Dr Sender"},
            "authoredOn": "2026-11-24T03:00:00Z",
        },
        {
            "resourceType": "ImagingStudy",
            "id": f"st-{tag}",
            "status": "available",
            "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:1.2.3.{number}"}],
            "subject": {"reference": f"Patient/p-{tag}"},
            "basedOn": [{"reference": f"ServiceRequest/sr-{tag}"}],
            "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CR"}],
            "numberOfSeries": 1,
            "numberOfInstances": 2,
            "started": "2026-11-24T02:30:00Z",
            "description": "Knee",
        },
        {
            "resourceType": "Task",
            "id": f"t-{tag}",
            "status": "requested",
            "intent": "order",
            "priority": "urgent",
            "description": "Report this",
            "basedOn": [{"reference": f"ServiceRequest/sr-{tag}"}],
            "for": {"reference": f"Patient/p-{tag}"},
            "focus": {"reference": f"ImagingStudy/st-{tag}"},
            "authoredOn": "2026-11-24T03:00:00Z",
            "restriction": {"period": {"end": "2026-11-24T08:00:00Z"}},
            **task,
        },
    ]


def prior_of(number: int = 1) -> list[Resource]:
    """An earlier study of the same patient with its report."""
    text = "Old words.\nSecond line."
    return [
        {
            "resourceType": "ImagingStudy",
            "id": f"old-c{number}",
            "status": "available",
            "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:1.2.3.{number}.9"}],
            "subject": {"reference": f"Patient/p-c{number}"},
            "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CR"}],
            "started": "2025-01-01T10:00:00Z",
        },
        {
            "resourceType": "DiagnosticReport",
            "id": f"oldrep-c{number}",
            "status": "final",
            "code": {"text": "XR Knee"},
            "subject": {"reference": f"Patient/p-c{number}"},
            "imagingStudy": [{"reference": f"ImagingStudy/old-c{number}"}],
            "issued": "2025-01-01T12:00:00Z",
            "resultsInterpreter": [{"display": "Dr Before"}],
            "presentedForm": [
                {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}
            ],
        },
    ]


def others_report(number: int = 1) -> Resource:
    """Somebody else's final report on the case itself."""
    return {
        "resourceType": "DiagnosticReport",
        "id": f"theirs-c{number}",
        "status": "final",
        "code": {"text": "XR Knee"},
        "basedOn": [{"reference": f"ServiceRequest/sr-c{number}"}],
        "subject": {"reference": f"Patient/p-c{number}"},
        "imagingStudy": [{"reference": f"ImagingStudy/st-c{number}"}],
        "issued": "2026-11-24T03:50:00Z",
        "resultsInterpreter": [{"display": "Dr Other"}],
        "conclusion": "No fracture.",
    }


def new_id() -> str:
    """A UUID from the operating system."""
    return str(uuid.uuid4())


def submission(
    context: TaskContext,
    *,
    report_id: str = "",
    key: str = "",
    text: str = "No fracture.",
    version: int = 1,
    before: Receipt | None = None,
) -> Submission:
    """A report version as one transaction, composed independently of `teleread.documents`."""
    report_id, key = report_id or new_id(), key or new_id()
    if "workitem" in context.raw:
        return documents(context, report_id=report_id, key=key, text=text, version=version, before=before)
    frozen = json.dumps({"schema": "teleread.report/1", "text": text, "version": version}).encode()
    report: Resource = {
        "resourceType": "DiagnosticReport",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{report_id}"}],
        "status": "final" if version == 1 else "appended",
        "code": {"coding": [{"system": "http://loinc.org", "code": "18748-4"}]},
        "subject": {"reference": f"Patient/{context.patient.id}"},
        "basedOn": [{"reference": f"ServiceRequest/{context.order.id}"}],
        "resultsInterpreter": [{"reference": f"Practitioner/{READER}", "display": "Dr Demo Reader"}],
        "issued": "2026-11-24T04:30:00Z",
        "conclusion": text,
        "presentedForm": [
            {
                "contentType": "application/vnd.teleread.report+json",
                "data": base64.b64encode(frozen).decode(),
            }
        ],
    }
    token = f"urn:ietf:rfc:3986|urn:uuid:{report_id}"
    if before is None:
        ask = {"method": "POST", "url": "DiagnosticReport", "ifNoneExist": f"identifier={token}"}
    else:
        report["id"] = before.id.split("/")[1]
        report["identifier"].append({"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{key}"})
        ask = {"method": "PUT", "url": before.id, "ifMatch": f'W/"{before.version}"'}
    full = before.id if before else f"urn:uuid:{new_id()}"
    entries: list[Resource] = [{"fullUrl": full, "resource": report, "request": ask}]
    entries.append(
        {
            "fullUrl": f"urn:uuid:{new_id()}",
            "resource": {
                "resourceType": "Provenance",
                "target": [{"reference": full}],
                "recorded": "2026-11-24T04:30:00Z",
                "agent": [{"who": {"reference": f"Practitioner/{READER}"}}],
            },
            "request": {"method": "POST", "url": "Provenance"},
        }
    )
    if before is None:
        task = {**context.raw["task"], "status": "completed", "output": [_output(full)]}
        where = f"Task/{context.task.id}"
        condition = {"ifMatch": f'W/"{context.task.version}"'} if context.task.version else {}
        entries.append(
            {"fullUrl": where, "resource": task, "request": {"method": "PUT", "url": where, **condition}}
        )
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return Submission(
        form="fhir-transaction",
        body=json.dumps(bundle).encode(),
        key=key,
        report_id=report_id,
        version=version,
        sha256=hashlib.sha256(frozen).hexdigest(),
        task=TaskKey(context.key.hub_id, context.key.task_id),
        predecessor=before.version if before else "",
    )


def _output(full: str) -> Resource:
    return {"type": {"text": "report"}, "valueReference": {"reference": full}}


def note_item(context: TaskContext) -> OutboxItem:
    """A note that waits in the outbox: Dr Ward was told."""
    return OutboxItem(
        id=new_id(),
        kind="note",
        key=context.key,
        state="queued",
        device="device",
        sequence=1,
        idempotency_key=new_id(),
        payload=json.dumps({"text": "Dr Ward was told.", "about": "Told by word of mouth"}),
    )


def alert_sent(context: TaskContext, name: str, told: str) -> Submission:
    """An alert as it goes out: who was told of a critical finding; nobody: it is taken away.

    Args:
        context: The case.
        name: What the alert is known by for life.
        told: The person.
    """
    category = "C: critical: act at once"
    alert = {"category": category, "told": told, "at": "14:10", "method": "telephone"} if told else {}
    payload = {"name": name, "draft": "", "patient": context.patient.id, "alert": alert}
    item = replace(
        note_item(context),
        kind="alert",
        payload=json.dumps({**payload, "code": "C", "priority": "stat"}),
        created_at=datetime(2026, 11, 24, 5, tzinfo=UTC),
    )
    return alert_submission(item, context, "Practitioner/reader", "")
