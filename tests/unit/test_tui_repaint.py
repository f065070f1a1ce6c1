"""What is drawn again: only what looks another way, and never less than that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from textual.geometry import Region
from textual.widget import Widget

from teleread.model.text import SafeText
from teleread.tui.app import TelereadApp
from teleread.tui.pictures import Ring, Shot
from teleread.tui.screens.worklist import Worklist
from tests.unit import tui_fake
from tests.unit.test_tui_pictures import Decoder, Station
from tests.unit.test_tui_pictures import walk as picture_walk
from tests.unit.test_tui_screens import Driver, walk


def fresh(widget: Widget) -> list[str]:
    """A widget's rows as they would be drawn from nothing."""
    return [widget.render_line(y).text for y in range(widget.size.height)]


def shown(widget: Widget) -> list[str]:
    """Its rows as they stand on the screen."""
    size = widget.size
    return [strip.text for strip in widget.render_lines(Region(0, 0, size.width, size.height))]


@pytest.mark.parametrize("keys", [("a", "b", "space", "enter", "c"), ("backspace", "up", "end", "x", "f2")])
def test_a_key_in_the_report_draws_the_rows_it_changed_and_leaves_none_behind(keys: tuple[str, ...]) -> None:
    async def steps(do: Driver) -> None:
        await do.press("enter", "i")
        report = do.reading.report
        for key in keys:
            await do.press(key)
            await do.settle()
            assert shown(report) == fresh(report), key

    walk(steps, size=(160, 50))


def test_a_letter_draws_less_than_half_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(do: Driver) -> None:
        await do.press("enter", "i", "a")
        report, regions = do.reading.report, []
        plain = report.refresh

        def refresh(*which: Region, **more: Any) -> Any:
            regions.append(which)
            return plain(*which, **more)

        monkeypatch.setattr(report, "refresh", refresh)
        await do.pilot.press("b")
        await do.pilot.pause()
        rows = {one.y for which in regions for one in which}
        assert rows
        assert all(which for which in regions[:1]), "the first thing a letter does is no whole repaint"
        assert len(rows) < report.size.height / 2

    walk(steps, size=(160, 50))


def test_rows_of_the_list_that_are_kept_look_as_if_made_now() -> None:
    async def steps(do: Driver) -> None:
        table = do.list.table
        do.clock.advance(5)
        for key in ("s", "s", "S", "w", "home", "end"):
            await do.pilot.press(key)  # the clock stands: times left are drawn anew a few seconds later
            await do.settle()
            assert shown(table) == fresh(table), key
        place = table.scroll_offset.y + 1
        table.update_row(place, replace(table.rows[place], accession=SafeText("ANOTHER1")))
        await do.settle()
        assert shown(table) == fresh(table)
        do.clock.advance(3600)
        assert shown(table) == fresh(table), "an hour later less time is left"

    walk(steps, size=(160, 50), station=tui_fake.FakeStation(120))


def test_counts_wait_while_another_screen_covers_the_list() -> None:
    async def steps(do: Driver) -> None:
        listed = do.list
        await do.press("enter")
        assert not isinstance(do.app.place, Worklist)
        before = [one.count for one in listed.filters]
        listed.take([replace(row, mine=True) for row in listed.items], 1.0)
        await do.settle()
        assert [one.count for one in listed.filters] == before
        await do.press("q")
        await do.until(lambda: listed.filters[0].count == len(listed.items))

    walk(steps)


def test_the_first_picture_is_asked_for_before_the_screen_is_put_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[bool, int]] = []
    apps: list[TelereadApp] = []
    plain = Ring.want

    def want(ring: Ring, shots: Sequence[Shot], at: int, step: int, *, halvings: int = 0) -> None:
        asked.append((any(screen.is_mounted for screen in apps[0].screen_stack[1:]), len(shots)))
        plain(ring, shots, at, step, halvings=halvings)

    monkeypatch.setattr(Ring, "want", want)

    async def steps(do: Driver) -> None:
        apps.append(do.app)
        do.app.decoder_factory = Decoder
        await do.press("enter")
        await do.until(lambda: do.reading.pictures.picture() is not None)

    walk(steps, size=(160, 50), station=Station(12, settings={"colours": "truecolor"}))
    assert asked[0] == (False, 1)


def test_the_picture_of_a_case_is_drawn_however_early_it_came() -> None:
    async def steps(do: Driver) -> None:
        assert do.reading.pictures.shown_at == do.reading.pictures.at
        picture = do.reading.pictures
        strips = picture.render_lines(Region(0, 0, picture.size.width, picture.size.height))
        assert "▀" in "".join(strip.render(do.app.console) for strip in strips)

    picture_walk(steps)
