"""Screens around a table: the cursor moves by the same actions on all of them."""

from __future__ import annotations

from typing import Generic, TypeVar

from teleread.model.task import TaskKey
from teleread.tui.widgets.table import Table

from .place import Place

__all__ = ["ListPlace"]

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
