"""A folder of DICOM files as an archive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from teleread.archive.fetcher import fetch
from teleread.archive.folder import FolderArchive
from teleread.host.clock import FakeClock
from teleread.model.errors import OfflineError
from teleread.model.hubfile import HubFile, parse_hub_file
from teleread.model.study import StudyKey
from teleread.vault.vault import Vault
from tests.archive_factories import STUDY, ct, make_vault

OTHER = f"{STUDY}.77"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A disk with two studies, named without sense, and things that are none."""
    folder = tmp_path / "disk"
    (folder / "a" / "b").mkdir(parents=True)
    for number in (3, 1, 2):
        (folder / "a" / f"IM{9 - number}").write_bytes(ct(number))
    (folder / "a" / "b" / "x.dcm").write_bytes(ct(1, study=OTHER))
    (folder / "readme.txt").write_text("no DICOM at all")
    (folder / "empty").write_bytes(b"")
    (folder / "cut.dcm").write_bytes(ct(4)[:300])
    return folder


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 1, 2, tzinfo=UTC))


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    one = make_vault(tmp_path / "vault")
    yield one
    one.close()


def archive(root: Path, clock: FakeClock) -> FolderArchive:
    return FolderArchive(HubFile("hub", "site", archive_folder=str(root)), None, clock)


def test_a_study_is_found_by_what_is_in_the_files_and_comes_whole(
    root: Path, clock: FakeClock, vault: Vault
) -> None:
    one = archive(root, clock)
    assert one.echo() >= 0
    assert list(one.manifest(STUDY).series[0].instances) == [f"{STUDY}.1.{number}" for number in (1, 2, 3)]
    outcome = fetch(vault, [one], StudyKey("hub", STUDY), clock=clock)
    assert (outcome.complete, outcome.via, outcome.instances_held) == (True, "folder", 3)
    assert vault.objects.read("hub", STUDY, f"{STUDY}.1.2") == ct(2)
    assert vault.objects.verify("hub", STUDY).good == 3


def test_studies_of_a_patient_are_those_of_exactly_that_number(root: Path, clock: FakeClock) -> None:
    found = archive(root, clock).find_studies("P0001")
    assert {one.study_uid: one.instances for one in found} == {STUDY: 3, OTHER: 1}
    assert archive(root, clock).find_studies("P000") == ()


def test_what_comes_later_is_seen_and_what_goes_is_told(root: Path, clock: FakeClock, vault: Vault) -> None:
    one = archive(root, clock)
    fetch(vault, [one], StudyKey("hub", STUDY), clock=clock)
    (root / "late").write_bytes(ct(9))
    os.unlink(root / "a" / "IM8")
    clock.advance(60)
    outcome = fetch(vault, [one], StudyKey("hub", STUDY), clock=clock)
    assert outcome.complete
    assert "1 image came" in outcome.changed
    assert "no longer lists 1 image" in outcome.changed


def test_a_file_that_vanishes_between_look_and_read_is_a_shortfall_in_words(
    root: Path, clock: FakeClock, vault: Vault
) -> None:
    one = archive(root, clock)
    one.manifest(STUDY)
    os.unlink(root / "a" / "IM8")
    outcome = fetch(vault, [one], StudyKey("hub", STUDY), clock=clock)
    assert (outcome.complete, outcome.instances_held, outcome.instances_expected) == (False, 2, 3)
    assert any("can't be read any more" in words for words in outcome.problems)


def test_links_are_never_followed(root: Path, clock: FakeClock, tmp_path: Path) -> None:
    outside = tmp_path / "outside.dcm"
    outside.write_bytes(ct(5, study="1.2.99"))
    (root / "link.dcm").symlink_to(outside)
    (root / "loop").symlink_to(root)
    one = archive(root, clock)
    assert one.manifest("1.2.99").series == ()
    assert list(one.manifest(STUDY).series[0].instances) == [f"{STUDY}.1.{number}" for number in (1, 2, 3)]


def test_a_folder_that_is_away_is_an_archive_that_does_not_answer(tmp_path: Path, clock: FakeClock) -> None:
    one = archive(tmp_path / "nothing", clock)
    for ask in (one.echo, lambda: one.manifest(STUDY), lambda: one.find_studies("P0001")):
        with pytest.raises(OfflineError, match="not there"):
            ask()


def test_the_hub_file_names_it() -> None:
    file = parse_hub_file("site", {"hub_id": "h", "archive_folder": "/media/site"})
    assert file.archive_folder == "/media/site"
    assert file.has_archive
