"""The sealed ring: every sound since the last recognised word, so that none is lost whoever dies.

Sound is sealed in segments (AES-256-GCM, each bound to its place) before it counts as kept. With a folder the
segments are files, found again after the terminal was closed; without one, or where the disk is full, they
are sealed in memory. The second that runs is on disk too, a quarter behind: a process that is killed loses no
more. Plain sound is never written.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from teleread.model.errors import IntegrityError, TelereadError
from teleread.vault.seal import open_sealed, seal

from .ports import BYTES_A_SECOND

__all__ = ["SealedRing"]

SEGMENT: Final = BYTES_A_SECOND
"""Bytes of sound in a segment: one second."""
TAIL: Final = SEGMENT // 4
"""Bytes after which the second that runs is written again, without waiting for the disk."""
LARGEST: Final = 4 * 3600 * BYTES_A_SECOND
"""Most sound held, bytes; more means that nothing has been recognised for hours."""
_NAME: Final = re.compile(r"(\d{16})\.sound")


_HEARD: Final = "heard"
"""File that tells up to where the words are kept: an offset, nothing of the sound."""

P = ParamSpec("P")
T = TypeVar("T")


def _alone(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """One thread at a time: one takes sound in while another has it recognised."""

    @functools.wraps(method)
    def held(ring: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        with ring._lock:
            return method(ring, *args, **kwargs)

    return cast("Callable[Concatenate[Any, P], T]", held)


@dataclass(slots=True)
class _Segment:
    start: int
    end: int
    sealed: bytes | None
    """None: in its file."""


class SealedRing:
    """Sound by byte offset from the beginning of the source.

    Args:
        key: 32 bytes that seal it; a fresh one where none is given, and then nothing outlives the process.
        folder: Where segments are written; memory alone where none is given.

    Raises:
        IntegrityError: Segments found there don't open with the key.
    """

    def __init__(self, key: bytes | None = None, folder: Path | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._folder = folder
        self._segments: list[_Segment] = []
        self._tail = bytearray()
        self._end = 0
        self._unwritten = 0
        """Bytes that came since the second that runs was last written."""
        self._lock = threading.RLock()
        self.heard = 0
        """Offset up to which the words are kept."""
        self.on_disk = folder is not None
        """Whether what comes is still written: False once the disk was full."""
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._find(folder)

    @property
    def start(self) -> int:
        """Offset of the first byte held."""
        return self._segments[0].start if self._segments else self._end - len(self._tail)

    @property
    def end(self) -> int:
        """Offset behind the last byte held."""
        return self._end

    @_alone
    def append(self, sound: bytes) -> None:
        """Take sound in.

        Raises:
            TelereadError: More is held than hours of speech.
        """
        if self._end - self.start + len(sound) > LARGEST:
            raise TelereadError(
                "Too much sound waits to be recognised.",
                "What was said until now is kept.",
                "Stop dictating, and start again when it has caught up.",
                code="sound-full",
            )
        self._tail += sound
        self._end += len(sound)
        self._unwritten += len(sound)
        while len(self._tail) >= SEGMENT:
            self._seal(bytes(self._tail[:SEGMENT]), self._end - len(self._tail))
            del self._tail[:SEGMENT]
        if self._unwritten >= TAIL:
            self._write_tail()

    @_alone
    def flush(self) -> None:
        """Seal what is left of the last second: before the source is closed, or the terminal goes."""
        if self._tail:
            self._seal(bytes(self._tail), self._end - len(self._tail))
            self._tail.clear()
            self._unwritten = 0

    @_alone
    def read(self, start: int, end: int) -> bytes:
        """Sound between two offsets.

        Raises:
            IntegrityError: It is not held any more, or was changed.
        """
        out = bytearray()
        for segment in self._segments:
            if segment.end <= start or segment.start >= end:
                continue
            sound = self._open(segment)
            out += sound[max(0, start - segment.start) : end - segment.start]
        first = self._end - len(self._tail)
        if end > first:
            out += self._tail[max(0, start - first) : end - first]
        if len(out) != end - start:
            raise IntegrityError("That sound is not held any more.", code="sound-gone")
        return bytes(out)

    @_alone
    def release(self, before: int) -> None:
        """Forget what was recognised: whole segments before an offset."""
        while self._segments and self._segments[0].end <= before:
            self._forget(self._segments.pop(0))

    @_alone
    def destroy(self) -> None:
        """Forget everything; the key goes with it."""
        for segment in self._segments:
            self._forget(segment)
        if self._folder is not None:
            self._path(self._end - len(self._tail)).unlink(missing_ok=True)
        self._segments.clear()
        self._tail.clear()
        self._end = 0
        self._key = secrets.token_bytes(32)
        self.heard = 0
        if self._folder is not None:
            for name in (_HEARD, f"{_HEARD}.part"):
                (self._folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._folder.rmdir()

    @_alone
    def land(self) -> bool:
        """Write what only memory holds, where there is room by now; whether all of it is on disk."""
        if self._folder is None or self.on_disk:
            return self.on_disk
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for segment in self._segments:
                if segment.sealed is not None:
                    self._write(self._path(segment.start), segment.sealed)
                    segment.sealed = None
        except OSError:
            return False
        self.on_disk = True
        self.flush()
        self.hear_to(self.heard)
        return self.on_disk

    def hear_to(self, offset: int) -> None:
        """The words up to an offset are kept: nobody has to hear that sound again.

        Where that can't be written the worst is that it is heard twice, which shows.
        """
        self.heard = max(self.heard, offset)
        if self._folder is not None and self.on_disk:
            with contextlib.suppress(OSError):
                self._write(self._folder / _HEARD, str(self.heard).encode())

    @_alone
    def silence(self, start: int, end: int) -> None:
        """Put silence in the place of sound that was taken back; nothing of it is left.

        Raises:
            IntegrityError: It is not held any more, or was changed.
        """
        first = self._end - len(self._tail)
        for at in range(max(start, first), min(end, self._end)):
            self._tail[at - first] = 0
        if end > first:
            self._write_tail()
        for index, segment in enumerate(self._segments):
            low, high = max(start, segment.start), min(end, segment.end)
            if low >= high:
                continue
            sound = bytearray(self._open(segment))
            sound[low - segment.start : high - segment.start] = bytes(high - low)
            self._segments[index] = self._sealed(bytes(sound), segment.start)

    @_alone
    def digest(self) -> tuple[str, float]:
        """SHA-256 of all sound held, and how long it is in seconds.

        Raises:
            IntegrityError: A piece is gone or was changed.
        """
        made = hashlib.sha256()
        for segment in self._segments:
            made.update(self._open(segment))
        made.update(self._tail)
        return made.hexdigest(), (self._end - self.start) / BYTES_A_SECOND

    def _write_tail(self) -> None:
        """Write the second that runs, sealed; where that fails memory has it until it ends."""
        self._unwritten = 0
        if self._folder is None or not self.on_disk or not self._tail:
            return
        start = self._end - len(self._tail)
        with contextlib.suppress(OSError):
            sealed = seal(self._key, bytes(self._tail), _place(start))
            self._write(self._path(start), sealed, lasting=False)

    def _seal(self, sound: bytes, start: int) -> None:
        self._segments.append(self._sealed(sound, start))

    def _sealed(self, sound: bytes, start: int) -> _Segment:
        sealed = seal(self._key, sound, _place(start))
        segment = _Segment(start, start + len(sound), sealed)
        if self._folder is not None and self.on_disk:
            try:
                self._write(self._path(start), sealed)
                segment.sealed = None
            except OSError:
                self.on_disk = False  # the disk is full: memory holds it, sealed all the same
        return segment

    @staticmethod
    def _write(path: Path, sealed: bytes, *, lasting: bool = True) -> None:
        part = path.with_suffix(".part")
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(sealed)
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise

    def _open(self, segment: _Segment) -> bytes:
        sealed = segment.sealed
        if sealed is None:
            try:
                sealed = self._path(segment.start).read_bytes()
            except OSError:
                raise IntegrityError("A piece of the sound is gone.", code="sound-gone") from None
        return open_sealed(self._key, sealed, _place(segment.start))

    def _forget(self, segment: _Segment) -> None:
        if segment.sealed is None:
            with contextlib.suppress(OSError):
                self._path(segment.start).unlink()

    def _find(self, folder: Path) -> None:
        found = sorted(int(one[1]) for path in folder.iterdir() if (one := _NAME.fullmatch(path.name)))
        for start in found:
            segment = _Segment(start, start, None)
            segment.end = start + len(self._open(segment))
            if self._segments and segment.start != self._segments[-1].end:
                break  # a gap: what lies behind it belongs to nothing
            self._segments.append(segment)
        self._end = self._segments[-1].end if self._segments else 0
        with contextlib.suppress(OSError, ValueError):
            self.heard = min(int((folder / _HEARD).read_text()[:20]), self._end)

    def _path(self, start: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{start:016d}.sound"


def _place(start: int) -> bytes:
    return b"teleread/sound/" + start.to_bytes(8, "big")
