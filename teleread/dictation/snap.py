"""The snap: a word that nothing knows becomes the word of the case that it clearly sounds like.

It never makes, changes, removes or absorbs a side, a denial, a number or a prefix that turns a word round;
what it changed stays told (`Piece.was`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from teleread.reporting.spelling import Doubt

from .safety import NEGATION, NUMBER, SIDE, kind_of, prefix_of
from .sound import alike, sound_of
from .text.pieces import Piece, joined, low
from .text.vocabulary import words

__all__ = ["Snap", "in_context", "safe_to_learn", "safe_to_snap"]

ENOUGH: Final = 0.74
"""How alike a word has to sound."""
ENOUGH_JOINED: Final = 0.8
MARGIN: Final = 0.06
"""How much more alike than the second best."""
SHORTEST: Final = 5
"""Letters of the shortest word that is snapped, or snapped to."""
_JOINED: Final = frozenset("hypo hyper infra supra retro sub endo iso para peri micro super".split())  # noqa: SIM905
"""Prefixes that are written in one with their word."""
_SOUND_ALIKE: Final = {
    "peri": ("para",),
    "para": ("peri",),
    "hypo": ("hyper",),
    "hyper": ("hypo",),
    "intra": ("inter", "infra"),
    "inter": ("intra",),
    "infra": ("intra",),
    "ante": ("anti",),
    "anti": ("ante",),
    "ab": ("ad",),
    "ad": ("ab",),
}
"""Prefixes heard for each other."""
_HARD: Final = frozenset({SIDE, NEGATION, NUMBER})


@lru_cache(maxsize=1)
def _swallowable() -> tuple[str, ...]:
    """Safety words that a slurred word may have swallowed at its head or tail."""
    small = words("swallowable") | words("sides") | words("denials") | words("more_numbers")
    return tuple(sorted(small, key=lambda one: (-len(one), one)))


def safe_to_snap(heard: str, candidate: str) -> bool:
    """Whether putting one word for another leaves every side, denial, number and prefix as it was."""
    one, other = heard.lower(), candidate.lower()
    if "'" in one or "’" in one:  # "isn't" swallowed
        return False
    if kind_of(one) in _HARD or kind_of(other) in _HARD or prefix_of(one) != prefix_of(other):
        return False
    for part in _swallowable():
        if one.startswith(part) != other.startswith(part) or one.endswith(part) != other.endswith(part):
            return False
    return True


class Snap:
    """Snaps unknown words to a list.

    Args:
        candidates: Words and phrases of the case, ranked; their single words are taken.
        known: Whether a word (small letters) is known: to English, to radiology, to the case, to the reader.
        learnt: What was heard to what is meant, as the reader corrected it.
    """

    def __init__(
        self,
        candidates: Iterable[str],
        known: Callable[[str], bool],
        learnt: dict[str, str] | None = None,
    ) -> None:
        single = [word.lower() for phrase in candidates for word in phrase.split()]
        kept = (word for word in single if len(word) >= SHORTEST and kind_of(word) not in _HARD)
        self._candidates = tuple(dict.fromkeys(kept))
        self._own = frozenset(single)
        self._known = known
        self._learnt = {
            heard: meant for heard, meant in (learnt or {}).items() if safe_to_learn(heard, meant)
        }

    def __call__(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Mend the words of an utterance; those it leaves and nothing knows are told (`Piece.odd`)."""
        out: list[Piece] = []
        pieces = [one for piece in pieces for one in self._unhyphened(piece)]
        at = 0
        while at < len(pieces):
            made, taken = self._pair(pieces, at) or self._single(pieces[at])
            out.append(self._doubted(made))
            at += taken
        return out

    def _unhyphened(self, piece: Piece) -> Sequence[Piece]:
        """A hyphen the recogniser made up: ``sub-segmental``, ``no-calculus``."""
        first, hyphen, second = low(piece).partition("-")
        if piece.kind != "word" or piece.fixed or not hyphen or low(piece) in self._own:
            return (piece,)
        if first in _JOINED and self.knows(first + second):
            return (replace(piece, text=first + second),)
        if kind_of(first) == NEGATION and first != "non" and self.knows(second):
            return replace(piece, text=piece.text[: len(first)]), replace(piece, text=second)
        return (piece,)

    def _doubted(self, piece: Piece) -> Piece:
        word = low(piece)
        if piece.kind != "word" or piece.fixed or piece.was or len(word) < SHORTEST:
            return piece
        if not all(self.knows(part) for part in (word, *word.split("-"))[-1 if "-" in word else 0 :]):
            return replace(piece, odd="unknown")
        return replace(piece, odd="prefix") if self._turnable(word) else piece

    def _turnable(self, word: str) -> bool:
        """Whether it is a word with another prefix, too, that sounds like its own."""
        prefix = next((one for one in _SOUND_ALIKE if word.startswith(one)), "")
        stem = word[len(prefix) :]
        if not prefix or (word in self._own and prefix not in {"hypo", "hyper"}):
            return False
        return any(self.knows(other + stem) for other in _SOUND_ALIKE[prefix])

    def knows(self, word: str) -> bool:
        """Whether anything knows a word (small letters)."""
        return word in self._own or self._known(word)

    def _single(self, piece: Piece) -> tuple[Piece, int]:
        word = low(piece)
        if piece.kind != "word" or piece.fixed:
            return piece, 1
        if word in self._learnt:
            return replace(piece, text=self._learnt[word], was=piece.was or piece.text), 1
        if len(word) < SHORTEST or kind_of(word) in _HARD or self.knows(word):
            return piece, 1
        best = self._nearest(word, ENOUGH)
        return (replace(piece, text=best, was=piece.text) if best else piece), 1

    def _pair(self, pieces: Sequence[Piece], at: int) -> tuple[Piece, int] | None:
        """Two pieces of one word: only where the first is no word, and neither is a safety word."""
        if at + 1 >= len(pieces):
            return None
        parts = pieces[at : at + 2]
        if any(one.kind != "word" or one.fixed or kind_of(low(one)) in _HARD for one in parts):
            return None
        first, second = map(low, parts)
        if first in _JOINED and len(second) >= SHORTEST and first + second in self._own:
            return joined(parts, first + second), 2  # the prefix stays the one that was heard
        if first + second in self._own and len(first) > 1 and safe_to_snap(first, first + second):
            return joined(parts, first + second, was=f"{parts[0].text} {parts[1].text}"), 2
        if self.knows(first) or (self.knows(second) and len(second) < SHORTEST):
            return None
        whole = first + second
        best = self._nearest(whole, ENOUGH_JOINED)
        if not best or alike(first, best) >= alike(whole, best):
            return None
        return joined(parts, best, was=f"{parts[0].text} {parts[1].text}"), 2

    def _nearest(self, word: str, enough: float) -> str:
        """The one candidate that clearly sounds like a word, or nothing."""
        return _nearest(word, self._candidates, enough)


@lru_cache(maxsize=8)
def _sounds(candidates: tuple[str, ...]) -> tuple[tuple[str, int, frozenset[str]], ...]:
    """Candidates with the length and the letters of their sound: most are ruled out by these alone."""
    return tuple((one, len(sound), frozenset(sound)) for one in candidates if (sound := sound_of(one)))


@lru_cache(maxsize=4096)
def _nearest(word: str, candidates: tuple[str, ...], enough: float) -> str:
    sound = sound_of(word)
    letters = set(sound)
    near = [
        one
        for one, length, used in _sounds(candidates)
        if abs(length - len(sound)) <= 4 and len(letters & used) >= 0.6 * len(used)
    ]
    scored = sorted(((alike(word, one), one) for one in near), key=lambda row: (-row[0], row[1]))[:2]
    if not scored or scored[0][0] < enough or not safe_to_snap(word, scored[0][1]):
        return ""
    if len(scored) > 1 and scored[0][0] - scored[1][0] < MARGIN:
        return ""
    return scored[0][1]


def in_context(pieces: Sequence[Piece], doubts: Callable[[str], Sequence[Doubt]]) -> list[Piece]:
    """Real words heard for others that sound alike, told by what stands beside them: plural effusion.

    Args:
        pieces: The words of an utterance.
        doubts: The speller's; only those that say what is meant are taken.
    """
    text, starts = "", []
    for piece in pieces:
        starts.append(len(text))
        text += low(piece) + " "
    out = list(pieces)
    for doubt in doubts(text):
        meant = doubt.instead[0] if doubt.instead else ""
        if meant and doubt.start in starts and kind_of(meant) not in _HARD:
            at = starts.index(doubt.start)
            if low(out[at]) == doubt.word.lower() and prefix_of(doubt.word) == prefix_of(meant):
                out[at] = replace(out[at], text=meant.lower(), was=out[at].was or out[at].text)
    return out


def safe_to_learn(heard: str, meant: str) -> bool:
    """Whether a correction leaves sides, denials, numbers and turning prefixes as they were."""
    one = sorted(word for word in heard.lower().split() if kind_of(word) in _HARD)
    other = sorted(word for word in meant.lower().split() if kind_of(word) in _HARD)
    if one != other:
        return False
    single = " " not in heard and " " not in meant
    return not single or prefix_of(heard) == prefix_of(meant)
