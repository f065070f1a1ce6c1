"""Claims: which tasks this reader asked for, holds, lost or gave back; in reports.db."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from teleread.host.clock import Clock
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText

from .audit import Audit
from .codec import stamp, unstamp
from .connection import Row
from .database import Database

__all__ = ["Claim", "Claims"]


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a task stands between this reader and the hub."""

    key: TaskKey
    state: str
    """``wanted`` (noted, not asked yet), ``held``, ``lost`` or ``given_back``."""
    since: datetime
    """Since when, UTC."""
    version: str = ""
    """The task's version the hub gave with it."""
    why: SafeText = EMPTY
    """Words, where it was lost."""


class Claims:
    """The table of claims."""

    def __init__(self, reports: Database, clock: Clock, audit: Audit) -> None:
        self._reports = reports
        self._clock = clock
        self._audit = audit

    def put(self, key: TaskKey, state: str, *, version: str = "", why: str = "") -> Claim:
        """Say where a task stands now; a change is told to the audit trail."""
        with self._reports.joined() as connection:
            before = self.get(key)
            connection.execute(
                "INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (hub_id, task_id) DO UPDATE"
                " SET state = excluded.state, since = excluded.since, version = excluded.version,"
                " why = excluded.why",
                (key.hub_id, key.task_id, state, stamp(self._clock.now()), version, why),
            )
            if before is None or before.state != state:
                self._audit.append(f"claim-{state}", subject=key.task_id, hub_id=key.hub_id)
        found = self.get(key)
        assert found is not None
        return found

    def get(self, key: TaskKey) -> Claim | None:
        """Where a task stands, or None where it was never asked for."""
        row = self._reports.connection.row(
            f"{_SELECT} WHERE hub_id = ? AND task_id = ?", (key.hub_id, key.task_id)
        )
        return _claim(row) if row else None

    def list(self, state: str | None = None) -> tuple[Claim, ...]:
        """Every claim, or those in one state, the oldest first."""
        where, values = ("", ()) if state is None else (" WHERE state = ?", (state,))
        rows = self._reports.connection.rows(f"{_SELECT}{where} ORDER BY since, hub_id, task_id", values)
        return tuple(_claim(row) for row in rows)

    def held(self) -> frozenset[TaskKey]:
        """The tasks this reader holds."""
        return frozenset(one.key for one in self.list("held"))

    def forget(self, key: TaskKey) -> None:
        """Take a claim away; harmless where there is none."""
        with self._reports.joined() as connection:
            connection.execute(
                "DELETE FROM claim WHERE hub_id = ? AND task_id = ?", (key.hub_id, key.task_id)
            )


_SELECT: Final = "SELECT hub_id, task_id, state, since, version, why FROM claim"


def _claim(row: Row) -> Claim:
    return Claim(TaskKey(row[0], row[1]), row[2], unstamp(row[3]), row[4], SafeText(row[5]))
