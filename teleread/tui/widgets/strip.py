"""The worklist beside the open case, on wide windows: two rows a case, the open one in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from teleread.model.task import TaskKey
from teleread.tui.paint import Line, fit
from teleread.tui.words import due_words, person
from teleread.workstation.api import WorklistItem

from .rows import Rows

__all__ = ["WIDTH", "CaseStrip"]

WIDTH = 32
"""Columns of the strip."""
DUE = 10
EACH = 2
"""Rows a case takes: time left and name, then the examination."""


class CaseStrip(Rows):
    """Time left, name and examination of the cases, as the list has them; a click opens one."""

    DEFAULT_CSS = f"""
    CaseStrip {{ height: 1fr; width: {WIDTH}; margin: 0 1 0 0; }}
    """
    GROUND = "panel"

    @dataclass
    class Picked(Message):
        """A case was clicked."""

        item: WorklistItem

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.items: Sequence[WorklistItem] = ()
        self.here: TaskKey | None = None

    def show(self, items: Sequence[WorklistItem], here: TaskKey) -> None:
        """Take the rows of the list, and which of them is open."""
        self.items, self.here = items, here
        self.refresh()

    def _first(self) -> int:
        """Index of the first case in sight: the open one stands in the upper third."""
        fitting = max(1, (self.size.height - 1) // EACH)
        here = next((index for index, one in enumerate(self.items) if one.key == self.here), 0)
        return max(0, min(here - fitting // 3, len(self.items) - fitting))

    def _at(self, y: int) -> WorklistItem | None:
        index = self._first() + (y - 1) // EACH
        return self.items[index] if y and index < len(self.items) else None

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """The heading, then two rows a case."""
        if y == 0:
            count = self.start().put(f"{len(self.items)}", "soft").gap()
            return self.start().gap().put("Worklist", "strong", bold=True), count
        item = self._at(y)
        if item is None:
            return self.start(), None
        chosen = item.key == self.here
        line = self.start("select" if chosen else self.GROUND)
        line.put(self.glyphs.bar if chosen else " ", "accent")
        room = width - line.width - DUE - 1
        if (y - 1) % EACH:
            line.gap(DUE).put(fit(item.procedure or item.modality, room), "soft")
            return line.to(width), None
        quarter, words, role = due_words(item.due, item.due_used, self.face.now())
        due = f"{self.glyphs.due[quarter]} {words}" if words else ""
        line.put(fit(due, DUE), role)
        name = person(item.name)
        if not self.face.demo:
            return line.put(fit(name, room), "strong" if chosen else "text", bold=chosen).to(width), None
        line.put(fit(name, room - 5), "strong" if chosen else "text", bold=chosen)
        return line.put(" DEMO", "warn").to(width), None

    def on_click(self, event: events.Click) -> None:
        """A click opens the case."""
        item = self._at(event.y)
        if item is not None and item.key != self.here:
            self.post_message(self.Picked(item))
