"""A chest CT, slice by slice, in Hounsfield units: same patient for every growth of the nodules."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleread.demo.cases.nouns import Series
from teleread.demo.images.draw import Plane, grain, random_of, stored

__all__ = ["NODULES", "chest_ct"]

NODULES = (((-62.0, -18.0, 82.0), 3.0), ((84.0, 46.0, -34.0), 2.0))
"""Centre in mm (patient's right is negative x) and radius before growth: 6 and 4 mm across."""

_AIR, _LUNG, _FAT, _MUSCLE, _BLOOD, _LIVER, _MARROW, _CORTEX = -1000, -860, -100, 50, 40, 58, 180, 750


def chest_ct(series: Series, index: int, seed: int) -> NDArray[Any]:
    """One slice; the first is at the feet end.

    Args:
        series: ``growth`` in its parameters scales the nodules' diameters.
        index: Which slice.
        seed: Chooses the vessels.
    """
    z = (index - (series.count - 1) / 2) * series.step[2]
    plane = _wall(series.rows, series.columns, (series.spacing or (0.7, 0.7))[0], round(_high(z) * 24))
    plane = Plane(plane.image.copy(), plane.x, plane.y, plane.pixel)
    lungs = _lungs(plane, z)
    _vessels(plane, z, seed, lungs)
    _nodules(plane, z, float(series.params.get("growth", 1.0)))
    _middle(plane, z)
    if z < -40:
        _below_the_domes(plane, z)
    _skeleton(plane, z)
    _table(plane)
    noise = grain(plane.image.shape, 24.0 if (series.thickness or 1) < 1.5 else 17.0, index + seed)
    return stored(plane.image + noise + 1024)


def _high(z: float) -> float:
    """How far up in the shoulders a slice lies, 0..1."""
    return float(np.clip((z - 70) / 70, 0, 1))


@lru_cache(maxsize=32)
def _wall(rows: int, columns: int, pixel: float, level: int) -> Plane:
    """Skin, fat and muscle at one of 25 levels; the shoulders widen it at the top."""
    plane = Plane.blank(rows, columns, pixel, _AIR)
    width, depth = 158 + 14 * level / 24, 108 - 22 * level / 24
    plane.ellipse((0, 4), (width, depth), _FAT, wobble=(0, 0.035), soft=1.5)
    plane.ellipse((0, 6), (width - 13, depth - 12), _MUSCLE, wobble=(0, 0.03))
    plane.ellipse((0, 6), (width - 24, depth - 19), _FAT + 60, wobble=(0, 0.03), soft=3)
    return plane


def _lungs(plane: Plane, z: float) -> NDArray[np.float32]:
    t = float(np.clip((132 - z) / 250, 0, 1))
    if z > 132:
        return np.zeros_like(plane.image)
    size = float(np.sqrt(np.clip(t * 3.2, 0, 1)))
    low = float(np.clip((-62 - z) / 60, 0, 1))
    both = np.zeros_like(plane.image)
    heart = _heart_radii(z)
    for side in (-1.0, 1.0):
        centre = (side * (42 + 30 * size), 4 + 8 * t)
        radii = (26 + 38 * size, 22 + 66 * size)
        where = plane.box(*centre, radii[0] + 18, radii[1] + 16)
        lung = plane.inside(where, centre, radii, angle=side * 8, wobble=(0.05 * side, -0.02))
        if low:
            lung *= 1 - plane.inside(where, (side * 62, -12), (68 * low**0.5, 70 * low**0.5))
        lung *= 1 - plane.inside(where, (0, 20), (22 + 6 * t, 92))
        if heart and side > 0:
            lung *= 1 - plane.inside(where, (24, -18), (heart[0] + 3, heart[1] + 3), angle=-24)
        both[where] = np.maximum(both[where], lung)
    gravity = (plane.y / np.float32(110))[:, None] * 45
    plane.image += both * (_LUNG + gravity - plane.image)
    return both


def _heart_radii(z: float) -> tuple[float, float] | None:
    rise = 1 - ((z + 48) / 58) ** 2
    if rise <= 0:
        return None
    return 62 * float(np.sqrt(rise)), 47 * float(np.sqrt(rise))


@lru_cache(maxsize=4)
def _tree(seed: int) -> NDArray[np.float32]:
    """Vessels of both lungs as rows of start, end and radius, in mm."""
    rng = random_of("ct-vessels", seed)
    rows: list[list[float]] = []
    for side in (-1.0, 1.0):
        stack = []
        for number in range(26):
            direction = rng.normal(size=3) * [0.9, 1.0, 1.5]
            direction[0] = (abs(direction[0]) + 0.2) * side
            root = np.array([side * 32, 4.0, -24.0 + 2.6 * number])
            stack.append((root, direction / np.linalg.norm(direction), 4.2, 0))
        while stack and len(rows) < 1700 * (1 + (side > 0)):
            start, direction, radius, level = stack.pop(0)
            length = float(rng.uniform(15, 26)) * 0.95**level
            end = start + direction * length
            rows.append([*start, *end, radius])
            if radius > 0.75:
                for _ in range(2):
                    bent = direction + rng.normal(size=3) * 0.3
                    child = radius * float(rng.uniform(0.68, 0.84))
                    stack.append((end, bent / np.linalg.norm(bent), child, level + 1))
    return np.array(rows, dtype=np.float32)


def _vessels(plane: Plane, z: float, seed: int, lungs: NDArray[np.float32]) -> None:
    """Where the tree crosses the slice there is a dot, longer where a branch runs along it."""
    tree = _tree(seed)
    low, high = (
        np.minimum(tree[:, 2], tree[:, 5]) - tree[:, 6],
        np.maximum(tree[:, 2], tree[:, 5]) + tree[:, 6],
    )
    for x0, y0, z0, x1, y1, z1, radius in tree[(low <= z) & (z <= high)]:
        t = float(np.clip((z - z0) / (z1 - z0), 0, 1)) if abs(z1 - z0) > 0.5 else 0.5
        centre = (float(x0 + (x1 - x0) * t), float(y0 + (y1 - y0) * t))
        run = float(np.hypot(x1 - x0, y1 - y0) / max(abs(z1 - z0), 0.6))
        along = float(radius) * min(float(np.hypot(run, 1)), 4.0)
        angle = float(np.rad2deg(np.arctan2(y1 - y0, x1 - x0)))
        if not _beside_nodule(centre, z):
            plane.ellipse(centre, (along, float(radius)), _BLOOD, angle=angle, mask=lungs, soft=1.4)


def _beside_nodule(centre: tuple[float, float], z: float) -> bool:
    """Whether a vessel would hide a nodule's edge: nodules here can be measured."""
    x, y = centre
    return any(abs(z - spot[2]) < 9 and np.hypot(x - spot[0], y - spot[1]) < 11 for spot, _ in NODULES)


def _nodules(plane: Plane, z: float, growth: float) -> None:
    for (x, y, level), radius in NODULES:
        grown = radius * growth
        rest = grown**2 - (z - level) ** 2
        if rest > 0:
            plane.ellipse((x, y), (rest**0.5, rest**0.5), 35, wobble=(0.06, 0.04), soft=1.2)


def _middle(plane: Plane, z: float) -> None:
    """Heart, great vessels, windpipe, gullet."""
    heart = _heart_radii(z)
    plane.ellipse((0, -8), (27, 46), _FAT + 40, soft=4)
    if heart:
        plane.ellipse((24, -18), heart, _BLOOD + 5, angle=-24, wobble=(0.03, 0))
        plane.ellipse((36, -20), (heart[0] * 0.42, heart[1] * 0.4), _BLOOD + 14, angle=-24, soft=6)
    if z < 66:
        plane.ellipse((20, 46), (12.5, 12.5), _BLOOD + 4)
    if 40 < z < 66:
        plane.ellipse((8, 12), (15, 40), _BLOOD + 4, angle=20)
    _great_vessels(plane, z)
    if z > 28:
        plane.ellipse((-2, 12), (9, 8), _AIR + 10)
    elif z > 2:
        split = (28 - z) * 0.9
        for side in (-1, 1):
            plane.ellipse((side * (6 + split) - 2, 12 + split * 0.2), (6.5, 6), _AIR + 10)
    plane.ellipse((6, 30), (8, 5), 30)


def _great_vessels(plane: Plane, z: float) -> None:
    if 5 < z <= 40:
        plane.ellipse((-6, -22), (15, 15), _BLOOD + 4)
        plane.ellipse((14, -10), (26, 11), _BLOOD, angle=24)
    if z > 5:
        plane.ellipse((-24, -16), (9, 10), _BLOOD)
    if z >= 66:
        for x, y in ((-18, -20), (2, -18), (16, -4), (-24, -2)):
            plane.ellipse((x, y), (6, 6), _BLOOD)


def _below_the_domes(plane: Plane, z: float) -> None:
    """Liver, spleen, stomach under the diaphragm."""
    low = float(np.clip((-58 - z) / 60, 0, 1)) ** 0.5
    if low <= 0:
        return
    plane.ellipse((-56, -8), (66 * low, 68 * low), _LIVER, wobble=(0.05, 0.02))
    plane.ellipse((66, 34), (38 * low, 30 * low), 52, angle=30, wobble=(0.05, 0))
    plane.ellipse((48, -16), (40 * low, 34 * low), 30, wobble=(0.03, 0))
    plane.ellipse((50, -32), (26 * low, 15 * low), _AIR + 30)


def _skeleton(plane: Plane, z: float) -> None:
    disc = (z + 400) % 26 < 6
    plane.ellipse((0, 66), (19, 15), 90 if disc else _CORTEX * 0.6, wobble=(0, -0.03))
    if not disc:
        plane.ellipse((0, 66), (16.5, 12.5), _MARROW)
    plane.ellipse((0, 88), (15, 13), _CORTEX * 0.7, soft=2)
    plane.ellipse((0, 87), (9, 8), 20)
    plane.ellipse((0, 104), (3.5, 10), _CORTEX * 0.6)
    for side in (-1.0, 1.0):
        plane.ellipse((side * 26, 90), (13, 4.5), _CORTEX * 0.55, angle=side * 14)
    if -70 < z < 92:
        plane.ellipse((0, -89), (15, 5), _CORTEX * 0.6)
        plane.ellipse((0, -89), (12, 3), _MARROW)
    _ribs(plane, z)
    if z > 40:
        for side in (-1.0, 1.0):
            plane.ellipse((side * 112, 62), (42, 4.5), _CORTEX * 0.6, angle=side * -36)
            plane.ellipse((side * 104, 74), (36, 9), _MUSCLE, angle=side * -36)
    if z > 104:
        for side in (-1.0, 1.0):
            plane.ellipse((side * 60, -64), (52, 6), _CORTEX * 0.6, angle=side * 14)
            plane.ellipse((side * 152, 6), (22, 22), _CORTEX * 0.75)
            plane.ellipse((side * 152, 6), (19, 19), _MARROW)


def _ribs(plane: Plane, z: float) -> None:
    """Ribs slope down to the front: each slice cuts several, further round the lower they are."""
    high = _high(z - 4)
    rx, ry = 136 - 34 * high, 92 - 12 * high
    for number in range(9):
        turn = ((z * 0.62 + number * 26) % 234 - 20) / 200
        if not 0 <= turn <= 1:
            continue
        for side in (-1.0, 1.0):
            theta = np.deg2rad(62 - 150 * turn)
            x, y = side * rx * float(np.cos(theta)), 6 + ry * float(np.sin(theta))
            tangent = float(np.rad2deg(np.arctan2(ry * np.cos(theta), -side * rx * np.sin(theta))))
            plane.ellipse((x, y), (11, 4.2), _CORTEX * 0.75, angle=tangent)
            plane.ellipse((x, y), (8.5, 2.2), _MARROW, angle=tangent)


def _table(plane: Plane) -> None:
    where = (slice(int(np.searchsorted(plane.y, 126)), int(np.searchsorted(plane.y, 144))), slice(None))
    under = plane.inside(where, (0, 30), (330, 112))
    hollow = plane.inside(where, (0, 30), (326, 108))
    plane.image[where] += (under - hollow) * np.float32(650)
