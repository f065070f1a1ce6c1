"""Ultrasound of the upper abdomen: a curved probe's sector, speckle, shadows, and a clip with colour."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleread.demo.cases.nouns import Series
from teleread.demo.images.draw import Floats, blur, letters, random_of

__all__ = ["upper_us"]

_DEPTH = 150.0
"""Depth shown, in mm."""
_PROBE = 52.0
"""Radius of the probe, in mm."""
_HALF = 33.0
"""Half angle of the sector, in degrees."""


def upper_us(series: Series, index: int, seed: int) -> NDArray[Any]:
    """Frames of a still (one) or of a clip that breathes once."""
    frames = [_frame(series, number, seed) for number in range(series.frames)]
    return np.stack(frames) if series.frames > 1 else frames[0]


@lru_cache(maxsize=4)
def _sector(rows: int, columns: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Depth below the skin, angle, sector mask, and horizontal place of each pixel."""
    scale = _DEPTH * 1.12 / rows
    y = (np.arange(rows, dtype=np.float32)[:, None] - rows * 0.06) * scale + _PROBE * np.cos(
        np.deg2rad(_HALF)
    )
    x = (np.arange(columns, dtype=np.float32)[None, :] - columns / 2) * scale
    radius = np.hypot(x, y)
    angle = np.rad2deg(np.arctan2(x, y))
    depth = radius - _PROBE
    mask = ((depth > 0) & (depth < _DEPTH) & (np.abs(angle) < _HALF)).astype(np.float32)
    return depth.astype(np.float32), angle.astype(np.float32), mask, np.broadcast_to(x, depth.shape)


@lru_cache(maxsize=4)
def _speckle(rows: int, columns: int, seed: int) -> Floats:
    """Rayleigh speckle, finer along the beam than across."""
    rng = random_of("speckle", seed)
    wave = rng.standard_normal((2, rows, columns)).astype(np.float32)
    smooth = np.stack([_smear(one) for one in wave])
    power = np.hypot(smooth[0], smooth[1])
    return np.asarray(power / power.mean(), dtype=np.float32)


def _smear(wave: Floats) -> Floats:
    return np.asarray(
        wave + np.roll(wave, 1, 1) + np.roll(wave, 2, 1) + np.roll(wave, 1, 0), dtype=np.float32
    )


def _oval(
    depth: Floats, x: Floats, at: tuple[float, float], radii: tuple[float, float], turn: float = 0.0
) -> Floats:
    """1 in the middle of an oval, 0 at its edge, negative outside."""
    angle = np.deg2rad(turn)
    dx, dy = x - np.float32(at[0]), depth - np.float32(at[1])
    u = (dx * np.float32(np.cos(angle)) + dy * np.float32(np.sin(angle))) / np.float32(radii[0])
    v = (dy * np.float32(np.cos(angle)) - dx * np.float32(np.sin(angle))) / np.float32(radii[1])
    return np.asarray(1 - np.sqrt(u * u + v * v), dtype=np.float32)


def _frame(series: Series, number: int, seed: int) -> NDArray[np.uint8]:
    depth, angle, mask, x = _sector(series.rows, series.columns)
    breath = 7.0 * float(np.sin(2 * np.pi * number / max(series.frames, 1)))
    organ = str(series.params["organ"])
    echo = np.full_like(depth, 0.42)
    shade = np.ones_like(depth)
    x = x - np.float32(breath)
    _layers(echo, depth, x)
    colour = None
    if organ == "gallbladder":
        _gallbladder(echo, shade, depth, angle, x)
    elif organ == "kidney":
        _kidney(echo, depth, x)
    else:
        colour = _liver(echo, depth, x, number, series.frames)
    speckle = np.roll(_speckle(series.rows, series.columns, seed), (0, round(breath)), axis=(0, 1))
    level = blur(echo, 1) * shade * np.exp(-depth / 260) * speckle
    grey = np.clip(np.log1p(level * 9) / np.log(10) * 235, 0, 255) * mask
    picture = np.repeat(grey[..., None], 3, axis=2)
    if colour is not None:
        _tint(picture, colour, mask)
    out = picture.astype(np.uint8)
    _furniture(out, series, number, boxed=colour is not None)
    return out


def _layers(echo: Floats, depth: Floats, x: Floats) -> None:
    wave = 3 * np.sin(x / 30)
    echo[depth < 22 + wave] = 0.5
    for at, thick, level in ((4, 2.0, 1.4), (12, 1.2, 1.1), (20, 1.6, 1.3)):
        echo[np.abs(depth - at - wave * at / 22) < thick] = level
    dome = depth - (128 - 0.006 * (x - 10) ** 2)
    echo[np.abs(dome) < 1.8] = 3.2
    echo[dome > 1.8] = 0.12


def _gallbladder(echo: Floats, shade: Floats, depth: Floats, angle: Floats, x: Floats) -> None:
    body = _oval(depth, x, (-4, 62), (38, 15), -14)
    echo[(body > -0.1) & (body <= 0)] = 1.5
    echo[body > 0] = 0.02
    behind = (np.abs(x + 4) < 32) & (depth > 78) & (depth < 124)
    echo[behind] *= 1.5
    for left, level, size in ((-16, 70.0, 5.5), (-6, 68.5, 4.0), (2, 66.0, 3.0)):
        stone = _oval(depth, x, (left, level), (size, size * 0.7))
        echo[stone > 0] = 3.6
        middle = np.rad2deg(np.arctan2(left, level + _PROBE))
        narrow = np.rad2deg(np.arctan2(size * 0.9, level + _PROBE))
        shadow = (np.abs(angle - middle) < narrow) & (depth > level + 2)
        shade[shadow] = 0.08


def _kidney(echo: Floats, depth: Floats, x: Floats) -> None:
    outside = _oval(depth, x, (8, 78), (54, 25), 10)
    echo[(outside > -0.08) & (outside <= 0)] = 1.7
    echo[outside > 0] = 0.26
    echo[_oval(depth, x, (8, 78), (32, 11), 10) > 0] = 1.5
    for number in range(7):
        at = (-26 + number * 11.5, 78 + (9 if number % 2 else -9) + 1.9 * (number - 3))
        echo[_oval(depth, x, at, (5.5, 5.0)) > 0] = 0.1


def _liver(echo: Floats, depth: Floats, x: Floats, number: int, frames: int) -> Floats:
    """Vessels in the liver; gives the flow towards the probe, -1..1, or 0."""
    for start, end, width in (
        ((-50, 96), (10, 66), 4.0),
        ((10, 66), (46, 48), 3.0),
        ((-20, 118), (-34, 60), 3.5),
    ):
        echo[_vessel(depth, x, start, end, width) > 0] = 0.03
    portal = _vessel(depth, x, (-38, 76), (34, 86), 6.0)
    echo[(portal > -0.35) & (portal <= 0)] = 1.4
    echo[portal > 0] = 0.03
    pulse = 0.55 + 0.3 * float(np.sin(4 * np.pi * number / frames))
    branch = np.clip(_vessel(depth, x, (-50, 96), (10, 66), 4.0), 0, 1)
    return np.asarray(np.clip(portal * 1.6, 0, 1) * pulse - branch * 0.5, dtype=np.float32)


def _vessel(
    depth: Floats, x: Floats, start: tuple[float, float], end: tuple[float, float], width: float
) -> Floats:
    ax, ay = end[0] - start[0], end[1] - start[1]
    t = np.clip(((x - start[0]) * ax + (depth - start[1]) * ay) / (ax * ax + ay * ay), 0, 1)
    away = np.hypot(x - start[0] - t * ax, depth - start[1] - t * ay)
    return np.asarray(1 - away / width, dtype=np.float32)


def _tint(picture: NDArray[np.float32], flow: Floats, mask: Floats) -> None:
    """Red towards the probe, blue away."""
    towards, away = np.clip(flow, 0, 1) * mask, np.clip(-flow, 0, 1) * mask
    for amount, tint in ((towards, (230, 60, 20)), (away, (20, 70, 230))):
        weight = np.clip(amount * 3, 0, 1)[..., None]
        bright = (0.55 + 0.45 * amount)[..., None] * np.array(tint, np.float32)
        picture += weight * (bright - picture)


def _furniture(out: NDArray[np.uint8], series: Series, number: int, *, boxed: bool) -> None:
    """What a scanner writes beside the picture."""
    rows, columns = out.shape[:2]
    letters(out, "DEMO", 6, 6, 14, 200)
    letters(out, series.description, rows - 22, 6, 12, 170)
    for tick in range(16):
        row = round(rows * 0.06 + tick * 10 / (_DEPTH * 1.12) * rows)
        length = 8 if tick % 5 == 0 else 4
        if row < rows:
            out[row, columns - 12 : columns - 12 + length] = 160
    bar = np.linspace(230, 10, rows // 3).astype(np.uint8)
    out[rows // 4 : rows // 4 + bar.size, 8:14] = bar[:, None, None]
    if boxed:
        top, bottom, left, right = (
            rows * 40 // 100,
            rows * 70 // 100,
            columns * 30 // 100,
            columns * 72 // 100,
        )
        for row in (top, bottom):
            out[row, left:right] = (200, 200, 60)
        for column in (left, right):
            out[top:bottom, column] = (200, 200, 60)
        letters(out, f"{number + 1:02d}/{series.frames}", 6, columns - 60, 12, 170)
