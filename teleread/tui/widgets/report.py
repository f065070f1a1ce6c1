"""The report pane: sections under fixed headings, edited in place by keys and mouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual import events
from textual.binding import BindingsMap
from textual.message import Message

from teleread.model.report import Check, Draft
from teleread.tui.editor import Buffer, Passage
from teleread.tui.paint import Line

from .report_dictated import DictatedDrawing
from .report_drawing import INDENT
from .report_pick import Pick
from .vim import Vim

if TYPE_CHECKING:
    from teleread.reporting.autotext import Autotext

__all__ = ["ReportPane"]


class ReportPane(DictatedDrawing, can_focus=True):
    """An editor over the sections of one draft.

    Args:
        bindings: Keys of text.
        normal_mode: Keys of the vim preset's normal mode to action ids; None: keys always type.
        emacs: Add the keys Emacs moves the cursor with.
    """

    DEFAULT_CSS = """
    ReportPane { height: 1fr; width: 1fr; }
    """

    CONTEXT = "T"

    @dataclass
    class Edited(Message):
        """A text changed."""

        pane: ReportPane

    @dataclass
    class Refused(Message):
        """A key was typed where nothing can be written."""

        pane: ReportPane

    @dataclass
    class Wanted(Message):
        """A key of normal mode means an action of the table."""

        action: str

    def __init__(
        self,
        bindings: BindingsMap,
        normal_mode: Mapping[str, str] | None = None,
        *,
        emacs: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        super().__init__(id=id)
        self._bindings = bindings
        self._keys = _KEYS | (_EMACS_KEYS if emacs else {})
        self.vim = Vim(self, normal_mode) if normal_mode else None
        self.pick = Pick(self)
        self.sought = ""
        """What was looked for last."""
        self.library: Mapping[str, Autotext] = {}
        """Autotexts of the case, by name."""
        self._wish: int | None = None
        """Column the cursor comes back to while going up and down."""

    # -- the draft --------------------------------------------------------------------------------
    def take(self, draft: Draft, title: str, *, writable: bool) -> None:
        """Show a draft; the cursor stays where it was if it is the same one."""
        old = self.buffer
        passages = [Passage(one.id, str(one.label), str(one.text)) for one in draft.sections]
        self.buffer = Buffer(passages, draft.seq)
        if old.ids == self.buffer.ids:
            self.buffer.go(old.section, old.at)
        else:
            self._go_start()
        self._spans.clear()
        self.title, self.writable, self.notice = title, writable, ""
        self._laid = (-1, -1, [])
        self.refresh()

    def forget(self) -> None:
        """Show no draft."""
        self.buffer = Buffer(())
        self.writable, self.checks, self.top = False, (), 0
        self.template, self.copied, self.doubts, self.alert = None, (), {}, ""
        self._spans.clear()
        self._laid = (-1, -1, [])
        self.refresh()

    def _go_start(self) -> None:
        wanted = "findings" if "findings" in self.buffer.ids else (self.buffer.ids or [""])[0]
        if wanted:
            self.buffer.go(self.buffer.ids.index(wanted), 0)

    def dropped(self, width: int) -> Line | None:
        """Choices of the field in focus; autotexts whose name begins as what is typed."""
        return self.pick.line(width) if self.has_focus else None

    def show_checks(self, checks: Sequence[Check]) -> None:
        """Take what the rules found."""
        self.checks = checks
        self.refresh()

    # -- keys -------------------------------------------------------------------------------------
    async def _on_key(self, event: events.Key) -> None:
        types = self.vim is None or self.vim.inserting
        if (types and self.pick.takes(event)) or (self.vim is not None and self.vim.takes(event)):
            event.stop()
            event.prevent_default()
            self._follow()
            return
        handler = self._keys.get(event.key)
        if handler is not None:
            event.stop()
            event.prevent_default()
            self._wish = self._wish if event.key in {"up", "down", "shift+up", "shift+down"} else None
            handler(self)
            self._follow()
        elif event.key.startswith("alt+") or not event.is_printable or not event.character:
            event.prevent_default()  # bindings have it; a letter with Alt is never typed
        else:
            event.stop()
            event.prevent_default()
            self.write(event.character)

    def typing(self) -> None:
        """The reader has come to type: in the vim preset the keys do so at first."""
        if self.vim is not None and not self.vim.inserting:
            self.vim.insert()

    def write(self, text: str) -> None:
        """Insert text at the cursor."""
        if self._may_write():
            self._wish = None
            self.buffer.type(text)
            self.changed()

    def erase(self, *, forward: bool = False, word: bool = False) -> None:
        """Erase at the cursor."""
        if self._may_write():
            self.buffer.erase(forward=forward, word=word)
            self.changed()

    def _may_write(self) -> bool:
        if not self.writable or not self.buffer.ids:
            self.post_message(self.Refused(self))
            return False
        return True

    def changed(self) -> None:
        """The text is another one: draw it and tell."""
        self._follow()
        self.post_message(self.Edited(self))

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.write(event.text)

    def vertical(self, step: int, *, select: bool = False) -> None:
        """A row up or down; on a chosen field with choices, the next choice."""
        if not select and self._cycle(step):
            return
        rows = [row for row in self._rows() if row.kind == "text"]
        if not rows:
            return
        here = self._rows()[self._cursor_row()]
        place = rows.index(here)
        text = self.buffer.text
        if self._wish is None:
            self._wish = cell_len(text[here.start : self.buffer.at])
        target = place + step
        if not 0 <= target < len(rows):
            return
        row = rows[target]
        words = self.buffer.texts[row.section]
        at = row.start
        while at < row.end and cell_len(words[row.start : at]) < self._wish:
            at += 1
        if at == row.end and at > row.start and target + 1 < len(rows) and rows[target + 1].start == at:
            at -= 1
        self.buffer.go(row.section, at, select=select)

    def page(self, step: int) -> None:
        """A page up or down."""
        for _ in range(self._body_height() - 1):
            self.vertical(step)

    def _cycle(self, step: int) -> bool:
        """Put the next choice of the chosen field into the text."""
        buffer = self.buffer
        if buffer.selection is None or not self.writable:
            return False
        start, end = buffer.selection
        choices = self.pick.choices()
        if not choices:
            return False
        now = buffer.text[start:end].strip("[]")
        place = choices.index(now) + step if now in choices else (0 if step > 0 else len(choices) - 1)
        buffer.type(f"[{choices[place % len(choices)]}]")
        buffer.anchor = start
        self.changed()
        return True

    def step_field(self, step: int, *, only_open: bool = True) -> bool:
        """Choose the next or previous field; whether there is one."""
        found = self.buffer.step_field(step, only_open=only_open)
        self._follow()
        return found is not None

    def find(self, words: str) -> bool:
        """Go to the next place these words stand in, going round once; whether there is one."""
        self.sought = words
        found = self.buffer.find(words)
        self._follow()
        return found

    def go_section(self, index: int) -> None:
        """To the end of a section's text."""
        self.buffer.go(index, len(self.buffer.texts[index]))
        self._follow()

    def next_doubt(self) -> tuple[int, int] | None:
        """Choose the next doubtful word, going round once; where it stands in its section, None for none."""
        found = self.doubtful()
        if not found:
            return None
        here = (self.buffer.section, min(self.buffer.selection or (self.buffer.at,)))
        section, start, end = next((one for one in found if one[:2] > here), found[0])
        self.buffer.go(section, start)
        self.buffer.select(start, end)
        self._follow()
        return start, end

    def step_section(self, step: int) -> None:
        """To the next or previous section."""
        self.buffer.step_section(step)
        self._follow()

    def swap(self, redo: bool) -> bool:
        """Undo or redo; whether there was something."""
        if not self._may_write():
            return False
        done = self.buffer.redo() if redo else self.buffer.undo()
        if done:
            self.changed()
        return done

    def place_cursor(self, section_id: str, field: str = "") -> None:
        """Go to a section, at a field of it where one is named."""
        if section_id in self.buffer.ids:
            index = self.buffer.ids.index(section_id)
            self.buffer.go(index, len(self.buffer.texts[index]))
            if field:
                self.buffer.go(index, 0)
                self.buffer.at = 0
                self.buffer.step_field(1)
        self._follow()

    def row_end(self, step: int, *, select: bool = False) -> None:
        """To the beginning or end of the row."""
        row = self._rows()[self._cursor_row()]
        last = row.end == len(self.buffer.text) or self.buffer.text[row.end] == "\n"
        self.buffer.go(
            self.buffer.section, row.start if step < 0 else row.end - (0 if last else 1), select=select
        )

    # -- mouse ------------------------------------------------------------------------------------
    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there."""
        rows = self._rows()
        index = self.top + event.y - 1
        if event.y >= 1 and 0 <= index < len(rows) and event.y <= self._body_height():
            row = rows[index]
            text = self.buffer.texts[row.section]
            at = row.start
            while at < row.end and cell_len(text[row.start : at]) < event.x - INDENT:
                at += 1
            self.buffer.go(row.section, at if row.kind == "text" else 0)
            self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows a notch."""
        event.stop()
        self.top = max(0, min(self.top + 3, len(self._rows()) - self._body_height()))
        self.refresh()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows a notch."""
        event.stop()
        self.top = max(0, self.top - 3)
        self.refresh()

    def on_resize(self) -> None:
        """Lay out anew; the cursor stays in sight."""
        self._laid = (-1, -1, [])
        self._follow()

    def on_focus(self) -> None:
        """The heading shows where the keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor stays visible, outlined."""
        self.refresh()


_KEYS: Final[dict[str, Callable[[ReportPane], None]]] = {
    "left": lambda pane: pane.buffer.move(-1),
    "right": lambda pane: pane.buffer.move(1),
    "shift+left": lambda pane: pane.buffer.move(-1, select=True),
    "shift+right": lambda pane: pane.buffer.move(1, select=True),
    "ctrl+left": lambda pane: pane.buffer.move(-1, word=True),
    "ctrl+right": lambda pane: pane.buffer.move(1, word=True),
    "ctrl+shift+left": lambda pane: pane.buffer.move(-1, word=True, select=True),
    "ctrl+shift+right": lambda pane: pane.buffer.move(1, word=True, select=True),
    "up": lambda pane: pane.vertical(-1),
    "down": lambda pane: pane.vertical(1),
    "shift+up": lambda pane: pane.vertical(-1, select=True),
    "shift+down": lambda pane: pane.vertical(1, select=True),
    "pageup": lambda pane: pane.page(-1),
    "pagedown": lambda pane: pane.page(1),
    "home": lambda pane: pane.row_end(-1),
    "end": lambda pane: pane.row_end(1),
    "shift+home": lambda pane: pane.row_end(-1, select=True),
    "shift+end": lambda pane: pane.row_end(1, select=True),
    "ctrl+home": lambda pane: pane.buffer.go(0, 0),
    "ctrl+end": lambda pane: pane.buffer.go(len(pane.buffer.texts) - 1, 10**9),
    "enter": lambda pane: pane.write("\n"),
    "backspace": lambda pane: pane.erase(),
    "delete": lambda pane: pane.erase(forward=True),
    "ctrl+w": lambda pane: pane.erase(word=True),
    "ctrl+backspace": lambda pane: pane.erase(word=True),
    "ctrl+delete": lambda pane: pane.erase(forward=True, word=True),
}
_EMACS_KEYS: Final[dict[str, Callable[[ReportPane], None]]] = {
    "ctrl+p": lambda pane: pane.vertical(-1),
    "ctrl+n": lambda pane: pane.vertical(1),
    "ctrl+f": lambda pane: pane.buffer.move(1),
    "ctrl+e": lambda pane: pane.row_end(1),
    "ctrl+d": lambda pane: pane.erase(forward=True),
}
"""Ctrl+A and Ctrl+B are tmux's and screen's own; Home and Left do what they would."""
