"""What a pixel means in the patient: regions of ultrasound, standardised uptake, frame times. Decode child.

PS3.3 C.8.5.5 (US Region Calibration), C.8.9 (PET); SUV by body weight as the QIBA profile computes it.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, Final

from teleread.model.text import clean

from .elements import Elements

__all__ = ["frame_time", "regions", "uptake"]

MAX_REGIONS: Final = 64
_UNITS: Final = {3: "cm", 4: "s", 5: "Hz", 7: "cm/s"}
"""Physical Units X and Y Direction; others are not measured in."""


def regions(header: Elements) -> list[list[Any]]:
    """Calibrated regions: left, top, right, bottom, step and unit across, step and unit down."""
    found: list[list[Any]] = []
    for item in header.items(0x00186011)[:MAX_REGIONS]:
        box = [item.number(tag) for tag in (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)]
        across, down = item.number(0x0018602C), item.number(0x0018602E)
        units = [_UNITS.get(item.whole(tag), "") for tag in (0x00186024, 0x00186026)]
        if any(edge is None or not 0 <= edge <= 65535 for edge in box) or not across or not down:
            continue
        found.append([*(int(edge or 0) for edge in box), abs(across), units[0], abs(down), units[1]])
    return found


def uptake(header: Elements) -> tuple[float | None, str]:
    """The factor from modality units to SUV by body weight (g/ml), and how; or none, and why."""
    if header.text(0x00080060) != "PT":
        return None, ""
    units = header.text(0x00541001)
    if units == "GML":
        return 1.0, "SUV as stored"
    if units != "BQML":
        return None, f"no SUV: the values are in {clean(units, limit=16) or 'unknown units'}"
    corrected = header.texts(0x00280051)
    if "ATTN" not in corrected or "DECY" not in corrected:
        return None, "no SUV: not corrected for attenuation and decay"
    weight = header.number(0x00101030)
    drug = header.item(0x00540016)
    dose, half_life = drug.number(0x00181074), drug.number(0x00181075)
    if not weight or not dose or weight <= 0 or dose <= 0:
        return None, "no SUV: weight or dose is missing"
    decayed = dose
    how = header.text(0x00541102)
    if how != "ADMIN":
        waited = _waited(header, drug)
        if how != "START" or waited is None or not half_life or half_life <= 0:
            return None, "no SUV: the time of the dose is missing"
        decayed = dose * 2.0 ** (-waited / half_life)
    factor = weight * 1000.0 / decayed
    return (factor, "SUV by body weight") if math.isfinite(factor) else (None, "no SUV: impossible figures")


def _waited(header: Elements, drug: Elements) -> float | None:
    """Seconds from injection to scan; it starts by the series time unless that is after the acquisition."""
    series = _moment(header.text(0x00080021), header.text(0x00080031))
    acquired = _moment(header.text(0x00080022), header.text(0x00080032))
    start = series if series and (not acquired or series <= acquired) else acquired
    given = drug.text(0x00181078)
    injected = _moment(given[:8], given[8:])
    if start is None:
        return None
    if injected is None:
        injected = _moment(start.strftime("%Y%m%d"), drug.text(0x00181072))
        if injected is not None and injected > start:
            injected -= timedelta(days=1)  # the day is not said: it was given before midnight
    waited = (start - injected).total_seconds() if injected is not None else -1.0
    return waited if 0 <= waited < 7 * 86400 else None


def _moment(day: str, time: str) -> datetime | None:
    """A DICOM date and time, local as written; fractions of a second are dropped."""
    figures = time.split(".")[0].split("+")[0].replace(":", "").ljust(6, "0")
    try:
        return datetime.strptime(day[:8] + figures[:6], "%Y%m%d%H%M%S")
    except ValueError:
        return None


def frame_time(header: Elements) -> float | None:
    """Milliseconds a frame of a clip lasts: Frame Time, its vector's mean, else a display or cine rate."""
    time = header.number(0x00181063)
    if time is None or time <= 0:
        steps = [step for step in header.numbers(0x00181065) if step > 0]
        time = sum(steps) / len(steps) if steps else None
    if time is None:
        rate = header.number(0x00082144) or header.number(0x00180040)
        time = 1000.0 / rate if rate and rate > 0 else None
    return time if time is not None and 0.01 <= time <= 60_000 else None
