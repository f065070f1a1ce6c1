"""A plain encoder of JPEG Lossless (ITU-T T.81, process 14), written apart from the decoder it tests."""

from __future__ import annotations

import struct

_SYMBOLS = range(17)
"""Every size has a code of five bits: wasteful, and as plain as can be."""


class _Bits:
    def __init__(self) -> None:
        self.out = bytearray()
        self.held, self.count = 0, 0

    def put(self, value: int, bits: int) -> None:
        for bit in range(bits - 1, -1, -1):
            self.held = self.held << 1 | value >> bit & 1
            self.count += 1
            if self.count == 8:
                self._byte()

    def _byte(self) -> None:
        self.out.append(self.held)
        if self.held == 0xFF:
            self.out.append(0)
        self.held, self.count = 0, 0

    def end(self) -> None:
        while self.count:
            self.put(1, 1)


def _guess(plane: list[list[int]], row: int, column: int, predictor: int, start: int, first: int) -> int:
    if row == first:
        return plane[row][column - 1] if column else start
    above = plane[row - 1][column]
    if column == 0:
        return above
    left, corner = plane[row][column - 1], plane[row - 1][column - 1]
    return (
        left,
        above,
        corner,
        left + above - corner,
        left + ((above - corner) >> 1),
        above + ((left - corner) >> 1),
        (left + above) >> 1,
    )[predictor - 1]


def _difference(bits: _Bits, value: int) -> None:
    value &= 0xFFFF
    if value == 32768:
        bits.put(16, 5)
        return
    if value > 32768:
        value -= 65536
    size = abs(value).bit_length()
    bits.put(size, 5)
    bits.put(value if value >= 0 else value + (1 << size) - 1, size)


def encode(planes: list[list[list[int]]], precision: int, predictor: int, restart_rows: int = 0) -> bytes:
    """Encode one plane, or three interleaved, with an interval of whole rows where asked."""
    rows, columns, count = len(planes[0]), len(planes[0][0]), len(planes)
    counts = bytes([0, 0, 0, 0, len(_SYMBOLS), *[0] * 11])
    frame = struct.pack(">BHHB", precision, rows, columns, count)
    frame += b"".join(bytes([number + 1, 0x11, 0]) for number in range(count))
    scan = bytes([count]) + b"".join(bytes([number + 1, 0]) for number in range(count))
    parts = [b"\xff\xd8", _segment(0xC3, frame), _segment(0xC4, b"\0" + counts + bytes(_SYMBOLS))]
    if restart_rows:
        parts.append(_segment(0xDD, struct.pack(">H", restart_rows * columns)))
    parts.append(_segment(0xDA, scan + bytes([predictor, 0, 0])))
    height = restart_rows or rows
    for number, first in enumerate(range(0, rows, height)):
        bits = _Bits()
        for row in range(first, min(rows, first + height)):
            for column in range(columns):
                for plane in planes:
                    guess = _guess(plane, row, column, predictor, 1 << (precision - 1), first)
                    _difference(bits, plane[row][column] - guess)
        bits.end()
        if number:
            parts.append(bytes([0xFF, 0xD0 + (number - 1) % 8]))
        parts.append(bytes(bits.out))
    return b"".join([*parts, b"\xff\xd9"])


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
