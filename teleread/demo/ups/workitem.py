"""A Task of the hub as a workitem (Unified Procedure Step, PS3.3 B.26), attribute by attribute."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from teleread.demo.fhir.store import Store
from teleread.demo.ups.elements import Data, code_item, el, moment, name_el, sequence, without_empty

__all__ = ["PUSH", "Claimed", "Holdings", "claimed_of", "dataset", "state_of", "uid_of"]

PUSH = "1.2.840.10008.5.1.4.34.6.1"
"""UPS Push SOP class."""
NHS = "https://fhir.nhs.uk/Id/nhs-number"
KIND = "UpsState"
"""How what only this face knows is kept beside the Task; the FHIR face does not serve it."""

Holdings = Callable[[str], list[tuple[str, str, str]]]
"""Study Instance UID to its images: series UID, SOP class, SOP Instance UID."""

_STATES = {
    "SCHEDULED": ("requested", "received", "accepted", "ready"),
    "IN PROGRESS": ("in-progress", "on-hold"),
    "COMPLETED": ("completed",),
    "CANCELED": ("cancelled", "rejected", "failed", "entered-in-error"),
}
_STATE_OF = {status: state for state, group in _STATES.items() for status in group}
_PRIORITY = {"stat": "HIGH", "urgent": "MEDIUM", "asap": "MEDIUM"}
_SEX = {"male": "M", "female": "F", "other": "O"}


@dataclass
class Claimed:
    """What the UPS face knows of a Task beyond the Task."""

    transaction: str = ""
    """The Transaction UID of who has it; never shown."""
    owner: str = ""
    """Task.owner's reference as this face set it: another one means it was taken away."""
    generation: int = 0
    """How often it was given back: each time a new workitem replaces the old one."""
    performed: Data = field(default_factory=dict)
    """What its performer told by updates."""
    past: dict[str, Data] = field(default_factory=dict)
    """Workitems that were given back, by UID: final state and reason."""
    finished_by: str = ""
    """The Transaction UID that ended it: the same request again is answered as done."""


def claimed_of(store: Store, task: str) -> Claimed:
    """What is known; nothing where no performer has been there."""
    kept = store.read(KIND, task)
    if kept is None:
        return Claimed()
    names = Claimed.__dataclass_fields__
    return Claimed(**{key: value for key, value in kept.body.items() if key in names})


def uid_of(task: str, generation: int = 0) -> str:
    """The workitem's SOP Instance UID (PS3.5 B.2), always the same for a Task and its turn."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, f'urn:teleread:demo:workitem:{task}:{generation}').int}"


def state_of(task: Data) -> str:
    """Procedure Step State (0074,1000); empty for a draft, which nobody sees."""
    return _STATE_OF.get(str(task.get("status")), "")


def dataset(store: Store, task: Data, known: Claimed, holdings: Holdings, archive: str) -> Data:
    """Everything a Retrieve shows (PS3.4 table CC.2.5-3), without the Transaction UID."""
    patient = _pointed(store, task.get("for"))
    order = _pointed(store, (task.get("basedOn") or [{}])[0])
    study = _pointed(store, task.get("focus")) or _study_of(store, order)
    state = state_of(task)
    data: Data = {
        "00080005": el("CS", "ISO_IR 192"),
        "00080016": el("UI", PUSH),
        "00080018": el("UI", uid_of(task["id"], known.generation)),
        "00404010": el("DT", moment(_touched(task, patient, order, study))),
        "00404041": el("CS", "READY"),
        "00741000": el("CS", state),
        "00741200": el("CS", _PRIORITY.get(str(task.get("priority")), "LOW")),
        "00741202": el("LO", "Radiology reporting"),
        "00741204": el("LO", _text(order.get("code")) or task.get("description", "")),
        "00404005": el("DT", moment(task.get("authoredOn", ""))),
        "00404011": el("DT", moment(task.get("restriction", {}).get("period", {}).get("end", ""))),
        "00404018": sequence(code_item("110005", "DCM", "Interpretation")),
        "00404021": sequence(*_inputs(study, holdings, archive)),
        "0040A370": sequence(_request(task, order, study)),
        **_patient(patient),
    }
    if known.generation:
        replaced = {
            "00081150": el("UI", PUSH),
            "00081155": el("UI", uid_of(task["id"], known.generation - 1)),
        }
        data["00741224"] = sequence(replaced)
    data |= _performer(task, known, state)
    return without_empty(data)


def _touched(*resources: Data) -> str:
    """When anything a workitem shows was last changed: an amended order is a changed workitem."""
    return max(str(one["meta"]["lastUpdated"]) for one in resources if one)


def _performer(task: Data, known: Claimed, state: str) -> Data:
    owner = task.get("owner") or {}
    if not owner:
        return {}
    ident = str(owner.get("reference", "")).rpartition("/")[2]
    code = [code_item(ident, "99DEMO", str(owner.get("display", ident)))] if ident else []
    person = {"00404009": sequence(*code), "00404037": name_el(_pn(str(owner.get("display", ""))))}
    if state == "SCHEDULED":
        return {"00404034": sequence(person)}
    told = known.performed if owner.get("reference", "") == known.owner else {}
    performed = dict(_first(told.get("00741216")))
    performed["00404035"] = sequence(person)
    return {**told, "00741216": sequence(performed)}


def _first(element: Any) -> Data:
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values and isinstance(values[0], dict) else {}


def _pointed(store: Store, reference: Any) -> Data:
    kind, _, ident = str((reference or {}).get("reference", "")).partition("/")
    found = store.read(kind, ident)
    return found.body if found else {}


def _study_of(store: Store, order: Data) -> Data:
    wanted = f"ServiceRequest/{order.get('id')}"
    for one in store.all("ImagingStudy"):
        if any(ref.get("reference") == wanted for ref in one.body.get("basedOn", ())):
            return one.body
    return {}


def _text(concept: Any) -> str:
    concept = concept or {}
    coding = (concept.get("coding") or [{}])[0]
    return str(concept.get("text") or coding.get("display") or "")


def _study_uid(study: Data) -> str:
    for one in study.get("identifier", ()):
        if str(one.get("value", "")).startswith("urn:oid:"):
            return str(one["value"]).removeprefix("urn:oid:")
    return ""


def _request(task: Data, order: Data, study: Data) -> Data:
    """An item of the Referenced Request Sequence (0040,A370)."""
    numbers = [
        str(one.get("value", ""))
        for one in order.get("identifier", ())
        if any(code.get("code") == "ACSN" for code in one.get("type", {}).get("coding", ()))
    ]
    coding = ((order.get("code") or {}).get("coding") or [{}])[0]
    coded = [code_item(coding["code"], "99DEMO", _text(order["code"]))] if coding.get("code") else []
    reasons = [_text(one) for one in order.get("reasonCode", ())]
    short = "\\".join(reasons) if all(len(one) <= 64 and "\\" not in one for one in reasons) else ""
    rest = [*([] if short else reasons), *(str(one.get("text", "")) for one in order.get("note", ()))]
    sites = [_text(one) for one in order.get("bodySite", ())]
    region = [{"00080104": el("LO", site)} for site in sites if site]
    return without_empty(
        {
            "0020000D": el("UI", _study_uid(study)),
            "00080050": el("SH", numbers[0] if numbers else ""),
            "00321060": el("LO", _text(order.get("code"))),
            "00321064": sequence(*coded),
            "00401001": el("SH", order.get("id", "")),
            "00401002": el("LO", *short.split("\\")),
            "00401400": el("LT", "\n".join(rest)),
            "00321032": name_el(_pn(str((order.get("requester") or {}).get("display", "")))),
            "00321033": el("LO", str((task.get("requester") or {}).get("display", ""))),
            "00082218": sequence(*region),
            "00404005": el("DT", moment(order.get("occurrenceDateTime", ""))),
            "00402004": el("DA", moment(order.get("authoredOn", ""))[:8]),
        }
    )


def _pn(name: str) -> str:
    return name.replace("^", " ").replace("=", " ").replace("\\", " ")


def _patient(patient: Data) -> Data:
    name = (patient.get("name") or [{}])[0]
    given = list(name.get("given") or [])
    whole = "^".join([str(name.get("family", "")), *given[:1], " ".join(given[1:])]).rstrip("^")
    numbers = patient.get("identifier", ())
    national = [one for one in numbers if one.get("system") == NHS]
    local = [one for one in numbers if one.get("system") != NHS] or list(national)
    data: Data = {
        "00100010": name_el(whole),
        "00100030": el("DA", str(patient.get("birthDate", "")).replace("-", "")),
        "00100040": el("CS", _SEX.get(str(patient.get("gender")), "")),
    }
    if local:
        data |= _number(local[0])
    if national and local[0] is not national[0]:
        data["00101002"] = sequence({**_number(national[0]), "00100022": el("CS", "TEXT")})
    return data


def _number(identifier: Data) -> Data:
    system = str(identifier.get("system", ""))
    issuer = str((identifier.get("assigner") or {}).get("display") or ("NHS" if system == NHS else ""))
    return {
        "00100020": el("LO", str(identifier.get("value", ""))),
        "00100021": el("LO", issuer),
        "00100024": sequence({"00400032": el("UT", system), "00400033": el("CS", "URI")}),
    }


def _inputs(study: Data, holdings: Holdings, archive: str) -> list[Data]:
    """The Input Information Sequence (0040,4021): where the images are, a series an item."""
    uid = _study_uid(study)
    if not uid:
        return []
    series: dict[str, list[Data]] = {}
    for series_uid, sop_class, sop_uid in holdings(uid):
        series.setdefault(series_uid, []).append(
            {"00081150": el("UI", sop_class), "00081155": el("UI", sop_uid)}
        )
    found = list(series.items())
    if not found:
        found = [(str(one.get("uid", "")), []) for one in study.get("series", ())] or [("", [])]
    count = study.get("numberOfInstances")
    modalities = [str(one.get("code")) for one in study.get("modality", ())]
    return [
        without_empty(
            {
                "0040E020": el("CS", "DICOM"),
                "0020000D": el("UI", uid),
                "0020000E": el("UI", series_uid),
                "00081199": sequence(*references),
                "00201208": el("IS", count),
                "00080061": el("CS", *modalities),
                "00081030": el("LO", study.get("description", "")),
                "00404005": el("DT", moment(study.get("started", ""))),
                "0040E025": sequence({"00081190": el("UR", f"{archive}/studies/{uid}")}),
            }
        )
        for series_uid, references in found
    ]
