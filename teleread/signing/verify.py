"""Proof: the signature over the bytes, whose key it was, and every other element derived again.

Nothing here raises for a report that does not hold: the answer is a `Verdict` with words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from teleread.documents.frozen import thaw
from teleread.documents.marks import Mark
from teleread.documents.proving import claim_of
from teleread.model.errors import IntegrityError, TelereadError
from teleread.model.report import SignedReport, Verdict
from teleread.model.text import SafeText, clean

from .compose import report_of
from .jws import parse, verify

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["MAX_FILE", "verify_file", "verify_report"]

MAX_FILE: Final = 128 * 1024 * 1024
"""Longest file proved, bytes."""

Finder = Callable[[str, int], SignedReport | None]
"""A report version in the vault, by report id and version; None where it is not there."""


def verify_report(
    frozen: bytes, signature: str, own: Collection[bytes], site_ca: Sequence[bytes] = ()
) -> Verdict:
    """Prove signed bytes.

    Args:
        frozen: The frozen form.
        signature: Detached JWS.
        own: Public keys (SubjectPublicKeyInfo, DER) of this vault, retired ones included.
        site_ca: The site's certificate authorities, X.509 as DER or PEM.
    """
    try:
        form = thaw(frozen)
        certificate = verify(frozen, signature)
        trust, why = _trust(certificate, signature, own, site_ca, form["signed_at"])
    except IntegrityError as error:
        return Verdict(False, "unknown", why=clean(error))
    return Verdict(
        True,
        trust,
        signer=_signer(certificate),
        signed_at=form["signed_at"],
        sha256=report_of(frozen, signature).sha256,
        why=clean(why),
        content=form,
    )


def _trust(
    certificate: Certificate, signature: str, own: Collection[bytes], site_ca: Sequence[bytes], at: str
) -> tuple[str, str]:
    chain = parse(signature).certificates
    return _trust_in(certificate, chain, own, site_ca, datetime.fromisoformat(at))


def _trust_in(
    certificate: Certificate,
    chain: Sequence[bytes],
    own: Collection[bytes],
    site_ca: Sequence[bytes],
    at: datetime,
) -> tuple[str, str]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if public in own:
        return "own", ""
    if site_ca and _chained(chain, site_ca, at):
        return "site-ca", ""
    return "unknown", "The signature holds, but its key is neither one of yours nor vouched for by the site."


def _chained(certificates: Sequence[bytes], site_ca: Sequence[bytes], at: datetime) -> bool:
    """Whether the signer's certificate leads to one of the site's, valid at signing."""
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    try:
        chain = [load_der_x509_certificate(one) for one in certificates]
    except (ValueError, InvalidVersion):
        return False
    anchors = [one for data in site_ca for one in _load(data)]
    for link, above in zip(chain, [*chain[1:], None], strict=True):
        if not link.not_valid_before_utc <= at <= link.not_valid_after_utc:
            return False
        if any(_issued(link, anchor) for anchor in anchors):
            return True
        if above is None or not _issued(link, above):
            return False
    return False


def _load(data: bytes) -> list[Certificate]:
    from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificates

    try:
        return (
            load_pem_x509_certificates(data) if b"-----BEGIN" in data else [load_der_x509_certificate(data)]
        )
    except ValueError:
        return []


def _issued(one: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509 import BasicConstraints, ExtensionNotFound

    try:
        if not issuer.extensions.get_extension_for_class(BasicConstraints).value.ca:
            return False
        one.verify_directly_issued_by(issuer)
    except (ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return True


def _signer(certificate: Certificate) -> SafeText:
    from cryptography.x509.oid import NameOID

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return clean(names[0].value if names else "", limit=200)


# -- files --------------------------------------------------------------------------------------------


def verify_file(
    data: bytes, own: Collection[bytes], site_ca: Sequence[bytes] = (), find: Finder | None = None
) -> Verdict:
    """Prove what `report export` wrote, whatever its form.

    Args:
        data: The file.
        own: Public keys of this vault, as for `verify_report`.
        site_ca: The site's certificate authorities.
        find: Looks a report version up in the vault; forms without the signed bytes are proved by it alone.
    """
    if len(data) > MAX_FILE:
        return Verdict(False, "unknown", why=clean("This file is too long to be a report."))
    try:
        data, tail = _split(data)
        claim = claim_of(data)
        carried = claim.carried
        if tail and not carried and not _holds(claim.mark, find):
            return _by_seal_alone(data, tail, claim.mark, own, site_ca)
        report = report_of(carried.frozen, carried.signature) if carried else _held(claim.mark, find)
        derived = claim.derive(report)
        _same_signer(data, tail, claim.mark, report)
        if data.startswith(b"%PDF-") and data != derived and data.startswith(derived):
            _signed_page(data, derived, report)
            derived = data
    except TelereadError as error:
        return Verdict(False, "unknown", why=clean(error))
    verdict = verify_report(report.frozen, report.signature, own, site_ca)
    if verdict.valid and derived != data:
        words = "The signed bytes hold, but what stands around them was changed after it was exported."
        verdict = replace(verdict, valid=False, why=clean(words))
    return _against_vault(verdict, report, find)


def _split(data: bytes) -> tuple[bytes, bytes]:
    """A DICOM file and the digital signature after it; anything else as it is."""
    if data[128:132] != b"DICM":
        return data, b""
    from teleread.documents.dicom_seal import split

    try:
        return split(data)
    except IntegrityError:
        return data, b""  # of another transfer syntax, or broken: it is proved, or not, as a whole


def _same_signer(plain: bytes, tail: bytes, mark: Mark | None, report: SignedReport) -> None:
    """Prove the DICOM signature, and that the report's own signer made it."""
    if not tail:
        return
    from . import dicom_signature

    _, seal = dicom_signature.verify(plain, tail, mark)
    if seal.certificate != parse(report.signature).certificates[0]:
        raise IntegrityError("The DICOM signature is by another key than the report's.", code="signature")


def _signed_page(data: bytes, page: bytes, report: SignedReport) -> None:
    """Prove the PDF's own signature: by the report's signer, over the page set again."""
    from .pades import prove

    prove(data, page, parse(report.signature).certificates[0])


def _by_seal_alone(
    plain: bytes, tail: bytes, mark: Mark | None, own: Collection[bytes], site_ca: Sequence[bytes]
) -> Verdict:
    """A signed DICOM file whose report this vault does not hold: its own signature proves it."""
    from teleread.documents.dicom_seal import meta_is_ours

    from . import dicom_signature

    certificate, seal = dicom_signature.verify(plain, tail, mark)
    if not meta_is_ours(plain):
        raise IntegrityError("The file's head is not one that teleread writes.", code="signature")
    at = datetime.strptime(seal.at, "%Y%m%d%H%M%S.%f%z")
    trust, why = _trust_in(certificate, (seal.certificate,), own, site_ca, at)
    words = "Proved by its DICOM signature; this vault does not hold the report itself."
    return Verdict(
        True,
        trust,
        signer=_signer(certificate),
        signed_at=at.isoformat().replace("+00:00", "Z"),
        sha256=mark.sha256 if mark else "",
        why=clean(f"{words} {why}".strip()),
    )


def _holds(mark: Mark | None, find: Finder | None) -> bool:
    return bool(find and mark and find(mark.report_id, mark.version))


def _held(mark: Mark | None, find: Finder | None) -> SignedReport:
    held = find(mark.report_id, mark.version) if find and mark else None
    if held is None or mark is None:
        raise IntegrityError(
            "Such an export is proved against the vault it came from; this vault does not hold that report.",
            remedy="Ask for the HTML, PDF, HL7 or FHIR export.",
            code="not-held",
        )
    if held.sha256 != mark.sha256:
        raise IntegrityError("The file names another SHA-256 than the report in this vault.", code="digest")
    return held


def _against_vault(verdict: Verdict, report: SignedReport, find: Finder | None) -> Verdict:
    """A report this vault signed has one text and one signer: anything else under its name is told."""
    held = find(report.report_id, report.version) if find and verdict.valid else None
    if held is None:
        return verdict
    if held.sha256 != report.sha256:
        words = "This vault signed another text as that version of that report."
    elif held.signature != report.signature and verdict.trust != "own":
        words = "This vault signed that report itself; here it carries a signature by another key."
    else:
        return verdict
    return replace(verdict, valid=False, why=clean(words))
