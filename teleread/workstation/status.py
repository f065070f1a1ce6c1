"""What the bars show: hubs, what is not issued, what is on the way."""

from __future__ import annotations

from teleread.model.hubfile import HubFile
from teleread.model.text import clean

from . import background, worklist
from .api import HubStatus, Status
from .core import Core
from .outbox import escalations
from .sync_view import digest

__all__ = ["status"]


def status(core: Core) -> Status:
    """Look at the vault; cheap enough for every second."""
    vault = core.vault
    waiting = vault.outbox.undelivered_reports()
    safe = _safe(core)
    return Status(
        hubs=tuple(_hub(core, hub) for hub in core.hubs),
        not_issued=len(waiting),
        needs_you=sum(one.state == "needs_attention" for one in vault.outbox.open()),
        fetching=_fetching(core),
        safe_to_unplug=safe,
        work_minutes=safe * float(core.setting("reading_minutes")) if safe else 0.0,
        engine=background.running(core),
        escalations=escalations(core, waiting),
        demo=core.demo,
        digest=digest(core),
    )


def _hub(core: Core, hub: HubFile) -> HubStatus:
    state = core.vault.worklist.hub_state(hub.hub_id)
    return HubStatus(
        hub_id=hub.hub_id,
        name=clean(hub.name),
        online=state.offline_since is None and state.last_pull_at is not None,
        offline_since=state.offline_since,
        last_pull_at=state.last_pull_at,
        last_error=clean(state.last_error),
        offset_seconds=state.offset_seconds,
    )


def _fetching(core: Core) -> int:
    """Studies begun and not ended, by the engine's own words."""
    if not background.running(core):
        return 0
    return core.vault.events.under_way()


def _safe(core: Core) -> int:
    """Open cases of this reader whose images and relevant priors are all here."""
    return sum(
        one.mine and one.cached == "all" and one.priors_ready and one.report_state in {None, "draft"}
        for one in worklist.listing(core).items()
    )
