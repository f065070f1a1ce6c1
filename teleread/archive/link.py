"""What the line to an archive is like, measured while it is used, and what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["LAN_RTT", "PACKING_PAYS_BELOW", "Governor", "LinkEstimate"]

LAN_RTT: Final = 0.003
"""Seconds; below it one line is as good as many, and a study comes in one answer."""
PACKING_PAYS_BELOW: Final = 6_000_000.0
"""Bytes a second. Above it the archive's own processor is slower at packing than the line at carrying."""
START: Final = 8
"""Lines a far archive is read by at first: as many first pictures come at once."""
GAIN: Final = 1.12
"""What a change has to bring to be kept."""
LOST: Final = 1.03
"""What half the lines may lose and still be kept: they are kinder to the archive."""
SETTLE: Final = 0.3
"""Seconds after a change that are not measured, besides two round trips: new lines start slowly."""
INTERVAL: Final = 1.0
"""Seconds that are measured."""
AGAIN: Final = 20.0
"""Seconds until another number of lines is tried once more."""


@dataclass(frozen=True, slots=True)
class LinkEstimate:
    """A line as it was last seen."""

    rtt: float
    """Seconds of a round trip."""
    rate: float
    """Payload, bytes a second; 0 where nothing was measured yet."""
    lines: int
    """Lines that were used for it."""
    packed: bool = False
    """The archive packed what it sent, and it paid."""

    @property
    def near(self) -> bool:
        """On the same premises."""
        return self.rtt < LAN_RTT


class Governor:
    """Chooses the number of lines, and whether answers are packed, by trying and measuring.

    It doubles the lines while that brings at least `GAIN`, and goes back where it does not; after a while it
    tries with half, and stays there where nothing is lost by it. Packing is tried on slow lines for objects
    that are stored uncompressed. Time is given to it: it has no clock of its own.

    Args:
        rtt: Seconds of a round trip.
        cap: Most lines.
        known: What an earlier study learned of the line.
    """

    def __init__(self, rtt: float, cap: int, known: LinkEstimate | None = None) -> None:
        self._rtt = rtt
        self._cap = max(1, cap)
        self.lines = min(self._cap, known.lines if known is not None else START)
        """Lines to use now."""
        self.packed = known is not None and known.packed
        """Ask for packed answers now."""
        self.rate = known.rate if known is not None else 0.0
        """Payload, bytes a second, of the last interval."""
        self._packing_known = self.packed
        self._before: tuple[int, float] | None = None
        self._step: Callable[[float], None] = self._more if known is None else self._hold
        self._held_since: float | None = None
        self._since: float | None = None
        self._base = 0

    def saw(self, now: float, payload: int, *, packable: bool) -> None:
        """So many bytes of payload have come in all, by this time.

        Args:
            now: Monotonic seconds.
            payload: Bytes, unpacked, since the start.
            packable: What came is stored uncompressed, and the archive may pack it.
        """
        if self._since is None:
            self._since = now + SETTLE + 2 * self._rtt
        if now < self._since:
            self._base = payload
            return
        passed = now - self._since
        if passed < INTERVAL:
            return
        self.rate = (payload - self._base) / passed
        self._since = None
        if packable and not self._packing_known and self.rate < PACKING_PAYS_BELOW:
            self._packing_known, self._before = True, (self.lines, self.rate)
            self.packed, self._step = True, self._packing
        else:
            self._step(now)

    def estimate(self) -> LinkEstimate:
        """The line as it is now."""
        return LinkEstimate(self._rtt, self.rate, self.lines, self.packed)

    def unpacked(self) -> None:
        """The archive was asked to pack and did not."""
        self.packed, self._packing_known = False, True
        self._before, self._step, self._since = None, self._more, None

    # ------------------------------------------------------------------ steps: what an interval was for

    def _packing(self, now: float) -> None:
        """Packing was tried."""
        self.packed = self._gained(GAIN)
        self._before, self._step = None, self._more

    def _more(self, now: float) -> None:
        """More lines were tried, or nothing yet."""
        if not self._gained(GAIN):
            self._back(now)
        elif self.lines >= self._cap:
            self._keep(now)
        else:
            self._before = (self.lines, self.rate)
            self.lines = min(self._cap, self.lines * 2)

    def _fewer(self, now: float) -> None:
        """Half the lines were tried."""
        if self._gained(1 / LOST):
            self._keep(now)
        else:
            self._back(now)

    def _hold(self, now: float) -> None:
        """Nothing was tried."""
        if self._held_since is None:
            self._held_since = now
        if now - self._held_since < AGAIN:
            return
        # Links change: what was too much may be right now, and the other way round.
        self._before = (self.lines, self.rate)
        if self.lines > START // 2:
            self.lines, self._step = max(1, self.lines // 2), self._fewer
        else:
            self.lines, self._step = min(self._cap, self.lines * 2), self._more

    def _gained(self, factor: float) -> bool:
        return self._before is None or self.rate >= self._before[1] * factor

    def _back(self, now: float) -> None:
        assert self._before is not None
        self.lines, self.rate = self._before
        self._keep(now)

    def _keep(self, now: float) -> None:
        self._before, self._step, self._held_since = None, self._hold, now
