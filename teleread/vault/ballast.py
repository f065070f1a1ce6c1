"""Room kept on the disk, so that a report can be signed when nothing else fits any more."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from teleread.host.paths import sync_folder

__all__ = ["BALLAST_BYTES", "Ballast"]

BALLAST_BYTES: Final = 64 * 1024 * 1024
_PIECE: Final = bytes(1024 * 1024)


class Ballast:
    """The file that keeps the room.

    Args:
        path: Where.
        size: Bytes.
    """

    def __init__(self, path: Path, size: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size = size

    @property
    def is_kept(self) -> bool:
        """Whether the room is there now."""
        with contextlib.suppress(OSError):
            return self._path.stat().st_size >= self._size
        return False

    def release(self) -> bool:
        """Give the room free; answers whether there was any."""
        try:
            self._path.unlink()
            sync_folder(self._path.parent)
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Take the room again, if the disk has it; answers whether it is there."""
        if self.is_kept:
            return True
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                self._fill(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            self.release()
            return False
        return True

    def _fill(self, descriptor: int) -> None:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, self._size)
            return
        for _ in range(self._size // len(_PIECE)):
            os.write(descriptor, _PIECE)
