"""Signs: what a terminal that draws them two cells wide gets, and that every row still fits."""

from __future__ import annotations

import asyncio

import pytest
from textual import events

from teleread.tui.app import ANSWER_SECONDS, WIDTH_QUESTION, TelereadApp
from teleread.tui.glyphs import ASCII, UNICODE
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, walk


def test_the_plain_signs_are_those_of_the_table() -> None:
    assert (ASCII.stat, ASCII.urgent, ASCII.asap) == ("!!", "!", "'")
    assert ASCII.due == ("0", "1", "2", "3", "X")
    assert (ASCII.here, ASCII.part, ASCII.away) == ("[x]", "[/]", "[ ]")
    assert (ASCII.draft, ASCII.not_issued, ASCII.issued, ASCII.needs) == ("d", "<>", "<*>", "!!")
    assert (ASCII.online, ASCII.offline, ASCII.fetching) == ("*", "o", "v")
    assert (ASCII.settle, ASCII.warn, ASCII.overridden, ASCII.passes) == ("!!", "?", "~", "+")


def test_signs_that_stand_in_a_column_of_one_cell_are_one_cell_in_both_sets() -> None:
    for glyphs in (UNICODE, ASCII):
        for name in (
            "bar",
            "new",
            "sort",
            "rail",
            "thumb",
            "rule",
            "cursor",
            "more",
            "secret",
            "full",
            "open",
        ):
            assert len(getattr(glyphs, name)) == 1, name
        assert all(len(one) == 1 for one in glyphs.due)


def answer(do: Driver, column: int) -> None:
    do.app.post_message(events.CursorPosition(column, 0))


@pytest.mark.parametrize(("column", "plain"), [(1, False), (2, True), (7, False)])
def test_a_sign_that_moved_the_cursor_two_cells_brings_the_plain_set(column: int, plain: bool) -> None:
    async def steps(do: Driver) -> None:
        do.app._asked_width = do.clock.monotonic()
        answer(do, column)
        await do.settle()
        assert (do.app.glyphs is ASCII) is plain
        assert ("[x] here" in do.text()) is plain
        assert ("■ here" in do.text()) is not plain

    walk(steps, station=tui_fake.FakeStation(12, settings={"glyphs": "auto"}))


def test_an_answer_before_the_first_screen_stands_is_taken_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def answered_at_once(app: TelereadApp) -> None:
        app._asked_width = app.clock.monotonic()
        app.on_cursor_position(events.CursorPosition(2, 0))

    monkeypatch.setattr(TelereadApp, "_ask_cell_width", answered_at_once)
    app = TelereadApp(tui_fake.FakeStation(12, settings={"glyphs": "auto"}))

    async def run() -> None:
        app.preload()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            rows = [strip.text for strip in app.screen._compositor.render_strips()]
            assert any("[x] here" in row for row in rows)
        app.calls.close()

    asyncio.run(run())


def test_an_answer_that_was_not_asked_for_or_comes_late_changes_nothing() -> None:
    async def steps(do: Driver) -> None:
        answer(do, 2)
        await do.settle()
        do.app._asked_width = do.clock.monotonic()
        do.clock.advance(ANSWER_SECONDS + 0.1)
        answer(do, 2)
        await do.settle()
        assert do.app.glyphs is UNICODE

    walk(steps, station=tui_fake.FakeStation(12, settings={"glyphs": "unicode"}))


@pytest.mark.parametrize(("setting", "asked"), [("auto", True), ("unicode", False), ("ascii", False)])
def test_the_terminal_is_asked_only_where_the_reader_has_not_chosen(setting: str, asked: bool) -> None:
    station = tui_fake.FakeStation(12, settings={"glyphs": setting})

    async def steps(do: Driver) -> None:
        written: list[str] = []
        assert do.app._driver is not None
        do.app._driver.write = written.append  # type: ignore[method-assign, assignment]
        do.app._ask_cell_width()
        assert (written == [WIDTH_QUESTION]) is asked

    walk(steps, station=station)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (160, 50), (200, 50)])
def test_with_plain_signs_no_state_is_cut_and_nothing_but_the_picture_needs_more_than_ascii(
    size: tuple[int, int],
) -> None:
    async def steps(do: Driver) -> None:
        text = do.text()
        rows = [line for line in text.split("\n") if "RUSSO" in line or "WALSH" in line or "KAUR" in line]
        assert "!! stat" in text
        assert "[x] here" in rows[0]
        assert "!! needs" in text
        assert "<> n" in text
        assert text.isascii()
        for keys in (
            ("s", "enter"),
            ("i",),
            ("f8",),
            ("escape", "escape", "q", "g", "o"),
            ("g", "t"),
            ("g", "s"),
        ):
            await do.press(*keys)
            assert set(do.text()) - set(map(chr, range(128))) == set(), keys

    walk(steps, size=size, station=tui_fake.FakeStation(12, settings={"glyphs": "ascii"}))
