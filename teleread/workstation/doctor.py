"""Health of this machine, its vault and its hubs; every finding with its remedy."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from teleread.host.paths import ProfilePaths
from teleread.model.errors import TelereadError, UsageError
from teleread.model.hubfile import HubFile

from .core import Core
from .sites import Sites

__all__ = ["Checked", "hubs", "machine", "vault"]

ROOM: Final = 2 << 30
"""Bytes free below which a study may not fit."""
SKEW: Final = 300.0
"""Seconds between a hub's clock and ours that warn at signing (the design, section 4)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing looked at."""

    check: str
    ok: bool
    detail: str
    remedy: str = ""
    """What to do; empty where all is well."""


def machine(paths: ProfilePaths) -> Iterator[Checked]:
    """What can be looked at without a key."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Checked("python", sys.version_info >= (3, 11), f"Python {version}.")
    yield _cipher()
    yield _keyring()
    free = shutil.disk_usage(_nearest(paths.data)).free
    yield Checked(
        "disk",
        free >= ROOM,
        f"{free / (1 << 30):.0f} GiB free.",
        "" if free >= ROOM else "Free some space, or teleread cache purge studies that are read.",
    )
    yield _private(paths.data)
    yield _microphone()
    size = shutil.get_terminal_size()
    wide = size.columns >= 80 and size.lines >= 24
    yield Checked(
        "terminal",
        wide,
        f"{size.columns}x{size.lines}, {os.environ.get('COLORTERM') or os.environ.get('TERM') or 'unknown'}.",
        "" if wide else "The reading desk needs 80x24 to be comfortable, 60x15 to work.",
    )


def _cipher() -> Checked:
    try:
        from typing import Any

        import sqlcipher3.dbapi2

        dbapi2: Any = sqlcipher3.dbapi2
    except ImportError:
        return Checked("cipher", False, "The encrypted database is missing.", "Install sqlcipher3.")
    connection = dbapi2.connect(":memory:")
    try:
        found = connection.execute("PRAGMA cipher_version").fetchone()
    finally:
        connection.close()
    good = bool(found) and dbapi2.sqlite_version_info >= (3, 51, 3)
    detail = f"SQLCipher {found[0] if found else 'none'}, SQLite {dbapi2.sqlite_version}."
    return Checked(
        "cipher", good, detail, "" if good else "Install sqlcipher3 0.6.4 or later, nothing beside it."
    )


def _keyring() -> Checked:
    from teleread.vault.secrets import KeyringSecrets

    try:
        KeyringSecrets(wait=5.0).get("doctor")
    except TelereadError as error:
        # No keyring is a way to live, not a fault: the passphrase opens the vault as well.
        return Checked("keyring", True, f"{error.title} The passphrase is used.")
    return Checked("keyring", True, "The system keyring answers.")


def _private(folder: Path) -> Checked:
    if sys.platform == "win32" or not folder.exists():
        return Checked("permissions", True, "Nothing to see.")
    mode = folder.stat().st_mode & 0o077
    return Checked(
        "permissions",
        mode == 0,
        "The vault's folder is yours alone." if mode == 0 else "Others can look into the vault's folder.",
        "" if mode == 0 else "chmod 700 it.",
    )


def _microphone() -> Checked:
    """How sound would come in; no way to one is no fault, dictation is an extra."""
    from . import dictation

    if not dictation.installed():
        return Checked("dictation", True, "Not installed: pip install 'teleread[dictation]' adds it.")
    from teleread.dictation.capture import found_sources

    found = found_sources()
    if not found:
        return Checked(
            "dictation", True, "No way to a microphone: install pulseaudio-utils, pipewire-bin or alsa-utils."
        )
    words = f"The microphone comes by {found[0]}; teleread doctor --microphone tries it, g v on the desk."
    return Checked("dictation", True, words)


def _nearest(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def vault(core: Core) -> Iterator[Checked]:
    """The databases and the audit trail."""
    connection = core.vault.reports_database.connection
    good = connection.rows("PRAGMA quick_check") == [("ok",)]
    journal = str((connection.row("PRAGMA journal_mode") or ("",))[0])
    yield Checked(
        "vault",
        good and journal == "wal",
        f"Databases {'whole' if good else 'damaged'}, journal {journal}.",
        "" if good else "Copy the vault's folder away before anything else.",
    )
    verdict = core.vault.audit.verify()
    yield Checked(
        "audit",
        verdict.valid,
        f"{verdict.rows} rows{' in one chain' if verdict.valid else ', the chain is broken'}.",
        "" if verdict.valid else "Work stops; call support. Drafts are safe.",
    )


def hubs(core: Core) -> Iterator[Checked]:
    """Every hub and its archives, asked now unless offline."""
    if core.offline:
        return
    sites = Sites(core)
    try:
        for file in core.hubs:
            yield from _hub(sites, file)
            yield from _archives(sites, file)
    finally:
        sites.close()


def _hub(sites: Sites, file: HubFile) -> Iterator[Checked]:
    try:
        seen = sites.hub(file.hub_id).health()
    except TelereadError as error:
        yield Checked(f"hub {file.name}", False, error.title, error.remedy)
        return
    yield Checked(f"hub {file.name}", True, f"{seen.software or 'answers'}, {seen.milliseconds:.0f} ms.")
    if seen.offset_seconds is not None:
        near = abs(seen.offset_seconds) <= SKEW
        yield Checked(
            f"clock {file.name}",
            near,
            f"{seen.offset_seconds:+.1f} s from the hub's.",
            "" if near else "Set this machine's clock; signatures carry its time.",
        )


def _archives(sites: Sites, file: HubFile) -> Iterator[Checked]:
    try:
        archives = sites.archives(file.hub_id)
    except UsageError:
        yield Checked(
            f"archive {file.name}", False, "No archive is configured.", "Give one with teleread init."
        )
        return
    except TelereadError as error:
        yield Checked(f"archive {file.name}", False, error.title, error.remedy)
        return
    for one in archives:
        name = f"archive {file.name} {one.capabilities.via}"
        try:
            yield Checked(name, True, f"Answers, {one.echo():.0f} ms.")
        except TelereadError as error:
            yield Checked(name, False, error.title, error.remedy)
