"""The reconnect table's rows that ask the reader, each by what its choices do."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from teleread.documents import fhir
from teleread.model.delivery import CHOICES, OutboxItem
from teleread.model.report import Section
from teleread.model.task import TaskKey
from teleread.model.text import SafeText
from teleread.sync import composing
from teleread.sync.requests import Works, perform
from teleread.sync.resolve import resolve
from teleread.sync.rules import DRAFT_RULES, RULES
from tests.contract.hub_cases import others_report
from tests.unit.sync_world import HUB, World

OTHER = {"reference": "Practitioner/other", "display": "Dr Other"}


class OneHub:
    """The sites of one hub in memory."""

    def __init__(self, world: World) -> None:
        self._world = world

    def files(self) -> tuple[Any, ...]:
        return (HUB,)

    def hub(self, hub_id: str) -> Any:
        return self._world.hub

    def archives(self, hub_id: str, via: str = "auto") -> tuple[Any, ...]:
        return ()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = World(tmp_path)
    yield one
    one.close()


def choose(world: World, item: OutboxItem, choice: str, reason: str = "") -> Any:
    assert choice in {one.id for one in world.item(item).choices}
    return resolve(world.vault, world.item(item), choice, reason, world.clock)


def drafted(world: World, number: int = 1) -> TaskKey:
    key = world.offer(number)
    world.claim(key)
    section = Section("findings", SafeText("Findings"), "59776-5", SafeText("Effusion."))
    world.vault.drafts.start(key, "limb", "1", [section])
    return key


def question(world: World) -> OutboxItem:
    (item,) = [one for one in world.vault.outbox.open() if one.kind == "draft"]
    return item


def sync(world: World, works: Works | None = None) -> dict[str, Any]:
    works = works or Works(world.vault, OneHub(world), world.clock)
    return perform(works, "sync", {"typed": True})


def text_of(report: dict[str, Any]) -> str:
    return json.dumps(
        [base64.b64decode(one["data"]).decode("latin-1") for one in report.get("presentedForm", ())]
    )


# -- the rows are data --------------------------------------------------------------------------------


def test_every_choice_a_row_offers_has_its_sentence_and_its_act() -> None:
    from teleread.sync.resolve import _ACTS

    offered = {choice for row in (*RULES, *DRAFT_RULES) for choice in row.choices}
    assert offered <= set(CHOICES)
    assert offered <= set(_ACTS)


def test_no_two_rows_have_one_name() -> None:
    assert len({one.id for one in RULES}) == len(RULES)


# -- an open draft ------------------------------------------------------------------------------------


def test_a_cancelled_order_asks_what_to_do_with_the_open_draft(world: World) -> None:
    key = drafted(world)
    world.server.edit("Task", key.task_id, status="cancelled")
    world.pull()
    item = question(world)
    assert item.state == "needs_attention"
    assert {one.id for one in item.choices} == {"discard", "keep-note"}
    world.pull()
    assert question(world).id == item.id


@pytest.mark.parametrize(("choice", "state"), [("discard", "discarded"), ("keep-note", "kept")])
def test_the_draft_of_a_cancelled_order_goes_where_the_reader_says(
    world: World, choice: str, state: str
) -> None:
    key = drafted(world)
    world.server.edit("ServiceRequest", "sr-c1", status="revoked")
    world.pull()
    choose(world, question(world), choice)
    (draft,) = world.vault.drafts.list(state)
    assert draft.key == key
    assert draft.sections[0].text == "Effusion."
    world.pull()
    assert world.vault.outbox.open() == ()


def test_a_case_that_is_offered_again_takes_the_question_away(world: World) -> None:
    key = drafted(world)
    world.server.edit("Task", key.task_id, owner=OTHER)
    world.pull()
    item = question(world)
    world.server.edit("Task", key.task_id, owner={"reference": "Practitioner/reader"})
    world.pull()
    assert world.item(item).state == "closed"
    assert world.vault.drafts.open_for(key)


def test_a_question_about_a_draft_holds_nothing_of_its_accession_up(world: World) -> None:
    key = drafted(world)
    world.server.edit("Task", key.task_id, status="cancelled")
    world.pull()
    note = world.vault.outbox.add(
        "note",
        key,
        idempotency_key="01933f1c-0d7a-7b52-8c00-000000000077",
        accession=question(world).accession,
        payload='{"text":"Rang the site."}',
    )
    assert world.push().pushed == 1
    assert world.item(note).state == "delivered"


def test_a_draft_handed_over_reaches_the_hub_once_as_a_note(world: World) -> None:
    key = drafted(world)
    world.server.edit("Task", key.task_id, owner=OTHER)
    world.pull()
    choose(world, question(world), "hand-over", "Please finish.")
    (note,) = world.vault.outbox.open()
    assert note.kind == "note"
    world.server.only_writes = True
    world.server.faults.append("lose")
    world.push()
    world.push(typed=True)
    (said,) = world.server.all("Communication")
    assert "Effusion." in said["payload"][0]["contentString"]
    assert "Unsigned" in said["payload"][0]["contentString"]
    assert said["recipient"] == [{"reference": "Practitioner/other"}]
    assert world.item(note).state == "delivered"
    assert world.reports() == []
    assert world.vault.drafts.list("kept")


# -- reports ------------------------------------------------------------------------------------------


def test_a_preliminary_report_ends_nobodys_reading(world: World) -> None:
    item = world.signed()
    world.server.edit("Task", item.key.task_id, owner=OTHER)
    world.push()
    choose(world, item, "preliminary")
    assert world.push().pushed == 1
    (report,) = world.reports()
    assert report["status"] == "preliminary"
    task = world.server.get("Task", item.key.task_id)
    assert (task["status"], task["owner"]["reference"]) == ("in-progress", "Practitioner/other")


def test_a_second_opinion_stands_beside_theirs(world: World) -> None:
    item = world.signed()
    world.server.put(others_report(1))
    world.server.edit("Task", item.key.task_id, status="completed", owner=OTHER)
    world.push()
    choose(world, item, "second-opinion")
    assert world.push().pushed == 1
    theirs, ours = world.reports()
    assert theirs["id"] == "theirs-c1"
    assert theirs["meta"]["versionId"] == "1"
    assert ours["status"] == "final"
    assert "discrepancy" in {one.kind for one in world.vault.audit.export()}


def test_an_addendum_to_theirs_is_signed_again_and_goes_without_another_question(world: World) -> None:
    item = world.signed()
    world.server.put(others_report(1))
    world.server.edit("Task", item.key.task_id, status="completed", owner=OTHER)
    world.push()
    draft = choose(world, item, "addendum")
    assert draft.sections[0].text.startswith("Addendum to the report of Dr Other")
    assert world.item(item).state == "closed"
    again = world.sign(item.key, draft.sections[0].text)
    assert world.push().pushed == 1
    assert world.item(again).state == "delivered"
    assert "Addendum to the report of" in text_of(world.reports()[1])


def test_a_further_report_of_theirs_is_asked_about_again(world: World) -> None:
    item = world.signed()
    world.server.put(others_report(1))
    world.push()
    choose(world, item, "addendum")
    again = world.sign(item.key, "More.")
    world.server.put({**others_report(1), "id": "theirs-too"})
    world.push()
    assert world.item(again).state == "needs_attention"


def test_the_others_report_is_kept_with_the_item_to_be_read_beside_ours(world: World) -> None:
    from teleread.sync.backoff import Extras

    item = world.signed()
    world.server.put(others_report(1))
    world.push()
    (theirs,) = Extras(world.item(item).payload).theirs
    assert theirs["author"] == "Dr Other"
    assert theirs["text"]


def test_a_report_that_cannot_be_composed_does_not_keep_the_next_from_going(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = world.signed(1), world.signed(2)
    real = fhir.transaction

    def poisoned(report: Any, *rest: Any) -> bytes:
        if report.report_id == bad.report_id:
            raise KeyError("study")
        return real(report, *rest)

    monkeypatch.setattr(composing, "transaction", poisoned)
    assert world.push().pushed == 1
    assert [world.item(one).state for one in (bad, good)] == ["needs_attention", "delivered"]
    monkeypatch.setattr(composing, "transaction", real)
    choose(world, bad, "resend")
    assert world.push().pushed == 1


def test_a_clock_set_back_by_a_day_does_not_hold_a_report_for_a_day(world: World) -> None:
    item = world.signed()
    world.server.faults.append("offline")
    world.push()
    world.clock.jump(-24 * 3600)
    assert world.push().pushed == 1
    assert world.item(item).state == "delivered"


# -- a lapsed claim -----------------------------------------------------------------------------------


def test_a_claim_that_lapsed_under_an_open_draft_is_taken_again(world: World) -> None:
    key = drafted(world)
    world.server.edit("Task", key.task_id, owner=None, status="requested")
    assert world.pull().claimed == 1
    assert world.server.get("Task", key.task_id)["owner"]["reference"] == "Practitioner/reader"
    claim = world.vault.claims.get(key)
    assert claim is not None
    assert claim.state == "held"


def test_a_case_given_back_on_another_machine_is_not_taken_again(world: World) -> None:
    key = drafted(world)
    world.hub.give_back(world.hub.read(key), "110532", "Needs a specialist")
    assert world.pull().claimed == 0
    assert world.server.get("Task", key.task_id)["status"] == "requested"


# -- a hub that came back from a backup ----------------------------------------------------------------


def test_a_report_the_hub_forgot_is_not_issued_any_more_and_goes_again_by_choice(world: World) -> None:
    item = world.signed()
    world.push()
    (before,) = world.reports()
    for one in world.reports():
        del world.server.store["DiagnosticReport", one["id"]]
    told = sync(world)
    assert told["needs_attention"] == 1
    assert [one.id for one in world.item(item).choices] == ["resend"]
    assert "NOT ISSUED" in world.item(item).why
    assert world.vault.reports.get(item.report_id).state == "needs_attention"
    choose(world, item, "resend")
    sync(world)
    (report,) = world.reports()
    assert report["identifier"] == before["identifier"]
    assert world.vault.reports.get(item.report_id).state == "issued"


def test_an_addendum_the_hub_forgot_is_sent_again_after_its_report(world: World) -> None:
    first = world.signed()
    second = world.sign(first.key, "More.", on=first.report_id)
    world.push()
    for report in world.reports():
        del world.server.store["DiagnosticReport", report["id"]]
    sync(world)
    for one in (second, first):
        choose(world, one, "resend")
    sync(world)
    assert [world.item(one).state for one in (first, second)] == ["delivered", "delivered"]
    (report,) = world.reports()
    assert report["status"] == "appended"


def test_only_the_version_the_hub_lost_is_asked_about(world: World) -> None:
    first = world.signed()
    world.push()
    backup = copy.deepcopy(world.server.store)
    second = world.sign(first.key, "More.", on=first.report_id)
    world.push()
    world.server.store = backup
    sync(world)
    assert [world.item(one).state for one in (first, second)] == ["delivered", "needs_attention"]
    choose(world, second, "resend")
    sync(world)
    assert world.item(second).state == "delivered"
    assert world.reports()[0]["status"] == "appended"


def test_a_search_that_shows_nothing_is_no_proof_that_a_report_is_gone(world: World) -> None:
    item = world.signed()
    world.push()
    real = world.server._search
    world.server._search = lambda kind, params: (  # type: ignore[method-assign]
        world.server._answer(200, {"resourceType": "Bundle", "type": "searchset"})
        if kind == "DiagnosticReport"
        else real(kind, params)
    )
    sync(world)
    assert world.item(item).state == "delivered"


def test_an_engine_asks_for_receipts_at_its_start_and_again_when_the_hub_went_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, other = world.signed(1), world.signed(2)
    world.push()
    works, quiet = Works(world.vault, OneHub(world), world.clock), {"typed": False}

    asked: list[int] = []
    real = world.hub.holding

    def holding(wanted: Any) -> Any:
        asked.append(len(wanted))
        return real(wanted)

    monkeypatch.setattr(world.hub, "holding", holding)
    perform(works, "sync", quiet)
    perform(works, "sync", quiet)
    assert asked == [2]
    backup = copy.deepcopy(world.server.store)
    drafted(world, 3)
    world.server.edit("Task", "t-c3", priority="stat")
    perform(works, "sync", quiet)
    backup |= {key: one for key, one in world.server.store.items() if key[1].endswith("-c3")}
    del backup["DiagnosticReport", next(key[1] for key in backup if key[0] == "DiagnosticReport")]
    world.server.store = copy.deepcopy(backup)
    world.server.store["Task", "t-c3"]["meta"] = {
        "versionId": "1",
        "lastUpdated": "2026-11-24T04:00:01+00:00",
    }
    perform(works, "sync", quiet)
    assert sorted(world.item(one).state for one in (item, other)) == ["delivered", "needs_attention"]


def test_a_hub_that_cannot_be_asked_for_receipts_still_gets_what_waits(world: World) -> None:
    first = world.signed(1)
    world.push()
    second = world.signed(2)
    real = world.server._search

    def refuses_lists(kind: str, params: list[tuple[str, str]]) -> Any:
        if kind == "DiagnosticReport" and first.report_id in str(params):
            return world.server._answer(400, {"resourceType": "OperationOutcome"})
        return real(kind, params)

    world.server._search = refuses_lists  # type: ignore[method-assign]
    sync(world)
    assert [world.item(one).state for one in (first, second)] == ["delivered", "delivered"]


def test_a_second_report_of_our_own_on_one_case_is_asked_about(world: World) -> None:
    """Found by the simulation, seed 30015: signed anew while the first waited for its resend."""
    first = world.signed()
    world.push()
    for report in world.reports():
        del world.server.store["DiagnosticReport", report["id"]]
    world.server.edit("Task", first.key.task_id, status="in-progress")
    sync(world)
    second = world.sign(first.key, "Signed anew.")
    choose(world, first, "resend")
    sync(world)
    assert [world.item(one).state for one in (first, second)] == ["delivered", "needs_attention"]
    assert {one.id for one in world.item(second).choices} == {"second-opinion", "addendum", "withdraw"}


def test_theirs_is_shown_in_full_and_compared_with_ours(world: World) -> None:
    from teleread.workstation.outbox import beside

    item = world.signed()
    world.server.put(others_report(1))
    world.push()
    core: Any = SimpleNamespace(vault=world.vault)
    (theirs, words), (yours, own), (compared, lines) = beside(core, world.item(item))
    assert theirs.startswith("Theirs, Dr Other")
    assert words == ["No fracture."]
    assert yours == "Yours"
    assert own == ["No fracture."]
    assert compared.startswith("Compared")
    assert lines == ["  No fracture."]


def test_who_was_told_by_word_of_mouth_reaches_the_hub_after_the_report(world: World) -> None:
    from teleread.workstation.outbox import told

    item = world.signed()
    told(SimpleNamespace(vault=world.vault), item.id, "Dr Ward", "12:30")  # type: ignore[arg-type]
    assert world.push().pushed == 2
    (note,) = world.server.all("Communication")
    assert "Dr Ward, 12:30" in note["payload"][0]["contentString"]


def test_an_unanswered_one_behind_a_report_the_hub_lost_is_shown_as_held(world: World) -> None:
    """Found by the simulation, seed 200759: it said sending for ever, with nothing sent."""
    first = world.signed()
    world.push()
    second = world.sign(first.key, "More.", on=first.report_id)
    world.vault.outbox.mark_sending(second.id)
    for report in world.reports():
        del world.server.store["DiagnosticReport", report["id"]]
    sync(world)
    assert [world.item(one).state for one in (first, second)] == ["needs_attention", "held"]
    assert "behind" in world.item(second).why
    choose(world, first, "resend")
    sync(world)
    assert [world.item(one).state for one in (first, second)] == ["delivered", "delivered"]
