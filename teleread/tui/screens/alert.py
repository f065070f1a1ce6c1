"""The alert of a critical finding: its category by the hub's table, who was told, when and how."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from textual import events
from textual.widget import Widget

from teleread.model.report import Draft
from teleread.reporting.alerts import METHODS, Category, alert_in
from teleread.tui.paint import Line, fit
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.lines import Lines, Row
from teleread.tui.words import clock, day

from .sheet import Sheet

__all__ = ["AlertSheet"]

STEPS: Final = ("category", "told", "when", "how")
ASKS: Final = {
    "category": "How pressing is it? A number takes one.",
    "told": "Who was told? Name and role.",
    "when": "When? Enter takes the time now.",
    "how": "How? Number and Enter, or words of your own.",
}


class AlertSheet(Sheet[tuple[str, str, str, str]]):
    """Four answers, one after another: category, person, time, method. Four empty ones take it away.

    Args:
        categories: The hub's.
        draft: The draft, perhaps with an alert.
        now: The time, UTC.
    """

    def __init__(self, categories: Sequence[Category], draft: Draft, now: datetime) -> None:
        super().__init__()
        self.categories = categories[:9]
        self.answers: dict[str, str] = {}
        self.standing = alert_in(draft.fields)
        self.now_words = f"{day(now)} {clock(now)}"
        away = (("x", "take it away"),) if self.standing else ()
        self.HINTS = (("1-9", "choose"), ("Enter", "go on"), *away, ("Esc", "back"))

    @property
    def step(self) -> str:
        """What is asked now."""
        return STEPS[len(self.answers)]

    def parts(self) -> Sequence[Widget]:
        """Rows, and the line to type into."""
        return [
            Lines(self.rows, edge=True, ground="raised", id="rows"),
            Entry(">", ground="raised", id="answer"),
        ]

    def wanted(self) -> int:
        """Heading, answers, the question with its choices, the line."""
        return 7 + max(len(self.categories), len(METHODS))

    def rows(self, width: int) -> Sequence[Row]:
        """What was answered, and what is asked."""
        made: list[Row] = [self.heading("Critical finding", width, "stands in every form")]
        if self.standing and not self.answers:
            old = self.standing
            words = f"now: {old.told}, {old.at}, {old.method}"
            made.append((self.start().put(fit(words, width - 3).rstrip(), "warn"), None))
        for name, answer in self.answers.items():
            made.append((self.start().put(fit(name, 10), "soft").put(fit(answer, width - 14).rstrip()), None))
        made.append((self.start().put(ASKS[self.step], "strong"), None))
        made += [(self._choice(index, words, width), None) for index, words in enumerate(self._choices(), 1)]
        return made

    def _choice(self, index: int, words: str, width: int) -> Line:
        line = self.start().put(f"{index}", "strong", bold=True).gap(2)
        return line.put(fit(words, width - 7).rstrip())

    def _choices(self) -> list[str]:
        if self.step == "category":
            return [f"{one.code}  {one.text}" for one in self.categories]
        return list(METHODS) if self.step == "how" else []

    def first_focus(self) -> Widget:
        """The keys choose first; the line takes them where words are asked."""
        return self if not self.answers else self.query_one(Entry)

    def _take(self, answer: str) -> None:
        self.answers[self.step] = answer
        if len(self.answers) == len(STEPS):
            found = tuple(self.answers[one] for one in STEPS)
            self.finish((found[0], found[1], found[2], found[3]))
            return
        entry = self.query_one(Entry)
        entry.set(self.now_words if self.step == "when" else "")
        self.screen.set_focus(entry, scroll_visible=False)
        self.renew()

    def do_sheet_code(self, key: str) -> None:
        """A number takes the category."""
        if self.step == "category" and 1 <= int(key) <= len(self.categories):
            self._take(str(self.categories[int(key) - 1].code))

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "x" and self.standing and not self.answers:
            event.stop()
            self.finish(("", "", "", ""))

    def on_entry_submitted(self, message: Entry.Submitted) -> None:
        """Enter takes what was typed; a number among the ways, the way."""
        message.stop()
        words = message.entry.value.strip()
        choices = self._choices()
        if words.isdigit() and 1 <= int(words) <= len(choices):
            words = (
                str(self.categories[int(words) - 1].code)
                if self.step == "category"
                else choices[int(words) - 1]
            )
        if words:
            self._take(words)

    def on_entry_left(self, message: Entry.Left) -> None:
        """Escape: nothing happens."""
        message.stop()
        self.finish(None)
