"""Words that give a side, or an organ only one sex has, and where they stand in a report."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from teleread.model.report import Section
from teleread.model.text import SafeText, clean

__all__ = [
    "SidedWord",
    "mentions_of_other_sex",
    "sentences",
    "side_spans",
    "sided_words",
    "sides",
    "unwrapped",
]

_SENTENCE: Final = re.compile(r"[^.!?\n]+(?:[.!?](?=\S)[^.!?\n]*)*[.!?]?")
"""A sentence; a full stop inside a number (``1.5 cm``) does not end it."""

_LONGEST: Final = 500
"""Longest sentence read as one, characters."""
_WRAPPED: Final = re.compile(r"\n(?<=[^\s.:;!?]\n)[ ]*(?=[a-z])")

_SIDE: Final = re.compile(r"\b(?P<left>left|lt)\b|\b(?P<right>right|rt)\b|\((?P<l>[Ll])\)|\((?P<r>[Rr])\)")

_BOTH: Final = re.compile(r"\b(?:bilateral(?:ly)?|both|either\s+side|each\s+side)\b", re.IGNORECASE)
_LOBE: Final = re.compile(r"\b(?P<side>[LR])(?:UL|LL|ML|UQ|LQ|IF|VUJ|PUJ)\b")
"""Sides inside an abbreviation: ``RUL``, ``LIF``."""

_NO_SIDE: Final = re.compile(
    r"\b(?:left|right)[\s-]+(?:hand(?:ed|edness)\b|"
    r"(?:and|or|/)[\s-]+(?:left|right)\b|"
    r"(?:sided\s+)?(?:ventric|atri|heart|main\b|coronary|anterior descending|circumflex|bundle|"
    r"hepatic|lobe\b|portal|colon|hemicolon|hemicolectomy|gastric))"
    r"|\bright\s+(?:up|away|after)\b|\b(?:all|what|is|was|has|have|are)\s+left\b"
    r"|\bleft\s+(?:in situ|untreated)\b",
    re.IGNORECASE,
)
"""Sides that belong to the organ's name, or are no sides at all."""

_NO_PLACE: Final = re.compile(
    r"\b(?:left|right)[\s-]+(?:hand(?:ed|edness)\b|(?:and|or|/)[\s-]+(?:left|right)\b)"
    r"|\bright\s+(?:up|away|after)\b|\b(?:all|what|is|was|has|have|are)\s+left\b"
    r"|\bleft\s+(?:in situ|untreated)\b",
    re.IGNORECASE,
)
"""Sides that say nothing of where a finding is."""

_COMPARED: Final = re.compile(
    r"\b(?:contralateral|opposite|other side|compar\w+|than the|previous\w*|prior|asymmetr\w+|"
    r"unlike|whereas|history of)\b",
    re.IGNORECASE,
)
"""A sentence that may speak of the other side on purpose."""

_FILLER: Final = frozenset(
    {"sided", "side", "of", "the", "a", "upper", "lower", "mid", "middle", "small", "large", "simple", "new"}
    | {"normal", "distal", "proximal", "medial", "lateral", "anterior", "posterior", "and", "is", "in", "on"}
)

_MALE: Final = re.compile(
    r"\b(?:prostat\w*|seminal\s+vesicles?|testi(?:s|cles?|cular)|testes|scrot\w+|penis|penile|"
    r"epididym\w+|vas\s+deferens|spermatic|orchid?ectomy|hydrocoele?s?|varicocoele?s?)\b",
    re.IGNORECASE,
)
_FEMALE: Final = re.compile(
    r"\b(?:uter(?:us|ine)|ovar(?:y|ies|ian)|endometri\w+|myometri\w+|(?:trans)?vagina(?:l(?:ly)?)?|"
    r"fallopian|adnexa\w*|parametri\w+|cervix|pregnan\w+|gravid|fetus|fetal|foetal|"
    r"hysterectomy|oophorectomy|iucd|fibroids?)\b",
    re.IGNORECASE,
)
_ABSENT: Final = re.compile(
    r"\b(?:absent|agenesis|transgender|trans\s+(?:man|woman)|intersex|"
    r"family\s+history|mother|sister|father|brother)\b",
    re.IGNORECASE,
)
"""Words that make an organ of the other sex no contradiction."""


@dataclass(frozen=True, slots=True)
class SidedWord:
    """A side where it stands in the text."""

    section: str
    side: str
    """``LEFT`` or ``RIGHT``."""
    organ: str
    """First telling word after it, lower case; empty where there is none."""
    sentence: SafeText
    compared: bool
    """Its sentence compares, so it may name the other side on purpose."""


def sentences(text: str) -> list[str]:
    """The sentences of a text, trimmed, empty ones dropped; a line that was only wrapped does not end one."""
    return list(_sentences(text))


@lru_cache(maxsize=64)
def _sentences(text: str) -> tuple[str, ...]:
    found = (one.strip() for one in _SENTENCE.findall(unwrapped(text)))
    return tuple(part for one in found if one for part in _pieces(one))


def _pieces(sentence: str) -> list[str]:
    """A sentence; one of absurd length in pieces, so that no text can hold the rules up."""
    if len(sentence) <= _LONGEST:
        return [sentence]
    return [sentence[at : at + _LONGEST] for at in range(0, len(sentence), _LONGEST)]


def unwrapped(text: str) -> str:
    """The text with its wrapped lines joined: a small letter at the head of a line goes on with the last."""
    return _WRAPPED.sub(" ", text)


def sided_words(section: Section) -> list[SidedWord]:
    """Every side a section's text names, sides that belong to an organ's name left out."""
    return [one for sentence in sentences(section.text) for one in _sided(section.id, sentence)]


@lru_cache(maxsize=2048)
def _sided(section_id: str, sentence: str) -> tuple[SidedWord, ...]:
    skip = [one.span() for one in _NO_SIDE.finditer(sentence)]
    compared = bool(_COMPARED.search(sentence))
    out = []
    for one in _SIDE.finditer(sentence.lower()):
        if any(start <= one.start() < end for start, end in skip):
            continue
        side = "LEFT" if one.lastgroup in {"left", "l"} else "RIGHT"
        organ = _organ(sentence[one.end() :])
        out.append(SidedWord(section_id, side, organ, clean(sentence, limit=120), compared))
    return tuple(out)


def side_spans(sentence: str) -> list[tuple[str, int]]:
    """Every side a sentence names and where, ``BOTH`` included; those of lobes and chambers count too."""
    skip = [one.span() for one in _NO_PLACE.finditer(sentence)]
    found = [
        ("LEFT" if one.lastgroup in {"left", "l"} else "RIGHT", one.start())
        for one in _SIDE.finditer(sentence.lower())
        if not any(start <= one.start() < end for start, end in skip)
    ]
    found += [("LEFT" if one["side"] == "L" else "RIGHT", one.start()) for one in _LOBE.finditer(sentence)]
    found += [("BOTH", one.start()) for one in _BOTH.finditer(sentence)]
    return sorted(found, key=lambda one: one[1])


def _organ(after: str) -> str:
    words = re.findall(r"[a-z]+", after.lower())[:4]
    return next((word for word in words if word not in _FILLER), "")


def sides(sections: Iterable[Section]) -> tuple[SafeText, ...]:
    """What the sign sheet shows of sides: ``RIGHT kidney``, each once, as they come."""
    found = [
        one
        for section in sections
        if section.id in {"findings", "impression"}
        for one in sided_words(section)
    ]
    return tuple(dict.fromkeys(clean(f"{one.side} {one.organ}".strip()) for one in found))


def mentions_of_other_sex(text: str, sex: str) -> list[str]:
    """Words for organs this patient's sex does not have, except where the sentence explains them."""
    pattern = {"M": _FEMALE, "F": _MALE}.get(sex)
    if pattern is None:
        return []
    return [word for sentence in sentences(text) for word in _sexed(pattern, sentence)]


@lru_cache(maxsize=2048)
def _sexed(pattern: re.Pattern[str], sentence: str) -> tuple[str, ...]:
    if _ABSENT.search(sentence):
        return ()
    return tuple(found.group(0).lower() for found in pattern.finditer(sentence))
