"""The sign-in as a port: what goes into the Authorization header now, and what comes after a refusal.

A token may end in the middle of a study. Whoever sends requests asks `SignIn.renewed` once after a 401, and
goes on with what is still missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from teleread.model.hubfile import HubFile

from .auth import authorization

__all__ = ["SecretSignIn", "SignIn"]


class SignIn(Protocol):
    """Makes the Authorization header. Threads may share it."""

    def header(self) -> str:
        """The header's value now; empty where the hub wants none.

        Raises:
            NotSignedInError: There is nothing to sign in with.
        """
        ...

    def renewed(self, refused: str) -> bool:
        """The server refused that value: whether `header` gives another one now.

        May ask a token service, for a bounded time; several threads may ask after the same refusal.
        """
        ...


class SecretSignIn:
    """A password or token as the vault keeps it.

    Args:
        hub: Its hub file tells the form.
        secret: Password or token; never logged, never in an error.
        again: Asked after a refusal for the secret as it is now: someone may have given a new one.
    """

    def __init__(
        self, hub: HubFile, secret: str | None, again: Callable[[], str | None] | None = None
    ) -> None:
        self._hub = hub
        self._secret = secret
        self._again = again
        self._guard = threading.Lock()

    def header(self) -> str:
        """The header's value."""
        with self._guard:
            return authorization(self._hub, self._secret)

    def renewed(self, refused: str) -> bool:
        """Read the secret again; whether it is another one."""
        with self._guard:
            if authorization(self._hub, self._secret) != refused:
                return True  # another thread has seen to it
            fresh = self._again() if self._again is not None else None
            if fresh is None or authorization(self._hub, fresh) == refused:
                return False
            self._secret = fresh
            return True
