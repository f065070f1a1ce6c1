"""The Hub port: what teleread asks of a platform, whatever protocol it speaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from teleread.model.delivery import Receipt, Submission
from teleread.model.task import PriorReport, PriorStudy, TaskContext, TaskKey
from teleread.model.typing_jobs import Typed, TypingJob

__all__ = [
    "Capabilities",
    "Found",
    "Health",
    "Hub",
    "KeepsDocuments",
    "Leases",
    "Listens",
    "PullPage",
    "Typists",
    "each_found",
]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter and the server behind it can do."""

    protocol: str
    claim: bool = True
    submit: bool = True
    if_match: bool = True
    """The server compares versions; else read, check, write, verify."""
    transactions: bool = True


@dataclass(frozen=True, slots=True)
class Health:
    """What a look at the hub found."""

    software: str
    offset_seconds: float | None
    """Hub clock minus ours, from its Date header; None where it told none."""
    milliseconds: float
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class PullPage:
    """One page of tasks that changed, each with what hangs on it."""

    contexts: tuple[TaskContext, ...]
    cursor: str
    """Where the next pull begins; opaque. Stored only after the last page."""
    last: bool
    skipped: tuple[str, ...] = ()
    """Words on entries that could not be read; the rest is good."""
    offset_seconds: float | None = None
    """Hub clock minus ours, from its Date header, to about a second; None where it told none."""


@dataclass(frozen=True, slots=True)
class Found:
    """A report version the hub holds, as it gives it back."""

    receipt: Receipt
    status: str
    author: str
    keys: tuple[str, ...]
    """Idempotency keys and report ids among its identifiers, bare UUIDs."""


def each_found(find: Callable[[str, str], Found | None], receipts: Mapping[str, str]) -> dict[str, Found]:
    """What `Hub.holding` answers where every report is asked for by itself.

    Args:
        find: As `Hub.find`.
        receipts: Report id to the id of its receipt.
    """
    found = {report_id: find(report_id, "") for report_id in receipts}
    return {report_id: one for report_id, one in found.items() if one is not None}


class Hub(Protocol):
    """A platform that offers tasks and takes reports.

    Every method has a time limit and raises only errors of `teleread.model.errors`: OfflineError
    (code ``unknown`` where a write may have been applied), NotSignedInError, AttentionError
    (codes ``claim-lost``, ``changed`` (412), ``forbidden`` (403), ``gone`` (404/410), ``refused``
    (other 4xx, with the hub's words in ``detail``)).
    """

    hub_id: str
    forms: tuple[str, ...]
    """What a report is sent as: ``fhir-transaction`` alone, or document forms; the first is needed."""

    def health(self) -> Health:
        """Look whether the hub answers, and what it can do."""
        ...

    def pull(self, cursor: str) -> Iterator[PullPage]:
        """Yield what changed since a cursor (empty: everything open), windows overlapping by 5 minutes."""
        ...

    def read(self, key: TaskKey) -> TaskContext:
        """Read a task and what hangs on it again, now, resource by resource."""
        ...

    def look(self, keys: Collection[TaskKey]) -> dict[TaskKey, TaskContext]:
        """Look at several tasks and what hangs on them, in as few requests as the hub allows.

        Those it does not show this way are left out: `read` tells what became of them.
        """
        ...

    def claim(self, context: TaskContext) -> TaskContext:
        """Take a task for this reader, by the version in ``context``.

        Raises:
            AttentionError: ``claim-lost``: somebody else has it, or it changed and is no longer free.
        """
        ...

    def give_back(self, context: TaskContext, reason_code: str, reason_text: str) -> TaskContext:
        """Return a claimed task with a reason (DICOM CID 9303 code)."""
        ...

    def priors(self, context: TaskContext) -> tuple[tuple[PriorStudy, ...], tuple[PriorReport, ...]]:
        """Ask for the patient's earlier studies and reports."""
        ...

    def submit(self, submission: Submission) -> Receipt:
        """Send one report version and read it back; safe to repeat with the same key.

        Raises:
            OfflineError: ``unknown``: no answer came, it may have been applied. Ask `find` before repeating.
            AttentionError: ``changed``: a version in the transaction moved; ``refused``; ``other-report``.
        """
        ...

    def find(self, report_id: str, key: str) -> Found | None:
        """Ask by identifier what the hub holds for a report or an idempotency key; None for nothing."""
        ...

    def holding(self, receipts: Mapping[str, str]) -> dict[str, Found]:
        """Ask for several reports at once; one the hub does not hold, however it is asked for, is left out.

        Args:
            receipts: Report id to the id of its receipt (``DiagnosticReport/17``).
        """
        ...

    def send_note(self, submission: Submission) -> Receipt:
        """Send a note about a task (form ``fhir-communication``); safe to repeat with the same key.

        Raises:
            OfflineError: ``unknown``: no answer came, it may have been applied.
            AttentionError: The hub's refusal.
        """
        ...

    def other_reports(self, context: TaskContext, ours: Collection[str] = ()) -> tuple[PriorReport, ...]:
        """Issued reports on this order or study that are not among ours.

        Args:
            context: The task.
            ours: Report ids (UUIDs) and receipt ids (``DiagnosticReport/17``) to leave out.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Leases(Protocol):
    """A hub that may let go of a claim nobody renews."""

    def renew(self, context: TaskContext, now: datetime) -> TaskContext | None:
        """Renew this reader's claim once half of its time is over.

        Args:
            context: The task as the hub has it now.
            now: The hub's time, UTC.

        Returns:
            The task with its new version; None where it was not time, or the hub keeps claims for ever.

        Raises:
            AttentionError: ``claim-lost``: it is not the reader's any more.
            OfflineError: No answer; ``unknown`` where it may have been renewed.
        """
        ...


@runtime_checkable
class KeepsDocuments(Protocol):
    """A hub with an archive beside it that takes a report's DICOM documents once the report has arrived."""

    archive_forms: tuple[str, ...]
    """What it takes; empty where the site asks for none. The first is needed."""

    def store_documents(self, submission: Submission) -> Receipt:
        """Store a report version's documents (form ``documents``) and read them back; safe to repeat.

        Raises:
            OfflineError: ``unknown``: no answer came, it may have been applied.
            AttentionError: ``refused``, ``other-report``, ``unsendable``.
        """
        ...


@runtime_checkable
class Typists(Protocol):
    """A hub that takes dictations to be typed."""

    def to_typist(self, job: TypingJob, sound: bytes) -> None:
        """Put a dictation there; again is the same again."""
        ...

    def from_typist(self, job_id: str) -> Typed | None:
        """What was typed; None as long as nothing came back. AttentionError ``bad-typing``."""
        ...

    def end_typing(self, job_id: str, *, keep_sound: bool = False) -> None:
        """Take away what was put there."""
        ...


@runtime_checkable
class Listens(Protocol):
    """A hub that tells by itself that something changed; what changed is always asked for."""

    def listen(self, stop: threading.Event, heard: Callable[[], None]) -> bool:
        """Listen until stopped or until the channel ends.

        Args:
            stop: Ends it.
            heard: Called once it is open, and whenever something may have changed.

        Returns:
            False where the hub, or this installation, has no such channel.

        Raises:
            OfflineError: The hub does not answer, or the channel broke.
            NotSignedInError: It wants a sign-in.
        """
        ...
