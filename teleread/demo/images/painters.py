"""The table of painters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from teleread.demo.cases.nouns import Series
from teleread.demo.images.chest_film import chest_film
from teleread.demo.images.ct_chest import chest_ct
from teleread.demo.images.ct_head import head_ct
from teleread.demo.images.ct_trunk import trunk_ct
from teleread.demo.images.knee_mr import knee_mr
from teleread.demo.images.limb_film import limb_film
from teleread.demo.images.upper_us import upper_us

__all__ = ["Painter", "paint"]

Painter = Callable[[Series, int, int], NDArray[Any]]
"""Takes a series, an instance's index from 0 and the seed; gives stored values."""


_PAINTERS: dict[str, Painter] = {
    "chest_ct": chest_ct,
    "head_ct": head_ct,
    "trunk_ct": trunk_ct,
    "chest_film": chest_film,
    "limb_film": limb_film,
    "knee_mr": knee_mr,
    "upper_us": upper_us,
}


def paint(series: Series, index: int, seed: int) -> NDArray[Any]:
    """The stored values of one instance.

    Returns:
        uint16 rows x columns, or uint8 frames x rows x columns x 3.
    """
    return _PAINTERS[series.painter](series, index, seed)
