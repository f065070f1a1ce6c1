"""The demo hub's UPS-RS face: the state machine, the two faces agreeing, events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from teleread.demo.server import DemoServer
from teleread.demo.ups.elements import el, sequence, value_of
from teleread.demo.ups.workitem import uid_of
from tests.contract.hub_cases import case

OURS, THEIRS = "2.25.111", "2.25.222"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    with DemoServer(tmp_path_factory.mktemp("demo"), cases=2) as server:
        yield server


@pytest.fixture(scope="module")
def web(demo: DemoServer) -> Iterator[httpx.Client]:
    base = f"http://127.0.0.1:{demo.store.note('port HTTP')}/ups-rs/"
    with httpx.Client(base_url=base, trust_env=False, timeout=20) as client:
        yield client


_numbers = iter(range(1, 1000))


def new(demo: DemoServer) -> tuple[str, str]:
    """A Task and its workitem."""
    number = next(_numbers)
    with demo.store.unit() as unit:
        for resource in case(number):
            unit.put(resource["resourceType"], resource["id"], dict(resource))
    return f"t-c{number}", uid_of(f"t-c{number}")


def change(web: httpx.Client, uid: str, state: str, transaction: str = OURS) -> httpx.Response:
    body = {"00741000": el("CS", state), "00081195": el("UI", transaction)}
    return web.put(f"workitems/{uid}/state?requester=DESK", json=body)


def tell(web: httpx.Client, uid: str, transaction: str = OURS, **more: Any) -> httpx.Response:
    code = {
        "00080100": el("SH", "reader"),
        "00080102": el("SH", "99X"),
        "00080104": el("LO", "Dr Demo Reader"),
    }
    performed = {"00404035": sequence({"00404009": sequence(code)}), **more}
    return web.post(f"workitems/{uid}?{transaction}", json={"00741216": sequence(performed)})


FINAL = {
    "00404019": sequence({"00080100": el("SH", "110005")}),
    "00404050": el("DT", "20261124040000"),
    "00404051": el("DT", "20261124041000"),
    "00404033": sequence({"00081199": sequence({"00081155": el("UI", "2.25.9")})}),
}


def state(web: httpx.Client, uid: str) -> str:
    (data,) = web.get(f"workitems/{uid}").json()
    return value_of(data, "00741000")


def test_a_claim_by_one_face_is_seen_by_the_other_and_the_transaction_uid_by_nobody(
    demo: DemoServer, web: httpx.Client
) -> None:
    task, uid = new(demo)
    assert change(web, uid, "IN PROGRESS").status_code == 200
    assert tell(web, uid).status_code == 200
    assert demo.store.edit("Task", task)["owner"]["reference"] == "Practitioner/reader"
    assert demo.store.edit("Task", task)["status"] == "in-progress"
    assert OURS not in web.get(f"workitems/{uid}").text + web.get("workitems").text
    other, second = new(demo)
    demo.events.reassign(other)
    assert state(web, second) == "IN PROGRESS"
    assert tell(web, second).status_code == 409


def test_the_state_machine_refuses_as_the_standard_says(demo: DemoServer, web: httpx.Client) -> None:
    _, uid = new(demo)
    assert change(web, uid, "COMPLETED").status_code == 409  # C310
    assert tell(web, uid).status_code == 409
    assert change(web, uid, "IN PROGRESS").status_code == 200
    again = change(web, uid, "IN PROGRESS", THEIRS)
    assert (again.status_code, "C302" in again.headers["warning"]) == (409, True)
    assert "C301" in change(web, uid, "COMPLETED", THEIRS).headers["warning"]
    assert "C304" in change(web, uid, "COMPLETED").headers["warning"]
    assert tell(web, uid, OURS, **FINAL).status_code == 200
    assert change(web, uid, "COMPLETED").status_code == 200
    repeated = change(web, uid, "COMPLETED")
    assert (repeated.status_code, "B306" in repeated.headers["warning"]) == (200, True)
    assert change(web, uid, "CANCELED").status_code == 409
    assert tell(web, uid).status_code == 400
    assert change(web, "1.2.3", "IN PROGRESS").status_code == 404
    assert web.put(f"workitems/{uid}/state", content=b"{").status_code == 400


def test_what_a_performer_cancels_is_replaced_by_a_new_workitem(demo: DemoServer, web: httpx.Client) -> None:
    task, uid = new(demo)
    change(web, uid, "IN PROGRESS")
    reason = {"00080100": el("SH", "110532"), "00080104": el("LO", "Needs expertise")}
    body = {"00741002": sequence({"0074100E": sequence(reason)})}
    web.post(f"workitems/{uid}?{OURS}", json=body)
    assert change(web, uid, "CANCELED").status_code == 200
    assert "B304" in change(web, uid, "CANCELED").headers["warning"]
    assert demo.store.edit("Task", task)["status"] == "requested"
    assert demo.store.edit("Task", task)["statusReason"]["coding"][0]["code"] == "110532"
    assert state(web, uid) == "CANCELED"
    (fresh,) = web.get(f"workitems/{uid_of(task, 1)}").json()
    assert value_of(fresh, "00741000") == "SCHEDULED"
    assert value_of(fresh, "00741224", "00081155") == uid


def test_a_request_to_cancel_ends_what_is_scheduled_and_only_asks_about_what_is_in_progress(
    demo: DemoServer, web: httpx.Client
) -> None:
    task, uid = new(demo)
    assert web.post(f"workitems/{uid}/cancelrequest").status_code == 202
    assert demo.store.edit("Task", task)["status"] == "cancelled"
    _, second = new(demo)
    change(web, second, "IN PROGRESS")
    assert web.post(f"workitems/{second}/cancelrequest", json=[{}]).status_code == 202
    assert state(web, second) == "IN PROGRESS"


def test_a_search_matches_pages_and_says_when_there_is_more(demo: DemoServer, web: httpx.Client) -> None:
    for _ in range(3):
        new(demo)
    first = web.get("workitems", params={"ProcedureStepState": "SCHEDULED", "limit": 2})
    assert "299" in first.headers["warning"]
    second = web.get("workitems", params={"ProcedureStepState": "SCHEDULED", "limit": 2, "offset": 2})
    uids = [value_of(one, "00080018") for one in [*first.json(), *second.json()]]
    assert len(set(uids)) == 4 or len(uids) == len(set(uids)) == 3
    assert web.get("workitems", params={"PatientID": "nobody"}).status_code == 204
    assert web.get("workitems", params={"no such key": "x"}).status_code == 400


def test_events_reach_a_subscriber_whichever_face_made_them(demo: DemoServer, web: httpx.Client) -> None:
    websockets = pytest.importorskip("websockets.sync.client")
    task, uid = new(demo)
    told = web.post("workitems/1.2.840.10008.5.1.4.34.5/subscribers/DESK?deletionlock=false")
    assert told.status_code == 201
    with websockets.connect(told.headers["content-location"], proxy=None, open_timeout=20) as channel:
        change(web, uid, "IN PROGRESS")
        claimed = json.loads(channel.recv(20))
        demo.events.cancel(task)
        seen = [claimed]
        while value_of(seen[-1], "00741000") != "CANCELED":
            seen.append(json.loads(channel.recv(20)))
    assert {value_of(one, "00001000") for one in seen} == {uid}
    assert value_of(claimed, "00741000") == "IN PROGRESS"
    assert web.delete("workitems/1.2.840.10008.5.1.4.34.5/subscribers/DESK").status_code == 200
    assert web.delete("workitems/1.2.840.10008.5.1.4.34.5/subscribers/DESK").status_code == 404
