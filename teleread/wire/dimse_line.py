"""The socket beneath an association: a PDU out in one write, PDUs in through one buffer (PS3.8 section 9).

Every length is checked against what was negotiated before a byte of it is kept; every wait has a limit.
"""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from teleread.model.errors import OfflineError
from teleread.model.hubfile import DimseAddress

from . import pdu
from .dimse_tls import DimseTls, tls_error

__all__ = ["DEFAULT_LIMITS", "DimseLimits", "Line", "broken", "connect"]

_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)
_GLANCE: Final = 0.25
"""Seconds between two looks at what arrives elsewhere."""
_CHECK: Final = "Check the network and the hub file; nothing was lost."


@dataclass(frozen=True, slots=True)
class DimseLimits:
    """Every wait and every size has one of these."""

    connect: float = 10.0
    """Seconds until the TCP connection stands."""
    associate: float = 30.0
    """Seconds until the association is answered, and before it until TLS stands."""
    silence: float = 150.0
    """Seconds without a byte, or with nothing but promises. Some archives think for two minutes."""
    send: float = 30.0
    """Seconds until a PDU is written."""
    release: float = 3.0
    """Seconds until a release is answered."""
    max_pdu: int = 131_072
    """Longest P-DATA we take, bytes: what we tell the peer, and hold it to."""
    control: int = 1 << 18
    """Longest other PDU, bytes."""
    message: int = 1 << 20
    """Longest command or identifier, bytes."""
    matches: int = 100_000
    """Most C-FIND answers read."""
    floor: int = 4096
    """Object bytes below which a whole `silence` counts as nothing but promises."""
    strays: int = 256
    """Most objects that nobody asked for, in one retrieve, before the archive is left."""


DEFAULT_LIMITS: Final = DimseLimits()


class Line:
    """One TCP connection that speaks PDUs, in the clear or over TLS.

    Args:
        sock: Connected; closed with the line.
        limits: Time and size limits.
        monotonic: Seconds that only grow.
    """

    def __init__(
        self, sock: socket.socket, limits: DimseLimits, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self._limits = limits
        self._monotonic = monotonic
        self._buf = bytearray(max(1 << 20, 2 * limits.max_pdu, limits.control + 64))
        self._view = memoryview(self._buf)
        self._start = self._end = 0
        self._seen = 0
        self._mark = monotonic()
        self._timeout = -1.0

    def send(self, raw: bytes) -> None:
        """Write one PDU.

        Raises:
            OfflineError: It is not read, or the line broke.
        """
        try:
            self._wait(self._limits.send)
            self.sock.sendall(raw)
        except TimeoutError as error:
            raise broken("The archive does not read what it is sent.") from error
        except ssl.SSLError as error:
            raise _refused_late(error) from error
        except OSError as error:
            raise broken("The line to the archive broke.") from error

    def read(self, seconds: float) -> tuple[int, memoryview]:
        """The next PDU: its type, and its body as a view that is valid until the next read.

        Args:
            seconds: Longest silence.

        Raises:
            OfflineError: Silence, a trickle, a broken line, an abort, or a length beyond what was agreed.
        """
        self._fill(6, seconds)
        kind = self._buf[self._start]
        length = int.from_bytes(self._view[self._start + 2 : self._start + 6], "big")
        # The field can say 4 GiB: a peer is held to what was negotiated before a byte of it is kept.
        if length > (self._limits.max_pdu if kind == pdu.P_DATA else self._limits.control):
            raise pdu.garbled("It announces a unit far longer than was agreed.")
        self._fill(6 + length, seconds)
        body = self._view[self._start + 6 : self._start + 6 + length]
        self._start += 6 + length
        if kind == pdu.ABORT:
            raise broken("The archive broke off. Some do that when they don't know our AE title.")
        return kind, body

    def _fill(self, count: int, seconds: float) -> None:
        if self._end - self._start >= count:
            return
        began, came = self._monotonic(), 0
        while self._end - self._start < count:
            self._make_room(count)
            try:
                came += self._receive(seconds)
            except TimeoutError as error:
                raise broken("The archive has been silent for too long.") from error
            took = self._monotonic() - began
            if took > seconds and came < self._limits.floor * took / seconds:
                raise broken("The archive sends next to nothing.")

    def _make_room(self, count: int) -> None:
        if self._start and len(self._buf) - self._start < max(count, 1 << 16):
            kept = self._end - self._start
            self._view[:kept] = bytes(self._view[self._start : self._end])
            self._start, self._end = 0, kept

    def _receive(self, seconds: float) -> int:
        """Take what there is into the buffer; a silence ends as TimeoutError."""
        try:
            self._wait(seconds)
            got = self.sock.recv_into(self._view[self._end :])
            if _QUICKACK is not None:  # a peer with Nagle's algorithm else waits 40 ms an instance for us
                self.sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        except TimeoutError:
            raise
        except ssl.SSLError as error:
            raise _refused_late(error) from error
        except OSError as error:
            raise broken("The line to the archive broke.") from error
        if not got:
            raise broken("The archive hung up.")
        self._end += got
        return got

    def _wait(self, seconds: float) -> None:
        """Set the socket's time limit, where it is another than before: it is a call into the system."""
        if seconds != self._timeout:
            self.sock.settimeout(seconds)
            self._timeout = seconds

    def restart_watch(self) -> None:
        """A request begins: count what comes from here."""
        self._mark, self._seen = self._monotonic(), 0

    def progress(self, count: int) -> None:
        """Count object bytes: an archive that only ever says "pending" is silent too.

        Raises:
            OfflineError: A whole silence limit brought next to nothing.
        """
        self._seen += count
        now = self._monotonic()
        if now - self._mark > self._limits.silence:
            if self._seen < self._limits.floor:
                raise broken("The archive keeps promising and sends nothing.")
            self._mark, self._seen = now, 0

    def wait_while(self, arrived: Callable[[], int]) -> None:
        """Wait for bytes as long as something else grows (C-MOVE's objects come by another way).

        Raises:
            OfflineError: Neither came for the silence limit.
        """
        known, last = arrived(), self._monotonic()
        while self._end == self._start:
            self._make_room(6)
            # A read rather than a select: TLS may hold bytes that the socket no longer shows, or none.
            with contextlib.suppress(TimeoutError):
                self._receive(_GLANCE)
            now = self._monotonic()
            if arrived() != known:
                known, last = arrived(), now
            elif now - last > self._limits.silence:
                raise broken("The archive has been silent for too long.")

    def release(self) -> None:
        """End in good order; a peer that does not answer is left."""
        try:
            self._wait(self._limits.release)
            self.sock.sendall(pdu.pack(pdu.RELEASE_RQ, bytes(4)))
            self._start = self._end = 0
            self.read(self._limits.release)
        except (OSError, OfflineError):
            pass
        finally:
            self.sock.close()

    def abort(self) -> None:
        """End at once, by the thread that uses the line."""
        with contextlib.suppress(OSError):
            self.sock.settimeout(1.0)
            self.sock.sendall(pdu.pack(pdu.ABORT, bytes(4)))
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def cut(self) -> None:
        """Wake another thread that waits on this line; it meets a broken line and closes it.

        The socket beneath TLS is shut, and nothing is said: two threads may not use one TLS state at once.
        """
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def connect(
    address: DimseAddress,
    limits: DimseLimits,
    tls: DimseTls | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[socket.socket, float]:
    """Open the connection.

    Args:
        address: Whom to call.
        limits: Time limits.
        tls: How to secure it; None for plain TCP.
        monotonic: Seconds that only grow.

    Returns:
        The socket, and the seconds of one round trip as TCP's own handshake took it.

    Raises:
        OfflineError: Nobody is there, or TLS does not come about.
    """
    where = f"It was called as {address}."
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        sock, round_trip = _first(found, limits.connect, monotonic)
    except TimeoutError as error:
        raise OfflineError("The archive does not answer.", where, _CHECK) from error
    except socket.gaierror as error:
        raise OfflineError("The archive's name is not known to the network.", where, _CHECK) from error
    except OSError as error:
        raise OfflineError("The archive can't be reached.", where, _CHECK) from error
    if tls is None:
        return sock, round_trip
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap(sock, limits.associate), round_trip


def _first(
    found: Sequence[tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]],
    seconds: float,
    monotonic: Callable[[], float],
) -> tuple[socket.socket, float]:
    """The first address that answers; all of them together within the limit."""
    last: OSError = OSError("no address")
    end = monotonic() + seconds
    for family, kind, protocol, _, place in found:
        left = end - monotonic()
        if left <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        began = monotonic()
        try:
            sock.settimeout(left)
            sock.connect(place)
        except OSError as error:
            sock.close()
            last = error
            continue
        return sock, min(monotonic() - began, _kernels_round_trip(sock))
    raise last


def _kernels_round_trip(sock: socket.socket) -> float:
    """Seconds of the handshake's round trip as the kernel saw it: a busy machine makes our own clock late."""
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return float(struct.unpack_from("=I", raw, 68)[0]) / 1e6  # tcpi_rtt, microseconds
    except (AttributeError, OSError, struct.error):  # not on this system
        return math.inf


def _refused_late(error: ssl.SSLError) -> OfflineError:
    """TLS 1.3 tells a client that its certificate is refused only after the handshake."""
    if "ALERT" in (error.reason or ""):
        return tls_error(error)
    return broken("The line to the archive broke.")


def broken(what: str) -> OfflineError:
    """The error for a line that ended or fell silent."""
    return OfflineError(what, "Every instance that came whole is kept.", "The rest is asked for again.")
