"""Results by HL7 v2: each way a receiver can answer, and what the Hub port makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from teleread.hub.hl7 import Hl7Hub
from teleread.hub.hl7_results import FORM, Hl7Results
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.task import TaskContext
from teleread.model.text import clean
from teleread.sync.notes import note_submission
from teleread.wire.mllp import exchange
from tests.contract.hl7_world import (
    IMPATIENT,
    KEY,
    NOW,
    World,
    code_of,
    order,
    raising,
    sent,
)
from tests.contract.hub_cases import note_item
from tests.unit import signing_cases as made


@pytest.fixture
def world() -> Iterator[World]:
    one = World()
    yield one
    one.site.close()


# -- results go out -----------------------------------------------------------------------------------


@pytest.fixture
def held(world: World) -> tuple[Hl7Hub, TaskContext]:
    world.take(order())
    hub = world.hub()
    return hub, hub.claim(hub.read(KEY))


def test_a_report_is_delivered_when_its_own_message_is_acknowledged(
    world: World, held: tuple[Hl7Hub, TaskContext]
) -> None:
    hub, context = held
    one = sent(context)
    receipt = hub.submit(one)
    assert (receipt.sha256, receipt.task_status) == (one.sha256, "completed")
    assert receipt.hub_time == "2026-11-24T04:30:00+00:00"
    assert world.site.received == [one.parts[FORM]]
    assert hub.submit(one) == receipt
    assert len(world.site.received) == 1
    fresh = world.hub()
    found = fresh.find(one.report_id, "")
    assert found is not None
    assert (found.receipt.id, found.receipt.version, found.author) == (
        receipt.id,
        receipt.version,
        "Dr reader",
    )
    assert one.key in found.keys
    assert fresh.find("", one.key) == found
    assert fresh.holding({one.report_id: receipt.id, "nothing": "x"}).keys() == {one.report_id}
    assert fresh.read(KEY).task.status == "completed"
    assert fresh.find("nothing", "nothing") is None


def test_the_readers_own_other_report_on_a_case_is_told_before_a_second_one_goes(
    world: World, held: tuple[Hl7Hub, TaskContext]
) -> None:
    hub, context = held
    one = sent(context)
    hub.submit(one)
    (told,) = world.hub().other_reports(hub.read(KEY), {"another"})
    assert (told.id, told.author, told.status) == (f"report/{one.report_id}", "Dr reader", "final")
    assert hub.other_reports(hub.read(KEY), {one.report_id}) == ()
    assert hub.other_reports(hub.read(KEY), {str(told.id)}) == ()


@pytest.mark.parametrize("mode", ["none", "garbage", "another", "no-number", "cut", "close", "noise"])
def test_what_was_not_acknowledged_goes_again_under_the_same_number_and_is_filed_once(
    world: World, held: tuple[Hl7Hub, TaskContext], mode: str
) -> None:
    hub, context = held
    world.site.mode = mode
    one = sent(context)
    impatient = Hl7Results(world.file, world.keys, world.clock, send=partial(exchange, limits=IMPATIENT))
    assert code_of(lambda: impatient.submit(one)) == "unknown"
    assert hub.find(one.report_id, one.key) is None
    assert hub.read(KEY).task.status == "in-progress"
    world.site.mode = "AA"
    world.hub().submit(one)
    assert world.site.received == [one.parts[FORM]] * 2
    assert len(world.site.filed()) == 1


@pytest.mark.parametrize(
    ("mode", "code", "words"),
    [
        ("AE", "refused", "found an error"),
        ("CE", "refused", "found an error"),
        ("both-ways", "refused", "found an error"),
        ("AR", "rejected", "rejected the report"),
        ("CR", "rejected", "rejected the report"),
    ],
)
def test_a_refusal_needs_the_reader_with_the_sites_words_and_may_be_sent_again(
    world: World, held: tuple[Hl7Hub, TaskContext], mode: str, code: str, words: str
) -> None:
    hub, context = held
    world.site.mode = mode
    one = sent(context)
    with pytest.raises(AttentionError) as caught:
        hub.submit(one)
    assert (caught.value.code, words in caught.value.title) == (code, True)
    assert "OBR-4 is not known here" in caught.value.detail or "Not filed" in caught.value.detail
    assert hub.find(one.report_id, "") is None
    world.site.mode = "AA"
    assert hub.submit(one).sha256 == one.sha256
    assert len(world.site.filed()) == 1


def test_a_receiver_that_is_away_leaves_the_report_unsent(
    world: World, held: tuple[Hl7Hub, TaskContext]
) -> None:
    hub, context = held
    world.site.close()
    with pytest.raises(OfflineError) as caught:
        hub.submit(sent(context))
    assert caught.value.code == "offline"
    assert code_of(hub.health) == "offline"


def test_a_crash_between_acknowledgement_and_memory_sends_the_same_message_again(
    world: World, held: tuple[Hl7Hub, TaskContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, context = held
    one = sent(context)
    with monkeypatch.context() as patch:
        patch.setattr(world.keys, "put", raising)
        with pytest.raises(KeyboardInterrupt):
            hub.submit(one)
    world.hub().submit(one)
    assert world.site.received == [one.parts[FORM]] * 2


def test_an_addendum_follows_the_version_it_stands_on_and_no_other(
    world: World, held: tuple[Hl7Hub, TaskContext]
) -> None:
    hub, context = held
    first = made.signed()
    receipt = hub.submit(sent(context, first))
    second = made.addendum(first)
    wrong = replace(receipt, version=clean("9-0"))
    assert code_of(lambda: hub.submit(sent(context, second, wrong))) == "changed"
    later = hub.submit(sent(context, second, receipt))
    assert (later.id, later.sha256) == (receipt.id, second.sha256)
    assert later.version != receipt.version
    assert hub.submit(sent(context, first)) == receipt
    other = replace(sent(context, first), sha256="0" * 64)
    assert code_of(lambda: hub.submit(other)) == "other-report"
    assert len(world.site.received) == 2


def test_what_the_reader_tells_beside_the_report_stands_below_the_obr(
    world: World, held: tuple[Hl7Hub, TaskContext]
) -> None:
    hub, context = held
    one = replace(sent(context), note="The order was cancelled | read all the same")
    hub.submit(one)
    (got,) = world.site.received
    lines = got.split(b"\r")
    at = next(number for number, line in enumerate(lines) if line.startswith(b"NTE"))
    assert lines[at] == b"NTE|1|L|The order was cancelled \\F\\ read all the same"
    assert lines[at - 1].startswith(b"OBR")
    assert b"\r".join(lines[:at] + lines[at + 1 :]) == one.parts[FORM]


def test_a_report_without_its_message_or_on_a_case_that_is_not_ours_is_not_sent(
    world: World, held: tuple[Hl7Hub, TaskContext]
) -> None:
    hub, context = held
    assert code_of(lambda: hub.submit(replace(sent(context), parts={}))) == "unsendable"
    assert code_of(lambda: hub.submit(replace(sent(context), form="fhir-transaction"))) == "refused"
    assert code_of(lambda: world.hub("other").submit(sent(context))) == "claim-lost"
    assert world.site.received == []


def test_a_note_is_refused_with_the_telephone_number(held: tuple[Hl7Hub, TaskContext]) -> None:
    hub, context = held
    note = note_submission(note_item(context), context, "Practitioner/reader", NOW)
    with pytest.raises(AttentionError) as caught:
        hub.send_note(note)
    assert "0100 000" in caught.value.remedy
