"""Which way in is taken: a given recovery code, the keyring, a passphrase given, a prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from teleread.host.paths import ProfilePaths
from teleread.model.errors import LockedError, UsageError

from .keys import KeyFile
from .lockmark import read_mark

if TYPE_CHECKING:
    from .secrets import SecretStore

__all__ = ["Prompt", "Unlock", "given_passphrase", "given_pin", "given_recovery", "resolve", "typed"]

Prompt = Callable[[str], str]
"""Asks the reader on the terminal, without echo; given the question."""

_LARGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Unlock:
    """A master key, and how it was come by."""

    how: str
    """``keyring``, ``passphrase``, ``recovery``, ``pin`` (keyring and PIN) or ``handoff``."""
    master: bytes = field(repr=False)
    """32 bytes."""
    pin: str = field(default="", repr=False)
    """The PIN still to be checked, where ``how`` is ``pin``."""


def given_passphrase(environment: Mapping[str, str]) -> str | None:
    """The passphrase of ``TELEREAD_PASSPHRASE_FILE``, else of ``TELEREAD_PASSPHRASE``, else None."""
    return _given(environment, "TELEREAD_PASSPHRASE")


def given_pin(environment: Mapping[str, str]) -> str | None:
    """The PIN of ``TELEREAD_PIN_FILE``, else of ``TELEREAD_PIN``, else None."""
    return _given(environment, "TELEREAD_PIN")


def given_recovery(environment: Mapping[str, str]) -> str | None:
    """The recovery code of ``TELEREAD_RECOVERY_CODE_FILE``, else None."""
    return _from_file(environment, "TELEREAD_RECOVERY_CODE_FILE")


def resolve(
    paths: ProfilePaths,
    *,
    secrets: SecretStore | None,
    environment: Mapping[str, str],
    prompt: Prompt | None = None,
) -> Unlock:
    """Find the master key.

    Args:
        paths: The profile.
        secrets: The keyring; None where it is not to be asked.
        environment: Where ``TELEREAD_PASSPHRASE`` and its like are looked up.
        prompt: Asks the reader; None without a terminal.

    Raises:
        LockedError: Nothing opens it: wrong, missing, or the keyring says no.
        TelereadError: There is no vault.
    """
    keys = KeyFile.load(paths.keys)
    code = given_recovery(environment)
    if code is not None:
        return Unlock("recovery", keys.by_recovery(code))
    locked = read_mark(paths).locked
    by_keyring, problem = _by_keyring(keys, secrets)
    if by_keyring is not None and not locked:
        return Unlock("keyring", by_keyring)
    passphrase = given_passphrase(environment)
    if passphrase is not None:
        return Unlock("passphrase", keys.by_passphrase(passphrase))
    pin = given_pin(environment)
    if by_keyring is not None and pin is not None:
        return Unlock("pin", by_keyring, pin)
    if prompt is not None:
        return _by_prompt(keys, by_keyring, prompt)
    raise problem or _nothing_given(locked)


def _by_keyring(keys: KeyFile, secrets: SecretStore | None) -> tuple[bytes | None, LockedError | None]:
    """The master key, or why the keyring does not give it; neither where it is no way in."""
    if secrets is None or "keyring" not in keys.ways:
        return None, None
    try:
        entry = secrets.get(keys.profile_id)
        if entry is None:
            raise LockedError(
                "The system keyring no longer holds this vault's key.",
                "The vault is untouched.",
                "Give the passphrase or the recovery code, then run `teleread key keyring`.",
                code="keyring-empty",
            )
        return keys.by_keyring(entry), None
    except LockedError as error:
        return None, error


def _by_prompt(keys: KeyFile, by_keyring: bytes | None, prompt: Prompt) -> Unlock:
    if "passphrase" in keys.ways or by_keyring is not None:
        names = ("Passphrase", "passphrase" in keys.ways), ("PIN", by_keyring is not None)
        return _by_words(
            keys, by_keyring, prompt(" or ".join(name for name, usable in names if usable) + ": ")
        )
    return Unlock("recovery", keys.by_recovery(prompt("Recovery code: ")))


def typed(paths: ProfilePaths, words: str, *, secrets: SecretStore | None) -> Unlock:
    """What the reader typed on the lock screen: the passphrase, else the PIN on top of the keyring.

    Raises:
        LockedError: It is not the passphrase, and the keyring gives no key that a PIN could confirm.
    """
    keys = KeyFile.load(paths.keys)
    by_keyring, problem = _by_keyring(keys, secrets)
    if by_keyring is None and "passphrase" not in keys.ways:
        raise problem or _nothing_given(True)
    return _by_words(keys, by_keyring, words)


def _by_words(keys: KeyFile, by_keyring: bytes | None, words: str) -> Unlock:
    if "passphrase" in keys.ways:
        try:
            return Unlock("passphrase", keys.by_passphrase(words))
        except LockedError:
            if by_keyring is None:
                raise
    assert by_keyring is not None
    return Unlock("pin", by_keyring, words)


def _nothing_given(locked: bool) -> LockedError:
    return LockedError(
        "The vault is locked." if locked else "Nothing was given to open the vault with.",
        "The vault is untouched.",
        "Set TELEREAD_PASSPHRASE_FILE, or run it on a terminal.",
        code="locked",
    )


def _given(environment: Mapping[str, str], variable: str) -> str | None:
    found = _from_file(environment, f"{variable}_FILE")
    return found if found is not None else environment.get(variable) or None


def _from_file(environment: Mapping[str, str], variable: str) -> str | None:
    """The first line of the file a variable names."""
    path = environment.get(variable)
    if not path:
        return None
    try:
        with Path(path).open("rb") as file:
            return file.read(_LARGEST).decode().split("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"The file that {variable} names can't be read.", remedy="Check its path and that it is yours."
        ) from None
