"""Safety marks: the words of an utterance that have to be read before signing, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from teleread.reporting.words import mentions_of_other_sex, sentences

from .agree import differences
from .bias import CaseWords, vocabulary
from .ports import HeardWord
from .safety import NEGATION, NUMBER, PREFIX, SIDE, kind_of
from .text.finish import Placed, Written, british
from .text.pieces import Piece
from .text.vocabulary import words

__all__ = ["CHANGED", "CONFUSED", "LOW", "SEX", "UNLIKELY", "Limits", "Mark", "marks_for"]

LOW: Final = "low-confidence"
CHANGED: Final = "changed"
"""The word list changed it: what was heard is told."""
CONFUSED: Final = "confusion"
"""A real word often heard for another one."""
UNLIKELY: Final = "implausible"
"""A number no body has."""
SEX: Final = "sex"

_RANK: Final = (SIDE, NEGATION, NUMBER, PREFIX, SEX, UNLIKELY, CONFUSED, CHANGED, LOW)


@dataclass(frozen=True, slots=True)
class Limits:
    """Confidence under which a word is marked, by kind; measured on the development set."""

    word: float = 0.25
    side: float = 0.7
    negation: float = 0.65
    number: float = 0.46
    prefix: float = 0.5
    turnable: float = 0.95
    """Of a word that is one with another prefix, too: hypo for hyper, peri for para."""
    poor: float = 0.2
    """Added to all of them where the sound is poor."""

    def of(self, kind: str) -> float:
        """The limit of a kind."""
        kinds = {SIDE: self.side, NEGATION: self.negation, NUMBER: self.number, PREFIX: self.prefix}
        return kinds.get(kind, self.word)


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked piece."""

    at: int
    """Index of the piece."""
    kind: str
    why: str
    """In words."""
    instead: tuple[str, ...] = ()
    """What else was heard."""


def marks_for(
    written: Written,
    heard: Sequence[HeardWord],
    others: Iterable[Written],
    case: CaseWords,
    *,
    before: str = "",
    poor_audio: bool = False,
    limits: Limits | None = None,
) -> dict[int, Mark]:
    """The marks of an utterance, by index of the piece; one a piece, the gravest.

    Args:
        written: The utterance's text.
        heard: Its words.
        others: Other hearings, through the same pipeline.
        case: The case.
        before: The text it stands behind.
        poor_audio: Its sound was poor.
        limits: When a word counts as unsure.
    """
    found = [*_unsure(written, heard, limits or Limits(), poor_audio)]
    for other in others:
        found += _disagreed(written, other)
    found += _changed(written)
    found += _odd(written, heard, limits or Limits())
    found += _heard_for_numbers(written)
    found += _dangling(written)
    found += _repeated(written)
    found += _against_order(written, case)
    found += _numbers(written)
    found += _sexed(written, case)
    found += _swallowed(written)
    found += _flipped(written, before)
    out: dict[int, Mark] = {}
    for mark in sorted(found, key=lambda one: _RANK.index(one.kind)):
        kept = out.setdefault(mark.at, mark)
        if kept is not mark and mark.instead:
            joined = tuple(dict.fromkeys((*kept.instead, *mark.instead)))[:5]
            out[mark.at] = Mark(kept.at, kept.kind, kept.why, joined)
    return out


def _unsure(written: Written, heard: Sequence[HeardWord], limits: Limits, poor: bool) -> list[Mark]:
    out = []
    for at, placed in enumerate(written.placed):
        piece = placed.piece
        if piece.kind in {"mark", "break", "unit", "by"} or not piece.heard:
            continue
        sure = min(heard[index].confidence for index in piece.heard)
        kind = _grave(piece)
        if sure < limits.of(kind) + limits.poor * poor:
            out.append(Mark(at, kind or LOW, f"heard with {sure:.0%} confidence"))
    return out


def _disagreed(written: Written, other: Written) -> list[Mark]:
    return [
        Mark(one.at, one.kind, f"also heard as: {one.other or 'nothing'}", (one.other,) if one.other else ())
        for one in differences(written, other)
        if one.kind
    ]


def _changed(written: Written) -> list[Mark]:
    return [
        Mark(at, CHANGED, f"heard as: {placed.piece.was}", (placed.piece.was,))
        for at, placed in enumerate(written.placed)
        if placed.piece.was and not _spelt_otherwise(placed.piece)
    ]


def _spelt_otherwise(piece: Piece) -> bool:
    """Whether it is the same word: in British spelling, or written in one."""
    (was,) = british([Piece(re.sub(r"[\s-]", "", piece.was.lower()))])
    return was.text == re.sub(r"[\s-]", "", piece.text.lower())


def _odd(written: Written, heard: Sequence[HeardWord], limits: Limits) -> list[Mark]:
    """Words that no list knows; words that are one with another prefix, too, unless heard very surely."""
    out = []
    for at, placed in enumerate(written.placed):
        piece = placed.piece
        sure = min((heard[index].confidence for index in piece.heard), default=0.0)
        if piece.odd == "unknown":
            out.append(Mark(at, LOW, "no list of words knows it"))
        elif piece.odd == "prefix" and sure < limits.turnable:
            out.append(Mark(at, PREFIX, "with another prefix it is a word, too"))
    return out


_LIKE_NUMBERS: Final = frozenset({"for", "to", "too", "won", "ate", "tree", "free", "fore", "tu", "sex"})


def _heard_for_numbers(written: Written) -> list[Mark]:
    """A little word where a class has its figure: "grade to", "rads for a nodule"."""
    pieces = [placed.piece for placed in written.placed]
    return [
        Mark(at, NUMBER, "may have been a figure")
        for at, piece in enumerate(pieces)
        if at
        and piece.text.lower() in _LIKE_NUMBERS
        and (pieces[at - 1].text.lower() in _CLASSED or pieces[at - 1].text.endswith("-RADS"))
    ]


def _dangling(written: Written) -> list[Mark]:
    """A denial that denies nothing: the last word of an utterance."""
    last = [at for at, placed in enumerate(written.placed) if placed.piece.kind not in {"mark", "break"}][-1:]
    return [
        Mark(at, NEGATION, "nothing follows that it could deny")
        for at in last
        if written.placed[at].piece.text.lower() in {"no", "not", "without", "non", "never", "nor"}
    ]


_COPY: Final = 4
"""Words in a row that are written twice in one utterance: one of them was perhaps not said."""


def _repeated(written: Written) -> list[Mark]:
    """Sides, denials and numbers in a phrase that stands twice in one utterance."""
    at_words = [at for at, placed in enumerate(written.placed) if placed.piece.kind not in {"mark", "break"}]
    plain = [written.placed[at].piece.text.lower() for at in at_words]
    seen: set[tuple[str, ...]] = set()
    out = []
    for first in range(len(plain) - _COPY + 1):
        phrase = tuple(plain[first : first + _COPY])
        for at in at_words[first : first + _COPY] if phrase in seen else ():
            kind = _grave(written.placed[at].piece)
            if kind:
                out.append(Mark(at, kind, "the phrase stands twice; it was perhaps said once"))
        seen.add(phrase)
    return out


def _grave(piece: Piece) -> str:
    return NUMBER if piece.kind in {"number", "date", "time"} else kind_of(piece.text)


_CLASSED: Final = frozenset({"grade", "stage", "rads", "grads", "score", "category", "harris", "bosniak"})


_SIDES: Final = {"left": "LEFT", "left-sided": "LEFT", "right": "RIGHT", "right-sided": "RIGHT"}
_OTHER_SIDE: Final = re.compile(r"\b(?:contralateral|compar\w+|unlike|whereas|opposite|other side)\b")


def _against_order(written: Written, case: CaseWords) -> list[Mark]:
    """A side that is not the order's, in a sentence that does not compare."""
    if case.laterality not in {"LEFT", "RIGHT"}:
        return []
    out = []
    for at, placed in enumerate(written.placed):
        side = _SIDES.get(placed.piece.text.lower())
        if side is None or side == case.laterality or _OTHER_SIDE.search(_sentence(written, placed).lower()):
            continue
        out.append(Mark(at, SIDE, f"the order says {case.laterality.lower()}"))
    return out


def _sentence(written: Written, placed: Placed) -> str:
    first = max(written.text.rfind(mark, 0, placed.start) for mark in ".?!\n") + 1
    ends = [at for mark in ".?!\n" if (at := written.text.find(mark, placed.end)) >= 0]
    return written.text[first : min(ends, default=len(written.text))]


_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "mm": (0.05, 600),
    "cm": (0.05, 60),
    "m": (0.0, 20),
    "ml": (0.01, 8000),
    "cc": (0.01, 8000),
    "HU": (-1024, 4000),
    "%": (0, 100),
    "cm/s": (0, 900),
    "m/s": (0, 9),
    "mg": (0.01, 5000),
    "mSv": (0, 100),
    "T": (0.1, 12),
    "bpm": (10, 300),
    "Gy": (0.001, 100),
}
"""What a measure in a report can be, by unit."""


def _numbers(written: Written) -> list[Mark]:
    out = []
    pieces = [placed.piece for placed in written.placed]
    for at, piece in enumerate(pieces):
        limits = _RANGES.get(piece.text) if piece.kind == "unit" else None
        if limits is None or at == 0:
            continue
        back = at - 1
        while back >= 0 and (pieces[back].kind in {"number", "by"} or pieces[back].text in "-x"):
            if pieces[back].kind == "number" and not _fits(pieces[back].text, limits):
                out.append(Mark(back, UNLIKELY, f"no likely value in {piece.text}"))
            back -= 1
    return out


def _fits(text: str, limits: tuple[float, float]) -> bool:
    try:
        return limits[0] <= float(text) <= limits[1]
    except ValueError:
        return True


def _sexed(written: Written, case: CaseWords) -> list[Mark]:
    wrong = {
        word for found in mentions_of_other_sex(written.text, case.sex) for word in found.lower().split()
    }
    return [
        Mark(at, SEX, "the patient's sex has no such organ")
        for at, placed in enumerate(written.placed)
        if placed.piece.text.lower() in wrong
    ]


def _swallowed(written: Written) -> list[Mark]:
    """A little word that may have been a prefix: "and displaced" is how undisplaced is often heard."""
    pieces = [placed.piece for placed in written.placed]
    return [
        Mark(at, PREFIX, "may have had a prefix")
        for at, piece in enumerate(pieces)
        if at
        and piece.text.lower() in words("turned")
        and pieces[at - 1].text.lower() in words("prefix_like")
    ]


_DENIED: Final = re.compile(
    r"\b(?:no|without|not|nor|neither|absent|negative for|free of|excluded?)\b", re.IGNORECASE
)


def _flipped(written: Written, before: str) -> list[Mark]:
    """A finding that the text before denied, affirmed now; or the other way round."""
    told = _denials(before)
    now = _denials(written.text)
    turned = {word for word, denied in now.items() if word in told and told[word] != denied}
    return [
        Mark(at, NEGATION, "the text before says otherwise")
        for at, placed in enumerate(written.placed)
        if placed.piece.text.lower() in turned
    ]


_FINDING: Final = re.compile(r"[a-z][a-z-]{6,}")


def _denials(text: str) -> dict[str, bool]:
    """Findings (words of the term packs) to whether the last sentence on them denied them."""
    out: dict[str, bool] = {}
    known = vocabulary()
    for sentence in sentences(text):
        low = sentence.lower()
        denied = _DENIED.search(low)
        for one in _FINDING.finditer(low):
            if one.group() in known:
                out[one.group()] = denied is not None and denied.start() < one.start()
    return out
