"""The reader's own autotexts and words, sealed in reports.db: they may hold a patient's."""

from __future__ import annotations

from .database import Database

__all__ = ["AUTOTEXT", "WORD", "Phrases"]

AUTOTEXT = "autotext"
WORD = "word"


class Phrases:
    """Short texts by kind and name.

    Args:
        reports: The database.
    """

    def __init__(self, reports: Database) -> None:
        self._reports = reports

    def put(self, kind: str, name: str, text: str = "") -> None:
        """Keep a text; one of that name is replaced."""
        with self._reports.joined() as connection:
            connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (f"{kind}:{name}", text),
            )

    def drop(self, kind: str, name: str) -> bool:
        """Forget one; whether there was one."""
        with self._reports.joined() as connection:
            return bool(connection.execute("DELETE FROM meta WHERE key = ?", (f"{kind}:{name}",)))

    def all(self, kind: str) -> dict[str, str]:
        """Every text of a kind by its name."""
        head = f"{kind}:"
        rows = self._reports.connection.rows(
            "SELECT key, value FROM meta WHERE key >= ? AND key < ? ORDER BY key", (head, f"{kind};")
        )
        return {row[0].removeprefix(head): row[1] for row in rows}
