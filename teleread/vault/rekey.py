"""Changing one way in: passphrase, PIN, recovery code, keyring. The master key stays as it is."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from teleread.model.errors import LockedError, UsageError

from .keys import KeyFile
from .seal import Kdf
from .secrets import SecretStore

if TYPE_CHECKING:
    from .vault import Vault

__all__ = ["new_recovery", "set_keyring", "set_passphrase", "set_pin"]


def set_passphrase(
    vault: Vault, passphrase: str | None, *, unwrap_key: bytes | None, kdf: Kdf | None = None
) -> None:
    """Set another passphrase, or take that way away.

    Args:
        vault: It, open.
        passphrase: The new one; None for none.
        unwrap_key: From ``vault.pin.check``; needed where signatures ask for the passphrase, else the new one
            does not stand in for a blocked PIN.
        kdf: What a guess costs.

    Raises:
        LockedError: The signing key hangs on the old passphrase and `unwrap_key` is missing.
        UsageError: It is empty, or the only way in besides the recovery code.
    """
    keys = KeyFile.load(vault.paths.keys)
    if passphrase is None:
        if "keyring" not in keys.ways:
            raise UsageError("The passphrase is the only way in.", "It was kept.", code="last-way")
        keys = keys.without("passphrase")
    elif not passphrase:
        raise UsageError("An empty passphrase protects nothing.", code="passphrase-empty")
    else:
        keys = keys.with_passphrase(vault.master_handoff(), passphrase, kdf)
    with vault.transaction():
        vault.pin.set_passphrase(passphrase, unwrap_key)
        vault.audit.append("key-changed", detail={"way": "passphrase", "set": passphrase is not None})
    keys.save(vault.paths.keys)


def set_pin(vault: Vault, pin: str | None, *, unwrap_key: bytes | None) -> bytes:
    """Set another PIN, or take it away.

    Args:
        vault: It, open.
        pin: The new one; None for none.
        unwrap_key: From ``vault.pin.check`` with the old one. Without it (after a recovery) the signing key
            is lost with the old PIN: make a new one under the key this answers with.

    Returns:
        The key that opens the signing key.
    """
    with vault.transaction():
        key = vault.pin.set(pin, unwrap_key)
        vault.audit.append("key-changed", detail={"way": "pin", "new_signing_key": unwrap_key is None})
    return key


def new_recovery(vault: Vault) -> str:
    """Make a new recovery code, to be shown once; the old one opens nothing any more."""
    keys, code = KeyFile.load(vault.paths.keys).with_recovery(vault.master_handoff())
    vault.audit.append("key-changed", detail={"way": "recovery"})
    keys.save(vault.paths.keys)
    return code


def set_keyring(vault: Vault, secrets: SecretStore, *, use: bool) -> None:
    """Let the keyring open the vault, or no longer.

    Raises:
        LockedError: The keyring is missing, locked or silent.
        UsageError: It is the only way in, or there is neither PIN nor passphrase.
    """
    keys = KeyFile.load(vault.paths.keys)
    if not use:
        if "passphrase" not in keys.ways:
            raise UsageError("The keyring is the only way in.", "It was kept.", code="last-way")
        keys.without("keyring").save(vault.paths.keys)
        with contextlib.suppress(LockedError):  # its entry opens nothing any more
            secrets.delete(vault.profile_id)
    else:
        if vault.pin.mode == "none":
            raise UsageError("Set a PIN or a passphrase first.", code="pin-needed")
        entry = KeyFile.new_entry()
        secrets.put(vault.profile_id, entry)
        keys.with_keyring(vault.master_handoff(), entry).save(vault.paths.keys)
    vault.audit.append("key-changed", detail={"way": "keyring", "set": use})
