"""The transfers screen: what runs, what failed, what waits, in words; first and pause."""

from __future__ import annotations

import pytest

from teleread.tui.screens.transfers import Transfers, left_words
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, walk


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_every_study_has_a_bar_or_a_word_and_its_reason(size: tuple[int, int]) -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "t")
        assert isinstance(do.app.place, Transfers)
        await do.until(lambda: "62%" in do.text())
        text = do.text()
        for word in ("1 on the way", "1 not fetched", "1 wait", "not fetched", "12s", "3 of 9", "9 images"):
            assert word in text, word
        assert "quiet hours" in text
        assert "2.5 MB/s" in text
        if size[0] >= 120:
            assert "next 1 of 5 that nobody holds" in text

    walk(steps, size=size)


def test_a_row_says_in_full_what_went_wrong_and_what_to_do() -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "t")
        await do.until(lambda: "62%" in do.text())
        await do.press("s")
        text = " ".join(do.text().split())
        assert "The line to the archive broke." in text
        assert "asked again by itself" in text

    walk(steps, size=(160, 50))


def test_f_puts_a_study_first_and_p_pauses_and_goes_on() -> None:
    station = tui_fake.FakeStation(12)

    async def steps(do: Driver) -> None:
        await do.press("g", "t")
        await do.until(lambda: "62%" in do.text())
        await do.press("s", "s", "F")
        await do.press("P")
        await do.until(lambda: "Paused: only what is open" in do.text())
        await do.press("P")
        await do.until(lambda: "Fetching goes on" in do.text())

    walk(steps, station=station)
    assert [(kind, study.study_uid if study else None) for kind, study in station.wished] == [
        ("first", "1.2.5"),
        ("pause", None),
        ("pause", None),
    ]


def test_enter_opens_the_case_a_study_is_for() -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "t")
        await do.until(lambda: "62%" in do.text())
        await do.press("enter")
        assert do.app.place.NAME == "Reading"

    walk(steps)


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1s"), (80, "80s"), (180, "3m"), (7500, "2h 05")])
def test_time_left_is_short(seconds: float, words: str) -> None:
    assert left_words(seconds) == words
