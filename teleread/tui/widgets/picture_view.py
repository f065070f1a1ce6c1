"""How a picture is looked at, and which of its pixels lies under a cell; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teleread.imaging.frames import Frame, Window
    from teleread.imaging.resample import Placement

__all__ = ["Point", "Seen", "View", "seen"]

Point = tuple[float, float]
"""Column and row of the stored picture, from 0 at the middle of its first pixel."""


@dataclass(frozen=True, slots=True)
class View:
    """How pictures are looked at; kept while scrolling."""

    window: Window | None = None
    """None: as stored."""
    word: str = "as stored"
    invert: bool = False
    zoom: float = 1.0
    centre: tuple[float, float] = (0.5, 0.5)
    """What lies in the middle, as shares of the turned picture."""
    rotation: int = 0
    """Clockwise, degrees: 0, 90, 180 or 270."""
    flip: bool = False
    """Mirrored left to right, after the rotation."""
    layer: str = ""
    """Name of what is laid over it; empty for nothing."""

    @property
    def sideways(self) -> bool:
        """Rows run across."""
        return self.rotation in (90, 270)


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame of this size under a view, on a canvas: the way from its pixels to the canvas and back."""

    rows: int
    columns: int
    view: View
    placement: Placement

    def to_canvas(self, point: Point) -> Point:
        """A place of the picture on the canvas, in canvas pixels from the edge."""
        from teleread.imaging.presentation import turned_place

        x, y = turned_place(point, self.columns, self.rows, self.view.rotation, self.view.flip)
        return self.placement.to_canvas(x + 0.5, y + 0.5)

    def to_picture(self, x: float, y: float) -> Point:
        """A place of the canvas in the picture."""
        from teleread.imaging.presentation import turned_place

        column, row = self.placement.to_picture(x, y)
        point = (column - 0.5, row - 0.5)
        wide, high = (self.rows, self.columns) if self.view.sideways else (self.columns, self.rows)
        if self.view.flip:
            point = (wide - 1 - point[0], point[1])
        return turned_place(point, wide, high, (360 - self.view.rotation) % 360, flip=False)

    def inside(self, point: Point) -> Point:
        """The nearest place that lies on the picture."""
        return min(max(point[0], 0.0), self.columns - 1.0), min(max(point[1], 0.0), self.rows - 1.0)

    def holds(self, x: float, y: float) -> bool:
        """Whether a place of the canvas lies on the picture."""
        at = self.placement
        return at.left <= x < at.left + at.shown_width and at.top <= y < at.top + at.shown_height


def seen(frame: Frame, view: View, width: int, height: int, *, square: float = 1.0) -> Seen:
    """Where a frame lies on a canvas.

    Args:
        frame: A decoded frame.
        view: How it is looked at.
        width: Canvas width, its pixels.
        height: Canvas height.
        square: Height of a canvas pixel over its width.
    """
    from teleread.imaging.resample import place

    rows, columns, aspect = frame.rows, frame.columns, frame.aspect
    if view.sideways:
        rows, columns, aspect = columns, rows, 1 / aspect
    placement = place(
        rows, columns, width, height, aspect=aspect / square, zoom=view.zoom, centre=view.centre
    )
    return Seen(frame.rows, frame.columns, view, placement)
