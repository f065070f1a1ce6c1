"""Phrases of `checks_vocabulary.toml` and of sites' own rules, as patterns that can't run away."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

__all__ = ["Vocabulary", "pattern_of", "regions_in", "vocabulary"]

_OPTIONAL: Final = re.compile(r"\(([a-z]{1,4})\)")


def pattern_of(phrases: Iterable[str]) -> str:
    r"""A pattern for any of some phrases, word by word; to be used on folded text.

    ``*`` stands for the rest of a word, ``(ae)`` for letters that may be missing, a blank for blanks or a
    hyphen. Nothing else has a meaning of its own, so no phrase can make matching slow.
    """
    longest_first = sorted({one.casefold() for one in phrases}, key=len, reverse=True)
    return r"\b(?:" + "|".join(_phrase(one) for one in longest_first) + r")\b"


def _phrase(text: str) -> str:
    out = []
    for word in text.split():
        parts = _OPTIONAL.split(word)
        out.append(
            "".join(
                f"(?:{part})?" if index % 2 else re.escape(part).replace(r"\*", r"\w{0,24}")
                for index, part in enumerate(parts)
            )
        )
    return r"[\s-]{1,3}".join(out)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the checks understand, compiled."""

    findings: re.Pattern[str]
    """Findings, the group's name telling which."""
    organ_bound: frozenset[str]
    """Findings that mean something only with their organ."""
    organs: re.Pattern[str]
    region_of: Mapping[str, str]
    """Organ to its region."""
    region_words: Mapping[str, re.Pattern[str]]
    """Region to the words by which an order names it, its organs' included."""
    next_to: Mapping[str, frozenset[str]]
    critical: Mapping[str, re.Pattern[str]]
    """Urgency to its findings."""


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The vocabulary that comes with teleread."""
    data = (resources.files("teleread.reporting") / "checks_vocabulary.toml").read_bytes()
    table: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
    organs = {organ: words for region in table["organ"].values() for organ, words in region.items()}
    return Vocabulary(
        findings=_named(table["finding"] | table["finding_of"]),
        organ_bound=frozenset(_group(one) for one in table["finding_of"]),
        organs=_named(organs),
        region_of={_group(organ): name for name, region in table["organ"].items() for organ in region},
        region_words={name: re.compile(pattern_of(words)) for name, words in table["region_word"].items()},
        next_to={name: frozenset(others) for name, others in table["next_to"].items()},
        critical={name: re.compile(pattern_of(words)) for name, words in table["critical"].items()},
    )


@lru_cache(maxsize=512)
def regions_in(text: str) -> frozenset[str]:
    """The regions of the body that an order's or a study's name tells."""
    low = text.lower()
    found = {name for name, pattern in vocabulary().region_words.items() if pattern.search(low)}
    if re.search(r"\bspin", low):  # a cervical spine is no neck, a thoracic one no chest
        found -= {"neck"} if "neck" not in low else set()
        found -= {"chest"} if "chest" not in low else set()
    return frozenset(found)


def _group(name: str) -> str:
    return name.replace("-", "_")


def _named(table: Mapping[str, Iterable[str]]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{_group(name)}>{pattern_of(words)})" for name, words in table.items()))
