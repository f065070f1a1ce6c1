"""Where two hearings of the same sound differ on a side, a denial, a number or a turning prefix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from .safety import NEGATION, NUMBER, PREFIX, SIDE, kind_of, opposite, prefix_of
from .text.finish import Written
from .text.pieces import Piece

__all__ = ["Difference", "differences"]

_ORDER = (SIDE, NEGATION, NUMBER, PREFIX)


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
