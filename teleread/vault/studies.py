"""The index of what is held of pixels, in cache.db: no screen parses a header to draw a list."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from teleread.host.clock import Clock
from teleread.model.study import ImageIdentity, InstanceInfo, SeriesInfo, StudyInfo, StudyKey
from teleread.model.text import SafeText

from .codec import loads, stamp
from .connection import Row
from .database import Database

__all__ = ["Studies"]


class Studies:
    """The index. Instances enter it through a segment (`teleread.vault.objects`) alone."""

    def __init__(self, cache: Database, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock

    def put_study(self, study: StudyInfo) -> None:
        """Store what the archive says of a study; what is held is counted, not told."""
        with self._cache.joined() as connection:
            connection.execute(
                "INSERT INTO study (hub_id, study_uid, expected, verified_at, missing_why, date, description,"
                " modality, asked_at, changed, used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (hub_id, study_uid) DO UPDATE SET"
                " expected = excluded.expected, verified_at = excluded.verified_at,"
                " missing_why = excluded.missing_why, date = excluded.date,"
                " description = excluded.description, modality = excluded.modality,"
                " asked_at = excluded.asked_at, changed = excluded.changed,"
                " used_at = CASE used_at WHEN '' THEN excluded.used_at ELSE used_at END",
                (
                    study.key.hub_id,
                    study.key.study_uid,
                    study.expected,
                    study.verified_at,
                    study.missing_why,
                    study.date,
                    study.description,
                    study.modality,
                    study.asked_at,
                    study.changed,
                    stamp(self._clock.now()),
                ),
            )

    def put_series(self, hub_id: str, study_uid: str, series: SeriesInfo) -> None:
        """Store what the archive says of a series."""
        with self._cache.joined() as connection:
            connection.execute(
                "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (hub_id, study_uid, series_uid) DO UPDATE SET expected = excluded.expected,"
                " modality = excluded.modality, description = excluded.description, number = excluded.number",
                (
                    hub_id,
                    study_uid,
                    series.series_uid,
                    series.expected,
                    series.modality,
                    series.description,
                    series.number,
                ),
            )

    def get(self, hub_id: str, study_uid: str) -> StudyInfo | None:
        """A study; None where nothing is known of it."""
        row = self._cache.connection.row(f"{_STUDY} WHERE hub_id = ? AND study_uid = ?", (hub_id, study_uid))
        return _study(row) if row else None

    def list(self, hub_id: str | None = None) -> tuple[StudyInfo, ...]:
        """Every study something is held of, the one used longest ago first."""
        where, values = ("", ()) if hub_id is None else (" AND hub_id = ?", (hub_id,))
        rows = self._cache.connection.rows(
            f"{_STUDY} WHERE held > 0{where} ORDER BY used_at, study_uid", values
        )
        return tuple(_study(row) for row in rows)

    def find(self, study_uid: str) -> tuple[StudyKey, ...]:
        """The studies of that UID, one a hub."""
        rows = self._cache.connection.rows(
            "SELECT hub_id, study_uid FROM study WHERE study_uid = ? ORDER BY hub_id", (study_uid,)
        )
        return tuple(StudyKey(*row) for row in rows)

    def series(self, hub_id: str, study_uid: str) -> tuple[SeriesInfo, ...]:
        """The series of a study, held or known of, by number."""
        rows = self._cache.connection.rows(_SERIES, (hub_id, study_uid, hub_id, study_uid))
        return tuple(
            SeriesInfo(uid, SafeText(modality or ""), SafeText(description or ""), number, held, expected)
            for uid, modality, description, number, held, expected in rows
        )

    def instances(
        self, hub_id: str, study_uid: str, series_uid: str | None = None
    ) -> tuple[InstanceInfo, ...]:
        """The instances held of a study or of one series, in the order they came."""
        rows = self._cache.connection.rows(
            "SELECT info FROM instance WHERE hub_id = ? AND study_uid = ? AND (series_uid = ? OR ?)"
            " ORDER BY rowid",
            (hub_id, study_uid, series_uid, series_uid is None),
        )
        return tuple(loads(InstanceInfo, row[0]) for row in rows)

    def instance(self, hub_id: str, study_uid: str, sop_uid: str) -> InstanceInfo | None:
        """One instance, if it is held."""
        row = self._cache.connection.row(
            "SELECT info FROM instance WHERE hub_id = ? AND study_uid = ? AND sop_uid = ?",
            (hub_id, study_uid, sop_uid),
        )
        return loads(InstanceInfo, row[0]) if row else None

    def of_class(self, hub_id: str, study_uid: str, sop_class: str) -> tuple[InstanceInfo, ...]:
        """The instances held of one SOP class."""
        rows = self._cache.connection.rows(
            "SELECT info FROM instance WHERE hub_id = ? AND study_uid = ? AND info ->> 'sop_class' = ?"
            " ORDER BY rowid",
            (hub_id, study_uid, sop_class),
        )
        return tuple(loads(InstanceInfo, row[0]) for row in rows)

    def held(self, hub_id: str, study_uid: str) -> dict[str, str]:
        """SOP Instance UID to SHA-256 of every instance held."""
        rows = self._cache.connection.rows(
            "SELECT sop_uid, sha256 FROM instance WHERE hub_id = ? AND study_uid = ? ORDER BY sop_uid",
            (hub_id, study_uid),
        )
        return {row[0]: row[1] for row in rows}

    def digest(self, hub_id: str, study_uid: str) -> str:
        """SHA-256 over the SOP Instance UIDs held, sorted; empty where none are."""
        held = self.held(hub_id, study_uid)
        return hashlib.sha256("\n".join(sorted(held)).encode()).hexdigest() if held else ""

    def identities(self, hub_id: str, study_uid: str) -> tuple[ImageIdentity, ...]:
        """Whom the images held say they are of: each different answer once."""
        found = {one.identity: None for one in self.instances(hub_id, study_uid)}
        return tuple(found)

    def sizes(self, hub_id: str | None = None) -> tuple[tuple[str, str, int, str], ...]:
        """(hub id, Study Instance UID, bytes, used last) of every study something is held of; quick."""
        where, values = ("", ()) if hub_id is None else (" AND hub_id = ?", (hub_id,))
        rows = self._cache.connection.rows(
            f"SELECT hub_id, study_uid, bytes, used_at FROM study WHERE held > 0{where}", values
        )
        return tuple((row[0], row[1], row[2], row[3]) for row in rows)

    def counts(self) -> dict[tuple[str, str], tuple[int, int | None]]:
        """(hub id, Study Instance UID) to (instances held, expected) of every study known of; quick."""
        rows = self._cache.connection.rows("SELECT hub_id, study_uid, held, expected FROM study")
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    def bytes(self) -> int:
        """Bytes of images held in all."""
        row = self._cache.connection.row("SELECT coalesce(sum(bytes), 0) FROM study WHERE held > 0")
        return int(row[0]) if row else 0

    def means(self) -> tuple[tuple[str, float, float], ...]:
        """(modality, mean bytes of an instance, mean bytes of a whole study), learned from what is held."""
        rows = self._cache.connection.rows(
            "SELECT modality, 1.0 * sum(bytes) / sum(held), coalesce(1.0 * sum(bytes) FILTER (WHERE held >="
            " expected) / nullif(count(*) FILTER (WHERE held >= expected), 0), 0) FROM study"
            " WHERE held > 0 AND modality <> '' GROUP BY modality"
        )
        return tuple((row[0], float(row[1]), float(row[2])) for row in rows)

    def unfinished_stat(self, statuses: Sequence[str]) -> tuple[StudyKey, ...]:
        """Studies of stat tasks in one of these states that are not whole here; a matter of an index.

        Args:
            statuses: FHIR Task.status values.
        """
        rows = self._cache.connection.rows(
            "SELECT DISTINCT w.hub_id, w.study_uid FROM worklist AS w LEFT JOIN study AS s"
            " ON s.hub_id = w.hub_id AND s.study_uid = w.study_uid WHERE w.priority_rank = 0"
            f" AND w.study_uid <> '' AND w.status IN ({', '.join('?' * len(statuses))})"
            " AND (s.expected IS NULL OR s.held < s.expected)",
            tuple(statuses),
        )
        return tuple(StudyKey(*row) for row in rows)

    def forget_instance(self, hub_id: str, study_uid: str, sop_uid: str) -> None:
        """Take an instance whose bytes are damaged out of the index: it is asked for again, never shown."""
        with self._cache.joined() as connection:
            connection.execute(
                "DELETE FROM instance WHERE hub_id = ? AND study_uid = ? AND sop_uid = ?",
                (hub_id, study_uid, sop_uid),
            )
            connection.execute(
                "UPDATE study SET verified_at = '' WHERE hub_id = ? AND study_uid = ?", (hub_id, study_uid)
            )

    def touch(self, hub_id: str, study_uid: str) -> None:
        """It was opened just now: it is the last to be purged for room."""
        with self._cache.joined() as connection:
            connection.execute(
                "UPDATE study SET used_at = ? WHERE hub_id = ? AND study_uid = ?",
                (stamp(self._clock.now()), hub_id, study_uid),
            )


_STUDY: Final = (
    "SELECT hub_id, study_uid, held, expected, bytes, verified_at, missing_why, date, description, modality,"
    " asked_at, changed FROM study"
)

_SERIES: Final = """
SELECT uid, max(modality), max(description), max(number), sum(held), max(expected) FROM (
  SELECT series_uid AS uid, modality, description, number, 0 AS held, expected FROM series
  WHERE hub_id = ? AND study_uid = ?
  UNION ALL
  SELECT series_uid, min(info ->> 'modality'), min(info ->> 'series_description'),
    min(info ->> 'series_number'), count(*), NULL
  FROM instance WHERE hub_id = ? AND study_uid = ? GROUP BY series_uid
) GROUP BY uid ORDER BY max(number) IS NULL, max(number), uid
"""


def _study(row: Row) -> StudyInfo:
    return StudyInfo(
        key=StudyKey(row[0], row[1]),
        held=row[2],
        expected=row[3],
        bytes=row[4],
        verified_at=row[5],
        missing_why=SafeText(row[6]),
        date=SafeText(row[7]),
        description=SafeText(row[8]),
        modality=SafeText(row[9]),
        asked_at=row[10],
        changed=SafeText(row[11]),
    )
