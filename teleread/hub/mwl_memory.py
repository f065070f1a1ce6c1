"""What a Modality Worklist showed before, kept in the vault: a list never tells what left it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from teleread.hub.ups_memory import KeyStore
from teleread.wire.orders import OrderEntry, PatientEntry

__all__ = ["MwlMemory", "Shown"]

_ORDER: Final = "mwl-order:"
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
    """The memory of one list.

    Args:
        hub_id: The hub.
        store: Where it is kept.
    """

    def __init__(self, hub_id: str, store: KeyStore) -> None:
        self._hub_id = hub_id
        self._store = store

    def of(self, task: str) -> Shown | None:
        """One order; None where the list never showed it."""
        value = self._store.get(self._hub_id, _ORDER + task)
        if not value:
            return None
        table: dict[str, Any] = json.loads(value)
        order = table.pop("order")
        patient = PatientEntry(**order.pop("patient"))
        return Shown(OrderEntry(**order, patient=patient), **table)

    def all(self) -> dict[str, Shown]:
        """Every order that is remembered."""
        names = [one for one in self._store.names(self._hub_id) if one.startswith(_ORDER)]
        found = {one.removeprefix(_ORDER): self.of(one.removeprefix(_ORDER)) for one in names}
        return {task: shown for task, shown in found.items() if shown is not None}

    def shown(self, orders: Iterable[OrderEntry], before: Mapping[str, Shown]) -> None:
        """Keep orders as the list shows them now; what did not change is not written again."""
        for one in orders:
            if before.get(one.task_id) != Shown(one):
                self._put(one.task_id, Shown(one))

    def left(self, task: str, shown: Shown, why: str, now: datetime) -> Shown:
        """Note that an order is no longer offered."""
        made = replace(shown, gone=why, since=now.isoformat())
        self._put(task, made)
        return made

    def prune(self, before: Mapping[str, Shown], held: frozenset[str], now: datetime) -> None:
        """Forget what left the list long ago and nobody here has."""
        for task, one in before.items():
            if one.gone and task not in held and now - datetime.fromisoformat(one.since) > KEPT:
                self._store.delete(self._hub_id, _ORDER + task)

    def _put(self, task: str, shown: Shown) -> None:
        self._store.put(self._hub_id, _ORDER + task, json.dumps(asdict(shown), ensure_ascii=False))
