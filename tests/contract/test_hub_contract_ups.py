"""The hub suite on UPS-RS: the demo hub, and a double in each dialect.

The tests that hold whatever the protocol are those of `test_hub_contract`; those whose answer differs by
protocol stand here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from teleread.demo.server import DemoServer
from teleread.demo.ups.workitem import uid_of
from teleread.hub.ups import UpsRsHub
from teleread.model.errors import AttentionError
from teleread.model.task import TaskKey
from teleread.sync.notes import note_submission
from tests.contract.hub_cases import case, note_item, submission
from tests.contract.hub_peers import edit
from tests.contract.test_hub_contract import (  # noqa: F401 - they run here, on this module's servers
    _numbers,
    add,
    code_of,
    pulled,
    test_a_claim_makes_the_task_the_readers,
    test_a_claim_on_an_older_look_goes_through_while_the_task_is_free,
    test_a_claim_on_what_is_no_longer_free_is_lost,
    test_a_first_pull_leaves_out_what_ended_before,
    test_a_new_read_sees_a_changed_order_whose_task_did_not_change,
    test_a_pull_reads_every_page_once,
    test_a_study_that_only_names_its_order_is_found,
    test_nothing_is_found_where_nothing_is,
    test_of_two_readers_who_claim_at_once_one_wins,
    test_reading_what_is_not_there_says_gone,
    test_sending_the_same_again_gives_the_same_receipt_and_no_second_report,
    test_several_cases_are_looked_at_at_once_as_if_one_by_one,
    test_somebody_elses_task_cannot_be_given_back,
    test_the_next_pull_brings_what_changed_even_when_it_ended,
    test_what_the_hub_holds_of_several_reports_is_told_and_what_it_lost_is_not,
)
from tests.contract.ups_double import Keys, Quirks, UpsDouble, UpsPeer, double_peer

DIALECTS = {
    "standard": Quirks(page_size=3),
    "dcm4chee": Quirks(requester="path", options={"requester": "path"}),
    "py-ups-rs": Quirks(
        update="put",
        empty_404=True,
        bare_object=True,
        ignores_paging=True,
        wrong_uid=400,
        ended=410,
        complete_500=True,
        options={"update": "put", "empty": "404", "requester": "none"},
    ),
    "lean": Quirks(
        state_verb="POST",
        no_ranges=True,
        lean=True,
        no_zone=True,
        wrong_uid=400,
        page_size=2,
        options={"state_verb": "POST", "timezone": "UTC", "events": False},
    ),
}


@pytest.fixture(scope="module", params=["demo", *DIALECTS])
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpsPeer]:
    folder: Path = tmp_path_factory.mktemp("ups")
    name = str(request.param)
    if name != "demo":
        yield double_peer(UpsDouble(folder, DIALECTS[name]))
        return
    with DemoServer(folder, cases=1) as server:
        base = f"http://127.0.0.1:{server.store.note('port HTTP')}"
        file = {"ups_rs": f"{base}/ups-rs", "dicomweb": f"{base}/dicom-web"}
        yield UpsPeer(server.store, server.archive, lambda hub, keys: UpsRsHub(hub, memory=keys), file)


@pytest.fixture
def hub(peer: UpsPeer) -> Iterator[UpsRsHub]:
    one = peer.hub()
    yield one
    one.close()


def test_a_look_tells_the_software_the_clock_and_what_it_cannot_do(hub: UpsRsHub) -> None:
    health = hub.health()
    assert health.software.isprintable()
    assert health.offset_seconds is not None
    assert (health.capabilities.protocol, health.capabilities.if_match) == ("UPS-RS", False)
    assert not health.capabilities.transactions


def test_a_pull_brings_the_task_with_order_patient_and_study(peer: UpsPeer, hub: UpsRsHub) -> None:
    _, key = add(peer)
    context = pulled(hub)[0][key.task_id]
    assert (context.task.status, context.task.owner, context.task.priority) == ("requested", "", "urgent")
    assert context.task.due == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert context.order.accession.startswith("ACC")
    assert (context.order.procedure, context.order.laterality) == ("XR Knee Left", "LEFT")
    assert context.order.question == "Fell. Fracture?\nSecond line"
    assert context.patient.name == "Testwell^Ada^Bea"
    assert (context.patient.birth_date, context.patient.sex) == ("1970-01-02", "F")
    assert context.patient.nhs is not None
    assert context.patient.nhs.value == "9990000018"
    assert context.patient.primary is not None
    assert context.patient.primary.issuer == "https://north.example/id"
    assert context.study is not None
    assert (context.study.study_uid[:6], context.study.instances) == ("1.2.3.", 2)
    assert context.study.modality == "CR"
    versions = context.versions
    assert all((versions.task, versions.order, versions.patient, versions.study))
    assert versions == hub.read(key).versions


def test_a_workitem_without_a_patient_is_skipped_in_words_and_the_rest_is_good(
    peer: UpsPeer, hub: UpsRsHub
) -> None:
    _, good = add(peer)
    number = next(_numbers)
    for resource in case(number):
        if resource["resourceType"] == "Task":
            peer.put({key: one for key, one in resource.items() if key not in {"for", "basedOn", "focus"}})
    pages = list(hub.pull(""))
    assert any(good.task_id == one.key.task_id for page in pages for one in page.contexts)
    assert any("no patient" in words for page in pages for words in page.skipped)
    peer.put({"resourceType": "Task", "id": f"t-c{number}", "status": "cancelled", "intent": "order"})


def test_giving_back_cancels_with_a_reason_and_the_hub_offers_the_case_anew(
    peer: UpsPeer, hub: UpsRsHub
) -> None:
    _, key = add(peer)
    claimed = hub.claim(hub.read(key))
    returned = hub.give_back(claimed, "110532", "Needs specialist expertise")
    assert (returned.task.status, returned.task.owner) == ("cancelled", "")
    reason = peer.get("Task", key.task_id)["statusReason"]
    assert reason["coding"][0]["code"] == "110532"
    again = hub.give_back(returned, "110532", "Needs specialist expertise")
    assert again.task.status == "cancelled"
    fresh = TaskKey("hub-1", uid_of(peer.get("Task", key.task_id)["id"], 1))
    assert pulled(hub)[0][fresh.task_id].task.status == "requested"
    other = peer.hub("other")
    assert other.claim(other.read(fresh)).task.owner == "Practitioner/other"
    other.close()


def test_the_transaction_uid_is_kept_before_it_is_sent_and_found_again_after_a_crash(
    peer: UpsPeer, hub: UpsRsHub
) -> None:
    _, key = add(peer)
    held = hub.claim(hub.read(key))
    (kept,) = [one for name, one in peer.keys().kept.items() if name[1].endswith(key.task_id)]
    assert json.loads(kept)["state"] == "held"
    later = peer.hub()
    assert later.read(key).task.owner == "Practitioner/reader"
    receipt = later.submit(submission(held))
    assert receipt.task_status == "completed"
    later.close()


def test_another_machine_of_the_reader_sees_the_case_as_held_elsewhere(peer: UpsPeer, hub: UpsRsHub) -> None:
    _, key = add(peer)
    hub.claim(hub.read(key))
    elsewhere = peer.hub()
    elsewhere.memory._store = Keys()
    seen = elsewhere.read(key)
    assert (seen.task.status, seen.task.owner) == ("in-progress", "|elsewhere")
    with pytest.raises(AttentionError) as caught:
        elsewhere.claim(seen)
    assert code_of(caught) == "claim-lost"
    assert hub.read(key).task.owner == "Practitioner/reader"
    elsewhere.close()


def test_a_report_arrives_with_a_receipt_and_completes_the_workitem(peer: UpsPeer, hub: UpsRsHub) -> None:
    number, key = add(peer)
    sent = submission(hub.claim(hub.read(key)))
    receipt = hub.submit(sent)
    assert (receipt.sha256, receipt.task_status, receipt.version) == (sent.sha256, "completed", "1")
    (report,) = peer.reports(f"p-c{number}")
    assert receipt.id == f"instances/{report['id']}"
    found = hub.find(sent.report_id, sent.key)
    assert found is not None
    assert (found.receipt.id, found.receipt.version) == (receipt.id, receipt.version)
    assert sent.report_id in found.keys
    task = peer.get("Task", key.task_id)
    assert task["status"] == "completed"
    assert f"urn:oid:{report['id']}" in [one["valueUri"] for one in task["output"]]
    assert hub.read(key).task.owner == "Practitioner/reader"
    assert hub.other_reports(hub.read(key), {sent.report_id}) == ()


def test_a_later_version_is_stored_beside_the_first(peer: UpsPeer, hub: UpsRsHub) -> None:
    number, key = add(peer)
    context = hub.claim(hub.read(key))
    first = submission(context)
    receipt = hub.submit(first)
    more = submission(hub.read(key), report_id=first.report_id, text="More.", version=2, before=receipt)
    later = hub.submit(more)
    assert (later.version, later.sha256) == ("2", more.sha256)
    assert hub.submit(more).id == later.id
    assert len(peer.reports(f"p-c{number}")) == 2
    found = hub.find("", more.key)
    assert found is not None
    assert found.receipt.sha256 == more.sha256


def test_an_addendum_goes_although_the_hub_has_let_go_of_the_workitem(peer: UpsPeer, hub: UpsRsHub) -> None:
    _, key = add(peer)
    first = submission(hub.claim(hub.read(key)))
    receipt = hub.submit(first)
    peer.store.forget("Task", peer.get("Task", key.task_id)["id"])
    context = hub.read(key)
    assert context.task.status == "completed"
    more = submission(context, report_id=first.report_id, text="More.", version=2, before=receipt)
    assert hub.submit(more).version == "2"


def test_a_report_on_a_task_that_was_taken_away_is_not_sent(peer: UpsPeer, hub: UpsRsHub) -> None:
    number, key = add(peer)
    context = hub.claim(hub.read(key))
    edit(peer, "Task", key.task_id, owner={"reference": "Practitioner/other", "display": "Dr Other"})
    with pytest.raises(AttentionError) as caught:
        hub.submit(submission(context))
    assert code_of(caught) == "changed"
    assert peer.reports(f"p-c{number}") == []
    now = hub.read(key).task
    assert (now.status, now.owner, now.owner_name) == ("in-progress", "Practitioner/other", "Dr Other")


def test_another_text_under_the_same_number_is_told_and_not_overwritten(peer: UpsPeer, hub: UpsRsHub) -> None:
    number, key = add(peer)
    context = hub.claim(hub.read(key))
    first = submission(context, text="One.")
    hub.submit(first)
    other = submission(hub.read(key), report_id=first.report_id, text="Another.")
    with pytest.raises(AttentionError) as caught:
        hub.submit(other)
    assert code_of(caught) == "other-report"
    assert len(peer.reports(f"p-c{number}")) == 1


def test_a_report_that_ends_nobodys_reading_leaves_the_workitem(peer: UpsPeer, hub: UpsRsHub) -> None:
    number, key = add(peer)
    context = hub.claim(hub.read(key))
    receipt = hub.submit(replace(submission(context), completes=False))
    assert receipt.task_status == "in-progress"
    assert len(peer.reports(f"p-c{number}")) == 1
    assert hub.read(key).task.owner == "Practitioner/reader"


def test_what_somebody_else_completed_is_told_with_its_words(peer: UpsPeer, hub: UpsRsHub) -> None:
    _, key = add(peer)
    other = peer.hub("other")
    context = other.claim(other.read(key))
    other.submit(replace(submission(context, text="Their words."), completes=True))
    (theirs,) = hub.other_reports(hub.read(key))
    assert theirs.author == "Dr other"
    assert theirs.text.startswith("Their words.")
    assert hub.other_reports(hub.read(key), {str(theirs.id)}) == ()
    other.close()


def test_the_readers_own_other_report_on_a_case_is_told_before_a_second_one_goes(
    peer: UpsPeer, hub: UpsRsHub
) -> None:
    _, key = add(peer)
    sent = submission(hub.claim(hub.read(key)))
    receipt = hub.submit(sent)
    (told,) = hub.other_reports(hub.read(key), {"another"})
    assert f"instances/{told.id}" == receipt.id
    assert hub.other_reports(hub.read(key), {receipt.id}) == ()


def test_what_somebody_else_ended_after_the_hub_was_put_back_is_theirs(peer: UpsPeer, hub: UpsRsHub) -> None:
    number, key = add(peer)
    hub.submit(submission(hub.claim(hub.read(key))))
    task = {one: value for one, value in peer.get("Task", key.task_id).items() if one != "output"}
    theirs = {"reference": "Practitioner/other", "display": "Dr other"}
    peer.put({**task, "id": f"t-c{number}", "owner": theirs, "status": "completed"})
    (told,) = hub.other_reports(hub.read(key), {"another"})
    assert told.author == "Dr other"


def test_a_request_to_cancel_ends_what_nobody_holds_and_only_asks_where_somebody_does(
    peer: UpsPeer, hub: UpsRsHub
) -> None:
    _, free = add(peer)
    hub.ask_to_cancel(free, "110510", "Twice")
    assert hub.read(free).task.status == "cancelled"
    _, held = add(peer)
    other = peer.hub("other")
    other.claim(other.read(held))
    hub.ask_to_cancel(held, "110510", "Twice")
    assert other.read(held).task.status == "in-progress"
    other.close()


def test_being_asked_to_cancel_shows_the_order_as_revoked_until_it_is_answered(
    peer: UpsPeer, hub: UpsRsHub
) -> None:
    _, key = add(peer)
    context = hub.claim(hub.read(key))
    assert context.order.status == "active"
    hub.memory.ask_to_cancel(key.task_id, "Twice")
    assert hub.read(key).order.status == "revoked"
    hub.submit(submission(context))
    assert hub.read(key).order.status == "active"


def test_what_is_not_ready_or_kept_for_another_is_not_claimed(peer: UpsPeer, hub: UpsRsHub) -> None:
    _, key = add(peer, owner={"reference": "Practitioner/other", "display": "Dr Other"})
    seen = hub.read(key)
    assert (seen.task.status, seen.task.owner) == ("requested", "Practitioner/other")
    with pytest.raises(AttentionError) as caught:
        hub.claim(seen)
    assert code_of(caught) == "claim-lost"
    _, mine = add(peer, owner={"reference": "Practitioner/reader"})
    assert hub.read(mine).task.owner == ""
    assert hub.claim(hub.read(mine)).task.owner == "Practitioner/reader"


def test_priors_are_the_patients_other_studies_in_the_archive(peer: UpsPeer, hub: UpsRsHub) -> None:
    _, first = add(peer)
    context = hub.claim(hub.read(first))
    hub.submit(submission(context))
    _, second = add(peer)
    later = hub.read(second)
    # the next case is of the same person: the study that was reported is now an earlier one
    later = replace(later, patient=context.patient)
    studies, reports = hub.priors(later)
    assert context.study is not None
    assert [one.study_uid for one in studies] == [context.study.study_uid]
    assert reports == ()


def test_a_note_is_at_the_hub_once_however_often_it_is_sent(peer: UpsPeer, hub: UpsRsHub) -> None:
    context = hub.claim(hub.read(add(peer)[1]))
    note = note_submission(
        note_item(context), context, "Practitioner/reader", datetime(2026, 11, 24, 5, tzinfo=UTC)
    )
    first, second = hub.send_note(note), hub.send_note(note)
    assert (first.id, first.sha256) == (second.id, note.sha256)
    assert hub.wire.read(context.key.task_id).progress == "Dr Ward was told."
