"""A microphone tried: how loud the voice comes, how loud the room is, and one phrase to hear."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .levels import Meter, decibels, quality
from .ports import AudioSource, Cut, Endpointer, seconds_of
from .ring import SealedRing

__all__ = ["LONGEST", "PHRASE", "Sounded", "sounded"]

PHRASE: Final = "The lungs are clear. No pleural effusion."
"""What a reader is asked to say: short, with a denial."""
LONGEST: Final = 10.0
"""Seconds of sound that are taken at most."""
GRACE: Final = 6.0
"""Seconds by the clock beyond that after which a source that gives too little is closed."""
_DEAD: Final = -87.0
"""Decibels of full scale that nothing switched on stays under: a muted microphone gives zeroes."""
_EVERY: Final = 4
"""Frames between two looks at the level: an eighth of a second."""


@dataclass(frozen=True, slots=True)
class Sounded:
    """What came."""

    voice: float
    """Decibels of full scale of the loud parts."""
    room: float
    """The same of the quiet ones."""
    fault: str
    """``none`` (no sound), ``muted``, ``no-voice``, ``faint``, ``cut off``, ``noisy``, or empty: good."""
    cut: Cut | None
    """The phrase, where a voice was there."""
    ring: SealedRing
    """Its sound: sealed, in memory alone, gone with this object."""


def sounded(
    source: AudioSource, cutter: Endpointer, show: Callable[[float], None] = lambda level: None
) -> Sounded:
    """Take one phrase in: until a pause follows it, `LONGEST` has passed or the source ends.

    Args:
        source: The microphone; closed when this returns.
        cutter: What ends the phrase.
        show: Is told the level, decibels of full scale, eight times a second.

    Raises:
        TelereadError: The microphone went away.
    """
    ring, meter = SealedRing(), Meter()
    levels: list[float] = []
    cuts: list[Cut] = []
    timer = threading.Timer(LONGEST + GRACE, source.close)
    timer.daemon = True
    timer.start()
    try:
        for frame in source.frames():
            ring.append(frame)
            levels.append(decibels(meter.push(frame)))
            if len(levels) % _EVERY == 0:
                show(max(levels[-_EVERY:]))
            cuts += cutter.push(frame)
            if cuts or seconds_of(ring.end) >= LONGEST:
                break
        else:
            cuts += cutter.finish()
        if not cuts:
            cuts += cutter.finish()
    finally:
        timer.cancel()
        source.close()
    cut = Cut(cuts[0].start, min(cuts[0].end, ring.end), cuts[0].speech) if cuts else None
    return Sounded(*_loudness(levels), _fault(levels, cut, ring), cut, ring)


def _loudness(levels: list[float]) -> tuple[float, float]:
    """(of the loud parts, of the quiet parts), the tenth from either end."""
    if not levels:
        return -120.0, -120.0
    ranked = sorted(levels)
    return ranked[int(len(ranked) * 0.9)], ranked[int(len(ranked) * 0.1)]


def _fault(levels: list[float], cut: Cut | None, ring: SealedRing) -> str:
    if not levels:
        return "none"
    if max(levels) < _DEAD:
        return "muted"
    if cut is None:
        return "no-voice"
    return quality(ring.read(cut.start, cut.end))
