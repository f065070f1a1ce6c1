"""Local files: folders, media with a DICOMDIR, zip files, and what people put into them."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from teleread.archive.local import ImportLimits, import_paths
from teleread.model.errors import TelereadError, UsageError
from teleread.model.study import StudyKey
from teleread.vault.vault import Vault
from tests.archive_factories import STUDY, ct, explicit, file_of


@pytest.fixture
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    from tests.archive_factories import make_vault

    one = make_vault(tmp_path_factory.mktemp("vault"))
    yield one
    one.close()


def folder_of(path: Path, count: int = 3) -> Path:
    (path / "DICOM" / "A").mkdir(parents=True)
    for number in range(1, count + 1):
        (path / "DICOM" / "A" / f"I{number}").write_bytes(ct(number))
    return path


def test_a_folder_is_taken_and_whatever_is_no_dicom_passed_over(vault: Vault, tmp_path: Path) -> None:
    folder_of(tmp_path)
    (tmp_path / "README.TXT").write_text("not an image")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "other").write_bytes(ct(1, study="1.2.77"))
    outcome = import_paths(vault, [tmp_path], "hub")
    assert (outcome.kept, outcome.skipped, outcome.refused) == (4, 2, 0)
    assert set(outcome.studies) == {StudyKey("hub", STUDY), StudyKey("hub", "1.2.77")}
    study = vault.studies.get("hub", STUDY)
    assert study is not None
    assert (study.state, study.held) == ("all", 3)
    assert [one.why for one in vault.copies.list("hub")] == ["import", "import"]


def test_a_dicomdir_stands_for_its_folder_and_no_name_is_followed(vault: Vault, tmp_path: Path) -> None:
    folder_of(tmp_path / "disc")
    (tmp_path / "secret").write_bytes(ct(9))
    directory = file_of((explicit(0x00041500, b"CS", "..\\SECRET"),), sop_uid="1.2.3")
    directory = directory.replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0")
    (tmp_path / "disc" / "DICOMDIR").write_bytes(directory)
    outcome = import_paths(vault, [tmp_path / "disc" / "DICOMDIR"], "hub")
    assert (outcome.kept, outcome.refused) == (3, 0)
    assert f"{STUDY}.1.9" not in vault.studies.held("hub", STUDY)


def test_the_same_files_again_are_duplicates(vault: Vault, tmp_path: Path) -> None:
    folder_of(tmp_path)
    import_paths(vault, [tmp_path], "hub")
    outcome = import_paths(vault, [tmp_path], "hub")
    assert (outcome.kept, outcome.duplicates) == (0, 3)
    study = vault.studies.get("hub", STUDY)
    assert study is not None
    assert study.state == "all"


def test_links_are_not_followed(vault: Vault, tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    folder_of(inside, 1)
    folder_of(outside, 3)
    (inside / "away").symlink_to(outside, target_is_directory=True)
    (inside / "file").symlink_to(outside / "DICOM" / "A" / "I3")
    assert import_paths(vault, [inside], "hub").kept == 1


def test_a_zip_is_read_without_its_names(vault: Vault, tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil.dcm", ct(1))
        archive.writestr("/absolute.dcm", ct(2))
        archive.writestr("notes.txt", "hello")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    outcome = import_paths(vault, [path], "hub")
    assert (outcome.kept, outcome.skipped) == (2, 1)
    assert not (tmp_path.parent / "evil.dcm").exists()


def test_a_zip_bomb_stops_at_its_budget_and_keeps_what_came_before(vault: Vault, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good", ct(1))
        archive.writestr("bomb", ct(2) + bytes(30 << 20))
        archive.writestr("later", ct(3))
    outcome = import_paths(vault, [path], "hub", limits=ImportLimits(ratio=10, allowance=1 << 20))
    assert outcome.kept == 1
    assert any("can't be unpacked" in one for one in outcome.problems)


def test_a_damaged_member_costs_itself_alone(vault: Vault, tmp_path: Path) -> None:
    path = tmp_path / "hurt.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one", ct(1))
        archive.writestr("two", ct(2))
    data = bytearray(path.read_bytes())
    data[data.index(ct(1)) + 900] ^= 0xFF
    path.write_bytes(data)
    outcome = import_paths(vault, [path], "hub")
    assert outcome.kept == 1
    assert outcome.problems


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_limit_are_not_taken(vault: Vault, tmp_path: Path, method: int) -> None:
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("one", ct(1))
    outcome = import_paths(vault, [path], "hub")
    assert outcome.kept == 0
    assert any("packed in a way" in one for one in outcome.problems)


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(40), b"PK\x03\x04"])
def test_what_only_begins_as_a_zip_is_told(vault: Vault, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "broken.zip").write_bytes(data)
    outcome = import_paths(vault, [tmp_path / "broken.zip"], "hub")
    assert outcome.kept == 0
    assert any("zip" in one for one in outcome.problems)


def test_a_truncated_file_is_kept_as_far_as_it_can_be_told_apart(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(ct(1)[:-100])
    (tmp_path / "cut-early").write_bytes(ct(2)[:300])
    outcome = import_paths(vault, [tmp_path], "hub")
    assert (outcome.kept, outcome.refused) == (1, 1)


def test_a_path_that_is_not_there_and_too_many_files_are_told(vault: Vault, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing at"):
        import_paths(vault, [tmp_path / "absent"], "hub")
    folder_of(tmp_path)
    with pytest.raises(TelereadError, match="more files"):
        import_paths(vault, [tmp_path], "hub", limits=ImportLimits(files=2))
    assert len(vault.studies.held("hub", STUDY)) == 2


def test_a_real_disc_is_taken_whole(vault: Vault, shared_data: Path) -> None:
    disc = shared_data / "modalities" / "dicomdir-fileset" / "DICOMDIR"
    outcome = import_paths(vault, [disc], "hub")
    assert outcome.kept == 31
    assert outcome.refused == 0
