"""A widget that is a few ready rows: the base of bars, panes and sheets."""

from __future__ import annotations

from textual.strip import Strip
from textual.widget import Widget

from teleread.tui.face import Face, face
from teleread.tui.glyphs import Glyphs
from teleread.tui.paint import Line
from teleread.tui.themes import Look

__all__ = ["Rows"]


class Rows(Widget):
    """Draws `line` for each row; text never passes a markup parser."""

    DEFAULT_CSS = """
    Rows { height: 1; width: 1fr; }
    """

    GROUND = "room"
    """Role of its ground."""

    @property
    def face(self) -> Face:
        """The app, typed."""
        return face(self)

    @property
    def look(self) -> Look:
        """The theme in use."""
        return self.face.look

    @property
    def glyphs(self) -> Glyphs:
        """The signs in use."""
        return self.face.glyphs

    def start(self, on: str = "") -> Line:
        """A new row on the widget's ground."""
        return Line(self.look, on or self.GROUND)

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """(left part, right part) of a row."""
        raise AttributeError(f"{type(self).__name__} draws no rows")

    def render_line(self, y: int) -> Strip:
        """One row, ready for the terminal."""
        width = self.size.width
        left, right = self.line(y, width)
        return left.strip(width, right)
