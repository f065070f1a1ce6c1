"""Correction, withdrawal, unsigned reading, second opinion, co-signers and rights, at the desk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from teleread.documents.fhir import transaction
from teleread.documents.frozen import thaw
from teleread.model.delivery import Receipt
from teleread.model.errors import AttentionError, UsageError
from teleread.model.report import Draft, SignedReport
from teleread.model.text import SafeText
from teleread.workstation import lifecycle
from teleread.workstation.cases import context_of
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import AWAY, World


def delivered(world: World, report: SignedReport) -> None:
    """The hub has taken it."""
    item = next(
        one
        for one in world.desk.outbox()
        if (one.report_id, one.report_version) == (report.report_id, report.version)
    )
    receipt = Receipt(
        id=SafeText("DiagnosticReport/1"),
        version=SafeText(str(report.version)),
        sha256=report.sha256,
        hub_time="",
        stored_at=world.clock.now(),
        task_status=SafeText("completed"),
    )
    world.vault.outbox.mark_sending(item.id)
    world.vault.outbox.mark_delivered(item.id, receipt)


def sign(world: World, draft: Draft) -> SignedReport:
    return world.desk.sign(draft.id, AWAY, pin=cases.PIN)


def form(report: SignedReport) -> Any:
    return thaw(report.frozen)


def test_a_correction_begins_with_the_whole_text_and_says_why(world: World) -> None:
    report = world.signed(world.task(cases.context()))
    draft = lifecycle.correct(world.core, report.report_id, "Wrong side.", "Ward 7")
    assert draft.kind == "correction"
    assert [one.text for one in draft.sections] == [one["text"] for one in form(report)["sections"]]
    world.desk.save_draft(draft.id, draft.seq, {"findings": "Normal spleen."})
    second = sign(world, world.desk.draft(draft.id))
    assert (second.report_id, second.version, second.kind) == (report.report_id, 2, "correction")
    assert form(second)["change"] == {"reason": "Wrong side.", "told": "Ward 7"}
    assert form(second)["predecessor"]["sha256"] == report.sha256
    assert not any(name.startswith("@") for name in form(second)["fields"])


def test_a_correction_without_a_reason_is_signed_and_says_none(world: World) -> None:
    report = world.signed(world.task(cases.context()))
    second = sign(world, lifecycle.correct(world.core, report.report_id))
    assert second.kind == "correction"
    assert "change" not in form(second)


def test_a_correction_is_opened_once_and_takes_the_reason_given_later(world: World) -> None:
    report = world.signed(world.task(cases.context()))
    first = lifecycle.correct(world.core, report.report_id)
    again = lifecycle.correct(world.core, report.report_id, "Typing error.")
    assert first.id == again.id
    assert form(sign(world, again))["change"]["reason"] == "Typing error."


def test_a_correction_begun_on_an_older_version_is_not_signed(world: World) -> None:
    report = world.signed(world.task(cases.context()))
    correction = lifecycle.correct(world.core, report.report_id)
    addendum = world.desk.addendum(report.report_id)
    world.desk.save_draft(addendum.id, addendum.seq, {"findings": "Appendix not inflamed."})
    sign(world, world.desk.draft(addendum.id))
    with pytest.raises(AttentionError) as caught:
        sign(world, correction)
    assert caught.value.code == "base-changed"


def test_a_withdrawal_says_why_and_who_was_told_or_is_not_begun(world: World) -> None:
    report = world.signed(world.task(cases.context()))
    for reason, told in (("", "Ward 7"), ("Wrong patient.", " ")):
        with pytest.raises(UsageError) as caught:
            lifecycle.withdraw(world.core, report.report_id, reason, told)
        assert caught.value.code == "no-reason"
    assert world.vault.drafts.open_for(report.key) == ()


def test_a_withdrawal_repeats_the_text_whatever_its_draft_says_and_no_check_holds_it(world: World) -> None:
    report = world.signed(world.task(cases.context()))
    draft = lifecycle.withdraw(world.core, report.report_id, "Wrong patient.", "Dr Ward")
    world.desk.save_draft(draft.id, draft.seq, {"findings": "", "impression": ""})
    assert world.desk.checks(draft.id) == ()
    second = world.desk.sign(draft.id, (), pin=cases.PIN)
    assert second.kind == "withdrawal"
    assert form(second)["sections"] == form(report)["sections"]


def test_a_withdrawn_report_takes_no_more_versions_and_its_case_can_be_reported_anew(world: World) -> None:
    key = world.task(cases.context())
    report = world.signed(key)
    delivered(world, report)
    second = sign(world, lifecycle.withdraw(world.core, report.report_id, "Wrong patient.", "Dr Ward"))
    for begin in (world.desk.addendum, lambda name: lifecycle.correct(world.core, name)):
        with pytest.raises(AttentionError) as caught:
            begin(report.report_id)
        assert caught.value.code == "withdrawn"
    assert world.desk.item(key).report_state == "signed"
    delivered(world, second)
    assert world.desk.item(key).report_state is None
    anew = world.signed(key)
    assert (anew.version, anew.kind) == (1, "report")
    assert anew.report_id != report.report_id


@pytest.fixture
def open_hub(tmp_path: Path) -> World:
    return World(tmp_path, preliminary=True)


def test_an_unsigned_reading_needs_a_site_that_takes_it(world: World) -> None:
    draft = world.desk.draft(world.written(world.task(cases.context())))
    with pytest.raises(AttentionError) as caught:
        lifecycle.preliminary(world.core, draft, AWAY, secret=cases.PIN)
    assert caught.value.code == "forbidden"
    assert "preliminary = true" in caught.value.detail
    assert world.desk.outbox() == ()


def test_an_unsigned_reading_goes_out_partial_and_its_draft_becomes_version_two(open_hub: World) -> None:
    world, key = open_hub, open_hub.task(cases.context())
    draft = world.desk.draft(world.written(key))
    reading = lifecycle.preliminary(world.core, draft, AWAY, secret=cases.PIN)
    assert (reading.kind, reading.version, world.desk.draft(draft.id).state) == ("preliminary", 1, "open")
    assert world.desk.item(key).report_state == "draft"
    assert "preliminary" in [one.kind for one in world.vault.audit.export()]
    sent = transaction(reading, context_of(world.core, key), None)
    assert b'"status":"partial"' in sent
    assert b'"status":"completed"' not in sent
    report = sign(world, world.desk.draft(draft.id))
    assert (report.report_id, report.version, report.kind) == (reading.report_id, 2, "report")
    assert form(report)["predecessor"]["sha256"] == reading.sha256
    world.desk.close()


def test_whoever_may_write_and_not_sign_sends_an_unsigned_reading(tmp_path: Path) -> None:
    world = World(tmp_path, preliminary=True, rights=["report"])
    draft = world.desk.draft(world.written(world.task(cases.context())))
    writing = world.desk.writing
    sheet = writing.unsigned_sheet(draft.id, AWAY)
    assert sheet.title == "unsigned reading, version 1"
    assert "rights" not in [one.id for one in sheet.checks]
    assert any("“sign”" in one.text for one in world.desk.sign_sheet(draft.id, AWAY).checks)
    reading = writing.send_unsigned(draft.id, AWAY, pin=cases.PIN)
    assert (reading.kind, world.desk.draft(draft.id).state) == ("preliminary", "open")
    with pytest.raises(AttentionError) as caught:
        sign(world, draft)
    assert caught.value.code == "forbidden"
    world.desk.close()


def test_a_site_that_takes_no_unsigned_reading_says_so_on_the_sheet(world: World) -> None:
    draft = world.desk.draft(world.written(world.task(cases.context())))
    sheet = world.desk.writing.unsigned_sheet(draft.id, AWAY)
    assert [one.override for one in sheet.checks if "preliminary = true" in one.text] == [""]


def test_the_desk_names_people_beside_the_reader_one_by_one_and_never_on_a_text_it_has_not_seen(
    world: World,
) -> None:
    draft = world.desk.draft(world.written(world.task(cases.context())))
    writing = world.desk.writing
    first = writing.name_beside(draft.id, draft.seq, "Dr Tray Nee", "trainee", "")
    second = writing.name_beside(draft.id, first.seq, "Dr Other Nee", "trainee", "Practitioner/9")
    assert world.desk.sign_sheet(draft.id, AWAY).beside == ("Dr Tray Nee (trainee)", "Dr Other Nee (trainee)")
    with pytest.raises(AttentionError) as caught:
        writing.unname_beside(draft.id, first.seq, "Dr Tray Nee")
    assert caught.value.code == "stale-draft"
    left = writing.unname_beside(draft.id, second.seq, "Dr Tray Nee")
    assert world.desk.sign_sheet(draft.id, AWAY).beside == ("Dr Other Nee (trainee)",)
    assert writing.unname_beside(draft.id, left.seq, "Dr Nobody").seq == left.seq
    assert [one.kind for one in world.vault.audit.export()].count("cosigners") == 3


def test_a_second_opinion_begun_at_the_desk_is_held_by_its_window(world: World) -> None:
    draft = world.desk.writing.opinion(world.task(cases.context(), owner="Practitioner/other"))
    assert world.desk.sign_sheet(draft.id).title == "second opinion, version 1"
    assert world.desk.open_case(draft.key).draft_writable


def test_a_final_report_stands_on_its_reading_also_after_its_signature_was_taken_back(tmp_path: Path) -> None:
    world = World(tmp_path, preliminary=True, undo_minutes=5)
    draft = world.desk.draft(world.written(world.task(cases.context())))
    reading = lifecycle.preliminary(world.core, draft, AWAY, secret=cases.PIN)
    first = sign(world, draft)
    item = next(one for one in world.desk.outbox() if one.report_version == first.version)
    again = sign(world, world.desk.undo_sign(item.id))
    assert (again.report_id, again.version) == (reading.report_id, 3)
    assert form(again)["predecessor"]["sha256"] == reading.sha256
    world.desk.close()


def test_a_reading_taken_back_in_its_window_leaves_the_draft_and_a_first_report(tmp_path: Path) -> None:
    world = World(tmp_path, preliminary=True, undo_minutes=5)
    draft = world.desk.draft(world.written(world.task(cases.context())))
    reading = lifecycle.preliminary(world.core, draft, AWAY, secret=cases.PIN)
    assert world.desk.undo_sign(world.item(reading).id).id == draft.id
    report = sign(world, world.desk.draft(draft.id))
    assert (report.version, report.report_id != reading.report_id) == (1, True)
    world.desk.close()


def test_an_unsigned_reading_on_the_wrong_patient_can_be_withdrawn(open_hub: World) -> None:
    world = open_hub
    draft = world.desk.draft(world.written(world.task(cases.context())))
    reading = lifecycle.preliminary(world.core, draft, AWAY, secret=cases.PIN)
    with pytest.raises(AttentionError):
        lifecycle.correct(world.core, reading.report_id)
    second = sign(world, lifecycle.withdraw(world.core, reading.report_id, "Wrong patient.", "Dr Ward"))
    assert (second.kind, second.version) == ("withdrawal", 2)
    world.desk.close()


def test_a_second_opinion_is_a_report_of_its_own_on_anybodys_case(world: World) -> None:
    key = world.task(cases.context(), owner="Practitioner/other")
    draft = lifecycle.opinion(world.core, key)
    texts = {"technique": "Contrast.", "findings": "Normal liver.", "impression": "No abnormality."}
    world.desk.save_draft(draft.id, draft.seq, texts)
    report = sign(world, world.desk.draft(draft.id))
    assert (report.kind, report.version) == ("opinion", 1)
    assert b'"resourceType":"Task"' not in transaction(report, context_of(world.core, key), None)


def test_trainee_and_supervisor_are_named_in_the_report_and_at_the_hub(world: World) -> None:
    key = world.task(cases.context())
    draft = world.desk.draft(world.written(key))
    lifecycle.name_cosigner(world.core, draft, "Dr Super Visor", "supervisor", "Practitioner/7")
    lifecycle.name_cosigner(world.core, world.desk.draft(draft.id), "Dr Tray Nee", "trainee")
    report = sign(world, world.desk.draft(draft.id))
    named = [(one["name"], one["role"], one["id"]) for one in form(report)["cosigners"]]
    assert named == [("Dr Tray Nee", "trainee", ""), ("Dr Super Visor", "supervisor", "Practitioner/7")]
    sent = transaction(report, context_of(world.core, key), None).decode()
    assert '"code":"attester"' in sent
    assert '{"reference":"Practitioner/7","display":"Dr Super Visor"}' in sent


def test_naming_nobody_takes_a_role_away(world: World) -> None:
    draft = world.desk.draft(world.written(world.task(cases.context())))
    lifecycle.name_cosigner(world.core, draft, "Dr Tray Nee", "trainee")
    assert lifecycle.name_cosigner(world.core, world.desk.draft(draft.id), "", "trainee") == ()
    with pytest.raises(UsageError):
        lifecycle.name_cosigner(world.core, world.desk.draft(draft.id), "Dr X", "friend")


@pytest.mark.parametrize(
    ("rights", "right"),
    [
        (["view", "report", "sign", "alert"], "addend"),
        (["view", "report", "sign", "addend"], "alert"),
        (["view", "sign", "addend", "alert"], "report"),
        (["view", "report", "addend", "alert"], "sign"),
    ],
)
def test_a_missing_right_is_denied_by_name(tmp_path: Path, rights: list[str], right: str) -> None:
    from teleread.workstation import drafts
    from teleread.workstation.hubfiles import write_hub_file

    world = World(tmp_path)
    key, other = world.task(cases.context()), world.task(cases.context("task-2"))
    report = world.signed(key)
    draft = world.desk.draft(world.written(other))
    hub = world.core.hub(cases.HUB)
    values = {"hub_id": hub.hub_id, "fhir": hub.fhir, "reader_id": hub.reader_id, "rights": rights}
    write_hub_file(world.core.paths, "north", {**values, "reader_name": hub.reader_name})
    world.core._hubs = None  # a clock of coarse ticks may not tell the two files apart
    acts: dict[str, Callable[[], object]] = {
        "addend": lambda: lifecycle.correct(world.core, report.report_id),
        "alert": lambda: drafts.set_alert(world.core, draft, "C", "Dr Ward", "14:05", "telephone"),
        "report": lambda: lifecycle.opinion(world.core, other),
        "sign": lambda: sign(world, draft),
    }
    with pytest.raises(AttentionError) as caught:
        acts[right]()
    assert caught.value.code == "forbidden"
    assert f"rights has no “{right}”" in f"{caught.value.title} {caught.value.detail}"
    for name, act in acts.items():
        if name != right:
            act()
    world.desk.close()


def test_a_case_of_a_hub_without_any_right_is_not_opened(tmp_path: Path) -> None:
    world = World(tmp_path, rights=[])
    key = world.task(cases.context())
    with pytest.raises(AttentionError) as caught:
        world.desk.open_case(key)
    assert "rights has no “view”" in caught.value.title
    world.desk.close()


def test_an_addendum_taken_back_is_signed_again_with_its_own_words_alone(world: World) -> None:
    from teleread.sync.resolve import resolve

    report = world.signed(world.task(cases.context()))
    delivered(world, report)
    draft = world.desk.addendum(report.report_id)
    world.desk.save_draft(draft.id, draft.seq, {"findings": "Appendix not inflamed."})
    second = sign(world, world.desk.draft(draft.id))
    item = next(one for one in world.desk.outbox() if one.report_version == 2)
    world.vault.outbox.mark_sending(item.id)
    world.vault.outbox.mark_needs_attention(item.id, "The report was changed.", ["resign", "withdraw"])
    again = resolve(world.vault, world.vault.outbox.get(item.id), "resign", "", world.clock)
    assert isinstance(again, Draft)
    assert [one.text for one in again.sections if one.text] == ["Appendix not inflamed."]
    third = sign(world, again)
    texts = [one["text"] for one in form(third)["sections"] if one["id"].startswith("addendum-")]
    assert (third.version, texts) == (3, ["Appendix not inflamed."])
    assert form(third)["predecessor"]["sha256"] == report.sha256
    assert second.version == 2
