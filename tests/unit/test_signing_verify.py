"""Proof of reports and of exported files: a changed byte anywhere, or another key, is told."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from teleread.documents import fhir, render_html, render_text
from teleread.model.report import SignedReport, Verdict
from teleread.signing.compose import report_of
from teleread.signing.verify import verify_file, verify_report
from tests.unit import signing_cases as made

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
FORMS: dict[str, Callable[[SignedReport], bytes]] = {
    "text": render_text.render,
    "html": render_html.render,
    "fhir": fhir.export_bundle,
}


def own() -> set[bytes]:
    return {made.key().public_key}


def prove(data: bytes, held: SignedReport | None = None) -> Verdict:
    def find(report_id: str, version: int) -> SignedReport | None:
        fits = held is not None and (held.report_id, held.version) == (report_id, version)
        return held if fits else None

    return verify_file(data, own(), (), find)


def test_a_report_of_ones_own_is_valid_and_trusted() -> None:
    report = made.signed()
    verdict = verify_report(report.frozen, report.signature, own())
    assert (verdict.valid, verdict.trust, verdict.why) == (True, "own", "")
    assert verdict.signer == "Dr Demo Reader"
    assert verdict.signed_at == "2026-11-24T14:02:11Z"
    assert verdict.sha256 == report.sha256
    assert verdict.content["report_id"] == report.report_id


def test_a_retired_key_stays_ones_own() -> None:
    old = made.key("old")
    report = made.signed(by=old)
    assert (
        verify_report(report.frozen, report.signature, {made.key().public_key, old.public_key}).trust == "own"
    )


def test_a_certificate_inside_is_never_trusted_by_itself() -> None:
    report = made.signed(by=made.key("Dr Demo Reader "))
    verdict = verify_report(report.frozen, report.signature, own())
    assert (verdict.valid, verdict.trust) == (True, "unknown")
    assert "neither one of yours" in verdict.why


def test_every_flipped_byte_of_the_frozen_form_is_found() -> None:
    report = made.signed()
    for place in range(len(report.frozen)):
        changed = bytearray(report.frozen)
        changed[place] ^= 1
        verdict = verify_report(bytes(changed), report.signature, own())
        assert not verdict.valid
        assert verdict.why


@pytest.mark.parametrize("form", ["html", "fhir"])
@pytest.mark.parametrize("bit", [0x01, 0x20, 0x80])
def test_every_flipped_byte_of_an_export_is_found(form: str, bit: int, full: bool) -> None:
    data = FORMS[form](made.signed())
    places = range(len(data)) if full else sorted(random.sample(range(len(data)), 700))
    for place in places:
        changed = bytearray(data)
        changed[place] ^= bit
        assert not prove(bytes(changed)).valid, place


def test_every_flipped_byte_of_a_text_is_found_against_the_vault() -> None:
    report = made.signed()
    data = render_text.render(report)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        assert not prove(bytes(changed), report).valid, place


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("make", [made.signed, made.addendum])
def test_what_was_exported_is_proved(form: str, make: Callable[[], SignedReport]) -> None:
    report = make()
    verdict = prove(FORMS[form](report), report)
    assert (verdict.valid, verdict.trust, verdict.why) == (True, "own", "")


@pytest.mark.parametrize("form", ["html", "fhir"])
def test_html_and_fhir_are_proved_without_the_vaults_copy(form: str) -> None:
    assert prove(FORMS[form](made.signed())).trust == "own"


def test_a_text_alone_proves_nothing() -> None:
    verdict = prove(render_text.render(made.signed()))
    assert not verdict.valid
    assert "does not hold that report" in verdict.why


@pytest.mark.parametrize("form", ["html", "fhir"])
def test_the_same_text_signed_by_another_key_is_told(form: str) -> None:
    mine, theirs = made.signed(), made.signed(by=made.key("Mallory"))
    assert mine.frozen == theirs.frozen
    stranger = prove(FORMS[form](theirs))
    assert (stranger.trust, stranger.signer) == ("unknown", "Mallory")
    assert stranger.why
    here = prove(FORMS[form](theirs), mine)
    assert not here.valid
    assert "another key" in here.why


def test_another_text_under_a_report_of_this_vault_is_told() -> None:
    mine = made.signed()
    other = made.signed(made.case(draft=made.draft(findings="Other.", impression="Other.")))
    verdict = prove(render_html.render(other), mine)
    assert not verdict.valid
    assert "another text" in verdict.why


def test_a_signature_of_another_report_does_not_fit() -> None:
    report, other = made.signed(), made.signed(made.case(draft=made.draft(findings="x", impression="y")))
    assert not verify_report(report.frozen, other.signature, own()).valid


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"<!-- -->",
        lambda data: data.replace(b"No liver abscess", b"Liver abscess", 1),
        lambda data: data.replace(b"</main>", b"<p>Addendum: all well.</p></main>", 1),
        lambda data: data.replace(b"html/1", b"html/2", 1),
        lambda data: data.replace(b"<details>", b'<details><pre id="teleread-report">AAAA</pre>', 1),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data[: len(data) // 2],
    ],
)
def test_a_page_that_was_edited_is_told_in_words(change: Callable[[bytes], bytes]) -> None:
    verdict = prove(change(render_html.render(made.signed())))
    assert not verdict.valid
    assert verdict.why.endswith(".")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b'"final"', b'"preliminary"', 1),
        lambda data: data.replace(b"Patient/p1", b"Patient/p2", 1),
        lambda data: data.replace(b"fhir/2", b"fhir/7", 1),
        lambda data: data.replace(b"  ", b" ", 1),
        lambda data: data + b" ",
        lambda data: data.replace(b'"recorded": "2026', b'"recorded": "2025', 1),
    ],
)
def test_a_bundle_that_was_edited_is_told_in_words(change: Callable[[bytes], bytes]) -> None:
    data = fhir.export_bundle(made.signed())
    assert change(data) != data
    verdict = prove(change(data))
    assert not verdict.valid
    assert verdict.why.endswith(".")


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 100, b"{", b"<!DOCTYPE html>", b"Dear colleague,\n", b"\xff" * 9]
)
def test_other_files_are_no_reports(data: bytes) -> None:
    verdict = prove(data)
    assert (verdict.valid, verdict.trust) == (False, "unknown")
    assert verdict.why


def test_a_file_that_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("teleread.signing.verify.MAX_FILE", 10)
    assert "too long" in prove(b"x" * 11).why


@pytest.mark.parametrize("name", ["report-1", "report-2"])
def test_reports_signed_by_version_1_verify_for_ever(name: str) -> None:
    frozen = (GOLDEN / f"{name}.frozen.json").read_bytes()
    report = report_of(frozen, (GOLDEN / f"{name}.jws").read_text("ascii"))
    assert verify_report(report.frozen, report.signature, set()).valid
    for form in ("html-1.html", "fhir-1.json"):
        assert verify_file((GOLDEN / f"{name}.{form}").read_bytes(), set()).valid
    text = (GOLDEN / f"{name}.text-1.txt").read_bytes()
    assert verify_file(text, set(), (), lambda *_: report).valid


# -- the site's certificate authority ------------------------------------------------------------------


def authority(name: str = "Northgate CA", *, ca: bool = True) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def issue(public: Any, to: str, *, is_ca: bool = False, days: int = 365) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, to)]))
            .issuer_name(subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(made.NOW - timedelta(days=400))
            .not_valid_after(made.NOW - timedelta(days=400) + timedelta(days=400 + days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )

    return key, issue(key.public_key(), name, is_ca=ca), issue


def vouched(issue: Any, **kwargs: Any) -> SignedReport:
    from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

    key = made.key("Dr P Reid")
    certificate = issue(load_der_public_key(key.public_key), "Dr P Reid", **kwargs)
    return made.signed(by=replace(key, certificate=certificate.public_bytes(Encoding.DER)))


def test_a_key_the_site_vouches_for_is_told_as_such() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    _, anchor, issue = authority()
    report = vouched(issue)
    for encoding in (Encoding.PEM, Encoding.DER):
        verdict = verify_report(report.frozen, report.signature, own(), [anchor.public_bytes(encoding)])
        assert (verdict.valid, verdict.trust, verdict.signer) == (True, "site-ca", "Dr P Reid")


def test_an_authority_that_is_none_expired_or_another_vouches_for_nobody() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    _, anchor, issue = authority()
    _, other, _ = authority()
    _, leaf, by_leaf = authority(ca=False)
    cases = [
        (vouched(issue), other),
        (vouched(issue, days=-10), anchor),
        (vouched(by_leaf), leaf),
        (made.signed(by=made.key("self")), anchor),
    ]
    for report, given in cases:
        verdict = verify_report(report.frozen, report.signature, own(), [given.public_bytes(Encoding.PEM)])
        assert (verdict.valid, verdict.trust) == (True, "unknown")
    broken = [b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"nonsense"]
    report = vouched(issue)
    assert verify_report(report.frozen, report.signature, own(), broken).trust == "unknown"
