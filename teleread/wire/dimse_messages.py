"""DIMSE messages on a line: commands, data sets, C-STORE sub-operations (PS3.7 section 9.3). No policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from teleread.model.errors import TelereadError

from . import pdu
from .dimse_line import DimseLimits, Line, broken

__all__ = [
    "ECHO_RSP",
    "FIND_RSP",
    "GET_RSP",
    "MOVE_RSP",
    "PENDING",
    "STORE_RQ",
    "Conversation",
    "StoreHandler",
    "StoreRequest",
    "status_of",
    "us",
]

STORE_RQ: Final = 0x0001
STORE_RSP: Final = 0x8001
FIND_RSP, GET_RSP, MOVE_RSP, ECHO_RSP = 0x8020, 0x8010, 0x8021, 0x8030
PENDING: Final = frozenset({0xFF00, 0xFF01})


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What a C-STORE says of the instance it brings (PS3.7 9.1.1.1)."""

    sop_class: str
    sop_uid: str
    transfer_syntax: str
    """Of the presentation context it comes by."""
    move_message: int = 0
    """Move Originator Message ID; 0 where it is not told."""
    move_title: str = ""
    """Move Originator Application Entity Title; empty where it is not told."""


class StoreHandler(Protocol):
    """Takes what C-STORE sub-operations bring."""

    def begin(self, request: StoreRequest) -> None:
        """An instance starts."""
        ...

    def write(self, chunk: bytes | memoryview) -> None:
        """The next bytes of its data set; the view is only valid during the call."""
        ...

    def end(self) -> int:
        """It is whole; the C-STORE status to answer with."""
        ...

    def cut(self, why: str) -> None:
        """It will not become whole."""
        ...


class Conversation:
    """What is said on one association.

    Args:
        line: The connection.
        contexts: Accepted presentation contexts: their SOP class and transfer syntax.
        max_pdu: What the other side takes; 0 for no limit.
        limits: Time and size limits.
    """

    def __init__(
        self, line: Line, contexts: Mapping[int, tuple[str, str]], max_pdu: int, limits: DimseLimits
    ) -> None:
        self.line = line
        self._contexts = contexts
        self.released = False
        """The other side asked for the end, in good order."""
        self._max_pdu = max_pdu
        self._limits = limits
        self._values = self._read_values()

    def send(self, context: int, command: bytes, data: bytes | None = None) -> None:
        """Send a message.

        Raises:
            OfflineError: The line broke.
        """
        for part in pdu.fragments(context, True, command, self._max_pdu):
            self.line.send(part)
        for part in pdu.fragments(context, False, data, self._max_pdu) if data is not None else ():
            self.line.send(part)

    def read_command(self) -> tuple[int, dict[int, bytes]]:
        """The next command: its presentation context and its elements.

        Raises:
            OfflineError: The line broke, fell silent, was released, or what came makes no sense.
        """
        raw = bytearray()
        first = -1
        for context, flags, piece in self._values:
            if not flags & 1:
                raise pdu.garbled("Data came where a command was due.")
            if context not in self._contexts or (first >= 0 and context != first):
                raise pdu.garbled("It uses a presentation context that was not agreed on.")
            first = context
            raw += piece
            self.line.progress(0)
            if len(raw) > self._limits.message:
                raise pdu.garbled("A command is longer than any command is.")
            if flags & 2:
                return context, pdu.parse_command(raw)
        raise broken("The archive ended the association before it had answered.")

    def read_data(self, context: int, *, capped: bool = False) -> Iterator[memoryview]:
        """The data set that belongs to a command, in pieces; each view lives until the next one.

        Args:
            context: Presentation context of the command.
            capped: It is an identifier or list, and has that size limit.
        """
        size = 0
        for where, flags, piece in self._values:
            if flags & 1:
                raise pdu.garbled("A command came where data was due.")
            if where != context:
                raise pdu.garbled("Data came in another presentation context than its command.")
            size += len(piece)
            if capped and size > self._limits.message:
                raise pdu.garbled("A list is longer than any list is.")
            yield piece
            self.line.progress(len(piece))
            if flags & 2:
                return
        raise broken("The archive ended the association in the middle of an instance.")

    def take_store(self, context: int, found: dict[int, bytes], store: StoreHandler) -> None:
        """Pass a C-STORE's data set on as it comes, and answer with the handler's status.

        Raises:
            OfflineError: The line broke in the middle, or the request contradicts what was agreed; the
                handler was told.
        """
        if us(found, 0x0800) == pdu.NO_DATA_SET:
            raise pdu.garbled("It stores an instance without data.")
        sop_class = "".join(pdu.values(found.get(0x0002))[:1])
        sop_uid = "".join(pdu.values(found.get(0x1000))[:1])
        agreed, syntax = self._contexts[context]
        if sop_class != agreed or not sop_uid:
            raise pdu.garbled("It stores an instance in a presentation context of another kind.")
        store.begin(StoreRequest(sop_class, sop_uid, syntax, us(found, 0x1031), _title(found)))
        try:
            for piece in self.read_data(context):
                store.write(piece)
        except TelereadError as error:
            store.cut(error.title)
            raise
        self.reply(context, found, STORE_RSP, store.end())

    def reply(self, context: int, found: dict[int, bytes], kind: int, status: int) -> None:
        """Answer a request that has no data set in its answer."""
        sop_uid = found.get(0x1000)
        self.send(
            context,
            pdu.command(
                pdu.element(0, 0x0002, found.get(0x0002, b"")),
                pdu.number(0x0100, kind),
                pdu.element(0, 0x0120, found.get(0x0110, b"\0\0")),
                pdu.number(0x0800, pdu.NO_DATA_SET),
                pdu.number(0x0900, status),
                *([pdu.element(0, 0x1000, sop_uid)] if sop_uid is not None else []),
            ),
        )

    def _read_values(self) -> Iterator[tuple[int, int, memoryview]]:
        while True:
            kind, body = self.line.read(self._limits.silence)
            if kind == pdu.P_DATA:
                yield from pdu.walk(body)
            elif kind == pdu.RELEASE_RQ:
                self.released = True
                self.line.send(pdu.pack(pdu.RELEASE_RP, bytes(4)))
                return
            else:
                raise pdu.garbled("It sent a unit that has no place here.")


def status_of(found: Mapping[int, bytes], kind: int) -> int:
    """The status of a response.

    Args:
        found: The command.
        kind: The command field it must have.

    Raises:
        OfflineError: It is something else, or has no status: an absent one must not read as success.
    """
    if us(found, 0x0100) != kind:
        raise pdu.garbled("It answered something that was not asked.")
    if len(found.get(0x0900, b"")) < 2:
        raise pdu.garbled("Its answer has no status.")
    return us(found, 0x0900)


def _title(found: Mapping[int, bytes]) -> str:
    return found.get(0x1030, b"").decode("ascii", "replace").strip(" \0")


def us(found: Mapping[int, bytes], tag: int) -> int:
    """A US element of a command; 0 where it is absent."""
    return int.from_bytes(found.get(tag, b"")[:2], "little")
