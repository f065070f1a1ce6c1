"""What screens and commands hold: the use cases, as one Protocol, and the views they give back.

Views are frozen and ready to show: every text is `SafeText`, every time UTC. Reads come from the vault
and never touch the network; what needs a hub or an archive says so and takes a time limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from teleread.model.delivery import OutboxItem
from teleread.model.events import Event
from teleread.model.hubfile import HubFile
from teleread.model.report import Check, Draft, Override, SignedReport, Template, Verdict
from teleread.model.study import StudyKey
from teleread.model.task import TaskKey
from teleread.model.text import SafeText

from .picture_api import PictureStation
from .speech import Speech
from .views import (
    AuditView,
    Case,
    Digest,
    Escalation,
    HubLine,
    HubStatus,
    PriorView,
    SeriesView,
    SignSheet,
    Status,
    Transfer,
    Transfers,
    WorklistItem,
)
from .writing import Writing

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
    "Workstation",
]


class Workstation(PictureStation, Protocol):
    """The use cases. Methods raise only errors of `teleread.model.errors`."""

    # -- worklist ---------------------------------------------------------------------------------
    def items(self, query: str = "", limit: int | None = None) -> Sequence[WorklistItem]:
        """Rows that match a QUERY, stat first, then due. UsageError for an unknown key."""
        ...

    def age_seconds(self) -> float | None:
        """Age of the oldest pull over all hubs, seconds; None before the first."""
        ...

    def status(self) -> Status:
        """What the bars show; cheap enough for every second."""
        ...

    def data_version(self) -> tuple[int, int]:
        """Moves when another connection wrote (reports.db, cache.db)."""
        ...

    def resolve_task(self, text: str) -> TaskKey:
        """``HUB:ID`` (or an unambiguous id) to its key; UsageError otherwise."""
        ...

    # -- case -------------------------------------------------------------------------------------
    def open_case(self, key: TaskKey) -> Case:
        """Everything the reading screen needs, from the vault; audited."""
        ...

    def study_series(self, hub_id: str, study_uid: str) -> tuple[SeriesView, ...]:
        """Series of a held study, sorted."""
        ...

    def instance_bytes(self, hub_id: str, study_uid: str, sop_uid: str) -> bytes:
        """One held instance as a Part 10 file."""
        ...

    def templates_for(self, key: TaskKey) -> Sequence[tuple[Template, SafeText]]:
        """Templates with the reason, best first."""
        ...

    def templates(self) -> Sequence[Template]:
        """Every template that can be used, by title."""
        ...

    # -- drafts -----------------------------------------------------------------------------------
    def start_draft(self, key: TaskKey, template_id: str | None = None) -> Draft:
        """Open the task's draft, or start one."""
        ...

    def save_draft(self, draft_id: str, seq: int, texts: Mapping[str, str]) -> int:
        """Write changed sections to the journal; returns the new sequence once it is on disk.

        Raises:
            AttentionError: ``stale-draft``: another window wrote meanwhile.
        """
        ...

    def draft(self, draft_id: str) -> Draft:
        """The draft as the journal has it now."""
        ...

    def take_draft(self, draft_id: str) -> Draft:
        """Take a draft over from another window."""
        ...

    def release_draft(self, draft_id: str) -> None:
        """Let another window have it without asking."""
        ...

    def change_template(self, draft_id: str, template_id: str) -> Draft:
        """Go on with another template; what was written stays, section by section."""
        ...

    def discard_draft(self, draft_id: str, reason: str) -> None:
        """Put a draft into the trash."""
        ...

    def checks(self, draft_id: str) -> Sequence[Check]:
        """Run the rules; identity, study and text."""
        ...

    @property
    def writing(self) -> Writing:
        """Autotext, spelling, earlier texts and reports, the alert."""
        ...

    @property
    def speech(self) -> Speech:
        """Dictation: the recogniser, the microphone, sound and marks of a draft."""
        ...

    # -- signing ----------------------------------------------------------------------------------
    def sign_sheet(self, draft_id: str, overrides: Sequence[Override] = ()) -> SignSheet:
        """What the sign sheet shows for these overrides."""
        ...

    def sign(
        self, draft_id: str, overrides: Sequence[Override] = (), *, pin: str | None = None
    ) -> SignedReport:
        """Sign: one transaction. LockedError for a wrong PIN, AttentionError ``blocked`` by a check."""
        ...

    def undo_sign(self, outbox_id: str) -> Draft:
        """Take a signature back inside its undo window; the case needs signing again."""
        ...

    def addendum(self, report_id: str) -> Draft:
        """Open an addendum draft on a signed report."""
        ...

    def correct(self, report_id: str, reason: str = "", told: str = "") -> Draft:
        """Open a correction's draft on a signed report: its whole text, to be put right."""
        ...

    def withdraw(self, report_id: str, reason: str, told: str) -> Draft:
        """Open the withdrawal of a signed report; it says why and who was told."""
        ...

    def report(self, report_id: str, version: int | None = None) -> SignedReport:
        """A signed report."""
        ...

    def reports(self, words: str = "") -> Sequence[SignedReport]:
        """Own signed reports, newest first; or those holding the words."""
        ...

    def verify(self, report_id: str) -> Verdict:
        """Prove a signed report."""
        ...

    # -- outbox -----------------------------------------------------------------------------------
    def outbox(self) -> Sequence[OutboxItem]:
        """Every item, newest last; delivered ones stay listed."""
        ...

    def outbox_beside(self, outbox_id: str) -> Sequence[tuple[str, Sequence[str]]]:
        """Others' reports of an item's case and the reader's own, in full and compared: heading and lines."""
        ...

    def outbox_retry(self, outbox_id: str) -> None:
        """Due now."""
        ...

    def outbox_resolve(self, outbox_id: str, choice: str, reason: str = "") -> None:
        """Act on a choice of an item that needs attention."""
        ...

    def outbox_told(self, outbox_id: str, whom: str, when: str) -> None:
        """Close an escalation line by word of mouth; audited."""
        ...

    # -- what needs the network: through the running engine, else by itself ------------------------
    def sync(self, *, pull: bool = True, push: bool = True, timeout: float = 600.0) -> dict[str, Any]:
        """One pass, as `teleread sync` prints it."""
        ...

    def claim(self, key: TaskKey, timeout: float = 60.0) -> WorklistItem:
        """Take a task now."""
        ...

    def give_back(self, key: TaskKey, reason_code: str, reason: str = "", timeout: float = 60.0) -> None:
        """Return a task with a reason (CID 9303 code)."""
        ...

    def fetch(
        self, hub_id: str, study_uid: str, *, via: str = "auto", priors: int = 0, timeout: float = 3600.0
    ) -> dict[str, Any]:
        """Bring a study here, as `teleread fetch` prints it."""
        ...

    def hub_lines(self) -> tuple[HubLine, ...]:
        """Each hub's line and what waits for it; from the vault."""
        ...

    def read_digest(self, up_to: int) -> None:
        """What an absence brought is read, up to ``Digest.last_id``."""
        ...

    def transfers(self) -> Transfers:
        """What is on its way, what waits and why."""
        ...

    def transfer_pause(self, study: StudyKey | None = None) -> bool:
        """Pause a study, or all but what is open; or go on. Whether it is paused now."""
        ...

    def transfer_first(self, study: StudyKey) -> None:
        """Fetch a study before all others. UsageError where it is here whole."""
        ...

    def request(self, kind: str, args: Mapping[str, Any]) -> int:
        """Ask the running engine for something and return at once; the answer is a ``request-done`` event."""
        ...

    def hand_off(self, hub_id: str, study_uid: str, priors: Sequence[str] = ()) -> None:
        """Open a held study, and earlier ones, in the viewer of the profile.

        Raises:
            UsageError: No viewer is set, it does not start, or nothing of the study is held.
            OfflineError: The engine may not run.
        """
        ...

    def end_hand_off(self, hub_id: str, study_uid: str) -> None:
        """Close the gateway of a case."""
        ...

    def keep_engine(self) -> None:
        """Start the engine where none runs; nothing where no network may be touched."""
        ...

    def events_since(self, event_id: int) -> Sequence[Event]:
        """Rows after an id."""
        ...

    # -- the vault --------------------------------------------------------------------------------
    def lock(self) -> None:
        """Lock every window of this profile."""
        ...

    def locked(self) -> bool:
        """Whether this profile is locked."""
        ...

    def unlock(self, secret: str) -> None:
        """Open a locked window again by PIN or passphrase; LockedError with the tries left."""
        ...

    def hubs(self) -> Sequence[HubFile]:
        """Hub files of this profile."""
        ...

    def setting(self, key: str) -> Any:
        """A setting after precedence (flag, environment, profile, hub file, built in)."""
        ...

    def set_setting(self, key: str, value: Any) -> None:
        """Write one to the profile file."""
        ...

    def health(self) -> Sequence[tuple[str, bool, str, str]]:
        """(what, good, detail, remedy) of this machine, the vault and the hubs; asks the hubs now."""
        ...

    def audit_trail(self, limit: int) -> AuditView:
        """The newest rows of the audit trail, and whether its whole chain adds up."""
        ...

    def close(self) -> None:
        """Release drafts and close the vault."""
        ...
