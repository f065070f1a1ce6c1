"""A made-up site that speaks HL7 v2, a vault's memory, and adapters on both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from teleread.documents.hl7v2 import render
from teleread.host.clock import FakeClock
from teleread.hub.hl7 import Hl7Hub
from teleread.hub.hl7_board import Board
from teleread.hub.hl7_inbox import Inbox
from teleread.hub.hl7_results import FORM
from teleread.hub.port import Listens
from teleread.model.addresses import parse_mllp
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.report import SignedReport
from teleread.model.task import TaskContext, TaskKey
from teleread.wire.mllp import MllpLimits
from tests.contract.mllp_site import Site, codes
from tests.contract.ups_double import Keys
from tests.ports import free_port
from tests.unit import signing_cases as made

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
KEY = TaskKey("hub-1", "A1")
IMPATIENT = MllpLimits(answer=0.3)
PID = "PID|1||N000001^^^NORTH^MR~9990000018^^^NHS^NH||Testwell^Ada^Bea||19700102|F"
KEPT_PID = "PID|1||N000002^^^NORTH^MR||Testwell^Ada^Bea||19700102|F"


def message(kind: str, *lines: str, number: str = "M1", sender: str = "RIS") -> bytes:
    """A message of the site."""
    head = (
        f"MSH|^~\\&|{sender}|NORTH|TELEREAD||20261124040000+0000||{kind}|{number}|P|2.5.1||||||UNICODE UTF-8"
    )
    return "".join(f"{one}\r" for one in (head, *lines)).encode()


def order(
    task: str = "A1", number: str = "M1", control: str = "NW", pid: str = PID, side: str = "Left"
) -> bytes:
    """An OMI^O23 with everything a reading needs."""
    return message(
        "OMI^O23^OMI_O23",
        pid,
        f"ORC|{control}|{task}||||||||||^Sender^Dr",
        f"OBR|1|{task}||XKNEL^XR Knee {side}^L|||||||||||||||||||||CR||||||^Fell. Fracture?",
        f"IPC|{task}|RP|1.2.3.4|SPS|CR",
        number=number,
    )


def change(control: str, number: str, task: str = "A1", status: str = "", pid: str = PID) -> bytes:
    """An ORM^O01 that only tells what becomes of an order."""
    return message("ORM^O01", pid, f"ORC|{control}|{task}|||{status}", number=number)


def merge(number: str = "M9") -> bytes:
    """N000001 is no longer used: it is N000002."""
    return message("ADT^A40^ADT_A39", KEPT_PID, "MRG|N000001^^^NORTH^MR", number=number)


class World:
    """A site, a vault's memory, and adapters on both."""

    def __init__(self) -> None:
        self.site = Site()
        self.keys = Keys()
        self.clock = FakeClock(NOW)
        self.file = HubFile(
            hub_id="hub-1",
            name="TEST",
            hl7=parse_mllp(self.site.address),
            reader_id="reader",
            reader_name="Dr reader",
            site_phone="0100 000",
        )

    def hub(self, reader: str = "reader", **more: Any) -> Hl7Hub:
        file = replace(self.file, reader_id=reader, **more)
        return Hl7Hub(file, None, self.clock, memory=self.keys)

    def take(self, *messages: bytes) -> list[str]:
        """What each is answered, without a line between."""
        inbox = Inbox(Board("hub-1", self.keys), self.clock)
        return [code for one in messages for code in codes(inbox.take(one))]


@contextmanager
def listening(world: World, **more: Any) -> Iterator[int]:
    """The hub takes messages; its port."""
    port = free_port()
    with taking(world.hub(hl7_listen=parse_mllp(str(port), listening=True), **more)):
        yield port


@contextmanager
def taking(hub: Hl7Hub) -> Iterator[None]:
    """A hub takes messages at the port its file names."""
    stop, heard = threading.Event(), threading.Event()
    assert isinstance(hub, Listens)
    thread = threading.Thread(target=hub.listen, args=(stop, heard.set))
    thread.start()
    try:
        assert heard.wait(60)
        yield
    finally:
        stop.set()
        thread.join(60)


def pulled(hub: Hl7Hub, cursor: str = "") -> tuple[dict[str, TaskContext], str]:
    pages = list(hub.pull(cursor))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    return {one.key.task_id: one for page in pages for one in page.contexts}, pages[-1].cursor


def told(hub: Hl7Hub) -> str:
    """What a pull says of what could not come in."""
    return " ".join(words for page in hub.pull("") for words in page.skipped)


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(TelereadError) as caught:
        act()
    return caught.value.code


def sent(
    context: TaskContext, report: SignedReport | None = None, before: Receipt | None = None
) -> Submission:
    """A report version as the sync composes it."""
    report = report or made.signed()
    return Submission(
        form="documents",
        body=report.frozen,
        key=report.idempotency_key,
        report_id=report.report_id,
        version=report.version,
        sha256=report.sha256,
        task=context.key,
        predecessor=before.version if before else "",
        parts={FORM: render(report)},
        author="Dr reader",
        signed_at=NOW,
        completes=report.version == 1,
    )


def raising(*_: object) -> None:
    raise KeyboardInterrupt
