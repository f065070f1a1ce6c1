"""Dictations handed to a site's typists, and the text that comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from .task import TaskKey
from .text import SafeText

__all__ = ["Typed", "TypingJob"]


@dataclass(frozen=True, slots=True)
class TypingJob:
    """A dictation to be typed."""

    id: str
    """UUID, new for each hand-over."""
    key: TaskKey
    accession: SafeText
    procedure: SafeText
    reader: SafeText
    """Who dictated, by name."""
    sections: Mapping[str, tuple[str, str]]
    """Section id to (label, the draft's text)."""
    sha256: str
    """Of the sound's samples."""
    seconds: float
    made: datetime


@dataclass(frozen=True, slots=True)
class Typed:
    """What a typist wrote."""

    typist: SafeText
    """Who, as the site says."""
    sections: Mapping[str, SafeText]
    """Section id to its whole text."""
