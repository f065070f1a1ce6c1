"""Bringing a report to a UPS-RS hub exactly once: its documents by STOW-RS, then the workitem completed.

Where the documents go is noted before they leave; their UIDs follow from report, version and form, so a
second store of the same is the same. What the archive then shows counts, compared by the digest of the signed
bytes; only then is the workitem completed (RAD-85), its outputs naming every document.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from teleread.hub.port import Found
from teleread.hub.ups_bodies import performed
from teleread.hub.ups_claim import UpsClaim
from teleread.hub.ups_memory import Stored, UpsMemory
from teleread.hub.ups_store import DocumentStore, documents_of
from teleread.hub.ups_wire import UpsWire
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.text import EMPTY, SafeText, clean
from teleread.wire.ups_json import Workitem, read_workitem

__all__ = ["UpsSubmit"]

_REFUSED: Final = frozenset({"refused", "gone"})
_STATUS: Final = {"SCHEDULED": "requested", "IN PROGRESS": "in-progress", "CANCELED": "cancelled"}


class UpsSubmit:
    """Submit, find, hold.

    Args:
        wire: The hub.
        documents: Its archive.
        claims: Who holds what.
        memory: Where documents went.
        hub: Its file.
        now: Our clock, for ``stored_at``.
    """

    def __init__(
        self,
        wire: UpsWire,
        documents: DocumentStore,
        claims: UpsClaim,
        memory: UpsMemory,
        hub: HubFile,
        now: Callable[[], datetime],
    ) -> None:
        self._wire = wire
        self._documents = documents
        self._claims = claims
        self._memory = memory
        self._hub = hub
        self._now = now

    def submit(self, submission: Submission) -> Receipt:
        """Send one report version and read it back.

        Raises:
            OfflineError: ``unknown``: it may have been applied.
            AttentionError: ``changed``: the workitem is not this machine's any more; ``other-report``; the
                refusal of hub or archive.
        """
        if submission.form != "documents" or not submission.parts:
            raise AttentionError(
                f"{self._wire.who} takes DICOM documents only.", code="refused", remedy="Check its hub file."
            )
        uid = submission.task.task_id
        item = self.read(uid)
        if submission.completes:
            self._still_ours(item, submission)
        wanted = documents_of(submission)
        self._memory.store(submission.report_id, self._known(submission, wanted))
        main = wanted[0]
        held = self._documents.holds(main)
        if held is None or any(self._documents.holds(one) is None for one in wanted[1:]):
            self._send(submission, main.study_uid)
            held = self._documents.holds(main)
        self._same(held, submission)
        ended = item.state == "COMPLETED" or (
            submission.completes and self._complete(item, wanted, submission)
        )
        status = "completed" if ended else _STATUS.get(item.state, "")
        self._memory.store(submission.report_id, tuple(replace(one, done=True) for one in wanted))
        return self._receipt(main, SafeText(status))

    def read(self, uid: str) -> Workitem:
        """A workitem now; as it ended by us, once the hub has let go of it (it need not keep it a day).

        Raises:
            AttentionError: ``gone``.
        """
        try:
            return self._wire.read(uid)
        except AttentionError as refusal:
            final = self._memory.final(uid) if refusal.code == "gone" else None
            if final is None:
                raise
            return read_workitem(final)

    def find(self, report_id: str, key: str) -> Found | None:
        """What the archive holds for a report or an idempotency key, the newest version; None for nothing."""
        sent = self._memory.stored(report_id) if report_id else ()
        sent = sent or (self._memory.by_key(key) if key else ())
        keys = tuple(dict.fromkeys([report_id.lower(), *(one.key for one in sent)] if report_id else []))
        for one in sent:
            if one.form != "dicom-sr" or not one.done:
                continue  # stored perhaps, but the workitem is still open: `submit` goes on from there
            digest = self._documents.holds(one)
            if digest is not None:
                receipt = self._receipt(one, EMPTY, digest)
                return Found(receipt, "final", one.author, keys or tuple(part.key for part in sent))
        return None

    def holding(self, receipts: Mapping[str, str]) -> dict[str, Found]:
        """What the archive holds of several reports; missing ones are left out."""
        found = {report_id: self.find(report_id, "") for report_id in receipts}
        return {report_id: one for report_id, one in found.items() if one is not None}

    def documents(self, reports: Collection[str]) -> frozenset[str]:
        """SOP Instance UIDs of what was stored for these reports (ids, or ids of receipts)."""
        named = {one.rpartition("/")[2] for one in reports}
        return frozenset(one.sop_uid for report in reports for one in self._memory.stored(report)) | named

    def _still_ours(self, item: Workitem, submission: Submission) -> None:
        known = self._memory.claim(item.uid)
        if item.state == "COMPLETED" and known is not None and known.state == "completed":
            return
        if item.state == "COMPLETED" and any(
            one.version < submission.version for one in self._sent(submission)
        ):
            return  # a later version of what ended it
        if item.state == "COMPLETED" and known is not None and self._finished(item, known.transaction):
            return
        if not self._claims.is_ours(item):
            raise self._changed()

    def _known(self, submission: Submission, wanted: tuple[Stored, ...]) -> tuple[Stored, ...]:
        """As they are noted already, where they are: one that has arrived stays so."""
        return tuple(next((old for old in self._sent(submission) if _alike(old, one)), one) for one in wanted)

    def _sent(self, submission: Submission) -> tuple[Stored, ...]:
        return self._memory.stored(submission.report_id)

    def _finished(self, item: Workitem, transaction: str) -> bool:
        """Whether it was this machine that completed it: the same request again is then answered as done."""
        try:
            self._wire.change_state(item.uid, "COMPLETED", transaction)
        except AttentionError as refusal:
            if refusal.code not in _REFUSED:
                raise
            # Some refuse even their performer; what it says came of it tells.
            ours = {one.sop_uid for one in self._memory.all_stored()}
            if not any(uid in ours for _, _, uid in item.outputs):
                return False
        self._claims.ended(item.uid, "completed")
        return True

    def _send(self, submission: Submission, study_uid: str) -> None:
        try:
            self._documents.store(study_uid, list(submission.parts.values()))
        except (OfflineError, AttentionError) as problem:
            if problem.code not in {"unknown", *_REFUSED}:
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

    def _complete(self, item: Workitem, outputs: tuple[Stored, ...], submission: Submission) -> bool:
        """Tell what came of it, then end it; True once the hub shows it so."""
        known = self._memory.claim(item.uid)
        assert known is not None
        reader = (self._hub.reader_reference, self._hub.reader_name)
        began = datetime.fromisoformat(known.at)
        ended = submission.signed_at or self._now()
        body = performed(
            item.data,
            self._hub.aet,
            reader,
            min(began, ended),
            ended=ended,
            outputs=outputs,
            archive=self._hub.dicomweb,
        )
        try:
            self._wire.update(item.uid, body, known.transaction)
            self._wire.change_state(item.uid, "COMPLETED", known.transaction)
        except (OfflineError, AttentionError) as problem:
            if problem.code not in {"unknown", *_REFUSED}:
                raise
            if not self._ended_after_all(item.uid, problem, known.transaction):
                raise self._changed() from problem
        self._completed(item.uid)
        return True

    def _completed(self, uid: str) -> None:
        """See that it ended, and keep how: an addendum may come when the hub has let go of it.

        Raises:
            OfflineError: ``unknown``: the hub took the change, and does not show it.
        """
        try:
            final = self._wire.read(uid)
        except OfflineError as problem:
            raise self._unseen(problem.retry_after) from problem
        if final.state != "COMPLETED":
            raise self._unseen(None)
        self._memory.keep_final(uid, final.data)
        self._claims.ended(uid, "completed")

    def _unseen(self, retry_after: float | None) -> OfflineError:
        return OfflineError(
            f"{self._wire.who} took the report's end but does not show it.",
            "It has most likely arrived. It is asked for again before anything is sent again.",
            code="unknown",
            retry_after=retry_after,
        )

    def _ended_after_all(self, uid: str, problem: TelereadError, transaction: str) -> bool:
        try:
            now = self._wire.read(uid)
        except OfflineError:
            raise problem from None  # what became of the write is the news, not the failed look
        if now.state == "COMPLETED":
            return self._finished(now, transaction)
        if now.state == "IN PROGRESS" and self._claims.is_ours(now):
            raise problem
        return False

    def _changed(self) -> AttentionError:
        return AttentionError(
            f"{self._wire.who} has changed this task meanwhile.",
            "Your report is kept here, signed.",
            "Look at what changed, then decide again.",
            code="changed",
        )

    def _receipt(self, document: Stored, task_status: SafeText, digest: str = "") -> Receipt:
        return Receipt(
            id=clean(f"instances/{document.sop_uid}"),
            version=clean(str(document.version)),
            sha256=digest or document.sha256,
            hub_time="",
            stored_at=self._now(),
            task_status=task_status,
        )


def _alike(old: Stored, new: Stored) -> bool:
    return (old.sop_uid, old.sha256) == (new.sop_uid, new.sha256)
