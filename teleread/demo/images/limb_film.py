"""Plain films of limbs: bones as hollow tubes in soft tissue, as processed films show them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleread.demo.cases.nouns import Series
from teleread.demo.images.draw import Field, Floats, Plane, blur, grain, letters, random_of
from teleread.demo.images.draw import stored as as_stored
from teleread.demo.images.skeleton import LIMBS, Bone

__all__ = ["limb_film"]

_SOFT, _BONE = 24.0, 88.0
"""Grey steps per mm of flesh and of bone."""
_AIR = 260.0
_SHOULDER = 1900.0
"""Where bright parts begin to be compressed, as film processing does."""


def limb_film(series: Series, index: int, seed: int) -> NDArray[Any]:
    """A film of a hand, wrist, knee, ankle or shoulder; a right one, mirrored for a left one."""
    params = series.params
    bones = LIMBS[params["limb"]](params)
    pixel = 125.0 / max(series.rows, series.columns) * 1.24
    soft = Field(Plane.blank(series.rows, series.columns, pixel), overlap=0.0)
    bone = Field(Plane.blank(series.rows, series.columns, pixel))
    for one in bones:
        _add(one, bone if one.kind == "bone" else soft)
    large = series.rows > 200
    dense = _trabeculae(bone.plane.image, seed) if large else bone.plane.image
    flesh = blur(soft.plane.image, 5 if large else 0)
    film = _AIR + _SOFT * flesh + _BONE * (blur(dense, 1) if large else dense)
    if large:
        film = film + np.float32(0.9) * (film - blur(film, 14))
    bright = film - _SHOULDER
    film = np.where(bright > 0, _SHOULDER + 1900 * np.tanh(bright / 2600), film)
    film = film + grain(film.shape, 26.0, seed + series.number)
    stored = as_stored(film)
    if params["side"] == "L":
        stored = stored[:, ::-1].copy()
    size = max(series.rows // 16, 8)
    letters(
        stored,
        params["side"],
        size // 2,
        size // 2 if params["side"] == "R" else series.columns - 2 * size,
        size,
        3900,
    )
    return stored


def _add(one: Bone, field: Field) -> None:
    if one.end is None:
        field.ball(
            one.start,
            (one.radius, one.ends or one.radius),
            one.depth * 2 * one.radius,
            angle=one.angle,
            hollow=0.62 if one.kind == "bone" else 0.0,
        )
    else:
        field.tube(one.start, one.end, one.radius, ends=one.ends, hollow=one.hollow, depth=one.depth)


def _trabeculae(bone: Floats, seed: int) -> Floats:
    """A fine mesh inside bone."""
    rng = random_of("trabeculae", seed)
    fine = grain(bone.shape, 0.055, int(rng.integers(1000)), radius=1)
    coarse = grain(bone.shape, 0.03, int(rng.integers(1000)), radius=4)
    return np.asarray(bone * (1 + fine + coarse), dtype=np.float32)
