"""The signing key's certificate by a site's own authority: the request (PKCS #10), and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from teleread.model.errors import IntegrityError, UsageError
from teleread.model.text import clean

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["MAX_CHAIN", "chain_of", "joined", "request", "split_chain"]

MAX_CHAIN: Final = 4
"""Most certificates kept with a key: a signature carries at most five."""
MAX_BYTES: Final = 64 * 1024


def request(private_key: bytes, reader_name: str, reader_id: str = "", organisation: str = "") -> bytes:
    """A certificate request in PEM, signed by the key itself (RFC 2986); nothing of a patient is in it.

    Args:
        private_key: PKCS #8, DER.
        reader_name: Common name.
        reader_id: The reader at the hub, as serial number attribute; empty for none.
        organisation: The site; empty for none.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
    from cryptography.x509.oid import NameOID

    key = load_der_private_key(private_key, None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise IntegrityError("The signing key is not a P-256 key.", code="signing-key")
    words = (
        (NameOID.ORGANIZATION_NAME, organisation),
        (NameOID.SERIAL_NUMBER, reader_id),
        (NameOID.COMMON_NAME, reader_name or "Reader"),
    )
    # RFC 5280 allows 64 characters; the library counts them in bytes
    short = [(name, clean(text).encode()[:64].decode("utf-8", "ignore").strip()) for name, text in words]
    subject = x509.Name([x509.NameAttribute(name, text) for name, text in short if text])
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    made = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def chain_of(data: bytes, public_key: bytes) -> tuple[bytes, ...]:
    """The certificates that came back, the key's own first, each issued by the next.

    Args:
        data: PEM, in any order; or one certificate in DER.
        public_key: The signing key's SubjectPublicKeyInfo, DER.

    Raises:
        UsageError: None is for this key, it is no certificate, it may not sign, or there are too many.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found = _load(data)
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    own = next((one for one in found if one.public_key().public_bytes(*form) == public_key), None)
    if own is None:
        raise _refused("none of them is for this vault's signing key", "Send the site a new request.")
    if not _may_sign(own):
        raise _refused("it may not be used for signatures", "Ask the site for one with digitalSignature.")
    chain = [own]
    while above := next((one for one in found if one not in chain and _issued(chain[-1], one)), None):
        chain.append(above)
    return tuple(one.public_bytes(Encoding.DER) for one in chain[:MAX_CHAIN])


def _load(data: bytes) -> Sequence[Certificate]:
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate, load_pem_x509_certificates

    try:
        if len(data) > MAX_BYTES:
            raise ValueError
        if b"-----BEGIN" in data:
            return load_pem_x509_certificates(data)
        return [load_der_x509_certificate(data)]
    except (ValueError, InvalidVersion):
        raise _refused("that file holds no certificate", "Give the file the site sent, PEM or DER.") from None


def _may_sign(one: Certificate) -> bool:
    from cryptography.x509 import ExtensionNotFound, KeyUsage

    try:
        return one.extensions.get_extension_for_class(KeyUsage).value.digital_signature
    except ExtensionNotFound:
        return True
    except ValueError:
        return False


def _issued(one: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        one.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _refused(why: str, remedy: str) -> UsageError:
    return UsageError(
        f"That certificate is not taken: {why}.", "Nothing was changed.", remedy, code="certificate"
    )


def joined(chain: Sequence[bytes]) -> bytes:
    """A chain as the vault keeps it: DER after DER, each telling its own length."""
    return b"".join(chain)


def split_chain(data: bytes) -> tuple[bytes, ...]:
    """The chain again; a single certificate, as keys begin with, is a chain of one.

    Raises:
        IntegrityError: It is none.
    """
    out, at = [], 0
    while at < len(data):
        head = data[at : at + 6]
        if len(head) < 2 or head[0] != 0x30 or head[1] == 0x80:
            raise IntegrityError("The signing key's certificate can't be read.", code="signing-key")
        count = head[1] & 0x7F if head[1] > 0x80 else 0
        size = 2 + count + (int.from_bytes(head[2 : 2 + count], "big") if count else head[1])
        out.append(data[at : at + size])
        at += size
    return tuple(out)
