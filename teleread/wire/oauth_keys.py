"""The key a system signs in with: made here, proved by signed statements, its public half as a JWK set.

SMART App Launch 2.2, backend services: ``private_key_jwt`` with ES384 or RS384 (RFC 7518 section 3).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["ASSERTION_TYPE", "assertion", "jwks", "make_key"]

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE: Final = 240
"""Seconds a statement holds; five minutes are the most a server takes."""
BACK: Final = 30
"""Seconds a server's clock may be behind what its last answer said."""
_P384: Final = 48
"""Bytes of a coordinate, and of r and s."""
_RSA_BITS: Final = 3072


def make_key(alg: str) -> str:
    """Make a private key.

    Args:
        alg: ``ES384`` or ``RS384``.

    Returns:
        PKCS #8, PEM; it belongs into the vault and nowhere else.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key: EllipticCurvePrivateKey | RSAPrivateKey
    if alg == "RS384":
        key = rsa.generate_private_key(65537, _RSA_BITS)
    else:
        key = ec.generate_private_key(ec.SECP384R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def jwks(pem: str) -> dict[str, Any]:
    """The public half, as a site registers it (RFC 7517 section 5)."""
    return {"keys": [_public(_load(pem))]}


def assertion(pem: str, client_id: str, audience: str, now: float) -> str:
    """A statement that proves the key, good once and for minutes (RFC 7523 section 3).

    Args:
        pem: The private key.
        client_id: Who says so.
        audience: The token endpoint.
        now: Seconds since 1970, by the server's clock.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA384

    key = _load(pem)
    public = _public(key)
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": int(now) - BACK,
        "exp": int(now) + LIFE,
        "jti": secrets.token_urlsafe(24),
    }
    head = {"alg": public["alg"], "kid": public["kid"], "typ": "JWT"}
    signed = f"{_url(_compact(head))}.{_url(_compact(claims))}"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(signed.encode("ascii"), ec.ECDSA(SHA384())))
        raw = r.to_bytes(_P384, "big") + s.to_bytes(_P384, "big")
    else:
        raw = key.sign(signed.encode("ascii"), padding.PKCS1v15(), SHA384())
    return f"{signed}.{_url(raw)}"


def _load(pem: str) -> EllipticCurvePrivateKey | RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem.encode("ascii"), None)
    assert isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey)
    return key


def _public(key: EllipticCurvePrivateKey | RSAPrivateKey) -> dict[str, Any]:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    if isinstance(key, EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        needed = {
            "crv": "P-384",
            "kty": "EC",
            "x": _url(point.x.to_bytes(_P384, "big")),
            "y": _url(point.y.to_bytes(_P384, "big")),
        }
        alg = "ES384"
    else:
        numbers = key.public_key().public_numbers()
        needed = {
            "e": _url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
            "kty": "RSA",
            "n": _url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        }
        alg = "RS384"
    # RFC 7638: the key's name is the hash of what it needs to be, names in order.
    kid = _url(hashlib.sha256(_compact(dict(sorted(needed.items())))).digest())
    return {**needed, "alg": alg, "use": "sig", "key_ops": ["verify"], "kid": kid}


def _compact(table: Mapping[str, Any]) -> bytes:
    return json.dumps(table, separators=(",", ":")).encode("ascii")


def _url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
