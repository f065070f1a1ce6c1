"""What a pull could not read is told in words, and a task without an order can't be signed."""

from __future__ import annotations

import argparse
import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from teleread.cli import sync
from teleread.cli.output import Output
from teleread.model.errors import AttentionError
from teleread.model.hubfile import HubFile
from teleread.model.text import EMPTY
from teleread.signing.rights import nothing_forbids
from teleread.wire.fhir_json import context_of
from tests.contract.hub_cases import case
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import AWAY, World


def told(skipped: list[str]) -> dict[str, Any]:
    hub = {"name": "north", "skipped": skipped, "exit": 0}
    totals = dict.fromkeys(("pushed", "waiting", "held", "needs_attention"), 0)
    return {**totals, "pulled": 91, "offline": False, "hubs": [hub]}


def run(answer: dict[str, Any], *, as_json: bool = False) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    call: Any = SimpleNamespace(
        args=argparse.Namespace(pull=False, push=False),
        desk=SimpleNamespace(sync=lambda pull, push: answer),
        out=Output(as_json, stdout=out, stderr=err),
    )
    return sync.run(call), out.getvalue(), err.getvalue()


@pytest.mark.parametrize("as_json", [False, True])
def test_each_task_that_could_not_be_read_is_named_with_its_reason(as_json: bool) -> None:
    reasons = ["Task/1 names no patient that can be read", "a Task without an id"]
    code, out, err = run(told(reasons), as_json=as_json)
    assert code == 0
    assert "could not read 2" in (err if as_json else out)
    assert "north: 2 could not be read:" in err
    assert all(one in err for one in reasons)


def test_a_pull_that_read_everything_says_no_more() -> None:
    _, out, err = run(told([]))
    assert "could not" not in out + err


def test_hundreds_that_could_not_be_read_do_not_flood_the_terminal() -> None:
    _, _, err = run(told([f"Task/{one} names no patient" for one in range(300)]))
    assert "300 could not be read" in err
    assert "250 more" in err
    assert len(err.splitlines()) < 60


def test_a_task_that_names_no_order_is_listed_and_never_signable(world: World) -> None:
    context = cases.context()
    key = world.task(replace(context, order=replace(context.order, id=EMPTY, status=EMPTY)))
    item = world.desk.item(key)
    assert not item.signable
    assert "no order" in item.why_not
    with pytest.raises(AttentionError) as caught:
        world.desk.sign(world.written(key), AWAY, pin=cases.PIN)
    assert "no order" in caught.value.detail
    assert world.desk.reports() == ()


def test_an_order_is_known_from_a_missing_one_though_the_hub_tells_no_state_of_it() -> None:
    patient, order, study, task = case(1)
    bare = {key: value for key, value in order.items() if key != "status"}
    read, noted = context_of("hub", task, bare, patient, study, cases.START)
    assert (read.order.status, noted) == ("unknown", ())
    read, noted = context_of("hub", task, None, patient, study, cases.START)
    assert (read.order.id, read.order.status) == ("", "")
    assert "can't be signed" in noted[0]
    hub = HubFile("hub", "north", rights=("sign",), reader_id="reader")
    assert "no order" in nothing_forbids(hub, read)[1]
