"""What a DIMSE archive may do wrong, as a table: each line is a fault and what has to come of it."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Callable, Iterator
from itertools import count

from tests.contract.archive_hostile_dimse import (
    ABORT,
    AC,
    GET_RQ,
    NO_DATA,
    P_DATA,
    RELEASE_RQ,
    RJ,
    Fault,
    Instance,
    Session,
    answer,
    command,
    element,
    unit,
    us,
    value,
)

__all__ = ["FAULTS", "PAUSE"]

Offers = list[tuple[int, str, list[str]]]
PAUSE = 0.2
"""Seconds a slow archive thinks; the client's limit in these tests is well over it."""


# ---------------------------------------------------------------------- associations


def silent(session: Session, offered: Offers) -> None:
    session.hang()


def rejects(source: int, reason: int, result: int = 1) -> Callable[[Session, Offers], None]:
    return lambda session, offered: session.main.sock.sendall(unit(RJ, bytes((0, result, source, reason))))


def aborts_at_once(session: Session, offered: Offers) -> None:
    session.main.sock.sendall(unit(ABORT, bytes(4)))


def accepts_nothing(session: Session, offered: Offers) -> None:
    answer(session, {})


def accepts_what_was_not_offered(session: Session, offered: Offers) -> None:
    answer(session, {id_: "1.2.840.10008.1.2.4.50" for id_, _, _ in offered} | {2: "1.2.3", 255: "1.2"})


def answers_with_four_gigabytes(session: Session, offered: Offers) -> None:
    session.main.sock.sendall(unit(AC, b"", length=0xFFFFFFFF))


def answers_with_items_that_lie(session: Session, offered: Offers) -> None:
    session.main.sock.sendall(unit(AC, bytes(68) + struct.pack(">BBH", 0x21, 0, 60000) + b"x"))


def takes_units_of_ten_bytes(session: Session, offered: Offers) -> None:
    answer(session, {id_: syntaxes[0] for id_, _, syntaxes in offered}, most=10)


def answers_as_a_web_server(session: Session, offered: Offers) -> None:
    session.main.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


# ---------------------------------------------------------------------- queries


def lists_for_ever(session: Session) -> None:
    one = session.wanted()[0]
    while True:
        session.match(one, (0x0020, 0x000E, one.series.encode()), (0x0008, 0x0018, one.sop_uid.encode()))


def promises_matches_for_ever(session: Session) -> None:
    while True:
        session.respond(0xFF00, data=b"")
        time.sleep(0.01)


def refuses(status: int) -> Callable[[Session], None]:
    return lambda session: session.respond(status)


def lists_another_study_too(session: Session) -> None:
    one = session.wanted()[0]
    for number in range(3):
        uid = f"9.9.{number}".encode()
        session.match(one, (0x0008, 0x0018, uid), (0x0020, 0x000E, uid), study=b"9.9")
    session.find()


def lists_uids_that_are_none(session: Session) -> None:
    if session.asked.get(0x00080052) == b"IMAGE":
        for uid in (b"../../evil", b"\x1b]52;c;aGk=\x07", b"*", b"1.2\\1.3", b"1." * 60):
            session.match(session.wanted()[0], (0x0008, 0x0018, uid))
    session.find()


def identifiers_that_lie(session: Session) -> None:
    session.respond(0xFF00, data=element(0x000E, b"1.2.3", group=0x20, length=0xFFFFFF00))
    session.respond(0)


def answers_without_a_status(session: Session) -> None:
    body = command(us(0x0100, session.kind | 0x8000), us(0x0120, session.number), us(0x0800, NO_DATA))
    session.main.send(session.context, 1, body)
    session.hang()


def answers_something_else(session: Session) -> None:
    session.respond(0, kind=0x8030)
    session.hang()


# ---------------------------------------------------------------------- retrieves


def at_third(act: Callable[[Session, Instance], None], *, then: bool = False) -> Callable[[Session], None]:
    """Send objects until the third of the study is due, and do something else; then go on, or hang."""

    def run(session: Session) -> None:
        wanted = sorted(session.wanted(), key=lambda one: one.sop_uid)
        for one in wanted:
            if one is not _third(session):
                session.store(one)
                continue
            act(session, one)
            if not then:
                session.hang()
        session.respond(0)

    return run


def half(session: Session, one: Instance) -> bytes:
    """A C-STORE up to the middle of its data set, which is left for whoever calls to end."""
    assert session.objects is not None
    where = session.objects.context_for(one.sop_class)
    session.objects.send(where, 1, session.request(one))
    session.raw(unit(P_DATA, value(where, 0, one.data[: len(one.data) // 2])))
    return one.data[len(one.data) // 2 :]


def stalls(session: Session, one: Instance) -> None:
    half(session, one)


def aborts(session: Session, one: Instance) -> None:
    half(session, one)
    session.raw(unit(ABORT, bytes(4)))


def hangs_up(session: Session, one: Instance) -> None:
    half(session, one)
    assert session.objects is not None
    for talk in (session.objects, session.main):
        with contextlib.suppress(OSError):
            talk.sock.shutdown(2)


def releases(session: Session, one: Instance) -> None:
    half(session, one)
    session.raw(unit(RELEASE_RQ, bytes(4)))


def thinks(session: Session, one: Instance) -> None:
    assert session.objects is not None
    where = session.objects.context_for(one.sop_class)
    rest = half(session, one)
    time.sleep(PAUSE)
    session.raw(unit(P_DATA, value(where, 2, rest)))
    session.objects.message()


def trickles(session: Session, one: Instance) -> None:
    half(session, one)
    session.raw(struct.pack(">BBI", P_DATA, 0, 8000))
    for _ in range(4000):
        session.raw(b"\0")
        time.sleep(0.005)


def sends_empty_values_for_ever(session: Session, one: Instance) -> None:
    half(session, one)
    assert session.objects is not None
    where = session.objects.context_for(one.sop_class)
    while True:
        session.raw(unit(P_DATA, value(where, 0, b"") * 50))
        time.sleep(0.002)


def empty_commands_for_ever(session: Session, one: Instance) -> None:
    assert session.objects is not None
    where = session.objects.context_for(one.sop_class)
    while True:
        session.raw(unit(P_DATA, value(where, 1, b"") * 50))
        time.sleep(0.002)


def a_command_without_end(session: Session, one: Instance) -> None:
    assert session.objects is not None
    where = session.objects.context_for(one.sop_class)
    for _ in range(400):
        session.raw(unit(P_DATA, value(where, 1, bytes(8000))))


def raw(make: Callable[[int, Instance], bytes]) -> Callable[[Session, Instance], None]:
    """Bytes in place of an object, made from its presentation context."""

    def run(session: Session, one: Instance) -> None:
        assert session.objects is not None
        session.raw(make(session.objects.context_for(one.sop_class), one))

    return run


def other_context(shift: int) -> Callable[[Session, Instance], None]:
    """The data set comes in another presentation context than its command."""

    def run(session: Session, one: Instance) -> None:
        assert session.objects is not None
        where = session.objects.context_for(one.sop_class)
        session.objects.send(where, 1, session.request(one))
        session.raw(unit(P_DATA, value(where + shift, 2, one.data[:8000])))

    return run


def promises_for_ever(session: Session) -> None:
    while True:
        session.respond(0xFF00, us(0x1020, 5))
        time.sleep(0.01)


def fails_one(session: Session) -> None:
    """The whole request fails for one object, with nothing sent, as Orthanc does."""
    wanted = session.wanted()
    if _third(session) in wanted:
        session.respond(0xC000)
        return
    session.get()


def skips_one(session: Session) -> None:
    wanted = session.wanted()
    for one in wanted:
        if one is not _third(session):
            session.store(one)
    session.respond(0xB000 if _third(session) in wanted else 0, us(0x1022, 1))


def _third(session: Session) -> Instance:
    return sorted(session.archive.held.values(), key=lambda one: one.sop_uid)[2]


def says_all_is_well(session: Session) -> None:
    session.respond(0, us(0x1021, 500), us(0x1022, 0))


def renamed(one: Instance, study: str) -> Instance:
    data = one.data.replace(one.study.encode(), study.encode()[: len(one.study)].ljust(len(one.study), b"0"))
    return Instance(one.sop_uid + ".7", one.sop_class, study, one.series, data)


def sends_anothers_too(session: Session) -> None:
    for one in session.wanted():
        session.store(renamed(one, "1.2.826.0.1.3680043.10.9.666"))
        session.store(one)
    session.respond(0)


def sends_anothers_for_ever(session: Session) -> None:
    for number in count():
        other = renamed(session.wanted()[0], "1.2.826.0.1.3680043.10.9.666")
        session.store(other, sop_uid=f"9.8.{number}".encode())


def repeats_one_for_ever(session: Session) -> None:
    while True:
        session.store(session.wanted()[0])


def cut_short(keep: int) -> Callable[[Session], None]:
    """Every third object ends early, and is said to be whole."""

    def run(session: Session) -> None:
        third = _third(session)
        for one in session.wanted():
            session.store(one, one.data[:-keep] if one is third else one.data)
        session.respond(0)

    return run


def garbage(make: Callable[[Instance], bytes]) -> Callable[[Session], None]:
    """One object is something else altogether."""

    def run(session: Session) -> None:
        third = _third(session)
        for one in session.wanted():
            session.store(one, make(one) if one is third else one.data)
        session.respond(0)

    return run


def nested(one: Instance) -> bytes:
    """Sequences three hundred deep, before anything that names the object."""
    return b"\x08\x00\x06\x00SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 300 + one.data


def an_echo(where: int, one: Instance) -> bytes:
    return unit(P_DATA, value(where, 3, command(us(0x0100, 0x0030), us(0x0110, 9), us(0x0800, NO_DATA))))


def a_get(where: int, one: Instance) -> bytes:
    return unit(P_DATA, value(where, 3, command(us(0x0100, GET_RQ), us(0x0110, 9), us(0x0800, NO_DATA))))


def _table() -> Iterator[Fault]:
    none, part, whole = "none", "part", "whole"
    get_only = ("c-get",)
    yield Fault("never answers the association", none, "silent", associate=silent)
    yield Fault("does not know us", none, "know our AE title", associate=rejects(1, 3))
    yield Fault("is called something else", none, "was called by", associate=rejects(1, 7))
    yield Fault("has too many associations", none, "too many", associate=rejects(3, 1, 2))
    yield Fault("aborts the association", none, "broke off", associate=aborts_at_once)
    yield Fault("accepts nothing", none, "does not offer", associate=accepts_nothing)
    yield Fault(
        "accepts what was not offered", none, "does not offer", associate=accepts_what_was_not_offered
    )
    yield Fault("announces 4 GiB of association", none, "no sense", associate=answers_with_four_gigabytes)
    yield Fault("lies about items", none, "no sense", associate=answers_with_items_that_lie)
    yield Fault("takes units of ten bytes", none, "no sense", associate=takes_units_of_ten_bytes)
    yield Fault("is a web server", none, "no sense", associate=answers_as_a_web_server)

    yield Fault("says nothing to a query", none, "silent", find=Session.hang)
    yield Fault("lists for ever", none, "no sense", find=lists_for_ever)
    yield Fault("promises matches for ever", none, "promising|no sense", find=promises_matches_for_ever)
    yield Fault("refuses a query", none, "refused a query", find=refuses(0xA900))
    yield Fault("can't do a query", none, "refused a query", find=refuses(0xC001))
    yield Fault("lists another study too", whole, find=lists_another_study_too)
    yield Fault("lists UIDs that are none", whole, "no usable identifier", find=lists_uids_that_are_none)
    yield Fault("lies in an identifier", none, find=identifiers_that_lie)
    yield Fault("answers a query without a status", none, "no sense", find=answers_without_a_status)
    yield Fault("answers a query with an echo", none, "no sense", find=answers_something_else)

    yield Fault("thinks in the middle of an object", whole, get=at_third(thinks, then=True))
    yield Fault("stalls before the first object", none, "silent", get=Session.hang)
    yield Fault("stalls in the middle of an object", part, "silent", get=at_third(stalls))
    yield Fault("aborts in the middle of an object", part, get=at_third(aborts))
    yield Fault("hangs up in the middle of an object", part, "hung up|broke", get=at_third(hangs_up))
    yield Fault("releases in the middle of an object", part, get=at_third(releases))
    yield Fault("trickles", part, "next to nothing|silent", get=at_third(trickles))
    yield Fault("sends empty values for ever", part, get=at_third(sends_empty_values_for_ever))
    yield Fault("sends empty commands for ever", part, get=at_third(empty_commands_for_ever))
    yield Fault("sends a command without end", part, get=at_third(a_command_without_end))
    yield Fault("promises for ever", none, "promising|silent", get=promises_for_ever)
    yield Fault("refuses a retrieve", none, "did not send", get=refuses(0xA702))
    yield Fault("does not know where to send", none, "did not send", get=refuses(0xA801))
    yield Fault("fails a whole request for one object", part, "C000", get=fails_one)
    yield Fault("leaves one object out", part, "B000", get=skips_one)
    yield Fault("says all is well and sends nothing", none, "not sent|nothing", get=says_all_is_well)
    yield Fault("sends objects of another study too", whole, "another study", get=sends_anothers_too)
    yield Fault("sends objects of another study for ever", none, "not asked", get=sends_anothers_for_ever)
    yield Fault("repeats one object for ever", part, "not asked", get=repeats_one_for_ever)
    yield Fault("ends an object in its pixels", part, "ended before", get=cut_short(100))
    yield Fault("ends an object in its header", part, "ended before", get=cut_short(8192 + 60))
    yield Fault("ends an object before its UIDs", part, get=garbage(lambda one: one.data[:20]))
    yield Fault("sends an object of noise", part, get=garbage(lambda one: bytes(range(256)) * 20))
    yield Fault("sends an empty object", part, get=garbage(lambda one: b""))
    yield Fault("sends an object 300 deep", part, "deep", get=garbage(nested))
    yield Fault("answers a retrieve without a status", none, "no sense", get=answers_without_a_status)
    yield Fault("answers a retrieve with an echo", none, "no sense", get=answers_something_else)

    for name, act in _GARBLED.items():
        yield Fault(name, part, "no sense", get=at_third(act), ways=get_only)
        yield Fault(f"{name} to our SCP", part, get=at_third(act), ways=("c-move",))


_GARBLED: dict[str, Callable[[Session, Instance], None]] = {
    "announces a unit of 4 GiB": raw(lambda where, one: unit(P_DATA, b"", length=0xFFFFFFFF)),
    "announces a unit longer than agreed": raw(lambda where, one: unit(P_DATA, b"", length=16385)),
    "sends a unit of no kind": raw(lambda where, one: unit(99, bytes(4))),
    "sends a value longer than its unit": raw(
        lambda where, one: unit(P_DATA, value(where, 3, b"x", length=5000))
    ),
    "sends a value of one byte": raw(lambda where, one: unit(P_DATA, value(where, 3, b"", length=1))),
    "ends a unit in a header": raw(lambda where, one: unit(P_DATA, b"\0\0\0")),
    "sends data where a command is due": raw(lambda where, one: unit(P_DATA, value(where, 2, bytes(9)))),
    "sends a command in an unknown context": raw(
        lambda where, one: unit(P_DATA, value(254, 3, command(us(0x0100, 1))))
    ),
    "cuts a command": raw(lambda where, one: unit(P_DATA, value(where, 3, command(us(0x0100, 1))[:-3]))),
    "lies in a command": raw(
        lambda where, one: unit(P_DATA, value(where, 3, element(0x0100, b"\1\0", length=0xFFFFFF00)))
    ),
    "stores without naming anything": raw(
        lambda where, one: unit(P_DATA, value(where, 3, command(us(0x0100, 1), us(0x0800, 1))))
    ),
    "stores without data": raw(
        lambda where, one: unit(P_DATA, value(where, 3, command(us(0x0100, 1), us(0x0800, NO_DATA))))
    ),
    "stores another class than its context": raw(
        lambda where, one: unit(
            P_DATA,
            value(
                where,
                3,
                command(
                    element(0x0002, b"1.2.840.10008.5.1.4.1.1.4"),
                    us(0x0100, 1),
                    us(0x0800, 1),
                    element(0x1000, one.sop_uid.encode()),
                ),
            ),
        )
    ),
    "puts data in another context": other_context(2),
    "puts data in no context": other_context(1),
    "asks us to retrieve": raw(a_get),
}

FAULTS = {one.name: one for one in _table()}
