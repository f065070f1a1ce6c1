"""DICOM over TLS: who is trusted, which name counts, and what is told where it does not come about."""

from __future__ import annotations

import gc
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from teleread.archive.dimse import DimseArchive
from teleread.model.errors import OfflineError, UsageError
from teleread.model.hubfile import DimseAddress, HubFile, parse_hub_file
from teleread.wire.dimse_line import DimseLimits
from teleread.wire.dimse_tls import SUITES, calling, listening
from teleread.wire.storage_scp import StorageScp
from tests.archive_factories import CT, Keeper, ct
from tests.certificates import Authority, Issued

# pynetdicom leaves the socket of an association that never came about to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
LIMITS = DimseLimits(connect=5, associate=5, silence=5, send=5, release=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "Another authority")


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Issued:
    return authority.issue("teleread")


def server_context(issued: Issued, trusts: Authority | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.both)
    if trusts is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(trusts.path)
    return context


@contextmanager
def archive(context: ssl.SSLContext) -> Iterator[int]:
    """pynetdicom behind TLS, for C-ECHO."""
    from pynetdicom import AE, evt

    ae = AE("THEM")
    ae.add_supported_context("1.2.840.10008.1.1")
    handlers: list[Any] = [(evt.EVT_C_ECHO, lambda event: 0)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=context)
    assert server is not None
    assert server.socket is not None
    listener = server.socket
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.shutdown()
        listener.close()
        del server
        gc.collect()


def hub(port: int, authority: Authority, ours: Issued | None) -> HubFile:
    return HubFile(
        "hub",
        "north",
        dimse=DimseAddress("THEM", "127.0.0.1", port),
        dimse_tls=True,
        ca_file=str(authority.path),
        client_cert=str(ours.both) if ours else "",
    )


def echo(file: HubFile, limits: DimseLimits = LIMITS) -> None:
    assert DimseArchive(file, limits=limits).echo() >= 0


def refusal(file: HubFile, limits: DimseLimits = LIMITS) -> OfflineError:
    with pytest.raises(OfflineError) as caught:
        echo(file, limits)
    assert caught.value.code == "tls"
    assert "Nothing of a patient was sent." in caught.value.detail
    assert caught.value.remedy
    return caught.value


def test_mutual_certificates_of_the_sites_authority_are_taken(authority: Authority, ours: Issued) -> None:
    with archive(server_context(authority.issue("archive"), authority)) as port:
        echo(hub(port, authority, ours))


def test_a_certificate_for_another_name_is_refused(authority: Authority, ours: Issued) -> None:
    elsewhere = authority.issue("elsewhere", hosts=["127.0.0.2"], names=["pacs.example"])
    with archive(server_context(elsewhere, None)) as port:
        assert "certificate" in refusal(hub(port, authority, ours)).title


def test_the_name_that_the_hub_file_gives_is_the_one_that_counts(authority: Authority, ours: Issued) -> None:
    elsewhere = authority.issue("elsewhere", hosts=["127.0.0.2"], names=["pacs.example"])
    with archive(server_context(elsewhere, None)) as port:
        file = hub(port, authority, ours)
        echo(replace(file, dimse_name="pacs.example"))
        refusal(replace(file, dimse_name="pacs2.example"))


def test_a_certificate_of_an_authority_that_is_not_ours_is_refused(
    authority: Authority, stranger: Authority, ours: Issued
) -> None:
    with archive(server_context(stranger.issue("archive"), None)) as port:
        assert "not trusted" in refusal(hub(port, authority, ours)).title


def test_a_certificate_that_has_expired_is_refused(authority: Authority, ours: Issued) -> None:
    with archive(server_context(authority.issue("old", expired=True), None)) as port:
        assert "expired" in refusal(hub(port, authority, ours)).detail


def test_an_archive_that_wants_our_certificate_and_gets_none_is_told_apart(authority: Authority) -> None:
    context = server_context(authority.issue("archive"), authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # refused in the handshake; TLS 1.3 refuses after it
    with archive(context) as port:
        error = refusal(hub(port, authority, None))
    assert "certificate" in error.detail or "client_cert" in error.remedy


def test_a_refusal_that_comes_after_the_handshake_is_told_too(
    authority: Authority, stranger: Authority
) -> None:
    with archive(server_context(authority.issue("archive"), authority)) as port:
        with pytest.raises(OfflineError):
            echo(hub(port, authority, None))
        with pytest.raises(OfflineError):
            echo(hub(port, authority, stranger.issue("teleread")))


def test_tls_older_than_1_2_and_weak_suites_are_not_spoken(authority: Authority, ours: Issued) -> None:
    weak = server_context(authority.issue("archive"), None)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("AES128-SHA256:@SECLEVEL=0")  # no forward secrecy, no authenticated encryption
    with archive(weak) as port:
        refusal(hub(port, authority, ours))
    tls = calling(hub(1, authority, ours))
    assert tls is not None
    assert tls.context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls.context.check_hostname
    assert tls.context.verify_mode == ssl.CERT_REQUIRED
    names = [one["name"] for one in tls.context.get_ciphers()]
    assert names
    assert all("GCM" in one or "CHACHA20" in one for one in names)
    assert SUITES


def test_a_peer_that_never_shakes_hands_ends_in_time(authority: Authority, ours: Issued) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        error = refusal(hub(port, authority, ours), replace(LIMITS, associate=0.3))
    assert "does not answer in TLS" in error.title


def test_a_peer_that_trickles_its_handshake_ends_in_time(authority: Authority, ours: Issued) -> None:
    stop = threading.Event()

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.sendall(b"\x16\x03\x03\x20\x00")
            while not stop.wait(0.05):
                try:
                    sock.sendall(b"\x02")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        refusal(hub(int(listener.getsockname()[1]), authority, ours), replace(LIMITS, associate=0.5))
        stop.set()
        thread.join(5)


def test_a_peer_that_speaks_no_tls_is_told(authority: Authority, ours: Issued) -> None:
    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.sendall(b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00")  # A-ABORT
            sock.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        refusal(hub(int(listener.getsockname()[1]), authority, ours))
        thread.join(5)


# ---------------------------------------------------------------------- our own storage SCP


def test_our_scp_takes_objects_over_tls_and_from_nobody_without_a_trusted_certificate(
    authority: Authority, stranger: Authority, ours: Issued
) -> None:
    from pydicom import dcmread
    from pynetdicom import AE

    file = replace(hub(1, authority, ours), listen=1, listen_tls=True)
    keeper = Keeper()

    def send(issued: Issued | None, *, plain: bool = False) -> bool:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(authority.path)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # so that a refusal shows in the handshake
        if issued is not None:
            context.load_cert_chain(issued.both)
        ae = AE("THEM")
        ae.acse_timeout = ae.network_timeout = 5
        ae.add_requested_context(CT, "1.2.840.10008.1.2.1")
        tls: Any = None if plain else (context, "127.0.0.1")
        association = ae.associate("127.0.0.1", scp.port, ae_title="US", tls_args=tls)
        if not association.is_established:
            return False
        status = association.send_c_store(dcmread(BytesIO(ct(7)))).Status
        association.release()
        return bool(status == 0)

    with StorageScp("127.0.0.1", 0, "US", lambda: keeper, tls=listening(file), limits=LIMITS) as scp:
        assert send(authority.issue("archive"))
        assert not send(stranger.issue("archive"))
        assert not send(None)
        assert not send(None, plain=True)
        assert send(authority.issue("archive"))
    assert len(keeper.whole) == 2


def test_a_hub_that_wants_tls_for_what_comes_in_needs_a_certificate_and_an_authority(
    authority: Authority, ours: Issued
) -> None:
    file = replace(hub(1, authority, ours), listen_tls=True)
    assert listening(replace(file, listen_tls=False)) is None
    for lacking in (replace(file, ca_file=""), replace(file, client_cert="")):
        with pytest.raises(UsageError, match="certificate"):
            listening(lacking)
    with pytest.raises(UsageError, match="cannot be read"):
        listening(replace(file, ca_file="/nowhere.pem"))


def test_the_hub_file_names_tls_and_associations(tmp_path: Path) -> None:
    table = {
        "hub_id": "h",
        "dimse": "PACS@pacs.example:2762",
        "dimse_tls": True,
        "dimse_name": "pacs",
        "listen_tls": True,
        "associations": 2,
    }
    file = parse_hub_file("north", table)
    assert (file.dimse_tls, file.dimse_name, file.listen_tls, file.associations) == (True, "pacs", True, 2)
    assert calling(replace(file, dimse_tls=False)) is None
    with pytest.raises(UsageError):
        parse_hub_file("north", {**table, "dimse_tls": "yes"})
