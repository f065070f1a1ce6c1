"""What a compressed frame says of itself, read before a codec gets it. Runs in the decode child.

A codec that believes a stream allocates what the stream claims and pads what is missing: both are found
here. PS3.5 annex A.4; ITU-T T.81 (JPEG), T.87 (JPEG-LS), T.800 (JPEG 2000).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from .part10 import cannot

__all__ = ["Codestream", "fragments", "frame_bytes", "inspect", "resolutions"]

MAX_FRAGMENTS: Final = 200_000

_UNDEFINED: Final = 0xFFFFFFFF
_FRAME_STARTS: Final = (b"\xff\xd8", b"\xff\x4f")
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_FRAME: Final = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Codestream:
    """Figures of a compressed frame."""

    name: str
    """JPEG, JPEG-LS or JPEG 2000."""
    rows: int
    """0 where the stream leaves it open."""
    columns: int
    components: int
    precision: int
    """Bits of a sample."""
    signed: bool = False
    """Samples are signed (JPEG 2000 alone can say so)."""


@dataclass(frozen=True, slots=True)
class Fragments:
    """Encapsulated pixel data taken apart (PS3.5 A.4)."""

    offsets: tuple[int, ...]
    """The Basic Offset Table; empty where it is."""
    spans: tuple[tuple[int, int, int], ...]
    """Of each fragment: its place as offset tables count it, where its bytes begin, how many are held."""
    missing: int
    """Bytes the last fragment promises and the file does not hold."""


def fragments(value: memoryview) -> Fragments:
    """Find the fragments of encapsulated pixel data; lengths that do not fit end the list."""
    spans: list[tuple[int, int, int]] = []
    offsets: tuple[int, ...] = ()
    at, first, missing = 0, -1, 0
    while at + 8 <= len(value) and not missing:
        group, number, length = struct.unpack_from("<HHI", value, at)
        if (group, number) != (0xFFFE, 0xE000) or length == _UNDEFINED:
            break
        held = min(length, len(value) - at - 8)
        missing = length - held
        if first < 0:
            count = held // 4
            offsets = struct.unpack_from(f"<{count}I", value, at + 8)
            first = at + 8 + held
        else:
            spans.append((at - first, at + 8, held))
        if len(spans) > MAX_FRAGMENTS:
            raise cannot(f"The pixel data comes in more than {MAX_FRAGMENTS} pieces.", "limit")
        at += 8 + held
    return Fragments(offsets, tuple(spans), missing)


def frame_bytes(value: memoryview, found: Fragments, number: int, frames: int, extended: list[int]) -> bytes:
    """The compressed bytes of one frame.

    Args:
        value: The encapsulated pixel data.
        found: Its fragments.
        number: Which frame, from 1.
        frames: How many the header claims.
        extended: The Extended Offset Table; empty where there is none.

    Raises:
        TelereadError: The frame is not there, or not whole.
    """
    spans = found.spans
    if not spans:
        raise cannot("The pixel data is empty.", "truncated")
    groups = _groups(value, found, frames, extended)
    if number > len(groups):
        raise cannot(f"The header promises {frames} frames, the file holds {len(groups)}.", "truncated")
    chosen = groups[number - 1]
    if found.missing and chosen and chosen[-1] == spans[-1]:
        held = sum(span[2] for span in chosen)
        share = 100 * held // max(1, held + found.missing)
        raise cannot(f"The compressed picture ends after {share} %.", "truncated")
    return b"".join(value[begin : begin + length] for _, begin, length in chosen)


def _groups(
    value: memoryview, found: Fragments, frames: int, extended: list[int]
) -> list[list[tuple[int, int, int]]]:
    """Fragments by frame: by the extended table, the basic table, or what the bytes show."""
    spans = list(found.spans)
    for table in (extended, list(found.offsets)):
        if len(table) >= frames and (frames > 1 or len(table) == 1):
            return _by_offsets(spans, table[:frames])
    if frames == 1:
        return [spans]
    if len(spans) == frames:
        return [[span] for span in spans]
    groups: list[list[tuple[int, int, int]]] = []
    for span in spans:
        if bytes(value[span[1] : span[1] + 2]) in _FRAME_STARTS or not groups:
            groups.append([])
        groups[-1].append(span)
    return groups


def _by_offsets(spans: list[tuple[int, int, int]], offsets: list[int]) -> list[list[tuple[int, int, int]]]:
    groups: list[list[tuple[int, int, int]]] = [[] for _ in offsets]
    index = -1
    for span in spans:
        while index + 1 < len(offsets) and span[0] >= offsets[index + 1]:
            index += 1
        groups[max(index, 0)].append(span)
    return groups


def inspect(stream: bytes) -> Codestream | None:
    """Read a JPEG, JPEG-LS or JPEG 2000 stream's own figures; None for anything else (RLE).

    Raises:
        TelereadError: The stream ends early.
    """
    try:
        if stream[:2] == b"\xff\xd8":
            return _jpeg(stream)
        start = stream[:512].find(b"\xff\x4f\xff\x51")
        return _jpeg2000(stream, start) if start >= 0 else None
    except (struct.error, IndexError) as error:
        raise cannot("The compressed picture ends inside its own header.", "truncated") from error


def _jpeg(stream: bytes) -> Codestream | None:
    at = 2
    while at + 4 <= len(stream):
        if stream[at] != 0xFF:
            at += 1
            continue
        marker = stream[at + 1]
        if marker == 0xFF or marker in _WITHOUT_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _JPEG_FRAME:
            precision, rows, columns, components = struct.unpack_from(">BHHB", stream, at + 4)
            return Codestream("JPEG-LS" if marker == 0xF7 else "JPEG", rows, columns, components, precision)
        (length,) = struct.unpack_from(">H", stream, at + 2)
        at += 2 + length
    raise cannot("The JPEG picture ends inside its own header.", "truncated")


def _jpeg2000(stream: bytes, start: int) -> Codestream:
    right, low, left, top, tile_w, tile_h, tile_x, tile_y, components = struct.unpack_from(
        ">8IH", stream, start + 8
    )
    precision = (stream[start + 42] & 0x7F) + 1
    signed = stream[start + 42] >= 0x80
    found = Codestream("JPEG 2000", low - top, right - left, components, precision, signed)
    if found.rows <= 0 or found.columns <= 0 or not tile_w or not tile_h or not 0 < components <= 16384:
        raise cannot("The JPEG 2000 picture contradicts itself.")
    tiles = -(-(right - tile_x) // tile_w) * -(-(low - tile_y) // tile_h)
    _check_tiles(stream, start, tiles)
    return found


def resolutions(stream: bytes) -> int:
    """How often a JPEG 2000 picture can be halved: decomposition levels of its main header (T.800 A.6.1)."""
    at = stream.find(b"\xff\x52", 0, 4096)
    return stream[at + 9] if 0 <= at < len(stream) - 10 and stream[at + 9] <= 32 else 0


def _check_tiles(stream: bytes, start: int, tiles: int) -> None:
    """Follow the tile-parts: OpenJPEG fills what is missing with grey and says nothing."""
    at = stream.find(b"\xff\x90\x00\x0a", start)
    seen: set[int] = set()
    while at >= 0 and stream[at : at + 2] == b"\xff\x90":
        tile, length = struct.unpack_from(">HI", stream, at + 4)
        end = at + length if length else len(stream)
        if end > len(stream):
            raise cannot(f"JPEG 2000 ends after {_share(len(stream), end, len(seen), tiles)} %.", "truncated")
        seen.add(tile)
        if end <= at:
            break
        at = end
    if len(seen) < min(tiles, 65535):
        raise cannot(f"JPEG 2000 ends after {100 * len(seen) // max(1, tiles)} %.", "truncated")


def _share(held: int, needed: int, tiles_seen: int, tiles: int) -> int:
    if tiles > 1:
        return 100 * tiles_seen // tiles
    return 100 * held // max(1, needed)
