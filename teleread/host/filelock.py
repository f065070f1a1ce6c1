"""A lock the operating system keeps: gone with its process, however that ends. Never a pid file."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from teleread.model.errors import TelereadError

__all__ = ["OsLock", "held"]


class OsLock:
    """An exclusive lock on a file of its own.

    Args:
        path: The lock's file; made when missing, never removed, its content means nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds it."""
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take it if it is free.

        Returns:
            Whether this object holds it now.
        """
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _lock(descriptor):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def acquire(self, seconds: float) -> bool:
        """Take it, waiting a while for whoever has it.

        Args:
            seconds: How long to wait at most.
        """
        end = time.monotonic() + seconds
        while not self.try_acquire():
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        return True

    def release(self) -> None:
        """Give it back; harmless when not held."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            _unlock(descriptor)
            os.close(descriptor)

    def __enter__(self) -> Self:
        # A probe by `held` takes the lock for an instant, so one failed try proves nothing.
        if not self.acquire(0.5):
            raise TelereadError(
                "Another teleread holds this lock.", remedy="Wait for it to end.", code="lock-held"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def held(path: Path) -> bool:
    """Whether some process holds the lock on this file at this moment."""
    if not path.exists():
        return False
    probe = OsLock(path)
    free = probe.try_acquire()
    probe.release()
    return not free


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _unlock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_UN)
