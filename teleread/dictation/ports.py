"""The ports of dictation: what makes sound, what cuts it into utterances, what turns one into words.

Audio is always 16 kHz, one channel, 16 bits signed little-endian: `RATE` samples a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from teleread.model.text import SafeText

__all__ = [
    "BYTES_A_SECOND",
    "FRAME",
    "RATE",
    "AudioSource",
    "Bias",
    "Capabilities",
    "Cut",
    "Endpointer",
    "HeardWord",
    "Hearing",
    "Recogniser",
    "SourceCapabilities",
    "Utterance",
    "seconds_of",
]

RATE: Final = 16_000
"""Samples a second."""
BYTES_A_SECOND: Final = 2 * RATE
FRAME: Final = 1024
"""Bytes of a frame: 512 samples, 32 ms, what Silero's detector takes at once."""
MAX_UTTERANCE: Final = 28.0
"""Seconds of the longest utterance given to a recogniser; Whisper hears thirty."""


def seconds_of(data: bytes | int) -> float:
    """Seconds that audio, or a number of its bytes, lasts."""
    return (data if isinstance(data, int) else len(data)) / BYTES_A_SECOND


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word as a recogniser heard it."""

    text: SafeText
    """As the engine wrote it, its punctuation and capitals included."""
    start: float
    """Seconds from the beginning of the source."""
    end: float
    confidence: float
    """0 to 1, the least sure of its parts; 1 where the engine tells none."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """One way an utterance may have been heard."""

    words: tuple[HeardWord, ...]
    engine: str = ""
    """Which engine and model."""
    score: float = 0.0
    """Mean log probability of its tokens, comparable within one engine."""

    @property
    def text(self) -> str:
        """Its words with blanks between."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said between two silences, or while the key was held."""

    start: float
    """Seconds from the beginning of the source."""
    end: float
    best: Hearing
    others: tuple[Hearing, ...] = ()
    """Other hearings: the engine's next best, and those of a second model."""
    poor_audio: bool = False
    """Too faint, too loud or too noisy to be trusted."""


@dataclass(frozen=True, slots=True)
class Bias:
    """What a case makes likely to be said; ranked, the likeliest first."""

    phrases: tuple[str, ...] = ()
    """Words and short phrases, without sides and denials."""
    carrier: str = ""
    """A sentence or two in the style of a report, spoken marks written out as words."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a recogniser can do."""

    name: str
    """Engine and model, as the score table and the state line show it."""
    streaming: bool = False
    """It gives partial results while it is fed."""
    bias: bool = False
    punctuation: bool = False
    """It writes marks of its own accord."""
    times: bool = False
    confidence: bool = False
    alternatives: bool = False
    commands_only: bool = False
    """It forces everything into a command: never asked for report text."""
    sample_rate: int = RATE


@runtime_checkable
class Recogniser(Protocol):
    """Turns one utterance's audio into words. Opens no socket."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def recognise(self, audio: bytes, start: float, bias: Bias) -> Utterance:
        """Hear an utterance.

        Args:
            audio: PCM as this module says, at most `MAX_UTTERANCE` seconds.
            start: When it begins, seconds from the beginning of the source.
            bias: What the case makes likely.

        Raises:
            TelereadError: The engine failed; the audio is the caller's to keep and to send again.
        """
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class SourceCapabilities:
    """What a source of sound is."""

    name: str
    live: bool = False
    """It can't be asked to wait: what is not read in time is lost."""
    seekable: bool = False


@runtime_checkable
class AudioSource(Protocol):
    """Gives sound as it comes."""

    @property
    def capabilities(self) -> SourceCapabilities:
        """What it is."""
        ...

    def frames(self) -> Iterator[bytes]:
        """Frames of `FRAME` bytes; the last one is filled up with silence.

        Raises:
            TelereadError: The source can't be read or went away; what it gave stays valid.
        """
        ...

    def close(self) -> None:
        """Let the device or file go; `frames` ends soon."""
        ...


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of sound that holds one utterance."""

    start: int
    """Byte offset from the beginning of the source."""
    end: int
    speech: float = field(default=1.0)
    """Highest probability of speech in it, 0 to 1."""


@runtime_checkable
class Endpointer(Protocol):
    """Decides where utterances begin and end."""

    def push(self, frame: bytes) -> Sequence[Cut]:
        """Take one frame of `FRAME` bytes; give the utterances that ended with it."""
        ...

    def finish(self) -> Sequence[Cut]:
        """The source ended or the key was let go: what was still open."""
        ...

    @property
    def needed_from(self) -> int:
        """Byte offset before which no cut will ever reach again."""
        ...

    @property
    def open_at(self) -> int | None:
        """Byte offset where the utterance that runs begins; None between two."""
        ...
