"""The last steps: house spelling, capitals, and one text with the place of every word in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from .pieces import Piece, low
from .spoken import LABELS
from .vocabulary import pairs, words

__all__ = ["Placed", "Written", "british", "capitals", "composed", "lowered", "written_british"]

_IZE: Final = re.compile(r"(?<=[a-z]{3})iz(?=e$|ed$|es$|ing$|ation$|ations$|er$)")
_SIZED: Final = re.compile(r"^(?:down|mid|out|over|under|super|right|re|cap|)siz")
_IZE_STAYS: Final = words("ize_stays")
_SENTENCE_END: Final = frozenset(".?!")


def lowered(pieces: Sequence[Piece], known: Callable[[str], bool] | None = None) -> list[Piece]:
    """Take the engine's capitals away, except of abbreviations and of names nobody knows in small letters."""
    out = []
    for at, piece in enumerate(pieces):
        text = piece.text
        shouts = len(text) > 1 and text.isupper()
        inside = at > 0 and pieces[at - 1].kind == "word"
        name = inside and text[:1].isupper() and known is not None and not known(text.lower())
        if piece.kind == "word" and not (piece.fixed or shouts or name):
            piece = replace(piece, text=text.lower())
        out.append(piece)
    return out


def british(pieces: Sequence[Piece]) -> list[Piece]:
    """British spelling of words the engine wrote the American way."""
    return [
        replace(piece, text=written_british(piece.text)) if piece.kind == "word" else piece
        for piece in pieces
    ]


def written_british(word: str) -> str:
    """One word in British spelling; what is British already stays."""
    lower = word.lower()
    for pattern, put in _spellings():
        if pattern.search(lower):
            return _recased(word, pattern.sub(put, lower, count=1))
    if lower not in _IZE_STAYS and not _SIZED.search(lower) and _IZE.search(lower):
        return _recased(word, _IZE.sub("is", lower, count=1))
    return word


def _recased(word: str, made: str) -> str:
    return made[:1].upper() + made[1:] if word[:1].isupper() else made


@lru_cache(maxsize=1)
def _spellings() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(said[0]), put) for said, put in pairs("british").items())


@lru_cache(maxsize=1)
def _eponyms() -> dict[str, str]:
    return {name.lower(): name for name in words("eponyms")}


def capitals(pieces: Sequence[Piece], *, begins: bool = True) -> list[Piece]:
    """Capitals at the head of sentences, lines and list items, and of names.

    Args:
        pieces: The pieces.
        begins: The first word begins a sentence.
    """
    out: list[Piece] = []
    fresh = begins
    for at, piece in enumerate(pieces):
        if piece.kind == "word" and not piece.fixed:
            piece = replace(piece, text=_named(pieces, at))
        if fresh and not _shaped(piece) and piece.kind in {"word", "number"} and piece.text[:1].isalpha():
            piece = replace(piece, text=piece.text[:1].upper() + piece.text[1:])
        fresh = _still_fresh(pieces, at, fresh)
        out.append(piece)
    return out


def _shaped(piece: Piece) -> bool:
    """A name with capitals of its own, such as pT3, keeps its small first letter."""
    return piece.fixed and not piece.text.islower()


def _still_fresh(pieces: Sequence[Piece], at: int, fresh: bool) -> bool:
    """Whether a sentence begins after this piece."""
    piece = pieces[at]
    if piece.kind == "break":
        return True
    if piece.kind == "mark":
        if piece.text in _SENTENCE_END:
            return True
        heading = piece.text == ":" and at > 0 and low(pieces[at - 1]) in LABELS and _opens(pieces, at - 1)
        return heading or (fresh and piece.text in {"(", "“"})
    return False


def _opens(pieces: Sequence[Piece], at: int) -> bool:
    """Whether a heading stands at the head of its line or sentence (of at most three words)."""
    for back in range(3):
        before = at - back - 1
        if before < 0 or pieces[before].kind == "break" or pieces[before].text in _SENTENCE_END:
            return True
    return False


def _named(pieces: Sequence[Piece], at: int) -> str:
    text = pieces[at].text
    stem, mark, tail = text.lower().partition("'")
    plain = stem.removesuffix("s")
    name = _eponyms().get(stem)
    if name is None or (stem in {"may", "march"} and not mark):
        if plain != stem and plain in _eponyms() and not mark and _possessive(pieces, at):
            return _eponyms()[plain] + "'s"
        return text
    return _safe_name(name, stem, pieces, at) + mark + tail


def _possessive(pieces: Sequence[Piece], at: int) -> bool:
    after = low(pieces[at + 1]) if at + 1 < len(pieces) else ""
    return after in words("after_eponym")


def _safe_name(name: str, stem: str, pieces: Sequence[Piece], at: int) -> str:
    """Eponyms that are words too keep small letters unless a class or a noun of theirs stands beside."""
    if stem not in words("eponyms_that_are_words"):
        return name
    near = {low(one) for one in pieces[max(0, at - 1) : at + 3]} - {stem}
    return name if near & words("after_eponym") or "'" in pieces[at].text else pieces[at].text


@dataclass(frozen=True, slots=True)
class Placed:
    """A piece where it stands in the text."""

    piece: Piece
    start: int
    """Characters."""
    end: int


@dataclass(frozen=True, slots=True)
class Written:
    """Report text with the place of every piece."""

    text: str
    placed: tuple[Placed, ...]


def composed(pieces: Sequence[Piece]) -> Written:
    """One text: blanks between words, none where marks are glued."""
    text, placed = "", []
    binds = True
    for piece in pieces:
        if text and not binds and not piece.tight and not text.endswith("\n"):
            text += " "
        if piece.kind == "break":
            text = text.rstrip(" ")
        placed.append(Placed(piece, len(text), len(text) + len(piece.text)))
        text += piece.text
        binds = piece.binds or piece.kind == "break"
    return Written(text, tuple(placed))
