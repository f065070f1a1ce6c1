"""A series cut another way: a volume's planes and slabs as a stack of frames."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .pictures import Shot

if TYPE_CHECKING:
    from teleread.imaging.frames import Frame
    from teleread.imaging.stack import Orientation, Vector
    from teleread.imaging.volume import Volume

__all__ = ["SLABS", "Cuts", "Slab", "build", "own_plane", "planes_after"]

KEPT: Final = 16
"""Cuts kept beside the volume."""
_NAMES: Final = {"Ax": "axial", "Cor": "coronal", "Sag": "sagittal"}


@dataclass(frozen=True, slots=True)
class Slab:
    """How thick a cut is, and what is made of it."""

    mm: float = 0.0
    """0: a single cut."""
    how: str = "max"
    """max, mean or min."""

    @property
    def words(self) -> str:
        """As the heading says it."""
        name = {"max": "MIP", "mean": "mean", "min": "MinIP"}[self.how]
        return f"{name} {self.mm:g} mm" if self.mm else ""


SLABS: Final = (Slab(), Slab(10.0), Slab(30.0), Slab(5.0, "mean"), Slab(10.0, "mean"), Slab(10.0, "min"))
"""What one key goes through."""


class Cuts:
    """A stack of cuts of a volume in one plane.

    Args:
        volume: The volume; it is not closed here.
        plane: One of `teleread.imaging.volume.PLANES`.
        shots: Its images as taken: each cut stands for the nearest of them.
        slab: How thick.
    """

    def __init__(self, volume: Volume, plane: str, shots: Sequence[Shot], slab: Slab) -> None:
        self._volume, self.plane, self.slab = volume, plane, slab
        count = volume.count(plane)
        one = shots[len(shots) // 2].instance
        self.shots = [Shot(one, index + 1, f"{plane} {slab.words}".strip()) for index in range(count)]
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        self._ends: tuple[Frame, Frame] | None = None

    def get(self, shot: Shot) -> Frame | None:
        """The cut; head to feet, front to back, right to left, as series are scrolled."""
        index = shot.frame - 1
        frame = self._kept.get(index)
        if frame is None:
            frame = self._cut(index)
            self._kept[index] = frame
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return frame

    def _cut(self, index: int) -> Frame:
        place = len(self.shots) - 1 - index if self.plane == "axial" else index
        return self._volume.cut(self.plane, place, slab=self.slab.mm, how=self.slab.how)

    def places(self) -> list[tuple[Vector, Orientation] | None]:
        """Where the cuts lie: evenly between the first and the last."""
        first, last, count = self._cut(0), self._cut(len(self.shots) - 1), len(self.shots)
        if first.position is None or last.position is None or first.orientation is None:
            return [None] * count
        found: list[tuple[Vector, Orientation] | None] = []
        for index in range(count):
            share = index / (count - 1) if count > 1 else 0.0
            x, y, z = (a + (b - a) * share for a, b in zip(first.position, last.position, strict=True))
            found.append(((x, y, z), first.orientation))
        return found


def own_plane(shots: Sequence[Shot]) -> str:
    """The plane a series was taken in; empty where it does not say."""
    from teleread.imaging.stack import plane

    return _NAMES.get(plane(shots[len(shots) // 2].instance.orientation), "") if shots else ""


def planes_after(own: str, now: str) -> str:
    """The plane that comes next; empty for as taken."""
    from teleread.imaging.volume import PLANES

    order = ["", *(one for one in PLANES if one != own)]
    return order[(order.index(now) + 1) % len(order)] if now in order else ""


def build(pool: Any, shots: Sequence[Shot], read: Callable[[str], bytes]) -> Volume:
    """Put a series together; for a thread of its own.

    Args:
        pool: The decode children.
        shots: Its images, in their order.
        read: Reads one instance's bytes.

    Raises:
        AttentionError: It is no stack; in words.
    """
    from teleread.imaging.volume import build_volume, frames_ahead

    objects = (read(one.instance.sop_uid) for one in shots)
    return build_volume(frames_ahead(pool, objects), len(shots))
