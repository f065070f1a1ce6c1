"""HL7 v2 as the demo's site writes and reads it (2.5.1): orders from its resources, results into them.

Its own few lines, apart from the client's, so that one mistake can't hide another.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from teleread.demo.cases.resources import instant
from teleread.demo.fhir.store import Store

__all__ = ["RefusedError", "acknowledged", "file_result", "orders_of", "segments_of"]

_STATUS = {"P": "preliminary", "F": "final", "C": "corrected"}
_ESCAPES = (
    *(("\\F\\", "|"), ("\\S\\", "^"), ("\\R\\", "~"), ("\\T\\", "&")),
    *(("\\.br\\", "\n"), ("\\E\\", "\\")),
)
_FILLER = "urn:demo:filler-number"
_MESSAGE = "urn:demo:message-control-id"

Segment = list[str]


class RefusedError(Exception):
    """Why a message is not filed.

    Args:
        code: ``AE`` or ``AR``.
        words: Why.
    """

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


def segments_of(message: bytes) -> list[Segment]:
    """The fields of each segment; of MSH the separator counts as the first.

    Raises:
        RefusedError: It is no message.
    """
    try:
        lines = [one for one in re.split(r"[\r\n]+", message.decode("utf-8")) if one]
    except UnicodeDecodeError:
        raise RefusedError("AR", "not UTF-8") from None
    if not lines or not lines[0].startswith("MSH|^~\\&|"):
        raise RefusedError("AR", "no HL7 message")
    found = [one.split("|") for one in lines]
    found[0].insert(1, "|")
    return found


def acknowledged(message: bytes, code: str, words: str = "", about: str = "") -> bytes:
    """An acknowledgement of a message."""
    try:
        number = about or _at(segments_of(message)[0], 10)
    except RefusedError:
        number = ""
    stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    own = uuid.uuid4().hex[:20]
    lines = [f"MSH|^~\\&|DEMO|DEMO|TELEREAD||{stamp}||ACK^R01^ACK|{own}|P|2.5.1", f"MSA|{code}|{number}"]
    if words:
        lines.append(f"ERR|||207^Application internal error^HL70357|E||||{words}")
    return "".join(f"{one}\r" for one in lines).encode()


# -- results ------------------------------------------------------------------------------------------


def file_result(store: Store, message: bytes) -> str:
    """File an ORU^R01 as the report of its order; the report's id. One sent again changes nothing.

    Raises:
        RefusedError: It is no result, or its order is not known.
    """
    segments = segments_of(message)
    head = segments[0]
    if not _at(head, 9).startswith("ORU^R01"):
        raise RefusedError("AR", "only results are taken here")
    obr = next((one for one in segments if one[0] == "OBR"), [])
    order = _order(store, [_at(obr, 18), _at(obr, 3), _at(obr, 29).partition("^")[2]])
    if order is None:
        raise RefusedError("AE", "OBR-18 is no accession number of this hub")
    status = _STATUS.get(_at(obr, 25))
    if status is None:
        raise RefusedError("AE", "OBR-25 is not understood")
    filler = {"system": _FILLER, "value": _at(obr, 3)}
    control = {"system": _MESSAGE, "value": _at(head, 10)}
    before = next(
        (one for one in store.all("DiagnosticReport") if filler in one.body.get("identifier", ())), None
    )
    if before is not None and control in before.body["identifier"]:
        return before.id
    ident = before.id if before is not None else str(uuid.uuid4())
    numbers = [filler] if before is None else list(before.body["identifier"])
    task = _task(store, order["id"])
    body = {
        "status": status,
        "identifier": [*numbers, control],
        "code": order["code"],
        "subject": order["subject"],
        "basedOn": [{"reference": f"ServiceRequest/{order['id']}"}],
        "issued": instant(datetime.now(UTC)),
        "resultsInterpreter": [{"display": _at(obr, 32).replace("&", " ").strip() or "by HL7"}],
        "conclusion": "\n".join(_lines(segments)),
    }
    with store.unit() as unit:
        unit.put("DiagnosticReport", ident, body)
        if task is not None and status != "preliminary":
            unit.put("Task", task["id"], {**task, "status": "completed"})
    return ident


def _lines(segments: list[Segment]) -> Iterator[str]:
    for one in segments:
        if one[0] == "OBX" and _at(one, 2) in {"TX", "FT"} and not _at(one, 3).startswith("mark^"):
            yield from (_plain(part) for part in _at(one, 5).split("~"))


def _plain(text: str) -> str:
    for written, meant in _ESCAPES:
        text = text.replace(written, meant)
    return text


def _at(segment: Segment, place: int) -> str:
    return segment[place] if place < len(segment) else ""


def _order(store: Store, numbers: list[str]) -> dict[str, Any] | None:
    wanted = {one for one in numbers if one}
    for stored in store.all("ServiceRequest"):
        if wanted & {str(one.get("value", "")) for one in stored.body.get("identifier", ())}:
            return store.edit("ServiceRequest", stored.id)
    return None


def _task(store: Store, order: str) -> dict[str, Any] | None:
    reference = {"reference": f"ServiceRequest/{order}"}
    found = next((one for one in store.all("Task") if reference in one.body.get("basedOn", ())), None)
    return None if found is None else store.edit("Task", found.id)


# -- orders -------------------------------------------------------------------------------------------


def orders_of(store: Store, task_id: str) -> list[bytes]:
    """What the site tells of a case as it stands: a merge if there was one, then the order."""
    task = store.edit("Task", task_id)
    order = store.edit("ServiceRequest", _id(task["basedOn"][0]))
    patient = store.edit("Patient", _id(task["for"]))
    study = store.edit("ImagingStudy", _id(task["focus"])) if "focus" in task else {}
    pid = _pid(patient)
    found: list[bytes] = []
    if any(one.get("type") == "replaced-by" for one in patient.get("link", ())):
        gone, pid = pid.split("|")[3], pid.replace("|1||", "|1||M", 1)
        found.append(_message("ADT^A40^ADT_A39", pid, f"MRG|{gone}"))
    told = store.note(f"hl7 told {task_id}") is not None
    off = task["status"] == "cancelled" or order.get("status") == "revoked"
    control = "CA" if off else "XO" if told else "NW"
    accession = str(order["identifier"][0]["value"])
    text = _escaped(str(order.get("code", {}).get("text", "")))
    site = _escaped(str((order.get("bodySite") or [{}])[0].get("text", "")))
    question = _escaped(str((order.get("reasonCode") or [{}])[0].get("text", "")))
    uid = next((str(one["value"]) for one in study.get("identifier", ()) if "urn:oid" in str(one)), "")
    modality = str((study.get("modality") or [{}])[0].get("code", ""))
    obr = {1: "1", 2: accession, 4: f"{text}^{text}^L", 15: f"^^^{site}", 18: accession, 31: f"^{question}"}
    urgency = {"stat": "S", "asap": "A", "urgent": "U"}.get(str(task.get("priority", "")), "R")
    lines = [
        f"ORC|{control}|{accession}",
        f"TQ1|1||||||||{urgency}",
        "OBR|" + "|".join(obr.get(place, "") for place in range(1, 32)),
        f"IPC|{accession}|{accession}|{uid.removeprefix('urn:oid:')}||{modality}",
    ]
    found.append(_message("OMI^O23^OMI_O23", pid, *lines))
    store.keep(f"hl7 told {task_id}", "1")
    return found


def _message(kind: str, *lines: str) -> bytes:
    stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    number = uuid.uuid4().hex[:20]
    head = f"MSH|^~\\&|DEMO|DEMO|TELEREAD||{stamp}||{kind}|{number}|P|2.5.1||||||UNICODE UTF-8"
    return "".join(f"{one}\r" for one in (head, *lines)).encode()


def _pid(patient: dict[str, Any]) -> str:
    numbers = []
    for one in patient.get("identifier", ()):
        national = "nhs-number" in str(one.get("system", ""))
        issuer = "NHS" if national else f"&{_escaped(str(one.get('system', '')))}&URI"
        numbers.append(f"{_escaped(str(one['value']))}^^^{issuer}^{'NH' if national else 'MR'}")
    numbers.sort(key=lambda one: one.endswith("NH"))
    name = patient["name"][0]
    given = [_escaped(str(one)) for one in name.get("given", ())]
    names = "^".join([_escaped(str(name.get("family", ""))), *given[:1], " ".join(given[1:])]).rstrip("^")
    born = str(patient.get("birthDate", "")).replace("-", "")
    sex = {"male": "M", "female": "F", "other": "O"}.get(str(patient.get("gender", "")), "U")
    return f"PID|1||{'~'.join(numbers)}||{names}||{born}|{sex}"


def _escaped(text: str) -> str:
    for written, meant in reversed(_ESCAPES):
        text = text.replace(meant, written)
    return text


def _id(reference: dict[str, Any]) -> str:
    return str(reference["reference"]).partition("/")[2]
