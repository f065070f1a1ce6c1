"""Taking HL7 messages by MLLP (2.5.1 appendix C): few connections, from whoever is named, each with its end.

What is answered is decided by whoever takes the messages, and only what it returns is sent: where it fails,
the line is closed without a word, and the sender keeps its message.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from teleread.model.addresses import MllpAddress
from teleread.model.errors import TelereadError
from teleread.model.hubfile import HubFile
from teleread.wire.mllp import Frames, TooLongError, framed

__all__ = ["LIMITS", "ListenLimits", "MllpListener", "listening_tls"]

_PIECE: Final = 64 * 1024
_LOOPBACK: Final = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class ListenLimits:
    """How long and how much, seconds and bytes."""

    handshake: float = 10.0
    """TLS, in all."""
    idle: float = 300.0
    """Silence between messages."""
    message: float = 60.0
    """From a message's first byte to its last."""
    answer: float = 10.0
    """Sending an acknowledgement."""
    largest: int = 4 * 1024 * 1024
    """Longest message."""
    connections: int = 8
    """Most at once; whoever comes besides is hung up on."""


LIMITS: Final = ListenLimits()

Take = Callable[[bytes], Sequence[bytes]]
"""Takes a message (empty: one that was too long), gives the acknowledgements to send; called by one thread a
connection."""


class MllpListener:
    """Listens; a context manager.

    Args:
        address: Where; port 0 takes any free one.
        allowed: Networks that may send besides this machine.
        take: Takes what came.
        tls: How the line is secured; None for plain.
        limits: Limits.
        refused: Told the address of whoever may not send.

    Raises:
        TelereadError: The address can't be listened on.
    """

    def __init__(
        self,
        address: MllpAddress,
        allowed: Sequence[str],
        take: Take,
        *,
        tls: ssl.SSLContext | None = None,
        limits: ListenLimits = LIMITS,
        refused: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._allowed = [ip_network(one) for one in (*_LOOPBACK, *allowed)]
        self._take = take
        self._tls = tls
        self._limits = limits
        self._refused = refused
        self._stopped = threading.Event()
        self._guard = threading.Lock()
        self._lines: set[socket.socket] = set()
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        try:
            self._listener = socket.create_server((address.host, address.port), family=family, backlog=8)
        except OSError as problem:
            raise TelereadError(
                f"HL7 messages can't come in: {address} can't be listened on.",
                "Another program may hold that port, or this machine has no such address.",
                "Choose another with --hl7-listen.",
                code="port-taken",
            ) from problem
        self._listener.settimeout(0.2)
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> MllpListener:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop. A message whose acknowledgement was not sent yet stays its sender's."""
        self._stopped.set()
        self._listener.close()
        with self._guard:
            for one in self._lines:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(self._limits.answer)

    def serve(self, stop: threading.Event) -> None:
        """Take connections until stopped."""
        while not stop.is_set() and not self._stopped.is_set():
            try:
                sock, peer = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            if not self._may(str(peer[0])):
                sock.close()
                self._refused(str(peer[0]))
                continue
            with self._guard:
                full = len(self._lines) >= self._limits.connections
                if not full:
                    self._lines.add(sock)
            if full:
                sock.close()
                continue
            thread = threading.Thread(target=self._talk, args=(sock,), name="mllp-in", daemon=True)
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
            thread.start()

    def _may(self, host: str) -> bool:
        found = ip_address(host.partition("%")[0])
        mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
        return any((mapped or found) in network for network in self._allowed)

    def _talk(self, sock: socket.socket) -> None:
        """The boundary of a thread: whatever goes wrong ends this line, unacknowledged."""
        line = sock
        try:
            with contextlib.suppress(Exception):
                if self._tls is not None:
                    sock.settimeout(self._limits.handshake)
                    line = self._tls.wrap_socket(sock, server_side=True)
                    with self._guard:
                        self._lines.discard(sock)
                        self._lines.add(line)
                self._converse(line)
        finally:
            with self._guard:
                self._lines -= {sock, line}
            line.close()
            sock.close()

    def _converse(self, line: socket.socket) -> None:
        frames = Frames(self._limits.largest)
        until = time.monotonic() + self._limits.idle
        while not self._stopped.is_set():
            line.settimeout(max(0.001, until - time.monotonic()))
            piece = line.recv(_PIECE)
            if not piece:
                return
            began = frames.partly
            try:
                messages = frames.feed(piece)
            except TooLongError:
                self._answer(line, b"")
                return
            for message in messages:
                self._answer(line, message)
            if messages or (frames.partly and not began):
                until = time.monotonic() + (self._limits.message if frames.partly else self._limits.idle)

    def _answer(self, line: socket.socket, message: bytes) -> None:
        told = self._take(message)
        line.settimeout(self._limits.answer)
        for one in told:
            line.sendall(framed(one))


def listening_tls(hub: HubFile) -> ssl.SSLContext | None:
    """How our listener is called; None where the hub file wants no TLS there. Both sides show a certificate.

    Raises:
        UsageError: It names no certificate or no authority, or one can't be read.
    """
    if not hub.hl7_listen_tls:
        return None
    from teleread.wire.auth import called_context

    return called_context(hub, "the messages that come in", "hl7_listen_tls")
