"""The screen is painted as soon as something changed, and not without end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from teleread.tui.app import TelereadApp
from teleread.tui.pace import GAP_SECONDS, Pace
from tests.unit import tui_fake


def app() -> TelereadApp:
    station: Any = tui_fake.FakeStation(3)
    return TelereadApp(station)


def test_a_screen_is_painted_by_the_pace() -> None:
    painted: list[bool] = []

    async def go() -> None:
        made = app()
        async with made.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            timer = made.screen._update_timer
            assert isinstance(timer, Pace)
            plain: Any = timer._callback

            def paint() -> None:
                painted.append(True)
                plain()

            timer._callback = paint
            for _ in range(1000):
                made.screen.refresh()
                if len(painted) > 2:
                    break
                await asyncio.sleep(0.01)

    asyncio.run(go())
    assert len(painted) > 2


@pytest.mark.parametrize("late", [0.0, 1.5])
def test_a_paint_that_took_too_long_is_followed_by_the_next_at_once(
    late: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    now = [100.0]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds
        if len(slept) == 3:
            raise asyncio.CancelledError

    class Counting(Pace):
        async def _tick(self, *, next_timer: float, count: int) -> None:
            now[0] += late * GAP_SECONDS

    async def go() -> None:
        timer = Counting(app(), GAP_SECONDS, pause=False)
        with pytest.raises(asyncio.CancelledError):
            await timer._run()

    monkeypatch.setattr("teleread.tui.pace.monotonic", lambda: now[0])
    monkeypatch.setattr("teleread.tui.pace.asyncio.sleep", sleep)
    asyncio.run(go())
    assert slept == pytest.approx([max(0.0, GAP_SECONDS * (1 - late))] * 3, abs=1e-9)
