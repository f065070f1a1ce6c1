"""A stack as a volume: axial, coronal and sagittal views, and slabs (maximum, mean, minimum).

The volume is one block of 16-bit values under a size limit; it lies in anonymous memory of its own, so that
`Volume.close` gives it back to the system at once. Views come out as frames and go through the same display
pipeline as any other picture.
"""

from __future__ import annotations

import contextlib
import itertools
import mmap
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from teleread.model.errors import AttentionError
from teleread.model.text import SafeText, clean

from .frames import CannotShow, Frame, Pixels
from .planes import dot
from .stack import Orientation, Vector, normal

if TYPE_CHECKING:
    from .decode import DecodePool

__all__ = ["MAX_BYTES", "PLANES", "SLABS", "Volume", "build_volume", "frames_ahead"]

MAX_BYTES: Final = 400 * 1024 * 1024
"""Most bytes of a volume; a larger stack is taken at half the resolution in the plane, and says so."""
PLANES: Final = ("axial", "coronal", "sagittal")
SLABS: Final = ("max", "mean", "min")

_DIRECTIONS: Final[dict[str, tuple[int, Vector, Vector]]] = {
    "axial": (2, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "coronal": (1, (1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal": (0, (0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
}
"""Patient axis a plane is cut across, and where its rows and columns point: as films hang on a light box."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A stack in one block."""

    values: NDArray[np.int16]
    """Slices x rows x columns."""
    frame: Frame
    """The first slice, for windows and words; its pixels are not kept."""
    origin: Vector
    """Patient place of the first value, mm."""
    directions: tuple[Vector, Vector, Vector]
    """Of growing slice, row and column, unit length."""
    spacing: tuple[float, float, float]
    """Millimetres between slices, rows, columns."""
    axes: tuple[int, int, int]
    """Index of the volume's axis that runs along the patient's x, y and z."""
    slope: float
    intercept: float
    halved: bool
    """Taken at half the resolution."""
    warning: SafeText
    """What to know: uneven gaps, a tilted gantry, half the resolution; empty for nothing."""
    _memory: mmap.mmap

    def close(self) -> None:
        """Give the memory back; the volume must not be used after that."""
        object.__setattr__(self, "values", np.zeros((0, 0, 0), np.int16))
        with contextlib.suppress(BufferError):  # a view is still drawn: it goes with the view
            self._memory.close()

    def count(self, plane: str) -> int:
        """Cuts there are in a plane.

        Args:
            plane: One of `PLANES`.
        """
        return int(self.values.shape[self.axes[_DIRECTIONS[plane][0]]])

    def step(self, plane: str) -> float:
        """Millimetres from a cut to the next."""
        return self.spacing[self.axes[_DIRECTIONS[plane][0]]]

    def cut(self, plane: str, index: int, *, slab: float = 0.0, how: str = "max") -> Frame:
        """One view as a frame.

        Args:
            plane: One of `PLANES`.
            index: Which cut, from 0: from feet to head, front to back, right to left.
            slab: Millimetres of thickness put together; 0 takes a single cut.
            how: One of `SLABS`.
        """
        across, row_way, column_way = _DIRECTIONS[plane]
        axis = self.axes[across]
        first, last = self._range(plane, index, slab)
        part = np.moveaxis(self.values[_slice(axis, self._turned(axis, across, first, last))], axis, 0)
        flat = _together(part, how) if last - first > 1 else part[0]
        left = [other for other in range(3) if other != axis]
        row_axis, column_axis = self.axes[_main(column_way)], self.axes[_main(row_way)]
        if left != [row_axis, column_axis]:
            flat = flat.T
        turn_rows = dot(self.directions[row_axis], column_way) < 0
        turn_columns = dot(self.directions[column_axis], row_way) < 0
        flat = flat[:: -1 if turn_rows else 1, :: -1 if turn_columns else 1]
        return self._framed(plane, np.ascontiguousarray(flat), index, first, last, row_axis, column_axis)

    def _range(self, plane: str, index: int, slab: float) -> tuple[int, int]:
        count = self.count(plane)
        index = max(0, min(index, count - 1))
        many = max(1, round(slab / self.step(plane))) if slab > 0 else 1
        first = max(0, min(index - (many - 1) // 2, count - many))
        return first, min(count, first + many)

    def _turned(self, axis: int, across: int, first: int, last: int) -> slice:
        """Cuts are counted along the patient's axis, values along the volume's."""
        if self.directions[axis][across] >= 0:
            return slice(first, last)
        count = self.values.shape[axis]
        return slice(count - last, count - first)

    def _framed(
        self, plane: str, pixels: Pixels, index: int, first: int, last: int, row_axis: int, column_axis: int
    ) -> Frame:
        across, row_way, column_way = _DIRECTIONS[plane]
        axis = self.axes[across]
        rows, columns = pixels.shape
        spacing = self.spacing[row_axis], self.spacing[column_axis]
        along_row = _signed(self.directions[column_axis], row_way)
        along_column = _signed(self.directions[row_axis], column_way)
        corner = list(self.origin)
        middle = (first + last - 1) / 2
        for number, direction in enumerate(self.directions):
            steps = self._steps(number, axis, across, middle, row_axis, row_way, column_way)
            corner = [a + b * steps * self.spacing[number] for a, b in zip(corner, direction, strict=True)]
        orientation: Orientation = (*along_row, *along_column)
        return replace(
            self.frame,
            pixels=pixels,
            rows=rows,
            columns=columns,
            frames=self.count(plane),
            number=index + 1,
            pixel_spacing=spacing,
            spacing_kind=clean("PixelSpacing"),
            aspect=spacing[0] / spacing[1],
            position=(corner[0], corner[1], corner[2]),
            orientation=orientation,
            thickness=(last - first) * self.step(plane),
            instance_number=None,
            padding=None,
            overlays=None,
            shutter=None,
        )

    def _steps(
        self,
        number: int,
        axis: int,
        across: int,
        middle: float,
        row_axis: int,
        row_way: Vector,
        column_way: Vector,
    ) -> float:
        """Steps along one axis of the volume to the first pixel of a cut."""
        most = self.values.shape[number] - 1
        if number == axis:
            return middle if self.directions[axis][across] >= 0 else most - middle
        way = column_way if number == row_axis else row_way
        return 0.0 if dot(self.directions[number], way) >= 0 else float(most)


def _main(way: Vector) -> int:
    return max(range(3), key=lambda axis: abs(way[axis]))


def _signed(direction: Vector, way: Vector) -> Vector:
    return direction if dot(direction, way) >= 0 else (-direction[0], -direction[1], -direction[2])


def _slice(axis: int, part: slice) -> tuple[slice, ...]:
    return tuple(part if number == axis else slice(None) for number in range(3))


def _together(part: NDArray[np.int16], how: str) -> NDArray[np.int16]:
    """A slab as one layer; the mean is rounded."""
    if how == "mean":
        total = part.sum(axis=0, dtype=np.int32)
        mean: NDArray[np.int16] = np.rint(total / part.shape[0]).astype(np.int16)
        return mean
    out: NDArray[np.int16] = part.max(axis=0) if how == "max" else part.min(axis=0)
    return out


def frames_ahead(
    pool: DecodePool, objects: Iterable[bytes], *, together: int = 16, timeout: float = 10.0
) -> Iterator[Frame]:
    """Frames of a stack for `build_volume`, several asked for with one question.

    Args:
        pool: Decode children.
        objects: Part 10 bytes of its images, in order; brought one by one as they are needed.
        together: How many are asked for at once.
        timeout: Seconds for each question.

    Raises:
        AttentionError: One of them can't be decoded; in words.
    """
    waiting = iter(objects)
    while some := list(itertools.islice(waiting, together)):
        for found in pool.decode_many(some, timeout=timeout):
            if isinstance(found, CannotShow):
                raise _refused(str(found.reason))
            yield found


def build_volume(frames: Iterable[Frame], count: int) -> Volume:
    """Put a stack together.

    Args:
        frames: Its frames in the order of their places, of one size and one plane; they are read one by one,
            so that no more than one is held besides the volume.
        count: How many there are.

    Raises:
        AttentionError: They are no stack; in words.
    """
    first: Frame | None = None
    memory: mmap.mmap | None = None
    values: NDArray[np.int16] | None = None
    places: list[Vector] = []
    halve, scale, shift = False, 1.0, 0.0
    for index, frame in enumerate(frames):
        if first is None:
            first = _checked(frame, count)
            halve = 2 * frame.rows * frame.columns * count > MAX_BYTES
            rows, columns = frame.rows // (1 + halve), frame.columns // (1 + halve)
            if 2 * rows * columns * count > MAX_BYTES:
                raise _refused("It is larger than is held in memory.")
            memory = _room(2 * rows * columns * count)
            values = np.frombuffer(memory, np.int16).reshape(count, rows, columns)
            scale, shift = frame.slope, frame.intercept
        assert values is not None
        _alike(first, frame, index, count)
        layer = _fitted(frame, scale, shift, halve)
        while _too_wide(layer):  # PET: later slices may have wider steps
            values[:index] >>= 1
            scale *= 2
            layer = _fitted(frame, scale, shift, halve)
        values[index] = layer
        assert frame.position is not None
        places.append(frame.position)
    if first is None or values is None or memory is None or len(places) < count:
        raise _refused("Some of its images are not here.")
    return _assembled(first, values, memory, places, halve, scale, shift)


def _room(size: int) -> mmap.mmap:
    """Memory of its own; in large pages where there are such: far fewer have to be fetched."""
    memory = mmap.mmap(-1, size)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _too_wide(layer: Pixels) -> bool:
    """Whether some of its values do not fit into 16 bits with a sign."""
    if np.can_cast(layer.dtype, np.int16):
        return False
    return int(layer.max()) > 32767 or int(layer.min()) < -32768


def _refused(why: str) -> AttentionError:
    return AttentionError("This series can't be cut another way.", why, code="no-volume")


def _checked(frame: Frame, count: int) -> Frame:
    if count < 3:
        raise _refused("It has fewer than three images.")
    if frame.is_colour or frame.position is None or frame.orientation is None or frame.pixel_spacing is None:
        raise _refused("Its images do not say where they lie in the patient, or they are in colour.")
    if not any(normal(frame.orientation)) or frame.modality_lut is not None:
        raise _refused("Its images do not say where they lie in the patient.")
    return frame


def _alike(first: Frame, frame: Frame, index: int, count: int) -> None:
    if index >= count or (frame.rows, frame.columns) != (first.rows, first.columns) or frame.is_colour:
        raise _refused("Its images differ in size.")
    if frame.position is None or frame.orientation is None or first.orientation is None:
        raise _refused("Its images do not say where they lie in the patient.")
    if any(abs(a - b) > 0.01 for a, b in zip(frame.orientation, first.orientation, strict=True)):
        raise _refused("Its images lie in different planes.")


def _fitted(frame: Frame, scale: float, shift: float, halve: bool) -> Pixels:
    pixels = frame.pixels
    if halve:
        even = pixels[: frame.rows // 2 * 2, : frame.columns // 2 * 2]
        blocks = even.reshape(frame.rows // 2, 2, frame.columns // 2, 2)
        pixels = np.rint(blocks.mean(axis=(1, 3))).astype(pixels.dtype)
    if (frame.slope, frame.intercept) == (scale, shift):
        kept: Pixels = pixels
        return kept
    values = (pixels.astype(np.float32) * frame.slope + (frame.intercept - shift)) / scale
    wide: Pixels = np.clip(np.rint(values), -(1 << 30), 1 << 30).astype(np.int32)
    return wide


def _assembled(
    first: Frame,
    values: NDArray[np.int16],
    memory: mmap.mmap,
    places: Sequence[Vector],
    halve: bool,
    scale: float,
    shift: float,
) -> Volume:
    assert first.orientation is not None
    assert first.pixel_spacing is not None
    away = normal(first.orientation)
    heights = [dot(place, away) for place in places]
    steps = [b - a for a, b in itertools.pairwise(heights)]
    mean = (heights[-1] - heights[0]) / (len(heights) - 1)
    if abs(mean) < 1e-3 or any(step * mean <= 0 for step in steps):
        memory_of = values  # nothing may point into it when it is closed
        del values, memory_of
        raise _refused("Several of its images lie in one place.")
    sign = 1.0 if mean > 0 else -1.0
    across = (away[0] * sign, away[1] * sign, away[2] * sign)
    row, column = first.orientation[3:], first.orientation[:3]
    directions = (across, row, column)
    down, right = first.pixel_spacing
    grown = 2.0 if halve else 1.0
    spacing = (abs(mean), down * grown, right * grown)
    kept = replace(
        first, pixels=np.zeros((1, 1), np.int16), slope=scale, intercept=shift, signed=True, bits_stored=16
    )
    return Volume(
        values,
        kept,
        places[0],
        directions,
        spacing,
        _axes(directions),
        scale,
        shift,
        halve,
        clean("; ".join(_warnings(steps, mean, places, away, halve))),
        memory,
    )


def _axes(directions: tuple[Vector, Vector, Vector]) -> tuple[int, int, int]:
    """Which axis of the volume runs along each of the patient's, each used once, the clearest first."""
    order = sorted(
        ((abs(directions[axis][way]), axis, way) for axis in range(3) for way in range(3)), reverse=True
    )
    found: dict[int, int] = {}
    for _, axis, way in order:
        if way not in found and axis not in found.values():
            found[way] = axis
    return found[0], found[1], found[2]


def _warnings(
    steps: Sequence[float], mean: float, places: Sequence[Vector], away: Vector, halve: bool
) -> list[str]:
    words = []
    if max(abs(step - mean) for step in steps) > max(0.1, 0.1 * abs(mean)):
        words.append("gaps between images are uneven")
    whole = [b - a for a, b in zip(places[0], places[-1], strict=True)]
    length = dot(whole, whole) ** 0.5
    if abs(dot(whole, away)) < 0.995 * length:
        words.append("the gantry was tilted: other planes lean")
    if halve:
        words.append("at half the resolution")
    return words
