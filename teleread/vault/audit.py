"""The audit trail: append-only, each row chained to the one before by a key of its own."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from teleread.host.clock import Clock
from teleread.model.errors import IntegrityError

from .codec import dumps, stamp, unstamp
from .connection import Connection
from .database import Database

__all__ = ["Audit", "AuditRow", "AuditVerdict"]

_GENESIS: Final = bytes(32)
_HEAD: Final = "audit_head"
"""meta key of the last row's number and chain value: rows cut off the end are missed by it."""

_EVERY_ROW: Final = "SELECT seq, at, kind, hub_id, subject, detail, chain FROM audit ORDER BY seq"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One thing that was done."""

    seq: int
    """1, 2, ... without a gap."""
    at: datetime
    """Local clock, UTC; order is by `seq`."""
    kind: str
    """``sign``, ``view``, ``purge``, ..."""
    hub_id: str
    """The hub it concerns; empty for none."""
    subject: str
    """Id of the task, report, draft or study; never a name."""
    detail: Mapping[str, Any]
    """JSON values."""
    chain: str
    """Hex of this row's link."""


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What verifying the chain found."""

    valid: bool
    """Every row is there and unchanged."""
    rows: int
    """Rows that hold, counted from the first."""
    head: str
    """Hex of the last good link; zeros for none."""


class Audit:
    """The trail in reports.db.

    Args:
        reports: The database.
        clock: Where times come from.
        key: 32 bytes, for the chain alone.
    """

    def __init__(self, reports: Database, clock: Clock, key: bytes) -> None:
        self._reports = reports
        self._clock = clock
        self._key = key

    def append(
        self, kind: str, *, subject: str = "", hub_id: str = "", detail: Mapping[str, Any] | None = None
    ) -> int:
        """Write a row, in the transaction this thread is in or one of its own.

        Args:
            kind: What was done.
            subject: What it was done to; an id.
            hub_id: The hub it concerns.
            detail: JSON values besides; no names.

        Returns:
            The row's number.

        Raises:
            IntegrityError: The trail's end is missing or changed; nothing may go on.
        """
        with self._reports.joined() as connection:
            seq, chain = self._end(connection)
            seq += 1
            row = (seq, stamp(self._clock.now()), kind, hub_id, subject, dumps(dict(detail or {})))
            link = self._link(chain, row)
            connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, link))
            connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (_HEAD, f"{seq}:{link.hex()}"),
            )
        return seq

    def check_end(self) -> None:
        """Prove that the last row is the one written last.

        Raises:
            IntegrityError: It is not.
        """
        self._end(self._reports.connection)

    def _end(self, connection: Connection) -> tuple[int, bytes]:
        last = connection.row("SELECT seq, chain FROM audit ORDER BY seq DESC LIMIT 1")
        head = connection.row("SELECT value FROM meta WHERE key = ?", (_HEAD,))
        seq, chain = (int(last[0]), bytes(last[1])) if last else (0, _GENESIS)
        told = str(head[0]) if head else f"0:{_GENESIS.hex()}"
        if told != f"{seq}:{chain.hex()}":
            raise IntegrityError(
                "The audit trail is damaged.",
                "Nothing more is written, so that nothing happens unrecorded.",
                "Copy the vault's folder away, then run `teleread audit verify`.",
                code="audit-damaged",
            )
        return seq, chain

    def _link(self, before: bytes, row: tuple[int, str, str, str, str, str]) -> bytes:
        content = json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, before + content, "sha256")

    def verify(self) -> AuditVerdict:
        """Go through the whole chain."""
        chain, good = _GENESIS, 0
        connection = self._reports.connection
        for row in connection.rows(_EVERY_ROW):
            expected = self._link(chain, row[:6])
            if row[0] != good + 1 or not hmac.compare_digest(expected, bytes(row[6])):
                return AuditVerdict(False, good, chain.hex())
            chain, good = expected, good + 1
        try:
            self._end(connection)
        except IntegrityError:
            return AuditVerdict(False, good, chain.hex())
        return AuditVerdict(True, good, chain.hex())

    def export(self) -> Iterator[AuditRow]:
        """Every row, oldest first."""
        connection = self._reports.connection
        for row in connection.rows(_EVERY_ROW):
            seq, at, kind, hub_id, subject, detail, chain = row
            yield AuditRow(seq, unstamp(at), kind, hub_id, subject, json.loads(detail), bytes(chain).hex())
