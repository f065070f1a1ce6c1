"""Lists that get everything wrong, on bare sockets: what is read, what is told, what is never called gone."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from teleread.hub.mwl import MwlHub
from teleread.model.errors import OfflineError, TelereadError
from teleread.model.hubfile import DimseAddress, HubFile
from teleread.wire import pdu
from teleread.wire.dimse_line import DimseLimits, Line
from teleread.wire.dimse_messages import Conversation
from teleread.wire.mwl_items import MODEL
from tests.contract.mwl_peers import NOW, item
from tests.contract.ups_double import Keys
from tests.unit.test_wire_dicom_dataset import encoded, raw

PENDING, DONE, TOO_MANY = 0xFF00, 0x0000, 0xA700
Talk = Callable[[Conversation, int, int], None]
"""Answers one question: on what, in which context, and the message's number."""


class Scp:
    """A list on a bare socket. `answer` says how each question is answered."""

    def __init__(self, answer: Talk) -> None:
        self.answer = answer
        self.questions = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> DimseAddress:
        return DimseAddress("LIST", "127.0.0.1", self._socket.getsockname()[1])

    def close(self) -> None:
        self._stop.set()
        self._thread.join(20)
        self._socket.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                sock, _ = self._socket.accept()
            except TimeoutError:
                continue
            try:
                self._converse(sock)
            except (TelereadError, OSError):
                pass  # the client went its way
            finally:
                sock.close()

    def _converse(self, sock: socket.socket) -> None:
        limits = DimseLimits(silence=20.0, send=20.0)
        line = Line(sock, limits)
        request = pdu.parse_associate_rq(line.read(20)[1])
        accepted = {one.id: pdu.IMPLICIT for one in request.contexts if one.abstract == MODEL}
        line.send(pdu.associate_ac(request, accepted, limits.max_pdu))
        pairs = {one.id: (one.abstract, pdu.IMPLICIT) for one in request.contexts if one.id in accepted}
        talk = Conversation(line, pairs, request.max_pdu, limits)
        while True:
            context, found = talk.read_command()
            for _ in talk.read_data(context):
                pass
            self.questions += 1
            self.answer(talk, context, int.from_bytes(found[0x0110][:2], "little"))


def say(talk: Conversation, context: int, number: int, status: int, data: bytes | None = None) -> None:
    talk.send(
        context,
        pdu.command(
            pdu.element(0, 0x0002, MODEL.encode()),
            pdu.number(0x0100, 0x8020),
            pdu.number(0x0120, number),
            pdu.number(0x0800, pdu.NO_DATA_SET if data is None else 1),
            pdu.number(0x0900, status),
        ),
        data,
    )


def items(*found: bytes, status: int = DONE) -> Talk:
    """A list of these."""

    def answer(talk: Conversation, context: int, number: int) -> None:
        for one in found:
            say(talk, context, number, PENDING, one)
        say(talk, context, number, status)

    return answer


@pytest.fixture
def scp() -> Iterator[Scp]:
    one = Scp(items())
    yield one
    one.close()


def hub(scp: Scp, keys: Keys | None = None, **options: Any) -> MwlHub:
    from teleread.host.clock import FakeClock

    file = HubFile(
        "hub-1",
        "TEST",
        mwl=scp.address,
        mwl_options={"window_days": 30, **options},
        reader_id="reader",
        reader_name="Dr R",
    )
    return MwlHub(file, None, FakeClock(NOW), memory=keys or Keys())


def pulled(one: MwlHub, cursor: str = "") -> tuple[dict[str, Any], list[str]]:
    pages = list(one.pull(cursor))
    found = {context.key.task_id: context for page in pages for context in page.contexts}
    return found, [words for page in pages for words in page.skipped]


GOOD = encoded(item(1))
MANY = 10_000 if os.environ.get("TELEREAD_FULL") == "1" else 1_500


def test_items_that_make_no_sense_cost_themselves_and_are_told(scp: Scp) -> None:
    nobody = item(2, PatientID="", OtherPatientIDsSequence=[])
    unknown = item(3, AccessionNumber="", RequestedProcedureID="", StudyInstanceUID="")
    deep = b""
    for _ in range(500):
        deep = raw(0x00400100, raw(0xFFFEE000, deep))
    scp.answer = items(encoded(nobody), b"", b"\x10", GOOD[:70], deep, encoded(unknown), GOOD)
    found, skipped = pulled(hub(scp))
    assert list(found) == ["ACC00001.RP1"]
    assert len(skipped) == 6
    assert any("no patient" in one for one in skipped)
    assert all(one.isprintable() for one in skipped)


def test_one_number_for_two_people_shows_neither_and_says_so(scp: Scp) -> None:
    other = item(1, PatientID="N999999", PatientName="Other^Ann", OtherPatientIDsSequence=[])
    keys = Keys()
    scp.answer = items(GOOD)
    first = hub(scp, keys)
    (page,) = first.pull("")
    scp.answer = items(GOOD, encoded(other), GOOD)
    found, skipped = pulled(hub(scp, keys), page.cursor)
    assert found == {}  # nor is it called gone: it is there, and nobody knows whose
    assert any("different people" in one for one in skipped)
    with pytest.raises(TelereadError) as caught:
        hub(scp, keys).read(page.contexts[0].key)
    assert caught.value.code == "refused"


def test_steps_of_one_order_are_one_case_which_is_over_when_all_of_them_are(scp: Scp) -> None:
    steps = [
        item(1, step_ScheduledProcedureStepID=f"S{number}", step_ScheduledProcedureStepStatus=status)
        for number, status in enumerate(("DISCONTINUED", "SCHEDULED"))
    ]
    scp.answer = items(*(encoded(one) for one in steps))
    assert pulled(hub(scp), "x")[0]["ACC00001.RP1"].task.status == "requested"
    steps[1].ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus = "CANCELED"
    scp.answer = items(*(encoded(one) for one in steps))
    assert pulled(hub(scp), "x")[0]["ACC00001.RP1"].task.status == "cancelled"


def test_names_in_letters_nobody_declared_are_told_with_the_switch_that_helps(scp: Scp) -> None:
    ds = item(1)
    whole = encoded(ds)
    silent = whole.replace(raw(0x00080005, b"ISO_IR 192"), b"")
    assert len(silent) < len(whole)
    scp.answer = items(silent)
    found, skipped = pulled(hub(scp))
    assert found["ACC00001.RP1"].patient.name != "Müller^Zoë"
    assert any("mwl_options" in one for one in skipped)
    found, skipped = pulled(hub(scp, charset="ISO_IR 192"))
    assert (found["ACC00001.RP1"].patient.name, skipped) == ("Müller^Zoë", [])
    wrong = whole.replace("Müller".encode(), b"M\xfcXller")
    scp.answer = items(wrong)
    assert any("does not have" in one for one in pulled(hub(scp))[1])


def test_thousands_of_items_are_read_and_told_in_pages(scp: Scp) -> None:
    one = GOOD
    at = one.index(b"ACC00001")
    procedure = one.index(b"RP1 ")
    study = one.index(b"498.77.1")
    many = [
        one[:at]
        + b"A%07d" % number
        + one[at + 8 : study]
        + b"49%06d" % number
        + one[study + 8 : procedure]
        + b"RP1 "
        + one[procedure + 4 :]
        for number in range(MANY)
    ]
    scp.answer = items(*many)
    pages = list(hub(scp, most=20_000).pull(""))
    assert (len(pages), sum(len(page.contexts) for page in pages)) == (MANY // 100, MANY)


def test_a_list_without_end_is_left_and_nothing_of_it_is_called_gone(scp: Scp) -> None:
    keys = Keys()
    scp.answer = items(GOOD)
    (page,) = hub(scp, keys).pull("")

    def endless(talk: Conversation, context: int, number: int) -> None:
        while True:
            say(talk, context, number, PENDING, encoded(item(2)))

    scp.answer = endless
    found, skipped = pulled(hub(scp, keys, most=5, days_back=0, days_ahead=0, window_days=1), page.cursor)
    assert "ACC00001.RP1" not in found
    assert any("not all are shown" in one for one in skipped)


def test_a_list_that_says_it_has_too_many_is_asked_in_pieces(scp: Scp) -> None:
    told: list[int] = []

    def answer(talk: Conversation, context: int, number: int) -> None:
        told.append(number)
        items(*([GOOD] if len(told) > 3 else []), status=DONE if len(told) > 3 else TOO_MANY)(
            talk, context, number
        )

    scp.answer = answer
    found, skipped = pulled(hub(scp))
    assert list(found) == ["ACC00001.RP1"]
    assert skipped == []


@pytest.mark.parametrize("way", ["break", "nonsense", "other message", "no status", "endless item", "refuse"])
def test_a_list_that_breaks_off_changes_nothing(scp: Scp, way: str) -> None:
    keys = Keys()
    scp.answer = items(GOOD)
    (page,) = hub(scp, keys).pull("")
    before = dict(keys.kept)

    def answer(talk: Conversation, context: int, number: int) -> None:
        say(talk, context, number, PENDING, encoded(item(2)))
        if way == "break":
            raise OSError
        if way == "nonsense":
            talk.line.send(b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(200))
        elif way == "other message":
            say(talk, context, number + 7, DONE)
        elif way == "no status":
            talk.send(context, pdu.command(pdu.number(0x0100, 0x8020), pdu.number(0x0800, pdu.NO_DATA_SET)))
        elif way == "endless item":
            say(talk, context, number, PENDING, bytes(2 << 20))
        else:
            say(talk, context, number, 0xC001)

    scp.answer = answer
    with pytest.raises(TelereadError) as caught:
        list(hub(scp, keys).pull(page.cursor))
    assert caught.value.code == "refused" if way == "refuse" else isinstance(caught.value, OfflineError)
    assert "archive" not in caught.value.title
    assert keys.kept == before


def test_an_association_that_is_no_dicom_at_all_is_told_in_words(scp: Scp) -> None:
    plain = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: _web(plain), daemon=True)
    thread.start()
    file = HubFile("hub-1", "TEST", mwl=DimseAddress("LIST", "127.0.0.1", plain.getsockname()[1]))
    with pytest.raises(OfflineError, match="worklist of TEST"):
        MwlHub(file, memory=Keys()).health()
    thread.join(20)
    plain.close()


def _web(server: socket.socket) -> None:
    sock, _ = server.accept()
    sock.recv(4096)
    sock.sendall(struct.pack(">BBI", 0x48, 0, 40) + bytes(40))
    sock.close()
