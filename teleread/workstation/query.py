"""The worklist's QUERY language: words and ``key:value`` terms, ANDed; ``key:a,b`` is any of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from teleread.model.errors import UsageError

from .api import WorklistItem

__all__ = ["KEYS", "Query", "fold", "order_key", "parse_query"]

Test = Callable[[WorklistItem], bool]

MAX_QUERY: Final = 2000
"""Longest query, characters."""

_TERM: Final = re.compile(
    r'(?P<key>[A-Za-z_-]+):(?P<value>(?:"[^"]*"|[^\s"])*)|"(?P<quoted>[^"]*)"|(?P<word>\S+)'
)
_DUE: Final = re.compile(r"([<>])(\d{1,6})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Query:
    """A query that can be asked of every row."""

    tests: tuple[Test, ...]
    timed: bool = False
    """Whether time alone changes the answer."""

    def matches(self, item: WorklistItem) -> bool:
        """Whether every term holds."""
        return all(test(item) for test in self.tests)


def parse_query(text: str, now: datetime) -> Query:
    """Read a query.

    Args:
        text: As typed; empty asks for all.
        now: What ``due`` counts from, UTC.

    Raises:
        UsageError: An unknown key, or a value that key does not take.
    """
    if len(text) > MAX_QUERY:
        raise UsageError(f"A query has at most {MAX_QUERY} characters.", code="bad-query")
    tests: list[Test] = []
    timed = False
    for match in _TERM.finditer(text):
        if match["key"] is not None:
            timed = timed or match["key"].lower() == "due"
            tests.append(_term(match["key"].lower(), match["value"].replace('"', ""), now))
        else:
            tests.append(_words(match["quoted"] if match["quoted"] is not None else match["word"]))
    return Query(tuple(tests), timed)


def fold(text: str) -> str:
    """Without case, accents and PN carets: how words are compared."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(char for char in decomposed if not unicodedata.combining(char))
    return text.casefold().replace("^", " ")


def order_key(item: WorklistItem) -> tuple[bool, bool, float, str]:
    """Stat first, then due; what has no due time comes last."""
    due = item.due.timestamp() if item.due else 0.0
    return (item.priority != "stat", item.due is None, due, item.task)


def _term(key: str, value: str, now: datetime) -> Test:
    maker = KEYS.get(key)
    if maker is None:
        raise UsageError(
            f"The worklist has no key “{key[:40]}”.",
            remedy="Keys are " + ", ".join(KEYS) + ".",
            code="unknown-key",
        )
    values = [one for one in value.split(",") if one]
    if not values:
        raise UsageError(f"“{key}:” needs a value.", code="bad-query")
    tests = [maker(one, now) for one in values]
    return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)


def _words(word: str) -> Test:
    wanted = fold(word).strip()

    def test(item: WorklistItem) -> bool:
        fields: Iterable[str] = (item.name, item.accession, item.procedure)
        return any(wanted in fold(field) for field in fields)

    return test


def _equal(read: Callable[[WorklistItem], str | None], empty: str = "") -> Callable[[str, datetime], Test]:
    def make(value: str, now: datetime) -> Test:
        wanted = fold(value)
        return lambda item: fold(read(item) or empty) == wanted

    return make


def _holds(read: Callable[[WorklistItem], str]) -> Callable[[str, datetime], Test]:
    def make(value: str, now: datetime) -> Test:
        wanted = fold(value)
        return lambda item: wanted in fold(read(item))

    return make


def _modality(value: str, now: datetime) -> Test:
    wanted = value.upper()
    return lambda item: wanted in re.split(r"[\s,/\\]+", item.modality.upper())


def _mine(value: str, now: datetime) -> Test:
    wanted = _YES.get(value.lower())
    if wanted is None:
        raise UsageError("“mine:” takes yes or no.", code="bad-query")
    return lambda item: item.mine is wanted


def _due(value: str, now: datetime) -> Test:
    match = _DUE.fullmatch(value)
    if match is None:
        raise UsageError(
            "“due:” takes < or > and a time.",
            remedy="Examples: due:<2h, due:>30m, due:<3d.",
            code="bad-query",
        )
    limit = now + timedelta(**{_UNITS[match[3]]: int(match[2])})
    if match[1] == "<":
        return lambda item: item.due is not None and item.due < limit
    return lambda item: item.due is not None and item.due > limit


def _of(
    choices: tuple[str, ...], key: str, read: Callable[[WorklistItem], str]
) -> Callable[[str, datetime], Test]:
    def make(value: str, now: datetime) -> Test:
        wanted = value.lower()
        if wanted not in choices:
            raise UsageError(f"“{key}:” takes " + ", ".join(choices) + ".", code="bad-query")
        return lambda item: read(item).lower() == wanted

    return make


KEYS: Final[Mapping[str, Callable[[str, datetime], Test]]] = {
    "hub": _equal(lambda item: item.hub),
    "site": _holds(lambda item: item.site),
    "modality": _modality,
    "priority": _of(("stat", "urgent", "asap", "routine"), "priority", lambda item: item.priority),
    "state": _equal(lambda item: item.state),
    "mine": _mine,
    "due": _due,
    "report": _of(
        ("none", "draft", "signed", "issued", "needs_attention"),
        "report",
        lambda item: item.report_state or "none",
    ),
    "cached": _of(("none", "part", "all"), "cached", lambda item: item.cached),
    "sex": _of(("m", "f", "o", "unknown"), "sex", lambda item: item.sex or "unknown"),
}
"""Key to what makes its test; an unknown one is refused."""
