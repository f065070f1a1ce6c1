"""What moved while this machine could not ask its hubs, kept until the reader has read it; in cache.db."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from teleread.model.task import TaskKey

from .codec import stamp, unstamp
from .database import Database

__all__ = ["News", "NewsItem"]


@dataclass(frozen=True, slots=True)
class NewsItem:
    """One thing that moved."""

    key: TaskKey
    what: str
    """A word of `teleread.sync.digest.WORDS`."""
    since: datetime
    """When the absence began, UTC."""
    at: datetime
    """When it was seen, UTC."""
    id: int = 0
    """Grows; 0 before it is stored."""


class News:
    """The table of news."""

    def __init__(self, cache: Database) -> None:
        self._cache = cache

    def put(self, items: Iterable[NewsItem]) -> None:
        """Keep news; the same thing of the same task is told once, with its first absence."""
        with self._cache.joined() as connection:
            connection.executemany(
                "INSERT INTO news (hub_id, task_id, what, since, at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                [
                    (one.key.hub_id, one.key.task_id, one.what, stamp(one.since), stamp(one.at))
                    for one in items
                ],
            )

    def list(self) -> tuple[NewsItem, ...]:
        """What was not read yet, the oldest first."""
        rows = self._cache.connection.rows(
            "SELECT id, hub_id, task_id, what, since, at FROM news ORDER BY id"
        )
        return tuple(
            NewsItem(TaskKey(row[1], row[2]), row[3], unstamp(row[4]), unstamp(row[5]), int(row[0]))
            for row in rows
        )

    def read(self, up_to: int) -> int:
        """Forget what the reader has read; answers how many.

        Args:
            up_to: The id of the newest that was shown: what came later stays.
        """
        with self._cache.joined() as connection:
            return int(connection.execute("DELETE FROM news WHERE id <= ?", (up_to,)))
