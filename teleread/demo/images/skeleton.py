"""Bones of the demo's limbs, in mm about the middle of the film; x to the image's right, y down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

__all__ = ["LIMBS", "Bone"]

Point = tuple[float, float]


@dataclass(frozen=True)
class Bone:
    """A tube between two points, or a ball where there is no end."""

    start: Point
    end: Point | None
    radius: float
    """Waist of a tube, or a ball's radius along x; mm."""
    ends: float | None = None
    """Radius at a tube's ends, or a ball's radius along y."""
    hollow: float = 0.72
    depth: float = 1.0
    angle: float = 0.0
    kind: str = "bone"


def _flesh(start: Point, end: Point, radius: float, depth: float = 0.8) -> Bone:
    return Bone(start, end, radius, None, 0.0, depth, kind="soft")


def _chain(points: list[Point], radii: list[float]) -> list[Bone]:
    """Tubular bones in a row with a joint space between them."""
    out = []
    for (start, end), radius in zip(pairwise(points), radii, strict=True):
        gap = 0.045
        a = (start[0] + (end[0] - start[0]) * gap, start[1] + (end[1] - start[1]) * gap)
        b = (end[0] - (end[0] - start[0]) * gap, end[1] - (end[1] - start[1]) * gap)
        out.append(Bone(a, b, radius, radius * 1.5))
    return out


_FINGERS: dict[str, list[Point]] = {
    "index": [(-13, 18), (-20, -16), (-26, -42), (-29, -59), (-31, -70)],
    "middle": [(-3, 16), (-5, -20), (-6, -50), (-6, -68), (-6, -79)],
    "ring": [(6, 18), (10, -15), (14, -43), (16, -60), (17, -71)],
    "little": [(14, 22), (23, -8), (30, -30), (33, -44), (35, -53)],
}
_THUMB: list[Point] = [(-22, 30), (-40, 8), (-50, -12), (-56, -25)]
_CARPALS = (
    ((-17, 40), 7.5, 5.5, 30.0),
    ((-5, 44), 6.5, 5.5, 0.0),
    ((6, 42), 5.5, 5.0, 0.0),
    ((9, 39), 3.5, 3.5, 0.0),
    ((-19, 31), 5.0, 5.0, 0.0),
    ((-11, 28), 4.5, 5.5, 0.0),
    ((-2, 30), 6.0, 9.0, 0.0),
    ((9, 30), 6.0, 6.0, 20.0),
)


def _hand(params: Mapping[str, Any]) -> list[Bone]:
    lean = 0.82 if params["view"] == "OBL" else 1.0

    def at(point: Point) -> Point:
        return (point[0] * lean + (1 - lean) * point[1] * 0.4, point[1])

    bones: list[Bone] = []
    for name, points in _FINGERS.items():
        placed = [at(point) for point in points]
        bones += [_flesh(placed[0], placed[1], 11), _flesh(placed[1], placed[-1], 8.5)]
        radii = [3.6, 3.1, 2.7, 2.2]
        if name == "little" and params.get("broken"):
            placed = _bent(placed)
            bones += [Bone(placed[1], None, 5.4, 4.6, depth=0.9)]
        bones += _chain(placed, radii)
    thumb = [at(point) for point in _THUMB]
    bones += [_flesh(thumb[0], thumb[-1], 10), *_chain(thumb, [4.2, 3.7, 3.0])]
    bones += [_flesh(at((-12, 30)), at((8, 32)), 24, 0.9)]
    bones += [Bone(at(centre), None, rx, ry, depth=0.9, angle=angle) for centre, rx, ry, angle in _CARPALS]
    bones += _forearm(at, 54.0)
    return bones


def _bent(points: list[Point]) -> list[Point]:
    """The head of the metacarpal tilts towards the palm: a boxer's fracture."""
    head = (points[1][0] + 4.0, points[1][1] + 5.0)
    shift = (head[0] - points[1][0], head[1] - points[1][1])
    return [points[0], head, *((x + shift[0], y + shift[1]) for x, y in points[2:])]


def _forearm(at: Callable[[Point], Point], top: float) -> list[Bone]:
    return [
        Bone(at((-12, top)), at((-9, top + 60)), 6.5, 12.0),
        Bone(at((10, top - 1)), at((9, top + 60)), 5.0, 7.0),
        _flesh(at((-2, top)), at((0, top + 60)), 25, 0.9),
    ]


def _wrist(params: Mapping[str, Any]) -> list[Bone]:
    if params["view"] == "LAT":
        return _wrist_from_the_side(params)
    grow, down = 1.45, -28.0

    def at(point: Point) -> Point:
        return (point[0] * grow, point[1] * grow + down)

    bones = [_flesh(at((-3, 10)), at((-1, 44)), 38, 0.75)]
    for points in (*_FINGERS.values(), _THUMB):
        near, far = at(points[0]), at(points[1])
        bones.append(Bone(near, far, 5.2, 8.0))
    bones += [
        Bone(at(centre), None, rx * grow, ry * grow, depth=0.8, angle=angle)
        for centre, rx, ry, angle in _CARPALS
    ]
    top = 52.0
    if params.get("broken"):
        bones += [
            Bone(at((-13, top + 1)), None, 17.0, 11.0, depth=0.75, angle=-16),
            Bone(at((-16, top + 6)), None, 9.0, 9.0, depth=0.9),
            Bone(at((-9, top + 11)), at((-8, top + 70)), 9.0, 13.0),
        ]
    else:
        bones.append(Bone(at((-12, top)), at((-9, top + 70)), 9.0, 16.0))
    bones += [
        Bone(at((10, top - 1)), at((9, top + 70)), 7.0, 9.5),
        _flesh(at((-2, top)), at((0, top + 70)), 34, 0.75),
    ]
    return bones


def _wrist_from_the_side(params: Mapping[str, Any]) -> list[Bone]:
    tilt = 9.0 if params.get("broken") else 0.0
    return [
        _flesh((0, -70), (0, 90), 27, 0.9),
        Bone((-2, -70), (-4 - tilt, -22), 7.0, 9.0),
        Bone((6, -70), (2 - tilt, -22), 6.0, 8.0),
        Bone((-3 - tilt, -12), None, 10, 9, depth=1.0),
        Bone((-1 - tilt, 2), None, 9, 10, depth=1.0, angle=20),
        Bone((1 - tilt * 0.8, 14), (3, 32), 12.0, 15.0, hollow=0.8),
        Bone((3, 34), (4, 110), 9.0, 11.0),
        Bone((-4, 14), (-5, 110), 7.0, 8.0, depth=0.8),
    ]


def _knee(params: Mapping[str, Any]) -> list[Bone]:
    worn = bool(params.get("worn"))
    if params["view"] == "LAT":
        return _knee_from_the_side(worn)
    gap = 1.2 if worn else 3.2
    bones = [
        _flesh((0, -90), (0, 90), 48, 0.62),
        Bone((2, -100), (0, -26), 14.0, 26.0),
        Bone((-16, -13), None, 16, 15, depth=0.9),
        Bone((16, -13), None, 16, 15, depth=0.9),
        Bone((0, -20), None, 20, 13, depth=0.5),
        Bone((-16, 9), None, 18, 7 + (3.2 - gap), depth=0.8),
        Bone((16, 9), None, 18, 7, depth=0.8),
        Bone((0, 13), None, 30, 9, depth=0.45),
        Bone((0, 16), (1, 100), 14.0, 24.0),
        Bone((-29, 26), (-23, 100), 5.0, 9.0),
        Bone((3, -24), None, 19, 20, depth=0.32),
        Bone((-4, 2), None, 2.5, 5, depth=1.0),
        Bone((4, 2), None, 2.5, 5, depth=1.0),
    ]
    if worn:
        bones += [Bone((34, 4), None, 3.5, 2.5, depth=1.4), Bone((33, -4), None, 3, 2.5, depth=1.4)]
        bones += [Bone((-34, 5), None, 2.5, 2, depth=1.4)]
    return bones


def _knee_from_the_side(worn: bool) -> list[Bone]:
    bones = [
        _flesh((4, -90), (8, 0), 46, 0.65),
        _flesh((8, 0), (10, 100), 40, 0.65),
        Bone((-4, -100), (2, -28), 13.0, 19.0),
        Bone((4, -14), None, 24, 18, depth=0.8),
        Bone((12, -8), None, 18, 15, depth=0.5),
        Bone((-33, -22), None, 8, 17, depth=1.3, angle=12),
        Bone((8, 11), None, 25, 8, depth=0.8),
        Bone((6, 14), (6, 100), 13.0, 21.0),
        Bone((24, 26), (20, 100), 5.0, 8.0),
        Bone((-12, 26), None, 7, 9, depth=0.7),
    ]
    if worn:
        bones.append(Bone((-34, -40), None, 2.5, 4, depth=1.6, angle=30))
    return bones


def _ankle(params: Mapping[str, Any]) -> list[Bone]:
    if params["view"] == "LAT":
        return [
            _flesh((6, -90), (6, 20), 32, 0.7),
            _flesh((10, 34), (-72, 50), 26, 0.7),
            Bone((0, -100), (2, -8), 12.0, 18.0),
            Bone((14, -100), (12, 8), 6.0, 9.0, depth=0.8),
            Bone((2, 12), None, 24, 12, depth=1.0, angle=-8),
            Bone((24, 34), None, 26, 15, depth=0.9, angle=24),
            Bone((-26, 24), None, 10, 12, depth=0.9),
            Bone((-26, 42), None, 12, 9, depth=0.9),
            Bone((-42, 30), None, 9, 10, depth=0.9, angle=-14),
            Bone((-50, 34), (-92, 58), 5.0, 8.0),
            Bone((-46, 46), (-86, 66), 4.5, 7.0),
        ]
    return [
        _flesh((0, -90), (0, 0), 36, 0.72),
        _flesh((0, 0), (0, 70), 40, 0.6),
        Bone((6, -100), (4, -10), 12.0, 22.0),
        Bone((24, -14), (26, 8), 8.0, 8.0, hollow=0.8),
        Bone((-26, -100), (-28, 12), 6.0, 9.0),
        Bone((0, 14), None, 20, 11, depth=1.0),
        Bone((-2, 42), None, 23, 20, depth=0.7),
        Bone((-8, 70), None, 26, 16, depth=0.5),
    ]


def _shoulder(params: Mapping[str, Any]) -> list[Bone]:
    ribs = [
        Bone((42 + 4 * number, 0 + 20 * number), (120, -26 + 20 * number), 4.0, 4.5, hollow=0.6, depth=0.8)
        for number in range(5)
    ]
    return [
        _flesh((-60, 90), (-44, -20), 42, 0.85),
        _flesh((-40, -20), (90, -30), 46, 0.8),
        _flesh((60, 20), (70, 110), 60, 0.5),
        Bone((-44, 110), (-30, 6), 13.0, 19.0),
        Bone((-22, -10), None, 25, 24, depth=0.95),
        Bone((-46, -2), None, 9, 14, depth=0.9, angle=-20),
        Bone((12, 4), None, 9, 21, depth=1.1, angle=10),
        Bone((14, -6), (50, 76), 5.0, 4.0, hollow=0.3, depth=0.9),
        Bone((32, 12), None, 24, 36, depth=0.16, angle=24),
        Bone((4, -30), None, 8, 10, depth=0.9, angle=40),
        Bone((-36, -42), (-4, -48), 6.0, 7.0),
        Bone((-2, -48), (92, -66), 6.0, 8.0),
        *ribs,
    ]


LIMBS: dict[str, Callable[[Mapping[str, Any]], list[Bone]]] = {
    "hand": _hand,
    "wrist": _wrist,
    "knee": _knee,
    "ankle": _ankle,
    "shoulder": _shoulder,
}
"""A right limb by name, for the view and findings in its parameters."""
