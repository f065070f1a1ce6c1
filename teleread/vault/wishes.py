"""What the reader wants of prefetching, and what is known of the lines; in cache.db."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from teleread.host.clock import Clock
from teleread.model.study import StudyKey
from teleread.model.task import PriorStudy

from .codec import dumps, loads, stamp
from .database import Database

__all__ = ["ALL", "Wish", "Wishes"]

ALL: Final = StudyKey("", "")
"""Stands for every study, where all fetching is paused."""
_KEPT_PRIORS: Final = 200
"""Most studies kept of what an archive lists for one patient."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing the reader asked of prefetching."""

    key: StudyKey
    kind: str
    """``first`` (before all others), ``pause``, or ``pin`` (an earlier study to have with a case)."""
    for_study: str
    """The case's study, of a pin."""


class Wishes:
    """Wishes, line speeds, and what archives list of patients."""

    def __init__(self, cache: Database, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock

    def put(self, key: StudyKey, kind: str, *, for_study: str = "") -> None:
        """Wish; one that stands already is the newest again."""
        with self._cache.joined() as connection:
            connection.execute(
                "INSERT INTO wish VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
                (key.hub_id, key.study_uid, kind, for_study, stamp(self._clock.now())),
            )

    def drop(self, key: StudyKey, kind: str, *, for_study: str = "") -> bool:
        """Take a wish back; whether there was one."""
        with self._cache.joined() as connection:
            return bool(
                connection.execute(
                    "DELETE FROM wish WHERE hub_id = ? AND study_uid = ? AND kind = ? AND for_study = ?",
                    (key.hub_id, key.study_uid, kind, for_study),
                )
            )

    def list(self) -> tuple[Wish, ...]:
        """Every wish, the newest first."""
        rows = self._cache.connection.rows(
            "SELECT hub_id, study_uid, kind, for_study FROM wish ORDER BY at DESC, hub_id, study_uid"
        )
        return tuple(Wish(StudyKey(row[0], row[1]), row[2], row[3]) for row in rows)

    # -- lines -------------------------------------------------------------------------------------------

    def put_rate(self, hub_id: str, rate: float) -> None:
        """Keep how fast a hub's archives were, bytes a second."""
        with self._cache.joined() as connection:
            connection.execute(
                "INSERT INTO line VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET rate = excluded.rate,"
                " at = excluded.at",
                (hub_id, rate, stamp(self._clock.now())),
            )

    def rates(self) -> dict[str, float]:
        """Bytes a second by hub, as last measured."""
        return {row[0]: float(row[1]) for row in self._cache.connection.rows("SELECT hub_id, rate FROM line")}

    # -- what archives list -------------------------------------------------------------------------------

    def put_priors(self, hub_id: str, issuer: str, patient_id: str, found: tuple[PriorStudy, ...]) -> None:
        """Keep what an archive listed for a patient; an empty answer takes nothing away."""
        name = (hub_id, issuer, patient_id)
        with self._cache.joined() as connection:
            connection.executemany(
                "INSERT INTO archive_prior VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET content = excluded.content",
                [(*name, one.study_uid, dumps(one)) for one in found[:_KEPT_PRIORS]],
            )
            connection.execute(
                "INSERT INTO archive_asked VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
                (*name, stamp(self._clock.now())),
            )

    def priors(self, hub_id: str, issuer: str, patient_id: str) -> tuple[PriorStudy, ...]:
        """What an archive listed for a patient."""
        rows = self._cache.connection.rows(
            "SELECT content FROM archive_prior WHERE hub_id = ? AND issuer = ? AND patient_id = ?"
            " ORDER BY study_uid",
            (hub_id, issuer, patient_id),
        )
        return tuple(loads(PriorStudy, row[0]) for row in rows)

    def priors_asked(self, hub_id: str, issuer: str, patient_id: str) -> str:
        """When an archive was last asked for a patient's studies; empty for never."""
        row = self._cache.connection.row(
            "SELECT at FROM archive_asked WHERE hub_id = ? AND issuer = ? AND patient_id = ?",
            (hub_id, issuer, patient_id),
        )
        return str(row[0]) if row else ""

    def drop_hub(self, hub_id: str) -> None:
        """Forget a hub."""
        with self._cache.joined() as connection:
            for table in ("wish", "line", "archive_prior", "archive_asked"):
                connection.execute(f"DELETE FROM {table} WHERE hub_id = ?", (hub_id,))
