"""What has to reach a hub, and the hub's proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .task import TaskKey
from .text import EMPTY, SafeText

__all__ = [
    "CHOICES",
    "CONSEQUENCES",
    "OUTBOX_STATES",
    "Choice",
    "OutboxItem",
    "Receipt",
    "Submission",
    "consequence_of",
]

OUTBOX_STATES = ("held", "queued", "sending", "needs_attention", "delivered", "closed")
"""``held``: undo window, or behind an earlier item of its accession; ``sending``: sent or unanswered;
``closed``: withdrawn or discarded by choice."""

CHOICES = {
    "send-with-note": "Send it as final with a note that the order was cancelled",
    "withdraw": "Withdraw it, with a reason",
    "keep-note": "Keep the text as a note",
    "discard": "Discard it to the trash",
    "hand-over": "Hand the text over",
    "ask-back": "Ask for the case back and send",
    "preliminary": "Offer it as preliminary",
    "second-opinion": "Send it as a second opinion beside theirs",
    "addendum": "Make it an addendum to their report",
    "resign": "Read again and sign again",
    "verify-identity": "Check identity again, then sign again",
    "nothing-to-add": "Nothing to add, say why",
    "resend": "Send it again unchanged",
}
"""Choice id to its sentence (the command line's contract)."""


CONSEQUENCES = {
    "send-with-note": "It goes out as the final report; your reason reaches the site with it.",
    "withdraw": "It is not sent. The signed report stays here, marked as taken back.",
    "keep-note": "The draft is closed; its text stays here as a note. Nothing is sent.",
    "discard": "The draft goes to the trash, where it stays for a while. Nothing is sent.",
    "hand-over": "The text goes to the hub as an unsigned note about the case; it is no report.",
    "ask-back": "The hub is asked for the case once more; the report goes out once it is yours again.",
    "preliminary": "It goes out as preliminary; whoever has the case now reads and signs the final report.",
    "second-opinion": "It goes out beside theirs, which stays the report; the audit notes the discrepancy.",
    "addendum": "Yours becomes a draft that adds to theirs; nothing is sent until you sign it.",
    "resign": "This version is not sent. Its text is a draft again: read it against what changed, then sign.",
    "verify-identity": "This version is not sent. Its text is a draft again: settle who it is, then sign.",
    "nothing-to-add": "Nothing is sent; your reason is kept.",
    "resend": "The same signed bytes go out again under the same key: never a second report.",
}
"""Choice id to what it does with a report, in words."""


def consequence_of(choice_id: str, kind: str) -> str:
    """What a choice does with an item of a kind, in words; empty where there is nothing to say."""
    if choice_id == "withdraw" and kind != "report":
        return "It is not sent; what was to be said stays here."
    return CONSEQUENCES.get(choice_id, "")


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing the reader may choose."""

    id: str
    text: SafeText


@dataclass(frozen=True, slots=True)
class Submission:
    """What a hub moves: bytes it does not look into."""

    form: str
    """``fhir-transaction``, ``fhir-communication``, or ``documents``: the files are in ``parts``."""
    body: bytes
    """The composed document; of ``documents`` the signed bytes."""
    key: str
    """Idempotency key (UUID), made at signing and used for ever."""
    report_id: str
    version: int
    sha256: str
    """Digest of the frozen bytes inside; compared when the hub is asked what it has."""
    task: TaskKey
    predecessor: str = ""
    """The predecessor's receipt version at the hub; empty for version 1."""
    parts: Mapping[str, bytes] = field(default_factory=dict)
    """Of ``documents``: the report in each form the hub asked for, by the form's name (``dicom-sr``)."""
    author: str = ""
    """Of ``documents``: who signed it, as shown."""
    signed_at: datetime | None = None
    """Of ``documents``: when, UTC."""
    completes: bool = True
    """Of ``documents``: it ends the reading; else the task stays as it is."""
    lasting: str = ""
    """Of ``fhir-communication``: the UUID of what may be written again, as an alert; empty for a note."""
    note: str = ""
    """Of ``documents``: what the reader tells the site with it, such as that the order was cancelled."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The hub's proof that it holds one report version."""

    id: SafeText
    """As shown and quoted: ``DiagnosticReport/17``."""
    version: SafeText
    """Version id at the hub (ETag)."""
    sha256: str
    """Digest of the frozen bytes the hub gives back."""
    hub_time: str
    """The hub's clock, ISO 8601, from its answer; empty where it told none."""
    stored_at: datetime
    """Local clock, UTC."""
    task_status: SafeText = EMPTY


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One row of the outbox."""

    id: str
    kind: str
    """``report``, ``give-back``, ``note``, ``alert``; ``draft``: a question to the reader, never sent."""
    key: TaskKey
    state: str
    device: str
    sequence: int
    """Unique and increasing per device."""
    idempotency_key: str
    accession: SafeText = EMPTY
    report_id: str = ""
    report_version: int = 0
    why: SafeText = EMPTY
    choices: tuple[Choice, ...] = ()
    attempts: int = 0
    not_before: datetime | None = None
    """Undo window or back-off, UTC."""
    created_at: datetime | None = None
    receipt: Receipt | None = None
    payload: str = ""
    """JSON of what the item needs besides, e.g. the give-back reason."""
    priority: SafeText = EMPTY
    told: SafeText = EMPTY
    """``told: whom, when`` that closed its escalation line; empty."""
