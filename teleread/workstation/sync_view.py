"""What the sync screen shows: each hub's line and what waits for it; and what an absence brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from teleread.model.delivery import OutboxItem
from teleread.model.hubfile import HubFile
from teleread.model.text import SafeText, clean

from .core import Core
from .views import Digest, HubLine

__all__ = ["digest", "lines", "read_digest"]

_WAITING = frozenset({"queued", "sending"})
_PLATFORMS = {
    "fhir": "FHIR",
    "ups_rs": "UPS-RS",
    "ups": "UPS over DIMSE",
    "mwl": "Modality Worklist",
    "hl7": "HL7 v2",
    "folder": "folder",
}


def digest(core: Core) -> Digest | None:
    """What moved while no hub could be asked and was not read yet; None for nothing."""
    from teleread.sync.digest import WORDS, sentence

    known = {hub.hub_id for hub in core.hubs}
    found = [one for one in core.vault.news.list() if one.key.hub_id in known and one.what in WORDS]
    if not found:
        return None
    return Digest(
        since=min(one.since for one in found),
        words=clean(sentence(one.what for one in found)),
        rows=tuple((one.key, clean(WORDS[one.what])) for one in found),
        last_id=max(one.id for one in found),
    )


def read_digest(core: Core, up_to: int) -> None:
    """The reader has read the news up to one; what came later stays."""
    core.vault.news.read(up_to)


def lines(core: Core) -> tuple[HubLine, ...]:
    """Every hub's line, from the vault alone; nothing is asked."""
    waits = _told_to_wait(core)
    open_items = core.vault.outbox.open()
    return tuple(
        _line(core, hub, [one for one in open_items if one.key.hub_id == hub.hub_id], waits.get(hub.hub_id))
        for hub in core.hubs
    )


def _line(core: Core, hub: HubFile, items: Sequence[OutboxItem], wait: datetime | None) -> HubLine:
    state = core.vault.worklist.hub_state(hub.hub_id)
    waiting = [one for one in items if one.state in _WAITING]
    held = [one for one in items if one.state == "held"]
    needs = [one for one in items if one.state == "needs_attention"]
    signed_in, sign_in = _sign_in(core, hub)
    born = [one.created_at for one in items if one.created_at is not None]
    return HubLine(
        hub_id=hub.hub_id,
        name=clean(hub.name),
        kind=SafeText(_PLATFORMS.get(hub.platform, "images alone")),
        online=state.offline_since is None and state.last_pull_at is not None,
        offline_since=state.offline_since,
        last_contact=state.last_pull_at,
        last_error=clean(state.last_error),
        offset_seconds=state.offset_seconds,
        signed_in=signed_in,
        sign_in=sign_in,
        waiting=len(waiting),
        held=len(held),
        oldest=min(born, default=None),
        why=_reasons(core, [*waiting, *held]),
        needs=tuple(needs),
        next_look=_next_look(core, state.last_pull_at, state.offline_since, wait),
        next_try=min((one.not_before for one in waiting if one.not_before is not None), default=None),
        besides=sum(one.kind != "report" for one in [*waiting, *held]),
    )


def _next_look(
    core: Core, last: datetime | None, offline: datetime | None, wait: datetime | None
) -> datetime | None:
    """When the hub is asked next, as far as this window can know; None where nothing is planned."""
    if wait is not None and (last is None or offline is not None or wait > core.clock.now()):
        return wait
    return None if last is None else last + timedelta(seconds=float(core.setting("pull_seconds")))


def _told_to_wait(core: Core) -> dict[str, datetime]:
    """Hubs the engine has put off, by its own last words."""
    found: dict[str, datetime] = {}
    for event in core.vault.events.latest("hub-waits"):
        seconds = float(event.data.get("seconds", 0))
        found.setdefault(str(event.data.get("hub", "")), event.at + timedelta(seconds=seconds))
    return found


def _reasons(core: Core, items: Sequence[OutboxItem]) -> tuple[tuple[SafeText, int], ...]:
    """Why items wait, the most frequent first: (words, how many)."""
    now = core.clock.now()

    def why(one: OutboxItem) -> str:
        if one.state == "held":
            undo = one.not_before is not None and one.not_before > now
            return "in its undo window: u takes it back" if undo else "behind an earlier one of its accession"
        words = str(one.why).removeprefix("unknown").removeprefix(": ")
        if one.state == "sending":
            return f"sent, no answer yet: it is asked about before it is sent again. {words}".strip()
        return words or "goes by itself"

    return tuple((clean(words), count) for words, count in Counter(map(why, items)).most_common(6))


def _sign_in(core: Core, hub: HubFile) -> tuple[bool, SafeText]:
    """Whether requests to a hub can be signed, and how, in words; no identity server is asked."""
    from .signin import BY_TOKENS, token_sign_in
    from .sites import SECRET

    if hub.auth in {"none", ""}:
        return True, SafeText("none wanted")
    if hub.auth not in BY_TOKENS:
        held = hub.auth == "mtls" or core.vault.hub_secrets.get(hub.hub_id, SECRET) is not None
        return held, SafeText(f"by {hub.auth}" if held else "no secret is held here")
    tokens = token_sign_in(core, hub).held()
    if tokens is None:
        return False, SafeText("not signed in")
    who = f" as {tokens.who}" if tokens.who else ""
    if tokens.refresh or hub.auth == "smart":
        return True, clean(f"signed in{who}, renewed by itself")
    good = tokens.good(core.clock.now().timestamp())
    return good, clean(f"signed in{who}" if good else "the sign-in has ended")
