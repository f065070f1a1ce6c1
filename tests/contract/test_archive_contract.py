"""What every way to every archive has to give: one suite, all of them, into a real vault."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from teleread.archive.dicomweb import DicomwebArchive
from teleread.archive.dimse import DimseArchive
from teleread.archive.fetcher import fetch
from teleread.archive.port import Archive
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.study import StudyKey
from teleread.vault.vault import Vault
from tests.archive_factories import CT, ct, document, make_vault
from tests.contract.archive_peers import ArchivePeer, demo_peer, orthanc_peer

SR, PDF = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.104.1"
SERVERS = ["demo", pytest.param("orthanc", marks=pytest.mark.peer("orthanc"))]
WAYS: dict[str, Callable[[ArchivePeer], Archive]] = {
    "dicomweb": lambda peer: DicomwebArchive(peer.hub),
    "c-get": lambda peer: DimseArchive(peer.hub),
    "c-move": lambda peer: DimseArchive(peer.hub, via="c-move"),
}
_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=SERVERS)
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArchivePeer]:
    start = {"demo": demo_peer, "orthanc": orthanc_peer}[str(request.param)]
    with start(tmp_path_factory.mktemp("archive")) as one:
        yield one


@pytest.fixture(params=WAYS)
def archive(request: pytest.FixtureRequest, peer: ArchivePeer) -> Iterator[Archive]:
    one = WAYS[str(request.param)](peer)
    yield one
    one.close()


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    one = make_vault(tmp_path)
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
    assert manifest.sop_classes == {CT, SR, PDF}
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


def test_only_what_is_missing_is_brought(peer: ArchivePeer, archive: Archive, vault: Vault) -> None:
    key, files = put_study(peer, documents=False)
    fetch(vault, [archive], key)
    extra = f"{key.study_uid}.2.44"
    peer.store(ct(44, study=key.study_uid, series="2", size=64))
    outcome = fetch(vault, [archive], key)
    assert (outcome.complete, outcome.instances_expected) == (True, len(files) + 1)
    assert outcome.bytes < 2 * len(files[f"{key.study_uid}.1.1"])
    assert extra in vault.studies.held("hub", key.study_uid)


def test_a_study_it_does_not_have_is_told_and_nothing_is_kept(archive: Archive, vault: Vault) -> None:
    with pytest.raises(AttentionError, match="does not have"):
        fetch(vault, [archive], StudyKey("hub", "1.2.3.4.5"))
    assert vault.studies.list() == ()


def test_studies_of_a_patient_are_found_and_no_others(peer: ArchivePeer, archive: Archive) -> None:
    key, files = put_study(peer)
    found = {one.study_uid: one for one in archive.find_studies("P0001")}
    assert key.study_uid in found
    assert found[key.study_uid].instances == len(files)
    assert archive.find_studies("nobody at all") == ()


def test_nobody_at_the_address_is_offline_in_words(peer: ArchivePeer, vault: Vault) -> None:
    from dataclasses import replace

    from tests.peers.orthanc import free_port

    port = free_port()
    assert peer.hub.dimse is not None
    hub = replace(peer.hub, dicomweb=f"http://127.0.0.1:{port}", dimse=replace(peer.hub.dimse, port=port))
    for archive in (DicomwebArchive(hub), DimseArchive(hub)):
        with pytest.raises(OfflineError):
            fetch(vault, [archive], StudyKey("hub", "1.2.3"))


def test_an_archive_that_dies_in_the_middle_is_asked_again_for_the_rest(
    peer: ArchivePeer, archive: Archive, vault: Vault
) -> None:
    if peer.demo is None:
        pytest.skip("only the demo dies on demand")
    key, files = put_study(peer, documents=False)
    peer.demo.faults.kill_archive_after(4)
    outcome = fetch(vault, [archive], key)
    assert (outcome.complete, outcome.instances_held) == (True, len(files))
