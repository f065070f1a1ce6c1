"""A knee by MR: one solid model, cut in any plane, weighted three ways."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleread.demo.cases.nouns import Series
from teleread.demo.images.draw import Floats, blur, grain, stored

__all__ = ["knee_mr"]

_TISSUES = (
    "air",
    "skin",
    "fat",
    "muscle",
    "marrow",
    "cortex",
    "cartilage",
    "meniscus",
    "fluid",
    "tendon",
    "tear",
)
_WEIGHTS: dict[str, tuple[int, ...]] = {
    "t1": (8, 420, 980, 330, 900, 45, 400, 70, 210, 60, 260),
    "pdfs": (8, 300, 170, 330, 150, 40, 640, 80, 1080, 60, 860),
    "t2": (8, 260, 700, 190, 560, 40, 380, 60, 1150, 45, 700),
}
_NUMBER = {name: index for index, name in enumerate(_TISSUES)}


class _Model:
    """Tissues at points of a plane; x to the left, y to the back, z to the head, in mm."""

    def __init__(self, x: Floats, y: Floats, z: Floats, side: float) -> None:
        self.x, self.y, self.z = x * side, y, z
        """x points away from the body on both sides."""
        self.tissue = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), np.uint8)

    def blob(self, name: str, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> None:
        """An ellipsoid."""
        u = (self.x - np.float32(centre[0])) / np.float32(radii[0])
        v = (self.y - np.float32(centre[1])) / np.float32(radii[1])
        w = (self.z - np.float32(centre[2])) / np.float32(radii[2])
        self.tissue[u * u + v * v + w * w < 1] = _NUMBER[name]

    def shaft(
        self, name: str, start: tuple[float, float, float], end: tuple[float, float, float], radius: float
    ) -> None:
        """A rod between two points."""
        axis = np.array(end, np.float32) - np.array(start, np.float32)
        length2 = float(axis @ axis)
        dx, dy, dz = self.x - start[0], self.y - start[1], self.z - start[2]
        t = np.clip((dx * axis[0] + dy * axis[1] + dz * axis[2]) / length2, 0, 1)
        gone = (dx - t * axis[0]) ** 2 + (dy - t * axis[1]) ** 2 + (dz - t * axis[2]) ** 2
        self.tissue[gone < radius * radius] = _NUMBER[name]

    def ring(self, centre: tuple[float, float], radii: tuple[float, float], low: float, high: float) -> None:
        """A meniscus: a wedge that is thick outside, open towards the middle of the knee."""
        u = (self.x - np.float32(centre[0])) / np.float32(radii[0])
        v = (self.y - np.float32(centre[1])) / np.float32(radii[1])
        away = np.sqrt(u * u + v * v)
        wedge = np.float32(high - low) * np.clip((away - 0.52) / 0.48, 0, 1)
        inner = np.sign(centre[0]) * u < -0.5
        here = (away < 1) & (away > 0.52) & (np.abs(self.z - (low + high) / 2) < wedge / 2 + 0.4) & ~inner
        self.tissue[np.broadcast_to(here, self.tissue.shape)] = _NUMBER["meniscus"]


def _build(model: _Model) -> None:
    model.shaft("skin", (0, 6, -140), (0, 2, 140), 66)
    model.shaft("fat", (0, 6, -140), (0, 2, 140), 63.5)
    for centre, radius in (((-24, 22), 21), ((22, 24), 22), ((0, -30), 20), ((-36, -4), 17), ((36, -4), 17)):
        model.shaft("muscle", (centre[0], centre[1], 38), (centre[0] * 1.1, centre[1], 140), radius)
    for centre, radius in (((-20, 30), 20), ((20, 30), 20), ((28, -2), 15)):
        model.shaft("muscle", (centre[0], centre[1], -34), (centre[0], centre[1], -140), radius)
    model.blob("fluid", (0, -27, 28), (20, 5, 22))
    model.blob("fluid", (0, 0, 2), (36, 24, 7))
    for name, grow in (("cartilage", 2.6), ("cortex", 0.0), ("marrow", -1.6)):
        _femur(model, name, grow)
    for name, grow in (("cartilage", 2.2), ("cortex", 0.0), ("marrow", -1.6)):
        _tibia(model, name, grow)
    for name, grow in (("cartilage", 2.2), ("cortex", 0.0), ("marrow", -1.5)):
        model.blob(name, (0, -41 + grow * 0.5, 20), (21 + grow * 0.2, 9.5 + grow, 21 + grow * 0.2))
    model.ring((-20, 2), (21, 22), -1.5, 4.5)
    model.ring((20, 2), (20, 20), -1.5, 4.5)
    _ligaments(model)
    # a tear through the back of the inner meniscus
    model.shaft("tear", (-25, 20, -1), (-17, 17, 4), 1.1)
    model.blob("fluid", (-30, 38, 8), (8, 6, 17))


def _femur(model: _Model, name: str, grow: float) -> None:
    if name != "cartilage":
        model.shaft(name, (0, -2, 30), (0, -6, 140), 15 + grow)
        model.blob(name, (0, -4, 32), (30 + grow, 22 + grow, 24 + grow))
    for side in (-1, 1):
        model.blob(name, (side * 20, 4, 22), (17 + grow, 28 + grow, 20 + grow))
    if name != "cartilage":
        model.blob("fluid" if name == "cortex" else "fat", (0, 22, 14), (5, 14, 16))


def _tibia(model: _Model, name: str, grow: float) -> None:
    for side in (-1, 1):
        model.blob(name, (side * 19, 2, -14), (20 + grow, 25 + grow, 13.5 + grow))
    if name != "cartilage":
        model.shaft(name, (0, 2, -22), (0, 2, -140), 15 + grow)
        model.blob(name, (0, 2, -24), (32 + grow, 23 + grow, 18 + grow))
        model.shaft(name, (31, 20, -26), (30, 20, -140), 6.5 + grow)


def _ligaments(model: _Model) -> None:
    model.shaft("tendon", (0, -42, 40), (0, -38, 140), 4.5)
    model.shaft("tendon", (0, -44, 2), (0, -30, -34), 3.2)
    model.shaft("tendon", (4, 14, 16), (-2, -10, -3), 3.4)
    model.shaft("tendon", (-4, 4, 12), (0, 22, -12), 4.0)
    model.shaft("tendon", (-42, 2, 26), (-36, 0, -36), 1.8)
    model.shaft("tendon", (42, 6, 24), (33, 18, -24), 1.8)


def knee_mr(series: Series, index: int, seed: int) -> NDArray[Any]:
    """One slice of one sequence."""
    assert series.orientation is not None, "the planes of the knee are all oriented"
    assert series.spacing is not None, "the pixels of the knee have a size"
    origin = [base + step * index for base, step in zip(series.origin, series.step, strict=True)]
    along = np.arange(series.columns, dtype=np.float32)[None, :] * np.float32(series.spacing[1])
    down = np.arange(series.rows, dtype=np.float32)[:, None] * np.float32(series.spacing[0])
    row, column = series.orientation[:3], series.orientation[3:]
    x, y, z = (
        np.asarray(
            origin[axis] + along * np.float32(row[axis]) + down * np.float32(column[axis]), dtype=np.float32
        )
        for axis in range(3)
    )
    model = _Model(x, y, z, 1.0 if series.params["side"] == "L" else -1.0)
    _build(model)
    table = np.array(_WEIGHTS[series.params["weight"]], np.float32)
    image = blur(table[model.tissue], 1)
    near = 1.12 - np.float32(0.0016) * np.hypot(along - along.mean(), down - down.mean())
    texture = 1 + grain(image.shape, 0.05, index + series.number * 31 + seed, radius=2)
    real = image * near * texture + grain(image.shape, 16, index * 3 + series.number)
    imaginary = grain(image.shape, 16, index * 5 + series.number + 7)
    return stored(np.hypot(real, imaginary))
