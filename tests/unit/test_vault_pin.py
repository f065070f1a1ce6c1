"""The PIN and the signing key behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from teleread.model.errors import IntegrityError, LockedError, TelereadError, UsageError
from teleread.vault import rekey
from teleread.vault.unlock import Unlock
from teleread.vault.vault import Vault
from tests.unit.vault_cases import PASSPHRASE, PIN, new_vault


def test_the_right_pin_gives_the_same_key_each_time(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        assert vault.pin.mode == "pin"
        assert vault.pin.check(PIN) == vault.pin.check(PIN)


def test_a_wrong_pin_says_how_many_tries_are_left_and_is_audited(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        with pytest.raises(LockedError) as told:
            vault.pin.check("000000")
        assert "Tries left: 4." in str(told.value)
        assert [row.kind for row in vault.audit.export()][-1] == "wrong-pin"


def test_five_wrong_pins_block_it_for_the_right_one_too(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        for _ in range(5):
            with pytest.raises(LockedError):
                vault.pin.check("000000")
        with pytest.raises(LockedError) as told:
            vault.pin.check(PIN)
        assert told.value.code == "pin-blocked"


def test_tries_are_remembered_over_a_restart(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    with pytest.raises(LockedError):
        vault.pin.check("000000")
    handoff = vault.master_handoff()
    vault.close()
    with Vault.open_with_key(vault.paths, handoff) as again:
        assert again.pin.tries_left == 4


def test_a_try_can_not_be_undone_by_a_transaction_around_it(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        with pytest.raises(TelereadError) as told, vault.transaction():
            vault.pin.check("000000")
        assert told.value.code == "transaction-nested"


def test_the_right_pin_forgets_the_wrong_tries(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        with pytest.raises(LockedError):
            vault.pin.check("000000")
        vault.pin.check(PIN)
        assert vault.pin.tries_left == 5


def test_the_passphrase_serves_only_when_the_pin_is_blocked(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        key = vault.pin.check(PIN)
        with pytest.raises(LockedError) as told:
            vault.pin.check(PASSPHRASE, "passphrase")
        assert told.value.code == "pin-needed"
        for _ in range(5):
            with pytest.raises(LockedError):
                vault.pin.check("000000")
        assert vault.pin.check(PASSPHRASE, "passphrase") == key
        assert vault.pin.check(PIN) == key


def test_the_recovery_code_unblocks_the_pin(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    for _ in range(5):
        with pytest.raises(LockedError):
            vault.pin.check("000000")
    handoff = vault.master_handoff()
    vault.close()
    with Vault.open(vault.paths, Unlock("recovery", handoff)) as again:
        again.pin.check(PIN)


def test_without_a_pin_the_passphrase_signs_and_a_given_pin_is_wrong(tmp_path: Path) -> None:
    with new_vault(tmp_path, pin=None) as vault:
        assert vault.pin.mode == "passphrase"
        assert len(vault.pin.check(PASSPHRASE, "passphrase")) == 32
        with pytest.raises(LockedError):
            vault.pin.check("wrong", "passphrase")
        with pytest.raises(LockedError):
            vault.pin.check("123456", "pin")


def test_a_throwaway_vault_asks_nothing(tmp_path: Path) -> None:
    with new_vault(tmp_path, passphrase=None, pin=None) as vault:
        assert vault.pin.mode == "none"
        assert len(vault.pin.check("", "none")) == 32


def test_nothing_is_not_enough_where_a_pin_is_set(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault, pytest.raises(LockedError):
        vault.pin.check("", "none")


def test_a_short_pin_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        new_vault(tmp_path, pin="12345")
    assert told.value.code == "pin-short"
    assert not any(tmp_path.rglob("*.db"))


def test_a_changed_pin_keeps_the_signing_key_and_a_recovered_one_loses_it(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        key = vault.pin.check(PIN)
        vault.signing_keys.put("k1", b"private one", key, public_key=b"pub1", certificate=b"cert1")
        assert rekey.set_pin(vault, "another-pin", unwrap_key=key) == key
        assert vault.signing_keys.private_key(vault.pin.check("another-pin")) == b"private one"
        fresh = rekey.set_pin(vault, "third-pin", unwrap_key=None)
        with pytest.raises(IntegrityError):
            vault.signing_keys.private_key(fresh)
        vault.signing_keys.put("k2", b"private two", fresh, public_key=b"pub2", certificate=b"cert2")
        assert [(one.id, one.retired_at is None) for one in vault.signing_keys.list()] == [
            ("k1", False),
            ("k2", True),
        ]
        assert vault.signing_keys.private_key(fresh) == b"private two"
        retired = vault.signing_keys.find(b"pub1")
        assert retired is not None
        assert retired.sealed is None


def test_a_vault_without_signing_key_says_so(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        with pytest.raises(LockedError) as told:
            vault.signing_keys.private_key(bytes(32))
        assert told.value.code == "no-signing-key"


def test_a_new_passphrase_signs_where_there_is_no_pin(tmp_path: Path) -> None:
    with new_vault(tmp_path, pin=None) as vault:
        key = vault.pin.check(PASSPHRASE, "passphrase")
        with pytest.raises(LockedError) as told:
            rekey.set_passphrase(vault, "another one", unwrap_key=None)
        assert told.value.code == "signing-key-lost"
        rekey.set_passphrase(vault, "another one", unwrap_key=key)
        assert vault.pin.check("another one", "passphrase") == key
