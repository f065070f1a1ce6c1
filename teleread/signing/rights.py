"""Who may sign what: rights at a hub, and whose task it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from teleread.model.hubfile import HubFile
from teleread.model.task import Task, TaskContext

__all__ = [
    "RIGHTS",
    "denied",
    "held_by",
    "is_mine",
    "may_sign",
    "needs",
    "nothing_forbids",
    "outlived",
]

RIGHTS: Final = {
    "view": "look at its cases",
    "report": "write reports",
    "sign": "sign",
    "addend": "add to, correct or withdraw a signed report",
    "alert": "raise an alert",
}
"""Rights a hub file may give, by name; each opens the acts in its words. Whoever has any may view."""

_NEEDS: Final = {
    "report": ("sign",),
    "opinion": ("sign",),
    "preliminary": ("report",),
    "addendum": ("sign", "addend"),
    "correction": ("sign", "addend"),
    "withdrawal": ("sign", "addend"),
}
"""Kind of report version to the rights its signature needs."""

_SIGNED: Final = frozenset({"sign", "addend"})
"""Rights whose acts send a person's own words."""

CLOCK_SLACK: Final = timedelta(hours=1)
"""How far the clock may be behind the last contact before the difference itself is the trouble."""

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
    if why := denied(hub, "sign"):
        return False, why
    return _open_to(reader or hub.reader_reference, context)


def _open_to(reader: str, context: TaskContext) -> tuple[bool, str]:
    """State, owner and order; rights are settled before."""
    task = context.task
    if task.status in _OVER:
        return False, _OVER[task.status]
    if other := held_by(task, reader):
        return False, f"It is {other}'s case."
    if task.status == "completed":
        return False, "It is reported already."
    if not context.order.id:
        return False, "It names no order that can be read, so nobody can say what is asked. Ask the site."
    return True, ""


def outlived(hub: HubFile, contact: datetime | None, now: datetime) -> str:
    """Words where rights seen too long ago no longer open the signature; empty where they do.

    Reading and writing go on; whatever is signed already is sent, however late.

    Args:
        hub: The hub file; ``offline_hours`` is the site's limit, 0 for none.
        contact: When the hub last answered this reader, in UTC; None for never.
        now: In UTC.
    """
    if hub.offline_hours <= 0:
        return ""
    limit = f"{hub.name} lets rights hold for {hub.offline_hours:g} h without contact"
    if contact is None:
        return f"{limit}, and it has not answered yet: connect and pull the worklist, then sign."
    if contact - now > CLOCK_SLACK:
        return f"{limit}, and this machine's clock is behind the last contact: set it right, then sign."
    if now - contact <= timedelta(hours=hub.offline_hours):
        return ""
    return f"{limit}, and answered {_ago(now - contact)} ago: connect and pull the worklist, then sign."


def _ago(span: timedelta) -> str:
    """A span in the words of a person: minutes, hours or days."""
    hours = span.total_seconds() / 3600
    if hours < 1:
        return f"{max(1, round(hours * 60))} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"


def denied(hub: HubFile, right: str) -> str:
    """Words where the hub file does not give a right, naming the rule; empty where it does."""
    if right in _SIGNED and hub.auth == "smart" and not hub.system_reports:
        return (
            f"{hub.name} is signed in to as a system, and its hub file does not say that the site takes"
            " a reader's reports that way (system_reports)."
        )
    if right in hub.rights or (right == "view" and hub.rights):
        return ""
    return (
        f"You may not {RIGHTS[right]} at {hub.name}: the hub file gives you no such right"
        f" (rights has no “{right}”)."
    )


def needs(kind: str) -> tuple[str, ...]:
    """The rights that a kind of report version needs."""
    return _NEEDS.get(kind, ("sign",))


def may_sign(
    hub: HubFile, context: TaskContext, reader: str = "", *, kind: str = "report", again: bool = False
) -> tuple[bool, str]:
    """Whether this reader may sign now: as `nothing_forbids`, and the hub file says who the reader is.

    A task nobody owns may be signed, off line too: it is claimed before the report is sent.

    Args:
        hub: The hub file.
        context: The task as last seen.
        reader: The reader's reference; the hub file's where empty.
        kind: Of the version; what changes a report stands on a completed task, and a second opinion stands
            beside whoever holds the case.
        again: The report on this task was withdrawn: the completed task may be reported anew.

    Returns:
        Yes or no, and the words where it is no.
    """
    reader, task = reader or hub.reader_reference, context.task
    if not reader:
        return False, f"The hub file of {hub.name} does not say who you are (reader_id)."
    why = next((words for right in needs(kind) if (words := denied(hub, right))), "")
    if not why and kind == "preliminary" and not hub.preliminary:
        why = f"{hub.name} takes no unsigned readings (its hub file says no “preliminary = true”)."
    if why:
        return False, why
    if kind == "opinion":
        return _opinion(context)
    if kind in {"addendum", "correction", "withdrawal"}:
        # a report on the wrong patient is taken back whoever has the case now
        other = "" if kind == "withdrawal" else held_by(task, reader)
        return (False, f"It is {other}'s case.") if other else (True, "")
    if again and task.status == "completed" and not held_by(task, reader):
        return True, ""
    return _open_to(reader, context)


def _opinion(context: TaskContext) -> tuple[bool, str]:
    if not context.order.id:
        return False, "It names no order that can be read, so nobody can say what is asked. Ask the site."
    return True, ""
