"""Side: against the order, and between findings and impression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from teleread.model.report import Check, Section

from .checks_basis import Basis
from .checks_measures import kind_of, measures_of
from .checks_reading import Mention, Sentence, side_at
from .words import SidedWord, sided_words

__all__ = ["sides"]

_OPPOSITE: Final = {"LEFT": "RIGHT", "RIGHT": "LEFT"}
_TEXTS: Final = ("technique", "findings", "impression")
_STANDS: Final = ("yes", "past", "maybe")


def sides(basis: Basis) -> Iterator[Check]:
    """Every doubt about a side."""
    sections = [one for one in basis.page.sections if one.id in _TEXTS]
    words = {section.id: sided_words(section) for section in sections}
    if basis.first:
        yield from _ordered(basis, sections, words)
    told = list(_findings(basis)) or list(_tagged(basis))
    yield from told or _words(basis, words.get("findings", []), words.get("impression", []))


def _ordered(basis: Basis, sections: list[Section], words: dict[str, list[SidedWord]]) -> Iterator[Check]:
    side = basis.context.order.laterality
    if side not in _OPPOSITE:
        return
    for section in sections:
        wrong = [one for one in words[section.id] if one.side != side and not one.compared]
        if wrong:
            yield from basis.rules.found(
                "side-mismatch",
                section.id,
                label=section.label,
                said=wrong[0].side,
                words=wrong[0].sentence,
                side=side,
            )
    written = any(one.id in {"findings", "impression"} for one in sections)
    if written and not any(words.values()):
        yield from basis.rules.found("side-not-named", "impression", side=side)


def _findings(basis: Basis) -> Iterator[Check]:
    """Findings that the impression puts on a side where the findings have none."""
    seen: dict[str, list[Mention]] = {}
    for one in basis.page.mentions("findings"):
        if one.standing in _STANDS:
            seen.setdefault(one.finding, []).append(one)
    told: set[str] = set()
    for one in basis.page.mentions("impression"):
        known = seen.get(one.finding, [])
        sides_known = {other.side for other in known}
        wrong = one.side in _OPPOSITE and one.standing in _STANDS and sides_known == {_OPPOSITE.get(one.side)}
        if wrong and one.finding not in told:
            told.add(one.finding)
            yield from basis.rules.found(
                "side-between-sections",
                "impression",
                label=basis.label("impression"),
                said=one.side,
                organ=f"{one.organ} {one.words}" if "@" in one.finding else one.words,
                other=_OPPOSITE[one.side],
            )


def _tagged(basis: Basis) -> Iterator[Check]:
    """Sizes, shares and levels of the spine that the findings give on the other side alone."""
    seen: dict[str, set[str]] = {}
    for one in basis.page.of("findings"):
        for tag, side in _tags(one):
            if side or tag != one.level:  # of a level many sentences tell, and most of them no side
                seen.setdefault(tag, set()).add(side)
    for one in basis.page.of("impression"):
        for tag, side in _tags(one):
            if side in _OPPOSITE and seen.get(tag) == {_OPPOSITE[side]}:
                yield from basis.rules.found(
                    "side-between-sections",
                    "impression",
                    label=basis.label("impression"),
                    said=side,
                    organ=tag.partition(" of ")[0],
                    other=_OPPOSITE[side],
                )
                return


@lru_cache(maxsize=2048)
def _tags(sentence: Sentence) -> tuple[tuple[str, str], ...]:
    """(what tells a finding from others, its side) of a sentence."""
    out = []
    for measure in measures_of(sentence.text):
        kind = kind_of(sentence, measure)
        if not measure.before and kind != "shift":
            out.append((f"{measure.largest.normalize():f} mm of {kind}", measure.start, measure.end))
    out += [(one.group(), one.start(), one.end()) for one in _SHARE.finditer(sentence.low)]
    if sentence.level:
        out.append((sentence.level, 0, 0))
    low, sides, carried = sentence.low, sentence.sides, sentence.carried
    return tuple((name, side_at(sides, start, end, low) or carried) for name, start, end in out)


_SHARE: Final = re.compile(r"\b\d{1,3}(?:\s?[-–]\s?\d{1,3})?\s?%")


def _words(basis: Basis, findings: list[SidedWord], impression: list[SidedWord]) -> Iterator[Check]:
    """Organs that the impression names on the other side alone."""
    seen = {(one.side, one.organ) for one in findings}
    told: set[str] = set()
    for one in impression:
        other = _OPPOSITE[one.side]
        lonely = one.organ and (one.side, one.organ) not in seen and (other, one.organ) in seen
        if lonely and one.organ not in told:
            told.add(one.organ)
            yield from basis.rules.found(
                "side-between-sections",
                "impression",
                label=basis.label("impression"),
                said=one.side,
                organ=one.organ,
                other=other,
            )
