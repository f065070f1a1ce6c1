"""MLLP over TLS, both ways: who is trusted, which name counts, and that nothing leaves where it fails."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from teleread.model.addresses import MllpAddress, parse_mllp
from teleread.model.errors import OfflineError, UsageError
from teleread.model.hubfile import HubFile
from teleread.wire.mllp import MllpLimits, exchange, reach
from teleread.wire.mllp_listen import MllpListener, listening_tls
from tests.certificates import Authority, Issued
from tests.contract.mllp_site import Site, ack, codes, framed, read

MESSAGE = b"MSH|^~\\&|TELEREAD||RIS||20261124043000+0000||ORU^R01|ID1|P|2.5.1\rOBX|1|TX|||No fracture\r"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("mllp-authority"))


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Issued:
    return authority.issue("teleread")


@pytest.fixture(scope="module")
def theirs(authority: Authority) -> Issued:
    return authority.issue("ris", names=("ris.example",))


def hub_file(authority: Authority, ours: Issued | None, **more: object) -> HubFile:
    certificate = str(ours.both) if ours else ""
    return HubFile(
        hub_id="hub-1",
        name="TEST",
        hl7_tls=True,
        hl7_listen_tls=True,
        ca_file=str(authority.path),
        client_cert=certificate,
        **more,  # type: ignore[arg-type]
    )


@contextmanager
def site(issued: Issued, trusts: Authority | None = None) -> Iterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.both)
    if trusts is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(trusts.path)
    one = Site(tls=context)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("name", ["", "ris.example"])
def test_a_report_goes_to_a_receiver_of_the_sites_authority(
    authority: Authority, ours: Issued, theirs: Issued, name: str
) -> None:
    with site(theirs, authority) as one:
        found = exchange(hub_file(authority, ours, hl7_name=name), parse_mllp(one.address), MESSAGE, "ID1")
        assert found.accepted
        assert one.received == [MESSAGE]


def test_nothing_is_sent_to_another_name_or_another_authority(
    authority: Authority, ours: Issued, theirs: Issued, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = Authority(tmp_path_factory.mktemp("stranger"), "Another authority")
    for file in (hub_file(authority, ours, hl7_name="else.example"), hub_file(stranger, None)):
        with site(theirs) as one:
            with pytest.raises(OfflineError) as caught:
                exchange(file, parse_mllp(one.address), MESSAGE, "ID1")
            assert caught.value.code == "tls"
            assert "Nothing was sent" in caught.value.detail
            assert one.received == []


def test_a_receiver_that_wants_our_certificate_gets_nothing_without_it(
    authority: Authority, theirs: Issued
) -> None:
    with site(theirs, authority) as one:
        with pytest.raises(OfflineError) as caught:
            exchange(hub_file(authority, None), parse_mllp(one.address), MESSAGE, "ID1")
        assert caught.value.code in {"tls", "unknown"}  # TLS 1.3 tells only when something is sent
        assert one.received == []


def test_a_receiver_that_speaks_no_tls_is_told(authority: Authority, ours: Issued) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def answer() -> None:
            line, _ = plain.accept()
            with line:
                line.recv(4096)
                line.sendall(b"\x0bMSH|\x1c\r")

        thread = threading.Thread(target=answer)
        thread.start()
        address = MllpAddress("127.0.0.1", plain.getsockname()[1])
        with pytest.raises(OfflineError) as caught:
            reach(hub_file(authority, ours), address, MllpLimits())
        thread.join(60)
    assert caught.value.code == "tls"


def test_messages_come_in_only_from_who_shows_a_certificate_of_the_authority(
    authority: Authority, ours: Issued, theirs: Issued
) -> None:
    taken: list[bytes] = []

    def take(frame: bytes) -> list[bytes]:
        taken.append(frame)
        return [ack(frame)]

    stop = threading.Event()
    tls = listening_tls(hub_file(authority, ours))
    with MllpListener(MllpAddress("127.0.0.1", 0), (), take, tls=tls) as one:
        thread = threading.Thread(target=one.serve, args=(stop,))
        thread.start()
        assert codes(spoken(one.port, authority, theirs)) == ["AA"]
        assert spoken(one.port, authority, None) == []
        with socket.create_connection(("127.0.0.1", one.port), 60) as line:
            line.sendall(framed(MESSAGE))
            assert read(line) is None
        stop.set()
        thread.join(60)
    assert taken == [MESSAGE]


def spoken(port: int, authority: Authority, shown: Issued | None) -> list[bytes]:
    """What a sender with that certificate is answered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.path)
    if shown is not None:
        context.load_cert_chain(shown.both)
    with (
        contextlib.suppress(ssl.SSLError, ConnectionError),
        socket.create_connection(("127.0.0.1", port), 60) as sock,
        context.wrap_socket(sock, server_hostname="127.0.0.1") as line,
    ):
        line.sendall(framed(MESSAGE))
        answer = read(line)
        return [] if answer is None else [answer]
    return []


def test_a_listener_without_a_certificate_of_its_own_does_not_listen(authority: Authority) -> None:
    with pytest.raises(UsageError):
        listening_tls(hub_file(authority, None))
    assert listening_tls(HubFile(hub_id="h", name="n")) is None
