"""What the report pane asks while a draft is written: one Protocol, and how an open profile answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from teleread.model.errors import AttentionError
from teleread.model.report import Draft, Override, Section, SignedReport
from teleread.model.study import StudyKey
from teleread.model.task import PriorReport, TaskKey
from teleread.vault.journal import DraftVersion

from .core import Core

if TYPE_CHECKING:
    from teleread.documents.sr_foreign import SrValue
    from teleread.reporting.alerts import Category
    from teleread.reporting.autotext import Autotext
    from teleread.reporting.diff import SentencePair
    from teleread.reporting.marks import Mark
    from teleread.reporting.spelling import Doubt, Speller

    from .editing import Trip
    from .versions import Version
    from .views import SignSheet

__all__ = ["DeskWriting", "DraftState", "Phrases", "Writing", "points"]

PAUSE: Final = timedelta(seconds=2)
"""Saves closer together than this belong to one go of typing."""
LONGEST_GO: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class DraftState:
    """A draft as it stood at one point of its journal."""

    seq: int
    at: datetime
    texts: Mapping[str, str]
    """Section id to its text then."""
    changed: tuple[str, ...] = ()
    """Ids of the sections this point wrote."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """The autotexts that hold for a case, and what their values stand for there."""

    library: Mapping[str, Autotext]
    values: Mapping[str, str]
    failed: Sequence[str] = ()
    """Words on files that could not be used."""


class Writing(Protocol):
    """Aids of writing, for screens. Methods raise only errors of `teleread.model.errors`."""

    def phrases(self, key: TaskKey) -> Phrases:
        """Autotexts and values of a case."""
        ...

    def doubts(self, texts: Mapping[str, str]) -> Mapping[str, tuple[Doubt, ...]]:
        """Words that may be wrong, by section."""
        ...

    def suggest(self, word: str) -> tuple[str, ...]:
        """What may be meant by a word, the likeliest first."""
        ...

    def learn(self, word: str) -> None:
        """Take a word into the reader's own list."""
        ...

    def told_by_reports(self, study: StudyKey) -> tuple[SrValue, ...]:
        """Numbers of the dose and measurement reports held of a study."""
        ...

    def earlier(self, draft_id: str) -> tuple[PriorReport, ...]:
        """Earlier reports of the patient, the newest first."""
        ...

    def compared(
        self, draft_id: str, prior: PriorReport
    ) -> tuple[tuple[Section, tuple[SentencePair, ...]], ...]:
        """The draft beside an earlier report, sentence by sentence."""
        ...

    def mark_copied(self, draft_id: str, seq: int, copied: Mapping[str, str], source: str) -> Draft:
        """Mark what was copied forward until it is edited. AttentionError ``stale-draft``."""
        ...

    def accept_copied(self, draft_id: str, seq: int, marks: Sequence[Mark]) -> Draft:
        """Copied passages are read and still true; audited. AttentionError ``stale-draft``."""
        ...

    def states(self, draft_id: str, before: int | None = None, most: int = 40) -> tuple[DraftState, ...]:
        """The last points of the journal before a row, the oldest first; a go of typing is one point."""
        ...

    def versions(self, key: TaskKey) -> tuple[Version, ...]:
        """Every version signed on a case, proved, in the order they were signed."""
        ...

    def to_editor(self, draft_id: str) -> Trip:
        """What bringing a draft into the reader's own editor needs; audited.

        Raises:
            UsageError: It is off, there is no editor, or no place in memory alone.
        """
        ...

    def categories(self, draft_id: str) -> tuple[Category, ...]:
        """Alert categories of the draft's hub."""
        ...

    def set_alert(self, draft_id: str, seq: int, category: str, told: str, at: str, method: str) -> Draft:
        """Keep who was told of the critical finding; audited."""
        ...

    def clear_alert(self, draft_id: str, seq: int) -> Draft:
        """Take the alert away again; audited."""
        ...

    def opinion(self, key: TaskKey) -> Draft:
        """A second opinion's draft on a case; the open one where there is one."""
        ...

    def name_beside(self, draft_id: str, seq: int, name: str, role: str, person_id: str) -> Draft:
        """Name a trainee or a supervisor beside the reader; audited. AttentionError ``stale-draft``."""
        ...

    def unname_beside(self, draft_id: str, seq: int, name: str) -> Draft:
        """Take one of those named away again; audited. AttentionError ``stale-draft``."""
        ...

    def unsigned_sheet(self, draft_id: str, overrides: Sequence[Override] = ()) -> SignSheet:
        """What the sign sheet shows before a draft goes out as an unsigned reading."""
        ...

    def send_unsigned(
        self, draft_id: str, overrides: Sequence[Override] = (), *, pin: str | None = None
    ) -> SignedReport:
        """Send a draft out unsigned; it stays open. Raises as `Workstation.sign`."""
        ...


def points(versions: Sequence[DraftVersion]) -> tuple[DraftVersion, ...]:
    """The rows of a journal worth going back to: the last of each go of typing in one section.

    Rows that wrote only the draft's own notes (ids with an @) are no point.
    """
    kept: list[DraftVersion] = []
    began: datetime | None = None
    for one in versions:
        written = tuple(name for name in one.changed if not name.startswith("@"))
        if not written and one.seq:
            continue
        row = DraftVersion(one.seq, one.at, written)
        goes_on = (
            bool(kept)
            and kept[-1].seq > 0
            and began is not None
            and kept[-1].changed == written
            and one.at - kept[-1].at < PAUSE
            and one.at - began < LONGEST_GO
        )
        if goes_on:
            kept[-1] = row
        else:
            kept.append(row)
            began = one.at
    return tuple(kept)


class DeskWriting:
    """Implements `Writing` on an open profile.

    Args:
        core: What every use case holds.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._speller: Speller | None = None

    def phrases(self, key: TaskKey) -> Phrases:
        """Autotexts and values of a case."""
        from . import aids

        library, failed = aids.autotexts(self._core, self._core.hub(key.hub_id).name)
        return Phrases(library, aids.autotext_values(self._core, key), failed)

    def doubts(self, texts: Mapping[str, str]) -> Mapping[str, tuple[Doubt, ...]]:
        """Words that may be wrong, by section."""
        return {name: self._spelling().doubts(text) for name, text in texts.items()}

    def suggest(self, word: str) -> tuple[str, ...]:
        """What may be meant by a word, the likeliest first."""
        return self._spelling().suggest(word)

    def learn(self, word: str) -> None:
        """Take a word into the reader's own list."""
        from . import aids

        aids.own_word(self._core, word)
        self._speller = None

    def _spelling(self) -> Speller:
        if self._speller is None:
            from . import aids

            self._speller = aids.speller(self._core)
        return self._speller

    def told_by_reports(self, study: StudyKey) -> tuple[SrValue, ...]:
        """Numbers of the dose and measurement reports held of a study."""
        from .sr_values import values_of

        return values_of(self._core, study)

    def _draft(self, draft_id: str) -> Draft:
        return self._core.vault.drafts.get(draft_id)

    def earlier(self, draft_id: str) -> tuple[PriorReport, ...]:
        """Earlier reports of the patient, the newest first."""
        from . import aids

        return aids.earlier_reports(self._core, self._draft(draft_id))

    def compared(
        self, draft_id: str, prior: PriorReport
    ) -> tuple[tuple[Section, tuple[SentencePair, ...]], ...]:
        """The draft beside an earlier report, sentence by sentence."""
        from . import aids

        return aids.compared(self._draft(draft_id), prior)

    def mark_copied(self, draft_id: str, seq: int, copied: Mapping[str, str], source: str) -> Draft:
        """Mark what was copied forward until it is edited."""
        from . import aids

        return aids.mark_copied(self._core, self._at(draft_id, seq), copied, source)

    def accept_copied(self, draft_id: str, seq: int, marks: Sequence[Mark]) -> Draft:
        """Copied passages are read and still true; audited."""
        from . import aids

        return aids.accept_copied(self._core, self._at(draft_id, seq), marks)

    def states(self, draft_id: str, before: int | None = None, most: int = 40) -> tuple[DraftState, ...]:
        """The last points of the journal before a row, the oldest first."""
        drafts = self._core.vault.drafts
        rows = [one for one in drafts.versions(draft_id) if before is None or one.seq < before]
        return tuple(
            DraftState(
                one.seq,
                one.at,
                {section.id: str(section.text) for section in drafts.get(draft_id, one.seq).sections},
                one.changed,
            )
            for one in points(rows)[-most:]
        )

    def versions(self, key: TaskKey) -> tuple[Version, ...]:
        """Every version signed on a case, proved, in the order they were signed."""
        from .versions import versions

        return versions(self._core, key)

    def to_editor(self, draft_id: str) -> Trip:
        """What bringing a draft into the reader's own editor needs; audited."""
        from .editing import prepare

        return prepare(self._core, self._draft(draft_id))

    def categories(self, draft_id: str) -> tuple[Category, ...]:
        """Alert categories of the draft's hub."""
        from teleread.reporting.alerts import categories_of

        return categories_of(self._core.hub(self._draft(draft_id).key.hub_id).extra)

    def set_alert(self, draft_id: str, seq: int, category: str, told: str, at: str, method: str) -> Draft:
        """Keep who was told of the critical finding; audited."""
        from . import drafts

        drafts.set_alert(self._core, self._at(draft_id, seq), category, told, at, method)
        return self._draft(draft_id)

    def clear_alert(self, draft_id: str, seq: int) -> Draft:
        """Take the alert away again; audited."""
        from . import drafts

        drafts.clear_alert(self._core, self._at(draft_id, seq))
        return self._draft(draft_id)

    def opinion(self, key: TaskKey) -> Draft:
        """A second opinion's draft on a case; the open one where there is one."""
        from . import lifecycle

        draft = lifecycle.opinion(self._core, key)
        self._core.vault.drafts.hold(draft.id, self._core.holder)
        return draft

    def name_beside(self, draft_id: str, seq: int, name: str, role: str, person_id: str) -> Draft:
        """Name a trainee or a supervisor beside the reader; audited."""
        from . import lifecycle

        lifecycle.name_cosigner(self._core, self._at(draft_id, seq), name, role, person_id)
        return self._draft(draft_id)

    def unname_beside(self, draft_id: str, seq: int, name: str) -> Draft:
        """Take one of those named away again; audited."""
        from . import lifecycle

        lifecycle.unname_cosigner(self._core, self._at(draft_id, seq), name)
        return self._draft(draft_id)

    def unsigned_sheet(self, draft_id: str, overrides: Sequence[Override] = ()) -> SignSheet:
        """What the sign sheet shows before a draft goes out as an unsigned reading."""
        from .signing import sign_sheet

        return sign_sheet(self._core, self._draft(draft_id), overrides, act="preliminary")

    def send_unsigned(
        self, draft_id: str, overrides: Sequence[Override] = (), *, pin: str | None = None
    ) -> SignedReport:
        """Send a draft out unsigned; it stays open."""
        from . import lifecycle

        return lifecycle.preliminary(self._core, self._draft(draft_id), overrides, secret=pin)

    def _at(self, draft_id: str, seq: int) -> Draft:
        """The draft, as the screen knows it; nothing is written on top of what another window wrote."""
        draft = self._draft(draft_id)
        if draft.seq != seq:
            raise AttentionError(
                "This draft was changed in another window since it was read.",
                "Both texts are kept: nothing was overwritten.",
                "Read it again, then write.",
                code="stale-draft",
            )
        return draft
