"""The examination against the text: part of the body, modality, contrast."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from teleread.model.report import Check

from .checks_basis import Basis
from .checks_phrases import regions_in, vocabulary
from .checks_reading import quoted

__all__ = ["contrast", "modality", "region"]

_LEAST: Final = 3
"""Fewest organs of another region before a text counts as being about that."""

_UNENHANCED: Final = re.compile(
    r"\b(?:without\s+(?:the\s+(?:use|administration)\s+of\s+)?(?:iv\s+|intravenous\s+|oral\s+and\s+iv\s+)?contrast|non[\s-]?contrast|unenhanced|non[\s-]?enhanced|"
    r"no\s+(?:iv\s+|intravenous\s+)?contrast(?:\s+(?:was\s+)?(?:given|administered|medium|agent))?)\b",
    re.IGNORECASE,
)
_ENHANCED: Final = re.compile(
    r"\b(?:with\s+(?:iv\s+|intravenous\s+|oral\s+and\s+iv\s+)?contrast|post[\s-]?contrast|contrast[\s-]enhanced|portal\s+venous|arterial\s+phase|"
    r"(?:iv|intravenous)\s+contrast\s*:?\s*\d|\d+\s*m[lL]s?\s+(?:of\s+)?(?:iv\s+)?(?:omnipaque|iohexol|niopam|visipaque|ultravist|optiray|isovue|"
    r"intravenous\s+contrast|contrast|gadolinium|dotarem|gadovist|iopamidol)|after\s+(?:\w+\s+){0,4}contrast|gadolinium|"
    r"following\s+(?:\w+\s+){0,4}contrast)\b",
    re.IGNORECASE,
)
_ORDERED_WITH: Final = re.compile(
    r"\b(?:with\s+(?:iv\s+)?contrast|post\s+contrast|contrast\s+enhanced)\b", re.IGNORECASE
)
_BOTH: Final = re.compile(
    r"\b(?:with\s+and\s+without|without\s+and\s+with|pre[\s-]and\s+post|pre[\s-]?contrast)\b", re.IGNORECASE
)

_PHASES: Final = re.compile(
    r"\b(?:phases?|then|followed\s+by|subsequent\w*|also|initial\w*|additional\w*|unenhanced\s+(?:and|images)|dynamic|dual|triple|multiphas\w+|"
    r"before\s+and\s+after)\b",
    re.IGNORECASE,
)
"""A scan in several phases is both with and without."""

_MODALITIES: Final[dict[str, re.Pattern[str]]] = {
    "CT": re.compile(r"\b(?:CT|computed tomograph\w+|CTPA|CECT)\b"),
    "MR": re.compile(r"\b(?:MRI?|MRCP|magnetic resonance)\b"),
    "US": re.compile(r"\b(?:US|[Uu]ltrasound|[Ss]onogra\w+|USS)\b"),
    "XR": re.compile(r"\b(?:[Rr]adiograph\w*|[Xx][\s-]?[Rr]ay\w*|AP and lateral|PA view|frontal view)\b"),
}
_CODES: Final = {"CT": "CT", "MR": "MR", "US": "US", "CR": "XR", "DX": "XR", "DR": "XR", "XR": "XR"}
_ELSEWHERE: Final = re.compile(
    r"\b(?:compar\w+|previous\w*|prior|correlat\w+|recommend\w*|suggest\w*|advis\w+|guid\w+|fusion|fused|planning|pet|scout|follow\w*)\b",
    re.IGNORECASE,
)


def region(basis: Basis) -> Iterator[Check]:
    """A text about another part of the body than the one ordered."""
    ordered = _ordered(basis)
    if not ordered or not basis.first:
        return
    words = vocabulary()
    near = ordered.union(*(words.next_to[one] for one in ordered))
    technique = basis.page.text("technique").lower()
    named = regions_in(technique)
    if named and not named & (near - {"spine"} | ordered):
        yield from _wrong(basis, "technique", named)
        return
    for section_id in ("impression", "findings"):
        seen: Counter[str] = Counter()
        for one in basis.page.of(section_id):
            seen.update({words.region_of[organ] for organ, _, _ in one.organs})
        foreign = Counter({name: count for name, count in seen.items() if name not in near})
        least = _LEAST if section_id == "findings" else 1
        if foreign.total() >= least and not any(name in near for name in seen):
            yield from _wrong(basis, section_id, {foreign.most_common(1)[0][0]})
            return


def _ordered(basis: Basis) -> frozenset[str]:
    order, study = basis.context.order, basis.context.study
    return regions_in(f"{order.procedure} {order.body_part} {study.description if study else ''}")


def _wrong(basis: Basis, section_id: str, named: Iterable[str]) -> list[Check]:
    order = basis.context.order
    return basis.rules.found(
        "region-mismatch",
        section_id,
        label=basis.label(section_id),
        words=", ".join(sorted(named)),
        procedure=order.procedure or order.body_part,
    )


def modality(basis: Basis) -> Iterator[Check]:
    """A technique of another kind than the study's."""
    study = basis.context.study
    own = _CODES.get(str(study.modality).upper() if study else "", "")
    text = basis.page.text("technique")
    if not own or not text or not basis.first:
        return
    said = [one for one in basis.page.of("technique") if not _ELSEWHERE.search(one.text)]
    named = {name for one in said for name, pattern in _MODALITIES.items() if pattern.search(one.text)}
    procedure = str(basis.context.order.procedure)
    fit = {own} | {name for name, pattern in _MODALITIES.items() if pattern.search(procedure)}
    if named and not named & fit:
        yield from basis.rules.found(
            "modality-mismatch",
            "technique",
            label=basis.label("technique"),
            words=", ".join(sorted(named)),
            modality=own,
        )


def contrast(basis: Basis) -> Iterator[Check]:
    """A contrast medium that was ordered and denied, or given and denied, in one text."""
    procedure = str(basis.context.order.procedure)
    if not basis.first or _BOTH.search(procedure):
        return
    said = [one for one in basis.page.of("technique", "impression") if not _ELSEWHERE.search(one.text)]
    without = next((one for one in said if _UNENHANCED.search(one.text)), None)
    if without is None or any(_BOTH.search(one.text) or _PHASES.search(one.text) for one in said):
        return
    given = any(_ENHANCED.search(_UNENHANCED.sub(" ", one.text)) for one in said)
    if given or _ORDERED_WITH.search(procedure):
        yield from basis.rules.found(
            "contrast-mismatch",
            without.section,
            label=basis.label(without.section),
            words=quoted(without.text),
        )
