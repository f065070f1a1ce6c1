"""The desk: an open profile with every use case on it. The composition root of screens and commands."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from teleread.host.clock import Clock, SystemClock
from teleread.host.paths import ProfilePaths
from teleread.model.errors import TelereadError
from teleread.model.task import TaskKey
from teleread.model.text import SafeText
from teleread.vault.secrets import KeyringSecrets
from teleread.vault.unlock import Prompt, Unlock, resolve
from teleread.vault.vault import Vault

from . import worklist
from .config import write_setting
from .core import Core
from .desk_line import DeskLine
from .speech import DeskSpeech, sweep_sound
from .writing import DeskWriting

if TYPE_CHECKING:
    from teleread.model.hubfile import HubFile
    from teleread.model.report import Check, Draft, Override, SignedReport, Template, Verdict

    from .api import AuditView, Case, SeriesView, SignSheet, Status, WorklistItem

__all__ = ["Desk", "open_core"]

EVENTS: Final = 500
"""Most event rows given at once."""


def open_core(
    paths: ProfilePaths,
    *,
    offline: bool = False,
    ask: Prompt | None = None,
    flags: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
) -> Core:
    """Open a profile's vault by whatever way in is at hand.

    Raises:
        LockedError: None opens it.
        TelereadError: There is no vault yet.
    """
    clock = clock or SystemClock()
    typed: list[str] = []

    def prompt(question: str) -> str:
        assert ask is not None
        typed.append(ask(question))
        return typed[-1]

    found = resolve(
        paths, secrets=KeyringSecrets(), environment=os.environ, prompt=prompt if ask is not None else None
    )
    vault = Vault.open(paths, found, clock=clock)
    return Core(paths, vault, clock, offline, flags or {}, _passphrase(found, typed))


def _passphrase(found: Unlock, typed: Sequence[str]) -> str:
    """The passphrase it was opened with; it may have to sign where no PIN is set."""
    from teleread.vault.unlock import given_passphrase

    if found.how != "passphrase":
        return ""
    return typed[-1] if typed else given_passphrase(os.environ) or ""


class Desk(DeskLine):
    """Implements `teleread.workstation.api.Workstation` on an open profile.

    Args:
        core: What every use case holds.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.writing = DeskWriting(core)
        self.speech = DeskSpeech(core)

    @classmethod
    def open(cls, paths: ProfilePaths, *, offline: bool = False, ask: Prompt | None = None) -> Self:
        """Open a profile; see `open_core`."""
        made = cls(open_core(paths, offline=offline, ask=ask))
        with suppress(TelereadError, OSError):  # the next one that opens tries again
            sweep_sound(made.core)
        return made

    @property
    def offline(self) -> bool:
        """Whether no network may be touched."""
        return self.core.offline

    # -- worklist ---------------------------------------------------------------------------------

    def items(self, query: str = "", limit: int | None = None) -> Sequence[WorklistItem]:
        """Rows that match a QUERY, stat first, then due."""
        return worklist.items(self.core, query, limit)

    def item(self, key: TaskKey) -> WorklistItem:
        """One row."""
        return worklist.item(self.core, key)

    def age_seconds(self) -> float | None:
        """Age of the oldest pull over all hubs."""
        return worklist.age_seconds(self.core)

    def status(self) -> Status:
        """What the bars show."""
        from . import status

        return status.status(self.core)

    def data_version(self) -> tuple[int, int]:
        """Moves when another connection wrote."""
        return self.core.vault.data_version()

    def resolve_task(self, text: str) -> TaskKey:
        """``HUB:ID`` to its key."""
        from . import naming

        return naming.resolve_task(self.core, text)

    # -- case -------------------------------------------------------------------------------------

    def open_case(self, key: TaskKey) -> Case:
        """Everything the reading screen needs; audited."""
        from . import cases

        return cases.open_case(self.core, key)

    def study_series(self, hub_id: str, study_uid: str) -> tuple[SeriesView, ...]:
        """Series of a held study, sorted."""
        from . import cases

        return cases.study_series(self.core, hub_id, study_uid)

    def instance_bytes(self, hub_id: str, study_uid: str, sop_uid: str) -> bytes:
        """One held instance as a Part 10 file."""
        from . import cases

        return cases.instance_bytes(self.core, hub_id, study_uid, sop_uid)

    def templates_for(self, key: TaskKey) -> Sequence[tuple[Template, SafeText]]:
        """Templates with the reason, best first."""
        from . import cases

        return cases.templates_for(self.core, key)

    def templates(self) -> Sequence[Template]:
        """Every template that can be used, by title."""
        from . import cases

        return sorted(cases.all_templates(self.core.paths)[0], key=lambda one: one.title.casefold())

    # -- drafts -----------------------------------------------------------------------------------

    def start_draft(self, key: TaskKey, template_id: str | None = None) -> Draft:
        """Open the task's draft, or start one."""
        from . import drafts

        draft = drafts.start(self.core, key, template_id)
        self.core.vault.drafts.hold(draft.id, self.core.holder)
        return self.draft(draft.id)

    def save_draft(self, draft_id: str, seq: int, texts: Mapping[str, str]) -> int:
        """Write changed sections to the journal; on disk when it returns."""
        from . import drafts

        return drafts.save(self.core, draft_id, seq, texts)

    def draft(self, draft_id: str) -> Draft:
        """The draft as the journal has it now."""
        return self.core.vault.drafts.get(draft_id)

    def take_draft(self, draft_id: str) -> Draft:
        """Take a draft over from another window."""
        return self.core.vault.drafts.take(draft_id, self.core.holder)

    def release_draft(self, draft_id: str) -> None:
        """Let another window have it without asking."""
        self.core.vault.drafts.release(draft_id, self.core.holder)

    def change_template(self, draft_id: str, template_id: str) -> Draft:
        """Go on with another template; what was written stays."""
        from . import drafts

        drafts.change_template(self.core, self.draft(draft_id), template_id)
        return self.draft(draft_id)

    def discard_draft(self, draft_id: str, reason: str) -> None:
        """Put a draft into the trash."""
        from . import drafts

        drafts.discard(self.core, draft_id, reason)
        sweep_sound(self.core)

    def checks(self, draft_id: str) -> Sequence[Check]:
        """Run the rules."""
        from . import drafts

        return drafts.checks(self.core, self.draft(draft_id))

    # -- signing ----------------------------------------------------------------------------------

    def sign_sheet(self, draft_id: str, overrides: Sequence[Override] = ()) -> SignSheet:
        """What the sign sheet shows for these overrides."""
        from . import signing

        return signing.sign_sheet(self.core, self.draft(draft_id), overrides)

    def sign(
        self, draft_id: str, overrides: Sequence[Override] = (), *, pin: str | None = None
    ) -> SignedReport:
        """Sign: one transaction."""
        from . import signing
        from .speech import sound_signed

        report = signing.sign(self.core, self.draft(draft_id), overrides, secret=pin)
        sound_signed(self.core, draft_id, report.report_id, report.key.hub_id)
        return report

    def undo_sign(self, outbox_id: str) -> Draft:
        """Take a signature back inside its undo window."""
        from . import signing

        return signing.undo(self.core, outbox_id)

    def addendum(self, report_id: str) -> Draft:
        """Open an addendum draft on a signed report."""
        from . import drafts

        return drafts.addendum(self.core, report_id)

    def correct(self, report_id: str, reason: str = "", told: str = "") -> Draft:
        """Open a correction's draft on a signed report."""
        from . import lifecycle

        return lifecycle.correct(self.core, report_id, reason, told)

    def withdraw(self, report_id: str, reason: str, told: str) -> Draft:
        """Open the withdrawal of a signed report."""
        from . import lifecycle

        return lifecycle.withdraw(self.core, report_id, reason, told)

    def report(self, report_id: str, version: int | None = None) -> SignedReport:
        """A signed report."""
        return self.core.vault.reports.get(report_id, version)

    def reports(self, words: str = "") -> Sequence[SignedReport]:
        """Own signed reports, newest first; or those holding the words."""
        from .exports import find_reports

        return find_reports(self.core, words)

    def verify(self, report_id: str) -> Verdict:
        """Prove a signed report."""
        from .exports import verify_report

        return verify_report(self.core, self.report(report_id))

    # -- the vault --------------------------------------------------------------------------------

    def lock(self) -> None:
        """Lock every window of this profile."""
        from . import signing

        signing.close_key(self.core)
        self.core.vault.lock()

    def locked(self) -> bool:
        """Whether this profile is locked."""
        from . import lockout

        return lockout.is_locked(self.core)

    def unlock(self, secret: str) -> None:
        """Open a locked window again by PIN or passphrase."""
        from . import lockout

        lockout.unlock(self.core, secret)

    def hubs(self) -> Sequence[HubFile]:
        """Hub files of this profile."""
        return self.core.hubs

    def setting(self, key: str) -> Any:
        """A setting after precedence."""
        return self.core.setting(key)

    def set_setting(self, key: str, value: Any) -> None:
        """Write one to the profile file."""
        write_setting(self.core.paths, key, value)

    def health(self) -> Sequence[tuple[str, bool, str, str]]:
        """(what, good, detail, remedy) of this machine, the vault and the hubs; asks the hubs now."""
        from . import doctor

        looked = (*doctor.machine(self.core.paths), *doctor.vault(self.core), *doctor.hubs(self.core))
        return [(one.check, one.ok, one.detail, one.remedy) for one in looked]

    def audit_trail(self, limit: int) -> AuditView:
        """The newest rows of the audit trail, and whether its whole chain adds up."""
        from . import trail

        return trail.audit_view(self.core, limit)

    def close(self) -> None:
        """Release drafts and close the vault."""
        self.speech.close()
        if self.core.session is not None:
            from . import signing

            signing.close_key(self.core)
        if self.core.vault.is_open:
            self.core.vault.close()
