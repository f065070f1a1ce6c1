"""An unsigned reading, a second opinion, and who is named beside the reader, by keys."""

from __future__ import annotations

from typing import Any

import pytest

from teleread.model.report import Check
from teleread.model.text import clean
from teleread.signing.acts import cosigners_in
from teleread.tui.screens.acts import BesideSheet, UnsignedSheet
from teleread.tui.screens.ask import AskText, Choose
from teleread.tui.screens.sign import SignSheetView
from tests.unit import tui_fake
from tests.unit.test_tui_report_writing import begin
from tests.unit.test_tui_screens import Driver, walk

SIZES = ((80, 24), (160, 50))


class Unchecked(tui_fake.FakeStation):
    """A station whose drafts have nothing left to settle."""

    def checks(self, draft_id: str) -> list[Check]:
        return list(self.extra_checks)


async def top(do: Driver, kind: type[Any]) -> Any:
    """The sheet on top, once it is one of a kind."""
    await do.until(lambda: bool(do.app.place.sheets) and isinstance(do.app.place.sheets[-1], kind))
    await do.settle()
    return do.app.place.sheets[-1]


async def told(do: Driver, words: str) -> None:
    await do.until(lambda: any(words in one.text for one in do.app.notices))


async def prove(do: Driver, sheet: SignSheetView) -> None:
    """The day of birth, as a person types it."""
    do.clock.advance(1)
    for digit in sheet.question.answer:
        do.clock.advance(2)
        await do.press(digit)


@pytest.mark.parametrize("size", SIZES)
def test_shift_f5_sends_an_unsigned_reading_and_the_draft_stays(size: tuple[int, int]) -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("shift+f5")
        sheet = await top(do, UnsignedSheet)
        text = do.text()
        assert "Send  unsigned reading, version 1" in text
        assert "Unsigned: the hub shows it as partial" in text
        assert "Sends at the second digit" in text
        await do.press("enter", "space", "tab")
        assert do.station.writing.unsigned == []
        await prove(do, sheet)
        await told(do, "Unsigned reading")
        await do.until(lambda: not do.app.place.sheets)
        assert do.reading.keeper.draft is not None, "it is still written"
        await do.press("shift+f8")
        await top(do, SignSheetView)
        assert "Sign  final report" in do.text()

    station = walk(steps, size=size, station=Unchecked(12)).station
    assert [name for name, _ in station.writing.unsigned] == ["draft-t0"]
    assert station.signed == []


def test_a_right_that_is_missing_keeps_the_boxes_of_an_unsigned_reading_shut() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        why = clean("Northgate takes no unsigned readings (its hub file says no “preliminary = true”).")
        do.station.extra_checks = [Check("rights", "block", why, clean("nobody asked for it"))]
        await do.press("shift+f5")
        sheet = await top(do, UnsignedSheet)
        assert "takes no unsigned readings" in do.text()
        await prove(do, sheet)
        await do.press("escape")

    assert walk(steps, size=(120, 40), station=Unchecked(12)).station.writing.unsigned == []


def test_without_a_draft_nothing_goes_out_unsigned() -> None:
    async def steps(do: Driver) -> None:
        await do.press("enter")
        await do.until(lambda: do.app.place.NAME == "Reading")
        await do.press("shift+f5")
        await told(do, "Nothing to sign")
        assert do.app.place.sheets == []

    walk(steps)


@pytest.mark.parametrize("size", SIZES)
def test_capital_o_asks_first_and_then_begins_a_second_opinion(size: tuple[int, int]) -> None:
    async def steps(do: Driver) -> None:
        await do.press("O")
        await do.until(lambda: do.app.place.NAME == "Reading")
        await top(do, Choose)
        await do.press("enter")
        await do.until(lambda: not do.app.place.sheets)
        assert do.reading.keeper.draft is None, "Enter is harmless"
        await do.press("O")
        await top(do, Choose)
        await do.press("2")
        await do.until(lambda: do.reading.keeper.draft is not None)
        assert "second opinion, CT abdomen (acute)" in do.text()
        await do.press("f8")
        await top(do, SignSheetView)
        assert "A report of its own" in do.text()
        await do.press("escape", "shift+f5")
        await told(do, "Only a first report goes out unsigned")

    walk(steps, size=size, station=Unchecked(12))


def test_an_opinion_is_not_begun_beside_ones_own_draft() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("escape", "O")
        await told(do, "A report is begun here")
        assert do.app.place.sheets == []

    assert "opinion" not in walk(steps).station.drafts


@pytest.mark.parametrize("size", SIZES)
def test_trainee_and_supervisor_are_named_by_keys_and_stand_on_the_sign_sheet(size: tuple[int, int]) -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("alt+shift+j")
        await top(do, BesideSheet)
        assert "Nobody is named beside you." in do.text()
        await do.press("2")
        await top(do, AskText)
        await do.press(*"Dr", "space", *"Visor", "semicolon", *"P7", "enter")
        await top(do, BesideSheet)
        await do.until(lambda: "Dr Visor" in do.text())
        await do.press("1")
        await top(do, AskText)
        await do.press(*"Dr", "space", *"Nee", "enter")
        await top(do, BesideSheet)
        await do.until(lambda: "Dr Nee" in do.text())
        await do.press("escape", "f8")
        await top(do, SignSheetView)
        assert "Named beside you: Dr Nee (trainee), Dr Visor (supervisor)" in do.text()
        await do.press("escape", "alt+shift+j")
        await top(do, BesideSheet)
        await do.press("x")
        await do.until(lambda: "Dr Nee" not in do.text())

    station = walk(steps, size=size).station
    (left,) = cosigners_in(station.drafts["draft-t0"].fields)
    assert (left.name, left.role, left.id) == ("Dr Visor", "supervisor", "P7")


@pytest.mark.parametrize(
    ("words", "name"),
    [("unsigned", "case.unsigned"), ("opinion", "case.opinion"), ("supervisor", "report.beside")],
)
def test_the_palette_finds_each_act_by_its_name(words: str, name: str) -> None:
    from teleread.tui.screens.menus import Palette

    async def steps(do: Driver) -> None:
        await do.press("enter")
        await do.until(lambda: do.app.place.NAME == "Reading")
        await do.press("ctrl+p", *words)
        sheet = await top(do, Palette)
        assert [one.id for one in sheet.found()] == [name]

    walk(steps)
