"""12-bit JPEG with the cosine transform (ITU-T T.81: extended sequential, and progressive), numpy alone.

The common libjpeg stops at 8 bits, and no package under a licence the core accepts goes further, so old CT
and CR archives would stay dark. Grey pictures, Huffman coding; walking the codes is a tight loop over
looked-up words, the transform works on all blocks at once. Runs in the decode child.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from teleread.model.errors import TelereadError

from .jpeg_stream import TAIL, bits_ahead, entropy_data, next_marker, spread_codes, stretches, unstuffed
from .part10 import cannot

__all__ = ["decode"]

_FRAMES: Final = {0xC0: False, 0xC1: False, 0xC2: True}
"""Start of frame to whether it is progressive; all by Huffman codes."""
_BLOCK: Final = 64
_STRIDE: Final = 4096
"""Blocks transformed at a time."""

_ZIGZAG: Final = (
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
)  # fmt: skip
"""Place in a block of each coefficient in coded order (T.81 figure A.6)."""

Codes = list[int]
"""By the next 16 bits: length of the code, and its symbol shifted left by 8; 0 where no code fits."""


@dataclass(slots=True)
class _Picture:
    progressive: bool = False
    precision: int = 0
    across: int = 0
    """Blocks in a row."""
    down: int = 0
    """Rows of blocks."""
    quantiser: int = 0
    restart: int = 0
    coefficients: array[int] = field(default_factory=lambda: array("i"))
    """Of all blocks, 64 each, in coded order."""


@dataclass(frozen=True, slots=True)
class _Scan:
    """Spectral selection and successive approximation (T.81 G.1.1.1), and the tables chosen."""

    direct: Codes
    alternating: Codes
    first: int
    last: int
    high: int
    low: int


def decode(stream: bytes, rows: int, columns: int) -> NDArray[np.uint16]:
    """Decode one grey frame.

    Args:
        stream: A JPEG stream of one frame.
        rows: As the header says; the stream must agree.
        columns: As the header says.

    Returns:
        Samples, rows x columns.

    Raises:
        TelereadError: The stream is another kind of JPEG, damaged or ends early.
    """
    picture = _Picture()
    quantisers: dict[int, NDArray[np.float64]] = {}
    codes: dict[int, Codes] = {}
    at, scans = 2, 0
    while True:
        try:
            marker, at = next_marker(stream, at)
        except TelereadError:
            if scans and picture.progressive:
                break  # the picture may end after any scan
            raise
        (length,) = struct.unpack_from(">H", stream, at)
        body = stream[at + 2 : at + length]
        at += length
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            _frame(picture, marker, body, rows, columns)
        elif marker == 0xDA:
            data, at = entropy_data(stream, at)
            _run(picture, _chosen(body, codes, picture), data)
            scans += 1
            if not picture.progressive:
                break
        else:
            _tables(marker, body, quantisers, codes, picture)
    if picture.quantiser not in quantisers:
        raise cannot("The JPEG picture is damaged: a table is missing.")
    return _samples(picture, quantisers[picture.quantiser])[:rows, :columns]


def _frame(picture: _Picture, marker: int, body: bytes, rows: int, columns: int) -> None:
    if marker not in _FRAMES:
        raise cannot("This kind of JPEG is not decoded here.", "no-codec")
    precision, high, wide, components = struct.unpack_from(">BHHB", body)
    if components != 1:
        raise cannot("JPEG pictures of 12 bits in colour are not decoded here.", "no-codec")
    if (high, wide) != (rows, columns) or picture.coefficients:
        raise cannot("The JPEG picture has another shape than the header says.")
    picture.progressive, picture.precision = _FRAMES[marker], precision
    picture.down, picture.across = -(-rows // 8), -(-columns // 8)
    picture.quantiser = body[8]
    picture.coefficients = array("i", bytes(4 * _BLOCK * picture.down * picture.across))


def _tables(
    marker: int,
    body: bytes,
    quantisers: dict[int, NDArray[np.float64]],
    codes: dict[int, Codes],
    picture: _Picture,
) -> None:
    at = 0
    while marker == 0xDB and at < len(body):  # T.81 B.2.4.1
        wide = body[at] >> 4
        size = 128 if wide else 64
        values = np.frombuffer(body, ">u2" if wide else np.uint8, 64, at + 1)
        quantisers[body[at] & 15] = values.astype(np.float64)
        at += 1 + size
    while marker == 0xC4 and at + 17 <= len(body):  # T.81 B.2.4.2
        counts = body[at + 1 : at + 17]
        symbols = body[at + 17 : at + 17 + sum(counts)]
        lengths, values8 = spread_codes(counts, symbols, 255)
        codes[body[at]] = (lengths.astype(np.int64) | values8.astype(np.int64) << 8).tolist()
        at += 17 + sum(counts)
    if marker == 0xDD:
        (picture.restart,) = struct.unpack_from(">H", body)


def _chosen(body: bytes, codes: dict[int, Codes], picture: _Picture) -> _Scan:
    if not picture.coefficients or body[0] != 1:
        raise cannot("The JPEG picture is damaged.")
    direct, alternating = body[2] >> 4, body[2] & 15
    first, last, bits = body[3:6]
    none: Codes = [0] * 65536
    if not picture.progressive:
        first, last, bits = 0, 63, 0
    if not first <= last <= 63 or (picture.progressive and first == 0 and last):
        raise cannot("The JPEG picture is damaged.")
    return _Scan(
        codes.get(direct, none), codes.get(16 | alternating, none), first, last, bits >> 4, bits & 15
    )


def _run(picture: _Picture, scan: _Scan, data: NDArray[np.uint8]) -> None:
    """Read one scan, stretch by stretch."""
    blocks = picture.across * picture.down
    pieces = stretches(data) if picture.restart else [data]
    interval = picture.restart or blocks
    pair = (_direct, _direct_again) if scan.first == 0 else (_first, _again)
    reader = pair[bool(scan.high)] if picture.progressive else _sequential
    for index, begin in enumerate(range(0, blocks, interval)):
        if index >= len(pieces):
            raise cannot(f"The JPEG picture ends after {100 * begin // blocks} %.", "truncated")
        stretch = unstuffed(pieces[index])
        end = min(begin + interval, blocks)
        try:
            at = reader(picture.coefficients, scan, begin, end, bits_ahead(stretch).tolist())
        except IndexError as error:
            raise cannot("The JPEG picture ends early.", "truncated") from error
        except OverflowError as error:
            raise cannot("The JPEG picture is damaged.") from error
        if at > 8 * (len(stretch) - TAIL) + 7:
            raise cannot("The JPEG picture ends early.", "truncated")


def _damaged() -> TelereadError:
    return cannot("The JPEG picture is damaged: a code fits no table.")


def _sequential(out: array[int], scan: _Scan, begin: int, end: int, ahead: Codes) -> int:
    """Blocks coded whole (T.81 F.2.2); returns the bit behind the last."""
    direct, alternating = scan.direct, scan.alternating
    at = level = 0
    for base in range(begin * _BLOCK, end * _BLOCK, _BLOCK):
        at, step = _difference(direct, at, ahead)
        level += step
        out[base] = level
        place = 1
        while place < _BLOCK:
            entry = alternating[(ahead[at >> 3] >> (16 - (at & 7))) & 0xFFFF]
            if not entry:
                raise _damaged()
            at += entry & 255
            size = (entry >> 8) & 15
            place += entry >> 12
            if size:
                value = ((ahead[at >> 3] << (at & 7)) & 0xFFFFFFFF) >> (32 - size)
                at += size
                if not value >> (size - 1):
                    value -= (1 << size) - 1
                if place >= _BLOCK:
                    raise _damaged()
                out[base + place] = value
            elif entry >> 12 != 15:
                break  # end of block
            place += 1
    return at


def _difference(direct: Codes, at: int, ahead: Codes) -> tuple[int, int]:
    """One difference of the first coefficient (T.81 F.2.2.1): the next bit, and its value."""
    entry = direct[(ahead[at >> 3] >> (16 - (at & 7))) & 0xFFFF]
    size = entry >> 8
    if not entry or size > 15:
        raise _damaged()
    at += entry & 255
    if not size:
        return at, 0
    value = ((ahead[at >> 3] << (at & 7)) & 0xFFFFFFFF) >> (32 - size)
    return at + size, value if value >> (size - 1) else value - (1 << size) + 1


def _direct(out: array[int], scan: _Scan, begin: int, end: int, ahead: Codes) -> int:
    at = level = 0
    for base in range(begin * _BLOCK, end * _BLOCK, _BLOCK):
        at, step = _difference(scan.direct, at, ahead)
        level += step
        out[base] = level << scan.low
    return at


def _direct_again(out: array[int], scan: _Scan, begin: int, end: int, ahead: Codes) -> int:
    """One more bit of each first coefficient (T.81 G.1.2.1)."""
    bit = 1 << scan.low
    for at, base in enumerate(range(begin * _BLOCK, end * _BLOCK, _BLOCK)):
        if (ahead[at >> 3] << (at & 7)) & 0x80000000:
            out[base] |= bit
    return end - begin


def _first(out: array[int], scan: _Scan, begin: int, end: int, ahead: Codes) -> int:
    """A band of the other coefficients, its upper bits (T.81 G.1.2.2)."""
    codes, low = scan.alternating, scan.low
    at = skipped = 0
    for base in range(begin * _BLOCK, end * _BLOCK, _BLOCK):
        if skipped:
            skipped -= 1
            continue
        place = scan.first
        while place <= scan.last:
            entry = codes[(ahead[at >> 3] >> (16 - (at & 7))) & 0xFFFF]
            if not entry:
                raise _damaged()
            at += entry & 255
            size, run = (entry >> 8) & 15, entry >> 12
            if size:
                place += run
                if place > scan.last:
                    raise _damaged()
                value = ((ahead[at >> 3] << (at & 7)) & 0xFFFFFFFF) >> (32 - size)
                at += size
                out[base + place] = (value if value >> (size - 1) else value - (1 << size) + 1) << low
                place += 1
            elif run == 15:
                place += 16
            else:
                at, skipped = _end_of_band(run, at, ahead)
                break
    return at


def _end_of_band(run: int, at: int, ahead: Codes) -> tuple[int, int]:
    """How many blocks follow without a coefficient in this band."""
    if not run:
        return at, 0
    more = ((ahead[at >> 3] << (at & 7)) & 0xFFFFFFFF) >> (32 - run)
    return at + run, (1 << run) - 1 + more


def _again(out: array[int], scan: _Scan, begin: int, end: int, ahead: Codes) -> int:
    """One more bit of each coefficient of a band (T.81 G.1.2.3)."""
    codes, bit = scan.alternating, 1 << scan.low
    at = skipped = 0
    for base in range(begin * _BLOCK, end * _BLOCK, _BLOCK):
        place = base + scan.first
        stop = base + scan.last + 1
        while not skipped and place < stop:
            entry = codes[(ahead[at >> 3] >> (16 - (at & 7))) & 0xFFFF]
            if not entry:
                raise _damaged()
            at += entry & 255
            size, run, new = (entry >> 8) & 15, entry >> 12, 0
            if size:
                new = bit if (ahead[at >> 3] << (at & 7)) & 0x80000000 else -bit
                at += 1
            elif run < 15:
                at, skipped = _end_of_band(run, at, ahead)
                skipped += 1
                break
            at, place = _refined(out, place, stop, run, bit, at, ahead)
            if new and place < stop:
                out[place] = new
            place += 1
        if skipped:
            at, _ = _refined(out, place, stop, _BLOCK, bit, at, ahead)
            skipped -= 1
    return at


def _refined(
    out: array[int], place: int, stop: int, zeros: int, bit: int, at: int, ahead: Codes
) -> tuple[int, int]:
    """Give every coefficient met its next bit, until one zero more than ``zeros`` is met or the band ends."""
    while place < stop:
        value = out[place]
        if value:
            if (ahead[at >> 3] << (at & 7)) & 0x80000000 and not abs(value) & bit:
                out[place] = value + bit if value > 0 else value - bit
            at += 1
        elif not zeros:
            break
        else:
            zeros -= 1
        place += 1
    return at, place


def _samples(picture: _Picture, quantiser: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Undo the quantising and the transform (T.81 A.3.3, A.3.4)."""
    blocks = np.frombuffer(picture.coefficients, np.int32).reshape(-1, _BLOCK)
    basis, order = _basis(), np.array(_ZIGZAG)
    level, top = 1 << (picture.precision - 1), (1 << picture.precision) - 1
    out = np.empty((picture.down, 8, picture.across, 8), np.uint16)
    flat = out.transpose(0, 2, 1, 3)
    for begin in range(0, picture.down, max(1, _STRIDE // picture.across)):
        end = min(picture.down, begin + max(1, _STRIDE // picture.across))
        some = blocks[begin * picture.across : end * picture.across]
        plain = np.zeros((len(some), _BLOCK))
        plain[:, order] = some * quantiser
        square = basis.T @ plain.reshape(-1, 8, 8) @ basis
        values = np.clip(np.rint(square) + level, 0, top).astype(np.uint16)
        flat[begin:end] = values.reshape(end - begin, picture.across, 8, 8)
    return out.reshape(picture.down * 8, picture.across * 8)


def _basis() -> NDArray[np.float64]:
    """The cosines, frequency by place."""
    frequency, place = np.arange(8)[:, None], np.arange(8)[None, :]
    cosines: NDArray[np.float64] = np.cos((2 * place + 1) * frequency * np.pi / 16) / 2
    cosines[0] /= np.sqrt(2)
    return cosines
