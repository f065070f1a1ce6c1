"""How fast each hub's archives are, and which do not answer: measured, never asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from teleread.archive.plans import Line

__all__ = ["Lines"]

ENOUGH: Final = 512_000
"""Bytes a fetch has to bring before its speed says something."""
WEIGHT: Final = 0.4
"""Of the newest measurement in the running mean."""
FIRST_PAUSE: Final = 15.0
LONGEST_PAUSE: Final = 60.0
"""Seconds a line that does not answer is left alone: the first time, and at most."""
SHAKY_SECONDS: Final = 3600.0
"""How long a line that failed is held for one that comes and goes."""


@dataclass(slots=True)
class _State:
    rate: float | None = None
    failures: int = 0
    until: float = 0.0
    failed_at: float | None = None


@dataclass(slots=True)
class Lines:
    """The lines of one engine. Times are the clock's `monotonic`."""

    _states: dict[str, _State] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def learn(self, rates: dict[str, float]) -> None:
        """Begin with what was measured before."""
        with self._guard:
            for hub_id, rate in rates.items():
                self._of(hub_id).rate = rate

    def brought(self, hub_id: str, size: int, seconds: float) -> float | None:
        """A fetch ended; the rate now, bytes a second."""
        with self._guard:
            state = self._of(hub_id)
            state.failures = 0
            state.until = 0.0
            if size >= ENOUGH and seconds > 0:
                fresh = size / seconds
                state.rate = fresh if state.rate is None else WEIGHT * fresh + (1 - WEIGHT) * state.rate
            return state.rate

    def failed(self, hub_id: str, now: float) -> None:
        """The archive did not answer: it is left alone, longer each time."""
        with self._guard:
            state = self._of(hub_id)
            state.failures += 1
            state.failed_at = now
            state.until = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (state.failures - 1))

    def view(self, now: float) -> dict[str, Line]:
        """All lines, as the planner sees them."""
        from teleread.archive.plans import Line

        with self._guard:
            return {
                hub_id: Line(one.rate, _words(one.until - now), _shaky(one, now))
                for hub_id, one in self._states.items()
            }

    def _of(self, hub_id: str) -> _State:
        return self._states.setdefault(hub_id, _State())


def _shaky(one: _State, now: float) -> bool:
    return one.failed_at is not None and now - one.failed_at < SHAKY_SECONDS


def _words(left: float) -> str:
    return f"its archive does not answer; asked again in {max(1, round(left))} s" if left > 0 else ""
