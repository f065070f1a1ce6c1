"""A plain encoder of 12-bit JPEG from given coefficients (ITU-T T.81), written apart from the decoder."""

from __future__ import annotations

import struct
from typing import Any

__all__ = ["encode_dct"]


def encode_dct(blocks: list[list[int]], rows: int, columns: int, *, scans: str) -> bytes:
    """12-bit grey JPEG of given coefficients (in coded order), quantised by one.

    Args:
        blocks: Coefficients of each block, row by row of blocks.
        rows: Height.
        columns: Width.
        scans: ``sequential``, ``spectral`` (DC, then AC in two bands) or ``successive`` (the low bit later).
    """
    progressive = scans != "sequential"
    out = bytearray(b"\xff\xd8")
    out += _segment(0xDB, bytes([0]) + b"\1" * 64)
    head = struct.pack(">BHHB", 12, rows, columns, 1) + b"\1\x11\0"
    out += _segment(0xC2 if progressive else 0xC1, head)
    out += _segment(0xC4, b"\0" + _flat_code(range(16)))
    out += _segment(0xC4, b"\x10" + _flat_code(range(256)))
    if scans == "sequential":
        out += _scan_of(blocks, 0, 63, 0, 0, _whole_blocks)
    elif scans == "spectral":
        out += _scan_of(blocks, 0, 0, 0, 0, _direct)
        out += _scan_of(blocks, 1, 5, 0, 0, _band)
        out += _scan_of(blocks, 6, 63, 0, 0, _band)
    else:
        out += _scan_of(blocks, 0, 0, 0, 1, _direct)
        out += _scan_of(blocks, 1, 63, 0, 1, _band)
        out += _scan_of(blocks, 0, 0, 1, 0, _direct_bit)
        out += _scan_of(blocks, 1, 63, 1, 0, _band_bit)
    return bytes(out) + b"\xff\xd9"


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _flat_code(symbols: range) -> bytes:
    """A code with words of one length: 5 bits for 16 symbols, 9 for 256; the one of ones stays unused."""
    length = 5 if len(symbols) == 16 else 9
    counts = bytes(len(symbols) % 256 if index == length - 1 else 0 for index in range(16))
    if len(symbols) == 256:  # a count is one byte: half of the words are longer
        counts = bytes([0] * 8 + [255, 1] + [0] * 6)
    return counts + bytes(symbols)


class _Bits:
    def __init__(self) -> None:
        self.bits: list[str] = []

    def put(self, value: int, count: int) -> None:
        if count:
            self.bits.append(format(value, f"0{count}b"))

    def direct(self, symbol: int) -> None:
        self.put(symbol, 5)

    def other(self, symbol: int) -> None:
        if symbol < 255:
            self.put(symbol, 9)
        else:
            self.put(510, 10)

    def figure(self, value: int, size: int) -> None:
        self.put(value if value > 0 else value + (1 << size) - 1, size)

    def done(self) -> bytes:
        text = "".join(self.bits)
        text += "1" * (-len(text) % 8)
        raw = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
        return raw.replace(b"\xff", b"\xff\0")


def _scan_of(blocks: list[list[int]], first: int, last: int, high: int, low: int, code: Any) -> bytes:
    bits = _Bits()
    code(bits, blocks, first, last, low)
    return _segment(0xDA, b"\1\1\0" + bytes([first, last, high << 4 | low])) + bits.done()


def _shifted(value: int, low: int) -> int:
    return value >> low if value >= 0 else -(-value >> low)


def _direct(bits: _Bits, blocks: list[list[int]], first: int, last: int, low: int) -> None:
    before = 0
    for block in blocks:
        value = block[0] >> low
        step, before = value - before, value
        bits.direct(abs(step).bit_length())
        if step:
            bits.figure(step, abs(step).bit_length())


def _direct_bit(bits: _Bits, blocks: list[list[int]], first: int, last: int, low: int) -> None:
    for block in blocks:
        bits.put(block[0] >> low & 1, 1)


def _coefficients(bits: _Bits, values: list[int]) -> None:
    run = 0
    for value in values:
        if not value:
            run += 1
            continue
        while run > 15:
            bits.other(0xF0)
            run -= 16
        size = abs(value).bit_length()
        bits.other(run << 4 | size)
        bits.figure(value, size)
        run = 0
    if run:
        bits.other(0)


def _whole_blocks(bits: _Bits, blocks: list[list[int]], first: int, last: int, low: int) -> None:
    before = 0
    for block in blocks:
        step, before = block[0] - before, block[0]
        bits.direct(abs(step).bit_length())
        if step:
            bits.figure(step, abs(step).bit_length())
        _coefficients(bits, block[1:])


def _band(bits: _Bits, blocks: list[list[int]], first: int, last: int, low: int) -> None:
    """With runs of empty blocks put together (EOBn)."""
    empty = 0

    def flush() -> None:
        nonlocal empty
        while empty:
            size = min(empty.bit_length() - 1, 14)
            bits.other(size << 4)
            bits.put(empty - (1 << size) if empty < 2 << size else (1 << size) - 1, size)
            empty -= (1 << size) + (empty - (1 << size) if empty < 2 << size else (1 << size) - 1)

    for block in blocks:
        values = [_shifted(value, low) for value in block[first : last + 1]]
        if not any(values):
            empty += 1
            continue
        flush()
        while values and not values[-1]:
            values.pop()
        _coefficients(bits, values)
        if len(values) < last + 1 - first:
            empty += 1
    flush()


def _band_bit(bits: _Bits, blocks: list[list[int]], first: int, last: int, low: int) -> None:
    """One more bit of each coefficient, block by block (T.81 G.1.2.3)."""
    for block in blocks:
        _refined(bits, block[first : last + 1], low)


def _refined(bits: _Bits, values: list[int], low: int) -> None:
    known = [abs(value) >> (low + 1) > 0 for value in values]
    new = {place for place, value in enumerate(values) if not known[place] and abs(value) >> low & 1}
    at = run = 0
    held: list[int] = []
    for place in range(max(new, default=-1) + 1):
        if known[place]:
            held.append(abs(values[place]) >> low & 1)
            continue
        run += place not in new
        if place not in new and run < 16:
            continue
        bits.other(0xF0 if place not in new else run << 4 | 1)
        bits.put(int(values[place] > 0), int(place in new))
        for bit in held:
            bits.put(bit, 1)
        held, run, at = [], 0, place + 1
    if at < len(values):
        bits.other(0)
        for place in range(at, len(values)):
            bits.put(abs(values[place]) >> low & 1, int(known[place]))
