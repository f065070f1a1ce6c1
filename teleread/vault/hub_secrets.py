"""Secrets of hubs: bearer tokens, passwords, client keys. The keyring never holds them (it is too small)."""

from __future__ import annotations

from .database import Database

__all__ = ["HubSecrets"]


class HubSecrets:
    """The table of hub secrets in reports.db."""

    def __init__(self, reports: Database) -> None:
        self._reports = reports

    def get(self, hub_id: str, name: str) -> str | None:
        """The secret, or None."""
        row = self._reports.connection.row(
            "SELECT value FROM hub_secret WHERE hub_id = ? AND name = ?", (hub_id, name)
        )
        return bytes(row[0]).decode() if row else None

    def put(self, hub_id: str, name: str, value: str) -> None:
        """Keep a secret, in place of the one of that name."""
        with self._reports.joined() as connection:
            connection.execute(
                "INSERT INTO hub_secret VALUES (?, ?, ?)"
                " ON CONFLICT (hub_id, name) DO UPDATE SET value = excluded.value",
                (hub_id, name, value.encode()),
            )

    def names(self, hub_id: str) -> tuple[str, ...]:
        """The names of a hub's secrets."""
        rows = self._reports.connection.rows(
            "SELECT name FROM hub_secret WHERE hub_id = ? ORDER BY name", (hub_id,)
        )
        return tuple(row[0] for row in rows)

    def delete(self, hub_id: str, name: str) -> None:
        """Forget a secret; harmless where there is none."""
        with self._reports.joined() as connection:
            connection.execute("DELETE FROM hub_secret WHERE hub_id = ? AND name = ?", (hub_id, name))
