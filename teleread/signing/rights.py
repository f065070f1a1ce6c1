"""Who may sign what: rights at a hub, and whose task it is."""

from __future__ import annotations

from typing import Final

from teleread.model.hubfile import HubFile
from teleread.model.task import Task, TaskContext

__all__ = ["held_by", "is_mine", "may_sign", "nothing_forbids"]

_OVER: Final = {
    "cancelled": "The order was cancelled.",
    "rejected": "The task was rejected.",
    "failed": "The task has failed at the hub.",
    "entered-in-error": "The task was entered in error.",
    "draft": "The task is not released yet.",
    "on-hold": "The task is on hold at the hub.",
}
"""States in which nobody signs, with the words."""


def is_mine(task: Task, reader: str) -> bool:
    """Whether a task's owner is this reader.

    Args:
        task: As the hub tells it.
        reader: ``Practitioner/ID``; empty is nobody.
    """
    owner = task.owner.split("/_history/")[0].rstrip("/")
    return bool(reader) and (owner == reader or owner.endswith("/" + reader))


def held_by(task: Task, reader: str) -> str:
    """Who else has a task, in words; empty where nobody or this reader has it."""
    if not task.owner or is_mine(task, reader):
        return ""
    return task.owner_name or "somebody else"


def nothing_forbids(hub: HubFile, context: TaskContext, reader: str = "") -> tuple[bool, str]:
    """Whether this reader could come to sign: rights, state, owner. An unowned task is an open offer.

    Args:
        hub: The hub file.
        context: The task as last seen.
        reader: The reader's reference; the hub file's where empty.

    Returns:
        Yes or no, and the words where it is no.
    """
    reader, task = reader or hub.reader_reference, context.task
    if "sign" not in hub.rights:
        return False, f"You may not sign at {hub.name}: the hub file gives you no such right."
    if task.status in _OVER:
        return False, _OVER[task.status]
    if other := held_by(task, reader):
        return False, f"It is {other}'s case."
    if task.status == "completed":
        return False, "It is reported already."
    if not context.order.id:
        return False, "It names no order that can be read, so nobody can say what is asked. Ask the site."
    return True, ""


def may_sign(
    hub: HubFile, context: TaskContext, reader: str = "", *, kind: str = "report"
) -> tuple[bool, str]:
    """Whether this reader may sign now: as `nothing_forbids`, and the hub file says who the reader is.

    A task nobody owns may be signed, off line too: it is claimed before the report is sent.

    Args:
        hub: The hub file.
        context: The task as last seen.
        reader: The reader's reference; the hub file's where empty.
        kind: ``report`` or ``addendum``; an addendum stands on a completed task.

    Returns:
        Yes or no, and the words where it is no.
    """
    reader, task = reader or hub.reader_reference, context.task
    if not reader:
        return False, f"The hub file of {hub.name} does not say who you are (reader_id)."
    if kind == "addendum":
        if "sign" not in hub.rights:
            return False, f"You may not sign at {hub.name}: the hub file gives you no such right."
        if other := held_by(task, reader):
            return False, f"It is {other}'s case."
        return True, ""
    return nothing_forbids(hub, context, reader)
