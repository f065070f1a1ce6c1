"""JPEG Lossless (ITU-T T.81, process 14) with numpy alone, for what a plain installation meets most.

No codec under a licence the core accepts decodes it. Huffman decoding is a chain, each code telling where the
next begins; so the step from every bit of the stream is looked up at once, the chain is walked in one tight
loop, and everything else works on whole arrays. Runs in the decode child.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from teleread.model.errors import TelereadError

from .jpeg_stream import TAIL, bits_ahead, entropy_data, next_marker, spread_codes, stretches, unstuffed
from .part10 import cannot

__all__ = ["decode"]

_LOSSLESS_FRAME: Final = 0xC3
_WHOLE_SCAN: Final = 1 << 31
_BLOCK: Final = 1 << 16
"""Places worked on at a time."""

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
        marker, at = next_marker(stream, at)
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
            data, at = entropy_data(stream, at)
            planes |= _scan(data, body, picture, tables)
    ordered = [planes[component] for component in picture.components]
    return ordered[0] if samples == 1 else np.ascontiguousarray(np.stack(ordered, axis=-1))


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
    lengths, sizes = spread_codes(counts, symbols, 16)
    steps = lengths + np.where(sizes < 16, sizes, 0).astype(np.uint8)
    return _Table(steps, lengths, sizes)


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
    pieces = stretches(data) if picture.restart else [data]
    used = [tables[table] for _, table in chosen]
    parts: list[list[Words]] = [[] for _ in chosen]
    for begin in range(0, picture.rows, lines):
        height = min(lines, picture.rows - begin)
        if begin // lines >= len(pieces):
            raise cannot(f"The JPEG picture ends after {100 * begin // picture.rows} %.", "truncated")
        stretch = unstuffed(pieces[begin // lines])
        differences = _differences(stretch, used, height * picture.columns)
        for index, flat in enumerate(differences):
            plane = flat.reshape(height, picture.columns)
            samples = _predicted(plane, predictor, 1 << (picture.precision - shift - 1))
            parts[index].append(np.left_shift(samples, shift, dtype=np.uint16))
    return {component: np.concatenate(parts[index]) for index, (component, _) in enumerate(chosen)}


def _differences(data: NDArray[np.uint8], tables: list[_Table], count: int) -> list[Words]:
    """Differences of each component, modulo 65536."""
    ahead = bits_ahead(data)
    limit = 8 * (len(data) - TAIL)
    one_table = len({id(table) for table in tables}) == 1
    begins = _leap(_steps(ahead, tables[0]), count * len(tables), limit) if one_table else None
    if begins is None:
        begins = _walk([_steps(ahead, table).tobytes() for table in tables], count, limit)
    return [_read(ahead, begins[index :: len(tables)], table, limit) for index, table in enumerate(tables)]


def _steps(ahead: NDArray[np.uint32], table: _Table) -> NDArray[np.uint8]:
    """Bits from each bit of the stream to the next code, were a code to begin there."""
    steps = np.empty((len(ahead), 8), np.uint8)
    for bit in range(8):
        np.take(table.steps, (ahead >> (16 - bit)).astype(np.uint16), out=steps[:, bit])
    return steps.reshape(-1)


def _leap(steps: NDArray[np.uint8], count: int, limit: int) -> NDArray[np.int64]:
    """Where each code begins: every fourth by a loop over four steps at once, the others from it."""
    twos = _doubled(steps)
    fours = _doubled(twos).tobytes()
    found: list[int] = []
    note, at = found.append, 0
    try:
        for _ in range(-(-count // 4)):
            note(at)
            at += fours[at]
    except IndexError:
        pass  # the stream ends early; how early is told below
    last = len(steps) - 1
    begins = np.full((-(-count // 4), 4), len(steps), np.int64)
    fourth = np.array(found, np.int64)
    safe = np.minimum(fourth, last)
    half = fourth + twos[safe]
    begins[: len(found), 0] = fourth
    begins[: len(found), 1] = fourth + steps[safe]
    begins[: len(found), 2] = half
    begins[: len(found), 3] = half + steps[np.minimum(half, last)]
    return _all_within(begins.reshape(-1)[:count], limit)


def _doubled(steps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """From the length of a stride to that of two, at each place; a block at a time to stay in the cache."""
    out = steps.copy()
    last = len(steps) - 1
    for begin in range(0, len(steps), _BLOCK):
        end = min(begin + _BLOCK, len(steps))
        places = np.arange(begin, end) + steps[begin:end]
        out[begin:end] += steps[np.minimum(places, last)]
    return out


def _walk(steps: list[bytes], count: int, limit: int) -> NDArray[np.int64]:
    """Where each code begins, for components with tables of their own."""
    found: list[int] = []
    at = 0
    try:
        for _ in range(count):
            for step in steps:
                found.append(at)
                at += step[at]
    except IndexError:
        pass  # the stream ends early; how early is told below
    begins = np.full(count * len(steps), 8 * len(steps[0]), np.int64)
    begins[: len(found)] = found
    return _all_within(begins, limit)


def _all_within(begins: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    held = int(np.searchsorted(begins, limit))
    if held < len(begins):
        raise _ends_early(held, len(begins))
    return begins


def _ends_early(held: int, wanted: int) -> TelereadError:
    return cannot(f"The JPEG picture ends after {100 * held // wanted} %.", "truncated")


def _read(ahead: NDArray[np.uint32], begins: NDArray[np.int64], table: _Table, limit: int) -> Words:
    """The differences at these places (T.81 annex F.1.2.1 and H.1.2.2)."""
    out = np.empty(len(begins), np.uint16)
    end = 0
    for first in range(0, len(begins), _BLOCK):
        out[first : first + _BLOCK], end = _read_block(ahead, begins[first : first + _BLOCK], table)
        if end < 0:
            bad = int(np.searchsorted(begins, -end - 1))
            if -end > limit - 32:  # what is left of a cut code, and zeros behind it
                raise _ends_early(bad, len(begins))
            raise cannot("The JPEG picture is damaged: a code fits no table.")
    if end > limit:
        raise _ends_early(len(begins) - 1, len(begins))
    return out


def _read_block(ahead: NDArray[np.uint32], begins: NDArray[np.int64], table: _Table) -> tuple[Words, int]:
    """Differences, and where the last ends; minus the place, less one, where no code fits."""
    words = (ahead[begins >> 3] >> (16 - (begins & 7)).astype(np.uint32)).astype(np.uint16)
    lengths = table.lengths[words]
    if not lengths.all():
        return np.zeros(len(begins), np.uint16), -int(begins[int(lengths.argmin())]) - 1
    sizes = table.sizes[words].astype(np.int64)
    bits = np.where(sizes < 16, sizes, 0)
    places = begins + lengths
    window = (ahead[places >> 3] << (places & 7).astype(np.uint32)).astype(np.int64)
    value = window >> (32 - bits)  # no bits: everything is shifted out
    value -= ((value >> np.maximum(bits - 1, 0)) == 0) * ((1 << bits) - 1)
    value[sizes == 16] = 32768
    return value.astype(np.uint16), int(places[-1] + bits[-1])


def _predicted(differences: Words, predictor: int, start: int) -> Words:
    """Undo the prediction (T.81 H.1.2.1); the first row goes by its left, the first column by its top."""
    out = differences.copy()
    out[0, 0] = (int(out[0, 0]) + start) & 0xFFFF
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
        out[row, 0] = (int(out[row, 0]) + int(out[row - 1, 0])) & 0xFFFF
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
