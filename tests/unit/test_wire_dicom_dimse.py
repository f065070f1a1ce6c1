"""DIMSE against scripted peers that lie, stall and break, and against pynetdicom as an independent one."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.hubfile import DimseAddress
from teleread.wire import pdu
from teleread.wire.dimse import VERIFICATION, Association
from teleread.wire.dimse_line import DimseLimits
from teleread.wire.dimse_messages import StoreRequest
from teleread.wire.storage_scp import StorageScp
from tests.archive_factories import CT, STUDY, ct
from tests.contract.archive_hostile_dimse import exactly

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
QUICK = DimseLimits(connect=2, associate=1, silence=0.3, send=2, release=0.5, max_pdu=16384)
CONTEXTS = (pdu.Context(1, GET, (pdu.IMPLICIT,)), pdu.Context(3, CT, ("1.2.840.10008.1.2.1",)))


class Keeper:
    """Keeps what is stored."""

    def __init__(self) -> None:
        self.whole: list[bytes] = []
        self.cuts: list[str] = []
        self.open = bytearray()

    def begin(self, request: StoreRequest) -> None:
        self.open = bytearray()
        self.syntax = request.transfer_syntax
        self.sop_uid = request.sop_uid

    def write(self, chunk: bytes | memoryview) -> None:
        self.open += chunk

    def end(self) -> int:
        self.whole.append(bytes(self.open))
        return 0

    def cut(self, why: str) -> None:
        self.cuts.append(why)


def receive(sock: socket.socket) -> tuple[int, bytes]:
    kind, length = struct.unpack(">BxI", exactly(sock, 6))
    return kind, exactly(sock, length)


@contextmanager
def peer(script: Callable[[socket.socket], None], *, accept: bool = True) -> Iterator[DimseAddress]:
    """A peer that takes one association (if told to), reads one request, and follows a script."""

    def serve() -> None:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        with sock:
            sock.settimeout(5)
            try:
                _, body = receive(sock)
                if accept:
                    request = pdu.parse_associate_rq(memoryview(body))
                    chosen = {one.id: one.syntaxes[0] for one in request.contexts}
                    sock.sendall(pdu.associate_ac(request, chosen, 16384))
                    receive(sock)
                script(sock)
                while sock.recv(65536):
                    pass
            except (OSError, EOFError):
                pass

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield DimseAddress("PEER", "127.0.0.1", int(listener.getsockname()[1]))
    finally:
        listener.close()
        thread.join(5)


def store_request(sop_uid: str = "1.2.3") -> bytes:
    return pdu.command(
        pdu.element(0, 0x0002, CT.encode()),
        pdu.number(0x0100, 0x0001),
        pdu.number(0x0110, 9),
        pdu.number(0x0700, 0),
        pdu.number(0x0800, 1),
        pdu.element(0, 0x1000, sop_uid.encode()),
    )


def response(status: int) -> bytes:
    body = pdu.command(
        pdu.number(0x0100, 0x8010),
        pdu.number(0x0120, 1),
        pdu.number(0x0800, 0x0101),
        pdu.number(0x0900, status),
    )
    return next(iter(pdu.fragments(1, True, body, 0)))


def send(sock: socket.socket, context: int, is_command: bool, raw: bytes, room: int = 16000) -> None:
    for part in pdu.fragments(context, is_command, raw, room):
        sock.sendall(part)


def get(address: DimseAddress, keeper: Keeper, limits: DimseLimits = QUICK) -> int:
    association = Association(address, "US", CONTEXTS, storage=(CT,), limits=limits)
    try:
        return association.get(GET, pdu.element(8, 0x52, "STUDY"), keeper).status
    finally:
        association.abort()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_instance_is_the_same_however_it_is_fragmented(seed: int) -> None:
    chance = random.Random(seed)
    data = chance.randbytes(chance.randint(1, 60_000))

    def script(sock: socket.socket) -> None:
        send(sock, 3, True, store_request(), chance.randint(1100, 16000))
        at = 0
        while at < len(data):  # several values in one unit, units split over packets
            values = b""
            for _ in range(chance.randint(1, 3)):
                piece = data[at : at + chance.randint(1, 5000)]
                at += len(piece)
                last = 2 if at >= len(data) else 0
                values += struct.pack(">IBB", len(piece) + 2, 3, last) + piece
                if last:
                    break
            unit = pdu.pack(pdu.P_DATA, values)
            middle = chance.randint(0, len(unit))
            sock.sendall(unit[:middle])
            sock.sendall(unit[middle:])
        receive(sock)
        sock.sendall(response(0))

    keeper = Keeper()
    with peer(script) as address:
        assert get(address, keeper, DimseLimits(silence=5, max_pdu=16384)) == 0
    assert keeper.whole == [data]


def test_a_unit_of_four_gigabytes_ends_the_association_before_it_is_read() -> None:
    def script(sock: socket.socket) -> None:
        sock.sendall(struct.pack(">BBI", 4, 0, 0xFFFFFFFF))

    with peer(script) as address, pytest.raises(OfflineError, match="no sense") as caught:
        get(address, Keeper())
    assert "agreed" in caught.value.detail


def test_an_association_answer_of_four_gigabytes_is_refused() -> None:
    def script(sock: socket.socket) -> None:
        sock.sendall(struct.pack(">BBI", 2, 0, 0xFFFFFFFF))

    with peer(script, accept=False) as address, pytest.raises(OfflineError, match="no sense"):
        get(address, Keeper())


def test_pending_for_ever_ends_in_words() -> None:
    def script(sock: socket.socket) -> None:
        stop = threading.Event()
        while not stop.wait(0.02):
            sock.sendall(response(0xFF00))

    with peer(script) as address, pytest.raises(OfflineError, match="promising"):
        get(address, Keeper())


def test_silence_ends_in_words() -> None:
    with peer(lambda sock: None) as address, pytest.raises(OfflineError, match="silent"):
        get(address, Keeper())


def test_a_peer_that_never_answers_the_association_ends_in_words() -> None:
    with peer(lambda sock: None, accept=False) as address, pytest.raises(OfflineError, match="silent"):
        get(address, Keeper(), DimseLimits(associate=0.2))


def test_a_line_that_breaks_inside_an_instance_keeps_the_whole_ones() -> None:
    def script(sock: socket.socket) -> None:
        send(sock, 3, True, store_request("1.2.1"))
        send(sock, 3, False, b"whole" * 100)
        receive(sock)
        send(sock, 3, True, store_request("1.2.2"))
        sock.sendall(pdu.pack(pdu.P_DATA, struct.pack(">IBB", 102, 3, 0) + bytes(100)))
        sock.shutdown(socket.SHUT_RDWR)

    keeper = Keeper()
    with peer(script) as address, pytest.raises(OfflineError, match="hung up"):
        get(address, keeper)
    assert keeper.whole == [b"whole" * 100]
    assert len(keeper.cuts) == 1


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda sock: sock.sendall(pdu.pack(pdu.ABORT, bytes(4))), "broke off"),
        (lambda sock: sock.sendall(pdu.pack(pdu.RELEASE_RQ, bytes(4))), "ended the association"),
        (lambda sock: sock.sendall(pdu.pack(99, bytes(4))), "no sense"),
        (lambda sock: sock.sendall(pdu.pack(pdu.P_DATA, struct.pack(">IBB", 5000, 1, 3) + b"x")), "no sense"),
        (lambda sock: sock.sendall(pdu.pack(pdu.P_DATA, struct.pack(">IBB", 2, 1, 2))), "no sense"),
        (lambda sock: sock.sendall(pdu.pack(pdu.P_DATA, b"\0\0")), "no sense"),
        (lambda sock: send(sock, 1, True, struct.pack("<HHI", 0, 0, 0xFFFFFF00)), "no sense"),
    ],
)
def test_what_a_peer_may_send_instead_ends_in_words(
    script: Callable[[socket.socket], None], words: str
) -> None:
    with peer(script) as address, pytest.raises(OfflineError, match=words):
        get(address, Keeper())


@pytest.mark.parametrize(
    ("reason", "words", "later"),
    [
        ((1, 1, 3), "know our AE title", False),
        ((1, 1, 7), "was called by", False),
        ((2, 3, 1), "too many", True),
    ],
)
def test_a_rejection_is_told_in_words(reason: tuple[int, int, int], words: str, later: bool) -> None:
    def script(sock: socket.socket) -> None:
        sock.sendall(pdu.pack(pdu.ASSOCIATE_RJ, bytes((0, *reason))))

    with peer(script, accept=False) as address, pytest.raises(AttentionError) as caught:
        get(address, Keeper())
    assert words in caught.value.detail
    assert caught.value.retryable is later


def test_failed_uids_and_counts_of_the_final_response_are_read() -> None:
    def script(sock: socket.socket) -> None:
        body = pdu.command(
            pdu.number(0x0100, 0x8010),
            pdu.number(0x0120, 1),
            pdu.number(0x0800, 1),
            pdu.number(0x0900, 0xB000),
            pdu.number(0x1021, 2),
            pdu.number(0x1022, 1),
            pdu.number(0x1023, 0),
        )
        send(sock, 1, True, body)
        send(sock, 1, False, pdu.element(8, 0x58, b"1.2.3\\1.2.4"))

    with peer(script) as address:
        association = Association(address, "US", CONTEXTS, limits=QUICK)
        outcome = association.get(GET, b"", Keeper())
        association.abort()
    assert (outcome.status, outcome.completed, outcome.failed) == (0xB000, 2, 1)
    assert outcome.failed_uids == ("1.2.3", "1.2.4")


def test_nobody_at_the_address_ends_in_words_without_a_stack() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    with pytest.raises(OfflineError, match="reached"):
        get(DimseAddress("PEER", "127.0.0.1", port), Keeper())


# ---------------------------------------------------------------------- pynetdicom as the other side


@contextmanager
def pynetdicom_scp() -> Iterator[DimseAddress]:
    from pynetdicom import AE, evt

    ae = AE("THEM")
    ae.add_supported_context(VERIFICATION)
    ae.add_supported_context(FIND)

    def find(event: evt.Event) -> Iterator[tuple[int, object]]:
        from pydicom.dataset import Dataset

        for number in range(3):
            found = Dataset()
            found.SpecificCharacterSet = "ISO_IR 192"
            found.StudyInstanceUID = f"{STUDY}.{number}"
            found.StudyDescription = "Thorax ü"
            yield 0xFF00, found

    handlers: list[Any] = [(evt.EVT_C_ECHO, lambda event: 0), (evt.EVT_C_FIND, find)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    assert server.socket is not None
    try:
        yield DimseAddress("THEM", "127.0.0.1", int(server.socket.getsockname()[1]))
    finally:
        server.shutdown()


def test_echo_and_find_agree_with_pynetdicom() -> None:
    with pynetdicom_scp() as address:
        contexts = (pdu.Context(1, VERIFICATION, (pdu.IMPLICIT,)), pdu.Context(3, FIND, (pdu.IMPLICIT,)))
        association = Association(address, "US", contexts)
        association.echo()
        found = list(association.find(FIND, pdu.element(8, 0x52, "STUDY") + pdu.element(0x20, 0xD, "")))
        association.release()
    assert [one.uid(0x0020000D) for one in found] == [f"{STUDY}.{number}" for number in range(3)]
    assert found[0].values[0x00081030].decode() == "Thorax ü "


def test_a_service_that_was_not_accepted_is_told() -> None:
    with pynetdicom_scp() as address:
        association = Association(
            address,
            "US",
            (pdu.Context(1, GET, (pdu.IMPLICIT,)), pdu.Context(3, VERIFICATION, (pdu.IMPLICIT,))),
        )
        with pytest.raises(AttentionError, match="does not offer"):
            association.get(GET, b"", Keeper())
        association.release()


def test_our_storage_scp_takes_what_pynetdicom_sends() -> None:
    from io import BytesIO

    from pydicom import dcmread
    from pynetdicom import AE

    keeper = Keeper()
    sent = dcmread(BytesIO(ct(5)))
    with StorageScp("127.0.0.1", 0, "US", lambda: keeper) as scp:
        ae = AE("THEM")
        ae.add_requested_context(CT, "1.2.840.10008.1.2.1")
        ae.add_requested_context(VERIFICATION)
        association = ae.associate("127.0.0.1", scp.port, ae_title="US")
        assert association.is_established
        assert association.send_c_echo().Status == 0
        assert association.send_c_store(sent).Status == 0
        association.release()
        stranger = ae.associate("127.0.0.1", scp.port, ae_title="OTHER")
        assert stranger.is_rejected
    assert keeper.sop_uid == f"{STUDY}.1.5"
    assert keeper.whole == [ct(5)[ct(5).index(b"\x08\x00\x05\x00CS") :]]


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        with pytest.raises(TelereadError, match="listened on"):
            StorageScp("127.0.0.1", port, "US", Keeper)


def test_status_details_of_other_groups_in_a_command_are_passed_over() -> None:
    detail = struct.pack("<HHI", 0x0008, 0x0058, 6) + b"1.2.3\0"
    found = pdu.parse_command(pdu.command(pdu.number(0x0900, 0xC000)) + detail)
    assert found[0x0900] == b"\x00\xc0"
    assert 0x0058 not in found
