"""HL7 v2 sites behind the outbox: every answer a receiver can give, order, merges and changes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from teleread.hub.hl7 import Hl7Hub
from teleread.hub.hl7_board import Board
from teleread.hub.hl7_inbox import Inbox
from teleread.hub.hl7_results import Hl7Results
from teleread.model.addresses import MllpAddress, parse_mllp
from teleread.model.delivery import OutboxItem
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskKey
from teleread.sync.push import PushOutcome, push
from teleread.sync.resolve import resolve
from teleread.wire.hl7_acks import Ack
from teleread.wire.mllp import LIMITS, exchange
from tests.contract.hl7_world import IMPATIENT, KEPT_PID, PID, change, merge, message, order
from tests.contract.mllp_site import Site, codes, segments
from tests.unit.sync_world import HUB, World

SILENT = ("none", "garbage", "another", "cut", "close")
"""Answers that say nothing of the message."""


class Hl7Desk(World):
    """A vault whose hub is a site that speaks HL7 v2."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.answer: Callable[[bytes], str] = lambda _: "AA"
        self.opened()

    def opened(self) -> None:
        """The site's receiver, at an address of its own."""
        self.site = Site()
        self.site.before = lambda got: setattr(self.site, "mode", self.answer(got))
        self.file = replace(HUB, fhir="", hl7=parse_mllp(self.site.address))
        self.again()

    def again(self) -> None:
        """Another adapter on the same vault, as after a restart."""
        memory = self.vault.hub_secrets
        hub = Hl7Hub(self.file, None, self.clock, memory=memory)
        hub._results = Hl7Results(self.file, memory, self.clock, send=self._send)
        self.hub = hub  # type: ignore[assignment]

    def _send(self, hub: HubFile, address: MllpAddress, got: bytes, control_id: str) -> Ack:
        """As the adapter does; what will not be answered is not waited for."""
        return exchange(hub, address, got, control_id, IMPATIENT if self.answer(got) in SILENT else LIMITS)

    def answers(self, mode: str) -> None:
        """Every message is answered so from now on."""
        self.answer = lambda _: mode

    def close(self) -> None:
        super().close()
        self.site.close()

    def push(self, *, typed: bool = False) -> PushOutcome:
        """One pass of push."""
        return push(self.vault, self.hub, self.file, self.clock, ignore_backoff=typed, dice=self.dice)

    def take(self, *messages: bytes) -> None:
        """Messages of the site, each acknowledged."""
        inbox = Inbox(Board("hub-1", self.vault.hub_secrets), self.clock)
        assert [code for one in messages for code in codes(inbox.take(one))] == ["AA"] * len(messages)
        self.pull()

    def case(self, task: str = "A1") -> TaskKey:
        """An order that came in and was claimed."""
        self.take(order(task, f"N{task}"))
        key = TaskKey("hub-1", task)
        self.claim(key)
        return key

    def keys_sent(self) -> list[str]:
        """MSH-10 of what the site received, in its order."""
        return [segments(one)[0][9] for one in self.site.received]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Hl7Desk]:
    one = Hl7Desk(tmp_path)
    yield one
    one.close()


def ids(item: OutboxItem) -> list[str]:
    return [one.id for one in item.choices]


@pytest.mark.parametrize("mode", ["AA", "CA", "no-last-cr", "another-first", "twice", "drip"])
def test_a_report_is_delivered_once_it_is_acknowledged(desk: Hl7Desk, mode: str) -> None:
    desk.answers(mode)
    item = desk.sign(desk.case())
    assert desk.push().pushed == 1
    now = desk.item(item)
    assert (now.state, now.receipt is not None) == ("delivered", True)
    assert desk.push(typed=True).pushed == 0
    assert len(desk.site.received) == 1
    desk.pull()
    row = desk.vault.worklist.get(item.key)
    assert row is not None
    assert row.task.status == "completed"


@pytest.mark.parametrize("mode", SILENT)
def test_what_nobody_acknowledged_stays_unknown_and_goes_again_under_its_number(
    desk: Hl7Desk, mode: str
) -> None:
    item = desk.sign(desk.case())
    desk.answers(mode)
    desk.push()
    waiting = desk.item(item)
    assert (waiting.state, waiting.receipt) == ("sending", None)
    assert waiting.why.startswith("unknown")
    desk.again()
    desk.answers("AA")
    desk.push(typed=True)
    assert desk.item(item).state == "delivered"
    assert len(desk.keys_sent()) == 2
    assert len(set(desk.keys_sent())) == 1
    assert desk.site.received[0] == desk.site.received[1]


@pytest.mark.parametrize("mode", ["AE", "CE", "AR", "CR"])
def test_a_refusal_waits_for_the_reader_and_sending_it_again_is_the_same_message(
    desk: Hl7Desk, mode: str
) -> None:
    item = desk.sign(desk.case())
    desk.answers(mode)
    assert desk.push().needs_attention == 1
    held = desk.item(item)
    assert (held.state, ids(held)) == ("needs_attention", ["resend", "withdraw"])
    assert "OBR-4 is not known here" in held.why
    desk.answers("AA")
    assert desk.push(typed=True).pushed == 0
    resolve(desk.vault, desk.item(item), "resend", "", desk.clock)
    desk.push(typed=True)
    assert desk.item(item).state == "delivered"
    assert len(set(desk.keys_sent())) == 1


def test_an_addendum_never_overtakes_its_report_and_another_case_is_not_held_up(desk: Hl7Desk) -> None:
    first_key, other_key = desk.case(), desk.case("A2")
    first = desk.sign(first_key)
    later = desk.sign(first_key, "More.", on=first.report_id)
    other = desk.sign(other_key)
    desk.answer = lambda got: "none" if b"|A1|" in got else "AA"
    desk.push()
    assert [desk.item(one).state for one in (first, other)] == ["sending", "delivered"]
    assert desk.item(later).state == "held"
    desk.answers("AA")
    desk.push(typed=True)
    desk.push(typed=True)
    assert [desk.item(one).state for one in (first, later)] == ["delivered", "delivered"]
    statuses = [line[25] for one in desk.site.received for line in segments(one) if line[0] == "OBR"]
    assert statuses == ["F", "F", "F", "C"]


def test_a_merge_after_signing_holds_the_report_until_identity_was_looked_at_again(desk: Hl7Desk) -> None:
    item = desk.sign(desk.case())
    desk.take(merge())
    desk.push()
    held = desk.item(item)
    assert (held.state, ids(held)) == ("needs_attention", ["verify-identity", "withdraw"])
    assert desk.site.received == []
    now = desk.vault.worklist.get(item.key)
    assert now is not None
    assert now.patient.primary is not None
    assert now.patient.primary.value == "N000002"
    assert "N000001" in {one.value for one in now.patient.identifiers}  # images made before it carry that


def test_a_merge_under_an_open_draft_is_seen_in_the_versions_the_checks_compare(desk: Hl7Desk) -> None:
    key = desk.case()
    opened = desk.vault.worklist.get(key)
    assert opened is not None
    desk.take(merge())
    now = desk.vault.worklist.get(key)
    assert now is not None
    assert "patient" in opened.versions.changed(now.versions)
    assert desk.vault.claims.get(key).state == "held"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("told", "choices"),
    [
        (change("CA", "M7"), ["send-with-note", "withdraw"]),
        (change("OC", "M7"), ["send-with-note", "withdraw"]),
        (
            message("ORM^O01", PID, "ORC|XO|A1", "OBR|1|A1||XKNER^XR Knee Right^L", number="M7"),
            ["resign", "withdraw"],
        ),
        (
            message("ADT^A08", PID.replace("19700102", "19710102"), number="M7"),
            ["verify-identity", "withdraw"],
        ),
        (change("SC", "M7", status="CM"), ["ask-back", "preliminary", "withdraw"]),
        (change("XO", "M7", pid=KEPT_PID), ["verify-identity", "withdraw"]),
    ],
)
def test_what_the_site_tells_after_signing_is_a_row_of_the_table(
    desk: Hl7Desk, told: bytes, choices: list[str]
) -> None:
    item = desk.sign(desk.case())
    desk.take(told)
    desk.push()
    assert (desk.item(item).state, ids(desk.item(item))) == ("needs_attention", choices)
    assert desk.site.received == []


def test_what_may_be_at_the_site_already_says_so_when_it_is_held(desk: Hl7Desk) -> None:
    item = desk.sign(desk.case())
    desk.answers("none")
    desk.push()
    desk.take(change("CA", "M7"))
    desk.answers("AA")
    desk.push(typed=True)
    held = desk.item(item)
    assert (held.state, ids(held)) == ("needs_attention", ["send-with-note", "withdraw"])
    assert "the site may have it" in held.why


def test_a_report_on_a_cancelled_order_goes_with_its_note_where_the_reader_says_so(desk: Hl7Desk) -> None:
    item = desk.sign(desk.case())
    desk.take(change("CA", "M7"))
    desk.push()
    resolve(desk.vault, desk.item(item), "send-with-note", "Read before it came", desk.clock)
    desk.push(typed=True)
    assert desk.item(item).state == "delivered"
    (got,) = desk.site.received
    notes = [line[3] for line in segments(got) if line[0] == "NTE"]
    assert len(notes) == 1
    assert "Read before it came" in notes[0]


def test_a_reading_offered_as_preliminary_says_so_in_every_status(desk: Hl7Desk) -> None:
    item = desk.sign(desk.case())
    desk.take(change("SC", "M7", status="CM"))
    desk.push()
    resolve(desk.vault, desk.item(item), "preliminary", "", desk.clock)
    desk.push(typed=True)
    assert desk.item(item).state == "delivered"
    (got,) = desk.site.received
    lines = segments(got)
    assert [line[25] for line in lines if line[0] == "OBR"] == ["P"]
    assert {line[11] for line in lines if line[0] == "OBX"} == {"P"}


def test_a_receiver_that_is_away_costs_nothing_and_everything_goes_once_in_order_after_it(
    desk: Hl7Desk,
) -> None:
    away = desk.site
    items = [desk.sign(desk.case(f"A{number}")) for number in range(1, 5)]
    away.close()
    outcome = desk.push()
    assert (outcome.offline, outcome.waiting) == (True, 4)
    desk.opened()
    desk.push(typed=True)
    assert {desk.item(one).state for one in items} == {"delivered"}
    assert len(desk.keys_sent()) == 4 == len(set(desk.keys_sent()))
