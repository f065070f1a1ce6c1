"""Take DICOM from local files, folders, media with a DICOMDIR, and zip files, through the network's own sink.

Nothing is unpacked to disk, no link is followed, and no name inside an archive or a DICOMDIR is ever used as
a path: the folder of a DICOMDIR is simply read whole.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from teleread.host.clock import Clock, SystemClock
from teleread.model.errors import TelereadError, UsageError
from teleread.model.study import StudyInfo, StudyKey
from teleread.model.text import EMPTY, SafeText, clean

from .fetcher import Shelves
from .intake import REFUSED
from .sink import SinkLimits, VaultSink

__all__ = ["MEDIA_DIRECTORY", "ImportLimits", "ImportOutcome", "begins_as_dicom", "import_paths", "walk"]

_PIECE: Final = 256 * 1024
MEDIA_DIRECTORY: Final = b"1.2.840.10008.1.3.10"
"""Media Storage Directory Storage: the SOP class of a DICOMDIR, which is no instance."""
_END_OF_DIRECTORY: Final = b"PK\x05\x06"


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """What one import may cost."""

    files: int = 200_000
    """Files looked at."""
    members: int = 50_000
    """Members of one zip file."""
    directory: int = 16 << 20
    """Bytes of a zip file's own directory, which is read into memory."""
    ratio: int = 200
    """Unpacked bytes for each packed one, over a whole zip file."""
    allowance: int = 64 << 20
    """Unpacked bytes that are fine whatever the ratio."""


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import brought."""

    kept: int
    """Instances written."""
    duplicates: int
    """Instances that were here already."""
    skipped: int
    """Files that are no DICOM."""
    refused: int
    """DICOM that can't be kept."""
    bytes: int
    studies: tuple[StudyKey, ...]
    """Studies that something came for."""
    problems: tuple[SafeText, ...] = ()


@dataclass(slots=True)
class _Count:
    files: int = 0
    skipped: int = 0
    refused: int = 0
    problems: dict[SafeText, None] = field(default_factory=dict)

    def problem(self, text: str) -> None:
        if len(self.problems) < 50:
            self.problems[clean(text, limit=300)] = None


def import_paths(
    vault: Shelves,
    paths: Sequence[Path],
    hub_id: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    clock: Clock | None = None,
    limits: ImportLimits | None = None,
    sink_limits: SinkLimits | None = None,
) -> ImportOutcome:
    """Take what is DICOM below some paths into the vault.

    Args:
        vault: Where it goes.
        paths: Files, folders, DICOMDIRs, zip files.
        hub_id: The hub it is counted under.
        progress: Called with (instances, bytes) so far; may raise to stop.
        clock: Where time comes from.
        limits: What it may cost.
        sink_limits: What a file may cost.

    Raises:
        UsageError: A path is not there.
        TelereadError: The vault can take no more (``disk-full``), or there are too many files.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(f"There is nothing at {clean(path.name)}.", remedy="Check the path.")
    job = _Import(vault, hub_id, progress, clock or SystemClock(), limits or ImportLimits(), sink_limits)
    try:
        for path in paths:
            job.take(path)
    finally:
        job.finish()
    return job.outcome()


class _Import:
    def __init__(
        self,
        vault: Shelves,
        hub_id: str,
        progress: Callable[[int, int], None] | None,
        clock: Clock,
        limits: ImportLimits,
        sink_limits: SinkLimits | None,
    ) -> None:
        self._vault = vault
        self._hub_id = hub_id
        self._progress = progress
        self._clock = clock
        self._limits = limits
        self._count = _Count()
        self._sink = VaultSink(
            lambda study_uid: vault.objects.open_segment(hub_id, study_uid, why="import"),
            "",
            limits=sink_limits,
            look_up=lambda study_uid: vault.studies.held(hub_id, study_uid),
        )
        self._sink.via = "import"

    def take(self, path: Path) -> None:
        if path.name.upper() == "DICOMDIR" and path.is_file():
            path = path.parent
        for one in walk(path):
            self._one_more()
            try:
                with one.open("rb") as file:
                    self._file(file)
            except OSError:
                self._count.problem("A file could not be read.")

    def _one_more(self) -> None:
        self._count.files += 1
        if self._count.files > self._limits.files:
            raise TelereadError(
                "There are more files than are taken at once.",
                "What was read so far is kept.",
                "Give a folder with fewer files.",
                code="too-many-files",
            )

    def _file(self, file: IO[bytes]) -> None:
        head = file.read(4)
        file.seek(0)
        if head == b"PK\x03\x04":
            self._zip(file)
        else:
            self._instance(lambda: file.read(_PIECE))

    def _instance(self, read: Callable[[], bytes]) -> None:
        """Pass one file to the sink, if it begins as DICOM does."""
        head = read()
        if not begins_as_dicom(head):
            self._count.skipped += 1
            return
        if MEDIA_DIRECTORY in head[:512]:
            return  # a DICOMDIR: only names, and those are never used
        self._sink.begin("")
        try:
            piece = head
            while piece:
                self._sink.write(piece)
                piece = read()
            self._sink.end()
        except TelereadError as error:
            self._sink.abort(error.title)
            if error.code != REFUSED:
                raise
            self._count.refused += 1
            self._count.problem(str(error))
        except BaseException:
            self._sink.abort("stopped")
            raise
        if self._progress is not None:
            self._progress(self._sink.kept, self._sink.bytes)

    # ------------------------------------------------------------------ zip

    def _zip(self, file: IO[bytes]) -> None:
        size = file.seek(0, os.SEEK_END)
        if not _directory_is_modest(file, size, self._limits.directory):
            self._count.problem("A zip file was left out: its directory is damaged or too large.")
            return
        budget = _Budget(self._limits.allowance + self._limits.ratio * size)
        try:
            with zipfile.ZipFile(file) as archive:
                for index, member in enumerate(archive.infolist()):
                    if index >= self._limits.members:
                        self._count.problem(
                            "A zip file has more members than are taken; the rest was left out."
                        )
                        return
                    if not member.is_dir() and not stat.S_ISLNK(member.external_attr >> 16):
                        self._member(archive, member, budget)
        except zipfile.BadZipFile:
            self._count.problem("A zip file is damaged; what could be read of it is kept.")

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: _Budget) -> None:
        self._one_more()
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            # The other methods unpack without a limit on how much comes at once.
            self._count.problem("A member of a zip file is packed in a way that is not taken.")
            return
        try:
            with archive.open(member) as stream:
                self._instance(lambda: budget.spend(stream.read(_PIECE)))
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
            # RuntimeError: it wants a password. All are about this member alone.
            self._sink.abort("A member of a zip file is damaged.")
            self._count.problem("A member of a zip file can't be unpacked and was left out.")

    # ------------------------------------------------------------------ end

    def finish(self) -> None:
        """Make what came durable, and count it as whole where no archive says otherwise."""
        self._sink.close()
        for study_uid, first in self._sink.first.items():
            known = self._vault.studies.get(self._hub_id, study_uid)
            if known is not None and known.expected is not None:
                continue
            held = len(self._vault.studies.held(self._hub_id, study_uid))
            self._vault.studies.put_study(
                StudyInfo(
                    key=StudyKey(self._hub_id, study_uid),
                    expected=held,
                    verified_at=self._clock.now().isoformat(timespec="seconds"),
                    missing_why=EMPTY,
                    date=first.study_date,
                    description=first.study_description,
                    modality=first.modality,
                )
            )

    def outcome(self) -> ImportOutcome:
        return ImportOutcome(
            kept=self._sink.kept,
            duplicates=self._sink.again,
            skipped=self._count.skipped,
            refused=self._count.refused,
            bytes=self._sink.bytes,
            studies=tuple(StudyKey(self._hub_id, one) for one in self._sink.first),
            problems=(*self._count.problems, *self._sink.notes),
        )


class _Budget:
    """Unpacked bytes a zip file may still give."""

    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self, piece: bytes) -> bytes:
        """Count a piece.

        Raises:
            zipfile.BadZipFile: It unpacks to far more than it could honestly hold.
        """
        self._left -= len(piece)
        if self._left < 0:
            raise zipfile.BadZipFile("unpacks to too much")
        return piece


def walk(path: Path) -> Iterator[Path]:
    """Regular files below a path, in a stable order; links and devices are passed over."""
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path, followlinks=False):
        folders.sort()
        for name in sorted(names):
            one = Path(folder) / name
            if _is_regular(one):
                yield one


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False  # gone meanwhile


def begins_as_dicom(head: bytes) -> bool:
    """Whether a file's first bytes are those of a DICOM instance, with or without a preamble."""
    if head[128:132] == b"DICM" or head[:4] == b"DICM":
        return True
    # Without a preamble only a first element of group 2 or 8 with a sensible length is believed.
    return head[:4] in {b"\x02\x00\x00\x00", b"\x08\x00\x00\x00", b"\x08\x00\x05\x00", b"\x08\x00\x08\x00"}


def _directory_is_modest(file: IO[bytes], size: int, limit: int) -> bool:
    """Whether a zip file's directory may be read into memory, by what its last bytes say of its size."""
    start = max(0, size - 66_000)
    file.seek(start)
    tail = file.read(66_000)
    file.seek(0)
    at = tail.rfind(_END_OF_DIRECTORY)
    if at < 0 or len(tail) - at < 22:
        return False
    length = int(struct.unpack_from("<I", tail, at + 12)[0])
    return length <= limit and length <= size
