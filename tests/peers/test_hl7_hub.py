"""The HL7 hub with real peers: hl7 and hl7apy take results, hl7 sends orders."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from teleread.hub.hl7 import Hl7Hub
from teleread.hub.hl7_results import Hl7Results
from teleread.model.addresses import parse_mllp
from teleread.model.errors import TelereadError
from teleread.wire.mllp import exchange
from tests.contract.hl7_world import IMPATIENT, KEY, World, listening, merge, order, pulled, sent
from tests.peers.test_documents import absent
from tests.unit import signing_cases as made

SCRIPT = Path(__file__).parent / "mllp_hl7.py"


@pytest.fixture
def world() -> Iterator[World]:
    one = World()
    yield one
    one.site.close()


def python() -> str:
    """A Python that has the peers."""
    found = os.environ.get("TELEREAD_READERS")
    if not found:
        absent("a Python with hl7 and hl7apy (TELEREAD_READERS)")
    return str(found)


@contextmanager
def receiver(world: World, *words: str) -> Iterator[tuple[Hl7Hub, list[str]]]:
    """A hub whose results go to that peer, and what the peer says it received, once it is over."""
    command = [python(), str(SCRIPT), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    told: list[str] = []
    try:
        assert process.stdout is not None
        address = parse_mllp(f"127.0.0.1:{int(process.stdout.readline())}")
        world.take(order())
        hub = world.hub(hl7=address)
        hub.claim(hub.read(KEY))
        yield hub, told
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=60)
        told += rest.split()


@pytest.mark.peer("readers")
@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        ("AA", ""),
        ("CA", ""),
        ("AE", "refused"),
        ("AR", "rejected"),
        ("none", "unknown"),
        ("garbage", "unknown"),
        ("close", "unknown"),
    ],
)
def test_what_the_hl7_package_answers_is_understood(world: World, mode: str, outcome: str) -> None:
    with receiver(world, "receive", mode) as (hub, told):
        one = sent(hub.read(KEY))
        patient = mode not in {"none", "garbage", "close"}
        send = exchange if patient else partial(exchange, limits=IMPATIENT)
        try:
            code = ""
            Hl7Results(hub.hub, world.keys, world.clock, send=send).submit(one)
        except TelereadError as problem:
            code = problem.code
        assert code == outcome
        assert (hub.find(one.report_id, "") is not None) is (outcome == "")
    assert told == [made.signed().idempotency_key.replace("-", "")[-20:]]


@pytest.mark.peer("readers")
def test_a_strict_receiver_finds_no_error_in_a_report(world: World) -> None:
    with receiver(world, "strict") as (hub, told):
        assert hub.submit(sent(hub.read(KEY))).task_status == "completed"
    assert len(told) == 1


@pytest.mark.peer("readers")
def test_orders_and_merges_that_the_hl7_package_sends_are_taken_and_answered(
    world: World, tmp_path: Path
) -> None:
    messages = [order(), merge(), b"MSH|^~\\&|RIS|NORTH|||20261124||ORU^R01|M3|P|2.5.1\rPID|1\r"]
    with listening(world) as port:
        answers = []
        for number, message in enumerate(messages):
            path = tmp_path / f"{number}.hl7"
            path.write_bytes(message)
            command = [python(), str(SCRIPT), "send", str(port), str(path)]
            answers.append(subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.split())
    assert answers == [["AA", "M1"], ["AA", "M9"], ["AR", "M3"]]
    (context,) = pulled(world.hub())[0].values()
    assert context.patient.primary is not None
    assert context.patient.primary.value == "N000002"
