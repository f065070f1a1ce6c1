"""Ready lines in a pane of their own, scrolled by whole rows, with an optional choice among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from teleread.tui.paint import Line

from .rows import Rows

__all__ = ["Lines", "Made", "Row"]

Row = tuple[Line, Line | None]
"""(left part, right part)."""
Made = Callable[[int], Sequence[Row]]
"""Makes the rows for a width in cells."""


class Lines(Rows):
    """Shows what a function makes for the width; made again when told or resized.

    Args:
        make: Makes the rows.
        ground: Role of the ground.
        edge: Draw the sheet's edge left of each row.
        grow: As high as its rows; else it fills what is there.
    """

    DEFAULT_CSS = """
    Lines { height: 1fr; width: 1fr; }
    """

    @dataclass
    class Clicked(Message):
        """A row was clicked."""

        lines: Lines
        row: int

    def __init__(
        self,
        make: Made,
        *,
        ground: str = "panel",
        edge: bool = False,
        grow: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        super().__init__(id=id)
        self._make = make
        self.ground = ground
        self.edge = edge
        self.grow = grow
        self.top = 0
        self.count = 0
        self._rows: Sequence[Row] | None = None
        self._rows_for = ("", 0)

    def renew(self) -> None:
        """Make the rows again."""
        self._rows = None
        if self.grow and self.size.width:
            self.styles.height = len(self._made())
        self.refresh()

    def _made(self) -> Sequence[Row]:
        key = (self.look.name, self.size.width)
        if self._rows is None or key != self._rows_for:
            self._rows_for = key
            self._rows = self._make(max(1, self.size.width - (1 if self.edge else 0)))
            self.count = len(self._rows)
        return self._rows

    def scroll_rows(self, by: int) -> None:
        """Scroll by rows, stopping at both ends."""
        self.top = min(max(self.top + by, 0), max(0, len(self._made()) - self.size.height))
        self.refresh()

    def show_row(self, row: int, rows: int = 1) -> None:
        """Scroll so far that some rows are in sight."""
        if row < self.top:
            self.scroll_rows(row - self.top)
        elif row + rows > self.top + self.size.height:
            self.scroll_rows(row + rows - self.top - self.size.height)

    def line(self, y: int, width: int) -> Row:
        """A row in sight."""
        rows = self._made()
        index = y + self.top
        left, right = rows[index] if 0 <= index < len(rows) else (self.start(self.ground), None)
        if not self.edge:
            return left, right
        return self.start(self.ground).put(self.glyphs.bar, "accent").add(left), right

    def on_resize(self) -> None:
        """Rows depend on the width."""
        if self.grow:
            self.call_after_refresh(self.renew)

    def on_click(self, event: events.Click) -> None:
        """Tell which row was clicked."""
        self.post_message(self.Clicked(self, event.y + self.top))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows a notch."""
        event.stop()
        self.scroll_rows(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows a notch."""
        event.stop()
        self.scroll_rows(-3)
