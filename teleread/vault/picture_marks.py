"""Measurements and key images, sealed in reports.db: they stay when the images have gone."""

from __future__ import annotations

from teleread.host.clock import Clock
from teleread.model.picture_marks import PictureMark
from teleread.model.study import StudyKey

from .codec import dumps, loads, stamp
from .database import Database

__all__ = ["PictureMarks"]

MOST = 2000
"""Marks of one study that are read."""


class PictureMarks:
    """The table of marks on pictures.

    Args:
        reports: The database.
        clock: Where times come from.
    """

    def __init__(self, reports: Database, clock: Clock) -> None:
        self._reports = reports
        self._clock = clock

    def put(self, mark: PictureMark) -> None:
        """Keep a mark; one of its id is replaced, and stays where it is in the order."""
        with self._reports.joined() as connection:
            connection.execute(
                "INSERT INTO picture_mark VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET content = excluded.content",
                (mark.id, mark.study.hub_id, mark.study.study_uid, stamp(self._clock.now()), dumps(mark)),
            )

    def drop(self, mark_id: str) -> bool:
        """Forget a mark; whether there was one."""
        with self._reports.joined() as connection:
            return bool(connection.execute("DELETE FROM picture_mark WHERE id = ?", (mark_id,)))

    def list(self, study: StudyKey) -> tuple[PictureMark, ...]:
        """The marks of a study, in the order they were made."""
        rows = self._reports.connection.rows(
            "SELECT content FROM picture_mark WHERE hub_id = ? AND study_uid = ? ORDER BY at, id LIMIT ?",
            (study.hub_id, study.study_uid, MOST),
        )
        return tuple(loads(PictureMark, row[0]) for row in rows)
