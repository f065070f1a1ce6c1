"""Palette colour to RGB (PS3.3 C.7.6.3.1.5, C.7.9.2), plain and segmented. Runs in the decode child."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .elements import Elements
from .frames import Pixels
from .part10 import cannot

__all__ = ["apply"]

_MOST_ENTRIES: Final = 65536
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


def apply(header: Elements, pixels: Pixels) -> NDArray[np.uint8]:
    """Colour palette indices.

    Args:
        header: The data set with the palette.
        pixels: Indices, rows x columns.

    Returns:
        RGB, rows x columns x 3.

    Raises:
        TelereadError: The palette is missing or damaged.
    """
    channels = [_channel(header, number, pixels) for number in range(3)]
    return np.ascontiguousarray(np.stack(channels, axis=-1))


def _channel(header: Elements, number: int, pixels: Pixels) -> NDArray[np.uint8]:
    descriptor = [int(value) for value in header.numbers(0x00281101 + number, vr="US")]
    if len(descriptor) < 3:
        raise cannot("The picture's palette is missing.")
    count, first, bits = descriptor[0] or _MOST_ENTRIES, descriptor[1], descriptor[2]
    if np.issubdtype(pixels.dtype, np.signedinteger) and first > 32767:
        first -= 65536
    entries = _entries(header, number, count)
    if len(entries) < count:
        raise cannot("The picture's palette is damaged.")
    if bits > 8 and entries.max(initial=0) > 255:
        entries = np.right_shift(
            entries, 8, dtype=np.uint16
        )  # some writers keep 8-bit values in 16-bit entries
    index = np.clip(pixels.astype(np.int32) - first, 0, count - 1)
    return np.minimum(entries, 255).astype(np.uint8)[index]


def _entries(header: Elements, number: int, count: int) -> NDArray[np.uint16]:
    dtype = ">u2" if header.big else "<u2"
    raw = header.raw(0x00281201 + number)
    if len(raw) >= 2 * count:
        return np.frombuffer(raw, dtype, count).astype(np.uint16)
    if len(raw) >= count:
        return np.frombuffer(raw, np.uint8, count).astype(np.uint16)
    segments = header.raw(0x00281221 + number)
    words = np.frombuffer(segments, dtype, len(segments) // 2)
    return np.array(_expanded([int(word) for word in words[:_MOST_ENTRIES]]), np.uint16)


def _expanded(words: list[int]) -> list[int]:
    """Expand a segmented palette (PS3.3 C.7.9.2); damage ends it early."""
    out: list[int] = []
    at = 0
    while at + 1 < len(words) and len(out) < _MOST_ENTRIES:
        if words[at] == _INDIRECT:
            if at + 3 >= len(words):
                break
            copied = words[at + 2] | words[at + 3] << 16
            _segments(words, copied, words[at + 1], out)
            at += 4
            continue
        after = _segment(words, at, out)
        if after <= at:
            break
        at = after
    return out[:_MOST_ENTRIES]


def _segments(words: list[int], at: int, number: int, out: list[int]) -> None:
    for _ in range(number):
        after = _segment(words, at, out) if at + 1 < len(words) else at
        if after <= at or len(out) >= _MOST_ENTRIES:
            return
        at = after


def _segment(words: list[int], at: int, out: list[int]) -> int:
    """Expand one discrete or linear segment; returns where the next begins, or ``at`` for damage."""
    kind, length = words[at], words[at + 1]
    if kind == _DISCRETE:
        out += words[at + 2 : at + 2 + length]
        return at + 2 + length
    if kind != _LINEAR or at + 2 >= len(words) or not out:
        return at
    start, end = out[-1], words[at + 2]
    out += [start + round((end - start) * (step + 1) / length) for step in range(length)]
    return at + 3
