"""The outbox: what has to reach a hub, in order, until its receipt is stored; in reports.db.

Strict order within an accession, none between accessions. An item without an accession is in order with the
others of its task. Alerts have an order of their own: a critical finding waits for no report.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from teleread.host.clock import Clock
from teleread.model.delivery import CHOICES, Choice, OutboxItem, Receipt
from teleread.model.errors import TelereadError, UsageError
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText, clean

from .audit import Audit
from .codec import dumps, loads, stamp, stamp_or_none, unstamp, unstamp_or_none
from .connection import Connection, Row, SqlValue
from .database import Database

__all__ = ["Outbox"]

_BEHIND: Final = SafeText("behind an earlier one of its accession")
_LONGEST_WAIT: Final = timedelta(hours=7)
"""Longer than any undo window, back-off or wait a hub may ask for: written before the clock was set back."""
_CLOSED: Final = frozenset({"delivered", "closed"})

_MOVES: Final = {
    "held": {"queued", "sending", "needs_attention", "closed"},
    "queued": {"queued", "held", "sending", "needs_attention", "closed"},
    "sending": {"sending", "queued", "needs_attention", "delivered", "closed"},
    "needs_attention": {"needs_attention", "queued", "held", "closed", "delivered"},
    # A hub restored from a backup has lost what it gave a receipt for.
    "delivered": {"needs_attention", "queued"},
    "closed": set[str](),
}
"""From which state to which; anything else is a mistake of ours."""


class Outbox:
    """The table of what waits for a hub.

    Args:
        reports: The database.
        clock: Where times come from.
        audit: Where receipts, choices and calls are told.
        device: This vault's id, beside the sequence, so that a hub sees gaps as well as repeats.
    """

    def __init__(self, reports: Database, clock: Clock, audit: Audit, device: str) -> None:
        self._reports = reports
        self._clock = clock
        self._audit = audit
        self._device = device

    def add(
        self,
        kind: str,
        key: TaskKey,
        *,
        idempotency_key: str,
        accession: str = "",
        report_id: str = "",
        report_version: int = 0,
        payload: str = "",
        priority: str = "",
        not_before: datetime | None = None,
        item_id: str | None = None,
    ) -> OutboxItem:
        """Put something in; part of the transaction that makes it.

        Args:
            kind: ``report``, ``give-back``, ``note``, ``alert``, ``draft``.
            key: The task.
            idempotency_key: UUID made with the thing itself; used for every try.
            accession: Its accession; items of one are delivered in order.
            report_id: The report, if it is one.
            report_version: That report's version.
            payload: JSON of what it needs besides.
            priority: The order's, for the escalation line.
            not_before: End of the undo window, UTC.
            item_id: Its id; a fresh UUID by default.
        """
        item_id = item_id or str(uuid.uuid4())
        with self._reports.joined() as connection:
            last = connection.row("SELECT max(sequence) FROM outbox WHERE device = ?", (self._device,))
            connection.execute(
                "INSERT INTO outbox (id, kind, hub_id, task_id, accession, report_id, report_version,"
                " state, device, sequence, idempotency_key, payload, priority, not_before, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    item_id,
                    kind,
                    key.hub_id,
                    key.task_id,
                    accession,
                    report_id,
                    report_version,
                    "held" if not_before and not_before > self._clock.now() else "queued",
                    self._device,
                    self._next_sequence(connection, int(last[0]) if last and last[0] else 0),
                    idempotency_key,
                    payload,
                    priority,
                    stamp_or_none(not_before),
                    stamp(self._clock.now()),
                ),
            )
        return self.get(item_id)

    def _next_sequence(self, connection: Connection, last: int) -> int:
        """One more than any this device ever used, also after a hub was removed with its rows."""
        row = connection.row("SELECT value FROM meta WHERE key = 'outbox_sequence'")
        number = max(last, int(row[0]) if row else 0) + 1
        connection.execute(
            "INSERT INTO meta VALUES ('outbox_sequence', ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (str(number),),
        )
        return number

    def get(self, item_id: str) -> OutboxItem:
        """An item.

        Raises:
            UsageError: There is none of that id.
        """
        found = self.find(item_id)
        if found is None:
            raise _unknown()
        return found

    def find(self, item_id: str) -> OutboxItem | None:
        """An item, or None."""
        item = next(map(_item, self._reports.connection.rows(f"{_SELECT} WHERE o.id = ?", (item_id,))), None)
        if item is None or item.state in _CLOSED:
            return item
        return next(one for one in self._beside(item) if one.id == item_id)

    def _beside(self, item: OutboxItem) -> tuple[OutboxItem, ...]:
        """The open items of its accession, in order; of its task where it has none."""
        name, value = ("accession", item.accession) if item.accession else ("task_id", item.key.task_id)
        rows = self._reports.connection.rows(
            f"{_SELECT} WHERE o.hub_id = ? AND o.{name} = ? AND o.state NOT IN ('delivered', 'closed')"
            " ORDER BY o.sequence",
            (item.key.hub_id, value),
        )
        group = _group(item)
        return self._shown(one for one in map(_item, rows) if _group(one) == group)

    def list(self, *, limit: int = 10_000) -> tuple[OutboxItem, ...]:
        """Every item in order, delivered and closed ones too; the newest `limit`."""
        rows = self._reports.connection.rows(
            f"SELECT * FROM ({_SELECT} ORDER BY o.sequence DESC LIMIT ?) ORDER BY sequence", (limit,)
        )
        return self._shown([_item(row) for row in rows])

    def open(self) -> tuple[OutboxItem, ...]:
        """The items that are neither delivered nor closed, in order."""
        rows = self._reports.connection.rows(
            f"{_SELECT} WHERE o.state NOT IN ('delivered', 'closed') ORDER BY o.sequence"
        )
        return self._shown([_item(row) for row in rows])

    def of_report(self, report_id: str) -> tuple[OutboxItem, ...]:
        """The items of a report's versions as stored, in order."""
        rows = self._reports.connection.rows(
            f"{_SELECT} WHERE o.report_id = ? ORDER BY o.sequence", (report_id,)
        )
        return tuple(_item(row) for row in rows)

    def of_task(self, key: TaskKey) -> tuple[OutboxItem, ...]:
        """The items of a task as stored, in order."""
        rows = self._reports.connection.rows(
            f"{_SELECT} WHERE o.hub_id = ? AND o.task_id = ? ORDER BY o.sequence", (key.hub_id, key.task_id)
        )
        return tuple(_item(row) for row in rows)

    def due(self, now: datetime | None = None, *, ignore_backoff: bool = False) -> tuple[OutboxItem, ...]:
        """The items to deliver now: the first open one of each accession, where its time has come.

        An item that was sent and not answered is due too: the hub is asked what became of it.

        Args:
            now: UTC; the clock's by default.
            ignore_backoff: Only an undo window holds an item, not its back-off.
        """
        now = now or self._clock.now()
        found: list[OutboxItem] = []
        taken: set[tuple[str, str]] = set()
        for one in self.open():
            group = _group(one)
            if group in taken:
                continue
            taken.add(group)
            waits = _waits(one, now)
            if one.state == "needs_attention" or (waits and (one.state == "held" or not ignore_backoff)):
                continue
            found.append(one)
        return tuple(found)

    def _shown(self, items: Iterable[OutboxItem]) -> tuple[OutboxItem, ...]:
        """States as a reader sees them: behind an earlier one is held, an undo window that ended is not."""
        now = self._clock.now()
        first: dict[tuple[str, str], OutboxItem] = {}
        shown: list[OutboxItem] = []
        for one in items:
            if one.state not in _CLOSED:
                before = first.setdefault(_group(one), one)
                if before is not one and one.state in {"queued", "held", "sending"}:
                    one = replace(one, state="held", why=one.why or _BEHIND)
                elif one.state == "held" and not _waits(one, now):
                    one = replace(one, state="queued")
            shown.append(one)
        return tuple(shown)

    def mark_sending(self, item_id: str) -> None:
        """About to be sent; stored before the first byte goes out."""
        self._move(item_id, "sending", why="", attempts=1, not_before=None)

    def mark_unknown(self, item_id: str, why: str, *, at: datetime | None = None) -> None:
        """Sent, and no answer: the hub may hold it. Asked again at `at`."""
        self._move(item_id, "sending", why=f"unknown: {why}", not_before=at)

    def mark_delivered(self, item_id: str, receipt: Receipt) -> None:
        """The hub's receipt is here; stored with the report's state and an audit row in one transaction."""
        with self._reports.joined() as connection:
            self._move(item_id, "delivered", why="", not_before=None)
            connection.execute("UPDATE outbox SET receipt = ? WHERE id = ?", (dumps(receipt), item_id))
            self._follow(connection, item_id, "issued")
            self._tell(connection, "delivered", item_id, {"receipt": receipt.id, "version": receipt.version})

    def mark_needs_attention(self, item_id: str, why: str, choices: Iterable[str | Choice]) -> None:
        """The reader must choose.

        Args:
            item_id: The item.
            why: In words.
            choices: Choices, or ids of the command line's contract; at least one.
        """
        offered = [one if isinstance(one, Choice) else Choice(one, SafeText(CHOICES[one])) for one in choices]
        if not offered:
            raise ValueError("an item that needs attention offers a choice")
        with self._reports.joined() as connection:
            self._move(item_id, "needs_attention", why=why, not_before=None)
            text = dumps([{"id": one.id, "text": one.text} for one in offered])
            connection.execute("UPDATE outbox SET choices = ? WHERE id = ?", (text, item_id))
            self._follow(connection, item_id, "needs_attention")
            self._tell(connection, "needs-attention", item_id, {"choices": [one.id for one in offered]})

    def reschedule(self, item_id: str, at: datetime | None, why: str, attempts: int | None = None) -> None:
        """It surely did not arrive (or the reader chose to send it again): queued until `at`.

        Args:
            item_id: The item.
            at: UTC; None for now.
            why: In words, what the last try met.
            attempts: What the count of tries is to be; left as it is by default.
        """
        with self._reports.joined() as connection:
            self._move(item_id, "queued", why=why, not_before=at)
            if attempts is not None:
                connection.execute("UPDATE outbox SET attempts = ? WHERE id = ?", (attempts, item_id))
            self._follow(connection, item_id, "signed")

    def set_payload(self, item_id: str, payload: str) -> None:
        """What it needs besides, after a choice: a note, a status."""
        with self._reports.joined() as connection:
            connection.execute("UPDATE outbox SET payload = ? WHERE id = ?", (payload, item_id))

    def close(self, item_id: str, why: str) -> None:
        """Withdrawn or discarded by choice."""
        with self._reports.joined() as connection:
            self._move(item_id, "closed", why=why, not_before=None)
            self._follow(connection, item_id, "signed")
            self._tell(connection, "outbox-closed", item_id, {"why": why})

    def tell(self, item_id: str, whom: str, when: str) -> None:
        """Somebody was told by other means; closes the escalation line, goes into the audit trail.

        Args:
            item_id: The item.
            whom: Who was told.
            when: When, as given.
        """
        with self._reports.joined() as connection:
            self._stored(connection, item_id)
            connection.execute(
                "INSERT INTO told VALUES (?, ?, ?, ?)", (item_id, whom, when, stamp(self._clock.now()))
            )
            self._tell(connection, "told", item_id, {"whom": whom, "when": when})

    def undelivered_reports(self, hub_id: str | None = None) -> tuple[OutboxItem, ...]:
        """The reports that are neither delivered nor closed."""
        return tuple(
            one
            for one in self.open()
            if one.kind == "report" and (hub_id is None or one.key.hub_id == hub_id)
        )

    def receipts(self) -> dict[tuple[str, str], datetime]:
        """When the last receipt for a report of each task came, by (hub id, task id)."""
        rows = self._reports.connection.rows(
            "SELECT hub_id, task_id, max(receipt ->> 'stored_at') FROM outbox WHERE kind = 'report'"
            " AND state = 'delivered' AND receipt IS NOT NULL GROUP BY hub_id, task_id"
        )
        return {(row[0], row[1]): unstamp(row[2]) for row in rows if row[2]}

    def _move(
        self, item_id: str, state: str, *, why: str, not_before: datetime | None, attempts: int = 0
    ) -> None:
        with self._reports.joined() as connection:
            now = self._stored(connection, item_id)
            if state not in _MOVES[now]:
                raise TelereadError(
                    f"An outbox item can't go from {now} to {state}.", "Nothing was changed.", code="bad-move"
                )
            values: tuple[SqlValue, ...] = (state, clean(why), attempts, stamp_or_none(not_before), item_id)
            connection.execute(
                "UPDATE outbox SET state = ?, why = ?, attempts = attempts + ?, not_before = ?, choices = ''"
                " WHERE id = ?",
                values,
            )

    @staticmethod
    def _stored(connection: Connection, item_id: str) -> str:
        row = connection.row("SELECT state FROM outbox WHERE id = ?", (item_id,))
        if row is None:
            raise _unknown()
        return str(row[0])

    @staticmethod
    def _follow(connection: Connection, item_id: str, state: str) -> None:
        """The report's state goes with its item's."""
        connection.execute(
            "UPDATE report SET state = ? WHERE (report_id, version) ="
            " (SELECT report_id, report_version FROM outbox WHERE id = ?)",
            (state, item_id),
        )

    def _tell(self, connection: Connection, kind: str, item_id: str, detail: dict[str, object]) -> None:
        row = connection.row("SELECT hub_id, report_id FROM outbox WHERE id = ?", (item_id,))
        assert row is not None
        self._audit.append(kind, subject=row[1] or item_id, hub_id=row[0], detail={"item": item_id, **detail})


_SELECT: Final = (
    "SELECT o.id, o.kind, o.hub_id, o.task_id, o.accession, o.report_id, o.report_version, o.state, o.device,"
    " o.sequence, o.idempotency_key, o.payload, o.priority, o.why, o.choices, o.attempts, o.not_before,"
    " o.created_at, o.receipt, (SELECT whom || ', ' || at FROM told WHERE outbox_id = o.id"
    " ORDER BY recorded_at DESC LIMIT 1) FROM outbox AS o"
)


def _unknown() -> UsageError:
    return UsageError(
        "The outbox has no item of that id.", remedy="`outbox list` shows them.", code="no-item"
    )


def _waits(item: OutboxItem, now: datetime) -> bool:
    """Whether its time has not come; a clock that was set back by a day must not hold it for a day."""
    return item.not_before is not None and timedelta(0) < item.not_before - now <= _LONGEST_WAIT


def _group(item: OutboxItem) -> tuple[str, str]:
    if item.kind == "draft":
        return item.key.hub_id, f"item {item.id}"  # a question to the reader; nothing waits for its answer
    if item.kind in {"alert", "documents"}:  # no report waits for these, nor they for a report
        return item.key.hub_id, f"{item.kind} {item.key.task_id}"
    return item.key.hub_id, f"accession {item.accession}" if item.accession else f"task {item.key.task_id}"


def _item(row: Row) -> OutboxItem:
    choices = json.loads(row[14]) if row[14] else ()
    return OutboxItem(
        id=row[0],
        kind=row[1],
        key=TaskKey(row[2], row[3]),
        accession=SafeText(row[4]),
        report_id=row[5],
        report_version=row[6],
        state=row[7],
        device=row[8],
        sequence=row[9],
        idempotency_key=row[10],
        payload=row[11],
        priority=SafeText(row[12]),
        why=SafeText(row[13]),
        choices=tuple(Choice(one["id"], SafeText(one["text"])) for one in choices),
        attempts=row[15],
        not_before=unstamp_or_none(row[16]),
        created_at=unstamp(row[17]),
        receipt=loads(Receipt, row[18]) if row[18] else None,
        told=clean(row[19]) if row[19] else EMPTY,
    )
