"""One line to type into: filter, palette, reason, PIN."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from textual import events
from textual.binding import BindingsMap
from textual.message import Message

from teleread.tui.guard import harmless
from teleread.tui.paint import Line

from .rows import Rows

__all__ = ["Entry"]


class Entry(Rows, can_focus=True):
    """A line of text with a cursor.

    Args:
        prompt: Words before it.
        secret: Show dots.
        bindings: Keys of text.
    """

    GROUND = "raised"
    LIMIT = 500
    """Most characters it takes."""

    @dataclass
    class Changed(Message):
        """The text is another one."""

        entry: Entry

    @dataclass
    class Submitted(Message):
        """Enter was pressed."""

        entry: Entry

    @dataclass
    class Left(Message):
        """Escape was pressed."""

        entry: Entry

    def __init__(
        self,
        prompt: str = "",
        *,
        secret: bool = False,
        ground: str = "raised",
        bindings: BindingsMap | None = None,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        super().__init__(id=id)
        self.prompt = prompt
        self.secret = secret
        self.ground = ground
        self.value = ""
        self.at = 0
        self.right: tuple[tuple[str, str], ...] = ()
        """What stands right: (words, role) parts."""
        if bindings is not None:
            self._bindings = bindings

    def set(self, value: str) -> None:
        """Take another text, cursor at its end; tells nobody."""
        self.value = value
        self.at = len(value)
        self.refresh()

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """Prompt, text, cursor."""
        line = self.start(self.ground)
        if self.prompt:
            line.gap().put(self.prompt, "accent", bold=True).gap()
        right = self.start(self.ground)
        for words, role in self.right:
            right.put(words, role)
        room = max(4, width - line.width - right.width - 3)
        shown = self.glyphs.secret * len(self.value) if self.secret else self.value
        start = 0
        while cell_len(shown[start : self.at]) > room - 1:
            start += 1
        before, after = shown[start : self.at], shown[self.at :]
        line.put(before, "strong" if self.has_focus else "text")
        if self.has_focus:
            line.put(after[:1] or " ", "strong", reverse=True)
            after = after[1:]
        line.put(after, "text")
        return line, right.gap() if self.right else None

    async def _on_key(self, event: events.Key) -> None:
        key = event.key
        if key == "enter":
            self._take(event)
            self.post_message(self.Submitted(self))
        elif key == "escape":
            self._take(event)
            self.post_message(self.Left(self))
        elif key in _MOVES:
            self._take(event)
            self.at = min(max(_MOVES[key](self.value, self.at), 0), len(self.value))
            self.refresh()
        elif key in _ERASES:
            self._take(event)
            self._change(*_ERASES[key](self.value, self.at))
        elif event.is_printable and event.character and not key.startswith(("alt+", "ctrl+")):
            self._take(event)
            self.type(event.character)

    def _take(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()

    def type(self, text: str) -> None:
        """Insert text at the cursor."""
        text = harmless(text)[: self.LIMIT - len(self.value)]
        if text:
            self._change(self.value[: self.at] + text + self.value[self.at :], self.at + len(text))

    def _change(self, value: str, at: int) -> None:
        moved = value != self.value
        self.value, self.at = value, at
        self.refresh()
        if moved:
            self.post_message(self.Changed(self))

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.type(" ".join(event.text.split()))

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()


def _word_left(value: str, at: int) -> int:
    head = value[:at].rstrip()
    return head.rfind(" ") + 1


_MOVES: Final[Mapping[str, Callable[[str, int], int]]] = {
    "left": lambda value, at: at - 1,
    "right": lambda value, at: at + 1,
    "home": lambda value, at: 0,
    "end": lambda value, at: len(value),
    "ctrl+left": _word_left,
    "ctrl+right": lambda value, at: (value.find(" ", at + 1) + 1) or len(value),
}
_ERASES: Final[Mapping[str, Callable[[str, int], tuple[str, int]]]] = {
    "backspace": lambda value, at: (value[: max(0, at - 1)] + value[at:], max(0, at - 1)),
    "delete": lambda value, at: (value[:at] + value[at + 1 :], at),
    "ctrl+u": lambda value, at: (value[at:], 0),
    "ctrl+k": lambda value, at: (value[:at], at),
    "ctrl+w": lambda value, at: (value[: _word_left(value, at)] + value[at:], _word_left(value, at)),
}
