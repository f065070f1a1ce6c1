"""Marks on a draft's text: copied forward from an earlier report, or dictated and not looked at since.

A mark keeps the passage itself, never a place: it stands as long as the passage stands unchanged in its
section, and is gone with the first edit inside it. Marks live in the draft's journal, as a field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from teleread.model.report import Section
from teleread.model.text import SafeText, clean

__all__ = [
    "COPIED",
    "DICTATED",
    "FIELD",
    "UNSURE",
    "Mark",
    "Standing",
    "copied_passages",
    "marks_in",
    "marks_out",
    "standing",
]

FIELD: Final = "@marks"
"""Field id of the journal; ids with an @ are the draft's own notes and are not frozen as fields."""

COPIED: Final = "copied"
"""From an earlier report, unedited."""
DICTATED: Final = "dictated"
"""A dictated side, denial or number: to be read before signing."""
UNSURE: Final = "unsure"
"""A dictated word the recogniser was not sure of."""

_KINDS: Final = (COPIED, DICTATED, UNSURE)
_MOST: Final = 2000
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Mark:
    """One marked passage."""

    section: str
    kind: str
    text: SafeText
    """The passage, verbatim."""
    before: SafeText = SafeText("")  # noqa: RUF009 - an immutable text
    """Up to a few words right before it, where the passage alone could stand elsewhere too."""
    source: str = ""
    """Id of the report it was copied from; empty for dictation."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A mark where its passage stands now."""

    mark: Mark
    start: int
    """Offset in the section's text, characters."""
    end: int


def standing(marks: Iterable[Mark], sections: Sequence[Section]) -> tuple[Standing, ...]:
    """The marks whose passage still stands unchanged, and where; in the order of the text."""
    texts = {one.id: str(one.text) for one in sections}
    found = []
    for mark in marks:
        text = texts.get(mark.section, "")
        at = text.find(mark.before + mark.text) if mark.text else -1
        if at >= 0 and _whole(text, at + len(mark.before), len(mark.text)):
            start = at + len(mark.before)
            found.append(Standing(mark, start, start + len(mark.text)))
    order = {one.id: index for index, one in enumerate(sections)}
    return tuple(sorted(found, key=lambda one: (order[one.mark.section], one.start)))


def _whole(text: str, start: int, length: int) -> bool:
    """Whether the passage is not part of a longer word now: ``right`` in ``bright`` is edited."""
    end = start + length
    before = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
    after = end < len(text) and text[end - 1].isalnum() and text[end].isalnum()
    return not (before or after)


def copied_passages(section: str, text: str, source: str) -> tuple[Mark, ...]:
    """Marks for a text copied forward from an earlier report: one a sentence, so that each is freed alone."""
    from .words import sentences

    kept = [one for line in text.split("\n") for one in sentences(line) if any(map(str.isalpha, one))]
    return tuple(Mark(section, COPIED, clean(one, limit=_LONGEST), source=source) for one in kept[:_MOST])


def marks_out(marks: Sequence[Mark]) -> str:
    """Marks as the journal keeps them."""
    rows = [[one.section, one.kind, one.text, one.before, one.source] for one in marks[:_MOST]]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")) if rows else ""


def marks_in(fields: Mapping[str, str]) -> tuple[Mark, ...]:
    """A draft's marks; what can't be read is no mark."""
    try:
        rows = json.loads(fields.get(FIELD) or "[]")
    except ValueError:
        return ()
    return tuple(
        Mark(str(row[0]), row[1], clean(row[2], multiline=True), clean(row[3], multiline=True), str(row[4]))
        for row in (rows if isinstance(rows, list) else [])[:_MOST]
        if isinstance(row, list) and len(row) == 5 and row[1] in _KINDS
    )
