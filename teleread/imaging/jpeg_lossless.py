"""JPEG Lossless (ITU-T T.81, process 14) with numpy alone, for what a plain installation meets most.

No codec under a licence the core accepts decodes it. Huffman decoding is a chain, each code telling where the
next begins; so the step from every bit of the stream is looked up at once, the chain is walked in one tight
loop, and everything else works on whole arrays. Runs in the decode child.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .part10 import cannot

__all__ = ["decode"]

_LOSSLESS_FRAME: Final = 0xC3
_WHOLE_SCAN: Final = 1 << 31
_TAIL: Final = 8
"""Zero bytes put behind a stretch of codes, so that looking ahead stays inside it."""

Words = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class _Table:
    """A Huffman table by the next 16 bits of the stream."""

    steps: NDArray[np.uint8]
    """Bits of the code and of the difference behind it; 0 where no code fits."""
    lengths: NDArray[np.uint8]
    """Bits of the code."""
    sizes: NDArray[np.uint8]
    """Bits of the difference (SSSS)."""


@dataclass(slots=True)
class _Picture:
    rows: int = 0
    columns: int = 0
    precision: int = 0
    components: tuple[int, ...] = ()
    restart: int = 0


def decode(stream: bytes, rows: int, columns: int, samples: int) -> Words:
    """Decode one frame.

    Args:
        stream: A JPEG stream of one frame.
        rows: As the header says; the stream must agree.
        columns: As the header says.
        samples: As the header says.

    Returns:
        Unsigned samples, rows x columns, or rows x columns x samples where there are several.

    Raises:
        TelereadError: The stream is no lossless JPEG, damaged or ends early.
    """
    picture, tables, at = _Picture(), dict[int, _Table](), 2
    planes: dict[int, Words] = {}
    while len(planes) < samples:
        marker, at = _next_marker(stream, at)
        (length,) = struct.unpack_from(">H", stream, at)
        body = stream[at + 2 : at + length]
        at += length
        if marker == _LOSSLESS_FRAME:
            picture = _frame(body, picture.restart)
            if (picture.rows, picture.columns, len(picture.components)) != (rows, columns, samples):
                raise cannot("The JPEG picture has another shape than the header says.")
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            raise cannot("This kind of JPEG is not decoded here.", "no-codec")
        elif marker == 0xC4:
            tables |= _huffman_tables(body)
        elif marker == 0xDD:
            (picture.restart,) = struct.unpack_from(">H", body)
        elif marker == 0xDA:
            data, at = _entropy_data(stream, at)
            planes |= _scan(data, body, picture, tables)
    ordered = [planes[component] for component in picture.components]
    return ordered[0] if samples == 1 else np.ascontiguousarray(np.stack(ordered, axis=-1))


def _next_marker(stream: bytes, at: int) -> tuple[int, int]:
    while at + 4 <= len(stream):
        if stream[at] == 0xFF and stream[at + 1] not in (0x00, 0xFF):
            if stream[at + 1] == 0xD9:
                break
            return stream[at + 1], at + 2
        at += 1
    raise cannot("The JPEG picture ends early.", "truncated")


def _frame(body: bytes, restart: int) -> _Picture:
    precision, rows, columns, count = struct.unpack_from(">BHHB", body)
    components = tuple(body[6 + 3 * index] for index in range(count))
    if any(body[7 + 3 * index] != 0x11 for index in range(count)) or len(set(components)) != count:
        raise cannot("The JPEG picture has subsampled colours, which lossless pictures have not.")
    return _Picture(rows, columns, precision, components, restart)


def _huffman_tables(body: bytes) -> dict[int, _Table]:
    tables: dict[int, _Table] = {}
    at = 0
    while at + 17 <= len(body):
        number = body[at] & 0x0F
        counts = body[at + 1 : at + 17]
        symbols = body[at + 17 : at + 17 + sum(counts)]
        tables[number] = _table(counts, symbols)
        at += 17 + sum(counts)
    return tables


def _table(counts: bytes, symbols: bytes) -> _Table:
    """Spread each code over every 16-bit word it begins (T.81 annex C)."""
    steps, lengths, sizes = (np.zeros(65536, np.uint8) for _ in range(3))
    code, index = 0, 0
    for length, count in enumerate(counts, start=1):
        for symbol in symbols[index : index + count]:
            first, last = code << (16 - length), (code + 1) << (16 - length)
            if last > 65536 or symbol > 16:
                raise cannot("The JPEG picture's code table is damaged.")
            lengths[first:last] = length
            sizes[first:last] = symbol
            steps[first:last] = length + (symbol if symbol < 16 else 0)
            code += 1
        index += count
        code <<= 1
    return _Table(steps, lengths, sizes)


def _entropy_data(stream: bytes, at: int) -> tuple[NDArray[np.uint8], int]:
    """The bytes up to the next marker that is no restart."""
    data = np.frombuffer(stream, np.uint8, offset=at)
    marks = np.flatnonzero(data[:-1] == 0xFF)
    behind = data[marks + 1]
    ends = marks[(behind != 0) & (behind != 0xFF) & ((behind < 0xD0) | (behind > 0xD7))]
    end = int(ends[0]) if len(ends) else len(data)
    return data[:end], at + end


def _scan(
    data: NDArray[np.uint8], body: bytes, picture: _Picture, tables: dict[int, _Table]
) -> dict[int, Words]:
    count = body[0]
    chosen = [(body[1 + 2 * index], body[2 + 2 * index] >> 4) for index in range(count)]
    predictor, shift = body[1 + 2 * count], body[3 + 2 * count] & 0x0F
    if not picture.rows or any(table not in tables for _, table in chosen) or not 1 <= predictor <= 7:
        raise cannot("The JPEG picture is damaged.")
    interval = picture.restart or _WHOLE_SCAN
    if picture.restart and picture.restart % picture.columns:
        raise cannot("The JPEG picture restarts inside a row, which is not decoded here.", "no-codec")
    lines = min(picture.rows, interval // picture.columns)
    stretches = _stretches(data) if picture.restart else [data]
    used = [tables[table] for _, table in chosen]
    parts: list[list[Words]] = [[] for _ in chosen]
    for begin in range(0, picture.rows, lines):
        height = min(lines, picture.rows - begin)
        if begin // lines >= len(stretches):
            raise cannot(f"The JPEG picture ends after {100 * begin // picture.rows} %.", "truncated")
        stretch = _unstuffed(stretches[begin // lines])
        differences = _differences(stretch, used, height * picture.columns)
        for index, flat in enumerate(differences):
            plane = flat.reshape(height, picture.columns)
            samples = _predicted(plane, predictor, 1 << (picture.precision - shift - 1))
            parts[index].append(np.left_shift(samples, shift, dtype=np.uint16))
    return {component: np.concatenate(parts[index]) for index, (component, _) in enumerate(chosen)}


def _stretches(data: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    marks = np.flatnonzero(data[:-1] == 0xFF)
    restarts = marks[(data[marks + 1] >= 0xD0) & (data[marks + 1] <= 0xD7)]
    edges = [0, *(int(mark) + 2 for mark in restarts), len(data) + 2]
    return [data[begin : end - 2] for begin, end in itertools.pairwise(edges)]


def _unstuffed(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Drop the zero that follows each FF, and put zeros at the end."""
    keep = np.ones(len(data), np.bool_)
    keep[1:] = ~((data[1:] == 0) & (data[:-1] == 0xFF))
    return np.concatenate((data[keep], np.zeros(_TAIL, np.uint8)))


def _differences(data: NDArray[np.uint8], tables: list[_Table], count: int) -> list[Words]:
    """Differences of each component, modulo 65536."""
    ahead = _ahead(data)
    begins = _chain([_steps(ahead, table) for table in _once(tables)], tables, count * len(tables))
    limit = 8 * (len(data) - _TAIL)
    ends_at = int(np.searchsorted(begins, limit))
    if ends_at < len(begins):
        raise cannot(f"The JPEG picture ends after {100 * ends_at // len(begins)} %.", "truncated")
    return [_read(ahead, begins[index :: len(tables)], table, limit) for index, table in enumerate(tables)]


def _once(tables: list[_Table]) -> list[_Table]:
    return tables if len({id(table) for table in tables}) > 1 else tables[:1]


def _ahead(data: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The 32 bits that begin at each byte."""
    wide = np.zeros(len(data) - 3, np.uint32)
    for first in range(4):
        wide <<= np.uint32(8)
        wide |= data[first : len(wide) + first]
    return wide


def _steps(ahead: NDArray[np.uint32], table: _Table) -> bytes:
    """Bits from each bit of the stream to the next code, were a code to begin there."""
    steps = np.empty((len(ahead), 8), np.uint8)
    for bit in range(8):
        np.take(table.steps, (ahead >> (16 - bit)).astype(np.uint16), out=steps[:, bit])
    return steps.tobytes()


def _chain(steps: list[bytes], tables: list[_Table], count: int) -> NDArray[np.int64]:
    """Where each code begins."""
    begins = np.zeros(count, np.int64)
    found: list[int] = []
    at = 0
    try:
        if len(steps) == 1:
            step = steps[0]
            for _ in range(count):
                found.append(at)
                at += step[at]
        else:
            for _ in range(count // len(tables)):
                for step in steps:
                    found.append(at)
                    at += step[at]
    except IndexError as error:
        share = 100 * len(found) // count
        raise cannot(f"The JPEG picture ends after {share} %.", "truncated") from error
    begins[:] = found
    return begins


def _read(ahead: NDArray[np.uint32], begins: NDArray[np.int64], table: _Table, limit: int) -> Words:
    """The differences at these places (T.81 annex F.1.2.1 and H.1.2.2)."""
    words = (ahead[begins >> 3] >> (16 - (begins & 7)).astype(np.uint32)).astype(np.uint16)
    sizes = table.sizes[words].astype(np.int64)
    lengths = table.lengths[words]
    if not lengths.all():
        raise cannot("The JPEG picture is damaged: a code fits no table.")
    places = begins + lengths
    bits = np.where(sizes < 16, sizes, 0)
    if int(places[-1] + bits[-1]) > limit:
        raise cannot("The JPEG picture ends after 99 %.", "truncated")
    window = ahead[places >> 3].astype(np.int64) << (places & 7) & 0xFFFFFFFF
    value = np.where(bits > 0, window >> (32 - bits), 0)
    negative = (bits > 0) & (value < (1 << np.maximum(bits - 1, 0)))
    value = np.where(negative, value - (1 << bits) + 1, value)
    return np.where(sizes == 16, 32768, value).astype(np.uint16)


def _predicted(differences: Words, predictor: int, start: int) -> Words:
    """Undo the prediction (T.81 H.1.2.1); the first row goes by its left, the first column by its top."""
    out = differences.copy()
    out[0, 0] += np.uint16(start)
    if predictor == 1:
        out[:, 0] = np.cumsum(out[:, 0], dtype=np.uint16)
        return np.cumsum(out, axis=1, dtype=np.uint16)
    out[0] = np.cumsum(out[0], dtype=np.uint16)
    if predictor == 2:
        return np.cumsum(out, axis=0, dtype=np.uint16)
    if predictor == 4:
        out[0, 1:] = differences[0, 1:]
        return np.cumsum(np.cumsum(out, axis=1, dtype=np.uint16), axis=0, dtype=np.uint16)
    for row in range(1, len(out)):
        out[row, 0] += out[row - 1, 0]
        _predict_row(out[row - 1], out[row], predictor)
    return out


def _predict_row(above: Words, row: Words, predictor: int) -> None:
    """Predictors 3, 5, 6 and 7 of one row, in place; its first sample stands already."""
    if predictor == 3:
        row[1:] += above[:-1]
        return
    if predictor == 5:
        half = (above[1:].astype(np.int32) - above[:-1]) >> 1
        row[1:] += half.astype(np.uint16)
        row[:] = np.cumsum(row, dtype=np.uint16)
        return
    tops, values = above.tolist(), row.tolist()
    left = values[0]
    for index in range(1, len(values)):
        near = left - tops[index - 1] if predictor == 6 else left - tops[index]
        guess = tops[index] + (near >> 1)  # predictor 7: (left + top) >> 1, rounded alike
        left = (values[index] + guess) & 0xFFFF
        values[index] = left
    row[:] = values
