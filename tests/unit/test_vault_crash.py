"""Crashes at every storage call, kills at random moments, a disk without room: nothing saved is lost."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from teleread.host.clock import FakeClock
from teleread.host.spawn import bare_environment
from teleread.model.errors import TelereadError
from teleread.vault.ballast import Ballast
from teleread.vault.unlock import Unlock
from teleread.vault.vault import Vault
from tests.unit.vault_cases import CHEAP, START, faulty, key, new_draft, new_vault, paths, sign

CHILD = Path(__file__).with_name("vault_child.py")


def _child(mode: str, folder: Path, *arguments: object) -> subprocess.Popen[bytes]:
    words = [sys.executable, str(CHILD), mode, str(folder), *map(str, arguments)]
    environment = bare_environment()
    # The builders lie in the checkout, which need not be where the package is installed.
    environment["PYTHONPATH"] += f"{':' if sys.platform != 'win32' else ';'}{CHILD.parents[2]}"
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def _reopened(folder: Path, master: bytes) -> Vault:
    return Vault.open(paths(folder), Unlock("handoff", master), clock=FakeClock(START), kdf=CHEAP)


@pytest.mark.parametrize("mode", ["crash-append", "crash-sign"])
def test_a_crash_at_any_storage_call_leaves_all_or_nothing(tmp_path: Path, mode: str) -> None:
    vault = new_vault(tmp_path)
    draft = new_draft(vault)
    master = vault.master_handoff()
    vault.close()
    crashes = 0
    for number in range(1, 60):
        with _child(mode, tmp_path, number) as child:
            out, _ = child.communicate(master, timeout=60)
        with _reopened(tmp_path, master) as after:
            assert after.audit.verify().valid
            found = after.drafts.get(draft.id)
            signed, queued = after.reports.find("r-1"), after.outbox.list()
            told = [row.kind for row in after.audit.export()].count("sign")
            assert (signed is not None) == bool(queued) == bool(told) == (found.state == "signed")
            if mode == "crash-append":
                section = found.section("findings")
                assert section is not None
                assert section.text in {"Liver normal.", *(f"text {one}" for one in range(1, number + 1))}
        if out.strip() == b"done":
            break
        crashes += 1
        if signed is not None:
            break  # the call after COMMIT: it is durable, though nobody was told
    assert crashes >= 3
    with _reopened(tmp_path, master) as after:
        assert (after.drafts.get(draft.id).state == "signed") == (mode == "crash-sign")


@pytest.mark.campaign
def test_a_killed_process_loses_nothing_it_was_told_is_saved(tmp_path: Path, full: bool) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    vault = new_vault(tmp_path)
    draft = new_draft(vault)
    master = vault.master_handoff()
    vault.close()
    total = 0
    for _ in range(40 if full else 8):
        with _child("append", tmp_path) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(master)
            child.stdin.close()
            child.stdout.readline()
            time.sleep(dice.uniform(0.0, 0.08))
            child.kill()
            told = [
                int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")
            ]
        with _reopened(tmp_path, master) as after:
            found = after.drafts.get(draft.id)
            section = found.section("findings")
            assert section is not None
            assert section.text == f"text {found.seq}"
            assert found.seq >= max(told, default=0)
            total = found.seq
    with _reopened(tmp_path, master) as after:
        assert [one.seq for one in after.drafts.versions(draft.id)] == list(range(total + 1))
        assert after.audit.verify().valid


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_is_told_in_words_and_loses_nothing(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    draft = new_draft(vault)
    master = vault.master_handoff()
    vault.close()
    with _child("fill", tmp_path, 600_000) as child:
        out, _ = child.communicate(master, timeout=60)
    lines = out.decode().split()
    assert lines[0] == "disk-full"
    assert lines[2:] == ["disk-full"]
    with _reopened(tmp_path, master) as after:
        assert after.drafts.get(draft.id).seq == int(lines[1]) > 0
        assert after.audit.verify().valid


def test_the_ballast_makes_room_to_sign(tmp_path: Path) -> None:
    ballast = paths(tmp_path).ballast
    full = TelereadError("The disk is full.", code="disk-full")

    def before(sql: str) -> None:
        if ballast.exists() and sql.startswith("INSERT INTO report "):
            raise full

    with new_vault(tmp_path, connect=faulty(before)) as vault:
        draft = new_draft(vault)
        kept = vault.ballast.is_kept
        sign(vault, draft)
        assert vault.reports.find("r-1") is not None
        assert [row.kind for row in vault.audit.export()].count("sign") == 1
        assert (kept, vault.ballast.is_kept, vault.ballast.restore()) == (True, False, True)


def test_without_ballast_a_full_disk_signs_nothing_and_keeps_the_draft(tmp_path: Path) -> None:
    full = TelereadError("The disk is full.", code="disk-full")

    def before(sql: str) -> None:
        if sql.startswith("INSERT INTO report "):
            raise full

    with new_vault(tmp_path, connect=faulty(before)) as vault:
        draft = new_draft(vault)
        with pytest.raises(TelereadError) as told:
            sign(vault, draft)
        assert told.value.code == "disk-full"
        assert vault.drafts.open_for(key())[0].id == draft.id
        assert vault.outbox.list() == ()


def test_the_ballast_takes_its_room_whole_or_not(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", 1 << 20)
    assert ballast.restore()
    assert (tmp_path / "ballast").stat().st_size == 1 << 20
    assert ballast.release()
    assert not ballast.release()
    assert not Ballast(tmp_path / "nowhere" / "ballast", 1 << 20).restore()
