"""TLS as a site has it: an authority of its own, a client certificate, a wrong name, an old protocol."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from teleread.model.errors import OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.wire.http import HttpClient

NOW = datetime.now(UTC)


class Authority:
    """A certificate authority with a folder."""

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path = folder / f"{name.replace(' ', '-')}.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        identifier = x509.SubjectKeyIdentifier.from_public_key(key)
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=1))
            .add_extension(identifier, critical=False)
            .add_extension(own, critical=False)
        )

    def issue(self, name: str, host: str = "127.0.0.1") -> Path:
        """A certificate with its key in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(host))]
        certificate = (
            self._builder(subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{name}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return path


@contextmanager
def server(context: ssl.SSLContext) -> Iterator[str]:
    """Answers `{}` over TLS to whoever gets through the handshake."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                plain, _ = listener.accept()
            except TimeoutError:
                continue
            plain.settimeout(5)
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            except (OSError, ssl.SSLError):
                plain.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(10)
        listener.close()


def serving(certificate: Path, *, client_authority: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority)
    return context


def asked(base: str, *, ca_file: str = "", client_cert: str = "", write: bool = False) -> object:
    hub = HubFile(hub_id="h", name="NORTH", ca_file=ca_file, client_cert=client_cert)
    client = HttpClient(hub, None, base=base)
    try:
        return (client.send_json("POST", "a", b"{}") if write else client.get_json("a")).json
    finally:
        client.close()


def refused(base: str, **how: object) -> TelereadError:
    with pytest.raises(TelereadError) as caught:
        asked(base, **how)  # type: ignore[arg-type]
    return caught.value


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_sites_own_authority_is_trusted_once_its_file_is_named(authority: Authority) -> None:
    with server(serving(authority.issue("site"))) as base:
        assert asked(base, ca_file=str(authority.path)) == {}


@pytest.mark.parametrize("write", [False, True])
def test_an_unknown_authority_is_refused_in_words_and_nothing_was_sent(
    authority: Authority, write: bool
) -> None:
    with server(serving(authority.issue("site"))) as base:
        error = refused(base, write=write)
    assert isinstance(error, OfflineError)
    assert (error.code, error.retryable) == ("tls", False)
    assert "not trusted" in error.title
    assert "--ca-file" in error.remedy


def test_another_authority_than_the_one_named_is_refused(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "Other authority")
    with server(serving(authority.issue("site"))) as base:
        assert refused(base, ca_file=str(other.path)).code == "tls"


def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    with server(serving(authority.issue("site", "127.0.0.9"))) as base:
        assert refused(base, ca_file=str(authority.path)).code == "tls"


def test_a_client_certificate_is_shown_where_the_site_asks_for_one(authority: Authority) -> None:
    mine = authority.issue("reader")
    with server(serving(authority.issue("site"), client_authority=authority.path)) as base:
        assert asked(base, ca_file=str(authority.path), client_cert=str(mine)) == {}
        error = refused(base, ca_file=str(authority.path))
    assert isinstance(error, OfflineError)


def test_a_server_that_speaks_no_tls_is_told_as_such() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: _plain(listener))
    thread.start()
    error = refused(f"https://127.0.0.1:{listener.getsockname()[1]}")
    thread.join(10)
    listener.close()
    assert (error.code, error.retryable) == ("tls", False)


def _plain(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
