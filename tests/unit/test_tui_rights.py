"""A case that another reader holds: said at once on the reading screen, and on the sign sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from teleread.model.report import Check
from teleread.model.task import TaskKey
from teleread.model.text import clean
from teleread.reporting.checks import rules
from teleread.tui.screens.sign import SignSheetView
from teleread.workstation.api import Case
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, walk

WHO = "Dr O Ther"


class Held(tui_fake.FakeStation):
    """A station on which every case is somebody else's."""

    def __init__(self) -> None:
        super().__init__(12)
        self.rows = [replace(one, mine=False, owner_name=clean(WHO)) for one in self.rows]

    def open_case(self, key: TaskKey) -> Case:
        case = super().open_case(key)
        task = replace(case.context.task, owner=clean("Practitioner/other"), owner_name=clean(WHO))
        return replace(case, context=replace(case.context, task=task))

    def checks(self, draft_id: str) -> Sequence[Check]:
        return (rules()["not-yours"].found(who=WHO), *super().checks(draft_id))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_whose_case_it_is_stands_on_the_screen_at_once(size: tuple[int, int]) -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter")
        assert f"Not yours: {WHO} has it; you may draft" in do.text()

    walk(steps, size=size, station=Held())


def test_the_sign_sheet_says_whose_it_is_and_takes_no_reason() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i", "f8")
        sheet = do.reading.sheets[-1]
        assert isinstance(sheet, SignSheetView)
        assert WHO in do.text()
        assert not sheet.ready()
        assert WHO in sheet.why_closed()
        await do.press("enter")
        assert do.reading.sheets[-1] is sheet
        await do.press("1", "4")

    assert walk(steps, size=(160, 50), station=Held()).station.signed == []
