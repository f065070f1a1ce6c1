"""The DICOM digital signature on a structured report: ECDSA on P-256 over SHA-256, as dcmsign verifies it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING

from teleread.documents import dicom_seal
from teleread.documents.dicom_common import uid
from teleread.documents.marks import Mark
from teleread.model.errors import IntegrityError
from teleread.model.report import SignedReport

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["seal", "verify"]


def seal(plain: bytes, report: SignedReport, certificate: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """Sign the structured report.

    Args:
        plain: The Part 10 file of it.
        report: The report it was made from.
        certificate: The signer's, X.509 as DER.
        sign: Makes an ECDSA signature (DER) over bytes, by SHA-256.

    Returns:
        The bytes that belong after the file.
    """
    at, name = report.signed_at, _uid(report.report_id, report.version, certificate)
    stamp = at.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f+0000")
    what = dicom_seal.Seal(name, stamp, certificate)
    signature = sign(dicom_seal.signed_bytes(plain, what))
    return dicom_seal.write(plain, dicom_seal.Seal(name, stamp, certificate, signature))


def _uid(report_id: str, version: int, certificate: bytes) -> str:
    """Digital Signature UID: the signature covers it, and through it the certificate."""
    return uid(report_id, f"{version}/sr/signature/{hashlib.sha256(certificate).hexdigest()}")


def verify(plain: bytes, tail: bytes, mark: Mark | None) -> tuple[Certificate, dicom_seal.Seal]:
    """Prove that a signature is over this file, by the key of the certificate inside.

    The certificate proves nothing by itself: who it belongs to is the caller's question.

    Args:
        plain: The file without the signature.
        tail: The signature.
        mark: The report that the file names.

    Raises:
        IntegrityError: It is malformed, or not over this file.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    what = dicom_seal.read(plain, tail)
    try:
        certificate = load_der_x509_certificate(what.certificate)
        key = certificate.public_key()
        canonical = encode_dss_signature(*decode_dss_signature(what.signature)) == what.signature
    except (ValueError, InvalidVersion, UnsupportedAlgorithm):
        raise _broken() from None
    if mark is None or what.uid != _uid(mark.report_id, mark.version, what.certificate):
        raise _broken()
    if not canonical or not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise _broken()
    try:
        key.verify(what.signature, dicom_seal.signed_bytes(plain, what), ECDSA(SHA256()))
    except InvalidSignature:
        words = "The DICOM signature does not hold: the file or the signature was changed."
        raise IntegrityError(words, code="signature") from None
    return certificate, what


def _broken() -> IntegrityError:
    return IntegrityError("The DICOM signature is not one that teleread writes.", code="signature")
