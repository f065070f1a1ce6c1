"""The PIN: what opens the signing key after the vault is open.

A random 32-byte key (the unwrap key) seals the signing key. It is kept sealed under
HKDF(master, argon2id(PIN)), and under the passphrase in the same way where there is one. Wrong tries are
counted on disk before they are tried, so that pulling the plug wins nothing.
"""

from __future__ import annotations

import os
from typing import Final

from teleread.model.errors import IntegrityError, LockedError, UsageError

from .audit import Audit
from .connection import Connection
from .database import Database
from .seal import Kdf, derive, open_sealed, seal

__all__ = ["Pin", "check_length"]

MOST_TRIES: Final = 5
SHORTEST: Final = 6
UNBLOCK: Final = (
    "Set another PIN with `teleread key pin`: it takes the passphrase (typed, TELEREAD_PASSPHRASE or "
    "TELEREAD_PASSPHRASE_FILE) or the recovery code (TELEREAD_RECOVERY_CODE_FILE), "
    "and the new PIN from TELEREAD_NEW_PIN_FILE."
)
"""The way out after five wrong PINs."""

_TRIES: Final = "pin_tries"
_KINDS: Final = {"pin": "PIN", "passphrase": "passphrase"}


def check_length(pin: str) -> None:
    """See that a PIN may be set.

    Raises:
        UsageError: It is too short.
    """
    if len(pin) < SHORTEST:
        raise UsageError(
            f"A PIN has at least {SHORTEST} characters.", remedy="Choose a longer one.", code="pin-short"
        )


class Pin:
    """The ways to the signing key.

    Args:
        reports: The database.
        master: The master key.
        audit: Where wrong tries are told.
        kdf: What a guess costs; for what is set from now on.
    """

    def __init__(self, reports: Database, master: bytes, audit: Audit, kdf: Kdf) -> None:
        self._reports = reports
        self._audit = audit
        self._master = derive(master, "signing")
        self._kdf = kdf

    @property
    def mode(self) -> str:
        """What a signature asks for: ``pin``, ``passphrase``, or ``none`` (the demo's vault)."""
        kinds = {row[0] for row in self._reports.connection.rows("SELECT kind FROM pin")}
        return next((kind for kind in ("pin", "passphrase") if kind in kinds), "none")

    @property
    def tries_left(self) -> int:
        """Wrong tries still allowed."""
        return max(0, MOST_TRIES - self._tries(self._reports.connection))

    def check(self, secret: str, kind: str = "pin", *, forgive: bool = True) -> bytes:
        """Ask for the unwrap key.

        Args:
            secret: As typed; empty where the mode is ``none``.
            kind: ``pin``, ``passphrase`` or ``none``. The passphrase serves only where no PIN is set, or
                after five wrong PINs.
            forgive: Forget earlier wrong tries where it is right; not where the act may yet come to nothing.

        Returns:
            32 bytes that open the sealed signing key.

        Raises:
            LockedError: Wrong, none is set, or too many tries; says how many are left.
        """
        mode, left = self.mode, self.tries_left
        if kind == "none":
            if mode != "none":
                raise LockedError(f"A signature needs the {_KINDS[mode]}.", code="pin-needed")
            return self._open(kind, "")
        if kind == "pin" and left == 0:
            raise LockedError(
                "The PIN was wrong five times and is blocked.",
                "Nothing was signed; drafts are safe.",
                UNBLOCK,
                code="pin-blocked",
            )
        if kind == "passphrase" and mode == "pin" and left > 0:
            raise LockedError("A signature needs the PIN.", remedy="Give the PIN.", code="pin-needed")
        return self._try(secret, kind, left, forgive=forgive)

    def _try(self, secret: str, kind: str, left: int, *, forgive: bool) -> bytes:
        before = MOST_TRIES - left
        if kind == "pin":
            # A transaction of its own: one around it, undone, would forget the try.
            with self._reports.transaction() as connection:
                self._set_tries(connection, self._tries(connection) + 1)
            left -= 1
        try:
            key = self._open(kind, secret)
        except IntegrityError:
            self._audit.append(f"wrong-{kind}", detail={"left": left})
            detail = f"Tries left: {left}." if kind == "pin" else ""
            raise LockedError(
                f"The {_KINDS[kind]} is wrong.",
                f"Nothing was signed. {detail}".strip(),
                "Try again." if left or kind != "pin" else UNBLOCK,
                code=f"wrong-{kind}",
            ) from None
        with self._reports.joined() as connection:
            self._set_tries(connection, 0 if forgive else before)
        return key

    def unblock(self) -> None:
        """Forget the wrong tries: the reader proved who they are another way."""
        with self._reports.joined() as connection:
            if self._tries(connection):
                self._set_tries(connection, 0)

    def set(self, pin: str | None, key: bytes | None = None) -> bytes:
        """Set another PIN, or none.

        Args:
            pin: The new one, 6 characters at least; None takes it away.
            key: The unwrap key, from `check` with the old PIN. Without it a new one is made, and the signing
                key that the old one sealed is lost: make a new signing key.

        Returns:
            The unwrap key.

        Raises:
            UsageError: It is too short.
        """
        if pin is not None:
            check_length(pin)
        fresh = key is None
        key = key or os.urandom(32)
        with self._reports.joined() as connection:
            if fresh:
                connection.execute("DELETE FROM pin")
            connection.execute("DELETE FROM pin WHERE kind IN ('pin', 'none')")
            if pin is not None:
                self._put(connection, "pin", pin, key)
            elif not connection.row("SELECT 1 FROM pin"):
                self._put(connection, "none", "", key)
            self._set_tries(connection, 0)
        return key

    def set_passphrase(self, passphrase: str | None, key: bytes | None) -> None:
        """Let the passphrase lead to the unwrap key too, or no longer.

        Args:
            passphrase: The vault's new passphrase; None takes that way away.
            key: The unwrap key; without it that way is taken away, where a PIN remains.

        Raises:
            LockedError: It is the only way and the unwrap key is missing.
        """
        with self._reports.joined() as connection:
            if self.mode == "passphrase" and key is None:
                raise LockedError(
                    "The signing key hangs on the old passphrase.",
                    "Nothing was changed.",
                    "Give the old passphrase, or set a PIN first.",
                    code="signing-key-lost",
                )
            connection.execute("DELETE FROM pin WHERE kind = 'passphrase'")
            if passphrase is not None and key is not None:
                self._put(connection, "passphrase", passphrase, key)
                connection.execute("DELETE FROM pin WHERE kind = 'none'")
            elif key is not None and not connection.row("SELECT 1 FROM pin"):
                self._put(connection, "none", "", key)

    def _put(self, connection: Connection, kind: str, secret: str, key: bytes) -> None:
        salt = os.urandom(16)
        sealed = seal(self._key(kind, secret, salt, self._kdf), key, self._bound(kind))
        connection.execute(
            "INSERT INTO pin VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind) DO UPDATE SET salt = excluded.salt,"
            " memory_kib = excluded.memory_kib, passes = excluded.passes, lanes = excluded.lanes,"
            " sealed = excluded.sealed",
            (kind, salt, self._kdf.memory_kib, self._kdf.passes, self._kdf.lanes, sealed),
        )

    def _open(self, kind: str, secret: str) -> bytes:
        row = self._reports.connection.row(
            "SELECT salt, memory_kib, passes, lanes, sealed FROM pin WHERE kind = ?", (kind,)
        )
        if row is None:
            name = _KINDS.get(kind, kind)
            raise LockedError(
                f"No {name} leads to the signing key, so none can be right.",
                "Nothing was signed.",
                f"Leave the {name} away, or set one with `teleread key {kind}`.",
                code=f"no-{kind}",
            )
        salt, memory, passes, lanes, sealed = row
        key = self._key(kind, secret, bytes(salt), Kdf(memory, passes, lanes))
        return open_sealed(key, bytes(sealed), self._bound(kind))

    def _key(self, kind: str, secret: str, salt: bytes, kdf: Kdf) -> bytes:
        stretched = kdf.stretch(secret, salt) if kind != "none" else b""
        return derive(self._master + stretched, f"unwrap-{kind}", salt=salt)

    @staticmethod
    def _bound(kind: str) -> bytes:
        return b"teleread signing unwrap key " + kind.encode()

    @staticmethod
    def _tries(connection: Connection) -> int:
        row = connection.row("SELECT value FROM meta WHERE key = ?", (_TRIES,))
        return int(row[0]) if row else 0

    @staticmethod
    def _set_tries(connection: Connection, tries: int) -> None:
        connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (_TRIES, str(tries)),
        )
