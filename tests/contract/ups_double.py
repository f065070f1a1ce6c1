"""A UPS-RS hub without sockets, as an httpx transport, that can speak each dialect, be slow, odd and cut.

It stands on the demo's worklist manager; what servers in the field do otherwise is done here, after PS3.18,
dcm4chee-arc and py-ups-rs.
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx

from teleread.demo.archive.catalogue import Catalogue, plans_of
from teleread.demo.archive.dicomweb import DicomWebService
from teleread.demo.cases.nouns import Seed
from teleread.demo.exchange import Reply, Request
from teleread.demo.faults import Faults
from teleread.demo.fhir.store import Store
from teleread.demo.ups.desk import Desk
from teleread.demo.ups.events import Board
from teleread.demo.ups.service import UpsService
from teleread.demo.ups.workitem import uid_of
from teleread.host.clock import FakeClock
from teleread.hub.ups import UpsRsHub
from teleread.model.hubfile import HubFile

BASE = "https://fake.example"
Resource = dict[str, Any]


@dataclass
class Quirks:
    """How this server differs from the book."""

    requester: str = ""
    """``path``: a change of state without our AE title in the path is refused (dcm4chee-arc)."""
    state_verb: str = "PUT"
    update: str = "standard"
    """``put``: an update by POST is refused (py-ups-rs)."""
    empty_404: bool = False
    bare_object: bool = False
    """One workitem comes as an object, not as an array of one."""
    ignores_paging: bool = False
    no_ranges: bool = False
    """A search by date and time is refused."""
    lean: bool = False
    """A search leaves sequences out, whatever is asked for."""
    wrong_uid: int = 409
    """What a wrong Transaction UID gets."""
    ended: int = 400
    """What an update of an ended workitem gets."""
    complete_500: bool = False
    """COMPLETED is answered by 500, and in force (py-ups-rs)."""
    no_zone: bool = False
    """Times come without their offset from UTC."""
    page_size: int = 500
    options: dict[str, Any] = field(default_factory=dict)
    """What the hub file says about it."""


class Keys:
    """A key store in memory (`teleread.hub.ups_memory.KeyStore`); it survives its hub."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get(self, hub_id: str, name: str) -> str | None:
        return self.kept.get((hub_id, name))

    def put(self, hub_id: str, name: str, value: str) -> None:
        self.kept[hub_id, name] = value

    def names(self, hub_id: str) -> tuple[str, ...]:
        return tuple(name for of, name in self.kept if of == hub_id)

    def delete(self, hub_id: str, name: str) -> None:
        self.kept.pop((hub_id, name), None)


class UpsDouble(httpx.BaseTransport):
    """The server. `faults` says what the next requests meet, in the words of `tests.contract.hub_fake`."""

    def __init__(self, folder: Path, quirks: Quirks | None = None, *, seed: int | None = None) -> None:
        self.quirks = quirks or Quirks()
        self.faults: deque[str] = deque()
        self.only_writes = False
        self.chance = 0.0
        self.asked: list[str] = []
        self.before_write: list[Callable[[], None]] = []
        self.store = Store(folder / "hub.db")
        catalogue = Catalogue(plans_of([], Seed(1), datetime(2026, 11, 24, tzinfo=UTC)), folder)
        self.desk = Desk(self.store, catalogue.images, f"{BASE}/dicom-web")
        self.board = Board(self.desk)
        self._ups = UpsService(self.desk, self.board)
        self.archive = DicomWebService(catalogue, Faults())
        self._dice = random.Random(seed)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        write = request.method != "GET"
        fault = self._fault(write)
        if fault == "offline":
            raise httpx.ConnectError("refused", request=request)
        if fault == "drop":
            raise httpx.ReadTimeout("slow", request=request)
        if fault in {"500", "503", "401", "400", "409", "410", "202"}:
            return _response(Reply(int(fault), headers={"Warning": '299 double "not now"'}))
        if write and self.before_write:
            self.before_write.pop(0)()
        answer = _response(self._answered(request))
        if fault == "lose":
            raise httpx.ReadTimeout("slow", request=request)
        if fault == "500-done":
            return _response(Reply(500))
        return answer

    def _fault(self, write: bool) -> str:
        if self.only_writes and not write:
            return ""
        if self.faults:
            return self.faults.popleft()
        if self.chance and self._dice.random() < self.chance:
            kinds = ["offline", "drop", "500", "503", "lose"]
            return self._dice.choice([*kinds, "500-done"] if write else kinds)
        return ""

    def _answered(self, request: httpx.Request) -> Reply:
        root, *rest = [unquote(part) for part in request.url.path.strip("/").split("/")]
        asked = Request(
            request.method,
            tuple(rest),
            parse_qsl(request.url.query.decode(), keep_blank_values=True),
            {name.lower(): value for name, value in request.headers.items()},
            request.read(),
            f"{BASE}/{root}",
        )
        if root == "dicom-web":
            return self.archive.handle(asked)
        translated = self._translated(asked)
        reply = translated if isinstance(translated, Reply) else self._ups.handle(translated)
        return self._odd(asked, reply)

    def _translated(self, request: Request) -> Request | Reply:
        """From the dialect to the book; a refusal where the request is not in it."""
        quirks, path, query = self.quirks, request.path, list(request.query)
        method = request.method
        if path[2:3] in {("state",), ("cancelrequest",)}:
            if quirks.requester == "path":
                if len(path) != 4:
                    return Reply(400, headers={"Warning": '299 double "Missing Requester AE Title"'})
                path = path[:3]
            if path[2] == "state":
                if method != quirks.state_verb:
                    return Reply(405)
                method = "PUT"
        elif len(path) == 2 and method in {"POST", "PUT"}:
            if method != ("PUT" if quirks.update == "put" else "POST"):
                return Reply(409)
            method = "POST"
            query = [(value, "") if name == "transaction-uid" else (name, value) for name, value in query]
        elif len(path) == 1 and method == "GET":
            if quirks.no_ranges and any(name == "00404010" for name, _ in query):
                return Reply(400)
            dropped = {"limit", "offset"} if quirks.ignores_paging else set()
            query = [(name, value) for name, value in query if name not in dropped]
            size = str(min(quirks.page_size, int(dict(query).get("limit", "500"))))
            query = [*((name, value) for name, value in query if name != "limit"), ("limit", size)]
        return Request(method, path, query, request.headers, request.body, request.base)

    def _odd(self, request: Request, reply: Reply) -> Reply:
        quirks, warned = self.quirks, reply.headers.get("Warning", "")
        if reply.status == 204 and quirks.empty_404:
            return Reply(404)
        if "C301" in warned:
            return Reply(quirks.wrong_uid, headers=reply.headers)
        if "C300" in warned or "B306" in warned:
            if quirks.ended != 400:
                return Reply(quirks.ended, headers=reply.headers)
        elif quirks.complete_500 and request.path[2:3] == ("state",) and b"COMPLETED" in request.body:
            return Reply(500) if reply.status == 200 else reply
        if reply.status != 200 or not isinstance(reply.body, bytes) or not reply.body:
            return reply
        found = json.loads(reply.body)
        if quirks.lean and len(request.path) == 1:
            found = [{tag: one for tag, one in data.items() if one["vr"] != "SQ"} for data in found]
        text = json.dumps(found[0] if quirks.bare_object and len(found) == 1 else found)
        if quirks.no_zone:
            text = text.replace("+0000", "")
        return Reply(200, text.encode(), reply.headers)


def _response(reply: Reply) -> httpx.Response:
    body = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
    head = {"Date": format_datetime(datetime.now(UTC), usegmt=True), "Server": "Double\x7f", **reply.headers}
    return httpx.Response(reply.status, headers=head, stream=httpx.ByteStream(body))


class UpsPeer:
    """A UPS-RS hub whose content the tests change as FHIR resources, behind the client's back.

    Args:
        store: Its memory.
        archive: Answers DICOMweb requests.
        make: Makes the client of a reader.
    """

    def __init__(
        self,
        store: Store,
        archive: Callable[[Request], Reply],
        make: Callable[[HubFile, Keys], Any],
        file: dict[str, Any],
    ) -> None:
        self.store = store
        self._archive = archive
        self._make = make
        self._file = file
        self._keys: dict[str, Keys] = {}
        self._tasks: dict[str, str] = {}

    def hub(self, reader: str = "reader") -> Any:
        file = HubFile("hub-1", "TEST", reader_id=reader, reader_name=f"Dr {reader}", **self._file)
        return self._make(file, self.keys(reader))

    def keys(self, reader: str = "reader") -> Keys:
        """What survives a crash of a reader's machine."""
        return self._keys.setdefault(reader, Keys())

    def key(self, task: str) -> str:
        """The workitem of a Task."""
        self._tasks[uid_of(task)] = task
        return uid_of(task)

    def put(self, resource: Resource) -> None:
        body = {key: value for key, value in resource.items() if key != "meta"}
        with self.store.unit() as unit:
            unit.put(resource["resourceType"], resource["id"], body)

    def get(self, kind: str, ident: str) -> Resource:
        return self.store.edit(kind, self._tasks.get(ident, ident))

    def reports(self, patient: str) -> list[Resource]:
        """Structured reports the archive holds of a patient."""
        number = f"N{int(patient.removeprefix('p-c')):06}"
        query = [("PatientID", number), ("Modality", "SR")]
        found = self._archive(Request("GET", ("instances",), query, {}, b"", BASE))
        assert isinstance(found.body, bytes)
        rows: list[Resource] = json.loads(found.body) if found.status == 200 else []
        return [{"id": one["00080018"]["Value"][0], "study": one["0020000D"]["Value"][0]} for one in rows]


def double_peer(double: UpsDouble) -> UpsPeer:
    """The double, as the suites see a server."""
    clock = FakeClock(datetime.now(UTC))

    def make(file: HubFile, keys: Keys) -> UpsRsHub:
        return UpsRsHub(file, None, clock, memory=keys, transport=double)

    file = {
        "ups_rs": f"{BASE}/ups-rs",
        "dicomweb": f"{BASE}/dicom-web",
        "ups_options": double.quirks.options,
    }
    return UpsPeer(double.store, double.archive.handle, make, file)
