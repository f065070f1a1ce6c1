"""Who was told of a critical finding, told to the hub by itself: one FHIR Communication for an alert's life.

It goes when the alert is recorded and waits for no signature; the report carries the same alert later. What
is recorded anew is written over the old in the same resource, and an alert that is taken away stays there as
``entered-in-error``: the hub never shows another alert than the draft or the report does (R4, Communication).
Same promises as for a report: kept in the outbox, each recording's key made with it and used for every try.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import AttentionError
from teleread.model.task import TaskContext, TaskKey
from teleread.sync.backoff import Extras
from teleread.sync.notes import communication, named

if TYPE_CHECKING:
    from teleread.hub.port import Hub
    from teleread.model.delivery import OutboxItem, Receipt, Submission
    from teleread.model.evidence import Alert
    from teleread.model.hubfile import HubFile
    from teleread.vault.vault import Vault

__all__ = [
    "ALERT",
    "Coded",
    "add_alert",
    "alert_submission",
    "deliver_alert",
    "takes_alerts",
    "told_of",
    "words_of_alert",
]

ALERT: Final = "alert"
"""Kind of the outbox item."""

_KIND_OF_TALK: Final = "http://terminology.hl7.org/CodeSystem/communication-category"
_MODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
_MODES: Final = {
    "telephone": "PHONE",
    "in person": "FACE",
    "message": "WRITTEN",
    "e-mail": "EMAILWRIT",
    "pager": "REMOTE",
}
"""How somebody was told, as HL7's table of ways; words of the reader's own have no code."""
_TAKEN_AWAY: Final = "The alert recorded before is taken away."


@dataclass(frozen=True, slots=True)
class Coded:
    """What the hub file says of an alert's category."""

    code: str = ""
    """The site's code: ``C``."""
    system: str = ""
    """Whose code that is, as a URI; empty where the hub file does not say."""
    priority: str = "urgent"
    """FHIR request priority."""


def takes_alerts(hub: HubFile) -> bool:
    """Whether an alert is told to a hub by itself, as far as its file says."""
    return hub.platform == "fhir" and hub.send_alerts


def add_alert(
    vault: Vault, draft_id: str, context: TaskContext, alert: Alert | None, coded: Coded
) -> OutboxItem | None:
    """Put what was recorded into the outbox; part of the transaction that records it.

    An earlier recording that has not left yet is closed: this one says it all.

    Args:
        vault: The open vault.
        draft_id: The draft it stands in; one alert a draft, for life.
        context: The case as the reader sees it.
        alert: The alert; None: it is taken away.
        coded: Its category in the hub's words.

    Returns:
        The item; None where an alert was taken away of which the hub cannot know.
    """
    name = str(uuid.uuid5(uuid.UUID(draft_id), ALERT))
    known = False
    for one in told_of(vault, context.key, draft_id):
        known |= one.state in {"delivered", "sending", "needs_attention"}
        if one.state not in {"delivered", "sending"}:
            vault.outbox.close(one.id, "Another was recorded before it was sent.")
    if alert is None and not known:
        return None
    told = {} if alert is None else {key: str(getattr(alert, key)) for key in _WORDS}
    payload = {
        "name": name,
        "draft": draft_id,
        "patient": context.patient.id,
        "alert": told,
        "code": coded.code,
        "system": coded.system,
        "priority": coded.priority,
    }
    return vault.outbox.add(
        ALERT,
        context.key,
        idempotency_key=str(uuid.uuid4()),
        accession=context.order.accession,
        payload=json.dumps(payload, ensure_ascii=False),
    )


_WORDS: Final = ("category", "told", "at", "method")


def told_of(vault: Vault, key: TaskKey, draft_id: str) -> list[OutboxItem]:
    """The items that tell of a draft's alert and are not closed, in order."""
    return [
        one
        for one in vault.outbox.of_task(key)
        if one.kind == ALERT and one.state != "closed" and Extras(one.payload).get("draft") == draft_id
    ]


def words_of_alert(item: OutboxItem) -> str:
    """What an item tells the hub, in one sentence or two.

    Args:
        item: Of kind `ALERT`.
    """
    told = _told(item)
    if not told:
        return _TAKEN_AWAY
    return f"Critical finding, {told['category']}. Told: {told['told']}, {told['at']} ({told['method']})."


def _told(item: OutboxItem) -> Mapping[str, str]:
    told = json.loads(item.payload).get("alert") or {}
    return {key: str(told.get(key, "")) for key in _WORDS} if told else {}


def alert_submission(item: OutboxItem, context: TaskContext, sender: str, report_id: str) -> Submission:
    """The alert as the hub moves it: one Communication about the case.

    Args:
        item: Of kind `ALERT`.
        context: The task as the hub has it now.
        sender: The reader's reference at this hub.
        report_id: The report it belongs to; empty while there is none.

    Raises:
        AttentionError: ``patient-changed``: the hub names another patient than when it was recorded.
    """
    extras = Extras(item.payload)
    if context.patient.id != extras.get("patient") or not context.patient.active:
        raise AttentionError(
            "The hub now names another patient record for this case.",
            "The alert was not sent. It stands in your draft or report as you recorded it.",
            "Look at the case, then record the alert again.",
            code="patient-changed",
        )
    more = _elements(item, context, report_id)
    return communication(item, context, sender, words_of_alert(item), more, lasting=extras.get("name"))


def deliver_alert(
    vault: Vault, hub: Hub, item: OutboxItem, context: TaskContext, sender: str
) -> Receipt | None:
    """Send it; None where the hub keeps no such thing: the item is closed in words, the report says it all.

    Args:
        vault: The open vault.
        hub: The hub.
        item: Of kind `ALERT`.
        context: The task as the hub has it now.
        sender: The reader's reference at this hub.

    Raises:
        AttentionError: As `alert_submission`; the hub's refusal.
        OfflineError: No answer; ``unknown``: it may have been applied.
    """
    try:
        return hub.send_note(alert_submission(item, context, sender, _report_of(vault, item)))
    except AttentionError as refusal:
        if refusal.code != "not-taken":
            raise
        vault.outbox.close(item.id, "This hub takes no alerts by themselves: it goes with the report.")
        return None


def _report_of(vault: Vault, item: OutboxItem) -> str:
    """Id of the report the alert belongs to; empty where there is none yet."""
    draft_id = Extras(item.payload).get("draft")
    signed = [one.report_id for one in vault.reports.for_task(item.key) if one.draft_id == draft_id]
    if signed:
        return signed[-1]
    draft = vault.drafts.find(draft_id)
    return draft.report_id if draft is not None else ""


def _elements(item: OutboxItem, context: TaskContext, report_id: str) -> dict[str, Any]:
    told, extras = _told(item), Extras(item.payload)
    about: list[dict[str, Any]] = [{"reference": f"Task/{context.task.id}"}]
    if report_id:
        about.append({"type": "DiagnosticReport", "identifier": named(report_id)})
    return {
        "identifier": [named(extras.get("name")), named(item.idempotency_key)],
        "status": "completed" if told else "entered-in-error",
        "category": _category(told, extras),
        "priority": extras.get("priority"),
        "medium": _medium(told),
        "topic": {"text": "Critical finding: who was told"},
        "about": about,
        "sent": _utc(item.created_at),
        "recipient": [{"display": told["told"]}] if told else [],
        "note": [{"text": f"When, as the reader said: {told['at']}"}] if told else [],
    }


def _category(told: Mapping[str, str], extras: Extras) -> list[dict[str, Any]]:
    coding = {"system": extras.get("system"), "code": extras.get("code")}
    site = {"coding": [{key: one for key, one in coding.items() if one}]} if coding["code"] else {}
    alert = {"coding": [{"system": _KIND_OF_TALK, "code": "alert", "display": "Alert"}]}
    return [alert, {**site, "text": told["category"]}] if told else [alert]


def _medium(told: Mapping[str, str]) -> list[dict[str, Any]]:
    how = told.get("method", "")
    code = _MODES.get(how.casefold())
    coding = {"coding": [{"system": _MODE, "code": code}]} if code else {}
    return [{**coding, "text": how}] if how else []


def _utc(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else ""
