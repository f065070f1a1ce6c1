"""A folder of DICOM files as an archive: a share or a disk that a site without a server puts its studies on.

Files are found by what is in them, never by their names; links and devices are passed over. Headers are read
by the bounded reader and remembered while a file's size and time stay the same.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from teleread.host.clock import Clock, SystemClock
from teleread.model.errors import OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.study import InstanceInfo
from teleread.wire.dicom_header import HeaderReader
from teleread.wire.dicom_index import instance_info

from .intake import Intake
from .local import MEDIA_DIRECTORY, begins_as_dicom, walk
from .port import Capabilities, InstanceSink, Manifest, RetrieveResult, SeriesManifest, StudyMatch

__all__ = ["FolderArchive"]

MAX_FILES: Final = 200_000
"""Files looked at; the rest is left out, in words."""
HEAD: Final = 4 << 20
"""Bytes of a file read for its header."""
FRESH_SECONDS: Final = 10.0
"""How long a look at the folder is believed."""
_PIECE: Final = 256 * 1024
_OPEN: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@dataclass(slots=True)
class _Known:
    """One file, as it was last read."""

    stamp: tuple[int, int]
    info: InstanceInfo | None


@dataclass(slots=True)
class _Look:
    """What one look at the folder found."""

    at: float
    by_study: dict[str, dict[str, tuple[Path, InstanceInfo]]] = field(default_factory=dict)
    too_many: bool = False


class FolderArchive:
    """An archive in a folder.

    Args:
        hub: The hub file; ``archive_folder`` is set.
        secret: Not used: whoever may read the folder may.
        clock: Where time comes from.
    """

    capabilities = Capabilities("folder")

    def __init__(self, hub: HubFile, secret: str | None = None, clock: Clock | None = None) -> None:
        self._root = Path(hub.archive_folder).expanduser()
        self._clock = clock or SystemClock()
        self._known: dict[Path, _Known] = {}
        self._last: _Look | None = None

    def echo(self) -> float:
        """See that the folder is there; milliseconds.

        Raises:
            OfflineError: It is not.
        """
        start = self._clock.monotonic()
        self._there()
        return (self._clock.monotonic() - start) * 1000

    def close(self) -> None:
        """Forget what was read."""
        self._known.clear()
        self._last = None

    def find_studies(self, patient_id: str) -> tuple[StudyMatch, ...]:
        """Studies of a patient id."""
        out = []
        for study_uid, files in self._look().by_study.items():
            info = next(iter(files.values()))[1]
            if str(info.identity.patient_id).strip() == patient_id.strip():
                out.append(
                    StudyMatch(
                        study_uid,
                        info.study_date,
                        info.modality,
                        info.study_description,
                        info.identity.accession,
                        len(files),
                        info.identity.issuer,
                    )
                )
        return tuple(out)

    def manifest(self, study_uid: str) -> Manifest:
        """What the folder has of the study, by Instance Number."""
        files = self._look().by_study.get(study_uid, {})
        series: dict[str, list[InstanceInfo]] = {}
        for _, info in files.values():
            series.setdefault(info.series_uid, []).append(info)
        return Manifest(
            study_uid,
            tuple(
                SeriesManifest(
                    uid,
                    found[0].modality,
                    {one.sop_uid: one.sop_class for one in sorted(found, key=_number)},
                )
                for uid, found in sorted(series.items())
            ),
        )

    def retrieve(
        self,
        manifest: Manifest,
        wanted: Collection[str],
        sink: InstanceSink,
        progress: Callable[[int, int], None],
    ) -> RetrieveResult:
        """Read the wanted files.

        Raises:
            OfflineError: The folder is gone.
        """
        intake = Intake(sink, progress)
        files = self._look().by_study.get(manifest.study_uid, {})
        first = [uid for uid in manifest.first if uid in wanted]
        rest = [uid for series in manifest.series for uid in series.instances if uid in wanted]
        for uid in dict.fromkeys([*first, *rest]):
            if uid in files:
                self._bring(files[uid][0], intake)
        return intake.result()

    def _bring(self, path: Path, intake: Intake) -> None:
        try:
            with _opened(path) as file:
                intake.begin("")
                try:
                    while piece := file.read(_PIECE):
                        intake.write(piece)
                except OSError:
                    intake.cut("The file could not be read to its end.")
                    return
                intake.end()
        except OSError:
            self._there()
            intake.problem("A file of the study can't be read any more.")

    # ------------------------------------------------------------------ what is there

    def _there(self) -> None:
        if not self._root.is_dir():
            raise OfflineError(
                "The archive's folder is not there.",
                remedy="Connect the disk or the share; the hub file names it as archive_folder.",
                code="unreachable",
            )

    def _look(self) -> _Look:
        now = self._clock.monotonic()
        if self._last is not None and now - self._last.at < FRESH_SECONDS:
            return self._last
        self._there()
        look = _Look(now)
        seen: dict[Path, _Known] = {}
        for count, path in enumerate(walk(self._root)):
            if count >= MAX_FILES:
                look.too_many = True
                break
            known = self._read(path)
            if known is None:
                continue
            seen[path] = known
            if known.info is not None:
                study = look.by_study.setdefault(str(known.info.identity.study_uid), {})
                study.setdefault(known.info.sop_uid, (path, known.info))
        self._known, self._last = seen, look
        return look

    def _read(self, path: Path) -> _Known | None:
        """A file's header; None where it can't be read now."""
        try:
            status = path.lstat()
            stamp = (status.st_size, status.st_mtime_ns)
            known = self._known.get(path)
            if known is not None and known.stamp == stamp:
                return known
            with _opened(path) as file:
                return _Known(stamp, _header(file, status.st_size))
        except OSError:
            return None


def _opened(path: Path) -> IO[bytes]:
    """A regular file; never through a link that somebody put in its place meanwhile."""
    descriptor = os.open(path, _OPEN)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _header(file: IO[bytes], size: int) -> InstanceInfo | None:
    """What the index keeps of a file; None for one that is no DICOM instance."""
    reader = HeaderReader()
    for number, piece in enumerate(_head(file)):
        if number == 0 and (not begins_as_dicom(piece) or MEDIA_DIRECTORY in piece[:512]):
            return None
        try:
            if reader.feed(piece):
                break
        except TelereadError:
            return None
    try:
        reader.finish()
        return instance_info(reader, size)
    except TelereadError:
        return None


def _head(file: IO[bytes]) -> Iterator[bytes]:
    left = HEAD
    while left > 0 and (piece := file.read(min(16 * 1024, left))):
        left -= len(piece)
        yield piece


def _number(info: InstanceInfo) -> tuple[bool, int, str]:
    return info.instance_number is None, info.instance_number or 0, info.sop_uid
