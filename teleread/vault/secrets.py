"""The secret store port: where one 32-byte wrapping key may live outside the vault."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from teleread.model.errors import LockedError

__all__ = ["KeyringSecrets", "MemorySecrets", "SecretCapabilities", "SecretStore"]

SERVICE: Final = "teleread"
"""The name keyrings list our entry under."""

WAIT_SECONDS: Final = 20.0
"""A keyring may ask the reader for its own password; longer than this nobody is there."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SecretCapabilities:
    """What a secret store can do."""

    persistent: bool
    """What is put there is there after a restart of the machine."""
    longest: int
    """Characters it surely takes."""


class SecretStore(Protocol):
    """Keeps a few short secrets for this user."""

    @property
    def capabilities(self) -> SecretCapabilities:
        """What it can do."""
        ...

    def get(self, name: str) -> str | None:
        """The secret, or None where there is none.

        Raises:
            LockedError: The store is missing, locked or silent.
        """
        ...

    def put(self, name: str, value: str) -> None:
        """Keep a secret.

        Raises:
            LockedError: The store is missing, locked or silent.
        """
        ...

    def delete(self, name: str) -> None:
        """Forget a secret; harmless where there is none."""
        ...


class MemorySecrets:
    """A store that forgets with its process: for tests and the demo."""

    capabilities = SecretCapabilities(persistent=False, longest=1 << 16)

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        """The secret, or None."""
        return self._held.get(name)

    def put(self, name: str, value: str) -> None:
        """Keep a secret."""
        self._held[name] = value

    def delete(self, name: str) -> None:
        """Forget a secret."""
        self._held.pop(name, None)


class KeyringSecrets:
    """The operating system's keyring.

    Args:
        wait: Seconds after which a silent keyring counts as missing.
    """

    capabilities = SecretCapabilities(persistent=True, longest=1000)

    def __init__(self, wait: float = WAIT_SECONDS) -> None:
        self._wait = wait

    def get(self, name: str) -> str | None:
        """The secret, or None."""
        return self._ask(lambda: _backend().get_password(SERVICE, name))

    def put(self, name: str, value: str) -> None:
        """Keep a secret."""
        self._ask(lambda: _backend().set_password(SERVICE, name, value))

    def delete(self, name: str) -> None:
        """Forget a secret."""

        def forget() -> None:
            from keyring.errors import PasswordDeleteError

            try:
                _backend().delete_password(SERVICE, name)
            except PasswordDeleteError:
                return

        self._ask(forget)

    def _ask(self, question: Callable[[], T]) -> T:
        """Ask in a thread of its own: a desktop bus may never answer."""
        answers: list[T] = []
        problems: list[LockedError] = []

        def ask() -> None:
            try:
                answers.append(question())
            except LockedError as error:
                problems.append(error)
            except Exception as error:  # a worker's boundary: backends raise what they like
                problems.append(_in_words(error))

        worker = threading.Thread(target=ask, name="keyring", daemon=True)
        worker.start()
        worker.join(self._wait)
        if problems:
            raise problems[0]
        if not answers:
            raise _locked("The system keyring does not answer.", "keyring-silent")
        return answers[0]


class _Backend(Protocol):
    def get_password(self, service: str, name: str) -> str | None: ...
    def set_password(self, service: str, name: str, value: str) -> None: ...
    def delete_password(self, service: str, name: str) -> None: ...


def _backend() -> _Backend:
    import keyring

    backend = keyring.get_keyring()
    if backend.priority < 1:
        raise _locked("This machine has no system keyring.", "keyring-missing")
    if type(backend).__name__ == "WinVaultKeyring":
        setattr(backend, "persist", "local machine")  # noqa: B010 - only that backend has it; else the entry roams
    found: _Backend = backend
    return found


_KNOWN: Final = {
    "NoKeyringError": ("This machine has no system keyring.", "keyring-missing"),
    "KeyringLocked": ("The system keyring is locked.", "keyring-locked"),
    "InitError": ("The system keyring could not be opened: its question was dismissed.", "keyring-dismissed"),
}
"""The three ways a keyring says no, by the name of its exception."""


def _in_words(error: Exception) -> LockedError:
    for kind in type(error).__mro__:
        if kind.__name__ in _KNOWN:
            return _locked(*_KNOWN[kind.__name__])
    return _locked("The system keyring failed.", "keyring-failed")


def _locked(title: str, code: str) -> LockedError:
    return LockedError(
        title,
        "The vault is untouched.",
        "Unlock the keyring, or give the passphrase or the recovery code.",
        code=code,
    )
