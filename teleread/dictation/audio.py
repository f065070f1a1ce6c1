"""Sources of sound without a microphone: a WAV file, and a FIFO of raw samples."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from teleread.model.errors import TelereadError, UsageError

from .ports import BYTES_A_SECOND, FRAME, RATE, SourceCapabilities

__all__ = ["FifoSource", "WavFormat", "WavSource", "read_wav"]

MAX_WAV: Final = 512 * 1024 * 1024
"""Largest WAV file read, bytes."""
MAX_SECONDS: Final = 4 * 3600
LONGEST_WAIT: Final = 0.25
"""Seconds a read waits before it looks whether the source was closed."""

_PCM: Final = 1
_FLOAT: Final = 3
_EXTENSIBLE: Final = 0xFFFE
_KINDS: Final = frozenset({(_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)})


@dataclass(frozen=True, slots=True)
class WavFormat:
    """How samples lie in a WAV file."""

    kind: int
    """1 integers, 3 IEEE floats."""
    channels: int
    rate: int
    bits: int


def read_wav(path: Path) -> bytes:
    """A WAV file as 16 kHz mono 16-bit PCM.

    Integers of 8 to 32 bits and floats, any number of channels to eight (their mean is taken), 4 to 192 kHz.

    Raises:
        UsageError: There is no such file, or it is no WAV file that can be read.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_WAV:
                raise _not_wav("It is larger than 512 MiB.")
            return _converted(*_chunks(file))
    except FileNotFoundError:
        raise UsageError("There is no such sound file.", remedy="Check the path.", code="no-file") from None
    except (IsADirectoryError, PermissionError) as error:
        raise UsageError(
            "That sound file can't be opened.", os.strerror(error.errno or 0), code="no-file"
        ) from None


def _chunks(file: IO[bytes]) -> tuple[WavFormat, bytes]:
    """The format and the samples of a RIFF WAVE file; one cut short is read as far as it goes."""
    head = file.read(12)
    if len(head) < 12 or head[:4] not in {b"RIFF", b"RF64"} or head[8:] != b"WAVE":
        raise _not_wav("It does not begin as a WAV file does.")
    found: WavFormat | None = None
    while len(chunk := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", chunk)
        if name == b"data":
            if found is None:
                raise _not_wav("Its samples come before their format.")
            # A recorder that was killed leaves 0 or 0xFFFFFFFF here: everything that follows is sound then.
            return found, file.read(size if 0 < size < 0xFFFFFFF0 else MAX_WAV)
        body = file.read(min(size, 65536))
        if name == b"fmt ":
            found = _format(body)
        file.seek(max(0, size - len(body)) + (size & 1), os.SEEK_CUR)
    raise _not_wav("It holds no samples.")


def _format(body: bytes) -> WavFormat:
    if len(body) < 16:
        raise _not_wav("Its format is cut short.")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
    if kind == _EXTENSIBLE and len(body) >= 26:
        (kind,) = struct.unpack("<H", body[24:26])
    if (kind, bits) not in _KINDS or not 1 <= channels <= 8 or not 4000 <= rate <= 192_000:
        raise _not_wav("Its samples are compressed or of a kind that is not read here.")
    return WavFormat(kind, channels, rate, bits)


def _converted(how: WavFormat, raw: bytes) -> bytes:
    if how == WavFormat(_PCM, 1, RATE, 16):
        return raw[: len(raw) & ~1]
    import numpy as np

    width = how.bits // 8 * how.channels
    raw = raw[: len(raw) // width * width]
    if len(raw) / width / how.rate > MAX_SECONDS:
        raise _not_wav("It lasts longer than four hours.")
    wave: Any
    if how.kind == _FLOAT:
        wave = np.nan_to_num(np.frombuffer(raw, f"<f{how.bits // 8}").astype(np.float32))
    elif how.bits == 8:
        wave = (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128
    elif how.bits == 24:
        parts = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32)
        wave = ((parts[:, 0] << 8 | parts[:, 1] << 16 | parts[:, 2] << 24) >> 8).astype(np.float32) / 2**23
    else:
        wave = np.frombuffer(raw, f"<i{how.bits // 8}").astype(np.float32) / 2.0 ** (how.bits - 1)
    wave = wave.reshape(-1, how.channels).mean(axis=1, dtype=np.float32)
    if how.rate != RATE:
        wave = _resampled(wave, how.rate)
    return bytes((np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes())


def _resampled(source: Any, rate: int) -> Any:
    """To `RATE`, by a windowed sinc: what lies above the new half rate is taken out, not folded down."""
    import numpy as np

    cutoff = min(1.0, RATE / rate) * 0.95
    reach = int(np.ceil(16 / cutoff))
    count = int(len(source) * RATE / rate)
    padded = np.pad(source, reach + 1)
    out = np.empty(count, np.float32)
    taps = np.arange(-reach, reach + 1)
    for first in range(0, count, 8192):  # pieces keep the matrix of taps small
        at = np.arange(first, min(first + 8192, count)) * (rate / RATE)
        whole = np.floor(at).astype(np.int64)
        offset = taps[None, :] - (at - whole)[:, None]
        kernel = (
            cutoff * np.sinc(cutoff * offset) * np.cos(np.pi * np.clip(offset / (reach + 1), -1, 1) / 2) ** 2
        )
        near = padded[whole[:, None] + taps[None, :] + reach + 1]
        out[first : first + len(at)] = (near * kernel).sum(axis=1)
    return out


def _not_wav(why: str) -> UsageError:
    return UsageError(
        "That file can't be read as sound.", why, "Give a WAV file with PCM samples.", code="not-wav"
    )


class WavSource:
    """A WAV file, frame by frame, as fast as it is asked for.

    Args:
        path: The file.

    Raises:
        UsageError: It can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.data = read_wav(path)
        self._closed = False

    @property
    def capabilities(self) -> SourceCapabilities:
        """A file waits."""
        return SourceCapabilities("WAV file", seekable=True)

    def frames(self) -> Iterator[bytes]:
        """Every frame of it, the last filled up."""
        for at in range(0, len(self.data), FRAME):
            if self._closed:
                return
            yield self.data[at : at + FRAME].ljust(FRAME, b"\0")

    def close(self) -> None:
        """End `frames`."""
        self._closed = True


class FifoSource:
    """Raw samples from a FIFO (or any file) that another program writes: 16 kHz, mono, 16-bit little-endian.

    Args:
        path: The FIFO.
        patience: Seconds without a byte after which it counts as gone.

    Raises:
        UsageError: It can't be opened.
    """

    def __init__(self, path: Path, *, patience: float = 30.0) -> None:
        try:
            # Without O_NONBLOCK, opening waits until somebody writes, and could wait for ever.
            self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            raise UsageError(
                "The sound FIFO can't be opened.", os.strerror(error.errno or 0), code="no-file"
            ) from None
        self._fifo = stat.S_ISFIFO(os.fstat(self._fd).st_mode)
        self._patience = patience
        self._closed = False
        self._running = False
        self._heard = False

    @property
    def capabilities(self) -> SourceCapabilities:
        """It comes as it comes."""
        return SourceCapabilities("FIFO", live=True)

    def frames(self) -> Iterator[bytes]:
        """Frames until the writer closes, silence for `patience` seconds, or `close`.

        Raises:
            TelereadError: Nobody wrote for `patience` seconds.
        """
        held, waited = b"", 0.0
        self._running = True
        try:
            while not self._closed:
                ready = select.select([self._fd], [], [], LONGEST_WAIT)[0]
                got = self._read() if ready else None
                if got:
                    self._heard, waited = True, 0.0
                    held += got
                    while len(held) >= FRAME:
                        yield held[:FRAME]
                        held = held[FRAME:]
                elif got == b"" and (self._heard or not self._fifo):
                    break  # the writer closed its end
                else:
                    waited += self._idle(bool(ready))
                    if waited >= self._patience:
                        raise _gone()
            if held:
                yield held.ljust(FRAME, b"\0")
        finally:
            self._running, self._closed = False, True
            self._release()

    def _read(self) -> bytes | None:
        try:
            return os.read(self._fd, BYTES_A_SECOND)
        except BlockingIOError:
            return None

    def _idle(self, polled: bool) -> float:
        """A FIFO that no writer has opened yet reads as ended, at once: wait a little instead of spinning."""
        if polled:
            select.select([], [], [], LONGEST_WAIT)
        return LONGEST_WAIT

    def close(self) -> None:
        """End `frames` and let the FIFO go."""
        self._closed = True
        if not self._running:  # else whoever reads from it lets it go, within `LONGEST_WAIT`
            self._release()

    def _release(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):
                os.close(fd)


def _gone() -> TelereadError:
    return TelereadError(
        "The sound stopped coming.",
        "What was said before is kept.",
        "Check the microphone, then start dictation again.",
        code="source-gone",
    )
