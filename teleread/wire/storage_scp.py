"""A small storage SCP, for the sub-operations of a C-MOVE that we asked for ourselves (PS3.4 annex B).

It listens only while a move runs, on the one address the archive is reached by, takes a few associations at a
time, and nothing but storage and echo. Whoever calls by another AE title is rejected; whoever falls silent
holds up nobody else.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Final

from teleread.model.errors import TelereadError

from . import pdu
from .dimse_line import DEFAULT_LIMITS, DimseLimits, Line
from .dimse_messages import ECHO_RSP, STORE_RQ, Conversation, StoreHandler, us
from .dimse_tls import DimseTls

__all__ = ["StorageScp"]

_STORAGE_ROOT: Final = "1.2.840.10008.5.1.4.1.1."
ECHO_RQ: Final = 0x0030
VERIFICATION: Final = "1.2.840.10008.1.1"
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_AT_ONCE: Final = 4
"""Associations served at once; others wait in the listener's queue."""


class StorageScp:
    """Takes instances that an archive sends; a context manager.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        aet: The AE title we answer to.
        store: Makes what takes the instances of one association, used in that association's thread; what
            it raises ends that association, and is its own to keep.
        limits: Time and size limits.
        tls: How we are called; None for plain TCP.
        classes: SOP classes to take besides DICOM's own (a vendor's private ones); None takes any.

    Raises:
        TelereadError: The port can't be listened on.
    """

    def __init__(
        self,
        host: str,
        port: int,
        aet: str,
        store: Callable[[], StoreHandler],
        *,
        limits: DimseLimits = DEFAULT_LIMITS,
        tls: DimseTls | None = None,
        classes: frozenset[str] | None = frozenset(),
    ) -> None:
        self._aet = aet
        self._store = store
        self._limits = limits
        self._tls = tls
        self._classes = classes
        self._stop = threading.Event()
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        self._guard = threading.Lock()
        self._lines: set[Line] = set()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server((host, port), family=family, backlog=8)
        except OSError as error:
            raise TelereadError(
                f"Port {port} can't be listened on for the archive to send to.",
                "Another program may hold it.",
                "Choose another with --listen, or fetch by DICOMweb or C-GET.",
                code="port-taken",
            ) from error
        self._listener.settimeout(0.1)
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
        with self._guard:
            for line in self._lines:
                line.cut()
        self._thread.join(self._limits.release)
        self._listener.close()
        for thread in self._threads:
            thread.join(self._limits.release)

    def _serve(self) -> None:
        while not self._stop.is_set():
            if not self._room.acquire(timeout=0.1):
                continue
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                self._room.release()
                continue
            except OSError:
                return
            thread = threading.Thread(target=self._take, args=(sock,), name="storage-scp-in", daemon=True)
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
            thread.start()

    def _take(self, sock: socket.socket) -> None:
        line = None
        try:
            if not self._welcome(sock):
                return
            # The boundary of a thread: whoever asked for the move sees what is missing, and the handler keeps
            # why it takes no more.
            with contextlib.suppress(Exception):
                secured = sock if self._tls is None else self._tls.wrap(sock, self._limits.associate)
                line = Line(secured, self._limits)
                with self._guard:
                    self._lines.add(line)
                if not self._stop.is_set():
                    self._converse(line)
        finally:
            if line is not None:
                with self._guard:
                    self._lines.discard(line)
                line.sock.close()
            sock.close()
            self._room.release()

    def _converse(self, line: Line) -> None:
        kind, body = line.read(self._limits.associate)
        if kind != pdu.ASSOCIATE_RQ:
            return
        request = pdu.parse_associate_rq(body)
        if request.called != self._aet:
            line.send(pdu.pack(pdu.ASSOCIATE_RJ, bytes((0, 1, 1, 7))))
            return
        chosen = {one.id: (one.abstract, self._choice(one)) for one in request.contexts}
        accepted = {id_: pair for id_, pair in chosen.items() if pair[1]}
        syntaxes = {id_: syntax for id_, (_, syntax) in accepted.items()}
        line.send(pdu.associate_ac(request, syntaxes, self._limits.max_pdu))
        talk = Conversation(line, accepted, request.max_pdu, self._limits)
        line.restart_watch()
        self._answer(talk)

    def _welcome(self, sock: socket.socket) -> bool:
        """Whether who calls may call: anybody, for only what was asked for is taken."""
        return True

    def _answer(self, talk: Conversation) -> None:
        """Answer requests until the association ends."""
        store = self._store()
        while True:
            context, found = talk.read_command()
            kind = us(found, 0x0100)
            if kind == STORE_RQ:
                talk.take_store(context, found, store)
            elif kind == ECHO_RQ:
                talk.reply(context, found, ECHO_RSP, 0)
            else:
                raise pdu.garbled("It asks for a service that is not offered here.")

    def _choice(self, context: pdu.Context) -> str:
        """The transfer syntax to accept: what is stored, before what is converted; empty to refuse."""
        known = context.abstract == VERIFICATION or context.abstract.startswith(_STORAGE_ROOT)
        if not known and self._classes is not None and context.abstract not in self._classes:
            return ""
        offered = sorted(context.syntaxes, key=lambda one: (one == _DEFLATED, one == pdu.IMPLICIT))
        return offered[0] if offered else ""
