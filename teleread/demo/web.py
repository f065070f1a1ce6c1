"""The demo's HTTP server: loopback only, keep-alive, one thread a connection, faults on demand."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from teleread.demo.exchange import Reply, Request, json_reply
from teleread.demo.faults import Area, Faults, Planned
from teleread.demo.fhir.outcome import issue, outcome

__all__ = ["MAX_BODY", "CutError", "DemoWeb", "Service"]

MAX_BODY = 64 * 1024 * 1024
"""Largest request body taken, in bytes."""
IDLE_SECONDS = 60.0
"""How long a connection may say nothing."""

_AREAS: dict[str, Area] = {"fhir": "fhir", "dicom-web": "dicom-web", "ups-rs": "ups-rs"}

Service = Callable[[Request], Reply]


class CutError(Exception):
    """Drop the connection now; raised by a service that streams."""


class _BodyError(Exception):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, services: Mapping[str, Service], faults: Faults) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.services = services
        self.faults = faults
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def drop_all(self) -> None:
        """End every open connection."""
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; words about requests could hold patient data."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "teleread-DEMO"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Nothing is logged: paths and queries name patients."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_OPTIONS(self) -> None:
        self._serve()

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        segments = [unquote(segment) for segment in parts.path.split("/") if segment]
        root = segments[0] if segments else ""
        faults = self.server.faults
        if faults.line_cut and root != "_demo":
            self._drop()
            return
        try:
            body = self._read_body()
        except _BodyError as error:
            self.close_connection = True
            self._send(json_reply(error.status, outcome(issue("error", "too-long", error.words))))
            return
        request = Request(
            "GET" if self.command == "HEAD" else self.command,
            tuple(segments[1:]),
            parse_qsl(parts.query, keep_blank_values=True),
            {name.lower(): value for name, value in self.headers.items()},
            body,
            f"http://127.0.0.1:{self.server.server_port}/{root}",
        )
        self._answer(root, request)

    def _answer(self, root: str, request: Request) -> None:
        faults = self.server.faults
        planned: Planned | None = None
        area = _AREAS.get(root)
        if area is not None:
            faults.count(area)
            if faults.delay_seconds:
                time.sleep(faults.delay_seconds)
            planned = faults.take(area, delivery=_delivers(request))
        if planned is not None and planned.kind != "truncate":
            self._send(_planned_reply(planned))
            return
        reply = self._ask_service(root, request)
        if (faults.line_cut and root != "_demo") or (
            root in {"fhir", "ups-rs"}
            and reply.status < 300
            and request.method in {"POST", "PUT"}
            and self._lost(request)
        ):
            self._drop()
        else:
            self._send(reply, truncate=planned is not None)
        if reply.takeover is not None and not self.close_connection:
            self._hand_over(reply.takeover)
        if reply.after is not None:
            self.wfile.flush()
            reply.after()

    def _hand_over(self, takeover: Callable[[socket.socket], None]) -> None:
        """Another protocol goes on here; the connection is one of those that a cut line ends."""
        self.wfile.flush()
        self.close_connection = True
        takeover(self.connection)

    def _ask_service(self, root: str, request: Request) -> Reply:
        service = self.server.services.get(root)
        if service is None:
            return json_reply(404, outcome(issue("error", "not-found", "Not here.")))
        try:
            return service(request)
        except Exception:  # the worker boundary: a mistake of the demo's must look like a broken server
            logging.getLogger(__name__).exception("the demo could not answer")
            return json_reply(500, outcome(issue("fatal", "exception", "The demo made a mistake.")))

    def _lost(self, request: Request) -> bool:
        return _delivers(request) and self.server.faults.take_loss(transaction=_ends(request))

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunks()
        text = self.headers.get("Content-Length", "0")
        if not text.isdigit() or int(text) > MAX_BODY:
            raise _BodyError(413, f"This server takes at most {MAX_BODY // 1024 // 1024} MB.")
        return self.rfile.read(int(text))

    def _read_chunks(self) -> bytes:
        parts: list[bytes] = []
        total = 0
        while True:
            try:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
            except ValueError as error:
                raise _BodyError(400, "The chunked body cannot be read.") from error
            total += size
            if size < 0 or total > MAX_BODY:
                raise _BodyError(413, f"This server takes at most {MAX_BODY // 1024 // 1024} MB.")
            if size == 0:
                while self.rfile.readline(1024).strip():
                    pass
                return b"".join(parts)
            parts.append(self.rfile.read(size))
            self.rfile.readline(8)

    def _send(self, reply: Reply, *, truncate: bool = False) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            if reply.status != 101:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD" and reply.status not in {204, 304}:
                self.wfile.write(reply.body[: len(reply.body) // 2] if truncate else reply.body)
            if truncate:
                self._drop()
        else:
            self._stream(reply.body, truncate=truncate)

    def _stream(self, chunks: Iterator[bytes], *, truncate: bool) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        try:
            for chunk in chunks:
                if truncate and sent:
                    self._drop()
                    return
                if chunk:
                    self.wfile.write(b"%x\r\n" % len(chunk))
                    self.wfile.write(chunk)
                    self.wfile.write(b"\r\n")
                    sent += len(chunk)
            self.wfile.write(b"0\r\n\r\n")
        except CutError:
            self._drop()

    def _drop(self) -> None:
        """End the connection without the rest of an answer."""
        self.close_connection = True
        with contextlib.suppress(OSError, ValueError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)


def _delivers(request: Request) -> bool:
    """Whether a request writes: a transaction, a create or an update."""
    return request.method in {"POST", "PUT"} and request.path[-1:] != ("_search",)


def _ends(request: Request) -> bool:
    """Whether it is one of the writes that end something: a transaction, or a workitem's change of state."""
    return not request.path or "state" in request.path


def _planned_reply(planned: Planned) -> Reply:
    if planned.kind == "garbage":
        return Reply(
            200, b"\x00\xff{<html>\x1b[2J not what you asked for", {"Content-Type": "application/fhir+json"}
        )
    headers = {"Retry-After": str(planned.retry_after)} if planned.retry_after is not None else {}
    if planned.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="teleread DEMO"'
    document = outcome(
        issue("error", "transient" if planned.status >= 500 else "security", "Planned by the demo.")
    )
    return json_reply(planned.status, document, media="application/fhir+json", headers=headers)


class DemoWeb:
    """The HTTP server with its services by first path segment.

    Args:
        port: 0 is any free one.
        services: First path segment to service.
        faults: The knobs.

    Raises:
        OSError: The port cannot be had.
    """

    def __init__(self, port: int, services: Mapping[str, Service], faults: Faults) -> None:
        self._server = _Server(port, services, faults)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="demo-web", daemon=True
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_port)

    def start(self) -> None:
        """Serve until `stop`."""
        self._thread.start()

    def drop_connections(self) -> None:
        """End every open connection."""
        self._server.drop_all()

    def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(5)
        self._server.drop_all()
        self._server.server_close()
