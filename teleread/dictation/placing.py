"""Where an utterance's words go: to the place the cursor had when it began, through every edit since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .session import ends_before

__all__ = ["Anchor", "Placement", "before_of", "place", "span_now"]

NEAR: Final = 24
"""Characters before a place by which it is found again."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in a section as it stood."""

    section: str
    text: str
    """The section's text then."""
    start: int
    end: int
    """Behind ``start`` where a stretch was chosen: the words take its place."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Words put into a text."""

    text: str
    """The section's text with them."""
    start: int
    """Where what was put begins, blanks around it included."""
    end: int
    replaced: str = ""

    def behind(self, section: str) -> Anchor:
        """The place right behind them, for what is said next."""
        return Anchor(section, self.text, self.end, self.end)


def span_now(before: str, now: str, start: int, end: int) -> tuple[int, int] | None:
    """Where a stretch of a text stands after one edit; None where the edit touched it.

    Args:
        before: The text it was in.
        now: The text as it stands.
        start: Offsets in ``before``.
        end: The same as ``start`` for a place between two characters; what was put there stands behind it.
    """
    head = _common(before, now)
    tail = _common(before[head:][::-1], now[head:][::-1])
    if end <= head:
        return start, end
    by = len(now) - len(before)
    return (start + by, end + by) if start >= len(before) - tail else None


def _common(one: str, other: str) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def before_of(anchor: Anchor, now: str) -> str:
    """The text before an anchor as it stands now."""
    return now[: _place(anchor, now)[0]]


def _place(anchor: Anchor, now: str) -> tuple[int, int]:
    if anchor.end > anchor.start:
        found = span_now(anchor.text, now, anchor.start, anchor.end)
        if found is not None:
            return found
    found = span_now(anchor.text, now, anchor.start, anchor.start)
    if found is not None:
        return found
    # edits on both sides of it: by the words right before it, where they stand once
    words = anchor.text[max(0, anchor.start - NEAR) : anchor.start]
    at = now.find(words) + len(words) if words.strip() and now.count(words) == 1 else len(now)
    return at, at


def place(anchor: Anchor, now: str, words: str) -> Placement:
    """Put words at an anchor; where its surroundings are gone, behind all text."""
    start, end = _place(anchor, now)
    lead = ends_before(now[:start], words)
    follows = now[end : end + 1]
    trail = " " if follows.isalnum() and words[-1:] not in {"", " ", "\n"} else ""
    put = lead + words + trail
    return Placement(now[:start] + put + now[end:], start, start + len(put), now[start:end])
