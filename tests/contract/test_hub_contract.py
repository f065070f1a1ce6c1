"""What every server behind the Hub port has to give: one suite, all of them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from teleread.demo.server import DemoServer
from teleread.host.clock import SystemClock
from teleread.hub.fhir import FhirHub
from teleread.hub.port import Hub
from teleread.model.errors import AttentionError, TelereadError
from teleread.model.task import TaskContext, TaskKey
from teleread.sync.notes import note_submission
from teleread.wire.oauth_keys import jwks, make_key
from teleread.wire.oauth_tokens import KEY, TokenSignIn
from tests.archive_factories import make_vault
from tests.contract.hub_cases import (
    alert_sent,
    case,
    new_id,
    note_item,
    others_report,
    prior_of,
    submission,
)
from tests.contract.hub_fake import FakeHub, Quirks
from tests.contract.hub_peers import DemoPeer, FakePeer, Peer, SekmetPeer, edit, hub_file
from tests.peers.sekmet import start_sekmet

_numbers = itertools.count(1)

SERVERS = [
    "fake",
    "fake-absolute",
    "fake-plain",
    "demo",
    pytest.param("sekmet", marks=pytest.mark.peer("sekmet")),
    pytest.param("sekmet-absolute", marks=pytest.mark.peer("sekmet")),
    pytest.param("sekmet-smart", marks=pytest.mark.peer("sekmet")),
]

PLAIN = Quirks(
    includes=False,
    id_search=False,
    etags=False,
    outcome_entries=True,
    relative_next=True,
    minimal=True,
    show_location=False,
    page_size=3,
)


@pytest.fixture(scope="module", params=SERVERS)
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    folder: Path = tmp_path_factory.mktemp("hub")
    name = str(request.param)
    if name.startswith("fake"):
        quirks = {"fake": Quirks(), "fake-absolute": Quirks(absolute=True), "fake-plain": PLAIN}[name]
        yield FakePeer(FakeHub(quirks=quirks))
    elif name == "demo":
        server = DemoServer(folder, cases=1)
        try:
            yield DemoPeer(server, server.start().fhir)
        finally:
            server.stop()
    elif name == "sekmet-smart":
        with contextlib.closing(make_vault(folder / "desk")) as vault:
            vault.hub_secrets.put("hub-1", KEY, pem := make_key("ES384"))
            sekmet = start_sekmet(folder, auth="smart", jwks=jwks(pem), seconds=2)
            try:
                file = hub_file(sekmet.base, "reader", auth="smart")
                lock = vault.paths.data / "sign-in.lock"
                yield SekmetPeer(sekmet, TokenSignIn(file, vault.hub_secrets, lock, SystemClock()))
            finally:
                sekmet.stop()
    else:
        sekmet = start_sekmet(folder, absolute=name.endswith("absolute"), auth="bearer")
        try:
            yield SekmetPeer(sekmet)
        finally:
            sekmet.stop()


@pytest.fixture
def hub(peer: Peer) -> Iterator[FhirHub]:
    one = peer.hub()
    yield one
    one.close()


def add(peer: Peer, **task: Any) -> tuple[int, TaskKey]:
    """A new case at the server."""
    number = next(_numbers)
    for resource in case(number, **task):
        peer.put(resource)
    named = getattr(peer, "key", str)  # some protocols have names of their own for a Task
    return number, TaskKey("hub-1", named(f"t-c{number}"))


def pulled(hub: Hub, cursor: str = "") -> tuple[dict[str, TaskContext], str]:
    pages = list(hub.pull(cursor))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    return {one.key.task_id: one for page in pages for one in page.contexts}, pages[-1].cursor


def code_of(caught: pytest.ExceptionInfo[TelereadError]) -> str:
    return caught.value.code


def test_a_look_tells_the_software_and_the_clock(hub: FhirHub) -> None:
    health = hub.health()
    assert health.software
    assert "\x1b" not in health.software
    assert health.offset_seconds is not None
    assert health.capabilities.transactions


def test_a_pull_brings_the_task_with_order_patient_and_study(peer: Peer, hub: FhirHub) -> None:
    _, key = add(peer)
    context = pulled(hub)[0][key.task_id]
    assert context.task.status == "requested"
    assert context.task.owner == ""
    assert context.task.due == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert context.order.accession.startswith("ACC")
    assert (context.order.procedure, context.order.laterality) == ("XR Knee Left", "LEFT")
    assert context.order.question == "Fell. Fracture?\nSecond line"
    assert context.patient.name == "Testwell^Ada^Bea"
    assert (context.patient.birth_date, context.patient.sex) == ("1970-01-02", "F")
    assert context.patient.nhs is not None
    assert (context.patient.nhs.value, context.patient.nhs.status) == ("9990000018", "01")
    assert context.study is not None
    assert context.study.study_uid.startswith("1.2.3.")
    assert context.study.instances == 2
    assert all(
        (context.versions.task, context.versions.order, context.versions.patient, context.versions.study)
    )


def test_a_pull_reads_every_page_once(peer: Peer, hub: FhirHub) -> None:
    keys = {add(peer)[1].task_id for _ in range(7)}
    assert keys <= set(pulled(hub)[0])


def test_the_next_pull_brings_what_changed_even_when_it_ended(peer: Peer, hub: FhirHub) -> None:
    _, key = add(peer)
    cursor = pulled(hub)[1]
    edit(peer, "Task", key.task_id, status="cancelled")
    again, later = pulled(hub, cursor)
    assert again[key.task_id].task.status == "cancelled"
    assert later >= cursor


def test_a_first_pull_leaves_out_what_ended_before(peer: Peer, hub: FhirHub) -> None:
    _, key = add(peer, status="completed")
    assert key.task_id not in pulled(hub)[0]


def test_a_task_without_a_patient_is_skipped_in_words_and_the_rest_is_good(peer: Peer, hub: FhirHub) -> None:
    _, good = add(peer)
    number = next(_numbers)
    for resource in case(number):
        if resource["resourceType"] == "Task":
            peer.put({key: one for key, one in resource.items() if key not in {"for", "basedOn", "focus"}})
    pages = list(hub.pull(""))
    assert any(good.task_id == one.key.task_id for page in pages for one in page.contexts)
    assert any(f"t-c{number}" in words for page in pages for words in page.skipped)


def test_a_study_that_only_names_its_order_is_found(peer: Peer, hub: FhirHub) -> None:
    _, key = add(peer)
    edit(peer, "Task", key.task_id, focus=None)
    assert pulled(hub)[0][key.task_id].study is not None
    assert hub.read(key).study is not None


def test_a_new_read_sees_a_changed_order_whose_task_did_not_change(peer: Peer, hub: FhirHub) -> None:
    number, key = add(peer)
    before = hub.read(key)
    edit(peer, "ServiceRequest", f"sr-c{number}", bodySite=[{"text": "Right knee"}])
    after = hub.read(key)
    assert before.versions.changed(after.versions) == ("order",)
    assert (before.order.laterality, after.order.laterality) == ("LEFT", "RIGHT")


def test_reading_what_is_not_there_says_gone(hub: FhirHub) -> None:
    with pytest.raises(AttentionError) as caught:
        hub.read(TaskKey("hub-1", "nothing-there"))
    assert code_of(caught) == "gone"


def test_a_claim_makes_the_task_the_readers(peer: Peer, hub: FhirHub) -> None:
    _, key = add(peer)
    claimed = hub.claim(hub.read(key))
    assert (claimed.task.status, claimed.task.owner) == ("in-progress", "Practitioner/reader")
    assert claimed.versions == hub.read(key).versions
    assert hub.claim(claimed).task.version == claimed.task.version


def test_a_claim_on_an_older_look_goes_through_while_the_task_is_free(peer: Peer, hub: FhirHub) -> None:
    _, key = add(peer)
    seen = hub.read(key)
    edit(peer, "Task", key.task_id, priority="stat")
    claimed = hub.claim(seen)
    assert (claimed.task.status, claimed.task.priority) == ("in-progress", "stat")


@pytest.mark.parametrize(
    "change",
    [{"owner": {"reference": "Practitioner/other"}, "status": "in-progress"}, {"status": "cancelled"}],
)
def test_a_claim_on_what_is_no_longer_free_is_lost(peer: Peer, hub: FhirHub, change: dict[str, Any]) -> None:
    _, key = add(peer)
    seen = hub.read(key)
    edit(peer, "Task", key.task_id, **change)
    with pytest.raises(AttentionError) as caught:
        hub.claim(seen)
    assert code_of(caught) == "claim-lost"


def test_of_two_readers_who_claim_at_once_one_wins(peer: Peer) -> None:
    _, key = add(peer)
    hubs = [peer.hub("reader"), peer.hub("other")]
    seen = [one.read(key) for one in hubs]

    def claim(pair: tuple[FhirHub, TaskContext]) -> str:
        try:
            return pair[0].claim(pair[1]).task.owner
        except AttentionError as problem:
            return problem.code

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(claim, zip(hubs, seen, strict=True)))
    for one in hubs:
        one.close()
    assert outcomes.count("claim-lost") == 1
    assert peer.get("Task", key.task_id)["owner"]["reference"].endswith(
        next(one for one in outcomes if one != "claim-lost")
    )


def test_giving_back_frees_the_task_and_says_why(peer: Peer, hub: FhirHub) -> None:
    _, key = add(peer)
    claimed = hub.claim(hub.read(key))
    returned = hub.give_back(claimed, "110532", "Needs specialist expertise")
    assert (returned.task.status, returned.task.owner) == ("requested", "")
    reason = peer.get("Task", key.task_id)["statusReason"]
    assert reason["coding"][0]["code"] == "110532"
    assert (
        hub.give_back(returned, "110532", "Needs specialist expertise").task.version == returned.task.version
    )
    assert "statusReason" not in hub.claim(returned).raw["task"]


def test_somebody_elses_task_cannot_be_given_back(peer: Peer, hub: FhirHub) -> None:
    _, key = add(peer, status="in-progress", owner={"reference": "Practitioner/other"})
    with pytest.raises(AttentionError) as caught:
        hub.give_back(hub.read(key), "110513", "Unspecified")
    assert code_of(caught) == "claim-lost"


def test_priors_are_the_patients_other_studies_and_their_reports(peer: Peer, hub: FhirHub) -> None:
    number, key = add(peer)
    for resource in prior_of(number):
        peer.put(resource)
    studies, reports = hub.priors(hub.read(key))
    assert [one.study_uid for one in studies] == [f"1.2.3.{number}.9"]
    assert [(one.author, one.text, one.study_uid) for one in reports] == [
        ("Dr Before", "Old words.\nSecond line.", f"1.2.3.{number}.9")
    ]


def test_a_report_arrives_with_a_receipt_and_can_be_found(peer: Peer, hub: FhirHub) -> None:
    number, key = add(peer)
    sent = submission(hub.claim(hub.read(key)))
    receipt = hub.submit(sent)
    assert receipt.id.startswith("DiagnosticReport/")
    assert (receipt.sha256, receipt.task_status) == (sent.sha256, "completed")
    assert receipt.version
    found = hub.find(sent.report_id, sent.key)
    assert found is not None
    assert (found.receipt.id, found.receipt.version) == (receipt.id, receipt.version)
    assert (found.status, sent.report_id in found.keys) == ("final", True)
    assert len(peer.reports(f"p-c{number}")) == 1


def test_sending_the_same_again_gives_the_same_receipt_and_no_second_report(peer: Peer, hub: FhirHub) -> None:
    number, key = add(peer)
    sent = submission(hub.claim(hub.read(key)))
    first, second = hub.submit(sent), hub.submit(sent)
    assert (first.id, first.version, first.sha256) == (second.id, second.version, second.sha256)
    assert len(peer.reports(f"p-c{number}")) == 1


def test_a_later_version_replaces_the_first_in_place(peer: Peer, hub: FhirHub) -> None:
    number, key = add(peer)
    context = hub.claim(hub.read(key))
    first = submission(context)
    receipt = hub.submit(first)
    second = submission(context, report_id=first.report_id, text="More.", version=2, before=receipt)
    later = hub.submit(second)
    assert (later.id, later.sha256) == (receipt.id, second.sha256)
    assert later.version != receipt.version
    assert hub.submit(second).version == later.version
    (report,) = peer.reports(f"p-c{number}")
    assert report["status"] == "appended"
    found = hub.find("", second.key)
    assert found is not None
    assert found.receipt.sha256 == second.sha256


def test_a_version_made_on_an_older_one_is_refused_as_changed(peer: Peer, hub: FhirHub) -> None:
    _, key = add(peer)
    context = hub.claim(hub.read(key))
    first = submission(context)
    receipt = hub.submit(first)
    edit(peer, "DiagnosticReport", receipt.id.split("/")[1], conclusion="Changed there.")
    second = submission(context, report_id=first.report_id, version=2, before=receipt)
    with pytest.raises(AttentionError) as caught:
        hub.submit(second)
    assert code_of(caught) == "changed"


def test_a_report_on_a_task_that_moved_is_refused_whole(peer: Peer, hub: FhirHub) -> None:
    number, key = add(peer)
    context = hub.claim(hub.read(key))
    if not context.task.version:
        pytest.fail("the server keeps no versions")
    edit(peer, "Task", key.task_id, priority="stat")
    with pytest.raises(AttentionError) as caught:
        hub.submit(submission(context))
    assert code_of(caught) == "changed"
    assert peer.reports(f"p-c{number}") == []


def test_another_text_under_the_same_number_is_told_and_not_overwritten(peer: Peer, hub: FhirHub) -> None:
    number, key = add(peer)
    context = hub.claim(hub.read(key))
    first = submission(context, text="One.")
    hub.submit(first)
    other = submission(hub.read(key), report_id=first.report_id, text="Another.")
    with pytest.raises(AttentionError) as caught:
        hub.submit(other)
    assert code_of(caught) in {"other-report", "changed"}
    (report,) = peer.reports(f"p-c{number}")
    assert report["conclusion"] == "One."


def test_nothing_is_found_where_nothing_is(hub: FhirHub) -> None:
    assert hub.find(new_id(), new_id()) is None


def test_other_reports_are_issued_ones_on_this_case_that_are_not_ours(peer: Peer, hub: FhirHub) -> None:
    number, key = add(peer)
    for resource in prior_of(number):
        peer.put(resource)
    context = hub.claim(hub.read(key))
    assert hub.other_reports(context) == ()
    sent = submission(context)
    receipt = hub.submit(sent)
    peer.put(others_report(number))
    theirs = hub.other_reports(context, {sent.report_id})
    assert [(one.author, one.text) for one in theirs] == [("Dr Other", "No fracture.")]
    assert theirs == hub.other_reports(context, {receipt.id})


def test_several_cases_are_looked_at_at_once_as_if_one_by_one(peer: Peer, hub: FhirHub) -> None:
    number, first = add(peer)
    second = add(peer)[1]
    hub.read(first)
    edit(peer, "ServiceRequest", f"sr-c{number}", bodySite=[{"text": "Right knee"}])
    seen = hub.look([first, second, TaskKey("hub-1", "nothing-there")])
    for key in seen:
        assert seen[key].versions == hub.read(key).versions
    assert set(seen) <= {first, second}
    if seen:
        assert seen[first].order.laterality == "RIGHT"


def test_what_the_hub_holds_of_several_reports_is_told_and_what_it_lost_is_not(
    peer: Peer, hub: FhirHub
) -> None:
    sent = {}
    for _ in range(2):
        one = submission(hub.claim(hub.read(add(peer)[1])))
        sent[one.report_id] = hub.submit(one)
    never = new_id()
    held = hub.holding({never: "DiagnosticReport/nothing-there"} | {key: one.id for key, one in sent.items()})
    assert {key: one.receipt.sha256 for key, one in held.items()} == {
        key: one.sha256 for key, one in sent.items()
    }


def test_a_note_is_at_the_hub_once_however_often_it_is_sent(peer: Peer, hub: FhirHub) -> None:
    context = hub.claim(hub.read(add(peer)[1]))
    note = note_submission(
        note_item(context), context, "Practitioner/reader", datetime(2026, 11, 24, 5, tzinfo=UTC)
    )
    first, second = hub.send_note(note), hub.send_note(note)
    assert first.id == second.id
    assert first.id.startswith("Communication/")
    assert first.sha256 == note.sha256


def test_an_alert_is_one_resource_however_often_it_is_sent_recorded_anew_or_taken_away(
    peer: Peer, hub: FhirHub
) -> None:
    context = hub.claim(hub.read(add(peer)[1]))
    name = new_id()
    seen: list[tuple[str, str, str]] = []
    for told in ("Dr Ward", "Dr Okoro", ""):
        alert = alert_sent(context, name, told)
        first, second = hub.send_note(alert), hub.send_note(alert)
        assert (first.id, first.version, first.sha256) == (second.id, second.version, alert.sha256)
        held = peer.get("Communication", first.id.removeprefix("Communication/"))
        seen.append((str(first.id), held["status"], held["payload"][0]["contentString"]))
    assert len({ident for ident, _, _ in seen}) == 1
    assert [status for _, status, _ in seen] == ["completed", "completed", "entered-in-error"]
    assert "Dr Ward" in seen[0][2]
    assert "Dr Okoro" in seen[1][2]
    assert held["subject"]["reference"].endswith(f"Patient/{context.patient.id}")
    assert held["priority"] == "stat"


def test_a_claim_is_renewed_once_half_its_time_is_over_and_never_anothers(peer: Peer, hub: FhirHub) -> None:
    _, key = add(peer)
    hub.hub = replace(hub.hub, lease_minutes=30)
    hub.claim(hub.read(key))
    held = hub.read(key)
    began = held.task.last_updated
    assert began is not None
    assert hub.renew(held, began + timedelta(minutes=14)) is None
    renewed = hub.renew(held, began + timedelta(minutes=16))
    assert renewed is not None
    assert renewed.task.owner == held.task.owner
    now = hub.read(key).task
    assert now.version not in {"", held.task.version}
    assert (now.owner, now.status) == (held.task.owner, "in-progress")
    edit(peer, "Task", key.task_id, owner={"reference": "Practitioner/other"})
    with pytest.raises(AttentionError) as caught:
        hub.renew(held, began + timedelta(minutes=60))
    assert code_of(caught) == "claim-lost"
