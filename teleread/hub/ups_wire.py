"""UPS-RS as the hub adapter uses it (PS3.18 chapter 11), in the dialect the hub file names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from teleread.hub.switches import Switches, read_switches
from teleread.hub.ups_port import UpsPage, garbled
from teleread.model.errors import AttentionError
from teleread.model.hubfile import HubFile
from teleread.wire.dicom_json import data_sets
from teleread.wire.dicom_tags import is_uid
from teleread.wire.fhir_json import Unreadable
from teleread.wire.http import HttpClient
from teleread.wire.http_answers import JsonAnswer
from teleread.wire.ups_json import INTERPRETATION, Workitem, read_workitem

__all__ = ["DICOM_JSON", "Dialect", "UpsWire", "dialect_of", "reading_codes"]

DICOM_JSON: Final = "application/dicom+json"
PAGE_SIZE: Final = 100
MAX_PAGES: Final = 2_000
"""More pages than any worklist has; a server that never ends is stopped here."""
_HEAD: Final = {"Accept": DICOM_JSON, "Content-Type": DICOM_JSON}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect(Switches):
    """How a hub differs: the table ``ups_options`` of its file, each switch named as here."""

    requester: str = "query"
    """Where our AE title goes at a change of state or request to cancel: ``query``, ``path``, ``none``."""
    state_verb: str = "PUT"
    """Of Change UPS State; ``POST`` at some."""
    update: str = "standard"
    """``standard``: POST with the bare Transaction UID as query; ``put``: PUT with ``transaction-uid=``."""
    empty: str = "204"
    """``404``: an empty list is answered with that status."""
    codes: str = INTERPRETATION
    """Codes of the workitems that are readings, with commas between; what has no code counts as one."""
    events: bool = True
    """Subscribe, and listen on a WebSocket; else the hub is asked every so often."""
    listen: int = 0
    """Over DIMSE: the port at which a hub that knows our AE title brings its events; 0: it is asked."""


_CHOICES: Final = {
    "requester": ("query", "path", "none"),
    "state_verb": ("PUT", "POST"),
    "update": ("standard", "put"),
    "empty": ("204", "404"),
}


def dialect_of(hub: HubFile) -> Dialect:
    """Read a hub file's table ``ups_options``.

    Raises:
        UsageError: A switch is not known, or has a value it can't have.
    """

    def lacks(name: str, value: Any) -> str:
        good = name not in _CHOICES or value in _CHOICES[name]
        return "" if good else f"It may be: {', '.join(_CHOICES[name])}."

    return read_switches(hub, "ups_options", Dialect, hub.ups_options, lacks)


def reading_codes(dialect: Dialect) -> frozenset[str]:
    """Codes of the workitems that are readings."""
    return frozenset(one.strip() for one in dialect.codes.split(",") if one.strip())


class UpsWire:
    """The transactions of RRR-WF over one `HttpClient`. Raises only errors of the model.

    Args:
        http: The client, on the UPS-RS base address.
        hub: The hub file: our AE title.
        dialect: How this hub differs.
    """

    def __init__(self, http: HttpClient, hub: HubFile, dialect: Dialect) -> None:
        self.http = http
        self._aet = hub.aet
        self._dialect = dialect
        self._codes = reading_codes(dialect)

    @property
    def who(self) -> str:
        """What errors call the hub."""
        return self.http.who[:1].upper() + self.http.who[1:]

    def ask(self) -> JsonAnswer:
        """The smallest question there is."""
        try:
            return self._get("workitems", {"limit": 1})
        except AttentionError as refusal:
            if refusal.code == "gone" and self._dialect.empty == "404":
                return JsonAnswer(404, None)
            raise

    def search(self, match: Mapping[str, str]) -> Iterator[UpsPage]:
        """Query UPS (RAD-81), page after page; whoever ignores ``limit`` and ``offset`` is noticed.

        Raises:
            OfflineError: No answer, or one that is no list.
            AttentionError: ``refused``: a key is not matched on.
        """
        seen: set[str] = set()
        offset = 0
        for _ in range(MAX_PAGES):
            query = {**match, "includefield": "all", "limit": PAGE_SIZE, "offset": offset}
            answer = self._listed(query)
            found = data_sets(answer.json)
            items, skipped = self._read(found, seen)
            offset += len(found)
            more = len(found) >= PAGE_SIZE or "299" in answer.headers.get("warning", "")
            # More than asked for, or nothing new: this server gives everything each time.
            last = not found or not more or len(found) > PAGE_SIZE or not (items or skipped)
            yield UpsPage(tuple(items), tuple(skipped), last, answer.date)
            if last:
                return
        raise garbled(self.who)

    def _read(self, found: tuple[Mapping[str, Any], ...], seen: set[str]) -> tuple[list[Workitem], list[str]]:
        items: list[Workitem] = []
        skipped: list[str] = []
        for data in found:
            try:
                item = read_workitem(data)
            except Unreadable as problem:
                skipped.append(str(problem))
                continue
            if item.uid not in seen:
                seen.add(item.uid)
                items.append(item)
        return items, skipped

    def is_reading(self, item: Workitem) -> bool:
        """Whether a workitem is a report to be made, and none of a treatment or a machine's."""
        return not any(item.codes) or bool(self._codes & set(item.codes))

    def _listed(self, query: Mapping[str, Any]) -> JsonAnswer:
        try:
            return self._get("workitems", query)
        except AttentionError as refusal:
            if refusal.code == "gone" and self._dialect.empty == "404":
                return JsonAnswer(204, None)
            raise

    def read(self, uid: str) -> Workitem:
        """Get UPS contents (RAD-83), now.

        Raises:
            AttentionError: ``gone``, ``forbidden``, ``refused``.
            OfflineError: No answer, or one that is no such workitem.
        """
        found = data_sets(self._get(self.path(uid), {}).json)
        try:
            item = read_workitem(found[0]) if found else None
        except Unreadable:
            item = None
        if item is None or item.uid != uid:
            raise garbled(self.who)
        return item

    def change_state(self, uid: str, state: str, transaction: str) -> bool:
        """Claim (RAD-82), or complete or cancel what is ours (RAD-85); False where it is only promised (202).

        Raises:
            AttentionError: ``refused`` (400, 409) and the other refusals.
            OfflineError: ``unknown``: it may have been applied.
        """
        body = {
            "00081195": {"vr": "UI", "Value": [transaction]},
            "00741000": {"vr": "CS", "Value": [state]},
        }
        answer = self._send(self._dialect.state_verb, self.path(uid, "state"), body, requester=True)
        return answer.status != 202

    def update(self, uid: str, changes: Mapping[str, Any], transaction: str) -> None:
        """Update UPS (RAD-84). Raises as `change_state`."""
        if self._dialect.update == "put":
            self._send("PUT", f"{self.path(uid)}?transaction-uid={transaction}", changes)
        else:
            self._send("POST", f"{self.path(uid)}?{transaction}", changes)

    def request_cancel(self, uid: str, reason: Mapping[str, Any]) -> None:
        """Request UPS cancelation (RAD-88). Raises as `change_state`."""
        self._send("POST", self.path(uid, "cancelrequest"), reason, requester=True)

    def subscribe(self, target: str) -> str:
        """Manage UPS Subscription (RAD-86): where its events can be heard; empty where it does not say."""
        answer = self._send("POST", f"{self.path(target, 'subscribers')}/{self._aet}", None)
        return answer.headers.get("content-location", "")

    def unsubscribe(self, target: str) -> None:
        """Take a subscription back."""
        self._send("DELETE", f"{self.path(target, 'subscribers')}/{self._aet}", None)

    def path(self, uid: str, action: str = "") -> str:
        """``workitems/UID/action``, safe inside an address.

        Raises:
            AttentionError: The UID is none.
        """
        if not is_uid(uid):
            raise AttentionError(f"{self.who} has no workitem of that name.", code="gone")
        return f"workitems/{uid}/{action}" if action else f"workitems/{uid}"

    def _send(
        self, verb: str, path: str, changes: Mapping[str, Any] | None, *, requester: bool = False
    ) -> JsonAnswer:
        params: dict[str, str] | None = None
        if requester and self._dialect.requester == "path":
            path = f"{path}/{self._aet}"
        elif requester and self._dialect.requester == "query":
            params = {"requester": self._aet}
        body = b"" if changes is None else json.dumps([dict(changes)], ensure_ascii=False).encode()
        return self.http.send_json(verb, path, body, _HEAD, params=params)

    def _get(self, path: str, query: Mapping[str, Any]) -> JsonAnswer:
        return self.http.get_json(path, query, {"Accept": DICOM_JSON})

    def close(self) -> None:
        """Let go of connections."""
        self.http.close()
