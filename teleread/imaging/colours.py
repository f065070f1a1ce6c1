"""Pixels to the colours a lesser terminal has: xterm's 256, its first 16, or none.

256 takes the nearest. With 16 and without colour greys are dithered in a fixed pattern, so that shape
survives and nothing shimmers when a series is scrolled.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["XTERM", "coarser", "palette_greys", "to_16", "to_256", "to_mono"]

_BAYER: Final = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.int64)
_CUBE: Final = (0, 95, 135, 175, 215, 255)
_FIRST_16: Final = (
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
)

XTERM: Final = (
    *_FIRST_16,
    *((red, green, blue) for red in _CUBE for green in _CUBE for blue in _CUBE),
    *((grey, grey, grey) for grey in range(8, 248, 10)),
)
"""RGB of xterm's 256 colours by index; the first 16 differ between terminals, the rest do not."""

_GREY_16: Final = ((0, 0), (8, 127), (7, 229), (15, 255))
"""Index and grey of the greys among the first 16."""


def coarser(picture: NDArray[np.uint8], greys: int = 64) -> NDArray[np.uint8]:
    """Fewer levels, to the nearest: neighbours become alike, and a moving picture light.

    Args:
        picture: Greys or RGB.
        greys: Levels of each channel, 2 to 256.
    """
    return np.take(_levels(greys), picture)


@cache
def _levels(greys: int) -> NDArray[np.uint8]:
    steps = np.rint(np.arange(256) * (greys - 1) / 255)
    levels: NDArray[np.uint8] = np.rint(steps * 255 / (greys - 1)).astype(np.uint8)
    return levels


@cache
def palette_greys() -> NDArray[np.uint8]:
    """The nearest grey that the 240 colours have, by grey: what `to_256` shows."""
    shown: NDArray[np.uint8] = np.array([XTERM[index][0] for index in _nearest_greys()], np.uint8)
    return shown


def to_256(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Nearest of the 240 colours that are the same everywhere.

    Args:
        picture: Greys or RGB.
    """
    if picture.ndim == 2:
        return np.take(_nearest_greys(), picture)
    return np.take(_nearest_colours(16), _packed(picture))


def to_16(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Greys dithered between black, dark, light and white; colours to the nearest.

    Args:
        picture: Greys or RGB.
    """
    if picture.ndim == 3:
        return np.take(_nearest_colours(0), _packed(picture))
    return _dither_table()[_thresholds(picture), picture]


def to_mono(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Lit or not, dithered.

    Args:
        picture: Greys or RGB.
    """
    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    lit: NDArray[np.bool_] = grey.astype(np.int64) > _thresholds(picture) * 16 + 7
    return lit


def _thresholds(picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    height, width = picture.shape[:2]
    return np.tile(_BAYER, (-(-height // 4), -(-width // 4)))[:height, :width]


def _packed(picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Five bits a channel: fine enough beside steps of 40."""
    wide = (picture >> 3).astype(np.int64)
    return wide[..., 0] << 10 | wide[..., 1] << 5 | wide[..., 2]


@cache
def _nearest_greys() -> NDArray[np.uint8]:
    greys = [
        (index, colour[0]) for index, colour in enumerate(XTERM) if index >= 16 and len(set(colour)) == 1
    ]
    levels = np.array([grey for _, grey in greys])
    distance = np.abs(np.arange(256)[:, None] - levels[None, :])
    nearest: NDArray[np.uint8] = np.array([index for index, _ in greys], np.uint8)[distance.argmin(axis=1)]
    return nearest


@cache
def _nearest_colours(first: int) -> NDArray[np.uint8]:
    """Index of the nearest colour for each packed one: of all from 16 on, or of the first 16."""
    palette = np.array(XTERM[first:] if first else _FIRST_16, np.int64)
    steps = np.arange(32) * 255 // 31
    red, green, blue = np.meshgrid(steps, steps, steps, indexing="ij")
    colours = np.stack((red, green, blue), axis=-1).reshape(-1, 1, 3)
    nearest = [((block - palette) ** 2).sum(axis=2).argmin(axis=1) for block in np.array_split(colours, 32)]
    return (np.concatenate(nearest) + first).astype(np.uint8)


@cache
def _dither_table() -> NDArray[np.uint8]:
    """Index of the colour by threshold (0 to 15) and grey."""
    table = np.zeros((16, 256), np.uint8)
    for (low_index, low), (high_index, high) in pairwise(_GREY_16):
        greys = np.arange(low, high + 1)
        share = (greys - low) / (high - low)
        for threshold in range(16):
            table[threshold, greys] = np.where(share > (threshold + 0.5) / 16, high_index, low_index)
    return table
