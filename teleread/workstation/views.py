"""What the use cases give back: frozen views, ready to show; every text is `SafeText`, every time UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from teleread.model.delivery import OutboxItem
from teleread.model.identity import Match
from teleread.model.report import Check, Draft, Override
from teleread.model.study import InstanceInfo, StudyInfo, StudyKey
from teleread.model.task import PriorReport, TaskContext, TaskKey
from teleread.model.text import EMPTY, SafeText

__all__ = [
    "AuditView",
    "Case",
    "Digest",
    "Escalation",
    "HubLine",
    "HubStatus",
    "PriorView",
    "SeriesView",
    "SignSheet",
    "Status",
    "Transfer",
    "Transfers",
    "WorklistItem",
]


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """One row of the worklist, as lists and the command line show it."""

    key: TaskKey
    task: str
    """``HUB:ID``, opaque."""
    hub: SafeText
    state: SafeText
    """FHIR Task status."""
    mine: bool
    signable: bool
    """Nothing known now forbids it."""
    why_not: SafeText
    """Words, where not signable."""
    priority: SafeText
    due: datetime | None
    due_used: float | None
    """Share of the target used, 0 to 1 and more; None where there is no target."""
    name: SafeText
    """DICOM PN."""
    patient_id: SafeText
    issuer: SafeText
    birth_date: SafeText
    sex: SafeText
    nhs_number: SafeText
    nhs_status: SafeText
    accession: SafeText
    procedure: SafeText
    modality: SafeText
    site: SafeText
    study_uid: SafeText
    instances: int | None
    held: int
    cached: str
    """``none``, ``part`` or ``all``."""
    priors_ready: bool
    """Every relevant prior is here too."""
    draft: str | None
    report_state: str | None
    """None, ``draft``, ``signed``, ``issued`` or ``needs_attention``."""
    owner_name: SafeText = EMPTY


@dataclass(frozen=True, slots=True)
class HubStatus:
    """One hub, as the top bar shows it."""

    hub_id: str
    name: SafeText
    online: bool
    offline_since: datetime | None
    last_pull_at: datetime | None
    last_error: SafeText
    offset_seconds: float | None


@dataclass(frozen=True, slots=True)
class Escalation:
    """A stat report without a receipt after its time: the line that stays."""

    outbox_id: str
    report_id: str
    text: SafeText
    """Words with the hub's name and the site's telephone number; no patient."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What moved while no hub could be asked, until it is read."""

    since: datetime
    """When the absence began, UTC."""
    words: SafeText
    """Counts in words, no names: ``2 cancelled, 1 reported by another, 3 new urgent``."""
    rows: tuple[tuple[TaskKey, SafeText], ...]
    """Each task and what became of it."""
    last_id: int
    """The newest of them; what is read is forgotten up to it."""


@dataclass(frozen=True, slots=True)
class HubLine:
    """One hub, as the sync screen shows it."""

    hub_id: str
    name: SafeText
    kind: SafeText
    """How it is spoken to."""
    online: bool
    offline_since: datetime | None
    last_contact: datetime | None
    """When a pull last went through, UTC."""
    last_error: SafeText
    offset_seconds: float | None
    """The hub's clock minus ours; None where never measured."""
    signed_in: bool
    """Whether requests can be signed at all."""
    sign_in: SafeText
    """How, in words."""
    waiting: int
    """Items that go by themselves."""
    held: int
    """In their undo window, or behind an earlier one."""
    oldest: datetime | None
    """When the oldest item that is not there yet was made, UTC."""
    why: tuple[tuple[SafeText, int], ...]
    """Why items wait or are held, and how many for it."""
    needs: tuple[OutboxItem, ...]
    """Items that ask the reader something."""
    next_look: datetime | None
    """When the hub is asked next, as far as is known, UTC."""
    next_try: datetime | None
    """When the first item that was put off is tried again, UTC."""
    besides: int = 0
    """How many of those that wait are no reports: cases given back, notes, alerts, documents."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the bars show."""

    hubs: tuple[HubStatus, ...]
    not_issued: int
    needs_you: int
    fetching: int
    safe_to_unplug: int
    """Open cases of the reader that are whole here with the priors fetched with them."""
    engine: bool
    """An engine is running."""
    escalations: tuple[Escalation, ...] = ()
    demo: bool = False
    work_minutes: float = 0.0
    """How long the safe cases take to read, by the setting ``reading_minutes``."""
    digest: Digest | None = None
    """What an absence brought and was not read yet."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One study on the transfers screen."""

    key: StudyKey
    task: TaskKey | None
    """The case it is for."""
    name: SafeText
    """DICOM PN; empty where no case is known."""
    what: SafeText
    """Examination, or that it is an earlier study."""
    state: str
    """``running``, ``failed``, ``coming``, ``waits`` or ``here``."""
    held: int = 0
    expected: int | None = None
    bytes: int = 0
    rate: float = 0.0
    """Bytes a second, while it runs."""
    eta: float | None = None
    """Seconds until it is here; None where nothing tells."""
    lane: str = ""
    why: SafeText = EMPTY
    """Why it is fetched."""
    wait: SafeText = EMPTY
    """Why it is not fetched now, or what went wrong."""
    remedy: SafeText = EMPTY
    changed: SafeText = EMPTY
    at: datetime | None = None
    """When it last moved, UTC."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """What the transfers screen shows."""

    rows: tuple[Transfer, ...] = ()
    paused: bool = False
    """All fetching is paused but what is open."""
    rate: float = 0.0
    """Bytes a second over all that runs."""


@dataclass(frozen=True, slots=True)
class SeriesView:
    """One series with its instances, sorted for scrolling."""

    series_uid: str
    modality: SafeText
    description: SafeText
    number: int | None
    instances: tuple[InstanceInfo, ...]


@dataclass(frozen=True, slots=True)
class PriorView:
    """An earlier study of this patient."""

    study_uid: str
    date: datetime | None
    modality: SafeText
    description: SafeText
    cached: str
    relevant: bool
    why: SafeText
    """Why it is relevant, or not."""
    report: PriorReport | None


@dataclass(frozen=True, slots=True)
class Case:
    """A task opened for reading."""

    item: WorklistItem
    context: TaskContext
    study: StudyInfo | None
    series: tuple[SeriesView, ...]
    priors: tuple[PriorView, ...]
    match: Match
    draft: Draft | None
    draft_writable: bool
    """False where another window holds the draft."""


@dataclass(frozen=True, slots=True)
class SignSheet:
    """What the sign sheet shows."""

    draft: Draft
    title: SafeText
    """``final report, version 1`` or ``addendum 1``."""
    impression: SafeText
    sides: tuple[SafeText, ...]
    order_side: SafeText
    checks: tuple[Check, ...]
    overridden: tuple[Override, ...]
    hub: SafeText
    hub_online: bool
    undo_minutes: int
    needs_pin: bool
    pin_is_passphrase: bool
    challenge: str
    """``day``: two digits; ``day-month``: four; ``accession``: its last two digits; ``pin``."""
    answer: str
    """The digits expected, from the identity row; empty for ``pin``."""
    beside: tuple[SafeText, ...] = ()
    """Those named beside the reader, each with the role."""


@dataclass(frozen=True, slots=True)
class AuditView:
    """The audit trail, as a screen shows it."""

    rows: tuple[tuple[str, str, str], ...]
    """(local time, what was done, about what), the newest first."""
    valid: bool
    """The whole chain adds up, not only the rows shown."""
    count: int
    """Rows of the whole trail that were proved."""
