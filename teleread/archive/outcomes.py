"""How long a fetch keeps trying, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from teleread.model.study import StudyKey
from teleread.model.text import EMPTY, SafeText

__all__ = ["FetchLimits", "FetchOutcome"]


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long a fetch keeps trying."""

    tries: int = 4
    """Tries in a row that bring nothing."""
    rounds: int = 200
    """Tries in all at one archive, however much each brings."""
    first_wait: float = 1.0
    """Seconds; the longest wait before the second try, doubled for each further one (full jitter)."""
    longest_wait: float = 30.0


@dataclass(frozen=True, slots=True)
class FetchOutcome:
    """How a fetch ended."""

    key: StudyKey
    via: str
    """The way most of it came, or by which it was seen to be whole."""
    instances_expected: int
    instances_held: int
    bytes: int
    """Bytes brought by this fetch."""
    seconds: float
    complete: bool
    fallbacks: tuple[tuple[str, SafeText], ...] = ()
    """(way, why it was left) in the order they were tried."""
    problems: tuple[SafeText, ...] = ()
    """Words on every instance that did not come or was refused."""
    offline: bool = False
    """What is missing may come later by itself: an archive did not answer."""
    missing_why: SafeText = EMPTY
    """Words, where the study is part."""
    satisfied: bool = True
    """Everything that was asked for is here: the study, or the part of it."""
    changed: SafeText = EMPTY
    """Words, where the archive's study changed since it was whole here."""
