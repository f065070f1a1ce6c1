"""Ends: a hub removed, a profile wiped. Keys go first, since without them the rest is noise."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from teleread.host.filelock import OsLock
from teleread.host.paths import sync_folder
from teleread.model.delivery import OutboxItem
from teleread.model.errors import AttentionError, LockedError, TelereadError

from .connection import Connection
from .secrets import SecretStore

if TYPE_CHECKING:
    from .vault import Vault

__all__ = ["PurgeReceipt", "PurgedReport", "finish_removals", "remove_hub", "wipe"]

_REMOVING: Final = "removing:"
"""meta key prefix of a hub whose rows in reports.db are gone and whose cache may not be yet."""

_ENGINE_SECONDS: Final = 10.0
"""How long a wipe waits for the engine to stop."""

_UNSAID: Final = {"report": "signed report", "alert": "alert", "note": "note"}
"""Kinds of outbox item that would be lost with a vault, in words."""
_HUB_TABLES: Final = (
    *("hub_secret", "study_key", "draft", "report", "report_text", "outbox", "claim"),
    "picture_mark",
)
"""Tables of reports.db whose rows go with their hub; audit trail and ledger stay, they hold no names."""


@dataclass(frozen=True, slots=True)
class PurgedReport:
    """A signed report that went."""

    report_id: str
    version: int
    sha256: str
    delivered: bool
    """Whether the hub had given its receipt."""


@dataclass(frozen=True, slots=True)
class PurgeReceipt:
    """Proof of what was destroyed, without a name in it."""

    hub_id: str
    """The hub; empty for a whole profile."""
    at: datetime
    studies: int
    """Studies whose keys were destroyed."""
    tasks: int
    """Lines of the worklist."""
    drafts: int
    """Drafts, open ones and others."""
    reports: tuple[PurgedReport, ...]
    audit_head: str
    """The audit trail's last link, which covers the act itself."""


def remove_hub(vault: Vault, hub_id: str) -> PurgeReceipt:
    """Shred everything of a hub.

    Raises:
        AttentionError: ``undelivered``: reports, alerts or notes wait to be delivered there; ``legal-hold``.
    """
    with vault.transaction() as connection:
        _refuse_undelivered(_unsaid(vault, hub_id), None)
        _refuse_held(vault, hub_id)
        studies = vault.study_keys.studies_of(hub_id)
        receipt = _counted(vault, connection, hub_id, len(studies))
        for study_uid in studies:
            vault.copies.purged(hub_id, study_uid, "hub-removed")
        for table in _HUB_TABLES:
            connection.execute(f"DELETE FROM {table} WHERE hub_id = ?", (hub_id,))
        connection.execute("INSERT INTO meta VALUES (?, '1') ON CONFLICT DO NOTHING", (_REMOVING + hub_id,))
        vault.audit.append(
            "hub-removed",
            hub_id=hub_id,
            detail={
                "studies": receipt.studies,
                "drafts": receipt.drafts,
                "reports": [[one.report_id, one.version, one.sha256] for one in receipt.reports],
            },
        )
    finish_removals(vault)
    return PurgeReceipt(
        hub_id,
        receipt.at,
        receipt.studies,
        receipt.tasks,
        receipt.drafts,
        receipt.reports,
        vault.audit.verify().head,
    )


def finish_removals(vault: Vault) -> None:
    """Do what a removal that was cut off left undone."""
    reports, cache = vault.reports_database, vault.cache_database
    rows = reports.connection.rows("SELECT key FROM meta WHERE key LIKE ?", (_REMOVING + "%",))
    for row in rows:
        hub_id = str(row[0]).removeprefix(_REMOVING)
        reports.checkpoint()
        vault.worklist.drop_hub(hub_id)
        vault.prior_reports.drop_hub(hub_id)
        vault.wishes.drop_hub(hub_id)
        found = cache.connection.rows(
            "SELECT study_uid FROM study WHERE hub_id = ?"
            " UNION SELECT study_uid FROM segment WHERE hub_id = ?",
            (hub_id, hub_id),
        )
        for study in found:
            vault.objects.shred(hub_id, str(study[0]), "hub-removed")
        with reports.transaction() as connection:
            connection.execute("DELETE FROM meta WHERE key = ?", (row[0],))
        cache.checkpoint()
        reports.checkpoint()


def wipe(vault: Vault, *, discard_undelivered: int | None, secrets: SecretStore | None) -> PurgeReceipt:
    """Destroy a profile's vault; the vault is closed afterwards.

    Args:
        vault: It, open.
        discard_undelivered: The exact number of reports, alerts and notes that may be lost; None for none.
        secrets: The keyring, where it holds an entry.

    Raises:
        AttentionError: ``undelivered``: something waits, and that is not its number; ``legal-hold``.
        TelereadError: ``engine-running``: the engine does not stop.
    """
    waiting = _unsaid(vault)
    _refuse_undelivered(waiting, discard_undelivered)
    _refuse_held(vault, None)
    lock = _stopped_engine(vault)
    try:
        # Counted again under the lock: nothing can be signed or delivered between this and the end.
        with vault.transaction() as connection:
            _refuse_undelivered(_unsaid(vault), discard_undelivered)
            keys = connection.row("SELECT count(*) FROM study_key")
            receipt = _counted(vault, connection, "", int(keys[0]) if keys else 0)
        vault.close()
        if secrets is not None:
            with contextlib.suppress(LockedError):  # without keys.json its entry opens nothing
                secrets.delete(vault.profile_id)
        vault.paths.keys.unlink(missing_ok=True)
        sync_folder(vault.paths.data)
    finally:
        lock.release()
    for folder in (vault.paths.data, vault.paths.logs):
        shutil.rmtree(folder, ignore_errors=True)
    return receipt


def _stopped_engine(vault: Vault) -> OsLock:
    lock = OsLock(vault.paths.engine_lock)
    if not lock.try_acquire():
        vault.requests.put("stop")
        if not lock.acquire(_ENGINE_SECONDS):
            raise TelereadError(
                "The engine is still running.",
                "Nothing was destroyed.",
                "Stop it, then try again.",
                code="engine-running",
            )
    return lock


def _unsaid(vault: Vault, hub_id: str | None = None) -> tuple[OutboxItem, ...]:
    """What nobody but this vault knows: signed, told or noted, neither delivered nor closed."""
    return tuple(
        one
        for one in vault.outbox.open()
        if one.kind in _UNSAID and (hub_id is None or one.key.hub_id == hub_id)
    )


def _refuse_undelivered(waiting: tuple[OutboxItem, ...], allowed: int | None) -> None:
    if len(waiting) != (allowed or 0):
        said = [
            f"{count} {words}{'s' * (count != 1)}"
            for kind, words in _UNSAID.items()
            if (count := sum(one.kind == kind for one in waiting))
        ]
        raise AttentionError(
            f"Not delivered yet: {', '.join(said)}." if said else "Everything is delivered; nothing waits.",
            "Nothing was removed.",
            "Deliver them with `teleread sync`, or settle them in the outbox.",
            code="undelivered",
        )


def _refuse_held(vault: Vault, hub_id: str | None) -> None:
    count = len(vault.holds.list(hub_id))
    if count:
        raise AttentionError(
            f"{count} stud{'y is' if count == 1 else 'ies are'} under legal hold.",
            "Nothing was removed.",
            "teleread cache holds lists them; teleread cache release ends a hold.",
            code="legal-hold",
        )


def _counted(vault: Vault, connection: Connection, hub_id: str, studies: int) -> PurgeReceipt:
    where, values = (" WHERE hub_id = ?", (hub_id,)) if hub_id else ("", ())
    rows = connection.rows(
        f"SELECT report_id, version, sha256, state = 'issued' FROM report{where} ORDER BY rowid", values
    )
    drafts = connection.row(f"SELECT count(*) FROM draft{where}", values)
    return PurgeReceipt(
        hub_id=hub_id,
        at=vault.clock.now(),
        studies=studies,
        tasks=vault.worklist.count(hub_id or None),
        drafts=int(drafts[0]) if drafts else 0,
        reports=tuple(PurgedReport(row[0], int(row[1]), row[2], bool(row[3])) for row in rows),
        audit_head=vault.audit.verify().head,
    )
