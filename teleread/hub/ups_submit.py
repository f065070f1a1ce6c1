"""Bringing a report to a UPS hub exactly once: its documents to the archive, then the workitem completed.

Only when the archive shows every document is the workitem completed (RAD-85), its outputs naming them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from teleread.hub.document_delivery import REFUSED, Delivery
from teleread.hub.ups_bodies import performed
from teleread.hub.ups_claim import UpsClaim
from teleread.hub.ups_memory import Stored, UpsMemory
from teleread.hub.ups_port import UpsLine
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.text import SafeText
from teleread.wire.ups_json import Workitem, read_workitem

__all__ = ["UpsSubmit"]

_STATUS: Final = {"SCHEDULED": "requested", "IN PROGRESS": "in-progress", "CANCELED": "cancelled"}


class UpsSubmit:
    """Submit a report and complete its workitem.

    Args:
        wire: The hub.
        delivery: Brings documents to its archive.
        claims: Who holds what.
        memory: Where documents went.
        hub: Its file.
        now: Our clock, for ``stored_at``.
    """

    def __init__(
        self,
        wire: UpsLine,
        delivery: Delivery,
        claims: UpsClaim,
        memory: UpsMemory,
        hub: HubFile,
        now: Callable[[], datetime],
    ) -> None:
        self._wire = wire
        self._delivery = delivery
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
        wanted = self._delivery.bring(submission)
        ended = item.state == "COMPLETED" or (
            submission.completes and self._complete(item, wanted, submission)
        )
        status = "completed" if ended else _STATUS.get(item.state, "")
        self._delivery.arrived(submission, wanted)
        return self._delivery.receipt(wanted[0], SafeText(status))

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

    def _still_ours(self, item: Workitem, submission: Submission) -> None:
        known = self._memory.claim(item.uid)
        if item.state == "COMPLETED" and known is not None and known.state == "completed":
            return
        if item.state == "COMPLETED" and any(
            one.version < submission.version for one in self._memory.stored(submission.report_id)
        ):
            return  # a later version of what ended it
        if item.state == "COMPLETED" and known is not None and self._finished(item, known.transaction):
            return
        if not self._claims.is_ours(item):
            raise self._changed()

    def _finished(self, item: Workitem, transaction: str) -> bool:
        """Whether it was this machine that completed it: the same request again is then answered as done."""
        try:
            self._wire.change_state(item.uid, "COMPLETED", transaction)
        except AttentionError as refusal:
            if refusal.code not in REFUSED:
                raise
            # Some refuse even their performer; what it says came of it tells.
            ours = {one.sop_uid for one in self._memory.all_stored()}
            if not any(uid in ours for _, _, uid in item.outputs):
                return False
        self._claims.ended(item.uid, "completed")
        return True

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
            if problem.code not in {"unknown", *REFUSED}:
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
