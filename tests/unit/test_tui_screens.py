"""The screens, driven by keys: what the reader sees, and what the workstation is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from teleread.host.clock import FakeClock
from teleread.model.identity import Finding, Match
from teleread.model.report import Check
from teleread.model.text import clean
from teleread.tui.app import TelereadApp
from teleread.tui.screens.lock import LockScreen
from teleread.tui.screens.outbox import Outbox
from teleread.tui.screens.reading import Reading
from teleread.tui.screens.sign import SignSheetView
from teleread.tui.screens.worklist import Worklist
from tests.unit import tui_fake

Walk = Callable[["Driver"], Awaitable[None]]


class Driver:
    """The app under a pilot, with a clock that moves when told."""

    def __init__(self, station: tui_fake.FakeStation, *, demo: bool = False) -> None:
        self.station = station
        self.clock = FakeClock(tui_fake.NOW)
        self.app = TelereadApp(station, demo=demo, clock=self.clock)
        self.pilot: Pilot[int]

    async def press(self, *keys: str) -> None:
        """Keys, a tenth of a second apart on the app's clock."""
        for key in keys:
            self.clock.advance(0.1)
            await self.pilot.press(key)
            await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        await self.pilot.pause()
        await self.app.workers.wait_for_complete(
            [one for one in self.app.workers if one.group not in {"poll", "check"}]
        )
        await self.pilot.pause()

    async def until(self, seen: Callable[[], object]) -> None:
        """Wait for something, ten seconds at most."""
        for _ in range(500):
            if seen():
                return
            await self.pilot.pause(0.02)
        raise AssertionError("it did not come to pass")

    @property
    def reading(self) -> Reading:
        """The reading screen."""
        assert isinstance(self.app.place, Reading)
        return self.app.place

    @property
    def list(self) -> Worklist:
        """The worklist."""
        assert isinstance(self.app.place, Worklist)
        return self.app.place

    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())


def walk(
    steps: Walk,
    *,
    size: tuple[int, int] = (80, 24),
    station: tui_fake.FakeStation | None = None,
    demo: bool = False,
) -> Driver:
    """Run steps on the app; no worker may have ended by a mistake."""
    driver = Driver(station or tui_fake.FakeStation(12), demo=demo)

    async def run() -> None:
        driver.app.preload()
        async with driver.app.run_test(size=size) as pilot:
            driver.pilot = pilot
            await driver.settle()
            await steps(driver)
            await driver.settle()
        driver.app.calls.close()

    asyncio.run(run())
    assert driver.app.mishaps == []
    return driver


# -- the worklist -------------------------------------------------------------------------------------


def test_stat_comes_first_and_every_state_is_said_in_words() -> None:
    async def steps(do: Driver) -> None:
        text = do.text()
        assert text.index("RUSSO") < text.index("OKONKWO") < text.index("KAUR")
        for word in ("stat", "4m over", "here", "away", "draft", "n/iss", "Safe to unplug", "9 h of work"):
            assert word in text

    walk(steps)


def test_the_filter_is_live_at_every_key_and_escape_clears_it() -> None:
    async def steps(do: Driver) -> None:
        await do.press("slash", *"now")
        assert [one.name for one in do.list.table.rows] == ["NOWAK^Piotr"]
        await do.press("escape")
        assert len(do.list.table.rows) == 12

    walk(steps)


def test_a_query_that_is_wrong_is_told_and_keeps_the_rows() -> None:
    async def steps(do: Driver) -> None:
        await do.press("slash", *"due:x")
        assert "due:" in do.text()
        assert do.app.place.is_mounted

    walk(steps)


def test_a_number_takes_a_saved_filter_and_nought_shows_all() -> None:
    async def steps(do: Driver) -> None:
        await do.press("2")
        assert {str(one.priority) for one in do.list.table.rows} == {"stat"}
        await do.press("0")
        assert len(do.list.table.rows) == 12

    walk(steps)


def test_the_row_in_focus_keeps_its_place_when_rows_come_in() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "s", "s")
        before = do.list.table.current
        do.station.rows.insert(0, tui_fake.build_item(40, priority=clean("stat"), due=tui_fake.NOW))
        do.station.version = (2, 2)
        do.app.wake()
        await do.until(lambda: len(do.list.table.rows) == 13)
        assert before is not None
        assert do.list.table.current is not None
        assert do.list.table.current.key == before.key

    walk(steps)


def test_ten_thousand_rows_move_and_jump() -> None:
    async def steps(do: Driver) -> None:
        await do.press("G")
        assert do.list.table.cursor == 9_999
        await do.press("w", "home", "S")
        assert 10 < do.list.table.cursor < 30

    walk(steps, station=tui_fake.FakeStation(10_000))


def test_claiming_asks_the_hub_for_the_case_in_focus() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "plus")

    done = walk(steps)
    assert done.station.claimed == [tui_fake.build_item(1).key]


def test_the_demo_says_demo_in_row_one_and_after_the_name() -> None:
    async def steps(do: Driver) -> None:
        first = do.text().split("\n")[0]
        assert "DEMO" in first
        await do.press("enter")
        assert "RUSSO, Giulia DEMO" in do.text()

    walk(steps, demo=True)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (119, 30), (120, 40), (160, 50), (200, 60)])
def test_every_row_fits_the_screen_at_every_size(size: tuple[int, int]) -> None:
    async def steps(do: Driver) -> None:
        for keys in ((), ("enter",), ("tab",)):
            await do.press(*keys)
            lines = do.text().split("\n")
            assert len(lines) == size[1]
            assert any(line.strip() for line in lines[-2:])

    walk(steps, size=size)


# -- reading and writing ------------------------------------------------------------------------------


def test_the_identity_stands_in_row_two_of_the_case_and_under_the_sign_sheet() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter")
        for keys in ((), ("i",), ("f8",)):
            await do.press(*keys)
            row = do.text().split("\n")[1]
            assert "OKONKWO, Adaeze" in row
            assert "14 Mar 1979" in row
            assert "match" in row

    walk(steps)


def test_what_is_typed_is_saved_soon_and_saved_is_said_only_then() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i")
        do.reading.report.place_cursor("impression")
        written = len(do.station.saved)
        do.reading.report.write("ab")
        do.reading.keeper.edited()
        assert not do.reading.keeper.saved_words
        assert len(do.station.saved) == written
        await do.until(lambda: do.reading.keeper.saved_words)
        assert do.station.saved[-1][2] == {"impression": "ab"}

    walk(steps)


def test_a_letter_with_alt_is_an_action_and_never_typed() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i")
        before = list(do.reading.report.buffer.texts)
        await do.press("alt+s", "alt+9", "alt+k", "f3", "ctrl+b")
        assert do.reading.report.buffer.texts == before

    walk(steps, size=(160, 50))


def test_another_windows_writing_makes_the_draft_read_only_and_loses_nothing() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i")
        draft_id = next(iter(do.station.drafts))
        do.station.drafts[draft_id] = replace(do.station.drafts[draft_id], seq=99)
        await do.pilot.press("x")
        await do.until(lambda: do.reading.keeper.stale)
        assert "x" in "".join(do.reading.report.buffer.texts)
        assert not do.reading.report.writable

    walk(steps)


def test_leaving_the_case_writes_what_was_typed_a_moment_ago() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i")
        await do.pilot.press("z")
        await do.press("escape", "q")
        assert isinstance(do.app.place, Worklist)
        assert any("z" in "".join(texts.values()) for _, _, texts in do.station.saved)

    walk(steps)


# -- signing ------------------------------------------------------------------------------------------


async def ready_to_sign(do: Driver) -> SignSheetView:
    """Open case, written and without a finding, the sign sheet on it."""
    await do.press("s", "enter", "i")
    do.reading.report.place_cursor("findings")
    await do.press("f2", *"normal")
    do.reading.report.place_cursor("impression")
    await do.press(*"fine")
    await do.press("f8")
    do.clock.advance(1)
    sheet = do.reading.sheets[-1]
    assert isinstance(sheet, SignSheetView)
    return sheet


def test_the_day_of_birth_signs_at_the_second_digit() -> None:
    async def steps(do: Driver) -> None:
        await ready_to_sign(do)
        await do.press("1")
        assert do.station.signed == []
        await do.press("4")
        await do.until(lambda: do.station.signed)

    done = walk(steps)
    assert [one[0] for one in done.station.signed] == ["draft-t1"]


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_the_sign_sheet_says_the_whole_of_what_was_compared(size: tuple[int, int]) -> None:
    async def steps(do: Driver) -> None:
        sheet = await ready_to_sign(do)
        left = sheet.region.x
        rows = [row[left:].strip("▌ ") for row in do.text().split("\n")]
        first = next(at for at, row in enumerate(rows) if "order, report" in row)
        assert "order, report and images are of one patient and study" in " ".join(rows[first : first + 2])

    walk(steps, size=size)


@pytest.mark.parametrize("keys", [("enter",), ("space",), ("f8", "f8"), ("y",), ("shift+delete",)])
def test_nothing_but_the_digits_signs(keys: tuple[str, ...]) -> None:
    async def steps(do: Driver) -> None:
        await ready_to_sign(do)
        await do.press(*keys)

    assert walk(steps).station.signed == []


def test_a_wrong_pair_clears_the_boxes_and_the_third_closes_the_sheet() -> None:
    async def steps(do: Driver) -> None:
        sheet = await ready_to_sign(do)
        await do.press("2", "3")
        assert sheet.typed == ""
        await do.press("3", "4")
        assert do.reading.sheets
        await do.press("4", "1")
        assert not do.reading.sheets

    assert walk(steps).station.signed == []


def test_digits_typed_in_the_first_moment_and_held_keys_are_dropped() -> None:
    async def steps(do: Driver) -> None:
        sheet = await ready_to_sign(do)
        sheet._opened_at = do.clock.monotonic()
        await do.pilot.press("1", "4")
        assert sheet.typed == ""
        do.clock.advance(1)
        for _ in range(5):
            do.clock.advance(0.033)
            await do.pilot.press("1")
        assert len(sheet.typed) == 1

    assert walk(steps).station.signed == []


def test_the_boxes_stay_closed_until_each_check_has_a_reason() -> None:
    station = tui_fake.FakeStation(12)
    station.extra_checks = [
        Check("prior-not-mentioned", "warn", clean("A prior is not mentioned"), clean("h"))
    ]

    async def steps(do: Driver) -> None:
        sheet = await ready_to_sign(do)
        assert "[··]" in do.text()
        await do.press("1", "4")
        assert sheet.typed == ""
        await do.press("enter", *"other", "enter")
        assert sheet.ready()
        await do.press("1", "4")
        await do.until(lambda: do.station.signed)

    done = walk(steps, station=station)
    assert [(one.rule, one.reason) for one in done.station.signed[0][1]] == [("prior-not-mentioned", "other")]


def test_a_stop_takes_the_signature_away() -> None:
    station = tui_fake.FakeStation(12)
    station.match = Match((Finding("birth-date", "stop", clean("the birth dates differ")),))

    async def steps(do: Driver) -> None:
        await do.press("s", "enter")
        assert "STOP" in do.text()
        await do.press("i", "f8")
        assert not do.reading.sheets

    assert walk(steps, station=station).station.signed == []


def test_the_pin_is_asked_first_where_it_is_needed_and_a_wrong_one_signs_nothing() -> None:
    station = tui_fake.FakeStation(12)
    station.pin = "246810"

    async def steps(do: Driver) -> None:
        await ready_to_sign(do)
        await do.press(*"000000", "enter", "1", "4")
        assert do.station.signed == []
        await do.press(*"246810", "enter", "1", "4")
        await do.until(lambda: do.station.signed)

    assert walk(steps, station=station).station.signed[0][2] == "246810"


def test_escape_loses_nothing() -> None:
    async def steps(do: Driver) -> None:
        await ready_to_sign(do)
        await do.press("escape")
        assert not do.reading.sheets
        assert do.reading.report.buffer.texts[-1] == "fine"

    assert walk(steps).station.signed == []


# -- other places -------------------------------------------------------------------------------------


def test_a_number_chooses_in_the_outbox_and_nothing_is_chosen_before() -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "o")
        assert isinstance(do.app.place, Outbox)
        text = do.text()
        for words in ("needs you", "not issued", "issued"):
            assert words in text
        assert do.station.resolved == []

    walk(steps, size=(160, 50))


def test_the_lock_shows_no_patient_and_takes_the_secret() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "f12")
        await do.until(lambda: isinstance(do.app.screen, LockScreen))
        await do.pilot.pause()
        text = do.text()
        assert "OKONKWO" not in text
        assert "locked" in text
        await do.press(*"wrong", "enter")
        assert isinstance(do.app.screen, LockScreen)
        await do.press(*"opensesame", "enter")
        await do.until(lambda: not isinstance(do.app.screen, LockScreen))
        assert "OKONKWO" in do.text()

    walk(steps)


def test_leaving_with_reports_not_issued_says_so_first() -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "q")
        assert "NOT ISSUED" in do.text()
        await do.press("escape")
        assert do.app.is_running

    walk(steps)


def test_every_theme_and_the_ascii_signs_draw_every_screen() -> None:
    async def steps(do: Driver) -> None:
        for name in sorted(do.app.looks):
            do.app.choose_look(name)
            await do.press("enter", "i", "f8", "escape", "escape", "q", "g", "o", "q")
            assert isinstance(do.app.place, Worklist)

    walk(steps, station=tui_fake.FakeStation(12, settings={"glyphs": "ascii"}))


def test_every_page_of_the_go_menu_opens_and_comes_back() -> None:
    async def steps(do: Driver) -> None:
        for key in "otrnh":
            await do.press("g", key)
            assert not isinstance(do.app.place, Worklist), key
            await do.press("s", "S", "q")
            assert isinstance(do.app.place, Worklist), key

    walk(steps, size=(120, 40))


def test_a_program_that_is_ending_measures_no_window() -> None:
    TelereadApp(tui_fake.FakeStation(1), clock=FakeClock(tui_fake.NOW)).fit_window()
