"""Chest films: lungs, ribs, heart and vessels as thicknesses in front of one another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleread.demo.cases.nouns import Series
from teleread.demo.images.draw import Field, Floats, Plane, blur, grain, letters, random_of
from teleread.demo.images.draw import stored as as_stored

__all__ = ["chest_film"]

_WIDTH = 336.0
"""Width of the film in mm."""


def chest_film(series: Series, index: int, seed: int) -> NDArray[Any]:
    """A PA chest film; ``consolidation`` fills the right lower zone."""
    pixel = _WIDTH / series.columns
    large = series.rows > 200
    unit = max(round(1.0 / pixel), 1)
    plane = Plane.blank(series.rows, series.columns, pixel)
    heart, hila = _heart(plane)
    air = _lungs(plane)
    lungs = air * (1 - 0.8 * heart)
    film = _body(plane, unit) + 330 * heart * (1 - 0.5 * air) + 300 * hila
    film -= 1120 * lungs
    film += 560 * _ribs(plane, unit) * (0.3 + 0.7 * air)
    film += 640 * lungs * np.clip(_vessels(plane, seed, 220 if large else 20), 0, 1)
    if series.params.get("consolidation"):
        film += 1000 * lungs * _consolidation(plane, seed)
    film += 330 * _collar(plane)
    film += _spine(plane, unit)
    if large:
        film = film + np.float32(0.7) * (film - blur(film, 30))
    film = blur(film, 1 if large else 0) + grain(film.shape, 30, seed + 3)
    stored = as_stored(film)
    size = max(series.rows // 22, 8)
    letters(stored, "L", size, series.columns - 2 * size, size, 3900)
    return stored


def _lungs(plane: Plane) -> Floats:
    """0..1 where there is air; the patient's right lung is on the left."""
    right = plane.full_mask((-72, -22), (60, 122), angle=5, wobble=(0.04, -0.03), soft=5)
    left = plane.full_mask((70, -22), (56, 122), angle=-5, wobble=(-0.04, -0.03), soft=5)
    dome_right = plane.full_mask((-70, 128), (82, 84), soft=4)
    dome_left = plane.full_mask((68, 140), (80, 84), soft=4)
    middle = plane.full_mask((0, -20), (26, 160), soft=12)
    air = np.maximum(right * (1 - dome_right), left * (1 - dome_left))
    return np.asarray(air * (1 - middle), dtype=np.float32)


def _body(plane: Plane, unit: int) -> Floats:
    trunk = plane.full_mask((0, 30), (158, 300), wobble=(0.0, 0.04), soft=8)
    shoulders = plane.full_mask((0, -120), (230, 82), soft=14)
    neck = plane.full_mask((0, -200), (52, 120), soft=10)
    outline = np.maximum(np.maximum(trunk, shoulders), neck)
    x, y = np.abs(plane.x)[None, :], plane.y[:, None]
    depth = 2080 - 0.012 * x * x + 1.4 * np.maximum(y - 60, 0)
    trachea = plane.full_mask((1, -130), (8, 62), soft=6) * 330
    film = 150 + outline * np.maximum(depth, 650) - trachea
    film += 260 * plane.full_mask((0, 0), (24, 220), soft=20)
    film -= 420 * plane.full_mask((74, 92), (20, 13), soft=10)  # the bubble of the stomach
    return np.asarray(blur(film.astype(np.float32), 2 * unit), dtype=np.float32)


def _ribs(plane: Plane, unit: int) -> Floats:
    """Back parts run down and out from the spine, front parts up and out from the breastbone."""
    total = np.zeros_like(plane.image)
    x = plane.x[None, :]
    for number in range(10):
        top = -128 + number * 23.5
        reach = 62 + 62 * np.sqrt(np.clip((number + 0.6) / 5.0, 0, 1))
        for side in (-1.0, 1.0):
            out = side * x
            u = np.clip(out / reach, 0, 1.08)
            behind = top - 10 * u + 34 * u * u + 2.5 * side
            front = top + 62 + 6 * number - 44 * np.sqrt(np.maximum(1 - ((u - 0.02) / 1.06) ** 2, 0))
            edge = ((out > 16) & (out < reach * 1.02)).astype(np.float32)
            total += _band(plane, behind, 5.6) * edge
            if number < 7:
                total += 0.62 * _band(plane, front, 6.2) * edge * (out > 34)
    return np.asarray(blur(total.astype(np.float32), unit // 2), dtype=np.float32)


def _band(plane: Plane, centre: NDArray[Any], half: float) -> Floats:
    """A bone of some height along a curve: bright rims, paler inside."""
    away = np.abs(plane.y[:, None] - centre) / np.float32(half)
    body = np.clip((1 - away) * half / plane.pixel / 2, 0, 1)
    return np.asarray(body * (0.45 + 0.55 * np.clip(away, 0, 1) ** 2), dtype=np.float32)


def _heart(plane: Plane) -> tuple[Floats, Floats]:
    """The silhouette of heart and aorta, and the shadow of the hila."""
    ventricle = plane.full_mask((24, 56), (60, 46), angle=30, wobble=(0.03, 0), soft=6)
    atrium = plane.full_mask((-14, 50), (30, 46), soft=6)
    knob = plane.full_mask((22, -58), (15, 19), soft=6)
    trunk = plane.full_mask((10, -4), (30, 50), soft=10)
    hila = np.maximum(
        plane.full_mask((-36, -6), (14, 26), angle=-16, soft=18),
        plane.full_mask((38, -14), (13, 22), soft=18),
    )
    shape = np.maximum(np.maximum(ventricle, atrium), np.maximum(knob, trunk))
    return np.asarray(blur(shape, 2), dtype=np.float32), np.asarray(hila, dtype=np.float32)


def _vessels(plane: Plane, seed: int, count: int) -> Floats:
    """Trees that branch out from both hila."""
    rng = random_of("vessels", seed)
    field = Field(Plane(np.zeros_like(plane.image), plane.x, plane.y, plane.pixel), overlap=0.4)
    for side in (-1.0, 1.0):
        stack = [((side * 26, -6.0), float(angle), 3.0, 0) for angle in (-95, -62, -25, 8, 40, 66, 88)]
        budget = count
        while stack and budget > 0:
            budget -= 1
            (x, y), angle, width, level = stack.pop(0)
            length = float(rng.uniform(14, 26)) * (0.92**level)
            turn = np.deg2rad(angle + float(rng.uniform(-12, 12)))
            end = (x + side * length * float(np.cos(turn)), y + length * float(np.sin(turn)))
            field.tube((x, y), end, max(width, 0.4), depth=0.15)
            if width > 0.55:
                for lean in (-1, 1):
                    bend = float(rng.uniform(12, 30)) * lean
                    stack.append((end, angle + bend, width * float(rng.uniform(0.62, 0.8)), level + 1))
    return field.plane.image


def _consolidation(plane: Plane, seed: int) -> Floats:
    """Patchy shadow in the right lower zone with air left in its bronchi."""
    patch = plane.full_mask((-80, 26), (38, 27), angle=14, wobble=(0.12, 0.08), soft=20)
    texture = 0.78 + grain(plane.image.shape, 0.2, seed + 11, radius=max(round(5 / plane.pixel / 2), 1))
    return np.asarray(patch * np.clip(texture, 0.2, 1.2), dtype=np.float32)


def _collar(plane: Plane) -> Floats:
    """Collar bones and the edges of the shoulder blades."""
    out = np.zeros_like(plane.image)
    field = Field(Plane(out, plane.x, plane.y, plane.pixel))
    for side in (-1.0, 1.0):
        middle = (side * 70, -136.0)
        field.tube((side * 18, -122.0), middle, 5.2, ends=7, hollow=0.6, depth=0.16)
        field.tube(middle, (side * 140, -158.0), 5.0, ends=6, hollow=0.6, depth=0.16)
        field.tube((side * 136, -128.0), (side * 118, -20.0), 3.2, hollow=0.3, depth=0.2)
        field.ball((side * 152, -132.0), (22, 24), 3.2, hollow=0.5)
        field.tube((side * 156, -112.0), (side * 166, 10.0), 11, hollow=0.7, depth=0.12)
    return field.plane.image


def _spine(plane: Plane, unit: int) -> Floats:
    total = np.zeros_like(plane.image)
    for number in range(15):
        y = -190 + number * 25.0
        body = plane.full_mask((0, y), (17, 11), wobble=(0, -0.12), soft=4)
        total = np.maximum(total, body)
    return np.asarray(190 * blur(total, unit), dtype=np.float32)
