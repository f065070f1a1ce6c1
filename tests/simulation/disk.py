"""A disk in memory under SQLite, whose power can be cut: what was not synced is lost, torn or out of order.

A VFS for apsw (the reference on reliability, section 3). One machine's files; a crash at any write or sync.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import apsw

__all__ = ["Disk"]

SECTOR = 512
_names = itertools.count(1)

Write = tuple[int, bytes] | int
"""Bytes at an offset, or a length the file is cut to."""


@dataclass
class Content:
    """One file: what a reader sees, what is on the platter, and what lies between."""

    now: bytearray = field(default_factory=bytearray)
    safe: bytearray = field(default_factory=bytearray)
    pending: list[Write] = field(default_factory=list)

    def do(self, write: Write) -> None:
        """A write, not yet safe."""
        _apply(self.now, write)
        self.pending.append(write)

    def sync(self) -> None:
        """All of it is safe."""
        for one in self.pending:
            _apply(self.safe, one)
        self.pending.clear()


def _apply(data: bytearray, write: Write) -> None:
    if isinstance(write, int):
        del data[write:]
        return
    at, piece = write
    if at > len(data):
        data.extend(bytes(at - len(data)))
    data[at : at + len(piece)] = piece


class Disk(apsw.VFS):
    """The disk of one machine; `name` is what a connection is opened with."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.name = f"sim-{next(_names)}"
        super().__init__(self.name)
        self.files = {path: Content(bytearray(data), bytearray(data)) for path, data in (files or {}).items()}
        self.crash_in: int | None = None
        """Writes and syncs until the machine dies; None: it does not."""
        self.dead = False
        self.full = False
        self.age = 0
        """Grows with every restart: handles of an earlier life touch nothing."""
        self.writes = 0
        self.opened: list[apsw.Connection] = []
        """Connections of this life, held so that none is closed by the garbage collector while it lasts."""

    def image(self) -> dict[str, bytes]:
        """What lies on the platter."""
        return {path: bytes(one.safe) for path, one in self.files.items()}

    def restart(self, dice: random.Random | None) -> None:
        """Come up again: after a power cut where `dice` is given, else after the process was killed."""
        for one in self.files.values():
            if dice is None:
                one.sync()
                continue
            # Unsynced writes reach the platter in any number and any order, each whole, torn or not at all.
            waiting = [one for one in one.pending if dice.random() < 0.5]
            dice.shuffle(waiting)
            for write in waiting:
                _apply(one.safe, _torn(write, dice))
            one.pending.clear()
            one.now = bytearray(one.safe)
        self.age += 1
        self.opened.clear()
        self.dead, self.full, self.crash_in = False, False, None

    def count(self) -> None:
        """One more write or sync; raises where the machine dies of it."""
        self.writes += 1
        if self.dead:
            raise apsw.IOError("the machine is down")
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in <= 0:
                self.dead = True
                raise apsw.IOError("the machine went down")

    # What SQLite calls

    def xFullPathname(self, name: str) -> str:
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:
        return pathname in self.files

    def xDelete(self, filename: str, syncdir: bool) -> None:
        # A log that stays is read again to the same end; and the connections of an earlier life, closed at
        # some time by the garbage collector, must not take the log of this one away.
        if not filename.endswith("-wal"):
            if not self.dead:
                self.count()
            self.files.pop(filename, None)

    def xOpen(self, name: object, flags: list[int]) -> Handle:  # type: ignore[override]
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        flags[1] = flags[0]
        return Handle(self, self.files.setdefault(path, Content()))


class Handle:
    """An open file."""

    def __init__(self, disk: Disk, content: Content) -> None:
        self._disk = disk
        self._content = content
        self._age = disk.age

    def _may(self) -> bool:
        return self._age == self._disk.age

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._content.now[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._may():
            self._disk.count()
            if self._disk.full and offset + len(data) > len(self._content.now):
                raise apsw.FullError("database or disk is full")
            self._content.do((offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        if self._may():
            self._disk.count()
            self._content.do(size)

    def xSync(self, flags: int) -> None:
        if self._may():
            self._disk.count()
            self._content.sync()

    def xFileSize(self) -> int:
        return len(self._content.now)

    def xLock(self, level: int) -> None:
        """Nobody else is on this disk."""

    def xUnlock(self, level: int) -> None:
        """Likewise."""

    def xCheckReservedLock(self) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return 0

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xClose(self) -> None:
        """Nothing to do."""


def _torn(write: Write, dice: random.Random) -> Write:
    if isinstance(write, int) or dice.random() < 0.5:
        return write
    at, data = write
    sectors = range(0, len(data), SECTOR)
    kept = dice.choice(sectors) + SECTOR if sectors else 0
    return at, data[:kept]
