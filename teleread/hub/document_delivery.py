"""Bringing a report's DICOM documents to an archive exactly once, whatever way they go.

Where they go is noted before they leave; their UIDs follow from report, version and form, so a second store
of the same is the same. What the archive then shows counts, compared by the digest of the signed bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from teleread.hub.port import Found, each_found
from teleread.hub.ups_memory import Stored, UpsMemory
from teleread.hub.ups_store import DocumentStore, documents_of
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.task import PriorStudy
from teleread.model.text import EMPTY, SafeText, clean
from teleread.wire.http import HttpClient

if TYPE_CHECKING:
    from teleread.wire.sign_in import SignIn

__all__ = ["REFUSED", "Delivery", "Documents", "archive_of", "earlier_studies"]

REFUSED: Final = frozenset({"refused", "gone"})


class Documents(Protocol):
    """An archive that documents are stored at; every method raises only errors of the model."""

    def store(self, study_uid: str, files: list[bytes]) -> None:
        """Store files of a study. That it went well is not taken from the answer: `holds` asks."""
        ...

    def holds(self, document: Stored) -> str | None:
        """The digest of the signed bytes that a stored document names; None where it is not there."""
        ...

    def words_of(self, study_uid: str, series_uid: str, sop_uid: str) -> str:
        """What a structured report says; empty where it cannot be had."""
        ...

    def studies(self, patient_id: str, issuers: frozenset[str]) -> list[PriorStudy]:
        """A patient's studies; those whose number another issuer gave are left out."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def archive_of(hub: HubFile, secret: str | None, sign_in: SignIn | None) -> Documents | None:
    """Where a worklist's documents go: the hub's DICOMweb before its DIMSE; None for neither.

    Args:
        hub: The hub file.
        secret: Password or token of the DICOMweb.
        sign_in: Another way to sign in there.
    """
    if hub.dicomweb:
        return DocumentStore(HttpClient(hub, secret, base=hub.dicomweb, what="archive", sign_in=sign_in))
    if hub.dimse is not None:
        from teleread.hub.dimse_documents import DimseDocuments

        return DimseDocuments(hub)
    return None


class Delivery:
    """What was stored for which report.

    Args:
        documents: The archive.
        memory: Where documents went.
        hub: The hub file, for words.
        now: Our clock, for ``stored_at``.
    """

    def __init__(
        self, documents: Documents, memory: UpsMemory, hub: HubFile, now: Callable[[], datetime]
    ) -> None:
        self._documents = documents
        self._memory = memory
        self._hub = hub
        self._now = now

    def bring(self, submission: Submission) -> tuple[Stored, ...]:
        """Store every document that is not there yet, and see that all of them are.

        Raises:
            OfflineError: ``unknown``: it may have been applied.
            AttentionError: ``other-report``, ``unsendable``, the archive's refusal.
        """
        wanted = documents_of(submission)
        sent = self._memory.stored(submission.report_id)
        # As they are noted already, where they are: one that has arrived stays so.
        noted = tuple(next((old for old in sent if _alike(old, one)), one) for one in wanted)
        self._memory.store(submission.report_id, noted)
        main = wanted[0]
        held = self._documents.holds(main)
        if held is None or any(self._documents.holds(one) is None for one in wanted[1:]):
            self._send(submission, main.study_uid)
            held = self._documents.holds(main)
        self._same(held, submission)
        return wanted

    def arrived(self, submission: Submission, documents: tuple[Stored, ...]) -> None:
        """Note that nothing is left to do for a version: only then is it found."""
        self._memory.store(submission.report_id, tuple(replace(one, done=True) for one in documents))

    def find(self, report_id: str, key: str) -> Found | None:
        """What the archive holds for a report or an idempotency key, the newest version; None for nothing."""
        sent = self._memory.stored(report_id) if report_id else ()
        sent = sent or (self._memory.by_key(key) if key else ())
        keys = tuple(dict.fromkeys([report_id.lower(), *(one.key for one in sent)] if report_id else []))
        for one in sent:
            if one.form != "dicom-sr" or not one.done:
                continue  # stored perhaps, but something is left to do: `submit` goes on from there
            digest = self._documents.holds(one)
            if digest is not None:
                receipt = self.receipt(one, EMPTY, digest)
                return Found(receipt, "final", one.author, keys or tuple(part.key for part in sent))
        return None

    def holding(self, receipts: Mapping[str, str]) -> dict[str, Found]:
        """What the archive holds of several reports; missing ones are left out."""
        return each_found(self.find, receipts)

    def names(self, reports: Collection[str]) -> frozenset[str]:
        """SOP Instance UIDs of what was stored for these reports (ids, or ids of receipts)."""
        named = {one.rpartition("/")[2] for one in reports}
        return frozenset(one.sop_uid for report in reports for one in self._memory.stored(report)) | named

    def receipt(self, document: Stored, task_status: SafeText, digest: str = "") -> Receipt:
        """The proof of a document."""
        return Receipt(
            id=clean(f"instances/{document.sop_uid}"),
            version=clean(str(document.version)),
            sha256=digest or document.sha256,
            hub_time="",
            stored_at=self._now(),
            task_status=task_status,
        )

    def _send(self, submission: Submission, study_uid: str) -> None:
        try:
            self._documents.store(study_uid, list(submission.parts.values()))
        except (OfflineError, AttentionError) as problem:
            if problem.code not in {"unknown", *REFUSED}:
                raise
            try:
                if self._documents.holds(documents_of(submission)[0]) is not None:
                    return
            except TelereadError:
                pass  # the first news stands
            raise

    def _same(self, held: str | None, submission: Submission) -> None:
        if held is None:
            raise OfflineError(
                f"The archive of {self._hub.name} took the report but does not show it.",
                "It has most likely arrived. It is asked for again before anything is sent again.",
                code="unknown",
            )
        if held != submission.sha256:
            raise AttentionError(
                f"The archive of {self._hub.name} holds another text under this report's number.",
                "Yours is kept here, signed, and was not stored there.",
                "Compare both, then choose.",
                code="other-report",
            )


def _alike(old: Stored, new: Stored) -> bool:
    return (old.sop_uid, old.sha256) == (new.sop_uid, new.sha256)


def earlier_studies(
    documents: Documents, numbers: Mapping[str, frozenset[str]], current: str
) -> tuple[PriorStudy, ...]:
    """A patient's other studies, the newest first, those without a date last.

    Args:
        documents: The archive.
        numbers: The patient's numbers, each with the names of whoever issued it.
        current: Study Instance UID to leave out.
    """
    found = {
        str(one.study_uid): one
        for number, issuers in numbers.items()
        for one in documents.studies(number, issuers)
        if one.study_uid != current
    }
    dated = [(one.started, one) for one in found.values() if one.started is not None]
    newest = [one for _, one in sorted(dated, key=lambda pair: pair[0], reverse=True)]
    return (*newest, *(one for one in found.values() if one.started is None))
