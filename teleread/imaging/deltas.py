"""The cells of a half-block picture that differ from what stands on the screen, as few bytes as they take."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import colours as tables
from .pieces import Pieces, join_pieces, pieces_of

__all__ = ["changed_cells"]

_NOTHING: Final = 256
"""Index of the empty string in tables by value."""
_GLYPH: Final = "▀".encode()
_RESET: Final = "\x1b[0m"


def changed_cells(
    before: NDArray[np.uint8] | None,
    after: NDArray[np.uint8],
    top: int,
    left: int,
    colours: str,
    *,
    forced: NDArray[np.bool_] | None = None,
    kept: NDArray[np.bool_] | None = None,
) -> str:
    """Send the cells that differ; a colour is said only where it is another than the last one sent.

    Args:
        before: What stands there, of the same size; None sends everything.
        after: Greys or RGB of an even height.
        top: Row of the screen, from 0.
        left: Column of the screen, from 0.
        colours: ``truecolor`` or ``256``; ``palette`` says greys that are among the 240 by their number.
        forced: Cells, rows x columns, that are sent though they are alike.
        kept: Cells, rows x columns, that are not sent though they differ.
    """
    if colours == "256":
        before, after = None if before is None else tables.to_256(before), tables.to_256(after)
    values = _cells(after)
    if before is None:
        differs = np.ones(len(values), np.bool_)
    else:
        differs = (_cells(before) != values).reshape(len(values), -1).any(axis=1)
    if forced is not None:
        differs |= forced.reshape(-1)
    if kept is not None:
        differs &= ~kept.reshape(-1)
    chosen = np.flatnonzero(differs)
    if not len(chosen):
        return ""
    width = after.shape[1]
    row, column = np.divmod(chosen, width)
    jumps = np.ones(len(chosen), np.bool_)
    jumps[1:] = (np.diff(chosen) != 1) | (row[1:] != row[:-1])
    rows = np.where(jumps, row + 1, 0)
    columns = np.where(jumps, column + 1, 0)
    parts: list[tuple[Pieces, NDArray[np.integer]]] = [
        (_moves_down(top, after.shape[0] // 2), rows),
        (_moves_across(left, width), columns),
    ]
    picked = values[chosen]
    for half, layer in ((0, 38), (1, 48)):
        parts += _colours(picked[:, half], layer, colours)
    parts.append((_glyphs(), np.zeros(len(chosen), np.int64)))
    return join_pieces(parts).decode() + _RESET


def _cells(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cells x (upper, lower) (x 3)."""
    height, width = picture.shape[:2]
    split = picture.reshape(height // 2, 2, width, *picture.shape[2:])
    return np.moveaxis(split, 1, 2).reshape(height // 2 * width, 2, *picture.shape[2:])


def _colours(
    values: NDArray[np.integer], layer: int, colours: str
) -> list[tuple[Pieces, NDArray[np.integer]]]:
    same = np.zeros(len(values), np.bool_)
    alike = values[1:] == values[:-1]
    same[1:] = alike if values.ndim == 1 else alike.all(axis=1)
    values = values.astype(np.int16)  # room for `_NOTHING`
    if values.ndim == 1:
        made = {"256": _indexed, "palette": _numbered}.get(colours, _greys)
        table = made(layer)
        return [(table, np.where(same, _NOTHING, values))]
    return [(_channel(layer, place), np.where(same, _NOTHING, values[:, place])) for place in range(3)]


@cache
def _moves_down(top: int, rows: int) -> Pieces:
    return pieces_of([b"", *(b"\x1b[%d;" % (top + row + 1) for row in range(rows))])


@cache
def _moves_across(left: int, columns: int) -> Pieces:
    return pieces_of([b"", *(b"%dH" % (left + column + 1) for column in range(columns))])


@cache
def _greys(layer: int) -> Pieces:
    return pieces_of([*(b"\x1b[%d;2;%d;%d;%dm" % (layer, value, value, value) for value in range(256)), b""])


@cache
def _indexed(layer: int) -> Pieces:
    return pieces_of([*(b"\x1b[%d;5;%dm" % (layer, value) for value in range(256)), b""])


@cache
def _numbered(layer: int) -> Pieces:
    """By grey, not by number."""
    numbers = tables.to_256(np.arange(256, dtype=np.uint8)[None])[0].tolist()
    return pieces_of([*(b"\x1b[%d;5;%dm" % (layer, number) for number in numbers), b""])


@cache
def _channel(layer: int, place: int) -> Pieces:
    begin = b"\x1b[%d;2;" % layer if place == 0 else b";"
    end = b"m" if place == 2 else b""
    return pieces_of([*(begin + b"%d" % value + end for value in range(256)), b""])


@cache
def _glyphs() -> Pieces:
    return pieces_of([_GLYPH])
