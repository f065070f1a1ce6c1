"""Schema changes by number: forward only, one transaction each, and never from the future back."""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path
from typing import Final

from teleread.model.errors import TelereadError

from .connection import Connection

__all__ = ["BACKUP_SUFFIX", "backup", "migrate", "newest", "pending"]

BACKUP_SUFFIX: Final = ".before-migration"
"""Added to the name of reports.db for the copy that goes after the first good start."""


@cache
def _scripts(name: str) -> tuple[tuple[int, str], ...]:
    """The numbered scripts of a database (``reports`` or ``cache``), in order."""
    # Not importlib.resources: every command comes by here, and it costs more than the files do.
    folder = Path(__file__).parent / "sql" / name
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".sql")), key=lambda one: one.name)
    return tuple((int(one.name[:4]), one.read_text("utf-8")) for one in files)


def newest(name: str) -> int:
    """The schema number this teleread writes."""
    return _scripts(name)[-1][0]


def pending(connection: Connection, name: str) -> bool:
    """Whether the database is older than this teleread and holds something already.

    Raises:
        TelereadError: It is newer.
    """
    return 0 < _version(connection, name) < newest(name)


def migrate(connection: Connection, name: str) -> None:
    """Bring a database to the newest schema; a new one gets it whole.

    Args:
        connection: Its connection, outside a transaction.
        name: ``reports`` or ``cache``.

    Raises:
        TelereadError: It was written by a newer teleread.
    """
    if _version(connection, name) == newest(name):
        return
    for number, script in _scripts(name):
        connection.begin()
        try:
            # Read again inside: another process may have done this step while we waited.
            if _version(connection, name) < number:
                connection.executescript(script)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.commit()
        except BaseException:
            with contextlib.suppress(TelereadError):
                connection.rollback()
            raise


def backup(connection: Connection, key: bytes, target: Path) -> None:
    """Copy a database, sealed by the same key, before it is migrated."""
    target.unlink(missing_ok=True)
    row = connection.row("PRAGMA user_version")
    connection.execute("ATTACH DATABASE ? AS backup KEY ?", (str(target), f"x'{key.hex()}'"))
    try:
        connection.rows("SELECT sqlcipher_export('backup')")
        connection.execute(f"PRAGMA backup.user_version = {int(row[0]) if row else 0}")
    finally:
        connection.execute("DETACH DATABASE backup")


def _version(connection: Connection, name: str) -> int:
    row = connection.row("PRAGMA user_version")
    version = int(row[0]) if row else 0
    if version > newest(name):
        raise TelereadError(
            "This vault was written by a newer teleread.",
            f"Its {name} schema is {version}, this one knows {newest(name)}. Nothing was changed.",
            "Install the newer teleread again.",
            code="schema-too-new",
        )
    return version
