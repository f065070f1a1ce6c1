"""The local gateway: DICOMweb over the vault for a viewer on this machine, for one case, reading alone.

It listens on 127.0.0.1 at a port the system picks. Who asks needs a token of 32 random bytes; a browser gets
it as a cookie in exchange for a code that works once and for a minute. A page of another origin, another name
for this host (DNS rebinding) and every method that writes are refused. Nothing is logged.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from teleread.host.clock import Clock

from .gateway_answers import Answer, Asked, Service, refusal
from .gateway_codes import CODE_SECONDS, Codes
from .gateway_viewers import ohif_config, ohif_file, proxy_json, weasis_manifest

if TYPE_CHECKING:
    from .decode import DecodePool
    from .gateway_study import Shared

__all__ = ["CODE_SECONDS", "IDLE_SECONDS", "Gateway", "Serving"]

IDLE_SECONDS: Final = 30 * 60.0
"""How long nobody has to ask anything until it closes."""
MAX_LINES: Final = 48
"""Most connections at once."""
LINE_SECONDS: Final = 30.0
"""How long a connection may say nothing."""
WATCH_SECONDS: Final = 0.5
READERS: Final = 4
"""Threads that read the vault; each has a database connection of its own."""

_METHODS: Final = "GET, HEAD, OPTIONS"
_ALWAYS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Serving:
    """What a gateway serves besides DICOMweb."""

    ohif: Path | None = None
    """Folder of OHIF's published build."""
    origin: str = ""
    """Origin of a viewer elsewhere that may ask, such as ``https://viewer.example``; empty for none."""
    open_path: bool = False
    """The service's path is itself the key: for viewers that can send no header and no cookie."""


@dataclass(slots=True)
class _State:
    asked_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Gateway:
    """One running gateway.

    Args:
        shared: The studies it shows.
        clock: Monotonic time for codes and idleness.
        serving: What it serves besides.
        over: Asked twice a second: whether it has to close, because the profile was locked.

    Raises:
        ValueError: The path is to be the key, and pages would tell it.
    """

    def __init__(
        self,
        shared: Shared,
        clock: Clock,
        serving: Serving = Serving(),  # frozen
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        if serving.ohif is not None and (serving.origin or serving.open_path):
            raise ValueError("pages served from here would tell the path, which is the key")
        self.shared = shared
        self.serving = serving
        self.token = secrets.token_urlsafe(32)
        self._clock = clock
        self._over = over
        self._path = secrets.token_urlsafe(32)
        self._cookie = f"teleread-{secrets.token_hex(8)}"
        self._codes = Codes(clock)
        self._state = _State(asked_at=clock.monotonic())
        self._readers = ThreadPoolExecutor(READERS, "gateway-read")
        self._pool: DecodePool | None = None
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        self.root = f"http://127.0.0.1:{self.port}/{self._path}/dicom-web"
        self._service = Service(shared, self._decoder, self.root)
        self._ended = threading.Event()
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="gateway", daemon=True).start()
        threading.Thread(target=self._watch, name="gateway-watch", daemon=True).start()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._ended.is_set()

    def link(self, kind: str) -> str:
        """A link that works once, for a minute.

        Args:
            kind: ``page`` opens OHIF as served from here, ``proxy`` gives the source of an OHIF elsewhere,
                ``weasis`` gives Weasis' manifest.
        """
        with self._state.lock:
            self._state.asked_at = self._clock.monotonic()
        return f"http://127.0.0.1:{self.port}/open/{self._codes.new(kind)}"

    def close(self) -> None:
        """End it: the port, every connection, every code and key."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.drop_all()
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._codes.clear()
        with self._state.lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_SECONDS):
            with self._state.lock:
                idle = self._clock.monotonic() - self._state.asked_at
            if idle > IDLE_SECONDS or self._over():
                self.close()

    def _decoder(self) -> DecodePool:
        from .decode import DecodePool

        with self._state.lock:
            if self._pool is None:
                self._pool = DecodePool(2)
            return self._pool

    # -- requests ------------------------------------------------------------------------------------------

    def answer(self, target: str, headers: Any) -> Answer:
        """Answer a GET.

        Args:
            target: Path and query.
            headers: The request's headers.
        """
        barred = self._barred(headers)
        if barred is not None:
            return barred
        parts = urlsplit(target)
        path = tuple(unquote(one) for one in parts.path.split("/") if one)
        if path[:1] == ("open",) and len(path) == 2:
            return self._exchange(path[1], headers)
        if (
            len(path) >= 2
            and path[1] == "dicom-web"
            and hmac.compare_digest(_bytes(path[0]), _bytes(self._path))
        ):
            if not self._known(headers):
                return Answer(401, body=b"A token is needed.\n", headers={"WWW-Authenticate": "Bearer"})
            self._codes.key_used()
            with self._state.lock:
                self._state.asked_at = self._clock.monotonic()
            asked = Asked(
                path[2:], dict(parse_qsl(parts.query, max_num_fields=64)), headers.get("Accept") or "*/*"
            )
            return self._readers.submit(self._service.answer, asked).result()
        if self.serving.ohif is None:
            return refusal(404, "There is nothing of that name.")
        return ohif_config(self.root) if path == ("app-config.js",) else ohif_file(self.serving.ohif, path)

    def _barred(self, headers: Any) -> Answer | None:
        """Refuse other names for this host, and pages of other origins."""
        hosts = headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0] not in (f"127.0.0.1:{self.port}", f"localhost:{self.port}"):
            return refusal(403, "This is not the host that was asked for.")
        origin = headers.get("Origin")
        if origin is not None and origin not in self.origins:
            return refusal(403, "That page may not ask here.")
        return None

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins whose pages may ask."""
        own = (f"http://127.0.0.1:{self.port}", f"http://localhost:{self.port}")
        return (*own, self.serving.origin) if self.serving.origin else own

    def _known(self, headers: Any) -> bool:
        if self.serving.origin or self.serving.open_path:
            return True  # the path, which was compared, is the key
        given = [str(headers.get("Authorization") or "").removeprefix("Bearer ")]
        for one in str(headers.get("Cookie") or "").split(";"):
            name, _, value = one.strip().partition("=")
            given += [value] if name == self._cookie else []
        return any(hmac.compare_digest(_bytes(one), _bytes(self.token)) for one in given)

    def _exchange(self, code: str, headers: Any) -> Answer:
        """Take a code; whoever comes second, or late, gets nothing."""
        kind = self._codes.exchange(code, str(headers.get("User-Agent") or ""))
        if not kind:
            return refusal(403, "This link has been used, or is too old. Press the key again in teleread.")
        if kind == "weasis":
            return self._readers.submit(weasis_manifest, self.shared, self.root, self.token).result()
        if kind == "proxy":
            return proxy_json(self.root)
        # The browser keeps the address it is sent to: an alias that is made up for this time alone.
        cookie = f"{self._cookie}={self.token}; Path=/{self._path}; HttpOnly; SameSite=Strict"
        studies = ",".join(one.alias for one in self.shared.studies[:1])
        place = f"/viewer?StudyInstanceUIDs={studies}"
        return Answer(303, headers={"Location": place, "Set-Cookie": cookie})


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        with self._lock:
            return len(self._open) < MAX_LINES

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
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A viewer that went away is no news; words about requests could hold patient data."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "teleread"
    sys_version = ""
    timeout = LINE_SECONDS
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Nothing is logged: paths name studies."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse in the way of all answers: what the base class knows no method for writes."""
        status = 405 if code == HTTPStatus.NOT_IMPLEMENTED else code
        self._refuse(status, "The gateway is there for reading alone." if status == 405 else "Refused.")

    def do_GET(self) -> None:
        self._serve(self._answer)

    def do_HEAD(self) -> None:
        # A code is not used up by somebody who only looks.
        looking = self.path.startswith("/open/")
        self._serve((lambda: refusal(405, "This link is for GET.")) if looking else self._answer)

    def do_OPTIONS(self) -> None:
        self._serve(lambda: self.server.gateway._barred(self.headers) or Answer(204))

    def _answer(self) -> Answer:
        return self.server.gateway.answer(self.path, self.headers)

    def _serve(self, make: Callable[[], Answer]) -> None:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self._refuse(413, "No request here has a body.")
            return
        try:
            made = make()
        except Exception:  # the boundary of a request: an error of ours costs this answer alone
            made = refusal(500, "Something went wrong here that should not.")
        self._send(made)

    def _refuse(self, status: int, words: str) -> None:
        self.close_connection = True
        self._send(refusal(status, words))

    def _send(self, made: Answer) -> None:
        self.send_response(made.status)
        headers = {**_ALWAYS, **self._cross_origin(), **made.headers}
        whole = made.body if isinstance(made.body, bytes) else None
        if made.status != 204:
            headers["Content-Type"] = made.kind
            if whole is not None:
                headers["Content-Length"] = str(len(whole))
            elif self.request_version == "HTTP/1.0":
                self.close_connection = True
            else:
                headers["Transfer-Encoding"] = "chunked"
        if made.status == 405:
            headers["Allow"] = _METHODS
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD" or made.status == 204:
            return
        if isinstance(made.body, bytes):
            self.wfile.write(made.body)
        else:
            self._stream(made.body, chunked="Transfer-Encoding" in headers)

    def _stream(self, pieces: Iterator[bytes], *, chunked: bool) -> None:
        """Send piece by piece. An error in the middle breaks the line, so that nothing cut looks whole."""
        gateway = self.server.gateway
        try:
            while (piece := gateway._readers.submit(next, pieces, None).result()) is not None:
                if chunked:
                    self.wfile.write(f"{len(piece):X}\r\n".encode())
                self.wfile.write(piece)
                if chunked:
                    self.wfile.write(b"\r\n")
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
        except Exception:
            self.close_connection = True

    def _cross_origin(self) -> dict[str, str]:
        """CORS for the one viewer elsewhere that was configured; none for anybody else."""
        gateway = self.server.gateway
        origin = (self.headers.get("Origin") if getattr(self, "headers", None) else None) or ""
        if not gateway.serving.origin or origin != gateway.serving.origin:
            return {"Cross-Origin-Resource-Policy": "same-origin"}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": "Accept, Authorization",
            "Access-Control-Allow-Private-Network": "true",
            "Access-Control-Max-Age": "60",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Origin",
        }
