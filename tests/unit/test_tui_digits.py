"""The two digits that sign are two presses: a finger that stays on a key signs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from teleread.model.text import clean
from teleread.tui.screens import code
from teleread.tui.screens.sign import SignSheetView
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, ready_to_sign, walk


def born_on(day: str, month: str = "03") -> tui_fake.FakeStation:
    """A station whose second patient was born on a day."""
    station = tui_fake.FakeStation(12)
    station.rows[1] = replace(station.rows[1], birth_date=clean(f"1979-{month}-{day}"))
    return station


async def keys(do: Driver, digit: str, gaps: Iterable[float]) -> None:
    """The same key again and again, so many seconds apart on the app's clock."""
    for gap in gaps:
        do.clock.advance(gap)
        await do.pilot.press(digit)
        await do.settle()


class Silence:
    """Takes the place of the sheet's timers: they end when the test says so, not when a machine is slow."""

    def __init__(self, sheet: SignSheetView) -> None:
        self.waiting: list[tuple[object, Callable[[], None]]] = []
        setattr(sheet, "set_timer", self._begin)  # noqa: B010 - the method of this one sheet

    def _begin(self, delay: float, callback: Callable[[], None]) -> object:
        timer = SimpleNamespace(stop=lambda: self.waiting.clear())
        self.waiting.append((timer, callback))
        return timer

    def falls(self) -> None:
        """Every wait comes to its end, those begun meanwhile too."""
        while self.waiting:
            self.waiting.pop(0)[1]()


@pytest.mark.parametrize("delay", [0.15, 0.25, 0.5, 0.66, 1.0])
@pytest.mark.parametrize("interval", [0.015, 0.033, 0.1, 0.5])
def test_a_held_digit_is_one_press_whatever_the_keyboard_repeats(delay: float, interval: float) -> None:
    async def steps(do: Driver) -> None:
        sheet = await ready_to_sign(do)
        silence = Silence(sheet)
        await keys(do, "1", [1.0, delay, *[interval] * 12])
        silence.falls()
        assert sheet.typed == "1"
        assert "held down counts once" in do.text()

    assert walk(steps, station=born_on("11")).station.signed == []


@pytest.mark.parametrize("day", ["11", "22"])
@pytest.mark.parametrize("gap", [0.09, 0.2, 0.6, 1.05])
def test_two_presses_of_the_same_digit_sign_once_silence_follows(day: str, gap: float) -> None:
    async def steps(do: Driver) -> None:
        sheet = await ready_to_sign(do)
        silence = Silence(sheet)
        await keys(do, day[0], [1.0, gap])
        assert do.station.signed == []
        silence.falls()
        await do.until(lambda: do.station.signed)

    walk(steps, station=born_on(day))


def test_the_silence_is_real_time_and_ends_by_itself() -> None:
    async def steps(do: Driver) -> None:
        await ready_to_sign(do)
        await keys(do, "1", [1.0, 0.3])
        await do.until(lambda: do.station.signed)

    walk(steps, station=born_on("11"))


def test_a_second_press_after_a_long_pause_signs_at_once() -> None:
    async def steps(do: Driver) -> None:
        await ready_to_sign(do)
        await keys(do, "1", [1.0, code.LONGEST_DELAY + 0.1])
        await do.until(lambda: do.station.signed)

    walk(steps, station=born_on("11"))


def test_both_boxes_show_their_digit_while_the_second_is_waited_for() -> None:
    async def steps(do: Driver) -> None:
        sheet = await ready_to_sign(do)
        Silence(sheet)
        await keys(do, "2", [1.0, 0.3])
        assert sheet.typed == "2"
        assert "[2] [2]" in do.text()

    walk(steps, station=born_on("22"))


def test_after_a_held_key_two_more_presses_sign() -> None:
    async def steps(do: Driver) -> None:
        sheet = await ready_to_sign(do)
        silence = Silence(sheet)
        await keys(do, "1", [1.0, 0.5, 0.03, 0.03])
        silence.falls()
        assert sheet.typed == "1"
        await keys(do, "1", [code.LONGEST_DELAY + 0.1])
        await do.until(lambda: do.station.signed)

    walk(steps, station=born_on("11"))


def test_another_digit_proves_that_the_finger_left_the_key() -> None:
    async def steps(do: Driver) -> None:
        do.app.last_day = "11"
        sheet = await ready_to_sign(do)
        assert sheet.question.answer == "1103"
        Silence(sheet)
        await keys(do, "1", [1.0, 0.2])
        await do.press("0", "3")
        await do.until(lambda: do.station.signed)

    walk(steps, station=born_on("11"))


@pytest.mark.parametrize("key", ["f5", "f8", "shift+f8", "shift+delete"])
def test_a_held_function_key_acts_once(key: str) -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i")
        first = do.reading.case.item.key
        for gap in (1.0, 0.5, 0.03, 0.03, 0.03):
            do.clock.advance(gap)
            await do.pilot.press(key)
            await do.settle()
        if key == "f5":
            keys_seen = [row.key for row in do.station.rows]
            assert keys_seen.index(do.reading.case.item.key) == keys_seen.index(first) + 1
        else:
            assert len(do.reading.sheets) == 1

    walk(steps)
