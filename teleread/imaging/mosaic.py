"""Quadrants, sextants and braille: more pixels in a cell than half blocks, in two colours a cell.

Each cell keeps the two greys that say most about its pixels, and the glyph that tells them apart: sharper
edges than half blocks in truecolour, and the best there is where a terminal has no colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import colours as tables
from .pieces import Pieces, join_pieces, pieces_of
from .protocol import COLOURS, Capabilities, PlacedText

__all__ = ["KINDS", "Mosaic"]

KINDS: Final = {"quadrant": (2, 2), "sextant": (2, 3), "braille": (2, 4)}
"""Pixels across and down of each kind's cell."""

_QUADRANTS: Final = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
_DOTS: Final = (0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80)
"""Braille's bit of each pixel, row by row."""
_RESET: Final = b"\x1b[0m"
_NARROW: Final = 0
_WIDE: Final = 1


class Mosaic:
    """Draws greys or RGB as quadrants, sextants or braille.

    Args:
        kind: One of `KINDS`.
        colours: What the terminal can show; 16 colours are drawn as none.
    """

    def __init__(self, kind: str = "quadrant", colours: str = "truecolor") -> None:
        if kind not in KINDS or colours not in COLOURS:
            raise ValueError(f"unknown kind {kind!r} or colours {colours!r}")
        self.kind = kind
        self.colours = colours

    @property
    def capabilities(self) -> Capabilities:
        """Text may stand in cells on the picture."""
        across, down = KINDS[self.kind]
        return Capabilities(f"{self.kind}s" if self.kind != "braille" else "braille", across, down, True)

    def cells(self, picture: NDArray[np.uint8]) -> list[str]:
        """A picture as finished lines, one for each row of cells.

        Args:
            picture: Greys, height x width, or RGB; odd sides get black pixels.
        """
        return [line.decode() for line in self._lines(picture)]

    def compose(self, picture: NDArray[np.uint8], texts: Sequence[PlacedText]) -> list[str]:
        """The same with texts on it, in cells on black; they cut the line where they stand.

        Args:
            picture: As for `cells`.
            texts: Row, column, text and style; later ones lie on top.
        """
        across, down = KINDS[self.kind]
        lines = self.cells(picture)
        columns = -(-picture.shape[1] // across)
        for row in {one[0] for one in texts if 0 <= one[0] < len(lines)}:
            strip = picture[row * down : (row + 1) * down]
            cells = [self.cells(strip[:, at * across : (at + 1) * across])[0] for at in range(columns)]
            for _, column, text, style in (one for one in texts if one[0] == row):
                for place, char in enumerate(text[: max(0, columns - max(0, column))], max(0, column)):
                    cells[place] = f"\x1b[0;40m{style}{char}\x1b[0m"
            lines[row] = "".join(cells)
        return lines

    def _lines(self, picture: NDArray[np.uint8]) -> list[bytes]:
        across, down = KINDS[self.kind]
        picture = _padded(picture, across, down)
        rows, columns = picture.shape[0] // down, picture.shape[1] // across
        glyphs = _glyphs(self.kind)
        if self.colours in ("16", "mono"):
            lit = tables.to_mono(picture)
            pattern = _patterns(_blocks(lit, across, down))
            return [join_pieces([(glyphs, line)]) for line in pattern.reshape(rows, columns)]
        blocks = _blocks(picture, across, down)
        high, low, pattern = _two_colours(blocks)
        if self.colours == "256":
            parts = [
                (_indexed(38), tables.to_256(high[None])[0]),
                (_indexed(48), tables.to_256(low[None])[0]),
            ]
        elif picture.ndim == 2:
            parts = [(_greys(38), high), (_greys(48), low)]
        else:
            parts = [
                (_channels(place, layer), values[:, place])
                for layer, values in ((38, high), (48, low))
                for place in range(3)
            ]
        out = []
        for row in range(rows):
            at = slice(row * columns, (row + 1) * columns)
            line = [(table, chosen[at]) for table, chosen in (*parts, (glyphs, pattern))]
            out.append(join_pieces(line) + _RESET)
        return out


def _padded(picture: NDArray[np.uint8], across: int, down: int) -> NDArray[np.uint8]:
    missing = -picture.shape[0] % down, -picture.shape[1] % across
    if not any(missing):
        return picture
    return np.pad(picture, ((0, missing[0]), (0, missing[1]), *((0, 0),) * (picture.ndim - 2)))


def _blocks(picture: NDArray[np.generic], across: int, down: int) -> NDArray[np.generic]:
    """Cells x pixels of a cell (x 3): row by row inside a cell."""
    rows, columns = picture.shape[0] // down, picture.shape[1] // across
    rest = picture.shape[2:]
    split = picture.reshape(rows, down, columns, across, *rest)
    return np.moveaxis(split, 1, 2).reshape(rows * columns, down * across, *rest)


def _patterns(lit: NDArray[np.generic]) -> NDArray[np.int64]:
    weights = 1 << np.arange(lit.shape[1])
    found: NDArray[np.int64] = (lit.astype(np.int64) * weights).sum(axis=1)
    return found


def _two_colours(
    blocks: NDArray[np.generic],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    """Split each cell at the middle of its range: mean of the upper pixels, of the lower ones, and which."""
    values = blocks.astype(np.float32)
    brightness = values if values.ndim == 2 else values.mean(axis=2)
    middle = (brightness.max(axis=1) + brightness.min(axis=1)) / 2
    upper = brightness > middle[:, None]
    share = upper.astype(np.float32)
    count = share.sum(axis=1)
    weight = share if values.ndim == 2 else share[..., None]
    total = values.sum(axis=1)
    above = (values * weight).sum(axis=1)
    many, few = count, blocks.shape[1] - count
    if values.ndim == 3:
        many, few = many[:, None], few[:, None]
    high = np.rint(above / np.maximum(many, 1)).astype(np.uint8)
    low = np.rint((total - above) / np.maximum(few, 1)).astype(np.uint8)
    return high, low, _patterns(upper)


@cache
def _glyphs(kind: str) -> Pieces:
    if kind == "quadrant":
        return pieces_of([char.encode() for char in _QUADRANTS])
    if kind == "braille":
        bits = range(256)
        codes = [sum(dot for place, dot in enumerate(_DOTS) if one >> place & 1) for one in bits]
        return pieces_of([chr(0x2800 + code).encode() for code in codes])
    named = {0: " ", 0b010101: "▌", 0b101010: "▐", 0b111111: "█"}
    chars, code = [], 0x1FB00
    for one in range(64):  # the block of sextants leaves out the four that stood elsewhere already
        if one in named:
            chars.append(named[one])
        else:
            chars.append(chr(code))
            code += 1
    return pieces_of([char.encode() for char in chars])


@cache
def _greys(layer: int) -> Pieces:
    return pieces_of([b"\x1b[%d;2;%d;%d;%dm" % (layer, grey, grey, grey) for grey in range(256)])


@cache
def _indexed(layer: int) -> Pieces:
    return pieces_of([b"\x1b[%d;5;%dm" % (layer, index) for index in range(256)])


@cache
def _channels(place: int, layer: int) -> Pieces:
    begin = b"\x1b[%d;2;" % layer if place == 0 else b";"
    end = b"m" if place == 2 else b""
    return pieces_of([begin + b"%d" % value + end for value in range(256)])
