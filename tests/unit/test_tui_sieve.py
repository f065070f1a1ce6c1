"""Filters of the worklist remember what they let through: kept up, they answer as if asked afresh."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from teleread.model.errors import UsageError
from teleread.tui.screens.orders import ORDERS, ordered
from teleread.tui.sieve import STRETCH, Sieve, in_place, new_among
from teleread.workstation.api import WorklistItem
from teleread.workstation.query import order_key, parse_query
from tests.unit.tui_fake import NOW, build_item

FILTERS = ("", "mine:yes", "due:<1h", "priority:stat", "ct", "modality:CR,DX", "report:draft cached:all")
COUNT = 3 * STRETCH + 17


def rows_of(count: int) -> list[WorklistItem]:
    return sorted((build_item(index) for index in range(count)), key=order_key)


def changed(rows: list[WorklistItem], chance: random.Random) -> list[WorklistItem]:
    """Some rows are other objects, some are gone, some are new."""
    made = []
    for row in rows:
        roll = chance.random()
        if roll < 0.03:
            continue
        made.append(replace(row, mine=not row.mine, cached="all") if roll < 0.1 else row)
    first = max(int(row.key.task_id[1:]) for row in rows) + 1
    made += [build_item(index) for index in range(first, first + chance.randrange(5))]
    return sorted(made, key=order_key)


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_kept_up_answers_as_one_asked_afresh(text: str) -> None:
    chance, sieve, rows, now = random.Random(text), Sieve(text), rows_of(COUNT), NOW
    for step in range(25):
        query = parse_query(text, now)
        wanted = [row for row in rows if query.matches(row)]
        assert sieve.passing(rows, now) == wanted, step
        if text:
            assert sieve.count == len(wanted)
        rows, now = changed(rows, chance), now + timedelta(minutes=7)


def few_changed(rows: list[WorklistItem], chance: random.Random) -> list[WorklistItem]:
    """As many rows as before: one or two are other objects, some have changed places, one is another case."""
    made = list(rows)
    for _ in range(chance.randrange(3)):
        at = chance.randrange(len(made))
        made[at] = replace(made[at], mine=not made[at].mine)
    if chance.random() < 0.5:
        at = chance.randrange(len(made) - 9)
        made[at : at + 9] = chance.sample(made[at : at + 9], 9)
    if chance.random() < 0.3:
        first = max(int(row.key.task_id[1:]) for row in rows) + 1
        made[chance.randrange(len(made))] = build_item(first)
    return made


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_that_looks_at_few_places_answers_as_one_asked_afresh(text: str) -> None:
    chance, sieve, rows, now = random.Random(text), Sieve(text), rows_of(COUNT), NOW
    for step in range(40):
        query = parse_query(text, NOW)
        assert sieve.passing(rows, now) == [row for row in rows if query.matches(row)], step
        rows, now = few_changed(rows, chance), now + timedelta(milliseconds=100)


def test_what_is_new_and_what_stays_in_place_is_found_at_few_places_as_among_many() -> None:
    chance, rows = random.Random(11), rows_of(COUNT)
    for step in range(40):
        after = few_changed(rows, chance)
        known = {row.key for row in rows}
        assert new_among(after, rows) == [row for row in after if row.key not in known], step
        held = in_place(after, rows)
        assert {id(row) for row in held} == {id(row) for row in after}, step
        stay = [row.key for row in rows if row.key in {one.key for one in after}]
        assert [row.key for row in held][: len(stay)] == stay, step
        rows = after


def test_a_filter_of_time_asks_all_rows_again_four_times_a_minute() -> None:
    sieve, rows = Sieve("due:<1h"), rows_of(2 * STRETCH)
    asked = [
        sum(1 for _ in sieve.steps(rows, NOW + timedelta(seconds=after))) for after in (0, 1, 14, 15, 16, 30)
    ]
    assert asked == [2, 0, 0, 2, 0, 2]
    assert sum(1 for _ in sieve.steps(rows, NOW)) == 2, "a clock that was set back is not waited for"


def test_a_count_that_was_left_half_way_is_right_the_next_time() -> None:
    chance, sieve, rows = random.Random(3), Sieve("mine:yes"), rows_of(COUNT)
    for _ in range(20):
        steps = sieve.steps(rows, NOW)
        for _ in range(chance.randrange(3)):
            next(steps, None)
        rows = changed(rows, chance)
    assert sieve.passing(rows, NOW) == [row for row in rows if row.mine]


def test_ten_thousand_rows_are_asked_in_stretches_and_those_that_stay_not_again() -> None:
    sieve, rows = Sieve("priority:stat"), rows_of(10_000)
    assert sum(1 for _ in sieve.steps(rows, NOW)) == 10_000 // STRETCH
    rows[5] = replace(rows[5], mine=not rows[5].mine)
    assert sum(1 for _ in sieve.steps(rows, NOW)) == 1
    assert sum(1 for _ in sieve.steps(rows, NOW)) == 0


def test_a_filter_that_cannot_be_read_says_so_each_time() -> None:
    sieve = Sieve("colour:red")
    for _ in range(2):
        with pytest.raises(UsageError):
            sieve.passing(rows_of(3), NOW)


def test_a_case_that_changed_is_not_new_and_one_that_came_is() -> None:
    before = rows_of(9)
    after = [*before[:4], replace(before[4], mine=not before[4].mine), *before[6:], build_item(9)]
    assert [row.key.task_id for row in new_among(after, before)] == ["t9"]


def test_rows_on_the_screen_keep_their_places_and_new_ones_come_last() -> None:
    shown = rows_of(8)
    moved = replace(shown[6], priority=shown[0].priority, due=None)
    rows = sorted([*shown[:3], moved, build_item(8), shown[7], shown[5]], key=order_key)
    found = in_place(rows, shown)
    assert found[:6] == [*shown[:3], shown[5], moved, shown[7]]
    assert [row.key.task_id for row in found[6:]] == ["t8"]


@pytest.mark.parametrize("column", ORDERS)
def test_what_is_equal_in_a_column_stays_in_the_order_of_what_is_due(column: str) -> None:
    rows = ordered(rows_of(60), column)
    key = ORDERS[column] or order_key
    assert rows == sorted(rows, key=lambda row: (key(row), order_key(row)))
