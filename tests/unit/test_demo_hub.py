"""The demo's hub, asked with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from teleread.demo.server import READER_ID, DemoAddresses, DemoServer, ready_document
from teleread.model.errors import TelereadError, UsageError

Document = dict[str, Any]


class Client:
    """One request a connection, over http.client."""

    def __init__(self, addresses: DemoAddresses) -> None:
        self.port = int(addresses.fhir.split(":")[2].split("/")[0])

    def ask(
        self, method: str, path: str, body: Document | bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = json.dumps(body).encode() if isinstance(body, dict) else body
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, data, {"Content-Type": "application/fhir+json", **named})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, path: str, query: list[tuple[str, str]] | None = None) -> Document:
        status, _, body = self.ask("GET", f"/fhir/{path}" + (f"?{urlencode(query)}" if query else ""))
        assert status == 200, body
        return dict(json.loads(body))

    def send(self, bundle: Document) -> tuple[int, Document]:
        status, _, body = self.ask("POST", "/fhir", bundle)
        return status, json.loads(body)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoServer]:
    with DemoServer(tmp_path / "demo", cases=6) as server:
        yield server


@pytest.fixture
def client(demo: DemoServer) -> Client:
    port = demo.store.note("port HTTP")
    return Client(DemoAddresses(f"http://127.0.0.1:{port}/fhir", "", "", 0, "", ""))


def claimed(body: Document) -> Document:
    return {**body, "status": "in-progress", "owner": {"reference": f"Practitioner/{READER_ID}"}}


def report_bundle(task: Document, key: str) -> Document:
    """A report as a client delivers one: report, provenance and the task's end."""
    url = f"urn:uuid:{uuid.uuid4()}"
    report = {
        "resourceType": "DiagnosticReport",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{key}"}],
        "status": "final",
        "code": {"text": "XR Chest"},
        "subject": task["for"],
        "basedOn": task["basedOn"],
    }
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": url}],
        "recorded": "2026-01-01T00:00:00Z",
        "agent": [{"who": {"reference": f"Practitioner/{READER_ID}"}}],
    }
    condition = f"identifier=urn:ietf:rfc:3986|urn:uuid:{key}"
    done = {**task, "status": "completed"}
    version = task["meta"]["versionId"]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": url,
                "resource": report,
                "request": {"method": "POST", "url": "DiagnosticReport", "ifNoneExist": condition},
            },
            {"resource": provenance, "request": {"method": "POST", "url": "Provenance"}},
            {
                "resource": done,
                "request": {"method": "PUT", "url": f"Task/{task['id']}", "ifMatch": f'W/"{version}"'},
            },
        ],
    }


def by_key(client: Client, key: str) -> list[Document]:
    found = client.get("DiagnosticReport", [("identifier", f"urn:ietf:rfc:3986|urn:uuid:{key}")])
    return [entry["resource"] for entry in found.get("entry", [])]


def test_the_ready_document_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    with DemoServer(tmp_path / "demo", cases=1) as server:
        server.stop()
        document = ready_document(server.start())
    assert set(document) == {"schema", "fhir", "dicomweb", "ups_rs", "dimse", "mllp", "hub_dir"}
    assert document["ups_rs"].endswith("/ups-rs")
    assert set(document["dimse"]) == {"host", "port", "aet"}


def test_a_search_gives_open_tasks_with_what_hangs_on_them(client: Client) -> None:
    query = [
        ("status", "requested,in-progress"),
        ("owner:missing", "true"),
        ("_include", "Task:based-on"),
        ("_include", "Task:patient"),
        ("_include", "Task:focus"),
    ]
    bundle = client.get("Task", query)
    modes = [(entry["search"]["mode"], entry["resource"]["resourceType"]) for entry in bundle["entry"]]
    assert bundle["total"] == 6
    assert modes.count(("match", "Task")) == 6
    for kind in ("ServiceRequest", "Patient", "ImagingStudy"):
        assert modes.count(("include", kind)) == 6


def test_paging_by_links_gives_every_task_once(client: Client) -> None:
    bundle = client.get("Task", [("_count", "4"), ("_sort", "_lastUpdated")])
    seen = [entry["resource"]["id"] for entry in bundle["entry"]]
    link = {one["relation"]: one["url"] for one in bundle["link"]}["next"]
    bundle = client.get(link.partition("/fhir/")[2])
    seen += [entry["resource"]["id"] for entry in bundle["entry"]]
    assert sorted(seen) == sorted(set(seen)) == [f"rt-1-{number:03d}" for number in range(1, 7)]
    assert "next" not in {one["relation"] for one in bundle["link"]}


def test_a_window_by_last_updated_shows_what_changed_since(client: Client) -> None:
    task = client.get("Task/rt-1-003")
    since = task["meta"]["lastUpdated"]
    assert client.get("Task", [("_lastUpdated", f"gt{since}")])["total"] == 0
    client.ask("PUT", "/fhir/Task/rt-1-003", claimed(task), If_Match='W/"1"')
    changed = client.get("Task", [("_lastUpdated", f"gt{since}")])
    assert [entry["resource"]["id"] for entry in changed["entry"]] == ["rt-1-003"]


def test_an_unknown_parameter_is_told_beside_the_hits(client: Client) -> None:
    bundle = client.get("Patient", [("_id", "pt-1-001"), ("colour", "red")])
    assert bundle["total"] == 1
    assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["match", "outcome"]
    status, _, _ = client.ask("GET", "/fhir/Patient?colour=red", Prefer="handling=strict")
    assert status == 400


@pytest.mark.parametrize(
    ("path", "total"),
    [
        ("Task?priority=stat", 1),
        ("Task?patient=Patient/pt-1-001", 1),
        ("Task?owner=Practitioner/reader", 0),
        ("Task?patient.identifier=https://northgate.demo.example/id/hospital-number|N204417", 1),
        ("Task?authored-on=ge2020", 6),
        ("Task?authored-on=lt2020-05", 0),
        ("ServiceRequest?patient=pt-1-001", 2),
        ("DiagnosticReport?patient=pt-1-001&status=final", 1),
        ("ImagingStudy?basedon=ServiceRequest/sr-1-002", 1),
        ("Patient?family=okaf", 1),
        ("Task?_summary=count", 6),
        ("Task?status:not=requested", 0),
    ],
)
def test_searches_find_what_they_name(client: Client, path: str, total: int) -> None:
    assert client.get(path)["total"] == total


def test_of_two_who_claim_at_once_exactly_one_wins(client: Client) -> None:
    task = client.get("Task/rt-1-001")
    codes: list[int] = []
    gate = threading.Barrier(8)

    def claim() -> None:
        gate.wait(5)
        codes.append(client.ask("PUT", "/fhir/Task/rt-1-001", claimed(task), If_Match='W/"1"')[0])

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(codes) == [200] + [412] * 7
    assert client.get("Task/rt-1-001")["meta"]["versionId"] == "2"


def test_an_update_without_a_version_is_refused(client: Client) -> None:
    assert client.ask("PUT", "/fhir/Task/rt-1-001", claimed(client.get("Task/rt-1-001")))[0] == 412


def test_a_report_arrives_whole_with_its_references_resolved(client: Client) -> None:
    key = str(uuid.uuid4())
    status, answer = client.send(report_bundle(client.get("Task/rt-1-001"), key))
    assert status == 200
    codes = [entry["response"]["status"] for entry in answer["entry"]]
    assert codes == ["201 Created", "201 Created", "200 OK"]
    assert all({"location", "etag", "lastModified"} <= set(entry["response"]) for entry in answer["entry"])
    report = by_key(client, key)[0]
    provenance = client.get("Provenance", [("target", f"DiagnosticReport/{report['id']}")])
    assert provenance["total"] == 1
    assert client.get("Task/rt-1-001")["status"] == "completed"


def test_a_transaction_with_one_bad_entry_leaves_nothing(client: Client) -> None:
    task, key = client.get("Task/rt-1-001"), str(uuid.uuid4())
    bundle = report_bundle(task, key)
    bundle["entry"][2]["request"]["ifMatch"] = 'W/"9"'
    status, answer = client.send(bundle)
    assert status == 412
    assert answer["resourceType"] == "OperationOutcome"
    assert by_key(client, key) == []
    assert client.get("Task/rt-1-001") == task


def test_a_reference_into_nowhere_is_refused(client: Client) -> None:
    bundle = report_bundle(client.get("Task/rt-1-001"), str(uuid.uuid4()))
    bundle["entry"][1]["resource"]["target"] = [{"reference": f"urn:uuid:{uuid.uuid4()}"}]
    assert client.send(bundle)[0] == 422
    bundle["entry"][1]["resource"]["target"] = [{"reference": "DiagnosticReport/absent"}]
    assert client.send(bundle)[0] == 422


def test_a_form_with_a_wrong_hash_is_refused(client: Client) -> None:
    bundle = report_bundle(client.get("Task/rt-1-001"), str(uuid.uuid4()))
    bundle["entry"][0]["resource"]["presentedForm"] = [{"data": "aGVsbG8=", "hash": "AAAA"}]
    assert client.send(bundle)[0] == 422


def test_a_lost_answer_was_applied_and_its_repeat_makes_no_second_report(
    client: Client, demo: DemoServer
) -> None:
    key = str(uuid.uuid4())
    bundle = report_bundle(client.get("Task/rt-1-002"), key)
    demo.faults.lose_answers()
    with pytest.raises((http.client.BadStatusLine, ConnectionError)):
        client.send(bundle)
    assert len(by_key(client, key)) == 1
    assert client.send(bundle)[0] == 412
    assert len(by_key(client, key)) == 1


def test_a_conditional_create_gives_back_what_is_there(client: Client) -> None:
    key = str(uuid.uuid4())
    report = report_bundle(client.get("Task/rt-1-001"), key)["entry"][0]["resource"]
    condition = f"identifier=urn:ietf:rfc:3986|urn:uuid:{key}"
    first = client.ask("POST", "/fhir/DiagnosticReport", report, If_None_Exist=condition)
    second = client.ask("POST", "/fhir/DiagnosticReport", report, If_None_Exist=condition)
    assert (first[0], second[0]) == (201, 200)
    assert first[1]["etag"] == second[1]["etag"] == 'W/"1"'
    assert json.loads(first[2])["id"] == json.loads(second[2])["id"]


def test_old_versions_can_be_read(client: Client) -> None:
    client.ask("PUT", "/fhir/Task/rt-1-001", claimed(client.get("Task/rt-1-001")), If_Match='W/"1"')
    assert client.get("Task/rt-1-001/_history/1")["status"] == "requested"
    assert client.get("Task/rt-1-001/_history")["total"] == 2
    assert client.ask("GET", "/fhir/Task/rt-1-001", If_None_Match='W/"2"')[0] == 304


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/fhir/Task/absent", None, 404),
        ("GET", "/fhir/Observation", None, 404),
        ("DELETE", "/fhir/Task/rt-1-001", None, 405),
        ("POST", "/fhir", b"{", 400),
        ("POST", "/fhir", b"[" * 100_000, 400),
        ("POST", "/fhir", b'{"resourceType":"Bundle","type":"batch"}', 400),
        ("POST", "/fhir/Task", b'{"resourceType":"Task","status":"nonsense","intent":"order"}', 422),
        ("POST", "/fhir/Task", b'{"resourceType":"Patient"}', 400),
        ("GET", "/fhir/Task?_lastUpdated=geyesterday", None, 400),
        ("GET", "/nowhere", None, 404),
    ],
)
def test_a_refusal_is_an_operation_outcome(
    client: Client, method: str, path: str, body: bytes | None, status: int
) -> None:
    code, headers, answer = client.ask(method, path, body)
    assert code == status
    assert "date" in headers
    assert json.loads(answer)["resourceType"] == "OperationOutcome"


def test_a_body_over_the_limit_is_not_read(client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)
    connection.putrequest("POST", "/fhir")
    connection.putheader("Content-Length", str(10**10))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_what_was_answered_is_there_after_a_restart(tmp_path: Path) -> None:
    key = str(uuid.uuid4())
    with DemoServer(tmp_path / "demo", cases=3) as server:
        client = Client(DemoAddresses(f"http://x:{server.store.note('port HTTP')}/fhir", "", "", 0, "", ""))
        assert client.send(report_bundle(client.get("Task/rt-1-001"), key))[0] == 200
        port = client.port
    with DemoServer(tmp_path / "demo", cases=3) as server:
        assert server.store.note("port HTTP") == str(port)
        assert len(by_key(client, key)) == 1
        assert client.get("Task/rt-1-001")["meta"]["versionId"] == "2"
    with DemoServer(tmp_path / "demo", cases=3, reset=True, port=port):
        assert by_key(client, key) == []


def test_another_seed_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with DemoServer(tmp_path / "demo", cases=1):
        pass
    with pytest.raises(UsageError, match="--seed 1"):
        DemoServer(tmp_path / "demo", cases=1, seed=2).start()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(TelereadError, match="something else"):
        DemoServer(tmp_path, reset=True)
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_a_taken_port_is_told_in_words(tmp_path: Path) -> None:
    with DemoServer(tmp_path / "one", cases=1) as server:
        port = int(server.store.note("port HTTP") or 0)
        with pytest.raises(TelereadError, match="taken by another program"):
            DemoServer(tmp_path / "two", cases=1, port=port).start()


def test_an_untouched_demo_gets_new_due_times_after_standing_still(tmp_path: Path) -> None:
    with DemoServer(tmp_path / "demo", cases=2) as server:
        client = Client(DemoAddresses(f"http://x:{server.store.note('port HTTP')}/fhir", "", "", 0, "", ""))
        client.ask("PUT", "/fhir/Task/rt-1-001", claimed(client.get("Task/rt-1-001")), If_Match='W/"1"')
        kept, before = client.get("Task/rt-1-001"), client.get("Task/rt-1-002")
        server.store.keep("anchor", "2020-01-01T00:00:00+00:00")
    with DemoServer(tmp_path / "demo", cases=2):
        assert client.get("Task/rt-1-001") == kept
        after = client.get("Task/rt-1-002")
    assert after["meta"]["versionId"] == "2"
    assert after["restriction"]["period"]["end"] >= before["restriction"]["period"]["end"]


def test_a_thousand_cases_have_a_thousand_tasks(tmp_path: Path) -> None:
    with DemoServer(tmp_path / "demo", cases=1000) as server:
        client = Client(DemoAddresses(f"http://x:{server.store.note('port HTTP')}/fhir", "", "", 0, "", ""))
        assert client.get("Task", [("_summary", "count")])["total"] == 1000
        assert len(client.get("Task", [("_count", "500")])["entry"]) == 500
