"""A picture to the pixels of a screen: averaged when it shrinks, never picked; its pixels' shape honoured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleread.model.text import SafeText, clean

__all__ = ["Placement", "fit", "place", "resize", "square"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a picture lies on a canvas, and which part of it."""

    width: int
    """Canvas width, pixels."""
    height: int
    """Canvas height, pixels."""
    left: int
    """First canvas column of the picture."""
    top: int
    """First canvas row of the picture."""
    shown_width: int
    """Canvas columns it takes."""
    shown_height: int
    """Canvas rows it takes."""
    box: tuple[float, float, float, float]
    """Part of the picture that is shown: left, top, right, bottom in its own pixels."""

    @property
    def ratio(self) -> SafeText:
        """How coarse it is: ``1:6`` when one canvas pixel stands for six of the picture's, across."""
        across = (self.box[2] - self.box[0]) / self.shown_width
        if across < 0.95:
            return clean(f"{_short(1 / across)}:1")
        return clean(f"1:{_short(across)}")

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Canvas place to column and row of the picture, with fractions."""
        across = (self.box[2] - self.box[0]) / self.shown_width
        down = (self.box[3] - self.box[1]) / self.shown_height
        return self.box[0] + (x - self.left) * across, self.box[1] + (y - self.top) * down

    def to_canvas(self, column: float, row: float) -> tuple[float, float]:
        """Column and row of the picture to a canvas place, with fractions."""
        across = self.shown_width / (self.box[2] - self.box[0])
        down = self.shown_height / (self.box[3] - self.box[1])
        return self.left + (column - self.box[0]) * across, self.top + (row - self.box[1]) * down


def _short(value: float) -> str:
    return str(round(value)) if value >= 2.95 else f"{value:.1f}".removesuffix(".0")


def place(
    rows: int,
    columns: int,
    width: int,
    height: int,
    *,
    aspect: float = 1.0,
    zoom: float = 1.0,
    centre: tuple[float, float] = (0.5, 0.5),
) -> Placement:
    """Fit a picture into a canvas of square pixels.

    Args:
        rows: Height of the picture, its pixels.
        columns: Width of the picture.
        width: Canvas width.
        height: Canvas height; twice the rows of cells for half blocks.
        aspect: Height of the picture's pixels over their width.
        zoom: 1.0 shows all of it.
        centre: What lies in the middle, as shares of width and height; kept inside the picture.
    """
    width, height = max(1, width), max(1, height)
    scale = min(width / columns, height / (rows * aspect)) * max(zoom, 0.01)
    seen_w, seen_h = min(columns, width / scale), min(rows, height / (scale * aspect))
    left = min(max(centre[0] * columns - seen_w / 2, 0.0), columns - seen_w)
    top = min(max(centre[1] * rows - seen_h / 2, 0.0), rows - seen_h)
    shown_w = min(width, max(1, round(seen_w * scale)))
    shown_h = min(height, max(1, round(seen_h * scale * aspect)))
    return Placement(
        width,
        height,
        (width - shown_w) // 2,
        (height - shown_h) // 2,
        shown_w,
        shown_h,
        (left, top, left + seen_w, top + seen_h),
    )


def fit(picture: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    """Draw a picture on a black canvas.

    Args:
        picture: Greys, rows x columns, or RGB, rows x columns x 3.
        placement: From `place` for a picture of this size.

    Returns:
        The canvas, height x width, or height x width x 3.
    """
    shown = resize(picture, placement.shown_height, placement.shown_width, placement.box)
    if shown.shape[:2] == (placement.height, placement.width):
        return shown
    canvas = np.zeros((placement.height, placement.width, *picture.shape[2:]), np.uint8)
    bottom, right = placement.top + shown.shape[0], placement.left + shown.shape[1]
    canvas[placement.top : bottom, placement.left : right] = shown
    return canvas


def resize(
    picture: NDArray[np.uint8], rows: int, columns: int, box: tuple[float, float, float, float] | None = None
) -> NDArray[np.uint8]:
    """Resample by area: each new pixel is the mean of what it covers, so that no thin line is skipped.

    Args:
        picture: Greys or RGB.
        rows: New height.
        columns: New width.
        box: Part of the picture to take; None takes all.
    """
    from PIL import Image

    source = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(source.resize((columns, rows), Image.Resampling.BOX, box=box))


def square(picture: NDArray[np.uint8], aspect: float) -> NDArray[np.uint8]:
    """Make a picture's pixels square by enlarging one side.

    Args:
        picture: Greys or RGB.
        aspect: Height of its pixels over their width.
    """
    rows, columns = picture.shape[:2]
    if abs(aspect - 1.0) < 0.005:
        return picture
    if aspect > 1.0:
        return resize(picture, min(65535, round(rows * aspect)), columns)
    return resize(picture, rows, min(65535, round(columns / aspect)))
