"""Correcting and withdrawing on the reports' screen: reasons first, then what only this patient has."""

from __future__ import annotations

from collections.abc import Sequence

from teleread.model.report import Check
from teleread.tui.screens.reports import Reports, ReportSheet
from teleread.tui.screens.withdraw import WithdrawSheet
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, walk


class Unchecked(tui_fake.FakeStation):
    """A station on which no check holds a withdrawal, as on a real desk."""

    def checks(self, draft_id: str) -> Sequence[Check]:
        return ()


async def opened(do: Driver) -> Reports:
    await do.press("g", "r")
    await do.press("enter")
    screen = do.app.screen
    assert isinstance(screen, Reports)
    assert isinstance(screen.sheets[-1], ReportSheet)
    return screen


def test_c_asks_what_was_wrong_and_opens_the_correction() -> None:
    async def steps(do: Driver) -> None:
        await opened(do)
        await do.press("c", *"side", "enter")

    station = walk(steps, size=(120, 40)).station
    assert station.acts == [("correct", "r-1", "side", "")]
    assert station.signed == []


def test_escape_corrects_nothing() -> None:
    async def steps(do: Driver) -> None:
        await opened(do)
        await do.press("c", *"side", "escape")

    assert walk(steps, size=(120, 40)).station.acts == []


def test_x_asks_why_and_who_was_told_and_signs_by_the_day_of_birth_alone() -> None:
    async def steps(do: Driver) -> None:
        screen = await opened(do)
        await do.press("x", *"wrong", "enter", *"ward", "enter")
        sheet = screen.sheets[-1]
        assert isinstance(sheet, WithdrawSheet)
        assert "wrong" in do.text()
        await do.press("enter", "x", "space")
        assert len(screen.sheets) == 1, "it stays"
        assert do.station.signed == []
        do.clock.advance(1)
        if sheet.needs_pin:
            await do.press(*"135790", "enter")
        for digit in sheet.question.answer:
            do.clock.advance(2)
            await do.press(digit)

    station = walk(steps, size=(80, 24), station=Unchecked(12)).station
    assert station.acts == [("withdraw", "r-1", "wrong", "ward")]
    assert len(station.signed) == 1
    assert station.discarded == []


def test_escape_on_the_withdrawal_puts_its_draft_into_the_trash() -> None:
    async def steps(do: Driver) -> None:
        await opened(do)
        await do.press("x", *"wrong", "enter", *"ward", "enter", "escape")

    station = walk(steps, size=(120, 40)).station
    assert station.signed == []
    assert station.discarded
