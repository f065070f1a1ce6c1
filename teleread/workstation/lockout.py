"""Locking a profile, and opening a locked window again."""

from __future__ import annotations

from teleread.host.paths import ProfilePaths
from teleread.vault.lockmark import put_mark, read_mark
from teleread.vault.secrets import KeyringSecrets
from teleread.vault.unlock import typed
from teleread.vault.vault import Vault

from .core import Core

__all__ = ["is_locked", "lock", "unlock"]


def lock(paths: ProfilePaths) -> None:
    """Lock every window of the profile; the engine goes on. Needs no key."""
    put_mark(paths)


def is_locked(core: Core) -> bool:
    """Whether this window has to lock, or has."""
    return not core.vault.is_open or core.vault.locked_elsewhere or read_mark(core.paths).locked


def unlock(core: Core, secret: str) -> None:
    """Open a locked window by passphrase or PIN, never by the keyring alone.

    Raises:
        LockedError: It is neither; says how many tries are left.
    """
    found = typed(core.paths, secret, secrets=KeyringSecrets())
    fresh = Vault.open(core.paths, found, clock=core.clock)
    if core.vault.is_open:
        core.vault.close()
    core.replace_vault(fresh, secret if found.how == "passphrase" else "")
