"""The demo's HL7 side: orders it tells, results it files, and each way it can be told to answer."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from teleread.demo.mllp import ANSWERS
from teleread.demo.server import DemoServer
from teleread.host.clock import SystemClock
from teleread.hub.hl7 import Hl7Hub
from teleread.model.addresses import parse_mllp
from teleread.model.errors import TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskContext, TaskKey
from tests.contract.hl7_world import sent, taking
from tests.contract.ups_double import Keys
from tests.ports import free_port
from tests.unit import signing_cases as made


class Place:
    """A running demo and a desk's memory."""

    def __init__(self, server: DemoServer) -> None:
        self.server = server
        self.keys = Keys()
        port = server.store.note("port MLLP")
        self.file = HubFile("hub-1", "demo", hl7=parse_mllp(f"127.0.0.1:{port}"), reader_id="reader")

    def hub(self, **more: Any) -> Hl7Hub:
        return Hl7Hub(replace(self.file, **more), None, SystemClock(), memory=self.keys)

    def pull(self, lever: str) -> tuple[int, dict[str, Any]]:
        """A lever's answer."""
        port = int(self.server.store.note("port HTTP") or 0)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("POST", f"/_demo/{lever}")
            answer = connection.getresponse()
            return answer.status, dict(json.loads(answer.read()))
        finally:
            connection.close()

    @contextmanager
    def desk(self) -> Iterator[int]:
        """A desk that listens; its port."""
        port = free_port()
        with taking(self.hub(hl7_listen=parse_mllp(str(port), listening=True))):
            yield port

    def case(self, number: int = 0) -> tuple[str, str]:
        """(task id, accession number) of a case nobody has."""
        found = [one for one in self.server.events.cases() if one["state"] == "requested"]
        return found[number]["task"], found[number]["accession"]

    def claimed(self, number: int = 0) -> TaskContext:
        """A case told by HL7 and claimed."""
        task, accession = self.case(number)
        with self.desk() as port:
            assert self.pull(f"hl7-tell/{task}?port={port}") == (200, {"done": "hl7-tell", "answers": ["AA"]})
        hub = self.hub()
        return hub.claim(hub.read(TaskKey("hub-1", accession)))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with DemoServer(tmp_path / "demo", cases=4) as server:
        yield Place(server)


def report_on(context: TaskContext) -> Any:
    """A signed report, as it is sent."""
    return sent(context, made.signed(made.case(context=context, draft=made.draft(context))))


def test_an_order_is_told_and_its_report_filed_once_and_the_hubs_own_list_shows_it(place: Place) -> None:
    context = place.claimed()
    task, accession = place.case()
    assert (context.order.accession, context.study is not None) == (accession, True)
    reference = str(place.server.store.edit("Task", task)["for"]["reference"])
    fhir = place.server.store.edit("Patient", reference.partition("/")[2])
    assert context.patient.birth_date == fhir["birthDate"]
    assert context.patient.name.startswith(fhir["name"][0]["family"])
    one = report_on(context)
    place.hub().submit(one)
    place.keys = Keys()  # forgotten here, and sent again
    place.hub()._results.submit(one)
    order = str(place.server.store.edit("Task", task)["basedOn"][0]["reference"])
    (report,) = [
        each.body
        for each in place.server.store.all("DiagnosticReport")
        if each.body.get("basedOn") == [{"reference": order}]
    ]
    assert report["status"] == "final"
    assert "Signature" in report["conclusion"]
    assert place.server.store.edit("Task", task)["status"] == "completed"


def test_what_becomes_of_a_case_is_told_as_its_messages(place: Place) -> None:
    context = place.claimed()
    task, _ = place.case()
    with place.desk() as port:
        place.server.events.amend(task)
        assert place.pull(f"hl7-tell/{task}?port={port}")[1]["answers"] == ["AA"]
        amended = place.hub().read(context.key)
        assert amended.order.question == "Amended: the other side is meant."
        place.server.events.merge(task)
        assert place.pull(f"hl7-tell/{task}?port={port}")[1]["answers"] == ["AA", "AA"]
        merged = place.hub().read(context.key)
        assert merged.patient.id != context.patient.id
        assert {one.value for one in context.patient.identifiers} <= {
            one.value for one in merged.patient.identifiers
        }
        place.server.events.cancel(task)
        place.pull(f"hl7-tell/{task}?port={port}")
        assert place.hub().read(context.key).task.status == "cancelled"


@pytest.mark.parametrize("answer", ANSWERS)
def test_each_answer_it_is_told_to_give_means_what_it_says(place: Place, answer: str) -> None:
    context = place.claimed()
    one = report_on(context)
    assert place.pull(f"hl7?answer={answer}&count=1")[0] == 200
    hub = place.hub()
    code = ""
    try:
        hub.submit(one)
    except TelereadError as problem:
        code = problem.code
    wanted = {"AE": "refused", "CE": "refused", "AR": "rejected", "CR": "rejected", "twice": ""}
    assert code == wanted.get(answer, "unknown")
    hub.submit(one)
    key = one.key.replace("-", "")[-20:]
    filed = [each.body for each in place.server.store.all("DiagnosticReport") if key in json.dumps(each.body)]
    assert len(filed) == 1
    assert len([each for each in filed[0]["identifier"] if each["value"] == key]) == 1


def test_a_lever_that_cannot_be_pulled_says_so(place: Place) -> None:
    task, _ = place.case()
    assert place.pull("hl7?answer=maybe")[0] == 400
    assert place.pull(f"hl7-tell/{task}?port={free_port()}")[0] == 400
    assert place.pull("hl7-tell/nothing?port=1")[0] == 404


def test_a_lost_answer_and_a_cut_line_leave_one_report(place: Place) -> None:
    one = report_on(place.claimed())
    place.server.faults.lose_answers(1)
    with pytest.raises(TelereadError) as caught:
        place.hub().submit(one)
    assert caught.value.code == "unknown"
    place.server.cut_line()
    with pytest.raises(TelereadError):
        place.hub().submit(one)
    place.server.mend_line()
    place.hub().submit(one)
    key = one.key.replace("-", "")[-20:]
    assert sum(key in json.dumps(each.body) for each in place.server.store.all("DiagnosticReport")) == 1
