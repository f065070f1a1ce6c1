"""Findings against impression: what one affirms and the other denies, and levels only one names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from teleread.model.report import Check

from .checks_basis import Basis
from .checks_reading import Mention

__all__ = ["levels", "negation"]

_NORMAL: Final = re.compile(
    r"^\W*(?:1[.)]\s*)?(?:essentially\s+)?(?:normal|unremarkable|negative)\b(?:[^.,;]{0,60})\W*$",
    re.IGNORECASE,
)
"""A whole impression that calls the study normal."""
_GRAVE: Final = frozenset(
    {
        "pneumothorax",
        "pleural_effusion",
        "consolidation",
        "pulmonary_embolism",
        "intracranial_bleed",
        "infarct",
        "midline_shift",
    }
    | {
        "hydrocephalus",
        "fracture",
        "dislocation",
        "free_gas",
        "bowel_obstruction",
        "appendicitis",
        "hydronephrosis",
        "stone@kidney",
        "stone@ureter",
    }
    | {
        "venous_thrombosis",
        "dissection",
        "aneurysm",
        "abscess",
        "cord_compression",
        "metastasis",
        "cholecystitis",
        "diverticulitis",
    }
)


_OPPOSITE: Final = {"LEFT": "RIGHT", "RIGHT": "LEFT"}
_MOST: Final = 200
"""Most mentions of one finding that are compared."""
_ANYWHERE: Final = frozenset(
    {"fracture", "dislocation", "infarct", "metastasis", "adenopathy", "abscess", "aneurysm", "dissection"}
)
"""Findings that may be in one organ and not in another."""


def negation(basis: Basis) -> Iterator[Check]:
    """Findings that one part affirms and the other only denies."""
    findings = dict.fromkeys(basis.page.mentions("findings"))
    named: dict[str, list[Mention]] = {}
    for other in findings:
        named.setdefault(other.finding, []).append(other)
    told: set[str] = set()
    for one in dict.fromkeys(basis.page.mentions("impression")):
        same = _of_the_side(one, [other for other in named.get(one.finding, ())[:_MOST] if _same(one, other)])
        if one.finding not in told and same and _contradicts(one, same):
            told.add(one.finding)
            affirmed = one.standing == "yes"
            yield from basis.rules.found(
                "negation-impression" if affirmed else "negation-findings",
                "impression",
                label=basis.label("impression"),
                words=one.words,
            )
    if not told and _NORMAL.match(basis.page.text("impression")):
        grave = next((one for one in findings if one.standing == "yes" and one.finding in _GRAVE), None)
        if grave is not None:
            yield from basis.rules.found(
                "impression-normal", "impression", label=basis.label("impression"), words=grave.words
            )


def _same(one: Mention, other: Mention) -> bool:
    """Whether two mentions can be about one thing: the same finding, and no other organ."""
    if one.finding != other.finding:
        return False
    return one.finding not in _ANYWHERE or not one.organ or not other.organ or one.organ == other.organ


def _of_the_side(one: Mention, findings: list[Mention]) -> list[Mention]:
    """Those on the side a mention names, where some are: what the other side has, it does not speak of."""
    own = [other for other in findings if other.side == one.side]
    elsewhere = _OPPOSITE.get(one.side)
    if not own or elsewhere is None:
        return findings
    return [other for other in findings if other.side != elsewhere]


def _contradicts(one: Mention, findings: Sequence[Mention]) -> bool:
    standings = {other.standing for other in findings}
    if one.standing == "yes":
        denied = standings <= {"no", "partly"} and any(other.reserve <= one.near for other in findings)
        return denied and _sides_meet(one, findings)
    if one.standing in {"no", "partly"}:
        affirmed = [other for other in findings if other.standing == "yes" and one.reserve <= other.near]
        return bool(affirmed) and standings <= {"yes", "partly"} and _sides_meet(one, affirmed)
    return False


def _sides_meet(one: Mention, findings: Sequence[Mention]) -> bool:
    sides = {other.side for other in findings}
    return one.side in {"", "BOTH"} or bool(sides & {one.side, "BOTH", ""})


# -- levels of the spine ----------------------------------------------------------------------------------

_LEVEL: Final = re.compile(r"\b(?P<a>[CTLS])(?P<n>\d{1,2})(?:\s?[/–-]\s?(?P<b>[CTLS])?(?P<m>\d{1,2}))?\b")
_RANGE: Final = re.compile(
    r"\b([CTLS])(\d{1,2})(?:[/–-][CTLS]?\d{1,2})?\s*(?:to|through|until)\s*([CTLS])?(\d{1,2})\b"
)
_COUNT: Final = {"C": 7, "T": 12, "L": 5, "S": 5}
_ORDER: Final = [f"{letter}{number}" for letter, count in _COUNT.items() for number in range(1, count + 1)]


def levels(basis: Basis) -> Iterator[Check]:
    """A level of the spine that the impression names and the findings, which name others, don't."""
    seen = _levels(basis.page.text("findings"))
    if len(seen) < 2:
        return
    strange = sorted(_levels(basis.page.text("impression")) - seen)
    if strange:
        yield from basis.rules.found(
            "level-differs", "impression", label=basis.label("impression"), words=", ".join(strange)
        )


def _levels(text: str) -> set[str]:
    """Every vertebra a text names; both of a disc's, and all of a range."""
    out: set[str] = set()
    for one in _RANGE.finditer(text):
        out |= set(_between(f"{one[1]}{one[2]}", f"{one[3] or one[1]}{one[4]}"))
    for one in _LEVEL.finditer(text):
        first = f"{one['a']}{int(one['n'])}"
        if first in _ORDER:
            out.add(first)
            if one["m"]:
                out.add(_below(one["a"], one["b"], int(one["m"]), first))
    return out & set(_ORDER)


def _below(letter: str, other: str | None, number: int, first: str) -> str:
    if other:
        return f"{other}{number}"
    index = _ORDER.index(first)
    follows = _ORDER[index + 1] if index + 1 < len(_ORDER) else first
    return follows if int(follows[1:]) == number else f"{letter}{number}"


def _between(first: str, last: str) -> list[str]:
    if first not in _ORDER or last not in _ORDER:
        return []
    start, end = sorted((_ORDER.index(first), _ORDER.index(last)))
    return _ORDER[start : end + 1]
