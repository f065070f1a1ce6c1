"""A hub in the simulation: the FHIR double of the contract suite, with a history, backups and a bad line."""

from __future__ import annotations

import base64
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx

from teleread.host.clock import Clock
from teleread.hub.fhir import FhirHub
from teleread.hub.port import Hub
from teleread.model.hubfile import HubFile
from teleread.vault.vault import Vault
from teleread.wire.fhir_reports import FROZEN_TYPE, frozen_sha256, uuids_of
from tests.contract.hub_cases import case, others_report
from tests.contract.hub_fake import BASE, FakeHub, Quirks, Resource
from tests.simulation.line import Line

__all__ = ["OTHER", "SETTLES", "SimHub", "State", "Wrong", "quirky"]

OTHER = {"reference": "Practitioner/other", "display": "Dr Other"}


class Wrong(AssertionError):  # noqa: N818 - what an invariant says
    """An invariant does not hold."""


@dataclass
class State:
    """What goes into a backup."""

    store: dict[tuple[str, str], Resource] = field(default_factory=dict)
    history: list[tuple[str, int, str, str]] = field(default_factory=list)
    """(report id, version signed, digest, order id) of every report version applied, in order."""
    material: dict[str, datetime] = field(default_factory=dict)
    """When an order or a patient last changed in something that a signature covers."""
    trouble: dict[str, dict[str, datetime]] = field(default_factory=dict)
    """Task id to what others did to it, and when."""

    def copied(self) -> State:
        """Resources are replaced, never changed in place: their references are enough."""
        return State(
            dict(self.store),
            list(self.history),
            dict(self.material),
            {key: dict(one) for key, one in self.trouble.items()},
        )


@dataclass
class SimHub(FakeHub):
    """The server; hubs of other kinds are faces of the same one."""

    kind = "fhir"
    name: str = "hub-1"
    state: State = field(default_factory=State)
    proofs: set[tuple[str, str]] = field(default_factory=set)
    """(report id, digest) of everything it ever held."""
    late: list[tuple[datetime, httpx.Request]] = field(default_factory=list)
    """Requests on their way that arrive after the client has given up."""
    copies: list[dict[tuple[str, str], Resource]] = field(default_factory=list)
    """What an old replica would answer from."""
    backup: State = field(default_factory=State)
    restored: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.store = self.state.store
        self.backup = self.state.copied()

    # -- as a machine meets it ----------------------------------------------------------------------------

    def file(self, at: int) -> dict[str, Any]:
        """What the hub file of a machine says about it.

        Args:
            at: The machine's number.
        """
        return {"fhir": BASE}

    def line(self, at: int, wait: Any, dice: random.Random, told: Counter[str]) -> Any:
        """A machine's line to it."""
        return Line(self, wait, dice, told)

    def adapter(self, file: HubFile, vault: Vault, clock: Clock, line: Any) -> Hub:
        """The product's own adapter on that line."""
        return FhirHub(file, None, clock, transport=line)

    def case_of(self, task_id: str) -> str:
        """The FHIR Task behind a task."""
        return task_id

    def brought(self, adapter: Any) -> None:
        """What this hub sends by itself arrives, before a pass."""

    def leave(self) -> None:
        """The world ends."""

    # -- what must hold -----------------------------------------------------------------------------------

    def check_once(self) -> None:
        """No report is there twice."""
        names = Counter(
            name
            for one in self.all("DiagnosticReport")
            for name in {entry["value"] for entry in one.get("identifier", ())}
        )
        if any(count > 1 for count in names.values()):
            raise Wrong(f"{self.name} holds one report twice")

    def check_finals(self) -> None:
        """One report a case, unless a reader chose to write beside another."""
        for of, count in Counter(self.finals()).items():
            if count > 1 and not self.chosen.get(f"t-{of}", set()) & {"second-opinion", "addendum"}:
                raise Wrong(f"{self.name} holds two final reports on one case, and nobody chose that")

    def finals(self) -> Iterator[str]:
        """The case of each final report of ours."""
        for one in self.all("DiagnosticReport"):
            if one["status"] != "preliminary" and one.get("identifier"):
                yield one["basedOn"][0]["reference"].removeprefix("ServiceRequest/sr-")

    def check_claims(self, held: Mapping[str, set[str]]) -> None:
        """No case is held by two who both may sign.

        Args:
            held: Task to the readers who hold it.
        """
        for task, readers in held.items():
            if len(readers) > 1 and self.get("Task", task)["status"] not in {"completed", "cancelled"}:
                raise Wrong(f"two readers hold one case of {self.name}")

    def check_held(self, report_id: str, sha256: str) -> bool:
        """Whether it still has a report version it once took, or a later one."""
        return any(one[0] == report_id and one[2] == sha256 for one in self.state.history)

    def check_told(self, adapter: Any, line: Any) -> None:
        """What this hub sent by itself, and was told is kept, is there."""

    # -- history ------------------------------------------------------------------------------------------

    def put(self, resource: Resource) -> Resource:
        """Store it, and write down what matters."""
        before = self.store.get((resource["resourceType"], resource["id"]))
        kept = super().put(resource)
        if kept["resourceType"] == "DiagnosticReport":
            self._note_report(kept)
        if kept["resourceType"] == "Task" and before is not None:
            self._note_owner(before, kept)
        return kept

    def _note_report(self, kept: Resource) -> None:
        digest, names = frozen_sha256(kept), uuids_of(kept)
        if not digest or not names:
            return
        report_id, order = names[0], kept["basedOn"][0]["reference"]
        version = sum(one[0] == report_id for one in self.state.history) + 1
        if any(one[0] == report_id and one[2] == digest for one in self.state.history):
            self.wrong.append(f"{self.name} got one signature twice")
        self._compare(_form_of(kept), order.removeprefix("ServiceRequest/sr-c"), version)
        self.state.history.append((report_id, version, digest, order))
        self.proofs.add((report_id, digest))

    def filed(self, report: tuple[str, str], number: str, status: str) -> None:
        """A report version came by another face than FHIR.

        Args:
            report: Its id and the digest of its signed bytes.
            number: The case's.
            status: FHIR's word for it.
        """
        report_id, digest = report
        order = f"ServiceRequest/sr-c{number}"
        if any(one[0] == report_id and one[2] == digest for one in self.state.history):
            self.wrong.append(f"{self.name} got one signature twice")
        version = sum(one[0] == report_id for one in self.state.history) + 1
        form = self.book.get(digest)
        self._compare(form, number, version)
        self.state.history.append((report_id, version, digest, order))
        self.proofs.add((report_id, digest))
        kept: Resource = {"resourceType": "DiagnosticReport", "id": report_id, "status": status}
        kept |= {"identifier": [{"value": report_id}], "basedOn": [{"reference": order}]}
        super().put({**kept, "by": form["machine"] if form else ""})

    def _note_owner(self, before: Resource, now: Resource) -> None:
        then, after = (one.get("owner", {}).get("reference", "") for one in (before, now))
        if then and after and then != after and not self.by_others:
            self.wrong.append(f"a claim at {self.name} went from one reader to another without being free")

    def _compare(self, form: Any, number: str, version: int) -> None:
        """What was known at this hub before the pass began, and no reader decided about, forbids a report."""
        if self.arriving or self.blind:
            return
        task, order, patient = f"t-c{number}", f"ServiceRequest/sr-c{number}", f"Patient/p-c{number}"
        chosen = self.chosen.get(task, set())
        told = {what for what, at in self.state.trouble.get(task, {}).items() if at < self.pass_began}
        if version == 1:
            for what in {one for one in told if self._still(one, number) and not chosen & SETTLES[one]}:
                self.wrong.append(f"a report went to {self.name} though its case was {what}")
        if self._known(order):
            now = self.store["ServiceRequest", f"sr-c{number}"]["bodySite"][0]["text"]
            if form["order"]["body_part"] != now:
                self.wrong.append(f"a report went to {self.name} though its order was amended")
        if self._known(patient):
            now = self.store["Patient", f"p-c{number}"]["birthDate"]
            if form["patient"]["birth_date"] != now:
                self.wrong.append(f"a report went to {self.name} though its patient was corrected")

    def _still(self, what: str, number: str) -> bool:
        """Whether it was not undone since: a cancelled task that somebody reported all the same."""
        task = self.store["Task", f"t-c{number}"]
        if what == "cancelled":
            order = self.store["ServiceRequest", f"sr-c{number}"]
            return bool(task["status"] == "cancelled" or order["status"] == "revoked")
        return what == "reported" or task.get("owner") == OTHER

    def _known(self, what: str) -> bool:
        at = self.state.material.get(what)
        return at is not None and at < self.pass_began

    by_others: bool = False
    arriving: bool = False
    """What is applied now was sent long ago."""
    blind: bool = False
    """An old answer was given in this pass: the reader's side can't know better."""
    pass_began: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    book: dict[str, Any] = field(default_factory=dict)
    """Digest to the form signed, of everything any machine signed."""
    chosen: dict[str, set[str]] = field(default_factory=dict)
    """Task id to what readers chose about it."""

    # -- what others do -----------------------------------------------------------------------------------

    def others(self, act: str, number: int, dice: random.Random) -> None:
        """Somebody at the hub does something to a case."""
        self.by_others = True
        try:
            _OTHERS[act](self, number, dice)
        finally:
            self.by_others = False

    def _trouble(self, number: int, what: str) -> None:
        self.state.trouble.setdefault(f"t-c{number}", {})[what] = self.now

    def _offer(self, number: int, dice: random.Random) -> None:
        for resource in case(number, priority=dice.choice(["stat", "urgent", "routine"])):
            self.put(resource)

    def _cancel(self, number: int, dice: random.Random) -> None:
        if dice.random() < 0.5:
            self.edit("ServiceRequest", f"sr-c{number}", status="revoked")
        self.edit("Task", f"t-c{number}", status="cancelled")
        self._trouble(number, "cancelled")

    def _reassign(self, number: int, dice: random.Random) -> None:
        if self.get("Task", f"t-c{number}")["status"] in {"completed", "cancelled"}:
            return
        self.edit("Task", f"t-c{number}", owner=OTHER, status="in-progress")
        self._trouble(number, "reassigned")

    def _release(self, number: int, dice: random.Random) -> None:
        if self.get("Task", f"t-c{number}")["status"] in {"completed", "cancelled"}:
            return
        self.edit("Task", f"t-c{number}", owner=None, status="requested")
        self.state.trouble.get(f"t-c{number}", {}).pop("reassigned", None)

    def _amend(self, number: int, dice: random.Random) -> None:
        words = dice.choice(["Right knee", "Left knee", "Left foot"])
        kept = self.get("ServiceRequest", f"sr-c{number}")
        if kept["bodySite"] == [{"text": words}]:
            return
        self.edit("ServiceRequest", f"sr-c{number}", bodySite=[{"text": words}])
        self._material("ServiceRequest", f"sr-c{number}")

    def _correct(self, number: int, dice: random.Random) -> None:
        born = f"1970-0{dice.randint(1, 9)}-02"
        if self.get("Patient", f"p-c{number}")["birthDate"] == born:
            return
        self.edit("Patient", f"p-c{number}", birthDate=born)
        self._material("Patient", f"p-c{number}")

    def _material(self, kind: str, ident: str) -> None:
        self.state.material[f"{kind}/{ident}"] = self.now

    def _touch(self, number: int, dice: random.Random) -> None:
        self.edit("ServiceRequest", f"sr-c{number}", priority=dice.choice(["stat", "routine"]))

    def _report(self, number: int, dice: random.Random) -> None:
        if ("DiagnosticReport", f"theirs-c{number}") in self.store:
            return
        self.put(others_report(number))
        self.edit("Task", f"t-c{number}", status="completed", owner=OTHER)
        self._trouble(number, "reported")

    def _images(self, number: int, dice: random.Random) -> None:
        count = self.get("ImagingStudy", f"st-c{number}")["numberOfInstances"]
        self.edit("ImagingStudy", f"st-c{number}", numberOfInstances=count + 1)

    # -- backups and time ---------------------------------------------------------------------------------

    def back_up(self) -> None:
        """Yesterday's backup is made."""
        self.state.store = self.store
        self.backup = self.state.copied()

    def restore(self) -> None:
        """It comes back from that backup."""
        self.state = self.backup.copied()
        self.store = self.state.store
        self.copies.clear()
        self.late.clear()
        self.restored += 1

    def tick(self, now: datetime) -> None:
        """Time passes at the hub; what was on its way arrives."""
        self.now = max(self.now, now)
        self.copies = [*self.copies[-3:], dict(self.store)]
        due = [one for one in self.late if one[0] <= self.now]
        self.late = [one for one in self.late if one[0] > self.now]
        self.arriving = True
        for _, request in due:
            self._answered(request)
        self.arriving = False

    # -- cheaper than the double's own --------------------------------------------------------------------

    def _transaction(self, bundle: Resource) -> httpx.Response:
        kept, history = dict(self.store), len(self.state.history)
        proofs, wrong = set(self.proofs), len(self.wrong)
        try:
            places: dict[str, str] = {}
            planned = [self._planned(entry, places) for entry in bundle["entry"]]
            entries = [self._applied(one, places) for one in planned]
        except Exception:
            # The whole transaction or nothing: what others hold of the store must see that too.
            self.store.clear()
            self.store.update(kept)
            del self.state.history[history:]
            del self.wrong[wrong:]
            self.proofs = proofs
            raise
        return self._answer(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": entries})


_OTHERS = {
    "offer": SimHub._offer,
    "cancel": SimHub._cancel,
    "reassign": SimHub._reassign,
    "release": SimHub._release,
    "amend": SimHub._amend,
    "correct": SimHub._correct,
    "touch": SimHub._touch,
    "report": SimHub._report,
    "images": SimHub._images,
}

SETTLES = {
    "cancelled": {"send-with-note"},
    "reassigned": {"preliminary", "second-opinion", "addendum"},
    "reported": {"second-opinion", "addendum"},
}


def _form_of(report: Resource) -> Any:
    (carried,) = [one for one in report["presentedForm"] if one["contentType"] == FROZEN_TYPE]
    return json.loads(base64.b64decode(carried["data"]))


def quirky(dice: random.Random) -> Quirks:
    """A server odd in some way, most often in none."""
    return replace(
        Quirks(),
        absolute=dice.random() < 0.2,
        includes=dice.random() < 0.8,
        outcome_entries=dice.random() < 0.2,
        minimal=dice.random() < 0.2,
        show_location=dice.random() < 0.8,
        page_size=dice.choice([2, 50]),
        bundle_time=dice.random() < 0.3,
    )
