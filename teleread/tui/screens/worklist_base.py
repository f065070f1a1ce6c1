"""The worklist as it looks and lives: filter, saved filters, list, detail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from operator import is_
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from teleread.model.errors import UsageError
from teleread.tui.sieve import Sieve, in_place, new_among
from teleread.tui.widgets.bars import HintBar, StatusLine, TopBar
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.table import Cell, Table, TableHead
from teleread.tui.widgets.worklist import CaseDetail, SavedFilter, SavedFilters, columns_for, item_cell
from teleread.tui.words import ago, family
from teleread.workstation.api import WorklistItem

from .lists import ListPlace
from .orders import ordered

__all__ = ["WorklistBase"]

BUILT_IN_FILTERS: Final = (
    SavedFilter("Mine", "mine:yes"),
    SavedFilter("Stat", "priority:stat"),
    SavedFilter("Due 1h", "due:<1h"),
    SavedFilter("CT", "modality:CT"),
    SavedFilter("Drafts", "report:draft"),
    SavedFilter("Plain film", "modality:CR,DX"),
    SavedFilter("Not issued", "report:signed,needs_attention"),
)
WIDE_LIST: Final = 150
"""Columns from which the list shows site and accession beside the detail."""
SETTLED: Final = 5.0
"""Seconds without a key until rows may change place."""


class WorklistBase(ListPlace[WorklistItem]):
    """Cases to read, stat first, then by the time left."""

    NAME = "Worklist"
    HINTS = (
        "case.open",
        "list.filter",
        "case.claim",
        "case.priors",
        "app.go",
        "help.keys",
        "preset.n",
        "case.give_back",
        "images.fetch",
        "case.order",
    )
    WORDS: ClassVar[dict[str, str]] = {"preset.n": "saved", "images.fetch": "fetch"}

    def compose(self) -> ComposeResult:
        """Rows 1 to 4, the list and its detail, the two last rows."""
        shared = self.face
        yield TopBar(id="top")
        yield Entry("/", ground="room", bindings=shared.keymap.bindings("T"), id="filter")
        yield SavedFilters(id="saved")
        with Horizontal(id="body"):
            with Vertical(id="list"):
                yield TableHead(id="head")
                yield Table[WorklistItem](
                    self._cell,
                    lambda item: item.key,
                    shared.keymap.bindings("L"),
                    id="table",
                    keeps=True,
                )
            yield CaseDetail(id="detail")
        yield StatusLine(id="status")
        yield HintBar(id="hints")

    def on_mount(self) -> None:
        """Show what was loaded before the first paint."""
        self.items: list[WorklistItem] = []
        self.filter_text = ""
        self._sieve = Sieve("")
        self._uncounted = False
        """Something moved while another screen covered this one."""
        self._sieves: dict[str, Sieve] = {}
        """One for each saved filter."""
        self.chosen = -1
        self.sort = "due"
        self.wants_detail = True
        self.narrow = True
        self.age: float | None = None
        self.filters: tuple[SavedFilter, ...] = self._saved()
        self._lay_out(self.app.size.width)
        self.table.focus()
        self.take(self.face.items, self.face.items_age)

    def _saved(self) -> tuple[SavedFilter, ...]:
        own = self.face.setting("filters", {})
        made = [SavedFilter(str(name)[:16], str(query)) for name, query in dict(own).items()]
        return (*made, *BUILT_IN_FILTERS)[:9]

    def _cell(self, item: WorklistItem, column: str, chosen: bool) -> Cell:
        return item_cell(self.face, item, column, chosen, self.narrow)

    # -- what is shown ----------------------------------------------------------------------------
    def take(self, items: list[WorklistItem], age: float | None) -> None:
        """Take the rows as they are in the vault; those that did not move are the same objects."""
        if len(items) == len(self.items) and all(map(is_, items, self.items)):
            self.age = age
            self._tell_filter()
            self.recount()  # what is due is a matter of time
            return
        if self.items:
            self.table.marked |= {item.key for item in new_among(items, self.items)}
        self.items, self.age = items, age
        self.call_after_refresh(self.recount)
        self.order_rows(hold=self.face.idle_seconds() < SETTLED)

    def recount(self) -> None:
        """Count what the saved filters would show, beside the keys; not below another screen."""
        self._uncounted = not self.is_current
        if not self._uncounted:
            self.face.spawn(self._count(self.items), "counts")

    async def _count(self, rows: list[WorklistItem]) -> None:
        now = self.face.now()
        counts: list[int | None] = []
        for one in self.filters:
            await self.face.rest()
            sieve = self._sieves.setdefault(one.query, Sieve(one.query))
            try:
                for _ in sieve.steps(rows, now):
                    await asyncio.sleep(0)
                    await self.face.rest()
            except UsageError:
                counts.append(None)
            else:
                counts.append(sieve.count)
        pairs = zip(self.filters, counts, strict=False)
        self.filters = tuple(replace(one, count=count) for one, count in pairs)
        self.query_one(SavedFilters).show(self.filters, self.chosen)

    def order_rows(self, *, hold: bool = False) -> None:
        """Filter and order the rows.

        Args:
            hold: The reader is at work: rows keep their places, new ones come last.
        """
        if self._sieve.text != self.filter_text:
            self._sieve = Sieve(self.filter_text)
        try:
            rows = self._sieve.passing(self.items, self.face.now())
        except UsageError as error:
            self._tell_filter(str(error), "warn")
            return
        table = self.table
        rows = ordered(rows, self.sort)
        if hold:
            rows = in_place(rows, table.rows)
        empty = self._empty_words() if not rows else ()
        if rows != table.rows or (not rows and empty != table.empty):
            table.empty = empty
            table.show(rows)
        self._tell_filter()
        self._show_detail()
        self._show_standing()

    def _empty_words(self) -> tuple[str, ...]:
        if not self.face.workstation.hubs():
            return ("No hub yet.", "teleread init adds one.", "teleread demo shows it working.")
        if self.filter_text:
            return (f"No match for “{self.filter_text[:40]}”.", "Esc clears the filter; 0 shows all.")
        return ("Nothing is due.", "The engine asks the hubs by itself; R asks them now.")

    def _tell_filter(self, error: str = "", role: str = "soft") -> None:
        entry = self.query_one("#filter", Entry)
        if error:
            entry.right = ((error, role),)
        else:
            age = f"  oldest pull {ago(self.age)} ago" if self.age is not None else "  not pulled yet"
            entry.right = ((f"{len(self.table.rows)} of {len(self.items)}{age}", "soft"),)
        entry.refresh()

    def _show_detail(self) -> None:
        self.query_one(CaseDetail).show(self.table.current)

    def _show_standing(self) -> None:
        status = self.face.status
        line = self.query_one(StatusLine)
        if status is not None:
            safe = status.safe_to_unplug
            words = f"{safe} case{'' if safe == 1 else 's'}"
            work = status.work_minutes
            span = (
                f", {work / 60:.0f} h of work" if work >= 90 else f", {work:.0f} min of work" if work else ""
            )
            line.standing = (
                (f"{self.face.glyphs.here} ", "good" if safe else "soft"),
                ("Safe to unplug: ", "text"),
                (words, "strong"),
                (f" here with priors{span}", "text"),
            )
        ready = next((item for item in self.table.rows if self._ready(item)), None)
        line.right = (("next: ", "soft"), (family(ready.name), "text"), (" ready", "good")) if ready else ()

    def _ready(self, item: WorklistItem) -> bool:
        return item.cached == "all" and item.signable and item.report_state in {None, "draft"}

    def show_status(self) -> None:
        """Bars, and the row that counts what is safe."""
        super().show_status()
        if self.is_mounted and self.query(StatusLine) and hasattr(self, "items"):
            self._show_standing()

    def on_screen_resume(self) -> None:
        """Count what moved while another screen was on top."""
        if self.is_mounted and getattr(self, "_uncounted", False):
            self.recount()

    def tick(self) -> None:
        """Times left go on."""
        super().tick()
        self.table.paint_column("due")
        self.query_one(CaseDetail).refresh()
        self._tell_filter()

    # -- shape ------------------------------------------------------------------------------------
    def on_resize(self, event: events.Resize) -> None:
        """Columns by width; list and detail from 120 columns."""
        super().on_resize(event)
        if self.is_mounted:  # a terminal may change its size before the screen is composed
            self._lay_out(event.size.width)

    def lay_out_again(self) -> None:
        """Signs of another width need other columns; the answer may come before the screen is composed."""
        if self.is_mounted:
            self._lay_out(self.app.size.width)

    def _lay_out(self, width: int) -> None:
        self.narrow = width < WIDE_LIST
        detail = self.query_one(CaseDetail)
        detail.display = width >= 120 and getattr(self, "wants_detail", True)
        share = 45 if width >= WIDE_LIST else 39
        detail.styles.width = share
        list_width = width - (share + 1 if detail.display else 0)
        columns = columns_for(list_width, self.narrow, self.face.glyphs)
        head = self.query_one(TableHead)
        head.columns, head.sorted_by = columns, getattr(self, "sort", "due")
        head.refresh()
        self.table.lay_out(columns)

    # -- what others ask ---------------------------------------------------------------------------
    def item(self) -> WorklistItem | None:
        """The row in focus."""
        return self.table.current

    def data_moved(self) -> None:
        """Take the rows the app has read."""
        self.take(self.face.items, self.face.items_age)

    def neighbours(self) -> Iterator[WorklistItem]:
        """Rows as they stand, for next and previous."""
        yield from self.table.rows
