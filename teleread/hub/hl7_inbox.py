"""What a site may send by HL7 v2, and what it is answered: taken over only once it is in the vault."""

from __future__ import annotations

import hashlib
import threading
import uuid
from typing import Final

from teleread.host.clock import Clock
from teleread.hub.hl7_board import Board, message_name
from teleread.model.errors import IntegrityError, TelereadError
from teleread.wire.er7 import Segment, decode
from teleread.wire.hl7_acks import acknowledgement, answers
from teleread.wire.orders import Change, Merge

__all__ = ["ORDERS", "Inbox"]

ORDERS: Final = frozenset({"ORM", "OMI", "OMG"})
"""Message types (table 0076) that ask for readings."""
MAX_WAITING: Final = 20_000
"""Most messages kept that no pull has drawn together."""


class _Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """Why a message is not taken over.

    Args:
        kind: ``E``: its content is wrong; ``R``: it is not for us, or we are not ready.
        error: Of table 0357.
        words: For people; none of a patient's.
    """

    def __init__(self, kind: str, error: str, words: str) -> None:
        super().__init__(words)
        self.kind, self.error, self.words = kind, error, words


class Inbox:
    """Takes one message after another; safe for several threads.

    Args:
        board: Where they are kept.
        clock: Our clock.
    """

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._lock = threading.Lock()

    def take(self, frame: bytes) -> list[bytes]:
        """Keep a message, then say so.

        Returns:
            The acknowledgements to send: none where its sender wants none.
        """
        head: Segment | None = None
        kind, error, words, good = "E", "", "", True
        try:
            segments = _read(frame)
            head = segments[0]
            _for_us(head)
            with self._lock:
                self._keep(frame, segments)
        except _Refusal as no:
            kind, error, words, good = no.kind, no.error, no.words, False
        return [
            acknowledgement(head, code, self._number(), self._clock.now(), words=words, error=error)
            for code in answers(head, good=good, kind=kind)
        ]

    def _keep(self, frame: bytes, segments: tuple[Segment, ...]) -> None:
        head = segments[0]
        changes = self._board.understood(frame)
        _whole(head, segments, changes)
        name = message_name("\n".join((head.get(1), head.get(2))), head.get(8))
        try:
            self._board.refresh()
            same = self._board.messages.get(name) == hashlib.sha256(frame).hexdigest()
            if same or not self._board.concerns(changes):
                return
            if self._board.waiting >= MAX_WAITING:
                raise _Refusal("R", "207", "Too many messages wait here: send it again later")
            self._board.add(frame, name, self._clock.now())
        except TelereadError:
            raise _Refusal("R", "207", "It could not be kept: send it again later") from None

    @staticmethod
    def _number() -> str:
        return uuid.uuid4().hex[:20]


def _read(frame: bytes) -> tuple[Segment, ...]:
    try:
        return decode(frame)
    except IntegrityError:
        raise _Refusal("R", "100", "This is no HL7 v2 message") from None


def _for_us(head: Segment) -> None:
    """Whether a message is of a kind that is taken (MSH-9 to MSH-12)."""
    if not head.get(8).strip():
        raise _Refusal("R", "101", "MSH-10, the message's number, is missing")
    if head.get(9)[:1] in {"T", "D"}:
        raise _Refusal("R", "202", "Only production messages are taken (MSH-11)")
    if head.get(10) and not head.get(10).startswith("2."):
        raise _Refusal("R", "203", "Only HL7 v2 is taken (MSH-12)")
    if head.get(7) not in ORDERS | {"ADT"}:
        raise _Refusal("R", "200", "Only orders (ORM, OMI, OMG) and ADT are taken (MSH-9)")


def _whole(head: Segment, segments: tuple[Segment, ...], changes: list[Change | Merge]) -> None:
    """Whether it says what such a message has to."""
    if not changes:
        missing = "an order (ORC or OBR)" if any(one.name == "PID" for one in segments) else "PID"
        raise _Refusal("E", "100", f"The message lacks {missing}")
    if head.get(7) == "ADT" and head.get(7, 2) in {"A18", "A34", "A40"} and not isinstance(changes[0], Merge):
        raise _Refusal("E", "100", "The merge lacks MRG")
    for one in changes:
        told = [one.kept, one.gone] if isinstance(one, Merge) else [one.patient]
        if not all(patient.known for patient in told):
            raise _Refusal("E", "101", "A patient has no number (PID-3 or MRG-1)")
        if isinstance(one, Change) and one.order is not None and not one.order.task_id:
            raise _Refusal("E", "101", "An order has neither ORC-2 nor an accession number")
