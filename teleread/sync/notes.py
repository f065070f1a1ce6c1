"""What is said to a site besides a report, as a Communication: a text handed over, who was told and when.

Same promises as for a report: kept in the outbox, the key made with the note and used for every try, asked
for before it is repeated.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from teleread.model.delivery import Submission
from teleread.model.task import TaskContext, TaskKey
from teleread.sync.backoff import Extras

if TYPE_CHECKING:
    from teleread.model.delivery import OutboxItem
    from teleread.vault.vault import Vault

__all__ = ["NOTE", "add_note", "communication", "named", "note_submission"]

NOTE: Final = "note"
"""Kind of the outbox item."""
_URI: Final = "urn:ietf:rfc:3986"


def add_note(vault: Vault, key: TaskKey, text: str, *, accession: str, about: str) -> OutboxItem:
    """Put a note to the site into the outbox; part of the transaction that makes it.

    Args:
        vault: The open vault.
        key: The task it is about.
        text: What is said.
        accession: Notes of one accession arrive in order with its reports.
        about: What it is, as a heading: ``Text handed over``.
    """
    payload = json.dumps({"text": text, "about": about})
    return vault.outbox.add(
        NOTE, key, idempotency_key=str(uuid.uuid4()), accession=accession, payload=payload
    )


def note_submission(item: OutboxItem, context: TaskContext, sender: str, sent: datetime) -> Submission:
    """The note as the hub moves it: one Communication about the task (R4, Communication).

    Args:
        item: Of kind `NOTE`.
        context: The task as the hub has it now.
        sender: The reader's reference at this hub.
        sent: Local clock, UTC.
    """
    extras, owner = Extras(item.payload), context.task.owner
    more = {
        "identifier": [named(item.idempotency_key)],
        "status": "completed",
        "topic": {"text": extras.get("about")},
        "about": [{"reference": f"Task/{context.task.id}"}],
        "sent": sent.isoformat().replace("+00:00", "Z"),
        "recipient": [{"reference": owner}] if "/" in owner and "|" not in owner else [],
    }
    return communication(item, context, sender, extras.get("text"), more)


def named(ident: str) -> dict[str, str]:
    """A UUID as a FHIR identifier."""
    return {"system": _URI, "value": f"urn:uuid:{ident}"}


def communication(
    item: OutboxItem,
    context: TaskContext,
    sender: str,
    text: str,
    more: Mapping[str, Any],
    *,
    lasting: str = "",
) -> Submission:
    """What is said about a case, as the hub moves it (R4, Communication).

    Args:
        item: Whose key it goes under.
        context: The task as the hub has it now.
        sender: The reader's reference at this hub; an identifier is none.
        text: What is said.
        more: Elements of its own; empty ones are left out.
        lasting: As in `Submission`.
    """
    resource: dict[str, Any] = {
        "resourceType": "Communication",
        "basedOn": [{"reference": f"ServiceRequest/{context.order.id}"}] if context.order.id else [],
        "subject": {"reference": f"Patient/{context.patient.id}"} if context.patient.id else {},
        "sender": {"reference": sender} if sender and "|" not in sender else {},
        "payload": [{"contentString": text}],
        **more,
    }
    body = {key: value for key, value in resource.items() if value}
    return Submission(
        form="fhir-communication",
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        key=item.idempotency_key,
        report_id="",
        version=0,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        task=item.key,
        lasting=lasting,
    )
