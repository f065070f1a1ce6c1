"""Brushes shared by the painters: soft-edged ellipses, tubes of bone, blur, grain and letters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Field", "Floats", "Plane", "blur", "grain", "letters", "random_of", "stored"]

Floats = NDArray[np.float32]


def stored(values: NDArray[Any]) -> NDArray[np.uint16]:
    """Values as 12 bit pixels."""
    return np.asarray(np.clip(np.round(values), 0, 4095), dtype=np.uint16)


def random_of(*names: int | str) -> np.random.Generator:
    """A generator that the same names always seed alike."""
    seed = [sum(ord(char) * 31**place for place, char in enumerate(str(name))) % 2**32 for name in names]
    return np.random.default_rng(seed)


def blur(image: Floats, radius: int) -> Floats:
    """Smooth by three box filters, close to a Gaussian.

    Args:
        image: Rows x columns.
        radius: Half width of the box in pixels; 0 changes nothing.
    """
    if radius <= 0:
        return image
    out = image
    for axis in (0, 1) * 3:
        out = _box(out, radius, axis)
    return out


def _box(image: Floats, radius: int, axis: int) -> Floats:
    pad = [(radius + 1, radius) if number == axis else (0, 0) for number in range(2)]
    total = np.cumsum(np.pad(image, pad, mode="edge"), axis=axis, dtype=np.float64)
    size = image.shape[axis]
    high = np.take(total, np.arange(2 * radius + 1, 2 * radius + 1 + size), axis=axis)
    low = np.take(total, np.arange(size), axis=axis)
    return ((high - low) / (2 * radius + 1)).astype(np.float32)


@lru_cache(maxsize=8)
def _noise(rows: int, columns: int, radius: int) -> Floats:
    raw = (
        np.random.default_rng(rows * 7 + columns + radius).standard_normal((rows, columns)).astype(np.float32)
    )
    smooth = blur(raw, radius)
    return np.asarray(smooth / smooth.std(), dtype=np.float32)


def grain(shape: tuple[int, int], sigma: float, key: int, radius: int = 1) -> Floats:
    """Noise of a given strength and coarseness; cheap, as it shifts one stored field by the key."""
    field = _noise(shape[0], shape[1], radius)
    shift = (key * 67 % shape[0], key * 101 % shape[1])
    flip = field if key % 2 else field[::-1]
    return np.roll(flip, shift, axis=(0, 1)) * np.float32(sigma)


def letters(image: NDArray[Any], text: str, top: int, left: int, size: int, value: int) -> None:
    """Burn letters into an image, as a lead marker does.

    Args:
        image: Rows x columns; changed in place.
        text: What to write.
        top: Row of the letters' top.
        left: Column of their left edge.
        size: Height in pixels.
        value: What their pixels become.
    """
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (size * len(text) + size, size + size // 2), 0)
    ImageDraw.Draw(page).text((0, 0), text, fill=255, font=ImageFont.load_default(size))
    mask = np.asarray(page, dtype=np.float32) / 255
    rows, columns = min(mask.shape[0], image.shape[0] - top), min(mask.shape[1], image.shape[1] - left)
    if rows <= 0 or columns <= 0:
        return
    part = image[top : top + rows, left : left + columns]
    mask = mask[:rows, :columns] if image.ndim == 2 else mask[:rows, :columns, None]
    part[...] = (part * (1 - mask) + value * mask).astype(image.dtype)


@dataclass
class Plane:
    """A slice or film with its coordinates in mm; brushes work in the box they touch only."""

    image: Floats
    """Rows x columns."""
    x: Floats
    """Column coordinates in mm."""
    y: Floats
    """Row coordinates in mm."""
    pixel: float
    """Pixel size in mm."""

    @classmethod
    def blank(cls, rows: int, columns: int, pixel: float, value: float = 0.0) -> Plane:
        """An even plane with its origin in the middle."""
        x = ((np.arange(columns) - (columns - 1) / 2) * pixel).astype(np.float32)
        y = ((np.arange(rows) - (rows - 1) / 2) * pixel).astype(np.float32)
        return cls(np.full((rows, columns), value, np.float32), x, y, pixel)

    def box(self, cx: float, cy: float, rx: float, ry: float) -> tuple[slice, slice]:
        """The part of the plane around a point."""
        x0, x1 = np.searchsorted(self.x, [cx - rx, cx + rx])
        y0, y1 = np.searchsorted(self.y, [cy - ry, cy + ry])
        return slice(int(y0), int(y1)), slice(int(x0), int(x1))

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        value: float,
        *,
        angle: float = 0.0,
        wobble: tuple[float, float] = (0.0, 0.0),
        soft: float = 1.0,
        mask: Floats | None = None,
    ) -> Floats | None:
        """Blend an ellipse in.

        Args:
            centre: x, y in mm.
            radii: Along x and y before turning, in mm.
            value: What the plane becomes inside.
            angle: Turn in degrees.
            wobble: Strength of the second-third and fourth harmonic of the outline, to look grown.
            soft: Width of the edge in pixels.
            mask: Rows x columns of 0..1 that limits it.

        Returns:
            How much of each pixel of the box touched is inside; None if nothing was touched.
        """
        if min(radii) <= 0:
            return None
        reach = max(radii) * (1.15 + sum(map(abs, wobble)))
        where = self.box(*centre, reach, reach)
        alpha = self.inside(where, centre, radii, angle=angle, wobble=wobble, soft=soft)
        if alpha.size == 0:
            return None
        if mask is not None:
            alpha = alpha * mask[where]
        part = self.image[where]
        part += alpha * (np.float32(value) - part)
        return alpha

    def inside(
        self,
        where: tuple[slice, slice],
        centre: tuple[float, float],
        radii: tuple[float, float],
        *,
        angle: float = 0.0,
        wobble: tuple[float, float] = (0.0, 0.0),
        soft: float = 1.0,
    ) -> Floats:
        """How much of each pixel of a box lies in an ellipse, 0..1."""
        dx = (self.x[where[1]] - np.float32(centre[0]))[None, :]
        dy = (self.y[where[0]] - np.float32(centre[1]))[:, None]
        if angle:
            turn = np.deg2rad(angle)
            cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
            dx, dy = dx * cos + dy * sin, dy * cos - dx * sin
        u, v = dx / np.float32(radii[0]), dy / np.float32(radii[1])
        radius2 = u * u + v * v
        radius = np.sqrt(radius2)
        edge = np.float32(1)
        if wobble[0] or wobble[1]:
            safe = np.maximum(radius2, 1e-4)
            second = (u * u - v * v) / safe
            third = (u * u * u - 3 * u * v * v) / (safe * np.maximum(radius, 1e-2))
            edge = edge + np.float32(wobble[0]) * third + np.float32(wobble[1]) * (2 * second * second - 1)
        sharp = np.float32(min(radii) / (self.pixel * max(soft, 0.1)))
        return np.asarray(np.clip((edge - radius) * sharp + np.float32(0.5), 0, 1), dtype=np.float32)

    def full_mask(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        *,
        angle: float = 0.0,
        wobble: tuple[float, float] = (0.0, 0.0),
        soft: float = 1.0,
    ) -> Floats:
        """How much of each pixel lies in an ellipse, for the whole plane."""
        everything = (slice(0, self.image.shape[0]), slice(0, self.image.shape[1]))
        return self.inside(everything, centre, radii, angle=angle, wobble=wobble, soft=soft)


@dataclass
class Field:
    """Thicknesses along the beam of a film, in mm."""

    plane: Plane
    overlap: float = 0.15
    """How much the thinner of two that overlap adds: 1 for things one behind the other, 0 for one body."""

    def _add(self, where: tuple[slice, slice], thick: Floats) -> None:
        part = self.plane.image[where]
        self.plane.image[where] = np.maximum(part, thick) + np.float32(self.overlap) * np.minimum(part, thick)

    def tube(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        radius: float,
        *,
        ends: float | None = None,
        hollow: float = 0.0,
        depth: float = 1.0,
    ) -> None:
        """Add a round bone or limb between two points.

        Args:
            start: x, y in mm.
            end: x, y in mm.
            radius: At the waist, in mm.
            ends: Radius at both ends; as the waist if None.
            hollow: How much of the middle is marrow, 0..1; 0 is solid.
            depth: Depth against width.
        """
        ends = radius if ends is None else ends
        widest = max(radius, ends) + 1
        cx, cy = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        where = self.plane.box(
            cx, cy, abs(end[0] - start[0]) / 2 + widest, abs(end[1] - start[1]) / 2 + widest
        )
        dx = (self.plane.x[where[1]] - np.float32(start[0]))[None, :]
        dy = (self.plane.y[where[0]] - np.float32(start[1]))[:, None]
        ax, ay = end[0] - start[0], end[1] - start[1]
        length2 = max(ax * ax + ay * ay, 1e-6)
        t = np.clip((dx * np.float32(ax) + dy * np.float32(ay)) / np.float32(length2), 0, 1)
        distance2 = (dx - t * np.float32(ax)) ** 2 + (dy - t * np.float32(ay)) ** 2
        flare = np.abs(2 * t - 1) ** 3
        outer = np.float32(radius) + np.float32(ends - radius) * flare
        thick = 2 * np.sqrt(np.maximum(outer * outer - distance2, 0))
        if hollow:
            inner = outer * np.float32(hollow) * (1 - np.float32(0.35) * flare)
            thick = thick - np.float32(1.6) * np.sqrt(np.maximum(inner * inner - distance2, 0))
        self._add(where, thick * np.float32(depth))

    def ball(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        depth: float,
        *,
        angle: float = 0.0,
        hollow: float = 0.0,
    ) -> None:
        """Add an ellipsoid that is ``depth`` mm thick in the middle, less its spongy inside."""
        reach = max(radii) * 1.02
        where = self.plane.box(*centre, reach, reach)
        dx = (self.plane.x[where[1]] - np.float32(centre[0]))[None, :]
        dy = (self.plane.y[where[0]] - np.float32(centre[1]))[:, None]
        turn = np.deg2rad(angle)
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        u, v = (dx * cos + dy * sin) / np.float32(radii[0]), (dy * cos - dx * sin) / np.float32(radii[1])
        inside = 1 - u * u - v * v
        thick = np.sqrt(np.maximum(inside, 0))
        if hollow:
            thick = thick - np.float32(hollow) * np.sqrt(np.maximum(inside - np.float32(0.2), 0))
        self._add(where, np.float32(depth) * thick)
