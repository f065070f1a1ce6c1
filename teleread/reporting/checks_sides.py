"""Side: against the order, and between findings and impression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from teleread.model.report import Check, Section

from .checks_basis import Basis
from .checks_reading import Mention
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
    told = list(_findings(basis))
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
                organ=one.words,
                other=_OPPOSITE[one.side],
            )


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
