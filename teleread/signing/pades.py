"""PAdES on the PDF (ETSI EN 319 142-1, baseline B, or T with a time stamp): the extra ``pades``.

The signature is an incremental update: a signed file is the plain page with bytes after it. pyHanko makes and
proves it; it is loaded only where a site wants PDFs signed, or a signed one is proved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from io import BytesIO
from typing import Any, Final

from teleread.model.errors import IntegrityError, TelereadError

__all__ = ["FIELD", "installed", "prove", "sign_pdf"]

FIELD: Final = "teleread"
"""Name of the signature field."""

Stamp = Callable[[bytes], bytes]
"""From a time stamp request (RFC 3161, DER) to the authority's answer, DER."""


def installed() -> bool:
    """Whether PDFs can be signed and such signatures proved here."""
    from importlib.util import find_spec

    return find_spec("pyhanko") is not None


def sign_pdf(
    page: bytes,
    certificates: Sequence[bytes],
    reader: str,
    sign: Callable[[bytes], bytes],
    stamp: Stamp | None = None,
) -> bytes:
    """Sign a page.

    Args:
        page: The PDF as it was set.
        certificates: X.509, DER, the signer's first.
        reader: Who signs, as it is shown.
        sign: Makes an ECDSA signature (DER) over bytes, by SHA-256.
        stamp: Asks a time stamp authority; None for no time stamp.

    Returns:
        The bytes that belong after the page.

    Raises:
        TelereadError: It can't be signed: pyHanko is not here, or refuses.
    """
    if not installed():
        raise _absent("PDFs can't be signed here")
    signers = import_module("pyhanko.sign.signers")
    kind = import_module("pyhanko.sign.fields").SigSeedSubFilter.PADES
    what = signers.PdfSignatureMetadata(field_name=FIELD, md_algorithm="sha256", subfilter=kind, name=reader)
    try:
        writer = import_module("pyhanko.pdf_utils.incremental_writer").IncrementalPdfFileWriter(BytesIO(page))
        out = signers.sign_pdf(writer, what, _signer(certificates, sign), timestamper=_stamper(stamp))
    except (*_refusals(), import_module("pyhanko.sign.timestamps").TimestampRequestError) as problem:
        words = type(problem).__name__
        raise TelereadError("The PDF could not be signed.", words, code="pades") from None
    data: bytes = out.getvalue()
    if not data.startswith(page):
        raise TelereadError("The PDF could not be signed: the page would be changed.", code="pades")
    return data[len(page) :]


def _signer(certificates: Sequence[bytes], sign: Callable[[bytes], bytes]) -> Any:
    x509 = import_module("asn1crypto.x509")

    async def async_sign_raw(_: object, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        return bytes(72) if dry_run else sign(data)

    # a signer of pyHanko's that never sees the key
    base = import_module("pyhanko.sign.signers").Signer
    held: Any = type("Held", (base,), {"async_sign_raw": async_sign_raw})
    store = import_module("pyhanko_certvalidator.registry").SimpleCertificateStore()
    chain = [x509.Certificate.load(one) for one in certificates]
    store.register_multiple(chain[1:])
    return held(signing_cert=chain[0], cert_registry=store)


def _stamper(stamp: Stamp | None) -> Any:
    if stamp is None:
        return None
    tsp = import_module("asn1crypto.tsp")

    async def async_request_tsa_response(_: object, req: Any) -> Any:
        return tsp.TimeStampResp.load(stamp(req.dump()))

    base = import_module("pyhanko.sign.timestamps").TimeStamper
    asked: Any = type("Asked", (base,), {"async_request_tsa_response": async_request_tsa_response})
    return asked()


def prove(data: bytes, page: bytes, certificate: bytes) -> str:
    """Prove the signature on a PDF: it is whole, over everything, and by the report's own signer.

    Args:
        data: The signed file.
        page: The page without the signature, set again.
        certificate: The report's signer, X.509 as DER.

    Returns:
        When a time stamp authority says it was signed, RFC 3339; empty where none was asked.

    Raises:
        IntegrityError: It does not hold.
        TelereadError: pyHanko is not here.
    """
    if not installed():
        raise _absent("The PDF carries a signature of its own, which can't be proved here")
    reader = import_module("pyhanko.pdf_utils.reader").PdfFileReader
    when, good = "", False
    try:
        (found,) = reader(BytesIO(data), strict=True).embedded_signatures
        when = _holds(found, certificate)
        good = data.startswith(page) and _padded(data, found)
    except _refusals():
        good = False
    if not good:
        raise IntegrityError("The signature on the PDF does not hold.", code="signature")
    return when


def _refusals() -> tuple[type[Exception], ...]:
    """What pyHanko and the readers below it raise over a broken file."""
    own = (
        import_module("pyhanko.pdf_utils.misc").PdfError,
        import_module("pyhanko.sign.general").SigningError,
        import_module("pyhanko.sign.validation.errors").SignatureValidationError,
    )
    return (
        *own,
        *(ValueError, LookupError, TypeError, AttributeError, OSError, ArithmeticError),
        *(NotImplementedError, AssertionError, RecursionError),
    )


def _holds(found: Any, certificate: bytes) -> str:
    """The time stamp's time, where there is one.

    Raises:
        ValueError: Signature or time stamp don't hold, don't cover the file, or are another's.
    """
    validation = import_module("pyhanko.sign.validation")
    context = import_module("pyhanko_certvalidator").ValidationContext
    anchor = import_module("asn1crypto.x509").Certificate.load(certificate)
    told = validation.validate_pdf_signature(found, context(trust_roots=[anchor], allow_fetching=False))
    if not _plain(found):
        raise ValueError
    whole = told.coverage == validation.SignatureCoverageLevel.ENTIRE_FILE
    if not (told.intact and told.valid and whole and told.signing_cert.dump() == certificate):
        raise ValueError
    stamped = told.timestamp_validity
    if stamped is None:
        return ""
    if not (stamped.intact and stamped.valid):
        raise ValueError
    return str(stamped.timestamp.isoformat()).replace("+00:00", "Z")


def _plain(found: Any) -> bool:
    """Whether what the signature itself leaves out of its message (RFC 5652) is as it is always written."""
    message, signer = found.signed_data, found.signer_info
    algorithms = [one["algorithm"].native for one in message["digest_algorithms"]]
    versions = (message["version"].native, signer["version"].native)
    kinds = message["encap_content_info"]["content_type"].native, signer["sid"].name
    return (versions, algorithms, kinds) == (("v1", "v1"), ["sha256"], ("data", "issuer_and_serial_number"))


def _padded(data: bytes, found: Any) -> bool:
    """Whether what the byte ranges leave out is the signature in hexadecimal and zeros, and nothing else."""
    first, size, second, _ = (int(one) for one in found.byte_range)
    hole = data[first + size : second]
    inside = hole[1:-1]
    raw = bytes.fromhex(inside.decode("ascii"))
    length = 2 + (raw[1] & 0x7F) + int.from_bytes(raw[2 : 2 + (raw[1] & 0x7F)], "big")
    return (
        hole[:1] + hole[-1:] == b"<>"
        and not any(raw[length:])
        and inside in {raw.hex().encode(), raw.hex().upper().encode()}
    )


def _absent(words: str) -> TelereadError:
    return TelereadError(
        f"{words}: pyHanko is not installed.",
        "The signed bytes inside are proved without it.",
        "Install teleread[pades].",
        code="no-pades",
    )
