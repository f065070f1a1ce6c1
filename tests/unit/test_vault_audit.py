"""The audit trail: append-only, chained, and work stops without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from teleread.model.errors import IntegrityError, TelereadError
from teleread.vault.vault import Vault
from tests.unit.vault_cases import new_draft, new_vault


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with new_vault(tmp_path) as one:
        for number in range(5):
            one.audit.append("view", subject=f"s-{number}", hub_id="hub", detail={"n": number})
        yield one


def _unguarded(vault: Vault) -> Any:
    connection = vault.reports_database.connection
    connection.execute("DROP TRIGGER audit_stays")
    connection.execute("DROP TRIGGER audit_kept")
    return connection


def test_an_untouched_chain_verifies(vault: Vault) -> None:
    verdict = vault.audit.verify()
    assert (verdict.valid, verdict.rows) == (True, 6)
    assert [row.chain for row in vault.audit.export()][-1] == verdict.head


@pytest.mark.parametrize("statement", ["UPDATE audit SET kind = 'x'", "DELETE FROM audit"])
def test_rows_can_neither_be_changed_nor_deleted(vault: Vault, statement: str) -> None:
    with pytest.raises(IntegrityError) as told:
        vault.reports_database.connection.execute(statement)
    assert told.value.code == "append-only"


def test_a_flip_of_any_byte_of_a_row_is_found(vault: Vault) -> None:
    connection = _unguarded(vault)
    row = connection.row("SELECT at, kind, hub_id, subject, detail, chain FROM audit WHERE seq = 3")
    tried = 0
    for column, value in zip(("at", "kind", "hub_id", "subject", "detail", "chain"), row, strict=True):
        data = value.encode() if isinstance(value, str) else bytes(value)
        for place in range(len(data)):
            flipped = bytearray(data)
            flipped[place] ^= 1
            altered: str | bytes = flipped.decode() if isinstance(value, str) else bytes(flipped)
            connection.execute(f"UPDATE audit SET {column} = ? WHERE seq = 3", (altered,))
            verdict = vault.audit.verify()
            assert (verdict.valid, verdict.rows) == (False, 2)
            tried += 1
        connection.execute(f"UPDATE audit SET {column} = ? WHERE seq = 3", (value,))
    assert tried == sum(len(one) for one in row)
    assert vault.audit.verify().valid


@pytest.mark.parametrize("seq", [1, 3, 6])
def test_a_row_taken_out_is_found(vault: Vault, seq: int) -> None:
    _unguarded(vault).execute("DELETE FROM audit WHERE seq = ?", (seq,))
    assert not vault.audit.verify().valid


def test_swapped_rows_are_found(vault: Vault) -> None:
    connection = _unguarded(vault)
    for before, after in ((3, 99), (4, 3), (99, 4)):
        connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (after, before))
    assert vault.audit.verify().rows == 2


@pytest.mark.parametrize("statement", ["DELETE FROM audit", "DELETE FROM audit WHERE seq = 6"])
def test_losing_the_end_stops_every_act_that_is_audited(vault: Vault, statement: str) -> None:
    _unguarded(vault).execute(statement)
    with pytest.raises(IntegrityError) as told:
        vault.audit.append("view")
    assert told.value.code == "audit-damaged"
    with pytest.raises(IntegrityError):
        new_draft(vault)
    handoff = vault.master_handoff()
    vault.close()
    with pytest.raises(IntegrityError):
        Vault.open_with_key(vault.paths, handoff)


def test_a_row_goes_with_its_transaction(vault: Vault) -> None:
    def fail() -> None:
        with vault.transaction():
            vault.audit.append("sign")
            raise TelereadError("no")

    with pytest.raises(TelereadError):
        fail()
    assert vault.audit.verify().rows == 6
