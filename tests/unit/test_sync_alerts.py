"""An alert told to the hub by itself: at once, once, in one resource whatever the line does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from teleread.documents.facts import facts_of
from teleread.model.delivery import OutboxItem
from teleread.model.errors import UsageError
from teleread.model.evidence import Alert
from teleread.model.report import Draft, Section
from teleread.model.task import TaskKey
from teleread.model.text import SafeText
from teleread.reporting.alerts import coding_of
from teleread.sync.alerts import Coded, add_alert
from tests.contract.hub_fake import FakeHub
from tests.unit.sync_world import World

FIRST = Alert(*map(SafeText, ("C: critical: act at once", "Dr Ward, surgery", "14:10", "telephone")))
AGAIN = Alert(*map(SafeText, ("C: critical: act at once", "Dr Okoro, surgery", "14:20", "in person")))
CODED = Coded("C", "https://site.example/alerts", "stat")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def drafted(world: World, number: int = 1) -> tuple[TaskKey, Draft]:
    key = world.offer(number)
    world.claim(key)
    section = Section("impression", SafeText("Impression"), "19005-8", SafeText("Free gas."))
    return key, world.vault.drafts.start(key, "abdomen", "1", [section])


def record(world: World, draft: Draft, alert: Alert | None = FIRST) -> OutboxItem | None:
    """As the desk does it."""
    context = world.vault.worklist.get(draft.key)
    assert context is not None
    with world.vault.transaction():
        return add_alert(world.vault, draft.id, context, alert, CODED)


def recorded(world: World, draft: Draft, alert: Alert | None = FIRST) -> OutboxItem:
    item = record(world, draft, alert)
    assert item is not None
    return item


def told(world: World, number: int = 1) -> list[dict[str, Any]]:
    """What the hub holds of alerts on a case."""
    about = f"Task/t-c{number}"
    return [one for one in world.server.all("Communication") if one["about"][0]["reference"] == about]


def test_an_alert_is_told_before_anything_is_signed(world: World) -> None:
    key, draft = drafted(world)
    item = recorded(world, draft)
    assert world.push().pushed == 1
    (one,) = told(world)
    assert one["status"] == "completed"
    assert one["priority"] == "stat"
    assert one["category"][0]["coding"][0]["code"] == "alert"
    assert one["category"][1] == {
        "coding": [{"system": "https://site.example/alerts", "code": "C"}],
        "text": "C: critical: act at once",
    }
    assert one["basedOn"] == [{"reference": "ServiceRequest/sr-c1"}]
    assert one["subject"] == {"reference": "Patient/p-c1"}
    assert one["recipient"] == [{"display": "Dr Ward, surgery"}]
    assert one["sender"] == {"reference": "Practitioner/reader"}
    assert one["medium"][0]["coding"][0]["code"] == "PHONE"
    assert one["sent"] == "2026-11-24T04:00:00Z"
    assert "14:10" in one["note"][0]["text"]
    assert "Dr Ward, surgery, 14:10 (telephone)" in one["payload"][0]["contentString"]
    now = world.item(item)
    assert now.state == "delivered"
    assert now.receipt is not None
    assert now.receipt.id == f"Communication/{one['id']}"
    assert world.reports() == []
    assert world.server.get("Task", key.task_id)["status"] == "in-progress"


def test_an_alert_recorded_off_line_goes_once_when_the_hub_is_there(world: World) -> None:
    _, draft = drafted(world)
    item = recorded(world, draft)
    world.server.faults.append("offline")
    world.push()
    assert world.item(item).state == "queued"
    assert told(world) == []
    world.restart()
    assert world.push(typed=True).pushed == 1
    assert world.push(typed=True).pushed == 0
    assert len(told(world)) == 1


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("anew", [False, True], ids=["first", "anew"])
def test_a_crash_around_any_request_leaves_one_alert_with_the_last_words(
    tmp_path: Path, before: bool, anew: bool
) -> None:
    class Crashing(FakeHub):
        at: int = -1

        def handle_request(self, request: Any) -> Any:
            self.at -= 1
            if self.at == 0 and before:
                raise KeyboardInterrupt
            answer = super().handle_request(request)
            if self.at == 0:
                raise KeyboardInterrupt
            return answer

    server = Crashing()
    world = World(tmp_path, server)
    crashed = 0
    for number in range(1, 30):
        _, draft = drafted(world, number)
        item = recorded(world, draft)
        if anew:
            assert world.push().pushed == 1
            item = recorded(world, draft, AGAIN)
        server.at = number
        try:
            world.push()
            done = True
        except KeyboardInterrupt:
            done, crashed = False, crashed + 1
        server.at = -1
        world.restart()
        world.push(typed=True)
        assert world.item(item).state == "delivered", number
        (one,) = told(world, number)
        words = "Dr Okoro" if anew else "Dr Ward"
        assert words in one["payload"][0]["contentString"], number
        if done:
            break
    assert crashed >= 6, "hardly a request was cut: this proves nothing"
    world.close()


@pytest.mark.parametrize("fault", ["lose", "500-done", "cut"])
def test_a_lost_answer_never_makes_a_second_alert(world: World, fault: str) -> None:
    _, draft = drafted(world)
    world.server.only_writes = True
    for alert, who in ((FIRST, "Dr Ward"), (AGAIN, "Dr Okoro")):
        item = recorded(world, draft, alert)
        world.server.faults.append(fault)
        world.push()
        world.push(typed=True)
        assert world.item(item).state == "delivered"
        (one,) = told(world)
        assert who in one["payload"][0]["contentString"]


def test_an_alert_recorded_anew_is_written_over_the_old_and_what_the_hub_added_stays(world: World) -> None:
    _, draft = drafted(world)
    recorded(world, draft)
    world.push()
    (one,) = told(world)
    world.server.edit("Communication", one["id"], received="2026-11-24T14:30:00Z")
    world.server.before_write.append(
        lambda server: server.edit("Communication", one["id"], language="en")  # somebody is quicker
    )
    item = recorded(world, draft, AGAIN)
    assert world.push().pushed == 1
    (now,) = told(world)
    assert now["id"] == one["id"]
    assert now["recipient"] == [{"display": "Dr Okoro, surgery"}]
    assert now["received"] == "2026-11-24T14:30:00Z"
    assert now["language"] == "en"
    assert len(now["identifier"]) == 3
    assert f"urn:uuid:{item.idempotency_key}" in str(now["identifier"])


def test_what_was_recorded_and_not_sent_is_never_sent_once_another_is_recorded(world: World) -> None:
    _, draft = drafted(world)
    first = recorded(world, draft)
    recorded(world, draft, AGAIN)
    assert world.item(first).state == "closed"
    assert world.push().pushed == 1
    (one,) = told(world)
    assert "Ward" not in json.dumps(one)


def test_an_alert_taken_away_stays_at_the_hub_as_an_error_and_one_never_sent_leaves_nothing(
    world: World,
) -> None:
    _, draft = drafted(world)
    first = recorded(world, draft)
    assert record(world, draft, None) is None
    assert world.item(first).state == "closed"
    world.push()
    assert told(world) == []
    recorded(world, draft)
    world.push()
    recorded(world, draft, None)
    assert world.push().pushed == 1
    (one,) = told(world)
    assert one["status"] == "entered-in-error"
    assert "taken away" in one["payload"][0]["contentString"]
    recorded(world, draft, AGAIN)
    assert world.push().pushed == 1
    (one,) = told(world)
    assert one["status"] == "completed"


def test_an_alert_waits_for_no_report_and_no_report_for_an_alert(world: World) -> None:
    key, draft = drafted(world)
    report = world.sign(key)
    world.vault.outbox.mark_needs_attention(report.id, "Held.", ["withdraw"])
    recorded(world, draft)
    assert world.push().pushed == 1
    assert len(told(world)) == 1
    other, more = drafted(world, 2)
    alert = recorded(world, more)
    world.vault.outbox.mark_needs_attention(alert.id, "Refused.", ["resend", "withdraw"])
    world.sign(other)
    assert world.push().pushed == 1
    assert len(world.reports(2)) == 1


def test_an_alert_of_a_signed_report_names_the_report(world: World) -> None:
    key, draft = drafted(world)
    item = recorded(world, draft)
    report = world.sign(key)
    signed = world.vault.reports.get(report.report_id)
    payload = {**json.loads(item.payload), "draft": signed.draft_id}
    world.vault.outbox.set_payload(item.id, json.dumps(payload))
    world.push()
    (one,) = told(world)
    assert one["about"][1] == {
        "type": "DiagnosticReport",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{report.report_id}"},
    }
    assert facts_of(signed).alert is None


def test_an_alert_is_not_sent_about_another_patient_than_it_was_recorded_for(world: World) -> None:
    key, draft = drafted(world)
    item = recorded(world, draft)
    world.server.put({**world.server.get("Patient", "p-c1"), "id": "p-other"})
    other = {"reference": "Patient/p-other"}
    world.server.edit("ServiceRequest", "sr-c1", subject=other)
    world.server.edit("Task", key.task_id, **{"for": other})
    world.push()
    now = world.item(item)
    assert now.state == "needs_attention"
    assert [one.id for one in now.choices] == ["withdraw"]
    assert "another patient" in now.why
    assert told(world) == []
    fresh = recorded(world, draft)
    assert world.item(item).state == "closed"
    assert world.push().pushed == 1
    assert world.item(fresh).state == "delivered"
    assert told(world)[0]["subject"] == other


class Without(FakeHub):
    """A server that keeps no Communications, and says so."""

    says = True

    def _transaction(self, bundle: Any) -> Any:
        if any(one["resource"]["resourceType"] == "Communication" for one in bundle["entry"]):
            return self._answer(422, {"resourceType": "OperationOutcome", "issue": []})
        return super()._transaction(bundle)

    def _metadata(self) -> dict[str, Any]:
        if self.says:
            return super()._metadata()
        return {"resourceType": "CapabilityStatement", "rest": [{"mode": "server"}]}


def test_a_hub_that_keeps_no_alerts_closes_the_item_in_words_and_gets_the_report(tmp_path: Path) -> None:
    world = World(tmp_path, Without())
    key, draft = drafted(world)
    item = recorded(world, draft)
    world.sign(key)
    assert world.push().pushed == 1
    assert world.item(item).state == "closed"
    assert "with the report" in world.item(item).why
    world.close()


def test_a_refusal_by_a_hub_that_may_keep_alerts_is_shown_with_choices(tmp_path: Path) -> None:
    server = Without()
    server.says = False
    world = World(tmp_path, server)
    _, draft = drafted(world)
    item = recorded(world, draft)
    world.push()
    now = world.item(item)
    assert now.state == "needs_attention"
    assert [one.id for one in now.choices] == ["resend", "withdraw"]
    world.close()


def test_the_hub_file_names_priorities_and_whose_codes_they_are() -> None:
    own = {
        "alert_categories": {"RED": "at once"},
        "alert_priorities": {"RED": "asap"},
        "alert_system": "urn:x",
    }
    red = Alert(SafeText("RED: at once"), *map(SafeText, ("Dr Ward", "14:10", "telephone")))
    assert coding_of(own, red) == ("RED", "urn:x", "asap")
    assert coding_of({"alert_categories": {"RED": "at once"}}, red) == ("RED", "", "urgent")
    assert coding_of({}, red) == ("", "", "urgent")
    assert coding_of({}, None) == ("", "", "urgent")
    for bad in (["C"], {"C": "soon"}, {"C": 1}):
        with pytest.raises(UsageError, match="alert_priorities"):
            coding_of({"alert_priorities": bad}, red)
