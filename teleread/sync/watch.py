"""What became of the cases whose drafts are open: a question to the reader, as an item of the outbox.

The rows are `teleread.sync.rules.DRAFT_RULES`. A draft is never touched by the machine; the question goes by
itself once it has no ground any more, and nothing in the outbox waits for its answer.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from teleread.model.hubfile import HubFile
from teleread.sync.rules import Decision, decide_draft

if TYPE_CHECKING:
    from teleread.model.delivery import OutboxItem
    from teleread.vault.vault import Vault

__all__ = ["DRAFT", "draft_of", "watch_drafts"]

DRAFT: Final = "draft"
"""Kind of the outbox item that asks about a draft."""

Emit = Callable[[str, Mapping[str, Any]], object]


def draft_of(item: OutboxItem) -> str:
    """Id of the draft an item asks about."""
    return str(json.loads(item.payload or "{}").get("draft", ""))


def watch_drafts(vault: Vault, file: HubFile, emit: Emit) -> int:
    """Compare every open draft of a hub with its case as last seen.

    Args:
        vault: The open vault.
        file: The hub's file: the reader's reference.
        emit: Takes events.

    Returns:
        Questions newly asked.
    """
    asked = {draft_of(one): one for one in vault.outbox.open() if _asks(one, file.hub_id)}
    found = _moved(vault, file)
    for draft_id, item in asked.items():
        if draft_id not in found:
            vault.outbox.close(item.id, "The case is the reader's again, or the draft is closed.")
        elif item.why != found[draft_id].why:
            vault.outbox.mark_needs_attention(item.id, found[draft_id].why, found[draft_id].choices)
    fresh = [one for one in found if one not in asked]
    for draft_id in fresh:
        _ask(vault, draft_id, found[draft_id], emit)
    return len(fresh)


def _asks(item: OutboxItem, hub_id: str) -> bool:
    return item.kind == DRAFT and item.key.hub_id == hub_id


def _moved(vault: Vault, file: HubFile) -> dict[str, Decision]:
    found: dict[str, Decision] = {}
    for key in vault.drafts.open_ids():
        context = vault.worklist.get(key) if key.hub_id == file.hub_id else None
        decision = decide_draft(context, file.reader_reference) if context is not None else None
        if decision is not None:
            # An addendum belongs to a report that is issued: what becomes of the order is past.
            found |= {one.id: decision for one in vault.drafts.open_for(key) if one.kind == "report"}
    return found


def _ask(vault: Vault, draft_id: str, decision: Decision, emit: Emit) -> None:
    draft = vault.drafts.get(draft_id)
    context = vault.worklist.get(draft.key)
    with vault.transaction():
        item = vault.outbox.add(
            DRAFT,
            draft.key,
            idempotency_key=str(uuid.uuid4()),
            accession=context.order.accession if context else "",
            payload=json.dumps({"draft": draft_id, "rule": decision.rule}),
        )
        vault.outbox.mark_needs_attention(item.id, decision.why, decision.choices)
    told = {"item": item.id, "what": DRAFT, "hub": draft.key.hub_id, "task": draft.key.task_id}
    emit("needs-attention", {**told, "draft": draft_id, "choices": list(decision.choices)})
