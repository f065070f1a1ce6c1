"""One database: a connection for each thread, and the transaction as the unit of work."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from teleread.model.errors import LockedError, TelereadError

from .connection import Connection, Connector, open_encrypted

__all__ = ["Database"]


class Database:
    """One sealed file, usable from several threads.

    Args:
        path: The file.
        key: Its 32 bytes.
        connect: How a connection is opened.
    """

    def __init__(self, path: Path, key: bytes, connect: Connector = open_encrypted) -> None:
        self.path = path
        self._key: bytes | None = key
        self._connect = connect
        self._local = threading.local()
        self._guard = threading.Lock()
        self._open: list[tuple[threading.Thread, Connection]] = []

    @property
    def connection(self) -> Connection:
        """This thread's connection.

        Raises:
            LockedError: The database was closed.
        """
        held: Connection | None = getattr(self._local, "connection", None)
        if held is not None and self._key is not None:
            return held
        with self._guard:
            if self._key is None:
                raise LockedError(
                    "The vault is locked.", remedy="Unlock it and try again.", code="vault-closed"
                )
            self._close_of_ended_threads()
            fresh = self._connect(self.path, self._key)
            self._open.append((threading.current_thread(), fresh))
        self._local.connection = fresh
        return fresh

    def _close_of_ended_threads(self) -> None:
        for thread, connection in [pair for pair in self._open if not pair[0].is_alive()]:
            connection.close()
            self._open.remove((thread, connection))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing: durable at the end of the block, undone when it raises.

        Raises:
            TelereadError: This thread is in a transaction already, or the disk is full.
        """
        connection = self.connection
        if connection.in_transaction:
            raise TelereadError("A transaction was begun inside another one.", code="transaction-nested")
        connection.begin()
        try:
            yield connection
            connection.commit()
        except BaseException:
            with contextlib.suppress(TelereadError):  # the first error is the one to tell
                connection.rollback()
            raise

    @contextlib.contextmanager
    def joined(self) -> Iterator[Connection]:
        """The transaction this thread is in, or one of its own."""
        connection = self.connection
        if connection.in_transaction:
            yield connection
        else:
            with self.transaction():
                yield connection

    def version(self) -> int:
        """A number that grows whenever anyone, this thread too, has changed the database."""
        connection = self.connection
        row = connection.row("PRAGMA data_version")
        return (int(row[0]) if row else 0) + connection.total_changes

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the file and empty it.

        Returns:
            Whether it could; a reader in another process may hold it back.
        """
        row = self.connection.row("PRAGMA wal_checkpoint(TRUNCATE)")
        return row is not None and row[0] == 0

    def close(self) -> None:
        """Close every thread's connection and forget the key."""
        with self._guard:
            self._key = None
            for _, connection in self._open:
                connection.close()
            self._open.clear()
