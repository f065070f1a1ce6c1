"""What a site that speaks HL7 v2 has to give: orders and news of patients, claims, what is kept."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from teleread.hub import hl7_board, hl7_inbox
from teleread.hub.hl7_board import KEPT, Board
from teleread.hub.hl7_inbox import Inbox
from teleread.hub.local_claims import LOCAL
from teleread.model.addresses import parse_mllp
from teleread.model.errors import TelereadError
from teleread.model.task import TaskKey
from tests.contract.hl7_world import (
    KEPT_PID,
    KEY,
    PID,
    World,
    change,
    code_of,
    listening,
    merge,
    message,
    order,
    pulled,
    raising,
    sent,
    told,
)
from tests.contract.mllp_site import codes, framed, segments, send
from tests.contract.ups_double import Keys


@pytest.fixture
def world() -> Iterator[World]:
    one = World()
    yield one
    one.site.close()


# -- orders come in -----------------------------------------------------------------------------------


def test_an_order_comes_over_the_line_with_patient_and_study(world: World) -> None:
    with listening(world) as port:
        assert codes(send(port, order())) == ["AA"]
    context = pulled(world.hub())[0]["A1"]
    assert (context.task.status, context.task.owner) == ("requested", "")
    assert (context.order.accession, context.order.procedure) == ("A1", "XR Knee Left")
    assert (context.order.laterality, context.order.question) == ("LEFT", "Fell. Fracture?")
    assert (context.patient.name, context.patient.birth_date) == ("Testwell^Ada^Bea", "1970-01-02")
    assert context.patient.nhs is not None
    assert context.study is not None
    assert context.study.study_uid == "1.2.3.4"
    assert all((context.versions.task, context.versions.order, context.versions.patient))


@pytest.mark.parametrize("kind", ["ORM^O01", "OMI^O23^OMI_O23", "OMG^O19^OMG_O19"])
def test_orders_of_every_kind_are_taken(world: World, kind: str) -> None:
    assert world.take(message(kind, PID, "ORC|NW|A1", "OBR|1|A1||X^CT Head^L")) == ["AA"]
    assert pulled(world.hub())[0]["A1"].order.procedure == "CT Head"


def test_nothing_listens_where_the_site_did_not_ask(world: World) -> None:
    assert world.hub().listen(threading.Event(), lambda: None) is False


class Gate(Keys):
    """A disk that takes its time, or is full."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go = threading.Event(), threading.Event()
        self.full = False

    def put(self, hub_id: str, name: str, value: str) -> None:
        if name.startswith("hl7-in:"):
            self.entered.set()
            assert self.go.wait(60)
            if self.full:
                raise TelereadError("The disk is full.", code="no-room")
        super().put(hub_id, name, value)


def test_no_acknowledgement_leaves_before_the_message_is_on_the_disk(world: World) -> None:
    gate = world.keys = Gate()
    with listening(world) as port, socket.create_connection(("127.0.0.1", port), 60) as line:
        line.sendall(framed(order()))
        assert gate.entered.wait(60)
        line.settimeout(0.2)
        with pytest.raises(TimeoutError):
            line.recv(1)
        assert "A1" not in pulled(world.hub())[0]
        gate.go.set()
        line.settimeout(60)
        assert line.recv(1) == b"\x0b"
        assert "A1" in pulled(world.hub())[0]


def test_what_could_not_be_kept_is_rejected_and_taken_when_it_comes_again(world: World) -> None:
    gate = world.keys = Gate()
    gate.go.set()
    gate.full = True
    assert world.take(order()) == ["AR"]
    assert pulled(world.hub())[0] == {}
    gate.full = False
    assert world.take(order()) == ["AA"]
    assert "A1" in pulled(world.hub())[0]


def test_a_message_sent_again_is_taken_once_and_undoes_nothing(world: World) -> None:
    first, later = order(), order(number="M2", control="XO", side="Right")
    assert world.take(first, later, first) == ["AA"] * 3
    assert pulled(world.hub())[0]["A1"].order.procedure == "XR Knee Right"
    assert sum(name.startswith("hl7-in:") for name in world.keys.names("hub-1")) == 2


def test_the_same_number_with_other_words_or_of_another_sender_is_another_message(world: World) -> None:
    theirs = message("ORM^O01", PID, "ORC|NW|A3", "OBR|1|A3||X^CT Head^L", sender="PACS")
    assert world.take(order(), order("A2"), theirs) == ["AA"] * 3
    assert set(pulled(world.hub())[0]) == {"A1", "A2", "A3"}


REFUSED = {
    "no hl7": (b"GET / HTTP/1.1", "AR"),
    "nothing": (b"", "AR"),
    "no number": (message("ORM^O01", PID, "ORC|NW|A1", number=""), "AR"),
    "a result": (message("ORU^R01", PID, "OBR|1|A1"), "AR"),
    "a query": (message("QRY^A19", "QRD|1"), "AR"),
    "training": (order().replace(b"|P|2.5.1", b"|T|2.5.1"), "AR"),
    "hl7 v3": (order().replace(b"|P|2.5.1", b"|P|3.0"), "AR"),
    "bad utf-8": (order().replace(b"Ada", b"\xff\xfe"), "AR"),
    "nobody": (message("ORM^O01", "ORC|NW|A1"), "AE"),
    "no patient number": (message("ORM^O01", "PID|1||||Testwell^Ada", "ORC|NW|A1"), "AE"),
    "no order": (message("ORM^O01", PID), "AE"),
    "an order without a name": (message("ORM^O01", PID, "ORC|NW", "OBR|1|||X^CT^L"), "AE"),
    "a merge of nobody": (message("ADT^A40", KEPT_PID), "AE"),
    "a merge without a number": (message("ADT^A40", KEPT_PID, "MRG|"), "AE"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_order_is_refused_in_words_and_not_kept(world: World, name: str) -> None:
    data, code = REFUSED[name]
    (answer,) = Inbox(Board("hub-1", world.keys), world.clock).take(data)
    assert codes([answer]) == [code]
    msa = next(one for one in segments(answer) if one[0] == "MSA")
    assert msa[3]
    assert b"Testwell" not in answer
    assert world.keys.kept == {}


def test_a_message_that_wants_no_answer_gets_none_and_is_kept(world: World) -> None:
    quiet = order().replace(b"2.5.1||||||", b"2.5.1|||NE|NE||")
    assert world.take(quiet) == []
    assert "A1" in pulled(world.hub())[0]


def test_news_of_patients_whom_nobody_reads_is_acknowledged_and_not_kept(world: World) -> None:
    assert world.take(message("ADT^A08", PID), merge()) == ["AA", "AA"]
    assert world.keys.kept == {}


# -- what becomes of an order -------------------------------------------------------------------------


@pytest.mark.parametrize("control", ["CA", "OC", "DC", "OD", "CR"])
def test_an_order_that_is_called_off_is_cancelled_and_told(world: World, control: str) -> None:
    world.take(order())
    hub = world.hub()
    cursor = pulled(hub)[1]
    world.take(change(control, "M2"))
    again, later = pulled(hub, cursor)
    assert again["A1"].task.status == "cancelled"
    assert again["A1"].order.procedure == "XR Knee Left"
    assert pulled(hub, later)[0] == {}
    assert pulled(world.hub())[0] == {}


def test_a_change_moves_the_orders_version_and_keeps_what_it_does_not_say(world: World) -> None:
    world.take(order())
    hub = world.hub()
    before = hub.read(KEY)
    world.take(message("ORM^O01", PID, "ORC|XO|A1", "OBR|1|A1||XKNER^XR Knee Right^L", number="M2"))
    after = hub.read(KEY)
    assert "order" in before.versions.changed(after.versions)
    assert (after.order.laterality, after.order.question) == ("RIGHT", "Fell. Fracture?")


def test_an_order_that_the_site_calls_completed_is_somebody_elses(world: World) -> None:
    world.take(order())
    hub = world.hub()
    hub.claim(hub.read(KEY))
    world.take(change("SC", "M2", status="CM"))
    now = hub.read(KEY)
    assert (now.task.status, now.task.owner_name) == ("completed", "The site")
    assert code_of(lambda: hub.submit(sent(now))) == "claim-lost"


def test_a_corrected_patient_is_seen_in_every_order_of_hers(world: World) -> None:
    world.take(order(), order("A2", "M2"))
    hub = world.hub()
    before, cursor = pulled(hub)
    world.take(message("ADT^A08", PID.replace("19700102", "19710102"), number="M3"))
    after = pulled(hub, cursor)[0]
    assert set(after) == {"A1", "A2"}
    assert after["A1"].patient.birth_date == "1971-01-02"
    assert "patient" in before["A1"].versions.changed(after["A1"].versions)


def test_a_merge_names_the_record_that_stays_and_links_the_one_that_went(world: World) -> None:
    world.take(order())
    hub = world.hub()
    before, cursor = pulled(hub)
    assert world.take(merge()) == ["AA"]
    after = pulled(hub, cursor)[0]["A1"]
    assert "patient" in before["A1"].versions.changed(after.versions)
    assert after.patient.id != before["A1"].patient.id
    assert after.patient.primary is not None
    assert after.patient.primary.value == "N000002"
    assert before["A1"].patient.id in str(after.raw["patient"]["link"])


def test_a_merge_under_another_authority_changes_nothing_and_is_told(world: World) -> None:
    world.take(order())
    world.take(message("ADT^A40", KEPT_PID, "MRG|N000001^^^SOUTH^MR", number="M2"))
    hub = world.hub()
    assert pulled(hub)[0]["A1"].patient.primary.value == "N000001"  # type: ignore[union-attr]
    assert "another authority" in told(hub)
    assert "N000001" not in told(hub)


def test_numbers_without_an_authority_are_the_ones_of_the_hub_file(world: World) -> None:
    bare = PID.replace("^^^NORTH^MR", "")
    with listening(world, patient_id_issuer="NORTH") as port:
        send(port, order(pid=bare), merge())
    hub = world.hub(patient_id_issuer="NORTH")
    assert pulled(hub)[0]["A1"].patient.primary.value == "N000002"  # type: ignore[union-attr]


def test_other_examinations_of_the_patient_are_priors_also_across_a_merge(world: World) -> None:
    other = order("A2", "M2", pid=KEPT_PID).replace(b"1.2.3.4", b"1.2.3.5")
    world.take(order(), other)
    hub = world.hub()
    assert hub.priors(hub.read(KEY)) == ((), ())
    world.take(merge())
    (study,), reports = hub.priors(hub.read(KEY))
    assert (study.study_uid, study.modality, reports) == ("1.2.3.5", "CR", ())


# -- claims -------------------------------------------------------------------------------------------


def test_a_claim_is_noted_here_says_so_and_outlives_the_adapter(world: World) -> None:
    world.take(order())
    hub = world.hub()
    claimed = hub.claim(hub.read(KEY))
    assert (claimed.task.status, claimed.task.owner) == ("in-progress", "Practitioner/reader")
    assert claimed.raw["task"]["statusReason"]["text"] == LOCAL
    assert hub.health().capabilities.claim is False
    again = world.hub()
    assert again.claim(again.read(KEY)).task.version == claimed.task.version
    other = world.hub("other")
    assert code_of(lambda: other.claim(other.read(KEY))) == "claim-lost"
    assert world.site.received == []


def test_giving_back_frees_the_task_with_its_reason_and_twice_is_once(world: World) -> None:
    world.take(order())
    hub = world.hub()
    claimed = hub.claim(hub.read(KEY))
    back = hub.give_back(claimed, "110532", "Needs a specialist")
    assert (back.task.status, back.task.owner) == ("requested", "")
    assert back.raw["task"]["statusReason"]["coding"][0]["code"] == "110532"
    assert hub.give_back(back, "110532", "Needs a specialist").task.version == back.task.version
    assert code_of(lambda: world.hub("other").give_back(hub.claim(back), "110532", "")) == "claim-lost"


def test_what_is_cancelled_cannot_be_claimed_and_what_is_not_there_is_gone(world: World) -> None:
    world.take(order())
    hub = world.hub()
    seen = hub.read(KEY)
    world.take(change("CA", "M2"))
    assert code_of(lambda: hub.claim(seen)) == "claim-lost"
    assert code_of(lambda: hub.read(TaskKey("hub-1", "X"))) == "gone"
    assert hub.look([KEY, TaskKey("hub-1", "X")]).keys() == {KEY}


# -- what is kept -------------------------------------------------------------------------------------


def test_many_messages_are_drawn_together_and_nothing_is_lost_by_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hl7_board, "TOGETHER", 5)
    early = world.hub()
    world.take(order())
    first = pulled(early)[0]["A1"]
    for number in range(2, 9):
        world.take(order(f"A{number}", f"M{number}"))
    world.take(merge())
    before = {key: one.versions for key, one in pulled(world.hub())[0].items()}
    names = world.keys.names("hub-1")
    assert sum(name.startswith("hl7-in:") for name in names) == 0
    assert sum(name.startswith("hl7-known:") for name in names) == 1
    world.take(order("A9", "M99"))
    assert world.take(order("A2", "M2")) == ["AA"]
    for hub in (early, world.hub()):
        now = {key: one.versions for key, one in pulled(hub)[0].items()}
        assert now.pop("A9").task
        assert now == before
    assert first.versions.changed(before["A1"]) != ()


def test_a_listener_that_runs_for_long_goes_on_taking_what_pulls_draw_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hl7_board, "TOGETHER", 2)
    monkeypatch.setattr(hl7_inbox, "MAX_WAITING", 4)
    inbox, hub = Inbox(Board("hub-1", world.keys), world.clock), world.hub()
    for number in range(9):
        assert codes(inbox.take(order(f"A{number}", f"M{number}"))) == ["AA"]
        if number % 2:
            list(hub.pull(""))
    more = [codes(inbox.take(order(f"B{number}", f"N{number}"))) for number in range(4)]
    assert more == [["AA"], ["AA"], ["AA"], ["AR"]]
    list(hub.pull(""))
    assert codes(inbox.take(order("B3", "N3"))) == ["AA"]
    assert len(pulled(hub)[0]) == 13


NOISE = (b"|", b"\r", b"^~\\&", b"\xff", b"\x1b[2J", b"", b"~" * 40)


@pytest.mark.parametrize("seed", range(4))
def test_no_bytes_end_the_inbox_and_each_is_answered(world: World, seed: int) -> None:
    dice = random.Random(seed)
    inbox = Inbox(Board("hub-1", world.keys), world.clock)
    whole = [order(), merge(), change("CA", "M2"), message("ADT^A08", PID, number="M3")]
    for _ in range(150):
        data = bytearray(dice.choice(whole))
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(data))
            data[at : at + dice.randrange(4)] = dice.choice(
                (b"|", b"\r", b"^~\\&", b"\xff", b"\x1b[2J", b"", b"~" * 40)
            )
        for answer in inbox.take(bytes(data)):
            assert codes([answer])[0] in {"AA", "AE", "AR", "CA", "CE", "CR"}
    for context in pulled(world.hub())[0].values():
        assert "\x1b" not in f"{context.patient.name}{context.order.question}{context.order.procedure}"


def test_a_crash_while_messages_are_drawn_together_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hl7_board, "TOGETHER", 3)
    world.take(order(), change("XO", "M2"), order("A2", "M3"), change("CA", "M4", "A2"))
    with monkeypatch.context() as patch:
        patch.setattr(world.keys, "delete", raising)
        with pytest.raises(KeyboardInterrupt):
            list(world.hub().pull(""))
    assert any(name.startswith("hl7-in:") for name in world.keys.names("hub-1"))
    assert pulled(world.hub(), "1")[0].keys() == {"A1", "A2"}
    world.take(order("A3", "M5"))
    assert pulled(world.hub())[0].keys() == {"A1", "A3"}
    world.take(*(order(f"B{number}", f"N{number}") for number in range(4)))
    list(world.hub().pull(""))
    assert not any(name.startswith("hl7-in:") for name in world.keys.names("hub-1"))


def test_an_order_that_ended_long_ago_is_let_go_with_its_patient_unless_it_is_in_hand(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hl7_board, "TOGETHER", 1)
    other = PID.replace("N000001", "N000007").replace("9990000018", "9990000026")
    world.take(order(), order("A2", "M2", pid=other), order("A3", "M3", pid=other))
    hub = world.hub()
    hub.claim(hub.read(TaskKey("hub-1", "A3")))
    world.take(
        change("CA", "C1"), *(change("CA", f"C{number}", f"A{number}", pid=other) for number in (2, 3))
    )
    world.clock.advance((KEPT + timedelta(days=1)).total_seconds())
    world.take(order("A4", "M4"))
    list(hub.pull(""))
    kept = str(world.keys.kept)
    assert pulled(world.hub(), "1")[0].keys() == {"A3", "A4"}
    assert '"A2"' not in kept.replace("\\", "")
    assert world.hub().read(TaskKey("hub-1", "A3")).patient.primary.value == "N000007"  # type: ignore[union-attr]


def test_two_sites_with_the_same_numbers_never_mix(world: World) -> None:
    world.take(order())
    theirs = Inbox(Board("hub-2", world.keys), world.clock)
    theirs.take(order(pid=PID.replace("Ada", "Zoe").replace("19700102", "19990909"), side="Right"))
    theirs.take(merge())
    ours, other = world.hub().read(KEY), world.hub(hub_id="hub-2").read(TaskKey("hub-2", "A1"))
    assert (ours.patient.name, ours.order.laterality) == ("Testwell^Ada^Bea", "LEFT")
    assert (other.order.laterality, ours.patient.primary.value) == ("RIGHT", "N000001")  # type: ignore[union-attr]


def test_a_port_that_is_held_is_told_at_the_next_pull_and_no_longer_once_it_is_free(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = parse_mllp(f"127.0.0.1:{taken.getsockname()[1]}")
        hub = world.hub(hl7_listen=address)
        assert code_of(lambda: hub.listen(threading.Event(), lambda: None)) == "port-taken"
    assert "can't be listened on" in told(world.hub())
    with listening(world):
        assert told(world.hub()) == ""
