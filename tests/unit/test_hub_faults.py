"""Claiming, returning and submitting when the line or the server is odd."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from teleread.hub.fhir import FhirHub
from teleread.hub.fhir_wire import FhirWire
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.task import TaskKey
from tests.contract.hub_cases import case, new_id, submission
from tests.contract.hub_fake import FakeHub, Quirks
from tests.contract.hub_peers import FakePeer

KEY = TaskKey("hub-1", "t-c1")


def made(**quirks: Any) -> tuple[FakeHub, FhirHub]:
    server = FakeHub(quirks=Quirks(**quirks))
    for resource in case(1):
        server.put(resource)
    return server, FakePeer(server).hub()


def other_takes_it(server: FakeHub) -> None:
    server.edit("Task", "t-c1", owner={"reference": "Practitioner/other"}, status="in-progress")


def code(call: Callable[[], object]) -> str:
    with pytest.raises(TelereadError) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("fault", ["lose", "500-done", "cut"])
def test_a_claim_whose_answer_was_lost_is_looked_at_and_counts(fault: str) -> None:
    server, hub = made()
    context = hub.read(KEY)
    server.only_writes = True
    server.faults.append(fault)
    assert hub.claim(context).task.owner == "Practitioner/reader"
    assert sum(one.startswith("PUT") for one in server.asked) == 1


@pytest.mark.parametrize("fault", ["drop", "500"])
def test_a_claim_that_did_not_arrive_is_made_again(fault: str) -> None:
    server, hub = made()
    context = hub.read(KEY)
    server.only_writes = True
    server.faults.append(fault)
    assert hub.claim(context).task.status == "in-progress"


def test_a_claim_whose_fate_cannot_be_asked_is_unknown() -> None:
    server, hub = made()
    context = hub.read(KEY)
    server.faults.extend(["-", "lose", *["offline"] * 6])
    assert code(lambda: hub.claim(context)) == "unknown"
    server.faults.clear()
    assert hub.claim(context).task.owner == "Practitioner/reader"


def test_somebody_quicker_wins_and_is_not_overwritten() -> None:
    server, hub = made()
    context = hub.read(KEY)
    server.before_write.append(other_takes_it)
    assert code(lambda: hub.claim(context)) == "claim-lost"
    assert server.get("Task", "t-c1")["owner"]["reference"] == "Practitioner/other"


def test_a_server_that_compares_no_versions_is_read_back_before_a_claim_counts() -> None:
    server, hub = made(compares=False)
    context = hub.read(KEY)
    real = server.handle_request

    def overwritten(request: Any) -> Any:
        answer = real(request)
        if request.method == "PUT":
            other_takes_it(server)
        return answer

    server.handle_request = overwritten  # type: ignore[method-assign]
    assert code(lambda: hub.claim(context)) == "claim-lost"


def test_a_server_without_any_versions_can_still_be_worked_with() -> None:
    server, hub = made(compares=False, etags=False, meta_versions=False)
    claimed = hub.claim(hub.read(KEY))
    assert (claimed.task.version, claimed.task.owner) == ("", "Practitioner/reader")
    sent = submission(claimed)
    receipt = hub.submit(sent)
    assert (receipt.version, receipt.sha256) == ("", sent.sha256)
    assert len(server.all("DiagnosticReport")) == 1


def test_versions_are_taken_from_the_etag_where_meta_tells_none() -> None:
    _, hub = made(meta_versions=False)
    assert hub.read(KEY).versions.task == "1"


def test_without_time_stamps_the_cursor_is_the_servers_own_clock_with_a_distance() -> None:
    server, hub = made(last_updated=False)
    (page,) = list(hub.pull(""))
    assert page.cursor.startswith(f"{server.now - timedelta(hours=2):%Y-%m-%dT%H:%M}")


def test_one_time_stamp_from_the_future_does_not_hide_everything_until_then() -> None:
    server, hub = made()
    server.store["Task", "t-c1"]["meta"]["lastUpdated"] = "2099-01-01T00:00:00+00:00"
    (page,) = list(hub.pull(""))
    assert page.cursor < "2026-11-24T05"


def test_the_reader_has_to_be_known_before_a_claim() -> None:
    server = FakeHub()
    for resource in case(1):
        server.put(resource)
    hub = FakePeer(server).hub("")
    assert code(lambda: hub.claim(hub.read(KEY))) == "no-reader"


def test_a_reader_may_be_a_logical_reference() -> None:
    server, _ = made()
    hub = FakePeer(server).hub("https://gmc.example|7654321")
    claimed = hub.claim(hub.read(KEY))
    assert claimed.task.owner == "https://gmc.example|7654321"
    assert server.get("Task", "t-c1")["owner"]["identifier"]["value"] == "7654321"
    assert hub.claim(claimed).task.version == claimed.task.version


def test_giving_back_survives_a_lost_answer() -> None:
    server, hub = made()
    claimed = hub.claim(hub.read(KEY))
    server.only_writes = True
    server.faults.append("lose")
    assert hub.give_back(claimed, "110513", "Unspecified").task.status == "requested"


@pytest.mark.parametrize("fault", ["lose", "500-done", "cut"])
def test_a_report_whose_answer_was_lost_is_found_at_once(fault: str) -> None:
    server, hub = made()
    sent = submission(hub.claim(hub.read(KEY)))
    server.only_writes = True
    server.faults.append(fault)
    assert hub.submit(sent).sha256 == sent.sha256
    assert len(server.all("DiagnosticReport")) == 1


@pytest.mark.parametrize("fault", ["drop", "500"])
def test_a_report_that_was_not_applied_is_unknown_and_not_repeated_by_the_hub_itself(fault: str) -> None:
    server, hub = made()
    sent = submission(hub.claim(hub.read(KEY)))
    server.only_writes = True
    server.faults.append(fault)
    assert code(lambda: hub.submit(sent)) == "unknown"
    assert sum(one.startswith("POST") for one in server.asked) == 1
    assert hub.submit(sent).sha256 == sent.sha256


def test_a_report_taken_but_not_shown_is_unknown() -> None:
    server, hub = made(show_location=False)
    sent = submission(hub.claim(hub.read(KEY)))
    server.faults.extend(["-", *["offline"] * 4])
    assert code(lambda: hub.submit(sent)) == "unknown"
    server.faults.clear()
    assert hub.submit(sent).sha256 == sent.sha256


def test_a_form_the_hub_does_not_take_is_refused_before_anything_is_sent() -> None:
    from dataclasses import replace

    server, hub = made()
    sent = replace(submission(hub.claim(hub.read(KEY))), form="hl7v2")
    before = len(server.asked)
    assert code(lambda: hub.submit(sent)) == "refused"
    assert len(server.asked) == before


def test_one_report_held_twice_is_told_and_nothing_more_is_sent() -> None:
    server, hub = made()
    sent = submission(hub.claim(hub.read(KEY)))
    receipt = hub.submit(sent)
    double = dict(server.get("DiagnosticReport", receipt.id.split("/")[1]))
    server.put({**double, "id": "double"})
    assert code(lambda: hub.find(sent.report_id, sent.key)) == "doubled"


def test_a_server_that_ignores_the_identifier_finds_nothing_of_ours() -> None:
    server, hub = made()
    hub.submit(submission(hub.claim(hub.read(KEY))))
    real = server._search
    server._search = lambda kind, params: real(  # type: ignore[method-assign]
        kind, [one for one in params if one[0] != "identifier"]
    )
    assert hub.find(new_id(), new_id()) is None


@pytest.mark.parametrize("ident", ["..", ".", "", "x" * 200])
def test_an_id_that_could_leave_its_place_in_an_address_is_never_asked_for(ident: str) -> None:
    server, hub = made()
    before = len(server.asked)
    with pytest.raises(AttentionError):
        hub.read(TaskKey("hub-1", ident))
    assert len(server.asked) == before


def test_an_id_with_signs_is_asked_for_as_one_name() -> None:
    assert FhirWire(None).path("Task", "a/../b?c") == "Task/a%2F..%2Fb%3Fc"  # type: ignore[arg-type]


def test_an_answer_about_something_else_is_garbled() -> None:
    server, hub = made()
    server.store["Task", "t-c1"] = {**server.get("Task", "t-c1"), "id": "t-other"}
    assert code(lambda: hub.read(KEY)) == "garbled"


def test_a_web_page_instead_of_a_hub_is_told_as_such() -> None:
    server, hub = made()
    server._metadata = lambda: {"resourceType": "Patient"}  # type: ignore[method-assign]
    with pytest.raises(OfflineError) as caught:
        hub.health()
    assert caught.value.code == "garbled"


def test_a_server_with_fewer_searches_still_gives_its_tasks() -> None:
    server, hub = made(includes=False, id_search=False)
    server.edit("Task", "t-c1", focus=None)
    real = server._search

    def poorer(kind: str, params: list[tuple[str, str]]) -> Any:
        if kind == "ImagingStudy":
            from tests.contract.hub_fake import _Refusal

            raise _Refusal(400, "no such search")
        return real(kind, params)

    server._search = poorer  # type: ignore[method-assign]
    (page,) = list(hub.pull(""))
    assert page.contexts[0].patient.name == "Testwell^Ada^Bea"
    assert page.contexts[0].study is None
