"""Ten cases claimed, the line cut, ten signed; meanwhile the hub moves on. What arrives, what waits, why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from teleread.demo.server import DemoServer
from teleread.host.clock import SystemClock
from teleread.model.delivery import OutboxItem
from teleread.model.errors import OfflineError
from teleread.model.report import Override
from teleread.model.task import TaskKey
from teleread.model.text import SafeText
from teleread.vault.vault import Vault
from teleread.workstation.core import Core
from teleread.workstation.desk import Desk
from teleread.workstation.hubfiles import write_hub_file
from teleread.workstation.setup import Secrets, make_signing_key
from tests.unit import vault_cases as cases

HUB = "hub-1"
OTHER_HUB = "hub-2"


class Ward:
    """A demo hub, and a desk on it."""

    def __init__(self, folder: Path, hubs: Sequence[str] = (HUB,)) -> None:
        self.servers = {one: DemoServer(folder / one, cases=30) for one in hubs}
        self.vault, _ = Vault.create(
            cases.paths(folder / "home"),
            passphrase=cases.PASSPHRASE,
            pin=cases.PIN,
            kdf=cases.CHEAP,
            ballast_bytes=0,
        )
        make_signing_key(
            self.vault, Secrets(cases.PASSPHRASE, cases.PIN, use_keyring=False), "Dr Test", SystemClock()
        )
        for hub_id, server in self.servers.items():
            addresses = server.start()
            values = {
                "hub_id": hub_id,
                "fhir": addresses.fhir,
                "reader_id": "reader",
                "reader_name": "Dr Test",
            }
            write_hub_file(self.vault.paths, hub_id, values)
        self.desk = Desk(Core(self.vault.paths, self.vault, SystemClock()))

    def close(self) -> None:
        self.desk.close()
        for server in self.servers.values():
            server.stop()

    @property
    def server(self) -> DemoServer:
        return self.servers[HUB]

    def line(self, state: str) -> None:
        for server in self.servers.values():
            if state == "cut":
                server.faults.cut()
            else:
                server.faults.mend()

    def claim(self, count: int, hub_id: str = HUB) -> list[TaskKey]:
        """The first free and signable cases with an order to report, taken."""
        free = [
            one.key
            for one in self.desk.items()
            if one.signable and one.state == "requested" and one.key.hub_id == hub_id and one.accession
        ][:count]
        assert len(free) == count
        for key in free:
            self.desk.claim(key)
        return free

    def sign(self, key: TaskKey, words: str = "Normal.") -> str:
        """Written and signed; answers the report's id."""
        draft = self.desk.start_draft(key)
        texts = {"technique": "As usual.", "findings": words, "impression": words}
        known = {one.id for one in draft.sections}
        self.desk.save_draft(draft.id, draft.seq, {name: one for name, one in texts.items() if name in known})
        return self.sign_draft(draft.id)

    def sign_draft(self, draft_id: str) -> str:
        blocking = [one for one in self.desk.checks(draft_id) if one.blocking and one.override]
        names = dict.fromkeys(one.override for one in blocking)
        overrides = [Override(one, SafeText("Tried out.")) for one in names]
        return self.desk.sign(draft_id, overrides, pin=cases.PIN).report_id

    def item(self, report_id: str) -> OutboxItem:
        return [one for one in self.desk.outbox() if one.report_id == report_id][-1]

    def choices(self, report_id: str) -> set[str]:
        return {one.id for one in self.item(report_id).choices}

    def held(self, hub_id: str = HUB) -> dict[str, dict[str, Any]]:
        """The reports of ours that the hub itself shows, by their id."""
        found = {}
        for stored in self.servers[hub_id].store.all("DiagnosticReport"):
            body = stored.body
            for name in body.get("identifier", ()):
                if name.get("system") == "urn:ietf:rfc:3986":
                    found[name["value"].removeprefix("urn:uuid:")] = body
        return found


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    one = Ward(tmp_path)
    yield one
    one.close()


def test_of_ten_signed_off_line_six_arrive_once_and_four_wait_with_choices(ward: Ward) -> None:
    ward.desk.sync()
    keys = ward.claim(10)
    ward.line("cut")
    reports = [ward.sign(key, f"Words {number}.") for number, key in enumerate(keys)]
    told = ward.desk.sync()
    assert (told["pushed"], told["waiting"], told["offline"]) == (0, 10, True)
    assert ward.held() == {}

    cancelled, reassigned, reported, amended = (one.task_id for one in keys[:4])
    events = ward.server.events
    events.cancel(cancelled)
    events.reassign(reassigned)
    theirs = events.report(reported)
    events.amend(amended)

    ward.line("up")
    told = ward.desk.sync()
    assert (told["pushed"], told["needs_attention"], told["waiting"]) == (6, 4, 0)
    assert set(ward.held()) >= set(reports[4:])
    assert not set(ward.held()) & set(reports[:4])
    assert [one.report_id for one in ward.desk.outbox() if one.state == "delivered"] == reports[4:]
    assert ward.desk.sync()["pushed"] == 0

    assert ward.choices(reports[0]) == {"send-with-note", "withdraw"}
    assert ward.choices(reports[1]) == {"ask-back", "preliminary", "withdraw"}
    assert ward.choices(reports[2]) == {"second-opinion", "addendum", "withdraw"}
    assert ward.choices(reports[3]) == {"resign", "withdraw"}

    _choose_each(ward, keys, reports)
    held = ward.held()
    assert held[reports[0]]["status"] == "final"
    assert held[reports[1]]["status"] == "preliminary"
    assert held[reports[2]]["status"] == "final"
    assert reports[3] not in held
    assert ward.server.store.edit("DiagnosticReport", theirs)["conclusion"] == "Reported by somebody else."
    assert {one.state for one in ward.desk.outbox()} == {"delivered", "closed"}
    finals = [one for one in held.values() if one["status"] == "final"]
    assert len({one["id"] for one in finals}) == 9


def _choose_each(ward: Ward, keys: Sequence[TaskKey], reports: Sequence[str]) -> None:
    """Each choice, and then what it is for."""
    desk = ward.desk
    desk.outbox_resolve(ward.item(reports[0]).id, "send-with-note", "The examination was done.")
    desk.outbox_resolve(ward.item(reports[1]).id, "preliminary")
    desk.outbox_resolve(ward.item(reports[2]).id, "second-opinion")
    desk.outbox_resolve(ward.item(reports[3]).id, "resign")
    assert desk.sync()["pushed"] == 3
    task = ward.server.store.edit("Task", keys[0].task_id)
    assert "The examination was done." in str(task["note"])
    (draft,) = desk.core.vault.drafts.open_for(keys[3])
    again = ward.sign_draft(draft.id)
    assert desk.sync()["pushed"] == 1
    assert again in ward.held()
    assert len({one.report_id for one in desk.outbox() if one.key == keys[3]}) == 2


@pytest.mark.parametrize("choice", ["withdraw", "ask-back", "addendum"])
def test_the_other_choices_do_what_they_say(ward: Ward, choice: str) -> None:
    ward.desk.sync()
    (key,) = ward.claim(1)
    ward.line("cut")
    report = ward.sign(key)
    if choice == "addendum":
        ward.server.events.report(key.task_id)
    else:
        ward.server.events.reassign(key.task_id)
    ward.line("up")
    ward.desk.sync()
    ward.desk.outbox_resolve(ward.item(report).id, choice, "Because.")
    if choice == "withdraw":
        assert ward.desk.sync()["pushed"] == 0
        assert ward.held() == {}
        assert ward.desk.report(report).frozen
    elif choice == "ask-back":
        assert ward.desk.sync()["needs_attention"] == 1
        ward.server.events.release(key.task_id)
        ward.desk.outbox_resolve(ward.item(report).id, choice)
        assert ward.desk.sync()["pushed"] == 1
        assert set(ward.held()) == {report}
    else:
        (draft,) = ward.desk.core.vault.drafts.open_for(key)
        again = ward.sign_draft(draft.id)
        assert ward.desk.sync()["pushed"] == 1
        assert set(ward.held()) == {again}
        assert "Addendum to the report of" in str(ward.desk.report(again).frozen)


def test_the_draft_of_a_cancelled_case_is_asked_about_at_the_desk(ward: Ward) -> None:
    ward.desk.sync()
    (key,) = ward.claim(1)
    draft = ward.desk.start_draft(key)
    ward.server.events.cancel(key.task_id)
    assert ward.desk.sync()["needs_attention"] == 1
    (item,) = ward.desk.outbox()
    ward.desk.outbox_resolve(item.id, "keep-note", "For the next one.")
    assert ward.desk.draft(draft.id).state == "kept"
    assert ward.desk.sync()["needs_attention"] == 0


def test_a_draft_handed_over_is_at_the_demo_hub_as_a_note(ward: Ward) -> None:
    ward.desk.sync()
    (key,) = ward.claim(1)
    draft = ward.desk.start_draft(key)
    first = draft.sections[0].id
    ward.desk.save_draft(draft.id, draft.seq, {first: "Half a thought."})
    ward.server.events.reassign(key.task_id)
    ward.desk.sync()
    ward.desk.outbox_resolve(ward.desk.outbox()[0].id, "hand-over")
    ward.desk.sync()
    (note,) = ward.server.store.all("Communication")
    assert "Half a thought." in note.body["payload"][0]["contentString"]
    ward.desk.sync()
    assert len(ward.server.store.all("Communication")) == 1


def test_a_hub_back_from_a_backup_gets_its_report_again(ward: Ward) -> None:
    ward.desk.sync()
    (key,) = ward.claim(1)
    report = ward.sign(key)
    ward.desk.sync()
    receipt = ward.item(report).receipt
    assert receipt is not None
    assert ward.server.events.forget(receipt.id.rpartition("/")[2])
    assert ward.desk.sync()["needs_attention"] == 1
    assert ward.desk.report(report).state == "needs_attention"
    ward.desk.outbox_resolve(ward.item(report).id, "resend")
    ward.desk.sync()
    assert ward.desk.report(report).state == "issued"
    assert set(ward.held()) == {report}


# -- two hubs -----------------------------------------------------------------------------------------


def test_two_hubs_with_the_same_numbers_never_mix(tmp_path: Path) -> None:
    """The same seed at both: task ids, patient numbers, accession numbers and study UIDs are all alike."""
    ward = Ward(tmp_path, (HUB, OTHER_HUB))
    try:
        ward.desk.sync()
        (one,) = ward.claim(1)
        (two,) = [row.key for row in ward.desk.items() if row.key == TaskKey(OTHER_HUB, one.task_id)]
        mine = ward.desk.item(one)
        theirs = ward.desk.item(two)
        assert (mine.accession, mine.study_uid) == (theirs.accession, theirs.study_uid)
        assert (mine.mine, theirs.mine) == (True, False)
        ward.desk.claim(two)

        report = ward.sign(one, "At the first hub.")
        draft = ward.desk.start_draft(two)
        assert "At the first hub." not in str(draft.sections)
        ward.servers[HUB].faults.cut()
        other = ward.sign_draft(_written(ward, two, "At the second hub."))
        told = ward.desk.sync()
        assert told["pushed"] == 1
        assert set(ward.held(OTHER_HUB)) == {other}
        assert ward.held(HUB) == {}
        ward.line("up")
        ward.desk.sync()
        assert set(ward.held(HUB)) == {report}
        assert set(ward.held(OTHER_HUB)) == {other}
        ward.servers[OTHER_HUB].events.cancel(two.task_id)
        ward.desk.sync()
        assert ward.desk.item(one).state == "completed"
        assert ward.desk.item(two).state == "cancelled"
    finally:
        ward.close()


def _written(ward: Ward, key: TaskKey, words: str) -> str:
    draft = ward.desk.start_draft(key)
    known = [one.id for one in draft.sections if one.id in {"technique", "findings", "impression"}]
    ward.desk.save_draft(draft.id, draft.seq, dict.fromkeys(known, words))
    return draft.id


def test_a_claim_while_the_line_is_cut_is_noted_and_taken_later(ward: Ward) -> None:
    ward.desk.sync()
    key = next(one.key for one in ward.desk.items() if one.state == "requested" and one.signable)
    ward.line("cut")
    with pytest.raises(OfflineError):
        ward.desk.claim(key)
    ward.line("up")
    ward.desk.sync()
    assert ward.desk.item(key).mine
