"""A piece of written text and the heard words it was made from: what every step takes and gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from teleread.dictation.ports import HeardWord

__all__ = ["Piece", "Step", "joined", "low", "pieces_of", "rewrite", "says"]

_PARTS: Final = re.compile(
    r"\d{1,2}[/.]\d{1,2}[/.]\d{2,4}(?!\d)"  # a date in figures
    r"|\d{1,2}:\d{2}(?!\d)"
    r"|[x×](?=\d)"
    r"|(?<![\d.])[A-Za-z]\d{1,2}(?:/\d{1,2})?(?![\d.]\d)"
    r"|\d+(?:[.,]\d+)*(?:[/:]\d+)?"
    r"|[^\W\d_]+(?:['’][^\W\d_]+)*(?:-(?=[^\W\d_])[^\W\d_]+(?:['’][^\W\d_]+)*)*"
    r"|[^\w\s]"
)
_LEVEL: Final = re.compile(r"[ctls]\d{1,2}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """What is written between two blanks, or glued to its neighbour."""

    text: str
    heard: tuple[int, ...] = ()
    """Indices of the heard words it was made from; empty for what the house rules added."""
    kind: str = "word"
    """``word``, ``number``, ``unit``, ``mark`` (spoken), ``engine`` (a mark of the engine's), ``break``."""
    tight: bool = False
    """No blank before it."""
    binds: bool = False
    """No blank after it."""
    said: str = ""
    """How a small number was said, where it may be written as a word again."""
    fixed: bool = False
    """Its capitals are right as they stand."""
    was: str = ""
    """What was heard, where a word list changed it."""
    odd: str = ""
    """Why it is looked at though it was heard surely: ``unknown`` to every list, or ``prefix``: with another
    prefix that sounds like its own it is a word, too."""


Step = Callable[[Sequence[Piece]], list[Piece]]
"""One step of the pipeline."""


def low(piece: Piece) -> str:
    """Its text in small letters."""
    return piece.text.lower()


def pieces_of(words: Sequence[HeardWord]) -> list[Piece]:
    """Heard words as pieces: figures and letters apart (``11cm``), the engine's marks on their own."""
    out: list[Piece] = []
    for index, word in enumerate(words):
        first = True
        for found in _PARTS.finditer(word.text):
            text, kind = found.group(), "word"
            if text[0].isdigit():
                kind = "number"
                text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
            elif not text[0].isalnum():
                kind = "engine"
            level = bool(_LEVEL.fullmatch(text))
            out.append(Piece(text, (index,), kind, tight=not first, fixed=level))
            first = False
    return out


def joined(parts: Iterable[Piece], text: str, kind: str = "word", **more: object) -> Piece:
    """One piece made of several."""
    listed = list(parts)
    heard = tuple(sorted({index for part in listed for index in part.heard}))
    made = Piece(text, heard, kind, tight=listed[0].tight and listed[0].kind == "mark")
    return replace(made, **more)  # type: ignore[arg-type]


def says(pieces: Sequence[Piece], at: int, phrase: Sequence[str]) -> bool:
    """Whether the words of a phrase stand at a place."""
    if at < 0 or at + len(phrase) > len(pieces):
        return False
    return all(low(piece) == word for piece, word in zip(pieces[at : at + len(phrase)], phrase, strict=True))


def rewrite(
    pieces: Sequence[Piece], rule: Callable[[Sequence[Piece], int], tuple[Sequence[Piece], int] | None]
) -> list[Piece]:
    """Walk once over the pieces; where the rule gives (what to write, how many it takes) put that instead."""
    out: list[Piece] = []
    for at, taken, made in _walk(pieces, rule):
        out.extend(made if taken else (pieces[at],))
    return out


def _walk(
    pieces: Sequence[Piece], rule: Callable[[Sequence[Piece], int], tuple[Sequence[Piece], int] | None]
) -> Iterator[tuple[int, int, Sequence[Piece]]]:
    at = 0
    while at < len(pieces):
        found = rule(pieces, at)
        made, taken = found if found is not None else ((), 0)
        yield at, taken, made
        at += max(1, taken)
