"""What a plan of prefetching is made of: how things are, what is wanted, and what was decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Final, NamedTuple

from teleread.model.study import StudyKey
from teleread.model.task import TaskKey

__all__ = ["Decision", "Held", "Lane", "Line", "Plan", "Rules", "Situation", "SizeGuess", "size_words"]


class Lane(IntEnum):
    """Classes of a plan; a lower one always goes first."""

    NOW = 0
    """Open on the screen, or asked for by the reader."""
    STAT = 1
    CASE = 2
    """Earlier studies of the open case."""
    NEXT = 3
    PRIOR = 4
    """Earlier studies of the next cases: their documents first, then pixels."""
    THUMBNAIL = 5
    """The first picture of each series of cases further down."""
    LATER = 6
    """The rest of yours with their priors, then those cases whole, while line and room are free."""

    @property
    def words(self) -> str:
        """The lane, as people read it."""
        return _LANES[self]


_LANES: Final = ("now", "stat", "this case", "next cases", "earlier studies", "first pictures", "later")


class Held(NamedTuple):
    """What is here of a study."""

    state: str = "none"
    """``none``, ``part`` or ``all``."""
    instances: int = 0
    expected: int | None = None
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of the line to one hub's archives."""

    rate: float | None = None
    """Bytes a second, as measured; None before the first fetch."""
    down: str = ""
    """Words, while it does not answer."""
    shaky: bool = False
    """It failed within the last hour: what comes from it is fetched while it answers."""


@dataclass(frozen=True, slots=True)
class SizeGuess:
    """How large a study will be, learned from what is held."""

    per_instance: Mapping[str, float] = field(default_factory=dict)
    """Mean bytes of an instance by modality."""
    per_study: Mapping[str, float] = field(default_factory=dict)
    """Mean bytes of a study by modality, for studies whose count nobody tells."""

    def bytes_of(self, modality: str, instances: int | None, held: Held) -> int:
        """Bytes still to come."""
        if held.state == "all":
            return 0
        count = held.expected or instances
        if count is None:
            whole = self.per_study.get(modality) or _STUDY_BYTES.get(modality, 60e6)
            return max(0, int(whole) - held.bytes)
        mean = held.bytes / held.instances if held.instances else self.per_instance.get(modality)
        return int(max(0, count - held.instances) * (mean or _INSTANCE_BYTES.get(modality, 530e3)))


_INSTANCE_BYTES: Final[Mapping[str, float]] = {
    "CT": 530e3,
    "MR": 300e3,
    "PT": 130e3,
    "US": 1.2e6,
    "NM": 1e6,
    "XA": 20e6,
    "RF": 8e6,
    "CR": 10e6,
    "DX": 16e6,
    "MG": 30e6,
    "SR": 30e3,
}
_STUDY_BYTES: Final[Mapping[str, float]] = {
    "CT": 250e6,
    "MR": 120e6,
    "PT": 60e6,
    "US": 40e6,
    "NM": 10e6,
    "XA": 300e6,
    "RF": 60e6,
    "CR": 20e6,
    "DX": 32e6,
    "MG": 120e6,
    "SR": 60e3,
}
"""Guesses before anything was fetched; what is held teaches better ones."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the reader and the site want; settings of the same names."""

    cases: int = 5
    """Cases nobody holds that are kept ready; 0 for none, and none further down either."""
    priors: int = 2
    thumbnails: int = 20
    """Cases further down whose first pictures are brought."""
    later: int = 20
    """Cases further down that are brought whole while line and room are free."""
    quiet: tuple[int, int] | None = None
    """Minutes of the local day between which only what is open, asked for or stat is fetched."""
    on_metered: str = "own"
    """``all``; ``own``: your cases alone; ``none``: only what is open, asked for or stat."""
    on_battery: str = "all"
    """The same."""
    reading_minutes: float = 8.0
    """How long a case takes to read: what the next cases' deadlines are counted by."""


@dataclass(frozen=True, slots=True)
class Situation:
    """How things are at this moment."""

    now: datetime
    """UTC."""
    minute: int = 12 * 60
    """Of the local day."""
    lines: Mapping[str, Line] = field(default_factory=dict)
    """By hub id."""
    metered: bool = False
    battery: bool = False
    opened: Sequence[StudyKey] = ()
    """Studies on a screen now, the last opened first."""
    asked: Sequence[StudyKey] = ()
    """Studies the reader put first by hand."""
    paused: frozenset[StudyKey] = frozenset()
    all_paused: bool = False
    waiting: Mapping[StudyKey, str] = field(default_factory=dict)
    """Studies that failed lately, with words; they are tried again later."""
    documents: frozenset[StudyKey] = frozenset()
    """Earlier studies whose reports were looked for already."""
    pictures: frozenset[StudyKey] = frozenset()
    """Studies whose first pictures are here."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One study of the plan."""

    key: StudyKey
    task: TaskKey | None
    """The case it is for; None where it was asked for by itself."""
    lane: Lane
    part: str
    """``all``, ``documents`` or ``first`` (the first picture of each series)."""
    reason: str
    """Why it is in the plan, in words, without patient data."""
    score: int
    """Its place in the plan in one number: lane, then priority, then place; less goes first."""
    wait: str = ""
    """Why it is not fetched now, in words; empty where it is, or is here."""
    state: str = "none"
    """``none``, ``part`` or ``all``: what is here."""
    bytes: int = 0
    """Still to come, as guessed."""
    eta: float | None = None
    """Seconds until it is here, if everything before it goes first; None where the line is not known."""

    @property
    def fetch(self) -> bool:
        """Whether it is to be fetched now."""
        return self.state != "all" and not self.wait


@dataclass(frozen=True, slots=True)
class Plan:
    """The decisions, in order."""

    decisions: tuple[Decision, ...]

    @property
    def to_fetch(self) -> tuple[Decision, ...]:
        """What is fetched, in order."""
        return tuple(one for one in self.decisions if one.fetch)

    def better(self, lanes: Collection[Lane], running: StudyKey, part: str) -> bool:
        """Whether a running fetch should give way: something else of these lanes stands before it."""
        found = [(one.key, one.part) for one in self.to_fetch if one.lane in lanes]
        return (running, part) in found and found[0] != (running, part)


def size_words(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
