"""Structured reports of others: numbers of measurement reports (TID 1500), dose reports (TID 10001, 10011).

Read under the caps of our own; whatever has no name, number or unit is passed over, nothing is guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from teleread.model.evidence import Code, ImageRef, Measurement
from teleread.model.text import SafeText, clean

from .dicom_common import open_file
from .sr_items import Name, as_code, children, image_of, name_of, read_code, series_of, value_of, walk
from .sr_read import MISSING

__all__ = ["CLASSES", "SrValue", "values_in"]

CLASSES: Final = (
    "1.2.840.10008.5.1.4.1.1.88.22",
    "1.2.840.10008.5.1.4.1.1.88.33",
    "1.2.840.10008.5.1.4.1.1.88.34",
    "1.2.840.10008.5.1.4.1.1.88.67",
    "1.2.840.10008.5.1.4.1.1.88.68",
)
"""Enhanced, Comprehensive and Comprehensive 3D SR, X-Ray and Radiopharmaceutical Radiation Dose SR."""

MOST: Final = 200
"""Values taken of one report."""
_DIGITS: Final = 4
"""Significant digits that are shown and signed: more is noise of a pixel's edge."""

_DOSES: Final = {
    "113813": "DLP, total",
    "113830": "CTDIvol",
    "113722": "Dose area product, total",
    "113725": "Dose at the reference point, total",
    "113730": "Fluoroscopy time, total",
    "111637": "Average glandular dose, accumulated",
    "113507": "Administered activity",
}
"""Code of DCM (PS3.16 TID 10002, 10004, 10005, 10012, 10013, 10022) to what the reader calls it."""

_UNITS: Final = {
    "mGycm": (1.0, "mGy.cm"),
    "Gy.m2": (1e4, "Gy.cm2"),
    "Gym2": (1e4, "Gy.cm2"),
    "Gy": (1e3, "mGy"),
    "ml": (1.0, "mL"),
    "{SUVbw}g/ml": (1.0, "{SUVbw}g/mL"),
}
"""A unit as devices write it to (factor, the UCUM unit it is shown in)."""

_GROUP: Final = Name("125007", "DCM", "Measurement Group")
_TRACKING: Final = Name("112039", "DCM", "Tracking Identifier")
_DERIVATION: Final = Name("121401", "DCM", "Derivation")
_PROTOCOL: Final = Name("125203", "DCM", "Acquisition Protocol")
_ACQUISITION: Final = Name("113819", "DCM", "CT Acquisition")
_SITES: Final = ("G-C0E3", "363698007")
"""Finding Site, in the two codings of SNOMED."""
_SIDES: Final = ("G-C171", "272741003")
_SIDE_WORDS: Final = {"right": "RIGHT", "left": "LEFT", "bilateral": "BILATERAL"}


@dataclass(frozen=True, slots=True)
class SrValue:
    """A number somebody else's structured report tells of the study."""

    measurement: Measurement
    """As it is frozen where its words stand in the text."""
    source: SafeText
    """Which kind of report it is from."""

    @property
    def words(self) -> SafeText:
        """As it goes into a report, with where it comes from."""
        one = self.measurement
        unit = "" if one.unit == "1" else f" {re.sub('{.*?}', '', one.unit)}".rstrip()
        return clean(f"{one.label} {one.value}{unit} (from the {self.source})")


def values_in(data: bytes) -> tuple[SrValue, ...]:
    """The numbers of a structured report, in its own order.

    Args:
        data: The DICOM file.

    Raises:
        IntegrityError: It is no such report, broken, nested too deep or too long.
    """
    ds = open_file(data, CLASSES)
    found: list[SrValue] = []
    for one in (*_doses(ds), *_measured(ds)):
        if one not in found:
            found.append(one)
        if len(found) == MOST:
            break
    return tuple(found)


def _doses(ds: Dataset) -> Iterator[SrValue]:
    """Doses: of the whole, and CTDIvol of each acquisition by its protocol."""
    protocol: dict[int, str] = {}
    for item in walk(ds):
        if _ACQUISITION.is_(item):
            said = next((value_of(one) for one in children(item) if _PROTOCOL.is_(one)), "")
            protocol |= {id(inner): said for inner in walk(item)}
        name = name_of(item)
        if name is None or name.scheme != "DCM" or name.value not in _DOSES:
            continue
        side = _side(item)
        label = _DOSES[name.value]
        where = protocol.get(id(item), "") if name.value == "113830" else side.lower()
        made = _made(item, f"{label}, {where}" if where else label, as_code(name), side=side)
        if made is not None:
            yield SrValue(made, SafeText("dose report"))


def _measured(ds: Dataset) -> Iterator[SrValue]:
    series = series_of(ds)
    for group in (item for item in walk(ds) if _GROUP.is_(item)):
        inner = children(group)
        where = next((value_of(one) for one in inner if _named(one, _SITES)), "")
        name = next((value_of(one) for one in inner if _TRACKING.is_(one)), "")
        side, image = _side(group), _image(group, series)
        for item in inner:
            name_code = name_of(item)
            if str(item.get("ValueType")) != "NUM" or name_code is None or not name_code.meaning:
                continue
            how = next((value_of(one) for one in children(item) if _DERIVATION.is_(one)), "")
            label = ", ".join(part for part in (name_code.meaning, how.lower(), where) if part)
            made = _made(item, label, as_code(name_code), side=side, group=name, image=image)
            if made is not None:
                yield SrValue(made, SafeText("measurement report"))


def _named(item: Dataset, codes: tuple[str, ...]) -> bool:
    name = name_of(item)
    return name is not None and name.value in codes


def _side(item: Dataset) -> str:
    words = next((value_of(one).lower() for one in children(item) if _named(one, _SIDES)), "")
    return next((side for word, side in _SIDE_WORDS.items() if word in words), "")


def _image(group: Dataset, series: dict[str, str]) -> ImageRef | None:
    """The image a group was measured on, where it is one."""
    for item in walk(group):
        if str(item.get("ValueType")) == "IMAGE":
            try:
                return image_of(item, series)
            except MISSING:
                return None
    return None


def _made(
    item: Dataset,
    label: str,
    code: Code,
    *,
    side: str = "",
    group: str = "",
    image: ImageRef | None = None,
) -> Measurement | None:
    """The measurement of a NUM item; None where it has no number or no unit."""
    try:
        measured = item.MeasuredValueSequence[0]
        given = float(measured.NumericValue)
        unit = read_code(measured.MeasurementUnitsCodeSequence[0]).value
    except MISSING:
        return None
    factor, unit = _UNITS.get(unit, (1.0, unit))
    if not unit or not math.isfinite(given):
        return None
    return Measurement(
        clean(label, limit=64),
        _decimal(given * factor),
        str(clean(unit, limit=16)),
        code=code,
        side=side,
        group=clean(group, limit=64),
        image=image if image is not None and image.series_uid else None,
    )


def _decimal(value: float) -> str:
    """A decimal of few digits, without an exponent."""
    if value == 0:
        return "0"
    places = max(0, _DIGITS - 1 - math.floor(math.log10(abs(value))))
    words = f"{value:.{min(places, 12)}f}"
    return words.rstrip("0").rstrip(".") if "." in words else words
