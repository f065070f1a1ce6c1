"""The worklist: what the reader does there, one method an action."""

from __future__ import annotations

from teleread.model.text import clean
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.table import TableHead
from teleread.tui.widgets.worklist import SavedFilters
from teleread.workstation.api import WorklistItem

from .orders import ORDERS
from .worklist_base import WorklistBase

__all__ = ["Worklist"]


class Worklist(WorklistBase):
    """Cases to read: what each action does."""

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
            self.face.spawn(self._opened_for(item, "template.pick"), "templates")

    async def _opened_for(self, item: WorklistItem, action: str) -> None:
        await self.face.open_case(item)
        self.face.act(action)

    def do_case_opinion(self, key: str) -> None:
        """A second opinion on the case in focus: opened, and asked there whether it is meant."""
        item = self.table.current
        if item is not None:
            self.face.spawn(self._opened_for(item, "case.opinion"), "opinion")

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
