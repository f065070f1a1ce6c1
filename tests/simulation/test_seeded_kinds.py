"""Mistakes in what one kind of hub alone does, made on purpose: each some seed catches."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("apsw", reason="apsw is not installed (pip install apsw): the simulation did NOT run")

from teleread.hub import document_delivery, folder, folder_reports, hl7, hl7_board, ups, ups_memory
from teleread.hub.ups_store import documents_of
from teleread.model.delivery import Receipt
from teleread.model.text import EMPTY
from teleread.signing import sign
from teleread.wire import hl7_acks, mllp
from tests.simulation.test_seeded_bugs import Patch, check_caught


def reused_key(patch: Patch) -> None:
    """Every report is signed under the same idempotency key.

    A vault refuses two such, FHIR compares report ids besides; by HL7 the key is the number of the message.
    """
    patch.setattr(sign, "uuid7", lambda _: "019ab5f0-0000-7000-8000-000000000001")


def ack_before_aa(patch: Patch) -> None:
    """An HL7 message that left counts as acknowledged."""
    real = mllp._awaited

    def awaited(line: Any, control_id: str, limits: Any) -> hl7_acks.Ack:
        try:
            return real(line, control_id, limits)
        except OSError:
            return hl7_acks.Ack("AA", control_id, EMPTY, EMPTY, EMPTY)

    patch.setattr(mllp, "_awaited", awaited)


def any_ack(patch: Patch) -> None:
    """Whatever the receiver of HL7 says of a message counts as AA."""
    patch.setattr(hl7_acks.Ack, "accepted", True)


def kept_in_memory(patch: Patch) -> None:
    """An HL7 order is acknowledged before it is on disk."""

    def add(self: Any, frame: bytes, name: str, now: Any) -> int:
        self._take(self.upto + 1, {"at": now.isoformat(), "name": name, "text": frame.decode("latin-1")})
        return int(self.upto)

    patch.setattr(hl7_board.Board, "add", add)


def second_unasked(patch: Patch) -> None:
    """The reader's own other report on an HL7 case is no news: found by a seed, and mended."""
    patch.setattr(hl7.Hl7Hub, "other_reports", lambda *_: ())


def forgotten_transaction(patch: Patch) -> None:
    """A Transaction UID is sent before it is kept: each try has another."""
    real = ups_memory.UpsMemory.wanted

    def wanted(self: Any, workitem: str, now: Any) -> Any:
        kept = real(self, workitem, now)
        return replace(kept, transaction=f"2.25.{uuid.uuid4().int}")

    patch.setattr(ups_memory.UpsMemory, "wanted", wanted)


def completed_first(patch: Patch) -> None:
    """A workitem is completed before its report is at the archive."""
    real, arrived = document_delivery.Delivery.bring, document_delivery.Delivery.arrived

    def late(self: Any, submission: Any, documents: Any) -> None:
        real(self, submission)
        arrived(self, submission, documents)

    patch.setattr(document_delivery.Delivery, "bring", lambda _, submission: documents_of(submission))
    patch.setattr(document_delivery.Delivery, "arrived", late)


def others_ended_it(patch: Patch) -> None:
    """A workitem that others completed is taken for the reader's own."""
    patch.setattr(ups.UpsHub, "other_reports", lambda *_: ())


def unwritten_receipt(patch: Patch) -> None:
    """That a drive failed in the middle of writing is taken for its slowness."""
    real = folder_reports.FolderReports.put

    def put(self: Any, submission: Any, context: Any, now: Any) -> Any:
        try:
            return real(self, submission, context, now)
        except OSError:
            made = f"report/{submission.report_id}", str(submission.version), submission.sha256
            return Receipt(*made, "", now)  # type: ignore[arg-type]

    patch.setattr(folder_reports.FolderReports, "put", put)


def taken_over(patch: Patch) -> None:
    """A case is claimed on whatever the last claim was, and nobody looks whose that is."""

    def claim(self: Any, context: Any) -> Any:
        with self._drive():
            self._event(context, self._claims.of(context.key.task_id), "in-progress")
        return self.read(context.key)

    patch.setattr(folder.FolderHub, "claim", claim)


OF_KIND: Mapping[str, Mapping[Callable[[Patch], None], int]] = {
    "hl7": {ack_before_aa: 19, any_ack: 3, kept_in_memory: 1, reused_key: 4, second_unasked: 3},
    "ups": {forgotten_transaction: 5, completed_first: 9, others_ended_it: 10},
    "folder": {unwritten_receipt: 17, taken_over: 3},
}
"""With the seed to begin with, so that it is soon found; the next ones are tried where it finds nothing."""


@pytest.mark.parametrize(
    ("kind", "bug"),
    [(kind, bug) for kind, bugs in OF_KIND.items() for bug in bugs],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_a_mistake_in_what_one_kind_of_hub_does_is_caught(
    kind: str, bug: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    check_caught(bug.__name__, kind, OF_KIND[kind][bug])
