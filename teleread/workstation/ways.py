"""Changing one way into the vault: passphrase, PIN, recovery code, keyring."""

from __future__ import annotations

import os
from typing import Any

from teleread.model.errors import LockedError, UsageError
from teleread.vault import rekey
from teleread.vault.keys import KeyFile
from teleread.vault.secrets import KeyringSecrets
from teleread.vault.unlock import given_passphrase, given_pin

from .core import Core
from .setup import Ask, ask_twice, put_signing_key

__all__ = ["change"]


def change(core: Core, way: str, ask: Ask | None = None) -> dict[str, Any]:
    """Change one way in.

    Args:
        core: The open profile.
        way: ``passphrase``, ``pin``, ``recovery`` or ``keyring``.
        ask: Asks on the terminal; None reads the environment's ``TELEREAD_NEW_PASSPHRASE`` or
            ``TELEREAD_NEW_PIN`` (or their ``_FILE``).

    Returns:
        What the command prints.

    Raises:
        LockedError: The old secret is wrong or missing.
        UsageError: The new one is missing or too short.
    """
    told = {"passphrase": _passphrase, "pin": _pin, "recovery": _recovery, "keyring": _keyring}[way](
        core, ask
    )
    return {"changed": way, "opened_by": list(KeyFile.load(core.paths.keys).ways), **told}


def _new(name: str, ask: Ask | None) -> str:
    word = "PIN" if name == "pin" else "passphrase"
    if ask is not None:
        found = ask_twice(ask, f"New {word}", optional=False)
    else:
        variable = f"TELEREAD_NEW_{name.upper()}"
        found = _given(variable)
    if not found:
        raise UsageError(
            f"There is no new {word}.",
            "Nothing was changed.",
            f"Set TELEREAD_NEW_{name.upper()}_FILE, or run it on a terminal.",
            code="no-new-secret",
        )
    return found


def _given(variable: str) -> str | None:
    path = os.environ.get(f"{variable}_FILE")
    if path:
        with open(path, "rb") as file:
            return file.read(4096).decode("utf-8", "replace").split("\n")[0].rstrip("\r")
    return os.environ.get(variable)


def _unwrap(core: Core, ask: Ask | None) -> bytes | None:
    """The key that seals the signing key, if the reader can open it; None after a recovery.

    Wrong tries stay counted until something was changed.
    """
    pin = core.vault.pin
    if pin.mode == "none":
        return pin.check("", "none")
    if core.vault.how == "recovery":
        return None
    if pin.mode == "passphrase" or pin.tries_left == 0:
        secret = core.passphrase or given_passphrase(os.environ) or (ask("Passphrase: ") if ask else "")
        return pin.check(secret, "passphrase", forgive=False)
    old = given_pin(os.environ) or (ask("Old PIN: ") if ask else None)
    if old is None:
        raise LockedError(
            "The old PIN is needed.", "Nothing was changed.", "Set TELEREAD_PIN_FILE.", code="pin-needed"
        )
    return pin.check(old, "pin", forgive=False)


def _pin(core: Core, ask: Ask | None) -> dict[str, Any]:
    unwrap = _unwrap(core, ask)
    key = rekey.set_pin(core.vault, _new("pin", ask), unwrap_key=unwrap)
    made = unwrap is None or core.vault.signing_keys.current() is None
    if made:
        put_signing_key(core.vault, key, _reader_name(core), core.clock)
    if core.session is not None:
        core.session.close()
    return {"new_signing_key": made}


def _reader_name(core: Core) -> str:
    named = [hub.reader_name for hub in core.hubs if hub.reader_name]
    return named[0] if named else "Reader"


def _passphrase(core: Core, ask: Ask | None) -> dict[str, Any]:
    pin = core.vault.pin
    unwrap = None if pin.mode == "pin" and not (given_pin(os.environ) or ask) else _unwrap(core, ask)
    new = _new("passphrase", ask)
    made = unwrap is None and pin.mode == "passphrase"
    if made:
        # Opened by the recovery code: what the old passphrase sealed is lost, so a new key signs.
        unwrap = pin.set(None)
    rekey.set_passphrase(core.vault, new, unwrap_key=unwrap)
    if made and unwrap is not None:
        put_signing_key(core.vault, unwrap, _reader_name(core), core.clock)
    if unwrap is not None:
        pin.unblock()
    core.passphrase = new
    return {"new_signing_key": made}


def _recovery(core: Core, ask: Ask | None) -> dict[str, Any]:
    return {"recovery_code": rekey.new_recovery(core.vault)}


def _keyring(core: Core, ask: Ask | None) -> dict[str, Any]:
    rekey.set_keyring(core.vault, KeyringSecrets(), use=True)
    return {}
