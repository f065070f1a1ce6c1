"""Small questions: a reason, a window, whether to leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual import events
from textual.widget import Widget

from teleread.model import giving_back
from teleread.tui.paint import Line
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.lines import Lines, Row

from .sheet import Sheet

__all__ = ["REASONS", "AskText", "Choose", "GiveBack", "Leave"]

REASONS: Final = tuple(giving_back.REASONS.items())[:9]
"""(code of DICOM CID 9303, meaning): those a reader gives, one for each digit."""


class GiveBack(Sheet[tuple[str, str]]):
    """Give a case back: a reason from the list, and words where the reader wants them."""

    HINTS = (("1-9", "reason"), ("Enter", "nothing"), ("Esc", "back"))

    def __init__(self, reasons: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.reasons = reasons

    def wanted(self) -> int:
        """Heading, reasons, a line of words."""
        return len(self.reasons) + 3

    def rows(self, width: int) -> Sequence[Row]:
        """Numbered reasons."""
        made: list[Row] = [self.heading("Give back", width, "the draft is kept")]
        for index, (_, words) in enumerate(self.reasons, 1):
            made.append((self.start().put(f"{index}", "strong", bold=True).gap(2).put(words), None))
        made.append((self.start().put("A number gives the case back. Esc: nothing happens.", "soft"), None))
        return made

    def do_sheet_code(self, key: str) -> None:
        """A number chooses."""
        index = int(key) - 1
        if 0 <= index < len(self.reasons):
            self.finish(self.reasons[index])


class Choose(Sheet[int]):
    """One of a few words, by number or by Enter.

    Args:
        title: Heading.
        words: What can be chosen, at most nine.
        now: Index of what is chosen now.
    """

    HINTS = (("1-9", "choose"), ("w s", "choose"), ("Enter", "take it"), ("Esc", "back"))

    def __init__(self, title: str, words: Sequence[str], *, now: int = 0) -> None:
        super().__init__()
        self.title_words = title
        self.words = words[:9]
        self.now = self.at = now

    def wanted(self) -> int:
        """Heading and a row each."""
        return len(self.words) + 1

    def rows(self, width: int) -> Sequence[Row]:
        """Numbered words."""
        made: list[Row] = [self.heading(self.title_words, width)]
        for index, words in enumerate(self.words):
            chosen = index == self.at
            line = Line(self.face.look, "select" if chosen else "raised").gap()
            line.put(f"{index + 1}", "strong", bold=True).gap(2).put(words, "strong" if chosen else "text")
            made.append((line.gap(2).put("now" if index == self.now else "", "soft").to(width), None))
        return made

    def do_sheet_code(self, key: str) -> None:
        """A number takes it."""
        if 1 <= int(key) <= len(self.words):
            self.finish(int(key) - 1)

    def do_sheet_ok(self, key: str) -> None:
        """Enter takes the one in focus."""
        self.finish(self.at)

    async def _on_key(self, event: events.Key) -> None:
        step = {"w": -1, "up": -1, "s": 1, "down": 1}.get(event.key)
        if step is not None:
            event.stop()
            event.prevent_default()
            self.at = min(max(self.at + step, 0), len(self.words) - 1)
            self.renew()

    def on_lines_clicked(self, message: Lines.Clicked) -> None:
        """A click takes it."""
        if 1 <= message.row <= len(self.words):
            self.finish(message.row - 1)


class AskText(Sheet[str]):
    """One line of text, checked by the caller.

    Args:
        title: Heading.
        words: What is wanted, one sentence.
        secret: Show dots.
        start: Text to begin with.
    """

    HINTS = (("Enter", "go on"), ("Esc", "back"))

    def __init__(self, title: str, words: str, *, secret: bool = False, start: str = "") -> None:
        super().__init__()
        self.title_words = title
        self.words = words
        self.secret = secret
        self.start_text = start

    def parts(self) -> Sequence[Widget]:
        """Heading, words, the line."""
        return [
            Lines(self.rows, edge=True, ground="raised", id="rows"),
            Entry(">", ground="raised", secret=self.secret, id="answer"),
        ]

    def wanted(self) -> int:
        """Three rows and one below."""
        return 4

    def rows(self, width: int) -> Sequence[Row]:
        """Heading and words."""
        return [self.heading(self.title_words, width), (self.start().put(self.words), None)]

    def on_mount(self) -> None:
        """The cursor stands in the line."""
        super().on_mount()
        self.query_one(Entry).set(self.start_text)

    def first_focus(self) -> Widget:
        """The line."""
        return self.query_one(Entry)

    def on_entry_submitted(self, message: Entry.Submitted) -> None:
        """Enter."""
        if message.entry.value.strip():
            self.finish(message.entry.value.strip())

    def on_entry_left(self, message: Entry.Left) -> None:
        """Escape."""
        self.finish(None)


class Leave(Sheet[bool]):
    """Leaving with reports that are not issued."""

    HINTS = (("y", "leave"), ("Esc", "stay"))

    def __init__(self, count: int, engine: bool) -> None:
        super().__init__()
        self.count = count
        self.engine = engine

    def wanted(self) -> int:
        """Four rows."""
        return 4

    def rows(self, width: int) -> Sequence[Row]:
        """What is not issued and what becomes of it."""
        one = self.count == 1
        words = "1 report is" if one else f"{self.count} reports are"
        after = (
            "The engine stays and sends by itself."
            if self.engine
            else "No engine is running: it is sent when teleread or its engine runs again."
        )
        return [
            self.heading("Leave", width),
            (
                self.start().put(
                    f"{self.face.glyphs.not_issued} {words} signed and NOT ISSUED.", "warn", bold=True
                ),
                None,
            ),
            (self.start().put(after), None),
            (self.start().put("y leaves. Esc stays. Everything is on disk.", "soft"), None),
        ]

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "y":
            event.stop()
            self.finish(True)
