"""The worklist as asked for: filtered, one row of it, its age."""

from __future__ import annotations

from collections.abc import Sequence

from teleread.model.errors import UsageError
from teleread.model.task import TaskKey

from .api import WorklistItem
from .core import Core
from .joining import Join
from .listing import Listing
from .outlook import Ready
from .query import parse_query

__all__ = ["age_seconds", "item", "items", "listing"]


def listing(core: Core) -> Listing:
    """The whole worklist in memory, one for this profile and vault."""
    if core.listing is None:
        core.listing = Listing(core)
    return core.listing


def items(core: Core, query: str = "", limit: int | None = None) -> Sequence[WorklistItem]:
    """Rows that match, stat first, then due.

    Raises:
        UsageError: The query can't be read.
    """
    wanted = parse_query(query, core.clock.now())
    found = listing(core).items()
    if wanted.tests:
        found = [one for one in found if wanted.matches(one)]
    return found if limit is None else found[:limit]


def item(core: Core, key: TaskKey) -> WorklistItem:
    """One row.

    Raises:
        UsageError: It is not in the worklist.
    """
    row = core.vault.worklist.row(key)
    if row is None:
        raise UsageError(
            "That task is not in the worklist.", remedy="teleread sync asks the hubs.", code="no-task"
        )
    drafts, reports = core.vault.drafts.open_ids(), core.vault.reports.states()
    return Join(core, drafts, reports, Ready(core)).item(row)


def age_seconds(core: Core) -> float | None:
    """Age of the oldest pull over all hubs; None before the first of any."""
    pulls = [core.vault.worklist.hub_state(hub.hub_id).last_pull_at for hub in core.hubs]
    if not pulls or any(one is None for one in pulls):
        return None
    oldest = min(one for one in pulls if one is not None)
    return max(0.0, (core.clock.now() - oldest).total_seconds())
