"""The prefetch plan: lanes, order, gates, room, and a reason for everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from teleread.archive.eviction import Budget, HeldStudy, choose, expired, fit, spared
from teleread.archive.planner import plan
from teleread.archive.plans import Held, Lane, Line, Plan, Rules, Situation, SizeGuess
from teleread.archive.priors import PriorCase, RankedPrior, rank_priors
from teleread.model.study import StudyKey
from teleread.model.task import PriorStudy
from teleread.model.text import EMPTY, clean
from teleread.vault.worklist import WorklistRow

NOW = datetime(2026, 1, 2, 8, tzinfo=UTC)


def row(
    name: str,
    *,
    priority: int = 3,
    due: int = 12,
    owner: str = "",
    status: str = "requested",
    modality: str = "CT",
    procedure: str = "CT chest",
    instances: int | None = 100,
    held: int = 0,
    expected: int | None = None,
    hub: str = "hub",
) -> WorklistRow:
    values: dict[str, Any] = dict.fromkeys(WorklistRow._fields, EMPTY)
    values |= {
        "hub_id": hub,
        "task_id": name,
        "status": clean(status),
        "owner": clean(owner),
        "priority": clean(("stat", "urgent", "asap", "routine")[priority]),
        "priority_rank": priority,
        "due": datetime(2026, 1, 2, due, tzinfo=UTC),
        "modality": clean(modality),
        "procedure": clean(procedure),
        "study_uid": clean(f"1.{name}"),
        "instances": instances,
        "held": held,
        "expected": expected,
    }
    return WorklistRow(**values)


def key(name: str, hub: str = "hub") -> StudyKey:
    return StudyKey(hub, f"1.{name}")


def made(
    *rows: WorklistRow,
    rules: Rules | None = None,
    priors: Mapping[str, Sequence[PriorStudy]] | None = None,
    held: dict[StudyKey, Held] | None = None,
    sizes: SizeGuess | None = None,
    **situation: Any,
) -> Plan:
    def of(one: WorklistRow, count: int) -> Sequence[RankedPrior]:
        case = PriorCase(one.study_uid, one.modality, one.procedure)
        return rank_priors(case, (priors or {}).get(one.task_id, ()), count=count)

    return plan(
        rows,
        rules or Rules(thumbnails=0, later=0),
        Situation(NOW, **situation),
        mine=lambda one: one.owner == "me",
        held=lambda one: (held or {}).get(one, Held()),
        priors=of,
        sizes=sizes,
    )


def names(found: Plan) -> list[str]:
    return [one.key.study_uid.removeprefix("1.") for one in found.to_fetch]


def prior(name: str, modality: str = "CT", description: str = "CT chest", year: int = 2024) -> PriorStudy:
    return PriorStudy(clean(name), clean(modality), clean(description), datetime(year, 1, 1, tzinfo=UTC), 50)


def test_stat_goes_first_then_the_next_ones_as_the_list_shows_them_mine_before_others_of_one_time() -> None:
    rows = (
        row("routine"),
        row("stat", priority=0, due=20),
        row("mine", owner="me", status="in-progress"),
        row("urgent-late", priority=1, due=15),
        row("urgent-soon", priority=1, due=9),
    )
    assert names(made(*rows)) == ["stat", "urgent-soon", "urgent-late", "mine", "routine"]


def test_what_is_open_and_what_is_asked_for_go_before_stat() -> None:
    rows = (row("stat", priority=0), row("open", owner="me"), row("a"))
    found = made(*rows, opened=[key("open")], asked=[key("elsewhere")])
    assert names(found) == ["open", "elsewhere", "stat", "a"]
    assert [one.lane for one in found.decisions] == [Lane.NOW, Lane.NOW, Lane.STAT, Lane.NEXT]


def test_only_n_free_cases_are_held_ready_but_all_of_mine() -> None:
    rows = [row(f"f{number}") for number in range(9)] + [row(f"m{number}", owner="me") for number in range(4)]
    assert len(names(made(*rows, rules=Rules(cases=2, thumbnails=0, later=0)))) == 6


def test_first_pictures_come_of_cases_further_down_and_only_where_nothing_is_here() -> None:
    rows = [row(f"f{number}", due=number + 1) for number in range(6)] + [
        row("seen", due=9, held=3, expected=9)
    ]
    found = made(*rows, rules=Rules(cases=2, thumbnails=10, later=0))
    last = [one for one in found.decisions if one.lane == Lane.THUMBNAIL]
    assert [one.part for one in last] == ["first"] * 5
    assert [one.fetch for one in last] == [True, True, True, True, False]
    assert all(one.bytes <= 4_000_000 for one in last)


def test_cases_of_others_and_closed_ones_are_left_alone() -> None:
    rows = (row("theirs", owner="other"), row("done", status="completed"), row("gone", status="cancelled"))
    assert made(*rows).decisions == ()


def test_what_is_here_whole_stays_in_the_plan_and_is_not_fetched() -> None:
    found = made(row("a", held=100, expected=100), row("b", held=20, expected=100))
    assert names(found) == ["b"]
    assert {one.key for one in found.decisions} == {key("a"), key("b")}


def test_documents_of_all_priors_come_before_the_pixels_of_any() -> None:
    priors = {"mine": [prior("9.1")], "free": [prior("9.2")]}
    rows = (row("mine", owner="me"), row("free"))
    found = made(*rows, priors=priors)
    told = [(one.key.study_uid, one.part) for one in found.decisions if one.lane == Lane.PRIOR]
    assert told == [("9.1", "documents"), ("9.2", "documents"), ("9.1", "all"), ("9.2", "all")]
    after = made(*rows, priors=priors, documents=frozenset({StudyKey("hub", "9.1")}))
    assert [one.part for one in after.decisions if one.key.study_uid == "9.1"] == ["all"]


def test_priors_of_the_open_case_go_before_the_next_cases() -> None:
    rows = (row("open", owner="me", held=100, expected=100), row("next"))
    found = made(*rows, priors={"open": [prior("9.1")]}, opened=[key("open")])
    assert [one.key.study_uid for one in found.to_fetch] == ["9.1", "9.1", "1.next"]
    assert found.to_fetch[0].lane == Lane.CASE
    assert "prior CT of 2024-01-01" in found.to_fetch[0].reason


def test_a_study_that_cannot_be_in_time_lets_those_pass_that_can() -> None:
    sizes = SizeGuess({"CT": 1e6, "XA": 50e6})
    rows = (row("huge", due=9, modality="XA", instances=100), row("a", due=10), row("b", due=11))
    line = {"hub": Line(1e6)}
    found = made(*rows, sizes=sizes, lines=line)
    assert names(found) == ["a", "b", "huge"]
    assert "can't be here in time" in found.to_fetch[-1].reason
    assert names(made(*rows, sizes=sizes, lines={"hub": Line(50e6)})) == ["huge", "a", "b"]
    assert names(made(*rows, sizes=sizes)) == ["huge", "a", "b"]


def test_an_archive_that_comes_and_goes_is_used_while_it_answers_after_the_very_next_cases() -> None:
    rows = [row(f"s{number}", due=number + 1) for number in range(4)]
    rows += [row("shaky", due=9, hub="other")]
    lines = {"other": Line(None, shaky=True)}
    found = made(*rows, lines=lines)
    assert names(found) == ["s0", "s1", "shaky", "s2", "s3"]
    assert "comes and goes" in found.to_fetch[2].reason
    assert names(made(*rows)) == ["s0", "s1", "s2", "s3", "shaky"]


def test_my_cases_further_down_come_after_the_priors_of_the_next_ones_and_as_the_list_shows_them() -> None:
    rows = [row(f"m{number}", owner="me", due=number + 1) for number in range(4)] + [
        row("f", due=2),
        row("g", due=3),
    ]
    found = made(*rows, rules=Rules(cases=1, thumbnails=0, later=5), priors={"m0": [prior("9.1")]})
    told = [(one.lane, one.key.study_uid.removeprefix("1.")) for one in found.to_fetch]
    assert told == [
        (Lane.NEXT, "m0"),
        (Lane.NEXT, "f"),
        (Lane.PRIOR, "9.1"),
        (Lane.PRIOR, "9.1"),
        (Lane.LATER, "m1"),
        (Lane.LATER, "m2"),
        (Lane.LATER, "g"),
        (Lane.LATER, "m3"),
    ]


def test_the_time_of_arrival_adds_up_what_goes_before() -> None:
    found = made(row("a", due=9), row("b", due=10), sizes=SizeGuess({"CT": 1e6}), lines={"hub": Line(10e6)})
    assert [one.eta for one in found.to_fetch] == [10.0, 20.0]
    assert made(row("a")).to_fetch[0].eta is None


@pytest.mark.parametrize(
    ("situation", "words"),
    [
        ({"paused": frozenset({key("a")})}, "paused by you"),
        ({"all_paused": True}, "all fetching is paused"),
        ({"waiting": {key("a"): "it failed; tried again in 30 s"}}, "it failed"),
        ({"lines": {"hub": Line(None, "its archive does not answer")}}, "does not answer"),
        ({"minute": 20 * 60}, "quiet hours until 21:30"),
        ({"metered": True}, "metered"),
        ({"battery": True}, "battery"),
    ],
)
def test_a_gate_holds_a_free_case_back_and_says_why(situation: dict[str, Any], words: str) -> None:
    rules = Rules(thumbnails=0, later=0, quiet=(19 * 60, 21 * 60 + 30), on_battery="own")
    found = made(row("a"), rules=rules, **situation)
    assert found.to_fetch == ()
    assert words in found.decisions[0].wait


@pytest.mark.parametrize("situation", [{"minute": 20 * 60}, {"metered": True}, {"battery": True}])
def test_stat_and_open_cases_pass_quiet_hours_battery_and_a_metered_line(situation: dict[str, Any]) -> None:
    rules = Rules(thumbnails=0, later=0, quiet=(19 * 60, 22 * 60), on_metered="none", on_battery="none")
    rows = (row("stat", priority=0), row("open", owner="me"), row("mine", owner="me"))
    assert names(made(*rows, rules=rules, opened=[key("open")], **situation)) == ["open", "stat"]


def test_quiet_hours_may_span_midnight() -> None:
    rules = Rules(thumbnails=0, later=0, quiet=(23 * 60, 6 * 60))
    assert not made(row("a"), rules=rules, minute=60).to_fetch
    assert not made(row("a"), rules=rules, minute=23 * 60 + 5).to_fetch
    assert made(row("a"), rules=rules, minute=7 * 60).to_fetch


def test_a_paused_machine_still_fetches_what_is_open() -> None:
    assert names(made(row("open"), row("b"), opened=[key("open")], all_paused=True)) == ["open"]


def test_every_decision_has_a_reason_in_words_and_scores_grow() -> None:
    rows = [row(f"f{number}", due=number + 1) for number in range(4)] + [row("s", priority=0)]
    found = made(*rows, rules=Rules(cases=2, thumbnails=2, later=0), priors={"f0": [prior("9.1")]})
    assert all(one.reason for one in found.decisions)
    assert [one.score for one in found.decisions] == sorted(one.score for one in found.decisions)


# -- room ------------------------------------------------------------------------------------------------


def test_room_is_given_in_the_order_of_the_plan() -> None:
    found = made(*(row(name, due=number) for number, name in enumerate("abc")), sizes=SizeGuess({"CT": 1e6}))
    fitted = fit(found, 250_000_000, {}, ())
    assert names(fitted) == ["a", "b"]
    assert "no room: it needs 100 MB, 50 MB may be taken" in fitted.decisions[2].wait
    assert fit(found, None, {}, ()) is found


def test_what_is_next_goes_for_what_is_open_and_never_the_other_way_round() -> None:
    rows = (row("open", owner="me"), row("next", held=100, expected=100))
    found = made(*rows, opened=[key("open")], sizes=SizeGuess({"CT": 1e6}))
    held = {("hub", "1.next"): 100_000_000}
    fitted = fit(found, 120_000_000, held, ())
    assert names(fitted) == ["open"]
    assert ("hub", "1.next") not in spared(fitted, fitted.to_fetch[0])
    assert ("hub", "1.open") in spared(fitted, None)


def test_eviction_takes_delivered_ones_first_then_closed_then_the_longest_unused() -> None:
    held = [HeldStudy("h", f"1.{name}", 10, at) for name, at in (("old", "1"), ("new", "9"), ("done", "8"))]
    held += [HeldStudy("h", "1.over", 10, "7"), HeldStudy("h", "1.mine", 10, "0")]
    gone = choose(
        held,
        35,
        keep={("h", "1.mine"): "it is your case"},
        delivered={("h", "1.done")},
        over={("h", "1.over")},
    )
    assert [one.study_uid for one in gone] == ["1.done", "1.over", "1.old", "1.new"]
    assert choose(held, 0, keep={}) == ()
    assert sum(one.bytes for one in choose(held, 10**9, keep={("h", "1.mine"): "x"})) == 40
    assert "signed and delivered" in gone[0].why


def test_a_budget_counts_the_disk_and_the_quota() -> None:
    assert Budget(100, 10).room(40, 1000) == 60
    assert Budget(100, 10).room(40, 30) == 20
    assert Budget(None, 10).room(40, 30) == 20
    assert Budget(100, 10).room(140, 1000) == -40


def test_studies_go_when_their_hours_after_the_receipt_are_over_and_never_a_kept_one() -> None:
    held = [HeldStudy("h", name, 5, "1") for name in ("early", "late", "kept")] + [
        HeldStudy("x", "early", 5, "1")
    ]
    receipts = {
        ("h", "early"): datetime(2026, 1, 1, 8, tzinfo=UTC),
        ("h", "late"): datetime(2026, 1, 2, 7, tzinfo=UTC),
        ("h", "kept"): datetime(2025, 1, 1, tzinfo=UTC),
        ("x", "early"): datetime(2025, 1, 1, tzinfo=UTC),
    }
    gone = expired(
        held, receipts, {"h": 24.0, "x": -1.0}, NOW, keep={("h", "kept"): "it is under legal hold"}
    )
    assert [(one.hub_id, one.study_uid) for one in gone] == [("h", "early")]
    assert "24 h after the receipt" in gone[0].why
