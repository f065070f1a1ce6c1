"""How loud it is against the room: the meter, the gate before the detector, and a warning of poor audio."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import Final

__all__ = ["FLOOR", "SILENT", "Meter", "decibels", "filled", "quality"]

SILENT: Final = 1e-6
FLOOR: Final = -60.0
"""Decibels of full scale up to which a drawn level is empty."""
_FULL: Final = 32768.0
_GATE: Final = 1.6
"""How many times louder than the room speech has to be: 4 dB."""
_FAINT: Final = 0.0008
"""Root mean square under which nothing is near speech: -62 dB of full scale."""
_LOUD: Final = 0.99
"""Share of full scale that counts as cut off."""


def filled(level: float, steps: int) -> int:
    """How many steps of a drawn level are filled.

    Args:
        level: Decibels of full scale.
        steps: Of a level that is full.
    """
    return min(steps, max(0, round((level - FLOOR) / -FLOOR * steps)))


def root_mean_square(frame: bytes) -> float:
    """Of 16-bit samples, 0 to 1."""
    samples = array("h")
    samples.frombytes(frame[: len(frame) & ~1])
    if not samples:
        return 0.0
    return math.sqrt(sum(one * one for one in samples) / len(samples)) / _FULL


def decibels(level: float) -> float:
    """A level as decibels of full scale."""
    return 20 * math.log10(max(level, SILENT))


@dataclass(slots=True)
class Meter:
    """Follows the level and the room's own noise."""

    level: float = 0.0
    """Of the last frame, root mean square, 0 to 1."""
    noise: float = 0.0
    """The room: falls at once, rises slowly."""
    clipped: int = 0
    """Frames with samples at full scale."""
    _seen: int = field(default=0, init=False)

    def push(self, frame: bytes) -> float:
        """Take a frame; give its level."""
        self.level = root_mean_square(frame)
        self._seen += 1
        if self._seen == 1 or self.level < self.noise:
            self.noise = self.level
        else:
            self.noise = min(self.level, max(self.noise, SILENT) * 1.01)
        return self.level

    @property
    def near(self) -> bool:
        """Whether the last frame is loud enough to be the reader, not the room."""
        return self.level >= max(_FAINT, min(self.noise * _GATE, 0.05))


def quality(audio: bytes) -> str:
    """What is wrong with an utterance as sound: ``faint``, ``cut off``, ``noisy`` or nothing (empty)."""
    import numpy as np

    wave = np.frombuffer(audio[: len(audio) & ~1], "<i2").astype(np.float32) / _FULL
    if len(wave) < 1600:
        return ""
    frames = wave[: len(wave) // 320 * 320].reshape(-1, 320)
    power = np.sort(np.sqrt((frames**2).mean(axis=1)))
    speech, room = float(power[int(len(power) * 0.9)]), float(power[int(len(power) * 0.1)])
    if float((np.abs(wave) >= _LOUD).mean()) > 0.002:
        return "cut off"
    if speech < 0.004:
        return "faint"
    return "noisy" if decibels(speech) - decibels(room) < 8 else ""
