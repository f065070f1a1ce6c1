"""UPS-RS as the demo serves it: search, retrieve, state, update, cancel request, subscriptions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from teleread.demo.exchange import Reply, Request, json_reply
from teleread.demo.ups.desk import Desk, UpsRefusalError
from teleread.demo.ups.elements import Data, value_of
from teleread.demo.ups.events import CANCEL_REQUESTED, Board
from teleread.demo.ups.websocket import accepted, served

__all__ = ["DICOM_JSON", "UpsService"]

DICOM_JSON = "application/dicom+json"
MOST = 500
"""Most workitems in one answer; more are told by a Warning 299 (PS3.18 11.9.3.2)."""
_WORDS = frozenset({"limit", "offset", "includefield", "fuzzymatching"})
_KEYWORDS = {
    "ProcedureStepState": "00741000",
    "SOPInstanceUID": "00080018",
    "ScheduledProcedureStepModificationDateTime": "00404010",
    "ScheduledProcedureStepPriority": "00741200",
    "PatientID": "00100020",
    "PatientName": "00100010",
    "WorklistLabel": "00741202",
    "InputReadinessState": "00404041",
    "ScheduledProcedureStepStartDateTime": "00404005",
    "ReferencedRequestSequence.AccessionNumber": "0040A370.00080050",
    "ReferencedRequestSequence.StudyInstanceUID": "0040A370.0020000D",
}
_AET = re.compile(r"[ -~]{1,16}")


class UpsService:
    """Answers UPS-RS requests.

    Args:
        desk: The worklist manager.
        board: Who wants to be told what.
    """

    def __init__(self, desk: Desk, board: Board) -> None:
        self._desk = desk
        self._board = board

    def handle(self, request: Request) -> Reply:
        """Answer one request; refusals carry a Warning 299."""
        try:
            action = self._action(request)
            if action is None:
                raise UpsRefusalError(404, "There is nothing there.")
            return action(request)
        except UpsRefusalError as refusal:
            return _told(refusal.status, refusal.words)

    def _action(self, request: Request) -> Callable[[Request], Reply] | None:
        path = request.path
        if path[:1] == ("subscribers",):
            return self._channel if request.method == "GET" and len(path) == 2 else None
        if path[:1] != ("workitems",):
            return None
        rest = "/".join(path[2:3])
        return {
            ("GET", 1, ""): self._search,
            ("GET", 2, ""): self._retrieve,
            ("POST", 2, ""): self._update,
            ("PUT", 3, "state"): self._state,
            ("POST", 3, "cancelrequest"): self._cancel,
            ("POST", 4, "subscribers"): self._subscribe,
            ("DELETE", 4, "subscribers"): self._unsubscribe,
            ("POST", 5, "subscribers"): self._suspend,
        }.get((request.method, len(path), rest))

    def _search(self, request: Request) -> Reply:
        keys = [(_tag(name), value) for name, value in request.query if name not in _WORDS]
        try:
            offset, limit = int(request.first("offset", "0")), int(request.first("limit", str(MOST)))
        except ValueError as error:
            raise UpsRefusalError(400, "limit and offset are numbers.") from error
        limit, offset = min(max(limit, 1), MOST), max(offset, 0)
        found = [one for one in self._desk.all() if all(_fits(one, tag, wanted) for tag, wanted in keys)]
        # Newest first: what changes while somebody pages moves to the front and is met by the next search.
        found.sort(key=lambda one: (value_of(one, "00404010"), value_of(one, "00080018")), reverse=True)
        page = found[offset : offset + limit]
        if not page:
            return Reply(204)
        more = len(found) > offset + limit
        headers = _warning("The number of results exceeded the maximum supported.") if more else {}
        return json_reply(200, page, media=DICOM_JSON, headers=headers)

    def _retrieve(self, request: Request) -> Reply:
        return json_reply(200, [self._desk.get(request.path[1])], media=DICOM_JSON)

    def _state(self, request: Request) -> Reply:
        aet = request.first("requester")
        warned = self._desk.change_state(request.path[1], _body(request), aet)
        return Reply(200, headers=_warning(warned) if warned else {})

    def _update(self, request: Request) -> Reply:
        transaction = next((name for name, value in request.query if not value), "")
        warned = self._desk.update(request.path[1], _body(request), transaction)
        return Reply(200, headers=_warning(warned) if warned else {})

    def _cancel(self, request: Request) -> Reply:
        body = _body(request) if request.body.strip() else {}
        if self._desk.request_cancel(request.path[1], body) == "IN PROGRESS":
            self._board.tell(request.path[1], CANCEL_REQUESTED, body)
        return Reply(202)

    def _subscribe(self, request: Request) -> Reply:
        uid, aet = request.path[1], _aet(request.path[3])
        self._board.subscribe(uid, aet)
        host = request.base.partition("://")[2]
        return Reply(201, headers={"Content-Location": f"ws://{host}/subscribers/{aet}"})

    def _unsubscribe(self, request: Request) -> Reply:
        if not self._board.unsubscribe(request.path[1], _aet(request.path[3])):
            raise UpsRefusalError(404, "C308: no such subscription.")
        return Reply(200)

    def _suspend(self, request: Request) -> Reply:
        if request.path[4] != "suspend":
            raise UpsRefusalError(404, "There is nothing there.")
        self._board.suspend(_aet(request.path[3]))
        return Reply(200)

    def _channel(self, request: Request) -> Reply:
        key = accepted(request)
        if not key:
            raise UpsRefusalError(426, "This is an event channel: open it as a WebSocket.")
        aet = _aet(request.path[1])
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": key}
        return Reply(101, headers=headers, takeover=lambda line: served(line, self._board.waiting(aet)))


def _aet(name: str) -> str:
    if not _AET.fullmatch(name) or "\\" in name:
        raise UpsRefusalError(400, "That is no AE title.")
    return name


def _body(request: Request) -> Data:
    try:
        document: Any = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise UpsRefusalError(400, "The body is not JSON.") from error
    if isinstance(document, list):
        document = document[0] if len(document) == 1 else None
    if not isinstance(document, dict):
        raise UpsRefusalError(400, "The body holds no data set.")
    return document


def _tag(name: str) -> str:
    tag = _KEYWORDS.get(name, name)
    if not re.fullmatch(r"[0-9A-Fa-f]{8}(\.[0-9A-Fa-f]{8})*", tag):
        raise UpsRefusalError(400, "A query key is no attribute this hub matches on.")
    return tag


def _fits(data: Data, tag: str, wanted: str) -> bool:
    value = value_of(data, *tag.split("."))
    if tag == "00404010" and "-" in wanted:  # a range of date and time (PS3.4 C.2.2.2.5)
        low, _, high = wanted.replace("+0000", "").partition("-")
        return low <= value.partition("+")[0] and (not high or value.partition("+")[0] <= high)
    if "*" in wanted or "?" in wanted:
        pattern = re.escape(wanted).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(pattern, value) is not None
    return not wanted or value in re.split(r"[,\\]", wanted)


def _warning(words: str) -> dict[str, str]:
    return {"Warning": f'299 teleread-DEMO "{words}"'}


def _told(status: int, words: str) -> Reply:
    return Reply(status, b"", _warning(words))
