"""A small acceptor of event reports (N-EVENT-REPORT, PS3.7 10.1.1), for a hub that calls us."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from . import pdu
from .dimse_line import DimseLimits
from .dimse_messages import ECHO_RSP, Conversation, us
from .dimse_tls import DimseTls
from .storage_scp import ECHO_RQ, VERIFICATION, StorageScp

__all__ = ["EventReport", "EventScp"]

EVENT_RQ: Final = 0x0100
EVENT_RSP: Final = 0x8100
LIMITS: Final = DimseLimits(silence=300.0, floor=0, max_pdu=65_536, message=1 << 18)


@dataclass(frozen=True, slots=True)
class EventReport:
    """One event."""

    sop_uid: str
    """Affected SOP Instance UID."""
    kind: int
    """Event Type ID."""
    data: bytes
    """Event information in implicit VR little endian; empty for none."""


class EventScp(StorageScp):
    """Takes event reports; a context manager, as `StorageScp`.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        aet: The AE title we answer to.
        sop_class: The class of the events' context.
        take: Takes each event, in the thread of its association.
        allowed: Addresses that may call.
        tls: How we are called; None for plain TCP.

    Raises:
        TelereadError: The port can't be listened on.
    """

    def __init__(
        self,
        host: str,
        port: int,
        aet: str,
        sop_class: str,
        take: Callable[[EventReport], None],
        *,
        allowed: frozenset[str],
        tls: DimseTls | None = None,
    ) -> None:
        self._sop_class = sop_class
        self._take_event = take
        self._allowed = allowed
        super().__init__(host, port, aet, _no_storage, limits=LIMITS, tls=tls)

    def _welcome(self, sock: socket.socket) -> bool:
        """Whether who calls may call."""
        return str(sock.getpeername()[0]).removeprefix("::ffff:") in self._allowed

    def _choice(self, context: pdu.Context) -> str:
        known = context.abstract in {self._sop_class, VERIFICATION}
        return pdu.IMPLICIT if known and pdu.IMPLICIT in context.syntaxes else ""

    def _answer(self, talk: Conversation) -> None:
        while True:
            context, found = talk.read_command()
            kind = us(found, 0x0100)
            if kind == ECHO_RQ:
                talk.reply(context, found, ECHO_RSP, 0)
                continue
            if kind != EVENT_RQ:
                raise pdu.garbled("It asks for a service that is not offered here.")
            data = b""
            if us(found, 0x0800) != pdu.NO_DATA_SET:
                data = b"".join(bytes(piece) for piece in talk.read_data(context, capped=True))
            sop_uid = "".join(pdu.values(found.get(0x1000))[:1])
            self._take_event(EventReport(sop_uid, us(found, 0x1002), data))
            talk.reply(context, found, EVENT_RSP, 0)


def _no_storage() -> Any:
    raise pdu.garbled("It stores instances where events are due.")
