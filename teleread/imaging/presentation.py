"""A picture as a presentation state wants it: greys, shutter, figures, turn (PS3.4 annex N.2, PS3.3 C.10.5).

The order is the standard's: modality, VOI, presentation LUT, shutter, annotation, then the spatial transform.
Texts are put on last, so that a turned picture keeps words that can be read.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .frames import Frame, LookupTable, Window
from .objects import Graphic, Presentation, TextMark
from .window import chosen_window, modality_values, to_grey, voi_values

__all__ = ["as_presented", "presented_greys", "presented_texts", "turned", "turned_place"]

Greys = NDArray[np.uint8]

_WHITE: Final = 255


def as_presented(frame: Frame, state: Presentation) -> tuple[Frame, Window | LookupTable | None]:
    """A frame with the modality transform of a state, and the VOI that the state has for it.

    Args:
        frame: A decoded frame; the state must cover it (`Presentation.covers`).
        state: The presentation state.

    Returns:
        The frame, and its window or table; its own where the state has none; None for colour.
    """
    if frame.is_colour:
        return frame, None
    changed = replace(frame, presentation_invert=state.invert, shutter=None)
    if state.modality_lut is not None:
        changed = replace(changed, modality_lut=state.modality_lut)
    elif state.slope is not None:
        changed = replace(changed, slope=state.slope, intercept=state.intercept, modality_lut=None)
    for one in state.windows:
        if not one.images or frame.sop_uid in one.images:
            return changed, one.window or one.table
    # PS3.4 N.2.1.2: without VOI in the state the range of the modality output is shown, not the image's own.
    return changed, chosen_window(replace(changed, windows=(), voi_tables=()))


def presented_greys(frame: Frame, state: Presentation, window: Window | None = None) -> Greys:
    """Draw a frame as a state wants it, before it is turned: stored rows x columns.

    Args:
        frame: A decoded frame.
        state: A presentation state that covers it.
        window: A window in place of the state's, for a reader who turned the knob.

    Returns:
        Greys with shutter, overlays and figures, or RGB.
    """
    changed, shown = as_presented(frame, state)
    if window is not None and not frame.is_colour:
        shown = window
    if state.lut is not None and not frame.is_colour:
        greys = _through(changed, shown, state.lut)
    else:
        greys = to_grey(changed, shown)
    out = np.array(greys)
    cover = _cover(state, frame.rows, frame.columns)
    if cover is not None:
        out[cover] = state.shutter_value >> 8
    if frame.overlays is not None and state.overlays:
        out[frame.overlays] = _WHITE
    return _drawn(out, frame, state)


def _through(frame: Frame, shown: Window | LookupTable | None, table: LookupTable) -> Greys:
    """A presentation LUT takes the whole output range of the VOI (PS3.3 C.11.4)."""
    values = voi_values(modality_values(frame.pixels, frame), shown, frame) / 255.0
    index = np.rint(values * (len(table.values) - 1)).astype(np.int64)
    greys = table.values[index].astype(np.float64) * (255.0 / ((1 << table.bits) - 1))
    out = np.floor(np.clip(greys, 0.0, 255.0) + 0.5).astype(np.uint8)
    return 255 - out if frame.presentation_invert else out


def _cover(state: Presentation, rows: int, columns: int) -> NDArray[np.bool_] | None:
    from .shutters import circle, covered, polygon, rectangle

    makers = {"RECTANGULAR": rectangle, "CIRCULAR": circle, "POLYGONAL": polygon}
    return covered([makers[name](list(figures), rows, columns) for name, figures in state.shutter])


def _drawn(greys: Greys, frame: Frame, state: Presentation) -> Greys:
    """Put the figures on, a white line with a black rim so that it reads on anything."""
    figures = [one for one in state.graphics if not one.images or frame.sop_uid in one.images]
    if not figures:
        return greys
    from PIL import Image, ImageDraw

    canvas = Image.fromarray(np.ascontiguousarray(greys))
    draw = ImageDraw.Draw(canvas)
    wide = max(1, min(greys.shape[:2]) // 512)
    for one in figures:
        points = [pixel_of(point, one.units, frame, state) for point in one.points]
        path = outline(one, points)
        for width, value in ((wide + 2, 0), (wide, _WHITE)):
            colour = value if canvas.mode == "L" else (value, value, value)
            if len(path) == 1:
                x, y = path[0]
                draw.ellipse((x - width, y - width, x + width, y + width), fill=colour)
            else:
                draw.line(path, fill=colour, width=width, joint="curve")
    return np.asarray(canvas)


def pixel_of(
    point: tuple[float, float], units: str, frame: Frame, state: Presentation
) -> tuple[float, float]:
    """Column and row, from 0 at the middle of the first pixel, of a point of an annotation.

    Pixels of an annotation count from 1 at the middle of the first; shares run over the displayed area.
    """
    if units == "PIXEL":
        return point[0] - 1.0, point[1] - 1.0
    left, top, right, bottom = state.area or (1, 1, frame.columns, frame.rows)
    return left - 1.5 + point[0] * (right - left + 1), top - 1.5 + point[1] * (bottom - top + 1)


def outline(figure: Graphic, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The line a figure is drawn by; one point for a point.

    Args:
        figure: What it is.
        points: Its points in the space it is drawn in.
    """
    if figure.kind == "CIRCLE" and len(points) >= 2:
        centre, rim = points[0], points[1]
        radius = math.dist(centre, rim)
        return _round(centre, (radius, 0.0), (0.0, radius))
    if figure.kind == "ELLIPSE" and len(points) >= 4:  # the ends of the major axis, then of the minor
        a, b, c, d = points[:4]
        centre = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
        return _round(centre, ((b[0] - a[0]) / 2, (b[1] - a[1]) / 2), ((d[0] - c[0]) / 2, (d[1] - c[1]) / 2))
    return points[:1] if figure.kind == "POINT" else points


def _round(
    centre: tuple[float, float], one: tuple[float, float], other: tuple[float, float]
) -> list[tuple[float, float]]:
    steps = (2 * math.pi * step / 96 for step in range(97))
    return [
        (
            centre[0] + one[0] * math.cos(angle) + other[0] * math.sin(angle),
            centre[1] + one[1] * math.cos(angle) + other[1] * math.sin(angle),
        )
        for angle in steps
    ]


def presented_texts(frame: Frame, state: Presentation) -> list[tuple[TextMark, tuple[float, float]]]:
    """Texts of a state for a frame, and where they stand: column and row of the stored picture, from 0.

    Args:
        frame: A decoded frame.
        state: A presentation state that covers it.
    """
    mine = [one for one in state.texts if not one.images or frame.sop_uid in one.images]
    return [(one, pixel_of(one.place, one.units, frame, state)) for one in mine]


def turned_place(
    point: tuple[float, float], width: int, height: int, rotation: int, flip: bool
) -> tuple[float, float]:
    """Where a place of a picture of this size comes to lie when it is turned and mirrored.

    Args:
        point: Column and row, from 0 at the middle of the first pixel.
        width: Columns before.
        height: Rows before.
        rotation: As for `turned`.
        flip: As for `turned`.
    """
    x, y = point
    for _ in range(rotation // 90 % 4):
        x, y, width, height = height - 1 - y, x, height, width
    return (width - 1 - x if flip else x), y


def turned(greys: Greys, rotation: int, flip: bool) -> Greys:
    """Turn a picture clockwise, then mirror it left to right (PS3.3 C.10.6).

    Args:
        greys: Greys or RGB.
        rotation: Degrees: 0, 90, 180 or 270.
        flip: Mirror it.
    """
    out = np.rot90(greys, k=-(rotation // 90) % 4)
    return np.ascontiguousarray(out[:, ::-1] if flip else out)
