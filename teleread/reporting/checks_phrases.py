"""Phrases of `checks_vocabulary.toml` and of sites' own rules, as patterns that can't run away."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

__all__ = ["Lexicon", "Vocabulary", "pattern_of", "regions_in", "vocabulary"]

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


class Lexicon:
    """Names by their phrases, found word by word: a text is read once, however many phrases there are.

    Args:
        table: Name to its phrases.
    """

    def __init__(self, table: Mapping[str, Iterable[str]]) -> None:
        kept: dict[str, list[tuple[str, str]]] = {}
        for name, phrases in table.items():
            for phrase in phrases:
                for start in _beginnings(phrase.casefold()):
                    kept.setdefault(start, []).append((name, phrase))
        self._by_start = {start: _alternatives(found) for start, found in kept.items()}

    def find(self, low: str) -> Iterator[tuple[str, int, int]]:
        """(name, start, end) of what a folded text names, from left to right, none inside another."""
        upto = 0
        for word in _WORD.finditer(low):
            at = word.start()
            pattern = self._by_start.get(low[at : at + 2]) if at >= upto else None
            found = pattern.match(low, at) if pattern else None
            if found:
                upto = found.end()
                yield str(found.lastgroup), at, upto


_WORD: Final = re.compile(r"\w\w+")


def _beginnings(phrase: str) -> set[str]:
    """The first two letters a phrase can begin with."""
    return {_OPTIONAL.sub("", phrase)[:2], _OPTIONAL.sub(r"\1", phrase)[:2]}


def _alternatives(found: Sequence[tuple[str, str]]) -> re.Pattern[str]:
    """One pattern for some phrases, the longest tried first, each told by its name."""
    names = list(dict.fromkeys(name for name, _ in sorted(found, key=lambda one: -len(one[1]))))
    parts = (f"(?P<{_group(one)}>{pattern_of(p for name, p in found if name == one)})" for one in names)
    return re.compile("|".join(parts))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the checks understand, compiled."""

    findings: Lexicon
    organ_bound: frozenset[str]
    """Findings that mean something only with their organ."""
    organs: Lexicon
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
        findings=Lexicon(table["finding"] | table["finding_of"]),
        organ_bound=frozenset(_group(one) for one in table["finding_of"]),
        organs=Lexicon(organs),
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
