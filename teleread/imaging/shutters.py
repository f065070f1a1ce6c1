"""Display shutters: what of a picture is meant to be seen (PS3.3 C.7.6.11)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .elements import Elements
from .header import Shape

__all__ = ["circle", "covered", "polygon", "rectangle", "shutter_mask"]

Mask = NDArray[np.bool_]


def shutter_mask(header: Elements, shape: Shape) -> Mask | None:
    """Where a picture is covered; None without a shutter that can be read.

    Args:
        header: The data set.
        shape: Its checked shape.
    """
    return covered([_read(name, header, shape) for name in header.texts(0x00181600)[:8]])


def covered(seen: Iterable[Mask | None]) -> Mask | None:
    """What several shutters cover together; None where they cover nothing, or everything.

    Args:
        seen: What each leaves open; None for one that can't be read.
    """
    open_: Mask | None = None
    for part in seen:
        if part is not None:
            open_ = part if open_ is None else open_ & part
    return ~open_ if open_ is not None and open_.any() and not open_.all() else None


def _read(name: str, header: Elements, shape: Shape) -> Mask | None:
    if name == "RECTANGULAR":
        edges = [header.number(tag) for tag in (0x00181602, 0x00181604, 0x00181606, 0x00181608)]
        known = [edge for edge in edges if edge is not None]
        return rectangle(known, shape.rows, shape.columns) if len(known) == 4 else None
    if name == "CIRCULAR":
        centre, radius = header.numbers(0x00181610), header.number(0x00181612)
        figures = [*centre[:2], radius] if len(centre) >= 2 and radius is not None else []
        return circle(figures, shape.rows, shape.columns)
    return polygon(header.numbers(0x00181620), shape.rows, shape.columns) if name == "POLYGONAL" else None


def rectangle(edges: list[float], rows: int, columns: int) -> Mask | None:
    """Edges left, right, upper, lower count from 1, and the edge pixels themselves are covered."""
    left, right, upper, lower = (int(max(-1.0, min(edge, 1e6))) for edge in edges)
    seen = np.zeros((rows, columns), np.bool_)
    seen[max(0, upper) : max(0, lower - 1), max(0, left) : max(0, right - 1)] = True
    return seen


def circle(figures: list[float], rows: int, columns: int) -> Mask | None:
    """Row and column of the centre, counted from 1, and the radius."""
    if len(figures) < 3 or figures[2] <= 0:
        return None
    down = np.arange(1, rows + 1)[:, None] - figures[0]
    across = np.arange(1, columns + 1)[None, :] - figures[1]
    seen: Mask = down * down + across * across <= figures[2] * figures[2]
    return seen


def polygon(vertices: list[float], rows: int, columns: int) -> Mask | None:
    """Row and column of each vertex, counted from 1."""
    if len(vertices) < 6 or len(vertices) % 2:
        return None
    from PIL import Image, ImageDraw

    canvas = Image.new("1", (columns, rows))
    points = [(column - 1, row - 1) for row, column in zip(vertices[0::2], vertices[1::2], strict=True)]
    ImageDraw.Draw(canvas).polygon(points, fill=1)
    return np.asarray(canvas, np.bool_)
