"""The hub suite on a Modality Worklist: wlmscpfs with and without a character set, Orthanc, the demo."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from teleread.demo.server import DemoServer
from teleread.hub.mwl import MwlHub
from teleread.model.errors import OfflineError, TelereadError, UsageError
from teleread.model.hubfile import DimseAddress, HubFile
from teleread.model.task import TaskContext, TaskKey
from tests.contract.hub_cases import new_id
from tests.contract.mwl_peers import PEERS, TODAY, ListPeer, demo_archive
from tests.contract.ups_cases import documents
from tests.contract.ups_double import Keys

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    with demo_archive(tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture(scope="module", params=list(PEERS))
def peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, archive: DemoServer
) -> Iterator[ListPeer]:
    with PEERS[request.param](tmp_path_factory.mktemp("mwl")) as one:
        base = f"http://127.0.0.1:{archive.store.note('port HTTP')}"
        one.ways = one.ways or {"dicomweb": f"{base}/dicom-web"}
        yield one


@pytest.fixture
def hub(peer: ListPeer) -> Iterator[MwlHub]:
    one = peer.hub()
    yield one
    one.close()


def pulled(hub: MwlHub, cursor: str = "") -> tuple[dict[str, TaskContext], str, list[str]]:
    pages = list(hub.pull(cursor))
    assert [page.last for page in pages] == [*[False] * (len(pages) - 1), True]
    found = {one.key.task_id: one for page in pages for one in page.contexts}
    return found, pages[-1].cursor, [words for page in pages for words in page.skipped]


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(TelereadError) as caught:
        act()
    return caught.value.code


def key_of(task: str) -> TaskKey:
    return TaskKey("hub-1", task)


def sent(context: TaskContext, text: str = "No fracture.", **more: Any) -> Any:
    given: dict[str, Any] = {"report_id": new_id(), "key": new_id(), "version": 1, "before": None, **more}
    return documents(context, text=text, **given)


def test_a_look_tells_that_it_answers_and_that_it_knows_no_claims(hub: MwlHub) -> None:
    health = hub.health()
    assert (health.capabilities.protocol, health.capabilities.claim) == ("MWL", False)
    assert health.offset_seconds is None


def test_an_order_comes_with_patient_and_study_in_its_own_letters(peer: ListPeer, hub: MwlHub) -> None:
    number = next(_numbers)
    found, _, skipped = pulled(hub) if peer.put(number) else ({}, "", [])
    context = found[f"ACC{number:05}.RP{number}"]
    assert (context.task.status, context.task.owner, context.task.priority) == ("requested", "", "stat")
    assert (context.order.accession, context.order.procedure) == (f"ACC{number:05}", "CT Abdomen")
    assert context.order.question == "Appendicitis?"
    assert context.patient.name == "Müller^Zoë"
    assert (context.patient.birth_date, context.patient.sex) == ("1970-01-02", "F")
    assert context.patient.primary is not None
    assert (context.patient.primary.value, context.patient.primary.issuer) == (f"N{number:06}", "NORTH")
    if peer.tells_other_ids:
        assert context.patient.nhs is not None
        assert context.patient.nhs.value == f"999{number:07}"
    assert context.study is not None
    assert (context.study.study_uid, context.study.modality) == (
        f"1.2.826.0.1.3680043.8.498.77.{number}",
        "CT",
    )
    assert context.study.started == datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    assert all((context.versions.task, context.versions.order, context.versions.patient))
    assert not [one for one in skipped if "character set" in one]
    assert hub.read(context.key).versions == context.versions


def test_an_amended_order_and_an_amended_patient_move_their_own_version(peer: ListPeer, hub: MwlHub) -> None:
    number = next(_numbers)
    task = peer.put(number)
    before = pulled(hub)[0][task]
    peer.put(number, RequestedProcedureDescription="CT Head")
    ordered = hub.read(before.key)
    moved = before.versions.changed(ordered.versions)
    assert "order" in moved
    assert "patient" not in moved
    assert ordered.order.procedure == "CT Head"
    peer.put(number, RequestedProcedureDescription="CT Head", PatientBirthDate="19710102")
    person = hub.read(before.key)
    assert ordered.versions.changed(person.versions) == ("patient",)
    assert pulled(hub, "later")[0][task].patient.birth_date == "1971-01-02"


def test_an_order_that_left_the_list_is_told_as_cancelled_and_is_back_when_it_is(
    peer: ListPeer, hub: MwlHub
) -> None:
    number = next(_numbers)
    task = peer.put(number)
    cursor = pulled(hub)[1]
    peer.remove(number)
    peer.clock.advance(60)
    gone, later, _ = pulled(hub, cursor)
    assert gone[task].task.status == "cancelled"
    assert "no longer shows" in gone[task].raw["task"]["statusReason"]["text"]
    assert hub.read(key_of(task)).task.status == "cancelled"
    assert code_of(lambda: hub.claim(gone[task])) == "claim-lost"
    peer.clock.advance(3600)
    assert task not in pulled(hub, later)[0] or pulled(hub, later)[0][task].task.status == "cancelled"
    assert task not in pulled(hub)[0]
    peer.put(number)
    assert pulled(hub, later)[0][task].task.status == "requested"
    assert hub.read(key_of(task)).task.status == "requested"


def test_a_step_that_was_called_off_calls_its_order_off(peer: ListPeer, hub: MwlHub) -> None:
    number = next(_numbers)
    task = peer.put(number, step_ScheduledProcedureStepStatus="DISCONTINUED")
    found, cursor, _ = pulled(hub)
    assert task not in found  # it ended before the first pull
    status = pulled(hub, cursor)[0][task].task.status
    assert status in {"cancelled", "requested"}  # some lists do not tell the status of a step
    peer.remove(number)


def test_a_claim_is_noted_here_alone_and_said_so(peer: ListPeer, hub: MwlHub) -> None:
    task = peer.put(next(_numbers))
    claimed = hub.claim(pulled(hub)[0][task])
    assert (claimed.task.status, claimed.task.owner) == ("in-progress", "Practitioner/reader")
    assert "this machine alone" in claimed.raw["task"]["statusReason"]["text"]
    assert hub.claim(claimed).task.version == claimed.task.version
    assert pulled(hub, "x")[0][task].task.owner == "Practitioner/reader"
    other = peer.hub("other")
    assert pulled(other)[0][task].task.owner == ""
    assert code_of(lambda: other.give_back(other.read(claimed.key), "110513", "")) == "claim-lost"
    returned = hub.give_back(claimed, "110532", "Needs an expert")
    assert (returned.task.status, returned.task.owner) == ("requested", "")
    assert hub.give_back(returned, "110532", "Needs an expert").task.version == returned.task.version


def test_a_claim_survives_a_crash_and_an_order_that_vanished_under_it_is_told(peer: ListPeer) -> None:
    number = next(_numbers)
    task = peer.put(number)
    first = peer.hub()
    first.claim(pulled(first)[0][task])
    first.close()
    later = peer.hub()
    assert later.read(key_of(task)).task.owner == "Practitioner/reader"
    peer.remove(number)
    seen = later.read(key_of(task))
    assert (seen.task.status, seen.order.status) == ("cancelled", "revoked")
    assert seen.patient.name == "Müller^Zoë"
    later.close()


def test_a_report_goes_to_the_archive_once_and_is_read_back(peer: ListPeer, hub: MwlHub) -> None:
    task = peer.put(next(_numbers))
    one = sent(hub.claim(pulled(hub)[0][task]))
    first, second = hub.submit(one), hub.submit(one)
    assert (first.id, first.sha256, first.version) == (second.id, one.sha256, "1")
    assert first.task_status == "completed"
    found = hub.find(one.report_id, one.key)
    assert found is not None
    assert (found.receipt.id, found.receipt.sha256) == (first.id, one.sha256)
    assert set(hub.holding({one.report_id: first.id, new_id(): "x"})) == {one.report_id}
    assert hub.find(new_id(), new_id()) is None
    now = hub.read(key_of(task))
    assert (now.task.status, now.task.owner) == ("completed", "Practitioner/reader")
    assert code_of(lambda: hub.claim(now)) == "claim-lost"
    again = sent(now, "Another.", report_id=one.report_id)
    assert code_of(lambda: hub.submit(again)) == "other-report"
    more = sent(now, "More.", report_id=one.report_id, version=2, before=first)
    assert hub.submit(more).version == "2"


def test_a_report_on_a_vanished_order_still_goes_where_its_reader_sends_it(
    peer: ListPeer, hub: MwlHub
) -> None:
    number = next(_numbers)
    task = peer.put(number)
    claimed = hub.claim(pulled(hub)[0][task])
    peer.remove(number)
    one = sent(claimed)
    assert hub.submit(one).sha256 == one.sha256


def test_a_report_on_a_case_that_is_not_noted_as_the_readers_is_not_sent(peer: ListPeer, hub: MwlHub) -> None:
    task = peer.put(next(_numbers))
    claimed = hub.claim(pulled(hub)[0][task])
    hub.give_back(claimed, "110513", "")
    one = sent(claimed)
    assert code_of(lambda: hub.submit(one)) == "claim-lost"
    assert hub.find(one.report_id, one.key) is None


def test_several_orders_are_looked_at_on_one_line_and_what_is_not_there_is_left_out(
    peer: ListPeer, hub: MwlHub
) -> None:
    numbers = [next(_numbers) for _ in range(3)]
    tasks = [peer.put(one) for one in numbers]
    pulled(hub)
    peer.remove(numbers[1])
    keys = [key_of(one) for one in tasks]
    assert set(hub.look([*keys, key_of("nobody")])) == {keys[0], keys[2]}
    assert code_of(lambda: hub.read(key_of("nobody"))) == "gone"


def test_days_beyond_the_window_are_not_asked_for_and_windows_add_up(peer: ListPeer, hub: MwlHub) -> None:
    near, far = next(_numbers), next(_numbers)
    here = peer.put(near, step_ScheduledProcedureStepStartDate="20261119")
    there = peer.put(far, step_ScheduledProcedureStepStartDate="20261001")
    found = pulled(hub)[0]
    assert (here in found, there in found) == (True, False)
    wide = peer.hub("wide", options={"days_back": 60, "window_days": 7})
    assert {here, there} <= set(pulled(wide)[0])
    wide.close()


def test_a_list_longer_than_is_taken_at_once_is_asked_for_in_smaller_pieces(peer: ListPeer) -> None:
    tasks = {
        peer.put(next(_numbers), step_ScheduledProcedureStepStartDate=f"202611{day}", step_Modality="ZZ")
        for day in (20, 21, 22, 23)
    }
    narrow = peer.hub("narrow", options={"most": 2, "modality": "ZZ", "window_days": 9})
    found, _, skipped = pulled(narrow)
    assert tasks == set(found)
    assert not [one for one in skipped if "not all" in one]
    narrow.close()


def test_a_piece_that_cannot_be_made_smaller_is_told_and_nothing_is_called_gone(peer: ListPeer) -> None:
    hub = peer.hub("full", options={"modality": "YY"})
    first = next(_numbers)
    tasks = [peer.put(first, step_Modality="YY")]
    cursor = pulled(hub)[1]
    tasks += [peer.put(next(_numbers), step_Modality="YY") for _ in range(3)]
    peer.remove(first)
    full = peer.hub("full", options={"modality": "YY", "most": 2})
    found, _, skipped = pulled(full, cursor)
    assert any("not all are shown" in one for one in skipped)
    assert tasks[0] not in found
    hub.close()
    full.close()


def test_an_order_older_than_the_list_is_asked_for_ends_unless_somebody_here_has_it(peer: ListPeer) -> None:
    hub = peer.hub("slow", options={"modality": "XX"})
    tasks = [peer.put(next(_numbers), step_Modality="XX") for _ in range(2)]
    found, cursor, _ = pulled(hub)
    hub.claim(found[tasks[0]])
    peer.clock.advance(9 * 86_400)
    try:
        later = pulled(hub, cursor)[0]
        assert tasks[0] not in later
        assert later[tasks[1]].task.status == "cancelled"
        assert hub.read(key_of(tasks[0])).task.status == "in-progress"
    finally:
        peer.clock.advance(-9 * 86_400)
    hub.close()


def test_priors_are_the_patients_other_studies_in_the_archive(peer: ListPeer, hub: MwlHub) -> None:
    number, later = next(_numbers), next(_numbers)
    task = peer.put(number)
    claimed = hub.claim(pulled(hub)[0][task])
    hub.submit(sent(claimed))
    second = peer.put(later, PatientID=f"N{number:06}", OtherPatientIDsSequence=[])
    context = pulled(hub, "x")[0][second]
    studies, reports = hub.priors(context)
    assert claimed.study is not None
    assert [one.study_uid for one in studies] == [claimed.study.study_uid]
    assert reports == ()


def test_a_list_that_rejects_our_name_is_told_in_its_words(peer: ListPeer) -> None:
    strange = HubFile(
        "hub-1", "TEST", mwl=DimseAddress("NOBODY", peer.address.host, peer.address.port), reader_id="reader"
    )
    hub = MwlHub(strange, None, peer.clock, memory=Keys())
    if peer.address.aet == "MWL":  # Orthanc answers by any name
        assert code_of(hub.health) == "rejected"
        assert code_of(lambda: list(hub.pull(""))) == "rejected"


def test_a_list_that_is_not_there_is_off_line_and_what_was_known_stays(peer: ListPeer) -> None:
    keys = Keys()
    there = MwlHub(
        HubFile("hub-1", "TEST", mwl=DimseAddress("X", "127.0.0.1", 1), reader_id="reader"), memory=keys
    )
    with pytest.raises(OfflineError, match="worklist of TEST"):
        list(there.pull(""))
    assert keys.kept == {}


def test_switches_that_are_none_are_refused_in_words(peer: ListPeer) -> None:
    for options in ({"days": 3}, {"days_back": "7"}, {"most": 0}, {"timezone": "Mars/North"}):
        with pytest.raises(UsageError, match="mwl_options"):
            peer.hub(options=options)


def test_the_demos_tasks_stand_on_its_list_too_and_leave_it_when_they_are_done(
    archive: DemoServer, tmp_path: Path
) -> None:
    del tmp_path
    port = int(str(archive.store.note("port DIMSE")))
    here = DimseAddress("TELEDEMO", "127.0.0.1", port)
    options = {"days_back": 3650, "days_ahead": 3650, "window_days": 3650}
    file = HubFile(
        "hub-1", "DEMO", mwl=here, dimse=here, mwl_options=options, reader_id="reader", reader_name="Dr"
    )
    hub = MwlHub(file, memory=Keys())
    found, cursor, _ = pulled(hub)
    open_ones = [one for one in archive.store.all("Task") if one.body["status"] == "requested"]
    assert len(found) >= len(open_ones) > 0
    context = next(iter(found.values()))
    assert context.patient.nhs is not None or context.patient.primary is not None
    assert context.study is not None
    one = sent(hub.claim(context))
    assert hub.submit(one).sha256 == one.sha256
    with archive.store.unit() as unit:
        for task in archive.store.all("Task"):
            unit.put("Task", task.id, {**task.body, "status": "cancelled"})
    later = pulled(hub, cursor)[0]
    assert {one.task.status for key, one in later.items() if key != context.key.task_id} <= {"cancelled"}
    assert hub.read(context.key).task.status == "completed"
    hub.close()


def test_the_days_of_the_suite_are_those_of_its_clock(peer: ListPeer) -> None:
    assert peer.clock.now().strftime("%Y%m%d") == TODAY
