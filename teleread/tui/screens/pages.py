"""Screens that are a page of rows: scrolled, perhaps with a row in focus, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingsMap

from teleread.tui.widgets.bars import HintBar, StatusLine, TopBar
from teleread.tui.widgets.lines import Lines, Row

from .place import Place

__all__ = ["Page", "PageLines"]


class PageLines(Lines, can_focus=True):
    """Rows that take the keys of lists."""

    CONTEXT = "L"

    def take_keys(self, bindings: BindingsMap) -> None:
        """Take the keys of lists."""
        self._bindings = bindings


class Page(Place):
    """A page of rows under the top bar."""

    CONTEXT = "L"
    HINTS: tuple[str, ...] = ("move.down", "app.back", "app.go", "help.keys")
    WORDS: ClassVar[dict[str, str]] = {"move.down": "scroll", "app.back": "back"}

    def compose(self) -> ComposeResult:
        """Top bar, rows, two last rows."""
        yield TopBar(id="top")
        yield PageLines(self.rows, ground="room", id="page")
        yield StatusLine(id="status")
        yield HintBar(id="hints")

    @property
    def page(self) -> PageLines:
        """The rows."""
        return self.query_one(PageLines)

    def on_mount(self) -> None:
        """The rows have the keys."""
        super().on_mount()
        self.page.take_keys(self.face.keymap.bindings("L"))
        self.focus_on(self.page)

    def rows(self, width: int) -> Sequence[Row]:
        """The rows for a width."""
        return []

    def data_moved(self) -> None:
        """Read anew."""
        self.page.renew()

    def do_move_up(self, key: str) -> None:
        """A row up."""
        self.page.scroll_rows(-1)

    def do_move_down(self, key: str) -> None:
        """A row down."""
        self.page.scroll_rows(1)

    def do_move_up_ten(self, key: str) -> None:
        """A page up."""
        self.page.scroll_rows(-max(1, self.page.size.height - 1))

    def do_move_down_ten(self, key: str) -> None:
        """A page down."""
        self.page.scroll_rows(max(1, self.page.size.height - 1))

    def do_go_first(self, key: str) -> None:
        """The first row."""
        self.page.scroll_rows(-(1 << 30))

    def do_go_last(self, key: str) -> None:
        """The last row."""
        self.page.scroll_rows(1 << 30)
