"""A virtual table on the Line API: draws only the rows in sight, so that ten thousand cost what fifty do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Generic, TypeVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingsMap
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBarRender
from textual.strip import Strip

from teleread.tui.face import face
from teleread.tui.paint import Line, fit

from .rows import Rows

__all__ = ["Cell", "Column", "Table", "TableHead"]

T = TypeVar("T")

Cell = Sequence[tuple[str, str, bool]]
"""Parts of a cell: (text, role, bold)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    id: str
    title: str
    width: int
    right: bool = False
    """Aligned right."""


KEPT: Final = 400
"""Rows kept as they were drawn."""


def _moment(now: datetime) -> int:
    """Five seconds are one moment: times left stand as they are drawn for so long."""
    return int(now.timestamp()) // 5


class PlainBars(ScrollBarRender):
    """A scroll bar of whole cells: its eighths are signs of ambiguous width."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8


class TableHead(Rows):
    """The column heads, one row that never scrolls."""

    GROUND = "room"

    @dataclass
    class Picked(Message):
        """A column head was clicked."""

        column: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.columns: Sequence[Column] = ()
        self.sorted_by = ""

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """Titles over their columns."""
        line = self.start().gap()
        for column in self.columns:
            title = column.title + (f" {self.glyphs.sort}" if column.id == self.sorted_by else "")
            line.put(fit(title, column.width), "soft").gap()
        return line, None

    def on_click(self, event: events.Click) -> None:
        """Tell which head was meant."""
        edge = 1
        for column in self.columns:
            edge += column.width + 1
            if event.x < edge:
                self.post_message(self.Picked(column.id))
                return


class Table(ScrollView, Generic[T], can_focus=True):
    """Rows of anything, with a cursor.

    Args:
        cell: Draws one cell: (row, column id, in focus) to its parts.
        key: What makes a row the same row after a change.
        bindings: Keys of lists.
        empty: Words where there is no row.
        keeps: A row's cells depend on the row and the time alone: drawn once, it is not made again.
    """

    DEFAULT_CSS = """
    Table { height: 1fr; width: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
            scrollbar-gutter: stable; }
    """

    MARGIN = 3
    """Rows kept in sight above and below the cursor."""

    @dataclass
    class Moved(Message):
        """The cursor stands on another row."""

        table: Table[Any]

    @dataclass
    class Opened(Message):
        """A row was opened by mouse."""

        table: Table[Any]

    def __init__(
        self,
        cell: Callable[[T, str, bool], Cell],
        key: Callable[[T], object],
        bindings: BindingsMap | None = None,
        *,
        id: str | None = None,  # noqa: A002 - Textual's word
        empty: Sequence[str] = (),
        keeps: bool = False,
    ) -> None:
        super().__init__(id=id)
        self._cell = cell
        self._key = key
        if bindings is not None:
            self._bindings = bindings
        self.columns: Sequence[Column] = ()
        self.vertical_scrollbar.renderer = PlainBars  # type: ignore[misc]
        self.rows: list[T] = []
        self.marked: set[object] = set()
        """Keys of rows that came in since the reader last moved."""
        self.empty: Sequence[str] = empty
        self.cursor = 0
        self._keeps = keeps
        self._kept: dict[int, tuple[T, Strip]] = {}
        """Rows as they were drawn, by who they are; held, so that no other row is taken for one."""
        self._kept_for: tuple[object, ...] = ()

    @property
    def current(self) -> T | None:
        """The row in focus."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def show(self, rows: list[T]) -> None:
        """Take new rows; the cursor stays on its row, and that row where it is on the screen."""
        if self._only_changed(rows):
            return
        before = self.current
        height_above = self.cursor - self.scroll_offset.y
        self.rows = rows
        if before is not None:
            wanted = self._key(before)
            found = next((index for index, row in enumerate(rows) if row is before), None)
            if found is None:  # it has changed
                found = next((index for index, row in enumerate(rows) if self._key(row) == wanted), None)
            self.cursor = found if found is not None else min(self.cursor, max(0, len(rows) - 1))
        else:
            self.cursor = min(self.cursor, max(0, len(rows) - 1))
        self.virtual_size = Size(self.size.width, len(rows))
        if before is not None and rows:
            self.scroll_to(y=max(0, self.cursor - height_above), animate=False, immediate=True)
        self.refresh()

    def _only_changed(self, rows: list[T]) -> bool:
        """Draw the rows that changed, where all stand as they stood; whether that is all there is to do."""
        if len(rows) != len(self.rows):
            return False
        changed = [
            index for index, (old, now) in enumerate(zip(self.rows, rows, strict=True)) if old is not now
        ]
        if any(self._key(self.rows[index]) != self._key(rows[index]) for index in changed):
            return False
        self.rows = rows
        for index in changed:
            self._paint_row(index)
        return bool(rows)

    def update_row(self, index: int, row: T) -> None:
        """Draw one row anew."""
        self.rows[index] = row
        self._paint_row(index)

    def lay_out(self, columns: Sequence[Column]) -> None:
        """Take columns for the width."""
        if columns != self.columns:
            self.columns = columns
            self.refresh()

    def move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.go(self.cursor + by)

    def go(self, index: int) -> None:
        """Put the cursor on a row."""
        if not self.rows:
            return
        index = min(max(index, 0), len(self.rows) - 1)
        if index == self.cursor:
            return
        before, self.cursor = self.cursor, index
        self.marked.discard(self._key(self.rows[index]))
        self._paint_row(before)
        self._paint_row(index)
        self._keep_in_sight()
        self.post_message(self.Moved(self))

    def page(self) -> int:
        """Rows in a page."""
        return max(1, self.size.height - 1)

    def _keep_in_sight(self) -> None:
        height = self.size.height
        if height <= 0:
            return
        margin = min(self.MARGIN, max(0, (height - 1) // 2))
        top = self.scroll_offset.y
        if self.cursor < top + margin:
            top = self.cursor - margin
        elif self.cursor > top + height - 1 - margin:
            top = self.cursor - height + 1 + margin
        self.scroll_to(y=max(0, min(top, len(self.rows) - height)), animate=False, immediate=True)

    def _paint_row(self, index: int) -> None:
        y = index - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def paint_column(self, column_id: str) -> None:
        """Draw one column anew: a clock that went on."""
        x = 1
        for column in self.columns:
            if column.id == column_id:
                self.refresh(Region(x, 0, column.width, self.size.height))
                return
            x += column.width + 1

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.virtual_size = Size(self.size.width, len(self.rows))
        self._keep_in_sight()

    def render_line(self, y: int) -> Strip:
        """One row in sight."""
        index = y + self.scroll_offset.y
        width = self.size.width
        if index >= len(self.rows):
            return self._blank_line(y, width)
        row = self.rows[index]
        shared = face(self)
        chosen = index == self.cursor
        line = Line(shared.look, "select" if chosen else "room")
        if chosen:
            line.put(shared.glyphs.bar, "accent" if self.has_focus else "faint")
        elif self._key(row) in self.marked:
            line.put(shared.glyphs.new, "accent", bold=True)
        else:
            line.gap()
        for column in self.columns:
            self._put_cell(line, self._cell(row, column.id, chosen), column)
        return line.strip(width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows in sight, without Textual's style pass; one that looks as before is not made again."""
        shared, filters = face(self), self.get_line_filters()
        wanted = (self.size.width, self.columns, shared.look.name, shared.glyphs, _moment(shared.now()))
        if wanted != self._kept_for or len(self._kept) > KEPT:
            self._kept, self._kept_for = {}, wanted
        strips = [self._kept_line(y) for y in crop.line_range]
        for one in filters:
            ground = self.background_colors[1]
            strips = [strip.apply_filter(one, ground) for strip in strips]
        if crop.column_span == (0, self.size.width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]

    def _kept_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        plain = self._keeps and index < len(self.rows) and index != self.cursor
        if not plain or self._key(self.rows[index]) in self.marked:
            return self.render_line(y)
        row = self.rows[index]
        held, strip = self._kept.get(id(row), (None, None))
        if strip is None or held is not row:
            strip = self.render_line(y)
            self._kept[id(row)] = (row, strip)
        return strip

    def _put_cell(self, line: Line, parts: Cell, column: Column) -> None:
        start, end = line.width, line.width + column.width
        if column.right:
            line.gap(max(0, column.width - sum(cell_len(text) for text, _, _ in parts)))
        for text, role, bold in parts:
            room = end - line.width
            if room <= 0:
                break
            line.put(text if cell_len(text) <= room else fit(text, room), role, bold=bold)
        line.to(start + column.width + 1)

    def _blank_line(self, y: int, width: int) -> Strip:
        look = face(self).look
        line = Line(look)
        if not self.rows and self.empty:
            first = max(0, self.size.height // 3)
            if first <= y < first + len(self.empty):
                words = self.empty[y - first]
                line.gap(max(0, (width - len(words)) // 2)).put(words, "text" if y == first else "soft")
        return line.strip(width)

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there; a second one opens."""
        index = event.y + self.scroll_offset.y
        if index < len(self.rows):
            if index == self.cursor and event.chain >= 2:
                self.post_message(self.Opened(self))
            self.go(index)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows a notch; the cursor leads."""
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows a notch; the cursor leads."""
        event.stop()
        self.move(-3)

    def on_focus(self) -> None:
        """Show the cursor as awake."""
        self._paint_row(self.cursor)

    def on_blur(self) -> None:
        """Show the cursor as asleep."""
        self._paint_row(self.cursor)
