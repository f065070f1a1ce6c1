"""The rows of a draft's journal: what changed; every 64th holds the whole text, so replaying is short."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

from teleread.model.errors import TelereadError
from teleread.model.report import Section
from teleread.model.text import SafeText

from .codec import stamp, unstamp
from .connection import Connection

__all__ = ["Change", "DraftVersion", "Journal", "Replay"]

_WHOLE_EVERY: Final = 64
_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one row."""
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DraftVersion:
    """One row of a draft's journal."""

    seq: int
    """0 for what it started with."""
    at: datetime
    """When it was saved, UTC."""
    changed: tuple[str, ...]
    """Ids of the sections and fields it wrote."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one save wrote."""

    text: Mapping[str, str] = field(default_factory=dict)
    """Section id to its whole text."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Field id to its value."""
    added: tuple[Section, ...] = ()
    """Sections that are new."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A draft's text after some row."""

    seq: int = -1
    saved_at: datetime = _NEVER
    sections: Mapping[str, Section] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    def after(self, seq: int, at: datetime, row: Mapping[str, Any]) -> Self:
        """The text after one more row."""
        sections = {} if "whole" in row else dict(self.sections)
        for one in (*row.get("whole", ()), *row.get("sections", ())):
            sections[one["id"]] = _section_in(one)
        for section_id, words in row.get("text", {}).items():
            sections[section_id] = replace(sections[section_id], text=SafeText(words))
        fields = {**self.fields, **row.get("whole_fields", {}), **row.get("fields", {})}
        return replace(self, seq=seq, saved_at=at, sections=sections, fields=fields)


class Journal:
    """Reads and writes rows on a connection that the caller holds."""

    @staticmethod
    def last(connection: Connection, draft_id: str) -> int:
        """The number of the last row; -1 for none."""
        row = connection.row("SELECT max(seq) FROM draft_op WHERE draft_id = ?", (draft_id,))
        return int(row[0]) if row and row[0] is not None else -1

    def write(self, connection: Connection, draft_id: str, seq: int, now: datetime, change: Change) -> None:
        """Write row `seq`.

        Raises:
            TelereadError: The text is absurdly long.
        """
        row: dict[str, Any] = {
            "text": dict(change.text),
            "fields": dict(change.fields),
            "sections": [_section_out(one) for one in change.added],
        }
        row = {name: part for name, part in row.items() if part}
        if seq and seq % _WHOLE_EVERY == 0:
            before = self.replay(connection, draft_id)
            row["whole"] = [_section_out(one) for one in before.sections.values()]
            row["whole_fields"] = dict(before.fields)
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        if len(text) > _LARGEST:
            raise TelereadError("That text is too long for a report.", code="text-too-long")
        connection.execute("INSERT INTO draft_op VALUES (?, ?, ?, ?)", (draft_id, seq, stamp(now), text))

    @staticmethod
    def replay(connection: Connection, draft_id: str, seq: int | None = None) -> Replay:
        """The text after row `seq`, or after the last one."""
        upto = Journal.last(connection, draft_id) if seq is None else seq
        rows = connection.rows(
            "SELECT seq, at, change FROM draft_op WHERE draft_id = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            (draft_id, max(0, upto) // _WHOLE_EVERY * _WHOLE_EVERY, upto),
        )
        found = Replay()
        for number, at, text in rows:
            found = found.after(int(number), unstamp(at), json.loads(text))
        return found

    @staticmethod
    def versions(connection: Connection, draft_id: str) -> tuple[DraftVersion, ...]:
        """Every row, the oldest first."""
        rows = connection.rows(
            "SELECT seq, at, change FROM draft_op WHERE draft_id = ? ORDER BY seq", (draft_id,)
        )
        return tuple(DraftVersion(seq, unstamp(at), _names(json.loads(text))) for seq, at, text in rows)


def _names(row: Mapping[str, Any]) -> tuple[str, ...]:
    added: Iterable[Mapping[str, str]] = row.get("sections", ())
    return (*(one["id"] for one in added), *row.get("text", {}), *row.get("fields", {}))


def _section_out(section: Section) -> dict[str, str]:
    return {"id": section.id, "label": section.label, "loinc": section.loinc, "text": section.text}


def _section_in(value: Mapping[str, str]) -> Section:
    return Section(value["id"], SafeText(value["label"]), value["loinc"], SafeText(value["text"]))
