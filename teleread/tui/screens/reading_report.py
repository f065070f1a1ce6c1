"""The reading screen's report: what each action of writing does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from teleread.model.report import Draft
from teleread.tui.calls import VAULT_SECONDS
from teleread.tui.words import day

from .reading_phrases import ReadingPhrases

if TYPE_CHECKING:
    from teleread.model.task import PriorReport

__all__ = ["ReadingReport"]


class ReadingReport(ReadingPhrases):
    """What the reader does in the report, one method an action."""

    @property
    def _draft(self) -> Draft | None:
        """The draft, where it can be written here; says why not where it can't."""
        if self.keeper.draft is None:
            self.face.tell("No report is begun. i begins one.", "soft")
        elif self.keeper.stale:
            self.face.tell("This draft is read only here. Esc, then i takes it over.", "warn")
        else:
            return self.keeper.draft
        return None

    # -- what comes with a draft ------------------------------------------------------------------
    def draft_taken(self) -> None:
        """A draft is shown: read what belongs to it beside the text."""
        self.face.spawn(self._read_aids(), "aids")

    async def _read_aids(self) -> None:
        draft, writing, vault = self.keeper.draft, self.face.workstation.writing, self.face.calls.vault
        if draft is None:
            return
        self.phrases = await vault(writing.phrases, draft.key)
        self.report.library = self.phrases.library
        if self.phrases.failed:
            self.face.tell(str(self.phrases.failed[0]), "warn")
        priors = await vault(writing.earlier, draft.id)
        self.report.sources = {
            str(one.id): f"from {day(one.issued) or 'an earlier report'}" for one in priors
        }
        self._show_notes(draft)
        await self.spell()

    def _show_notes(self, draft: Draft) -> None:
        """What the journal keeps beside the text: copied passages, the alert."""
        from teleread.reporting.alerts import alert_in
        from teleread.reporting.marks import marks_in

        alert = alert_in(draft.fields)
        words = ", ".join((alert.told, alert.at, alert.method, alert.category)) if alert else ""
        self.report.show_notes(marks_in(draft.fields), words)
        self._show_standing()

    async def spell(self) -> None:
        """Look for doubtful words, on the vault's thread; none are in doubt where the reader wants none."""
        if not self.face.setting("spelling", True):
            self.report.doubts = {}
            self.report.refresh()
            return
        buffer = self.report.buffer
        texts = dict(zip(buffer.ids, buffer.texts, strict=True))
        spelt = {name: text for name, (text, _) in self.report.doubts.items()}
        fresh = {name: text for name, text in texts.items() if spelt.get(name) != text}
        if not fresh:
            return
        found = await self.face.calls.vault(self.face.workstation.writing.doubts, fresh)
        self.report.doubts = {
            **self.report.doubts,
            **{name: (fresh[name], tuple((one.start, one.end) for one in found[name])) for name in fresh},
        }
        self.report.refresh()

    def checked(self) -> None:
        """The rules have run: spell what was written, and let an open list show what is new."""
        from .case_sheets import ChecksSheet

        self.face.spawn(self.spell(), "spell")
        for sheet in self.sheets:
            if isinstance(sheet, ChecksSheet):
                sheet.take(self.keeper.checks)

    # -- fields -----------------------------------------------------------------------------------
    def do_report_form(self, key: str) -> None:
        """The fields as a form."""
        from .form import FormSheet

        if self._draft is None:
            return
        self.look_at_report()
        self.open_sheet(FormSheet(self.report))

    # -- sections ---------------------------------------------------------------------------------
    def do_section_next(self, key: str) -> None:
        """The next section."""
        self.report.step_section(1)

    def do_section_previous(self, key: str) -> None:
        """The section above."""
        self.report.step_section(-1)

    def do_report_outline(self, key: str) -> None:
        """Sections with their words and fields; Enter goes there."""
        from .report_sheets import OutlineSheet

        if self.keeper.draft is None:
            self.face.tell("No report is begun. i begins one.", "soft")
            return
        self.look_at_report()

        def chosen(index: int | None) -> None:
            if index is not None:
                self.report.go_section(index)

        self.open_sheet(OutlineSheet(self.report), chosen)

    def do_text_find(self, key: str) -> None:
        """Find in the report; the same words again go on to the next place."""
        from .ask import AskText

        self.open_sheet(AskText("Find", "Words of the report.", start=self.report.sought), self._find)

    def _find(self, words: str | None) -> None:
        if words and not self.report.find(words):
            self.face.tell(f"“{words[:40]}” does not stand in the report.", "soft")

    # -- going back -------------------------------------------------------------------------------
    def do_text_undo(self, key: str) -> None:
        """Undo; behind the first change of this sitting go on into the journal."""
        if not self.report.swap(redo=False) and self._draft is not None:
            self.face.spawn(self._undo_older(), "undo")

    async def _undo_older(self) -> None:
        buffer, draft = self.report.buffer, self.keeper.draft
        if draft is None:
            return
        await self.keeper.flush()
        states = await self.face.calls.vault(
            self.face.workstation.writing.states, draft.id, before=buffer.oldest
        )
        if self.report.buffer is buffer:
            buffer.add_older([(one.seq, one.texts) for one in states])
            if not self.report.swap(redo=False):
                self.face.tell("Nothing more to undo: this is how the draft began.", "soft")

    def do_text_redo(self, key: str) -> None:
        """Redo in the text."""
        if not self.report.swap(redo=True):
            self.face.tell("Nothing to do again.", "soft")

    def do_undo(self, key: str) -> None:
        """The last change of the text."""
        self.do_text_undo(key)

    def do_case_history(self, key: str) -> None:
        """Signed versions of the case, and earlier texts of the draft; Enter goes back to one of those."""
        self.face.spawn(self._versions(), "history")

    async def _versions(self) -> None:
        from .versions import show_versions

        begun = self.keeper.draft is not None
        if begun:
            self.look_at_report()
        if await show_versions(self, self.case.item.key, self._earlier_texts if begun else None):
            return
        if begun:
            await self._history()
        else:
            self.face.tell("No report is begun, and nothing is signed here.", "soft")

    def _earlier_texts(self) -> None:
        self.face.spawn(self._history(), "history")

    async def _history(self) -> None:
        from .report_sheets import HistorySheet

        draft = self._draft
        if draft is None:
            return
        await self.keeper.flush()
        states = await self.face.calls.vault(self.face.workstation.writing.states, draft.id, most=200)
        self.look_at_report()
        labels = dict(zip(self.report.buffer.ids, self.report.buffer.labels, strict=True))
        self.open_sheet(HistorySheet(states, labels), self._go_back_to)

    def _go_back_to(self, texts: Mapping[str, str] | None) -> None:
        if texts is not None and self._draft is not None:
            self.report.buffer.put_all({name: texts.get(name, "") for name in self.report.buffer.ids})
            self.report.changed()
            self.face.tell("The draft stands as it did then. Undo takes that back.", "good")

    # -- checks -----------------------------------------------------------------------------------
    def do_checks_list(self, key: str) -> None:
        """The checks; Enter goes there."""
        from .case_sheets import ChecksSheet

        if self.keeper.draft is None:
            self.face.tell("No report is begun, so nothing can be checked yet.", "soft")
            return
        self.open_sheet(ChecksSheet(self.keeper.checks, self.overrides), self._go_to_check)

    def _go_to_check(self, index: int | None) -> None:
        if index is not None and index < len(self.keeper.checks):
            one = self.keeper.checks[index]
            self.look_at_report()
            self.report.place_cursor(one.section or "findings", one.field)

    # -- spelling ---------------------------------------------------------------------------------
    def do_text_spell(self, key: str) -> None:
        """The next doubtful word, and what may be meant."""
        self.face.spawn(self._spell_next(), "spelling")

    async def _spell_next(self) -> None:
        from .report_sheets import SpellSheet

        if self._draft is None:
            return
        if not self.face.setting("spelling", True):
            self.face.tell("Spelling is off. Esc, then g s switches it on.", "soft")
            return
        await self.spell()
        found = self.report.next_doubt()
        if found is None:
            self.face.tell("No word is in doubt.", "good")
            return
        word = self.report.buffer.text[found[0] : found[1]]
        # the first search sorts all words: never on the vault's thread, where it would hold up a save
        search = asyncio.to_thread(self.face.workstation.writing.suggest, word)
        instead = await asyncio.wait_for(search, VAULT_SECONDS)

        def chosen(answer: str | None) -> None:
            if answer == SpellSheet.LEARN:
                self.face.spawn(self._learn(word), "spelling")
            elif answer is not None:
                self.report.write(answer)

        self.open_sheet(SpellSheet(word, instead), chosen)

    async def _learn(self, word: str) -> None:
        await self.face.calls.vault(self.face.workstation.writing.learn, word)
        self.report.doubts = {}
        await self.spell()
        self.face.tell("The word is in your own list now.", "good")

    # -- the prior report -------------------------------------------------------------------------
    def do_report_compare(self, key: str) -> None:
        """The prior report beside the draft."""
        self.face.spawn(self._compare(), "compare")

    async def _compare(self) -> None:
        from .prior import PriorBeside

        draft = self._draft
        if draft is None:
            return
        await self.keeper.flush()
        priors = await self.face.calls.vault(self.face.workstation.writing.earlier, draft.id)
        if not priors:
            self.face.tell("No earlier report of this patient is here.", "soft")
            return
        self.look_at_report()
        await self.app.push_screen(PriorBeside(self, priors))

    async def copy_sentence(self, section: str, sentence: str, prior: PriorReport) -> None:
        """Put a sentence of an earlier report behind a section's text, marked until it is edited."""
        pane = self.report
        if self._draft is None or section not in pane.buffer.ids:
            return
        text = pane.buffer.texts[pane.buffer.ids.index(section)].rstrip()
        joint = "\n" if "\n" in text else " "  # a section of lines takes a line of its own
        pane.buffer.put_all({section: f"{text}{joint if text else ''}{sentence}"})
        pane.changed()
        writing = self.face.workstation.writing
        draft = await self.keeper.note(writing.mark_copied, {section: sentence}, str(prior.id))
        self._show_notes(draft)

    # -- the alert --------------------------------------------------------------------------------
    def do_report_alert(self, key: str) -> None:
        """Who was told of the critical finding, when and how."""
        self.face.spawn(self._ask_alert(), "alert")

    async def _ask_alert(self) -> None:
        from .alert import AlertSheet

        draft = self._draft
        if draft is None:
            return
        categories = await self.face.calls.vault(self.face.workstation.writing.categories, draft.id)
        self.look_at_report()
        self.open_sheet(AlertSheet(categories, draft, self.face.now()), self._alert_answered)

    def _alert_answered(self, answer: tuple[str, str, str, str] | None) -> None:
        if answer is not None:
            self.face.spawn(self._keep_alert(answer), "alert")

    async def _keep_alert(self, answer: tuple[str, str, str, str]) -> None:
        writing = self.face.workstation.writing
        gone = not any(answer)
        draft = await (
            self.keeper.note(writing.clear_alert) if gone else self.keeper.note(writing.set_alert, *answer)
        )
        self._show_notes(draft)
        self.face.tell("The alert is taken away." if gone else "The alert stands in the report.", "good")
