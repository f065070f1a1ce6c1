"""Receipts looked after: a hub that was restored from a backup no longer has what it gave a receipt for.

Asked after a cold start, when the hub's versions went backwards, whenever the reader types ``sync``, and
now and then. Only what is missing both in a search and at its own address counts as lost; signed bytes stay
here for ever, so it can be sent again under the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from teleread.host.clock import Clock
from teleread.model.errors import AttentionError, NotSignedInError, OfflineError

if TYPE_CHECKING:
    from teleread.hub.port import Found, Hub
    from teleread.model.delivery import OutboxItem
    from teleread.sync.works import Works
    from teleread.vault.vault import Vault

__all__ = ["KEPT", "look_after_receipts", "look_now_and_then"]

AGAIN_SECONDS: Final = 6 * 3600.0
"""How often an engine looks when nothing made it doubt."""

KEPT: Final = timedelta(days=7)
"""Receipts younger than this are asked for."""

Emit = Callable[[str, Mapping[str, Any]], object]


def look_now_and_then(works: Works, hub: Hub, told: dict[str, Any], *, typed: bool) -> None:
    """Look in this pass if it is time to.

    Args:
        works: The parts; they remember when it was done.
        hub: The hub.
        told: What the pass has found so far (``backwards``); gets ``receipts_lost``.
        typed: The reader asked for the pass.
    """
    now = works.clock.monotonic()
    due = now >= works.receipts_due.get(hub.hub_id, float("-inf"))
    if not (due or typed or told.get("backwards")):
        return
    try:
        lost = look_after_receipts(works.vault, hub, works.clock, works.vault.events.emit)
    except (OfflineError, NotSignedInError, AttentionError):
        return  # asked again in the next pass; what waits is tried all the same, and tells what is wrong
    works.receipts_due[hub.hub_id] = now + AGAIN_SECONDS
    told["receipts_lost"] = len(lost)


def look_after_receipts(vault: Vault, hub: Hub, clock: Clock, emit: Emit) -> tuple[str, ...]:
    """Ask the hub whether it still holds what it proved to hold.

    Args:
        vault: The open vault.
        hub: The hub.
        clock: Local clock.
        emit: Takes events.

    Returns:
        The items whose reports are gone: not issued any more, the reader may send them again.

    Raises:
        TelereadError: The hub did not answer or refused.
    """
    by_report: dict[str, list[OutboxItem]] = {}
    for item in vault.outbox.list():
        if _recent(item, hub.hub_id, clock):
            by_report.setdefault(item.report_id, []).append(item)
    if not by_report:
        return ()
    held = hub.holding(
        {ident: items[-1].receipt.id for ident, items in by_report.items() if items[-1].receipt}
    )
    lost = [one for ident, items in by_report.items() for one in _lost(items, held.get(ident))]
    for item in sorted(lost, key=lambda one: one.sequence):
        vault.outbox.mark_needs_attention(
            item.id, "The hub no longer has this report, though it gave a receipt: NOT ISSUED.", ("resend",)
        )
        emit("needs-attention", {"item": item.id, "what": "report", "hub": hub.hub_id, "choices": ["resend"]})
    return tuple(one.id for one in lost)


def _recent(item: OutboxItem, hub_id: str, clock: Clock) -> bool:
    receipt = item.receipt
    return (
        item.kind == "report"
        and item.state == "delivered"
        and item.key.hub_id == hub_id
        and receipt is not None
        # An age below nought: the clock was set back since, and the receipt is young.
        and clock.now() - receipt.stored_at <= KEPT
    )


def _lost(items: list[OutboxItem], found: Found | None) -> list[OutboxItem]:
    """The versions, oldest first, that came after the one the hub shows."""
    if found is None:
        return items
    for at, item in enumerate(items):
        if item.receipt is not None and item.receipt.sha256 == found.receipt.sha256:
            return items[at + 1 :]
    return []  # changed there since by somebody: theirs to answer for, and not lost
