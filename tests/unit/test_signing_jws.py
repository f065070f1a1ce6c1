"""Detached JWS: ES256 and nothing else, and every part has one way to be written."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509 import load_der_x509_certificate

from teleread.host.clock import FakeClock
from teleread.model.errors import IntegrityError, LockedError
from teleread.signing.jws import parse, sign, verify
from teleread.signing.keys import Signer, make_key
from tests.unit import signing_cases as made

TEXT = b'{"schema":"teleread.report/1"}'


def private(key: Any = None) -> ec.EllipticCurvePrivateKey:
    found = load_der_private_key((key or made.key()).private_key, None)
    assert isinstance(found, ec.EllipticCurvePrivateKey)
    return found


def good() -> str:
    return sign(TEXT, private(), [made.key().certificate])


def write(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read(good().split(".")[0]))
    return found


def forged(head: bytes | dict[str, Any], payload: bytes = TEXT) -> str:
    """A JWS with any header, rightly signed by a P-256 key."""
    data = (
        head if isinstance(head, bytes) else json.dumps(head, separators=(",", ":"), sort_keys=True).encode()
    )
    told = f"{write(data)}.{write(payload)}".encode()
    r, s = utils.decode_dss_signature(private().sign(told, ec.ECDSA(hashes.SHA256())))
    return f"{write(data)}..{write(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def test_a_signature_holds_over_its_bytes_and_no_others() -> None:
    assert verify(TEXT, good()) == load_der_x509_certificate(made.key().certificate)
    with pytest.raises(IntegrityError, match="does not hold"):
        verify(TEXT + b" ", good())


def test_the_header_is_exactly_alg_typ_and_x5c() -> None:
    certificate = base64.b64encode(made.key().certificate).decode()
    assert header() == {"alg": "ES256", "typ": "teleread.report/1", "x5c": [certificate]}


def test_a_header_written_as_ours_is_taken_from_anybody() -> None:
    assert verify(TEXT, forged(header()))


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES384"},
        {"alg": "es256"},
        {"alg": None},
        {"typ": "JWT"},
        {"typ": "teleread.report/2"},
        {"crit": ["exp"]},
        {"kid": "1"},
        {"jwk": {}},
        {"x5u": "https://evil.example/cert"},
        {"b64": False},
        {"x5c": []},
        {"x5c": "AAAA"},
        {"x5c": [1]},
        {"x5c": ["!!"]},
        {"x5c": ["AAAA"]},
    ],
)
def test_any_other_header_is_refused_though_its_signature_holds(change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        verify(TEXT, forged({**header(), **change}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 20_000,
        json.dumps(header()).encode(),
        json.dumps(header(), separators=(",", ":")).encode()[:-1] + b',"alg":"ES256"}',
    ],
)
def test_a_header_written_another_way_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        verify(TEXT, forged(data))


def test_no_algorithm_and_no_signature_is_no_proof() -> None:
    head = write(json.dumps({**header(), "alg": "none"}, separators=(",", ":"), sort_keys=True).encode())
    with pytest.raises(IntegrityError):
        verify(TEXT, f"{head}..")


def test_a_public_key_is_never_taken_as_a_shared_secret() -> None:
    head = write(json.dumps({**header(), "alg": "HS256"}, separators=(",", ":"), sort_keys=True).encode())
    told = f"{head}.{write(TEXT)}".encode()
    mac = hmac.digest(made.key().public_key, told, hashlib.sha256)
    with pytest.raises(IntegrityError):
        verify(TEXT, f"{head}..{write(mac)}")


def test_a_key_of_another_curve_or_kind_is_refused() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "X")])
    for key in (ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()):
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
            .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
        )
        chain = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
        with pytest.raises(IntegrityError, match="P-256"):
            verify(TEXT, forged({**header(), "x5c": chain}))


@pytest.mark.parametrize(
    "change",
    [
        lambda jws: jws + "=",
        lambda jws: jws + "A",
        lambda jws: jws[:-4],
        lambda jws: jws.replace("..", "."),
        lambda jws: jws.replace("..", f".{write(TEXT)}."),
        lambda jws: jws + "\n",
        lambda jws: " " + jws,
        lambda jws: jws.replace("_", "/").replace("-", "+") + "+",
        lambda jws: "é" + jws,
        lambda jws: jws * 200,
        lambda jws: "",
    ],
)
def test_a_signature_written_another_way_is_refused(change: Any) -> None:
    with pytest.raises(IntegrityError):
        verify(TEXT, change(good()))


def test_unused_bits_of_base64url_can_not_carry_anything() -> None:
    """64 bytes leave four bits over in the last letter: only one letter of sixteen is right."""
    jws = good()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twins = [
        one for one in alphabet if one != jws[-1] and read(f"{jws.split('.')[2][:-1]}{one}") == parse(jws).raw
    ]
    assert len(twins) == 15
    for one in twins:
        with pytest.raises(IntegrityError, match="one way"):
            verify(TEXT, jws[:-1] + one)


def test_every_changed_letter_of_a_signature_is_found() -> None:
    jws = good()
    for place in range(len(jws)):
        letter = "A" if jws[place] != "A" else "B"
        with pytest.raises(IntegrityError):
            verify(TEXT, jws[:place] + letter + jws[place + 1 :])


# -- the key -------------------------------------------------------------------------------------------


def test_a_certificate_names_the_reader_and_no_patient() -> None:
    key = make_key("Dr Zoë Demo\x1b[2J", made.NOW)
    certificate = load_der_x509_certificate(key.certificate)
    assert certificate.subject.rfc4514_string() == "CN=Dr Zoë Demo[2J"
    assert certificate.not_valid_before_utc < made.NOW < certificate.not_valid_after_utc
    assert key.id == hashlib.sha256(key.public_key).hexdigest()
    assert "private" not in repr(key)


def test_two_keys_are_never_the_same() -> None:
    assert make_key("A", made.NOW).id != make_key("A", made.NOW).id


def test_a_very_long_or_empty_name_still_makes_a_certificate() -> None:
    for name in ("x" * 500, "é" * 40, "山" * 22, "", "  "):
        assert load_der_x509_certificate(make_key(name, made.NOW).certificate).subject.rdns


def test_the_key_stays_open_for_the_sites_hours_and_no_longer() -> None:
    clock, key = FakeClock(made.NOW), made.key()
    signer = Signer(clock)
    with pytest.raises(LockedError, match="shut"):
        signer.sign(TEXT)
    signer.open(key.private_key, key.certificate, 8)
    clock.advance(8 * 3600 - 1)
    assert verify(TEXT, signer.sign(TEXT))
    clock.advance(1)
    assert not signer.ready
    with pytest.raises(LockedError):
        signer.sign(TEXT)


def test_a_clock_set_back_keeps_no_key_open() -> None:
    clock, key = FakeClock(made.NOW), made.key()
    signer = Signer(clock)
    signer.open(key.private_key, key.certificate, 1)
    clock.advance(3600)
    clock.jump(-7200)
    assert not signer.ready


def test_zero_hours_open_the_key_for_one_signature() -> None:
    key = made.key()
    signer = Signer(FakeClock(made.NOW))
    signer.open(key.private_key, key.certificate, 0)
    assert signer.ready
    signer.sign(TEXT)
    assert not signer.ready


def test_a_lock_lets_the_key_go() -> None:
    key = made.key()
    signer = Signer(FakeClock(made.NOW))
    signer.open(key.private_key, key.certificate, 8)
    signer.close()
    assert not signer.ready


def test_a_broken_key_is_told() -> None:
    with pytest.raises(IntegrityError):
        Signer(FakeClock(made.NOW)).open(b"nonsense", b"", 8)
