"""What every way to every archive has to give: one suite, all of them, into a real vault."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from teleread.archive.dicomweb import DicomwebArchive
from teleread.archive.dimse import DimseArchive
from teleread.archive.fetcher import fetch
from teleread.archive.folder import FolderArchive
from teleread.archive.local import import_paths
from teleread.archive.port import Archive
from teleread.host.clock import SystemClock
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.hubfile import HubFile
from teleread.model.study import StudyKey
from teleread.vault.vault import Vault
from tests.archive_factories import CT, ct, document, make_vault
from tests.contract.archive_cutter import Cutter, cutting
from tests.contract.archive_peers import (
    ArchivePeer,
    dcmqrscp_peer,
    demo_peer,
    folder_peer,
    orthanc_peer,
    orthanc_tls_peer,
)
from tests.ports import free_port

SR, PDF = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.104.1"
STARTS = {
    "demo": demo_peer,
    "orthanc": orthanc_peer,
    "orthanc-tls": orthanc_tls_peer,
    "dcmqrscp": dcmqrscp_peer,
    "folder": folder_peer,
}


class Hasty(SystemClock):
    """A minute passes between any two looks at it, so that a folder is looked at anew each time."""

    def __init__(self) -> None:
        self._minutes = itertools.count()

    def monotonic(self) -> float:
        """Seconds, a minute later than before."""
        return super().monotonic() + 60 * next(self._minutes)


WAYS: dict[str, Callable[[ArchivePeer], Archive]] = {
    "dicomweb": lambda peer: DicomwebArchive(peer.hub),
    "c-get": lambda peer: DimseArchive(peer.hub),
    "c-move": lambda peer: DimseArchive(peer.hub, via="c-move"),
    "folder": lambda peer: FolderArchive(peer.hub, clock=Hasty()),
}
SPOKEN = {
    "demo": ("dicomweb", "c-get", "c-move"),
    "orthanc": ("dicomweb", "c-get", "c-move"),
    "orthanc-tls": ("c-get", "c-move"),
    "dcmqrscp": ("c-get", "c-move"),
    "folder": ("folder",),
}
SERVERS = tuple(one for one in SPOKEN if one != "folder")
"""Those behind an address, with a line that can break."""
_numbers = itertools.count(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of an archive runs by every way of every server; one of a server on each server."""
    marks = {one: [] if one in ("demo", "folder") else [pytest.mark.peer(one)] for one in SPOKEN}
    servers = SERVERS if metafunc.definition.get_closest_marker("by_line") else tuple(SPOKEN)
    if "archive" in metafunc.fixturenames:
        pairs = [pytest.param(one, way, marks=marks[one]) for one in servers for way in SPOKEN[one]]
        metafunc.parametrize(("peer", "way"), pairs, indirect=["peer"], scope="module")
    elif "peer" in metafunc.fixturenames:
        params = [pytest.param(one, marks=marks[one]) for one in servers]
        metafunc.parametrize("peer", params, indirect=True, scope="module")


@pytest.fixture(scope="module")
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArchivePeer]:
    with STARTS[str(request.param)](tmp_path_factory.mktemp("archive")) as one:
        yield one


@pytest.fixture
def archive(peer: ArchivePeer, way: str) -> Iterator[Archive]:
    one = WAYS[way](peer)
    yield one
    one.close()


def put_study(peer: ArchivePeer, *, documents: bool = True) -> tuple[StudyKey, dict[str, bytes]]:
    """A new study at the server: two series of slices, and papers."""
    study = f"1.2.826.0.1.3680043.10.5.77.{next(_numbers)}"
    files = {
        f"{study}.{series}.{number}": ct(number, study=study, series=series, size=64)
        for series, count in (("1", 12), ("2", 3))
        for number in range(1, count + 1)
    }
    if documents:
        files[f"{study}.9.1"] = document(1, SR, "SR", study=study)
        files[f"{study}.9.2"] = document(2, PDF, "DOC", study=study)
    for data in files.values():
        peer.store(data)
    return StudyKey("hub", study), files


def assert_same(stored: bytes, sent: bytes) -> None:
    """Every element of the data set is what was sent; the meta group is each server's own."""
    from pydicom import dcmread

    assert dcmread(BytesIO(stored)) == dcmread(BytesIO(sent))


def test_it_answers_an_echo(archive: Archive) -> None:
    assert archive.echo() >= 0


def test_the_manifest_names_every_instance_with_its_class(peer: ArchivePeer, archive: Archive) -> None:
    key, files = put_study(peer)
    manifest = archive.manifest(key.study_uid)
    assert manifest.sop_uids == set(files)
    assert manifest.sop_classes == ({CT, SR, PDF} if peer.tells_classes else set())
    assert sorted((len(one.instances), one.modality) for one in manifest.series)[1:] == [
        (3, "CT"),
        (12, "CT"),
    ]


def test_a_study_arrives_whole_and_survives_a_restart(
    peer: ArchivePeer, archive: Archive, tmp_path: Path
) -> None:
    key, files = put_study(peer)
    vault = make_vault(tmp_path)
    handoff = vault.master_handoff()
    outcome = fetch(vault, [archive], key)
    assert (outcome.complete, outcome.instances_held, outcome.problems) == (True, len(files), ())
    assert outcome.via == archive.capabilities.via
    vault.close()
    again = Vault.open_with_key(vault.paths, handoff)
    study = again.studies.get("hub", key.study_uid)
    assert study is not None
    assert study.state == "all"
    for uid, data in files.items():
        assert_same(again.objects.read("hub", key.study_uid, uid), data)
    infos = {one.sop_uid: one for one in again.studies.instances("hub", key.study_uid)}
    one = infos[f"{key.study_uid}.1.7"]
    assert (
        again.objects.read("hub", key.study_uid, one.sop_uid)[one.pixel_offset :][:8192] == bytes([7]) * 8192
    )
    assert infos[f"{key.study_uid}.9.1"].frames == 0
    again.close()


def test_what_a_folder_brings_is_what_the_network_brings(
    peer: ArchivePeer, archive: Archive, vault: Vault, tmp_path: Path
) -> None:
    key, files = put_study(peer)
    folder = tmp_path / "disc"
    folder.mkdir()
    for number, data in enumerate(files.values()):
        (folder / f"IM{number:04}").write_bytes(data)
    half = make_vault(tmp_path / "half")
    outcome = import_paths(half, [folder], "hub")
    assert (outcome.kept, outcome.refused, outcome.studies) == (len(files), 0, (key,))
    fetch(vault, [archive], key)
    for uid, data in files.items():
        assert half.objects.read("hub", key.study_uid, uid) == data
        assert_same(vault.objects.read("hub", key.study_uid, uid), data)
    assert fetch(half, [archive], key).bytes == 0  # the archive is asked, and has nothing that is not here
    assert {one.via for one in half.studies.instances("hub", key.study_uid)} == {"import"}
    assert {one.via for one in vault.studies.instances("hub", key.study_uid)} == {archive.capabilities.via}
    half.close()


def test_only_what_is_missing_is_brought(peer: ArchivePeer, archive: Archive, vault: Vault) -> None:
    key, files = put_study(peer, documents=False)
    fetch(vault, [archive], key)
    extra = f"{key.study_uid}.2.44"
    peer.store(ct(44, study=key.study_uid, series="2", size=64))
    outcome = fetch(vault, [archive], key)
    assert (outcome.complete, outcome.instances_expected) == (True, len(files) + 1)
    assert outcome.bytes < 2 * len(files[f"{key.study_uid}.1.1"])
    assert extra in vault.studies.held("hub", key.study_uid)


def test_what_is_late_is_noticed_behind_a_slow_line(
    peer: ArchivePeer, archive: Archive, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Far: the listing runs while pictures come. What it told then is nothing to believe at the next fetch.
    monkeypatch.setattr("teleread.archive.dicomweb.LAN_RTT", 0.0)
    key, files = put_study(peer, documents=False)
    fetch(vault, [archive], key)
    peer.store(ct(44, study=key.study_uid, series="2", size=64))
    outcome = fetch(vault, [archive], key)
    assert (outcome.complete, outcome.instances_expected) == (True, len(files) + 1)


def test_a_study_it_does_not_have_is_told_and_nothing_is_kept(archive: Archive, vault: Vault) -> None:
    with pytest.raises(AttentionError, match="does not have"):
        fetch(vault, [archive], StudyKey("hub", "1.2.3.4.5"))
    assert vault.studies.list() == ()


def test_studies_of_a_patient_are_found_and_no_others(peer: ArchivePeer, archive: Archive) -> None:
    key, files = put_study(peer)
    found = {one.study_uid: one for one in archive.find_studies("P0001")}
    assert key.study_uid in found
    assert found[key.study_uid].instances in {len(files), None}  # dcmqrscp does not count
    assert archive.find_studies("nobody at all") == ()


@pytest.mark.by_line
def test_nobody_at_the_address_is_offline_in_words(peer: ArchivePeer, vault: Vault) -> None:
    port = free_port()
    assert peer.hub.dimse is not None
    hub = replace(peer.hub, dicomweb=f"http://127.0.0.1:{port}", dimse=replace(peer.hub.dimse, port=port))
    hub = replace(hub, ca_file="", client_cert="", dimse_tls=False)
    for archive in (DicomwebArchive(hub), DimseArchive(hub)):
        with pytest.raises(OfflineError):
            fetch(vault, [archive], StudyKey("hub", "1.2.3"))


@pytest.mark.by_line
def test_a_line_that_breaks_in_the_middle_costs_only_what_was_under_way(
    peer: ArchivePeer, archive: Archive, vault: Vault
) -> None:
    if peer.demo is not None and archive.capabilities.via == "c-move":
        pytest.skip("pynetdicom, in the demo, waits a minute on a line that broke; Orthanc and DCMTK don't")
    key, files = put_study(peer, documents=False)
    with cut_line(peer, archive.capabilities.via, [60_000, 30_000]) as (hub, line):
        cut = WAYS[archive.capabilities.via](replace(peer, hub=hub))
        outcome = fetch(vault, [cut], key)
        cut.close()
    assert line.cuts
    assert (outcome.complete, outcome.instances_held) == (True, len(files))
    assert vault.objects.verify("hub", key.study_uid).good == len(files)
    for uid, data in files.items():
        assert_same(vault.objects.read("hub", key.study_uid, uid), data)


@contextmanager
def cut_line(peer: ArchivePeer, via: str, after: list[int]) -> Iterator[tuple[HubFile, Cutter]]:
    """The hub file of a peer whose objects come over a line that breaks."""
    hub = peer.hub
    assert hub.dimse is not None
    if via == "dicomweb":
        where = urlsplit(hub.dicomweb)
        assert where.port is not None
        with cutting(where.port, after) as line:
            yield replace(hub, dicomweb=f"http://127.0.0.1:{line.port}{where.path}"), line
    elif via == "c-get":
        with cutting(hub.dimse.port, after) as line:
            yield replace(hub, dimse=replace(hub.dimse, port=line.port)), line
    else:  # the archive calls us
        port = free_port()
        with cutting(port, after, listen=hub.listen, upstream=True) as line:
            yield replace(hub, listen=port), line


def test_an_archive_that_dies_in_the_middle_is_asked_again_for_the_rest(
    peer: ArchivePeer, archive: Archive, vault: Vault
) -> None:
    key, files = put_study(peer, documents=False)
    if peer.demo is not None:  # the others are not ours to kill: the test above breaks their lines
        peer.demo.faults.kill_archive_after(4)
    outcome = fetch(vault, [archive], key)
    assert (outcome.complete, outcome.instances_held) == (True, len(files))
