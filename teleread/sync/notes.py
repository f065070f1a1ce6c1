"""What is said to a site besides a report, as a Communication: a text handed over, who was told and when.

Same promises as for a report: kept in the outbox, the key made with the note and used for every try, asked
for before it is repeated.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from teleread.model.delivery import Submission
from teleread.model.task import TaskContext, TaskKey
from teleread.sync.backoff import Extras

if TYPE_CHECKING:
    from teleread.model.delivery import OutboxItem
    from teleread.vault.vault import Vault

__all__ = ["NOTE", "add_note", "note_submission"]

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
    extras = Extras(item.payload)
    text = extras.get("text")
    resource: dict[str, Any] = {
        "resourceType": "Communication",
        "identifier": [{"system": _URI, "value": f"urn:uuid:{item.idempotency_key}"}],
        "status": "completed",
        "topic": {"text": extras.get("about")},
        "about": [{"reference": f"Task/{context.task.id}"}],
        "sent": sent.isoformat().replace("+00:00", "Z"),
        "payload": [{"contentString": text}],
    }
    if context.patient.id:
        resource["subject"] = {"reference": f"Patient/{context.patient.id}"}
    if context.order.id:
        resource["basedOn"] = [{"reference": f"ServiceRequest/{context.order.id}"}]
    if context.task.owner and "/" in context.task.owner and "|" not in context.task.owner:
        resource["recipient"] = [{"reference": context.task.owner}]
    if sender and "|" not in sender:
        resource["sender"] = {"reference": sender}
    return Submission(
        form="fhir-communication",
        body=json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode(),
        key=item.idempotency_key,
        report_id="",
        version=0,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        task=item.key,
    )
