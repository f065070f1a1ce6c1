"""The prior report beside the draft: sentence by sentence, sections side by side, turned sides first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.app import ComposeResult

from teleread.tui.paint import Line, fit, wrap
from teleread.tui.widgets.bars import HintBar, StatusLine, TopBar
from teleread.tui.widgets.casebars import IdentityRow
from teleread.tui.widgets.lines import Row
from teleread.tui.words import day
from teleread.workstation.api import WorklistItem

from .pages import Page, PageLines

if TYPE_CHECKING:
    from teleread.model.report import Section
    from teleread.model.task import PriorReport
    from teleread.reporting.diff import SentencePair

    from .reading_report import ReadingReport

__all__ = ["Entry", "PriorBeside", "told_first"]

_SIGNS: Final = {"same": (" ", "soft"), "changed": ("~", "warn"), "new": ("+", "good"), "gone": ("-", "soft")}


@dataclass(frozen=True, slots=True)
class Entry:
    """A pair of sentences in a section."""

    section: Section
    pair: SentencePair


def told_first(entries: Sequence[Entry]) -> list[Entry]:
    """Pairs in the order they are read, those whose side or denial turned round before all others."""
    return sorted(entries, key=lambda one: not (one.pair.sided or one.pair.denied))


class PriorBeside(Page):
    """A draft and an earlier report, side by side; Enter copies a sentence, marked until it is edited.

    Args:
        reading: The screen the draft is written on.
        priors: Earlier reports, the newest first.
    """

    NAME = "Prior report"
    HINTS: tuple[str, ...] = ("move.down", "case.open", "move.right", "app.back", "app.go", "help.keys")
    WORDS: ClassVar[dict[str, str]] = {
        "move.down": "sentence",
        "case.open": "copy this sentence",
        "move.right": "report before, after",
        "app.back": "back to the report",
    }

    def __init__(self, reading: ReadingReport, priors: Sequence[PriorReport]) -> None:
        super().__init__()
        self.reading = reading
        self.priors = priors
        self.shown = 0
        self.at = 0
        self.entries: list[Entry] = []
        self._tops: list[int] = []
        """First row of each entry."""

    def compose(self) -> ComposeResult:
        """Top bar, who it is, rows, two last rows."""
        yield TopBar(id="top")
        yield IdentityRow(id="identity")
        yield PageLines(self.rows, ground="room", id="page")
        yield StatusLine(id="status")
        yield HintBar(id="hints")

    def on_mount(self) -> None:
        """Compare."""
        super().on_mount()
        self.query_one(IdentityRow).show(self.reading.case)
        self.face.spawn(self._compare(), "compare")

    @property
    def prior(self) -> PriorReport:
        """The one that is shown."""
        return self.priors[self.shown]

    def item(self) -> WorklistItem:
        """The open case."""
        return self.reading.case.item

    async def _compare(self) -> None:
        draft = self.reading.keeper.draft
        if draft is None:
            return
        writing = self.face.workstation.writing
        found = await self.face.calls.vault(writing.compared, draft.id, self.prior)
        self.entries = told_first([Entry(section, pair) for section, pairs in found for pair in pairs])
        self.at = min(self.at, max(0, len(self.entries) - 1))
        self.page.renew()

    # -- drawing ----------------------------------------------------------------------------------
    def rows(self, width: int) -> Sequence[Row]:
        """Two columns: the draft left, the earlier report right."""
        half = max(12, (width - 3) // 2)
        prior = self.prior
        who = ", ".join(one for one in (day(prior.issued), prior.author, prior.status) if one)
        head = Line(self.face.look, "room").gap().put(fit("Now, draft", half), "strong", bold=True)
        head.put(f"{self.face.glyphs.rail} ", "line")
        head.put(fit(f"PRIOR  {who}", half - 2).rstrip(), "warn", bold=True)
        more = Line(self.face.look, "room").put(f"{self.shown + 1} of {len(self.priors)}", "soft").gap()
        made: list[Row] = [(head, more)]
        self._tops = []
        last = ""
        for index, one in enumerate(self.entries):
            if one.section.id != last:
                last = one.section.id
                line = Line(self.face.look, "room").gap()
                line.rule(one.section.label, width - 2, "", glyph=self.face.glyphs.rule, note_role="soft")
                made.append((line, None))
            self._tops.append(len(made))
            made += [(line, None) for line in self._pair(index, one.pair, half, width)]
        if not self.entries:
            made.append((Line(self.face.look, "room").gap().put("Nothing to compare.", "soft"), None))
        return made

    def _pair(self, index: int, pair: SentencePair, half: int, width: int) -> list[Line]:
        sign, role = _SIGNS.get(pair.kind, (" ", "soft"))
        turned = pair.sided or pair.denied
        if turned:
            sign, role = self.face.glyphs.differs, "danger"
        ground = "select" if index == self.at else "room"
        left, right = wrap(pair.after, half - 4), wrap(pair.before, half - 4)
        note = "side!" if pair.sided else "denial!" if pair.denied else ""
        made = []
        for row in range(max(len(left), len(right), 1)):
            line = Line(self.face.look, ground).put(
                self.face.glyphs.bar if index == self.at else " ", "accent"
            )
            mine = left[row] if row < len(left) else ""
            theirs = right[row] if row < len(right) else ""
            mark = sign if row == 0 else " "
            line.put(f"{mark if pair.kind != 'gone' else ' '} ", role, bold=turned)
            line.put(fit(mine, half - 3), "danger" if turned else "text").put(
                f"{self.face.glyphs.rail} ", "line"
            )
            line.put(f"{mark if pair.kind != 'new' else ' '} ", role, bold=turned)
            line.put(
                fit(theirs, max(4, half - 12)) if row == 0 and note else theirs, _right_role(pair, turned)
            )
            if row == 0 and note:
                line.put(note, "danger", bold=True)
            made.append(line.to(width))
        return made

    # -- keys -------------------------------------------------------------------------------------
    def _go(self, to: int) -> None:
        self.at = min(max(to, 0), max(0, len(self.entries) - 1))
        self.page.renew()
        if self._tops:
            top, high = self._tops[self.at], self.page.size.height
            if top < self.page.top + 2:
                self.page.scroll_rows(top - 2 - self.page.top)
            elif top + 2 >= self.page.top + high:
                self.page.scroll_rows(top + 3 - high - self.page.top)

    def do_move_up(self, key: str) -> None:
        """A sentence up."""
        self._go(self.at - 1)

    def do_move_down(self, key: str) -> None:
        """A sentence down."""
        self._go(self.at + 1)

    def do_move_up_ten(self, key: str) -> None:
        """Ten up."""
        self._go(self.at - 10)

    def do_move_down_ten(self, key: str) -> None:
        """Ten down."""
        self._go(self.at + 10)

    def do_go_first(self, key: str) -> None:
        """The first sentence."""
        self._go(0)

    def do_go_last(self, key: str) -> None:
        """The last sentence."""
        self._go(1 << 30)

    def _show(self, index: int) -> None:
        if 0 <= index < len(self.priors):
            self.shown, self.at = index, 0
            self.face.spawn(self._compare(), "compare")

    def do_move_left(self, key: str) -> None:
        """The newer report."""
        self._show(self.shown - 1)

    def do_move_right(self, key: str) -> None:
        """The older report."""
        self._show(self.shown + 1)

    def do_case_open(self, key: str) -> None:
        """Copy the sentence of the earlier report."""
        if self.entries:
            self.face.spawn(self._copy(self.entries[self.at]), "copy")

    async def _copy(self, one: Entry) -> None:
        if not one.pair.before:
            self.face.tell("The earlier report has no such sentence.", "soft")
            return
        if one.section.id not in self.reading.report.buffer.ids:
            self.face.tell(f"This report has no section {one.section.label}.", "soft")
            return
        await self.reading.copy_sentence(one.section.id, str(one.pair.before), self.prior)
        self.face.tell(f"Copied into {one.section.label}; it stays marked until you edit it.", "good")
        await self._compare()

    def on_lines_clicked(self, message: PageLines.Clicked) -> None:
        """A click chooses."""
        found = [index for index, top in enumerate(self._tops) if top <= message.row]
        if found:
            self._go(found[-1])

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.face.act("app.back")

    async def before_lock(self) -> None:
        """Nothing is held here; the reading screen below keeps the draft."""

    def after_unlock(self) -> None:
        """Compare again."""
        self.face.spawn(self._compare(), "compare")


def _right_role(pair: SentencePair, turned: bool) -> str:
    if turned:
        return "danger"
    return "text" if pair.kind != "same" else "soft"
