"""The worklist: filter, saved filters, list, detail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from teleread.model.errors import UsageError
from teleread.model.text import clean
from teleread.tui.widgets.bars import HintBar, StatusLine, TopBar
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.table import Cell, Table, TableHead
from teleread.tui.widgets.worklist import CaseDetail, SavedFilter, SavedFilters, columns_for, item_cell
from teleread.tui.words import ago, family
from teleread.workstation.api import WorklistItem
from teleread.workstation.query import parse_query

from .lists import ListPlace
from .orders import ORDERS

__all__ = ["Worklist"]

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


class Worklist(ListPlace[WorklistItem]):
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
                    self._cell, lambda item: item.key, shared.keymap.bindings("L"), id="table"
                )
            yield CaseDetail(id="detail")
        yield StatusLine(id="status")
        yield HintBar(id="hints")

    def on_mount(self) -> None:
        """Show what was loaded before the first paint."""
        super().on_mount()
        self.items: list[WorklistItem] = []
        self.filter_text = ""
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
        """Take fresh rows from the vault."""
        known = {item.key for item in self.items}
        if known:
            self.table.marked |= {item.key for item in items if item.key not in known}
        self.items, self.age = items, age
        self.call_after_refresh(self.recount)
        self.order_rows(hold=self.face.idle_seconds() < SETTLED)

    def recount(self) -> None:
        """Count what the saved filters would show."""
        now = self.face.now()
        counted = []
        for one in self.filters:
            try:
                query = parse_query(one.query, now)
            except UsageError:
                counted.append(one)
                continue
            counted.append(replace(one, count=sum(map(query.matches, self.items))))
        self.filters = tuple(counted)
        self.query_one(SavedFilters).show(self.filters, self.chosen)

    def order_rows(self, *, hold: bool = False) -> None:
        """Filter and order the rows.

        Args:
            hold: The reader is at work: rows keep their places, new ones come last.
        """
        try:
            query = parse_query(self.filter_text, self.face.now())
        except UsageError as error:
            self._tell_filter(str(error), "warn")
            return
        rows = [item for item in self.items if query.matches(item)]
        rows.sort(key=ORDERS[self.sort])
        if hold:
            place = {self.table._key(row): index for index, row in enumerate(self.table.rows)}
            rows.sort(key=lambda item: place.get(item.key, len(place)))
        table = self.table
        empty = self._empty_words()
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

    # -- what the reader does ---------------------------------------------------------------------
    def do_move_left(self, key: str) -> None:
        """The saved filter before."""
        self._choose(max(self.chosen - 1, -1))

    def do_move_right(self, key: str) -> None:
        """The next saved filter."""
        self._choose(min(self.chosen + 1, len(self.filters) - 1))

    def do_preset_n(self, key: str) -> None:
        """A saved filter; 0 shows all."""
        index = int(key) - 1
        if index < len(self.filters):
            self._choose(index)

    def _choose(self, index: int) -> None:
        self.chosen = index
        self.filter_text = self.filters[index].query if index >= 0 else ""
        self.query_one("#filter", Entry).set(self.filter_text)
        self.query_one(SavedFilters).show(self.filters, index)
        self.order_rows()

    def do_list_filter(self, key: str) -> None:
        """The cursor into the filter."""
        self.focus_on(self.query_one("#filter", Entry))

    def do_list_sort(self, key: str) -> None:
        """A menu of columns to order by."""
        from .ask import Choose

        def chosen(index: int | None) -> None:
            if index is not None:
                self._sort_by(names[index])

        names = list(ORDERS)
        self.open_sheet(Choose("Sort by", names, now=names.index(self.sort)), chosen)

    def do_list_save_filter(self, key: str) -> None:
        """Give the filter a name and a number key."""
        from .ask import AskText

        if not self.filter_text:
            self.face.tell("There is no filter to save: / begins one.", "soft")
            return

        def named(name: str | None) -> None:
            if name:
                self.face.spawn(self._save_filter(str(clean(name))[:16], self.filter_text), "filters")

        self.open_sheet(AskText("Save this filter", f"A short name for “{self.filter_text[:40]}”."), named)

    async def _save_filter(self, name: str, query: str) -> None:
        own = {**dict(self.face.setting("filters", {})), name: query}
        await self.face.calls.vault(self.face.workstation.set_setting, "filters", own)
        self.filters = self._saved()
        self.recount()
        index = next((index for index, one in enumerate(self.filters) if one.name == name), None)
        if index is None:
            self.face.tell("Saved; the nine number keys are taken by older filters.", "warn")
            return
        self.chosen = index
        self.query_one(SavedFilters).show(self.filters, index)
        self.face.tell(f"Saved. {index + 1} shows it.", "good")

    def _sort_by(self, column: str) -> None:
        if column in ORDERS:
            self.sort = column
            self._lay_out(self.size.width)
            self.order_rows()

    def do_view_layout(self, key: str) -> None:
        """Detail on or off."""
        self.wants_detail = not self.wants_detail
        self._lay_out(self.size.width)

    async def do_case_open(self, key: str) -> None:
        """Open the case in focus."""
        item = self.table.current
        if item is not None:
            await self.face.open_case(item)

    def do_case_priors(self, key: str) -> None:
        """Priors of the case in focus."""
        self._look_into("priors")

    def do_case_order(self, key: str) -> None:
        """Order and question of the case in focus."""
        self._look_into("order")

    def _look_into(self, what: str) -> None:
        item = self.table.current
        if item is not None:
            self.face.spawn(self._look(item, what), "look")

    async def _look(self, item: WorklistItem, what: str) -> None:
        from .case_sheets import OrderSheet, PriorReportSheet, PriorsSheet

        case = await self.face.calls.vault(self.face.workstation.open_case, item.key)
        if what == "order":
            self.open_sheet(OrderSheet(case, lifting=False))
            return

        def answered(answer: tuple[str, int] | None) -> None:
            if answer is None:
                return
            prior = case.priors[answer[1]]
            if answer[0] == "fetch":
                self.face.fetch_study(item.key.hub_id, prior.study_uid)
            else:
                self.open_sheet(PriorReportSheet(prior))

        self.open_sheet(PriorsSheet(case), answered)

    def do_template_pick(self, key: str) -> None:
        """Templates for the case in focus; the one chosen begins its report, or goes on with its draft."""
        item = self.table.current
        if item is not None:
            self.face.spawn(self._pick_template(item), "templates")

    async def _pick_template(self, item: WorklistItem) -> None:
        await self.face.open_case(item)
        self.face.act("template.pick")

    def do_app_back(self, key: str) -> None:
        """The worklist is the first level: clear the filter, never quit."""
        if self.filter_text:
            self._choose(-1)
        else:
            self.face.tell("This is the first level. g q leaves.", "soft")

    def do_pane_next(self, key: str) -> None:
        """There is one pane to be in."""
        self.focus_on(self.table)

    do_text_pictures = do_pane_next

    # -- what widgets say -------------------------------------------------------------------------
    def on_entry_changed(self, message: Entry.Changed) -> None:
        """Filter while typing, once the key is on the screen."""
        self.filter_text = message.entry.value
        self.chosen = -1
        self.query_one(SavedFilters).show(self.filters, -1)
        self.call_after_refresh(self.order_rows)

    def on_entry_submitted(self) -> None:
        """Enter: back to the list."""
        self.focus_on(self.table)

    def on_entry_left(self) -> None:
        """Escape: clear the filter, back to the list."""
        self._choose(-1)
        self.focus_on(self.table)

    def on_table_moved(self) -> None:
        """Show the case in focus."""
        self._show_detail()

    async def on_table_opened(self) -> None:
        """A double click opens."""
        await self.do_case_open("")

    def on_table_head_picked(self, message: TableHead.Picked) -> None:
        """Order by the column clicked."""
        self._sort_by(message.column)

    def on_saved_filters_picked(self, message: SavedFilters.Picked) -> None:
        """A saved filter was clicked."""
        self._choose(message.index)

    def item(self) -> WorklistItem | None:
        """The row in focus."""
        return self.table.current

    def data_moved(self) -> None:
        """Take the rows the app has read."""
        self.take(self.face.items, self.face.items_age)

    def neighbours(self) -> Iterator[WorklistItem]:
        """Rows as they stand, for next and previous."""
        yield from self.table.rows
