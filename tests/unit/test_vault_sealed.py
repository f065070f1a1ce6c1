"""No plaintext at rest, and nothing left of a hub or a profile that was removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from teleread.host.filelock import OsLock
from teleread.model.delivery import Receipt
from teleread.model.errors import AttentionError, TelereadError, UsageError
from teleread.model.text import clean
from teleread.vault import ends, health
from teleread.vault.seal import derive
from teleread.vault.secrets import MemorySecrets
from teleread.vault.vault import Vault
from tests.unit.vault_cases import (
    HUB,
    NAME,
    NHS,
    PASSPHRASE,
    PIN,
    SERIES,
    START,
    STUDY,
    context,
    keep,
    key,
    new_draft,
    new_vault,
    sign,
)

MARKS = (
    NAME,
    NAME.split("^")[0],
    NHS,
    "NG777001",
    "1.2.826.0.1",
    PASSPHRASE,
    PIN,
    "bearer-token-xyz",
    "stones",
)
RECEIPT = Receipt(clean("DiagnosticReport/17"), clean("1"), "ab" * 32, "", START)


def _filled(folder: Path, *, deliver: bool = True) -> Vault:
    vault = new_vault(folder)
    vault.worklist.put_page(HUB, [context()], START)
    vault.hub_secrets.put(HUB, "token", "bearer-token-xyz")
    keep(vault, [f"DICM {NAME} {STUDY}".encode() * 2000, b"x" * 50])
    draft = new_draft(vault)
    vault.drafts.append(draft.id, 0, sections={"findings": f"No stones in {NAME}."})
    sign(vault, draft)
    vault.claims.put(key(), "held")
    vault.requests.put("fetch", {"study": STUDY})
    vault.events.emit("fetched", {"study": STUDY})
    if deliver:
        item = vault.outbox.list()[0]
        vault.outbox.mark_sending(item.id)
        vault.outbox.mark_delivered(item.id, RECEIPT)
    return vault


def _found(folder: Path, marks: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        names = str(path.relative_to(folder))
        found += [(names, mark) for mark in marks if mark.encode() in data or mark in names]
        found += [(names, mark) for mark in marks if mark.encode("utf-16-le") in data]
    return found


def test_no_file_of_the_vault_holds_a_name_a_uid_or_a_plain_header(tmp_path: Path) -> None:
    vault = _filled(tmp_path)
    marks = (*MARKS, "SQLite format 3")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) > 6
    assert _found(tmp_path, marks) == []
    assert vault.reports_database.checkpoint()
    vault.cache_database.checkpoint()
    assert _found(tmp_path, marks) == []
    vault.close()
    assert _found(tmp_path, marks) == []


def test_the_vault_is_this_users_alone(tmp_path: Path) -> None:
    vault = _filled(tmp_path)
    for path in vault.paths.data.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    vault.close()


def _pages(path: Path, database_key: bytes) -> bytes:
    """Every page of a SQLCipher 4 file, free ones too, decrypted by hand (AES-256-CBC, 80 bytes reserved)."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    data = path.read_bytes()
    out = bytearray()
    for start in range(0, len(data), 4096):
        page = data[start : start + 4096]
        body, vector = page[16 if start == 0 else 0 : -80], page[-80:-64]
        decryptor = Cipher(algorithms.AES(database_key), modes.CBC(vector)).decryptor()
        out += decryptor.update(body) + decryptor.finalize()
    return bytes(out)


def _marks_in_pages(vault: Vault, master: bytes, marks: tuple[str, ...]) -> set[str]:
    pages = _pages(vault.paths.reports_db, derive(master, "reports.db"))
    pages += _pages(vault.paths.cache_db, derive(master, "cache.db"))
    return {mark for mark in marks if mark.encode() in pages}


def test_after_a_hub_was_removed_the_old_key_opens_nothing_of_it(tmp_path: Path) -> None:
    vault = _filled(tmp_path)
    master = vault.master_handoff()
    marks = (NAME, "NG777001", "bearer-token-xyz", "stones")
    vault.reports_database.checkpoint()
    vault.cache_database.checkpoint()
    assert _marks_in_pages(vault, master, marks) == set(marks), "else this test proves nothing"
    packs = {path: path.read_bytes() for path in vault.paths.objects.rglob("*") if path.is_file()}

    receipt = vault.remove_hub(HUB)

    assert (receipt.studies, receipt.tasks, receipt.drafts) == (1, 1, 1)
    assert [(one.report_id, one.delivered) for one in receipt.reports] == [("r-1", True)]
    assert receipt.audit_head == vault.audit.verify().head
    assert list(vault.audit.export())[-1].kind == "hub-removed"
    assert _marks_in_pages(vault, master, marks) == set()
    for database in (vault.paths.reports_db, vault.paths.cache_db):
        assert database.with_name(database.name + "-wal").stat().st_size == 0
    assert not any(path.exists() for path in packs)
    assert (vault.worklist.count(), vault.reports.list(), vault.drafts.list()) == (0, (), ())
    assert vault.hub_secrets.get(HUB, "token") is None
    with pytest.raises(UsageError):
        vault.objects.read(HUB, STUDY, f"{SERIES}.1")
    with pytest.raises(TelereadError):
        vault.study_keys.get(HUB, STUDY)
    assert vault.reports.search("stones") == ()
    assert vault.prior_reports.search("cyst") == ()
    assert all(one.purged_why == "hub-removed" for one in vault.copies.list())
    vault.close()


def test_a_hub_with_undelivered_reports_is_not_removed(tmp_path: Path) -> None:
    with _filled(tmp_path, deliver=False) as vault:
        with pytest.raises(AttentionError) as told:
            vault.remove_hub(HUB)
        assert told.value.code == "undelivered"
        assert vault.reports.find("r-1") is not None
        assert len(vault.objects.read(HUB, STUDY, f"{SERIES}.2")) == 50


@pytest.mark.parametrize("kind", ["alert", "note"])
def test_what_was_told_and_not_delivered_keeps_a_hub_too(tmp_path: Path, kind: str) -> None:
    with _filled(tmp_path) as vault:
        vault.outbox.add(kind, key(), idempotency_key="told")
        with pytest.raises(AttentionError, match=f"Not delivered yet: 1 {kind}\\."):
            vault.remove_hub(HUB)
        with pytest.raises(AttentionError):
            ends.wipe(vault, discard_undelivered=None, secrets=None)
        assert vault.reports.find("r-1") is not None


def test_another_hub_is_not_touched_by_a_removal(tmp_path: Path) -> None:
    with _filled(tmp_path) as vault:
        vault.remove_hub("another")
        assert vault.worklist.count() == 1
        assert vault.reports.find("r-1") is not None


def test_a_removal_that_was_cut_off_is_finished_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_: Vault) -> None:
        raise KeyboardInterrupt

    vault = _filled(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(ends, "finish_removals", cut)
        with pytest.raises(KeyboardInterrupt):
            ends.remove_hub(vault, HUB)
    assert vault.worklist.count() == 1
    vault.recover()
    assert (vault.worklist.count(), vault.studies.list()) == (0, ())
    assert not any(path.is_file() for path in vault.paths.objects.rglob("*"))
    vault.close()


@pytest.mark.parametrize("number", [None, 0, 2])
def test_a_wipe_refuses_any_number_but_the_exact_one(tmp_path: Path, number: int | None) -> None:
    with _filled(tmp_path, deliver=False) as vault:
        with pytest.raises(AttentionError):
            ends.wipe(vault, discard_undelivered=number, secrets=None)
        assert vault.paths.keys.exists()


def test_a_wipe_destroys_keys_and_files_and_lists_the_hashes(tmp_path: Path) -> None:
    secrets = MemorySecrets()
    vault = _filled(tmp_path, deliver=False)
    secrets.put(vault.profile_id, "entry")
    sha256 = vault.reports.get("r-1").sha256
    receipt = ends.wipe(vault, discard_undelivered=1, secrets=secrets)
    assert [(one.sha256, one.delivered) for one in receipt.reports] == [(sha256, False)]
    assert receipt.studies == 1
    assert not vault.paths.data.exists()
    assert secrets.get(vault.profile_id) is None
    assert not vault.is_open
    new_vault(tmp_path).close()


def test_a_wipe_waits_for_no_engine_that_does_not_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "_ENGINE_SECONDS", 0.05)
    with _filled(tmp_path) as vault, OsLock(vault.paths.engine_lock):
        with pytest.raises(TelereadError) as told:
            ends.wipe(vault, discard_undelivered=None, secrets=None)
        assert told.value.code == "engine-running"
        request = vault.requests.take()
        assert request is not None
        assert vault.paths.keys.exists()


def test_a_sound_vault_has_no_problems_and_a_damaged_one_names_them(tmp_path: Path) -> None:
    with _filled(tmp_path) as vault:
        assert health.problems(vault) == ()
        vault.ballast.release()
        vault.reports_database.connection.execute("DROP TRIGGER audit_stays")
        vault.reports_database.connection.execute("UPDATE audit SET kind = 'x' WHERE seq = 2")
        assert health.problems(vault) == (
            "The audit trail holds only up to row 1.",
            "The room kept for signing on a full disk is missing.",
        )
