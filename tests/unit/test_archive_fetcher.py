"""Fetching a study: whole, resumed, from the second archive, or part in words."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

import pytest

from teleread.archive.fetcher import FetchLimits, FetchOutcome, fetch
from teleread.archive.port import InstanceSink, Manifest, RetrieveResult
from teleread.archive.sink import SinkLimits
from teleread.host.clock import FakeClock
from teleread.model.errors import AttentionError, NotSignedInError, OfflineError, TelereadError
from teleread.model.study import StudyKey
from teleread.vault.vault import Vault
from tests.archive_factories import STUDY, MemoryArchive, ct, make_vault

KEY = StudyKey("hub", STUDY)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 1, 2, tzinfo=UTC))


def files(count: int, **words: object) -> dict[str, bytes]:
    return {f"{STUDY}.1.{number}": ct(number) for number in range(1, count + 1)}


def run(vault: Vault, clock: FakeClock, *archives: MemoryArchive, **words: object) -> FetchOutcome:
    return fetch(vault, archives, KEY, clock=clock, limits=FetchLimits(tries=3), **words)  # type: ignore[arg-type]


def test_a_study_comes_whole_and_reads_back_byte_for_byte(vault: Vault, clock: FakeClock) -> None:
    archive = MemoryArchive(files(40))
    outcome = run(vault, clock, archive)
    assert outcome.complete
    assert (outcome.instances_expected, outcome.instances_held, outcome.via) == (40, 40, "dicomweb")
    assert outcome.bytes == sum(map(len, archive.files.values()))
    study = vault.studies.get("hub", STUDY)
    assert study is not None
    assert (study.state, study.missing_why, study.modality, study.description) == (
        "all",
        "",
        "CT",
        "CT chest",
    )
    assert study.date == "2026-01-02"
    assert study.verified_at
    for uid, digest in vault.studies.held("hub", STUDY).items():
        assert vault.objects.read("hub", STUDY, uid) == archive.files[uid]
        assert digest == hashlib.sha256(archive.files[uid]).hexdigest()
    info = vault.studies.instances("hub", STUDY)[0]
    data = vault.objects.read("hub", STUDY, info.sop_uid)
    assert info.pixel_offset == len(data) - 512
    assert info.size == len(data)
    assert [(one.held, one.expected) for one in vault.studies.series("hub", STUDY)] == [(40, 40)]
    assert [one.why for one in vault.copies.list("hub")] == ["fetch"]


def test_a_second_fetch_brings_nothing_and_says_whole(vault: Vault, clock: FakeClock) -> None:
    archive = MemoryArchive(files(3))
    run(vault, clock, archive)
    outcome = run(vault, clock, archive)
    assert (outcome.complete, outcome.bytes, len(archive.asked)) == (True, 0, 1)


def test_a_cut_line_is_resumed_with_what_is_missing_alone(vault: Vault, clock: FakeClock) -> None:
    archive = MemoryArchive(files(10))
    archive.faults = [4, 2]
    outcome = run(vault, clock, archive)
    assert outcome.complete
    assert [len(one) for one in archive.asked] == [10, 6, 4]
    assert vault.objects.verify("hub", STUDY).good == 10


def test_an_archive_that_only_breaks_leaves_a_part_in_words(vault: Vault, clock: FakeClock) -> None:
    archive = MemoryArchive(files(5))
    archive.faults = [2, *(OfflineError("The line to the archive broke.") for _ in range(9))]
    outcome = run(vault, clock, archive)
    assert (outcome.complete, outcome.offline, outcome.instances_held) == (False, True, 2)
    assert len(archive.asked) == 4
    study = vault.studies.get("hub", STUDY)
    assert study is not None
    assert study.state == "part"
    assert study.missing_why.startswith("3 of 5 instances are missing.")
    assert "line" in study.missing_why


def test_what_one_archive_lacks_comes_from_the_next(vault: Vault, clock: FakeClock) -> None:
    first, second = MemoryArchive(files(6)), MemoryArchive(files(6), "c-get")
    for uid in list(first.files)[:2]:
        del first.files[uid]
    outcome = run(vault, clock, first, second)
    assert outcome.complete
    assert [via for via, _ in outcome.fallbacks] == ["dicomweb"]
    assert second.asked == [frozenset(list(second.files)[:2])]


def test_an_archive_that_does_not_answer_is_passed_over(vault: Vault, clock: FakeClock) -> None:
    first, second = MemoryArchive({}), MemoryArchive(files(2), "c-get")
    first.dead = OfflineError("The archive can't be reached.")
    outcome = run(vault, clock, first, second)
    assert (outcome.complete, outcome.via) == (True, "c-get")
    assert outcome.fallbacks == (("dicomweb", "The archive can't be reached."),)


def test_an_instance_that_never_comes_makes_the_study_part(vault: Vault, clock: FakeClock) -> None:
    archive = MemoryArchive(files(3))
    archive.listed["1.2.3.999"] = ""
    outcome = run(vault, clock, archive)
    assert (outcome.complete, outcome.instances_expected, outcome.instances_held) == (False, 4, 3)
    study = vault.studies.get("hub", STUDY)
    assert study is not None
    assert (study.state, study.expected) == ("part", 4)


def test_an_identifier_that_is_none_is_never_asked_for_and_told(vault: Vault, clock: FakeClock) -> None:
    archive = MemoryArchive(files(2))
    archive.listed["../../etc/passwd"] = ""
    outcome = run(vault, clock, archive)
    assert not outcome.complete
    assert "usable identifier" in outcome.missing_why
    assert "etc" not in outcome.missing_why
    assert all("../../etc/passwd" not in one for one in archive.asked)


def test_an_extra_image_cannot_stand_in_for_a_missing_one(vault: Vault, clock: FakeClock) -> None:
    run(vault, clock, MemoryArchive(files(3)))
    other = {f"{STUDY}.1.{number}": ct(number) for number in (2, 3, 4)}
    archive = MemoryArchive(other)
    del archive.files[f"{STUDY}.1.4"]
    run(vault, clock, archive)
    study = vault.studies.get("hub", STUDY)
    assert study is not None
    assert (study.held, study.state) == (3, "part")


def test_objects_of_another_study_are_refused_and_told(vault: Vault, clock: FakeClock) -> None:
    archive = MemoryArchive(files(2))
    archive.also = [ct(9, study="1.2.99"), ct(8, name="\x1b[2JX", sop="../../evil")]
    outcome = run(vault, clock, archive)
    assert outcome.complete
    assert vault.studies.held("hub", "1.2.99") == {}
    assert len(vault.studies.held("hub", STUDY)) == 2
    assert any("another study" in one for one in outcome.problems)
    assert any("told from others" in one for one in outcome.problems)
    assert not any("evil" in one or "\x1b" in one for one in outcome.problems)


def test_the_same_instance_with_other_bytes_keeps_the_first_and_tells(vault: Vault, clock: FakeClock) -> None:
    archive = MemoryArchive(files(2))
    archive.also = [ct(1, fill=99)]
    outcome = run(vault, clock, archive)
    assert vault.objects.read("hub", STUDY, f"{STUDY}.1.1") == ct(1, fill=99)
    assert any("other bytes" in one for one in outcome.problems)


def test_a_preamble_is_kept_as_it_came_for_what_is_sealed_is_what_arrived(
    vault: Vault, clock: FakeClock
) -> None:
    sent = ct(1, preamble=b"MZ" * 64)
    run(vault, clock, MemoryArchive({f"{STUDY}.1.1": sent}))
    assert vault.objects.read("hub", STUDY, f"{STUDY}.1.1") == sent
    (held,) = vault.studies.instances("hub", STUDY)
    assert held.sha256 == hashlib.sha256(sent).hexdigest()


def test_a_file_without_preamble_gets_one_and_its_offset_moves(vault: Vault, clock: FakeClock) -> None:
    whole = ct(1)
    run(vault, clock, MemoryArchive({f"{STUDY}.1.1": whole[132:]}))
    info = vault.studies.instances("hub", STUDY)[0]
    assert vault.objects.read("hub", STUDY, info.sop_uid) == whole
    assert info.pixel_offset == len(whole) - 512


def test_a_bare_data_set_gets_the_meta_group_it_lacks(vault: Vault, clock: FakeClock) -> None:
    whole = ct(1)
    run(vault, clock, MemoryArchive({f"{STUDY}.1.1": whole[whole.index(b"\x08\x00\x05\x00CS") :]}))
    info = vault.studies.instances("hub", STUDY)[0]
    data = vault.objects.read("hub", STUDY, info.sop_uid)
    assert data[128:132] == b"DICM"
    assert data[info.pixel_offset :] == bytes([1]) * 512


def test_an_instance_larger_than_any_is_refused_and_the_rest_kept(vault: Vault, clock: FakeClock) -> None:
    archive = MemoryArchive(files(3))
    archive.files[f"{STUDY}.1.2"] = ct(2, size=64)
    outcome = run(vault, clock, archive, sink_limits=SinkLimits(instance=4000))
    assert outcome.instances_held == 2
    assert any("larger" in one for one in outcome.problems)


def test_a_study_held_whole_stays_whole_when_nobody_answers(vault: Vault, clock: FakeClock) -> None:
    archive = MemoryArchive(files(2))
    run(vault, clock, archive)
    archive.dead = OfflineError("The archive can't be reached.")
    outcome = run(vault, clock, archive)
    assert (outcome.complete, outcome.instances_held) == (True, 2)


@pytest.mark.parametrize(
    "error",
    [OfflineError("x"), AttentionError("x"), NotSignedInError("x")],
    ids=["offline", "refused", "401"],
)
def test_an_archive_that_tells_nothing_raises_its_own_words(
    vault: Vault, clock: FakeClock, error: TelereadError
) -> None:
    archive = MemoryArchive({})
    archive.dead = error
    with pytest.raises(type(error)):
        run(vault, clock, archive)
    assert vault.studies.get("hub", STUDY) is None


def test_a_study_nobody_has_is_told(vault: Vault, clock: FakeClock) -> None:
    with pytest.raises(AttentionError, match="does not have"):
        run(vault, clock, MemoryArchive({}), MemoryArchive({}, "c-get"))


def test_an_empty_answer_later_deletes_nothing(vault: Vault, clock: FakeClock) -> None:
    run(vault, clock, MemoryArchive(files(2)))
    with pytest.raises(AttentionError):
        run(vault, clock, MemoryArchive({}))
    assert len(vault.studies.held("hub", STUDY)) == 2


def test_a_fetch_that_is_stopped_keeps_what_ended_and_says_part(vault: Vault, clock: FakeClock) -> None:
    def progress(held: int, expected: int, size: int) -> None:
        if held == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(vault, clock, MemoryArchive(files(8)), progress=progress)
    study = vault.studies.get("hub", STUDY)
    assert study is not None
    assert (study.held, study.expected, study.state) == (3, 8, "part")


def test_progress_counts_up_to_the_whole(vault: Vault, clock: FakeClock) -> None:
    seen: list[tuple[int, int]] = []
    run(
        vault,
        clock,
        MemoryArchive(files(4)),
        progress=lambda held, expected, size: seen.append((held, expected)),
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_several_segments_are_one_study(vault: Vault, clock: FakeClock) -> None:
    outcome = run(vault, clock, MemoryArchive(files(12)), sink_limits=SinkLimits(segment=3000))
    assert outcome.complete
    assert vault.objects.verify("hub", STUDY).good == 12


def test_no_instance_is_held_whole_in_memory(vault: Vault, clock: FakeClock) -> None:
    big = ct(1, size=2048)  # 8 MiB

    class Slow(MemoryArchive):
        """Sends 64 KiB at a time, as a line does."""

        def retrieve(
            self,
            manifest: Manifest,
            wanted: Collection[str],
            sink: InstanceSink,
            progress: Callable[[int, int], None],
        ) -> RetrieveResult:
            for uid in sorted(wanted):
                data = big.replace(f"{STUDY}.1.1".encode(), uid.encode())
                sink.begin("")
                for start in range(0, len(data), 1 << 16):
                    sink.write(memoryview(data)[start : start + (1 << 16)])
                sink.end()
                del data
            return RetrieveResult(len(wanted))

    archive = Slow(dict.fromkeys((f"{STUDY}.1.{number}" for number in range(1, 7)), b""))
    tracemalloc.start()
    outcome = run(vault, clock, archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcome.complete
    assert peak < (8 << 20) + (6 << 20)  # the test's own copy of one instance, and what teleread holds


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from teleread.archive.fetcher import fetch
from teleread.archive.sink import SinkLimits
from teleread.model.study import StudyKey
from teleread.vault.unlock import Unlock
from teleread.vault.vault import Vault
from teleread.host.paths import Home
from tests.archive_factories import STUDY, MemoryArchive, ct
home = Home(*(Path({folder!r}) / one for one in ("config", "data", "logs")))
vault = Vault.open_with_key(home.profile("default"), sys.stdin.buffer.read(32))
files = {{f"{{STUDY}}.1.{{number}}": ct(number, size=128) for number in range(1, 201)}}
def tell(held, expected, size):
    print(held, flush=True)
limits = SinkLimits(segment=500_000)
fetch(vault, [MemoryArchive(files)], StudyKey("hub", STUDY), progress=tell, sink_limits=limits)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_a_killed_fetch_is_resumed_and_ends_whole(tmp_path: Path, clock: FakeClock) -> None:
    vault = make_vault(tmp_path)
    archive = MemoryArchive({f"{STUDY}.1.{number}": ct(number, size=128) for number in range(1, 201)})
    code = CHILD.format(root=str(ROOT), folder=str(tmp_path))
    for stop_at in (20, 60, 110):
        child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(vault.master_handoff())
        child.stdin.close()
        for line in child.stdout:
            if int(line) >= stop_at:
                break
        child.send_signal(signal.SIGKILL)
        child.stdout.close()
        child.wait(10)
        vault.objects.recover()
        held = len(vault.studies.held("hub", STUDY))
        assert held >= stop_at - 40  # one unfinished segment and its unindexed instances at most
        assert vault.objects.verify("hub", STUDY).damaged == ()
        told = vault.studies.get("hub", STUDY)
        assert told is not None
        assert (told.state, told.missing_why) == ("part", "A fetch of it is under way, or was cut short.")
    outcome = fetch(vault, [archive], KEY, clock=clock)
    assert outcome.complete
    assert 0 < len(archive.asked[0]) < 200
    assert vault.objects.verify("hub", STUDY).good == 200
    vault.close()
