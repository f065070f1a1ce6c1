"""Measures: units, "by", ranges, ratios, one number over another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .pieces import Piece, joined, low, rewrite
from .vocabulary import pairs, words

__all__ = ["dimensions", "ranges", "ratios", "signs", "units"]

_TIGHT_UNITS: Final = frozenset({"%", "°C", "T"})
_LONGEST: Final = 4
_FAR: Final = 4
"""Pieces back that still tell "from ... to"."""


def units(pieces: Sequence[Piece]) -> list[Piece]:
    """Write units in short after a number; "per" joins two."""
    return rewrite(pieces, _unit_at)


def _unit_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    if at == 0 or not _countable(pieces, at - 1):
        return None
    skip = int(pieces[at].kind == "mark" and pieces[at].text == "-")  # "3-mm"
    found = _phrase(pieces, at + skip, "units")
    if found is None:
        return None
    text, taken = found
    taken += skip
    if at + taken + 1 < len(pieces) and low(pieces[at + taken]) == "per":
        below = _phrase(pieces, at + taken + 1, "per")
        if below is not None and text != "%":
            text, taken = f"{text}/{below[0]}", taken + 1 + below[1]
    return (joined(pieces[at : at + taken], text, "unit", tight=text in _TIGHT_UNITS, fixed=True),), taken


def _countable(pieces: Sequence[Piece], at: int) -> bool:
    return pieces[at].kind == "number"


def _phrase(pieces: Sequence[Piece], at: int, table: str) -> tuple[str, int] | None:
    known = pairs(table)
    for length in range(min(_LONGEST, len(pieces) - at), 0, -1):
        text = known.get(tuple(low(one) for one in pieces[at : at + length]))
        if text is not None:
            return text, length
    return None


def dimensions(pieces: Sequence[Piece]) -> list[Piece]:
    """Write "by" between measures as x."""
    return rewrite(pieces, _by_at)


def _by_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    if low(pieces[at]) not in {"by", "x", "×", "times"} or not 0 < at < len(pieces) - 1:
        return None
    before = pieces[at - 1]
    measured = before.kind == "number" or (
        before.kind == "unit" and at > 1 and pieces[at - 2].kind == "number"
    )
    if not measured or pieces[at + 1].kind != "number":
        return None
    if low(pieces[at]) == "times" and not _unit_follows(pieces, at + 1):
        return None
    return (joined(pieces[at : at + 1], "x", "by", fixed=True),), 1


def _unit_follows(pieces: Sequence[Piece], at: int) -> bool:
    return any(piece.kind == "unit" for piece in pieces[at : at + 2])


def ranges(pieces: Sequence[Piece]) -> list[Piece]:
    """Write "three to four mm" as 3-4 mm; what grew from three to four stays told."""
    return rewrite(pieces, _range_at)


def _range_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    if low(pieces[at]) != "to" or not 0 < at < len(pieces) - 2:
        return None
    first, last, after = pieces[at - 1], pieces[at + 1], pieces[at + 2]
    if first.kind != "number" or last.kind != "number":
        return None
    if after.kind != "unit" and low(after) not in words("digit_before"):
        return None
    if _value(first) >= _value(last) or _grows(pieces, at):
        return None
    return (joined(pieces[at : at + 1], "-", "mark", tight=True, binds=True),), 1


def _grows(pieces: Sequence[Piece], at: int) -> bool:
    back = []
    for piece in reversed(pieces[: at - 1]):
        if piece.kind == "break" or piece.text in {".", ";"}:
            break
        back.append(low(piece))
    return bool(words("grown") & set(back[:8])) or "from" in back[:_FAR]


def _value(piece: Piece) -> float:
    try:
        return float(piece.text)
    except ValueError:
        return 0.0


def ratios(pieces: Sequence[Piece]) -> list[Piece]:
    """Write ratios as 2:1, and one number over another as 120/80."""
    return rewrite(pieces, _ratio_at)


def _ratio_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    if not 0 < at < len(pieces) - 1:
        return None
    first, last = pieces[at - 1], pieces[at + 1]
    if first.kind != "number" or last.kind != "number":
        return None
    word = low(pieces[at])
    if word in {"over", "stroke"} and first.text.isdigit() and last.text.isdigit():
        return (joined(pieces[at : at + 1], "/", "mark", tight=True, binds=True),), 1
    near = {low(one) for one in (*pieces[max(0, at - 4) : at], *pieces[at + 2 : at + 3])}
    if word in {"to", "is"} and near & {"ratio", "ratios"}:
        return (joined(pieces[at : at + 1], ":", "mark", tight=True, binds=True),), 1
    return None


def signs(pieces: Sequence[Piece]) -> list[Piece]:
    """Signs of numbers: minus ten is -10; plus between numbers is +; "plus or minus" is ±."""
    return rewrite(pieces, _sign_at)


def _sign_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    word = low(pieces[at])
    number = at + 1 < len(pieces) and pieces[at + 1].kind == "number"
    if word in {"minus", "negative"} and number and (word == "minus" or _unit_follows(pieces, at + 2)):
        after = pieces[at + 1]
        return (replace(joined(pieces[at : at + 2], f"-{after.text}", "number"), said=""),), 2
    if word == "plus" and number and at and pieces[at - 1].kind == "number":
        return (joined(pieces[at : at + 1], "+", "mark", tight=True, binds=True),), 1
    return None
