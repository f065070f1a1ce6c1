"""Words that must not go wrong: sides, denials, numbers, and prefixes that turn a word round."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from teleread.dictation.text.numbers import CARDINALS, ORDINALS
from teleread.dictation.text.vocabulary import words

__all__ = ["NEGATION", "NUMBER", "PREFIX", "SIDE", "is_safety_word", "kind_of", "opposite", "prefix_of"]

SIDE: Final = "laterality"
NEGATION: Final = "negation"
NUMBER: Final = "number"
PREFIX: Final = "prefix"

_DIGIT: Final = re.compile(r"\d")
_TRIM: Final = re.compile(r"^\W+|\W+$")


@lru_cache(maxsize=4096)
def kind_of(word: str) -> str:
    """Which kind of safety word it is: `SIDE`, `NEGATION`, `NUMBER`, `PREFIX` or empty."""
    low = _TRIM.sub("", word.lower())
    if low in words("sides"):
        return SIDE
    if low in words("denials") or low.endswith("n't"):
        return NEGATION
    if _DIGIT.search(low) or low in CARDINALS or low in ORDINALS or low in words("more_numbers"):
        return NUMBER
    if any(part in words("sides") for part in low.split("-") if "-" in low):
        return SIDE
    if any(part in CARDINALS for part in low.split("-") if "-" in low):
        return NUMBER
    return PREFIX if prefix_of(low) else ""


def is_safety_word(word: str) -> bool:
    """Whether it is a side, a denial or a number; a word with a turning prefix is none by itself."""
    return kind_of(word) in {SIDE, NEGATION, NUMBER}


def prefix_of(word: str) -> str:
    """The prefix that turns a word's meaning round, where it has one (hypo, hyper, infra, supra, ...)."""
    low = word.lower()
    for prefix in _prefixes():
        if low.startswith(prefix) and len(low) >= len(prefix) + 4:
            stem = low[len(prefix) :].lstrip("-")
            if prefix in _ALWAYS or stem in words("turned"):
                return prefix
    return ""


_ALWAYS: Final = words("always_turning")
"""Prefixes that turn whatever they stand before; the others only what is listed as turned."""


@lru_cache(maxsize=1)
def _prefixes() -> tuple[str, ...]:
    found = _ALWAYS | words("turning")
    return tuple(sorted(found, key=lambda one: (-len(one), one)))


def opposite(prefix: str) -> tuple[str, ...]:
    """Prefixes that would turn a word with this one round."""
    return _OPPOSITES.get(prefix, ())


_PAIRS: Final = (
    ("hypo", "hyper"),
    ("infra", "supra"),
    ("ante", "retro"),
    ("antero", "retro"),
    ("intra", "extra"),
    ("intra", "inter"),
    ("infero", "supero"),
    ("antero", "postero"),
    ("pre", "post"),
    ("endo", "exo"),
    ("sub", "supra"),
    ("iso", "hypo"),
    ("iso", "hyper"),
)
_OPPOSITES: Final = {
    one: tuple({b for a, b in _PAIRS if a == one} | {a for a, b in _PAIRS if b == one})
    for one in {part for pair in _PAIRS for part in pair}
}
