"""What stands behind the Archive port in the contract suite: the demo, Orthanc, dcmqrscp, a folder."""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from teleread.demo.server import DemoServer
from teleread.model.hubfile import DimseAddress, HubFile
from tests.certificates import Authority
from tests.peers import dcmqrscp, orthanc
from tests.ports import free_port


class Store(Protocol):
    """Puts one instance into a server."""

    def __call__(self, data: bytes) -> None: ...


@dataclass
class ArchivePeer:
    """A running server."""

    hub: HubFile
    """How to reach it."""
    store: Store
    demo: DemoServer | None = None
    tells_classes: bool = True
    """It answers a query with SOP classes."""


@contextmanager
def demo_peer(folder: Path) -> Iterator[ArchivePeer]:
    """The demo's archive."""
    server = DemoServer(folder, cases=1)
    listen = free_port()
    try:
        there = server.start()
        server.register_aet("TELEREAD", listen)
        address = DimseAddress(there.dimse_aet, there.dimse_host, there.dimse_port)
        hub = HubFile("hub", "demo", dicomweb=there.dicomweb, dimse=address, listen=listen)
        yield ArchivePeer(hub, lambda data: stow(there.dicomweb, data), server)
    finally:
        server.stop()


@contextmanager
def orthanc_peer(folder: Path) -> Iterator[ArchivePeer]:
    """A real Orthanc; skipped loudly where there is none."""
    orthanc.need("Orthanc", orthanc.find_program())
    listen = free_port()
    peer, process = orthanc.start(folder / "orthanc", client_port=listen)
    try:
        address = DimseAddress(peer.aet, "127.0.0.1", peer.dicom_port)
        hub = HubFile("hub", "orthanc", dicomweb=peer.dicomweb, dimse=address, listen=listen)
        yield ArchivePeer(hub, peer.store)
    finally:
        orthanc.stop(process)


@contextmanager
def orthanc_tls_peer(folder: Path) -> Iterator[ArchivePeer]:
    """A real Orthanc whose DIMSE is over TLS with mutual certificates, both ways."""
    orthanc.need("Orthanc", orthanc.find_program())
    authority = Authority(folder / "certificates")
    theirs, ours = authority.issue("archive"), authority.issue("teleread")
    listen = free_port()
    peer, process = orthanc.start(
        folder / "orthanc", client_port=listen, tls=(authority.path, theirs.certificate, theirs.key)
    )
    try:
        hub = HubFile(
            "hub",
            "orthanc-tls",
            dimse=DimseAddress(peer.aet, "127.0.0.1", peer.dicom_port),
            dimse_tls=True,
            listen=listen,
            listen_tls=True,
            ca_file=str(authority.path),
            client_cert=str(ours.both),
        )
        yield ArchivePeer(hub, peer.store)
    finally:
        orthanc.stop(process)


@contextmanager
def dcmqrscp_peer(folder: Path) -> Iterator[ArchivePeer]:
    """DCMTK's dcmqrscp, which speaks DIMSE alone; skipped loudly where there is none."""
    listen = free_port()
    peer, process = dcmqrscp.start(folder / "dcmqrscp", client_port=listen)
    try:
        address = DimseAddress(peer.aet, "127.0.0.1", peer.port)
        hub = HubFile("hub", "dcmqrscp", dimse=address, listen=listen)
        yield ArchivePeer(hub, peer.store, tells_classes=False)
    finally:
        orthanc.stop(process)


@contextmanager
def folder_peer(folder: Path) -> Iterator[ArchivePeer]:
    """A share with files whose names tell nothing."""
    numbers = itertools.count()

    def store(data: bytes) -> None:
        number = next(numbers)
        place = folder / f"DISC{number % 3}"
        place.mkdir(exist_ok=True)
        (place / f"IM{number:04}").write_bytes(data)

    yield ArchivePeer(HubFile("hub", "share", archive_folder=str(folder)), store)


def stow(base: str, data: bytes) -> None:
    """STOW-RS one instance, by the standard library."""
    where = urlsplit(base)
    assert where.hostname is not None
    line = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--x--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=x'
    line.request(
        "POST", f"{where.path}/studies", body, {"Content-Type": kind, "Accept": "application/dicom+json"}
    )
    answer = line.getresponse()
    words = answer.read()
    line.close()
    assert answer.status == 200, words
