"""What is drawn on a picture: calipers, angles, ellipses, the cursor, lines of other panes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .picture_view import Point, Seen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["INKS", "Ink", "drawn_on"]

INKS: Final = {
    "mark": (143, 188, 214),
    "draft": (232, 191, 82),
    "line": (149, 205, 178),
    "region": (189, 162, 220),
}
"""RGB of a finished measurement, one under way, a line of another pane, an outline."""
ARM: Final = 3
"""Half the length of the cross at a point, canvas pixels."""


@dataclass(frozen=True, slots=True)
class Ink:
    """One drawn figure."""

    kind: str
    """``line``, ``ellipse`` (two corners of its box), ``cross``, ``dots``, or ``words``: its text alone."""
    points: tuple[Point, ...]
    """Places of the stored picture."""
    colour: str | tuple[int, int, int] = "mark"
    """One of `INKS`, or RGB."""
    text: str = ""
    """Its figure, drawn beside it where letters can't be."""


def drawn_on(
    canvas: NDArray[np.uint8], inks: Sequence[Ink], at: Seen, corner: tuple[int, int], *, scale: float = 1.0
) -> NDArray[np.uint8]:
    """Put figures on a canvas.

    Args:
        canvas: Greys or RGB.
        inks: The figures; without any the canvas comes back as it is.
        at: Where the picture lies on the whole canvas.
        corner: Column and row of the whole canvas that the first pixel here is.
        scale: Pixels here for each of the whole canvas.

    Returns:
        RGB where anything was drawn.
    """
    if not inks:
        return canvas
    import numpy as np
    from PIL import Image, ImageDraw

    image = Image.fromarray(np.ascontiguousarray(canvas)).convert("RGB")
    draw = ImageDraw.Draw(image)
    large = min(image.size) >= 240
    for ink in inks:
        places = [
            ((x - corner[0]) * scale, (y - corner[1]) * scale) for x, y in map(at.to_canvas, ink.points)
        ]
        _figure(draw, ink, places, wide=2 if large else 1, arm=2 * ARM if large else ARM)
        if ink.text and large and places:
            _lettered(draw, ink, places[-1])
    return np.asarray(image)


def _figure(draw: Any, ink: Ink, places: list[Point], *, wide: int, arm: int) -> None:
    colour = _rgb(ink)
    cells = [(x - 0.5, y - 0.5) for x, y in places]  # Pillow counts from the middle of the first pixel
    if ink.kind == "line" and len(cells) >= 2:
        draw.line(cells, fill=colour, width=wide)
    elif ink.kind == "ellipse" and len(cells) == 2:
        (left, top), (right, bottom) = cells
        box = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
        draw.ellipse(box, outline=colour, width=wide)
    elif ink.kind == "dots":
        draw.point(cells, fill=colour)
    elif ink.kind == "cross":
        for x, y in cells:
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):  # open in the middle: what is measured shows
                draw.line((x + 2 * dx, y + 2 * dy, x + arm * dx, y + arm * dy), fill=colour, width=wide)


def _rgb(ink: Ink) -> tuple[int, int, int]:
    return INKS[ink.colour] if isinstance(ink.colour, str) else ink.colour


def _lettered(draw: Any, ink: Ink, place: Point) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(size=16)
    x, y = place
    draw.text((x + 8, y - 8), ink.text, fill=_rgb(ink), font=font, stroke_width=2, stroke_fill=(0, 0, 0))
