"""Marks that came with an earlier state of a text, moved to where their words stand now. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

__all__ = ["Span", "common", "moved", "words_in"]

Span = tuple[int, int]
"""(start, end) in a section's text, characters."""
_WORD: Final = re.compile(r"\w+(?:[.,'’/-]\w+)*")


def moved(before: str, now: str, spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans of a text as it was, where they stand after one edit; those the edit touched are gone.

    Args:
        before: The text the spans were found in.
        now: The text as it stands.
        spans: In any order.
    """
    if before == now:
        return tuple(spans)
    most = min(len(before), len(now))
    head = common(before, now, most)
    tail = common(before[::-1], now[::-1], most - head)
    by = len(now) - len(before)
    cut = len(before) - tail
    kept = [one for one in spans if one[1] <= head or one[0] >= cut]
    return tuple((start, end) if end <= head else (start + by, end + by) for start, end in kept)


def common(one: str, other: str, most: int) -> int:
    """Length of the common beginning, by halving: slices compare at memory speed."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def words_in(texts: Iterable[str]) -> int:
    """Words of a report, numbers included."""
    return sum(_count(text) for text in texts)


@lru_cache(maxsize=64)
def _count(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))
