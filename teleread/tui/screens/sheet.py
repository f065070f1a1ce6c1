"""Sheets: they lie on a screen, over the report or the list, never over a picture or who it is.

A sheet is a widget of its screen, not a screen of its own, so that the picture beside it stays drawn. While
it is open its keys are the only ones: screens and the app have no bindings, only the widget in focus has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region
from textual.widget import Widget

from teleread.tui.face import Face, face
from teleread.tui.paint import Line
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.lines import Lines, Row

if TYPE_CHECKING:
    from .place import Place

__all__ = ["Sheet"]

T = TypeVar("T")


class Sheet(Vertical, Generic[T], can_focus=True, inherit_bindings=False):
    """One sheet.

    Subclasses make rows (`rows`), say how many they want (`wanted`), and close with `finish`.
    """

    DEFAULT_CSS = """
    Sheet { layer: sheet; position: absolute; height: 1; width: 1fr; background: $tr-raised; }
    """

    CONTEXT = "S"
    HINTS: tuple[tuple[str, str], ...] = (("Esc", "back"),)
    """(key, word) of the last row while it is open."""
    APP_ACTIONS = frozenset({"app.lock", "app.redraw"})
    """Actions of the app that are done under an open sheet."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: Callable[[T | None], object] | None = None
        self.done = False

    @property
    def face(self) -> Face:
        """The app, typed."""
        return face(self)

    @property
    def under(self) -> Place:
        """The screen it lies on."""
        return cast("Place", self.screen)

    def compose(self) -> ComposeResult:
        """The sheet's widgets from top to bottom."""
        yield from self.parts()

    def parts(self) -> Sequence[Widget]:
        """The widgets of the sheet from top to bottom."""
        return [Lines(self.rows, edge=True, ground="raised", id="rows")]

    def rows(self, width: int) -> Sequence[Row]:
        """The rows for a width."""
        return []

    def wanted(self) -> int:
        """Rows it would like."""
        return 10

    def on_mount(self) -> None:
        """Take keys of sheets, lie down where allowed."""
        self._bindings = self.face.keymap.bindings("S")
        self.settle()
        self.screen.set_focus(self.first_focus(), scroll_visible=False)

    def first_focus(self) -> Widget:
        """What has the focus at first."""
        return self

    def region_wanted(self) -> Region:
        """Where it lies."""
        return self.under.sheet_region(self.wanted())

    def width_wanted(self) -> int:
        """Cells of its rows where it will lie."""
        return self.under.sheet_region(1).width - 1

    def settle(self) -> None:
        """Lie where the screen below allows."""
        region = self.region_wanted()
        self.styles.offset = (region.x, region.y)
        self.styles.width = region.width
        self.styles.height = region.height

    def renew(self) -> None:
        """Draw the rows again."""
        for lines in self.query(Lines):
            lines.renew()

    def start(self) -> Line:
        """A new row on the sheet's ground, one column in."""
        return Line(self.face.look, "raised").gap()

    def heading(self, title: str, width: int, note: str = "", note_role: str = "soft") -> Row:
        """A section's heading."""
        line = self.start()
        return line.rule(title, width - 2, note, glyph=self.face.glyphs.rule, note_role=note_role), None

    def finish(self, answer: T | None) -> None:
        """Close, and give the answer to who opened it; None: nothing happens."""
        if not self.done:
            self.done = True
            self.under.close_sheet(self, answer)

    def do_sheet_back(self, key: str) -> None:
        """Close; nothing happens."""
        self.finish(None)

    def on_click(self, event: events.Click) -> None:
        """A click beside any control gives the sheet the focus and does nothing else."""
        event.stop()

    def on_entry_changed(self, message: Entry.Changed) -> None:
        """What is typed here concerns nobody below."""
        message.stop()

    def on_entry_submitted(self, message: Entry.Submitted) -> None:
        """The same for Enter."""
        message.stop()

    def on_entry_left(self, message: Entry.Left) -> None:
        """The same for Escape."""
        message.stop()

    def do_sheet_ok(self, key: str) -> None:
        """The harmless button: there is none."""

    def do_sheet_act(self, key: str) -> None:
        """The button in focus: there is none."""


AnySheet = Sheet[Any]
