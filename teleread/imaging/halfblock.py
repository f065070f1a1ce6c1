"""Half blocks: each cell shows two pixels, one above the other. Works in every terminal.

Lines are put together from tables of finished escape sequences, so that a frame costs a fraction of a
millisecond; a line can be handed to a terminal, or to a Textual Strip as one segment.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import colours as tables
from .protocol import COLOURS, Capabilities, PlacedText

__all__ = ["HalfBlock"]

_RESET: Final = "\x1b[0m"
_UPPER: Final = "▀"
_MONO: Final = (" ", "▄", "▀", "█")
"""By 2 x upper + lower pixel."""
_BLACK: Final = {
    "truecolor": "\x1b[0;48;2;0;0;0m",
    "256": "\x1b[0;48;5;16m",
    "16": "\x1b[0;40m",
    "mono": _RESET,
}
"""What text stands on."""


class HalfBlock:
    """Draws greys or RGB as half blocks.

    Args:
        colours: What the terminal can show: ``truecolor``, ``256``, ``16`` or ``mono``.
    """

    def __init__(self, colours: str = "truecolor") -> None:
        if colours not in COLOURS:
            raise ValueError(f"unknown colours {colours!r}")
        self.colours = colours

    @property
    def capabilities(self) -> Capabilities:
        """A cell is one pixel wide and two high; text may stand on the picture."""
        return Capabilities("half blocks", 1, 2, text_over_picture=True)

    def cells(self, picture: NDArray[np.uint8]) -> list[str]:
        """A picture as finished lines.

        Args:
            picture: Greys, height x width, or RGB, height x width x 3; an odd height gets a black row.

        Returns:
            One line for each two rows of pixels; each sets its own colours and ends with a reset.
        """
        picture = _even(picture)
        if self.colours in ("truecolor", "256"):
            return [line.tobytes().decode() + _RESET for line in self._fixed(picture)]
        return ["".join(line) + _RESET for line in self.cells_grid(picture)]

    def cells_grid(self, picture: NDArray[np.uint8]) -> list[list[str]]:
        """A picture as single cells, each with its colours; slower, for who wants to cut a line.

        Args:
            picture: As for `cells`.
        """
        picture = _even(picture)
        if self.colours in ("truecolor", "256"):
            fixed = self._fixed(picture)
            return [[cell.tobytes().decode() for cell in line] for line in fixed]
        if self.colours == "16":
            chosen = tables.to_16(picture)
            pairs = chosen[0::2].astype(np.int64) * 16 + chosen[1::2]
            return [[_SIXTEEN[pair] for pair in line] for line in pairs.tolist()]
        lit = tables.to_mono(picture)
        pairs = lit[0::2].astype(np.int64) * 2 + lit[1::2]
        return [[_MONO[pair] for pair in line] for line in pairs.tolist()]

    def compose(self, picture: NDArray[np.uint8], texts: Sequence[PlacedText]) -> list[str]:
        """A picture with texts on it, in cells on black; what does not fit its row is cut.

        Args:
            picture: As for `cells`.
            texts: Row, column, text and the escape sequence of its style; later ones lie on top.
        """
        picture = _even(picture)
        lines = self.cells(picture)
        columns = picture.shape[1]
        by_row: dict[int, list[PlacedText]] = {}
        for one in texts:
            if 0 <= one[0] < len(lines) and one[1] < columns:
                by_row.setdefault(one[0], []).append(one)
        for row, placed in by_row.items():
            grid = self.cells_grid(picture[2 * row : 2 * row + 2])[0]
            for _, column, text, style in placed:
                self._write(grid, max(0, column), text, style)
            lines[row] = "".join(grid) + _RESET
        return lines

    line_parts = compose

    def changed(self, before: NDArray[np.uint8] | None, after: NDArray[np.uint8], top: int, left: int) -> str:
        """What turns one picture on the screen into another: cells that differ, colours that differ.

        Over a thin line this is what a moving picture costs; with `colours.coarser` it is a quarter again.

        Args:
            before: What stands there; None, or another size, sends everything.
            after: What is to stand there.
            top: Row of the screen of its first cell, from 0.
            left: Column of its first cell, from 0.

        Returns:
            Cursor moves, colours and half blocks; it ends with a reset. Empty where nothing differs.
        """
        after = _even(after)
        if before is None or before.shape != after.shape:
            before = None if before is None else _even(before)
            before = before if before is not None and before.shape == after.shape else None
        if self.colours not in ("truecolor", "256"):
            return self._changed_lines(before, after, top, left)
        from .deltas import changed_cells

        return changed_cells(before, after, top, left, self.colours)

    def _changed_lines(
        self, before: NDArray[np.uint8] | None, after: NDArray[np.uint8], top: int, left: int
    ) -> str:
        old = self.cells(before) if before is not None else None
        return "".join(
            f"\x1b[{top + row + 1};{left + 1}H{line}"
            for row, line in enumerate(self.cells(after))
            if old is None or old[row] != line
        )

    def _write(self, grid: list[str], column: int, text: str, style: str) -> None:
        begin = _BLACK[self.colours] + style
        for char in text:
            width = 2 if unicodedata.east_asian_width(char) in "WF" else 1
            if unicodedata.combining(char) or column + width > len(grid):
                continue
            grid[column] = begin + char + _RESET
            if width == 2:
                grid[column + 1] = ""
            column += width

    def _fixed(self, picture: NDArray[np.uint8]) -> NDArray[np.void]:
        """Cells as byte strings of one length, lines x columns."""
        if self.colours == "256":
            return _pairs(tables.to_256(picture), "256")
        return _pairs(picture, "truecolor") if picture.ndim == 2 else _coloured(picture)


@cache
def _halves(colours: str) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Finished halves of a cell by grey or colour number: what sets the upper pixel, what the lower."""
    figures = [f"5;{value:03d}" for value in range(256)]
    if colours == "truecolor":
        figures = [f"2;{value:03d};{value:03d};{value:03d}" for value in range(256)]
    upper = [f"\x1b[38;{figure};".encode() for figure in figures]
    lower = [f"48;{figure}m{_UPPER}".encode() for figure in figures]
    return np.array(upper, f"V{len(upper[0])}"), np.array(lower, f"V{len(lower[0])}")


def _pairs(values: NDArray[np.uint8], colours: str) -> NDArray[np.void]:
    upper, lower = _halves(colours)
    out = np.empty((values.shape[0] // 2, values.shape[1]), [("upper", upper.dtype), ("lower", lower.dtype)])
    out["upper"] = upper[values[0::2]]
    out["lower"] = lower[values[1::2]]
    return out


_CHANNELS: Final = ("r", "g", "b", "R", "G", "B")


@cache
def _colour_template() -> tuple[NDArray[np.void], NDArray[np.void]]:
    """A cell with six figures to fill in, and the figures."""
    template = f"\x1b[38;2;000;000;000;48;2;000;000;000m{_UPPER}".encode()
    places = dict(zip(_CHANNELS, (7, 11, 15, 24, 28, 32), strict=True))
    cell = np.dtype(
        {
            "names": list(places),
            "formats": ["V3"] * 6,
            "offsets": list(places.values()),
            "itemsize": len(template),
        }
    )
    figures = np.array([f"{value:03d}".encode() for value in range(256)], "V3")
    return np.frombuffer(template, cell), figures


def _coloured(picture: NDArray[np.uint8]) -> NDArray[np.void]:
    template, figures = _colour_template()
    shape = (picture.shape[0] // 2, picture.shape[1])
    whole = np.tile(np.frombuffer(template.tobytes(), np.uint8), (*shape, 1))
    out = whole.view(template.dtype)[..., 0]
    for number, channel in enumerate(_CHANNELS):
        out[channel] = figures[picture[number // 3 :: 2, :, number % 3]]
    return out


def _even(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if picture.shape[0] % 2 == 0:
        return picture
    return np.concatenate((picture, np.zeros_like(picture[:1])))


def _sixteen() -> list[str]:
    front = [*range(30, 38), *range(90, 98)]
    back = [*range(40, 48), *range(100, 108)]
    return [f"\x1b[{front[upper]};{back[lower]}m{_UPPER}" for upper in range(16) for lower in range(16)]


_SIXTEEN: Final = _sixteen()
