"""Small cryptography every store shares: derived keys, and one sealed value."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass

from teleread.model.errors import IntegrityError

__all__ = ["Kdf", "derive", "open_sealed", "seal"]

_NONCE = 12


def derive(secret: bytes, purpose: str, *, salt: bytes = b"", extra: bytes = b"") -> bytes:
    """32 bytes by HKDF-SHA-256 (RFC 5869).

    Args:
        secret: Key material.
        purpose: What the key is for; two purposes never share a key.
        salt: HKDF's salt.
        extra: Bytes bound in besides the purpose.
    """
    pseudo_random = hmac.digest(salt or bytes(32), secret, "sha256")
    info = b"teleread/" + purpose.encode() + b"\x00" + extra
    return hmac.digest(pseudo_random, info + b"\x01", hashlib.sha256)


def seal(key: bytes, value: bytes, bound_to: bytes) -> bytes:
    """Nonce and AES-256-GCM text of a value, bound to its place."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, value, bound_to)


def open_sealed(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """What `seal` sealed.

    Raises:
        IntegrityError: Another key, another place, or changed bytes.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to)
    except (InvalidTag, ValueError):
        raise IntegrityError("A seal does not hold.", code="seal-broken") from None


@dataclass(frozen=True, slots=True)
class Kdf:
    """How much work a passphrase costs (argon2id)."""

    memory_kib: int = 64 * 1024
    """Memory, KiB."""
    passes: int = 3
    """Time cost."""
    lanes: int = 1
    """Parallelism."""

    def stretch(self, secret: str, salt: bytes) -> bytes:
        """32 bytes of a secret that a person remembers.

        Raises:
            IntegrityError: The parameters read from a file ask for absurd work.
        """
        import unicodedata

        from argon2.low_level import Type, hash_secret_raw

        sane = 8 <= self.memory_kib <= 1 << 20 and 1 <= self.passes <= 64 and 1 <= self.lanes <= 16
        if not sane:
            raise IntegrityError("The key file asks for absurd work.", code="key-file-damaged")
        return hash_secret_raw(
            # The same letters typed on another keyboard may come composed differently.
            unicodedata.normalize("NFKC", secret).encode(),
            salt,
            time_cost=self.passes,
            memory_cost=self.memory_kib,
            parallelism=self.lanes,
            hash_len=32,
            type=Type.ID,
        )
