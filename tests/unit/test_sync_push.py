"""Pushing: exactly once, in order, and every row of the reconnect table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from teleread.model.delivery import OutboxItem
from teleread.model.errors import NotSignedInError, OfflineError, UsageError
from teleread.sync.resolve import resolve
from tests.contract.hub_cases import others_report
from tests.contract.hub_fake import FakeHub
from tests.unit.sync_world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = World(tmp_path)
    yield one
    one.close()


def choose(world: World, item: OutboxItem, choice: str, reason: str = "") -> Any:
    return resolve(world.vault, world.item(item), choice, reason, world.clock)


def choices(world: World, item: OutboxItem) -> list[str]:
    return [one.id for one in world.item(item).choices]


# -- delivery -----------------------------------------------------------------------------------------


def test_a_signed_report_is_delivered_with_its_receipt(world: World) -> None:
    item = world.signed()
    outcome = world.push()
    now = world.item(item)
    assert (outcome.pushed, outcome.waiting, outcome.problem) == (1, 0, None)
    assert now.state == "delivered"
    assert now.receipt is not None
    assert now.receipt.sha256 == world.vault.reports.get(item.report_id).sha256
    assert world.vault.reports.get(item.report_id).state == "issued"
    context = world.vault.worklist.get(item.key)
    assert context is not None
    assert context.task.status == "completed"
    assert [one["receipt"] for one in world.told("delivered")] == [now.receipt.id]
    assert len(world.reports()) == 1


def test_a_second_pass_sends_nothing(world: World) -> None:
    world.signed()
    world.push()
    before = len(world.server.asked)
    assert world.push().pushed == 0
    assert len(world.server.asked) == before


def test_a_dead_hub_leaves_the_report_queued_and_says_so(world: World) -> None:
    item = world.signed()
    world.server.faults.append("offline")
    outcome = world.push()
    now = world.item(item)
    assert (outcome.pushed, outcome.waiting, outcome.offline) == (0, 1, True)
    assert isinstance(outcome.problem, OfflineError)
    assert now.state == "queued"
    assert now.not_before is not None
    world.later()
    assert world.push().pushed == 1


@pytest.mark.parametrize("fault", ["lose", "500-done", "cut"])
def test_a_lost_answer_is_asked_for_and_never_becomes_a_second_report(world: World, fault: str) -> None:
    item = world.signed()
    world.server.only_writes = True
    world.server.faults.append(fault)
    assert world.push().pushed == 1
    assert world.item(item).state == "delivered"
    assert len(world.reports()) == 1


def test_a_lost_answer_on_a_dead_line_is_unknown_until_the_hub_tells(world: World) -> None:
    item = world.signed()
    # find, read x4, other reports x2, then the write is lost and the line is down after it
    world.server.faults.extend([*"-------", "lose", *["offline"] * 4])
    world.push()
    now = world.item(item)
    assert now.state == "sending"
    assert now.why.startswith("unknown")
    assert len(world.reports()) == 1
    world.server.faults.clear()
    world.later()
    posts = sum(one.startswith("POST") for one in world.server.asked)
    assert world.push().pushed == 1
    assert sum(one.startswith("POST") for one in world.server.asked) == posts
    assert len(world.reports()) == 1


def test_an_unknown_one_stays_unknown_while_the_hub_cannot_be_asked(world: World) -> None:
    item = world.signed()
    world.server.faults.extend([*"-------", "drop", *["offline"] * 4])
    world.push()
    world.server.faults.clear()
    world.later()
    world.server.faults.append("offline")
    world.push()
    assert world.item(item).state == "sending"
    assert world.item(item).why.startswith("unknown")


def test_a_write_that_never_arrived_is_sent_again_with_the_same_key(world: World) -> None:
    item = world.signed()
    world.server.faults.extend([*"-------", "drop", *["offline"] * 4])
    world.push()
    assert world.reports() == []
    world.server.faults.clear()
    world.later()
    assert world.push().pushed == 1
    (report,) = world.reports()
    assert report["identifier"][0]["value"] == f"urn:uuid:{item.report_id}"


def test_a_crash_between_sending_and_the_receipt_is_healed_by_asking(world: World) -> None:
    item = world.signed()

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    world.vault.outbox.mark_delivered = crash  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        world.push()
    world.restart()
    assert world.item(item).state == "sending"
    assert world.push().pushed == 1
    assert len(world.reports()) == 1


def test_back_off_holds_the_engine_but_not_the_reader(world: World) -> None:
    world.signed()
    world.server.faults.append("offline")
    world.push()
    assert world.push().pushed == 0
    assert world.push(typed=True).pushed == 1


def test_a_retry_after_holds_the_reader_too(world: World) -> None:
    item = world.signed()

    def busy(request: Any) -> Any:
        import httpx

        return httpx.Response(503, headers={"Retry-After": "120"}, stream=httpx.ByteStream(b""))

    real = world.server.handle_request
    world.server.handle_request = busy  # type: ignore[method-assign]
    assert world.push().offline
    world.server.handle_request = real  # type: ignore[method-assign]
    assert world.push(typed=True).pushed == 0
    now = world.item(item)
    assert now.not_before is not None
    assert now.not_before - world.clock.now() >= timedelta(seconds=119)
    world.later(3)
    assert world.push(typed=True).pushed == 1


def test_a_sign_in_that_is_refused_is_told_and_loses_nothing(world: World) -> None:
    item = world.signed()
    world.server.faults.append("401")
    assert isinstance(world.push().problem, NotSignedInError)
    assert world.item(item).state == "queued"
    assert world.push(typed=True).pushed == 1


def test_an_item_in_its_undo_window_is_not_sent(world: World) -> None:
    key = world.offer()
    world.claim(key)
    item = world.sign(key, not_before=world.clock.now() + timedelta(minutes=5))
    assert world.push(typed=True).held == 1
    assert world.reports() == []
    world.later(6)
    assert world.push().pushed == 1
    assert world.item(item).state == "delivered"


def test_an_addendum_follows_its_report_in_the_same_pass_and_in_the_same_resource(world: World) -> None:
    first = world.signed()
    second = world.sign(first.key, "Also an effusion.", on=first.report_id)
    assert world.item(second).state == "held"
    assert world.push().pushed == 2
    (report,) = world.reports()
    assert report["status"] == "appended"
    receipts = [world.item(one).receipt for one in (first, second)]
    assert receipts[0] is not None
    assert receipts[1] is not None
    assert receipts[0].id == receipts[1].id
    assert receipts[0].version != receipts[1].version


def test_an_addendum_waits_while_its_report_needs_the_reader(world: World) -> None:
    first = world.signed()
    second = world.sign(first.key, "More.", on=first.report_id)
    world.server.edit("Task", first.key.task_id, status="cancelled")
    outcome = world.push()
    assert (outcome.pushed, outcome.needs_attention, outcome.held) == (0, 1, 1)
    assert world.item(second).state == "held"


def test_one_poisoned_report_does_not_hold_up_another_accession(world: World) -> None:
    bad, good = world.signed(1), world.signed(2)
    world.server.edit("Task", bad.key.task_id, status="cancelled")
    assert world.push().pushed == 1
    assert [world.item(one).state for one in (bad, good)] == ["needs_attention", "delivered"]


def test_a_task_that_moved_for_no_matter_is_looked_at_again_and_sent(world: World) -> None:
    item = world.signed()
    world.server.edit("Task", item.key.task_id, priority="stat")
    assert world.push().pushed == 1
    assert world.server.get("Task", item.key.task_id)["priority"] == "stat"


def test_a_task_that_moves_between_looking_and_sending_is_looked_at_again(world: World) -> None:
    item = world.signed()
    world.server.before_write.append(
        lambda server: server.edit("Task", item.key.task_id, description="Changed just now")
    )
    assert world.push().pushed == 1
    assert len(world.reports()) == 1


# -- the reconnect table ------------------------------------------------------------------------------


def test_a_cancelled_order_holds_the_report_until_the_reader_chooses(world: World) -> None:
    item = world.signed()
    world.server.edit("ServiceRequest", "sr-c1", status="revoked")
    assert world.push().needs_attention == 1
    assert choices(world, item) == ["send-with-note", "withdraw"]
    assert world.push(typed=True).pushed == 0
    assert world.reports() == []
    with pytest.raises(UsageError):
        choose(world, item, "send-with-note")
    choose(world, item, "send-with-note", "It was done.")
    assert world.push().pushed == 1
    assert "It was done." in world.server.get("Task", item.key.task_id)["note"][0]["text"]


def test_a_withdrawn_report_is_closed_and_never_sent(world: World) -> None:
    item = world.signed()
    world.server.edit("Task", item.key.task_id, status="cancelled")
    world.push()
    choose(world, item, "withdraw", "Not needed.")
    assert world.item(item).state == "closed"
    assert world.push().pushed == 0
    assert world.reports() == []
    assert world.vault.reports.get(item.report_id).frozen


def test_a_reassigned_case_is_held_and_asked_back_once_it_is_free(world: World) -> None:
    item = world.signed()
    other = {"reference": "Practitioner/other", "display": "Dr Other"}
    world.server.edit("Task", item.key.task_id, owner=other)
    world.push()
    assert choices(world, item) == ["ask-back", "preliminary", "withdraw"]
    assert "Dr Other" in world.item(item).why
    choose(world, item, "ask-back")
    assert world.push().needs_attention == 1
    world.server.edit("Task", item.key.task_id, owner=None, status="requested")
    choose(world, item, "ask-back")
    assert world.push().pushed == 1
    assert world.server.get("Task", item.key.task_id)["owner"]["reference"] == "Practitioner/reader"


def test_a_claim_that_lapsed_is_taken_again_without_a_question(world: World) -> None:
    item = world.signed()
    world.server.edit("Task", item.key.task_id, owner=None, status="requested")
    assert world.push().pushed == 1
    assert world.server.get("Task", item.key.task_id)["status"] == "completed"
    assert len(world.told("claimed")) == 1


def test_somebody_elses_final_report_is_never_overwritten(world: World) -> None:
    item = world.signed()
    world.server.put(others_report(1))
    world.server.edit("Task", item.key.task_id, status="completed")
    world.push()
    assert world.item(item).state == "needs_attention"
    assert "Dr Other" in world.item(item).why
    assert choices(world, item) == ["second-opinion", "addendum", "withdraw"]
    assert [one["id"] for one in world.reports()] == ["theirs-c1"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"bodySite": [{"text": "Right knee"}]}, "side"),
        ({"reasonCode": [{"text": "Other question"}]}, "clinical question"),
        ({"code": {"text": "XR Ankle"}, "bodySite": None}, "examination"),
        ({"identifier": [{"type": {"coding": [{"code": "ACSN"}]}, "value": "OTHER"}]}, "accession"),
    ],
)
def test_an_amended_order_voids_the_signature_for_delivery(
    world: World, changes: dict[str, Any], word: str
) -> None:
    item = world.signed()
    world.server.edit("ServiceRequest", "sr-c1", **changes)
    world.push()
    assert word in world.item(item).why
    assert choices(world, item) == ["resign", "withdraw"]
    draft = choose(world, item, "resign")
    assert world.item(item).state == "closed"
    assert draft.sections[0].text == "No fracture."
    again = world.sign(item.key, "No fracture, read again.")
    world.pull()
    assert world.push().pushed == 1
    assert world.item(again).state == "delivered"
    assert len(world.reports()) == 1


def test_an_order_whose_version_alone_moved_is_sent(world: World) -> None:
    item = world.signed()
    world.server.edit("ServiceRequest", "sr-c1", priority="stat")
    world.server.edit("Patient", "p-c1", telecom=[{"value": "0"}])
    assert world.push().pushed == 1
    assert world.item(item).state == "delivered"


@pytest.mark.parametrize(
    "changes",
    [
        {"birthDate": "1970-02-01"},
        {"gender": "male"},
        {"name": [{"family": "Otherwise", "given": ["Ada"]}]},
        {"active": False},
        {"link": [{"type": "replaced-by", "other": {"reference": "Patient/p-c9"}}]},
        {"identifier": [{"system": "https://north.example/id", "value": "N999999"}]},
    ],
)
def test_a_patient_who_was_merged_or_corrected_blocks_the_report(
    world: World, changes: dict[str, Any]
) -> None:
    item = world.signed()
    world.server.edit("Patient", "p-c1", **changes)
    world.push()
    assert choices(world, item) == ["verify-identity", "withdraw"]
    assert "Testwell" not in world.item(item).why
    assert world.reports() == []


def test_a_number_that_was_added_is_no_correction(world: World) -> None:
    item = world.signed()
    patient = world.server.get("Patient", "p-c1")
    more = [*patient["identifier"], {"system": "https://west.example/id", "value": "W1"}]
    world.server.edit("Patient", "p-c1", identifier=more)
    assert world.push().pushed == 1
    assert world.item(item).state == "delivered"


def test_images_that_came_after_signing_are_flagged_and_the_report_goes(world: World) -> None:
    world.signed()
    world.server.edit("ImagingStudy", "st-c1", numberOfInstances=5)
    assert world.push().pushed == 1
    (told,) = world.told("submitting")
    assert "images came after" in told["flags"][0]


def test_an_addendum_whose_report_was_changed_at_the_hub_is_held(world: World) -> None:
    first = world.signed()
    world.push()
    second = world.sign(first.key, "More.", on=first.report_id)
    world.server.edit("DiagnosticReport", world.reports()[0]["id"], conclusion="Changed there")
    world.push()
    assert world.item(second).state == "needs_attention"
    assert "resign" in choices(world, second)
    assert world.reports()[0]["conclusion"] == "Changed there"


def test_an_addendum_on_a_completed_task_is_not_held_as_somebody_elses(world: World) -> None:
    first = world.signed()
    world.push()
    second = world.sign(first.key, "More.", on=first.report_id)
    assert world.push().pushed == 1
    assert world.item(second).state == "delivered"


def test_a_task_the_hub_forgot_keeps_the_report_and_tells(world: World) -> None:
    item = world.signed()
    del world.server.store["Task", item.key.task_id]
    world.push()
    assert choices(world, item) == ["resend", "withdraw"]
    world.offer(1, owner={"reference": "Practitioner/reader"}, status="in-progress")
    choose(world, item, "resend")
    assert world.push().pushed == 1


def test_a_refusal_is_shown_in_the_hubs_words_and_can_be_sent_again(world: World) -> None:
    item = world.signed()
    real = world.server._transaction
    world.server._transaction = lambda bundle: world.server._answer(  # type: ignore[method-assign]
        422, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "no such\x1b[31m code"}]}
    )
    world.push()
    assert "no such[31m code" in world.item(item).why
    assert choices(world, item) == ["resend", "withdraw"]
    world.server._transaction = real  # type: ignore[method-assign]
    choose(world, item, "resend")
    assert world.push().pushed == 1


def test_another_text_under_our_number_is_told(world: World) -> None:
    item = world.signed()
    world.server.put(
        {
            **others_report(1),
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{item.report_id}"}],
        }
    )
    world.push()
    assert world.item(item).state == "needs_attention"
    assert "another text" in world.item(item).why
    assert [one["id"] for one in world.reports()] == ["theirs-c1"]


def test_a_choice_that_is_not_offered_changes_nothing(world: World) -> None:
    item = world.signed()
    with pytest.raises(UsageError):
        choose(world, item, "withdraw", "x")
    assert world.item(item).state == "queued"


# -- giving back --------------------------------------------------------------------------------------


def test_a_case_given_back_off_line_is_returned_when_the_hub_is_there(world: World) -> None:
    key = world.offer()
    world.claim(key)
    item = world.vault.outbox.add(
        "give-back",
        key,
        idempotency_key="01933f1c-0d7a-7b52-8c00-000000000009",
        payload='{"reason_code":"110532","reason":"Needs specialist"}',
    )
    world.server.faults.append("offline")
    world.push()
    assert world.item(item).state == "queued"
    assert world.push(typed=True).pushed == 1
    assert world.server.get("Task", key.task_id)["status"] == "requested"
    claim = world.vault.claims.get(key)
    assert claim is not None
    assert claim.state == "given_back"


def test_giving_back_what_is_no_longer_ours_is_closed_in_words(world: World) -> None:
    key = world.offer()
    world.claim(key)
    world.server.edit("Task", key.task_id, owner={"reference": "Practitioner/other"})
    item = world.vault.outbox.add(
        "give-back", key, idempotency_key="01933f1c-0d7a-7b52-8c00-000000000009", payload="{}"
    )
    assert world.push().pushed == 0
    assert world.item(item).state == "closed"


# -- exactly once, whatever the line does --------------------------------------------------------------


@pytest.mark.parametrize("block", range(4))
def test_however_the_line_behaves_each_report_arrives_once_and_in_order(
    tmp_path: Path, block: int, full: bool
) -> None:
    world = World(tmp_path)
    seeds = 250 if full else 15
    doubts = 0
    for number in range(block * seeds + 1, (block + 1) * seeds + 1):
        world.server = FakeHub(seed=number, store=world.server.store, now=world.server.now)
        world.restart()
        first = world.signed(number)
        second = world.sign(first.key, "More.", on=first.report_id)
        for turn in range(30):
            # Bad at first, then mended: whatever state it was left in has to come to its end.
            world.server.chance = 0.25 if turn < 20 else 0.0
            world.push()
            doubts += any(world.item(one).state == "sending" for one in (first, second))
            if world.dice.random() < 0.15:
                world.restart()
            states = {world.item(first).state, world.item(second).state}
            assert states <= {"held", "queued", "sending", "delivered"}, f"seed {number}"
            if states == {"delivered"}:
                break
            world.later(30)
        assert states == {"delivered"}, f"seed {number}"
        (report,) = world.reports(number)
        assert report["status"] == "appended", f"seed {number}"
        provenances = [
            one
            for one in world.server.all("Provenance")
            if one["target"][0]["reference"] == f"DiagnosticReport/{report['id']}"
        ]
        assert len(provenances) == 2, f"seed {number}"
    assert doubts, "no seed left an answer in doubt: this proves nothing"
    world.close()
