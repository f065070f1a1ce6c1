"""One random key a study, wrapped by the master key; dropping it makes the study unreadable."""

from __future__ import annotations

import os
from threading import Lock

from teleread.model.errors import IntegrityError

from .audit import Audit
from .copies import Copies
from .database import Database
from .seal import open_sealed, seal

__all__ = ["StudyKeys"]


class StudyKeys:
    """The table of study keys in reports.db.

    Args:
        reports: The database.
        wrapping: The key that wraps them, derived from the master key.
        audit: Where shredding is told.
        copies: The ledger.
    """

    def __init__(self, reports: Database, wrapping: bytes, audit: Audit, copies: Copies) -> None:
        self._reports = reports
        self._wrapping = wrapping
        self._audit = audit
        self._copies = copies
        self._known: dict[tuple[str, str], bytes] = {}
        self._guard = Lock()

    def make(self, hub_id: str, study_uid: str) -> bytes:
        """The study's key, made when it has none."""
        if not self.has(hub_id, study_uid):
            sealed = seal(self._wrapping, os.urandom(32), _bound(hub_id, study_uid))
            with self._reports.joined() as connection:
                connection.execute(
                    "INSERT INTO study_key VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    (hub_id, study_uid, sealed),
                )
            with self._guard:
                self._known.pop((hub_id, study_uid), None)
        return self.get(hub_id, study_uid)

    def get(self, hub_id: str, study_uid: str) -> bytes:
        """The study's key.

        Raises:
            IntegrityError: It has none: it was shredded.
        """
        with self._guard:
            known = self._known.get((hub_id, study_uid))
        if known is not None:
            return known
        row = self._reports.connection.row(
            "SELECT sealed FROM study_key WHERE hub_id = ? AND study_uid = ?", (hub_id, study_uid)
        )
        if row is None:
            raise IntegrityError(
                "The key of this study is gone.",
                "Reports are not touched.",
                "Fetch the study again.",
                code="study-key-gone",
            )
        key = open_sealed(self._wrapping, bytes(row[0]), _bound(hub_id, study_uid))
        with self._guard:
            self._known[hub_id, study_uid] = key
        return key

    def has(self, hub_id: str, study_uid: str) -> bool:
        """Whether the study has a key on disk at this moment."""
        row = self._reports.connection.row(
            "SELECT 1 FROM study_key WHERE hub_id = ? AND study_uid = ?", (hub_id, study_uid)
        )
        return row is not None

    def drop(self, hub_id: str, study_uid: str, why: str, *, instances: int = 0, size: int = 0) -> str:
        """Destroy the study's key, also in the write-ahead log; the id of the purge receipt."""
        with self._reports.joined() as connection:
            dropped = connection.execute(
                "DELETE FROM study_key WHERE hub_id = ? AND study_uid = ?", (hub_id, study_uid)
            )
            receipt = self._copies.purged(hub_id, study_uid, why, instances=instances, size=size)
            if dropped:
                detail = {"why": why, "receipt": receipt, "instances": instances, "bytes": size}
                self._audit.append("shred", subject=study_uid, hub_id=hub_id, detail=detail)
        with self._guard:
            self._known.pop((hub_id, study_uid), None)
        if not self._reports.connection.in_transaction:
            self._reports.checkpoint()
        return receipt

    def studies_of(self, hub_id: str) -> tuple[str, ...]:
        """The studies of a hub that have a key."""
        rows = self._reports.connection.rows("SELECT study_uid FROM study_key WHERE hub_id = ?", (hub_id,))
        return tuple(row[0] for row in rows)


def _bound(hub_id: str, study_uid: str) -> bytes:
    return b"teleread study key\x00" + hub_id.encode() + b"\x00" + study_uid.encode()
