"""One error at every place where it can be made, in texts by others and our own: how the checks do unaided.

Nothing here knows the rules' own reading of a text: sides, numbers, units and denials are turned round by
plain patterns, so that a rule's blind spots count against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from .checks_corpus import Report

__all__ = ["anywhere"]

_OTHER: Final = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
_SIDE: Final = re.compile(
    r"\b(?:left|right)\b(?!-handed| hand(?:ed)|[ -]ventric| heart| hemicol)", re.IGNORECASE
)
_SIZE: Final = re.compile(r"\b(\d+(?:\.\d+)?)( ?(?:mm|cm))\b")
_NOUNS: Final = (
    *(
        "fracture",
        "effusion",
        "haemorrhage",
        "hemorrhage",
        "hydronephrosis",
        "consolidation",
        "pneumothorax",
        "haematoma",
    ),
    *(
        "stenosis",
        "obstruction",
        "dilatation",
        "dissection",
        "aneurysm",
        "abscess",
        "collection",
        "thrombosis",
        "hernia",
    ),
    *(
        "metastasis",
        "metastases",
        "lymphadenopathy",
        "adenopathy",
        "appendicitis",
        "diverticulitis",
        "gallstones",
        "tear",
    ),
    *(
        "calculus",
        "calculi",
        "stone",
        "infarct",
        "collapse",
        "atelectasis",
        "oedema",
        "edema",
        "mass",
        "nodule",
        "cyst",
    ),
)
_WORDS: Final = "|".join(_NOUNS)
_DENIED: Final = re.compile(
    rf"(?<![^\s(])[Nn]o (?:evidence of )?(?=[\w /-]{{0,30}}\b(?:{_WORDS})\b[^.,;]{{0,12}}[.;])"
)
_AFFIRMED: Final = re.compile(
    rf"(?:^|(?<=[.\n] ))(?:\d[.)] +)?(?!No\b|The\b)(?=(?:[A-Z][\w-]* ){{1,3}}\b(?:{_WORDS})\b)", re.MULTILINE
)


def anywhere(reports: Sequence[Report]) -> Iterator[Report]:
    """Every report with every single error that can be made in it."""
    for one in reports:
        for index, made in enumerate(_made(one)):
            yield replace(made, id=f"{one.id}+{index}")


def _made(report: Report) -> Iterator[Report]:
    findings, impression = report.texts.get("findings", ""), report.texts.get("impression", "")
    for place in _SIDE.finditer(impression):
        if _SIDE.search(findings):
            rule = "side-mismatch" if report.laterality else "side-between-sections"
            yield _with(report, rule, impression=_put(impression, place, _OTHER.get(place[0], place[0])))
    for place in _SIZE.finditer(impression):
        if _SIZE.search(findings):
            number = f"{float(place[1]) * 2 + 1.3:.1f}" if "." in place[1] else str(int(place[1]) * 2 + 7)
            yield _with(report, "numbers-differ", impression=_put(impression, place, number + place[2]))
    for place in re.finditer(
        r"(?:measur\w+|dilated to|size of|x) (?:up to )?(\d+(?:\.\d+)?) ?(?:mm|cm)\b(?! x)", findings
    ):
        bare = place[0][: place.end(1) - place.start()]
        yield _with(report, "measurement-no-unit", findings=_put(findings, place, bare))
    for place in _DENIED.finditer(impression):
        noun = _noun_at(impression, place.end())
        if re.search(rf"\b{noun}", findings, re.IGNORECASE):
            rest = impression[place.end() :]
            turned = impression[: place.start()] + rest[:1].upper() + rest[1:]
            yield _with(report, "negation-impression", impression=turned)
    for place in _AFFIRMED.finditer(impression):
        noun = _noun_at(impression, place.end())
        if re.search(rf"\b{noun}", findings, re.IGNORECASE):
            rest = impression[place.end() :]
            turned = impression[: place.end()] + "No " + rest[:1].lower() + rest[1:]
            yield _with(report, "negation-findings", impression=turned)


def _noun_at(text: str, at: int) -> str:
    found = re.search(rf"\b(?:{_WORDS})", text[at:])
    return found[0] if found else "$"


def _put(text: str, place: re.Match[str], word: str) -> str:
    return text[: place.start()] + word + text[place.end() :]


def _with(report: Report, rule: str, **texts: str) -> Report:
    return report.with_text(rule, **texts)
