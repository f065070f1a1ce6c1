"""Display shutters: what of a picture is meant to be seen (PS3.3 C.7.6.11). Runs in the decode child."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .elements import Elements
from .header import Shape

__all__ = ["shutter_mask"]

Mask = NDArray[np.bool_]


def shutter_mask(header: Elements, shape: Shape) -> Mask | None:
    """Where a picture is covered; None without a shutter that can be read.

    Args:
        header: The data set.
        shape: Its checked shape.
    """
    makers = {"RECTANGULAR": _rectangle, "CIRCULAR": _circle, "POLYGONAL": _polygon}
    seen: Mask | None = None
    for name in header.texts(0x00181600):
        part = makers[name](header, shape) if name in makers else None
        if part is not None:
            seen = part if seen is None else seen & part
    return ~seen if seen is not None and seen.any() and not seen.all() else None


def _rectangle(header: Elements, shape: Shape) -> Mask | None:
    """Edges count from 1, and the edge pixels themselves are covered."""
    edges = [header.number(tag) for tag in (0x00181602, 0x00181604, 0x00181606, 0x00181608)]
    if any(edge is None for edge in edges):
        return None
    left, right, upper, lower = (int(edge) for edge in edges if edge is not None)
    seen = np.zeros((shape.rows, shape.columns), np.bool_)
    seen[max(0, upper) : max(0, lower - 1), max(0, left) : max(0, right - 1)] = True
    return seen


def _circle(header: Elements, shape: Shape) -> Mask | None:
    centre, radius = header.numbers(0x00181610), header.number(0x00181612)
    if len(centre) < 2 or radius is None or radius <= 0:
        return None
    rows = np.arange(1, shape.rows + 1)[:, None] - centre[0]
    columns = np.arange(1, shape.columns + 1)[None, :] - centre[1]
    seen: Mask = rows * rows + columns * columns <= radius * radius
    return seen


def _polygon(header: Elements, shape: Shape) -> Mask | None:
    vertices = header.numbers(0x00181620)
    if len(vertices) < 6 or len(vertices) % 2:
        return None
    from PIL import Image, ImageDraw

    canvas = Image.new("1", (shape.columns, shape.rows))
    points = [(column - 1, row - 1) for row, column in zip(vertices[0::2], vertices[1::2], strict=True)]
    ImageDraw.Draw(canvas).polygon(points, fill=1)
    return np.asarray(canvas, np.bool_)
