"""Little words that a recogniser writes for others, told by what stands beside them.

Each rule is one of grammar or notation: no report has "L5 an S1" or "18 I 12 mm". What was heard stays told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from .numbers import CARDINALS
from .pieces import Piece, low, rewrite
from .vocabulary import pairs

__all__ = ["misheard"]

_Found = tuple[Sequence[Piece], int] | None
_LEVEL: Final = re.compile(r"[CTLS]\d{1,2}(?:/\d{1,2})?", re.IGNORECASE)
_STAGE: Final = re.compile(r"[pcyr]{0,2}T[0-4]", re.IGNORECASE)
_RUN: Final = {"C": range(1, 8), "T": range(1, 13), "L": range(1, 6)}
_GRADE: Final = frozenset({"greyed", "grayed", "great"})
_BY: Final = frozenset({"i", "buy", "bye"})
_STATES: Final = frozenset({"normal", "unremarkable", "intact", "clear", "preserved", "patent"})


def misheard(pieces: Sequence[Piece]) -> list[Piece]:
    """Put right what can only be one thing. Before names, levels and figures are written."""
    for rule in _RULES:
        pieces = rewrite(pieces, rule)
    return list(pieces)


def _at_level(pieces: Sequence[Piece], at: int) -> _Found:
    """``ADL45``: at L4/5."""
    head = pieces[at].text.upper()
    if at + 1 >= len(pieces) or not re.fullmatch(r"A[DT][CTL]", head):
        return None
    number = pieces[at + 1]
    if number.kind != "number" or number.heard != pieces[at].heard or not re.fullmatch(r"\d\d", number.text):
        return None
    first, second = map(int, number.text)
    if second != first + 1 or first not in _RUN[head[2]]:
        return None
    was = head + number.text
    heard = pieces[at].heard
    level = Piece(f"{head[2]}{first}{second}", heard, fixed=True, was=was)
    return (replace(pieces[at], text="at", was=was, fixed=False), level), 2


def _on_level(pieces: Sequence[Piece], at: int) -> _Found:
    """``L5 an S1``: L5 on S1."""
    if low(pieces[at]) != "an" or not 0 < at < len(pieces) - 1:
        return None
    if not (_LEVEL.fullmatch(pieces[at - 1].text) and _LEVEL.fullmatch(pieces[at + 1].text)):
        return None
    return (replace(pieces[at], text="on", was=pieces[at].text),), 1


def _class_name(pieces: Sequence[Piece], at: int) -> _Found:
    """``pie grads 4``: PI-RADS 4."""
    if at + 2 >= len(pieces) or low(pieces[at + 1]) not in {"grads", "grad's", "rad's"}:
        return None
    name = pairs("names").get((low(pieces[at]), "rads"))
    if name is None or not _is_number(pieces[at + 2]):
        return None
    heard = pieces[at].heard + pieces[at + 1].heard
    was = f"{pieces[at].text} {pieces[at + 1].text}"
    return (replace(pieces[at], text=name, heard=heard, fixed=True, was=was),), 2


def _grade(pieces: Sequence[Piece], at: int) -> _Found:
    """``greyed two``: grade 2."""
    if low(pieces[at]) not in _GRADE or at + 1 >= len(pieces) or not _is_number(pieces[at + 1]):
        return None
    return (replace(pieces[at], text="grade", was=pieces[at].text),), 1


def _by(pieces: Sequence[Piece], at: int) -> _Found:
    """``18 I 12 mm``: 18 x 12 mm."""
    if low(pieces[at]) not in _BY or not 0 < at < len(pieces) - 2:
        return None
    if not (_is_number(pieces[at - 1]) and _is_number(pieces[at + 1])):
        return None
    if (low(pieces[at + 2]),) not in pairs("units"):
        return None
    return (replace(pieces[at], text="by", was=pieces[at].text),), 1


def _stage(pieces: Sequence[Piece], at: int) -> _Found:
    """``T3 at N0``: T3a N0. ``T2 and 0 M0``: T2 N0 M0."""
    if at + 2 >= len(pieces) or not _STAGE.fullmatch(pieces[at].text):
        return None
    link, after = low(pieces[at + 1]), pieces[at + 2]
    heard = pieces[at].heard + pieces[at + 1].heard
    if link == "at" and re.fullmatch(r"n[0-3x]?", low(after)):
        return (replace(pieces[at], text=f"{pieces[at].text}a", heard=heard, was=f"{pieces[at].text} at"),), 2
    last = low(pieces[at + 3]) if at + 3 < len(pieces) else ""
    number = low(after) if after.kind == "number" else str(CARDINALS.get(low(after), ""))
    if link in {"and", "an", "end"} and number in {"0", "1", "2", "3"} and re.fullmatch(r"m[01x]?", last):
        node = Piece(f"N{number}", pieces[at + 1].heard + after.heard, fixed=True, was=f"{link} {after.text}")
        return (pieces[at], node), 3
    return None


def _are(pieces: Sequence[Piece], at: int) -> _Found:
    """``both kidneys a normal.``: both kidneys are normal."""
    if low(pieces[at]) not in {"a", "and"} or not 0 < at < len(pieces) - 1:
        return None
    many = re.fullmatch(r"[a-z]{3,}(?:[^s]s|ae|i)", low(pieces[at - 1]))
    ends = at + 2 >= len(pieces) or pieces[at + 2].kind in {"mark", "break"}
    if not many or not ends or low(pieces[at + 1]) not in _STATES:
        return None
    if low(pieces[at]) == "and" and _said_before(pieces[:at]):
        return None  # "the kidneys are small and normal"
    return (replace(pieces[at], text="are", was=pieces[at].text),), 1


def _said_before(pieces: Sequence[Piece]) -> bool:
    """Whether the sentence has its verb already."""
    for piece in reversed(pieces):
        if piece.kind in {"mark", "break"} and piece.text in {".", ";", "\n"}:
            return False
        if low(piece) in {"is", "are", "was", "were", "appear", "appears", "has", "have", "with"}:
            return True
    return False


def _seen(pieces: Sequence[Piece], at: int) -> _Found:
    """``no calculus scene.``: no calculus seen."""
    ends = at + 1 >= len(pieces) or pieces[at + 1].kind in {"mark", "break", "engine"}
    return (
        ((replace(pieces[at], text="seen", was="scene"),), 1) if low(pieces[at]) == "scene" and ends else None
    )


def _is_number(piece: Piece) -> bool:
    return piece.kind == "number" or low(piece) in CARDINALS


_RULES: Final[tuple[Callable[[Sequence[Piece], int], _Found], ...]] = (
    _at_level,
    _on_level,
    _class_name,
    _grade,
    _by,
    _stage,
    _are,
    _seen,
)
