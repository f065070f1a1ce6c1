"""Windows of every size: what is dropped, what is joined, and what is said when nothing fits."""

from __future__ import annotations

import pytest

from teleread.model.identity import Finding, Match
from teleread.model.text import clean
from teleread.tui.screens.lock import LockScreen
from teleread.tui.screens.reading import Reading
from teleread.tui.screens.small import TooSmall
from teleread.tui.widgets.casebars import OrderRow, PriorsStrip
from teleread.tui.widgets.strip import CaseStrip
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, walk


def test_a_window_that_is_too_small_says_what_it_needs_and_keeps_text_and_cursor() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i")
        do.reading.report.place_cursor("impression")
        await do.press(*"no abscess", "left")
        buffer = do.reading.report.buffer
        before = (list(buffer.texts), buffer.section, buffer.at)
        for size in ((52, 12), (59, 40), (200, 14), (20, 3), (1, 1)):
            await do.pilot.resize_terminal(*size)
            await do.until(lambda: isinstance(do.app.screen, TooSmall))
            await do.pilot.pause()
            await do.press("x", "f8", "g")
            if size[0] >= 52:
                words = f"needs 60x15, this is {size[0]}x{size[1]}"
                assert words in " ".join(do.text().split())
                assert "OKONKWO" not in do.text()
        await do.pilot.resize_terminal(80, 24)
        await do.until(lambda: isinstance(do.app.screen, Reading))
        assert (list(buffer.texts), buffer.section, buffer.at) == before
        assert do.reading.report.has_focus
        await do.press("y")
        assert buffer.texts[-1] == "no abscesys"

    walk(steps)


def test_a_window_can_begin_too_small_and_be_locked_while_it_is() -> None:
    async def steps(do: Driver) -> None:
        await do.until(lambda: isinstance(do.app.screen, TooSmall))
        await do.press("f12")
        await do.until(lambda: isinstance(do.app.screen, LockScreen))
        await do.settle()
        await do.press(*"opensesame", "enter")
        await do.until(lambda: isinstance(do.app.screen, TooSmall))
        await do.pilot.resize_terminal(80, 24)
        await do.until(lambda: do.app.screen is do.app.place)
        assert "RUSSO" in do.text()

    walk(steps, size=(40, 10))


@pytest.mark.parametrize(
    ("width", "strip", "pictures", "report"),
    [
        (119, 0, 119, 0),
        (120, 0, 65, 54),
        (160, 0, 89, 70),
        (179, 0, 99, 79),
        (180, 32, 67, 79),
        (250, 32, 136, 80),
    ],
)
def test_the_panes_take_the_widths_they_are_drawn_with(
    width: int, strip: int, pictures: int, report: int
) -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter")
        reading = do.reading
        cases = reading.query_one(CaseStrip)
        assert (cases.size.width if cases.display else 0) == strip
        assert reading.wall.size.width == pictures
        assert (reading.report.size.width if reading.report.display else 0) == report
        if strip:
            head, *rows = [line[:strip].rstrip() for line in do.text().split("\n")[4:-2]]
            assert head.startswith(" Worklist")
            assert "OKONKWO, Adaeze" in rows[2]
            assert rows[3].lstrip("▌ ").startswith("CT abdomen +C")

    walk(steps, size=(width, 50))


def test_a_click_in_the_strip_opens_that_case() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter")
        await do.pilot.click("#cases", offset=(12, 1))
        await do.settle()
        assert str(do.reading.case.item.name) == "RUSSO^Giulia"

    walk(steps, size=(200, 50))


@pytest.mark.parametrize(
    ("height", "order", "priors"),
    [(15, False, False), (16, False, False), (17, True, False), (20, True, True)],
)
def test_a_low_window_drops_the_priors_and_joins_the_order_to_the_identity(
    height: int, order: bool, priors: bool
) -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter")
        assert do.reading.query_one(OrderRow).display is order
        assert do.reading.query_one(PriorsStrip).display is priors
        row = do.text().split("\n")[1]
        for words in ("OKONKWO, Adaeze", "F 47y", "born 14 Mar 1979", "match"):
            assert words in row
        assert ("CT abdomen +C" in row) is not order
        assert "CT abdomen +C" in do.text()

    walk(steps, size=(80, height))


def test_a_joined_row_says_stop_at_the_smallest_size() -> None:
    station = tui_fake.FakeStation(12)
    station.match = Match((Finding("birth-date", "stop", clean("the birth dates differ")),))

    async def steps(do: Driver) -> None:
        await do.press("s", "enter")
        row = do.text().split("\n")[1]
        assert "OKONKWO, Adaeze" in row
        assert "STOP" in row

    walk(steps, size=(60, 15), station=station)


@pytest.mark.parametrize(("height", "foot"), [(39, False), (40, True)])
def test_the_checks_stand_at_the_reports_foot_from_forty_rows(height: int, foot: bool) -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i")
        await do.until(lambda: do.reading.keeper.checks)
        await do.pilot.pause()
        assert ("Gallbladder is not filled in" in do.text()) is foot

    walk(steps, size=(160, height))
