"""The ways a pane draws pixels: in cells, in placeholder cells, or as graphics laid over empty cells.

A painter turns a canvas into one finished string for each row of cells. Graphics that stand outside the
grid of letters come as an `Painted.over`, written behind the rows with the cursor put back; whatever is
printed on their cells takes them away again, and what does not go by that is taken away by `Painter.clear`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from teleread.imaging.kitty import KittyStore, SharedPictures
    from teleread.imaging.probe import TerminalFacts
    from teleread.imaging.protocol import PlacedText
    from teleread.imaging.resample import Placement

    Pixels = NDArray[np.uint8]

from .picture_standing import PaintedCells

__all__ = ["Painted", "Painter", "cell_size", "painter_for"]

_CELL: Final = (10, 20)
"""Pixels of a cell where the terminal does not say."""
_BLANK: Final = "\x1b[0;48;2;0;0;0m{}\x1b[0m"
_MOVING_GREYS: Final = 48
_HELD: Final = 48 * 1024 * 1024
"""Most bytes of pixels a pane keeps in the terminal."""
_NUMBERS: Final = 0x100000
"""Numbers of pictures a pane counts through."""
MOVING_SIDE: Final = 256
"""Longest side of a Sixel picture in motion, pixels; it is drawn twice as large."""


@dataclass(frozen=True, slots=True)
class Painted:
    """A drawn canvas."""

    rows: list[str]
    """One for each row of cells."""
    over: str = ""
    """Graphics for the cell `at`; empty for none."""
    at: tuple[int, int] = (0, 0)
    """Row and column of cells of its top left corner."""
    first: str = ""
    """To be written before the rows, once."""


class Painter:
    """Draws in cells: half blocks, sextants, quadrants, braille.

    Args:
        name: One of `teleread.imaging.probe.PROTOCOLS`.
        colours: What the terminal can show.
    """

    graphic = False
    """It draws real pixels; text needs cells of its own."""
    over_cells = False
    """Its pixels lie over the cells, so that rows must not be printed again for each frame."""
    changes = False
    """What stands there can be turned into another picture by its changed cells alone."""

    def __init__(self, name: str, colours: str) -> None:
        from teleread.imaging.ways import protocol

        self.name = name
        self._way = protocol(name, colours)
        can = self._way.capabilities
        self.words = can.name
        """What the heading calls it."""
        self.changes = name == "halfblock" and colours in ("truecolor", "256")
        self.across, self.down = can.across, can.down
        self.square = 1.0 if (self.across, self.down) == (1, 2) else 2 * self.across / self.down

    def paint(
        self, canvas: Pixels, placement: Placement, texts: Sequence[PlacedText], *, key: str, moving: bool
    ) -> Painted | PaintedCells:
        """Draw a canvas.

        Args:
            canvas: Greys or RGB; for graphics only what is shown of the picture, smaller by `coarse`.
            placement: Where the picture lies on the canvas.
            texts: Texts on it; graphics have none.
            key: A name of exactly these pixels.
            moving: More frames follow at once.
        """
        return PaintedCells(self._way, canvas, texts)

    def known(self, key: str, placement: Placement) -> Painted | None:
        """The same without pixels, where the terminal holds them already."""
        return None

    def hide(self) -> str:
        """What takes off the screen what printing on its cells does not."""
        return ""

    def clear(self) -> str:
        """The same, out of the terminal's memory too. Only for all panes at once: kitty forgets more."""
        return ""

    def settled(self, placement: Placement) -> Placement:
        """The placement as it will be drawn: graphics begin at the corner of a cell."""
        return placement

    def coarse(self, placement: Placement, *, moving: bool) -> int:
        """Canvas pixels that one pixel handed to `paint` stands for, across and down."""
        return 1


class GraphicPainter(Painter):
    """Sixel and iTerm2: one sequence at a cell, gone when its cells are printed again.

    Args:
        name: ``sixel`` or ``iterm2``.
        cell: Pixels of a cell.
        registers: Sixel colours the terminal has; 0 where not said.
    """

    graphic = over_cells = True

    def __init__(self, name: str, cell: tuple[int, int], registers: int = 0) -> None:
        from teleread.imaging.ways import protocol

        self.name, self.cell = name, cell
        self._way = protocol(name, "truecolor", cell, registers=registers)
        self.words = self._way.capabilities.name
        self.across, self.down = cell
        self.square = 1.0

    def settled(self, placement: Placement) -> Placement:
        """Begin at the corner of a cell."""
        wide, high = self.cell
        return replace(placement, left=placement.left // wide * wide, top=placement.top // high * high)

    def paint(
        self, canvas: Pixels, placement: Placement, texts: Sequence[PlacedText], *, key: str, moving: bool
    ) -> Painted:
        """Empty cells, and the picture over them."""
        coded = self._coded(canvas, placement, moving)
        return Painted(self._empty(placement), coded, self._corner(placement))

    def coarse(self, placement: Placement, *, moving: bool) -> int:
        """Sixel moves at half the size and sharpens when it rests."""
        large = max(placement.shown_width, placement.shown_height) > MOVING_SIDE
        return 2 if moving and large and self.name == "sixel" else 1

    def _coded(self, canvas: Pixels, placement: Placement, moving: bool) -> str:
        from teleread.imaging.sixel import Sixel

        if self.coarse(placement, moving=moving) == 2 and isinstance(self._way, Sixel):
            return Sixel(self.cell, greys=min(_MOVING_GREYS, self._way.greys), coarse=2).encode(canvas)
        return self._way.cells(canvas)[0]

    def _corner(self, placement: Placement) -> tuple[int, int]:
        return placement.top // self.cell[1], placement.left // self.cell[0]

    def _empty(self, placement: Placement) -> list[str]:
        blank = _BLANK.format(" " * (placement.width // self.cell[0]))
        return [blank] * (placement.height // self.cell[1])


class KittyPainter(GraphicPainter):
    """Kitty graphics put at a cell: they lie over the letters, so each goes when the next has come.

    Args:
        cell: Pixels of a cell.
        shared: For a terminal on this machine.
        slot: Which pane it is for, so that no two count pictures by the same numbers.
    """

    def __init__(self, cell: tuple[int, int], shared: SharedPictures | None, slot: int = 0) -> None:
        from teleread.imaging.kitty import FIRST_ID, KittyStore

        super().__init__("kitty", cell)
        self._store: KittyStore = KittyStore(shared, _HELD, FIRST_ID + slot * _NUMBERS)
        self._shown = 0

    def paint(
        self, canvas: Pixels, placement: Placement, texts: Sequence[PlacedText], *, key: str, moving: bool
    ) -> Painted:
        """Send the picture if the terminal does not hold it, and place it."""
        return self._placed(*self._store.show(key, canvas), placement)

    def known(self, key: str, placement: Placement) -> Painted | None:
        """Only place it, where the terminal holds it."""
        return self._placed(*self._store.show(key, None), placement) if self._store.holds(key) else None

    def _placed(self, number: int, sent: str, placement: Placement) -> Painted:
        from teleread.imaging.kitty import delete, place

        before, self._shown = self._shown, number
        gone = delete(before) if before and before != number else ""
        over = place(number, *self._cells(placement)) + gone
        return Painted(self._empty(placement), over, self._corner(placement), first=sent)

    def _cells(self, placement: Placement) -> tuple[int, int]:
        """Columns and rows it is stretched over."""
        wide, high = self.cell
        return max(1, round(placement.shown_width / wide)), max(1, round(placement.shown_height / high))

    def hide(self) -> str:
        """Take what is placed off the screen; the terminal keeps its pixels."""
        from teleread.imaging.kitty import delete

        shown, self._shown = self._shown, 0
        return delete(shown) if shown else ""

    def clear(self) -> str:
        """Take all of ours away, and out of the terminal's memory."""
        self._shown = 0
        return self._store.clear()


class PlaceholderPainter(KittyPainter):
    """Kitty graphics by placeholder cells: they go where their cells go."""

    over_cells = False

    def _placed(self, number: int, sent: str, placement: Placement) -> Painted:
        from teleread.imaging.kitty import place, placeholder

        columns, rows = self._cells(placement)
        lines = placeholder(number, columns, rows)
        top, left = self._corner(placement)
        whole = placement.width // self.cell[0]
        empty = self._empty(placement)
        before, after = _BLANK.format(" " * left), _BLANK.format(" " * max(0, whole - left - columns))
        for index, line in enumerate(lines[: len(empty) - top]):
            empty[top + index] = f"{before}\x1b[0;48;2;0;0;0m{line}\x1b[0m{after}"
        first = sent + place(number, columns, rows, virtual=True)
        return Painted(empty, first=first)


def painter_for(
    name: str,
    colours: str,
    facts: TerminalFacts,
    cell: tuple[int, int] | None,
    slot: int = 0,
    environment: Mapping[str, str] | None = None,
) -> Painter:
    """The painter of a way of drawing; half blocks where it is none.

    Args:
        name: One of `teleread.imaging.probe.PROTOCOLS`.
        colours: What the terminal can show.
        facts: What the terminal said.
        cell: Pixels of a cell; None where nobody says.
        slot: Which pane it is for.
        environment: In place of the process's own.
    """
    size = cell or facts.cell or _CELL
    if name == "kitty":
        from teleread.imaging.ways import usable_shared

        shared = usable_shared(os.environ if environment is None else environment)
        return (PlaceholderPainter if facts.placeholders else KittyPainter)(size, shared, slot)
    if name in ("sixel", "iterm2"):
        return GraphicPainter(name, size, facts.sixel_colours)
    return Painter(name if name in ("sextant", "quadrant", "braille") else "halfblock", colours)


def cell_size() -> tuple[int, int] | None:
    """Pixels of a cell as the kernel was told; None where it was not."""
    try:
        import fcntl
        import struct
        import sys
        import termios
    except ImportError:  # no POSIX terminal here
        return None
    stream = sys.__stdout__
    if stream is None:
        return None
    try:
        told = fcntl.ioctl(stream.fileno(), termios.TIOCGWINSZ, bytes(8))
    except (OSError, ValueError):
        return None
    rows, columns, width, height = struct.unpack("4H", told)
    if not rows or not columns or width < 2 * columns or height < 2 * rows:
        return None
    return width // columns, height // rows
