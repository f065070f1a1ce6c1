"""What can be made to go wrong in the demo, and that it goes wrong exactly so."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE

from teleread.demo.events import HubEvents
from teleread.demo.faults import Faults
from teleread.demo.server import DemoServer

BROKEN = (http.client.HTTPException, ConnectionError)


class Served:
    def __init__(self, server: DemoServer) -> None:
        self.server = server
        self.port = int(server.store.note("port HTTP") or 0)
        self.dimse_port = int(server.store.note("port DIMSE") or 0)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, json.dumps(body).encode() if body else None)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def pull(self, lever: str) -> dict[str, Any]:
        status, _, body = self.ask("POST", f"/_demo/{lever}")
        assert status == 200, body
        return dict(json.loads(body))

    def task(self, ident: str = "rt-1-003") -> dict[str, Any]:
        return dict(json.loads(self.ask("GET", f"/fhir/Task/{ident}")[2]))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with DemoServer(tmp_path_factory.mktemp("demo") / "demo", cases=4) as server:
        yield Served(server)


@pytest.fixture
def served(running: Served) -> Iterator[Served]:
    yield running
    running.server.mend_line()


def test_a_cut_line_answers_nobody_until_it_is_mended(served: Served) -> None:
    served.pull("line?state=cut")
    with pytest.raises(BROKEN):
        served.ask("GET", "/fhir/metadata")
    with socket.create_connection(("127.0.0.1", served.dimse_port), timeout=10) as peer:
        assert peer.recv(1) == b""
    served.pull("line?state=up")
    assert served.ask("GET", "/fhir/metadata")[0] == 200
    ae = AE("TESTER")
    ae.acse_timeout = ae.network_timeout = 10
    ae.add_requested_context("1.2.840.10008.1.1")
    assoc = ae.associate("127.0.0.1", served.dimse_port, ae_title="TELEDEMO")
    assert assoc.is_established
    assoc.release()


def test_a_cut_ends_connections_that_are_open(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", "/fhir/metadata")
    connection.getresponse().read()
    served.server.cut_line()
    assert connection.sock is not None
    assert connection.sock.recv(1) == b""
    connection.close()


def test_a_refusal_comes_as_often_as_planned_and_does_nothing(served: Served) -> None:
    before = served.task()
    served.pull("status?code=503&count=2&retry_after=7&area=fhir")
    codes = [served.ask("PUT", "/fhir/Task/rt-1-003", before) for _ in range(2)]
    assert [code for code, _, _ in codes] == [503, 503]
    assert codes[0][1]["retry-after"] == "7"
    assert served.task() == before


def test_a_refusal_for_the_hub_leaves_the_archive_alone(served: Served) -> None:
    served.pull("status?code=401&area=fhir")
    assert served.ask("GET", "/dicom-web/studies?limit=1")[0] == 200
    status, headers, _ = served.ask("GET", "/fhir/metadata")
    assert status == 401
    assert "www-authenticate" in headers


def test_garbage_is_no_json(served: Served) -> None:
    served.pull("garbage?area=fhir")
    status, _, body = served.ask("GET", "/fhir/metadata")
    assert status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_a_truncated_answer_breaks_off(served: Served) -> None:
    served.pull("truncate")
    with pytest.raises(http.client.IncompleteRead):
        served.ask("GET", "/fhir/metadata")


def test_a_delay_is_waited(served: Served) -> None:
    served.pull("delay?seconds=0.2")
    began = time.monotonic()
    assert served.ask("GET", "/fhir/metadata")[0] == 200
    assert time.monotonic() - began >= 0.2


def test_a_lost_claim_was_applied(served: Served) -> None:
    task = served.task("rt-1-001")
    served.pull("lose-answer?of=writes")
    claimed = {**task, "status": "in-progress", "owner": {"reference": "Practitioner/reader"}}
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("PUT", "/fhir/Task/rt-1-001", json.dumps(claimed).encode(), {"If-Match": 'W/"1"'})
    with pytest.raises(BROKEN):
        connection.getresponse()
    connection.close()
    assert served.task("rt-1-001")["meta"]["versionId"] == "2"


def test_levers_stand_as_they_were_turned(served: Served) -> None:
    served.pull("status?code=403&count=3")
    served.pull("archive-dies?after=5")
    state = json.loads(served.ask("GET", "/_demo")[2])
    assert (state["planned"], state["archive_dies_after"], state["line"]) == (3, 5, "up")
    served.pull("mend")
    assert json.loads(served.ask("GET", "/_demo")[2])["planned"] == 0


@pytest.mark.parametrize(
    ("lever", "status"),
    [("nonsense", 404), ("cancel/absent", 404), ("delay?seconds=x", 400), ("cancel", 400)],
)
def test_a_wrong_lever_is_told(served: Served, lever: str, status: int) -> None:
    assert served.ask("POST", f"/_demo/{lever}")[0] == status


@pytest.fixture
def events(tmp_path: Path) -> Iterator[tuple[Served, HubEvents]]:
    with DemoServer(tmp_path / "demo", cases=3) as server:
        yield Served(server), server.events


def test_others_can_cancel_reassign_release_and_report(events: tuple[Served, HubEvents]) -> None:
    served, hub = events
    hub.reassign("rt-1-003")
    assert served.task()["owner"]["reference"] == "Practitioner/reader-2"
    hub.release("rt-1-003")
    assert (served.task()["status"], served.task().get("owner")) == ("requested", None)
    hub.cancel("rt-1-003")
    assert served.task()["status"] == "cancelled"
    report = hub.report("rt-1-001")
    body = json.loads(served.ask("GET", f"/fhir/DiagnosticReport/{report}")[2])
    assert body["status"] == "final"
    assert served.task("rt-1-001")["status"] == "completed"
    assert hub.forget(report)
    assert served.ask("GET", f"/fhir/DiagnosticReport/{report}")[0] == 404


def test_an_amended_order_names_the_other_side(events: tuple[Served, HubEvents]) -> None:
    served, hub = events
    before = served.task()
    hub.amend("rt-1-003")
    order = json.loads(served.ask("GET", "/fhir/ServiceRequest/sr-1-003")[2])
    assert order["bodySite"][0]["text"] == "Left hand"
    assert order["meta"]["versionId"] == "2"
    assert served.task() == before


def test_planned_answers_are_taken_once_and_in_order() -> None:
    faults = Faults()
    faults.answer(503, area="dicom-web")
    faults.answer(401)
    first, second = faults.take("fhir"), faults.take("dicom-web")
    assert first is not None
    assert second is not None
    assert (first.status, second.status) == (401, 503)
    assert faults.take("fhir") is None


# -- the page, and what others do -------------------------------------------------------------------


def page_of(served: Served, body: str, headers: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    try:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/_demo/form", body, {**kind, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_button_of_the_control_page_turns_its_lever(served: Served) -> None:
    own = {"Origin": f"http://127.0.0.1:{served.port}"}
    status, page = page_of(served, "lever=delay&word=0.01", own)
    assert (status, "delay: Done." in page) == (200, True)
    assert json.loads(served.ask("GET", "/_demo")[2])["delay"] == 0.01
    assert "no such case" in page_of(served, "lever=cancel&word=%3Cb%3E", own)[1]


def test_the_page_of_some_other_site_turns_no_lever(served: Served) -> None:
    other_page = {"Origin": "http://elsewhere.example"}
    assert page_of(served, "lever=delay&word=3", other_page)[0] == 403
    assert json.loads(served.ask("GET", "/_demo")[2])["delay"] == 0.0


def test_a_case_is_named_by_its_accession_number_too(served: Served) -> None:
    cases = json.loads(served.ask("GET", "/_demo/cases")[2])["cases"]
    named = next(one for one in cases if one["task"] == "rt-1-003")
    before = served.task()["meta"]["versionId"]
    served.pull(f"release/{named['accession']}")
    assert served.task()["meta"]["versionId"] != before


def test_a_refusal_meets_the_next_delivery_and_no_reading(served: Served) -> None:
    served.pull("refuse?code=422")
    assert served.ask("GET", "/fhir/Task/rt-1-003")[0] == 200
    assert served.ask("POST", "/fhir", {"resourceType": "Bundle", "type": "transaction"})[0] == 422
    assert served.ask("GET", "/_demo")[0] == 200


def test_a_hub_back_from_a_backup_has_nothing_of_what_came_later(tmp_path: Path) -> None:
    with DemoServer(tmp_path / "demo", cases=4) as server:
        before = server.store.edit("Task", "rt-1-003")
        server.events.cancel("rt-1-003")
        report = server.events.report("rt-1-001")
        later = server.store.read("Task", "rt-1-003")
        assert later is not None
        assert later.body["status"] == "cancelled"
        since = datetime.fromisoformat(before["meta"]["lastUpdated"])
        assert server.store.restore(since) >= 4
        assert server.store.edit("Task", "rt-1-003") == before
        assert server.store.read("DiagnosticReport", report) is None
