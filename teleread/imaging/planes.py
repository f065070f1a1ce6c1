"""Planes in the patient: where two cross, where a place of one lies on another, what belongs together.

PS3.3 C.7.6.2.1.1: patient coordinates are in millimetres, growing to the left, to the back and to the head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from teleread.model.text import EMPTY, SafeText, clean

from .frames import Frame
from .stack import Orientation, Vector, normal

__all__ = ["Linked", "Plane", "link", "localiser", "plane_of", "to_patient", "to_picture"]

PARALLEL = 0.9
"""Cosine of the largest angle between two stacks that scroll together (26 degrees)."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A picture's place in the patient."""

    position: Vector
    """Middle of the first pixel, mm."""
    orientation: Orientation
    """Directions of a row and of a column."""
    spacing: tuple[float, float]
    """Millimetres between rows, between columns."""
    rows: int
    columns: int
    frame_of_reference: SafeText = EMPTY
    """Frame of Reference UID."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Which image of another stack belongs to one shown."""

    index: int
    """From 0."""
    exact: bool
    """By position in the patient; else by its share of the way through."""
    warning: SafeText = EMPTY
    """Why it is not exact, in words."""
    distance: float = 0.0
    """Millimetres between the two planes, where known."""


def plane_of(frame: Frame) -> Plane | None:
    """Where a frame lies; None where it does not say."""
    if frame.position is None or frame.orientation is None or frame.pixel_spacing is None:
        return None
    if not any(normal(frame.orientation)):
        return None
    return Plane(
        frame.position,
        frame.orientation,
        frame.pixel_spacing,
        frame.rows,
        frame.columns,
        frame.frame_of_reference,
    )


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    """The scalar product."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def to_patient(plane: Plane, column: float, row: float) -> Vector:
    """A place of a picture in the patient, mm (PS3.3 C.7.6.2.1.1, equation of the image plane)."""
    x, y, z = (
        start + across * column * plane.spacing[1] + down * row * plane.spacing[0]
        for start, across, down in zip(
            plane.position, plane.orientation[:3], plane.orientation[3:], strict=True
        )
    )
    return x, y, z


def to_picture(plane: Plane, place: Vector) -> tuple[float, float, float]:
    """Column and row of a place in the patient, and its distance from the plane along the normal, mm."""
    offset = [a - b for a, b in zip(place, plane.position, strict=True)]
    across, down = plane.orientation[:3], plane.orientation[3:]
    return (
        dot(offset, across) / plane.spacing[1],
        dot(offset, down) / plane.spacing[0],
        dot(offset, normal(plane.orientation)),
    )


def localiser(shown: Plane, other: Plane) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The line another picture's plane draws on one that is shown, cut to both; None where they do not cross.

    Args:
        shown: The picture the line is drawn on.
        other: The picture whose plane it is.

    Returns:
        Two places, column and row.
    """
    if shown.frame_of_reference != other.frame_of_reference or not shown.frame_of_reference:
        return None
    away = normal(shown.orientation)
    if abs(dot(away, normal(other.orientation))) > 0.98:
        return None
    corners = [(0, 0), (other.columns - 1, 0), (other.columns - 1, other.rows - 1), (0, other.rows - 1)]
    places = [to_patient(other, column, row) for column, row in corners]
    heights = [dot([a - b for a, b in zip(one, shown.position, strict=True)], away) for one in places]
    found: list[tuple[float, float]] = []
    for index in range(4):
        a, b = heights[index], heights[(index + 1) % 4]
        if (a < 0) == (b < 0):
            continue
        share = a / (a - b)
        place = [p + (q - p) * share for p, q in zip(places[index], places[(index + 1) % 4], strict=True)]
        column, row, _ = to_picture(shown, (place[0], place[1], place[2]))
        found.append((column, row))
    if len(found) != 2:
        return None
    return _clipped(found[0], found[1], shown.columns - 1, shown.rows - 1)


def _clipped(
    begin: tuple[float, float], end: tuple[float, float], width: float, height: float
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Cut a line to a picture (Liang and Barsky)."""
    low, high = 0.0, 1.0
    dx, dy = end[0] - begin[0], end[1] - begin[1]
    for delta, start, most in ((dx, begin[0], width), (dy, begin[1], height)):
        if abs(delta) < 1e-9:
            if not 0 <= start <= most:
                return None
            continue
        one, two = sorted((-start / delta, (most - start) / delta))
        low, high = max(low, one), min(high, two)
    if low > high:
        return None
    return (
        (begin[0] + dx * low, begin[1] + dy * low),
        (begin[0] + dx * high, begin[1] + dy * high),
    )


def link(
    shown: Plane | None,
    at: int,
    count: int,
    others: Sequence[tuple[Vector, Orientation] | None],
    frame_of_reference: str = "",
    *,
    offset: float = 0.0,
) -> Linked:
    """The image of another stack that belongs to one shown: by position where both share coordinates.

    Args:
        shown: Where the shown image lies; None where it does not say.
        at: Its index in its own stack, from 0.
        count: Images of its own stack.
        others: Position and orientation of each image of the other stack.
        frame_of_reference: Of the other stack.
        offset: Millimetres added along the normal, for stacks the reader has lined up by hand.
    """
    if not others:
        return Linked(0, False, clean("the other stack is empty"))
    why = _unshared(shown, others, frame_of_reference, aligned=bool(offset))
    if why or shown is None:
        share = at / (count - 1) if count > 1 else 0.0
        return Linked(
            round(share * (len(others) - 1)), False, clean(f"linked by its share of the stack: {why}")
        )
    away = normal(shown.orientation)
    own = dot(shown.position, away) + offset
    best, least = 0, math.inf
    for index, one in enumerate(others):
        if one is not None:
            distance = abs(dot(one[0], away) - own)
            if distance < least:
                best, least = index, distance
    return Linked(best, True, distance=least)


def _unshared(
    shown: Plane | None,
    others: Sequence[tuple[Vector, Orientation] | None],
    frame_of_reference: str,
    *,
    aligned: bool,
) -> str:
    """Why two stacks can't be linked by position; empty where they can."""
    placed = [one for one in others if one is not None]
    if shown is None or len(placed) < len(others):
        return "one of them has no positions"
    if not aligned and (not frame_of_reference or shown.frame_of_reference != frame_of_reference):
        return "they have no common frame of reference"
    if abs(dot(normal(shown.orientation), normal(placed[0][1]))) < PARALLEL:
        return "they are cut in different planes"
    return ""
