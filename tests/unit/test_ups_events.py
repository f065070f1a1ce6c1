"""Hearing from a UPS-RS hub: the channel, what is kept of it, and an engine that asks less because of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from teleread.demo.server import DemoServer
from teleread.demo.ups.elements import el
from teleread.demo.ups.workitem import uid_of
from teleread.hub.port import Listens
from teleread.hub.ups import UpsRsHub
from teleread.hub.ups_events import channel_of
from teleread.model.errors import OfflineError
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskKey
from teleread.sync.listening import NONE_SECONDS, Listener
from tests.contract.hub_cases import case
from tests.contract.ups_double import Keys

WAIT = 30.0
"""Seconds until a test gives up; nothing is measured by it."""


class Ear:
    """Listens in a thread, as an engine does."""

    def __init__(self, hub: UpsRsHub) -> None:
        self.stop, self.heard = threading.Event(), threading.Semaphore(0)
        self.ended: list[object] = []
        self._hub = hub
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.ended.append(self._hub.listen(self.stop, self.heard.release))
        except OfflineError as error:
            self.ended.append(error.code)

    def hears(self) -> bool:
        return self.heard.acquire(timeout=WAIT)

    def end(self) -> object:
        self._thread.join(WAIT)
        return self.ended[0]


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    pytest.importorskip("websockets")
    with DemoServer(tmp_path_factory.mktemp("demo"), cases=0) as server:
        with server.store.unit() as unit:
            for resource in case(1):
                unit.put(resource["resourceType"], resource["id"], resource)
        yield server


def hub_of(demo: DemoServer, keys: Keys, reader: str = "reader", **options: Any) -> UpsRsHub:
    base = f"http://127.0.0.1:{demo.store.note('port HTTP')}"
    file = HubFile(
        "hub-1", "TEST", ups_rs=f"{base}/ups-rs", dicomweb=f"{base}/dicom-web", ups_options=options
    )
    return UpsRsHub(
        HubFile(**{**_fields(file), "reader_id": reader, "reader_name": f"Dr {reader}"}), memory=keys
    )


def _fields(file: HubFile) -> dict[str, Any]:
    return {name: getattr(file, name) for name in HubFile.__dataclass_fields__}


KEY = TaskKey("hub-1", uid_of("t-c1"))


def test_a_channel_says_when_it_is_open_and_at_every_change_by_whichever_face(demo: DemoServer) -> None:
    hub = hub_of(demo, Keys())
    ear = Ear(hub)
    assert ear.hears()
    demo.events.amend("t-c1")  # the order changes and its Task does not
    assert ear.hears()
    with demo.store.unit() as unit:
        unit.put("Task", "t-c1", {**demo.store.edit("Task", "t-c1"), "priority": "stat"})
    assert ear.hears()
    ear.stop.set()
    assert ear.end() is True
    hub.close()


def test_being_asked_to_cancel_is_kept_although_only_an_event_tells_it(demo: DemoServer) -> None:
    keys = Keys()
    hub, watcher = hub_of(demo, keys), hub_of(demo, Keys(), "other")
    context = hub.claim(hub.read(KEY))
    assert context.order.status == "active"
    ear = Ear(hub)
    assert ear.hears()
    watcher.ask_to_cancel(KEY, "110510", "Ordered twice")
    while not hub.memory.asked_to_cancel(KEY.task_id):
        assert ear.hears()
    assert hub.read(KEY).order.status == "revoked"
    assert hub.read(KEY).task.owner == "Practitioner/reader"
    hub.give_back(hub.read(KEY), "110510", "")
    assert not hub.memory.asked_to_cancel(KEY.task_id)
    ear.stop.set()
    ear.end()
    hub.close()
    watcher.close()


def test_a_line_that_is_cut_ends_the_channel_in_words(demo: DemoServer) -> None:
    hub = hub_of(demo, Keys())
    ear = Ear(hub)
    assert ear.hears()
    demo.cut_line()
    assert ear.end() in {"cut", True}
    demo.mend_line()
    again = Ear(hub)
    assert again.hears()
    again.stop.set()
    again.end()
    hub.close()


def test_a_hub_file_can_switch_events_off(demo: DemoServer) -> None:
    hub = hub_of(demo, Keys(), events=False)
    assert hub.listen(threading.Event(), lambda: None) is False
    hub.close()


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("", "wss://hub.example:8443/dcm/subscribers/DESK"),
        ("ws://hub.example/ws/subscribers/DESK", "wss://hub.example:8443/ws/subscribers/DESK"),
        ("wss://evil.example/ws?x=1", "wss://hub.example:8443/ws?x=1"),
        ("http://[broken", "wss://hub.example:8443/dcm/subscribers/DESK"),
    ],
)
def test_a_channel_is_on_the_hubs_own_origin_whatever_it_says(told: str, address: str) -> None:
    assert channel_of("https://hub.example:8443/dcm", told, "DESK") == address


@pytest.mark.parametrize("message", ["{", "[[[", "[]", "7", json.dumps([{"00001002": el("LT", "2")}])])
def test_an_event_that_cannot_be_read_harms_nothing(message: str) -> None:
    hub = UpsRsHub(HubFile("hub-1", "T", ups_rs="http://127.0.0.1:1/x"), memory=Keys())
    assert hub._events._takes(message) in {True, False}
    assert not hub.memory.asked_to_cancel(KEY.task_id)
    hub.close()


class Told:
    """A hub whose channel does what it is told."""

    hub_id = "hub-1"

    def __init__(self, *plan: Any) -> None:
        self.plan = list(plan)
        self.states: list[bool] = []
        self.listener: Listener | None = None

    def files(self) -> tuple[HubFile, ...]:
        return ()

    def hub(self, hub_id: str) -> Any:
        return self

    def listen(self, stop: threading.Event, heard: Any) -> bool:
        step = self.plan.pop(0)
        if isinstance(step, Exception):
            raise step
        if step:
            heard()
            assert self.listener is not None
            self.states.append(self.listener.open)
        return bool(step)


def test_a_listener_knows_when_its_channel_is_open_and_that_something_was_heard() -> None:
    told = Told(True, False, OfflineError("away", code="cut"))
    listener = told.listener = Listener(told, "hub-1", threading.Event())
    assert not listener.heard()
    assert listener._once() <= 2.0
    assert told.states == [True]
    assert (listener.open, listener.heard(), listener.heard()) == (False, True, False)
    assert listener._once() == NONE_SECONDS
    assert listener._once() <= 4.0
    assert isinstance(told, Listens)
