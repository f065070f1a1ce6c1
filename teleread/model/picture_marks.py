"""What a reader leaves on pictures: measurements and key images, kept with the study."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .study import StudyKey
from .text import EMPTY, SafeText, clean

__all__ = ["KEY_IMAGE", "PictureMark", "candidates", "of_image", "sentence"]

KEY_IMAGE = "key"
"""Kind of a mark that only says: this image."""
NEAR = 40.0
"""Millimetres in the patient within which two measurements may be of one finding."""


@dataclass(frozen=True, slots=True)
class PictureMark:
    """A measurement on an image, or a key image."""

    id: str
    study: StudyKey
    series_uid: str
    sop_uid: str
    sop_class: str
    frame: int
    """From 1."""
    kind: str
    """``length``, ``angle``, ``ellipse`` or `KEY_IMAGE`."""
    points: tuple[tuple[float, float], ...] = ()
    """Columns and rows of the stored picture, from 0 at the middle of its first pixel; in pairs for two
    lengths; the corners of an ellipse's box; an angle's corner second."""
    figure: SafeText = EMPTY
    """``12 x 9 mm``."""
    words: SafeText = EMPTY
    """As it goes into a report: ``12 x 9 mm (series 2, image 143)``."""
    calibration: SafeText = EMPTY
    """What its millimetres are from."""
    place: tuple[float, float, float] | None = None
    """Its middle in the patient, mm; None where the image does not say."""
    values: tuple[float, ...] = ()
    """As measured; millimetres, degrees or square millimetres, by `unit`."""
    unit: str = ""
    """``mm``, ``px``, ``°``, ``mm²``, ``px²``."""


def candidates(mark: PictureMark, earlier: Iterable[PictureMark]) -> tuple[PictureMark, ...]:
    """Measurements on a prior that may be of the same finding, the likeliest first.

    Those near in the patient come first; coordinates of two examinations agree only roughly, so that one
    made anywhere else still stands behind them, the last made first.

    Args:
        mark: The measurement now.
        earlier: Measurements on the prior, in the order they were made.
    """
    alike = [one for one in earlier if one.kind == mark.kind and one.unit == mark.unit]
    newest = list(reversed(alike))
    return tuple(sorted(newest, key=lambda one: _away(mark, one)))


def _away(mark: PictureMark, other: PictureMark) -> float:
    if mark.place is None or other.place is None:
        return NEAR
    return min(math.dist(mark.place, other.place), NEAR)


def sentence(mark: PictureMark, before: PictureMark | None = None) -> SafeText:
    """A measurement as it goes into a report, with the value it had.

    Args:
        mark: The measurement.
        before: The same finding on the prior.
    """
    return clean(f"{mark.words}, previously {before.figure}" if before is not None else mark.words)


def of_image(marks: Sequence[PictureMark], sop_uid: str, frame: int) -> tuple[PictureMark, ...]:
    """The marks of one image."""
    return tuple(one for one in marks if one.sop_uid == sop_uid and one.frame == frame)
