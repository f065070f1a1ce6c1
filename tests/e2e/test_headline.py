"""The headline demo: ten claimed, the line cut by a command, ten signed; what the hub did meanwhile; by keys.

Everything between the desk and the hub goes as a reader has it: the levers by ``teleread demo fault``, the
news and the choices by keys, and what became of it by asking the hub itself, over its own addresses.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from teleread.model.task import TaskKey
from teleread.tui.screens.outbox import Outbox
from teleread.tui.screens.sync import Sync
from tests.e2e.test_fault_rows import Tried, _choose
from tests.unit.test_tui_screens import Driver, walk

CHOSEN = ("send-with-note", "preliminary", "second-opinion", "resign")
"""What is chosen for the case that was cancelled, reassigned, reported and amended."""
LEVERS = ("cancel", "reassign", "report", "amend")


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Tried]:
    one = Tried(tmp_path)
    one.desk.sync()
    yield one
    one.close()


def asked(ward: Tried, path: str) -> str:
    """What the hub's own address answers: its control page, or FHIR."""
    base = json.loads(ward.ready.read_text())["fhir"].removesuffix("/fhir")
    wanted = urllib.request.Request(f"{base}/{path}", headers={"Accept": "text/html, application/fhir+json"})
    with urllib.request.urlopen(wanted, timeout=20) as answer:
        return str(answer.read().decode())


def reports_at_the_hub(ward: Tried, key: TaskKey) -> list[dict[str, Any]]:
    """Every report on a case's order, as the hub's own search lists them."""
    order = ward.server.store.edit("Task", key.task_id)["basedOn"][0]["reference"]
    bundle = json.loads(asked(ward, f"fhir/DiagnosticReport?based-on={order}"))
    return [one["resource"] for one in bundle.get("entry", ())]


def listed(place: Outbox, item: str) -> bool:
    """Whether the outbox shows an item."""
    return any(one.id == item for one in place.table.rows)


def test_ten_signed_off_line_six_arrive_in_order_and_four_are_settled_by_keys(ward: Tried) -> None:
    keys = ward.claim(10)
    ward.fault("line", "cut")
    reports = [ward.sign(key, f"Words {number}.") for number, key in enumerate(keys)]
    assert ward.desk.sync()["offline"]
    ward.fault("line", "up")
    for lever, key in zip(LEVERS, keys, strict=False):
        ward.fault(lever, key.task_id)

    told = ward.desk.sync()
    assert (told["pushed"], told["needs_attention"], told["waiting"]) == (6, 4, 0)
    assert ward.desk.sync()["pushed"] == 0
    _six_once_and_in_order(ward, keys[4:], reports[4:])
    asks = [ward.waiting(key) for key in keys[:4]]

    def steps_over(items: Sequence[Any]) -> Any:
        async def steps(do: Driver) -> None:
            await _news(do)
            await do.press("g", "o")
            place = do.app.place
            assert isinstance(place, Outbox)
            for item, choice in zip(items, CHOSEN, strict=True):
                await do.until(partial(listed, place, item.id))
                place.table.go([one.id for one in place.table.rows].index(item.id))
                await do.settle()
                await _choose(do, place, item, choice)

        return steps

    walk(steps_over(asks), size=(160, 50), station=cast(Any, ward.desk))
    assert ward.desk.status().digest is None
    ward.desk.sync()
    _each_does_what_it_says(ward, keys, reports)


async def _news(do: Driver) -> None:
    """What was missed stands on the sync screen, with what waits; leaving it is reading it."""
    await do.press("g", "y")
    assert isinstance(do.app.place, Sync)
    await do.until(lambda: "While you were away" in do.text())
    await do.until(lambda: "4 need you" in " ".join(do.text().split()))
    words = " ".join(do.text().split())
    for told in ("1 cancelled", "1 reported by another", "1 given to somebody else", "1 amended"):
        assert told in words
    await do.press("q")
    await do.until(lambda: do.app.status is not None and do.app.status.digest is None)


def _six_once_and_in_order(ward: Tried, keys: Sequence[TaskKey], reports: Sequence[str]) -> None:
    arrived = []
    for key, report in zip(keys, reports, strict=True):
        (one,) = reports_at_the_hub(ward, key)
        assert report in str(one["identifier"])
        assert one["status"] == "final"
        arrived.append(one["meta"]["lastUpdated"])
    assert arrived == sorted(arrived)


def _each_does_what_it_says(ward: Tried, keys: Sequence[TaskKey], reports: Sequence[str]) -> None:
    cancelled, reassigned, reported, amended = (reports_at_the_hub(ward, key) for key in keys[:4])
    assert [one["status"] for one in cancelled] == ["final"]
    assert "cancelled" in str(json.loads(asked(ward, f"fhir/Task/{keys[0].task_id}"))["note"])
    assert [one["status"] for one in reassigned] == ["preliminary"]
    assert sorted(one["status"] for one in reported) == ["final", "final"]
    assert {"Reported by somebody else."} < {one.get("conclusion", "") for one in reported}
    assert amended == []

    (draft,) = ward.desk.core.vault.drafts.open_for(keys[3])
    again = ward.sign_draft(draft.id)
    ward.desk.sync()
    (one,) = reports_at_the_hub(ward, keys[3])
    assert again in str(one["identifier"])
    assert {one.state for one in ward.desk.outbox()} == {"delivered", "closed"}
    assert len([one for key in keys for one in reports_at_the_hub(ward, key)]) == 11

    page = asked(ward, "_demo/")
    rows = {row.split("<td>")[1]: row for row in page.split("<tr>") if row.startswith("<td>")}
    shown = [rows[str(ward.desk.item(key).accession)] for key in keys]
    assert "<td>in-progress" in shown.pop(1)  # whoever has it now goes on reading
    assert all("<td>completed" in row for row in shown)
