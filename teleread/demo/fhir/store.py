"""Versioned resources in one SQLite file; what is answered is on disk first."""

from __future__ import annotations

import copy
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

__all__ = ["Store", "Stored", "Unit"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
  type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, updated TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (type, id, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Stored:
    """One version of one resource."""

    type: str
    """Resource type."""
    id: str
    """Logical id."""
    version: int
    """Counts from 1."""
    updated: str
    """FHIR instant in UTC, milliseconds; grows with every write to the store."""
    body: dict[str, Any]
    """The resource with id and meta filled in. Treat it as frozen."""

    @property
    def etag(self) -> str:
        """The weak entity tag FHIR uses for versions."""
        return f'W/"{self.version}"'

    @property
    def reference(self) -> str:
        """``Type/id``."""
        return f"{self.type}/{self.id}"

    @property
    def location(self) -> str:
        """``Type/id/_history/version``."""
        return f"{self.reference}/_history/{self.version}"


class Unit:
    """Several writes that happen together or not at all. Made by `Store.unit`."""

    def __init__(self, store: Store, updated: str) -> None:
        self._store = store
        self._updated = updated
        self.written: dict[tuple[str, str], Stored] = {}

    def read(self, kind: str, ident: str) -> Stored | None:
        """The newest version, those of this unit included."""
        return self.written.get((kind, ident)) or self._store.read(kind, ident)

    def put(self, kind: str, ident: str, body: dict[str, Any]) -> Stored:
        """Write the next version of a resource; the body's id and meta are replaced."""
        before = self.read(kind, ident)
        version = before.version + 1 if before else 1
        when = self._updated
        meta = {
            key: value for key, value in body.get("meta", {}).items() if key in {"profile", "tag", "security"}
        }
        full = {
            "resourceType": kind,
            "id": ident,
            "meta": {"versionId": str(version), "lastUpdated": when, **meta},
            **{key: value for key, value in body.items() if key not in {"resourceType", "id", "meta"}},
        }
        stored = Stored(kind, ident, version, when, full)
        self.written[kind, ident] = stored
        return stored


class Store:
    """The hub's memory. Safe to use from several threads; hold `lock` for a read that must be consistent.

    Args:
        path: The SQLite file; made if absent.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        self._current: dict[str, dict[str, Stored]] = {}
        self._last = ""
        for kind, ident, version, updated, body in self._db.execute(
            "SELECT type, id, version, updated, body FROM resource ORDER BY type, id, version"
        ):
            self._current.setdefault(kind, {})[ident] = Stored(
                kind, ident, version, updated, json.loads(body)
            )
            self._last = max(self._last, updated)

    def close(self) -> None:
        """Close the file. Nothing is lost: every unit was written when it ended."""
        with self.lock:
            self._db.close()

    def read(self, kind: str, ident: str) -> Stored | None:
        """The newest version of a resource, or None."""
        return self._current.get(kind, {}).get(ident)

    def versions(self, kind: str, ident: str) -> list[Stored]:
        """Every version, the newest first."""
        with self.lock:
            rows = self._db.execute(
                "SELECT version, updated, body FROM resource WHERE type=? AND id=? ORDER BY version DESC",
                (kind, ident),
            ).fetchall()
        return [Stored(kind, ident, version, updated, json.loads(body)) for version, updated, body in rows]

    def all(self, kind: str) -> list[Stored]:
        """The newest version of every resource of a type."""
        with self.lock:
            return list(self._current.get(kind, {}).values())

    def kinds(self) -> list[str]:
        """The types that have a resource."""
        return sorted(self._current)

    @contextmanager
    def unit(self) -> Iterator[Unit]:
        """Write several resources as one: an exception leaves the store as it was."""
        with self.lock:
            unit = Unit(self, self._stamp())
            yield unit
            self._commit(unit)

    def _commit(self, unit: Unit) -> None:
        rows = [
            (item.type, item.id, item.version, item.updated, json.dumps(item.body, ensure_ascii=False))
            for item in unit.written.values()
        ]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT INTO resource VALUES (?,?,?,?,?)", rows)
        except sqlite3.Error:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        for item in unit.written.values():
            self._current.setdefault(item.type, {})[item.id] = item
            self._last = max(self._last, item.updated)

    def _stamp(self) -> str:
        """Now, but later than every instant given before: a window by _lastUpdated then misses nothing."""
        now = _instant(datetime.now(UTC))
        if now <= self._last:
            now = _instant(datetime.fromisoformat(self._last) + timedelta(milliseconds=1))
        return now

    @property
    def stamp(self) -> str:
        """The instant of the last write."""
        return self._last

    def searched_at(self) -> str:
        """Now, by the clock that stamps resources; nothing committed later is older than it."""
        return max(self._last, _instant(datetime.now(UTC)))

    def edit(self, kind: str, ident: str) -> dict[str, Any]:
        """A copy of a resource's newest body, to change and put back.

        Raises:
            KeyError: No such resource.
        """
        stored = self.read(kind, ident)
        if stored is None:
            raise KeyError(f"{kind}/{ident}")
        return copy.deepcopy(stored.body)

    def forget(self, kind: str, ident: str) -> bool:
        """Lose a resource with all its versions, as a hub restored from a backup does.

        Returns:
            Whether it was there.
        """
        with self.lock:
            self._db.execute("DELETE FROM resource WHERE type=? AND id=?", (kind, ident))
            return self._current.get(kind, {}).pop(ident, None) is not None

    def restore(self, when: datetime) -> int:
        """Go back to how it was, as a hub restored from a backup does: later versions never were.

        Returns:
            How many resources are another version now, or none.
        """
        with self.lock:
            since = _instant(when)
            gone = [
                (one.type, one.id)
                for kind in self._current.values()
                for one in kind.values()
                if one.updated > since
            ]
            self._db.execute("DELETE FROM resource WHERE updated > ?", (since,))
            for kind, ident in gone:
                left = self.versions(kind, ident)
                if left:
                    self._current[kind][ident] = left[0]
                else:
                    del self._current[kind][ident]
        return len(gone)

    def note(self, key: str) -> str | None:
        """A value kept beside the resources, or None."""
        with self.lock:
            row = self._db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return str(row[0]) if row else None

    def keep(self, key: str, value: str) -> None:
        """Keep a value beside the resources."""
        with self.lock:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (key, value))


def _instant(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
