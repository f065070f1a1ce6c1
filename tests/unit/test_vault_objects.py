"""Packs and the store: sealed chunks that can't be cut, swapped or flipped, and keys that shred."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from teleread.model.errors import IntegrityError, TelereadError, UsageError
from teleread.model.study import StudyInfo, StudyKey
from teleread.vault.packs import CHUNK, PackReader, PackWriter
from teleread.vault.vault import Vault
from tests.unit.vault_cases import HUB, SERIES, STUDY, instance, keep, new_vault

KEY, SEGMENT = bytes(range(32)), bytes(range(16))
HEADER, SEALED = 26, CHUNK + 16


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with new_vault(tmp_path) as one:
        yield one


def _pack(path: Path, data: bytes, piece: int = 100_000) -> Path:
    writer = PackWriter(path, KEY, SEGMENT)
    for start in range(0, len(data), piece):
        writer.write(data[start : start + piece])
    writer.finish()
    return path


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 40 * CHUNK + 7])
def test_any_part_of_a_pack_reads_back(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    reader = PackReader(_pack(tmp_path / "p", data), KEY, SEGMENT, size)
    for start, end in ((0, size), (size // 3, size // 2), (max(0, size - 1), size), (CHUNK - 5, CHUNK + 5)):
        end = min(end, size)
        if start < end:
            assert reader.read(start, end - start) == data[start:end]
    with pytest.raises(IntegrityError):
        reader.read(0, size + 1)


def _spoilt(data: bytes, how: str) -> bytes:
    first, second = (slice(HEADER + n * SEALED, HEADER + (n + 1) * SEALED) for n in (0, 1))
    flipped = bytearray(data)
    flipped[HEADER + 1000] ^= 1
    return {
        "flip": bytes(flipped),
        "swap": data[:HEADER] + data[second] + data[first] + data[HEADER + 2 * SEALED :],
        "repeat": data[:HEADER] + data[first] + data[first] + data[HEADER + 2 * SEALED :],
        "cut mid-chunk": data[: HEADER + SEALED // 2],
        "header": b"TRPK\x00\x02" + data[6:],
        "empty": b"",
    }[how]


@pytest.mark.parametrize("how", ["flip", "swap", "repeat", "cut mid-chunk", "header", "empty"])
def test_a_spoilt_pack_is_found(tmp_path: Path, how: str) -> None:
    size = 3 * CHUNK + 10
    path = _pack(tmp_path / "p", os.urandom(size))
    path.write_bytes(_spoilt(path.read_bytes(), how))
    with pytest.raises(IntegrityError) as told:
        PackReader(path, KEY, SEGMENT, size).read(0, 2 * CHUNK)
    assert told.value.code == "pack-broken"


def test_a_pack_cut_at_a_chunk_is_found_even_when_its_length_is_lied_about(tmp_path: Path) -> None:
    path = _pack(tmp_path / "p", os.urandom(3 * CHUNK + 10))
    path.write_bytes(path.read_bytes()[: HEADER + 2 * SEALED])
    with pytest.raises(IntegrityError):
        PackReader(path, KEY, SEGMENT, 2 * CHUNK).read(CHUNK, CHUNK)


def test_another_key_or_segment_does_not_open(tmp_path: Path) -> None:
    path = _pack(tmp_path / "p", b"x" * 100)
    with pytest.raises(IntegrityError):
        PackReader(path, bytes(32), SEGMENT, 100).read(0, 10)
    with pytest.raises(IntegrityError):
        PackReader(path, KEY, bytes(16), 100)


def test_a_segment_is_never_opened_for_writing_again(tmp_path: Path) -> None:
    path = _pack(tmp_path / "p", b"x")
    with pytest.raises(TelereadError):
        PackWriter(path, KEY, SEGMENT)


def test_a_study_is_kept_counted_and_survives_a_restart(vault: Vault) -> None:
    files = [os.urandom(70_000 + number) for number in range(5)]
    keep(vault, files)
    handoff = vault.master_handoff()
    vault.close()
    with Vault.open_with_key(vault.paths, handoff) as again:
        assert [again.objects.read(HUB, STUDY, f"{SERIES}.{n}") for n in range(1, 6)] == files
        assert again.objects.read_range(HUB, STUDY, f"{SERIES}.2", 10, 20) == files[1][10:30]
        assert again.objects.read_range(HUB, STUDY, f"{SERIES}.2", 70_000, 999) == files[1][70_000:]
        again.studies.put_study(StudyInfo(StudyKey(HUB, STUDY), expected=5))
        study = again.studies.get(HUB, STUDY)
        assert study is not None
        assert (study.held, study.state, study.bytes) == (5, "all", sum(map(len, files)))
        series = again.studies.series(HUB, STUDY)
        assert [(one.series_uid, one.held, one.description, one.number) for one in series] == [
            (SERIES, 5, "Axial", 2)
        ]
        assert [one.instance_number for one in again.studies.instances(HUB, STUDY, SERIES)] == [1, 2, 3, 4, 5]
        assert len(again.studies.identities(HUB, STUDY)) == 1
        assert [one.why for one in again.copies.list()] == ["fetch"]


def test_bytes_are_never_shared_between_hubs(vault: Vault) -> None:
    keep(vault, [b"one"])
    with pytest.raises(UsageError):
        vault.objects.read("another hub", STUDY, f"{SERIES}.1")


def test_an_instance_that_came_again_is_counted_once(vault: Vault) -> None:
    keep(vault, [b"old"])
    keep(vault, [b"new"])
    study = vault.studies.get(HUB, STUDY)
    assert study is not None
    assert (study.held, study.bytes) == (1, 3)
    assert vault.objects.read(HUB, STUDY, f"{SERIES}.1") == b"new"


def test_a_study_is_seen_growing_before_its_segment_is_closed(vault: Vault) -> None:
    segment = vault.objects.open_segment(HUB, STUDY)
    for number in range(40):
        segment.begin(instance(number))
        segment.write(bytes([number]) * 10_000)
        segment.end()
        vault.clock.sleep(0.05)
    held = vault.studies.held(HUB, STUDY)
    assert 0 < len(held) < 40
    assert vault.objects.read(HUB, STUDY, f"{SERIES}.3") == bytes([3]) * 10_000
    segment.close()
    assert len(vault.studies.held(HUB, STUDY)) == 40
    assert vault.objects.read(HUB, STUDY, f"{SERIES}.39") == bytes([39]) * 10_000


def test_an_instance_that_was_not_ended_is_left_out(vault: Vault) -> None:
    with vault.objects.open_segment(HUB, STUDY) as segment:
        segment.begin(instance(1))
        segment.write(b"half of it")
        segment.begin(instance(2))
        segment.write(b"whole")
        segment.end()
    assert list(vault.studies.held(HUB, STUDY)) == [f"{SERIES}.2"]


def test_after_a_crash_whole_instances_are_rescued_into_a_new_segment(vault: Vault) -> None:
    segment = vault.objects.open_segment(HUB, STUDY)
    for number in range(40):
        segment.begin(instance(number))
        segment.write(bytes([number]) * 30_000)
        segment.end()
        vault.clock.sleep(0.05)
    before = vault.studies.held(HUB, STUDY)
    files = vault.objects.files(HUB, STUDY)
    segment.abandon()
    handoff = vault.master_handoff()
    vault.close()
    with Vault.open_with_key(vault.paths, handoff) as again:
        assert again.recover() == len(before) > 0
        assert again.studies.held(HUB, STUDY) == before
        assert not set(files) & set(again.objects.files(HUB, STUDY))
        assert not (again.paths.objects / files[0]).exists()
        assert again.objects.verify(HUB, STUDY).damaged == ()
        assert again.recover() == 0


def test_a_segment_that_is_being_written_is_not_rescued(vault: Vault) -> None:
    segment = vault.objects.open_segment(HUB, STUDY)
    other = Vault.open_with_key(vault.paths, vault.master_handoff())
    assert other.recover() == 0
    other.close()
    segment.begin(instance(1))
    segment.write(b"x")
    segment.end()
    segment.close()
    assert vault.objects.read(HUB, STUDY, f"{SERIES}.1") == b"x"


def test_a_file_that_belongs_to_nothing_is_swept(vault: Vault) -> None:
    stray = vault.paths.objects / "ab" / "cdef"
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    vault.recover()
    assert not stray.exists()


def test_a_damaged_instance_is_named_and_leaves_the_index(vault: Vault) -> None:
    keep(vault, [os.urandom(3 * CHUNK), os.urandom(3 * CHUNK)])
    path = vault.paths.objects / vault.objects.files(HUB, STUDY)[0]
    data = bytearray(path.read_bytes())
    data[HEADER + 5] ^= 1
    path.write_bytes(data)
    check = vault.objects.verify(HUB, STUDY)
    assert (check.good, check.damaged) == (1, (f"{SERIES}.1",))
    assert list(vault.studies.held(HUB, STUDY)) == [f"{SERIES}.2"]


def test_file_names_have_nothing_of_a_uid(vault: Vault) -> None:
    keep(vault, [b"x"], study="../../../etc/passwd")
    names = vault.objects.files(HUB, "../../../etc/passwd")
    assert len(names) == 1
    assert all(char in "0123456789abcdef" for char in names[0].replace(os.sep, ""))


def test_shredding_makes_the_bytes_unreadable_with_the_old_master_key(vault: Vault) -> None:
    keep(vault, [b"pixels" * 1000])
    path = vault.paths.objects / vault.objects.files(HUB, STUDY)[0]
    kept = path.read_bytes()
    assert vault.objects.shred(HUB, STUDY, "test") == 1
    assert not path.exists()
    assert vault.studies.get(HUB, STUDY) is None
    with pytest.raises(UsageError):
        vault.objects.read(HUB, STUDY, f"{SERIES}.1")
    path.write_bytes(kept)
    handoff = vault.master_handoff()
    vault.close()
    with Vault.open_with_key(vault.paths, handoff) as again:
        with pytest.raises(IntegrityError) as told:
            again.study_keys.get(HUB, STUDY)
        assert told.value.code == "study-key-gone"
        ledger = again.copies.list()[0]
        assert (ledger.purged_at is not None, ledger.purged_why) == (True, "test")
        assert list(again.audit.export())[-1].kind == "shred"


def test_a_study_purged_while_it_is_fetched_is_not_kept(vault: Vault) -> None:
    segment = vault.objects.open_segment(HUB, STUDY)
    segment.begin(instance(1))
    segment.write(b"x")
    segment.end()
    vault.objects.shred(HUB, STUDY, "test")
    with pytest.raises(TelereadError) as told:
        segment.close()
    assert told.value.code == "study-shredded"
    assert vault.studies.held(HUB, STUDY) == {}
