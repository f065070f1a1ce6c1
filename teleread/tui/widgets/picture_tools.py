"""Measuring on a picture: which points are set, and what they make; no widget in it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from teleread.model.picture_marks import KEY_IMAGE, PictureMark
from teleread.model.study import InstanceInfo, StudyKey
from teleread.model.text import clean
from teleread.tui.pictures import Shot

from .picture_marks import Ink
from .picture_view import Point

if TYPE_CHECKING:
    from teleread.imaging.frames import Frame

__all__ = ["NEEDED", "Tool", "inks_of", "joined", "key_image", "measured"]

NEEDED: Final = {"length": 2, "angle": 3, "ellipse": 2, "value": 0}
"""Points each tool takes; ``value`` only reads."""
NAMES: Final = {"length": "distance", "angle": "angle", "ellipse": "ellipse", "value": "value"}


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool in the hand."""

    kind: str
    """One of `NEEDED`."""
    at: Point
    """The cursor."""
    points: tuple[Point, ...] = ()
    """Set so far."""

    @property
    def done(self) -> bool:
        """All its points are set."""
        return 0 < NEEDED[self.kind] <= len(self.points)

    def with_point(self) -> Tool:
        """The cursor's place set as a point."""
        return replace(self, points=(*self.points, self.at))

    @property
    def words(self) -> str:
        """What it waits for."""
        if self.kind == "value":
            return "value"
        return f"{NAMES[self.kind]}, point {len(self.points) + 1} of {NEEDED[self.kind]}"

    def inks(self) -> tuple[Ink, ...]:
        """Its cursor and what it would make."""
        cross = Ink("cross", (self.at,), "draft")
        if not self.points:
            return (cross,)
        path = (*self.points, self.at)
        figure = Ink("ellipse", path[:2], "draft") if self.kind == "ellipse" else Ink("line", path, "draft")
        return figure, cross


def inks_of(mark: PictureMark) -> tuple[Ink, ...]:
    """How a measurement is drawn."""
    points = mark.points
    if mark.kind == "ellipse":
        return (Ink("ellipse", points[:2], "mark", str(mark.figure)),)
    if mark.kind == "angle":
        return (Ink("line", points, "mark", str(mark.figure)),)
    pairs = [points[index : index + 2] for index in range(0, len(points) - 1, 2)]
    return tuple(
        Ink("line", pair, "mark", "" if index else str(mark.figure)) for index, pair in enumerate(pairs)
    )


def measured(
    kind: str, points: Sequence[Point], frame: Frame, shot: Shot, study: StudyKey, series: int | None
) -> PictureMark:
    """What points make on a frame.

    Args:
        kind: length, angle or ellipse.
        points: Its points; four make two lengths.
        frame: The frame.
        shot: Where it is from.
        study: Its study.
        series: Series Number.
    """
    from teleread.imaging import measure
    from teleread.imaging.planes import plane_of, to_patient

    if kind == "angle":
        found = measure.angle(frame, points[0], points[1], points[2])
    elif kind == "ellipse":
        found = measure.ellipse(frame, points[0], points[1])
    elif len(points) >= 4:
        found = measure.two_lengths(frame, (points[0], points[1]), (points[2], points[3]))
    else:
        found = measure.length(frame, points[0], points[1])
    one = shot.instance
    number = shot.frame if one.frames > 1 else one.instance_number
    plane = plane_of(frame)
    middle = tuple(sum(point[axis] for point in points) / len(points) for axis in (0, 1))
    return replace(
        _blank(kind, shot, study),
        points=tuple(points),
        figure=measure.words(found),
        words=measure.words(found, series, number),
        calibration=found.calibration,
        place=to_patient(plane, *middle) if plane is not None else None,
        values=found.values,
        unit=found.unit,
    )


def key_image(shot: Shot, study: StudyKey, series: int | None) -> PictureMark:
    """A key image."""
    number = shot.frame if shot.instance.frames > 1 else shot.instance.instance_number
    said = ", ".join(
        f"{name} {value}" for name, value in (("series", series), ("image", number)) if value is not None
    )
    return replace(_blank(KEY_IMAGE, shot, study), figure=clean("key image"), words=clean(said or "an image"))


def _blank(kind: str, shot: Shot, study: StudyKey) -> PictureMark:
    one: InstanceInfo = shot.instance
    return PictureMark(uuid.uuid4().hex, study, one.series_uid, one.sop_uid, one.sop_class, shot.frame, kind)


def joined(points: Sequence[Point], marks: Sequence[PictureMark]) -> PictureMark | None:
    """The length that a new one crosses: both are diameters of one finding.

    Args:
        points: Ends of the new length.
        marks: Marks of the same image.
    """
    single = [one for one in marks if one.kind == "length" and len(one.points) == 2]
    return next((one for one in reversed(single) if _cross(one.points, points)), None)


def _cross(one: Sequence[Point], other: Sequence[Point]) -> bool:
    (a, b), (c, d) = one[:2], other[:2]
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
