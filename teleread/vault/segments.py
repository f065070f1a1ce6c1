"""Writing one segment: instances stream in, and are indexed once their bytes are on disk."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from teleread.host.clock import Clock
from teleread.host.paths import sync_folder
from teleread.model.errors import TelereadError
from teleread.model.study import InstanceInfo

from .codec import dumps
from .database import Database
from .packs import PackWriter
from .study_keys import StudyKeys

__all__ = ["SegmentWriter"]

_ROWS_AT_ONCE: Final = 256
"""Most index rows that wait for one transaction while a segment grows."""
_ROWS_SECONDS: Final = 0.25
"""How long they wait at most: what a crash costs is what came since."""


class SegmentWriter:
    """Takes instances one after the other; made by `Objects.open_segment`.

    `close` keeps them. Leaving a ``with`` block by an error keeps those alone whose bytes are on disk.
    """

    def __init__(
        self,
        cache: Database,
        keys: StudyKeys,
        pack: PackWriter,
        path: Path,
        place: tuple[str, str, str],
        segment_id: str,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._indexed_at = clock.monotonic()
        self._cache = cache
        self._keys = keys
        self._pack = pack
        self._path = path
        self._hub_id, self._study_uid, self._series_uid = place
        self._segment_id = segment_id
        self._info: InstanceInfo | None = None
        self._start = 0
        self._digest = hashlib.sha256()
        self._waiting: list[tuple[InstanceInfo, int]] = []

    def begin(self, info: InstanceInfo | None = None) -> None:
        """Begin an instance; what was begun and not ended is left out.

        Args:
            info: What is known of it; its size and digest are measured here. May be given to `end` instead.
        """
        self._info = info
        self._start = self._pack.length
        self._digest = hashlib.sha256()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take more of its bytes.

        Raises:
            TelereadError: ``disk-full``.
        """
        self._digest.update(data)
        self._pack.write(data)

    def end(self, info: InstanceInfo | None = None) -> str:
        """The instance is whole.

        Args:
            info: What is known of it by now, in place of what `begin` was given.

        Returns:
            SHA-256 of its bytes, hex.
        """
        known = info or self._info
        if known is None:
            raise ValueError("an instance was ended that nothing is known of")
        digest = self._digest.hexdigest()
        size = self._pack.length - self._start
        series = known.series_uid or self._series_uid
        self._waiting.append((replace(known, sha256=digest, size=size, series_uid=series), self._start))
        self._info = None
        now = self._clock.monotonic()
        if len(self._waiting) >= _ROWS_AT_ONCE or now - self._indexed_at >= _ROWS_SECONDS:
            self._index_written()
            self._indexed_at = now
        return digest

    def _index_written(self) -> None:
        """Index what can be read back already, so that a study is seen growing."""
        self._pack.flush()
        ready = [one for one in self._waiting if one[1] + one[0].size <= self._pack.written]
        if ready:
            with self._cache.joined():
                self._insert(ready)
            del self._waiting[: len(ready)]

    def _insert(self, ready: list[tuple[InstanceInfo, int]]) -> None:
        connection = self._cache.connection
        place = (self._hub_id, self._study_uid)
        connection.executemany(
            "DELETE FROM instance WHERE hub_id = ? AND study_uid = ? AND sop_uid = ?",
            [(*place, info.sop_uid) for info, _ in ready],
        )
        connection.executemany(
            "INSERT INTO instance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *place,
                    info.sop_uid,
                    info.series_uid,
                    self._segment_id,
                    start,
                    info.size,
                    info.sha256,
                    dumps(info),
                )
                for info, start in ready
            ],
        )

    def close(self) -> None:
        """See everything reach the disk, then index it.

        Raises:
            TelereadError: ``disk-full``; or ``study-shredded``: the study was purged meanwhile.
        """
        self._pack.finish()
        sync_folder(self._path.parent)
        if not self._keys.has(self._hub_id, self._study_uid):
            self._path.unlink(missing_ok=True)
            raise TelereadError("The study was purged while it was being fetched.", code="study-shredded")
        with self._cache.joined() as connection:
            self._insert(self._waiting)
            connection.execute(
                "UPDATE segment SET length = ? WHERE id = ?", (self._pack.length, self._segment_id)
            )
        self._waiting.clear()

    def abandon(self) -> None:
        """Stop here: what is on disk whole is rescued by the next `Objects.recover`."""
        self._pack.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()
