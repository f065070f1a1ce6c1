"""A waveform as a picture: one band a channel, with its name, its scale and the seconds."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .objects import Channel, Waveform

__all__ = ["plot_waveform"]

_INK: Final = 255
_GRID: Final = 60
_AXIS: Final = 100
_LABELS: Final = 132
"""Pixels at the left for names."""


def plot_waveform(
    waveform: Waveform, width: int = 1200, band: int = 90, *, start: float = 0.0, seconds: float = 0.0
) -> NDArray[np.uint8]:
    """Draw all channels under each other, light on dark.

    Args:
        waveform: What to draw.
        width: Of the picture, pixels.
        band: Height of a channel, pixels.
        start: Seconds from the beginning.
        seconds: Seconds shown; 0 shows all.

    Returns:
        Greys, height x width.
    """
    from PIL import Image, ImageDraw, ImageFont

    width, band = max(width, _LABELS + 40), max(band, 24)
    whole = max((len(one.samples) / one.rate for one in waveform.channels), default=1.0)
    shown = min(seconds, whole - start) if seconds > 0 else whole - start
    shown = max(shown, 1e-6)
    picture = np.zeros((band * max(1, len(waveform.channels)) + 20, width), np.uint8)
    step = _grid_step(shown)
    marks = np.arange(np.ceil(start / step) * step, start + shown, step)
    across = width - _LABELS - 1
    picture[:, _LABELS + ((marks - start) / shown * across).astype(int)] = _GRID
    for number, channel in enumerate(waveform.channels):
        _draw(picture[number * band : (number + 1) * band, _LABELS:], channel, start, shown)
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=13)
    for number, channel in enumerate(waveform.channels):
        draw.text((4, number * band + 6), str(channel.label)[:16], fill=_INK, font=font)
        draw.text((4, number * band + 24), _scale(channel), fill=_INK, font=font)
    for mark in marks:
        place = _LABELS + (mark - start) / shown * across
        draw.text((place + 2, picture.shape[0] - 17), f"{mark:g} s", fill=_INK, font=font)
    return np.asarray(canvas)


def _grid_step(shown: float) -> float:
    """Seconds between marks: 1, 2 or 5 of a power of ten, at most fifteen marks."""
    power = 10.0 ** np.floor(np.log10(shown / 15))
    return float(next(step * power for step in (1, 2, 5, 10) if shown / (step * power) <= 15))


def _scale(channel: Channel) -> str:
    finite = channel.samples[np.isfinite(channel.samples)]
    if not len(finite):
        return "no values"
    return f"{finite.min():.4g} to {finite.max():.4g} {channel.unit}"[:18]


def _draw(place: NDArray[np.uint8], channel: Channel, start: float, shown: float) -> None:
    """The envelope of each pixel column, joined to its neighbour, so that no spike is lost."""
    height, width = place.shape
    first = int(start * channel.rate)
    samples = channel.samples[first : first + max(2, int(shown * channel.rate))].astype(np.float64)
    finite = samples[np.isfinite(samples)]
    if not len(finite):
        return
    low, high = float(finite.min()), float(finite.max())
    span = (high - low) or 1.0
    if low < 0 < high:
        place[round((high / span) * (height - 9)) + 4] = np.maximum(place[0], _AXIS)
    rows = (high - samples) / span * (height - 9) + 4
    columns = min(width, round(len(rows) / channel.rate / shown * width))  # a shorter channel ends earlier
    edges = np.linspace(0, len(rows), columns + 1).astype(int)
    before: float | None = None
    for column in range(columns):
        part = rows[edges[column] : max(edges[column] + 1, edges[column + 1])]
        part = part[np.isfinite(part)]
        if not len(part):
            before = None
            continue
        top, bottom = float(part.min()), float(part.max())
        if before is not None:
            top, bottom = min(top, before), max(bottom, before)
        place[int(top) : int(bottom) + 1, column] = _INK
        before = float(part[-1])
