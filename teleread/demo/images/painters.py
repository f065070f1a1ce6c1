"""The table of painters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleread.demo.cases.nouns import Series
from teleread.demo.images.chest_film import chest_film
from teleread.demo.images.ct_chest import chest_ct
from teleread.demo.images.ct_head import head_ct
from teleread.demo.images.ct_trunk import trunk_ct
from teleread.demo.images.limb_film import limb_film

__all__ = ["Painter", "paint"]

Painter = Callable[[Series, int, int], NDArray[Any]]
"""Takes a series, an instance's index from 0 and the seed; gives stored values."""


def _placeholder(series: Series, index: int, seed: int) -> NDArray[Any]:
    shape = (series.rows, series.columns)
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    grey = np.clip(1.2 - np.hypot(x, y), 0, 1)
    if series.photometric == "RGB":
        return np.repeat((grey * 255).astype(np.uint8)[None, ..., None], 3, axis=3).repeat(series.frames, axis=0)
    return (grey * 3000).astype(np.uint16)


_PAINTERS: dict[str, Painter] = {"chest_ct": chest_ct, "head_ct": head_ct, "trunk_ct": trunk_ct, "chest_film": chest_film, "limb_film": limb_film}


def paint(series: Series, index: int, seed: int) -> NDArray[Any]:
    """The stored values of one instance.

    Returns:
        uint16 rows x columns, or uint8 frames x rows x columns x 3.
    """
    return _PAINTERS.get(series.painter, _placeholder)(series, index, seed)
