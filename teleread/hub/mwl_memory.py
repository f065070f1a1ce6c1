"""What a Modality Worklist showed before, kept in the vault: a list never tells what left it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from teleread.hub.ups_memory import KeyStore
from teleread.wire.orders import OrderEntry, PatientEntry

__all__ = ["MwlMemory", "Shown"]

_ROW: Final = "mwl-orders:"
ROWS: Final = 32
"""Rows that orders are spread over: a list of thousands costs no more transactions than that."""
KEPT: Final = timedelta(days=90)
"""How long an order that left the list is remembered."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An order as the list last showed it."""

    order: OrderEntry
    gone: str = ""
    """Why it is no longer offered, in words; empty while it is on the list."""
    since: str = ""
    """When it was found to be gone, ISO 8601, UTC."""


class MwlMemory:
    """The memory of one list. Orders lie together in a few rows, for each row is a transaction of its own.

    Args:
        hub_id: The hub.
        store: Where it is kept.
    """

    def __init__(self, hub_id: str, store: KeyStore) -> None:
        self._hub_id = hub_id
        self._store = store

    def of(self, task: str) -> Shown | None:
        """One order; None where the list never showed it."""
        return self._row(_row_of(task)).get(task)

    def all(self) -> dict[str, Shown]:
        """Every order that is remembered."""
        names = [one for one in self._store.names(self._hub_id) if one.startswith(_ROW)]
        return {task: shown for name in names for task, shown in self._row(name).items()}

    def keep(self, orders: Mapping[str, Shown]) -> None:
        """Keep orders as they are now, on disk when this returns; rows that stay the same are not written."""
        rows: dict[str, dict[str, Shown]] = {}
        for task, one in orders.items():
            rows.setdefault(_row_of(task), {})[task] = one
        for name, changed in rows.items():
            before = self._row(name)
            self._put(name, before, {**before, **changed})

    def prune(self, held: frozenset[str], now: datetime) -> None:
        """Forget what left the list long ago and nobody here has."""
        for name in {_row_of(task) for task, one in self.all().items() if _is_old(one, now)}:
            before = self._row(name)
            kept = {task: one for task, one in before.items() if task in held or not _is_old(one, now)}
            self._put(name, before, kept)

    def _row(self, name: str) -> dict[str, Shown]:
        value = self._store.get(self._hub_id, name)
        rows: dict[str, Any] = json.loads(value) if value else {}
        return {task: _shown(table) for task, table in rows.items()}

    def _put(self, name: str, before: Mapping[str, Shown], now: Mapping[str, Shown]) -> None:
        if now != before:
            told = {task: asdict(one) for task, one in now.items()}
            self._store.put(self._hub_id, name, json.dumps(told, ensure_ascii=False))


def _shown(table: dict[str, Any]) -> Shown:
    order = table.pop("order")
    patient = PatientEntry(**order.pop("patient"))
    return Shown(OrderEntry(**order, patient=patient), **table)


def _is_old(one: Shown, now: datetime) -> bool:
    return bool(one.gone) and now - datetime.fromisoformat(one.since) > KEPT


def _row_of(task: str) -> str:
    return f"{_ROW}{zlib.crc32(task.encode()) % ROWS:02}"
