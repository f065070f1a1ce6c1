"""The desk as users see it, driven by any sequence of acts: no order of clicks loses or doubles a report."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: the desk's machine did NOT run")

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from teleread.documents import fhir
from teleread.host.clock import FakeClock
from teleread.hub.fhir import FhirHub
from teleread.model.errors import TelereadError
from teleread.model.report import Override
from teleread.model.text import SafeText
from teleread.vault.vault import Vault
from teleread.workstation import sites
from teleread.workstation.core import Core
from teleread.workstation.desk import Desk
from teleread.workstation.hubfiles import write_hub_file
from teleread.workstation.setup import Secrets, make_signing_key
from tests.contract.hub_cases import case, others_report
from tests.contract.hub_fake import BASE, FakeHub
from tests.unit import vault_cases as cases

NUMBERS = st.integers(1, 3)
WORDS = st.sampled_from(["No fracture.", "Fracture of the left patella.", "Effusion."])
OTHER = {"reference": "Practitioner/other", "display": "Dr Other"}


class Clicks(RuleBasedStateMachine):
    """A reader, one hub, and others at the hub."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="teleread-desk-"))
        self.server = FakeHub()
        self.clock = FakeClock(cases.START)
        self.patches: list[Any] = [
            mock.patch.object(sites, "_adapter", self._adapter),
            mock.patch.object(fhir, "_newest", return_value=1),
        ]
        for one in self.patches:
            one.start()
        self.signed: dict[tuple[str, int], bytes] = {}
        self.saved: dict[str, str] = {}

    def _adapter(self, group: str, name: str) -> Any:
        return lambda file, secret, clock, **options: FhirHub(
            file, secret, clock, transport=self.server, **options
        )

    @initialize()
    def begin(self) -> None:
        vault = cases.new_vault(self.folder, clock=self.clock)
        secrets = Secrets(cases.PASSPHRASE, cases.PIN, use_keyring=False)
        make_signing_key(vault, secrets, "Dr Test", self.clock)
        values = {"hub_id": "hub-1", "fhir": BASE, "reader_id": "reader", "reader_name": "Dr Test"}
        write_hub_file(vault.paths, "north", values)
        self.desk = Desk(Core(vault.paths, vault, self.clock))
        for number in range(1, 4):
            for resource in case(number):
                self.server.put(resource)
        self.sync()

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.close()
        for one in self.patches:
            one.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _said(self, work: Any, *args: Any, **named: Any) -> Any:
        """An error in words is an answer; any other is a fault."""
        try:
            return work(*args, **named)
        except TelereadError:
            return None

    # -- the reader -------------------------------------------------------------------------------------

    @rule()
    def sync(self) -> None:
        self.clock.advance(60)
        self.desk.sync()

    @rule(number=NUMBERS)
    def claim(self, number: int) -> None:
        self._said(self.desk.claim, self._key(number))

    @rule(number=NUMBERS)
    def give_back(self, number: int) -> None:
        self._said(self.desk.give_back, self._key(number), "110532")

    @rule(number=NUMBERS, words=WORDS)
    def write(self, number: int, words: str) -> None:
        draft = self._said(self.desk.start_draft, self._key(number))
        assume(draft is not None)
        names = {one.id for one in draft.sections} & {"findings", "impression", "technique"}
        if self._said(self.desk.save_draft, draft.id, draft.seq, dict.fromkeys(names, words)) is not None:
            self.saved[draft.id] = words

    @rule(number=NUMBERS)
    def sign(self, number: int) -> None:
        drafts = self.desk.core.vault.drafts.open_for(self._key(number))
        assume(drafts)
        blocking = [one for one in self.desk.checks(drafts[0].id) if one.blocking and one.override]
        reasons = [Override(one, SafeText("Tried.")) for one in {one.override for one in blocking}]
        report = self._said(self.desk.sign, drafts[0].id, reasons, pin=cases.PIN)
        if report is not None:
            self.signed[report.report_id, report.version] = report.frozen

    @rule(pick=st.integers(0, 9), words=WORDS)
    def add(self, pick: int, words: str) -> None:
        assume(self.signed)
        report_id = sorted(self.signed)[pick % len(self.signed)][0]
        draft = self._said(self.desk.addendum, report_id)
        if draft is not None:
            self._said(self.desk.save_draft, draft.id, draft.seq, {draft.sections[0].id: words})

    @rule(pick=st.integers(0, 9), choice=st.integers(0, 9))
    def choose(self, pick: int, choice: int) -> None:
        waiting = [one for one in self.desk.outbox() if one.state == "needs_attention"]
        assume(waiting)
        item = waiting[pick % len(waiting)]
        self.desk.outbox_resolve(item.id, item.choices[choice % len(item.choices)].id, "Because.")

    @rule(pick=st.integers(0, 9))
    def again(self, pick: int) -> None:
        items = self.desk.outbox()
        assume(items)
        self._said(self.desk.outbox_retry, items[pick % len(items)].id)

    @rule()
    def restart(self) -> None:
        key = self.desk.core.vault.master_handoff()
        paths = self.desk.core.paths
        self.desk.close()
        self.desk = Desk(Core(paths, Vault.open_with_key(paths, key, clock=self.clock), self.clock))

    @rule()
    def lock(self) -> None:
        self.desk.lock()
        self.desk.unlock(cases.PASSPHRASE)

    # -- the line and the others ------------------------------------------------------------------------

    @rule(fault=st.sampled_from(["offline", "lose", "drop", "503", "cut"]), count=st.integers(1, 12))
    def trouble(self, fault: str, count: int) -> None:
        self.server.faults.extend([fault] * count)

    @precondition(lambda self: self.server.faults)
    @rule()
    def mended(self) -> None:
        self.server.faults.clear()

    @rule(number=NUMBERS, what=st.sampled_from(["cancelled", "other", "free"]))
    def task(self, number: int, what: str) -> None:
        changed: dict[str, dict[str, Any]] = {
            "cancelled": {"status": "cancelled"},
            "other": {"status": "in-progress", "owner": OTHER},
            "free": {"status": "requested", "owner": None},
        }
        self.server.edit("Task", f"t-c{number}", **changed[what])

    @rule(number=NUMBERS, side=st.sampled_from(["Left knee", "Right knee"]))
    def amend(self, number: int, side: str) -> None:
        self.server.edit("ServiceRequest", f"sr-c{number}", bodySite=[{"text": side}])

    @rule(number=NUMBERS)
    def report(self, number: int) -> None:
        self.server.put(others_report(number))
        self.server.edit("Task", f"t-c{number}", status="completed", owner=OTHER)

    @rule()
    def forget(self) -> None:
        for one in self.server.all("DiagnosticReport"):
            del self.server.store["DiagnosticReport", one["id"]]

    # -- what holds -------------------------------------------------------------------------------------

    def _key(self, number: int) -> Any:
        return self.desk.resolve_task(f"north:t-c{number}")

    @invariant()
    def nothing_signed_is_lost(self) -> None:
        items = {(one.report_id, one.report_version) for one in self.desk.outbox()} if self.signed else set()
        for (report_id, version), frozen in self.signed.items():
            assert self.desk.report(report_id, version).frozen == frozen
            assert (report_id, version) in items

    @invariant()
    def nothing_saved_is_lost(self) -> None:
        for draft_id, words in self.saved.items():
            draft = self.desk.draft(draft_id)
            if draft.state == "open":
                assert words in {one.text for one in draft.sections}

    @invariant()
    def issued_means_a_receipt(self) -> None:
        for one in self.desk.outbox() if self.signed else ():
            if one.report_id and self.desk.report(one.report_id, one.report_version).state == "issued":
                assert one.state == "delivered"
                assert one.receipt is not None
            assert one.state != "needs_attention" or one.choices

    @invariant()
    def no_report_is_there_twice(self) -> None:
        names = [
            name["value"]
            for one in self.server.all("DiagnosticReport")
            for name in one.get("identifier", ())
            if name["value"].startswith("urn:uuid:")
        ]
        assert len(names) == len(set(names))


FULL = os.environ.get("TELEREAD_FULL") == "1"

TestDesk = Clicks.TestCase
TestDesk.settings = settings(
    max_examples=300 if FULL else 12,
    stateful_step_count=60 if FULL else 30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    database=None,
)
