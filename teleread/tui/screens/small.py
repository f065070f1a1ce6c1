"""The screen of a window that is too small: one sentence; everything below it stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from teleread.tui.face import face
from teleread.tui.paint import Line, wrap
from teleread.tui.widgets.lines import Lines, Row

__all__ = ["LEAST", "TooSmall", "too_small"]

LEAST: Final = (60, 15)
"""Columns and rows that the screens need."""


def too_small(width: int, height: int) -> bool:
    """Whether a window is too small for the screens."""
    return width < LEAST[0] or height < LEAST[1]


class TooSmall(Screen[None], inherit_bindings=False):
    """Lies on top while the window is too small; no key below it does anything."""

    def compose(self) -> ComposeResult:
        """The sentence."""
        yield Lines(self._rows, ground="room", id="sentence")

    def _rows(self, width: int) -> Sequence[Row]:
        look, size = face(self).look, self.app.size
        words = f"teleread needs {LEAST[0]}x{LEAST[1]}, this is {size.width}x{size.height}."
        after = "Your text is kept. F12 locks."
        return [
            (Line(look).put(part, role), None)
            for text, role in ((words, "strong"), (after, "soft"))
            for part in wrap(text, width)
        ]

    def on_resize(self, event: events.Resize) -> None:
        """The sentence says the size."""
        self.query_one(Lines).renew()

    def key_f12(self) -> None:
        """Locking must be possible at any size."""
        face(self).act("app.lock")
