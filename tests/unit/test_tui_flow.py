"""What happens round a case: idle time, other windows, other sizes, a STOP that is lifted."""

from __future__ import annotations

from dataclasses import replace

from teleread.model.identity import Finding, Match
from teleread.model.report import Draft
from teleread.model.task import TaskKey
from teleread.model.text import clean
from teleread.tui.screens.lock import LockScreen
from teleread.tui.screens.sign import IdentitySheet, SignSheetView
from teleread.workstation.api import Case
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, walk


def test_a_case_opened_from_the_list_gives_the_keys_to_its_pictures() -> None:
    async def steps(do: Driver) -> None:
        await do.press("enter")
        assert do.reading.pictures.has_focus
        await do.press("i")
        assert do.reading.report.has_focus
        assert len(do.station.drafts) == 1

    walk(steps)


def test_idle_minutes_lock_the_screen_and_a_key_before_them_begins_them_anew() -> None:
    station = tui_fake.FakeStation(12, settings={"idle_minutes": 10})

    async def steps(do: Driver) -> None:
        await do.press("s")
        do.clock.advance(590)
        await do.press("s")
        do.clock.advance(590)
        await do.app._look()
        assert not do.station.locked()
        do.clock.advance(11)
        await do.app._look()
        await do.until(lambda: isinstance(do.app.screen, LockScreen))
        assert do.station.locked()
        await do.pilot.pause()
        assert not any(str(row.name).split("^")[0] in do.text() for row in do.station.rows)

    walk(steps, station=station)


def test_another_size_keeps_the_text_and_the_cursor() -> None:
    async def steps(do: Driver) -> None:
        await do.press("enter", "i")
        do.reading.report.place_cursor("impression")
        await do.press(*"no abscess", "left", "left")
        buffer = do.reading.report.buffer
        before = (list(buffer.texts), buffer.section, buffer.at)
        for size in ((160, 50), (60, 15), (119, 30), (80, 24)):
            await do.pilot.resize_terminal(*size)
            await do.settle()
            assert do.app.size == size
            assert (list(buffer.texts), buffer.section, buffer.at) == before
            assert do.reading.report.has_focus

    walk(steps)


class TakenStation(tui_fake.FakeStation):
    """Another window holds the draft until it is taken over."""

    taken = False

    def open_case(self, key: TaskKey) -> Case:
        case = super().open_case(key)
        return case if self.taken or case.draft is None else replace(case, draft_writable=False)

    def take_draft(self, draft_id: str) -> Draft:
        self.taken = True
        return super().take_draft(draft_id)


def test_a_draft_of_another_window_is_read_only_until_i_takes_it_over() -> None:
    station = TakenStation(12)

    async def steps(do: Driver) -> None:
        item = do.list.table.current
        assert item is not None
        draft = station.start_draft(item.key)
        await do.press("enter")
        assert not do.reading.report.writable
        assert do.reading.keeper.stale
        await do.press("i")
        await do.until(lambda: do.reading.report.writable)
        assert station.taken
        await do.press("x")
        await do.until(lambda: station.saved)
        assert station.saved[-1][0] == draft.id

    walk(steps, station=station)


def test_a_stop_is_lifted_on_its_own_sheet_with_a_reason_and_the_patients_number() -> None:
    station = tui_fake.FakeStation(12)
    station.match = Match((Finding("birth-date", "stop", clean("the birth dates differ")),))

    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i", "f8")
        assert not do.reading.sheets
        await do.press("escape", "o", "i")
        sheet = do.reading.sheets[-1]
        assert isinstance(sheet, IdentitySheet)
        do.clock.advance(1)
        await do.press("1", "4")
        assert do.reading.sheets == [sheet]  # no reason yet: the boxes are closed
        await do.press("enter", *"asked the ward", "enter")
        do.clock.advance(1)
        await do.press("1", "4")
        await do.until(lambda: not do.reading.sheets)
        assert str(do.reading.overrides["identity-checked"].reason) == "asked the ward"
        await do.press("f8")
        assert isinstance(do.reading.sheets[-1], SignSheetView)

    assert walk(steps, station=station).station.signed == []


def test_a_sheet_left_by_escape_gives_the_keys_back_to_the_pane_they_came_from() -> None:
    station = tui_fake.FakeStation(12)
    station.match = Match((Finding("birth-date", "stop", clean("the birth dates differ")),))

    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i", "escape", "o", "i")
        assert isinstance(do.reading.sheets[-1], IdentitySheet)
        await do.press("escape")
        assert do.reading.pictures.has_focus
        await do.press("i", "shift+delete", "escape")
        assert do.reading.report.has_focus

    walk(steps, station=station)
