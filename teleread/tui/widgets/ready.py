"""A line of picture that is ready for the terminal: one string of our own escape sequences.

This is the one way around the render guard, and only numbers go in: greys, colours, cleaned corner text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip

__all__ = ["ReadyStrip"]


class ReadyStrip(Strip):
    """A strip whose rendering is given.

    Args:
        ready: The line's escape sequences; must leave the terminal's attributes reset.
        width: Cells it takes.
        printed: Told when it is rendered for the terminal.

    A cut would fall inside sequences, so a part cut off is blank; panes and sheets never cut a picture.
    """

    __slots__ = ("_printed", "_ready")

    def __init__(self, ready: str, width: int, printed: Callable[[], object] | None = None) -> None:
        super().__init__([Segment(" " * width, Style.null())], width)
        self._ready, self._printed = ready, printed

    def render(self, console: Console) -> str:
        """The line as it was given."""
        if self._printed is not None:
            self._printed()
        return self._ready

    def apply_filter(self, filter: LineFilter, background: Color) -> Strip:  # noqa: A002 - Textual's word
        """Colours were chosen for the terminal already."""
        return self

    def apply_style(self, style: Style) -> Strip:
        """A picture keeps its colours."""
        return self

    def adjust_cell_length(self, cell_length: int, style: Style | None = None) -> Strip:
        """The same where the length fits."""
        return self if cell_length == self.cell_length else super().adjust_cell_length(cell_length, style)

    def crop(self, start: int, end: int | None = None) -> Strip:
        """The whole line stays itself."""
        if start <= 0 and (end is None or end >= self.cell_length):
            return self
        return super().crop(start, end)

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """The whole line stays itself."""
        wanted = [cut for cut in cuts if cut <= self.cell_length]
        return [self] if wanted == [self.cell_length] else super().divide(wanted)

    def simplify(self) -> Strip:
        """There is nothing to join."""
        return self

    def apply_offsets(self, x: int, y: int) -> Strip:
        """No selection by mouse on a picture."""
        return self
