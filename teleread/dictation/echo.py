"""Echoes: a phrase at the end of an utterance that the recogniser wrote twice and was said once.

Word times give it away: who says a thing twice takes about as long again, an echo takes next to no time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .ports import HeardWord, Hearing, Utterance

__all__ = ["without_echo", "without_echoes"]

SHARE: Final = 0.45
"""A copy that takes less of the other's time than this was not said."""
FASTEST: Final = 0.08
"""Seconds a word under which nobody speaks."""
SMALLEST: Final = 2
"""Words of the shortest echo: "no no" is left alone."""


def without_echoes(heard: Utterance) -> Utterance:
    """An utterance with no hearing that ends in an echo."""
    best = _hearing(heard.best)
    others = tuple(_hearing(one) for one in heard.others)
    return heard if (best, others) == (heard.best, heard.others) else replace(heard, best=best, others=others)


def _hearing(one: Hearing) -> Hearing:
    kept = without_echo(one.words)
    return one if len(kept) == len(one.words) else replace(one, words=kept)


def without_echo(words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
    """Words without the copy of a phrase that they end with; the copy that was said is kept."""
    kept = tuple(words)
    while (size := _echo(kept)) > 0:
        first, second = kept[-2 * size : -size], kept[-size:]
        kept = (*kept[: -2 * size], *(first if _lasts(first) >= _lasts(second) else second))
    return kept


def _echo(words: Sequence[HeardWord]) -> int:
    """Words in the longest echo at the end; 0 for none."""
    plain = [re.sub(r"\W", "", word.text.lower()) for word in words]
    for size in range(len(plain) // 2, SMALLEST - 1, -1):
        if plain[-2 * size : -size] != plain[-size:]:
            continue
        short, long = sorted((_lasts(words[-2 * size : -size]), _lasts(words[-size:])))
        if short <= max(SHARE * long, FASTEST * size):
            return size
    return 0


def _lasts(words: Sequence[HeardWord]) -> float:
    return words[-1].end - words[0].start
