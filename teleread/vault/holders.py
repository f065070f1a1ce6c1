"""Who writes: a random name for each window or command, alive as long as its OS lock is held."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from teleread.host.filelock import OsLock, held
from teleread.host.paths import make_private_folder

__all__ = ["Holders"]


class Holders:
    """The locks of those who may hold a draft.

    Args:
        folder: Where their lock files lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: dict[str, OsLock] = {}

    def join(self) -> str:
        """A fresh name, alive until `leave` or until this process ends."""
        make_private_folder(self._folder)
        self._sweep()
        name = os.urandom(8).hex()
        lock = OsLock(self._folder / name)
        lock.try_acquire()
        self._mine[name] = lock
        return name

    def alive(self, name: str) -> bool:
        """Whether whoever has that name still runs."""
        return name in self._mine or (name.isalnum() and held(self._folder / name))

    def others(self) -> bool:
        """Whether anybody besides this process is alive."""
        if not self._folder.is_dir():
            return False
        return any(held(one) for one in self._folder.iterdir() if one.name not in self._mine)

    def leave(self) -> None:
        """Give back every name of this process."""
        for name, lock in self._mine.items():
            lock.release()
            with contextlib.suppress(OSError):
                (self._folder / name).unlink()
        self._mine.clear()

    def _sweep(self) -> None:
        for path in self._folder.iterdir():
            if path.name not in self._mine and not held(path):
                with contextlib.suppress(OSError):
                    path.unlink()
