"""A head CT, slice by slice, in Hounsfield units."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleread.demo.cases.nouns import Series
from teleread.demo.images.draw import Floats, Plane, blur, grain, random_of, stored

__all__ = ["head_ct"]

_AIR, _SKIN, _BONE, _DIPLOE, _GREY, _WHITE, _CSF, _CLOT = -1000, 30, 1100, 550, 38, 29, 6, 68


def head_ct(series: Series, index: int, seed: int) -> NDArray[Any]:
    """One slice; the first is at the skull base. ``subdural`` names the side of a fresh clot."""
    z = (index - (series.count - 1) / 2) * series.step[2]
    pixel = (series.spacing or (0.45, 0.45))[0]
    plane = Plane.blank(series.rows, series.columns, pixel, _AIR)
    cap = float(np.sqrt(max(1 - (max(z - 8, 0) / 76) ** 2, 0.02)))
    base = float(np.clip((z + 80) / 50, 0.72, 1))
    rx, ry = 72 * cap * base, 92 * cap * base
    plane.ellipse((0, 0), (rx + 6, ry + 7), _SKIN, wobble=(0.02, 0), soft=1.5)
    plane.ellipse((0, 0), (rx + 1, ry + 1), _BONE, wobble=(0.02, 0))
    plane.ellipse((0, 0), (rx - 1.2, ry - 1.2), _DIPLOE, wobble=(0.02, 0))
    plane.ellipse((0, 0), (rx - 3, ry - 3), _BONE, wobble=(0.02, 0))
    inside = plane.full_mask((0, 0), (rx - 5.5, ry - 6), wobble=(0.02, 0))
    shift = 5.0 if series.params.get("subdural") else 0.0
    brain = _brain(plane, z, seed, shift)
    plane.image += inside * (brain - plane.image)
    if series.params.get("subdural"):
        _clot(plane, z, rx, ry, inside)
    if z < -22:
        _base(plane, z, rx, ry)
    noise = grain(plane.image.shape, 3.2, index + seed, radius=1)
    return stored(plane.image + noise + 1024)


@lru_cache(maxsize=4)
def _folds(rows: int, columns: int, seed: int) -> Floats:
    """A field whose ridges look like sulci."""
    rng = random_of("folds", seed)
    a = blur(rng.standard_normal((rows, columns)).astype(np.float32), 7)
    b = blur(rng.standard_normal((rows, columns)).astype(np.float32), 3)
    field = a / a.std() + 0.35 * b / b.std()
    return np.asarray(np.exp(-((field / 0.24) ** 2)), dtype=np.float32)


def _brain(plane: Plane, z: float, seed: int, shift: float) -> Floats:
    """Grey and white matter, sulci, ventricles and falx; a clot on the left pushes the middle over."""
    out = Plane(np.full_like(plane.image, _GREY), plane.x, plane.y, plane.pixel)
    cap = float(np.sqrt(max(1 - (max(z - 8, 0) / 76) ** 2, 0.02)))
    size = 0.86 * cap
    for side in (-1.0, 1.0):
        centre = (side * 31 * size - shift * 0.5, 2)
        out.ellipse(centre, (25 * size, 66 * size), _WHITE, angle=-3 * side, wobble=(0.08, 0.06), soft=9)
    folds = np.roll(_folds(*plane.image.shape, seed), round(z * 3), axis=0)
    rim = 1 - plane.full_mask((0, 0), (60 * cap, 78 * cap), soft=24)
    out.image += rim * folds * (_CSF - out.image) * (0.25 if shift else 0.5)
    dx = -shift
    if -12 < z < 34:
        _ventricles(out, z, dx, shift)
    if -16 < z < 12:
        for side in (-1.0, 1.0):
            out.ellipse((side * 20 + dx, 2), (9, 16), _GREY + 1, angle=side * 12, soft=3)
            out.ellipse((side * 11 + dx, 12), (8, 11), _GREY, soft=3)
    if z < -30:
        out.ellipse((0, 44), (46, 30), _GREY - 2, wobble=(0, 0.05), soft=4)
        out.ellipse((0, 24), (16, 14), _GREY - 4, soft=3)
        out.ellipse((0, 36), (6, 5), _CSF)
    if z > -20:
        out.ellipse((dx * 0.3, -42), (1.1, 34), 52, angle=-dx * 0.9)
        out.ellipse((dx * 0.3, 50), (1.1, 28), 52, angle=dx * 0.9)
    if abs(z - 2) < 5:
        out.ellipse((dx, 28), (2.5, 2.5), 140)
    return out.image


def _ventricles(out: Plane, z: float, dx: float, shift: float) -> None:
    near = 1 - abs(z - 12) / 26
    for side in (-1.0, 1.0):
        squeeze = 0.5 if shift and side > 0 else 1.0
        if near <= 0:
            continue
        out.ellipse((side * 10 + dx, -20), (5.5 * near * squeeze, 17 * near), _CSF, angle=side * -18, soft=2)
        out.ellipse((side * 17 + dx, 22), (6 * near * squeeze, 19 * near), _CSF, angle=side * 22, soft=2)
        out.ellipse((side * 9 + dx, 2), (4.5 * near * squeeze, 20 * near), _CSF, angle=side * -6, soft=2)
    if z < 8:
        out.ellipse((dx, 4), (2.2, 13), _CSF, soft=2)


def _clot(plane: Plane, z: float, rx: float, ry: float, inside: Floats) -> None:
    """A crescent under the left side of the skull."""
    reach = 1 - ((z - 10) / 48) ** 2
    if reach <= 0:
        return
    outer = plane.full_mask((0, 0), (rx - 6, ry - 6), wobble=(0.02, 0))
    inner = plane.full_mask((-13 * reach, 2), (rx - 6, ry - 6.5), wobble=(0.02, 0))
    crescent = inside * outer * (1 - inner) * np.clip(plane.x / 12, 0, 1)[None, :]
    plane.image += crescent * (_CLOT - plane.image)


def _base(plane: Plane, z: float, rx: float, ry: float) -> None:
    """Petrous bones, air cells, orbits and sinuses in the lowest slices."""
    depth = float(np.clip((-22 - z) / 30, 0, 1))
    for side in (-1.0, 1.0):
        plane.ellipse((side * rx * 0.55, 12), (27 * depth, 8 * depth), _BONE * 0.85, angle=side * 26, soft=2)
        plane.ellipse((side * rx * 0.8, 26), (13 * depth, 12 * depth), _BONE * 0.7, soft=2)
        for number in range(7):
            spot = (side * (rx * 0.8 + 3 * np.cos(number * 2.4) * 2), 26 + 3 * np.sin(number * 2.4) * 2)
            plane.ellipse((float(spot[0]), float(spot[1])), (2.2 * depth, 2.0 * depth), -700)
    if z < -40:
        for side in (-1.0, 1.0):
            plane.ellipse((side * 33, -ry * 0.66), (21, 24), _BONE * 0.8, angle=side * -16)
            plane.ellipse((side * 33, -ry * 0.68), (18.5, 21.5), -80, angle=side * -16)
            plane.ellipse((side * 33, -ry * 0.78), (12, 12), 22)
            plane.ellipse((side * 26, -ry * 0.5), (2.4, 12), 32, angle=side * -18)
        plane.ellipse((0, -ry * 0.62), (11, 22), _BONE * 0.6)
        for number in range(4):
            for side in (-1.0, 1.0):
                plane.ellipse((side * 5, -ry * 0.8 + number * 9), (3.6, 3.6), -920)
        plane.ellipse((0, -ry * 0.3), (13, 9), _BONE * 0.7)
        plane.ellipse((0, -ry * 0.3), (10.5, 6.5), -950)
    if -46 < z < -26:
        plane.ellipse((0, -ry + 7), (20, 6), -900)
    plane.ellipse((0, 62), (7, 5), _BONE * 0.8)
