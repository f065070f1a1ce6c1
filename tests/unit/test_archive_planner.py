"""The prefetch plan: whose case first, which priors, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from teleread.archive.planner import plan, relevant_priors
from teleread.model.study import StudyKey
from teleread.model.task import PriorStudy, TaskKey
from teleread.model.text import EMPTY, clean
from teleread.vault.worklist import WorklistRow


def row(
    name: str,
    *,
    priority: int = 3,
    due: int = 12,
    owner: str = "",
    status: str = "requested",
    modality: str = "CT",
    procedure: str = "CT chest",
) -> WorklistRow:
    values: dict[str, Any] = dict.fromkeys(WorklistRow._fields, EMPTY)
    values |= {
        "hub_id": "hub",
        "task_id": name,
        "status": clean(status),
        "owner": clean(owner),
        "priority": clean(("stat", "urgent", "asap", "routine")[priority]),
        "priority_rank": priority,
        "due": datetime(2026, 1, 2, due, tzinfo=UTC),
        "modality": clean(modality),
        "procedure": clean(procedure),
        "study_uid": clean(f"1.{name}"),
        "instances": None,
        "held": 0,
        "expected": None,
    }
    return WorklistRow(**values)


def prior(name: str, modality: str, description: str, year: int) -> PriorStudy:
    return PriorStudy(clean(name), clean(modality), clean(description), datetime(year, 1, 1, tzinfo=UTC))


def names(*rows: WorklistRow, n: int = 5, **words: object) -> list[str]:
    found = plan(rows, {}, n, mine=lambda one: one.owner == "me", **words)  # type: ignore[arg-type]
    return [one.key.study_uid for one in found]


def test_my_cases_come_first_then_the_next_ones_by_priority_and_due() -> None:
    rows = (
        row("routine"),
        row("stat", priority=0, due=20),
        row("mine", owner="me", status="in-progress"),
        row("urgent-late", priority=1, due=15),
        row("urgent-soon", priority=1, due=9),
    )
    assert names(*rows) == ["1.mine", "1.stat", "1.urgent-soon", "1.urgent-late", "1.routine"]


def test_only_n_free_cases_are_held_ready_but_all_of_mine() -> None:
    rows = [row(f"f{number}") for number in range(9)] + [row(f"m{number}", owner="me") for number in range(4)]
    assert len(names(*rows, n=2)) == 6


def test_cases_of_others_and_closed_ones_are_left_alone() -> None:
    rows = (row("theirs", owner="other"), row("done", status="completed"), row("gone", status="cancelled"))
    assert names(*rows) == []


def test_what_is_held_whole_or_failed_lately_is_not_planned() -> None:
    rows = (row("a"), row("b"), row("c"))
    states = {StudyKey("hub", "1.a"): "all", StudyKey("hub", "1.b"): "part"}
    found = plan(rows, states, 5, mine=lambda one: False, skip={StudyKey("hub", "1.c")})
    assert [one.key.study_uid for one in found] == ["1.b"]


def test_priors_follow_all_cases_and_reasons_are_words() -> None:
    def priors(key: TaskKey) -> tuple[PriorStudy, ...]:
        return (prior("9.1", "CT", "CT chest", 2024),) if key.task_id == "mine" else ()

    rows = (row("mine", owner="me"), row("free", priority=0))
    found = plan(rows, {}, 5, mine=lambda one: one.owner == "me", priors=priors)
    assert [one.key.study_uid for one in found] == ["1.mine", "1.free", "9.1"]
    assert [one.reason for one in found] == ["yours, routine", "next 1 of 1, stat", "prior CT 2024-01-01"]


def test_priors_of_the_same_place_and_kind_win_over_newer_ones_of_another_place() -> None:
    listed = (
        prior("knee", "CT", "CT knee left", 2025),
        prior("xr", "CR", "Chest PA", 2024),
        prior("old", "CT", "CT chest with contrast", 2019),
        prior("new", "CT", "CT thorax and chest", 2023),
        prior("self", "CT", "CT chest", 2026),
    )
    best = relevant_priors("CT", "CT chest", "self", listed)
    assert [one.study_uid for one in best] == ["new", "old", "xr"]


def test_a_case_without_a_named_place_takes_priors_of_its_kind() -> None:
    listed = (prior("a", "MR", "", 2020), prior("b", "US", "", 2021))
    assert [one.study_uid for one in relevant_priors("MR", "", "x", listed)] == ["a"]
