"""Aids of writing in memory, for the screens: the pure parts are the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from teleread.model.errors import UsageError
from teleread.model.report import Draft, Override, Section, SignedReport
from teleread.model.study import StudyKey
from teleread.model.task import PriorReport, TaskKey
from teleread.model.text import SafeText, clean
from teleread.reporting import alerts
from teleread.reporting.autotext import Autotext
from teleread.reporting.diff import SentencePair, sections_in, sentence_pairs
from teleread.reporting.marks import FIELD, Mark, copied_passages, marks_in, marks_out
from teleread.reporting.spelling import Doubt
from teleread.signing import acts
from teleread.workstation.editing import Trip
from teleread.workstation.versions import Version
from teleread.workstation.views import SignSheet
from teleread.workstation.writing import DraftState, Phrases

if TYPE_CHECKING:
    from teleread.documents.sr_foreign import SrValue
    from tests.unit.tui_fake import FakeStation

BEGAN = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


class FakeWriting:
    """What `Writing` promises, on the drafts of a `FakeStation`."""

    def __init__(self, station: FakeStation) -> None:
        self.station = station
        self.wrong = {"hepatomegly": ("hepatomegaly",), "teh": ("the", "tea")}
        """Doubtful word to what may be meant."""
        self.texts = {"nad": "No abnormality detected.", "node": "Node [?Size] in the {side} lung. {cursor}"}
        self.values = {"side": "right"}
        self.learned: list[str] = []
        self.signed_versions: list[Version] = []
        self.trip: Trip | None = None
        """What the reader's own editor needs; None: it is off."""
        self.accepted: list[str] = []
        """Copied passages that were said to be still true."""
        self.told: tuple[SrValue, ...] = ()
        """What the study's own structured reports tell."""
        self.past: list[DraftState] = []
        self.unsigned: list[tuple[str, str | None]] = []
        """Drafts that went out unsigned, with the PIN that was given."""
        self.priors: tuple[PriorReport, ...] = (
            PriorReport(
                clean("dr-1"),
                clean("1"),
                clean("final"),
                clean("1.2.9"),
                clean("A1"),
                clean("CT abdomen"),
                clean("Dr M Grant"),
                datetime(2026, 5, 3, 10, 0, tzinfo=UTC),
                clean(
                    "Findings: The liver is of normal size with no focal lesion. Aorta 23 mm at the hiatus. "
                    "Small cyst in the LEFT kidney. No free fluid.",
                    multiline=True,
                ),
                clean("No acute abnormality."),
            ),
        )

    def phrases(self, key: TaskKey) -> Phrases:
        library = {name: Autotext(name, SafeText(text), "own") for name, text in self.texts.items()}
        return Phrases(library, self.values)

    def told_by_reports(self, study: StudyKey) -> tuple[SrValue, ...]:
        return self.told

    def doubts(self, texts: Mapping[str, str]) -> Mapping[str, tuple[Doubt, ...]]:
        return {
            name: tuple(
                Doubt(text.find(word), text.find(word) + len(word), word)
                for word in self.wrong
                if word in text and word not in self.learned
            )
            for name, text in texts.items()
        }

    def suggest(self, word: str) -> tuple[str, ...]:
        return self.wrong.get(word, ())

    def learn(self, word: str) -> None:
        self.learned.append(word)

    def earlier(self, draft_id: str) -> tuple[PriorReport, ...]:
        return self.priors

    def compared(
        self, draft_id: str, prior: PriorReport
    ) -> tuple[tuple[Section, tuple[SentencePair, ...]], ...]:
        before = {one.id: str(one.text) for one in sections_in(str(prior.text), str(prior.conclusion))}
        found = [
            (one, sentence_pairs(before.get(one.id, ""), str(one.text)))
            for one in self.station.drafts[draft_id].sections
        ]
        return tuple((section, pairs) for section, pairs in found if pairs)

    def mark_copied(self, draft_id: str, seq: int, copied: Mapping[str, str], source: str) -> Draft:
        draft = self.station.drafts[draft_id]
        fresh = [one for name, text in copied.items() for one in copied_passages(name, text, source)]
        return self._noted(draft, {FIELD: marks_out([*marks_in(draft.fields), *fresh])})

    def accept_copied(self, draft_id: str, seq: int, marks: Sequence[Mark]) -> Draft:
        draft = self.station.drafts[draft_id]
        self.accepted += [str(one.text) for one in marks]
        return self._noted(
            draft, {FIELD: marks_out([one for one in marks_in(draft.fields) if one not in marks])}
        )

    def _noted(self, draft: Draft, fields: Mapping[str, str]) -> Draft:
        made = replace(draft, seq=draft.seq + 1, fields={**draft.fields, **fields})
        self.station.drafts[draft.id] = made
        return made

    def states(self, draft_id: str, before: int | None = None, most: int = 40) -> tuple[DraftState, ...]:
        return tuple(one for one in self.past if before is None or one.seq < before)[-most:]

    def remember(self, seq: int, texts: Mapping[str, str], *changed: str) -> None:
        """A point of the journal from before this sitting."""
        self.past.append(DraftState(seq, BEGAN + timedelta(minutes=seq), texts, changed))

    def to_editor(self, draft_id: str) -> Trip:
        if self.trip is None:
            raise UsageError("Writing in your own editor is off.", code="editor-off")
        return self.trip

    def versions(self, key: TaskKey) -> tuple[Version, ...]:
        return tuple(one for one in self.signed_versions if one.report.key == key)

    def categories(self, draft_id: str) -> tuple[alerts.Category, ...]:
        return alerts.BUILT_IN

    def set_alert(self, draft_id: str, seq: int, category: str, told: str, at: str, method: str) -> Draft:
        made = alerts.make_alert(alerts.BUILT_IN, category, told, at, method)
        return self._noted(self.station.drafts[draft_id], {alerts.FIELD: alerts.alert_out(made)})

    def opinion(self, key: TaskKey) -> Draft:
        made = replace(self.station.start_draft(key), id="opinion", kind="opinion")
        self.station.drafts = {"opinion": made}
        return made

    def name_beside(self, draft_id: str, seq: int, name: str, role: str, person_id: str) -> Draft:
        draft = self.station.drafts[draft_id]
        people = (*acts.cosigners_in(draft.fields), acts.cosigner(name, role, person_id))
        return self._noted(draft, {acts.COSIGNERS: acts.cosigners_out(people)})

    def unname_beside(self, draft_id: str, seq: int, name: str) -> Draft:
        draft = self.station.drafts[draft_id]
        people = [one for one in acts.cosigners_in(draft.fields) if one.name != name]
        return self._noted(draft, {acts.COSIGNERS: acts.cosigners_out(people)})

    def unsigned_sheet(self, draft_id: str, overrides: Sequence[Override] = ()) -> SignSheet:
        return replace(
            self.station.sign_sheet(draft_id, overrides), title=clean("unsigned reading, version 1")
        )

    def send_unsigned(
        self, draft_id: str, overrides: Sequence[Override] = (), *, pin: str | None = None
    ) -> SignedReport:
        held = self.station.drafts[draft_id]
        report = self.station.sign(draft_id, overrides, pin=pin)
        self.station.signed.pop()
        self.station.drafts[draft_id] = held
        self.unsigned.append((draft_id, pin))
        return replace(report, kind="preliminary")

    def clear_alert(self, draft_id: str, seq: int) -> Draft:
        return self._noted(self.station.drafts[draft_id], {alerts.FIELD: ""})
