"""The databases: sealed, silent about wrong keys, forward only."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from teleread.host.clock import FakeClock
from teleread.model.errors import IntegrityError, LockedError, OfflineError, TelereadError
from teleread.vault import connection as connections
from teleread.vault import migrate
from teleread.vault.connection import Connection, open_encrypted
from teleread.vault.database import Database
from teleread.vault.seal import derive
from teleread.vault.unlock import Unlock
from teleread.vault.vault import Vault
from tests.unit.vault_cases import START, new_vault, paths

KEY = bytes(range(32))


def test_a_new_database_has_no_plain_header(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db", KEY)
    migrate.migrate(database.connection, "reports")
    database.close()
    assert not (tmp_path / "x.db").read_bytes().startswith(b"SQLite format 3")


def test_a_plain_database_is_refused_unopened(tmp_path: Path) -> None:
    plain = sqlite3.connect(tmp_path / "x.db")
    plain.execute("CREATE TABLE t (x)")
    plain.commit()
    plain.close()
    with pytest.raises(IntegrityError) as told:
        open_encrypted(tmp_path / "x.db", KEY)
    assert told.value.code == "plain-database"


def test_a_wrong_key_is_told_in_words_and_nothing_reaches_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = open_encrypted(tmp_path / "x.db", KEY)
    first.execute("CREATE TABLE t (x)")
    first.close()
    with pytest.raises(LockedError) as told:
        open_encrypted(tmp_path / "x.db", os.urandom(32))
    assert told.value.code == "wrong-key"
    assert capfd.readouterr() == ("", "")


def test_every_pragma_that_was_asked_for_holds(tmp_path: Path) -> None:
    connection = open_encrypted(tmp_path / "x.db", KEY)
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "temp_store": 2,
    }
    found = {name: (connection.row(f"PRAGMA {name}") or (None,))[0] for name in wanted}
    connection.close()
    assert found == wanted


def test_a_library_without_the_wal_fix_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_OLDEST", (99, 0, 0))
    with pytest.raises(TelereadError) as told:
        open_encrypted(tmp_path / "x.db", KEY)
    assert told.value.code == "sqlite-too-old"


def test_a_library_that_does_not_encrypt_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        sqlite_version_info = (99, 0, 0)
        Error = sqlite3.Error
        DatabaseError = sqlite3.DatabaseError
        connect = staticmethod(sqlite3.connect)

    monkeypatch.setattr(connections, "_library", Plain)
    with pytest.raises(IntegrityError) as told:
        open_encrypted(tmp_path / "x.db", KEY)
    assert told.value.code == "no-cipher"
    assert not (tmp_path / "x.db").exists() or (tmp_path / "x.db").stat().st_size == 0


def test_the_header_is_read_by_hand_only_before_the_first_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.db"
    first = open_encrypted(path, KEY)
    first.execute("CREATE TABLE t (x)")
    opened: list[Path] = []
    monkeypatch.setattr(Path, "open", lambda self, *_: opened.append(self))
    second = open_encrypted(path, KEY)
    first.close()
    second.close()
    assert opened == []


def test_a_readonly_connection_refuses_to_write(tmp_path: Path) -> None:
    open_encrypted(tmp_path / "x.db", KEY).close()
    connection = open_encrypted(tmp_path / "x.db", KEY, readonly=True)
    with pytest.raises(TelereadError):
        connection.execute("CREATE TABLE t (x)")
    connection.close()


@pytest.mark.parametrize("name", ["reports", "cache"])
def test_a_newer_schema_is_refused_in_words(tmp_path: Path, name: str) -> None:
    vault = new_vault(tmp_path)
    database = vault.reports_database if name == "reports" else vault.cache_database
    database.connection.execute("PRAGMA user_version = 4000")
    handoff = vault.master_handoff()
    vault.close()
    with pytest.raises(TelereadError) as told:
        Vault.open_with_key(paths(tmp_path), handoff)
    assert told.value.code == "schema-too-new"
    assert "newer teleread" in str(told.value)


def test_a_migration_keeps_a_sealed_copy_until_the_next_good_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = new_vault(tmp_path)
    handoff = vault.master_handoff()
    vault.close()
    scripts = migrate._scripts("reports")
    step = (scripts[-1][0] + 1, "CREATE TABLE later (x TEXT) STRICT;\nINSERT INTO later VALUES ('a;b');\n")
    real = migrate._scripts
    monkeypatch.setattr(
        migrate, "_scripts", lambda name: (*scripts, step) if name == "reports" else real(name)
    )
    copy = paths(tmp_path).reports_db.with_name("reports.db" + migrate.BACKUP_SUFFIX)

    with Vault.open_with_key(paths(tmp_path), handoff) as migrated:
        assert migrated.reports_database.connection.row("SELECT x FROM later") == ("a;b",)
    before = Database(copy, derive(handoff, "reports.db"))
    assert before.connection.row("PRAGMA user_version") == (scripts[-1][0],)
    assert before.connection.row("SELECT count(*) FROM audit") == (1,)
    before.close()

    Vault.open_with_key(paths(tmp_path), handoff).close()
    assert not copy.exists()


def test_a_migration_that_fails_leaves_the_old_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = new_vault(tmp_path)
    handoff = vault.master_handoff()
    vault.close()
    scripts = migrate._scripts("reports")
    broken = (scripts[-1][0] + 1, "CREATE TABLE later (x TEXT) STRICT;\nINSERT INTO nowhere VALUES (1);\n")
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "_scripts", lambda _: (*scripts, broken))
        with pytest.raises(TelereadError):
            Vault.open_with_key(paths(tmp_path), handoff)
    with Vault.open_with_key(paths(tmp_path), handoff) as again:
        assert (
            again.reports_database.connection.rows("SELECT 1 FROM sqlite_schema WHERE name = 'later'") == []
        )


def test_the_key_file_of_another_vault_is_noticed(tmp_path: Path) -> None:
    vault = new_vault(tmp_path / "a")
    other = new_vault(tmp_path / "b")
    master = vault.master_handoff()
    vault.close()
    other.close()
    paths(tmp_path / "a").keys.write_bytes(paths(tmp_path / "b").keys.read_bytes())
    with pytest.raises(IntegrityError) as told:
        Vault.open(paths(tmp_path / "a"), Unlock("handoff", master))
    assert told.value.code == "vault-mixed"


def test_a_transaction_inside_another_is_refused_and_undone(tmp_path: Path) -> None:
    def nest() -> None:
        with vault.transaction():
            vault.hub_secrets.put("hub", "token", "x")
            with vault.transaction():
                raise AssertionError("it was let in")

    with new_vault(tmp_path) as vault:
        with pytest.raises(TelereadError) as told:
            nest()
        assert told.value.code == "transaction-nested"
        assert vault.hub_secrets.get("hub", "token") is None


def test_two_connections_writing_at_once_both_get_through(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    other = Vault.open_with_key(vault.paths, vault.master_handoff(), clock=FakeClock(START))
    problems: list[TelereadError] = []

    def write(which: Vault, name: str) -> None:
        try:
            for number in range(40):
                which.audit.append("view", subject=f"{name}-{number}")
        except TelereadError as error:
            problems.append(error)

    writers = [threading.Thread(target=write, args=(one, name)) for one, name in ((vault, "a"), (other, "b"))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    verdict = vault.audit.verify()
    vault.close()
    other.close()
    assert problems == []
    assert (verdict.valid, verdict.rows) == (True, 81)


def test_a_writer_that_waits_too_long_is_told_in_words(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)

    def impatient(path: Path, key: bytes) -> Connection:
        connection = open_encrypted(path, key)
        connection.rows("PRAGMA busy_timeout = 50")
        return connection

    other = Database(vault.paths.reports_db, derive(vault.master_handoff(), "reports.db"), impatient)
    with vault.transaction(), pytest.raises(OfflineError) as told, other.transaction():
        pass
    vault.close()
    other.close()
    assert told.value.code == "vault-busy"


def test_data_version_moves_for_own_and_foreign_writes(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    other = Vault.open_with_key(vault.paths, vault.master_handoff())
    seen = [vault.data_version()]
    vault.hub_secrets.put("hub", "a", "x")
    seen.append(vault.data_version())
    other.hub_secrets.put("hub", "b", "x")
    seen.append(vault.data_version())
    other.events.emit("pulled")
    seen.append(vault.data_version())
    vault.close()
    other.close()
    assert seen[0][0] < seen[1][0] < seen[2][0] == seen[3][0]
    assert seen[0][1] == seen[1][1] == seen[2][1] < seen[3][1]


def test_a_closed_vault_says_that_it_is_locked_from_any_thread(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    with pytest.raises(LockedError):
        vault.audit.verify()
    with pytest.raises(LockedError):
        vault.master_handoff()
    assert not vault.is_open


def test_a_damaged_database_is_told_in_words(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    handoff = vault.master_handoff()
    vault.reports_database.checkpoint()
    vault.close()
    path = paths(tmp_path).reports_db
    data = bytearray(path.read_bytes())
    for offset in range(4096 + 100, len(data), 4096):
        data[offset] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(IntegrityError) as told:
        Vault.open_with_key(paths(tmp_path), handoff)
    assert told.value.code == "vault-damaged"
