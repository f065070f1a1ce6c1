"""The simulation finds what it is there for: each of these mistakes, made on purpose, some seed catches."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

pytest.importorskip("apsw", reason="apsw is not installed (pip install apsw): the simulation did NOT run")

from teleread.documents import fhir
from teleread.hub import (
    fhir_claim,
    fhir_submit,
)
from teleread.model.delivery import Receipt
from teleread.model.errors import OfflineError, TelereadError
from teleread.sync import composing, push, receipts, rules
from teleread.vault import audit, connection, drafts, outbox, worklist
from tests.simulation.hubs import Wrong
from tests.simulation.world import Failed, run

MOST = 400
"""Seeds a mistake may hide from."""

Patch = pytest.MonkeyPatch


def early_ack(patch: Patch) -> None:
    """Delivered is stored before the hub was asked anything."""
    real = push.Pusher._report

    def report(self: Any, item: Any) -> Any:
        try:
            return real(self, item)
        except OfflineError:
            sha256 = self._vault.reports.get(item.report_id, item.report_version).sha256
            return Receipt("DiagnosticReport/0", "1", sha256, "", self._clock.now())  # type: ignore[arg-type]

    patch.setitem(push._KINDS, "report", report)


def delivered_before_sent(patch: Patch) -> None:
    """The row says delivered while the report is about to leave."""
    real = push.Pusher._report

    def report(self: Any, item: Any) -> None:
        sha256 = self._vault.reports.get(item.report_id, item.report_version).sha256
        made = Receipt("DiagnosticReport/0", "1", sha256, "", self._clock.now())  # type: ignore[arg-type]
        self._vault.outbox.mark_delivered(item.id, made)
        with contextlib.suppress(TelereadError):
            real(self, item)

    patch.setitem(push._KINDS, "report", report)


def lost_fsync(patch: Patch) -> None:
    """Commits are not synced."""
    patch.setattr(
        connection,
        "_PRAGMAS",
        tuple(one.replace("synchronous = FULL", "synchronous = OFF") for one in connection._PRAGMAS),
    )


def unsynced_log(patch: Patch) -> None:
    """The log is synced at checkpoints only: no database is damaged, the last commits are lost."""
    patch.setattr(
        connection,
        "_PRAGMAS",
        tuple(one.replace("synchronous = FULL", "synchronous = NORMAL") for one in connection._PRAGMAS),
    )


def fresh_key(patch: Patch) -> None:
    """Each try carries another report id, and nobody is asked first."""
    real = fhir.transaction

    def transaction(report: Any, *rest: Any) -> bytes:
        if report.version > 1:
            return real(report, *rest)
        return real(report, *rest).replace(report.report_id.encode(), str(uuid.uuid4()).encode())

    patch.setattr(composing, "transaction", transaction)
    patch.setattr(fhir_submit.FhirSubmit, "find", lambda *_: None)


def unconditional_create(patch: Patch) -> None:
    """Sent again without asking, and without a condition at the hub."""
    real = fhir.transaction

    def transaction(report: Any, *rest: Any) -> bytes:
        return real(report, *rest).replace(b"ifNoneExist", b"ifNobodyMinds")

    patch.setattr(composing, "transaction", transaction)
    real_find = fhir_submit.FhirSubmit.find

    def find(self: Any, report_id: str, key: str) -> Any:
        found = real_find(self, report_id, key)
        return found if found and found.status == "appended" else None

    patch.setattr(fhir_submit.FhirSubmit, "find", find)


def no_base_compare(patch: Patch) -> None:
    """What was signed for is not compared with what the hub says now."""
    patch.setattr(push, "decide", lambda _: rules.Decision("unchanged", "send", "", (), ()))  # type: ignore[arg-type]


def missing_row(patch: Patch, name: str) -> None:
    """One row of the table is not there."""
    patch.setattr(rules, "RULES", tuple(one for one in rules.RULES if one.id != name))


def split_signing(patch: Patch) -> None:
    """Report and outbox row are stored one after the other."""
    real = outbox.Outbox.add

    def add(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._reports.connection.in_transaction:
            self._reports.connection.commit()
            self._reports.connection.begin()
        return real(self, *args, **kwargs)

    patch.setattr(outbox.Outbox, "add", add)


def early_saved(patch: Patch) -> None:
    """The screen says saved while the words wait in memory."""
    real = drafts.Drafts.append

    def append(self: Any, draft_id: str, seq: int, **changes: Any) -> int:
        waiting = self.__dict__.setdefault("_waiting", {})
        done = waiting.get(draft_id, 0)
        if changes.get("sections") and not done:
            waiting[draft_id] = 1
            return seq
        return real(self, draft_id, seq, **changes)

    patch.setattr(drafts.Drafts, "append", append)


def no_order(patch: Patch) -> None:
    """An addendum does not wait for its report."""
    patch.setattr(outbox, "_group", lambda item: (item.key.hub_id, item.id))


def timeout_is_failure(patch: Patch) -> None:
    """No answer is taken for no arrival, and the item is given up."""
    real = push.Pusher._wait

    def wait(self: Any, item: Any, error: Any, *, unanswered: bool) -> None:
        if unanswered:
            self._vault.outbox.close(item.id, "It timed out.")
        else:
            real(self, item, error, unanswered=unanswered)

    patch.setattr(push.Pusher, "_wait", wait)


def broken_chain(patch: Patch) -> None:
    """The end of the audit trail is remembered in a transaction of its own, before the row."""
    real = audit.Audit.append

    def append(self: Any, kind: str, **more: Any) -> int:
        seq = real(self, kind, **more)
        if kind == "claim-held":
            self._reports.connection.execute(
                "UPDATE meta SET value = ? WHERE key = 'audit_head'", (f"{seq}:{'00' * 32}",)
            )
        return seq

    patch.setattr(audit.Audit, "append", append)


def blind_claim(patch: Patch) -> None:
    """A claim takes the case whoever has it."""

    def claim(self: Any, task_id: str) -> Any:
        now = self._wire.read("Task", task_id)
        owner = fhir_claim.owner_element(self._hub)
        self._wire.put({**now, "owner": owner, "status": "in-progress"}, "")
        return self._wire.read("Task", task_id)

    patch.setattr(fhir_claim.FhirClaim, "claim", claim)


def unread_receipt(patch: Patch) -> None:
    """Whatever the hub answers counts as proof of the last version."""
    real = push.Pusher._report

    def report(self: Any, item: Any) -> Any:
        found = self._hub.find(item.report_id, "")
        if found is not None:
            sha256 = self._vault.reports.get(item.report_id, item.report_version).sha256
            return replace(found.receipt, sha256=sha256)
        return real(self, item)

    patch.setitem(push._KINDS, "report", report)


def forgotten_receipts(patch: Patch) -> None:
    """Nobody asks whether the hub still has what it took."""
    patch.setattr(receipts, "look_after_receipts", lambda *_: ())


def endless_wait(patch: Patch) -> None:
    """A time written before the clock was set back is waited for."""
    patch.setattr(outbox, "_LONGEST_WAIT", timedelta(days=3650))


def key_made_anew(patch: Patch) -> None:
    """A retry gets a key of its own."""
    real = outbox.Outbox.mark_unknown

    def unknown(self: Any, item_id: str, why: str, **more: Any) -> None:
        with self._reports.joined() as open_connection:
            values = (str(uuid.uuid4()), item_id)
            open_connection.execute("UPDATE outbox SET idempotency_key = ? WHERE id = ?", values)
        real(self, item_id, why, **more)

    patch.setattr(outbox.Outbox, "mark_unknown", unknown)


def empty_deletes(patch: Patch) -> None:
    """A page that does not show a task takes it away."""
    real = worklist.Worklist.put_page

    def put_page(self: Any, hub_id: str, contexts: Any, at: Any) -> int:
        contexts = list(contexts)
        if not contexts:
            with self._cache.joined() as open_connection:
                open_connection.execute("DELETE FROM worklist WHERE hub_id = ?", (hub_id,))
        return real(self, hub_id, contexts, at)

    patch.setattr(worklist.Worklist, "put_page", put_page)


BUGS: Mapping[str, Callable[[Patch], None]] = {
    one.__name__: one
    for one in (
        early_ack,
        delivered_before_sent,
        lost_fsync,
        unsynced_log,
        fresh_key,
        unconditional_create,
        no_base_compare,
        split_signing,
        early_saved,
        no_order,
        timeout_is_failure,
        broken_chain,
        blind_claim,
        unread_receipt,
        forgotten_receipts,
        endless_wait,
        key_made_anew,
        empty_deletes,
    )
} | {
    f"no row {one}": partial(missing_row, name=one)
    for one in ("cancelled", "other-final", "amended", "patient-changed", "reassigned")
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_mistake_made_on_purpose_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BUGS[bug](monkeypatch)
    check_caught(bug, "fhir")


def check_caught(bug: str, kind: str, first: int = 1) -> None:
    """See that some seed finds a mistake.

    Args:
        bug: Its name.
        kind: Of hubs it is looked for at.
        first: The first seed tried.
    """
    seeds = range(first, first + MOST)
    caught = next((one for one in (failed(seed, kind) for seed in seeds) if one is not None), None)
    assert caught is not None
    assert isinstance(caught.__cause__, Wrong)
    assert "replay: python -m tests.simulation" in str(caught)
    print(bug, caught)


def failed(seed: int, kind: str) -> Failed | None:
    """What a seed finds."""
    try:
        run(seed, kinds=(kind,))
    except Failed as problem:
        return problem
    return None
