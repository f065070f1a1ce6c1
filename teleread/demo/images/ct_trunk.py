"""Abdomen and pelvis by CT, slice by slice, in Hounsfield units."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleread.demo.cases.nouns import Series
from teleread.demo.images.draw import Plane, grain, random_of, stored

__all__ = ["trunk_ct"]

_AIR, _FAT, _MUSCLE, _CORTEX, _MARROW = -1000, -105, 55, 800, 190
_LIVER, _SPLEEN, _KIDNEY, _VESSEL, _URINE, _BOWEL = 105, 115, 160, 150, 8, 35
_PLAIN = {_LIVER: 58, _SPLEEN: 50, _KIDNEY: 34, _VESSEL: 42}


def trunk_ct(series: Series, index: int, seed: int) -> NDArray[Any]:
    """One slice; the first is at the feet end.

    Args:
        series: ``stone`` names the side of a kidney stone (and means no contrast); ``free_gas`` puts gas
            under the front wall.
        index: Which slice.
        seed: Chooses the bowel loops.
    """
    z = (index - (series.count - 1) / 2) * series.step[2]
    params = series.params
    body = _wall(series.rows, series.columns, (series.spacing or (0.78, 0.78))[0], round(_hips(z) * 16))
    plane = Plane(body.image.copy(), body.x, body.y, body.pixel)

    def contrast(tissue: int) -> int:
        return _PLAIN.get(tissue, tissue) if params.get("stone") else tissue

    if z < 110:
        _bowel(plane, z, seed)
    if z > -60:
        _upper(plane, z, contrast)
        _kidneys(plane, z, contrast, str(params.get("stone", "")))
    if z < -70:
        _pelvis(plane, z)
    _spine(plane, z, contrast)
    if z > 95:
        _lower_ribs(plane, z)
    if params.get("free_gas"):
        _free_gas(plane, z)
    noise = grain(plane.image.shape, 13.0, index + seed)
    return stored(plane.image + noise + 1024)


def _hips(z: float) -> float:
    return float(np.clip((-40 - z) / 120, 0, 1))


@lru_cache(maxsize=20)
def _wall(rows: int, columns: int, pixel: float, level: int) -> Plane:
    """Skin, fat and the muscles of the wall, wider towards the hips."""
    plane = Plane.blank(rows, columns, pixel, _AIR)
    hips = level / 16
    width, depth = 162 + 14 * hips, 112 - 2 * hips
    plane.ellipse((0, 0), (width + 1, depth + 1), 20, wobble=(0, 0.03), soft=1.5)
    plane.ellipse((0, 0), (width - 1, depth - 1), _FAT, wobble=(0, 0.03))
    plane.ellipse((0, 4), (width - 22, depth - 20), _MUSCLE, wobble=(0, 0.02))
    plane.ellipse((0, 0), (width - 33, depth - 31), _FAT, wobble=(0, 0.02))
    for side in (-1, 1):
        plane.ellipse((side * 34, 76), (29, 21), _MUSCLE, angle=side * 8)
    under = plane.full_mask((0, 24), (360, 104)) * (plane.y > 116)[:, None]
    hollow = plane.full_mask((0, 24), (356, 100)) * (plane.y > 116)[:, None]
    plane.image += (under - hollow) * np.float32(500)
    return plane


def _round(z: float, level: float, half: float) -> float:
    """Size of a rounded organ at a level, 0..1."""
    return float(np.sqrt(max(1 - ((z - level) / half) ** 2, 0)))


def _upper(plane: Plane, z: float, contrast: Any) -> None:
    """Liver, spleen, stomach, pancreas, gallbladder."""
    liver = _round(z, 130, 112)
    if liver:
        plane.ellipse((-64, -2), (66 * liver, 72 * liver), contrast(_LIVER), wobble=(0.06, 0.02))
        plane.ellipse((-6, -42), (64 * liver, 26 * liver), contrast(_LIVER), angle=6)
        for number in range(6):
            spot = (-84 + 17 * number, -18 + 22 * np.sin(number * 1.9 + z / 21))
            plane.ellipse(
                (spot[0], float(spot[1])), (5 * liver, 2.6 * liver), contrast(_VESSEL), angle=30 * number
            )
    gallbladder = _round(z, 62, 30)
    if gallbladder:
        plane.ellipse((-52, -40), (15 * gallbladder, 19 * gallbladder), 10)
    spleen = _round(z, 145, 62)
    if spleen:
        plane.ellipse((98, 34), (27 * spleen, 44 * spleen), contrast(_SPLEEN), angle=-24, wobble=(0.06, 0))
    stomach = _round(z, 135, 72)
    if stomach:
        plane.ellipse((58, -28), (44 * stomach, 37 * stomach), 42, angle=-18)
        plane.ellipse((58, -26), (39 * stomach, 32 * stomach), 18, angle=-18)
        plane.ellipse((56, -44), (30 * stomach, 13 * stomach), _AIR + 60, angle=-6)
    pancreas = _round(z, 84, 20)
    if pancreas:
        plane.ellipse((14, 2), (48, 9 * pancreas), contrast(_LIVER) - 10, angle=-16, wobble=(0.08, 0.05))


def _kidneys(plane: Plane, z: float, contrast: Any, stone: str) -> None:
    for side, level in ((-1.0, 44.0), (1.0, 54.0)):
        size = _round(z, level, 58)
        if not size:
            continue
        x, y = side * (64 - 8 * (z - level) / 58), 44.0
        plane.ellipse((x, y), (32 * size, 34 * size), contrast(_KIDNEY), angle=side * 24, wobble=(0.04, 0))
        middle = _round(z, level, 34)
        if middle:
            plane.ellipse((x - side * 10, y - 4), (17 * middle, 12 * middle), _FAT + 20, angle=side * 24)
            plane.ellipse((x - side * 14, y - 3), (9 * middle, 6 * middle), _URINE)
        here = (side < 0) == (stone == "R")
        pebble = _round(z, level - 22, 6) if stone and here else 0
        if pebble:
            plane.ellipse((x - side * 6, y + 2), (2.6 * pebble, 2.4 * pebble), 900)


@lru_cache(maxsize=4)
def _loops(seed: int) -> NDArray[np.float32]:
    """Centre, radius and content of every bowel loop."""
    rng = random_of("loops", seed)
    rows = []
    for _ in range(260):
        z, angle = float(rng.uniform(-190, 100)), float(rng.uniform(0, 2 * np.pi))
        away = float(np.sqrt(rng.uniform(0.0, 1)))
        x, y = away * 96 * np.cos(angle), -26 + away * 44 * np.sin(angle)
        rows.append([x, y, z, float(rng.uniform(9, 15)), float(rng.choice([0, 0, 1]))])
    return np.array(rows, dtype=np.float32)


def _bowel(plane: Plane, z: float, seed: int) -> None:
    loops = _loops(seed)
    for x, y, level, radius, gas in loops[np.abs(loops[:, 2] - z) < loops[:, 3]]:
        size = float(np.sqrt(max(radius**2 - (level - z) ** 2, 1)))
        turn = float(x * 3 + level)
        plane.ellipse((float(x), float(y)), (size * 1.25, size * 0.9), _BOWEL + 25, angle=turn)
        plane.ellipse((float(x), float(y)), (size * 1.25 - 2.2, size * 0.9 - 2.2), _BOWEL - 15, angle=turn)
        if gas:
            plane.ellipse((float(x), float(y) - size * 0.3), (size * 0.6, size * 0.35), _AIR + 150)
    for side, low, high in ((-1.0, -120, 60), (1.0, -150, 100)):
        if low < z < high:
            wave = 5 * float(np.sin(z / 9))
            plane.ellipse((side * 112, -4), (20 + wave, 19 + wave), 45, soft=1.5)
            plane.ellipse((side * 112, -4), (17 + wave, 16 + wave), -60, soft=2)
            plane.ellipse((side * 112, -10), (12 + wave, 7 + wave / 2), _AIR + 100)


def _pelvis(plane: Plane, z: float) -> None:
    wing = float(np.clip((-70 - z) / 60, 0, 1))
    for side in (-1.0, 1.0):
        plane.ellipse((side * 84, 62), (54, 26), _MUSCLE, angle=side * -30, wobble=(0.06, 0))
        if z > -178:
            out = 100 - 22 * wing
            plane.ellipse(
                (side * out, 30), (10, 48 - 10 * wing), _CORTEX * 0.7, angle=side * (34 - 14 * wing)
            )
            plane.ellipse((side * out, 30), (6.5, 44 - 10 * wing), _MARROW, angle=side * (34 - 14 * wing))
        if z < -168:
            head = _round(z, -196, 26)
            plane.ellipse((side * 88, 10), (36, 34), _CORTEX * 0.7, wobble=(0.1, 0.03))
            plane.ellipse((side * 88, 10), (32, 30), _MARROW, wobble=(0.1, 0.03))
            plane.ellipse((side * 96, 8), (25 * head, 25 * head), _FAT + 150)
            plane.ellipse((side * 97, 8), (23.5 * head, 23.5 * head), _CORTEX * 0.75)
            plane.ellipse((side * 97, 8), (21.5 * head, 21.5 * head), _MARROW + 70)
    bladder = _round(z, -182, 34)
    if bladder:
        plane.ellipse((0, -14), (47 * bladder, 36 * bladder), 35)
        plane.ellipse((0, -14), (44 * bladder, 33 * bladder), _URINE)
    if z < -150:
        plane.ellipse((0, 40), (20, 17), 45)
        plane.ellipse((0, 38), (10, 7), _AIR + 200)


def _spine(plane: Plane, z: float, contrast: Any) -> None:
    if z > -128:
        disc = (z + 500) % 33 < 8
        for side in (-1.0, 1.0):
            if z < 60:
                size = float(np.clip((60 - z) / 120, 0.1, 1))
                plane.ellipse((side * 36, 42), (17 * size, 20 * size), _MUSCLE)
            if not disc:
                plane.ellipse((side * 34, 66), (20, 4.5), _CORTEX * 0.55, angle=side * 6)
        plane.ellipse((0, 44), (26, 19), 95 if disc else _CORTEX * 0.55, wobble=(0, -0.03))
        if not disc:
            plane.ellipse((0, 44), (23.5, 16.5), _MARROW)
        plane.ellipse((0, 72), (16, 13), _CORTEX * 0.65, soft=2)
        plane.ellipse((0, 70), (10, 8), 15)
        plane.ellipse((0, 92), (3.5, 13), _CORTEX * 0.6)
    else:
        size = float(np.clip((z + 215) / 80, 0.3, 1))
        plane.ellipse((0, 70), (48 * size, 18 * size), _CORTEX * 0.55, wobble=(0.06, 0))
        plane.ellipse((0, 70), (45 * size, 15 * size), _MARROW, wobble=(0.06, 0))
    if z > -66:
        plane.ellipse((8, 12), (11, 11), contrast(_VESSEL))
        plane.ellipse((8, 12), (11, 11), contrast(_VESSEL) + 15)
        plane.ellipse((-18, 14), (13, 10), contrast(_VESSEL) - 25)
    else:
        away = 14 + min((-66 - z) * 0.5, 52)
        for side in (-1.0, 1.0):
            plane.ellipse((side * away, 8), (7.5, 7.5), contrast(_VESSEL))
            plane.ellipse((side * (away + 3), 20), (8.5, 8), contrast(_VESSEL) - 30)


def _lower_ribs(plane: Plane, z: float) -> None:
    for number in range(7):
        theta = np.deg2rad(62 - ((number * 27 + z * 0.6) % 150))
        for side in (-1.0, 1.0):
            x, y = side * 132 * float(np.cos(theta)), 4 + 86 * float(np.sin(theta))
            tangent = float(np.rad2deg(np.arctan2(86 * np.cos(theta), -side * 132 * np.sin(theta))))
            plane.ellipse((x, y), (10, 4), _CORTEX * 0.7, angle=tangent)
            plane.ellipse((x, y), (7.5, 2), _MARROW, angle=tangent)


def _free_gas(plane: Plane, z: float) -> None:
    """Gas lies in front, under the wall, and in front of the liver."""
    size = _round(z, 70, 90)
    if size:
        plane.ellipse((-12, -77), (64 * size, 7.5 * size), _AIR + 20)
        plane.ellipse((40, -70), (16 * size, 5 * size), _AIR + 30, angle=12)
