"""A small storage SCP, for the sub-operations of a C-MOVE that we asked for ourselves (PS3.4 annex B).

It listens only while a move runs, on the one address the archive is reached by, takes one association at a
time, and nothing but storage and echo.
"""

from __future__ import annotations

import socket
import threading
from typing import Final

from teleread.model.errors import TelereadError

from . import pdu
from .dimse_line import DEFAULT_LIMITS, DimseLimits, Line
from .dimse_messages import STORE_RQ, Conversation, StoreHandler, us

__all__ = ["StorageScp"]

_STORAGE_ROOT: Final = "1.2.840.10008.5.1.4.1.1."
_ECHO_RQ, _ECHO_RSP = 0x0030, 0x8030
_VERIFICATION: Final = "1.2.840.10008.1.1"
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"


class StorageScp:
    """Takes instances that an archive sends; a context manager.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        aet: The AE title we answer to.
        store: Takes the instances, in a thread of its own; what it raises ends that association.
        limits: Time and size limits.

    Raises:
        TelereadError: The port can't be listened on.
    """

    def __init__(
        self, host: str, port: int, aet: str, store: StoreHandler, *, limits: DimseLimits = DEFAULT_LIMITS
    ) -> None:
        self._aet = aet
        self._store = store
        self._limits = limits
        self._stop = threading.Event()
        try:
            self._listener = socket.create_server((host, port), backlog=4)
        except OSError as error:
            raise TelereadError(
                f"Port {port} can't be listened on for the archive to send to.",
                "Another program may hold it.",
                "Choose another with --listen, or fetch by DICOMweb or C-GET.",
                code="port-taken",
            ) from error
        self._listener.settimeout(0.1)
        self._line: Line | None = None
        self._thread = threading.Thread(target=self._serve, name="storage-scp", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> StorageScp:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; whatever still sends is cut off."""
        self._stop.set()
        line = self._line
        if line is not None:
            line.abort()
        self._listener.close()
        self._thread.join(self._limits.release)

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            try:
                line = self._line = Line(sock, self._limits)
                self._converse(line)
            except (TelereadError, OSError):
                pass  # whoever asked for the move sees what is missing, and asks again
            finally:
                self._line = None
                sock.close()

    def _converse(self, line: Line) -> None:
        kind, body = line.read(self._limits.associate)
        if kind != pdu.ASSOCIATE_RQ:
            return
        request = pdu.parse_associate_rq(body)
        if request.called != self._aet:
            line.send(pdu.pack(pdu.ASSOCIATE_RJ, bytes((0, 1, 1, 7))))
            return
        accepted = {one.id: _choice(one) for one in request.contexts if _choice(one)}
        line.send(pdu.associate_ac(request, accepted, self._limits.max_pdu))
        talk = Conversation(line, accepted, request.max_pdu, self._limits)
        line.restart_watch()
        while True:
            context, found = talk.read_command()
            kind = us(found, 0x0100)
            if kind == STORE_RQ:
                talk.take_store(context, found, self._store)
            elif kind == _ECHO_RQ:
                talk.reply(context, found, _ECHO_RSP, 0)
            else:
                raise pdu.garbled("It asks for a service that is not offered here.")


def _choice(context: pdu.Context) -> str:
    """The transfer syntax to accept: what is stored, before what is converted; empty to refuse."""
    if context.abstract != _VERIFICATION and not context.abstract.startswith(_STORAGE_ROOT):
        return ""
    offered = [one for one in context.syntaxes if one != _DEFLATED]
    return next((one for one in offered if one != pdu.IMPLICIT), offered[0] if offered else "")
