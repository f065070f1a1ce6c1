"""Overlay planes, groups 6000 to 601E (PS3.3 C.9.2). Runs in the decode child."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .elements import Elements
from .header import Shape
from .part10 import Part10

__all__ = ["overlay_mask"]


def overlay_mask(part: Part10, shape: Shape, number: int) -> NDArray[np.bool_] | None:
    """Where any overlay of one frame is set; None where there is none that can be read.

    Args:
        part: The scanned object.
        shape: Its checked shape.
        number: Which frame, from 1.
    """
    mask: NDArray[np.bool_] | None = None
    for group in range(0x6000, 0x6020, 2):
        base = group << 16
        if base | 0x0010 not in part.elements:
            continue
        plane = _plane(part, shape, base, number)
        if plane is not None:
            mask = plane if mask is None else mask | plane
    return mask if mask is not None and mask.any() else None


def _plane(part: Part10, shape: Shape, base: int, number: int) -> NDArray[np.bool_] | None:
    header = part.elements
    if base | 0x3000 not in header:
        return _embedded(part, shape, header.whole(base | 0x0102), number)
    rows, columns = header.whole(base | 0x0010), header.whole(base | 0x0011)
    frames = max(1, header.whole(base | 0x0015, 1))
    index = number - max(1, header.whole(base | 0x0051, 1))
    if frames == 1 and shape.frames > 1 and base | 0x0015 not in header:
        index = 0
    if rows <= 0 or columns <= 0 or not 0 <= index < frames:
        return None
    bits = _bits(header, base, index * rows * columns, rows * columns)
    return None if bits is None else _placed(bits.reshape(rows, columns), header, base, shape)


def _bits(header: Elements, base: int, first: int, count: int) -> NDArray[np.bool_] | None:
    """Bits are packed across rows, the least significant first; a frame may begin inside a byte."""
    raw = header.raw(base | 0x3000)
    begin, end = first // 8, -(-(first + count) // 8)
    if end > len(raw):
        return None
    if header.big:
        swapped = np.frombuffer(raw, ">u2", len(raw) // 2).astype("<u2")
        raw = memoryview(swapped.tobytes())
    unpacked = np.unpackbits(np.frombuffer(raw[begin:end], np.uint8), bitorder="little")
    return unpacked[first % 8 : first % 8 + count].astype(np.bool_)


def _placed(plane: NDArray[np.bool_], header: Elements, base: int, shape: Shape) -> NDArray[np.bool_] | None:
    """Cut and shift a plane to the picture; its origin counts from 1 and may be negative."""
    origin = [int(value) for value in header.numbers(base | 0x0050)]
    top, left = (origin[0] - 1, origin[1] - 1) if len(origin) >= 2 else (0, 0)
    mask = np.zeros((shape.rows, shape.columns), np.bool_)
    source = plane[max(0, -top) :, max(0, -left) :]
    place = mask[max(0, top) :, max(0, left) :]
    height, width = min(source.shape[0], place.shape[0]), min(source.shape[1], place.shape[1])
    if height <= 0 or width <= 0:
        return None
    place[:height, :width] = source[:height, :width]
    return mask


def _embedded(part: Part10, shape: Shape, bit: int, number: int) -> NDArray[np.bool_] | None:
    """An overlay in an unused bit of the pixels (retired, still met in old archives)."""
    pixel = part.pixel
    if pixel is None or part.encapsulated or shape.allocated != 16 or shape.samples != 1:
        return None
    if not shape.stored <= bit < 16 or shape.high_bit != shape.stored - 1:
        return None
    count = shape.rows * shape.columns
    value = part.elements.data[pixel.offset : pixel.offset + pixel.length]
    if len(value) < 2 * count * number:
        return None
    stored = np.frombuffer(value, ">u2" if part.elements.big else "<u2", count, 2 * count * (number - 1))
    return ((stored >> bit) & 1).astype(np.bool_).reshape(shape.rows, shape.columns)
