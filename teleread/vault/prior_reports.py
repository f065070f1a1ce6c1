"""Earlier reports of the patients on the worklist, as the hub holds them; in cache.db."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from teleread.model.task import PriorReport

from .codec import dumps, loads, stamp_or_none
from .database import Database
from .search import phrase

__all__ = ["PriorReports"]

_MOST_RANKED: Final = 1000
"""Hits that are ranked."""


class PriorReports:
    """The table of prior reports."""

    def __init__(self, cache: Database) -> None:
        self._cache = cache

    def put(self, hub_id: str, patient_id: str, reports: Iterable[PriorReport]) -> None:
        """Store prior reports of one patient of one hub; one of the same id is replaced."""
        with self._cache.joined() as connection:
            for one in reports:
                content = dumps(one)
                held = connection.row(
                    "SELECT content, patient_id FROM prior_report WHERE hub_id = ? AND report_id = ?",
                    (hub_id, one.id),
                )
                if held is not None and (held[0], held[1]) == (content, patient_id):
                    continue
                connection.execute(
                    "INSERT INTO prior_report VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (hub_id, report_id) DO UPDATE SET patient_id = excluded.patient_id,"
                    " issued = excluded.issued, content = excluded.content",
                    (hub_id, patient_id, one.id, stamp_or_none(one.issued), content),
                )
                if held is not None:  # it looks through every row: never for one that is new
                    connection.execute(
                        "DELETE FROM prior_text WHERE hub_id = ? AND report_id = ?", (hub_id, one.id)
                    )
                connection.execute(
                    "INSERT INTO prior_text (hub_id, report_id, body) VALUES (?, ?, ?)",
                    (hub_id, one.id, f"{one.title}\n{one.text}\n{one.conclusion}"),
                )

    def list(self, hub_id: str, patient_id: str) -> tuple[PriorReport, ...]:
        """A patient's prior reports, the newest first."""
        rows = self._cache.connection.rows(
            "SELECT content FROM prior_report WHERE hub_id = ? AND patient_id = ?"
            " ORDER BY issued IS NULL, issued DESC, report_id",
            (hub_id, patient_id),
        )
        return tuple(loads(PriorReport, row[0]) for row in rows)

    def get(self, hub_id: str, report_id: str) -> PriorReport | None:
        """One prior report."""
        row = self._cache.connection.row(
            "SELECT content FROM prior_report WHERE hub_id = ? AND report_id = ?", (hub_id, report_id)
        )
        return loads(PriorReport, row[0]) if row else None

    def search(self, words: str, *, limit: int = 200) -> tuple[tuple[str, PriorReport], ...]:
        """Prior reports that hold every one of the words: (hub id, report), the best match first.

        Of words that very many hold, those that came last: to rank tens of thousands takes too long.
        """
        wanted = phrase(words)
        if not wanted:
            return ()
        rows = self._cache.connection.rows(
            "SELECT rowid FROM prior_text WHERE prior_text MATCH ? ORDER BY rowid DESC LIMIT ?",
            (wanted, max(limit, _MOST_RANKED) + 1),
        )
        order = "rank" if len(rows) <= max(limit, _MOST_RANKED) else "t.rowid DESC"
        rows = self._cache.connection.rows(
            "SELECT p.hub_id, p.content FROM prior_text AS t JOIN prior_report AS p"
            " ON p.hub_id = t.hub_id AND p.report_id = t.report_id WHERE prior_text MATCH ?"
            f" ORDER BY {order} LIMIT ?",
            (wanted, limit),
        )
        return tuple((row[0], loads(PriorReport, row[1])) for row in rows)

    def drop_hub(self, hub_id: str) -> int:
        """Forget a hub's prior reports; answers how many."""
        with self._cache.joined() as connection:
            connection.execute("DELETE FROM prior_text WHERE hub_id = ?", (hub_id,))
            return connection.execute("DELETE FROM prior_report WHERE hub_id = ?", (hub_id,))
