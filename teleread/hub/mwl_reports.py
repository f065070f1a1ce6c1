"""Where the reports of a Modality Worklist go: documents to the archive, results by HL7, or both."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from teleread.host.clock import Clock
from teleread.hub.document_delivery import Delivery, Documents
from teleread.hub.hl7_results import FORM, Hl7Results
from teleread.hub.port import Found
from teleread.hub.ups_memory import KeyStore, UpsMemory
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError
from teleread.model.hubfile import HubFile
from teleread.model.text import EMPTY, SafeText

__all__ = ["MwlReports"]

_DOCUMENTS: Final = ("dicom-sr", "dicom-pdf")


class MwlReports:
    """Submit and find.

    Args:
        hub: The hub file; ``hub.hl7`` names a receiver of results, if there is one.
        documents: The archive; None for none.
        memory: Keeps what was delivered.
        clock: Our clock.
        results: Another way for results than the hub file's, for tests.
    """

    def __init__(
        self,
        hub: HubFile,
        documents: Documents | None,
        memory: KeyStore,
        clock: Clock,
        *,
        results: Hl7Results | None = None,
    ) -> None:
        self._hub = hub
        self._delivery: Delivery | None = None
        if documents is not None:
            self._delivery = Delivery(documents, UpsMemory(hub.hub_id, memory), hub, clock.now)
        self._results = results
        if results is None and hub.hl7 is not None:
            self._results = Hl7Results(hub, memory, clock)

    @property
    def forms(self) -> tuple[str, ...]:
        """What a report is sent as, the most telling first."""
        documents = _DOCUMENTS if self._delivery is not None else ()
        return (*documents, *((FORM,) if self._results is not None else ()))

    def submit(self, submission: Submission) -> Receipt:
        """Deliver one version by every way there is; safe to repeat.

        Raises:
            OfflineError: ``unknown``: some of it may have arrived.
            AttentionError: A refusal; ``other-report``.
        """
        parts = {form: data for form, data in submission.parts.items() if form in _DOCUMENTS}
        if submission.form != "documents" or (self._delivery is not None and not parts):
            raise AttentionError(
                f"A report for the worklist of {self._hub.name} cannot be sent as {submission.form}.",
                code="refused",
            )
        sent = replace(submission, parts=parts)
        # The archive first: whoever reads a result can then open the document.
        stored = self._delivery.bring(sent) if self._delivery is not None else ()
        receipt = self._send(submission) if self._results is not None else None
        if self._delivery is not None:
            self._delivery.arrived(sent, stored)
            status = SafeText("completed") if submission.completes else EMPTY
            return self._delivery.receipt(stored[0], status)
        if receipt is None:
            raise AttentionError(
                f"The hub {self._hub.name} has nowhere for reports to go.",
                "The report is kept here, signed.",
                f"teleread init --hub {self._hub.name} with --dicomweb, --dimse or --hl7 names a place.",
                code="no-archive",
            )
        return receipt

    def find(self, report_id: str, key: str) -> Found | None:
        """What was delivered; only what went every way has arrived."""
        if self._delivery is not None:
            return self._delivery.find(report_id, key)
        return self._results.find(report_id, key) if self._results is not None else None

    def _send(self, submission: Submission) -> Receipt:
        assert self._results is not None
        if self._delivery is None:
            return self._results.submit(submission)
        # The receipt is the archive's: what came before is named to HL7 in its own numbering.
        before = self._results.newest(submission.report_id)
        predecessor = str(before.receipt.version) if before is not None else ""
        return self._results.submit(replace(submission, predecessor=predecessor))
