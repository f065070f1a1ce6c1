"""Signing in with a browser on this machine: authorization code + PKCE, answered on loopback.

RFC 8252 (native apps), RFC 7636 (S256 only), RFC 9207 (issuer), OpenID Connect Core for the nonce. The
listener sits on 127.0.0.1 at a port the system picks, takes one answer with the right state, and is gone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from teleread.host.clock import Clock
from teleread.model.errors import NotSignedInError
from teleread.model.text import clean

from .oauth import IdentityServer, Refused, Tokens, scopes, tokens_of
from .oauth_tokens import refused_words

__all__ = ["BrowserSignIn", "checked_identity"]

PATH: Final = "/callback"
LONGEST: Final = 600.0
"""Seconds the browser's answer is waited for."""
LOOK: Final = 0.25
"""Seconds between two looks whether the reader gave up."""
REQUEST_SECONDS: Final = 5.0
"""Longest silence of a connection; browsers open some that they never use."""
MAX_QUERY: Final = 8192
SLACK: Final = 300.0
"""Seconds two clocks may differ."""

_PAGE: Final = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>teleread</title>"
    "<body style='font:16px sans-serif;margin:3em'><p>{}</p></body></html>"
)
_FIELDS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class _Secrets:
    """What makes one sign-in its own; from the operating system."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def challenge(self) -> str:
        """RFC 7636 section 4.2."""
        raw = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


class BrowserSignIn:
    """One try; a context manager, since it listens.

    Args:
        server: The identity server.
        clock: Local clock.

    Raises:
        NotSignedInError: The server has no such way.
        OfflineError: It does not answer.
    """

    def __init__(self, server: IdentityServer, clock: Clock) -> None:
        self._server = server
        self._hub = server.hub
        self._clock = clock
        self._found = server.endpoints(clock.now())
        self._secrets = _Secrets()
        if not self._found.authorize:
            raise refused_words(self._hub, Refused("unsupported_grant_type"))
        self._answers: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        self._listener = _listener(self._secrets.state, self._answers)

    def __enter__(self) -> BrowserSignIn:
        import threading

        threading.Thread(
            target=self._listener.serve_forever, args=(LOOK,), name="sign-in answer", daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    @property
    def redirect(self) -> str:
        """Where the browser brings the answer (RFC 8252 section 7.3)."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}{PATH}"

    @property
    def url(self) -> str:
        """What the browser opens; it holds no secret."""
        asked = {
            "response_type": "code",
            "client_id": self._hub.client_id,
            "redirect_uri": self.redirect,
            "scope": scopes(self._hub),
            "state": self._secrets.state,
            "nonce": self._secrets.nonce,
            "code_challenge": self._secrets.challenge,
            "code_challenge_method": "S256",
        }
        if self._hub.fhir:
            asked["aud"] = self._hub.fhir  # SMART App Launch section 2.1.1
        if "offline_access" in scopes(self._hub).split():
            asked["prompt"] = "consent"  # OpenID Connect Core section 11
        joint = "&" if urlsplit(self._found.authorize).query else "?"
        return f"{self._found.authorize}{joint}{urlencode(asked)}"

    def wait(self, pause: Callable[[float], bool]) -> Tokens:
        """Wait for the browser, then trade its code for tokens.

        Args:
            pause: Called between short waits with no seconds to wait; false gives up.

        Raises:
            NotSignedInError: Refused, run out, given up, or the answer is not from the right server.
            OfflineError: The server does not answer.
        """
        hub = self._hub
        told = self._answer(pause)
        issuer = self._found.issuer
        if issuer and told.get("iss", "" if self._found.promises_issuer else issuer) != issuer:
            raise _mixed(hub.name, "The answer came from another identity server than the one asked.")
        if "error" in told:
            words = str(clean(told.get("error_description"), limit=300))
            raise refused_words(hub, Refused(str(clean(told["error"], limit=60)), words))
        form = {
            "grant_type": "authorization_code",
            "code": told.get("code", ""),
            "redirect_uri": self.redirect,
            "client_id": hub.client_id,
            "code_verifier": self._secrets.verifier,
        }
        now = self._clock.now().timestamp()
        try:
            tokens = tokens_of(hub, self._server.post(self._found.token, form), now)
        except Refused as refusal:
            raise refused_words(hub, refusal) from refusal
        return checked_identity(self._server, tokens, self._clock, nonce=self._secrets.nonce)

    def _answer(self, pause: Callable[[float], bool]) -> dict[str, str]:
        end = self._clock.monotonic() + LONGEST
        while self._clock.monotonic() < end:
            try:
                return self._answers.get(timeout=LOOK)
            except queue.Empty:
                if not pause(0.0):
                    raise refused_words(self._hub, Refused("other", "you gave it up")) from None
        raise refused_words(self._hub, Refused("expired_token"))


def checked_identity(server: IdentityServer, tokens: Tokens, clock: Clock, *, nonce: str = "") -> Tokens:
    """Look at the ID token and keep who signed in (OpenID Connect Core section 3.1.3.7).

    It came from the token endpoint over TLS, which proves it as its signature would (point 6 there).

    Args:
        server: Where it came from.
        tokens: As they came.
        clock: Local clock.
        nonce: What it has to carry; empty where nothing was asked with one.

    Raises:
        NotSignedInError: It is of another server, for another program, or from another sign-in.
    """
    if not tokens.id_token:
        return tokens
    found, now = server.endpoints(clock.now()), clock.now().timestamp()
    claims = _claims(tokens.id_token)
    audience = claims.get("aud")
    meant = audience if isinstance(audience, list) else [audience]
    wrong = (
        (bool(found.issuer) and claims.get("iss") != found.issuer)
        or server.hub.client_id not in meant
        or (bool(nonce) and not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()))
        or not isinstance(claims.get("exp"), int | float)
        or claims["exp"] + SLACK < now + found.skew
    )
    if wrong:
        raise _mixed(server.hub.name, "The identity it tells is not of this sign-in.")
    who = clean(claims.get("fhirUser") or claims.get("sub"), limit=300)
    return replace(tokens, who=str(who), id_token="")


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _mixed(name: str, detail: str) -> NotSignedInError:
    return NotSignedInError(
        f"The sign-in at {name} was not accepted.",
        f"{detail} Nothing was kept of it.",
        "Begin again from teleread; if it happens again, tell the site.",
        code="sign-in-refused",
    )


def _listener(state: str, answers: queue.SimpleQueue[dict[str, str]]) -> ThreadingHTTPServer:
    """A listener that takes one answer with the right state; whatever else comes is turned away."""

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS
        server_version, sys_version = "teleread", ""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            told = dict(parse_qsl(parts.query[:MAX_QUERY], keep_blank_values=True))
            host = f"127.0.0.1:{self.connection.getsockname()[1]}"
            if parts.path != PATH or self.headers.get("Host") != host:
                self._say(HTTPStatus.NOT_FOUND, "There is nothing here.")
            elif not hmac.compare_digest(told.get("state", "").encode(), state.encode()):
                # Any page in the browser may send one here; it is not the answer, and ends nothing.
                self._say(HTTPStatus.BAD_REQUEST, "This is no answer to a sign-in that teleread began.")
            else:
                answers.put(told)
                self._say(HTTPStatus.OK, "Go back to teleread: it says whether you are signed in.")

        def _say(self, status: HTTPStatus, words: str) -> None:
            body = _PAGE.format(words).encode()
            self.send_response(status)
            for name, value in {**_FIELDS, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: the address holds the code."""

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Nothing: a browser that goes away is no news, and the address holds the code."""

    return Listener(("127.0.0.1", 0), Handler)
