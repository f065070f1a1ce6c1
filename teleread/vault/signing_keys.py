"""Signing keys: the current one, sealed, and the public half of every one this vault ever had."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from teleread.host.clock import Clock
from teleread.model.errors import LockedError

from .codec import stamp, unstamp, unstamp_or_none
from .connection import Row
from .database import Database
from .seal import open_sealed, seal

__all__ = ["SigningKey", "SigningKeys"]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The public half of one signing key."""

    id: str
    """Fingerprint: whatever the signing stage names it by."""
    algorithm: str
    """``ES256``."""
    public_key: bytes
    """SubjectPublicKeyInfo, DER."""
    certificate: bytes
    """X.509, DER; where a site's authority made it, its chain after it."""
    created_at: datetime
    retired_at: datetime | None
    """None for the current one."""
    sealed: bytes | None = field(default=None, repr=False)
    """The private key, sealed; None once retired."""


class SigningKeys:
    """The table of signing keys in reports.db."""

    def __init__(self, reports: Database, clock: Clock) -> None:
        self._reports = reports
        self._clock = clock

    def put(
        self,
        key_id: str,
        private_key: bytes,
        unwrap_key: bytes,
        *,
        public_key: bytes,
        certificate: bytes,
        algorithm: str = "ES256",
    ) -> SigningKey:
        """Make a key the current one; the one before is retired and its private half destroyed.

        Args:
            key_id: Its fingerprint.
            private_key: PKCS #8, DER; sealed here.
            unwrap_key: From ``vault.pin``.
            public_key: SubjectPublicKeyInfo, DER.
            certificate: X.509, DER.
            algorithm: What it signs with.
        """
        now = stamp(self._clock.now())
        sealed = seal(unwrap_key, private_key, self._bound(key_id))
        with self._reports.joined() as connection:
            connection.execute(
                "UPDATE signing_key SET retired_at = ?, sealed = NULL WHERE retired_at IS NULL", (now,)
            )
            connection.execute(
                "INSERT INTO signing_key VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (key_id, algorithm, sealed, public_key, certificate, now),
            )
        found = self.current()
        assert found is not None
        return found

    def certify(self, key_id: str, certificate: bytes) -> None:
        """Give a key the certificate that a site's authority made for it.

        Args:
            key_id: The key.
            certificate: X.509, DER; the chain after it, DER after DER.

        Raises:
            LockedError: It is not the current one.
        """
        with self._reports.joined() as connection:
            if not connection.execute(
                "UPDATE signing_key SET certificate = ? WHERE id = ? AND retired_at IS NULL",
                (certificate, key_id),
            ):
                raise LockedError("That is not the key that signs now.", code="no-signing-key")

    def private_key(self, unwrap_key: bytes) -> bytes:
        """The current private key, PKCS #8 DER.

        Raises:
            LockedError: There is none.
            IntegrityError: The unwrap key is not the one it was sealed under.
        """
        current = self.current()
        if current is None or current.sealed is None:
            raise LockedError(
                "This vault has no signing key.",
                remedy="Set one with `teleread key pin`.",
                code="no-signing-key",
            )
        return open_sealed(unwrap_key, current.sealed, self._bound(current.id))

    def current(self) -> SigningKey | None:
        """The key that signs now."""
        row = self._reports.connection.row(f"{_SELECT} WHERE retired_at IS NULL")
        return _key(row) if row else None

    def list(self) -> tuple[SigningKey, ...]:
        """Every key this vault ever had, oldest first: a signature by any of them is ``own``."""
        rows = self._reports.connection.rows(f"{_SELECT} ORDER BY created_at, rowid")
        return tuple(_key(row) for row in rows)

    def find(self, public_key: bytes) -> SigningKey | None:
        """The key with that public half, retired or not."""
        row = self._reports.connection.row(f"{_SELECT} WHERE public_key = ?", (public_key,))
        return _key(row) if row else None

    @staticmethod
    def _bound(key_id: str) -> bytes:
        return b"teleread signing key " + key_id.encode()


_SELECT = "SELECT id, algorithm, public_key, certificate, created_at, retired_at, sealed FROM signing_key"


def _key(row: Row) -> SigningKey:
    key_id, algorithm, public_key, certificate, created, retired, sealed = row
    return SigningKey(
        key_id,
        algorithm,
        bytes(public_key),
        bytes(certificate),
        unstamp(created),
        unstamp_or_none(retired),
        None if sealed is None else bytes(sealed),
    )
