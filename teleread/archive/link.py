"""What the line to an archive is like, measured while it is used, and what follows from it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["LAN_RTT", "PACKING_PAYS_BELOW", "Governor", "LinkEstimate"]

LAN_RTT: Final = 0.003
"""Seconds; below it one line is as good as many, and a study comes in one answer."""
PACKING_PAYS_BELOW: Final = 6_000_000.0
"""Bytes a second. Above it the archive's own processor is slower at packing than the line at carrying."""
START: Final = 4
"""Lines a far archive is read by at first."""
GAIN: Final = 1.12
"""What a change has to bring to be kept."""
SETTLE: Final = 0.7
"""Seconds after a change that are not measured: new lines start slowly."""
INTERVAL: Final = 1.5
"""Seconds that are measured."""
AGAIN: Final = 20.0
"""Seconds until more lines are tried once more: links change."""
FALL: Final = 0.6
"""Below this part of what was held, everything is tried anew."""


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

    It climbs by doubling while that brings at least `GAIN`, and goes back where it does not. Packing is tried
    on slow lines for objects that are stored uncompressed. Time is given to it: it has no clock of its own.

    Args:
        rtt: Seconds of a round trip.
        cap: Most lines.
        known: What an earlier study learned of the line.
    """

    def __init__(self, rtt: float, cap: int, known: LinkEstimate | None = None) -> None:
        self._rtt = rtt
        self._cap = max(1, cap)
        start = known.lines if known is not None else START
        self.lines = min(self._cap, start)
        """Lines to use now."""
        self.packed = known.packed if known is not None else False
        """Ask for packed answers now."""
        self.packing_known = known is not None and known.packed
        """Packing was tried."""
        self._held: tuple[int, float] | None = None
        self._rate_before = 0.0
        self._climbing = known is None
        self._since: float | None = None
        self._base = 0
        self._held_at = 0.0
        self.rate = known.rate if known is not None else 0.0
        """Payload, bytes a second, of the last interval."""

    def saw(self, now: float, payload: int, *, packable: bool) -> None:
        """So many bytes of payload have come in all, by this time.

        Args:
            now: Monotonic seconds.
            payload: Bytes, unpacked, since the start.
            packable: What came is stored uncompressed, and the archive may pack it.
        """
        if self._since is None:
            self._since, self._base = now + SETTLE + 2 * self._rtt, payload
            return
        if now < self._since:
            self._base = payload
            return
        passed = now - self._since
        if passed < INTERVAL:
            return
        self.rate = (payload - self._base) / passed
        self._decide(now, packable)

    def estimate(self) -> LinkEstimate:
        """The line as it is now."""
        return LinkEstimate(self._rtt, self.rate, self.lines, self.packed)

    def unpacked(self) -> None:
        """The archive was asked to pack and did not."""
        self.packed, self.packing_known = False, True

    def _decide(self, now: float, packable: bool) -> None:
        if self.packed and not self.packing_known:
            self.packing_known = True
            if self.rate < self._rate_before * GAIN:
                self.packed = False
            self._changed()
        elif packable and not self.packing_known and self.rate < PACKING_PAYS_BELOW:
            self._rate_before, self.packed = self.rate, True
            self._changed()
        elif self._climbing:
            self._climb(now)
        elif self._held is not None and (
            self.rate < self._held[1] * FALL or (now - self._held_at > AGAIN and self.lines < self._cap)
        ):
            self._climbing, self._held = True, None
            self._climb(now)
        else:
            self._hold(now)
            self._changed()

    def _climb(self, now: float) -> None:
        if self._held is not None and self.rate < self._held[1] * GAIN:
            self.lines = self._held[0]
            self._climbing = False
            self._held_at = now
        elif self.lines >= self._cap:
            self._climbing = False
            self._hold(now)
        else:
            self._held = (self.lines, self.rate)
            self.lines = min(self._cap, self.lines * 2)
        self._changed()

    def _hold(self, now: float) -> None:
        if self._held is None:
            self._held_at = now
        self._held = (self.lines, self.rate)

    def _changed(self) -> None:
        self._since = None
