"""TLS as a site has it: an authority of its own, a client certificate, a wrong name, an old protocol."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from teleread.model.errors import OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.wire.http import HttpClient
from teleread.wire.http_bulk import BulkClient

NOW = datetime.now(UTC)
WAYS = ["httpx", "httpx write", "bulk"]
"""Every way to ask: all have to behave the same."""


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


def read_request(connection: socket.socket) -> bytes:
    """A request with its body: whoever closes before it is read resets the line."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: ([0-9]+)", head)
    while found and len(body) < int(found[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


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
                    read_request(connection)
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


def asked(
    base: str, *, by: str = "httpx", ca_file: str = "", client_cert: str = "", proxy: str = ""
) -> object:
    hub = HubFile(hub_id="h", name="NORTH", ca_file=ca_file, client_cert=client_cert, proxy=proxy)
    if by == "bulk":
        bulk = BulkClient(hub, None, base=base, what="hub")
        try:
            with bulk.stream("a") as answer:
                return json.loads(b"".join(answer.pieces))
        finally:
            bulk.close()
    client = HttpClient(hub, None, base=base)
    try:
        return (client.send_json("POST", "a", b"{}") if by == "httpx write" else client.get_json("a")).json
    finally:
        client.close()


def refused(base: str, **how: object) -> TelereadError:
    with pytest.raises(TelereadError) as caught:
        asked(base, **how)  # type: ignore[arg-type]
    return caught.value


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize("by", WAYS)
def test_a_sites_own_authority_is_trusted_once_its_file_is_named(authority: Authority, by: str) -> None:
    with server(serving(authority.issue("site"))) as base:
        assert asked(base, by=by, ca_file=str(authority.path)) == {}


@pytest.mark.parametrize("by", WAYS)
def test_an_unknown_authority_is_refused_in_words_and_nothing_was_sent(authority: Authority, by: str) -> None:
    with server(serving(authority.issue("site"))) as base:
        error = refused(base, by=by)
    assert isinstance(error, OfflineError)
    assert (error.code, error.retryable) == ("tls", False)
    assert "not trusted" in error.title
    assert "--ca-file" in error.remedy


@pytest.mark.parametrize("by", WAYS)
def test_another_authority_than_the_one_named_is_refused(
    authority: Authority, tmp_path: Path, by: str
) -> None:
    other = Authority(tmp_path, "Other authority")
    with server(serving(authority.issue("site"))) as base:
        assert refused(base, by=by, ca_file=str(other.path)).code == "tls"


@pytest.mark.parametrize("by", WAYS)
def test_a_certificate_for_another_name_is_refused(authority: Authority, by: str) -> None:
    with server(serving(authority.issue("site", "127.0.0.9"))) as base:
        assert refused(base, by=by, ca_file=str(authority.path)).code == "tls"


@pytest.mark.parametrize("by", WAYS)
def test_a_client_certificate_is_shown_where_the_site_asks_for_one(authority: Authority, by: str) -> None:
    mine = authority.issue("reader")
    with server(serving(authority.issue("site"), client_authority=authority.path)) as base:
        assert asked(base, by=by, ca_file=str(authority.path), client_cert=str(mine)) == {}
        error = refused(base, by=by, ca_file=str(authority.path))
    assert isinstance(error, OfflineError)


@pytest.mark.parametrize("by", WAYS)
def test_a_server_that_speaks_no_tls_is_told_as_such(by: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: _plain(listener))
    thread.start()
    error = refused(f"https://127.0.0.1:{listener.getsockname()[1]}", by=by)
    thread.join(10)
    listener.close()
    assert (error.code, error.retryable) == ("tls", False)


def _plain(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def pump(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes on until either end closes."""
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def pass_on(near: socket.socket, head: bytes) -> None:
    """What a proxy does with a request: a tunnel for CONNECT, else it sends it on."""
    method, target, _ = head.split(b" ", 2)
    name = target.decode() if method == b"CONNECT" else urlsplit(target.decode()).netloc
    host, _, port = name.rpartition(":")
    with socket.create_connection((host, int(port)), 5) as far:
        if method == b"CONNECT":
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            far.sendall(head)
        back = threading.Thread(target=pump, args=(far, near))
        back.start()
        pump(near, far)
        back.join(5)


def serve_each(
    handle: Callable[[socket.socket], None], stop: threading.Event, listener: socket.socket
) -> None:
    """One connection after the other."""
    while not stop.is_set():
        try:
            one, _ = listener.accept()
        except TimeoutError:
            continue
        with one, suppress(OSError):
            one.settimeout(5)
            handle(one)


@contextmanager
def serving_by(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    stop = threading.Event()
    thread = threading.Thread(target=serve_each, args=(handle, stop, listener))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(15)
        listener.close()


@contextmanager
def proxy_server(seen: list[bytes], refusal: bytes = b"") -> Iterator[str]:
    """A proxy on loopback: passes everything on, or refuses everything."""

    def handle(near: socket.socket) -> None:
        head = read_request(near)
        seen.append(head.split(b"\r\n")[0])
        if refusal:
            near.sendall(refusal)
        else:
            pass_on(near, head)

    with serving_by(handle) as base:
        yield base


@contextmanager
def plain_server() -> Iterator[str]:
    """Answers `{}` to everybody."""

    def handle(one: socket.socket) -> None:
        read_request(one)
        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    with serving_by(handle) as base:
        yield base


@pytest.mark.parametrize("by", WAYS)
def test_a_proxy_of_the_hub_file_carries_tls_without_reading_it(authority: Authority, by: str) -> None:
    seen: list[bytes] = []
    with server(serving(authority.issue("site"))) as base, proxy_server(seen) as proxy:
        assert asked(base, by=by, ca_file=str(authority.path), proxy=proxy) == {}
    assert seen == [b"CONNECT " + base.removeprefix("https://").encode() + b" HTTP/1.1"]


@pytest.mark.parametrize("by", WAYS)
def test_a_wrong_name_behind_a_proxy_is_refused_all_the_same(authority: Authority, by: str) -> None:
    with server(serving(authority.issue("site", "127.0.0.9"))) as base, proxy_server([]) as proxy:
        assert refused(base, by=by, ca_file=str(authority.path), proxy=proxy).code == "tls"


@pytest.mark.parametrize("by", WAYS)
def test_a_proxy_gets_the_whole_address_of_plain_http(by: str) -> None:
    seen: list[bytes] = []
    with plain_server() as base, proxy_server(seen) as proxy:
        assert asked(base, by=by, proxy=proxy) == {}
    method = b"POST" if by == "httpx write" else b"GET"
    assert seen == [method + b" " + base.encode() + b"/a HTTP/1.1"]


@pytest.mark.parametrize("by", WAYS)
@pytest.mark.parametrize(("status", "again"), [(b"407 Who are you", False), (b"502 Later", True)])
def test_a_proxy_that_refuses_is_told_as_such(by: str, status: bytes, again: bool) -> None:
    with proxy_server([], b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n") as proxy:
        error = refused("https://127.0.0.1:9", by=by, proxy=proxy)
    assert (error.code, error.retryable) == ("proxy", again)
    assert status[:3].decode() in error.detail
