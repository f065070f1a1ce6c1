"""The copy ledger: which study was copied here, when and why, and when it went; in reports.db."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from teleread.host.clock import Clock

from .codec import stamp, unstamp, unstamp_or_none
from .database import Database

__all__ = ["Copies", "Copy"]


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of a study."""

    hub_id: str
    study_uid: str
    why: str
    """``fetch``, ``prefetch``, ``prior``, ``import``, ..."""
    at: datetime
    """When it came, UTC."""
    purged_at: datetime | None
    """When it went; None while it is here."""
    purged_why: str
    receipt: str = ""
    """Id of the purge receipt; empty while it is here."""
    instances: int = 0
    """Instances that were destroyed."""
    bytes: int = 0
    """Bytes of images that were destroyed."""


class Copies:
    """The ledger."""

    def __init__(self, reports: Database, clock: Clock) -> None:
        self._reports = reports
        self._clock = clock

    def record(self, hub_id: str, study_uid: str, why: str) -> None:
        """A study is being copied here; one that is here already is counted once."""
        with self._reports.joined() as connection:
            here = connection.row(
                "SELECT 1 FROM copy WHERE hub_id = ? AND study_uid = ? AND purged_at IS NULL",
                (hub_id, study_uid),
            )
            if here is None:
                connection.execute(
                    "INSERT INTO copy (hub_id, study_uid, why, at) VALUES (?, ?, ?, ?)",
                    (hub_id, study_uid, why, stamp(self._clock.now())),
                )

    def purged(self, hub_id: str, study_uid: str, why: str, *, instances: int = 0, size: int = 0) -> str:
        """The study is gone.

        Args:
            hub_id: The hub.
            study_uid: The study.
            why: Words.
            instances: Instances that went.
            size: Their bytes.

        Returns:
            The id of the purge receipt.
        """
        receipt = str(uuid.uuid4())
        with self._reports.joined() as connection:
            connection.execute(
                "UPDATE copy SET purged_at = ?, purged_why = ?, receipt = ?, instances = ?, bytes = ?"
                " WHERE hub_id = ? AND study_uid = ? AND purged_at IS NULL",
                (stamp(self._clock.now()), why, receipt, instances, size, hub_id, study_uid),
            )
        return receipt

    def list(self, hub_id: str | None = None) -> tuple[Copy, ...]:
        """Every copy there ever was, the oldest first."""
        where, values = ("", ()) if hub_id is None else (" WHERE hub_id = ?", (hub_id,))
        rows = self._reports.connection.rows(
            "SELECT hub_id, study_uid, why, at, purged_at, purged_why, receipt, instances, bytes"
            f" FROM copy{where} ORDER BY id",
            values,
        )
        return tuple(
            Copy(row[0], row[1], row[2], unstamp(row[3]), unstamp_or_none(row[4]), *row[5:9]) for row in rows
        )
