"""A sign-in by tokens: kept in the vault, renewed before it ends, one renewal at a time over all processes.

A server that rotates refresh tokens takes each once, and ends the whole sign-in where one comes twice
(RFC 9700 section 4.14.2). So a renewal happens under a lock of the operating system; whoever gets it looks
into the vault first, since another may have renewed meanwhile; and what comes is stored before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from teleread.host.clock import Clock
from teleread.host.filelock import OsLock
from teleread.model.errors import NotSignedInError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile

from .oauth import IdentityServer, Refused, Tokens, scopes, sign_in_again, tokens_of

if TYPE_CHECKING:
    from teleread.vault.hub_secrets import HubSecrets

T = TypeVar("T")

__all__ = ["KEY", "TOKENS", "TokenSignIn", "refused_words"]

TOKENS: Final = "tokens"
"""Name of a hub's tokens among its secrets in the vault."""
KEY: Final = "system-key"
"""Name of the key a system signs in with, PEM."""
LOCK_SECONDS: Final = 60.0
"""How long another process's renewal is waited for: two requests of 20 s and the way to the disk."""

KEPT: Final = "What is written, signed and waiting is safe, and is sent after the next sign-in."

_REFUSALS: Final = {
    "invalid_grant": ("ended", "no longer accepts this sign-in."),
    "invalid_client": ("client", "does not know this program."),
    "unauthorized_client": ("client", "does not let this program sign in this way."),
    "unsupported_grant_type": ("client", "does not offer this way to sign in."),
    "invalid_scope": ("client", "does not give the scopes that are asked for."),
    "access_denied": ("denied", "says that the sign-in was refused."),
    "expired_token": ("late", "says that the code has run out."),
}
"""OAuth error to what it comes to, and its words."""

_REMEDIES: Final = {
    "client": "Ask the site to register the client (teleread hub show tells its id), or mend the hub file.",
    "denied": "Begin again and allow it, or ask the site for the right to sign in.",
    "late": "Begin again; the code has to be typed before it runs out.",
}


def refused_words(hub: HubFile, refusal: Refused, *, lost: bool = False) -> NotSignedInError:
    """A refusal of the identity server as the reader has to read it.

    Args:
        hub: Whose.
        refusal: What it said.
        lost: The answer to an earlier renewal never came here.
    """
    kind, words = _REFUSALS.get(refusal.error, ("other", "refused the sign-in."))
    why = "The answer to an earlier renewal may have been lost, which ends a sign-in. " if lost else ""
    said = f"It says: {refusal.words}. ".replace("..", ".") if refusal.words else ""
    return NotSignedInError(
        f"The identity server of {hub.name} {words}",
        f"{why}{said}{KEPT}",
        _REMEDIES.get(kind) or sign_in_again(hub),
        code=f"sign-in-{kind}",
    )


class TokenSignIn:
    """A `SignIn` whose tokens live in the vault. Threads and processes may share the vault.

    Args:
        hub: The hub file; ``hub.auth`` is ``device``, ``pkce`` or ``smart``.
        secrets: The vault's secrets of hubs.
        lock: File of the lock that renewals take turns by.
        clock: Local clock.
        server: The identity server.
    """

    def __init__(
        self,
        hub: HubFile,
        secrets: HubSecrets,
        lock: Path,
        clock: Clock,
        server: IdentityServer | None = None,
    ) -> None:
        self._hub = hub
        self._secrets = secrets
        self._lock = lock
        self._clock = clock
        self._server = server or IdentityServer(hub)
        self._unsaved: Tokens | None = None

    def header(self) -> str:
        """The header's value now; a token that is about to end is renewed first.

        Raises:
            NotSignedInError: Nobody has signed in, or the sign-in has ended.
            OfflineError: The identity server does not answer.
        """
        held = self.held()
        if held is not None and self._unsaved is None and held.good(self._now()):
            return held.header
        return self._fresh("").header

    def renewed(self, refused: str) -> bool:
        """The hub refused that value: get another one, unless somebody has already.

        Raises:
            NotSignedInError: The sign-in has ended.
            OfflineError: The identity server does not answer.
        """
        return self._fresh(refused).header != refused

    def held(self) -> Tokens | None:
        """The tokens as the vault has them; another process may have renewed them."""
        return Tokens.of(self._secrets.get(self._hub.hub_id, TOKENS))

    def keep(self, tokens: Tokens) -> None:
        """Store tokens, in place of those before; durable when this returns.

        Raises:
            TelereadError: The vault is shut, or the disk is full.
        """
        self._secrets.put(self._hub.hub_id, TOKENS, tokens.stored())

    def locked(self, work: Callable[[], T]) -> T:
        """Do something about the tokens while no other process does.

        Raises:
            OfflineError: Another one is at it, for longer than it may take.
        """
        lock = OsLock(self._lock)
        if not lock.acquire(LOCK_SECONDS):
            raise OfflineError(
                f"Another teleread is renewing the sign-in at {self._hub.name}.",
                "Nothing was sent; what waits is kept.",
                code="busy",
            )
        try:
            return work()
        finally:
            lock.release()

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _fresh(self, refused: str) -> Tokens:
        return self.locked(lambda: self._renew(refused))

    def _renew(self, refused: str) -> Tokens:
        if self._unsaved is not None:
            self.keep(self._unsaved)  # came before, when the disk would not take it
            self._unsaved = None
        held = self.held()
        if held is not None and held.header != refused and held.good(self._now()):
            return held
        fresh = self._by_key() if self._hub.auth == "smart" else self._by_refresh(held)
        try:
            self.keep(fresh)
        except TelereadError:
            self._unsaved = fresh
            raise
        return fresh

    def _by_refresh(self, held: Tokens | None) -> Tokens:
        if held is None or not held.refresh:
            raise NotSignedInError(
                f"You are not signed in at {self._hub.name}."
                if held is None
                else f"The sign-in at {self._hub.name} has ended.",
                KEPT,
                sign_in_again(self._hub),
                code="sign-in-needed",
            )
        lost = held.asked
        now = self._clock.now()
        endpoint = self._server.endpoints(now).token
        if not lost:
            # Noted first: after a crash or a lost answer nobody can say whether the token is spent.
            self.keep(replace(held, asked=True))
        form = {
            "grant_type": "refresh_token",
            "refresh_token": held.refresh,
            "client_id": self._hub.client_id,
        }
        try:
            return tokens_of(self._hub, self._server.post(endpoint, form), now.timestamp(), held)
        except Refused as refusal:
            if refusal.error == "invalid_grant":
                # Spent, revoked or outlived: it will never be taken again, and is not offered again.
                self._secrets.delete(self._hub.hub_id, TOKENS)
            raise refused_words(self._hub, refusal, lost=lost) from refusal

    def _by_key(self) -> Tokens:
        """SMART backend services: a token for a proof of the key (RFC 7523 section 2.2)."""
        from .oauth_keys import ASSERTION_TYPE, assertion

        pem = self._secrets.get(self._hub.hub_id, KEY)
        if pem is None:
            raise NotSignedInError(
                f"There is no key yet to sign in at {self._hub.name} with.",
                KEPT,
                f"Run teleread hub keys {self._hub.name}, and give what it prints to the site.",
                code="no-secret",
            )
        now = self._clock.now()
        found = self._server.endpoints(now)
        form = {
            "grant_type": "client_credentials",
            "scope": scopes(self._hub),
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion(
                pem, self._hub.client_id, found.token, now.timestamp() + found.skew
            ),
        }
        try:
            return tokens_of(self._hub, self._server.post(found.token, form), now.timestamp())
        except Refused as refusal:
            raise refused_words(self._hub, refusal) from refusal
