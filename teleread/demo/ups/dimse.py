"""The demo's worklist over DIMSE: UPS Pull, Watch and Push (PS3.4 annex CC), and its Modality Worklist."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from teleread.demo.ups.desk import Desk, UpsRefusalError
from teleread.demo.ups.elements import Data, value_of
from teleread.demo.ups.events import CANCEL_REQUESTED, Board
from teleread.demo.ups.mwl import MODEL, items, matching

__all__ = ["CLASSES", "DimseDesk"]

PUSH, WATCH, PULL, EVENT = (f"1.2.840.10008.5.1.4.34.6.{number}" for number in (1, 2, 3, 4))
CLASSES = (MODEL, PULL, WATCH, PUSH)
"""SOP classes that are served."""
CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE, SUSPEND = range(1, 6)
_SUCCESS, _PENDING, _CANCEL, _PROCESSING, _NO_ACTION = 0x0000, 0xFF00, 0xFE00, 0x0110, 0x0123
_UNKNOWN_RECEIVER = 0xC308
_TRANSACTION = "00081195"
_RECEIVER = "00741234"


class DimseDesk:
    """Answers what pynetdicom hands over.

    Args:
        desk: The worklist.
        board: Subscriptions.
        destinations: Host and port of an AE title that events may be brought to; None for unknown ones.
    """

    def __init__(
        self, desk: Desk, board: Board, destinations: Callable[[str], tuple[str, int] | None]
    ) -> None:
        self._desk = desk
        self._board = board
        self._destinations = destinations
        self._stop = threading.Event()
        self._told: dict[str, threading.Thread] = {}

    def stop(self) -> None:
        """Tell nobody any more."""
        self._stop.set()
        for thread in self._told.values():
            thread.join(5)

    def find(self, event: Any) -> Iterator[tuple[int, Any]]:
        """C-FIND, of items or of workitems."""
        query = event.identifier.to_json_dict()
        listed = event.context.abstract_syntax == MODEL
        found = matching(items(self._desk) if listed else iter(self._desk.all()), query)
        for one in found:
            if event.is_cancelled:
                yield _CANCEL, None
                return
            yield _PENDING, _dataset({tag: element for tag, element in one.items() if tag in query or listed})

    def get(self, event: Any) -> tuple[Any, Any]:
        """N-GET: everything, whatever is asked for; never the Transaction UID."""
        try:
            data = self._desk.get(str(event.request.RequestedSOPInstanceUID))
        except UpsRefusalError as refusal:
            return _status(refusal), None
        wanted = {f"{int(tag):08X}" for tag in event.attribute_identifiers}
        return _SUCCESS, _dataset({tag: one for tag, one in data.items() if not wanted or tag in wanted})

    def set(self, event: Any) -> tuple[Any, Any]:
        """N-SET: what a performer tells while it works."""
        body = event.modification_list.to_json_dict()
        transaction = value_of(body, _TRANSACTION)
        body.pop(_TRANSACTION, None)
        try:
            warning = self._desk.update(str(event.request.RequestedSOPInstanceUID), body, transaction)
        except UpsRefusalError as refusal:
            return _status(refusal), None
        return _code(warning), None

    def act(self, event: Any) -> tuple[Any, Any]:
        """N-ACTION of each type."""
        body = event.action_information.to_json_dict()
        uid = str(event.request.RequestedSOPInstanceUID)
        caller = str(event.assoc.requestor.ae_title).strip()
        try:
            return self._act(event.action_type, uid, body, caller), None
        except UpsRefusalError as refusal:
            return _status(refusal), None

    def _act(self, kind: int, uid: str, body: Data, caller: str) -> int:
        receiver = value_of(body, _RECEIVER) or caller
        if kind == CHANGE_STATE:
            return _code(self._desk.change_state(uid, body, caller))
        if kind == REQUEST_CANCEL:
            if self._desk.request_cancel(uid, body) == "IN PROGRESS":
                self._board.tell(uid, CANCEL_REQUESTED, body)
        elif kind == SUBSCRIBE:
            if self._destinations(receiver) is None:
                return _UNKNOWN_RECEIVER
            self._board.subscribe(uid, receiver)
            if receiver not in self._told:
                thread = threading.Thread(
                    target=self._tell, args=(receiver,), name="demo-events", daemon=True
                )
                self._told[receiver] = thread
                thread.start()
        elif kind == UNSUBSCRIBE:
            self._board.unsubscribe(uid, receiver)
        elif kind == SUSPEND:
            self._board.suspend(receiver)
        else:
            return _NO_ACTION
        return _SUCCESS

    def _tell(self, receiver: str) -> None:
        """Bring events to a subscriber as they come; one that cannot be reached misses them."""
        for event in self._board.waiting(receiver, self._stop):
            where = self._destinations(receiver)
            if event is not None and where is not None:
                _report(json.loads(event), receiver, where)


def _report(event: Data, receiver: str, where: tuple[str, int]) -> None:
    from pynetdicom import AE

    ae = AE(ae_title="TELEDEMO")
    ae.network_timeout, ae.dimse_timeout, ae.acse_timeout, ae.connection_timeout = 10, 10, 10, 10
    ae.add_requested_context(EVENT)
    association = ae.associate(*where, ae_title=receiver)
    if not association.is_established:
        return
    known = {tag: one for tag, one in event.items() if not tag.startswith("0000")}
    kind, uid = int(value_of(event, "00001002")), value_of(event, "00001000")
    association.send_n_event_report(_dataset(known), kind, PUSH, uid, meta_uid=EVENT)
    association.release()


def _dataset(data: Data) -> Any:
    from pydicom import Dataset

    return Dataset.from_json(data)


def _code(words: str) -> int:
    """The DIMSE status that words begin with."""
    found = re.match(r"([BC][0-9A-F]{3}):", words)
    return int(found.group(1), 16) if found else _SUCCESS


def _status(refusal: UpsRefusalError) -> Any:
    from pydicom import Dataset

    status = Dataset()
    status.Status = _code(refusal.words) or _PROCESSING
    status.ErrorComment = refusal.words[:64]
    return status
