"""Pack segments: one sealed stream in chunks, as age's STREAM does it.

A file is a header (``TRPK``, format number, chunk size, the segment's random id of 16 bytes), then chunks of
64 KiB, each sealed by AES-256-GCM: its nonce is its number and a flag that only the last one carries, and the
header is authenticated with every chunk. So any chunk is read alone, and a chunk that was cut off, swapped,
repeated or flipped does not open. The key is the segment's own, derived from the study's key and the id, and
a segment is never opened for writing again: no nonce is ever used twice.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from teleread.model.errors import IntegrityError, TelereadError

from .seal import derive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["CHUNK", "PackReader", "PackWriter"]

CHUNK: Final = 64 * 1024
"""Bytes of plaintext in a chunk; the last one may have fewer, or none."""

_TAG: Final = 16
_SEALED: Final = CHUNK + _TAG
_MAGIC: Final = b"TRPK"
_FORMAT: Final = 1
_HEADER: Final = struct.Struct(">4sHI16s")
_GATHERED: Final = 16
"""Chunks written to the file at once."""
_EARLY: Final = 8 << 20
"""Bytes after which the disk is told to begin; Linux writes dirty pages that are said to be done with."""
_BINARY: Final = getattr(os, "O_BINARY", 0)
"""Windows alone would else change line ends."""
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _cipher(study_key: bytes, segment_id: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(derive(study_key, "segment", extra=segment_id))


class PackWriter:
    """Writes one segment, from the first byte to the last.

    Args:
        path: A new file.
        study_key: The study's key.
        segment_id: 16 random bytes, never used before.

    Raises:
        TelereadError: ``disk-full``, from any method.
    """

    def __init__(self, path: Path, study_key: bytes, segment_id: bytes) -> None:
        self.length = 0
        """Bytes taken so far."""
        self._header = _HEADER.pack(_MAGIC, _FORMAT, CHUNK, segment_id)
        self._cipher = _cipher(study_key, segment_id)
        self._waiting = bytearray()
        self._sealed = memoryview(bytearray(_GATHERED * _SEALED))
        self._filled = 0
        self._number = 0
        self._on_disk = 0
        self._size = 0
        self._begun = 0
        self._descriptor = _guarded(lambda: os.open(path, _NEW, 0o600))
        self._put(self._header)

    @property
    def written(self) -> int:
        """Bytes of plaintext that can be read back already."""
        return self._on_disk * CHUNK

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take more bytes; whole chunks are sealed where they lie, but never what may be the last one."""
        self.length += len(data)
        with memoryview(data) as view:
            at = 0
            if self._waiting:
                at = CHUNK - len(self._waiting)
                if len(view) <= at:
                    self._waiting += view
                    return
                self._waiting += view[:at]
                self._seal(self._waiting)
                self._waiting.clear()
            while len(view) - at > CHUNK:
                self._seal(view[at : at + CHUNK])
                at += CHUNK
            self._waiting += view[at:]

    def flush(self) -> None:
        """Write what is sealed."""
        if self._filled:
            self._put(self._sealed[: self._filled])
            self._filled = 0
            self._on_disk = self._number

    def finish(self) -> None:
        """Write the last chunk, see it all reach the disk, and close the file."""
        self.flush()
        self._put(self._cipher.encrypt(_nonce(self._number, True), bytes(self._waiting), self._header))
        self._waiting.clear()
        _guarded(lambda: os.fsync(self._descriptor))
        self.abandon()

    def abandon(self) -> None:
        """Close the file as it is; harmless twice."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _seal(self, chunk: bytearray | memoryview) -> None:
        out = self._sealed[self._filled : self._filled + _SEALED]
        self._cipher.encrypt_into(_nonce(self._number, False), chunk, self._header, out)
        self._number += 1
        self._filled += _SEALED
        if self._filled == len(self._sealed):
            self.flush()

    def _put(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while len(view):
            view = view[_guarded(partial(os.write, self._descriptor, view)) :]
        self._size += len(data)
        if self._size - self._begun >= _EARLY:
            self._begin_early()

    def _begin_early(self) -> None:
        """Have the disk begin with what was written, so that little is left when all has to be there."""
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):
                size = self._size - self._begun
                os.posix_fadvise(self._descriptor, self._begun, size, os.POSIX_FADV_DONTNEED)
        self._begun = self._size


class PackReader:
    """Reads any part of one segment; from several threads at once.

    Args:
        path: The file.
        study_key: The study's key.
        segment_id: The id it must have.
        length: Its length in plaintext; None for one that was not finished, whose last chunk is not read.

    Raises:
        IntegrityError: It is missing or another segment's file.
    """

    def __init__(self, path: Path, study_key: bytes, segment_id: bytes, length: int | None) -> None:
        self._descriptor = -1
        self._header = _HEADER.pack(_MAGIC, _FORMAT, CHUNK, segment_id)
        self._cipher = _cipher(study_key, segment_id)
        self._last = None if length is None else max(0, length - 1) // CHUNK
        self._guard = threading.Lock()
        try:
            self._descriptor = os.open(path, os.O_RDONLY | _BINARY)
        except OSError:
            raise _broken() from None
        if self._sealed(0, _HEADER.size) != self._header:
            raise _broken()

    def read(self, start: int, size: int) -> bytes:
        """Bytes of the plaintext.

        Raises:
            IntegrityError: They are not what was written, or not there.
        """
        if size <= 0:
            return b""
        first, final = start // CHUNK, (start + size - 1) // CHUNK
        sealed = self._sealed(_HEADER.size + first * _SEALED, (final - first + 1) * _SEALED)
        view = memoryview(sealed)
        parts: list[bytes | memoryview] = [
            self._open(number, view[(number - first) * _SEALED :][:_SEALED])
            for number in range(first, final + 1)
        ]
        begin = start - first * CHUNK
        if sum(map(len, parts)) < begin + size:
            raise _broken()
        parts[-1] = memoryview(parts[-1])[: begin + size - (final - first) * CHUNK]
        parts[0] = memoryview(parts[0])[begin:]
        return b"".join(parts)

    def _open(self, number: int, sealed: bytes | memoryview) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(_nonce(number, number == self._last), sealed, self._header)
        except (InvalidTag, ValueError):
            raise _broken() from None

    def _sealed(self, offset: int, size: int) -> bytes:
        """Bytes of the file; fewer at its end."""
        with self._guard:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            pieces: list[bytes] = []
            while size > 0 and (piece := os.read(self._descriptor, size)):
                pieces.append(piece)
                size -= len(piece)
        return b"".join(pieces)

    def __del__(self) -> None:
        # Whoever reads last lets go of it: the store can't know that no thread is in the middle of a read.
        if self._descriptor >= 0:
            os.close(self._descriptor)


def _guarded(act: Callable[[], int | None]) -> int:
    try:
        return act() or 0
    except OSError:
        raise TelereadError(
            "The disk is full or could not be written.",
            "What was fetched before is safe; the rest was not kept.",
            "Free some space and fetch again.",
            code="disk-full",
            retryable=True,
        ) from None


def _broken() -> IntegrityError:
    return IntegrityError(
        "Stored images are damaged.",
        "Reports are not touched.",
        "Purge the study and fetch it again.",
        code="pack-broken",
    )
