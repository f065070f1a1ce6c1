"""A key waits for what the one before has opened."""

from __future__ import annotations

import asyncio
from typing import Any

from textual import events

from teleread.tui.typeahead import LONGEST, TypeAhead


class App:
    """Takes what is posted, and does nothing."""

    def __init__(self) -> None:
        self.posted: list[Any] = []

    def post_message(self, message: Any) -> bool:
        """It is taken."""
        self.posted.append(message)
        return True


async def nothing(_event: events.Event) -> None:
    """A key does nothing here."""


def late(*, stands_at_last: bool) -> tuple[int, int]:
    """Keys let through while what was opened does not stand yet, and afterwards."""

    async def run() -> tuple[int, int]:
        app: Any = App()
        standing = False
        keys = TypeAhead(app, nothing, set, lambda: standing)
        keys._turn = 1
        loop = asyncio.get_running_loop()
        keys._late(1, loop.time() + (LONGEST if stands_at_last else 0.05))
        before = len(app.posted)
        standing = stands_at_last
        while not app.posted:
            await asyncio.sleep(0.005)
        return before, len(app.posted)

    return asyncio.run(asyncio.wait_for(run(), 60))


def test_a_key_waits_for_a_sheet_that_takes_its_time() -> None:
    assert late(stands_at_last=True) == (0, 1)


def test_a_key_does_not_wait_for_ever() -> None:
    assert late(stands_at_last=False) == (0, 1)
