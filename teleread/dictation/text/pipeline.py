"""The pipeline: heard words in, report text out, in steps that can be tested one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from teleread.dictation.ports import HeardWord

from . import finish, lists, measures, medical, numbers, spoken
from .finish import Written
from .misheard import misheard
from .pieces import Piece, Step, pieces_of

__all__ = ["Style", "begins_sentence", "write"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a site writes."""

    british: bool = True
    marks: str = "auto"
    """``spoken``: only marks that were said; ``engine``: those of the recogniser too; ``auto``: the engine's
    where the reader says none."""


_STEPS: Final[tuple[Step, ...]] = (
    misheard,
    medical.names,
    medical.heard_numbers,
    medical.stages,
    medical.levels,
    numbers.times,
    numbers.figures,
    numbers.dates,
    measures.units,
    medical.classes,
    medical.aspects,
    medical.letters,
    medical.shouted,
    measures.signs,
    measures.dimensions,
    measures.ratios,
    measures.ranges,
)
"""What happens to words once the marks are known, in order."""


def write(
    words: Sequence[HeardWord],
    style: Style | None = None,
    *,
    before: str = "",
    speaks_marks: bool = False,
    mend: Callable[[Sequence[Piece]], list[Piece]] | None = None,
    known: Callable[[str], bool] | None = None,
) -> Written:
    """Heard words as report text.

    Args:
        words: As the recogniser heard them.
        style: How the site writes.
        before: The text it will stand behind: it tells whether a sentence begins, and how far a list is.
        speaks_marks: The reader is known to say the marks.
        mend: Lexicon snap and learnt corrections; it gets words, never marks.
        known: Whether a word (small letters) is one of the language; names are kept as the engine wrote them.
    """
    style = style or Style()
    pieces = spoken.spoken_marks(pieces_of(words))
    pieces = spoken.scratched(spoken.misheard_marks(pieces))
    drop = style.marks == "spoken" or (
        style.marks == "auto" and (speaks_marks or spoken.speaks_marks(pieces))
    )
    pieces = spoken.without_engine_marks(pieces, drop=drop)
    pieces = finish.lowered(pieces, known)
    if mend is not None:
        pieces = mend(pieces)
    for step in _STEPS:
        pieces = step(pieces)
    pieces = numbers.settled(lists.listed(pieces, before))
    if style.british:
        pieces = finish.british(pieces)
    pieces = spoken.with_capital_words(pieces)
    return finish.composed(finish.capitals(pieces, begins=begins_sentence(before)))


def begins_sentence(before: str) -> bool:
    """Whether a sentence begins behind a text."""
    kept = before.rstrip(" ")
    return not kept or kept[-1] in ".?!\n" or bool(_HEADING.search(kept))


_HEADING: Final = re.compile(r"(?:^|\n|[.?!] )[^\n.?!:]{1,40}:\Z")
