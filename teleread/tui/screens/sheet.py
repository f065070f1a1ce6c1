"""Sheets: they lie on a screen, over the report or the list, never over a picture or who it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.widget import Widget

from ..face import Face, face
from ..paint import Line
from ..widgets.bars import HintBar
from ..widgets.lines import Lines, Row
from .place import Place, perform

__all__ = ["Sheet"]

T = TypeVar("T")


class Sheet(ModalScreen[T], Generic[T], inherit_bindings=False):
    """One sheet.

    Subclasses make rows (`rows`), say how many they want (`wanted`), and close with `dismiss`.
    """

    TITLE_WORDS = ""
    """Its heading."""
    HINTS: tuple[tuple[str, str], ...] = (("Esc", "back"),)
    """(key, word) of the last row while it is open."""

    @property
    def face(self) -> Face:
        """The app, typed."""
        return face(self)

    @property
    def under(self) -> Place:
        """The screen it lies on."""
        return next(screen for screen in reversed(self.app.screen_stack) if isinstance(screen, Place))

    def compose(self) -> ComposeResult:
        """The rows, then whatever a subclass adds, then the keys."""
        with Vertical(id="sheet"):
            yield from self.parts()
        yield HintBar(id="sheet-hints")

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
        self.query_one(HintBar).chips = tuple((key, word, "") for key, word in self.HINTS)

    def region_wanted(self) -> Region:
        """Where it lies."""
        return self.under.sheet_region(self.wanted())

    def settle(self) -> None:
        """Lie where the screen below allows."""
        region = self.region_wanted()
        body = self.query_one("#sheet", Vertical)
        body.styles.position = "absolute"
        body.styles.offset = (region.x, region.y)
        body.styles.width = region.width
        body.styles.height = region.height
        hints = self.query_one(HintBar)
        hints.styles.position = "absolute"
        hints.styles.offset = (0, self.app.size.height - 1)
        hints.styles.width = self.app.size.width

    def on_resize(self) -> None:
        """Lie down anew."""
        if self.is_mounted:
            self.settle()

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

    async def action_act(self, action_id: str, key: str = "") -> None:
        """Do an action of the table; only the sheet and the app know any here."""
        self.face.touched()
        await perform(self, (self.focused, self, *self._app_targets(action_id)), action_id, key)

    def _app_targets(self, action_id: str) -> tuple[object, ...]:
        return (self.app,) if action_id in {"app.lock", "app.redraw"} else ()

    def do_sheet_back(self, key: str) -> None:
        """Close; nothing happens."""
        self.dismiss(None)
