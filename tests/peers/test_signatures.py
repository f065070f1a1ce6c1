"""Our signatures before verifiers no one here wrote: DCMTK's dcmsign, joserfc, pyHanko."""

from __future__ import annotations

import base64
import random
import subprocess
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from teleread.documents import dicom_seal
from teleread.model.report import SignedReport
from teleread.signing.verify import verify_file
from tests.peers.test_documents import absent, generated, program
from tests.unit import documents_cases as cases
from tests.unit import signing_cases as made

DCMSIGN_READS = 1 << 14
"""DCMTK 3.6.7 feeds its MAC by a buffer of so many bytes. Where the boundary falls into a sequence it goes on
with the delimiters and leaves out the rest of that sequence (seen by `dcmsign --sign --dump` over the same
file: after byte 16384, in the middle of a value, stands FFFE,E0DD): it refuses our signature over all of it,
and its own covers none of the rest."""
FLIPS = 8
"""Bits flipped in each file."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signer") / "signer.pem"
    path.write_bytes(x509.load_der_x509_certificate(made.key().certificate).public_bytes(Encoding.PEM))
    return path


def flipped(data: bytes, dice: random.Random) -> bytes:
    """The same with one bit changed."""
    changed = bytearray(data)
    changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(changed)


# -- the structured report ----------------------------------------------------------------------------


def dcmsign(path: Path, certificate: Path) -> tuple[bool, str]:
    done = subprocess.run(
        [program("dcmsign"), "--verify", "+rg", "+cf", str(certificate), str(path)],
        capture_output=True,
        timeout=60,
    )
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    return done.returncode == 0 and "Signature Verification : OK" in said, said


def values(data: bytes, start: int, end: int) -> Iterator[int]:
    """Where the bytes of values stand, sequences opened; not what makes a length even.

    Lengths of sequences and items and reserved bytes are outside of the signature by the standard, and DCMTK
    mends what it can of an element's head. Our own proof refuses all of it, byte by byte.
    """
    for one in dicom_seal._elements(data, start, end):
        at = one.value
        if one.vr != b"SQ":
            yield from range(at, at + len(data[at : one.end].rstrip(b"\0 ")))
            continue
        while at < one.end:
            size = int.from_bytes(data[at + 4 : at + 8], "little")
            yield from values(data, at + 8, at + 8 + size)
            at += 8 + size


def parted(data: bytes) -> tuple[bytes, dicom_seal.Seal]:
    plain, tail = dicom_seal.split(data)
    return plain, dicom_seal.read(plain, tail)


@pytest.mark.peer("dcmtk")
@pytest.mark.campaign
def test_dcmsign_verifies_every_structured_report_and_none_with_a_flipped_bit(
    certificate: Path, tmp_path: Path
) -> None:
    path, dice, beyond = tmp_path / "report.dcm", random.Random(cases.SEED), 0
    for index, report in enumerate(generated()):
        data = made.sealed(report)
        path.write_bytes(data)
        good, said = dcmsign(path, certificate)
        if not good and len(dicom_seal.signed_bytes(*parted(data))) > DCMSIGN_READS:
            beyond += 1
            continue
        assert good, (index, said)
        body, last = 144 + int.from_bytes(data[140:144], "little"), len(dicom_seal.split(data)[0])
        for at in dice.sample(list(values(data, body, last)), FLIPS if index < 12 else 1):
            changed = bytearray(data)
            changed[at] ^= 1 << dice.randrange(8)
            path.write_bytes(changed)
            assert not dcmsign(path, certificate)[0], (index, at, data[at - 12 : at + 4])
    print(f"{beyond} of {cases.COUNT} beyond what dcmsign reads")
    assert beyond <= cases.COUNT // 20


@pytest.mark.campaign
def test_our_own_proof_refuses_a_flipped_bit_in_every_region_of_every_structured_report() -> None:
    dice, own = random.Random(cases.SEED), (made.key().public_key,)
    for index, report in enumerate(generated()):
        data = made.sealed(report)
        assert verify_file(data, own, (), lambda *_, held=report: held).valid, index
        body, last = 144 + int.from_bytes(data[140:144], "little"), len(dicom_seal.split(data)[0])
        regions = {
            "preamble": range(128),
            "prefix": range(128, 132),
            "file meta information": range(132, body),
            "data set": range(body, last),
            "signature": range(last, len(data)),
        }
        for name, region in regions.items():
            changed, at = bytearray(data), dice.choice(region)
            changed[at] ^= 1 << dice.randrange(8)
            verdict = verify_file(bytes(changed), own, (), lambda *_, held=report: held)
            assert not verdict.valid, (index, name, at)


# -- the JWS ------------------------------------------------------------------------------------------


def joserfc_verifies(report: SignedReport, frozen: bytes, signature: str) -> bool:
    """Detached, by the certificate of the header, with ES256 alone."""
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey

    public = x509.load_der_x509_certificate(made.key().certificate).public_key()
    key = ECKey.import_key(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    registry = jws.JWSRegistry(algorithms=["ES256"])
    # its bounds are for web tokens; ours carry a certificate, over a whole report
    registry.max_header_length = registry.max_payload_length = 1 << 20
    payload = base64.urlsafe_b64encode(frozen).rstrip(b"=").decode()
    try:
        found = jws.deserialize_compact(signature.replace("..", f".{payload}."), key, registry=registry)
    except (JoseError, ValueError):
        return False
    return found.payload == frozen


@pytest.mark.peer("joserfc")
@pytest.mark.campaign
def test_another_jose_library_verifies_every_signature_and_none_with_a_flipped_bit() -> None:
    try:
        import joserfc  # noqa: F401
    except ImportError:
        absent("joserfc")
    dice = random.Random(cases.SEED)
    for report in generated():
        assert joserfc_verifies(report, report.frozen, report.signature)
        for _ in range(FLIPS):
            assert not joserfc_verifies(report, flipped(report.frozen, dice), report.signature)
            head, _, tail = report.signature.partition("..")
            broken = flipped(tail.encode(), dice)[:-2].decode("latin-1") + tail[-2:]
            if broken != tail:
                assert not joserfc_verifies(report, report.frozen, f"{head}..{broken}")


# -- the page -----------------------------------------------------------------------------------------


def signed_page(report: SignedReport) -> tuple[bytes, bytes]:
    """The page as it is set, and with its signature."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    from teleread.documents.forms import render_form
    from teleread.signing.pades import sign_pdf

    private = load_der_private_key(made.key().private_key, None)
    assert isinstance(private, EllipticCurvePrivateKey)
    page = render_form(report, "pdf")
    tail = sign_pdf(
        page, (made.key().certificate,), "Dr Reader", lambda data: private.sign(data, ECDSA(SHA256()))
    )
    return page, page + tail


def pyhanko_verifies(data: bytes) -> bool:
    """By pyHanko's own validator: whole, by a signer it was told to trust, over all of the file."""
    reader = import_module("pyhanko.pdf_utils.reader").PdfFileReader
    validation = import_module("pyhanko.sign.validation")
    context = import_module("pyhanko_certvalidator").ValidationContext
    anchor = import_module("asn1crypto.x509").Certificate.load(made.key().certificate)
    try:
        (found,) = reader(BytesIO(data)).embedded_signatures
        told = validation.validate_pdf_signature(found, context(trust_roots=[anchor], allow_fetching=False))
    except Exception:
        return False
    return bool(told.bottom_line and told.coverage == validation.SignatureCoverageLevel.ENTIRE_FILE)


def covered(data: bytes) -> tuple[range, range, range]:
    """Where the bytes before the signature stand, the signature itself, and the bytes after it."""
    told = data[data.rindex(b"/ByteRange") :].split(b"[")[1].split(b"]")[0]
    first, size, second, rest = map(int, told.split())
    return range(first, first + size), range(first + size, second), range(second, second + rest)


@pytest.mark.peer("pyhanko")
@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore")
def test_pyhanko_verifies_every_signed_page_and_none_with_a_flipped_bit() -> None:
    for name in ("pyhanko", "typst"):
        if find_spec(name) is None:
            absent(name)
    from teleread.model.errors import IntegrityError
    from teleread.signing.pades import prove

    dice, own = random.Random(cases.SEED), made.key().certificate
    for index, report in enumerate(generated()):
        page, data = signed_page(report)
        assert pyhanko_verifies(data), index
        assert prove(data, page, own) == ""
        before, inside, after = covered(data)
        assert (before.start, after.stop) == (0, len(data)), "nothing but the signature is left out"
        places = [dice.choice(before), dice.choice(after), dice.choice(range(before.stop - 400, before.stop))]
        for at in places:
            changed = bytearray(data)
            changed[at] ^= 1 << dice.randrange(8)
            assert not pyhanko_verifies(bytes(changed)), (index, at)
        # what stands in the hole is pyHanko's to judge by its rules; our own proof takes no other byte there
        for at in (*places, dice.choice(inside), dice.choice(inside)):
            changed = bytearray(data)
            changed[at] ^= 1 << dice.randrange(8)
            with pytest.raises(IntegrityError):
                prove(bytes(changed), page, own)
