"""The reader's signing key: made at `init`, opened by the PIN, held for a while, then let go."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from teleread.host.clock import Clock
from teleread.model.errors import IntegrityError, LockedError
from teleread.model.text import clean

from .certificates import split_chain

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["NewKey", "Signer", "make_key"]

CERTIFICATE_YEARS: Final = 20
"""How long the certificate says it holds; trust comes from the vault's list, never from this."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A fresh signing key, for ``vault.signing_keys.put``."""

    id: str
    """SHA-256 of the public key, hex."""
    private_key: bytes = field(repr=False)
    """PKCS #8, DER; sealed by the vault."""
    public_key: bytes
    """SubjectPublicKeyInfo, DER."""
    certificate: bytes
    """Self-signed X.509, DER."""


def make_key(reader_name: str, now: datetime) -> NewKey:
    """Make an ES256 key and a certificate in the reader's name; nothing of a patient is in it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    # RFC 5280 allows a common name 64 characters; the library counts them in bytes
    called = clean(reader_name).encode("utf-8")[:64].decode("utf-8", "ignore").strip() or "Reader"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
    # a clock set a little wrong must not make the first report older than its certificate
    begin = now.replace(microsecond=0) - timedelta(days=1)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=365 * CERTIFICATE_YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public)
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return NewKey(
        digest.finalize().hex(), private, public, certificate.public_bytes(serialization.Encoding.DER)
    )


class Signer:
    """Holds the signing key from one PIN entry until lock, restart or the site's limit.

    Args:
        clock: Its monotonic time counts; a clock set back can't keep a key open.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key: EllipticCurvePrivateKey | None = None
        self._chain: tuple[bytes, ...] = ()
        self._until = 0.0
        self._once = False

    def open(self, private_key: bytes, certificate: bytes, hours: float) -> None:
        """Take the opened key.

        Args:
            private_key: PKCS #8, DER.
            certificate: X.509, DER; or the chain that a site's authority gave it, DER after DER.
            hours: How long it may be used; 0 for one signature.

        Raises:
            IntegrityError: It is no P-256 key.
        """
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_der_private_key

        try:
            key = load_der_private_key(private_key, None)
        except ValueError:
            raise IntegrityError("The signing key can't be read.", code="signing-key") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise IntegrityError("The signing key is not a P-256 key.", code="signing-key")
        self._key, self._chain = key, split_chain(certificate)
        self._once = hours <= 0
        self._until = self._clock.monotonic() + max(hours, 0.0) * 3600

    @property
    def ready(self) -> bool:
        """Whether a signature needs no PIN now."""
        if self._key is not None and not self._once and self._clock.monotonic() >= self._until:
            self.close()
        return self._key is not None

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The opened key's certificate and those above it, X.509 as DER; empty while it is shut."""
        return self._chain

    @property
    def certificate(self) -> bytes:
        """The certificate of the opened key, X.509 as DER; empty while it is shut."""
        return self._chain[0] if self._chain else b""

    def sign(self, payload: bytes, *, hold: bool = False) -> str:
        """Sign bytes; a key opened for one signature is let go.

        Args:
            payload: The frozen report.
            hold: The forms of the same report are signed next: `settle` lets the key go.

        Returns:
            Detached JWS, ``header..signature``.

        Raises:
            LockedError: The PIN is needed.
        """
        from .jws import sign

        key = self._key if self.ready else None
        if key is None:
            raise LockedError(
                "The signing key is shut.", "Nothing was signed.", "Give the PIN.", code="pin-needed"
            )
        signature = sign(payload, key, self._chain)
        if not hold:
            self.settle()
        return signature

    def sign_bytes(self, data: bytes) -> bytes:
        """An ECDSA signature over SHA-256, DER, for a form of the report that was just signed.

        Raises:
            LockedError: The key is shut.
        """
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        if self._key is None:
            raise LockedError(
                "The signing key is shut.", "Nothing was signed.", "Give the PIN.", code="pin-needed"
            )
        return self._key.sign(data, ECDSA(SHA256()))

    def settle(self) -> None:
        """A report and its forms are signed: a key opened for one signature is let go."""
        if self._once:
            self.close()

    def close(self) -> None:
        """Let the key go (lock, exit, the site's limit)."""
        self._key = None
        self._chain = ()
