"""Requests and events: how commands, windows and the engine talk, through rows of cache.db."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from teleread.host.clock import Clock
from teleread.model.errors import OfflineError
from teleread.model.events import Event
from teleread.model.study import StudyKey

from .codec import dumps, stamp, unstamp
from .connection import Row
from .database import Database

__all__ = ["Events", "Request", "Requests"]

_KEPT_EVENTS: Final = 10_000
_POLL_SECONDS: Final = 0.02
_STALE: Final = timedelta(hours=1)
"""A request nobody took for so long was asked by somebody who has gone."""


@dataclass(frozen=True, slots=True)
class Request:
    """Something the engine is asked to do."""

    id: int
    kind: str
    """``claim``, ``fetch``, ``sync``, ``stop``, ..."""
    args: dict[str, Any]
    """JSON values."""
    at: datetime
    """When it was asked, UTC."""


class Requests:
    """The table of requests."""

    def __init__(self, cache: Database, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock

    def put(self, kind: str, args: Mapping[str, Any] | None = None) -> int:
        """Ask; answers the request's id, by which its event is waited for."""
        with self._cache.joined() as connection:
            connection.execute(
                "INSERT INTO request (kind, args, at) VALUES (?, ?, ?)",
                (kind, dumps(dict(args or {})), stamp(self._clock.now())),
            )
            row = connection.row("SELECT last_insert_rowid()")
        assert row is not None
        return int(row[0])

    def take(self) -> Request | None:
        """The oldest request nobody has taken, which is the caller's now; None when there is none."""
        connection = self._cache.connection
        if connection.row("SELECT 1 FROM request WHERE taken_at IS NULL LIMIT 1") is None:
            return None
        now = self._clock.now()
        with self._cache.joined() as connection:
            connection.execute(
                "DELETE FROM request WHERE taken_at IS NULL AND at < ?", (stamp(now - _STALE),)
            )
            row = connection.row(
                "SELECT id, kind, args, at FROM request WHERE taken_at IS NULL ORDER BY id LIMIT 1"
            )
            if row is None:
                return None
            connection.execute("UPDATE request SET taken_at = ? WHERE id = ?", (stamp(now), row[0]))
        return Request(int(row[0]), row[1], json.loads(row[2]), unstamp(row[3]))

    def cancel(self, request_id: int) -> bool:
        """Take a request back; answers whether nobody had taken it."""
        with self._cache.joined() as connection:
            return bool(
                connection.execute("DELETE FROM request WHERE id = ? AND taken_at IS NULL", (request_id,))
            )


class Events:
    """The table of events: hints, never the truth itself."""

    def __init__(self, cache: Database, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock

    def emit(self, kind: str, data: Mapping[str, Any] | None = None, request_id: int | None = None) -> int:
        """Tell; answers the event's id.

        Args:
            kind: One of the model's event kinds.
            data: JSON values; ids, counts and words, no names of patients.
            request_id: The request it answers.
        """
        with self._cache.joined() as connection:
            connection.execute(
                "INSERT INTO event (at, kind, data, request_id) VALUES (?, ?, ?, ?)",
                (stamp(self._clock.now()), kind, dumps(dict(data or {})), request_id),
            )
            row = connection.row("SELECT last_insert_rowid()")
            assert row is not None
            if row[0] % 100 == 0:
                connection.execute("DELETE FROM event WHERE id <= ?", (row[0] - _KEPT_EVENTS,))
                connection.execute(
                    "DELETE FROM request WHERE taken_at < ?", (stamp(self._clock.now() - _STALE),)
                )
        return int(row[0])

    def last_id(self) -> int:
        """The newest event's id; 0 for none."""
        row = self._cache.connection.row("SELECT max(id) FROM event")
        return int(row[0]) if row and row[0] is not None else 0

    def since(self, event_id: int, *, limit: int = 1000) -> tuple[Event, ...]:
        """The events after that one, the oldest first."""
        rows = self._cache.connection.rows(f"{_SELECT} WHERE id > ? ORDER BY id LIMIT ?", (event_id, limit))
        return tuple(_event(row) for row in rows)

    def latest(self, kind: str, *, limit: int = 50) -> tuple[Event, ...]:
        """The last events of a kind, the newest first."""
        rows = self._cache.connection.rows(
            f"{_SELECT} WHERE kind = ? ORDER BY id DESC LIMIT ?", (kind, limit)
        )
        return tuple(_event(row) for row in rows)

    def under_way(self) -> int:
        """Fetches begun and not ended since the engine last started."""
        rows = self._cache.connection.rows(
            "SELECT kind, data FROM event WHERE kind IN"
            " ('fetch-started', 'fetched', 'fetch-failed', 'fetch-yielded')"
            " AND id > (SELECT coalesce(max(id), 0) FROM event WHERE kind = 'engine-started') ORDER BY id"
        )
        begun: set[str] = set()
        for kind, data in rows:
            study = str(json.loads(data).get("study", ""))
            (begun.add if kind == "fetch-started" else begun.discard)(study)
        return len(begun)

    def opened(self, since: datetime, most: int) -> tuple[StudyKey, ...]:
        """The studies of the cases opened last, the newest first.

        Args:
            since: Older ones don't count, UTC.
            most: How many.
        """
        rows = self._cache.connection.rows(
            "SELECT data FROM event WHERE kind = 'case-opened' AND at > ? ORDER BY id DESC LIMIT 50",
            (stamp(since),),
        )
        found = (json.loads(row[0]) for row in rows)
        keys = {StudyKey(str(one.get("hub", "")), str(one.get("study", ""))): None for one in found}
        return tuple(one for one in keys if one.study_uid)[:most]

    def wait(self, request_id: int, timeout: float, *, kind: str = "request-done") -> Event:
        """Wait for the event that answers a request.

        Args:
            request_id: The request.
            timeout: Seconds.
            kind: What counts as the answer.

        Raises:
            OfflineError: None came in time; what was asked for may still be done.
        """
        end = self._clock.monotonic() + timeout
        while True:
            row = self._cache.connection.row(
                f"{_SELECT} WHERE request_id = ? AND kind = ? ORDER BY id DESC LIMIT 1", (request_id, kind)
            )
            if row is not None:
                return _event(row)
            if self._clock.monotonic() >= end:
                raise OfflineError(
                    "The engine did not answer in time.",
                    "What was asked for is noted and may still be done.",
                    "Look again in a while.",
                    code="engine-silent",
                )
            self._clock.sleep(_POLL_SECONDS)


_SELECT: Final = "SELECT id, at, kind, data, request_id FROM event"


def _event(row: Row) -> Event:
    return Event(int(row[0]), unstamp(row[1]), row[2], json.loads(row[3]), row[4])
