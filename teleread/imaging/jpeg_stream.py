"""What every kind of JPEG shares (ITU-T T.81): markers, code tables, and bits looked up ahead.

Runs in the decode child.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .part10 import cannot

__all__ = ["TAIL", "bits_ahead", "entropy_data", "next_marker", "spread_codes", "stretches", "unstuffed"]

TAIL: Final = 8
"""Zero bytes put behind a stretch of codes, so that looking ahead stays inside it."""


def next_marker(stream: bytes, at: int) -> tuple[int, int]:
    """The next marker that has a segment, and where that begins.

    Raises:
        TelereadError: There is none.
    """
    while at + 4 <= len(stream):
        if stream[at] == 0xFF and stream[at + 1] not in (0x00, 0xFF):
            if stream[at + 1] == 0xD9:
                break
            return stream[at + 1], at + 2
        at += 1
    raise cannot("The JPEG picture ends early.", "truncated")


def spread_codes(counts: bytes, symbols: bytes, largest: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Length and symbol of the code that each 16-bit word begins with (T.81 annex C); length 0 for none.

    Args:
        counts: How many codes there are of each length from 1 to 16.
        symbols: Their symbols in order.
        largest: Highest symbol allowed.

    Raises:
        TelereadError: They do not make a code.
    """
    lengths, values = np.zeros(65536, np.uint8), np.zeros(65536, np.uint8)
    code, index = 0, 0
    for length, count in enumerate(counts, start=1):
        for symbol in symbols[index : index + count]:
            first, last = code << (16 - length), (code + 1) << (16 - length)
            if last > 65536 or symbol > largest:
                raise cannot("The JPEG picture's code table is damaged.")
            lengths[first:last] = length
            values[first:last] = symbol
            code += 1
        index += count
        code <<= 1
    return lengths, values


def entropy_data(stream: bytes, at: int) -> tuple[NDArray[np.uint8], int]:
    """The bytes up to the next marker that is no restart, and where that stands."""
    if at + 2 > len(stream):
        raise cannot("The JPEG picture ends early.", "truncated")
    data = np.frombuffer(stream, np.uint8, offset=at)
    marks = np.flatnonzero(data[:-1] == 0xFF)
    behind = data[marks + 1]
    ends = marks[(behind != 0) & (behind != 0xFF) & ((behind < 0xD0) | (behind > 0xD7))]
    end = int(ends[0]) if len(ends) else len(data)
    return data[:end], at + end


def stretches(data: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Cut entropy-coded bytes at their restart markers."""
    marks = np.flatnonzero(data[:-1] == 0xFF)
    restarts = marks[(data[marks + 1] >= 0xD0) & (data[marks + 1] <= 0xD7)]
    edges = [0, *(int(mark) + 2 for mark in restarts), len(data) + 2]
    return [data[begin : end - 2] for begin, end in itertools.pairwise(edges)]


def unstuffed(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Drop the zero that follows each FF, and put `TAIL` zeros at the end."""
    keep = np.ones(len(data), np.bool_)
    keep[1:] = ~((data[1:] == 0) & (data[:-1] == 0xFF))
    return np.concatenate((data[keep], np.zeros(TAIL, np.uint8)))


def bits_ahead(data: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The 32 bits that begin at each byte."""
    wide = np.zeros(len(data) - 3, np.uint32)
    for first in range(4):
        wide <<= np.uint32(8)
        wide |= data[first : len(wide) + first]
    return wide
