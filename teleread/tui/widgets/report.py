"""The report pane: sections under fixed headings, edited in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import BindingsMap
from textual.message import Message
from textual.strip import Strip

from teleread.model.report import Check, Draft
from teleread.tui.editor import Buffer, Passage, wrap_spans
from teleread.tui.paint import Line, fit, wrap

from .prose import marks_of
from .rows import Rows

__all__ = ["ReportPane"]

INDENT: Final = 1


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the pane: a heading, a piece of text, or nothing."""

    kind: str
    section: int = 0
    start: int = 0
    end: int = 0


class ReportPane(Rows, can_focus=True):
    """An editor over the sections of one draft.

    Args:
        bindings: Keys of text.
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

    def __init__(self, bindings: BindingsMap, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._bindings = bindings
        self.buffer = Buffer(())
        self.title = ""
        """What kind of report: the template's name or ``addendum``."""
        self.writable = False
        self.checks: Sequence[Check] = ()
        self.choices: Mapping[str, Sequence[str]] = {}
        """Field text to what may stand there."""
        self.notice = "No report is begun. i begins one."
        self.has_foot = False
        """The checks stand at the foot: the window is high enough."""
        self.top = 0
        self._wish: int | None = None
        """Column the cursor comes back to while going up and down."""
        self._laid: tuple[int, int, list[_Row]] = (-1, -1, [])

    # -- the draft --------------------------------------------------------------------------------
    def take(self, draft: Draft, title: str, *, writable: bool) -> None:
        """Show a draft; the cursor stays where it was if it is the same one."""
        old = self.buffer
        passages = [Passage(one.id, str(one.label), str(one.text)) for one in draft.sections]
        self.buffer = Buffer(passages)
        if old.ids == self.buffer.ids:
            self.buffer.go(old.section, old.at)
        else:
            self._go_start()
        self.title, self.writable, self.notice = title, writable, ""
        self._laid = (-1, -1, [])
        self.refresh()

    def forget(self) -> None:
        """Show no draft."""
        self.buffer = Buffer(())
        self.writable, self.checks, self.top = False, (), 0
        self._laid = (-1, -1, [])
        self.refresh()

    def _go_start(self) -> None:
        wanted = "findings" if "findings" in self.buffer.ids else (self.buffer.ids or [""])[0]
        if wanted:
            self.buffer.go(self.buffer.ids.index(wanted), 0)

    def show_checks(self, checks: Sequence[Check]) -> None:
        """Take what the rules found."""
        self.checks = checks
        self.refresh()

    @property
    def to_settle(self) -> int:
        """Checks that must be settled before signing."""
        return sum(one.blocking for one in self.checks)

    @property
    def to_read(self) -> int:
        """Checks that are to be read."""
        return sum(one.severity == "warn" for one in self.checks)

    # -- layout -----------------------------------------------------------------------------------
    def _rows(self) -> list[_Row]:
        width = self.size.width
        if self._laid[:2] != (self.buffer.version, width):
            rows: list[_Row] = []
            airy = self.size.height >= 28
            for index, text in enumerate(self.buffer.texts):
                if index and airy:
                    rows.append(_Row("blank", index))
                rows.append(_Row("head", index))
                spans = wrap_spans(text, max(8, width - INDENT - 2))
                rows += [_Row("text", index, start, end) for start, end in spans]
            self._laid = (self.buffer.version, width, rows)
        return self._laid[2]

    def _foot(self) -> list[tuple[Line, Line | None]]:
        """The checks at the foot, where the pane is high."""
        if not self.has_foot or not self.buffer.ids:
            return []
        width = self.size.width - 2
        glyphs = self.glyphs
        note = "j list" if self.checks else "all pass"
        made: list[tuple[Line, Line | None]] = [
            (self.start(), None),
            (self.start().gap().rule("Checks", width, note, glyph=glyphs.rule), None),
        ]
        for one in self.checks[:6]:
            sign, role = check_sign(one, self)
            key = "F2 " if one.field or "field" in one.id else ""
            made.append(
                (
                    self.start()
                    .gap()
                    .put(f"{sign}  ", role, bold=True)
                    .put(fit(one.text, width - 10).rstrip()),
                    self.start().put(key, "strong", on="raised", bold=True) if key else None,
                )
            )
        return made

    def _body_height(self) -> int:
        return max(1, self.size.height - 1 - len(self._foot()))

    def _cursor_row(self) -> int:
        rows = self._rows()
        buffer = self.buffer
        found = 0
        for index, row in enumerate(rows):
            if row.kind == "text" and row.section == buffer.section and row.start <= buffer.at:
                found = index
        return found

    def _follow(self) -> None:
        """Keep the cursor in sight; its section's heading stays the first row if it would leave."""
        at, height = self._cursor_row(), self._body_height()
        margin = min(2, height // 4)
        if at < self.top + margin + 1:
            self.top = max(0, at - margin - 1)
        elif at > self.top + height - 1 - margin:
            self.top = at - height + 1 + margin
        self.top = max(0, min(self.top, len(self._rows()) - height))
        self.refresh()

    # -- drawing ----------------------------------------------------------------------------------
    def render_line(self, y: int) -> Strip:
        """Heading, sections, checks."""
        width = self.size.width
        if y == 0:
            left, right = self._heading()
            return left.strip(width, right)
        if not self.buffer.ids:
            words = wrap(self.notice, max(8, width - 4))
            line = self.start().gap(2)
            if 2 <= y < 2 + len(words):
                line.put(words[y - 2], "soft")
            return line.strip(width)
        foot = self._foot()
        height = self._body_height()
        if y > height:
            left, right = foot[y - 1 - height]
            return left.strip(width, right)
        rows = self._rows()
        index = self.top + y - 1
        if y == 1 and index < len(rows) and rows[index].kind == "text":
            return self._head_row(rows[index].section, width)
        if index >= len(rows):
            return self.start().strip(width)
        row = rows[index]
        if row.kind == "head":
            return self._head_row(row.section, width)
        return self._text_row(row, width) if row.kind == "text" else self.start().strip(width)

    def _heading(self) -> tuple[Line, Line | None]:
        focus, glyphs = self.has_focus, self.glyphs
        ground = "raised" if focus else "panel"
        line = (
            self.start(ground)
            .put(glyphs.bar if focus else " ", "accent")
            .put("Report", "strong", bold=True)
            .gap(2)
        )
        if self.buffer.ids:
            if self.writable:
                line.put(f"{glyphs.draft} draft", "warn").gap(2)
            else:
                line.put("read only", "warn").gap(2)
            line.put(self.title, "soft")
        right = self.start(ground)
        if self.to_settle:
            right.put(f"{glyphs.settle} {self.to_settle}", "danger", bold=True).gap()
        if self.to_read:
            right.put(f"{glyphs.warn} {self.to_read}", "warn", bold=True).gap()
        return line, right if right.width else None

    def _head_row(self, section: int, width: int) -> Strip:
        buffer = self.buffer
        note, role = "", "soft"
        if buffer.section == section and self.has_focus and self.writable:
            note, role = "typing here", "accent"
        elif buffer.ids[section] == "impression" and buffer.texts[section].strip():
            count = len([line for line in buffer.texts[section].split("\n") if line.strip()])
            note = f"{count} line{'' if count == 1 else 's'}"
        line = self.start().gap(INDENT)
        line.rule(buffer.labels[section], width - INDENT - 1, note, glyph=self.glyphs.rule, note_role=role)
        return line.strip(width)

    def _text_row(self, row: _Row, width: int) -> Strip:
        buffer = self.buffer
        text = buffer.texts[row.section]
        styles: list[Style] = [self.look.style("text")] * (row.end - row.start)
        for start, end, kind in marks_of(text):
            for place in range(max(start, row.start), min(end, row.end)):
                styles[place - row.start] = self._mark_style(kind)
        if row.section == buffer.section:
            self._mark_cursor(row, styles)
        line = self.start().gap(INDENT)
        for start, end, style in _runs(styles):
            line.styled(text[row.start + start : row.start + end], style)
        if self._cursor_behind(row):
            line.styled(" ", self._cursor_style())
        return line.strip(width)

    def _mark_style(self, kind: str) -> Style:
        style = self.look.style
        return {
            "no": style("text", underline=True),
            "side": style("side", bold=True),
            "number": style("strong", bold=True),
            "field": style("accent", "raised"),
            "open": style("warn", "mark", bold=True),
        }[kind]

    def _cursor_style(self) -> Style:
        if self.has_focus:
            return self.look.style("strong", reverse=True)
        return self.look.style("strong", "select", underline=True)

    def _mark_cursor(self, row: _Row, styles: list[Style]) -> None:
        buffer = self.buffer
        if buffer.selection:
            start, end = buffer.selection
            for place in range(max(start, row.start), min(end, row.end)):
                styles[place - row.start] = self.look.style("strong", "select", bold=True)
        elif row.start <= buffer.at < row.end and self.writable:
            styles[buffer.at - row.start] = self._cursor_style()

    def _cursor_behind(self, row: _Row) -> bool:
        """Whether the cursor stands behind the last character of this row."""
        buffer = self.buffer
        if row.section != buffer.section or buffer.at != row.end or buffer.selection or not self.writable:
            return False
        return row.end == len(buffer.text) or buffer.text[row.end] == "\n"

    # -- keys -------------------------------------------------------------------------------------
    async def _on_key(self, event: events.Key) -> None:
        handler = _KEYS.get(event.key)
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

    def write(self, text: str) -> None:
        """Insert text at the cursor."""
        if self._may_write():
            self._wish = None
            self.buffer.type(text)
            self._changed()

    def erase(self, *, forward: bool = False, word: bool = False) -> None:
        """Erase at the cursor."""
        if self._may_write():
            self.buffer.erase(forward=forward, word=word)
            self._changed()

    def _may_write(self) -> bool:
        if not self.writable or not self.buffer.ids:
            self.post_message(self.Refused(self))
            return False
        return True

    def _changed(self) -> None:
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
        choices = list(self.choices_at(buffer.text[start:end]))
        if not choices:
            return False
        now = buffer.text[start:end].strip("[]")
        place = choices.index(now) + step if now in choices else (0 if step > 0 else len(choices) - 1)
        buffer.type(f"[{choices[place % len(choices)]}]")
        buffer.anchor = start
        self._changed()
        return True

    def choices_at(self, text: str) -> Sequence[str]:
        """What may stand in a field."""
        inner = text.strip("[]").lstrip("? ").strip()
        return self.choices.get(inner, ())

    def step_field(self, step: int, *, only_open: bool = True) -> bool:
        """Choose the next or previous field; whether there is one."""
        found = self.buffer.step_field(step, only_open=only_open)
        self._follow()
        return found is not None

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
            self._changed()
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


def check_sign(check: Check, widget: Rows) -> tuple[str, str]:
    """(sign, role) of a check."""
    if check.severity in {"stop", "block"}:
        return widget.glyphs.settle, "danger"
    return (widget.glyphs.warn, "warn") if check.severity == "warn" else (widget.glyphs.passes, "soft")


def _runs(styles: list[Style]) -> list[tuple[int, int, Style]]:
    """Stretches of one style."""
    runs: list[tuple[int, int, Style]] = []
    start = 0
    for index in range(1, len(styles) + 1):
        if index == len(styles) or styles[index] is not styles[start]:
            runs.append((start, index, styles[start]))
            start = index
    return runs


_KEYS: Final[Mapping[str, Callable[[ReportPane], None]]] = {
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
