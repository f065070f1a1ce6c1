"""Claims that run out: renewed in time, asked for again while the case is free, else told."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from teleread.demo.server import DemoServer
from teleread.hub.fhir import FhirHub
from teleread.model.hubfile import HubFile, parse_hub_file
from teleread.model.report import Section
from teleread.model.task import TaskKey
from teleread.model.text import SafeText
from teleread.sync.pull import PullOutcome, pull
from tests.contract.hub_cases import case
from tests.unit.sync_world import HUB, World

LEASED = replace(HUB, lease_minutes=30.0)
OTHER = {"reference": "Practitioner/other", "display": "Dr Other"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.hub.hub = LEASED
    yield made
    made.close()


def held(world: World) -> TaskKey:
    """A case of the reader's, mirror and claim as after `claim`."""
    key = world.offer()
    world.claim(key)
    passed(world)
    return key


def passed(world: World, file: HubFile = LEASED) -> PullOutcome:
    """One pass of pull by a hub file of the test's."""
    world.server.asked.clear()
    return pull(world.vault, world.hub, file, world.clock, emit=world.emit)


def writes(world: World) -> list[str]:
    return [one for one in world.server.asked if not one.startswith("GET")]


def lever(base: str, path: str) -> None:
    """Pull one of the demo's levers."""
    line = http.client.HTTPConnection(base.split("/")[2], timeout=20)
    try:
        line.request("POST", f"/_demo/{path}")
        assert line.getresponse().status == 200
    finally:
        line.close()


def test_a_claim_is_renewed_when_half_its_time_is_over_and_not_before(world: World) -> None:
    key = held(world)
    world.later(14)
    passed(world)
    assert writes(world) == []
    world.later(2)
    found = passed(world)
    assert writes(world) == [f"PUT /fhir/Task/{key.task_id}"]
    assert found.changed == ()  # our own touch is no news
    task = world.server.get("Task", key.task_id)
    assert (task["owner"]["reference"], task["status"]) == ("Practitioner/reader", "in-progress")
    claim, seen = world.vault.claims.get(key), world.vault.worklist.get(key)
    assert claim is not None
    assert seen is not None
    assert claim.version == seen.task.version == task["meta"]["versionId"]
    passed(world)
    assert writes(world) == []


def test_the_hubs_clock_decides_when_it_is_time_not_ours(world: World) -> None:
    held(world)
    world.clock.jump(3 * 3600)  # ours alone: the Date header tells the difference
    passed(world)
    assert writes(world) == []


def test_a_hub_that_keeps_claims_for_ever_is_never_written_to(world: World) -> None:
    world.hub.hub = HUB
    held(world)
    world.later(60 * 24)
    passed(world, HUB)
    assert writes(world) == []


def test_a_report_that_waits_behind_a_choice_keeps_its_claim_and_one_that_is_issued_does_not(
    world: World,
) -> None:
    first, second = world.signed(1), world.signed(2)
    world.server.edit("ServiceRequest", "sr-c1", reasonCode=[{"text": "Another question"}])
    world.push()
    assert [world.item(one).state for one in (first, second)] == ["needs_attention", "delivered"]
    world.later(20)
    passed(world)
    assert writes(world) == ["PUT /fhir/Task/t-c1"]


def test_a_lost_answer_to_a_renewal_is_looked_after_and_not_repeated(world: World) -> None:
    key = held(world)
    world.later(20)
    world.server.only_writes = True
    world.server.faults.append("lose")
    before = int(world.server.get("Task", key.task_id)["meta"]["versionId"])
    passed(world)
    assert int(world.server.get("Task", key.task_id)["meta"]["versionId"]) == before + 1


def test_a_claim_that_ran_out_while_the_line_was_down_is_asked_for_again_if_the_case_is_free(
    world: World,
) -> None:
    key = held(world)
    world.server.edit("Task", key.task_id, owner=None, status="requested")
    assert passed(world).claimed == 1
    assert world.server.get("Task", key.task_id)["owner"]["reference"] == "Practitioner/reader"
    claim = world.vault.claims.get(key)
    assert claim is not None
    assert claim.state == "held"


def test_a_claim_that_ran_out_and_went_to_another_is_told_with_its_draft_in_the_readers_hands(
    world: World,
) -> None:
    key = held(world)
    section = Section("impression", SafeText("Impression"), "19005-8", SafeText("Half a sentence"))
    draft = world.vault.drafts.start(key, "limb", "1", [section])
    world.server.edit("Task", key.task_id, owner=OTHER)
    found = passed(world)
    assert found.lost == (key,)
    assert writes(world) == []
    claim = world.vault.claims.get(key)
    assert claim is not None
    assert (claim.state, claim.why) == ("lost", "Dr Other has it now")
    (asked,) = [one for one in world.vault.outbox.open() if one.kind == "draft"]
    assert [one.id for one in asked.choices] == ["hand-over", "discard", "keep-note"]
    assert "somebody else has it now" in asked.why
    assert world.vault.drafts.get(draft.id).sections[0].text == "Half a sentence"


def test_a_claim_that_goes_to_another_between_look_and_renewal_is_not_taken_from_them(world: World) -> None:
    key = held(world)
    world.later(20)
    world.server.before_write.append(lambda hub: hub.edit("Task", key.task_id, owner=OTHER))
    found = passed(world)
    assert any("Dr Other" in words for words in found.skipped)
    assert world.server.get("Task", key.task_id)["owner"] == OTHER
    assert passed(world).lost == (key,)


def test_a_hub_without_update_times_is_touched_by_the_time_it_was_touched_last(world: World) -> None:
    world.server.quirks = replace(world.server.quirks, last_updated=False)
    key = held(world)
    passed(world)  # nothing says since when it is held: it is touched once
    assert "lastModified" in world.server.get("Task", key.task_id)
    world.later(14)
    passed(world)
    assert writes(world) == []


def test_the_hub_file_says_how_long_a_claim_is_kept() -> None:
    table = {"hub_id": "h", "fhir": "https://hub.example/fhir", "lease_minutes": 45}
    assert parse_hub_file("north", table).lease_minutes == 45
    assert parse_hub_file("north", {"hub_id": "h"}).lease_minutes == 0


def test_the_demo_hub_lets_go_of_what_is_not_renewed_and_keeps_what_is(tmp_path: Path) -> None:
    with DemoServer(tmp_path / "demo", cases=2) as server:
        for resource in case(1):
            with server.store.unit() as unit:
                unit.put(resource["resourceType"], resource["id"], resource)
        base = f"http://127.0.0.1:{server.store.note('port HTTP')}/fhir"
        hub = FhirHub(replace(LEASED, fhir=base))
        key = TaskKey("hub-1", "t-c1")
        mine = hub.claim(hub.read(key))
        lever(base, "lease?minutes=30")
        assert hub.read(key).task.owner == "Practitioner/reader"
        began = mine.task.last_updated
        assert began is not None
        renewed = hub.renew(mine, began + timedelta(minutes=16))
        assert renewed is not None
        assert renewed.task.version != mine.task.version
        server.faults.lease_minutes = -1.0  # whatever was touched more than a minute from now
        now = hub.read(key).task
        assert (now.owner, now.status) == ("", "requested")
        lever(base, "lease?minutes=0")
        assert hub.claim(hub.read(key)).task.owner == "Practitioner/reader"
        assert hub.read(key).task.owner == "Practitioner/reader"
        hub.close()
