"""One HTTP client for hubs and archives: TLS verified, capped, timed, and silent about patients.

Decisions, all of them on purpose:

- No proxy, netrc or certificate path comes from the environment: patient data goes where the hub file says.
- Redirects are followed for reads, three at most, within the same origin; credentials go nowhere else.
- A read that meets a closed keep-alive connection is repeated twice with full jitter; a write is never
  repeated here: whoever sent it asks first what became of it.
- Every request ends: connect, read, write and total limits; bodies have caps, packed and unpacked.
- httpx and its parts log addresses, which hold identifiers: their loggers stay at WARNING.
"""

from __future__ import annotations

import json
import logging
import random
import re
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import urljoin

import httpx

from teleread import __version__
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.wire.auth import tls_context
from teleread.wire.caps import JSON_CAP, BodyTooBig, EncodingRefused, decoded
from teleread.wire.http_answers import JsonAnswer, Timeouts, same_origin
from teleread.wire.http_errors import UNKNOWN_DETAIL, elsewhere, of_exception, of_status, outcome_words
from teleread.wire.sign_in import SecretSignIn, SignIn
from teleread.wire.transport import Deadline, LimitedTransport

__all__ = ["HttpClient", "JsonAnswer", "Timeouts", "same_origin"]

_ERROR_BODY_CAP = 64 << 10
_REPEATS = 2
_REDIRECTS = 3
_AGENT = f"teleread/{__version__}"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class HttpClient:
    """A client for one base address of one hub. Threads may share it.

    Args:
        hub: The hub file: name, sign-in, certificates.
        secret: Password or token for basic and bearer; never logged, never in an error.
        base: Base address, without its last slash (``hub.fhir`` or ``hub.dicomweb``).
        timeouts: Time limits.
        what: What errors call it: ``hub`` or ``archive``; the hub's name follows.
        transport: Another transport, for tests.
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
        what: str = "hub",
        transport: httpx.BaseTransport | None = None,
        sign_in: SignIn | None = None,
        seed: int | None = None,
    ) -> None:
        self._hub = hub
        self._sign_in = sign_in or SecretSignIn(hub, secret)
        self.base = base.rstrip("/")
        self.who = f"the {what} {hub.name}"
        self._who_up = f"The {what} {hub.name}"
        self._timeouts = timeouts or Timeouts()
        self._deadline = Deadline()
        self._random = random.Random(seed)
        self._transport = transport
        self._ready_transport: httpx.BaseTransport | None = None
        self._making = threading.Lock()
        self._cookies = httpx.Cookies()
        limits = self._timeouts
        self._extensions = {
            "timeout": httpx.Timeout(limits.read, connect=limits.connect, write=limits.write).as_dict()
        }

    def get_json(
        self,
        path_or_url: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        cap: int = JSON_CAP,
    ) -> JsonAnswer:
        """Read a JSON document.

        Args:
            path_or_url: Relative to the base, or an address of the same origin (a ``next`` link).
            params: Query parameters; values may be lists.
            headers: Besides the usual ones.
            cap: Longest body in bytes.

        Raises:
            OfflineError: No answer, a cut or garbled one, or the server failed.
            NotSignedInError: 401.
            AttentionError: Any other refusal; codes as the Hub port tells.
        """
        url = self.url(path_or_url)
        send = {"Accept": "application/json", "Accept-Encoding": "gzip", **(headers or {})}
        for tried in range(_REPEATS + 1):
            try:
                return self._json(
                    "GET", url, params=params, content=None, headers=send, write=False, cap=cap, again=tried
                )
            except _Again:
                time.sleep(self._random.uniform(0, 0.2 * 2**tried))
        raise AssertionError("the last try never asks for another")  # pragma: no cover

    def send_json(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        allow: Collection[int] = (),
    ) -> JsonAnswer:
        """Send a JSON body once; never repeated here.

        Args:
            method: The verb.
            path: Relative to the base.
            body: As it goes out.
            headers: Besides the usual ones; another Content-Type among them.
            params: Query parameters.
            allow: Statuses that are given back although they are no success, with no JSON where none came.

        Raises:
            OfflineError: ``unknown`` where it may have been applied; else nothing was.
            NotSignedInError: 401.
            AttentionError: Any other refusal; codes as the Hub port tells.
        """
        send = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        return self._json(
            method,
            self.url(path),
            params=params,
            content=body,
            headers=send,
            write=True,
            cap=JSON_CAP,
            again=_REPEATS,
            allow=allow,
        )

    def url(self, path_or_url: str) -> str:
        """The full address of a path below the base.

        Raises:
            AttentionError: It points to another origin.
        """
        if "://" not in path_or_url:
            return f"{self.base}/{path_or_url.lstrip('/')}" if path_or_url else self.base
        if not same_origin(path_or_url, self.base):
            raise elsewhere(self._who_up)
        return path_or_url

    def close(self) -> None:
        """Let go of connections."""
        with self._making:
            transport, self._ready_transport = self._ready_transport, None
        if transport is not None:
            transport.close()

    def _ready(self) -> httpx.BaseTransport:
        with self._making:
            if self._ready_transport is None:
                self._ready_transport = self._transport or LimitedTransport(
                    self._context(), self._deadline, self._hub.proxy
                )
            return self._ready_transport

    def _context(self) -> ssl.SSLContext:
        if self.base.startswith("https:"):
            return tls_context(self._hub)
        # Plain http: this context trusts nobody and costs nothing.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def _open(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None,
        content: bytes | None,
        headers: Mapping[str, str],
        total: float | None,
        write: bool = False,
        again: int = _REPEATS,
    ) -> httpx.Response:
        transport = self._ready()
        self._deadline.start(total)
        renewed = False
        for _ in range(_REDIRECTS + 2):
            sign_in = self._sign_in.header()
            send = {**headers, "User-Agent": _AGENT, **({"Authorization": sign_in} if sign_in else {})}
            try:
                response = self._exchanged(
                    transport,
                    httpx.Request(
                        method, url, params=params, content=content, headers=send, extensions=self._extensions
                    ),
                )
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
                if not write and again < _REPEATS and _closed_early(error):
                    raise _Again from error
                raise of_exception(self.who, error, write=write) from error
            # Whoever answers 401 has done nothing, so a write may be sent again too.
            if response.status_code == 401 and not renewed and self._renewed(response, sign_in):
                renewed = True
                continue
            if write or not response.has_redirect_location:
                return response
            target = urljoin(str(response.url), response.headers["location"])
            response.close()
            url, params = self.url(target), None
        raise AttentionError(f"{self._who_up} sends us round in a circle.", code="refused")

    def _exchanged(self, transport: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
        """Send one request; an `httpx.Client` would take as long around it as the transport itself.

        Cookies go back to whoever set them: a balancer keeps us at one replica by them.
        """
        if self._cookies.jar:
            self._cookies.set_cookie_header(request)
        response = transport.handle_request(request)
        response.request = request
        if "set-cookie" in response.headers:
            self._cookies.extract_cookies(response)
        return response

    def _renewed(self, response: httpx.Response, refused: str) -> bool:
        """Whether the sign-in has another value now; the refusal is let go of unless it is the answer."""
        fresh = True
        try:
            fresh = self._sign_in.renewed(refused)
        finally:
            if fresh:
                response.close()
        return fresh

    def _json(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None,
        content: bytes | None,
        headers: Mapping[str, str],
        write: bool,
        cap: int,
        again: int,
        allow: Collection[int] = (),
    ) -> JsonAnswer:
        response = self._open(
            method,
            url,
            params=params,
            content=content,
            headers=headers,
            total=self._timeouts.total,
            write=write,
            again=again,
        )
        try:
            if not response.is_success and response.status_code not in allow:
                self._refuse(response, write=write)
            packed = response.headers.get("content-encoding", "")
            body = b"".join(decoded(response.iter_raw(), packed, cap))
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise of_exception(self.who, error, write=write) from error
        except BodyTooBig as error:
            raise self._unread("sends more than is taken.", write) from error
        except EncodingRefused as error:
            raise self._unread("sends an answer that cannot be unpacked.", write) from error
        finally:
            response.close()
        headers = _lower(response.headers)
        try:
            document = self._parsed(body, write)
        except TelereadError:
            if response.status_code not in allow:
                raise
            document = None  # the status alone says it
        return JsonAnswer(response.status_code, document, headers, body)

    def _parsed(self, body: bytes, write: bool) -> Any:
        if not body.strip():
            return None
        try:
            document = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise self._unread("sends an answer that cannot be read.", write) from error
        return _mended(document) if _SURROGATE.search(body) else document

    def _unread(self, words: str, write: bool) -> TelereadError:
        title = f"{self._who_up} {words}"
        if write:
            return OfflineError(title, UNKNOWN_DETAIL, code="unknown")
        return OfflineError(
            title,
            "What is here stays as it is.",
            "Check the address of the hub; tell the site if it goes on.",
            code="garbled",
        )

    def _refuse(self, response: httpx.Response, *, write: bool) -> NoReturn:
        headers = _lower(response.headers)
        try:
            body = b"".join(
                decoded(response.iter_raw(), headers.get("content-encoding", ""), _ERROR_BODY_CAP)
            )
        except (httpx.HTTPError, httpx.StreamError, BodyTooBig, EncodingRefused):
            body = b""
        raise of_status(
            self.who,
            response.status_code,
            headers,
            outcome_words(body),
            write=write,
            now=datetime.now(UTC),
        )


class _Again(Exception):  # noqa: N818 - a signal, not an error
    """A read met a connection that the server had closed."""


def _closed_early(error: Exception) -> bool:
    return isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)


def _lower(headers: httpx.Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw, value in headers.raw:
        name, words = raw.decode("latin_1").lower(), value.decode("latin_1")
        found[name] = f"{found[name]}, {words}" if name in found else words
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _mended(value: Any) -> Any:
    """The same document without lone surrogates, which no database takes."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(one) for key, one in value.items()}
    return value
