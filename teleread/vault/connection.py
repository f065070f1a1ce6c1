"""The connection port, and SQLCipher behind it: the one file that knows the database library.

Raises only errors of `teleread.model.errors`; nothing above it meets an SQLite error.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from teleread.model.errors import IntegrityError, LockedError, OfflineError, TelereadError

__all__ = ["Connection", "Connector", "Row", "SqlValue", "open_encrypted"]

SqlValue = str | int | float | bytes | None
"""What a column holds."""

Row = tuple[Any, ...]
"""One row as read; each store gives its columns their types."""

BUSY_SECONDS: Final = 5.0
"""How long a writer waits for another one."""

_PLAIN_HEADER: Final = b"SQLite format 3\x00"
_OLDEST: Final = (3, 51, 3)
"""The first SQLite without the WAL-reset bug."""

_PRAGMAS: Final = (
    "busy_timeout = 5000",
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    "secure_delete = ON",
    "foreign_keys = ON",
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "temp_store = MEMORY",
    "mmap_size = 0",
)


class Connection(Protocol):
    """One thread's way to one database."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    @property
    def total_changes(self) -> int:
        """Rows this connection has changed since it opened."""
        ...

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run one statement; answers the number of rows it changed."""
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[SqlValue]]) -> None:
        """Run one statement for each of the rows."""
        ...

    def executescript(self, sql: str) -> None:
        """Run several statements, parted by semicolons, in the transaction that is open."""
        ...

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        """Every row of a query."""
        ...

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Row | None:
        """The first row of a query, or None."""
        ...

    def begin(self) -> None:
        """Open a transaction that writes, waiting for another writer at most `BUSY_SECONDS`."""
        ...

    def commit(self) -> None:
        """Make the transaction durable."""
        ...

    def rollback(self) -> None:
        """Undo the transaction; harmless when there is none."""
        ...

    def close(self) -> None:
        """Close it; harmless twice."""
        ...


Connector = Callable[[Path, bytes], Connection]
"""Opens a database; tests put one that fails or crashes in its place."""

_seen_headers: set[tuple[str, int]] = set()
"""Files whose header this process has checked: opening one again by hand would drop SQLite's POSIX locks."""
_seen_guard = threading.Lock()


def open_encrypted(path: Path, key: bytes, *, readonly: bool = False) -> Connection:
    """Open (or make) a sealed database.

    Args:
        path: The file.
        key: 32 bytes, used as they are.
        readonly: Refuse to write.

    Raises:
        IntegrityError: The file is plain SQLite, or the library does not encrypt.
        LockedError: The key does not fit (or the file's first page is damaged).
        TelereadError: The library is too old, or the file can't be opened.
    """
    dbapi2 = _library()
    if len(key) != 32:
        raise ValueError("a database key has 32 bytes")
    if dbapi2.sqlite_version_info < _OLDEST:
        raise TelereadError(
            "The database library is too old to be trusted with reports.",
            remedy="Install sqlcipher3 0.6.4 or later.",
            code="sqlite-too-old",
        )
    _refuse_plain(path)
    try:
        raw: Any = dbapi2.connect(
            str(path),
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
    except dbapi2.Error as error:
        raise _translated(error) from None
    try:
        _prepare(raw, key, readonly)
    except dbapi2.Error as error:
        raw.close()
        raise _translated(error) from None
    except TelereadError:
        raw.close()
        raise
    _remember(path)
    return _Sealed(raw, dbapi2.Error)


def _library() -> Any:
    """The database library, loaded when first needed; it has no types."""
    from sqlcipher3 import dbapi2

    return dbapi2


def _prepare(raw: Any, key: bytes, readonly: bool) -> None:
    """Key the connection, prove that it encrypts and that the key fits, and set what holds for it."""
    # Without this a wrong key writes lines to stderr, over the screen.
    raw.execute("PRAGMA cipher_log_level = NONE")
    raw.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    if not raw.execute("PRAGMA cipher_version").fetchone():
        raise IntegrityError(
            "The database library does not encrypt.",
            "Nothing was written.",
            "Install sqlcipher3, and no other package of that module name.",
            code="no-cipher",
        )
    try:
        raw.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except _library().DatabaseError as error:
        if "not a database" in str(error):
            raise _wrong_key() from None
        raise
    for pragma in _PRAGMAS:
        raw.execute(f"PRAGMA {pragma}")
    if readonly:
        raw.execute("PRAGMA query_only = ON")


def _wrong_key() -> LockedError:
    return LockedError(
        "The key does not open the vault's database.",
        "Nothing was changed.",
        "The file may come from another profile, or be damaged: put back a backup of the whole folder.",
        code="wrong-key",
    )


def _refuse_plain(path: Path) -> None:
    """Look at the first 16 bytes, once a process and file, before its first connection opens."""
    with _seen_guard:
        try:
            mark = (str(path), path.stat().st_ino)
        except FileNotFoundError:
            # SQLite would make it readable for everybody; the files beside it get the same rights.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            return
        if mark in _seen_headers:
            return
        with path.open("rb") as file:
            header = file.read(16)
        if header == _PLAIN_HEADER:
            raise IntegrityError(
                "A database of the vault lies on the disk in plain text.",
                "It was not opened.",
                "Move the file away; teleread never writes one like it.",
                code="plain-database",
            )
        _seen_headers.add(mark)


def _remember(path: Path) -> None:
    """A file this process has just made is not read by hand either."""
    with _seen_guard:
        _seen_headers.add((str(path), path.stat().st_ino))


class _Sealed:
    """SQLCipher's connection, with its errors in our words."""

    def __init__(self, raw: Any, errors: type[Exception]) -> None:
        self._raw = raw
        self._errors = errors
        self._closed = False

    @property
    def in_transaction(self) -> bool:
        return not self._closed and bool(self._raw.in_transaction)

    @property
    def total_changes(self) -> int:
        return int(self._raw.total_changes)

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        try:
            return int(self._raw.execute(sql, parameters).rowcount)
        except self._errors as error:
            raise _translated(error) from None

    def executemany(self, sql: str, rows: Iterable[Sequence[SqlValue]]) -> None:
        try:
            self._raw.executemany(sql, rows)
        except self._errors as error:
            raise _translated(error) from None

    def executescript(self, sql: str) -> None:
        # The library's own executescript commits first, which would split a migration.
        for statement in _statements(sql):
            self.execute(statement)

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        try:
            return list(self._raw.execute(sql, parameters).fetchall())
        except self._errors as error:
            raise _translated(error) from None

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
        if not self._closed:
            self._closed = True
            self._raw.close()


def _statements(script: str) -> list[str]:
    dbapi2 = _library()
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if line.rstrip().endswith(";") and dbapi2.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    if pending.strip():
        raise ValueError("a statement of a migration lacks its semicolon")
    return found


def _disk_full() -> TelereadError:
    return TelereadError(
        "The disk is full or could not be written.",
        "Everything saved before is safe; the last change was not saved.",
        "Free some space and try again.",
        code="disk-full",
        retryable=True,
    )


def _busy() -> OfflineError:
    return OfflineError(
        "Another teleread kept the vault busy for too long.",
        "Nothing was lost or changed.",
        "Try again.",
        code="vault-busy",
    )


def _damaged() -> IntegrityError:
    return IntegrityError(
        "A database of the vault is damaged.",
        "It was not changed.",
        "Copy the vault's folder away before anything else, then run `teleread doctor`.",
        code="vault-damaged",
    )


def _closed() -> LockedError:
    return LockedError("The vault is locked.", remedy="Unlock it and try again.", code="vault-closed")


_WORDS: Final[tuple[tuple[str, Callable[[], TelereadError]], ...]] = (
    ("database or disk is full", _disk_full),
    ("disk i/o error", _disk_full),
    ("database is locked", _busy),
    ("database table is locked", _busy),
    ("malformed", _damaged),
    ("not a database", _damaged),
    ("hmac", _damaged),
    ("closed database", _closed),
)


def _translated(error: Exception) -> TelereadError:
    words = str(error).lower()
    for mark, make in _WORDS:
        if mark in words:
            return make()
    if "append-only" in words:
        return IntegrityError("A row that may never change was to be changed.", code="append-only")
    if "unable to open" in words:
        return TelereadError(
            "The vault's database could not be opened.",
            remedy="Check that its folder is there and yours.",
            code="vault-unreadable",
        )
    # The library's words name tables and columns, never values.
    return TelereadError(
        "The vault refused a change.", f"({error})", "Nothing was changed.", code="vault-refused"
    )
