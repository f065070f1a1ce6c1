"""A DICOMweb server that misbehaves on demand, on a real socket: every way a study can fail to come.

A quirk is a function called for each request before the server answers: it answers itself and returns True,
or returns False and leaves it to the server.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.archive_factories import CT, STUDY, ct

__all__ = ["BOUNDARY", "Ask", "HostileWeb", "Quirk", "hostile_web", "slices"]

BOUNDARY = "0123456789abcdef"
JSON = "application/dicom+json"


def slices(first: int = 4, second: int = 3, *, study: str = STUDY) -> dict[str, bytes]:
    """A study of two series."""
    return {
        f"{study}.{series}.{number}": ct(number, study=study, series=series, size=32)
        for series, count in (("1", first), ("2", second))
        for number in range(1, count + 1)
    }


class Ask(BaseHTTPRequestHandler):
    """One request, with what it asks for."""

    protocol_version = "HTTP/1.1"
    server: HostileWeb
    timeout = 20

    def do_GET(self) -> None:
        """Answer, in the server's way or in the quirk's."""
        parts = urlsplit(self.path)
        self.where = parts.path.removeprefix("/dw/")
        self.query = parse_qs(parts.query)
        self.is_bytes = "json" not in self.headers.get("Accept", "")
        self.server.count(self)
        with suppress(ConnectionError, ssl.SSLError):
            if not self.server.quirk(self):
                self.answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent."""

    # ------------------------------------------------------------------ what is asked

    @property
    def level(self) -> str:
        """``study``, ``series``, ``instance``, or the listing's name."""
        if self.is_bytes:
            return {1: "study", 2: "series", 3: "instance"}.get(self.where.count("/") // 2 + 1, "")
        return "list-" + self.where.rsplit("/", 1)[-1]

    @property
    def uids(self) -> list[str]:
        """The instances that are asked for."""
        last = self.where.rsplit("/", 1)[-1]
        if self.level == "instance":
            return [last] if last in self.server.files else []
        if self.level == "series" or (self.level == "list-instances" and "/series/" in self.where):
            series = re.search(r"/series/([^/]+)", self.where)
            assert series is not None
            return [one for one in self.server.files if one.startswith(series[1] + ".")]
        return list(self.server.files)

    # ------------------------------------------------------------------ answers

    def answer(self) -> None:
        """As a good server does."""
        if not self.is_bytes:
            self.listing(self.rows())
        elif self.uids:
            self.parts([self.server.files[one] for one in self.uids])
        else:
            self.plain(404)

    def plain(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.put(body)

    def listing(self, rows: list[dict[str, Any]]) -> None:
        """A page of it, as limit and offset say."""
        limit = int(self.query.get("limit", ["1000"])[0])
        offset = int(self.query.get("offset", ["0"])[0])
        self.plain(200, json.dumps(rows[offset : offset + limit]).encode(), Content_Type=JSON)

    def rows(self, *, counts: bool = True, more: int = 0) -> list[dict[str, Any]]:
        """Rows of the listing that is asked for."""
        if self.where.endswith("/series"):
            names = sorted({one.rsplit(".", 1)[0] for one in self.server.files})
            return [_series(self.server.files, one, more if counts else None) for one in names]
        return [_instance(one) for one in self.uids]

    def begin(self, kind: str = "", **headers: str) -> None:
        """Status and header of an answer without a length, that ends by hanging up."""
        self.send_response(200)
        self.send_header("Content-Type", kind or f'multipart/related; boundary="{BOUNDARY}"')
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def parts(self, files: list[bytes], *, lengths: bool = True, lie: int = 0, close: bool = True) -> None:
        """A multipart answer that ends by hanging up."""
        self.begin()
        self.put(body_of(files, lengths=lengths, lie=lie, close=close))

    def put(self, data: bytes) -> None:
        """Send bytes."""
        self.wfile.write(data)
        self.server.sent += len(data)

    def hang_up(self) -> None:
        """Close without a word."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


Quirk = Callable[[Ask], bool]


def body_of(files: list[bytes], *, lengths: bool = True, lie: int = 0, close: bool = True) -> bytes:
    """Parts with their boundaries."""
    out = []
    for data in files:
        length = f"Content-Length: {len(data) + lie}\r\n" if lengths else ""
        out.append(
            f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n{length}\r\n".encode() + data + b"\r\n"
        )
    return b"".join(out) + (f"--{BOUNDARY}--\r\n".encode() if close else b"")


def _series(files: Mapping[str, bytes], series_uid: str, more: int | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "0020000D": {"vr": "UI", "Value": [STUDY]},
        "0020000E": {"vr": "UI", "Value": [series_uid]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00200011": {"vr": "IS", "Value": [int(series_uid.rsplit(".", 1)[-1])]},
    }
    if more is not None:
        count = sum(1 for one in files if one.startswith(series_uid + "."))
        row["00201209"] = {"vr": "IS", "Value": [count + more]}
    return row


def _instance(uid: str) -> dict[str, Any]:
    return {
        "0020000D": {"vr": "UI", "Value": [STUDY]},
        "0020000E": {"vr": "UI", "Value": [uid.rsplit(".", 1)[0]]},
        "00080018": {"vr": "UI", "Value": [uid]},
        "00080016": {"vr": "UI", "Value": [CT]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00200013": {"vr": "IS", "Value": [int(uid.rsplit(".", 1)[-1])]},
    }


class HostileWeb(ThreadingHTTPServer):
    """The server; `quirk` may be changed at any time."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, files: Mapping[str, bytes], quirk: Quirk) -> None:
        super().__init__(("127.0.0.1", 0), Ask)
        self.files = dict(files)
        self.quirk = quirk
        self.sent = 0
        """Bytes of bodies."""
        self.asked: list[str] = []
        """Addresses below the base."""
        self.times: dict[str, int] = {}
        """How often each level was asked for."""
        self.stopping = threading.Event()
        self._guard = threading.Lock()

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}/dw"

    def count(self, ask: Ask) -> None:
        """Note a request."""
        with self._guard:
            self.asked.append(ask.where)
            self.times[ask.level] = self.times.get(ask.level, 0) + 1

    def wait(self, seconds: float) -> None:
        """Wait, unless the server is being stopped."""
        self.stopping.wait(seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken pipes are what a hostile server expects."""


@contextmanager
def hostile_web(files: Mapping[str, bytes], quirk: Quirk) -> Iterator[HostileWeb]:
    """It runs."""
    server = HostileWeb(files, quirk)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


# ---------------------------------------------------------------------- quirks


def good(ask: Ask) -> bool:
    """None."""
    return False


def once(level: str, act: Callable[[Ask], None]) -> Callable[[], Quirk]:
    """The first time something of a level is asked for; ``bytes`` is any of them."""

    def make() -> Quirk:
        left = [1]

        def quirk(ask: Ask) -> bool:
            if left[0] and (ask.level == level or (level == "bytes" and ask.is_bytes)):
                left[0] -= 1
                act(ask)
                return True
            return False

        return quirk

    return make


def always(level: str, act: Callable[[Ask], None]) -> Callable[[], Quirk]:
    """Whenever something of a level is asked for."""

    def quirk(ask: Ask) -> bool:
        if ask.level == level or (level == "bytes" and ask.is_bytes):
            act(ask)
            return True
        return False

    return lambda: quirk


def for_one(number: int, act: Callable[[Ask], None]) -> Callable[[], Quirk]:
    """For one instance of the first series; nothing comes but by single instances."""

    def quirk(ask: Ask) -> bool:
        if ask.level == "instance" and f"{STUDY}.1.{number}" in ask.uids:
            act(ask)
        elif ask.level in {"study", "series"}:
            ask.plain(404)
        else:
            return False
        return True

    return lambda: quirk


def cut_at(part: float) -> Callable[[Ask], None]:
    """Hang up after this part of the answer: to HTTP a whole one."""

    def act(ask: Ask) -> None:
        body = body_of([ask.server.files[one] for one in ask.uids])
        ask.begin()
        ask.put(body[: int(len(body) * part)])
        ask.hang_up()

    return act


def in_chunks(ask: Ask, *, cut: bool = False, garbage: bool = False) -> None:
    """Transfer-Encoding chunked."""
    body = body_of([ask.server.files[one] for one in ask.uids])
    ask.send_response(200)
    ask.send_header("Content-Type", f"multipart/related; boundary={BOUNDARY}")
    ask.send_header("Transfer-Encoding", "chunked")
    ask.end_headers()
    for at in range(0, len(body), 700):
        piece = body[at : at + 700]
        size = b"zz" if garbage and at else f"{len(piece):x};ext=1".encode()
        ask.put(size + b"\r\n" + piece + b"\r\n")
        if cut and at > len(body) // 2:
            ask.hang_up()
            return
    ask.put(b"0\r\nX-Trailer: 1\r\n\r\n")


def endless(make: Callable[[int], bytes]) -> Callable[[Ask], None]:
    """Parts without end."""

    def act(ask: Ask) -> None:
        ask.begin()
        number = 0
        while not ask.server.stopping.is_set():
            number += 1
            ask.put(body_of([make(number)], close=False))

    return act


def endless_part(ask: Ask) -> None:
    """One part without a length and without end."""
    ask.begin()
    ask.put(body_of([ask.server.files[ask.uids[0]]], lengths=False, close=False)[:-2])
    piece = bytes(1 << 20)
    while not ask.server.stopping.is_set():
        ask.put(piece)


def stall(after: float) -> Callable[[Ask], None]:
    """Send a part of the answer and nothing more, with the line open."""

    def act(ask: Ask) -> None:
        body = body_of([ask.server.files[one] for one in ask.uids])
        if after:
            ask.begin()
            ask.put(body[: int(len(body) * after)])
            ask.wfile.flush()
        ask.server.wait(20)
        ask.hang_up()

    return act


def drip(ask: Ask) -> None:
    """A byte now and then."""
    ask.begin()
    for byte in body_of([ask.server.files[one] for one in ask.uids]):
        ask.put(bytes([byte]))
        ask.wfile.flush()
        if ask.server.stopping.is_set():
            return
        time.sleep(0.02)


def raw(data: bytes) -> Callable[[Ask], None]:
    """Bytes in place of an HTTP answer."""

    def act(ask: Ask) -> None:
        ask.put(data)
        ask.wfile.flush()
        ask.hang_up()

    return act


def bomb(ask: Ask) -> None:
    """A listing that is small on the line and large when unpacked."""
    packed = gzip.compress(b"[" + b" " * (80 << 20) + b"]")
    ask.plain(200, packed, Content_Type=JSON, Content_Encoding="gzip")
