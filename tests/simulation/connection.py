"""The vault's `Connection` on a simulated disk: plain SQLite with the product's own pragmas and words."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw

from teleread.vault import connection as product
from teleread.vault.connection import Row, SqlValue
from tests.simulation.disk import Disk

__all__ = ["SimConnection", "SimCrash", "connector"]


class SimCrash(BaseException):
    """The machine is gone, in the middle of whatever it did. No handler of the product may stop it."""


def connector(disk: Disk, step: Callable[[], None]) -> Callable[[Path, bytes], SimConnection]:
    """How a vault opens its databases on that disk.

    Args:
        disk: Where they lie.
        step: Called before every storage call; may raise `SimCrash`.
    """
    return lambda path, key: SimConnection(disk, str(path), step)


class SimConnection:
    """One connection."""

    def __init__(self, disk: Disk, path: str, step: Callable[[], None]) -> None:
        self._disk = disk
        self._step = step
        self._age = disk.age
        with self._words():
            self._raw = apsw.Connection(path, vfs=disk.name)
            disk.opened.append(self._raw)
            # No shared memory through a VFS in Python.
            self._raw.execute("PRAGMA locking_mode = EXCLUSIVE")
            for pragma in product._PRAGMAS:
                self._raw.execute(f"PRAGMA {pragma}")

    @contextlib.contextmanager
    def _words(self) -> Any:
        try:
            if self._disk.dead or self._age != self._disk.age:
                raise SimCrash
            self._step()
            yield
        except apsw.Error as error:
            if self._disk.dead:
                raise SimCrash from None
            raise product._translated(error) from None

    @property
    def in_transaction(self) -> bool:
        return self._age == self._disk.age and not self._disk.dead and self._raw.in_transaction

    @property
    def total_changes(self) -> int:
        return self._raw.total_changes()

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        with self._words():
            self._raw.execute(sql, tuple(parameters)).fetchall()
            return self._raw.changes()

    def executemany(self, sql: str, rows: Iterable[Sequence[SqlValue]]) -> None:
        with self._words():
            self._raw.executemany(sql, [tuple(one) for one in rows])

    def executescript(self, sql: str) -> None:
        with self._words():
            self._raw.execute(sql)

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        with self._words():
            return list(self._raw.execute(sql, tuple(parameters)).fetchall())

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Row | None:
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        if self._age != self._disk.age:
            return
        try:
            self._raw.close(True)
        except apsw.Error as error:
            if self._disk.dead:
                raise SimCrash from None
            raise product._translated(error) from None
