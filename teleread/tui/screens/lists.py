"""Screens around a table: the cursor moves by the same actions on all of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import ClassVar, Final, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from teleread.model.task import TaskKey
from teleread.tui.widgets.bars import HintBar, StatusLine, TopBar
from teleread.tui.widgets.lines import Lines, Row
from teleread.tui.widgets.table import Cell, Column, Table, TableHead

from .place import Place

__all__ = ["DetailPlace", "ListPlace"]

WIDE: Final = 120
"""Columns from which the row in focus is told beside the list."""

T = TypeVar("T")


class ListPlace(Place, Generic[T]):
    """A screen with one table, ``#table``."""

    CONTEXT = "L"

    @property
    def table(self) -> Table[T]:
        """The list."""
        return self.query_one("#table", Table)

    def do_move_up(self, key: str) -> None:
        """A row up."""
        self.table.move(-1)

    def do_move_down(self, key: str) -> None:
        """A row down."""
        self.table.move(1)

    def do_move_up_ten(self, key: str) -> None:
        """A page up."""
        self.table.move(-self.table.page())

    def do_move_down_ten(self, key: str) -> None:
        """A page down."""
        self.table.move(self.table.page())

    def do_go_first(self, key: str) -> None:
        """The first row."""
        self.table.go(0)

    def do_go_last(self, key: str) -> None:
        """The last row."""
        self.table.go(len(self.table.rows) - 1)

    def do_case_history(self, key: str) -> None:
        """The signed versions of the case in focus."""
        row = self.table.current
        found = (getattr(row, "key", None), getattr(row, "task", None))
        case = next((one for one in found if isinstance(one, TaskKey)), None)
        if case is not None:
            self.face.spawn(self._versions(case), "versions")

    async def _versions(self, case: TaskKey) -> None:
        from .versions import show_versions

        if not await show_versions(self, case):
            self.face.tell("Nothing is signed here on this case.", "soft")


class DetailPlace(ListPlace[T]):
    """A list, counts above it, and from `WIDE` columns the row in focus in full beside it."""

    COUNTS: ClassVar[int] = 1
    """Rows of counts."""
    DETAIL: ClassVar[int] = 46
    """Columns of the row in focus."""
    LOOKS: ClassVar[float] = 0.0
    """Seconds between two looks; 0: it looks when it is told that something moved."""
    EMPTY: ClassVar[tuple[str, str]] = ("", "")
    """What an empty list says."""

    # -- what subclasses say ----------------------------------------------------------------------
    def counts(self, width: int) -> Sequence[Row]:
        """The rows above the list."""
        raise NotImplementedError

    def cell(self, one: T, column: str, chosen: bool) -> Cell:
        """A cell of the list."""
        raise NotImplementedError

    def name_of(self, one: T) -> Hashable:
        """What tells a row from the others."""
        raise NotImplementedError

    def detail(self, width: int) -> Sequence[Row]:
        """The row in focus, in full."""
        raise NotImplementedError

    def columns(self, wide: bool) -> Sequence[Column]:
        """The list's columns; the last one takes what room is left, and its own width at least."""
        raise NotImplementedError

    async def read(self) -> None:
        """Read anew and show it."""
        raise NotImplementedError

    # -- what all of them do ----------------------------------------------------------------------
    def compose(self) -> ComposeResult:
        """Counts, heads, list, detail."""
        yield TopBar(id="top")
        yield Lines(self.counts, ground="room", id="counts")
        with Horizontal(id="body"):
            with Vertical(id="list"):
                yield TableHead(id="head")
                yield Table[T](
                    self.cell, self.name_of, self.face.keymap.bindings("L"), id="table", empty=self.EMPTY
                )
            yield Lines(self.detail, ground="panel", id="detail")
        yield StatusLine(id="status")
        yield HintBar(id="hints")

    def on_mount(self) -> None:
        """Read, and go on reading where nobody tells what moved."""
        super().on_mount()
        self.query_one("#counts").styles.height = self.COUNTS
        self.query_one("#detail").styles.width = self.DETAIL
        self._lay_out(self.app.size.width)
        self.focus_on(self.table)
        if self.LOOKS:
            self.set_interval(self.LOOKS, self.data_moved)
        self.data_moved()

    def on_resize(self, event: events.Resize) -> None:
        """List and detail from 120 columns."""
        super().on_resize(event)
        if self.is_mounted:  # a terminal may change its size before the screen is composed
            self._lay_out(event.size.width)

    def _lay_out(self, width: int) -> None:
        wide = width >= WIDE
        self.query_one("#detail").display = wide
        room = width - (self.DETAIL + 1 if wide else 0) - 2
        *first, last = self.columns(wide)
        used = sum(one.width + 1 for one in first)
        columns = [*first, replace(last, width=max(last.width, room - used))]
        self.query_one(TableHead).columns = columns
        self.table.lay_out(columns)

    def data_moved(self) -> None:
        """Read anew."""
        self.face.spawn(self.read(), self.NAME)

    def renew(self) -> None:
        """Draw counts and detail anew."""
        for lines in self.query(Lines):
            lines.renew()
