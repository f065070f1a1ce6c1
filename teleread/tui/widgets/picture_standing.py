"""What stands on the screen where a pane draws in cells, and the least that turns it into another picture.

A row printed whole says so when it is rendered for the terminal; so does a change. What is remembered here is
therefore what was really sent, and a picture that moves costs its changed cells alone. Over a line that can't
keep up it costs less still: fewer greys, cells that differ by little stay, two side by side become one, until
the picture rests.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from textual.strip import Strip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from teleread.imaging.protocol import ImageProtocol, PlacedText
    from teleread.imaging.resample import Placement

    Pixels = NDArray[np.uint8]

__all__ = ["WHOLE", "CarryingStrip", "Level", "PaintedCells", "Standing", "Thrift"]


@dataclass(frozen=True, slots=True)
class Level:
    """What a picture is drawn with."""

    greys: int
    """How many; `PALETTE` for those that are sent by number, in half the bytes."""
    near: int
    """By how much a pixel may be off and still stays as it is."""
    across: int = 1
    """Cells side by side that look alike: the mean of theirs."""


PALETTE: Final = 30
"""Greys of the palette of 256 colours."""
_GROUND: Final = {"truecolor": "\x1b[0;48;2;0;0;0m", "256": "\x1b[0;48;5;16m"}
WHOLE: Final = Level(256, 0)
_LEVELS: Final = (
    WHOLE,
    Level(64, 2),
    Level(PALETTE, 3),
    Level(PALETTE, 10),
    Level(PALETTE, 10, across=2),
    Level(PALETTE, 18, across=2),
)
"""From a fast line to a slow one."""
FAR: Final = 2
"""Where a terminal on another machine begins: what lies in the line's buffers is late already."""
_QUEUED: Final = 3
"""Writes that may wait for the terminal before a picture waits too: those of one."""
_CALM: Final = 60
"""Pictures that went out without waiting after which more greys are tried."""


class PaintedCells:
    """A canvas drawn in cells; its rows are put together when somebody prints them whole.

    Args:
        way: How it is drawn.
        canvas: Greys or RGB.
        texts: Texts on it.
    """

    over = first = ""
    at = (0, 0)

    def __init__(self, way: ImageProtocol, canvas: Pixels, texts: Sequence[PlacedText]) -> None:
        self._way, self.canvas, self.texts = way, canvas, tuple(texts)

    @cached_property
    def rows(self) -> list[str]:
        """One finished string for each row of cells."""
        return self._way.compose(self.canvas, self.texts)

    @cached_property
    def covered(self) -> NDArray[np.bool_]:
        """Cells under a text, rows x columns."""
        import numpy as np

        rows, columns = self.canvas.shape[0] // 2, self.canvas.shape[1]
        found = np.zeros((rows, columns), np.bool_)
        for row, column, text, _ in self.texts:
            if 0 <= row < rows:
                found[row, max(0, column) : max(0, column) + _fitting(text, columns - max(0, column))[1]] = (
                    True
                )
        return found


@lru_cache(maxsize=256)
def _fitting(text: str, room: int) -> tuple[str, int]:
    """What of a text stands in so many cells, and how many it takes."""
    out, taken = "", 0
    for char in text:
        width = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if unicodedata.combining(char) or taken + width > room:
            continue
        out, taken = out + char, taken + width
    return out, taken


class Thrift:
    """How much of a moving picture a line gets; a picture at rest gets all of it.

    Args:
        environment: Variables that say whether the terminal is far away.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        from teleread.imaging.probe import local

        self._least = 0 if local(os.environ if environment is None else environment) else FAR
        self._level = self._least
        self._calm = 0

    @property
    def level(self) -> Level:
        """What a picture in motion is drawn with."""
        return _LEVELS[self._level]

    def went(self) -> None:
        """A picture went out without waiting."""
        self._calm += 1
        if self._calm >= _CALM:
            self._level, self._calm = max(self._least, self._level - 1), 0

    def waited(self) -> None:
        """A picture had to wait for the line."""
        self._level, self._calm = min(len(_LEVELS) - 1, self._level + 1), 0

    @staticmethod
    def crowded(driver: Any) -> bool:
        """Whether the terminal has not taken yet what was written before.

        Args:
            driver: Textual's; one without a thread that writes is never crowded.
        """
        queue = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
        return queue is not None and queue.qsize() > _QUEUED


class Standing:
    """The cells of a pane as the terminal shows them.

    Args:
        colours: ``truecolor`` or ``256``.
    """

    def __init__(self, colours: str) -> None:
        self.colours = colours
        self._canvas: Any = None
        self._whole: Any = None
        """Rows of which every cell is known."""
        self._covered: Any = None
        self._texts: frozenset[PlacedText] = frozenset()
        self._rail: list[str] = []

    def forget(self) -> None:
        """Something else was printed there."""
        self._canvas = None

    def known_for(self, placement: Placement) -> bool:
        """Whether every cell of a canvas of this size is known."""
        size = placement.height, placement.width
        return self._canvas is not None and self._canvas.shape[:2] == size and bool(self._whole.all())

    def _begin(self, shape: tuple[int, ...]) -> None:
        import numpy as np

        if self._canvas is None or self._canvas.shape != shape:
            rows = shape[0] // 2
            self._canvas = np.zeros(shape, np.uint8)
            self._whole = np.zeros(rows, np.bool_)
            self._covered = np.zeros((rows, shape[1]), np.bool_)
            self._texts, self._rail = frozenset(), [""] * rows

    def printed(self, row: int, painted: PaintedCells, rail: str) -> None:
        """A row was printed whole, from its left edge to the rail."""
        self._begin(painted.canvas.shape)
        if row >= len(self._rail):
            return
        self._canvas[2 * row : 2 * row + 2] = painted.canvas[2 * row : 2 * row + 2]
        self._covered[row] = painted.covered[row]
        self._whole[row], self._rail[row] = True, rail
        here = {one for one in painted.texts if one[0] == row}
        self._texts = frozenset({one for one in self._texts if one[0] != row} | here)

    def change(
        self,
        painted: PaintedCells,
        rail: Sequence[str],
        top: int,
        left: int,
        level: Level = WHOLE,
    ) -> str:
        """What turns what stands there into a picture; it is taken as sent.

        Args:
            painted: The picture.
            rail: The cells at its right.
            top: Row of the screen of its first cell, from 0.
            left: Column of its first cell, from 0.
            level: What it is drawn with.
        """
        import numpy as np

        from teleread.imaging.deltas import changed_cells

        self._begin(painted.canvas.shape)
        forced = ~self._whole[:, None] | (self._covered & ~painted.covered)
        after = _with_fewer(painted.canvas, level)
        if level.near:
            off = np.abs(after.astype(np.int16) - self._canvas)
            close = (off <= level.near).reshape(len(forced), 2, forced.shape[1], -1).all(
                axis=(1, 3)
            ) & ~forced
            stays = np.repeat(close, 2, axis=0)
            after = np.where(stays if after.ndim == 2 else stays[..., None], self._canvas, after)
        by_number = level.greys == PALETTE and after.ndim == 2 and self.colours == "truecolor"
        colours = "palette" if by_number else self.colours
        kept = painted.covered
        out = [changed_cells(self._canvas, after, top, left, colours, forced=forced, kept=kept)]
        self._canvas = after if after is not painted.canvas else after.copy()
        self._covered = painted.covered
        out += self._said(painted, top, left)
        for row, cell in enumerate(rail[: len(self._rail)]):
            if cell != self._rail[row]:
                out.append(f"\x1b[{top + row + 1};{left + forced.shape[1] + 1}H{cell}")
                self._rail[row] = cell
        self._whole[:] = True
        return "".join(out)

    def _said(self, painted: PaintedCells, top: int, left: int) -> list[str]:
        """The texts, row by row, where one of a row is new."""
        texts = frozenset(painted.texts)
        stale = {row for row, whole in enumerate(self._whole) if not whole}
        stale |= {one[0] for one in texts ^ self._texts}
        self._texts = texts
        columns = painted.canvas.shape[1]
        out = []
        for row, column, text, style in painted.texts:
            if row not in stale or not 0 <= row < len(self._rail) or column >= columns:
                continue
            words, _ = _fitting(text, columns - max(0, column))
            ground = _GROUND[self.colours]
            out.append(f"\x1b[{top + row + 1};{left + max(0, column) + 1}H{ground}{style}{words}\x1b[0m")
        return out


def _with_fewer(canvas: Pixels, level: Level) -> Pixels:
    """The canvas in so many greys, and so many cells alike."""
    from teleread.imaging.colours import coarser, palette_greys

    if level.across > 1:
        canvas = _alike(canvas, level.across)
    if level.greys >= 256:
        return canvas
    if level.greys == PALETTE and canvas.ndim == 2:
        return palette_greys()[canvas]
    return coarser(canvas, level.greys)


def _alike(canvas: Pixels, across: int) -> Pixels:
    """Each pixel as the mean of its neighbours; what is left over at the right stays."""
    import numpy as np

    wide = canvas.shape[1] // across * across
    groups = canvas[:, :wide].reshape(canvas.shape[0], wide // across, across, *canvas.shape[2:])
    out = canvas.copy()
    means = groups.mean(axis=2, dtype=np.float32)
    out[:, :wide] = np.repeat(np.rint(means).astype(np.uint8), across, axis=1)
    return out


class CarryingStrip(Strip):
    """A row that, when it is rendered for the terminal, carries along what changes elsewhere.

    Args:
        plain: The row.
        change: Makes what it carries: absolute moves of the cursor and all.
        lost: Told when the row is cut, and what it carries with it.
    """

    __slots__ = ("_change", "_lost", "_plain")

    def __init__(self, plain: Strip, change: Callable[[], str], lost: Callable[[], object]) -> None:
        super().__init__(list(plain), plain.cell_length)
        self._plain, self._change, self._lost = plain, change, lost

    def render(self, console: Console) -> str:
        """The row, and then the rest."""
        return self._plain.render(console) + self._change()

    def crop(self, start: int, end: int | None = None) -> Strip:
        """The whole row stays itself."""
        if start <= 0 and (end is None or end >= self.cell_length):
            return self
        self._lost()
        return self._plain.crop(start, end)

    def divide(self, cuts: Any) -> Sequence[Strip]:
        """The whole row stays itself."""
        wanted = list(cuts)
        if [cut for cut in wanted if cut <= self.cell_length] == [self.cell_length]:
            return [self]
        self._lost()
        return self._plain.divide(wanted)
