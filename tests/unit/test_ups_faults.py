"""A UPS-RS hub when the line breaks, the server is odd or the machine dies, at every request in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from teleread.demo.ups.elements import el, value_of
from teleread.demo.ups.workitem import uid_of
from teleread.hub.ups import UpsRsHub
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, OfflineError, TelereadError, UsageError
from teleread.model.hubfile import parse_hub_file
from teleread.model.task import TaskKey
from tests.contract.hub_cases import case, submission
from tests.contract.ups_double import Keys, Quirks, UpsDouble, UpsPeer, double_peer

KEY = TaskKey("hub-1", uid_of("t-c1"))
DIALECTS = {
    "standard": Quirks(),
    "py-ups-rs": Quirks(update="put", wrong_uid=400, ended=410, complete_500=True, options={"update": "put"}),
}


class Death(Exception):  # noqa: N818 - nothing that a hub may catch
    """The machine dies here."""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., tuple[UpsDouble, UpsPeer]]]:
    stores: list[UpsDouble] = []

    def make(quirks: Quirks | None = None) -> tuple[UpsDouble, UpsPeer]:
        folder = tmp_path / str(len(stores))
        folder.mkdir()
        double = UpsDouble(folder, quirks)
        stores.append(double)
        peer = double_peer(double)
        for resource in case(1):
            peer.put(resource)
        peer.key("t-c1")
        return double, peer

    yield make
    for one in stores:
        one.store.close()


def delivered(hub: UpsRsHub, sent: Submission) -> Receipt:
    """As the outbox goes on after a doubt: ask, then send."""
    for _ in range(6):
        try:
            found = hub.find(sent.report_id, "")
            if found is not None and found.receipt.sha256 == sent.sha256:
                return found.receipt
            return hub.submit(sent)
        except (OfflineError, AttentionError):
            continue
    raise AssertionError("it never arrives")


def claimed(hub: UpsRsHub) -> Any:
    for _ in range(6):
        try:
            return hub.claim(hub.read(KEY))
        except (OfflineError, AttentionError):
            continue
    raise AssertionError("never claimed")


def as_it_should_be(peer: UpsPeer, sent: Submission) -> None:
    task = peer.get("Task", KEY.task_id)
    assert (task["status"], task["owner"]["reference"]) == ("completed", "Practitioner/reader")
    (report,) = peer.reports("p-c1")
    assert f"urn:oid:{report['id']}" in [one["valueUri"] for one in task["output"]]


def dies_at(double: UpsDouble, number: int, *, after: bool) -> None:
    """The machine dies at its so many-th request, before the hub does it or after."""
    answer, count = double._answered, iter(range(10_000))

    def dying(request: Any) -> Any:
        if next(count) == number:
            if after:
                answer(request)
            raise Death
        return answer(request)

    double._answered = dying  # type: ignore[method-assign]


@pytest.mark.parametrize("dialect", list(DIALECTS))
@pytest.mark.parametrize("after", [False, True])
def test_a_machine_that_dies_at_any_request_goes_on_and_ends_with_one_report_and_the_workitem_completed(
    made: Callable[..., tuple[UpsDouble, UpsPeer]], dialect: str, after: bool
) -> None:
    died = 0
    for number in range(40):
        double, peer = made(DIALECTS[dialect])
        dies_at(double, number, after=after)
        sent: Submission | None = None
        for _ in range(2):  # the second life has the same vault
            hub = peer.hub()
            try:
                context = claimed(hub) if sent is None else hub.read(KEY)
                sent = sent or submission(context)
                delivered(hub, sent)
                break
            except Death:
                died += 1
        assert sent is not None
        as_it_should_be(peer, sent)
        if died <= number:
            break  # that many requests are not made
    assert died > 10


@pytest.mark.parametrize("dialect", list(DIALECTS))
@pytest.mark.parametrize("fault", ["lose", "drop", "500", "500-done", "503", "400", "409", "410", "202"])
def test_any_answer_at_any_request_ends_with_one_report_and_the_workitem_completed(
    made: Callable[..., tuple[UpsDouble, UpsPeer]], dialect: str, fault: str
) -> None:
    double, peer = made(DIALECTS[dialect])
    hub = peer.hub()
    sent = submission(claimed(hub))
    delivered(hub, sent)
    whole = len(double.asked)
    for number in range(whole):
        double, peer = made(DIALECTS[dialect])
        double.faults.extend(["-"] * number + [fault])
        hub = peer.hub()
        sent = submission(claimed(hub))
        delivered(hub, sent)
        as_it_should_be(peer, sent)


def test_a_lost_race_is_told_and_the_other_keeps_the_case(
    made: Callable[..., tuple[UpsDouble, UpsPeer]],
) -> None:
    double, peer = made()
    other = peer.hub("other")

    def quicker() -> None:
        other.claim(other.read(KEY))

    double.before_write.append(quicker)
    hub = peer.hub()
    with pytest.raises(AttentionError) as caught:
        hub.claim(hub.read(KEY))
    assert caught.value.code == "claim-lost"
    assert "Dr other" in caught.value.title
    assert other.read(KEY).task.owner == "Practitioner/other"
    with pytest.raises(AttentionError) as caught:
        hub.submit(replace(submission(other.read(KEY)), completes=True))
    assert caught.value.code == "changed"


def test_a_claim_whose_fate_cannot_be_asked_is_unknown_and_settled_later(
    made: Callable[..., tuple[UpsDouble, UpsPeer]],
) -> None:
    double, peer = made()
    hub = peer.hub()
    context = hub.read(KEY)
    double.faults.extend(["-", "lose", *["offline"] * 9])
    with pytest.raises(OfflineError) as caught:
        hub.claim(context)
    assert caught.value.code == "unknown"
    double.faults.clear()
    assert hub.read(KEY).task.owner == "|unknown"
    assert hub.claim(context).task.owner == "Practitioner/reader"


def test_a_giving_back_whose_answer_was_lost_counts_once(
    made: Callable[..., tuple[UpsDouble, UpsPeer]],
) -> None:
    for position in (0, 1):
        double, peer = made()
        hub = peer.hub()
        context = hub.claim(hub.read(KEY))
        double.only_writes = True
        double.faults.extend(["-"] * position + ["lose"])
        assert hub.give_back(context, "110513", "").task.status == "cancelled"
        assert value_of(double.desk.get(uid_of("t-c1", 1)), "00741000") == "SCHEDULED"


def test_a_claim_made_by_the_other_face_while_ours_was_in_flight_is_not_taken_for_ours(
    made: Callable[..., tuple[UpsDouble, UpsPeer]],
) -> None:
    double, peer = made()
    hub = peer.hub()
    context = hub.read(KEY)

    def taken() -> None:
        task = peer.get("Task", KEY.task_id)
        peer.put({**task, "status": "in-progress", "owner": {"reference": "Practitioner/other"}})

    double.only_writes = True
    double.faults.append("drop")
    double.before_write.append(taken)
    with pytest.raises(AttentionError) as caught:
        hub.claim(context)
    assert caught.value.code == "claim-lost"


def test_nothing_is_claimed_before_its_images_are_there(
    made: Callable[..., tuple[UpsDouble, UpsPeer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    double, peer = made()
    shown = double.desk.get
    monkeypatch.setattr(double.desk, "get", lambda uid: {**shown(uid), "00404041": el("CS", "INCOMPLETE")})
    hub = peer.hub()
    with pytest.raises(AttentionError) as caught:
        hub.claim(hub.read(KEY))
    assert caught.value.code == "not-ready"
    assert not [one for one in double.asked if one.startswith("PUT")]


def test_the_transaction_uid_is_on_disk_before_the_first_byte_leaves(
    made: Callable[..., tuple[UpsDouble, UpsPeer]],
) -> None:
    double, peer = made()
    seen: list[bool] = []
    double.before_write.append(lambda: seen.append(bool(peer.keys().kept)))
    hub = peer.hub()
    hub.claim(hub.read(KEY))
    assert seen == [True]


def test_documents_are_noted_before_they_leave_and_a_foreign_answer_is_no_proof(
    made: Callable[..., tuple[UpsDouble, UpsPeer]],
) -> None:
    double, peer = made()
    hub = peer.hub()
    sent = submission(hub.claim(hub.read(KEY)))
    for _ in range(3):
        double.faults.extend(["-"] * 2 + ["202"])  # taken, says the archive; nothing is there
        with pytest.raises(TelereadError):
            hub.submit(sent)
        double.faults.clear()
    assert hub.find(sent.report_id, "") is None
    assert peer.get("Task", KEY.task_id)["status"] == "in-progress"
    assert hub.submit(sent).task_status == "completed"


@pytest.mark.parametrize(
    "options",
    [{"requester": "sometimes"}, {"nothing": True}, {"events": "yes"}, {"timezone": "Nowhere/At All"}],
)
def test_a_wrong_switch_in_a_hub_file_is_told_in_words(options: dict[str, Any]) -> None:
    file = parse_hub_file("N", {"hub_id": "1", "ups_rs": "https://a.example/ups", "ups_options": options})
    with pytest.raises(UsageError) as caught:
        UpsRsHub(file, memory=Keys())
    assert caught.value.code == "ups-options"
