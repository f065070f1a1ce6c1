"""The outbox: what waits, what needs the reader, what was received."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from teleread.model.delivery import OutboxItem
from teleread.model.errors import UsageError
from teleread.model.text import clean

from .api import Escalation
from .core import Core

__all__ = ["beside", "escalations", "items", "outbox_item", "resolve", "retry", "said", "theirs", "told"]


def items(core: Core) -> Sequence[OutboxItem]:
    """Every item, newest last."""
    return core.vault.outbox.list()


def outbox_item(core: Core, outbox_id: str) -> OutboxItem:
    """One item.

    Raises:
        UsageError: There is none of that id.
    """
    found = core.vault.outbox.find(outbox_id)
    if found is None:
        raise UsageError(
            "There is no outbox item of that id.", remedy="teleread outbox lists them.", code="no-item"
        )
    return found


def theirs(item: OutboxItem) -> tuple[Mapping[str, str], ...]:
    """Others' reports that were put beside an item: ``id``, ``author``, ``issued``, ``text`` each.

    A payload of another kind, such as a note's own words, holds nothing of others.
    """
    from teleread.sync.backoff import Extras

    try:
        return Extras(item.payload).theirs
    except (json.JSONDecodeError, TypeError, AttributeError):
        return ()


def said(item: OutboxItem) -> str:
    """What an item that is no report tells the hub, in its own words; empty where it has none."""
    from teleread.sync.alerts import ALERT, words_of_alert
    from teleread.sync.backoff import Extras
    from teleread.sync.notes import NOTE

    try:
        if item.kind == ALERT:
            return words_of_alert(item)
        return Extras(item.payload).get("text") if item.kind == NOTE else ""
    except (json.JSONDecodeError, TypeError, AttributeError):
        return ""


def beside(core: Core, item: OutboxItem) -> Sequence[tuple[str, Sequence[str]]]:
    """Others' reports that came before the reader's and the reader's own, each in full, then compared.

    Returns:
        Pairs of a heading and lines; in a comparison ``-`` is theirs alone, ``+`` the reader's alone.
    """
    import difflib

    from teleread.documents.frozen import thaw

    others = theirs(item)
    if not others or not item.report_id:
        return ()
    form = thaw(core.vault.reports.get(item.report_id, item.report_version).frozen)
    ours = [line for one in form["sections"] if one["text"].strip() for line in one["text"].splitlines()]
    found: list[tuple[str, Sequence[str]]] = []
    for number, one in enumerate(others):
        lines = clean(one.get("text", ""), multiline=True).splitlines()
        day = one.get("issued", "")[:10]
        found.append((clean(f"Theirs, {one.get('author') or 'another reader'} {day}").strip(), lines))
        if not number:
            found.append(("Yours", ours))
        compared = [line for line in difflib.ndiff(lines, ours) if not line.startswith("?")]
        found.append(("Compared: - theirs alone, + yours alone", compared))
    return found


def retry(core: Core, outbox_id: str) -> None:
    """Make an item due now.

    Raises:
        UsageError: It is not waiting.
    """
    item = outbox_item(core, outbox_id)
    if item.state in {"delivered", "closed"}:
        raise UsageError(f"That item is {item.state}; there is nothing to send.", code="not-waiting")
    if item.state == "needs_attention":
        raise UsageError(
            "That item waits for your choice, not for the network.",
            remedy=f"teleread outbox resolve {item.id} --choose CHOICE",
            code="not-waiting",
        )
    if item.state == "sending":
        # It may have arrived: the hub is asked before anything is sent again.
        why = item.why.removeprefix("unknown").removeprefix(": ")
        core.vault.outbox.mark_unknown(item.id, why, at=core.clock.now())
    elif item.state == "queued":
        core.vault.outbox.reschedule(item.id, core.clock.now(), item.why)


def resolve(core: Core, outbox_id: str, choice: str, reason: str = "") -> None:
    """Act on a choice.

    Raises:
        UsageError: That choice is not offered, or it needs a reason.
    """
    item = outbox_item(core, outbox_id)
    offered = [one.id for one in item.choices]
    if choice not in offered:
        raise UsageError(
            "That choice is not offered for this item.",
            remedy=f"It offers {', '.join(offered)}." if offered else "It needs no choice.",
            code="bad-choice",
        )
    from teleread.sync import resolve as acts

    acts.resolve(core.vault, item, choice, clean(reason), core.clock)


def told(core: Core, outbox_id: str, whom: str, when: str) -> None:
    """Close an escalation line by word of mouth; audited.

    Raises:
        UsageError: It does not say whom, or when; or nothing is left to tell.
    """
    item = outbox_item(core, outbox_id)
    if item.state in {"delivered", "closed"}:
        raise UsageError(
            f"That item is {item.state}: nobody waits to be told of it.",
            "Nothing was noted.",
            code="not-waiting",
        )
    person, moment = clean(whom).strip(), clean(when).strip()
    if not person or not moment:
        raise UsageError("Say who was told and when.", code="bad-told")
    from teleread.sync.notes import add_note

    with core.vault.transaction():
        core.vault.outbox.tell(item.id, person, moment)
        words = f"Told by word of mouth before the report arrived: {person}, {moment}."
        add_note(core.vault, item.key, words, accession=item.accession, about="Told by word of mouth")


def escalations(core: Core, waiting: Sequence[OutboxItem]) -> tuple[Escalation, ...]:
    """Stat reports without a receipt for longer than the site allows."""
    now = core.clock.now()
    lines = []
    hubs = {hub.hub_id: hub for hub in core.hubs}
    for item in waiting:
        hub = hubs.get(item.key.hub_id)
        if (
            hub is None
            or item.priority != "stat"
            or item.told
            or not item.report_id
            or item.created_at is None
        ):
            continue
        minutes = int((now - item.created_at) / timedelta(minutes=1))
        if minutes < hub.escalate_minutes:
            continue
        phone = (
            f" Telephone {hub.site_phone}." if hub.site_phone else " The hub file names no telephone number."
        )
        text = f"A stat report has no receipt from {hub.name} for {minutes} min.{phone}"
        lines.append(Escalation(item.id, item.report_id, clean(text)))
    return tuple(lines)
