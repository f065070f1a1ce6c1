"""The outbox: strict order within an accession, none between; states that never go back by accident."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from teleread.host.clock import FakeClock
from teleread.model.delivery import Receipt
from teleread.model.errors import TelereadError, UsageError
from teleread.model.text import clean
from teleread.vault.vault import Vault
from tests.unit.vault_cases import HUB, START, key, new_draft, new_vault, sign

RECEIPT = Receipt(clean("DiagnosticReport/17"), clean("1"), "ab" * 32, "2026-11-24T09:00:00Z", START)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
def vault(tmp_path: Path, clock: FakeClock) -> Iterator[Vault]:
    with new_vault(tmp_path, clock=clock) as one:
        yield one


def _add(vault: Vault, name: str, accession: str = "A1", task: str = "t", hub: str = HUB) -> str:
    return vault.outbox.add(
        "report", key(task, hub), idempotency_key=name, accession=accession, item_id=name
    ).id


def _due(vault: Vault) -> list[str]:
    return [one.id for one in vault.outbox.due()]


def test_items_of_one_accession_go_one_after_the_other(vault: Vault) -> None:
    for name in ("a1", "a2", "b1"):
        _add(vault, name, accession=name[0])
    assert _due(vault) == ["a1", "b1"]
    assert vault.outbox.get("a2").state == "held"
    vault.outbox.mark_sending("a1")
    assert _due(vault) == ["a1", "b1"]
    vault.outbox.mark_delivered("a1", RECEIPT)
    assert _due(vault) == ["a2", "b1"]


def test_one_that_needs_attention_blocks_its_accession_alone(vault: Vault) -> None:
    for name in ("a1", "a2", "b1"):
        _add(vault, name, accession=name[0])
    vault.outbox.mark_needs_attention("a1", "The hub refuses it.", ["resend", "withdraw"])
    assert _due(vault) == ["b1"]
    assert [one.id for one in vault.outbox.get("a1").choices] == ["resend", "withdraw"]
    vault.outbox.close("a1", "withdrawn")
    assert _due(vault) == ["a2", "b1"]


def test_the_same_accession_at_two_hubs_is_two(vault: Vault) -> None:
    _add(vault, "x", hub="hub-x")
    _add(vault, "y", hub="hub-y")
    assert _due(vault) == ["x", "y"]


def test_without_accession_the_order_is_that_of_the_task(vault: Vault) -> None:
    _add(vault, "t1", accession="", task="t")
    _add(vault, "t2", accession="", task="t")
    _add(vault, "u1", accession="", task="u")
    assert _due(vault) == ["t1", "u1"]


def test_the_undo_window_holds_and_then_lets_go(vault: Vault, clock: FakeClock) -> None:
    until = START + timedelta(seconds=60)
    item = vault.outbox.add("report", key(), idempotency_key="k", not_before=until)
    assert (item.state, _due(vault)) == ("held", [])
    assert vault.outbox.due(ignore_backoff=True) == ()
    clock.advance(61)
    assert vault.outbox.get(item.id).state == "queued"
    assert _due(vault) == [item.id]


def test_back_off_holds_until_its_time_or_a_typed_sync(vault: Vault, clock: FakeClock) -> None:
    _add(vault, "a")
    vault.outbox.mark_sending("a")
    vault.outbox.reschedule("a", START + timedelta(minutes=5), "no answer")
    assert _due(vault) == []
    assert [one.id for one in vault.outbox.due(ignore_backoff=True)] == ["a"]
    clock.advance(301)
    assert _due(vault) == ["a"]
    assert vault.outbox.get("a").attempts == 1


def test_a_timeout_is_unknown_never_failed(vault: Vault) -> None:
    _add(vault, "a")
    vault.outbox.mark_sending("a")
    vault.outbox.mark_unknown("a", "the answer was lost")
    item = vault.outbox.get("a")
    assert item.state == "sending"
    assert item.why.startswith("unknown")
    assert _due(vault) == ["a"]


def test_a_report_goes_with_its_item(vault: Vault) -> None:
    sign(vault, new_draft(vault))
    item = vault.outbox.list()[0]
    vault.outbox.mark_sending(item.id)
    vault.outbox.mark_delivered(item.id, RECEIPT)
    assert vault.reports.get("r-1").state == "issued"
    assert vault.outbox.get(item.id).receipt == RECEIPT
    vault.outbox.mark_needs_attention(item.id, "The hub no longer has it.", ["resend"])
    assert vault.reports.get("r-1").state == "needs_attention"
    assert [row.kind for row in vault.audit.export()][-2:] == ["delivered", "needs-attention"]


@pytest.mark.parametrize("move", ["mark_sending", "close"])
def test_what_is_closed_never_moves_again(vault: Vault, move: str) -> None:
    _add(vault, "a")
    vault.outbox.close("a", "discarded")
    arguments = {"mark_sending": ("a",), "close": ("a", "again")}[move]
    with pytest.raises(TelereadError) as told:
        getattr(vault.outbox, move)(*arguments)
    assert told.value.code == "bad-move"


def test_a_receipt_without_sending_is_refused(vault: Vault) -> None:
    _add(vault, "a")
    with pytest.raises(TelereadError):
        vault.outbox.mark_delivered("a", RECEIPT)
    assert vault.outbox.get("a").receipt is None


def test_an_idempotency_key_is_never_used_twice(vault: Vault) -> None:
    _add(vault, "a")
    with pytest.raises(TelereadError):
        vault.outbox.add("report", key(), idempotency_key="a")
    assert len(vault.outbox.list()) == 1


def test_sequences_grow_even_after_a_hub_was_removed(vault: Vault) -> None:
    _add(vault, "a", hub="old")
    _add(vault, "b", hub="old")
    for name in ("a", "b"):
        vault.outbox.close(name, "withdrawn")
    vault.remove_hub("old")
    _add(vault, "c")
    item = vault.outbox.get("c")
    assert (item.sequence, item.device) == (3, vault.device)


def test_being_told_is_kept_and_audited(vault: Vault) -> None:
    _add(vault, "a")
    vault.outbox.tell("a", "Dr On Call", "09:12")
    assert vault.outbox.get("a").told == "Dr On Call, 09:12"
    assert list(vault.audit.export())[-1].kind == "told"
    with pytest.raises(UsageError):
        vault.outbox.tell("nothing", "x", "y")
