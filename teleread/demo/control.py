"""The demo's own levers, ``/_demo/``: faults, and what other people at the hub do meanwhile."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from teleread.demo.cases.people import OTHER_READER, READERS
from teleread.demo.cases.resources import instant
from teleread.demo.exchange import Reply, Request, json_reply
from teleread.demo.faults import Area, Faults
from teleread.demo.fhir.store import Store

__all__ = ["Control", "HubEvents"]

_AREAS: dict[str, Area] = {"fhir": "fhir", "dicom-web": "dicom-web", "dimse": "dimse", "ups-rs": "ups-rs"}


class HubEvents:
    """What others do at the hub while the reader is away.

    Args:
        store: The hub.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def _edit(self, kind: str, ident: str, change: Callable[[dict[str, Any]], None]) -> None:
        with self._store.unit() as unit:
            body = self._store.edit(kind, ident)
            change(body)
            unit.put(kind, ident, body)

    def cancel(self, task: str) -> None:
        """The site cancels the order."""

        def change(body: dict[str, Any]) -> None:
            body["status"] = "cancelled"
            body["statusReason"] = {"text": "Cancelled by the site"}

        order = self._order_of(task)
        self._edit("Task", task, change)
        self._edit("ServiceRequest", order, lambda body: body.update(status="revoked"))

    def reassign(self, task: str, who: str = OTHER_READER) -> None:
        """The hub gives the task to somebody else."""
        name = " ".join(READERS.get(who, ("Dr", "Other", "Demoreader")))

        def change(body: dict[str, Any]) -> None:
            body["owner"] = {"reference": f"Practitioner/{who}", "display": name}
            body["status"] = "in-progress"

        self._edit("Task", task, change)

    def release(self, task: str) -> None:
        """The hub takes the claim away; the task is free again."""

        def change(body: dict[str, Any]) -> None:
            body.pop("owner", None)
            body["status"] = "requested"

        self._edit("Task", task, change)

    def amend(self, task: str, question: str = "Amended: the other side is meant.") -> None:
        """The site changes the order: the side, and the question."""

        def change(body: dict[str, Any]) -> None:
            site = body["bodySite"][0]
            site.pop("coding", None)
            text = str(site["text"])
            swapped = text.replace("Left", "\0").replace("Right", "Left").replace("\0", "Right")
            site["text"] = swapped if swapped != text else f"{text}, with limbs"
            body["reasonCode"] = [{"text": question}]

        self._edit("ServiceRequest", self._order_of(task), change)

    def correct_patient(self, task: str, born: str = "1901-01-01") -> None:
        """The hub corrects the patient's birth date."""
        reference = str(self._store.edit("Task", task)["for"]["reference"])
        self._edit("Patient", reference.partition("/")[2], lambda body: body.update(birthDate=born))

    def report(self, task: str, text: str = "Reported by somebody else.") -> str:
        """Somebody else's final report appears, and the task is done.

        Returns:
            The id of the DiagnosticReport.
        """
        body = self._store.edit("Task", task)
        order = self._store.edit("ServiceRequest", self._order_of(task))
        ident = str(uuid.uuid4())
        now = instant(datetime.now(UTC))
        who = {"reference": f"Practitioner/{OTHER_READER}", "display": " ".join(READERS[OTHER_READER])}
        document = {
            "status": "final",
            "category": [
                {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}]}
            ],
            "code": order["code"],
            "subject": body["for"],
            "basedOn": body["basedOn"],
            "imagingStudy": [body["focus"]],
            "effectiveDateTime": now,
            "issued": now,
            "resultsInterpreter": [who],
            "conclusion": text,
            "presentedForm": [
                {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}
            ],
        }
        body.update(status="completed", owner=who)
        with self._store.unit() as unit:
            unit.put("DiagnosticReport", ident, document)
            unit.put("Task", task, body)
        return ident

    def forget(self, report: str) -> bool:
        """The hub comes back from a backup without a report. True if it was there."""
        return self._store.forget("DiagnosticReport", report)

    def _order_of(self, task: str) -> str:
        return str(self._store.edit("Task", task)["basedOn"][0]["reference"]).partition("/")[2]


class Control:
    """Answers ``/_demo/`` requests: POST turns a lever, GET tells how they stand.

    Args:
        faults: The knobs.
        events: What others do at the hub.
        drop: Ends every open connection.
        register: Lets C-MOVE send to an AE title at a loopback port.
    """

    def __init__(
        self,
        faults: Faults,
        events: HubEvents,
        drop: Callable[[], None],
        register: Callable[[str, int], None],
    ) -> None:
        self._faults = faults
        self._events = events
        self._drop = drop
        self._register = register

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        if request.method == "GET":
            return json_reply(200, {"schema": "teleread.demo-faults/1", **self._faults.state()})
        lever = _LEVERS.get(request.path[0] if request.path else "")
        if request.method != "POST" or lever is None:
            return json_reply(404, {"error": "no such lever", "levers": sorted(_LEVERS)})
        try:
            answer = lever(self, request)
        except KeyError:
            return json_reply(404, {"error": "no such task"})
        except (ValueError, IndexError):
            return json_reply(400, {"error": "a value cannot be read"})
        reply = json_reply(200, {"done": request.path[0], **(answer or {})})
        if self._faults.line_cut:
            reply.after = self._drop
        return reply

    def _line(self, request: Request) -> None:
        if request.first("state", "cut") == "up":
            self._faults.mend()
        else:
            self._faults.cut()

    def _mend(self, request: Request) -> None:
        self._faults.mend()

    def _delay(self, request: Request) -> None:
        self._faults.delay(float(request.first("seconds", "1")))

    def _lose(self, request: Request) -> None:
        self._faults.lose_answers(_count(request), writes=request.first("of") == "writes")

    def _status(self, request: Request) -> None:
        retry = request.first("retry_after")
        self._faults.answer(
            int(request.first("code", "503")),
            count=_count(request),
            retry_after=int(retry) if retry else None,
            area=_AREAS.get(request.first("area")),
        )

    def _garbage(self, request: Request) -> None:
        self._faults.garbage(_count(request), area=_AREAS.get(request.first("area")))

    def _truncate(self, request: Request) -> None:
        self._faults.truncate(_count(request), area=_AREAS.get(request.first("area")))

    def _archive_dies(self, request: Request) -> None:
        self._faults.kill_archive_after(int(request.first("after", "1")))

    def _aet(self, request: Request) -> None:
        self._register(request.first("name", "TELEREAD"), int(request.first("port")))

    def _cancel(self, request: Request) -> None:
        self._events.cancel(request.path[1])

    def _reassign(self, request: Request) -> None:
        self._events.reassign(request.path[1], request.path[2] if len(request.path) > 2 else OTHER_READER)

    def _release(self, request: Request) -> None:
        self._events.release(request.path[1])

    def _amend(self, request: Request) -> None:
        self._events.amend(request.path[1])

    def _correct_patient(self, request: Request) -> None:
        self._events.correct_patient(request.path[1])

    def _report(self, request: Request) -> dict[str, Any]:
        return {"report": self._events.report(request.path[1])}

    def _forget(self, request: Request) -> dict[str, Any]:
        return {"forgotten": self._events.forget(request.path[1])}


def _count(request: Request) -> int:
    return int(request.first("count", "1"))


_LEVERS: dict[str, Callable[[Control, Request], dict[str, Any] | None]] = {
    "line": Control._line,
    "mend": Control._mend,
    "delay": Control._delay,
    "lose-answer": Control._lose,
    "status": Control._status,
    "garbage": Control._garbage,
    "truncate": Control._truncate,
    "archive-dies": Control._archive_dies,
    "aet": Control._aet,
    "cancel": Control._cancel,
    "reassign": Control._reassign,
    "release": Control._release,
    "amend": Control._amend,
    "correct-patient": Control._correct_patient,
    "report": Control._report,
    "forget": Control._forget,
}
