"""Pulling: what comes into the mirror, what stays, and what a dead hub leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from teleread.model.errors import NotSignedInError, OfflineError
from teleread.model.task import TaskContext, TaskKey
from teleread.sync.rules import decide_draft
from tests.contract.hub_cases import prior_of
from tests.unit.sync_world import World, with_quirks


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = World(tmp_path)
    yield one
    one.close()


def seen(world: World, key: TaskKey) -> TaskContext:
    context = world.vault.worklist.get(key)
    assert context is not None
    return context


def test_a_pull_fills_the_mirror_and_remembers_where_it_stopped(world: World) -> None:
    key = world.offer()
    outcome = world.pull()
    state = world.vault.worklist.hub_state("hub-1")
    assert outcome.pulled == 1
    assert seen(world, key).order.laterality == "LEFT"
    assert state.cursor
    assert state.last_pull_at == world.clock.now()
    assert state.offset_seconds is not None
    assert world.told("pulled") == [{"hub": "hub-1", "tasks": 1}]


def test_the_next_pull_asks_only_for_what_changed(world: World) -> None:
    for number in range(1, 6):
        world.offer(number)
    assert world.pull().pulled == 5
    world.later(30)
    world.server.edit("Task", "t-c3", status="cancelled")
    world.pull()
    world.later(30)
    world.server.edit("Task", "t-c4", priority="stat")
    assert world.pull().pulled == 2
    assert seen(world, TaskKey("hub-1", "t-c3")).task.status == "cancelled"


def test_a_quiet_hub_that_tells_when_it_searched_is_not_asked_for_old_tasks_again(world: World) -> None:
    with_quirks(world.server, bundle_time=True)
    world.offer(1)
    world.pull()
    world.later(30)
    world.pull()
    assert world.pull().pulled == 0
    world.server.edit("Task", "t-c1", priority="stat")
    assert world.pull().pulled == 1


def test_a_quiet_hub_that_tells_only_the_date_is_asked_for_the_last_hours(world: World) -> None:
    world.offer(1)
    world.pull()
    world.later(60)
    world.pull()
    assert world.pull().pulled == 1
    world.later(120)
    world.pull()
    assert world.pull().pulled == 0


def test_the_hubs_clock_may_be_wrong_by_hours(world: World) -> None:
    world.server.now += timedelta(hours=5)
    world.offer(1)
    world.pull()
    world.offer(2)
    assert world.pull().pulled == 2
    offset = world.vault.worklist.hub_state("hub-1").offset_seconds
    assert offset is not None
    assert 4.9 * 3600 < offset < 5.1 * 3600


def test_an_empty_answer_deletes_nothing(world: World) -> None:
    key = world.offer()
    world.pull()
    world.server.store.clear()
    world.later()
    world.pull()
    assert seen(world, key).task.status == "requested"


def test_a_pull_that_breaks_off_begins_again_where_it_began(world: World) -> None:
    with_quirks(world.server, page_size=2)
    for number in range(1, 6):
        world.offer(number)
    world.server.faults.extend(["-", "500"])
    with pytest.raises(OfflineError):
        world.pull()
    assert world.vault.worklist.hub_state("hub-1").cursor == ""
    assert world.pull().pulled == 5
    assert world.vault.worklist.count("hub-1") == 5


def test_pages_that_go_round_in_a_circle_end(world: World) -> None:
    with_quirks(world.server, page_size=1)
    world.offer(1)
    world.offer(2)
    real = world.server._search

    def circling(kind: str, params: list[tuple[str, str]]) -> object:
        return real(kind, [one for one in params if one[0] != "_offset"])

    world.server._search = circling  # type: ignore[method-assign,assignment]
    with pytest.raises(OfflineError) as caught:
        world.pull()
    assert caught.value.code == "garbled"


def test_a_dead_hub_is_told_once_and_its_return_too(world: World) -> None:
    world.server.faults.extend(["offline"] * 2)
    for _ in range(2):
        with pytest.raises(OfflineError):
            world.pull()
    state = world.vault.worklist.hub_state("hub-1")
    assert state.offline_since is not None
    assert "TEST" in state.last_error
    assert len(world.told("hub-offline")) == 1
    world.pull()
    state = world.vault.worklist.hub_state("hub-1")
    assert (state.offline_since, state.last_error) == (None, "")
    assert len(world.told("hub-online")) == 1


def test_a_refused_sign_in_is_no_dead_line(world: World) -> None:
    world.server.faults.append("401")
    with pytest.raises(NotSignedInError):
        world.pull()
    state = world.vault.worklist.hub_state("hub-1")
    assert state.offline_since is None
    assert state.last_error


def test_a_changed_order_of_a_claimed_case_is_seen_though_its_task_did_not_change(world: World) -> None:
    key = world.offer()
    world.claim(key)
    world.pull()
    world.later(60)
    world.server.edit("ServiceRequest", "sr-c1", bodySite=[{"text": "Right knee"}])
    outcome = world.pull()
    assert outcome.changed == (key,)
    assert seen(world, key).order.laterality == "RIGHT"


def test_a_claim_that_the_hub_gave_to_somebody_else_is_told_as_lost(world: World) -> None:
    key = world.offer()
    world.claim(key)
    world.server.edit("Task", key.task_id, owner={"reference": "Practitioner/other", "display": "Dr Other"})
    outcome = world.pull()
    claim = world.vault.claims.get(key)
    assert claim is not None
    assert (claim.state, claim.why, outcome.lost) == ("lost", "Dr Other has it now", (key,))
    assert world.told("claim-lost") == [{"hub": "hub-1", "task": key.task_id}]
    assert world.pull().lost == ()


def test_a_case_that_the_hub_gave_to_this_reader_counts_as_claimed(world: World) -> None:
    key = world.offer(owner={"reference": "Practitioner/reader"}, status="requested")
    world.pull()
    assert world.vault.claims.held() == {key}


def test_a_claim_noted_off_line_is_made_at_the_next_pull_or_told_as_lost(world: World) -> None:
    first, second = world.offer(1), world.offer(2)
    world.pull()
    for key in (first, second):
        world.vault.claims.put(key, "wanted")
    world.server.edit("Task", second.task_id, owner={"reference": "Practitioner/other"}, status="in-progress")
    outcome = world.pull()
    assert (outcome.claimed, outcome.lost) == (1, (second,))
    assert seen(world, first).task.owner == "Practitioner/reader"


def test_a_case_in_hand_that_the_hub_no_longer_shows_stays_here_and_the_rest_is_pulled(world: World) -> None:
    first, second = world.offer(1), world.offer(2)
    world.claim(first)
    world.pull()
    del world.server.store["Task", first.task_id]
    world.server.edit("Task", second.task_id, priority="stat")
    outcome = world.pull()
    assert any(first.task_id in words for words in outcome.skipped)
    assert seen(world, first).task.owner == "Practitioner/reader"
    assert seen(world, second).task.priority == "stat"


def test_priors_of_the_readers_own_and_the_next_cases_come_and_stay(world: World) -> None:
    key = world.offer()
    for resource in prior_of(1):
        world.server.put(resource)
    asked: dict[TaskKey, float] = {}
    assert world.pull(asked=asked).priors == 1
    assert [one.study_uid for one in seen(world, key).priors] == ["1.2.3.1.9"]
    (report,) = world.vault.prior_reports.list("hub-1", "p-c1")
    assert report.text == "Old words.\nSecond line."
    world.later(1)
    assert world.pull(asked=asked).priors == 0
    world.server.edit("Task", key.task_id, priority="stat")
    world.pull(asked=asked)
    assert seen(world, key).task.priority == "stat"
    assert len(seen(world, key).priors) == 1
    world.later(40)
    assert world.pull(asked=asked).priors == 1


def test_priors_are_looked_up_for_a_few_cases_ahead_only(world: World) -> None:
    for number in range(1, 9):
        world.offer(number)
    assert world.pull(ahead=3).priors == 3


def test_what_did_not_change_is_not_written_again(world: World) -> None:
    key = world.offer()
    world.pull()
    written: list[TaskKey] = []
    real = world.vault.worklist.put_page

    def noting(hub_id: str, contexts: list[TaskContext], at: object) -> int:
        written.extend(one.key for one in contexts)
        return real(hub_id, contexts, world.clock.now())

    world.vault.worklist.put_page = noting  # type: ignore[method-assign,assignment]
    world.pull(asked={key: world.clock.monotonic()})
    assert written == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"status": "cancelled"}, "cancelled"),
        ({"owner": {"reference": "Practitioner/other"}}, "reassigned"),
        ({"priority": "stat"}, None),
    ],
)
def test_an_open_draft_is_told_what_became_of_its_case(
    world: World, change: dict[str, object], rule: str | None
) -> None:
    key = world.offer()
    world.claim(key)
    world.server.edit("Task", key.task_id, **change)
    world.pull()
    decision = decide_draft(seen(world, key), "Practitioner/reader")
    assert (decision.rule if decision else None) == rule
    more = ("hand-over",) if rule == "reassigned" else ()
    assert decision is None or decision.choices == (*more, "discard", "keep-note")
