"""A DIMSE archive that lies, stalls and breaks on demand. Raw bytes, and none of the client's own code.

It is honest until a fault says otherwise: a fault replaces what happens at one of three moments (the
association, a query, a retrieve). By C-MOVE it calls the client back, as an archive does.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Fault", "HostileDimse", "Instance", "Session", "hostile"]

IMPLICIT: Final = b"1.2.840.10008.1.2"
NO_DATA: Final = 0x0101
STORE_RQ, GET_RQ, FIND_RQ, MOVE_RQ = 0x0001, 0x0010, 0x0020, 0x0021
AC, RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 2, 3, 4, 5, 6, 7


def exactly(sock: socket.socket, count: int) -> bytes:
    out = b""
    while len(out) < count:
        more = sock.recv(count - len(out))
        if not more:
            raise EOFError
        out += more
    return out


def unit(kind: int, body: bytes, *, length: int | None = None) -> bytes:
    return struct.pack(">BBI", kind, 0, len(body) if length is None else length) + body


def value(context: int, flags: int, raw: bytes, *, length: int | None = None) -> bytes:
    return struct.pack(">IBB", len(raw) + 2 if length is None else length, context, flags) + raw


def element(number: int, raw: bytes, *, group: int = 0, length: int | None = None) -> bytes:
    raw += b"\0" * (len(raw) % 2)
    return struct.pack("<HHI", group, number, len(raw) if length is None else length) + raw


def us(number: int, what: int) -> bytes:
    return element(number, struct.pack("<H", what))


def command(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return element(0, struct.pack("<I", len(body))) + body


def elements_of(raw: bytes) -> dict[int, bytes]:
    out, at = {}, 0
    while at + 8 <= len(raw):
        group, number, length = struct.unpack_from("<HHI", raw, at)
        one = raw[at + 8 : at + 8 + length]
        out[group << 16 | number] = one.rstrip(b"\0 ") if group else one
        at += 8 + length
    return out


@dataclass(eq=False)
class Talk:
    """One association, from either side."""

    sock: socket.socket
    contexts: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Accepted: SOP class and transfer syntax."""

    def units(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", exactly(self.sock, 6))
        return kind, exactly(self.sock, length)

    def message(self) -> tuple[int, dict[int, bytes], dict[int, bytes]]:
        """Presentation context, command and identifier of the next message.

        Raises:
            EOFError: It was released, aborted, or broke.
        """
        parts: dict[int, bytes] = {0: b"", 1: b""}
        while True:
            kind, body = self.units()
            if kind == RELEASE_RQ:
                self.sock.sendall(unit(RELEASE_RP, bytes(4)))
            if kind != P_DATA:
                raise EOFError
            at = 0
            while at < len(body):
                length, context, flags = struct.unpack_from(">IBB", body, at)
                parts[flags & 1] += body[at + 6 : at + 4 + length]
                at += 4 + length
                if flags & 2:
                    found = elements_of(parts[1])
                    with_data = int.from_bytes(found.get(0x0800, b""), "little") != NO_DATA
                    if not flags & 1 or not with_data:
                        return context, found, elements_of(parts[0])

    def send(self, context: int, flags: int, raw: bytes, room: int = 8000) -> None:
        pieces = [raw[at : at + room] for at in range(0, len(raw), room)] or [b""]
        for number, piece in enumerate(pieces):
            last = 2 if number == len(pieces) - 1 else 0
            self.sock.sendall(unit(P_DATA, value(context, flags | last, piece)))

    def context_for(self, sop_class: str) -> int:
        return next(id_ for id_, (known, _) in self.contexts.items() if known == sop_class)


@dataclass
class Instance:
    """What the archive holds of one object."""

    sop_uid: str
    sop_class: str
    study: str
    series: str
    data: bytes
    """Its data set, explicit little endian."""


@dataclass
class Session:
    """One association with the client, and one of its requests."""

    archive: HostileDimse
    main: Talk
    context: int = 0
    found: Mapping[int, bytes] = field(default_factory=dict)
    """The request's command."""
    asked: Mapping[int, bytes] = field(default_factory=dict)
    """Its identifier."""
    objects: Talk | None = None
    """Where objects go: the same association, or the one to the client's own SCP."""

    @property
    def number(self) -> int:
        return int.from_bytes(self.found.get(0x0110, b"\1\0"), "little")

    @property
    def kind(self) -> int:
        return int.from_bytes(self.found.get(0x0100, b""), "little")

    # ------------------------------------------------------------------ honest ways

    def wanted(self) -> list[Instance]:
        uids = self.asked.get(0x00080018, b"").decode().split("\\")
        study = self.asked.get(0x0020000D, b"").decode()
        return [
            one
            for one in self.archive.held.values()
            if one.study == study and (uids == [""] or one.sop_uid in uids)
        ]

    def respond(self, status: int, *more: bytes, kind: int | None = None, data: bytes | None = None) -> None:
        body = command(
            us(0x0100, kind or self.kind | 0x8000),
            us(0x0120, self.number),
            us(0x0800, NO_DATA if data is None else 1),
            us(0x0900, status),
            *more,
        )
        self.main.send(self.context, 1, body)
        if data is not None:
            self.main.send(self.context, 0, data)

    def request(self, one: Instance, **lies: bytes) -> bytes:
        """The command of a C-STORE sub-operation."""
        return command(
            element(0x0002, lies.get("sop_class", one.sop_class.encode())),
            us(0x0100, STORE_RQ),
            us(0x0110, 77),
            us(0x0700, 0),
            us(0x0800, 1),
            element(0x1000, lies.get("sop_uid", one.sop_uid.encode())),
        )

    def store(self, one: Instance, data: bytes | None = None, **lies: bytes) -> int:
        """Send one object; the status it is answered with."""
        assert self.objects is not None
        where = self.objects.context_for(one.sop_class)
        self.objects.send(where, 1, self.request(one, **lies))
        self.objects.send(where, 0, one.data if data is None else data)
        _, found, _ = self.objects.message()
        return int.from_bytes(found.get(0x0900, b""), "little")

    def raw(self, raw: bytes) -> None:
        """Bytes where an object would be."""
        assert self.objects is not None
        self.objects.sock.sendall(raw)

    def hang(self) -> None:
        """Say nothing more until the client goes.

        Raises:
            EOFError: It went.
        """
        talks = [self.main] if self.objects in {None, self.main} else [self.main, self.objects]
        while True:
            for sock in select.select([one.sock for one in talks if one is not None], [], [], 20)[0]:
                if not sock.recv(65536):
                    raise EOFError

    def find(self) -> None:
        level = self.asked.get(0x00080052, b"")
        self.archive.listed += level == b"IMAGE"
        series = self.asked.get(0x0020000E, b"").decode()
        told = set()
        if level == b"STUDY" and self.archive.counts:
            classes = sorted({one.sop_class for one in self.wanted()})
            self.match(self.wanted()[0], (0x0008, 0x0062, "\\".join(classes).encode()))
        for one in self.wanted():
            if level == b"SERIES" and one.series not in told:
                told.add(one.series)
                keys = [(0x0008, 0x0060, b"CT"), (0x0020, 0x000E, one.series.encode())]
                if self.archive.counts:
                    count = sum(other.series == one.series for other in self.archive.held.values())
                    keys.append((0x0020, 0x1209, str(count).encode()))
                self.match(one, *keys)
            elif level == b"IMAGE" and series in {one.series, ""}:
                uids = (0x0008, 0x0016, one.sop_class.encode()), (0x0008, 0x0018, one.sop_uid.encode())
                self.match(one, *uids, (0x0020, 0x000E, one.series.encode()))
        self.respond(0)

    def match(self, one: Instance, *keys: tuple[int, int, bytes], study: bytes = b"") -> None:
        rows = [*keys, (0x0020, 0x000D, study or one.study.encode())]
        data = b"".join(element(number, raw, group=group) for group, number, raw in sorted(rows))
        self.respond(0xFF00, data=data)

    def get(self) -> None:
        done = 0
        for one in self.wanted():
            done += self.store(one) == 0
        self.respond(0, us(0x1021, done), us(0x1022, 0), us(0x1023, 0))


class HostileDimse:
    """A server with a fault.

    Args:
        files: Part 10 files in explicit little endian: what it holds.
        listen: The client's own storage SCP, for C-MOVE.
    """

    def __init__(self, files: Mapping[str, bytes], listen: int) -> None:
        self.held = {uid: _instance(uid, data) for uid, data in files.items()}
        self.fault: Fault | None = None
        self.counts = False
        """It tells the number of instances of a series, and the SOP classes of a study."""
        self.listed = 0
        """Queries for instances."""
        self.asked: list[list[str]] = []
        """SOP Instance UIDs of each retrieve; an empty list for a whole study."""
        self._listen = listen
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = int(self._socket.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]

    def start(self) -> None:
        self._threads[0].start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self._open.add(sock)
            thread = threading.Thread(target=self._converse, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _converse(self, sock: socket.socket) -> None:
        fault = self.fault
        with contextlib.suppress(OSError, EOFError, struct.error, StopIteration), sock:
            sock.settimeout(20)
            session = Session(self, Talk(sock))
            _, body = session.main.units()
            offered = list(_offers(body))
            if fault is not None and fault.associate is not None:
                fault.associate(session, offered)
            else:
                accept(session, offered)
            while True:
                session.context, session.found, session.asked = session.main.message()
                self._serve_request(session, fault)
        self._open.discard(sock)

    def _serve_request(self, session: Session, fault: Fault | None) -> None:
        if session.kind == FIND_RQ:
            (fault.find if fault is not None and fault.find is not None else Session.find)(session)
            return
        self.asked.append([one for one in session.asked.get(0x00080018, b"").decode().split("\\") if one])
        retrieve = fault.get if fault is not None and fault.get is not None else Session.get
        if session.kind == MOVE_RQ:
            with self._call_back(session):
                retrieve(session)
        else:
            session.objects = session.main
            retrieve(session)

    @contextmanager
    def _call_back(self, session: Session) -> Iterator[None]:
        with socket.create_connection(("127.0.0.1", self._listen), 5) as sock:
            sock.settimeout(20)
            talk = session.objects = Talk(sock)
            classes = sorted({one.sop_class for one in self.held.values()})
            sock.sendall(_associate_rq(classes))
            talk.units()
            talk.contexts = {1 + 2 * at: (one, "") for at, one in enumerate(classes)}
            yield


def accept(session: Session, offered: list[tuple[int, str, list[str]]]) -> None:
    """Accept every context in its first syntax."""
    session.main.contexts = {id_: (abstract, syntaxes[0]) for id_, abstract, syntaxes in offered}
    answer(session, {id_: syntaxes[0] for id_, _, syntaxes in offered})


def answer(session: Session, chosen: Mapping[int, str], *, most: int = 16384) -> None:
    body = _titles() + _item(0x10, b"1.2.840.10008.3.1.1.1")
    for id_, syntax in chosen.items():
        body += _item(0x21, bytes((id_, 0, 0, 0)) + _item(0x40, syntax.encode()))
    body += _item(0x50, _item(0x51, struct.pack(">I", most)) + _item(0x52, b"1.2.3"))
    session.main.sock.sendall(unit(AC, body))


def _titles() -> bytes:
    return struct.pack(">HH", 1, 0) + b"TELEREAD".ljust(16) + b"HOSTILE".ljust(16) + bytes(32)


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def _associate_rq(classes: list[str]) -> bytes:
    body = _titles() + _item(0x10, b"1.2.840.10008.3.1.1.1")
    for at, one in enumerate(classes):
        syntax = _item(0x40, b"1.2.840.10008.1.2.1")
        body += _item(0x20, bytes((1 + 2 * at, 0, 0, 0)) + _item(0x30, one.encode()) + syntax)
    return unit(1, body + _item(0x50, _item(0x51, struct.pack(">I", 16384)) + _item(0x52, b"1.2.3")))


def _offers(body: bytes) -> Iterator[tuple[int, str, list[str]]]:
    at = 68
    while at + 4 <= len(body):
        kind, length = struct.unpack_from(">BxH", body, at)
        if kind == 0x20:
            inner = body[at + 8 : at + 4 + length]
            subs, inside = [], 0
            while inside + 4 <= len(inner):
                which, size = struct.unpack_from(">BxH", inner, inside)
                subs.append((which, inner[inside + 4 : inside + 4 + size].decode()))
                inside += 4 + size
            abstract = next(text for which, text in subs if which == 0x30)
            yield body[at + 4], abstract, [text for which, text in subs if which == 0x40]
        at += 4 + length


def _instance(uid: str, data: bytes) -> Instance:
    length = struct.unpack_from("<I", data, 140)[0]
    body = data[144 + length :]

    def text(tag: bytes) -> str:
        at = body.index(tag)
        size = struct.unpack_from("<H", body, at + 6)[0]
        return body[at + 8 : at + 8 + size].rstrip(b"\0 ").decode()

    return Instance(
        uid,
        text(b"\x08\x00\x16\x00UI"),
        text(b"\x20\x00\x0d\x00UI"),
        text(b"\x20\x00\x0e\x00UI"),
        body,
    )


@contextmanager
def hostile(files: Mapping[str, bytes], listen: int) -> Iterator[HostileDimse]:
    """A `HostileDimse` that runs."""
    one = HostileDimse(files, listen)
    one.start()
    try:
        yield one
    finally:
        one.stop()


Retrieve = Callable[[Session], None]


@dataclass(frozen=True)
class Fault:
    """What it does instead of being honest, and what has to come of it."""

    name: str
    ends: str
    """``whole``, ``part`` or ``none`` of the study is here afterwards."""
    words: str = ""
    """What has to be in the words that are told."""
    associate: Callable[[Session, list[tuple[int, str, list[str]]]], None] | None = None
    find: Retrieve | None = None
    get: Retrieve | None = None
    ways: tuple[str, ...] = ("c-get", "c-move")
