"""When the screen is painted: as soon as something changed, and no sooner than a moment after the last time.

Textual paints at the places of a grid of sixty a second, and leaves a place out where the work before it took
a millisecond too long; a picture in motion then comes thirty times a second, not sixty.
"""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import Final

from textual.timer import EventTargetGone, Timer

__all__ = ["GAP_SECONDS", "Pace"]

GAP_SECONDS: Final = 0.01
"""From the beginning of a paint to that of the next, at least."""


class Pace(Timer):
    """A timer that ticks when it is resumed, but for `GAP_SECONDS` after its last tick."""

    async def _run(self) -> None:
        resumed: asyncio.Event = self._active
        with contextlib.suppress(EventTargetGone):
            while True:
                await resumed.wait()
                begin = monotonic()
                await self._tick(next_timer=begin, count=0)
                await asyncio.sleep(max(0.0, begin + GAP_SECONDS - monotonic()))
