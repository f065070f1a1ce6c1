"""Orders and patients as the HL7 messages so far leave them, kept in the vault.

A message is one row of its own, numbered, on disk before it is acknowledged. Now and then the rows so far are
drawn together into one, which names the last of them: a crash between that and their removal changes nothing.
A site can't be asked again for what it sent, so none of this is a mirror.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from teleread.hub.ups_memory import KeyStore
from teleread.model.errors import IntegrityError
from teleread.wire.er7 import decode
from teleread.wire.hl7_orders import message_changes
from teleread.wire.orders import ENDED, Change, Merge, OrderEntry, PatientEntry, Registry

__all__ = ["Board", "message_name"]

KEPT: Final = timedelta(days=90)
"""How long an ended order is kept after the last word on it."""
TOGETHER: Final = 200
"""Rows that are drawn together at once."""
REMEMBERED: Final = 10_000
"""Message numbers remembered, to know what is sent again."""
_ROW: Final = "hl7-in:"
_KNOWN: Final = "hl7-known:"
"""With the number of the last message in it."""

Key = tuple[str, str]


def message_name(sender: str, control_id: str) -> str:
    """What a message is known by: MSH-10 is a number of its sender's alone."""
    return hashlib.sha256(f"{sender}\n{control_id}".encode()).hexdigest()[:24]


@dataclass(slots=True)
class Board:
    """What one hub has sent.

    Args:
        hub_id: The hub.
        memory: Where it is kept.
        issuer: Whose the patient numbers are that name nobody; may be empty.
    """

    hub_id: str
    memory: KeyStore
    issuer: str = ""
    registry: Registry = field(default_factory=Registry)
    upto: int = 0
    """Number of the last message taken in."""
    order_at: dict[str, int] = field(default_factory=dict)
    """Task to the last message on it."""
    seen: dict[str, str] = field(default_factory=dict)
    """Task to when that came, ISO 8601, UTC."""
    patient_at: dict[Key, int] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    """`message_name` to the digest of its bytes."""
    _drawn: int = 0
    """Number of the last message that is in the row drawn together."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # -- writing ----------------------------------------------------------------------------------------

    def add(self, frame: bytes, name: str, now: datetime) -> int:
        """Keep a message; on disk when this returns. Its number.

        Args:
            frame: The message as it came.
            name: Its `message_name`.
            now: UTC.
        """
        with self._lock:
            self.refresh()
            number = self.upto + 1
            row = {"at": now.isoformat(), "name": name, "text": frame.decode("latin-1")}
            self.memory.put(self.hub_id, f"{_ROW}{number:012}", json.dumps(row))
            self._take(number, row)
            return number

    def draw_together(self, now: datetime, held: Iterable[str] = ()) -> None:
        """Make one row of many, and let go of what ended long ago.

        Args:
            now: UTC.
            held: Tasks that are kept whatever became of them.
        """
        with self._lock:
            self.refresh()
            if self.upto - self._drawn < TOGETHER:
                return
            self._forget(now, frozenset(held))
            name = f"{_KNOWN}{self.upto:012}"
            self.memory.put(self.hub_id, name, json.dumps(self._as_row(), ensure_ascii=False))
            self._drawn = self.upto
            for one in self.memory.names(self.hub_id):
                if one.startswith((_ROW, _KNOWN)) and one != name and _number(one) <= self._drawn:
                    self.memory.delete(self.hub_id, one)

    def _forget(self, now: datetime, held: frozenset[str]) -> None:
        orders = self.registry.orders
        for task, order in list(orders.items()):
            old = now - datetime.fromisoformat(self.seen[task]).astimezone(UTC) > KEPT
            if order.status in ENDED and old and task not in held:
                for table in (orders, self.order_at, self.seen):
                    del table[task]
        named = {one.patient.key for one in orders.values()}
        named |= {self.resolved(key) for key in named}
        named |= {gone for gone in self.registry.merged if self.resolved(gone) in named}
        for key in set(self.registry.patients) - named:
            self.registry.patients.pop(key)
            self.patient_at.pop(key, None)
        for key in set(self.registry.merged) - named:
            self.registry.merged.pop(key)
        self.messages = dict(list(self.messages.items())[-REMEMBERED:])
        self.registry.skipped.clear()

    # -- reading ----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Take in what came since, whoever kept it."""
        with self._lock:
            names = self.memory.names(self.hub_id)
            known = max((one for one in names if one.startswith(_KNOWN)), default="")
            if known and _number(known) > self.upto:
                self._load(known)
            self._drawn = max(self._drawn, _number(known) if known else 0)
            for name in sorted(one for one in names if one.startswith(_ROW)):
                value = self.memory.get(self.hub_id, name) if _number(name) > self.upto else None
                if value is not None:  # one that went since then was drawn together: the next look loads that
                    self._take(_number(name), json.loads(value))

    @property
    def waiting(self) -> int:
        """Messages that were not drawn together yet."""
        return self.upto - self._drawn

    def resolved(self, key: Key) -> Key:
        """The record that stands for a patient now."""
        for _ in range(len(self.registry.merged)):
            if key not in self.registry.merged:
                break
            key = self.registry.merged[key]
        return key

    def changed_at(self, order: OrderEntry) -> int:
        """Number of the last message that changed an order or its patient."""
        now = self.resolved(order.patient.key)
        gone = [one for one in self.registry.merged if self.resolved(one) == now]
        keys = {order.patient.key, now, *gone}
        return max(self.order_at[order.task_id], *(self.patient_at.get(one, 0) for one in keys))

    def concerns(self, changes: Iterable[Change | Merge]) -> bool:
        """Whether somebody here is meant: news of patients nobody reads is none of ours to keep."""
        numbers = {one.number for one in self._people() if one.number}
        nhs = {one.nhs_number for one in self._people() if one.nhs_number}
        for change in changes:
            told = [change.kept, change.gone] if isinstance(change, Merge) else [change.patient]
            if isinstance(change, Change) and change.order is not None:
                return True
            if any(one.number in numbers or one.nhs_number in nhs for one in told):
                return True
        return False

    def _people(self) -> Iterator[PatientEntry]:
        yield from (one.patient for one in self.registry.orders.values())
        yield from self.registry.patients.values()

    def _take(self, number: int, row: dict[str, Any]) -> None:
        changes = self.understood(row["text"].encode("latin-1"))
        self.registry.take(changes, f"message {number}")
        for one in changes:
            if isinstance(one, Merge):
                self._merged(one, number)
                continue
            self.patient_at[one.patient.key] = number
            if one.order is not None and one.order.task_id in self.registry.orders:
                self.order_at[one.order.task_id] = number
                self.seen[one.order.task_id] = row["at"]
        self.messages[row["name"]] = _digest(row["text"])
        self.upto = number

    def _merged(self, one: Merge, number: int) -> None:
        self.patient_at[one.kept.key] = self.patient_at[one.gone.key] = number
        orders = self.registry.orders.values()
        if any(order.patient.key == one.gone.key for order in orders):
            return
        alike = [
            order.task_id
            for order in orders
            if order.patient.number == one.gone.number and self.resolved(order.patient.key) != one.kept.key
        ]
        for task in alike[:5]:
            self.registry.skipped.append(
                f"{task}: a merge names its patient's number under another authority; see if it is meant"
            )

    def understood(self, frame: bytes) -> list[Change | Merge]:
        """What a message says; numbers whose giver is not named are the site's own."""
        try:
            found = message_changes(decode(frame))
        except IntegrityError:
            return []
        if not self.issuer:
            return found
        return [self._with_issuer(one) for one in found]

    def _with_issuer(self, one: Change | Merge) -> Change | Merge:
        def whose(patient: PatientEntry) -> PatientEntry:
            bare = bool(patient.number) and not patient.issuer
            return replace(patient, issuer=self.issuer) if bare else patient

        if isinstance(one, Merge):
            return Merge(whose(one.kept), whose(one.gone))
        order = None if one.order is None else replace(one.order, patient=whose(one.order.patient))
        return replace(one, patient=whose(one.patient), order=order)

    # -- the row drawn together -------------------------------------------------------------------------

    def _as_row(self) -> dict[str, Any]:
        registry = self.registry
        return {
            "upto": self.upto,
            "orders": [
                [asdict(one), self.order_at[task], self.seen[task]] for task, one in registry.orders.items()
            ],
            "patients": [
                [*key, asdict(one), self.patient_at.get(key, 0)] for key, one in registry.patients.items()
            ],
            "merged": [[*gone, *into] for gone, into in registry.merged.items()],
            "messages": list(self.messages.items()),
        }

    def _load(self, name: str) -> None:
        value = self.memory.get(self.hub_id, name)
        if not value:
            return
        row = json.loads(value)
        self.registry = Registry()
        self.order_at, self.seen, self.patient_at = {}, {}, {}
        for table, number, at in row["orders"]:
            order = OrderEntry(**{**table, "patient": PatientEntry(**table["patient"])})
            self.registry.orders[order.task_id] = order
            self.order_at[order.task_id], self.seen[order.task_id] = number, at
        for issuer, name, table, number in row["patients"]:
            self.registry.patients[issuer, name] = PatientEntry(**table)
            self.patient_at[issuer, name] = number
        self.registry.merged = {(a, b): (c, d) for a, b, c, d in row["merged"]}
        self.messages = dict(row["messages"])
        self.upto = self._drawn = row["upto"]


def _number(name: str) -> int:
    return int(name.rpartition(":")[2])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("latin-1")).hexdigest()
