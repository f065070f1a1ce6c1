"""A signing key certified by a site's own authority: asked for, taken in, carried, trusted as `site-ca`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from teleread.model.errors import LockedError, UsageError
from teleread.signing.certificates import split_chain
from teleread.signing.jws import parse
from teleread.signing.verify import verify_file, verify_report
from teleread.workstation.certificate import install, request
from teleread.workstation.exports import export_report
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import World

Key = ec.EllipticCurvePrivateKey


def name(words: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def issued(
    public: ec.EllipticCurvePublicKey, subject: x509.Name, by: Key, issuer: x509.Name, *, ca: bool = False
) -> x509.Certificate:
    usage = x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(cases.START - timedelta(days=1))
        .not_valid_after(cases.START + timedelta(days=800))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(by, SHA256())
    )


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


@pytest.fixture
def asked(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> x509.CertificateSigningRequest:
    monkeypatch.setenv("TELEREAD_PIN", cases.PIN)
    request(world.core, str(tmp_path / "me.csr"))
    return x509.load_pem_x509_csr((tmp_path / "me.csr").read_bytes())


def test_the_request_is_signed_by_the_key_and_names_the_reader_alone(
    world: World, asked: x509.CertificateSigningRequest
) -> None:
    assert asked.is_signature_valid
    assert [one.value for one in asked.subject] == ["Practitioner/reader", "Dr Test"]
    assert "key-request" in [one.kind for one in world.vault.audit.export()]


def test_a_request_needs_the_pin(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEREAD_PIN", "000000")
    with pytest.raises(LockedError):
        request(world.core, str(tmp_path / "me.csr"))
    assert not (tmp_path / "me.csr").exists()


def test_what_the_authority_issued_goes_with_every_later_signature_and_is_trusted_by_it(
    world: World, asked: x509.CertificateSigningRequest, tmp_path: Path
) -> None:
    before = world.signed(world.task(cases.context()))
    root, middle = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    anchor = issued(root.public_key(), name("Root"), root, name("Root"), ca=True)
    between = issued(middle.public_key(), name("Middle"), root, name("Root"), ca=True)
    public = asked.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    mine = issued(public, asked.subject, middle, name("Middle"))
    (tmp_path / "me.pem").write_bytes(pem(between, mine))  # in whatever order a site sends them
    assert install(world.core, str(tmp_path / "me.pem"))["certificates"] == 2
    after = world.signed(world.task(cases.context("task-2")))
    assert len(parse(after.signature).certificates) == 2
    verdict = verify_report(after.frozen, after.signature, (), [pem(anchor)])
    assert (verdict.valid, verdict.trust, verdict.signer) == (True, "site-ca", "Dr Test")
    own = [one.public_key for one in world.vault.signing_keys.list()]
    assert verify_report(after.frozen, after.signature, own).trust == "own"
    assert verify_report(before.frozen, before.signature, own).trust == "own"
    assert verify_report(before.frozen, before.signature, (), [pem(anchor)]).trust == "unknown"
    export_report(world.core, after.report_id, "dicom-sr", str(tmp_path / "report.dcm"))
    found = verify_file((tmp_path / "report.dcm").read_bytes(), (), [pem(between)])
    assert (found.valid, found.trust) == (True, "site-ca")


@pytest.mark.parametrize("what", ["another-key", "no-certificate", "may-not-sign"])
def test_what_is_no_certificate_for_this_key_is_refused_in_words(
    world: World, asked: x509.CertificateSigningRequest, tmp_path: Path, what: str
) -> None:
    root = ec.generate_private_key(ec.SECP256R1())
    public = asked.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    files = {
        "another-key": pem(issued(root.public_key(), name("Me"), root, name("Root"))),
        "no-certificate": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "may-not-sign": pem(issued(public, asked.subject, root, name("Root"), ca=True)),
    }
    (tmp_path / "me.pem").write_bytes(files[what])
    held = world.vault.signing_keys.current()
    with pytest.raises(UsageError) as caught:
        install(world.core, str(tmp_path / "me.pem"))
    assert caught.value.code == "certificate"
    assert world.vault.signing_keys.current() == held


def test_a_chain_kept_is_the_chain_given(world: World) -> None:
    current = world.vault.signing_keys.current()
    assert current is not None
    assert split_chain(current.certificate) == (current.certificate,)
    assert split_chain(current.certificate * 3) == (current.certificate,) * 3
