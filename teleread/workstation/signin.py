"""Signing in at a hub's identity server: by a code, by a browser here, or by a key of this system.

Opening the vault never comes here: what is held is read, written and signed with no identity server at all.
Tokens live in the vault and nowhere else; no log, address, event or error holds one.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import NotSignedInError, OfflineError, TelereadError, UsageError
from teleread.model.hubfile import HubFile

from .core import Core
from .hubfiles import write_hub_file

if TYPE_CHECKING:
    from teleread.vault.vault import Vault
    from teleread.wire.oauth import IdentityServer, Tokens
    from teleread.wire.oauth_tokens import TokenSignIn

__all__ = [
    "BY_TOKENS",
    "Prompt",
    "SignedIn",
    "default_reader",
    "lock_file",
    "open_page",
    "qr_rows",
    "sign_in",
    "sign_out",
    "signs_in",
    "site_keys",
    "token_sign_in",
]

BY_TOKENS: Final = frozenset({"device", "pkce", "smart"})
"""Ways of signing in whose secrets are tokens that end and are renewed."""
LOOK: Final = 0.25
"""Seconds between two looks whether a window gave up."""
QR_BORDER: Final = 2
"""Light modules around a QR picture; four are the standard's, two are read by every camera tried."""

Pause = Callable[[float], bool]
"""Waits so many seconds; false where the reader has given up."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the reader has to do."""

    hub: str
    """The hub's name: the page has to name the same one."""
    way: str
    """``device`` or ``pkce``."""
    url: str
    """The page to open."""
    code: str = ""
    """What to type there; empty where a browser on this machine brings the answer by itself."""
    url_complete: str = ""
    """The page with the code in it, for a QR picture."""
    seconds: float = 0.0
    """How long it holds."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """How it ended."""

    hub: HubFile
    way: str
    who: str
    """The person as the identity server names them; empty where it does not, or where a system signed in."""
    scope: str
    seconds: float | None
    """How long the token at hand holds; None where the server does not say."""
    renews: bool
    """It is renewed by itself."""


def lock_file(core: Core, hub: HubFile) -> Path:
    """The lock under which a hub's tokens are renewed; its name tells nothing."""
    name = hashlib.sha256(hub.hub_id.encode()).hexdigest()[:16]
    return core.paths.data / f"sign-in-{name}.lock"


def token_sign_in(core: Core, hub: HubFile, server: IdentityServer | None = None) -> TokenSignIn:
    """What signs the requests to a hub whose sign-in is by tokens."""
    from teleread.wire.oauth_tokens import TokenSignIn

    return TokenSignIn(hub, core.vault.hub_secrets, lock_file(core, hub), core.clock, server)


def sign_in(core: Core, hub: HubFile, show: Callable[[Prompt], None], pause: Pause) -> SignedIn:
    """Sign in now.

    Args:
        core: The open profile.
        hub: Where.
        show: Told once what the reader has to do; a system needs nobody.
        pause: Waits; false gives up.

    Raises:
        OfflineError: ``--offline`` was typed, or the identity server does not answer.
        NotSignedInError: Refused, run out, given up, or the person is another than the hub file's reader.
        UsageError: The hub has no such sign-in.
    """
    from teleread.wire.oauth import IdentityServer

    if hub.auth not in BY_TOKENS:
        raise UsageError(
            f"The hub {hub.name} signs in by “{hub.auth}”, which needs no sign-in of its own.",
            remedy=f"teleread init --hub {hub.name} --auth device, pkce or smart changes that.",
            code="no-sign-in",
        )
    if core.offline:
        raise OfflineError("Off line, as asked.", "Nothing was sent.", code="offline-asked", retryable=False)
    server = IdentityServer(hub)
    keeper = token_sign_in(core, hub, server)
    if hub.auth == "smart":
        site_keys(core, hub)
        before = keeper.held()
        keeper.renewed(before.header if before is not None else "")
        tokens = keeper.held()
        assert tokens is not None
    else:
        tokens = _by_person(core, server, show, pause)
        hub = _same_person(core, server, tokens)
        keeper.locked(lambda: _kept(keeper, tokens))
    core.vault.audit.append("signed-in", hub_id=hub.hub_id, detail={"way": hub.auth})
    seconds = None if tokens.expires_at is None else tokens.expires_at - core.clock.now().timestamp()
    return SignedIn(
        hub, hub.auth, tokens.who, tokens.scope, seconds, hub.auth == "smart" or bool(tokens.refresh)
    )


def signs_in(core: Core, stop: threading.Event) -> Callable[..., dict[str, Any]]:
    """How the engine signs in for a window.

    Args:
        core: The engine's.
        stop: Ends the engine, and whatever waits here.
    """

    def work(
        hub_id: str, show: Callable[[dict[str, Any]], object], given_up: Callable[[], bool]
    ) -> dict[str, Any]:
        def pause(seconds: float) -> bool:
            end = core.clock.monotonic() + seconds
            while (left := end - core.clock.monotonic()) > 0 and not given_up():
                if stop.wait(min(LOOK, left)):
                    return False
            return not given_up() and not stop.is_set()

        def told(prompt: Prompt) -> None:
            show(asdict(prompt))

        done = sign_in(core, core.hub(hub_id), told, pause)
        return {"hub": done.hub.name, "who": done.who, "renews": done.renews}

    return work


def sign_out(core: Core, hub: HubFile) -> bool:
    """Forget the tokens of a hub, and tell the identity server (RFC 7009).

    Returns:
        Whether it was told; the tokens are gone from here anyway.
    """
    from teleread.wire.oauth import IdentityServer
    from teleread.wire.oauth_tokens import TOKENS

    server = IdentityServer(hub)
    keeper = token_sign_in(core, hub, server)
    forgotten: list[Tokens] = []

    def forget() -> Tokens | None:
        held = keeper.held()
        core.vault.hub_secrets.delete(hub.hub_id, TOKENS)
        if held is not None:
            forgotten.append(held)
        return held

    keeper.locked(forget)
    core.vault.audit.append("signed-out", hub_id=hub.hub_id)
    return bool(forgotten) and not core.offline and _revoked(core, server, forgotten[0])


def site_keys(core: Core, hub: HubFile, *, fresh: bool = False) -> dict[str, Any]:
    """The public half of the key this system signs in with, as a JWK set; the key is made where none is.

    Args:
        core: The open profile.
        hub: Whose; ``hub.key_alg`` says which kind.
        fresh: Make another one; the site has to register it before the next sign-in.
    """
    from teleread.wire.oauth_keys import jwks, make_key
    from teleread.wire.oauth_tokens import KEY

    pem = None if fresh else core.vault.hub_secrets.get(hub.hub_id, KEY)
    if pem is None:
        pem = make_key(hub.key_alg)
        with core.vault.transaction():
            core.vault.hub_secrets.put(hub.hub_id, KEY, pem)
            core.vault.audit.append("system-key-made", hub_id=hub.hub_id, detail={"alg": hub.key_alg})
    return jwks(pem)


def qr_rows(text: str) -> tuple[str, ...]:
    """A QR picture in half blocks, two modules a row: ink where it is dark, so it needs a light ground.

    Args:
        text: An address.

    Returns:
        Rows of equal width; none where the text is too long, or the part that draws them is not installed.
    """
    try:
        import segno
    except ImportError:
        return ()
    try:
        drawn = segno.make_qr(text, error="l").matrix_iter(border=QR_BORDER)
    except segno.DataOverflowError:
        return ()
    modules = [[bool(one) for one in row] for row in drawn]
    if len(modules) % 2:
        modules.append([False] * len(modules[0]))
    pairs = zip(modules[::2], modules[1::2], strict=True)
    return tuple(
        "".join(" ▄▀█"[2 * top + low] for top, low in zip(above, below, strict=True))
        for above, below in pairs
    )


def open_page(url: str) -> bool:
    """Open a page in the reader's browser; false where this session has none (SSH, no desktop)."""
    import os
    import shutil

    from teleread.host.spawn import spawn_viewer

    from .handoff import OPENERS

    opener = OPENERS.get(sys.platform, ("xdg-open",))
    desktop = sys.platform in OPENERS or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if os.environ.get("SSH_CONNECTION") or not desktop or shutil.which(opener[0]) is None:
        return False
    try:
        spawn_viewer([*opener, url])
    except OSError:
        return False
    return True


def default_reader(vault: Vault) -> str:
    """The reader id that `init` makes up where none is told."""
    return f"teleread-{vault.profile_id[:8]}"


# -- a person ------------------------------------------------------------------------------------------


def _by_person(core: Core, server: IdentityServer, show: Callable[[Prompt], None], pause: Pause) -> Tokens:
    from teleread.wire import oauth_code, oauth_device

    hub = server.hub
    if hub.auth == "device":
        code = oauth_device.begin(server, core.clock)
        show(Prompt(hub.name, "device", code.url, code.user_code, code.url_complete, code.seconds))
        tokens = oauth_device.wait(server, code, core.clock, pause)
        return oauth_code.checked_identity(server, tokens, core.clock)
    with oauth_code.BrowserSignIn(server, core.clock) as waiting:
        show(Prompt(hub.name, "pkce", waiting.url, seconds=oauth_code.LONGEST))
        return waiting.wait(pause)


def _same_person(core: Core, server: IdentityServer, tokens: Tokens) -> HubFile:
    """The hub file, once the person who signed in is its reader; a reader id made up here gives way.

    Raises:
        NotSignedInError: It is somebody else; the tokens are revoked and not kept.
    """
    hub = server.hub
    kind, _, ident = "/".join(tokens.who.rsplit("/", 2)[-2:]).partition("/")
    if kind not in {"Practitioner", "PractitionerRole"} or not ident:
        return hub  # a name of the identity server's own says nothing about the hub's readers
    if hub.reader_id == default_reader(core.vault):
        told = ident if kind == "Practitioner" else f"{kind}/{ident}"
        return write_hub_file(core.paths, hub.name, {"reader_id": told})
    if hub.reader_id and hub.reader_reference != f"{kind}/{ident}":
        _revoked(core, server, tokens)
        raise NotSignedInError(
            f"At {hub.name} somebody else has signed in than the reader its hub file names.",
            "Nothing was kept of that sign-in.",
            f"Sign in as yourself, or mend reader_id with teleread init --hub {hub.name} --reader-id ID.",
            code="sign-in-other",
        )
    return hub


def _kept(keeper: TokenSignIn, tokens: Tokens) -> Tokens:
    keeper.keep(tokens)
    return tokens


def _revoked(core: Core, server: IdentityServer, tokens: Tokens) -> bool:
    from teleread.wire.oauth import Refused

    try:
        endpoint = server.endpoints(core.clock.now()).revoke
        if not endpoint:
            return False
        told = tokens.refresh or tokens.access
        server.post(endpoint, {"token": told, "client_id": server.hub.client_id})
    except (TelereadError, Refused):
        return False
    return True
