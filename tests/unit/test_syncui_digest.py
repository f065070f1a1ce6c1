"""What an absence brought: told once, with the change itself, kept until it is read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from teleread.model.errors import OfflineError
from teleread.model.task import TaskKey
from teleread.sync.digest import AWAY, sentence
from teleread.workstation import sync_view
from tests.unit.sync_world import HUB, START, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = World(tmp_path)
    yield one
    one.close()


def core_of(world: World) -> Any:
    return SimpleNamespace(vault=world.vault, hubs=(HUB,), clock=world.clock, setting=lambda key: 20.0)


def told(world: World) -> dict[str, str]:
    """Task id to what is told of it."""
    found: dict[str, str] = {}
    for one in world.vault.news.list():
        found[one.key.task_id] = " ".join([*found.get(one.key.task_id, "").split(), one.what])
    return found


def cut(world: World) -> None:
    """A pull that finds nobody."""
    world.server.faults.append("offline")
    with pytest.raises(OfflineError):
        world.pull()
    world.server.faults.clear()


def in_hand(world: World, count: int) -> list[TaskKey]:
    keys = [world.offer(number) for number in range(1, count + 1)]
    world.pull()
    for key in keys:
        world.claim(key)
    world.pull()
    return keys


def test_the_first_pull_and_a_quiet_line_bring_no_news(world: World) -> None:
    in_hand(world, 2)
    world.later(0.5)
    world.server.edit("Task", "t-c1", status="cancelled")
    world.offer(3, priority="urgent")
    world.pull()
    assert told(world) == {}
    assert sync_view.digest(core_of(world)) is None


def test_everything_that_moved_during_an_absence_is_told_once_and_until_it_is_read(world: World) -> None:
    in_hand(world, 7)
    cut(world)
    since = world.vault.worklist.hub_state("hub-1").last_pull_at
    world.later(1)
    server = world.server
    server.edit("Task", "t-c1", status="cancelled")
    server.edit("Task", "t-c2", status="completed", owner={"reference": "Practitioner/other"})
    server.edit("Task", "t-c3", owner={"reference": "Practitioner/other"})
    server.edit("Task", "t-c4", owner=None, status="requested")
    server.edit("ServiceRequest", "sr-c5", reasonCode=[{"text": "Another question."}])
    server.edit("Patient", "p-c6", birthDate="1901-01-01")
    world.offer(8, priority="stat")
    world.offer(9, priority="urgent")
    world.offer(10, priority="routine")
    world.pull()
    expected = {
        "t-c1": "cancelled",
        "t-c2": "reported",
        "t-c3": "reassigned",
        "t-c4": "lapsed",
        "t-c5": "amended",
        "t-c6": "patient",
        "t-c8": "new-urgent",
        "t-c9": "new-urgent",
        "t-c10": "new",
    }
    assert told(world) == expected
    world.pull()
    assert told(world) == expected

    found = sync_view.digest(core_of(world))
    assert found is not None
    assert found.since == since
    assert found.words == (
        "1 cancelled, 1 reported by another, 1 given to somebody else, 1 no longer claimed,"
        " 1 with a corrected patient, 1 amended, 2 new urgent, 1 new"
    )
    assert "CASE" not in found.words.upper()

    cut(world)
    world.later(1)
    server.edit("Task", "t-c7", status="cancelled")
    world.pull()
    sync_view.read_digest(core_of(world), found.last_id)
    assert told(world) == {"t-c7": "cancelled"}


def test_a_machine_that_slept_is_told_although_no_try_failed(world: World) -> None:
    in_hand(world, 1)
    world.later(AWAY.total_seconds() / 60 + 1)
    world.server.edit("Task", "t-c1", status="cancelled")
    world.pull()
    assert told(world) == {"t-c1": "cancelled"}


def test_a_report_of_ours_whose_answer_was_lost_is_not_reported_by_another(world: World) -> None:
    item = world.signed(1)
    world.pull()
    world.server.faults.append("lose")
    world.server.only_writes = True
    world.push()
    world.server.only_writes = False
    cut(world)
    world.later(10)
    world.pull()
    world.push()
    world.pull()
    assert world.item(item).state == "delivered"
    assert told(world) == {}


def test_news_and_the_change_they_tell_of_are_kept_together_or_not_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_hand(world, 1)
    cut(world)
    world.later(1)
    world.server.edit("Task", "t-c1", status="cancelled")

    def broken(_: object) -> None:
        raise RuntimeError("cut here")

    with monkeypatch.context() as patch:
        patch.setattr(world.vault.news, "put", broken)
        with pytest.raises(RuntimeError):
            world.pull()
    before = world.vault.worklist.get(TaskKey("hub-1", "t-c1"))
    assert before is not None
    assert before.task.status != "cancelled"
    world.pull()
    assert told(world) == {"t-c1": "cancelled"}


def test_counts_are_put_into_words_in_one_order_and_nothing_is_empty() -> None:
    assert sentence([]) == ""
    assert (
        sentence(["new-urgent", "cancelled", "reported", "new-urgent", "cancelled", "new-urgent"])
        == "2 cancelled, 1 reported by another, 3 new urgent"
    )


# -- the lines ----------------------------------------------------------------------------------------


def test_a_hubs_line_says_what_waits_how_old_it_is_why_and_when_it_is_tried_again(world: World) -> None:
    first = world.signed(1)
    second = world.signed(2)
    held = world.sign(second.key, "Twice.", not_before=world.clock.now() + timedelta(minutes=3))
    world.pull()
    world.server.edit("Task", "t-c2", status="cancelled")
    cut(world)
    world.server.faults.append("offline")
    world.push()
    core = core_of(world)
    (line,) = sync_view.lines(core)
    assert (line.online, line.waiting, line.held) == (False, 2, 1)
    assert line.oldest == world.item(first).created_at
    assert line.offline_since is not None
    assert line.next_try is not None
    words = {str(text): count for text, count in line.why}
    assert words["in its undo window: u takes it back"] == 1
    assert line.offset_seconds is not None
    assert (line.signed_in, line.sign_in) == (True, "none wanted")
    assert line.needs == ()

    world.later(20)
    world.pull()
    world.push()
    (line,) = sync_view.lines(core)
    assert line.online
    assert [one.id for one in line.needs] == [second.id]
    assert line.next_look == line.last_contact + timedelta(seconds=20)  # type: ignore[operator]
    assert world.item(held).state != "delivered"


def test_the_engine_tells_until_when_a_hub_is_left_alone(world: World) -> None:
    core = core_of(world)
    assert sync_view.lines(core)[0].next_look is None
    world.vault.events.emit("hub-waits", {"hub": "hub-1", "seconds": 10})
    world.clock.advance(1)
    world.vault.events.emit("hub-waits", {"hub": "hub-1", "seconds": 40})
    (line,) = sync_view.lines(core)
    assert line.next_look == world.clock.now() + timedelta(seconds=40)
    assert line.next_look > START
