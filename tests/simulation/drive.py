"""A shared drive: one folder, mounted by each machine, that goes away, fills up, and shows what was."""

from __future__ import annotations

import contextlib
import errno
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

from teleread.hub import folder, folder_claims, folder_reports
from tests.simulation.connection import SimCrash

if TYPE_CHECKING:
    from tests.simulation.folder_site import FolderSite

__all__ = ["MOUNTS", "Mount", "drives", "written"]

READS: Final = ("drive gone", "drive stale", "drive die")
WRITES: Final = ("drive gone", "drive full", "drive lost", "drive die", "drive die-done")
OLD: Final = 60.0
"""How long a listing may leave out what is new, seconds."""
MOUNTS: Final[dict[str, Mount]] = {}
"""By the path each machine has it under."""


@dataclass
class Mount:
    """The drive as one machine has it."""

    site: FolderSite
    dice: random.Random
    counts: Counter[str]
    up: bool = True
    chance: float = 0.0
    expired: bool = False
    """It may only be read."""

    def fault(self, kinds: tuple[str, ...], weight: float) -> str:
        """What happens to the next access; there are far more reads than writes."""
        if not self.up:
            raise OSError(errno.EIO, "the drive is gone")
        drawn = self.dice.choice(kinds) if self.dice.random() < weight * self.chance else ""
        if drawn:
            self.counts[drawn] += 1
        if drawn == "drive gone":
            raise OSError(errno.EIO, "the drive is gone")
        return drawn

    def writing(self) -> str:
        """The same of a write."""
        if self.expired:
            raise PermissionError(errno.EACCES, "read only")
        return self.fault(WRITES, 2.0)


def _mount(path: Any) -> Mount:
    return next(one for root, one in MOUNTS.items() if str(path).startswith(root + os.sep))


def written(path: Path, data: bytes, at: float) -> None:
    """A file at a simulated time."""
    path.write_bytes(data)
    os.utime(path, (at, at))


def _make_new(path: Path, data: bytes) -> bool:
    """Stands for `teleread.hub.folder_claims.make_new`: a new name once, its content perhaps in part."""
    mount = _mount(path)
    fault, now = mount.writing(), mount.site.now.timestamp()
    if path.exists():
        return False
    if fault in {"drive full", "drive die"}:
        written(path, data[: len(data) // 2], now)
        raise SimCrash if fault == "drive die" else OSError(errno.ENOSPC, "full")
    written(path, data, now)
    _after(fault)
    return True


def _atomic_write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Stands for `teleread.host.paths.atomic_write`: whole or not at all."""
    mount = _mount(path)
    fault = mount.writing()
    if fault == "drive die":
        raise SimCrash
    if fault == "drive full":
        raise OSError(errno.ENOSPC, "full")
    written(path, data, mount.site.now.timestamp())
    _after(fault)


def _after(fault: str) -> None:
    if fault == "drive die-done":
        raise SimCrash
    if fault == "drive lost":
        raise OSError(errno.EIO, "the drive is gone")


class _Os:
    """The module `os`, with the drive's listings."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    @staticmethod
    def scandir(path: Any) -> list[os.DirEntry[str]]:
        """What is there; on a bad day without what is new."""
        mount = _mount(path)
        fault = mount.fault(READS, 0.15)
        if fault == "drive die":
            raise SimCrash
        found = sorted(os.scandir(path), key=lambda one: one.name)
        if fault == "drive stale":
            mount.site.blind = True
            before = mount.site.now.timestamp() - OLD
            found = [one for one in found if one.stat().st_mtime < before]
        return found


@contextlib.contextmanager
def drives() -> Iterator[None]:
    """The product's folders are on such drives."""
    MOUNTS.clear()
    with contextlib.ExitStack() as patches:
        for module in (folder, folder_claims, folder_reports):
            patches.enter_context(mock.patch.object(module, "os", _Os()))
            patches.enter_context(mock.patch.object(module, "make_new", _make_new))
        patches.enter_context(mock.patch.object(folder_reports, "atomic_write", _atomic_write))
        yield
