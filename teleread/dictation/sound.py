"""How alike two words sound, by English spelling alone: no dictionary of sounds is needed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["alike", "sound_of"]

_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"[^a-z]", ""),
        (r"^ps", "s"),
        (r"^pn", "n"),
        (r"^x", "z"),
        (r"ae|oe", "e"),
        (r"ph", "f"),
        (r"rrh|rh", "r"),
        (r"sch", "sk"),
        (r"ch(?=[rlt]|o|a)", "k"),
        (r"ch|tch", "x"),
        (r"sh|ti(?=on|a|ou)|ci(?=a|ou)|ssi(?=on)", "x"),
        (r"th", "t"),
        (r"gh", ""),
        (r"c(?=[eiy])", "s"),
        (r"ck|c|q", "k"),
        (r"g(?=[eiy])", "j"),
        (r"dg", "j"),
        (r"z", "s"),
        (r"v", "f"),
        (r"x(?=[a-z])", "x"),
        (r"y", "i"),
        (r"ou|ow|oo|u", "u"),
        (r"ee|ea|ie|ei", "i"),
        (r"ai|ay", "e"),
        (r"e(?=$)", ""),
        (r"(.)\1+", r"\1"),
    )
)
_VOWELS: Final = frozenset("aeiou")


@lru_cache(maxsize=16384)
def sound_of(word: str) -> str:
    """A word as it sounds, roughly."""
    text = word.lower()
    for pattern, put in _RULES:
        text = pattern.sub(put, text)
    return text


@lru_cache(maxsize=65536)
def alike(one: str, other: str) -> float:
    """How alike two words sound, 0 to 1; a changed vowel costs half a changed consonant."""
    first, second = sound_of(one), sound_of(other)
    if not first or not second:
        return 0.0
    longest = max(len(first), len(second))
    if abs(len(first) - len(second)) > longest * 0.4:
        return 0.0
    row = [float(at) for at in range(len(second) + 1)]
    for at, letter in enumerate(first, 1):
        before, row[0] = row[0], float(at)
        for column, wanted in enumerate(second, 1):
            cost = 0.0 if letter == wanted else 0.5 if {letter, wanted} <= _VOWELS else 1.0
            step = min(before + cost, row[column] + _gap(letter), row[column - 1] + _gap(wanted))
            before, row[column] = row[column], step
    return 1.0 - row[-1] / longest


def _gap(letter: str) -> float:
    return 0.5 if letter in _VOWELS else 1.0
