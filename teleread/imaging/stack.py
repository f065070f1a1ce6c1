"""The order of a series, and what the vectors say about left, right, head and feet (PS3.3 C.7.6.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

__all__ = [
    "Placed",
    "largest_series",
    "middle",
    "normal",
    "orientation_letters",
    "plane",
    "sort_instances",
    "turned_orientation",
]

Vector = tuple[float, float, float]
Orientation = tuple[float, float, float, float, float, float]


class Placed(Protocol):
    """What sorting needs of an instance; `teleread.model.study.InstanceInfo` has it."""

    @property
    def sop_uid(self) -> str:
        """SOP Instance UID."""
        ...

    @property
    def instance_number(self) -> int | None:
        """Instance Number."""
        ...

    @property
    def position(self) -> Vector | None:
        """Image Position (Patient), mm."""
        ...

    @property
    def orientation(self) -> Orientation | None:
        """Image Orientation (Patient)."""
        ...


P = TypeVar("P", bound=Placed)


def normal(orientation: Orientation) -> Vector:
    """The normal of a plane: row direction times column direction; (0, 0, 0) where they are parallel."""
    a, b, c, d, e, f = orientation
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    length = (x * x + y * y + z * z) ** 0.5
    return (x / length, y / length, z / length) if length > 1e-6 else (0.0, 0.0, 0.0)


def reading_direction(orientation: Orientation) -> Vector:
    """The normal, turned the way a series is read: head to feet, front to back, right to left.

    Numbering differs between scanners; the direction a radiologist scrolls does not.
    """
    x, y, z = normal(orientation)
    axis = max(range(3), key=lambda index: abs((x, y, z)[index]))
    towards = (x, y, -z)[axis]  # patient coordinates grow to the left, to the back and to the head
    return (x, y, z) if towards >= 0 else (-x, -y, -z)


def sort_instances(instances: Iterable[P]) -> list[P]:
    """Sort a series by position along the normal, then by instance number.

    Planes of different orientation (localisers, reformats) stay apart, the one with the lowest instance
    number first; instances without position follow by instance number.
    """
    groups: list[tuple[Orientation, list[P]]] = []
    loose: list[P] = []
    for instance in sorted(instances, key=_by_number):
        orientation = instance.orientation
        if instance.position is None or orientation is None or not any(normal(orientation)):
            loose.append(instance)
            continue
        for known, members in groups:
            if _alike(known, orientation):
                members.append(instance)
                break
        else:
            groups.append((orientation, [instance]))
    ordered: list[P] = []
    for orientation, members in groups:
        direction = reading_direction(orientation)
        members.sort(key=lambda instance: _along(instance.position, direction))  # stable: numbers break ties
        ordered += members
    return ordered + loose


def _by_number(instance: Placed) -> tuple[bool, int, str]:
    number = instance.instance_number
    return number is None, number or 0, instance.sop_uid


def _alike(one: Orientation, other: Orientation) -> bool:
    """The same plane within about half a degree."""
    return all(abs(a - b) < 0.01 for a, b in zip(one, other, strict=True))


def _along(position: Vector | None, direction: Vector) -> float:
    """Distance along a direction, rounded to a micrometre so that equal places are equal."""
    assert position is not None
    return round(sum(a * b for a, b in zip(position, direction, strict=True)), 3)


_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))
"""Letter of growing and of falling coordinates along x, y and z (PS3.3 C.7.6.1.1.1)."""


def _letter(direction: Vector) -> str:
    """One or two letters for a direction, the main one first; a second from 20 degrees of tilt on."""
    parts = sorted(range(3), key=lambda index: -abs(direction[index]))
    out = ""
    for index in parts:
        share = direction[index]
        if abs(share) > (0.34 if out else 0.0) and len(out) < 2:
            out += _LETTERS[index][0 if share > 0 else 1]
    return out


def orientation_letters(orientation: Orientation | None) -> tuple[str, str, str, str]:
    """Letters for the left, right, top and bottom edge of a picture; empty where unknown.

    Args:
        orientation: Image Orientation (Patient).
    """
    if orientation is None or not any(normal(orientation)):
        return "", "", "", ""
    a, b, c, d, e, f = orientation
    return _letter((-a, -b, -c)), _letter((a, b, c)), _letter((-d, -e, -f)), _letter((d, e, f))


def turned_orientation(orientation: Orientation | None, rotation: int, flip: bool) -> Orientation | None:
    """The vectors of a picture that was turned clockwise and then mirrored left to right.

    Args:
        orientation: Image Orientation (Patient).
        rotation: Degrees: 0, 90, 180 or 270.
        flip: Mirrored.
    """
    if orientation is None:
        return None
    row, column = orientation[:3], orientation[3:]
    for _ in range(rotation // 90 % 4):  # what went up goes right now, what went right goes down
        row, column = (-column[0], -column[1], -column[2]), row
    if flip:
        row = (-row[0], -row[1], -row[2])
    return (*row, *column)


def plane(orientation: Orientation | None) -> str:
    """``Ax``, ``Cor`` or ``Sag``; empty where unknown."""
    if orientation is None or not any(normal(orientation)):
        return ""
    parts = [abs(part) for part in normal(orientation)]
    return ("Sag", "Cor", "Ax")[parts.index(max(parts))]


S = TypeVar("S")


def middle(ordered: Sequence[S]) -> S | None:
    """The middle one; None of nothing."""
    return ordered[len(ordered) // 2] if ordered else None


def largest_series(series: Iterable[Sequence[S]]) -> Sequence[S]:
    """The series with most instances, the first of equals; empty for none."""
    return max(series, key=len, default=())
