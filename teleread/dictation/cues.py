"""Short tones that tell what the microphone does, for eyes that are on the pictures. Made here, no files."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from .ports import RATE

__all__ = ["CUES", "cue"]

CUES: Final[Mapping[str, tuple[tuple[float, float], ...]]] = {
    "start": ((660, 0.06), (880, 0.08)),
    "stop": ((880, 0.06), (660, 0.08)),
    "mark": ((1320, 0.05),),
    "error": ((220, 0.12), (0, 0.06), (220, 0.12)),
}
"""By name: (hertz, seconds) in a row; 0 Hz is silence. Up is on, down is off, low twice is trouble."""
_LOUD: Final = 0.12
"""Of full scale: heard by who sits there, no voice to a detector."""
_EDGE: Final = 0.008
"""Seconds over which a tone rises and falls: without it, it cracks."""


@lru_cache(maxsize=8)
def cue(name: str) -> bytes:
    """A cue's samples, as `teleread.dictation.ports` says.

    Raises:
        KeyError: There is no such cue.
    """
    return b"".join(_tone(hertz, seconds) for hertz, seconds in CUES[name])


def _tone(hertz: float, seconds: float) -> bytes:
    count, edge = int(seconds * RATE), int(_EDGE * RATE)
    made = array("h")
    for at in range(count):
        swell = min(1.0, at / edge, (count - 1 - at) / edge)
        made.append(round(32767 * _LOUD * swell * math.sin(2 * math.pi * hertz * at / RATE)))
    return made.tobytes()
