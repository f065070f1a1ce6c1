"""Lists and workitems over DIMSE: C-FIND with whole answers, C-STORE, N-services (PS3.7 9.1 and 10.1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from teleread.model.errors import AttentionError, OfflineError, TelereadError

from . import pdu
from .dimse import FIND_RQ, Association, status_words
from .dimse_messages import FIND_RSP, PENDING, STORE_RQ, status_of, us

__all__ = ["Answer", "Services", "worded"]

GET_RQ, SET_RQ, ACTION_RQ = 0x0110, 0x0120, 0x0130
STORE_RSP: Final = 0x8001
_RESPONSE: Final = 0x8000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service request was answered with."""

    status: int
    comment: str = ""
    """The Error Comment (0000,0902)."""
    data: bytes = b""
    """The data set; empty for none."""

    @property
    def words(self) -> str:
        """The status in words."""
        return status_words(self.status, self.comment)

    @property
    def good(self) -> bool:
        """Success, or a warning: it was done (PS3.7 annex C.1)."""
        return self.status in {0x0000, 0x0001, 0x0107, 0x0116} or self.status >> 12 == 0xB


class Services(Association):
    """An association with a worklist or an archive; made and raising as `Association`."""

    def answers(self, model: str, identifier: bytes) -> Iterator[bytes | Answer]:
        """C-FIND: each answer's data set, then how it ended.

        Leaving before the end leaves the association unusable: abort it.

        Args:
            model: SOP class.
            identifier: What is asked for.

        Raises:
            OfflineError: No answer in time, or a garbled one.
            AttentionError: ``not-offered``.
        """
        context = self._need(model, "this list")
        self._request(context, model, FIND_RQ, identifier)
        while True:
            where, found = self._talk.read_command()
            status = status_of(found, FIND_RSP)
            self._check(found)
            data = self._data(where, found)
            if status not in PENDING:
                yield Answer(status, pdu.comment(found))
                return
            yield data

    def store(self, sop_class: str, sop_uid: str, data: bytes) -> Answer:
        """C-STORE of one instance.

        Args:
            sop_class: Its class.
            sop_uid: Its SOP Instance UID.
            data: Its data set in the transfer syntax of the accepted context.
        """
        context = self._need(sop_class, "storage of reports")
        more = (pdu.number(0x0700, 0), pdu.number(0x0800, 1), pdu.element(0, 0x1000, sop_uid.encode()))
        return self._ask(context, STORE_RQ, STORE_RSP, (pdu.element(0, 2, sop_class.encode()), *more), data)

    def attributes(self, context: int, sop_class: str, sop_uid: str) -> Answer:
        """N-GET of everything."""
        return self._ask(
            context, GET_RQ, GET_RQ | _RESPONSE, _named(sop_class, sop_uid, with_data=False), None
        )

    def change(self, context: int, sop_class: str, sop_uid: str, data: bytes) -> Answer:
        """N-SET."""
        return self._ask(
            context, SET_RQ, SET_RQ | _RESPONSE, _named(sop_class, sop_uid, with_data=True), data
        )

    def act(self, context: int, sop_class: str, sop_uid: str, action: int, data: bytes) -> Answer:
        """N-ACTION of a type."""
        named = (*_named(sop_class, sop_uid, with_data=True), pdu.number(0x1008, action))
        return self._ask(context, ACTION_RQ, ACTION_RQ | _RESPONSE, named, data)

    def syntax_of(self, context: int) -> str:
        """The transfer syntax agreed for a context."""
        return self._contexts[context][1]

    def _ask(
        self, context: int, kind: int, response: int, elements: tuple[bytes, ...], data: bytes | None
    ) -> Answer:
        """One request and its one answer.

        Args:
            context: Presentation context.
            kind: Command field of the request.
            response: Of its answer.
            elements: The command without field and message id.
            data: The data set, None for none.
        """
        self.message = self.message % 0xFFFF + 1
        own = (pdu.number(0x0100, kind), pdu.number(0x0110, self.message))
        self._line.restart_watch()
        self._talk.send(context, pdu.command(*sorted((*elements, *own), key=_place)), data)
        where, found = self._talk.read_command()
        status = status_of(found, response)
        self._check(found)
        return Answer(status, pdu.comment(found), self._data(where, found))

    def _check(self, found: dict[int, bytes]) -> None:
        if us(found, 0x0120) != self.message:
            raise pdu.garbled("It answered another question than the last one.")

    def _data(self, where: int, found: dict[int, bytes]) -> bytes:
        if us(found, 0x0800) == pdu.NO_DATA_SET:
            return b""
        return b"".join(bytes(piece) for piece in self._talk.read_data(where, capped=True))


def _named(sop_class: str, sop_uid: str, *, with_data: bool) -> tuple[bytes, ...]:
    """Requested SOP Class and Instance UID of an N-service (PS3.7 10.3)."""
    return (
        pdu.element(0, 0x0003, sop_class.encode()),
        pdu.number(0x0800, 1 if with_data else pdu.NO_DATA_SET),
        pdu.element(0, 0x1001, sop_uid.encode()),
    )


def _place(element: bytes) -> int:
    return int.from_bytes(element[2:4], "little")


@contextmanager
def worded(who: str) -> Iterator[None]:
    """Word the errors of a DIMSE line for a list rather than for an archive.

    Args:
        who: What the peer is called at the beginning of a sentence.

    Raises:
        TelereadError: What was raised inside, reworded.
    """
    try:
        yield
    except (OfflineError, AttentionError) as problem:
        raise _renamed(problem, who) from problem


def _renamed(problem: TelereadError, who: str) -> TelereadError:
    """The same error, about somebody else than "the archive"."""
    title = problem.title.replace("The archive's", f"{who}:").replace("The archive", who)
    detail = problem.detail.replace("Every instance that came whole is kept.", "What is here stays as it is.")
    remedy = problem.remedy.replace("The rest is asked for again.", "It is asked again later.")
    return type(problem)(title, detail, remedy, code=problem.code, retryable=problem.retryable)
