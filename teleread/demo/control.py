"""The demo's own levers, ``/_demo/``: faults, and what other people at the hub do meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from teleread.demo.cases.people import OTHER_READER
from teleread.demo.events import HubEvents
from teleread.demo.exchange import Reply, Request, json_reply
from teleread.demo.faults import Area, Faults
from teleread.demo.levers import LEVERS, lever
from teleread.demo.mllp import MllpDesk
from teleread.demo.page import control_page
from teleread.model.errors import UsageError

__all__ = ["Control"]

_AREAS: dict[str, Area] = {"fhir": "fhir", "dicom-web": "dicom-web", "dimse": "dimse", "ups-rs": "ups-rs"}


class Control:
    """Answers ``/_demo/`` requests: POST turns a lever, GET tells how they stand.

    Args:
        faults: The knobs.
        events: What others do at the hub.
        drop: Ends every open connection.
        register: Lets C-MOVE send to an AE title at a loopback port.
        hl7: Takes results and sends orders by HL7.
    """

    def __init__(
        self,
        faults: Faults,
        events: HubEvents,
        drop: Callable[[], None],
        register: Callable[[str, int], None],
        hl7: MllpDesk,
    ) -> None:
        self._faults = faults
        self._events = events
        self._drop = drop
        self._register = register
        self._hl7 = hl7

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        if request.method == "GET":
            return self._tell(request)
        if request.method != "POST" or _from_elsewhere(request):
            return json_reply(403, {"error": "only the page itself may pull levers"})
        if request.path == ("form",):
            return self._pressed(request)
        return self._pull(request)

    def _tell(self, request: Request) -> Reply:
        if request.path == ("cases",):
            return json_reply(200, {"schema": "teleread.demo-cases/1", "cases": self._events.cases()})
        if "text/html" in request.header("accept"):
            return control_page(self._faults.state(), self._events.cases(), request.first("told"))
        return json_reply(200, {"schema": "teleread.demo-faults/1", **self._faults.state()})

    def _pressed(self, request: Request) -> Reply:
        """A button of the page; the page comes again with what was done."""
        form = [(name, value.strip()) for name, value in request.form()]
        words = tuple(value for name, value in form if name == "word" and value)
        try:
            path, query = lever(dict(form).get("lever", "")).request(words)
        except UsageError as error:
            return control_page(self._faults.state(), self._events.cases(), str(error))
        reply = self._pull(Request("POST", path, list(query.items()), {}))
        told = "Done." if reply.status == 200 else _error_of(reply)
        page = control_page(self._faults.state(), self._events.cases(), f"{' '.join(path)}: {told}")
        page.after = reply.after
        return page

    def _pull(self, request: Request) -> Reply:
        act = _LEVERS.get(request.path[0] if request.path else "")
        if act is None:
            return json_reply(404, {"error": "no such lever", "levers": sorted(_LEVERS)})
        try:
            answer = act(self, request)
        except KeyError:
            return json_reply(404, {"error": "no such case, or nothing of it there"})
        except (ValueError, IndexError, OverflowError):
            return json_reply(400, {"error": "a value cannot be read"})
        reply = json_reply(200, {"done": request.path[0], **(answer or {})})
        if self._faults.line_cut or request.path[0] == "restart":
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
        self._events.cancel(self._case(request))

    def _reassign(self, request: Request) -> None:
        self._events.reassign(self._case(request), request.path[2] if len(request.path) > 2 else OTHER_READER)

    def _release(self, request: Request) -> None:
        self._events.release(self._case(request))

    def _lease(self, request: Request) -> None:
        self._faults.lease_minutes = max(float(request.first("minutes", "15")), 0.0)

    def _amend(self, request: Request) -> None:
        self._events.amend(self._case(request))

    def _correct_patient(self, request: Request) -> None:
        self._events.correct_patient(self._case(request))

    def _report(self, request: Request) -> dict[str, Any]:
        text = request.first("text", "Reported by somebody else.")
        return {"report": self._events.report(self._case(request), text)}

    def _merge(self, request: Request) -> dict[str, Any]:
        return {"patient": self._events.merge(self._case(request))}

    def _new_images(self, request: Request) -> dict[str, Any]:
        return {"images": self._events.new_images(self._case(request), int(request.first("count", "14")))}

    def _supersede(self, request: Request) -> dict[str, Any]:
        return {"report": self._events.supersede(self._case(request))}

    def _restore(self, request: Request) -> dict[str, Any]:
        return {"changed": self._events.restore(float(request.first("minutes", "30")))}

    def _refuse(self, request: Request) -> None:
        self._faults.refuse(int(request.first("code", "422")), _count(request))

    def _plan_hl7(self, request: Request) -> None:
        self._hl7.plan(request.first("answer", "AE"), _count(request))

    def _tell_hl7(self, request: Request) -> dict[str, Any]:
        return {"answers": self._hl7.tell(self._case(request), int(request.first("port", "2576")))}

    def _restart(self, request: Request) -> None:
        """The connections end with the answer."""

    def _forget(self, request: Request) -> dict[str, Any]:
        return {"forgotten": self._events.forget(request.path[1])}

    def _case(self, request: Request) -> str:
        return self._events.task_of(request.path[1])


def _from_elsewhere(request: Request) -> bool:
    """Whether another site's page sent it: a browser says so."""
    origin = request.header("origin")
    return bool(origin) and origin.rstrip("/") != request.base.rpartition("/")[0]


def _error_of(reply: Reply) -> str:
    assert isinstance(reply.body, bytes)
    return str(json.loads(reply.body)["error"])


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
    "lease": Control._lease,
    "amend": Control._amend,
    "correct-patient": Control._correct_patient,
    "report": Control._report,
    "forget": Control._forget,
    "merge": Control._merge,
    "new-images": Control._new_images,
    "supersede": Control._supersede,
    "restore": Control._restore,
    "refuse": Control._refuse,
    "restart": Control._restart,
    "hl7": Control._plan_hl7,
    "hl7-tell": Control._tell_hl7,
}
assert set(_LEVERS) == {one.name for one in LEVERS}, "the table of levers and what pulls them"
