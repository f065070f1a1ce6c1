"""Legal holds: studies that may not be purged, whoever asks; in reports.db."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from teleread.host.clock import Clock
from teleread.model.errors import AttentionError, UsageError
from teleread.model.study import StudyKey
from teleread.model.text import SafeText

from .audit import Audit
from .codec import stamp, unstamp
from .database import Database

__all__ = ["Hold", "Holds"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A study under legal hold."""

    key: StudyKey
    reason: SafeText
    at: datetime
    """Since when, UTC."""


class Holds:
    """The table of legal holds."""

    def __init__(self, reports: Database, clock: Clock, audit: Audit) -> None:
        self._reports = reports
        self._clock = clock
        self._audit = audit

    def put(self, key: StudyKey, reason: str) -> None:
        """Hold a study; audited.

        Raises:
            UsageError: It is held already.
        """
        with self._reports.joined() as connection:
            if self.get(key) is not None:
                raise UsageError("That study is under legal hold already.", code="held-already")
            connection.execute(
                "INSERT INTO legal_hold (hub_id, study_uid, reason, at) VALUES (?, ?, ?, ?)",
                (key.hub_id, key.study_uid, reason, stamp(self._clock.now())),
            )
            self._audit.append(
                "legal-hold", subject=key.study_uid, hub_id=key.hub_id, detail={"reason": reason}
            )

    def release(self, key: StudyKey, reason: str) -> None:
        """Let a study go; audited.

        Raises:
            UsageError: It is not held.
        """
        with self._reports.joined() as connection:
            gone = connection.execute(
                "UPDATE legal_hold SET released_at = ?, released_why = ?"
                " WHERE hub_id = ? AND study_uid = ? AND released_at IS NULL",
                (stamp(self._clock.now()), reason, key.hub_id, key.study_uid),
            )
            if not gone:
                raise UsageError("That study is not under legal hold.", code="not-on-hold")
            self._audit.append(
                "legal-hold-released", subject=key.study_uid, hub_id=key.hub_id, detail={"reason": reason}
            )

    def get(self, key: StudyKey) -> Hold | None:
        """The hold on a study; None where there is none."""
        row = self._reports.connection.row(
            "SELECT reason, at FROM legal_hold WHERE hub_id = ? AND study_uid = ? AND released_at IS NULL",
            (key.hub_id, key.study_uid),
        )
        return Hold(key, SafeText(row[0]), unstamp(row[1])) if row else None

    def list(self, hub_id: str | None = None) -> tuple[Hold, ...]:
        """Every hold that stands, the oldest first."""
        where, values = ("", ()) if hub_id is None else (" AND hub_id = ?", (hub_id,))
        rows = self._reports.connection.rows(
            f"SELECT hub_id, study_uid, reason, at FROM legal_hold WHERE released_at IS NULL{where}"
            " ORDER BY id",
            values,
        )
        return tuple(Hold(StudyKey(row[0], row[1]), SafeText(row[2]), unstamp(row[3])) for row in rows)

    def refuse(self, key: StudyKey) -> None:
        """Refuse where a study is held.

        Raises:
            AttentionError: ``legal-hold``.
        """
        held = self.get(key)
        if held is not None:
            raise AttentionError(
                "That study is under legal hold and can't be purged.",
                f"Held since {held.at:%d %b %Y}: {held.reason}. Nothing was removed.",
                "teleread cache release STUDY --reason - ends the hold.",
                code="legal-hold",
            )
