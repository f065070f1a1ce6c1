"""Where two hearings of the same sound differ on a side, a denial, a number or a turning prefix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Final

from .ports import Hearing, Utterance
from .safety import NEGATION, NUMBER, PREFIX, SIDE, kind_of, opposite, prefix_of
from .sound import alike
from .text.finish import Written
from .text.pieces import Piece

__all__ = ["Difference", "differences", "mended", "together"]

_ORDER = (SIDE, NEGATION, NUMBER, PREFIX)


SURER: Final = 0.1
"""How much surer of its words (mean log probability) a later engine has to be than the first to be taken."""
FEWEST: Final = 0.75
MOST: Final = 1.34
"""Share of the first one's words it may have: fewer were lost, more are an echo."""


def together(heard: Sequence[Utterance]) -> Utterance:
    """One utterance of what several engines heard: the words of the one that is surest, the rest beside.

    Args:
        heard: One an engine, the best engine first; at least one.
    """
    first = heard[0]
    chosen = first
    for other in heard[1:]:
        enough = FEWEST * len(first.best.words) <= len(other.best.words) <= MOST * len(first.best.words)
        told = _tells(other.best) and _tells(chosen.best)
        if enough and told and _sure(other.best) > _sure(chosen.best) + SURER * (chosen is first):
            chosen = other
    rest = [
        one
        for utterance in heard
        if utterance is not chosen
        for one in (utterance.best, *utterance.others)
        if one.words
    ]
    return replace(chosen, others=(*chosen.others, *rest))


def _tells(hearing: Hearing) -> bool:
    """Whether an engine tells how sure it is: one that does not says 1 of every word."""
    return any(word.confidence < 1.0 for word in hearing.words)


def _sure(hearing: Hearing) -> float:
    logs = [math.log(max(word.confidence, 1e-3)) for word in hearing.words]
    return sum(logs) / len(logs) if logs else math.log(1e-3)


@dataclass(frozen=True, slots=True)
class Difference:
    """A piece that another hearing has otherwise."""

    at: int
    """Index of the piece in the best hearing."""
    kind: str
    """`SIDE`, `NEGATION`, `NUMBER` or `PREFIX`; empty for any other word."""
    other: str
    """What the other hearing has there; empty where it has nothing."""


def differences(best: Written, other: Written) -> list[Difference]:
    """What another hearing has otherwise; marks and capitals don't count."""
    first = [(at, placed.piece) for at, placed in enumerate(best.placed) if _counts(placed.piece)]
    second = [placed.piece for placed in other.placed if _counts(placed.piece)]
    matcher = SequenceMatcher(
        None, [_plain(piece) for _, piece in first], [_plain(piece) for piece in second], autojunk=False
    )
    out: list[Difference] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            out += _block(first, a, b, second[c:d])
    return out


def _counts(piece: Piece) -> bool:
    return piece.kind not in {"mark", "break", "engine"}


def _plain(piece: Piece) -> str:
    return piece.text.lower().replace("-", "").replace("'", "")


def _block(
    first: Sequence[tuple[int, Piece]], a: int, b: int, others: Sequence[Piece]
) -> Iterator[Difference]:
    """One stretch that differs. Words only the other hearing has are told at the word that follows."""
    mine = [piece for _, piece in first[a:b]]
    said = " ".join(piece.text for piece in others)
    if "".join(_plain(piece) for piece in mine) == "".join(_plain(piece) for piece in others):
        return  # the same letters, cut otherwise
    for kind in _ORDER:
        lost = _of(mine, kind), _of(others, kind)
        if sorted(_plain(one) for one in lost[0]) == sorted(_plain(one) for one in lost[1]):
            continue
        if kind == PREFIX and not _turned(lost[0], lost[1]):
            continue
        hit = [at for at, piece in first[a:b] if _kind(piece) == kind]
        yield from (Difference(at, kind, said) for at in hit or _beside(first, a, b))
    for at, piece in first[a:b]:
        if not _kind(piece):
            yield Difference(at, "", said)


def _kind(piece: Piece) -> str:
    if piece.kind in {"number", "date", "time"}:
        return NUMBER
    return kind_of(piece.text) if piece.kind != "unit" else ""


def _of(pieces: Sequence[Piece], kind: str) -> list[Piece]:
    return [piece for piece in pieces if _kind(piece) == kind]


def _turned(mine: Sequence[Piece], others: Sequence[Piece]) -> bool:
    """Whether prefixes differ where one could be heard for the other, or one hearing has none."""
    one = {prefix_of(piece.text) for piece in mine}
    two = {prefix_of(piece.text) for piece in others}
    if not one or not two:
        return bool(one | two)
    return one != two or any(set(opposite(prefix)) & two for prefix in one)


def _beside(first: Sequence[tuple[int, Piece]], a: int, b: int) -> list[int]:
    """Where a word that only the other hearing has would have stood."""
    if b > a:
        return [first[a][0]]
    if a < len(first):
        return [first[a][0]]
    return [first[-1][0]] if first else []


def mended(best: Sequence[Piece], other: Sequence[Piece], knows: Callable[[str], bool]) -> list[Piece]:
    """Where nobody knows a word, the known one that another hearing has there, if they sound alike.

    Sides, denials and numbers are never put in or taken out so.
    """
    first = [piece for piece in best if _counts(piece)]
    second = [piece for piece in other if _counts(piece)]
    matcher = SequenceMatcher(
        None, [_plain(one) for one in first], [_plain(one) for one in second], autojunk=False
    )
    instead: dict[int, str] = {}
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "replace" or b - a != d - c:
            continue
        for mine, theirs in zip(first[a:b], second[c:d], strict=True):
            if _better(mine, theirs, knows):
                instead[id(mine)] = theirs.text.lower()
    return [
        replace(piece, text=instead[id(piece)], was=piece.was or piece.text)
        if id(piece) in instead
        else piece
        for piece in best
    ]


def _better(mine: Piece, theirs: Piece, knows: Callable[[str], bool]) -> bool:
    plain = mine.kind == theirs.kind == "word" and not (mine.fixed or mine.was or theirs.fixed)
    if not plain or min(len(mine.text), len(theirs.text)) < _SHORTEST:
        return False
    grave = {SIDE, NEGATION, NUMBER}
    if kind_of(mine.text) in grave or kind_of(theirs.text) in grave:
        return False
    return (
        not knows(mine.text.lower())
        and knows(theirs.text.lower())
        and alike(mine.text, theirs.text) >= _ALIKE
    )


_SHORTEST = 4
_ALIKE = 0.6
