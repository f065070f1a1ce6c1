"""Spoken punctuation and layout, told from words that sound the same; and what is taken back in a breath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .pieces import Piece, joined, low, rewrite, says
from .vocabulary import words

__all__ = [
    "LABELS",
    "misheard_marks",
    "scratched",
    "speaks_marks",
    "spoken_marks",
    "with_capital_words",
    "without_engine_marks",
]

_TIGHT, _OPEN, _BOTH = "tight", "open", "both"

_MARKS: Final[dict[tuple[str, ...], tuple[str, str]]] = {
    ("full", "stop"): (".", _TIGHT),
    ("fullstop",): (".", _TIGHT),
    ("full-stop",): (".", _TIGHT),
    ("period",): (".", _TIGHT),
    ("comma",): (",", _TIGHT),
    ("colon",): (":", _TIGHT),
    ("semicolon",): (";", _TIGHT),
    ("semi", "colon"): (";", _TIGHT),
    ("semi-colon",): (";", _TIGHT),
    ("question", "mark"): ("?", _TIGHT),
    ("exclamation", "mark"): ("!", _TIGHT),
    ("exclamation", "point"): ("!", _TIGHT),
    ("open", "bracket"): ("(", _OPEN),
    ("open", "brackets"): ("(", _OPEN),
    ("open", "parenthesis"): ("(", _OPEN),
    ("open", "parentheses"): ("(", _OPEN),
    ("left", "bracket"): ("(", _OPEN),
    ("close", "bracket"): (")", _TIGHT),
    ("close", "brackets"): (")", _TIGHT),
    ("closed", "bracket"): (")", _TIGHT),
    ("close", "parenthesis"): (")", _TIGHT),
    ("close", "parentheses"): (")", _TIGHT),
    ("right", "bracket"): (")", _TIGHT),
    ("open", "quote"): ("“", _OPEN),
    ("open", "quotes"): ("“", _OPEN),
    ("close", "quote"): ("”", _TIGHT),
    ("close", "quotes"): ("”", _TIGHT),
    ("unquote",): ("”", _TIGHT),
    ("hyphen",): ("-", _BOTH),
    ("forward", "slash"): ("/", _BOTH),
    ("slash",): ("/", _BOTH),
    ("ampersand",): ("&", ""),
    ("dash",): ("-", ""),
    ("per", "cent", "sign"): ("%", _TIGHT),
    ("percent", "sign"): ("%", _TIGHT),
    ("plus", "sign"): ("+", ""),
    ("equals", "sign"): ("=", ""),
    ("dot", "dot", "dot"): ("…", _TIGHT),
}
_BREAKS: Final[dict[tuple[str, ...], str]] = {
    ("new", "line"): "\n",
    ("newline",): "\n",
    ("next", "line"): "\n",
    ("new", "paragraph"): "\n\n",
    ("next", "paragraph"): "\n\n",
    ("bullet", "point"): "\n- ",
    ("new", "bullet"): "\n- ",
    ("next", "bullet"): "\n- ",
}
LABELS: Final = words("labels")
"""Last words of headings: a colon after one, at the head of a sentence, is a mark."""
_GUT_BEFORE: Final = words("gut_before")
_GUT_AFTER: Final = words("gut_after")
_TIME_BEFORE: Final = words("time_before")
_TIME_AFTER: Final = words("time_after")
_LINE_BEFORE: Final = words("line_before")
_LINE_AFTER: Final = words("line_after")
_NEVER_SO: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "period": (_TIME_BEFORE, _TIME_AFTER),
    "new": (_LINE_BEFORE, frozenset()),
    "next": (_LINE_BEFORE, frozenset()),
    "comma": (frozenset(), frozenset({"shaped"})),
    "dash": (frozenset({"a", "the", "pixel"}), frozenset()),
    "slash": (frozenset({"a", "the"}), frozenset({"injury", "wound"})),
    "hyphen": (frozenset({"a", "the"}), frozenset()),
}
_HARD: Final = frozenset(".?!")


def spoken_marks(pieces: Sequence[Piece]) -> list[Piece]:
    """Write spoken marks as marks. The engine's own are looked over, and are still there afterwards."""
    said = [piece for piece in pieces if piece.kind != "engine"]
    place = {id(piece): at for at, piece in enumerate(said)}
    out: list[Piece] = []
    skip = 0
    for piece in pieces:
        if skip and piece.kind != "engine":
            skip -= 1
            continue
        found = None if piece.kind == "engine" else _mark_at(said, place[id(piece)], out)
        if found is None:
            out.append(piece)
            continue
        made, taken = found
        out.append(made)
        skip = taken - 1
    return out


def _mark_at(said: Sequence[Piece], at: int, before: Sequence[Piece]) -> tuple[Piece, int] | None:
    for length in (3, 2, 1):
        phrase = tuple(low(one) for one in said[at : at + length])
        if len(phrase) < length:
            continue
        parts = said[at : at + length]
        if phrase in _BREAKS and _is_layout(said, at, length):
            return joined(parts, _BREAKS[phrase], "break", tight=True, binds=True), length
        if phrase in _MARKS and _is_mark(said, at, length, before):
            sign, glue = _MARKS[phrase]
            return (
                joined(parts, sign, "mark", tight=glue in {_TIGHT, _BOTH}, binds=glue in {_OPEN, _BOTH}),
                length,
            )
    return None


def _around(said: Sequence[Piece], at: int, length: int) -> tuple[str, str]:
    before = low(said[at - 1]) if at else ""
    after = low(said[at + length]) if at + length < len(said) else ""
    return before, after


def _is_layout(said: Sequence[Piece], at: int, length: int) -> bool:
    before, after = _around(said, at, length)
    if low(said[at]) not in {"new", "next"} or low(said[at + 1]) != "line":
        return True
    return before not in _LINE_BEFORE and after not in _LINE_AFTER


def _is_mark(said: Sequence[Piece], at: int, length: int, written: Sequence[Piece]) -> bool:
    first = low(said[at])
    before, after = _around(said, at, length)
    if first == "colon":
        return _is_colon_mark(before, after, written)
    if first in {"left", "right"}:
        return any(piece.text == "(" for piece in written[-40:]) if first == "right" else True
    never = _NEVER_SO.get(first)
    return never is None or not (before in never[0] or after in never[1])


def _is_colon_mark(before: str, after: str, written: Sequence[Piece]) -> bool:
    """A colon is a mark after a heading, or after a few words that begin a line or sentence."""
    if not before or before in _GUT_BEFORE:
        return False
    if before in LABELS:
        return True
    if after in _GUT_AFTER or after == "":
        return before == "colon"
    count = 0
    for piece in reversed(written):
        if piece.kind == "break" or (piece.kind == "mark" and piece.text in _HARD):
            break
        count += piece.kind != "engine"
    return count <= 4


def speaks_marks(pieces: Sequence[Piece]) -> bool:
    """Whether the reader says the marks: then the engine's own are dropped."""
    return any(piece.kind == "mark" and piece.text in ".,:;?" for piece in pieces)


def misheard_marks(pieces: Sequence[Piece]) -> list[Piece]:
    """A comma that was heard as "common", told by the engine's own comma beside it; marks said twice over.

    Only where the reader says the marks, and never before what can be common: a bile duct, an artery.
    """
    if not speaks_marks(pieces):
        return list(pieces)
    out: list[Piece] = []
    for at, piece in enumerate(pieces):
        if _common_comma(pieces, at):
            out.append(joined((piece,), ",", "mark", tight=True, binds=False))
        elif piece.kind == "mark" and piece.text in ".," and out and _same_mark(out, piece):
            continue
        else:
            out.append(piece)
    return out


def _common_comma(pieces: Sequence[Piece], at: int) -> bool:
    piece = pieces[at]
    if piece.kind != "word" or low(piece) not in words("comma_like") or not 0 < at < len(pieces) - 1:
        return False
    beside = (pieces[at - 1], pieces[at + 1])
    if not any(one.kind == "engine" and one.text == "," for one in beside):
        return False
    after = next((one for one in pieces[at + 1 :] if one.kind != "engine"), None)
    return after is not None and after.kind in {"word", "number"} and low(after) not in words("can_be_common")


def _same_mark(out: Sequence[Piece], piece: Piece) -> bool:
    last = next((one for one in reversed(out) if one.kind != "engine"), None)
    return last is not None and last.kind == "mark" and last.text == piece.text


def without_engine_marks(pieces: Sequence[Piece], *, drop: bool) -> list[Piece]:
    """Drop the engine's marks, or take them as if they had been spoken.

    Hyphens and slashes are never its to make: they fall away where they hold nothing together.
    """
    out: list[Piece] = []
    for at, piece in enumerate(pieces):
        if piece.kind != "engine":
            out.append(piece if out else replace(piece, tight=False))
        elif (made := _engine_mark(pieces, at, out, drop)) is not None:
            out.append(made)
    return [
        replace(piece, tight=False) if piece.kind in {"word", "number"} and not _held(out, at) else piece
        for at, piece in enumerate(out)
    ]


def _engine_mark(pieces: Sequence[Piece], at: int, out: Sequence[Piece], drop: bool) -> Piece | None:
    """A mark of the engine's as it is kept, or None."""
    piece = pieces[at]
    inside = piece.tight and at + 1 < len(pieces) and pieces[at + 1].tight
    if inside and piece.text in "/-+:":
        return replace(piece, kind="mark", binds=True)
    if piece.text == "%":
        return replace(piece, kind="unit", tight=True)
    if not out or out[-1].kind in {"mark", "break"} or _spoken_next(pieces, at):
        return None
    heading = piece.text == ":" and low(out[-1]) in LABELS
    item = piece.text == "." and _item(out)
    if heading or item or (not drop and piece.text in ".,;:?!"):
        return replace(piece, kind="mark", tight=True)
    return None


def _item(out: Sequence[Piece]) -> bool:
    """Whether a number that was just written begins a line: then its full stop counts it."""
    return len(out) > 1 and out[-1].kind == "number" and out[-2].kind == "break" and out[-1].text.isdigit()


def _spoken_next(pieces: Sequence[Piece], at: int) -> bool:
    return at + 1 < len(pieces) and pieces[at + 1].kind == "mark"


def _held(pieces: Sequence[Piece], at: int) -> bool:
    return at > 0 and pieces[at - 1].kind == "mark" and pieces[at - 1].binds and pieces[at].tight


_SCRATCH: Final = (("scratch", "that"), ("strike", "that"), ("delete", "that"))


def scratched(pieces: Sequence[Piece]) -> list[Piece]:
    """Take back what "scratch that" takes back inside an utterance: to the mark or line before it.

    Said right after a full stop it takes the sentence that ended there.
    """
    out: list[Piece] = []
    at = 0
    while at < len(pieces):
        if any(says(pieces, at, phrase) for phrase in _SCRATCH):
            at += 2
            while out and _ends(out[-1]):
                out.pop()
            while out and not _ends(out[-1]):
                out.pop()
            while at < len(pieces) and pieces[at].kind == "mark" and pieces[at].text in ".,":
                at += 1
            continue
        out.append(pieces[at])
        at += 1
    return out


def _ends(piece: Piece) -> bool:
    return piece.kind == "break" or (piece.kind in {"mark", "engine"} and piece.text in ".?!:")


def with_capital_words(pieces: Sequence[Piece]) -> list[Piece]:
    """Write a word with a capital after "capital"; the capital femoral epiphysis stays what it is."""

    def rule(all_pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
        if low(all_pieces[at]) not in {"capital", "cap"} or at + 1 >= len(all_pieces):
            return None
        after = all_pieces[at + 1]
        if after.kind != "word" or low(after) in {
            "femoral",
            "epiphysis",
            "epiphyseal",
            "of",
            "letter",
            "letters",
        }:
            return None
        if at and low(all_pieces[at - 1]) in {"slipped", "the", "a", "upper"}:
            return None
        made = joined(all_pieces[at : at + 2], after.text[:1].upper() + after.text[1:], fixed=True)
        return (made,), 2

    return rewrite(pieces, rule)
