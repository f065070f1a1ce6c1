"""The object store: instances sealed in packs. File names are random, never made from a UID."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from teleread.host.clock import Clock
from teleread.host.paths import make_private_folder
from teleread.model.errors import IntegrityError, TelereadError, UsageError
from teleread.model.study import InstanceInfo

from .codec import loads, stamp
from .copies import Copies
from .database import Database
from .holders import Holders
from .packs import PackReader, PackWriter
from .segments import SegmentWriter
from .study_keys import StudyKeys

__all__ = ["Objects", "StudyCheck"]

_OPEN_READERS: Final = 16
_PIECE: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StudyCheck:
    """What reading every byte of a study found."""

    good: int
    """Instances whose bytes are what was stored."""
    bytes: int
    """Their bytes."""
    damaged: tuple[str, ...]
    """SOP Instance UIDs of the others, which are no longer in the index."""


class Objects:
    """The store.

    Args:
        folder: Where the packs lie.
        cache: The index's database.
        keys: One key a study.
        copies: The ledger.
        holders: Who is alive, of those who write segments.
        clock: Where times come from.
    """

    def __init__(
        self,
        folder: Path,
        cache: Database,
        keys: StudyKeys,
        copies: Copies,
        holders: Holders,
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._cache = cache
        self._keys = keys
        self._copies = copies
        self._holders = holders
        self._clock = clock
        self._readers: OrderedDict[tuple[str, int | None], PackReader] = OrderedDict()
        self._guard = Lock()
        self._writer = ""

    def open_segment(
        self, hub_id: str, study_uid: str, series_uid: str = "", *, why: str = "fetch"
    ) -> SegmentWriter:
        """Begin a segment: a run of instances of one study, kept when it is closed.

        Args:
            hub_id: The hub.
            study_uid: The study.
            series_uid: The series of instances that don't name one.
            why: For the copy ledger: ``fetch``, ``prefetch``, ``prior``, ``import``.
        """
        key = self._keys.make(hub_id, study_uid)
        self._copies.record(hub_id, study_uid, why)
        with self._guard:
            self._writer = self._writer or self._holders.join()
        name = os.urandom(16).hex()
        path = self._path(name)
        segment_id = os.urandom(16)
        make_private_folder(path.parent)
        with self._cache.joined() as connection:
            connection.execute(
                "INSERT INTO segment VALUES (?, ?, ?, ?, NULL, ?, ?)",
                (segment_id.hex(), name, hub_id, study_uid, self._writer, stamp(self._clock.now())),
            )
        pack = PackWriter(path, key, segment_id)
        return SegmentWriter(
            self._cache,
            self._keys,
            pack,
            path,
            (hub_id, study_uid, series_uid),
            segment_id.hex(),
            self._clock,
        )

    def read(self, hub_id: str, study_uid: str, sop_uid: str) -> bytes:
        """An instance's whole file.

        Raises:
            UsageError: It is not held.
            IntegrityError: Its bytes are not what was stored.
        """
        reader, start, size = self._place(hub_id, study_uid, sop_uid)
        return reader.read(start, size)

    def read_range(self, hub_id: str, study_uid: str, sop_uid: str, offset: int, size: int) -> bytes:
        """A part of an instance's file, such as one frame; shorter where the file ends before.

        Raises:
            UsageError: It is not held.
            IntegrityError: Its bytes are not what was stored.
        """
        reader, start, whole = self._place(hub_id, study_uid, sop_uid)
        offset = max(0, offset)
        return reader.read(start + offset, min(size, whole - offset))

    def _place(self, hub_id: str, study_uid: str, sop_uid: str) -> tuple[PackReader, int, int]:
        row = self._cache.connection.row(
            "SELECT s.id, s.file, s.length, i.start, i.size FROM instance AS i JOIN segment AS s"
            " ON s.id = i.segment_id WHERE i.hub_id = ? AND i.study_uid = ? AND i.sop_uid = ?",
            (hub_id, study_uid, sop_uid),
        )
        if row is None:
            raise UsageError("That image is not in the vault.", remedy="Fetch the study.", code="not-held")
        return self._reader(hub_id, study_uid, row[0], row[1], row[2]), int(row[3]), int(row[4])

    def _reader(
        self, hub_id: str, study_uid: str, segment_id: str, name: str, length: int | None
    ) -> PackReader:
        mark = (segment_id, length)
        with self._guard:
            held = self._readers.get(mark)
            if held is not None:
                self._readers.move_to_end(mark)
                return held
        key = self._keys.get(hub_id, study_uid)
        fresh = PackReader(self._path(name), key, bytes.fromhex(segment_id), length)
        with self._guard:
            self._readers[mark] = fresh
            if len(self._readers) > _OPEN_READERS:
                # Not closed here: another thread may be reading from it. Its last user lets it go.
                self._readers.popitem(last=False)
        return fresh

    def files(self, hub_id: str, study_uid: str) -> tuple[str, ...]:
        """Where a study's packs lie, as paths within the store's folder."""
        rows = self._cache.connection.rows(
            "SELECT file FROM segment WHERE hub_id = ? AND study_uid = ? ORDER BY at, file",
            (hub_id, study_uid),
        )
        return tuple(str(self._path(row[0]).relative_to(self._folder)) for row in rows)

    def verify(self, hub_id: str, study_uid: str) -> StudyCheck:
        """Read every byte of a study against its digest; what fails leaves the index, to be fetched again."""
        good, size, bad = 0, 0, []
        rows = self._cache.connection.rows(
            "SELECT sop_uid, size, sha256 FROM instance WHERE hub_id = ? AND study_uid = ? ORDER BY rowid",
            (hub_id, study_uid),
        )
        for sop_uid, length, sha256 in rows:
            if self._intact(hub_id, study_uid, sop_uid, sha256):
                good, size = good + 1, size + length
            else:
                bad.append(sop_uid)
        with self._cache.joined() as connection:
            for sop_uid in bad:
                connection.execute(
                    "DELETE FROM instance WHERE hub_id = ? AND study_uid = ? AND sop_uid = ?",
                    (hub_id, study_uid, sop_uid),
                )
            if bad:
                words = f"{len(bad)} damaged here and fetched again."
                values: tuple[str, ...] = ("", words, hub_id, study_uid)
                changes = "verified_at = ?, missing_why = ?"
            else:
                values, changes = (stamp(self._clock.now()), hub_id, study_uid), "verified_at = ?"
            connection.execute(f"UPDATE study SET {changes} WHERE hub_id = ? AND study_uid = ?", values)
        return StudyCheck(good, size, tuple(bad))

    def _intact(self, hub_id: str, study_uid: str, sop_uid: str, sha256: str) -> bool:
        try:
            reader, start, size = self._place(hub_id, study_uid, sop_uid)
        except IntegrityError:
            return False
        return _digest(reader, start, size) == sha256

    def shred(self, hub_id: str, study_uid: str, why: str) -> int:
        """Make a study unreadable for ever, then remove what is left of it.

        Args:
            hub_id: The hub.
            study_uid: The study.
            why: For the ledger and the audit trail.

        Returns:
            Instances that are gone.
        """
        held = self._cache.connection.row(
            "SELECT held, bytes FROM study WHERE hub_id = ? AND study_uid = ?", (hub_id, study_uid)
        ) or (0, 0)
        self._keys.drop(hub_id, study_uid, why, instances=held[0], size=held[1])
        rows = self._cache.connection.rows(
            "SELECT file FROM segment WHERE hub_id = ? AND study_uid = ?", (hub_id, study_uid)
        )
        with self._cache.joined() as connection:
            for table in ("segment", "series", "study"):
                connection.execute(
                    f"DELETE FROM {table} WHERE hub_id = ? AND study_uid = ?", (hub_id, study_uid)
                )
        self.forget_readers()
        for row in rows:
            self._unlink(row[0])
        return int(held[0])

    def forget_readers(self) -> None:
        """Let go of every open file."""
        with self._guard:
            self._readers.clear()

    def recover(self) -> int:
        """After a crash: rescue what unfinished segments hold whole, and remove what belongs to nothing.

        Called by whoever holds the engine lock.

        Returns:
            Instances rescued.
        """
        rescued = 0
        known = self._cache.connection.rows("SELECT id, file, hub_id, study_uid, length, writer FROM segment")
        for segment_id, name, hub_id, study_uid, length, writer in known:
            if length is None and not self._holders.alive(writer):
                rescued += self._rescue(segment_id, name, hub_id, study_uid)
        names = {row[0] for row in self._cache.connection.rows("SELECT file FROM segment")}
        for path in self._folder.glob("??/*"):
            if path.parent.name + path.name not in names:
                with contextlib.suppress(OSError):
                    path.unlink()
        return rescued

    def _rescue(self, segment_id: str, name: str, hub_id: str, study_uid: str) -> int:
        rows = self._cache.connection.rows(
            "SELECT sop_uid, start, size, sha256, info FROM instance WHERE segment_id = ? ORDER BY start",
            (segment_id,),
        )
        count = 0
        try:
            reader = PackReader(
                self._path(name), self._keys.get(hub_id, study_uid), bytes.fromhex(segment_id), None
            )
        except TelereadError:
            rows = []
        writer = self.open_segment(hub_id, study_uid, why="recovery") if rows else None
        for _, start, size, sha256, info in rows:
            if writer is not None and _digest(reader, start, size) == sha256:
                writer.begin(loads(InstanceInfo, info))
                for offset in range(0, size, _PIECE):
                    writer.write(reader.read(start + offset, min(_PIECE, size - offset)))
                writer.end()
                count += 1
        if writer is not None:
            writer.close()
        with self._cache.joined() as connection:
            connection.execute("DELETE FROM segment WHERE id = ?", (segment_id,))
        self._unlink(name)
        return count

    def _unlink(self, name: str) -> None:
        with contextlib.suppress(OSError):
            self._path(name).unlink()

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name[2:]


def _digest(reader: PackReader, start: int, size: int) -> str:
    """SHA-256 of a stretch of a pack, hex; empty where its seals don't hold. Piece by piece."""
    digest = hashlib.sha256()
    try:
        for offset in range(0, size, _PIECE):
            digest.update(reader.read(start + offset, min(_PIECE, size - offset)))
    except IntegrityError:
        return ""
    return digest.hexdigest()
