"""What else was heard at a marked word: the other hearings, each as a change to the text as written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from .text.finish import Placed, Written

__all__ = ["Other", "others_at"]

MOST = 9
"""Most told at one word: one a number key."""


@dataclass(frozen=True, slots=True)
class Other:
    """Another hearing of a stretch."""

    start: int
    """Offset in the written text where the stretch begins, characters."""
    end: int
    put: str
    """What the other hearing has there; empty where it has nothing."""


def others_at(written: Written, others: Iterable[Written]) -> dict[int, tuple[Other, ...]]:
    """Other hearings by index of the piece they are told at: every piece of a stretch that differs.

    A word that only the other hearing has is told at the words around the place, one on each side.
    Marks and layout don't count: a hearing that differs in them alone is no other hearing.
    """
    found: dict[int, list[Other]] = {}
    for other in others:
        for pieces, one in _differ(written, other):
            for at in pieces:
                kept = found.setdefault(at, [])
                if one not in kept and len(kept) < MOST:
                    kept.append(one)
    return {at: tuple(kept) for at, kept in found.items()}


def _differ(written: Written, other: Written) -> Iterator[tuple[list[int], Other]]:
    mine = [(at, placed) for at, placed in enumerate(written.placed) if _counts(placed)]
    theirs = [placed for placed in other.placed if _counts(placed)]
    matcher = SequenceMatcher(
        None, [_plain(one) for _, one in mine], [_plain(one) for one in theirs], autojunk=False
    )
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal" or not mine:
            continue
        at = [at for at, _ in mine[a:b]] or [mine[index][0] for index in (a - 1, a) if 0 <= index < len(mine)]
        if tag != "replace" and b < len(mine):  # with the word behind it, whose capital may change
            b, d = b + 1, d + 1
        elif tag == "insert":
            where = mine[-1][1].end
            yield at, Other(where, where, f" {other.text[theirs[c].start : theirs[d - 1].end]}")
            continue
        said = other.text[theirs[c].start : theirs[d - 1].end] if d > c else ""
        yield at, Other(mine[a][1].start, mine[b - 1][1].end, said)


def _counts(placed: Placed) -> bool:
    return placed.piece.kind not in {"mark", "break", "engine"}


def _plain(placed: Placed) -> str:
    return placed.piece.text.lower().replace("-", "").replace("'", "")
