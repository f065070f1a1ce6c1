"""Large answers over connections of our own: what httpx is for everything else, this is for studies.

The same decisions as `teleread.wire.http` (nothing from the environment, redirects within the origin alone,
every wait limited, nothing logged), the same words for the same troubles, less work for each byte. Threads
may share a client; each answer has a line to itself.
"""

from __future__ import annotations

import contextlib
import random
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, NoReturn, cast
from urllib.parse import quote, urljoin, urlsplit

from teleread import __version__
from teleread.model.errors import AttentionError, TelereadError
from teleread.model.hubfile import HubFile

from .auth import tls_context
from .caps import BodyTooBig, EncodingRefused, capped, decoded
from .http_answers import StreamAnswer, Timeouts, same_origin
from .http_errors import elsewhere, of_line, of_status, outcome_words
from .http_line import Cut, Garbled, Line, ProxyRefused, Route
from .sign_in import SecretSignIn, SignIn

__all__ = ["BulkClient"]

_ERROR_BODY_CAP: Final = 64 << 10
_REPEATS: Final = 2
_REDIRECTS: Final = 3
_REDIRECT: Final = frozenset({301, 302, 303, 307, 308})
_IDLE_SECONDS: Final = 20.0
"""A line that was idle longer is not used again; many servers close it after fewer."""
_SAFE: Final = "/%:@!$&'()*+,;=~-._?"


Watch = Callable[[Callable[[], None] | None], None]
"""Told how to end the line that is waited for; may raise to give the request up."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request."""

    url: str
    headers: Mapping[str, str]
    total: float | None
    watch: Watch | None = None


class BulkClient:
    """Reads large bodies from one base address of one hub.

    Args:
        hub: The hub file: name, sign-in, certificates, proxy.
        secret: Password or token for basic and bearer; never logged, never in an error.
        base: Base address, without its last slash.
        timeouts: Time limits; ``total`` is that of `stream`, not this one's.
        what: What errors call it: ``archive``; the hub's name follows.
        sign_in: Another way to sign in than the secret.
        seed: Of the jitter, for tests.
    """

    def __init__(
        self,
        hub: HubFile,
        secret: str | None,
        *,
        base: str,
        timeouts: Timeouts | None = None,
        what: str = "archive",
        sign_in: SignIn | None = None,
        seed: int | None = None,
    ) -> None:
        self._hub = hub
        self.base = base.rstrip("/")
        self.who = f"the {what} {hub.name}"
        self._who_up = f"The {what} {hub.name}"
        self._limits = timeouts or Timeouts()
        self._sign_in = sign_in or SecretSignIn(hub, secret)
        self._random = random.Random(seed)
        self._route = _route(self.base, hub.proxy)
        self._context: ssl.SSLContext | None = None
        self._guard = threading.Lock()
        self._idle: list[Line] = []
        self._rtt: float | None = None
        self._closed = False

    @property
    def rtt(self) -> float | None:
        """Seconds of the shortest TCP handshake seen, to the server or its proxy; None before the first."""
        return self._rtt

    @contextmanager
    def stream(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        allow: Collection[int] = (),
        max_bytes: int = 1 << 40,
        total: float | None = None,
        packed: bool = False,
        watch: Watch | None = None,
    ) -> Iterator[StreamAnswer]:
        """Read a large body as it comes.

        Args:
            path: Relative to the base, or an address of the same origin.
            headers: Besides the usual ones.
            allow: Statuses that are given back although they are no success (404, 406).
            max_bytes: Longest body, packed or unpacked.
            total: Limit in seconds for the whole; each silence and each minute's rate are limited anyway.
            packed: Ask for gzip; what comes packed is unpacked in bounded steps.
            watch: Told how to end each line from another thread, before it is waited for; None at the end.

        Raises:
            OfflineError: No answer, or the body was cut (from ``pieces``).
            NotSignedInError: 401, and the sign-in knows no other.
            AttentionError: Any other refusal; ``too-big``.
        """
        send = {"Accept": "*/*", **(headers or {}), "Accept-Encoding": "gzip" if packed else "identity"}
        line, status, fields = self._answered(_Ask(self._url(path), send, total, watch))
        body = line.body(status, fields)
        try:
            if not 200 <= status < 300 and status not in allow:
                self._refuse(status, fields, body)
            answer = StreamAnswer(status, fields, iter(()))
            if answer.packed and not packed:
                raise AttentionError(
                    f"{self._who_up} packs its answer in a way that was not asked for.", code="refused"
                )
            yield replace(answer, pieces=self._pieces(body, fields, max_bytes))
            line.drain(body)
        finally:
            if watch is not None:
                watch(None)
            self._release(line)

    def warm(self, count: int, then: Callable[[], None] | None = None) -> None:
        """Have so many lines open and idle, as far as that goes; nothing is told where it does not.

        Args:
            count: Lines.
            then: Called by another thread when the first one is open.
        """
        with self._guard:
            missing = count - len(self._idle)
        for number in range(missing):
            act = then if not number else None
            threading.Thread(target=self._warm_one, args=(act,), name="teleread-warm", daemon=True).start()

    def close(self) -> None:
        """Let go of idle connections; those in use go when they end."""
        with self._guard:
            idle, self._idle, self._closed = self._idle, [], True
        for line in idle:
            line.close()

    # ------------------------------------------------------------------ asking

    def _answered(self, ask: _Ask) -> tuple[Line, int, dict[str, str]]:
        """The line, status and header fields of the answer to a request, signed in and followed."""
        renewed = False
        for _ in range(_REDIRECTS + 2):
            sign_in = self._sign_in.header()
            line, status, fields = self._sent(ask, sign_in)
            if status == 401 and not renewed:
                try:
                    renewed = self._sign_in.renewed(sign_in)
                except TelereadError:
                    line.close()
                    raise
                if renewed:
                    self._done_with(line, status, fields)
                    continue
            if status not in _REDIRECT or "location" not in fields:
                return line, status, fields
            self._done_with(line, status, fields)
            ask = replace(ask, url=self._url(urljoin(ask.url, fields["location"])))
        raise AttentionError(f"{self._who_up} sends us round in a circle.", code="refused")

    def _sent(self, ask: _Ask, sign_in: str) -> tuple[Line, int, dict[str, str]]:
        """Send a GET; again where a line turns out to be closed. Idle lines cost no try."""
        tried = 0
        while True:
            line = self._taken()
            kept = line is not None
            if line is None:
                line = self._opened()
            try:
                if ask.watch is not None:
                    ask.watch(line.kill)
                return line, *line.ask(self._head(ask, sign_in), self._limits, ask.total)
            except TelereadError:
                line.close()
                raise
            except (OSError, Garbled) as error:
                line.close()
                if kept and not isinstance(error, Garbled | TimeoutError):
                    continue
                if tried >= _REPEATS or not isinstance(error, ConnectionError):
                    raise of_line(self.who, error) from error
                time.sleep(self._random.uniform(0, 0.2 * 2**tried))
                tried += 1

    def _head(self, ask: _Ask, sign_in: str) -> bytes:
        parts = urlsplit(ask.url)
        target = quote(parts.path or "/", safe=_SAFE) + (
            f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
        )
        if self._route.proxy is not None and not self._route.secure:
            target = f"http://{self._route.name}{target}"
        fields = {"Host": self._route.name, "User-Agent": f"teleread/{__version__}", **ask.headers}
        if sign_in:
            fields["Authorization"] = sign_in
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode("latin_1")

    def _url(self, path_or_url: str) -> str:
        if "://" not in path_or_url:
            return f"{self.base}/{path_or_url.lstrip('/')}" if path_or_url else self.base
        if not same_origin(path_or_url, self.base):
            raise elsewhere(self._who_up)
        return path_or_url

    def _refuse(self, status: int, fields: Mapping[str, str], body: Iterator[bytes | memoryview]) -> NoReturn:
        try:
            words = b"".join(
                decoded(cast(Iterable[bytes], body), fields.get("content-encoding", ""), _ERROR_BODY_CAP)
            )
        except (OSError, Garbled, BodyTooBig, EncodingRefused):
            words = b""
        raise of_status(self.who, status, fields, outcome_words(words), write=False, now=datetime.now(UTC))

    def _pieces(
        self, body: Iterator[bytes | memoryview], fields: Mapping[str, str], most: int
    ) -> Iterator[bytes | memoryview]:
        packing = fields.get("content-encoding", "").strip().lower()
        raw = cast(Iterable[bytes], body)
        try:
            yield from capped(raw, most) if packing in {"", "identity"} else decoded(raw, packing, most)
        except (OSError, Garbled) as error:
            raise of_line(self.who, error) from error
        except BodyTooBig as error:
            raise AttentionError(f"{self._who_up} sends more than is taken.", code="too-big") from error
        except EncodingRefused as error:
            # A packed answer that breaks off reads the same: nothing tells them apart.
            raise of_line(self.who, Cut()) from error

    # ------------------------------------------------------------------ lines

    def _taken(self) -> Line | None:
        """The idle line used last."""
        with self._guard:
            while self._idle:
                line = self._idle.pop()
                if time.monotonic() - line.idle_since < _IDLE_SECONDS:
                    return line
                line.close()
        return None

    def _opened(self) -> Line:
        try:
            line = Line.open(self._route, self._tls(), self._limits)
        except OSError as error:
            raise of_line(self.who, error, connecting=not isinstance(error, ProxyRefused)) from error
        with self._guard:
            self._rtt = line.rtt if self._rtt is None else min(self._rtt, line.rtt)
        return line

    def _tls(self) -> ssl.SSLContext | None:
        if not self._route.secure:
            return None
        with self._guard:
            if self._context is None:
                self._context = tls_context(self._hub)
            return self._context

    def _done_with(self, line: Line, status: int, fields: Mapping[str, str]) -> None:
        line.drain(line.body(status, fields))
        self._release(line)

    def _release(self, line: Line) -> None:
        with self._guard:
            if line.reusable and not self._closed:
                line.idle_since = time.monotonic()
                self._idle.append(line)
                return
        line.close()

    def _warm_one(self, then: Callable[[], None] | None) -> None:
        with contextlib.suppress(TelereadError):
            line = self._opened()
            line.reusable = True
            self._release(line)
            if then is not None:
                then()


def _route(base: str, proxy: str) -> Route:
    parts, through = urlsplit(base), urlsplit(proxy)
    secure = parts.scheme.lower() == "https"
    by = (_ascii(through.hostname), through.port) if through.hostname and through.port else None
    return Route(secure, _ascii(parts.hostname or ""), parts.port or (443 if secure else 80), by)


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode("ascii")
