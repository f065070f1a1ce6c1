"""The identity server of a hub: where it is, what it is asked, and its refusals in words.

Discovery is OpenID Connect's (``.well-known/openid-configuration``), RFC 8414's, or, where the hub file names
no issuer, the hub's own ``.well-known/smart-configuration`` (SMART App Launch). Every address is https, or
this machine. A request is a form that is posted: no token, code or key stands in an address.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from teleread.model.errors import AttentionError, NotSignedInError, OfflineError, TelereadError, UsageError
from teleread.model.hubfile import HubFile, check_url
from teleread.model.text import clean

from .http_answers import JsonAnswer, Timeouts

if TYPE_CHECKING:
    import httpx

__all__ = ["Endpoints", "IdentityServer", "Refused", "Tokens", "scopes", "sign_in_again", "tokens_of"]

LIMITS: Final = Timeouts(connect=10.0, read=15.0, write=15.0, total=20.0)
"""Of one request; whoever waits for a token waits for two at most."""
CAP: Final = 256 << 10
"""Longest answer, bytes."""
MAX_TOKEN: Final = 16 << 10
"""Longest token, characters: it has to fit into a header."""
LONGEST: Final = 30 * 86400.0
"""Longest life of an access token that is believed, seconds."""
REFUSALS: Final = frozenset({400, 401, 403})
"""Statuses that carry an OAuth error (RFC 6749 section 5.2)."""

_SCOPES: Final = {
    "device": "openid fhirUser offline_access user/*.crus",
    "pkce": "openid fhirUser offline_access user/*.crus",
    "smart": "system/*.crus",
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What discovery tells."""

    token: str
    issuer: str = ""
    """Empty where a hub's SMART configuration names none."""
    authorize: str = ""
    device: str = ""
    revoke: str = ""
    promises_issuer: bool = False
    """Every answer to the browser names the issuer (RFC 9207)."""
    skew: float = 0.0
    """How far its clock is ahead of ours, seconds."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in brought. Never printed: its fields are out of `repr`."""

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    expires_at: float | None = None
    """Seconds since 1970 by our clock; None where the server does not say."""
    life: float = 0.0
    """Seconds it was given for."""
    scope: str = ""
    who: str = ""
    """The person, as the identity server names them (``fhirUser``, else ``sub``); empty where it does not."""
    asked: bool = False
    """A renewal was sent and its answer is not here: the refresh token may be spent."""
    id_token: str = field(default="", repr=False)
    """As it came; looked at once, never kept."""

    @property
    def header(self) -> str:
        """The Authorization header (RFC 6750 section 2.1)."""
        return f"Bearer {self.access}"

    def good(self, now: float) -> bool:
        """Whether the access token can be used at this moment, with a little left for the way."""
        return bool(self.access) and (
            self.expires_at is None or now < self.expires_at - min(20.0, self.life * 0.1)
        )

    def stored(self) -> str:
        """As the vault keeps it."""
        kept = ("access", "refresh", "expires_at", "life", "scope", "who", "asked")
        return json.dumps({name: getattr(self, name) for name in kept})

    @classmethod
    def of(cls, text: str | None) -> Tokens | None:
        """From the vault; None where it keeps none."""
        return cls(**json.loads(text)) if text else None


class Refused(Exception):  # noqa: N818 - what the server said; turned into words by whoever asked
    """An OAuth error answer.

    Args:
        error: Its code (RFC 6749 section 5.2, RFC 8628 section 3.5).
        words: Its description, cleaned.
    """

    def __init__(self, error: str, words: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.words = words


def scopes(hub: HubFile) -> str:
    """The scopes to ask for."""
    return hub.scopes or _SCOPES.get(hub.auth, "")


def sign_in_again(hub: HubFile) -> str:
    """The remedy that ends every trouble with a person's sign-in."""
    return f"Run teleread hub sign-in {hub.name}; or press g d at the desk, then Enter."


class IdentityServer:
    """The identity server of one hub. Threads may share it.

    Args:
        hub: The hub file.
        transport: Another transport, for tests.
    """

    def __init__(self, hub: HubFile, transport: httpx.BaseTransport | None = None) -> None:
        self.hub = hub
        self._plain = replace(hub, auth="none", allow_plain_http="")
        self._transport = transport
        self._guard = threading.Lock()
        self._found: Endpoints | None = None

    def endpoints(self, now: datetime) -> Endpoints:
        """Where to ask for what; asked for once.

        Args:
            now: Our clock, in UTC: signed requests tell times as the server has them.

        Raises:
            OfflineError: It does not answer.
            NotSignedInError: What it answers is no such document, or names an address that is not safe.
        """
        with self._guard:
            if self._found is None:
                self._found = self._discover(now)
            return self._found

    def post(self, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Post a form to an endpoint.

        Raises:
            Refused: An OAuth error.
            OfflineError: No answer, or the server failed or is busy; nothing was sent to the hub.
            NotSignedInError: Anything else.
        """
        body = urlencode(form).encode("ascii")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            with self._client(url) as http:
                answer = http.send_json("POST", url, body, headers, allow=REFUSALS)
        except TelereadError as error:
            raise self._words(error) from error
        told = answer.json if isinstance(answer.json, dict) else {}
        if answer.status in REFUSALS:
            code = str(clean(told.get("error") or "invalid_request", limit=60))
            raise Refused(code, str(clean(told.get("error_description"), limit=300)))
        return told

    def secure(self, url: object) -> str:
        """An address it named, checked: https, or this machine.

        Raises:
            NotSignedInError: It is not.
        """
        try:
            check_url(str(url), "")
        except UsageError as error:
            raise self._unfit("names an address that is not safe", error.title) from error
        return str(url)

    def _client(self, base: str) -> Any:
        from contextlib import closing

        from .http import HttpClient

        return closing(
            HttpClient(
                self._plain,
                None,
                base=base,
                timeouts=LIMITS,
                what="identity server of",
                transport=self._transport,
            )
        )

    def _discover(self, now: datetime) -> Endpoints:
        hub = self.hub
        if hub.issuer:
            parts = urlsplit(hub.issuer)
            path = f"/.well-known/oauth-authorization-server{parts.path.rstrip('/')}"
            places: Sequence[str] = (
                f"{hub.issuer}/.well-known/openid-configuration",
                f"{parts.scheme}://{parts.netloc}{path}",
            )
        else:
            places = (f"{self.secure(hub.fhir)}/.well-known/smart-configuration",)
        answer = self._first(places)
        told = answer.json if isinstance(answer.json, dict) else {}
        issuer = str(told.get("issuer") or "")
        if hub.issuer and issuer.rstrip("/") != hub.issuer:
            # RFC 8414 section 3.3: whoever answers for another is not to be trusted.
            raise self._unfit("says it is another one", "The issuer in its discovery is not the hub file's.")
        if not told.get("token_endpoint"):
            raise self._unfit("tells no address to ask for tokens", "Its discovery names no token_endpoint.")
        if hub.client_cert and isinstance(told.get("mtls_endpoint_aliases"), dict):
            told = {**told, **told["mtls_endpoint_aliases"]}  # RFC 8705 section 5
        at = {
            name: self.secure(told[key]) if told.get(key) else ""
            for name, key in (
                ("token", "token_endpoint"),
                ("authorize", "authorization_endpoint"),
                ("device", "device_authorization_endpoint"),
                ("revoke", "revocation_endpoint"),
            )
        }
        return Endpoints(
            **at,
            issuer=issuer,
            promises_issuer=told.get("authorization_response_iss_parameter_supported") is True,
            skew=(answer.date - now).total_seconds() if answer.date is not None else 0.0,
        )

    def _first(self, places: Sequence[str]) -> JsonAnswer:
        """The first of some documents that is there."""
        for last, url in enumerate(places, 1):
            try:
                with self._client(url) as http:
                    answer: JsonAnswer = http.get_json(url, cap=CAP)
                    return answer
            except TelereadError as error:
                if isinstance(error, AttentionError) and error.code == "gone" and last < len(places):
                    continue
                raise self._words(error) from error
        raise AssertionError("the last place gives an answer or raises")  # pragma: no cover

    def _words(self, error: TelereadError) -> TelereadError:
        """An error as whoever waits for the hub has to read it: whatever it was, the hub got nothing."""
        if isinstance(error, OfflineError):
            return OfflineError(
                error.title,
                "Nothing was sent to the hub; what waits is kept and sent later.",
                error.remedy or "Check the network, or wait.",
                code="busy" if error.code == "busy" else "tls" if error.code == "tls" else "offline",
                retryable=error.retryable,
                retry_after=error.retry_after,
            )
        return NotSignedInError(error.title, error.detail, error.remedy, code="sign-in-refused")

    def _unfit(self, words: str, detail: str) -> NotSignedInError:
        return NotSignedInError(
            f"The identity server of {self.hub.name} {words}.",
            f"{detail} Nothing was sent to it.",
            "Check issuer in the hub file, or ask the site.",
            code="sign-in-refused",
        )


def tokens_of(hub: HubFile, told: Mapping[str, Any], now: float, before: Tokens | None = None) -> Tokens:
    """Read a token answer (RFC 6749 section 5.1).

    Args:
        hub: Whose, for the words.
        told: The answer.
        now: Seconds since 1970, when it was asked for.
        before: What it renews: a server that gives no new refresh token lets the old one stand.

    Raises:
        NotSignedInError: It holds no token that can be used.
    """
    access, refresh = told.get("access_token"), told.get("refresh_token")
    kind = str(told.get("token_type") or "bearer").lower()
    if not _token(access) or kind != "bearer" or not (refresh is None or _token(refresh)):
        raise NotSignedInError(
            f"The identity server of {hub.name} gives no token that can be used.",
            "Nothing was sent to the hub.",
            "Tell the site.",
            code="sign-in-refused",
        )
    life = _seconds(told.get("expires_in"))
    old = before or Tokens("")
    scope = told.get("scope")
    identity = told.get("id_token")
    return Tokens(
        access=str(access),
        refresh=str(refresh or old.refresh),
        expires_at=None if life is None else now + life,
        life=life or 0.0,
        scope=str(clean(scope, limit=2000)) if scope else old.scope,
        who=old.who,
        id_token=identity if isinstance(identity, str) and len(identity) <= MAX_TOKEN else "",
    )


def _token(value: object) -> bool:
    """RFC 6750 section 2.1: visible ASCII, and short enough for a header."""
    return isinstance(value, str) and 0 < len(value) <= MAX_TOKEN and value.isascii() and value.isprintable()


def _seconds(value: object) -> float | None:
    try:
        life = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return min(life, LONGEST) if life > 0 else None
