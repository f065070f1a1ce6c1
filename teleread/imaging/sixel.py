"""Sixel: pixels for xterm, foot, mlterm, Windows Terminal and tmux (DEC STD 070, chapter 9).

Greys use a palette of 101 levels, all that Sixel's percent can tell apart. A picture is taken apart into
(band, colour, column) at once and put together from tables, so that a frame costs a few milliseconds; while a
series moves, `coarse` sends a quarter of the pixels at the same size.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .pieces import Pieces, join_pieces, pieces_of
from .protocol import Capabilities, PlacedText

__all__ = ["LEVELS", "Sixel"]

LEVELS: Final = 101
"""Greys that percent can say."""
_MARKS: Final = 150
"""Most colours of marks on a grey picture; letters have many, at their edges."""
MAX_SIDE: Final = 4096
"""Longest side drawn, pixels."""

_BEGIN: Final = '\x1bP0;1;0q"1;1;{};{}'
_END: Final = "\x1b\\"


class Sixel:
    """Draws greys or RGB as Sixel.

    Args:
        cell: Width and height of a cell, pixels.
        greys: Levels of grey, 2 to 101; fewer make a moving picture lighter.
        coarse: 1 draws every pixel; 2 takes a picture of half the size and doubles it.
    """

    def __init__(self, cell: tuple[int, int] = (8, 16), *, greys: int = LEVELS, coarse: int = 1) -> None:
        if not 2 <= greys <= LEVELS or coarse not in (1, 2):
            raise ValueError("greys are 2 to 101, coarse is 1 or 2")
        self.cell = cell
        self.greys = greys
        self.coarse = coarse

    @property
    def capabilities(self) -> Capabilities:
        """A cell holds its real pixels; text needs rows of its own."""
        return Capabilities(
            f"sixel, {self.greys} greys",
            self.cell[0],
            self.cell[1],
            text_over_picture=False,
            greys=self.greys,
        )

    def cells(self, picture: NDArray[np.uint8]) -> list[str]:
        """The picture as one Sixel string, and nothing for the other rows it covers."""
        rows = -(-picture.shape[0] * self.coarse // self.cell[1])
        return [self.encode(picture), *[""] * (rows - 1)]

    def compose(self, picture: NDArray[np.uint8], texts: Sequence[PlacedText]) -> list[str]:
        """The same; texts are dropped, since the next frame would wipe them."""
        del texts
        return self.cells(picture)

    def encode(self, picture: NDArray[np.uint8]) -> str:
        """A picture as a Sixel string; the cursor should stand at its top left.

        Args:
            picture: Greys, height x width, or RGB, height x width x 3; half as large where `coarse` is 2.
        """
        picture = picture[:MAX_SIDE, :MAX_SIDE]
        height, width = picture.shape[:2]
        if picture.ndim == 2:
            levels, head = _quantised(self.greys)[picture], _grey_palette(self.greys)
            count = self.greys
        else:
            levels, head, count = _indexed(picture)
        body = _body(levels, count, self.coarse)
        return _BEGIN.format(width * self.coarse, height * self.coarse) + head + body.decode() + _END


@cache
def _quantised(greys: int) -> NDArray[np.uint8]:
    """Level of each grey, to the nearest."""
    levels: NDArray[np.uint8] = np.rint(np.arange(256) * (greys - 1) / 255).astype(np.uint8)
    return levels


@cache
def _grey_palette(greys: int) -> str:
    percents = [round(level * 100 / (greys - 1)) for level in range(greys)]
    return "".join(f"#{level};2;{share};{share};{share}" for level, share in enumerate(percents))


def _indexed(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], str, int]:
    """Colours reduced to a palette of the picture's own; all greys, where only a few lines are in colour."""
    marked = _greys_with_marks(picture)
    if marked is not None:
        return marked
    from PIL import Image

    reduced = Image.fromarray(np.ascontiguousarray(picture)).quantize(
        255, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    )
    palette = (reduced.getpalette() or [])[:765]
    count = max(1, len(palette) // 3)
    shares = [round(value * 100 / 255) for value in palette]
    head = "".join(
        f"#{index};2;{shares[3 * index]};{shares[3 * index + 1]};{shares[3 * index + 2]}"
        for index in range(count)
    )
    return np.asarray(reduced, np.uint8), head, count


def _greys_with_marks(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], str, int] | None:
    """A grey picture with drawn marks: the greys as without them, and the colours of the marks."""
    red = picture[..., 0]
    coloured = (red != picture[..., 1]) | (red != picture[..., 2])
    colours, which = np.unique(picture[coloured], axis=0, return_inverse=True)
    if len(colours) > _MARKS or 8 * int(coloured.sum()) > red.size:
        return None
    levels = _quantised(LEVELS)[red]
    levels[coloured] = (LEVELS + which.reshape(-1)).astype(np.uint8)
    shares = np.rint(colours.astype(np.float32) * 100 / 255).astype(int).tolist()
    head = "".join(f"#{LEVELS + at};2;{r};{g};{b}" for at, (r, g, b) in enumerate(shares))
    return levels, _grey_palette(LEVELS) + head, LEVELS + len(colours)


def _body(levels: NDArray[np.uint8], count: int, coarse: int) -> bytes:
    """All bands: what each colour of a band sets in every column, empty stretches and runs shortened."""
    strip, column, bits = _stripes(levels, count, coarse)
    width = levels.shape[1]
    same = strip[1:] == strip[:-1]
    follows = same & (column[1:] == column[:-1] + 1) & (bits[1:] == bits[:-1])  # goes on with its neighbour
    begins = np.append(np.int32(0), np.flatnonzero(~follows).astype(np.int32) + 1)
    run = np.diff(np.append(begins, np.int32(len(strip)))).astype(np.int32)
    strip, column, bits = strip[begins], column[begins], bits[begins]
    new = np.ones(len(begins), np.bool_)
    new[1:] = strip[1:] != strip[:-1]
    gap = column.copy()
    gap[1:] -= np.where(new[1:], 0, column[:-1] + run[:-1]).astype(np.int32)
    band, colour = np.divmod(strip, count)
    turn = new.astype(np.int32)  # 0 nothing, 1 another colour of the band, 2 the next band
    turn[1:] += np.diff(band) > 0
    turn[0] = 0
    heads = np.where(new, colour + 1, 0) + turn * (count + 1)
    if run.max() == 1:
        return join_pieces([(_heads(count), heads), (_gaps(width, coarse), gap), (_letters(coarse), bits)])
    runs = (_runs(width, coarse), run)
    return join_pieces([(_heads(count), heads), (_gaps(width, coarse), gap), runs, (_letters(1), bits)])


def _stripes(
    levels: NDArray[np.uint8], count: int, coarse: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8]]:
    """Where something is set, in order: band x colours + colour, and the column; and the six bits there.

    Small types on purpose: what is moved through memory here is what a frame costs.
    """
    height, width = levels.shape
    lines = 6 // coarse
    bands = -(-height // lines)
    column_of, dots_of = _layout(height, width, coarse)
    filled = levels
    if bands * lines > height:
        filled = np.zeros((bands * lines, width), np.uint8)
        filled[:height] = levels
    by_column = filled.reshape(bands, lines, width).transpose(0, 2, 1)
    # 16 bits are sorted by counting, ten times faster than by comparing.
    number = np.uint16 if bands * count < 65536 else np.int32
    strips = (np.arange(bands, dtype=number)[:, None, None] * number(count) + by_column).reshape(-1)
    order = np.argsort(strips, kind="stable")  # columns stay in their order inside a strip
    strip, column, dots = strips[order], column_of[order], dots_of[order]
    first = np.ones(len(strip), np.bool_)
    first[1:] = (strip[1:] != strip[:-1]) | (column[1:] != column[:-1])
    begins = np.flatnonzero(first)
    bits = np.bitwise_or.reduceat(dots, begins)
    kept = bits > 0  # rows that only fill up the last band set nothing
    if not kept.all():
        begins, bits = begins[kept], bits[kept]
    return strip[begins].astype(np.int32), column[begins].astype(np.int32), bits


@lru_cache(maxsize=4)
def _layout(height: int, width: int, coarse: int) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Column and dots of each pixel, in the order of band, column, line; no dots below the picture."""
    lines = 6 // coarse
    bands = -(-height // lines)
    columns = np.broadcast_to(np.arange(width, dtype=np.uint16)[None, :, None], (bands, width, lines))
    row = (np.arange(bands)[:, None] * lines + np.arange(lines)).astype(np.int32)
    one = np.array([((1 << coarse) - 1) << (line * coarse) for line in range(lines)], np.uint8)
    dots = np.where(row < height, one, 0).astype(np.uint8)
    return columns.reshape(-1), np.broadcast_to(dots[:, None, :], (bands, width, lines)).reshape(-1)


@cache
def _heads(count: int) -> Pieces:
    """What selects a colour, behind what goes back in the band, or on to the next."""
    names = [b"", *(b"#%d" % colour for colour in range(count))]
    return pieces_of([turn + name for turn in (b"", b"$", b"-") for name in names])


@cache
def _gaps(width: int, coarse: int) -> Pieces:
    counts = (n * coarse for n in range(width + 1))
    return pieces_of([b"?" * count if count < 4 else b"!%d?" % count for count in counts])


@cache
def _runs(width: int, coarse: int) -> Pieces:
    """What stands before the letter of a run."""
    counts = (n * coarse for n in range(width + 1))
    return pieces_of([b"" if count < 2 else b"!%d" % count for count in counts])


@cache
def _letters(times: int) -> Pieces:
    return pieces_of([bytes([63 + bits]) * times for bits in range(64)])
