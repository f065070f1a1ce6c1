"""Detached JSON Web Signatures: RFC 7515 appendix F, ES256 (RFC 7518 section 3.4) and nothing else.

The protected header holds exactly ``alg``, ``typ`` and ``x5c``. The verifier takes ES256 whatever the
header says, and every part has only one way to be written, so no byte of a signature can change unseen.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import IntegrityError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

__all__ = ["TYP", "Parsed", "parse", "sign", "verify"]

TYP: Final = "teleread.report/1"
ALG: Final = "ES256"
MAX_LENGTH: Final = 64 * 1024
MAX_CERTIFICATES: Final = 5
_HALF: Final = 32
"""Bytes of r and of s."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A signature taken apart; nothing in it is proved yet."""

    header: str
    """The protected header as it stands, base64url."""
    certificates: tuple[bytes, ...]
    """X.509, DER, the signer's first."""
    raw: bytes
    """r and s, 32 bytes each."""


def sign(payload: bytes, key: EllipticCurvePrivateKey, certificates: Sequence[bytes]) -> str:
    """Sign bytes.

    Args:
        payload: The frozen report.
        key: A P-256 key.
        certificates: X.509, DER, the signer's first.

    Returns:
        ``header..signature``.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    header = _write(_header(certificates))
    r, s = decode_dss_signature(key.sign(_input(header, payload), ECDSA(SHA256())))
    return f"{header}..{_write(r.to_bytes(_HALF, 'big') + s.to_bytes(_HALF, 'big'))}"


def parse(signature: str) -> Parsed:
    """Take a signature apart, strictly.

    Raises:
        IntegrityError: It is not written exactly as `sign` writes one.
    """
    if len(signature) > MAX_LENGTH or not signature.isascii():
        raise _broken("it is too long or holds strange characters")
    parts = signature.split(".")
    if len(parts) != 3 or parts[1]:
        raise _broken("it is not of the detached form")
    raw = _read(parts[2])
    if len(raw) != 2 * _HALF:
        raise _broken("it is not 64 bytes long")
    data = _read(parts[0])
    certificates = _certificates(data)
    if _header(certificates) != data:
        raise _broken("its header is not exactly alg ES256, typ and x5c")
    return Parsed(parts[0], certificates, raw)


def verify(payload: bytes, signature: str) -> Certificate:
    """Prove that a signature is over these bytes, by the key of the certificate inside.

    The certificate proves nothing by itself: who it belongs to is the caller's question.

    Returns:
        The signer's certificate.

    Raises:
        IntegrityError: It is malformed, or not over these bytes.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    parsed = parse(signature)
    try:
        certificate = load_der_x509_certificate(parsed.certificates[0])
        key = certificate.public_key()
    except (ValueError, InvalidVersion, UnsupportedAlgorithm):
        raise _broken("its certificate can't be read") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise _broken("its key is not a P-256 key")
    r, s = int.from_bytes(parsed.raw[:_HALF], "big"), int.from_bytes(parsed.raw[_HALF:], "big")
    try:
        key.verify(encode_dss_signature(r, s), _input(parsed.header, payload), ECDSA(SHA256()))
    except InvalidSignature:
        raise IntegrityError(
            "The signature does not hold: the report or the signature was changed.", code="signature"
        ) from None
    return certificate


def _header(certificates: Sequence[bytes]) -> bytes:
    import rfc8785

    chain = [base64.b64encode(one).decode("ascii") for one in certificates]
    data: bytes = rfc8785.dumps({"alg": ALG, "typ": TYP, "x5c": chain})
    return data


def _certificates(header: bytes) -> tuple[bytes, ...]:
    try:
        table: Any = json.loads(header.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _broken("its header can't be read") from None
    chain = table.get("x5c") if isinstance(table, dict) else None
    if not isinstance(chain, list) or not 1 <= len(chain) <= MAX_CERTIFICATES:
        raise _broken("it carries no certificate")
    try:
        return tuple(base64.b64decode(one, validate=True) for one in chain)
    except (binascii.Error, ValueError, TypeError):
        raise _broken("its certificate can't be read") from None


def _input(header: str, payload: bytes) -> bytes:
    return f"{header}.{_write(payload)}".encode("ascii")


def _write(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _read(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _broken("it is not written in base64url") from None
    if _write(data) != text:
        raise _broken("it is not written in the one way there is")
    return data


def _broken(why: str) -> IntegrityError:
    return IntegrityError("The signature is not one of a report.", f"What is wrong: {why}.", code="signature")
