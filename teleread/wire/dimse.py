"""DIMSE associations on a bare socket, as a service class user (PS3.7, PS3.8).

Why not a library here: a C-GET of 300 slices spends its time in the peer's delayed acknowledgements and in
queues between threads. One thread, one buffer, each PDU written in one go, TCP_NODELAY and TCP_QUICKACK make
it as fast as the line. Data sets pass through as memory views: no instance is ever held whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from teleread.model.errors import AttentionError
from teleread.model.hubfile import DimseAddress

from . import pdu
from .dicom_header import HeaderReader
from .dimse_line import DEFAULT_LIMITS, DimseLimits, Line, connect
from .dimse_messages import (
    ECHO_RSP,
    FIND_RSP,
    GET_RSP,
    MOVE_RSP,
    PENDING,
    STORE_RQ,
    Conversation,
    StoreHandler,
    status_of,
    us,
)
from .dimse_tls import DimseTls

__all__ = ["Association", "Outcome", "status_words"]

ECHO_RQ, FIND_RQ, GET_RQ, MOVE_RQ = 0x0030, 0x0020, 0x0010, 0x0021
VERIFICATION: Final = "1.2.840.10008.1.1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a C-GET or C-MOVE ended (PS3.7 9.1.3.1)."""

    status: int
    completed: int = 0
    failed: int = 0
    warnings: int = 0
    failed_uids: tuple[str, ...] = ()
    comment: str = ""


_STATUS: Final = (
    (0xA701, 0xA702, "it is out of resources"),
    (0xA801, 0xA801, "it does not know our AE title as a destination"),
    (0xA900, 0xA900, "it says the request does not match what it holds"),
    (0xB000, 0xB000, "some of the instances could not be sent"),
    (0xC000, 0xCFFF, "it could not do it and does not say why"),
    (0xFE00, 0xFE00, "it was told to stop"),
    (0x0122, 0x0122, "it does not offer this service"),
    (0x0124, 0x0124, "it does not allow us to"),
)


def status_words(status: int, comment: str = "") -> str:
    """A DIMSE status in words, with the peer's own comment."""
    words = next((text for low, high, text in _STATUS if low <= status <= high), "it refused")
    return f"{words} (status {status:04X}{': ' + comment if comment else ''})"


class Association:
    """One association with an archive.

    Args:
        address: Whom to call.
        calling: Our AE title.
        contexts: What to offer, at most 128.
        storage: SOP classes for which we take the SCP role (C-GET).
        limits: Time and size limits.
        monotonic: Seconds that only grow.
        tls: How to secure it; None for plain TCP.

    Raises:
        OfflineError: Nobody is there, TLS does not come about, or the answer makes no sense.
        AttentionError: The archive rejects the association.
    """

    def __init__(
        self,
        address: DimseAddress,
        calling: str,
        contexts: Sequence[pdu.Context],
        *,
        storage: Sequence[str] = (),
        limits: DimseLimits = DEFAULT_LIMITS,
        monotonic: Callable[[], float] = time.monotonic,
        tls: DimseTls | None = None,
    ) -> None:
        self._limits = limits
        self.message = 0
        """Message ID of the last request."""
        sock, self.round_trip = connect(address, limits, tls, monotonic)
        self._line = Line(sock, limits, monotonic)
        try:
            self._line.send(pdu.associate_rq(address.aet, calling, contexts, limits.max_pdu, storage))
            accepted = self._await_acceptance()
        except BaseException:
            self.abort()
            raise
        self._contexts = _agreed(contexts, accepted.contexts)
        self._talk = Conversation(self._line, self._contexts, accepted.max_pdu, limits)

    @property
    def local_address(self) -> str:
        """The address of this machine that the archive is reached by."""
        return str(self._line.sock.getsockname()[0])

    def context_for(self, abstract: str) -> int | None:
        """The id of an accepted context for a SOP class."""
        return next((id_ for id_, (known, _) in self._contexts.items() if known == abstract), None)

    @property
    def accepted(self) -> frozenset[tuple[str, str]]:
        """SOP class and transfer syntax of every accepted context."""
        return frozenset(self._contexts.values())

    # ------------------------------------------------------------------ services

    def echo(self) -> None:
        """C-ECHO.

        Raises:
            OfflineError: No answer in time.
            AttentionError: It refused.
        """
        context = self._need(VERIFICATION, "an echo")
        self._request(context, VERIFICATION, ECHO_RQ, None)
        _, found = self._talk.read_command()
        status = status_of(found, ECHO_RSP)
        if status:
            raise AttentionError("The archive refused an echo.", status_words(status) + ".", code="refused")

    def find(self, model: str, identifier: bytes) -> Iterator[HeaderReader]:
        """C-FIND: each answer as a header that was read.

        Raises:
            OfflineError: No answer in time, or a garbled one.
            AttentionError: It refused.
        """
        context = self._need(model, "queries")
        self._request(context, model, FIND_RQ, identifier)
        for _ in range(self._limits.matches):
            where, found = self._talk.read_command()
            status = status_of(found, FIND_RSP)
            if status not in PENDING:
                if status:
                    words = status_words(status, pdu.comment(found))
                    raise AttentionError(
                        "The archive refused a query.", f"The archive says: {words}.", code="refused"
                    )
                return
            reader = HeaderReader(syntax=pdu.IMPLICIT)
            for piece in self._talk.read_data(where, capped=True):
                reader.feed(piece)
            reader.finish()
            yield reader
        raise pdu.garbled("It lists more than any study can hold.")

    def get(self, model: str, identifier: bytes, store: StoreHandler) -> Outcome:
        """C-GET: what comes goes to the handler; returns at the final response.

        Raises:
            OfflineError: The line broke or fell silent. What ended before stays.
            AttentionError: Retrieval is not offered.
        """
        context = self._need(model, "retrieval by C-GET")
        self._request(context, model, GET_RQ, identifier)
        while True:
            where, found = self._talk.read_command()
            if us(found, 0x0100) == STORE_RQ:
                self._talk.take_store(where, found, store)
                continue
            outcome = self._response(where, found, GET_RSP)
            if outcome is not None:
                return outcome

    def move(self, model: str, identifier: bytes, destination: str, arrived: Callable[[], int]) -> Outcome:
        """C-MOVE to an AE title (ours); returns at the final response.

        Args:
            model: Retrieve information model.
            identifier: What to send.
            destination: AE title to send it to.
            arrived: Object bytes that reached the destination so far, for the silence limit.
        """
        context = self._need(model, "retrieval by C-MOVE")
        self._request(context, model, MOVE_RQ, identifier, pdu.element(0, 0x0600, destination[:16]))
        known = 0
        while True:
            self._line.wait_while(arrived)
            where, found = self._talk.read_command()
            self._line.progress(arrived() - known)
            known = arrived()
            outcome = self._response(where, found, MOVE_RSP)
            if outcome is not None:
                return outcome

    def release(self) -> None:
        """End in good order; an archive that does not answer is left."""
        self._line.release()

    def abort(self) -> None:
        """End at once."""
        self._line.abort()

    def cut(self) -> None:
        """Wake the thread that waits on it, from another thread; that one ends it."""
        self._line.cut()

    # ------------------------------------------------------------------ messages

    def _need(self, abstract: str, what: str) -> int:
        context = self.context_for(abstract)
        if context is None:
            raise AttentionError(
                f"The archive does not offer {what}.",
                "It refused that service when the association was made.",
                "Ask the site to allow it for our AE title, or use DICOMweb.",
                code="not-offered",
            )
        return context

    def _request(
        self, context: int, sop_class: str, kind: int, identifier: bytes | None, *more: bytes
    ) -> None:
        self.message = self.message % 0xFFFF + 1
        with_data = identifier is not None
        elements = [
            pdu.element(0, 0x0002, sop_class.encode()),
            pdu.number(0x0100, kind),
            pdu.number(0x0110, self.message),
            *more,
            *([pdu.number(0x0700, 0)] if with_data else []),
            pdu.number(0x0800, 1 if with_data else pdu.NO_DATA_SET),
        ]
        self._line.restart_watch()
        self._talk.send(context, pdu.command(*elements), identifier)

    def _response(self, where: int, found: dict[int, bytes], kind: int) -> Outcome | None:
        """A C-GET or C-MOVE response; None while it is pending."""
        status = status_of(found, kind)
        uids: tuple[str, ...] = ()
        if us(found, 0x0800) != pdu.NO_DATA_SET:
            uids = _failed_uids(b"".join(bytes(piece) for piece in self._talk.read_data(where, capped=True)))
        if status in PENDING:
            return None
        completed, failed, warnings = (us(found, tag) for tag in (0x1021, 0x1022, 0x1023))
        return Outcome(status, completed, failed, warnings, uids, pdu.comment(found))

    # ------------------------------------------------------------------ units

    def _await_acceptance(self) -> pdu.Accepted:
        kind, body = self._line.read(self._limits.associate)
        if kind == pdu.ASSOCIATE_RJ:
            why, later = pdu.rejection(body)
            raise AttentionError(
                "The archive refused the association.",
                f"It says: {why}.",
                "Try again in a while." if later else "Ask the site to register our AE title and address.",
                code="rejected",
                retryable=later,
            )
        if kind != pdu.ASSOCIATE_AC:
            raise pdu.garbled("It answered an association with something else.")
        return pdu.parse_associate_ac(body)


def _agreed(offered: Sequence[pdu.Context], answered: Mapping[int, str]) -> dict[int, tuple[str, str]]:
    """Accepted contexts by id: SOP class and transfer syntax. An answer to nothing we offered is none."""
    return {
        one.id: (one.abstract, answered[one.id])
        for one in offered
        if one.id in answered and answered[one.id] in one.syntaxes
    }


def _failed_uids(raw: bytes) -> tuple[str, ...]:
    """Failed SOP Instance UID List (0008,0058) of an identifier."""
    at = raw.find(b"\x08\x00\x58\x00")
    if at < 0 or at + 8 > len(raw):
        return ()
    length = int.from_bytes(raw[at + 4 : at + 8], "little")
    return pdu.values(raw[at + 8 : at + 8 + length])
