"""Outlines over images: structures of radiotherapy and segmentations, as lines in a picture's own pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from teleread.model.text import SafeText

from .frames import Frame
from .objects import Contours
from .planes import Plane, dot, plane_of, to_picture
from .stack import normal

__all__ = ["Outline", "contour_outlines", "draw_outlines", "lies_on", "mask_outline"]

NEAR: Final = 0.6
"""Millimetres a contour may lie off the plane of the image it is drawn on, where it names none."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A line on a picture."""

    name: SafeText
    """Whose outline it is."""
    colour: tuple[int, int, int]
    """RGB."""
    points: tuple[tuple[float, float], ...]
    """Column and row, from 0."""
    closed: bool = True


def contour_outlines(contours: Contours, frame: Frame) -> list[Outline]:
    """The contours of a structure set that belong on a picture.

    Args:
        contours: The structure set.
        frame: A decoded frame that says where it lies.

    Returns:
        Outlines in its pixels; none where the two share no coordinates.
    """
    plane = plane_of(frame)
    if plane is None or not _shared(contours.frame_of_reference, plane):
        return []
    near = max(NEAR, (frame.thickness or 0.0) / 2)
    found = []
    for one in contours.contours:
        places = [to_picture(plane, (float(x), float(y), float(z))) for x, y, z in one.points[:1]]
        named = one.image == frame.sop_uid if one.image else abs(places[0][2]) <= near
        if named:
            points = _all(plane, one.points)
            found.append(
                Outline(contours.names[one.roi], contours.colours[one.roi], tuple(points), one.closed)
            )
    return found


def _shared(frame_of_reference: str, plane: Plane) -> bool:
    return not frame_of_reference or frame_of_reference == plane.frame_of_reference


def _all(plane: Plane, points: NDArray[np.float32]) -> list[tuple[float, float]]:
    offset = points.astype(np.float64) - np.array(plane.position)
    columns = offset @ np.array(plane.orientation[:3]) / plane.spacing[1]
    rows = offset @ np.array(plane.orientation[3:]) / plane.spacing[0]
    return list(zip(columns.tolist(), rows.tolist(), strict=True))


def lies_on(mask: Frame, frame: Frame) -> bool:
    """Whether a segmentation's frame lies in the plane of a picture; its pixels are not looked at.

    Args:
        mask: A frame of a segmentation.
        frame: The picture.
    """
    one, other = plane_of(mask), plane_of(frame)
    if one is None or other is None or one.frame_of_reference != other.frame_of_reference:
        return False
    if abs(dot(normal(one.orientation), normal(other.orientation))) < 0.999:
        return False
    _, _, distance = to_picture(other, one.position)
    return abs(distance) <= max(NEAR, (frame.thickness or 0.0) / 2)


def mask_outline(mask: Frame, frame: Frame) -> NDArray[np.bool_] | None:
    """The edge of a segmentation's frame on a picture; None where it does not belong there.

    Args:
        mask: A decoded frame of a segmentation.
        frame: The picture.

    Returns:
        Where the edge runs, rows x columns of the picture.
    """
    one, other = plane_of(mask), plane_of(frame)
    if one is None or other is None or not lies_on(mask, frame):
        return None
    inside = _resampled(mask.pixels > 0, one, other)
    shrunk = inside.copy()
    for axis in (0, 1):
        for step in (1, -1):
            shrunk &= np.roll(inside, step, axis)
    edge: NDArray[np.bool_] = inside & ~shrunk
    return edge if edge.any() else None


def _resampled(inside: NDArray[np.bool_], one: Plane, other: Plane) -> NDArray[np.bool_]:
    """The mask at the middle of each pixel of the picture; both are parallel, so it is a linear map."""
    corner = _place(other, 0, 0, one)
    right, down = _place(other, 1, 0, one), _place(other, 0, 1, one)
    columns, rows = np.meshgrid(np.arange(other.columns), np.arange(other.rows))
    x = corner[0] + (right[0] - corner[0]) * columns + (down[0] - corner[0]) * rows
    y = corner[1] + (right[1] - corner[1]) * columns + (down[1] - corner[1]) * rows
    column, row = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    height, width = inside.shape
    known = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    out: NDArray[np.bool_] = known & inside[row.clip(0, height - 1), column.clip(0, width - 1)]
    return out


def _place(plane: Plane, column: int, row: int, onto: Plane) -> tuple[float, float]:
    from .planes import to_patient

    x, y, _ = to_picture(onto, to_patient(plane, column, row))
    return x, y


def draw_outlines(picture: NDArray[np.uint8], outlines: list[Outline]) -> NDArray[np.uint8]:
    """Put outlines on a picture, in colour.

    Args:
        picture: Greys or RGB of a frame's own size.
        outlines: Lines in its pixels.

    Returns:
        RGB.
    """
    from PIL import Image, ImageDraw

    canvas = Image.fromarray(np.ascontiguousarray(picture)).convert("RGB")
    draw = ImageDraw.Draw(canvas)
    for one in outlines:
        path = [*one.points, one.points[0]] if one.closed else list(one.points)
        draw.line(path, fill=one.colour, width=max(1, min(picture.shape[:2]) // 400))
    return np.asarray(canvas)
