"""A report's DICOM documents, brought to the archive of a hub that takes the report itself in another form.

Key images and measurements for those who look there: the structured report, the key object selection, the
measurement report (TID 1500). They are made of the signed bytes and go only once the hub's receipt for the
report is here; their own row of the outbox is made in the same transaction as that receipt. Nothing waits
for them, and a refusal of theirs is never shown as one of the report.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Final

from teleread.hub.port import KeepsDocuments
from teleread.sync.backoff import Extras
from teleread.sync.composing import form_of, submission

if TYPE_CHECKING:
    from teleread.hub.port import Hub
    from teleread.model.delivery import OutboxItem, Receipt
    from teleread.model.hubfile import HubFile
    from teleread.model.report import SignedReport
    from teleread.vault.vault import Vault

__all__ = ["DOCUMENTS", "add_documents", "deliver_documents"]

DOCUMENTS: Final = "documents"
"""Kind of the outbox item."""


def add_documents(vault: Vault, hub: Hub, item: OutboxItem) -> OutboxItem | None:
    """After a report was delivered: its documents, where the site wants them; part of that transaction.

    Args:
        vault: The open vault.
        hub: The hub.
        item: What was delivered.
    """
    if item.kind != "report" or not isinstance(hub, KeepsDocuments) or not hub.archive_forms:
        return None
    return vault.outbox.add(
        DOCUMENTS,
        item.key,
        idempotency_key=str(uuid.uuid4()),
        accession=item.accession,
        # Not as the row's own report: what becomes of these is not the report's state.
        payload=json.dumps({"report": item.report_id, "version": item.report_version}),
    )


def deliver_documents(vault: Vault, hub: Hub, item: OutboxItem, file: HubFile) -> Receipt | None:
    """Bring them to the archive and see that it shows them; to repeat it makes no second ones.

    Args:
        vault: The open vault.
        hub: The hub.
        item: Of kind `DOCUMENTS`.
        file: The hub's file: its switches for documents.

    Raises:
        OfflineError: No answer; ``unknown``: it may have been applied.
        AttentionError: The archive's refusal; ``unsendable``.
    """
    if not isinstance(hub, KeepsDocuments) or not hub.archive_forms:
        vault.outbox.close(item.id, "The hub file asks for no documents in the archive any more.")
        return None
    extras = Extras(item.payload)
    report = vault.reports.get(extras.get("report"), int(extras.get("version")))
    context = vault.worklist.get(item.key) or hub.read(item.key)
    forms = [one for one in hub.archive_forms if _says(report, one)]
    seals = vault.reports.seals(report.report_id, report.version)
    return hub.store_documents(submission(item, report, context, None, file, forms=forms, seals=seals))


def _says(report: SignedReport, form: str) -> bool:
    """Whether there is something to say in a form: no list of key images where none was marked."""
    if form != "key-objects":
        return True
    return report.kind == "withdrawal" or bool(form_of(report).get("key_images"))
