"""MLLP: frames, sending with every kind of answer, and taking messages under limits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from teleread.model.addresses import MllpAddress, mllp_values, parse_mllp
from teleread.model.errors import OfflineError, TelereadError, UsageError
from teleread.model.hubfile import HubFile, parse_hub_file
from teleread.wire.er7 import decode
from teleread.wire.hl7_acks import Ack, acknowledgement, answers, read_ack, worst
from teleread.wire.mllp import MAX_STRAY, Frames, MllpLimits, TooLongError, exchange, framed, reach
from teleread.wire.mllp_listen import ListenLimits, MllpListener
from tests.contract.mllp_site import ANSWERS, Site, ack, codes, send
from tests.ports import free_port

MESSAGE = b"MSH|^~\\&|TELEREAD||RIS||20261124043000+0000||ORU^R01|ID1|P|2.5.1\rOBX|1|TX|||No fracture\r"
SHORT = MllpLimits(answer=0.3, largest=64 * 1024)
NOW = datetime(2026, 11, 24, 4, 30, tzinfo=UTC)


def hub_file(**more: object) -> HubFile:
    return HubFile(hub_id="hub-1", name="TEST", **more)  # type: ignore[arg-type]


@contextmanager
def site(mode: str) -> Iterator[Site]:
    one = Site(mode)
    try:
        yield one
    finally:
        one.close()


def sent(one: Site, limits: MllpLimits = MllpLimits()) -> Ack:  # noqa: B008 - frozen
    return exchange(hub_file(), parse_mllp(one.address), MESSAGE, "ID1", limits)


# -- frames -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_frames_come_out_whole_however_the_stream_is_cut(size: int) -> None:
    stream = framed(b"one\r") + b"\r\n" + framed(b"two\r") + b"\x0bthree\x1c" + framed(b"")
    frames, found = Frames(100), []
    for at in range(0, len(stream), size):
        found += frames.feed(stream[at : at + size])
    assert found == [b"one\r", b"two\r", b"three", b""]
    assert not frames.partly
    assert frames.stray == 0


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_frame_that_is_begun_anew_before_its_end_counts_from_its_last_beginning(size: int) -> None:
    stream = b"\x0bha" + framed(b"whole\r")
    frames, found = Frames(100), []
    for at in range(0, len(stream), size):
        found += frames.feed(stream[at : at + size])
    assert found == [b"whole\r"]


def test_a_frame_or_noise_beyond_the_limit_ends_the_line() -> None:
    with pytest.raises(TooLongError):
        Frames(10).feed(b"\x0b" + b"A" * 11)
    frames = Frames(10)
    frames.feed(b"A" * MAX_STRAY)
    with pytest.raises(TooLongError):
        frames.feed(b"A")


# -- acknowledgements ---------------------------------------------------------------------------------


def test_the_words_of_a_refusal_come_from_msa_and_err() -> None:
    found = read_ack(ack(MESSAGE, "AE", words="Sorry", err="OBR-4 is not known\x1b[31m here"))
    assert found is not None
    assert (found.code, found.control_id, found.accepted) == ("AE", "ID1", False)
    assert found.words == "Sorry; OBR-4 is not known[31m here"


@pytest.mark.parametrize(
    "frame",
    [b"", b"not hl7", MESSAGE, ack(MESSAGE, "XX"), ack(MESSAGE).replace(b"|ID1|", b"||"), b"\x00" * 50],
)
def test_what_is_no_acknowledgement_is_none(frame: bytes) -> None:
    assert read_ack(frame) is None


def test_of_several_acknowledgements_of_a_message_a_refusal_counts() -> None:
    read = [read_ack(ack(MESSAGE, code)) for code in ("AA", "AE", "CA")]
    found = worst(one for one in read if one is not None)
    assert found is not None
    assert found.code == "AE"
    assert worst([]) is None


@pytest.mark.parametrize(
    ("wishes", "good", "codes_told"),
    [
        ("|", True, ("AA",)),
        ("|", False, ("AE",)),
        ("AL|NE", True, ("CA",)),
        ("AL|NE", False, ("CE",)),
        ("NE|NE", True, ()),
        ("NE|AL", True, ("AA",)),
        ("ER|NE", True, ()),
        ("ER|NE", False, ("CE",)),
        ("SU|AL", True, ("CA", "AA")),
    ],
)
def test_a_sender_is_answered_in_the_mode_it_asks_for(
    wishes: str, good: bool, codes_told: tuple[str, ...]
) -> None:
    head = decode(f"MSH|^~\\&|A|B|C|D|20261124||ADT^A08|1|P|2.5.1|||{wishes}\r".encode())[0]
    assert answers(head, good=good) == codes_told


@pytest.mark.parametrize("version", ["2.3", "2.5.1", "9", ""])
def test_our_acknowledgement_names_the_message_and_holds_no_separator_from_outside(version: str) -> None:
    text = f"MSH|^~\\&|RIS\\F\\X|SITE|US||20261124||ADT^A08|ID\\F\\7|P|{version}\r"
    head = decode(text.encode())[0]
    made = acknowledgement(head, "AE", "OWN1", NOW, words="No | PID", error="101")
    reply, msa, *errors = decode(made)
    assert (reply.get(1), reply.get(3), reply.get(8)) == ("US", "RIS|X", "OWN1")
    assert (msa.get(1), msa.get(2), msa.get(3)) == ("AE", "ID|7", "No | PID")
    assert reply.get(10) == (version if version.startswith("2") else "2.5.1")
    assert [one.get(3) for one in errors] == ([] if version == "2.3" else ["101"])
    assert decode(acknowledgement(None, "AR", "OWN1", NOW))[1].get(2) == ""


# -- sending ------------------------------------------------------------------------------------------

WELL = ["AA", "CA", "no-last-cr", "line-feeds", "another-first", "twice", "cut-then-whole", "drip"]
REFUSED = ["AE", "AR", "CE", "CR"]
UNKNOWN = ["none", "garbage", "noise", "another", "no-number", "cut", "close", "endless"]


def test_every_way_to_answer_is_tried() -> None:
    assert set(ANSWERS) <= {*WELL, *REFUSED, *UNKNOWN, "both-ways"}


@pytest.mark.parametrize("mode", WELL)
def test_a_message_is_taken_over_only_by_its_own_acknowledgement(mode: str) -> None:
    with site(mode) as one:
        found = sent(one)
        assert (found.accepted, found.control_id) == (True, "ID1")
        assert one.received == [MESSAGE]


@pytest.mark.parametrize("mode", REFUSED)
def test_a_refusal_comes_with_its_words(mode: str) -> None:
    with site(mode) as one:
        found = sent(one)
        assert (found.code, found.accepted, found.words) == (mode, False, "OBR-4 is not known here")


@pytest.mark.parametrize("mode", UNKNOWN)
def test_what_is_not_acknowledged_is_unknown_and_neither_delivered_nor_refused(mode: str) -> None:
    with site(mode) as one, pytest.raises(OfflineError) as caught:
        sent(one, SHORT)
    assert caught.value.code == "unknown"
    assert "not known" in caught.value.detail


def test_nothing_was_sent_where_nobody_answers() -> None:
    address = MllpAddress("127.0.0.1", free_port())
    for act in (lambda: exchange(hub_file(), address, MESSAGE, "ID1"), lambda: reach(hub_file(), address)):
        with pytest.raises(OfflineError) as caught:
            act()
        assert caught.value.code == "offline"
        assert "Nothing was sent" in caught.value.detail


# -- taking -------------------------------------------------------------------------------------------


@contextmanager
def listening(
    take: Callable[[bytes], list[bytes]], allowed: tuple[str, ...] = (), **limits: float
) -> Iterator[MllpListener]:
    stop = threading.Event()
    made = ListenLimits(**limits)  # type: ignore[arg-type]
    with MllpListener(MllpAddress("127.0.0.1", 0), allowed, take, limits=made) as one:
        thread = threading.Thread(target=one.serve, args=(stop,))
        thread.start()
        try:
            yield one
        finally:
            stop.set()
            thread.join(30)


def test_messages_on_one_line_are_answered_in_their_order_also_when_they_come_at_once() -> None:
    with listening(lambda frame: [ack(frame)]) as one:
        first, second = MESSAGE, MESSAGE.replace(b"ID1", b"ID2")
        assert codes(send(one.port, first, second)) == ["AA", "AA"]
        with socket.create_connection(("127.0.0.1", one.port), 60) as sock:
            sock.settimeout(60)
            sock.sendall(framed(first) + framed(second))
            told: list[bytes] = []
            frames = Frames(10_000)
            while len(told) < 2:
                told += frames.feed(sock.recv(65536))
    assert [b"ID1" in told[0], b"ID2" in told[1]] == [True, True]


def test_a_taker_that_fails_acknowledges_nothing_and_the_next_line_works() -> None:
    broken = [True]

    def take(frame: bytes) -> list[bytes]:
        if broken.pop() if broken else False:
            raise RuntimeError
        return [ack(frame)]

    with listening(take) as one:
        assert send(one.port, MESSAGE) == []
        assert codes(send(one.port, MESSAGE)) == ["AA"]


def test_who_falls_silent_or_drips_is_hung_up_on_and_a_message_too_long_is_rejected() -> None:
    taken: list[bytes] = []

    def take(frame: bytes) -> list[bytes]:
        taken.append(frame)
        return [ack(MESSAGE, "AR")]

    with listening(take, idle=0.2, message=0.2, largest=1000) as one:
        for begun in (b"", b"\x0bMSH|"):
            with socket.create_connection(("127.0.0.1", one.port), 60) as sock:
                sock.settimeout(60)
                sock.sendall(begun)
                assert sock.recv(1) == b""
        assert codes(send(one.port, raw=b"\x0b" + b"A" * 1001)) == ["AR"]
    assert taken == [b""]


def test_more_lines_than_are_allowed_are_hung_up_on_and_one_that_ends_makes_room() -> None:
    with listening(lambda frame: [ack(frame)], connections=1) as one:
        with socket.create_connection(("127.0.0.1", one.port), 60) as first:
            first.settimeout(60)
            first.sendall(framed(MESSAGE))
            assert first.recv(65536)
            with socket.create_connection(("127.0.0.1", one.port), 60) as second:
                second.settimeout(60)
                assert second.recv(1) == b""
        told: list[bytes] = []
        for _ in range(600):
            if (told := send(one.port, MESSAGE)) != []:
                break
            time.sleep(0.05)
        assert codes(told) == ["AA"]


@pytest.mark.parametrize(
    ("host", "may"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.1.2.9", True),
        ("::ffff:10.1.2.9", True),
        ("10.1.3.1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_only_this_machine_and_the_networks_that_are_named_may_send(host: str, may: bool) -> None:
    with MllpListener(MllpAddress("127.0.0.1", 0), ("10.1.2.0/24",), lambda _: []) as one:
        assert one._may(host) is may


def test_a_stranger_is_hung_up_on_and_told_of() -> None:
    strangers: list[str] = []
    one = MllpListener(MllpAddress("127.0.0.1", 0), (), lambda _: [], refused=strangers.append)
    one._allowed = []  # nobody, so that this machine is a stranger
    stop = threading.Event()
    with one:
        thread = threading.Thread(target=one.serve, args=(stop,))
        thread.start()
        assert send(one.port, MESSAGE) == []
        stop.set()
        thread.join(30)
    assert strangers == ["127.0.0.1"]


def test_a_port_that_is_held_is_told_in_words() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as held,
        pytest.raises(TelereadError) as caught,
    ):
        MllpListener(MllpAddress("127.0.0.1", held.getsockname()[1]), (), lambda _: [])
    assert caught.value.code == "port-taken"


# -- the hub file -------------------------------------------------------------------------------------


def test_a_hub_file_names_receiver_and_listener() -> None:
    table = {"hub_id": "h", "hl7": "10.0.0.5:2575", "hl7_tls": True, "hl7_listen": "2576"}
    hub = parse_hub_file("n", table)
    assert (str(hub.hl7), str(hub.hl7_listen), hub.platform) == ("10.0.0.5:2575", "127.0.0.1:2576", "hl7")
    assert hub.claims_locally
    assert str(parse_mllp("[::1]:2575")) == "[::1]:2575"


@pytest.mark.parametrize(
    "table",
    [
        {"hl7": "10.0.0.5:2575"},
        {"hl7": "nowhere"},
        {"hl7": "host:99999"},
        {"hl7_listen": "0.0.0.0:2575", "hl7_listen_tls": True},
        {"hl7_listen": "0.0.0.0:2575", "hl7_from": ["10.0.0.0/8"]},
        {"hl7_listen": "2575", "hl7_from": ["the site"]},
    ],
)
def test_what_is_open_by_mistake_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        mllp_values("n", table)


def test_plain_lines_beyond_this_machine_need_a_reason_and_names() -> None:
    table = {
        "hl7": "10.0.0.5:2575",
        "hl7_listen": "0.0.0.0:2575",
        "hl7_from": ["10.0.0.5"],
        "allow_plain_http": "a wire of our own",
    }
    found = mllp_values("n", table)
    assert found["hl7_from"] == ("10.0.0.5/32",)
    assert found["hl7_listen"] == MllpAddress("0.0.0.0", 2575)
