"""What a worklist showed before: few rows, none written twice, nothing forgotten too early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from teleread.hub.mwl_memory import KEPT, ROWS, MwlMemory, Shown
from teleread.wire.orders import OrderEntry, PatientEntry
from tests.contract.ups_double import Keys

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


class Counting(Keys):
    """Counts what is written."""

    writes = 0

    def put(self, hub_id: str, name: str, value: str) -> None:
        self.writes += 1
        super().put(hub_id, name, value)


def orders(count: int) -> dict[str, Shown]:
    return {
        f"A{number}": Shown(
            OrderEntry(id=f"A{number}", accession=f"A{number}", patient=PatientEntry(number=f"N{number}"))
        )
        for number in range(count)
    }


def test_thousands_of_orders_cost_a_few_rows_and_what_did_not_change_costs_none() -> None:
    keys = Counting()
    memory = MwlMemory("hub", keys)
    many = orders(3000)
    memory.keep(many)
    assert keys.writes == ROWS
    memory.keep(many)
    assert keys.writes == ROWS
    memory.keep({"A7": Shown(many["A7"].order, "gone", NOW.isoformat())})
    assert keys.writes == ROWS + 1
    again = MwlMemory("hub", keys)
    assert again.all() == {**many, "A7": Shown(many["A7"].order, "gone", NOW.isoformat())}
    assert again.of("A8") == many["A8"]
    assert again.of("A9999") is None


def test_an_order_that_left_long_ago_is_forgotten_unless_somebody_has_it() -> None:
    memory = MwlMemory("hub", Keys())
    left = (NOW - KEPT - timedelta(days=1)).isoformat()
    old = {task: Shown(one.order, "gone", left) for task, one in orders(3).items()}
    fresh = {"B": Shown(OrderEntry(id="B", patient=PatientEntry(number="N")), "gone", NOW.isoformat())}
    memory.keep(old | fresh | {"C": Shown(OrderEntry(id="C", patient=PatientEntry(number="N")))})
    memory.prune(frozenset({"A1"}), NOW)
    assert set(memory.all()) == {"A1", "B", "C"}
