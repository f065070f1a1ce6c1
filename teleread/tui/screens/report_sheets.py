"""Sheets about the text being written: its outline, its earlier states, a doubtful word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from textual import events

from teleread.tui.editor import fields_of
from teleread.tui.paint import Line, fit
from teleread.tui.widgets.lines import Lines, Row
from teleread.tui.widgets.report_marks import words_in
from teleread.tui.words import clock, day

from .sheet import Sheet, T

if TYPE_CHECKING:
    from teleread.tui.widgets.report import ReportPane
    from teleread.workstation.writing import DraftState

__all__ = ["HistorySheet", "OutlineSheet", "Picking", "SpellSheet"]

STEPS: Final = {"w": -1, "up": -1, "s": 1, "down": 1, "W": -9, "pageup": -9, "S": 9, "pagedown": 9}


class Picking(Sheet[T]):
    """A sheet with one row of several in focus.

    Subclasses say how many there are (`count`), draw one (`draw`), and take the one in focus (`take_one`).
    """

    HINTS: tuple[tuple[str, str], ...] = (("w s", "choose"), ("Enter", "go there"), ("Esc", "back"))
    IN_SIGHT = 10
    """Most rows shown at once."""
    at = 0

    def count(self) -> int:
        """Rows to choose from."""
        return 0

    def draw(self, index: int, line: Line, width: int) -> Line:
        """One row, on its ground."""
        return line

    def take_one(self) -> None:
        """The row in focus was taken."""

    def wanted(self) -> int:
        """The heading and the rows in sight."""
        return min(self.IN_SIGHT, max(1, self.count())) + 2

    def first(self) -> int:
        """The first row in sight."""
        return max(0, min(self.at - self.IN_SIGHT // 2, self.count() - self.IN_SIGHT))

    def picked(self, width: int) -> list[Row]:
        """The rows in sight."""
        made: list[Row] = []
        for index in range(self.first(), min(self.first() + self.IN_SIGHT, self.count())):
            ground = "select" if index == self.at else "raised"
            made.append((self.draw(index, Line(self.face.look, ground).gap(), width).to(width), None))
        return made

    async def _on_key(self, event: events.Key) -> None:
        step = STEPS.get(event.key)
        if step is not None:
            event.stop()
            event.prevent_default()
            self.at = min(max(self.at + step, 0), max(0, self.count() - 1))
            self.renew()

    def do_sheet_ok(self, key: str) -> None:
        """Enter takes the one in focus."""
        if self.count():
            self.take_one()

    def on_lines_clicked(self, message: Lines.Clicked) -> None:
        """A click chooses, a second one takes."""
        index = self.first() + message.row - 1
        if message.row < 1 or not 0 <= index < self.count():
            return
        if index == self.at:
            self.take_one()
        else:
            self.at = index
            self.renew()


class OutlineSheet(Picking[int]):
    """Sections with their words and their fields; Enter goes to one.

    Args:
        pane: The report.
    """

    def __init__(self, pane: ReportPane) -> None:
        super().__init__()
        self.pane = pane
        self.at = pane.buffer.section

    def count(self) -> int:
        """A row a section."""
        return len(self.pane.buffer.ids)

    def rows(self, width: int) -> Sequence[Row]:
        """Name, words, what is still open."""
        total = words_in(self.pane.buffer.texts)
        return [self.heading("Outline", width, f"{total} words"), *self.picked(width)]

    def draw(self, index: int, line: Line, width: int) -> Line:
        """One section."""
        buffer = self.pane.buffer
        text = buffer.texts[index]
        count = words_in((text,))
        left = sum(is_open for _, _, is_open in fields_of(text))
        line.put(fit(buffer.labels[index], 24), "strong" if index == self.at else "text").gap()
        line.put(f"{count:5d} word{'' if count == 1 else 's'}".ljust(13), "soft" if count else "warn")
        if left:
            line.put(f"{self.face.glyphs.settle} {left} to fill  ", "danger", bold=True)
        begins = " ".join(text.split())
        return line.put(fit(begins, max(0, width - line.width - 2)).rstrip(), "soft")

    def take_one(self) -> None:
        """Go there."""
        self.finish(self.at)


class HistorySheet(Picking[Mapping[str, str]]):
    """Earlier texts of the draft, the newest first; Enter goes back to one, and that can be undone.

    Args:
        states: Points of the journal, the oldest first.
        labels: Section id to its heading.
    """

    HINTS = (("w s", "choose"), ("Enter", "go back to it"), ("Esc", "back"))
    IN_SIGHT = 8
    PREVIEW: Final = 4
    """Rows of the text in focus."""

    def __init__(self, states: Sequence[DraftState], labels: Mapping[str, str]) -> None:
        super().__init__()
        self.states = list(reversed(states))
        self.labels = labels

    def count(self) -> int:
        """A row a point."""
        return len(self.states)

    def wanted(self) -> int:
        """The list, and what was changed at the one in focus."""
        return super().wanted() + self.PREVIEW + 1

    def rows(self, width: int) -> Sequence[Row]:
        """Points; below them what the one in focus wrote."""
        made: list[Row] = [
            self.heading("Earlier texts", width, "nothing was ever deleted"),
            *self.picked(width),
        ]
        if not self.states:
            return [*made, (self.start().put("The draft has no earlier text.", "soft"), None)]
        made.append(self.heading("It reads", width, self._named(self.states[self.at])))
        return [*made, *((self.start().put(part), None) for part in self._preview(width))]

    def _preview(self, width: int) -> list[str]:
        from teleread.tui.paint import wrap

        state = self.states[self.at]
        changed = [state.texts.get(name, "") for name in state.changed if name in state.texts]
        return wrap("\n".join(changed or state.texts.values()), width - 3)[-self.PREVIEW :]

    def _named(self, state: DraftState) -> str:
        return ", ".join(self.labels.get(name, name) for name in state.changed[:3]) or "as it began"

    def draw(self, index: int, line: Line, width: int) -> Line:
        """Time, words, sections."""
        state = self.states[index]
        count = words_in(state.texts.values())
        line.put(f"{day(state.at, short=True)} {clock(state.at, seconds=True)}", "strong").gap(2)
        line.put(f"{count:5d} words", "text").gap(2)
        words = "as it began" if state.seq == 0 else self._named(state)
        return line.put(fit(words, max(0, width - line.width - 2)).rstrip(), "soft")

    def take_one(self) -> None:
        """Go back to it."""
        self.finish(self.states[self.at].texts)


class SpellSheet(Picking[str]):
    """A doubtful word: what may be meant by number, or into the reader's own list.

    Args:
        word: As it stands.
        instead: What may be meant, the likeliest first.
    """

    LEARN: Final = "\0learn"
    """The answer for: the word is right."""
    HINTS = (("1-9", "take it"), ("w s", "choose"), ("l", "learn the word"), ("Esc", "leave it"))

    def __init__(self, word: str, instead: Sequence[str]) -> None:
        super().__init__()
        self.word = word
        self.instead = list(instead)[:9]

    def count(self) -> int:
        """A row a suggestion."""
        return len(self.instead)

    def rows(self, width: int) -> Sequence[Row]:
        """The word, and what may be meant."""
        made: list[Row] = [self.heading(f"“{self.word}”", width, "l puts it into your own list")]
        if not self.instead:
            made.append((self.start().put("No likely word is known.", "soft"), None))
        return [*made, *self.picked(width)]

    def draw(self, index: int, line: Line, width: int) -> Line:
        """A number and a word."""
        return line.put(f"{index + 1}", "strong", bold=True).gap(2).put(self.instead[index])

    def take_one(self) -> None:
        """Put it in the word's place."""
        self.finish(self.instead[self.at])

    def do_sheet_code(self, key: str) -> None:
        """A number takes it."""
        if 1 <= int(key) <= len(self.instead):
            self.finish(self.instead[int(key) - 1])

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "l":
            event.stop()
            self.finish(self.LEARN)
            return
        await super()._on_key(event)
