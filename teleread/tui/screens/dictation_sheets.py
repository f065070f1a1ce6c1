"""Sheets of dictation: what can be said."""

from __future__ import annotations

from collections.abc import Sequence

from teleread.tui.paint import Line, fit
from teleread.tui.widgets.lines import Row

from .report_sheets import Picking

__all__ = ["SaySheet"]


class SaySheet(Picking[str]):
    """Every voice command with what it does."""

    HINTS = (("w s", "up, down"), ("Esc", "back"))

    def __init__(self) -> None:
        from teleread.dictation.commands import COMMANDS

        super().__init__()
        self.commands = COMMANDS

    def count(self) -> int:
        """A row a command."""
        return len(self.commands)

    def rows(self, width: int) -> Sequence[Row]:
        """What to say, what it does."""
        return [self.heading("What can be said, alone", width, "none signs or sends"), *self.picked(width)]

    def draw(self, index: int, line: Line, width: int) -> Line:
        """One command."""
        one = self.commands[index]
        said = "  ".join(phrase.replace("{", "").replace("}", "") for phrase in one.phrases[:2])
        line.put(fit(f"“{said}”", 38 if width > 70 else 24), "voice").gap()
        words = f"{one.text}; a key does the rest" if one.needs_key else one.text
        return line.put(fit(words, max(0, width - line.width - 2)).rstrip(), "soft")

    def take_one(self) -> None:
        """Nothing is done by choosing: it is to be said."""
        self.finish(None)
