"""DICOM over TLS with DCMTK: its storescp is called, its storescu calls us; both check certificates."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from teleread.archive.dimse import DimseArchive
from teleread.model.errors import OfflineError
from teleread.model.hubfile import DimseAddress, HubFile
from teleread.wire.dimse_tls import listening
from teleread.wire.storage_scp import StorageScp
from tests.archive_factories import STUDY, Keeper, ct
from tests.certificates import Authority, Issued
from tests.peers import dcmqrscp, orthanc
from tests.ports import free_port

pytestmark = pytest.mark.peer("dcmtk")
PROFILES = ("+py", "+px", "+pz")
"""DCMTK's words for BCP 195 without downgrade, plain, and extended."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Issued:
    return authority.issue("teleread")


def hub(port: int, authority: Authority, ours: Issued | None) -> HubFile:
    return HubFile(
        "hub",
        "north",
        dimse=DimseAddress("THEM", "127.0.0.1", port),
        dimse_tls=True,
        listen=1,
        listen_tls=True,
        ca_file=str(authority.path),
        client_cert=str(ours.both) if ours else "",
    )


@contextmanager
def storescp(folder: Path, authority: Authority, issued: Issued, profile: str) -> Iterator[int]:
    """DCMTK's storage SCP, which answers C-ECHO; it wants a certificate from whoever calls."""
    program = dcmqrscp.find_program("storescp")
    orthanc.need("DCMTK's storescp", program)
    assert program is not None
    port = free_port()
    argv = [program, "+tls", str(issued.key), str(issued.certificate), "+cf", str(authority.path), profile]
    with (folder / "storescp.log").open("wb") as log:
        process = subprocess.Popen([*argv, "-od", str(folder), str(port)], stdout=log, stderr=log)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "storescp.log").read_text()[-400:]
                time.sleep(0.05)
        yield port
    finally:
        orthanc.stop(process)


@pytest.mark.parametrize("profile", PROFILES)
def test_dcmtk_answers_us_over_tls(tmp_path: Path, authority: Authority, ours: Issued, profile: str) -> None:
    with storescp(tmp_path, authority, authority.issue("archive"), profile) as port:
        assert DimseArchive(hub(port, authority, ours)).echo() >= 0
        with pytest.raises(OfflineError):
            DimseArchive(hub(port, authority, None)).echo()


def test_dcmtk_under_a_wrong_name_or_in_the_clear_is_not_spoken_to(
    tmp_path: Path, authority: Authority, ours: Issued
) -> None:
    elsewhere = authority.issue("elsewhere", hosts=["127.0.0.2"])
    with storescp(tmp_path, authority, elsewhere, "+py") as port:
        with pytest.raises(OfflineError, match="not trusted") as caught:
            DimseArchive(hub(port, authority, ours)).echo()
        assert caught.value.code == "tls"
        with pytest.raises(OfflineError):
            DimseArchive(replace(hub(port, authority, ours), dimse_tls=False)).echo()


@pytest.mark.parametrize("profile", PROFILES)
def test_dcmtk_sends_to_our_scp_over_tls(
    tmp_path: Path, authority: Authority, ours: Issued, profile: str
) -> None:
    theirs, keeper = authority.issue("archive"), Keeper()
    path = tmp_path / "one.dcm"
    path.write_bytes(ct(3))
    words = ["-R", "-aec", "US", "127.0.0.1"]
    tls = ["+tls", str(theirs.key), str(theirs.certificate), "+cf", str(authority.path), profile]
    with StorageScp("127.0.0.1", 0, "US", lambda: keeper, tls=listening(hub(1, authority, ours))) as scp:
        dcmqrscp.run("storescu", *tls, *words, str(scp.port), str(path))
        with pytest.raises(AssertionError):
            dcmqrscp.run("storescu", *words, str(scp.port), str(path))
    assert keeper.whole == [f"{STUDY}.1.3"]
