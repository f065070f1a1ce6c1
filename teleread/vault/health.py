"""Whether the vault is sound: what `doctor` asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .database import Database

if TYPE_CHECKING:
    from .vault import Vault

__all__ = ["problems"]


def problems(vault: Vault) -> tuple[str, ...]:
    """What is wrong, in words; nothing when all is well. Reads everything, so it may take a while."""
    found: list[str] = []
    for name, database in (("reports", vault.reports_database), ("cache", vault.cache_database)):
        found += [f"The {name} database: {what}" for what in _problems_of(database)]
    verdict = vault.audit.verify()
    if not verdict.valid:
        found.append(f"The audit trail holds only up to row {verdict.rows}.")
    if not vault.ballast.is_kept:
        found.append("The room kept for signing on a full disk is missing.")
    return tuple(found)


def _problems_of(database: Database) -> list[str]:
    found = [str(row[0]) for row in database.connection.rows("PRAGMA cipher_integrity_check")]
    found += [str(row[0]) for row in database.connection.rows("PRAGMA quick_check") if row[0] != "ok"]
    return found
