"""Signing in by a code that is typed on another device: RFC 8628. Works over SSH, where no browser is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from teleread.host.clock import Clock
from teleread.model.errors import NotSignedInError, OfflineError
from teleread.model.text import SafeText, clean

from .http_answers import same_origin
from .oauth import IdentityServer, Refused, Tokens, scopes, tokens_of
from .oauth_tokens import refused_words

__all__ = ["DeviceCode", "begin", "wait"]

INTERVAL: Final = 5.0
"""Seconds between two questions where the server says none (RFC 8628 section 3.2)."""
SLOWER: Final = 5.0
"""Seconds more after each ``slow_down`` (section 3.5)."""
SLOWEST: Final = 60.0
LONGEST: Final = 1800.0
"""Longest time a code is waited for, seconds."""
_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A code, where to type it, and until when."""

    user_code: SafeText
    url: str
    """Where it is typed."""
    url_complete: str
    """The same with the code in it, for the QR picture; `url` where the server gives none."""
    seconds: float
    """How long it holds."""
    interval: float
    device_code: str = field(repr=False)
    """What is asked with; a secret."""


def begin(server: IdentityServer, clock: Clock) -> DeviceCode:
    """Ask for a code (section 3.1).

    Raises:
        NotSignedInError: It has no such way, refuses, or sends the reader to a page that is not its own.
        OfflineError: It does not answer.
    """
    hub = server.hub
    found = server.endpoints(clock.now())
    if not found.device:
        raise NotSignedInError(
            f"The identity server of {hub.name} has no sign-in by code.",
            "Nothing was sent.",
            f"Set auth = “pkce” in the hub file of {hub.name} to sign in with a browser on this machine.",
            code="sign-in-client",
        )
    try:
        told = server.post(found.device, {"client_id": hub.client_id, "scope": scopes(hub)})
    except Refused as refusal:
        raise refused_words(hub, refusal) from refusal
    code, device = clean(told.get("user_code"), limit=40), str(told.get("device_code") or "")
    url = str(told.get("verification_uri") or told.get("verification_url") or "")
    if not code or not device or not url:
        raise refused_words(hub, Refused("other", "it gave no code"))
    own = [one for one in (found.issuer, found.device, hub.sign_in_page) if one]
    complete = str(told.get("verification_uri_complete") or url)
    for page in (url, complete):
        if not any(same_origin(server.secure(page), one) for one in own):
            # Whoever can answer for the server could send the reader to a page of theirs.
            raise NotSignedInError(
                f"The identity server of {hub.name} sends you to another server to type a code.",
                "The page is not opened. Nothing is lost.",
                "If the site says it is right, set sign_in_page in the hub file to that page's address.",
                code="sign-in-refused",
            )
    return DeviceCode(
        code,
        str(clean(url, limit=500)),
        str(clean(complete, limit=1000)),
        min(_number(told.get("expires_in"), 600.0), LONGEST),
        min(_number(told.get("interval"), INTERVAL), SLOWEST),
        device,
    )


def wait(server: IdentityServer, code: DeviceCode, clock: Clock, pause: Callable[[float], bool]) -> Tokens:
    """Ask until the reader has allowed it (section 3.4).

    Args:
        server: The identity server.
        code: From `begin`.
        clock: Local clock.
        pause: Waits so many seconds; false gives up.

    Raises:
        NotSignedInError: Refused, run out, or given up.
    """
    hub = server.hub
    end = clock.monotonic() + code.seconds
    every = code.interval
    endpoint = server.endpoints(clock.now()).token
    form = {"grant_type": _GRANT, "device_code": code.device_code, "client_id": hub.client_id}
    while clock.monotonic() < end:
        if not pause(every):
            raise refused_words(hub, Refused("other", "you gave it up"))
        try:
            asked = clock.now().timestamp()
            return tokens_of(hub, server.post(endpoint, form), asked)
        except Refused as refusal:
            if refusal.error == "slow_down":
                every = min(every + SLOWER, SLOWEST)
            elif refusal.error != "authorization_pending":
                raise refused_words(hub, refusal) from refusal
        except OfflineError:
            every = min(every * 2, SLOWEST)  # section 3.5: a line that fails is asked less often
    raise refused_words(hub, Refused("expired_token"))


def _number(value: object, otherwise: float) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return otherwise
    return number if number > 0 else otherwise
