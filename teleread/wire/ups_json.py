"""A workitem (Unified Procedure Step, PS3.3 B.26) in DICOM JSON, read into the model. I/O-free.

Elements are found by tag, whatever their VR says (servers get those wrong). A workitem is first brought into
the shape of the four resources a FHIR hub would show, so that names, numbers, sides and dates are understood
in one place.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from teleread.model.patient import NHS_SYSTEM
from teleread.model.task import TaskContext
from teleread.wire.dicom_json import inside, integer, texts, uid, words
from teleread.wire.dicom_tags import is_uid
from teleread.wire.fhir_json import Unreadable, context_of

__all__ = [
    "ELSEWHERE",
    "INTERPRETATION",
    "NHS_ISSUERS",
    "Seen",
    "Workitem",
    "context_of_workitem",
    "instant_of",
    "is_reader",
    "read_workitem",
]

INTERPRETATION: Final = "110005"
"""Workitem code of a reading (PS3.16 CID 9231)."""
ELSEWHERE: Final = "elsewhere"
"""Owner of what this reader holds from another machine, whose Transaction UID this one does not know."""

_STATUS: Final = {
    "SCHEDULED": "requested",
    "IN PROGRESS": "in-progress",
    "COMPLETED": "completed",
    "CANCELED": "cancelled",
    "CANCELLED": "cancelled",
}
_PRIORITY: Final = {"HIGH": "stat", "MEDIUM": "urgent"}
_SEX: Final = {"M": "male", "F": "female", "O": "other"}
NHS_ISSUERS: Final = frozenset(
    {"NHS", "NHSNMBR", "NHSNUMBER", "2.16.840.1.113883.2.1.4.1", NHS_SYSTEM.upper()}
)
_OLDEST: Final = datetime(1, 1, 2, tzinfo=UTC)
_MODALITY: Final = {
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.1.2": "MG",
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.3.1": "US",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "MR",
    "1.2.840.10008.5.1.4.1.1.6.1": "US",
    "1.2.840.10008.5.1.4.1.1.12.1": "XA",
    "1.2.840.10008.5.1.4.1.1.12.2": "RF",
    "1.2.840.10008.5.1.4.1.1.20": "NM",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
"""Storage SOP class to modality (PS3.4 B.5), where a workitem names images and no modality."""
_DT: Final = re.compile(r"^(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.\d{1,6})?([+-]\d{4})?$")

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Workitem:
    """What the protocol itself needs of a workitem."""

    uid: str
    state: str
    """SCHEDULED, IN PROGRESS, COMPLETED or CANCELED."""
    codes: tuple[str, ...]
    """What is to be done (0040,4018)."""
    ready: bool
    """Its images are there (0040,4041); what says nothing counts as ready."""
    assigned: tuple[tuple[str, str], ...]
    """Code and name of each Scheduled Human Performer (0040,4034); none is an open offer."""
    performers: tuple[tuple[str, str], ...]
    """The same of who has it (0040,4035)."""
    outputs: tuple[tuple[str, str, str], ...]
    """Study, series and SOP Instance UID of what came of it (0040,4033)."""
    modified: str
    """Scheduled Procedure Step Modification DateTime (0040,4010), as given."""
    progress: str
    """Procedure Step Progress Description (0074,1006)."""
    data: Data


@dataclass(frozen=True, slots=True)
class Seen:
    """How a workitem is looked at."""

    hub_id: str
    at: datetime
    """When it was read, UTC."""
    reader: str = ""
    """The reader's reference at this hub."""
    reader_name: str = ""
    issuer: str = ""
    """Whose the numbers without an issuer are."""
    zone: tzinfo | None = None
    """Of times that name none; without it those stay unknown."""


def read_workitem(data: Data) -> Workitem:
    """Read what the protocol needs.

    Raises:
        Unreadable: It has no UID, or no state this protocol knows.
    """
    ident = uid(data, "00080018")
    state = str(words(data, "00741000")).upper()
    if not is_uid(ident):
        raise Unreadable("a workitem without a UID")
    if state not in _STATUS:
        raise Unreadable("a workitem in no state that is known")
    performed = inside(data, "00741216")
    progress = inside(data, "00741002")
    return Workitem(
        uid=ident,
        state="CANCELED" if state == "CANCELLED" else state,
        codes=tuple(str(words(one, "00080100")) for one in inside(data, "00404018")),
        ready=str(words(data, "00404041")).upper() not in {"INCOMPLETE", "UNAVAILABLE"},
        assigned=_people(data, "00404034"),
        performers=tuple(who for one in performed for who in _people(one, "00404035")),
        outputs=tuple(
            (uid(item, "0020000D"), uid(item, "0020000E"), uid(reference, "00081155"))
            for one in performed
            for item in inside(one, "00404033")
            for reference in inside(item, "00081199")
        ),
        modified=str(words(data, "00404010")),
        progress=str(words(progress[0], "00741006")) if progress else "",
        data=data,
    )


def _people(data: Data, tag: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for person in inside(data, tag):
        code = next(iter(inside(person, "00404009")), {})
        name = str(words(person, "00404037")) or str(words(code, "00080104"))
        found.append((str(words(code, "00080100")), name.replace("^", " ").strip()))
    return tuple(one for one in found if any(one))


def context_of_workitem(
    item: Workitem, seen: Seen, *, mine: bool, asked_to_cancel: bool = False
) -> tuple[TaskContext, tuple[str, ...]]:
    """A workitem as a task with its order, patient and study.

    Args:
        item: The workitem.
        seen: How it is looked at.
        mine: This machine holds it, by its Transaction UID.
        asked_to_cancel: The hub asked its performer to cancel it.

    Returns:
        The context, and words on what could not be used.

    Raises:
        Unreadable: It names no patient.
    """
    data = item.data
    patient = _patient(data, seen.issuer)
    if not patient["id"]:
        raise Unreadable("a workitem names no patient")
    requests = inside(data, "0040A370")
    study = _study(item, requests)
    ended = item.state == "CANCELED" or asked_to_cancel
    context, noted = context_of(
        seen.hub_id,
        _task(item, seen, mine=mine, requests=requests),
        _order(item, requests, "revoked" if ended else "active", seen),
        patient,
        study,
        seen.at,
    )
    return replace(context, raw={**context.raw, "workitem": dict(data)}), noted


def _task(item: Workitem, seen: Seen, *, mine: bool, requests: tuple[Data, ...]) -> dict[str, Any]:
    data = item.data
    # When it was touched is told apart: only what it says is compared.
    told = {tag: one for tag, one in data.items() if tag not in {"00404010", "0040A370", "00404021"}}
    task: dict[str, Any] = {
        "resourceType": "Task",
        "id": item.uid,
        "meta": {"versionId": _digest(told), "lastUpdated": instant_of(item.modified, seen.zone)},
        "status": _STATUS[item.state],
        "priority": _PRIORITY.get(str(words(data, "00741200")), "routine"),
        "description": words(data, "00741204") or words(data, "00741202"),
        "authoredOn": instant_of(str(words(data, "00404005")), seen.zone),
        "requester": {"display": next((text for one in requests if (text := words(one, "00321033"))), "")},
        "restriction": {"period": {"end": instant_of(str(words(data, "00404011")), seen.zone)}},
    }
    owner = _owner(item, seen, mine=mine)
    if owner:
        task["owner"] = owner
    reason = next((text for one in inside(data, "00741002") if (text := words(one, "00741238"))), "")
    if reason:
        task["statusReason"] = {"text": reason}
    return task


def _owner(item: Workitem, seen: Seen, *, mine: bool) -> dict[str, Any]:
    """Task.owner: a reference where there is a code, else an identifier."""
    if item.state == "SCHEDULED":
        if not item.assigned or any(is_reader(one, seen) for one in item.assigned):
            return {}
        return _person(*item.assigned[0])
    if item.state == "CANCELED":
        return {}
    if mine:
        system, bar, value = seen.reader.rpartition("|")
        element = {"identifier": {"system": system, "value": value}} if bar else {"reference": seen.reader}
        return {**element, "display": seen.reader_name}
    code, name = item.performers[0] if item.performers else ("", "")
    if is_reader((code, name), seen):
        return _person(f"|{ELSEWHERE}", name)
    return _person(code or "|unknown", name)


def _person(code: str, name: str) -> dict[str, Any]:
    if re.fullmatch(r"[A-Za-z0-9.-]{1,64}", code):
        return {"reference": f"Practitioner/{code}", "display": name}
    return {"identifier": {"value": code.removeprefix("|") or name}, "display": name}


def is_reader(person: tuple[str, str], seen: Seen) -> bool:
    """Whether a coded person is the reader."""
    code, name = person
    if code:
        return bool(seen.reader) and code in {seen.reader, seen.reader.rpartition("/")[2]}
    return bool(seen.reader_name) and name.casefold() == seen.reader_name.casefold()


def _order(item: Workitem, requests: tuple[Data, ...], status: str, seen: Seen) -> dict[str, Any]:
    data, first = item.data, requests[0] if requests else {}
    accessions = [text for one in requests if (text := words(one, "00080050"))]
    coded = next(iter(inside(first, "00321064")), {})
    code = words(coded, "00080100")
    procedure = words(first, "00321060") or words(coded, "00080104") or words(data, "00741204")
    sites = [str(words(one, "00080104")) for one in inside(first, "00082218")]
    sites += [str(words(one, "00180015")) for one in (first, data)]
    side = {"L": "left", "R": "right", "B": "bilateral"}.get(str(words(first, "00200060")), "")
    reasons = [*texts(first, "00401002"), *(words(one, "00080104") for one in inside(first, "0040100A"))]
    told = {tag: data.get(tag) for tag in ("0040A370", "00741204")}
    return {
        "resourceType": "ServiceRequest",
        "id": str(words(first, "00401001") or words(first, "00402016") or next(iter(accessions), item.uid)),
        "meta": {"versionId": _digest(told)},
        "status": status,
        "identifier": [{"type": {"coding": [{"code": "ACSN"}]}, "value": one} for one in accessions],
        "code": {"coding": [{"code": code, "display": procedure}] if code else [], "text": procedure},
        "bodySite": [{"text": f"{one} {side}".strip()} for one in sites[:1] if one or side],
        "priority": _PRIORITY.get(str(words(data, "00741200")), "routine"),
        "reasonCode": [{"text": one} for one in reasons if one],
        "note": [{"text": _long(first, "00401400")}],
        "requester": {"display": str(words(first, "00321032")).replace("^", " ").strip()},
        "authoredOn": _iso_date(str(words(first, "00402004"))),
        "occurrenceDateTime": instant_of(str(words(first, "00404005")), seen.zone),
    }


def _long(data: Data, tag: str) -> str:
    """A text of several lines, which is cleaned where it is read."""
    element = data.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    first = values[0] if isinstance(values, list) and values else ""
    return first[:16_384] if isinstance(first, str) else ""


def _patient(data: Data, issuer: str) -> dict[str, Any]:
    numbers = [_number(data, issuer), *(_number(one, "") for one in inside(data, "00101002"))]
    numbers = [one for one in numbers if one["value"]]
    family, *given = str(words(data, "00100010")).split("^")
    born = str(words(data, "00100030"))
    own = numbers[0] if numbers else {"value": "", "system": ""}
    told = {tag: one for tag, one in data.items() if tag.startswith("0010")}
    return {
        "resourceType": "Patient",
        "id": f"{own['system']}|{own['value']}" if own["value"] and own["system"] else own["value"],
        "meta": {"versionId": _digest(told)},
        "identifier": numbers,
        "name": [{"family": family, "given": [*given[:1], *(given[1:2] and given[1].split(" "))]}],
        "birthDate": _iso_date(born),
        "gender": _SEX.get(str(words(data, "00100040")).upper(), ""),
    }


def _number(data: Data, issuer: str) -> dict[str, Any]:
    """A patient's number with whoever issued it: the universal id before the local name (PS3.3 10.14)."""
    qualifier = next(iter(inside(data, "00100024")), {})
    system = str(words(qualifier, "00400032") or words(data, "00100021") or issuer)
    national = system.upper() in NHS_ISSUERS
    kind = {} if national else {"type": {"coding": [{"system": _V2, "code": "MR"}]}}
    return {"system": NHS_SYSTEM if national else system, "value": str(words(data, "00100020")), **kind}


_V2: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"


def _study(item: Workitem, requests: tuple[Data, ...]) -> dict[str, Any] | None:
    inputs = inside(item.data, "00404021")
    named = [uid(one, "0020000D") for one in (*requests, *inputs)]
    study_uid = next((one for one in named if is_uid(one)), "")
    if not study_uid:
        return None
    about = [one for one in inputs if uid(one, "0020000D") in {study_uid, ""}]
    references = [reference for one in about for reference in inside(one, "00081199")]
    counted = len({uid(one, "00081155") for one in references}) or None
    told_counts = [count for one in about if (count := integer(one, "00201208")) is not None]
    codes: list[str] = [
        text for one in (*about, *requests) for tag in ("00080061", "00080060") for text in texts(one, tag)
    ]
    codes += [_MODALITY[one] for ref in references if (one := uid(ref, "00081150")) in _MODALITY]
    return {
        "resourceType": "ImagingStudy",
        "id": study_uid,
        "meta": {"versionId": _digest({"uid": study_uid, "inputs": item.data.get("00404021")})},
        "status": "available",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{study_uid}"}],
        "modality": [{"code": one} for one in dict.fromkeys(codes)],
        "numberOfSeries": len({uid(one, "0020000E") for one in about} - {""}) or None,
        "numberOfInstances": counted or next(iter(told_counts), None),
        "description": next((text for one in about if (text := words(one, "00081030"))), ""),
        "started": instant_of(str(next((words(one, "00404005") for one in about), "")), None),
    }


def instant_of(text: str, zone: tzinfo | None) -> str:
    """DT as an instant (PS3.5 6.2); empty where it names no zone and none is known."""
    found = _DT.match(text.strip())
    if found is None:
        return ""
    parts = [
        int(one) if one else low for one, low in zip(found.groups()[:6], (1, 1, 1, 0, 0, 0), strict=True)
    ]
    offset = found.group(7)
    try:
        at = datetime(*parts)  # type: ignore[arg-type]
        if offset:
            minutes = int(offset[1:3]) * 60 + int(offset[3:5])
            at = at.replace(tzinfo=UTC) - timedelta(minutes=minutes if offset[0] == "+" else -minutes)
        elif zone is not None:
            at = at.replace(tzinfo=zone).astimezone(UTC)
        else:
            return ""
    except (ValueError, OverflowError):
        return ""
    return at.isoformat().replace("+00:00", "Z") if at > _OLDEST else ""


def _iso_date(text: str) -> str:
    found = re.match(r"^(\d{4})(\d\d)?(\d\d)?$", text)
    return "-".join(one for one in found.groups() if one) if found else ""


def _digest(part: Any) -> str:
    """Workitems have no versions: what they say stands for one."""
    text = json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
