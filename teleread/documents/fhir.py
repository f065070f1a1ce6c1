"""The FHIR R4 forms: the transaction a hub takes, and the bundle `report export` writes.

One report is one DiagnosticReport for life (the design, section 6): version 1 is a conditional create on
the report id, each later version a PUT on the version in its predecessor's receipt, with cumulative text
and its idempotency key as one more identifier.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from teleread.model.delivery import Receipt
from teleread.model.errors import IntegrityError, TelereadError
from teleread.model.report import SignedReport
from teleread.model.task import TaskContext

from . import pdf, render_html
from .content import Content, content_of, unknown_renderer
from .lifecycle import is_opinion, kind_of
from .render_html import Carried, canonical_base64

__all__ = ["FROZEN_TYPE", "RENDERER", "export_bundle", "leaves_task", "read_back", "transaction"]

RENDERER: Final = 2
"""Number of the newest renderer: 2 carries the PDF too and the UK Core code."""

FROZEN_TYPE: Final = "application/vnd.teleread.report+json"
"""Content type of the signed bytes among a DiagnosticReport's presented forms."""

MAX_BYTES: Final = 128 * 1024 * 1024

_URI: Final = "urn:ietf:rfc:3986"
_TAG: Final = "urn:teleread:renderer"
_HTML_OF: Final = {1: 1, 2: 1}
"""Which renderer makes the HTML inside each FHIR renderer's form."""
_PDF_OF: Final = {2: 1}
"""The same for the PDF."""


def leaves_task(form: Mapping[str, Any]) -> bool:
    """Whether a frozen form ends nobody's reading: what is unsigned, second opinions and their addenda."""
    return form["kind"] == "preliminary" or is_opinion(form)


_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_PARTS: Final = (("attester", "Attester"), ("author", "Author"))
"""What a supervisor and a trainee did, in that order."""

Json = dict[str, Any]


# -- what goes to a hub -------------------------------------------------------------------------------


def transaction(
    report: SignedReport,
    context: TaskContext,
    predecessor: Receipt | None,
    reader_reference: str = "",
    number: int | None = None,
) -> bytes:
    """The transaction Bundle that delivers one report version.

    Args:
        report: What was signed.
        context: The task as the hub has it now: its raw resource and version go into the Task's PUT.
        predecessor: The receipt of the version before; None for version 1.
        reader_reference: The reader at this hub where the frozen form names none.
        number: Renderer; the newest that this installation can write where None, for a report is never
            held back by a PDF that can't be set.

    Raises:
        TelereadError: A later version without its predecessor's receipt, or a task without its resource.
    """
    content = content_of(report)
    if report.version > 1 and predecessor is None:
        raise TelereadError(
            "This version can't be sent before the one it stands on has its receipt.", code="no-predecessor"
        )
    resources = _resources(report, content, number or _newest(), reader_reference)
    report_url = _entry_url(report, "report")
    if predecessor is None:
        target = report_url
        request = {
            "method": "POST",
            "url": "DiagnosticReport",
            "ifNoneExist": f"identifier={_URI}|urn:uuid:{report.report_id}",
        }
        first: Json = {"fullUrl": report_url, "resource": resources["report"], "request": request}
    else:
        target = "/".join(predecessor.id.rstrip("/").split("/")[-2:])
        request = {"method": "PUT", "url": target, "ifMatch": f'W/"{predecessor.version}"'}
        first = {
            "resource": {**resources["report"], "id": target.rpartition("/")[2]},
            "request": request,
        }
    resources["provenance"]["target"] = [{"reference": target}]
    second = {
        "fullUrl": _entry_url(report, "provenance"),
        "resource": resources["provenance"],
        "request": {"method": "POST", "url": "Provenance"},
    }
    entries = [first, second]
    task = _task(report, content, context, target)
    if task is not None:
        entries.append(task)
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _newest() -> int:
    return RENDERER if pdf.installed(_PDF_OF[RENDERER]) else 1


def _task(report: SignedReport, content: Content, context: TaskContext, target: str) -> Json | None:
    """The Task, completed; None where the hub has it completed already."""
    if context.task.status == "completed" or leaves_task(content.form):
        return None
    raw = context.raw.get("task")
    if not isinstance(raw, dict) or raw.get("resourceType") != "Task":
        raise TelereadError(
            "The task can't be completed: it is not here as the hub gave it.",
            "The report is kept, signed.",
            "Run `teleread sync` again once the hub answers.",
            code="no-task",
        )
    task = {key: value for key, value in raw.items() if key not in {"meta", "status", "output"}}
    meta = {
        key: value
        for key, value in (raw.get("meta") or {}).items()
        if key not in {"versionId", "lastUpdated"}
    }
    if meta:
        task["meta"] = meta
    output = [one for one in raw.get("output") or [] if isinstance(one, dict)]
    output.append({"type": {"text": "Report"}, "valueReference": {"reference": target}})
    task |= {"status": "completed", "lastModified": content.form["signed_at"], "output": output}
    request = {"method": "PUT", "url": f"Task/{context.task.id}"}
    if context.task.version:
        request["ifMatch"] = f'W/"{context.task.version}"'
    return {"resource": task, "request": request}


# -- what `report export` writes ----------------------------------------------------------------------


def export_bundle(report: SignedReport, number: int | None = None) -> bytes:
    """A collection Bundle of the DiagnosticReport and its Provenance: a pure function of the report.

    Args:
        report: The signed report.
        number: The renderer; None is the newest that can run here, so that a missing typst costs the
            PDF inside and not the export.

    Raises:
        IntegrityError: No such renderer, or the report's bytes are no frozen form.
    """
    content = content_of(report)
    resources = _resources(report, content, number or _newest(), "")
    resources["provenance"]["target"] = [{"reference": _entry_url(report, "report")}]
    bundle = {
        "resourceType": "Bundle",
        "identifier": _identifier(report.report_id),
        "type": "collection",
        "timestamp": content.form["signed_at"],
        "entry": [
            {"fullUrl": _entry_url(report, "report"), "resource": resources["report"]},
            {"fullUrl": _entry_url(report, "provenance"), "resource": resources["provenance"]},
        ],
    }
    return (json.dumps(bundle, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def read_back(data: bytes) -> Carried:
    """What an exported bundle, or a hub's own copy of it, carries verbatim.

    Raises:
        IntegrityError: It is too long, no such bundle, or a part is missing.
    """
    try:
        if len(data) > MAX_BYTES:
            raise ValueError
        bundle = json.loads(data.decode("utf-8"))
        resources = [one["resource"] for one in bundle["entry"]]
        (diagnostic,) = [one for one in resources if one["resourceType"] == "DiagnosticReport"]
        (provenance,) = [one for one in resources if one["resourceType"] == "Provenance"]
        (attachment,) = [one for one in diagnostic["presentedForm"] if one.get("contentType") == FROZEN_TYPE]
        (tag,) = [one["code"] for one in diagnostic["meta"]["tag"] if one.get("system") == _TAG]
        (signature,) = provenance["signature"]
        number = int(tag.removeprefix("fhir/"))
        frozen, jws = attachment["data"], signature["data"]
        if not (isinstance(frozen, str) and isinstance(jws, str)):
            raise TypeError
        return Carried(number, canonical_base64(frozen), canonical_base64(jws).decode("ascii"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise IntegrityError(
            "This file is not a report that teleread exported.",
            "Its signed bytes, its signature or its renderer's number can't be found once each.",
            code="not-a-report",
        ) from None


# -- the resources ------------------------------------------------------------------------------------


def _resources(report: SignedReport, content: Content, number: int, reader: str) -> dict[str, Json]:
    renderer = _RENDERERS.get(number)
    if renderer is None:
        raise unknown_renderer("FHIR bundle", number)
    return renderer(report, content, content.form["reader"]["id"] or reader)


def _render_1(report: SignedReport, content: Content, reader: str) -> dict[str, Json]:
    return {
        "report": _diagnostic_report(report, content, reader, 1),
        "provenance": _provenance(report, content, reader),
    }


def _render_2(report: SignedReport, content: Content, reader: str) -> dict[str, Json]:
    """After IHE IMR: HTML and PDF presented, an organisation among the performers, UK Core's code."""
    resource = _diagnostic_report(report, content, reader, 2)
    uk_core = _coded("http://snomed.info/sct", "722124004", "Radiology studies report")["coding"]
    resource["code"]["coding"] += uk_core
    organisation = content.form["reader"].get("organisation")
    if organisation:
        resource["performer"].append({"type": "Organization", "display": organisation})
    page = pdf.render(report, _PDF_OF[2])
    html, frozen = resource["presentedForm"]
    resource["presentedForm"] = [
        html,
        _attachment("application/pdf", page, content.kind, content.form),
        frozen,
    ]
    return {"report": resource, "provenance": _provenance(report, content, reader)}


_RENDERERS: Final[dict[int, Callable[[SignedReport, Content, str], dict[str, Json]]]] = {
    1: _render_1,
    2: _render_2,
}


def _diagnostic_report(report: SignedReport, content: Content, reader: str, number: int) -> Json:
    form = content.form
    order, study, patient = form["order"], form["study"], form["patient"]
    who = _reader(form, reader)
    effective = order["occurrence"] or study["started"]
    resource: Json = {
        "resourceType": "DiagnosticReport",
        "meta": {"tag": [{"system": _TAG, "code": f"fhir/{number}"}]},
        "identifier": [_identifier(one) for one in _keys(form)],
        "basedOn": [{"reference": _reference("ServiceRequest", order["id"])}],
        "status": kind_of(form["kind"]).fhir_status,
        "category": [
            _coded("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology"),
        ],
        "code": {
            **_coded("http://loinc.org", "18748-4", "Diagnostic imaging study"),
            "text": content.title,
        },
        "subject": {"reference": _reference("Patient", patient["id"])},
        "effectiveDateTime": effective,
        "issued": form["signed_at"],
        "performer": [who, *_named(form)],
        "resultsInterpreter": [who, *_named(form)],
        "imagingStudy": [{"reference": _reference("ImagingStudy", study["id"])}] if study["id"] else [],
        "conclusion": _conclusion(form),
        "presentedForm": [
            _attachment("text/html", render_html.render(report, _HTML_OF[number]), content.kind, form),
            _attachment(FROZEN_TYPE, report.frozen, "Signed bytes", form),
        ],
    }
    if not order["id"]:
        del resource["basedOn"]
    return {key: value for key, value in resource.items() if value not in (None, "", [])}


def _provenance(report: SignedReport, content: Content, reader: str) -> Json:
    form = content.form
    who, kind = _reader(form, reader), kind_of(content.form["kind"])
    entities: list[Json] = [
        {
            "role": "source",
            "what": {
                "identifier": _identifier(report.idempotency_key),
                "display": f"{form['schema']} version {report.version}, SHA-256 {report.sha256}",
            },
        }
    ]
    before = form["predecessor"]
    if before:
        words = f"{form['schema']} version {before['version']}, SHA-256 {before['sha256']}"
        entities.append({"role": "revision", "what": {"display": words}})
    resource: Json = {
        "resourceType": "Provenance",
        "target": [],
        "recorded": form["signed_at"],
        "reason": [{"text": note} for note in content.notes],
        "activity": _coded("http://terminology.hl7.org/CodeSystem/v3-DocumentCompletion", *kind.activity),
        "agent": [
            {
                "type": _coded(_PARTICIPANT, "author", "Author"),
                "who": who,
            },
            *(
                {"type": _coded(_PARTICIPANT, *_PARTS[one["role"] == "trainee"]), "who": named}
                for one, named in zip(form.get("cosigners", ()), _named(form), strict=True)
            ),
        ],
        "entity": entities,
        "signature": [
            {
                "type": [
                    {
                        "system": "urn:iso-astm:E1762-95:2013",
                        "code": kind.signature[0],
                        "display": kind.signature[1],
                    }
                ],
                "when": form["signed_at"],
                "who": who,
                "targetFormat": FROZEN_TYPE,
                "sigFormat": "application/jose",
                "data": base64.b64encode(report.signature.encode("ascii")).decode("ascii"),
            }
        ],
    }
    return {key: value for key, value in resource.items() if key == "target" or value != []}


def _keys(form: Mapping[str, Any]) -> list[str]:
    """The report id, then the idempotency key of every version after the first."""
    before = form["predecessor"]
    later = [*before["keys"], form["idempotency_key"]] if before else []
    return [form["report_id"], *later]


def _conclusion(form: Mapping[str, Any]) -> str:
    texts = [one["text"] for one in form["sections"] if one["id"] == "impression" and one["text"]]
    texts += [
        f"{one['label']}\n{one['text']}" for one in form["sections"] if one["id"].startswith("addendum-")
    ]
    return "\n\n".join(texts)


def _reader(form: Mapping[str, Any], reader: str) -> Json:
    who: Json = {"reference": reader} if reader else {}
    return {**who, "display": form["reader"]["name"] or "Reader"}


def _named(form: Mapping[str, Any]) -> list[Json]:
    """Trainee and supervisor, as they are named beside the reader."""
    people = ((one["id"], one["name"]) for one in form.get("cosigners", ()))
    return [
        {**({"reference": _reference("Practitioner", who)} if who else {}), "display": name}
        for who, name in people
    ]


def _attachment(kind: str, data: bytes, title: str, form: Mapping[str, Any]) -> Json:
    return {
        "contentType": kind,
        "data": base64.b64encode(data).decode("ascii"),
        "size": len(data),
        # the standard asks for SHA-1 here; it proves nothing, the signature does
        "hash": base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode("ascii"),
        "title": title,
        "creation": form["signed_at"],
    }


def _identifier(value: str) -> Json:
    return {"system": _URI, "value": f"urn:uuid:{value}"}


def _coded(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _reference(kind: str, one: str) -> str:
    return one if "/" in one else f"{kind}/{one}"


def _entry_url(report: SignedReport, what: str) -> str:
    """A name inside the bundle, other than any identifier: servers replace it wherever it stands."""
    return f"urn:uuid:{uuid.uuid5(uuid.UUID(report.report_id), f'{report.version}/{what}')}"
