"""Measuring on a picture: lengths, angles, ellipses, values, and what they are calibrated by. Pure functions.

Places are columns and rows of the stored picture, from 0 at the middle of the first pixel. What a length is
worth depends on where the spacing comes from, so every measurement says so (PS3.3 10.7, C.8.5.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from teleread.model.text import EMPTY, SafeText, clean

from .frames import Frame, Pixels
from .window import modality_values

__all__ = [
    "Calibration",
    "Measured",
    "angle",
    "calibration",
    "ellipse",
    "length",
    "two_lengths",
    "value_at",
    "words",
]

Point = tuple[float, float]

_NAMES: Final = {
    "PixelSpacing": "Pixel Spacing",
    "ImagerPixelSpacing": "Imager Pixel Spacing: at the detector, magnified",
    "NominalScannedPixelSpacing": "as scanned from film",
}
_PROJECTIONS: Final = ("CR", "DX", "MG", "RF", "XA", "IO", "PX", "RG")


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a step on the picture is in the patient."""

    across: float
    """Millimetres from a column to the next; 1 where nothing is known."""
    down: float
    """Millimetres from a row to the next."""
    unit: str
    """``mm``, or ``px`` where nothing is known."""
    name: SafeText
    """What it is from, in words."""
    trusted: bool
    """In the patient; False at a detector, on film, in pixels."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement."""

    kind: str
    """length, angle or ellipse."""
    values: tuple[float, ...]
    """Length: one; two lengths: longer, then shorter; angle: degrees; ellipse: area."""
    unit: str
    """``mm``, ``px``, ``°``, ``mm²``, ``px²``."""
    calibration: SafeText
    """As `Calibration.name`."""
    trusted: bool = True
    """As `Calibration.trusted`."""
    mean: float | None = None
    """Of the values inside an ellipse."""
    deviation: float | None = None
    """Standard deviation inside an ellipse."""
    lowest: float | None = None
    """Lowest value inside an ellipse."""
    highest: float | None = None
    """Highest value inside an ellipse."""
    value_unit: SafeText = EMPTY
    """Unit of mean and the rest, such as HU."""
    pixels: int = 0
    """Pixels inside an ellipse."""


def calibration(frame: Frame, *places: Point) -> Calibration:
    """What a measurement over these places is calibrated by.

    Args:
        frame: A decoded frame.
        places: All its places; ultrasound is calibrated by region, and they must lie in one.
    """
    for region in frame.regions:
        if places and all(region.holds(*place) for place in places):
            if region.unit_across == region.unit_down == "cm":
                return Calibration(
                    10 * region.across, 10 * region.down, "mm", clean("ultrasound region"), True
                )
            return _pixels(frame, "this region of the ultrasound picture is not in centimetres")
    if frame.regions:
        return _pixels(frame, "outside one calibrated region of the ultrasound picture")
    if frame.pixel_spacing is None:
        return _pixels(frame, "not calibrated")
    down, across = frame.pixel_spacing
    kind = str(frame.spacing_kind)
    name, trusted = _NAMES.get(kind, "Pixel Spacing"), kind in ("PixelSpacing", "")
    if trusted and frame.modality in _PROJECTIONS:
        said = str(frame.calibration)
        name = f"Pixel Spacing ({said.lower()})" if said else "Pixel Spacing, not said how calibrated"
        trusted = bool(said)
    return Calibration(across, down, "mm", clean(name), trusted)


def _pixels(frame: Frame, why: str) -> Calibration:
    """Pixels, kept to the shape they have."""
    return Calibration(1.0, frame.aspect, "px", clean(why), False)


def length(frame: Frame, begin: Point, end: Point) -> Measured:
    """The distance between two places.

    Args:
        frame: A decoded frame.
        begin: Column and row.
        end: Column and row.
    """
    by = calibration(frame, begin, end)
    return Measured("length", (_distance(by, begin, end),), by.unit, by.name, by.trusted)


def two_lengths(frame: Frame, one: tuple[Point, Point], other: tuple[Point, Point]) -> Measured:
    """Two distances of one finding, the longer first.

    Args:
        frame: A decoded frame.
        one: Ends of the first.
        other: Ends of the second.
    """
    by = calibration(frame, *one, *other)
    found = sorted((_distance(by, *one), _distance(by, *other)), reverse=True)
    return Measured("length", tuple(found), by.unit, by.name, by.trusted)


def _distance(by: Calibration, begin: Point, end: Point) -> float:
    return math.hypot((end[0] - begin[0]) * by.across, (end[1] - begin[1]) * by.down)


def angle(frame: Frame, one: Point, corner: Point, other: Point) -> Measured:
    """The angle at a corner, 0 to 180 degrees, in the patient's proportions.

    Args:
        frame: A decoded frame.
        one: End of the first leg.
        corner: Where the legs meet.
        other: End of the second leg.
    """
    by = calibration(frame, one, corner, other)
    legs = [((x - corner[0]) * by.across, (y - corner[1]) * by.down) for x, y in (one, other)]
    (a, b), (c, d) = legs
    degrees = abs(math.degrees(math.atan2(a * d - b * c, a * c + b * d)))
    return Measured("angle", (degrees,), "°", by.name, by.trusted)


def ellipse(frame: Frame, first: Point, second: Point) -> Measured:
    """An ellipse in a box: its area, and the values of the pixels whose middle lies inside.

    Args:
        frame: A decoded frame.
        first: One corner of the box.
        second: The opposite corner.
    """
    by = calibration(frame, first, second)
    centre = (first[0] + second[0]) / 2, (first[1] + second[1]) / 2
    wide, high = abs(second[0] - first[0]) / 2, abs(second[1] - first[1]) / 2
    area = math.pi * wide * by.across * high * by.down
    inside = _inside(frame, centre, wide, high)
    found = Measured("ellipse", (area,), f"{by.unit}²", by.name, by.trusted, pixels=inside.size)
    if frame.is_colour or not inside.size:
        return found
    values = modality_values(inside, frame)
    return Measured(
        "ellipse",
        (area,),
        f"{by.unit}²",
        by.name,
        by.trusted,
        float(values.mean()),
        float(values.std()),
        float(values.min()),
        float(values.max()),
        _unit(frame),
        inside.size,
    )


def _inside(frame: Frame, centre: Point, wide: float, high: float) -> Pixels:
    left, right = max(0, math.floor(centre[0] - wide)), min(frame.columns - 1, math.ceil(centre[0] + wide))
    top, bottom = max(0, math.floor(centre[1] - high)), min(frame.rows - 1, math.ceil(centre[1] + high))
    part = frame.pixels[top : bottom + 1, left : right + 1]
    down = (np.arange(top, top + part.shape[0])[:, None] - centre[1]) / max(high, 1e-9)
    across = (np.arange(left, left + part.shape[1])[None, :] - centre[0]) / max(wide, 1e-9)
    inside: Pixels = part[across * across + down * down <= 1.0]
    return inside


def _unit(frame: Frame) -> SafeText:
    if frame.unit:
        return SafeText("HU") if frame.unit == "HU" else frame.unit
    return SafeText("HU") if frame.modality == "CT" else EMPTY


def value_at(frame: Frame, place: Point) -> SafeText:
    """The value under a place, in words: ``43 HU``, ``SUV 4.1``, ``R 12 G 13 B 14``; empty outside.

    Args:
        frame: A decoded frame.
        place: Column and row.
    """
    column, row = round(place[0]), round(place[1])
    if not (0 <= column < frame.columns and 0 <= row < frame.rows):
        return EMPTY
    if frame.is_colour:
        red, green, blue = (int(value) for value in frame.pixels[row, column])
        return clean(f"R {red} G {green} B {blue}")
    stored = frame.pixels[row : row + 1, column : column + 1]
    if frame.padding is not None and frame.padding[0] <= int(stored[0, 0]) <= frame.padding[1]:
        return clean("padding")
    value = float(modality_values(stored, frame)[0, 0])
    if frame.suv is not None:
        return clean(f"SUV {value * frame.suv:.2f}")
    return clean(f"{value:.6g} {_unit(frame)}".strip())


def words(found: Measured, series: int | None = None, image: int | None = None) -> SafeText:
    """A measurement as it stands in a report: ``12 x 9 mm (series 2, image 143)``.

    Args:
        found: The measurement.
        series: Series Number.
        image: Instance Number.
    """
    figures = " x ".join(_figure(value, found) for value in found.values)
    gap = "" if found.unit == "°" else " "
    parts = [f"{figures}{gap}{found.unit}"]
    if found.mean is not None:
        unit = f" {found.value_unit}" if found.value_unit else ""
        parts.append(f"mean {found.mean:.4g}{unit}, SD {found.deviation or 0.0:.3g}")
    said = ", ".join(parts)
    where = ", ".join(
        f"{name} {number}" for name, number in (("series", series), ("image", image)) if number is not None
    )
    note = "" if found.trusted or found.unit == "°" else f", {found.calibration}"
    return clean(f"{said} ({where}{note})" if where else f"{said}{f' ({found.calibration})' if note else ''}")


def _figure(value: float, found: Measured) -> str:
    """Whole millimetres where the largest is 10 or more, else tenths: no more than a screen's ruler knows."""
    if found.unit == "px" or max(found.values) >= 9.95 or found.kind == "angle":
        return str(round(value))
    return f"{value:.1f}".removesuffix(".0")


def longest(points: Sequence[Point], frame: Frame) -> float:
    """The longest distance among places, in the unit of their calibration."""
    by = calibration(frame, *points)
    return max((_distance(by, a, b) for a in points for b in points), default=0.0)
