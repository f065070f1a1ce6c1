"""The hub suite on UPS over DIMSE: the demo hub, and a double on pynetdicom in each way to be odd."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import pytest

from teleread.demo.exchange import Request
from teleread.demo.server import DemoServer
from teleread.demo.ups.dimse import PUSH
from teleread.host.clock import FakeClock
from teleread.hub.ups_dimse import UpsDimseHub
from teleread.hub.ups_store import DocumentStore
from teleread.model.errors import OfflineError, TelereadError
from teleread.model.hubfile import DimseAddress, HubFile
from teleread.wire.http import HttpClient
from tests.contract.hub_cases import submission
from tests.contract.hub_peers import edit
from tests.contract.test_hub_contract import (  # noqa: F401 - they run here, on this module's servers
    add,
    pulled,
    test_a_claim_makes_the_task_the_readers,
    test_a_claim_on_an_older_look_goes_through_while_the_task_is_free,
    test_a_claim_on_what_is_no_longer_free_is_lost,
    test_a_first_pull_leaves_out_what_ended_before,
    test_a_new_read_sees_a_changed_order_whose_task_did_not_change,
    test_a_pull_reads_every_page_once,
    test_a_study_that_only_names_its_order_is_found,
    test_nothing_is_found_where_nothing_is,
    test_of_two_readers_who_claim_at_once_one_wins,
    test_reading_what_is_not_there_says_gone,
    test_sending_the_same_again_gives_the_same_receipt_and_no_second_report,
    test_several_cases_are_looked_at_at_once_as_if_one_by_one,
    test_somebody_elses_task_cannot_be_given_back,
    test_the_next_pull_brings_what_changed_even_when_it_ended,
    test_what_the_hub_holds_of_several_reports_is_told_and_what_it_lost_is_not,
)
from tests.contract.test_hub_contract_ups import (  # noqa: F401
    test_a_later_version_is_stored_beside_the_first,
    test_a_note_is_at_the_hub_once_however_often_it_is_sent,
    test_a_pull_brings_the_task_with_order_patient_and_study,
    test_a_report_arrives_with_a_receipt_and_completes_the_workitem,
    test_a_report_on_a_task_that_was_taken_away_is_not_sent,
    test_a_report_that_ends_nobodys_reading_leaves_the_workitem,
    test_a_workitem_without_a_patient_is_skipped_in_words_and_the_rest_is_good,
    test_an_addendum_goes_although_the_hub_has_let_go_of_the_workitem,
    test_another_machine_of_the_reader_sees_the_case_as_held_elsewhere,
    test_another_text_under_the_same_number_is_told_and_not_overwritten,
    test_being_asked_to_cancel_shows_the_order_as_revoked_until_it_is_answered,
    test_giving_back_cancels_with_a_reason_and_the_hub_offers_the_case_anew,
    test_priors_are_the_patients_other_studies_in_the_archive,
    test_the_transaction_uid_is_kept_before_it_is_sent_and_found_again_after_a_crash,
    test_what_is_not_ready_or_kept_for_another_is_not_claimed,
    test_what_somebody_else_completed_is_told_with_its_words,
)
from tests.contract.ups_dimse_double import DimseQuirks, UpsDimseDouble
from tests.contract.ups_double import BASE, Keys, UpsPeer
from tests.ports import free_port

WAYS = {
    "odd": DimseQuirks(
        no_charset=True,
        lean=True,
        no_ranges=True,
        no_zone=True,
        plain_failure=True,
        options={"charset": "ISO_IR 192", "timezone": "UTC", "events": False},
    ),
}


class Archive(httpx.BaseTransport):
    """The double's archive, by DICOMweb without a line."""

    def __init__(self, double: UpsDimseDouble) -> None:
        self._double = double

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _, *rest = [unquote(part) for part in request.url.path.strip("/").split("/")]
        query = parse_qsl(request.url.query.decode(), keep_blank_values=True)
        head = {name.lower(): value for name, value in request.headers.items()}
        reply = self._double.archive.handle(
            Request(request.method, tuple(rest), query, head, request.read(), f"{BASE}/dicom-web")
        )
        body = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
        return httpx.Response(reply.status, headers=reply.headers, stream=httpx.ByteStream(body))


def _peer(double: UpsDimseDouble) -> UpsPeer:
    """The double, as the suites see a server."""
    clock = FakeClock(datetime.now(UTC))

    def make(file: HubFile, keys: Keys) -> UpsDimseHub:
        http = HttpClient(file, None, base=file.dicomweb, what="archive", transport=Archive(double))
        return UpsDimseHub(file, None, clock, memory=keys, documents=DocumentStore(http))

    file = {"ups": double.address, "dicomweb": f"{BASE}/dicom-web", "ups_options": double.quirks.options}
    return UpsPeer(double.store, double.archive.handle, make, file)


@pytest.fixture(scope="module", params=["demo", *WAYS])
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpsPeer]:
    folder: Path = tmp_path_factory.mktemp("ups")
    name = str(request.param)
    if name != "demo":
        with UpsDimseDouble(folder, WAYS[name]) as double:
            yield _peer(double)
        return
    with DemoServer(folder, cases=1) as server:
        here = DimseAddress("TELEDEMO", "127.0.0.1", int(str(server.store.note("port DIMSE"))))
        file = {"ups": here, "dimse": here}
        yield UpsPeer(
            server.store,
            server.archive,
            lambda hub, keys: UpsDimseHub(hub, memory=keys),
            file,
        )


@pytest.fixture
def hub(peer: UpsPeer) -> Iterator[UpsDimseHub]:
    one: Any = peer.hub()
    yield one
    one.close()


def test_a_look_tells_what_it_speaks_and_that_it_has_no_clock(hub: UpsDimseHub) -> None:
    health = hub.health()
    assert (health.capabilities.protocol, health.offset_seconds) == ("UPS over DIMSE", None)
    assert not health.capabilities.if_match


# -- on a double of its own ----------------------------------------------------------------------------


@pytest.fixture
def double(tmp_path: Path) -> Iterator[UpsDimseDouble]:
    with UpsDimseDouble(tmp_path) as one:
        yield one


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(TelereadError) as caught:
        act()
    return caught.value.code


def kept(peer: UpsPeer, task: str) -> dict[str, str]:
    (value,) = [one for name, one in peer.keys().kept.items() if name[1] == f"ups-claim:{task}"]
    found: dict[str, str] = json.loads(value)
    return found


def test_every_request_names_push_as_its_class(double: UpsDimseDouble) -> None:
    peer = _peer(double)
    hub = peer.hub()
    context = hub.claim(hub.read(add(peer)[1]))
    hub.submit(submission(context))
    assert {kind for kind, _ in double.asked} == {"N-GET", "N-SET", "N-ACTION"}
    assert {sop_class for _, sop_class in double.asked} == {PUSH}


@pytest.mark.parametrize("fault", ["lose", "drop", "fail"])
def test_a_claim_whose_answer_was_lost_is_asked_about_and_held_once(
    double: UpsDimseDouble, fault: str
) -> None:
    peer = _peer(double)
    hub = peer.hub()
    _, key = add(peer)
    seen = hub.read(key)
    double.faults.append(fault)
    assert hub.claim(seen).task.owner == "Practitioner/reader"
    assert kept(peer, key.task_id)["state"] == "held"
    receipt = hub.submit(submission(hub.read(key)))
    assert receipt.task_status == "completed"


def test_a_claim_that_was_sent_just_before_a_crash_is_found_again(double: UpsDimseDouble) -> None:
    peer = _peer(double)
    hub = peer.hub()
    _, key = add(peer)
    seen = hub.read(key)

    class CrashError(BaseException):
        """The machine goes off."""

    def crash() -> None:
        raise CrashError

    wire: Any = hub.wire
    whole = wire.change_state
    told: list[str] = []

    def change(uid: str, state: str, transaction: str) -> bool:
        told.append(transaction)
        assert kept(peer, uid) == {**kept(peer, uid), "transaction": transaction, "state": "wanted"}
        whole(uid, state, transaction)
        crash()
        return True

    wire.change_state = change
    with pytest.raises(CrashError):
        hub.claim(seen)
    later = peer.hub()
    assert later.claim(later.read(key)).task.owner == "Practitioner/reader"
    assert kept(peer, key.task_id)["transaction"] == told[0]


@pytest.mark.parametrize("fault", ["lose", "drop"])
@pytest.mark.parametrize("at", [0, 1])
def test_an_end_whose_answer_was_lost_is_asked_about_and_ends_once(
    double: UpsDimseDouble, fault: str, at: int
) -> None:
    peer = _peer(double)
    hub = peer.hub()
    number, key = add(peer)
    sent = submission(hub.claim(hub.read(key)))
    double.faults.extend([*[""] * at, fault])
    try:
        receipt = hub.submit(sent)
    except OfflineError:  # it may have been applied: the same again is no second report
        receipt = hub.submit(sent)
    assert (receipt.task_status, receipt.sha256) == ("completed", sent.sha256)
    assert len(peer.reports(f"p-c{number}")) == 1
    assert hub.read(key).task.status == "completed"


def test_a_success_that_is_none_is_not_taken_for_one(double: UpsDimseDouble) -> None:
    peer = _peer(double)
    hub = peer.hub()
    _, key = add(peer)
    seen = hub.read(key)
    double.faults.append("slow-lie")
    assert code_of(lambda: hub.claim(seen)) in {"claim-lost", "unknown"}
    assert peer.get("Task", key.task_id)["status"] == "requested"


def test_a_task_that_is_taken_between_the_look_and_the_claim_is_lost(double: UpsDimseDouble) -> None:
    peer = _peer(double)
    hub = peer.hub()
    _, key = add(peer)
    seen = hub.read(key)
    double.before_write.append(
        lambda: edit(
            peer,
            "Task",
            key.task_id,
            status="in-progress",
            owner={"reference": "Practitioner/x", "display": "Dr X"},
        )
    )
    assert code_of(lambda: hub.claim(seen)) == "claim-lost"
    assert kept(peer, key.task_id)["state"] == "lost"


def test_a_hub_that_offers_pull_alone_takes_claims_and_refuses_requests_to_cancel(tmp_path: Path) -> None:
    with UpsDimseDouble(tmp_path, DimseQuirks(pull_only=True)) as double:
        peer = _peer(double)
        hub = peer.hub()
        _, key = add(peer)
        assert hub.claim(hub.read(key)).task.status == "in-progress"
        assert code_of(lambda: hub.ask_to_cancel(key, "110510", "Twice")) == "not-offered"


def test_a_request_to_cancel_ends_what_nobody_holds(double: UpsDimseDouble) -> None:
    peer = _peer(double)
    hub = peer.hub()
    _, key = add(peer)
    hub.ask_to_cancel(key, "110510", "Twice")
    assert hub.read(key).task.status == "cancelled"
    assert code_of(lambda: hub.ask_to_cancel(key, "110510", "Twice")) == "refused"


def test_events_are_heard_where_the_hub_can_reach_us_and_a_request_to_cancel_is_kept(
    double: UpsDimseDouble,
) -> None:
    port = free_port()
    double.quirks.options = {"listen": port}
    peer = _peer(double)
    hub, other = peer.hub(), peer.hub("other")
    _, key = add(peer)
    hub.claim(hub.read(key))
    stop, heard = threading.Event(), threading.Semaphore(0)
    assert not hub.listen(stop, heard.release)  # the hub does not know where we are
    double.destinations["TELEREAD"] = ("127.0.0.1", port)
    ended: list[bool] = []
    listener: Any = peer.hub()
    thread = threading.Thread(target=lambda: ended.append(listener.listen(stop, heard.release)), daemon=True)
    thread.start()
    assert heard.acquire(timeout=60)  # it is open
    other.ask_to_cancel(key, "110510", "Twice")
    assert heard.acquire(timeout=60)
    deadline = 600
    while not hub.memory.asked_to_cancel(key.task_id) and deadline:
        assert heard.acquire(timeout=60)
        deadline -= 1
    assert hub.read(key).order.status == "revoked"
    stop.set()
    thread.join(30)
    assert ended == [True]


def test_without_a_port_of_ours_the_hub_is_asked_every_so_often(double: UpsDimseDouble) -> None:
    hub = _peer(double).hub()
    assert not hub.listen(threading.Event(), lambda: None)


def test_answers_that_make_no_sense_cost_themselves_alone(double: UpsDimseDouble) -> None:
    peer = _peer(double)
    hub: Any = peer.hub()
    _, good = add(peer)
    found = pulled(hub)[0]
    assert good.task_id in found
    assert code_of(lambda: hub.wire.read("not a uid")) == "gone"
    assert code_of(lambda: hub.wire.read("1.2.3.4.5")) == "gone"


def test_a_hub_that_is_not_there_is_off_line_and_nothing_is_unknown() -> None:
    nowhere = DimseAddress("X", "127.0.0.1", 1)
    hub = UpsDimseHub(HubFile("hub-1", "TEST", ups=nowhere, dimse=nowhere), memory=Keys())
    with pytest.raises(OfflineError, match="hub TEST") as caught:
        list(hub.pull(""))
    assert caught.value.code != "unknown"
