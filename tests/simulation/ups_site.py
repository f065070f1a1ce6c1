"""A worklist of workitems by UPS-RS, with an archive for the reports, over the simulated hub's own memory.

The state machine is the demo's worklist manager (PS3.4 CC.1); the wire, its faults, its backups and what
others do are those of every simulated hub. Reports are DICOM documents: what is final is what a workitem
names when it is completed. A workitem that somebody else ended while its document was on the way leaves that
document behind; that is told to the reader, and is theirs to choose about.
"""

from __future__ import annotations

import contextlib
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import httpx

from teleread.demo.exchange import Reply, Request
from teleread.demo.ups.desk import Desk
from teleread.demo.ups.elements import el, sequence
from teleread.demo.ups.events import Board
from teleread.demo.ups.service import UpsService
from teleread.demo.ups.workitem import uid_of
from teleread.host.clock import Clock
from teleread.hub.ups import UpsRsHub
from teleread.model.hubfile import HubFile
from teleread.vault.vault import Vault
from tests.contract.hub_fake import Resource
from tests.simulation.hubs import SimHub, Wrong

__all__ = ["UpsSite", "stored_documents"]

ROOT: Final = "https://fake.example"
GENERATIONS: Final = 12
"""Workitems a case may become by being given back, at most."""
_MARK: Final = re.compile(
    rb"teleread\.report/1 form=dicom-sr renderer=\d+ report=([0-9a-f-]{36}) version=\d+ sha256=([0-9a-f]{64})"
)
_UNSAID: Final = frozenset(
    {"second-opinion", "addendum", "preliminary", "withdraw", "resign", "send-with-note"}
)
"""Choices after which a case may have a second document of the same reader: a cancelled workitem names none,
so that a reader who sends to it all the same is not told of the one sent before."""


class _Memory:
    """The hub's memory, as the demo's worklist manager asks for it."""

    def __init__(self, hub: UpsSite) -> None:
        self._hub = hub
        self.lock = contextlib.nullcontext()

    def read(self, kind: str, ident: str) -> Any:
        """One resource."""
        found = self._hub.store.get((kind, ident))
        return SimpleNamespace(body=found, id=ident) if found is not None else None

    def all(self, kind: str) -> list[Any]:
        """Every one of a type."""
        return [SimpleNamespace(body=one, id=one["id"]) for one in self._hub.all(kind)]

    @contextlib.contextmanager
    def unit(self) -> Iterator[Any]:
        """Changes that belong together; nothing interrupts them here."""
        yield self

    def put(self, kind: str, ident: str, body: Resource) -> None:
        """Store one."""
        self._hub.put({**body, "resourceType": kind, "id": ident})


def stored_documents(body: bytes) -> Iterator[tuple[str, tuple[str, str]]]:
    """SOP Instance UID, report id and digest of every structured report in a request to store."""
    for piece in body.split(b"Content-Type: application/dicom\r\n\r\n")[1:]:
        marked = _MARK.search(piece)
        at = piece.find(b"\x08\x00\x18\x00UI")
        if marked is not None and at >= 0:
            length = int.from_bytes(piece[at + 6 : at + 8], "little")
            uid = piece[at + 8 : at + 8 + length].rstrip(b"\0").decode()
            yield uid, (marked[1].decode(), marked[2].decode())


def _outputs(task: Resource) -> set[str]:
    return {str(one["valueUri"]).removeprefix("urn:oid:") for one in task.get("output", ())}


@dataclass
class UpsSite(SimHub):
    """The hub."""

    kind = "ups"
    _cases: dict[str, str] = field(default_factory=dict)
    _kept: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__post_init__()
        desk = Desk(_Memory(self), lambda _: [], f"{ROOT}/dicom-web")  # type: ignore[arg-type]
        self._service = UpsService(desk, Board(desk))

    # -- as a machine meets it ----------------------------------------------------------------------------

    def file(self, at: int) -> dict[str, Any]:
        """Where its workitems and its archive are."""
        return {"ups_rs": f"{ROOT}/ups-rs", "dicomweb": f"{ROOT}/dicom-web"}

    def adapter(self, file: HubFile, vault: Vault, clock: Clock, line: Any) -> Any:
        """The product's own; no PDF beside each report, which takes long to draw."""
        made = UpsRsHub(file, None, clock, memory=vault.hub_secrets, transport=line)
        made.forms = ("dicom-sr",)
        return made

    def case_of(self, task_id: str) -> str:
        """The Task behind a workitem."""
        if task_id not in self._cases:
            for one in self.all("Task"):
                self._cases |= {uid_of(one["id"], turn): one["id"] for turn in range(GENERATIONS)}
        return self._cases[task_id]

    # -- what others do -----------------------------------------------------------------------------------

    def others(self, act: str, number: int, dice: random.Random) -> None:
        """As elsewhere, as far as the states allow: what has ended stays as it is, and is nobody's."""
        ended = act != "offer" and self.get("Task", f"t-c{number}")["status"] in {"completed", "cancelled"}
        if ended and act in {"cancel", "report"}:
            return
        super().others(act, number, dice)
        if act == "cancel":
            self.state.trouble.get(f"t-c{number}", {}).pop("reassigned", None)

    # -- the wire -----------------------------------------------------------------------------------------

    def _answered(self, request: httpx.Request) -> httpx.Response:
        root, *rest = [unquote(part) for part in request.url.path.strip("/").split("/")]
        if root == "dicom-web":
            reply = self._archive(request.method, rest, request.read())
        else:
            query = parse_qsl(request.url.query.decode(), keep_blank_values=True)
            headers = {name.lower(): value for name, value in request.headers.items()}
            asked = Request(request.method, tuple(rest), query, headers, request.read(), f"{ROOT}/{root}")
            reply = self._service.handle(asked)
        body = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
        head = {"Date": format_datetime(self.now, usegmt=True), **reply.headers}
        return httpx.Response(reply.status, headers=head, stream=httpx.ByteStream(body))

    def _archive(self, method: str, path: list[str], body: bytes) -> Reply:
        if method == "POST":
            for uid, report in stored_documents(body):
                self._stored(uid, report, path[1].rpartition(".")[2])
            return Reply(200, b"{}", {"Content-Type": "application/dicom+json"})
        held = self.store.get(("Document", path[-2])) if path[-1:] == ["metadata"] else None
        if held is None:
            return Reply(404 if path[-1:] == ["metadata"] else 204)
        answer = self._answer(200, [held["metadata"]])
        return Reply(200, answer.read(), {"Content-Type": "application/dicom+json"})

    def _stored(self, uid: str, report: tuple[str, str], number: str) -> None:
        held = self.store.get(("Document", uid))
        if held is not None:
            if held["digest"] != report[1]:
                self.wrong.append(f"{self.name} got two documents under one UID")
            return
        mark = f"teleread.report/1 form=dicom-sr renderer=1 report={report[0]} version=1 sha256={report[1]}"
        metadata = {
            "00080018": el("UI", uid),
            "0040A730": sequence({"0040A160": el("UT", mark)}),
        }
        kept = {"resourceType": "Document", "id": uid, "metadata": metadata, "digest": report[1]}
        self.put({**kept, "report": report[0]})
        self.filed(report, number, "final")

    def _compare(self, form: Any, number: str, version: int) -> None:
        """A workitem that was given back says nothing any more: a reader is told that it is over."""
        turned = self.store.get(("UpsState", f"t-c{number}"), {}).get("generation", 0)
        if not (turned and "send-with-note" in self.chosen.get(f"t-c{number}", ())):
            # By the version signed: an archive that lost one takes the next, which has the whole text.
            super()._compare(form, number, int(form["version"]))

    # -- what must hold -----------------------------------------------------------------------------------

    def check_once(self) -> None:
        """No report is there twice; what a completed workitem names is there."""
        super().check_once()
        for task in self.all("Task"):
            if any(("Document", uid) not in self.store for uid in _outputs(task)):
                raise Wrong(f"a workitem of {self.name} was completed before its report was there")

    def check_told(self, adapter: Any, line: Any) -> None:
        """The Transaction UIDs a machine keeps."""
        turns = range(GENERATIONS)
        known = (adapter.memory.claim(uid_of(one["id"], at)) for one in self.all("Task") for at in turns)
        self._kept |= {one.transaction for one in known if one is not None}

    def check_held(self, report_id: str, sha256: str) -> bool:
        """Each version is a document of its own with the whole text: a later one stands for it."""
        version = self.book[sha256]["version"]
        held = (one[2] for one in self.state.history if one[0] == report_id)
        return any(self.book[one]["version"] >= version for one in held)

    def finals(self) -> Iterator[str]:
        """The case of each report that a completed workitem names."""
        for task in self.all("Task"):
            held = {self.store["Document", uid]["report"] for uid in _outputs(task)}
            yield from (task["id"].removeprefix("t-") for _ in held)

    def check_finals(self) -> None:
        """A workitem names one report; a reader who has reported a case is asked before a second."""
        super().check_finals()
        for task in self.all("Task"):
            held = self.store.get(("UpsState", task["id"]), {}).get("transaction", "")
            if held and task["status"] == "in-progress" and held not in self._kept:
                raise Wrong(f"a workitem of {self.name} is held under a Transaction UID that nobody knows")
        told = [(one["by"], one["basedOn"][0]["reference"].rpartition("c")[2]) for one in self._reports()]
        for (_, case), count in Counter(told).items():
            if count > 1 and not self.chosen.get(f"t-c{case}", set()) & _UNSAID:
                raise Wrong(
                    f"one machine brought two reports on one case to {self.name}, and nobody chose that"
                )

    def _reports(self) -> list[Resource]:
        return [one for one in self.all("DiagnosticReport") if one.get("by")]
