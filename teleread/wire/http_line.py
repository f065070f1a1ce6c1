"""One HTTP/1.1 connection for large answers (RFC 9112), on a bare socket: one copy from kernel to caller.

It raises what sockets raise (OSError, ssl.SSLError, TimeoutError) and `Garbled`; `teleread.wire.http_bulk`
puts them into words. The pool, retries and the sign-in are its business too.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from .http_answers import Timeouts

__all__ = ["Cut", "Garbled", "Line", "Patience", "ProxyRefused", "Route"]

MAX_HEAD: Final = 64 << 10
"""Bytes of status line and header fields."""
MAX_INTERIM: Final = 5
"""Answers of status 1xx before the real one."""
_RECV: Final = 1024 << 10
_DRAIN: Final = 64 << 10
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class Garbled(ValueError):  # noqa: N818 - a fact about an answer; the client turns it into words
    """What came is no HTTP answer."""


class Cut(ConnectionError):  # noqa: N818 - the same
    """The line ended before the answer did."""


class ProxyRefused(ConnectionError):  # noqa: N818 - the same
    """The proxy does not let us through.

    Args:
        status: What it answered.
    """

    def __init__(self, status: int) -> None:
        super().__init__("proxy")
        self.status = status


@dataclass(frozen=True, slots=True)
class Route:
    """How a server is reached."""

    secure: bool
    host: str
    """ASCII; an IPv6 address without brackets."""
    port: int
    proxy: tuple[str, int] | None = None

    @property
    def name(self) -> str:
        """For the Host field: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


class Patience:
    """How long one request may wait: each silence, the whole, and a least rate, so that no drip is for ever.

    Only time spent waiting counts: a caller that takes its time with a piece costs the server nothing. The
    wait for the first byte does not count towards the rate: some archives think for two minutes.

    Args:
        limits: Time limits.
        total: Seconds for the whole; None for no end.
    """

    def __init__(self, limits: Timeouts, total: float | None) -> None:
        self._limits = limits
        self._left = total
        self._waited = 0.0
        self._came = 0
        self._started = False

    def seconds(self) -> float:
        """How long the next wait may last."""
        if self._left is None:
            return self._limits.read
        if self._left <= 0:
            raise TimeoutError
        return min(self._limits.read, self._left)

    def came(self, size: int, waited: float) -> None:
        """So many bytes came after so many seconds."""
        if self._left is not None:
            self._left -= waited
        self._waited += waited if self._started else 0.0
        self._started = True
        self._came += size
        if self._waited >= self._limits.window:
            if self._came < self._limits.least:
                raise TimeoutError
            self._waited, self._came = 0.0, 0


class Line:
    """One connection; one thread at a time uses it, any may `kill` it.

    Args:
        sock: Connected, and encrypted where it should be.
        rtt: Seconds the TCP handshake took: one round trip.
    """

    def __init__(self, sock: socket.socket, rtt: float) -> None:
        self._sock = sock
        self.rtt = rtt
        self.used = 0
        """Answers it has brought."""
        self.idle_since = 0.0
        """Monotonic seconds, set by the pool."""
        self.received = 0
        """Bytes that came by it."""
        self.reusable = False
        """The last answer was read to its end, and the server keeps the line."""
        self._left: bytes | memoryview = b""
        self._patience = Patience(Timeouts(), None)
        self._timeout = -1.0
        self._keeps = False

    @classmethod
    def open(cls, route: Route, context: ssl.SSLContext | None, limits: Timeouts) -> Line:
        """Connect, through the proxy where there is one.

        Args:
            route: Where to.
            context: TLS context; None for plain http.
            limits: Time limits.

        Raises:
            OSError: It can't be reached; TimeoutError and ssl.SSLError among them; ProxyRefused.
        """
        sock, rtt = _connected(route.proxy or (route.host, route.port), limits.connect)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if route.secure:
                if route.proxy is not None:
                    _tunnel(sock, route, rtt, limits)
                assert context is not None
                sock.settimeout(limits.connect)
                sock = context.wrap_socket(sock, server_hostname=route.host)
        except BaseException:
            sock.close()
            raise
        return cls(sock, rtt)

    def ask(self, head: bytes, limits: Timeouts, total: float | None) -> tuple[int, dict[str, str]]:
        """Send a request without a body; the status and the header fields of its answer, lower case.

        Raises:
            Garbled: The answer is none.
            Cut: There is none.
            OSError: As sockets do.
        """
        self.reusable = False
        self._patience = Patience(limits, total)
        self._sock.settimeout(limits.write)
        self._timeout = -1.0
        self._sock.sendall(head)
        for _ in range(MAX_INTERIM):
            version, status, headers = self._head()
            if status >= 200:
                kept = headers.get("connection", "").lower()
                self._keeps = "keep-alive" in kept if version == 0 else "close" not in kept
                self.used += 1
                return status, headers
        raise Garbled

    def body(self, status: int, headers: Mapping[str, str]) -> Iterator[bytes | memoryview]:
        """The body of the answer whose head was just read.

        Raises:
            Garbled: Its framing makes no sense.
            Cut: It ends before it should.
            OSError: As sockets do.
        """
        coding = headers.get("transfer-encoding", "").strip().lower()
        length = headers.get("content-length")
        if status in {204, 304}:
            framed: Iterator[bytes | memoryview] = iter(())
        elif coding == "chunked":
            framed = self._chunked()
        elif coding not in {"", "identity"}:
            raise Garbled
        elif length is not None:
            if not _NUMBER.fullmatch(length):
                raise Garbled
            framed = self._exactly(int(length))
        else:
            yield from self._to_the_end()
            return
        yield from framed
        self.reusable = self._keeps and not self._left

    def drain(self, body: Iterator[bytes | memoryview]) -> None:
        """Read what is left of a body if it is little and there already: then the line can be used again."""
        if not self._keeps or self.reusable:
            return
        self._patience = Patience(Timeouts(read=0.2), 0.2)
        size = 0
        with contextlib.suppress(OSError, Garbled):
            for piece in body:
                size += len(piece)
                if size > _DRAIN:
                    return

    def kill(self) -> None:
        """End it from any thread; a wait in it ends at once."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        with contextlib.suppress(OSError):
            self._sock.close()

    # ------------------------------------------------------------------ bytes

    def _next(self) -> bytes | memoryview:
        """The next bytes, as many as there are; empty at the end."""
        if self._left:
            piece, self._left = self._left, b""
            return piece
        seconds = self._patience.seconds()
        if seconds != self._timeout:
            self._sock.settimeout(seconds)
            self._timeout = seconds
        start = time.monotonic()
        data = self._sock.recv(_RECV)
        self._patience.came(len(data), time.monotonic() - start)
        self.received += len(data)
        return data

    def _to_the_end(self) -> Iterator[bytes | memoryview]:
        while piece := self._next():
            yield piece

    def _exactly(self, size: int) -> Iterator[bytes | memoryview]:
        while size:
            piece = self._next()
            if not piece:
                raise Cut
            if len(piece) > size:
                view = memoryview(piece)
                piece, self._left = view[:size], view[size:]
            size -= len(piece)
            yield piece

    def _chunked(self) -> Iterator[bytes | memoryview]:
        """RFC 9112 section 7.1; extensions and trailers are passed over."""
        while True:
            digits = self._until(b"\r\n", 4096).split(b";")[0].strip()
            if not 0 < len(digits) <= 16 or not re.fullmatch(rb"[0-9A-Fa-f]+", digits):
                raise Garbled
            size = int(digits, 16)
            if not size:
                break
            yield from self._exactly(size)
            if self._until(b"\r\n", 2):
                raise Garbled
        passed = 0
        while trailer := self._until(b"\r\n", 8192):
            passed += len(trailer)
            if passed > MAX_HEAD:
                raise Garbled

    def _until(self, mark: bytes, most: int) -> bytes:
        """Bytes before a mark, which is passed over."""
        held = b""
        while True:
            piece = self._next()
            if not piece:
                raise Cut
            known = len(held)
            held += bytes(piece[: most + len(mark) - known])
            # The mark may lie across two pieces.
            at = held.find(mark, max(0, known - len(mark) + 1))
            if at >= 0:
                self._left = memoryview(piece)[at + len(mark) - known :]
                return held[:at]
            if len(held) >= most + len(mark):
                raise Garbled

    def _head(self) -> tuple[int, int, dict[str, str]]:
        lines = self._until(b"\r\n\r\n", MAX_HEAD).split(b"\r\n")
        found = _STATUS.fullmatch(lines[0])
        if found is None:
            raise Garbled
        return int(found[1]), int(found[2]), _fields(lines[1:])


def _fields(lines: list[bytes]) -> dict[str, str]:
    """Header fields, lower case; of repeated ones the values joined, but lengths that differ are refused."""
    out: dict[str, str] = {}
    last = ""
    for raw in lines:
        text = raw.decode("latin_1")
        if text[:1] in {" ", "\t"} and last:
            out[last] += " " + text.strip()
            continue
        name, colon, value = text.partition(":")
        last = name.strip().lower()
        if not colon or not last:
            raise Garbled
        value = value.strip()
        if last == "content-length" and out.get(last, value) != value:
            raise Garbled
        out[last] = f"{out[last]}, {value}" if last in out and last != "content-length" else value
    return out


def _connected(where: tuple[str, int], seconds: float) -> tuple[socket.socket, float]:
    """A TCP connection, and how long its handshake took (the name's look-up is not in it)."""
    failed: OSError | None = None
    # As bytes: a text would first go through the codec of international names, which takes a while to load.
    name = where[0].encode("ascii")
    for family, kind, protocol, _, address in socket.getaddrinfo(name, where[1], type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(seconds)
            start = time.monotonic()
            sock.connect(address)
            return sock, time.monotonic() - start
        except OSError as error:
            sock.close()
            failed = error
    raise failed or OSError("no address")


def _tunnel(sock: socket.socket, route: Route, rtt: float, limits: Timeouts) -> None:
    """CONNECT through a proxy (RFC 9110 section 9.3.6)."""
    host = f"[{route.host}]" if ":" in route.host else route.host
    line = Line(sock, rtt)
    target = f"{host}:{route.port}"
    status, _ = line.ask(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("ascii"), limits, None)
    if not 200 <= status < 300 or line._left:
        raise ProxyRefused(status)
