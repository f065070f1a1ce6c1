"""The fonts the PDF is set in: shipped, so that the page is the same everywhere; which letters they hold."""

from __future__ import annotations

import struct
from bisect import bisect_right
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

__all__ = ["FAMILIES", "folder", "holds", "missing"]

FAMILIES: Final = (
    "Noto Sans",
    *(
        f"Noto Sans {one}"
        for one in (
            *("Arabic", "Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati", "Gurmukhi"),
            *("Hebrew", "Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya", "Sinhala", "Tamil"),
            *("Telugu", "Thaana", "Thai", "Math", "Symbols2"),
        )
    ),
    "Droid Sans Fallback",
    "NanumSquare",
)
"""In the order a letter is looked for."""

_LATIN_END: Final = 0x180
"""Below it everything printable is in the first family."""


def folder() -> Path:
    """Where the fonts lie."""
    return Path(str(resources.files("teleread.documents") / "fonts"))


def missing(text: str) -> set[str]:
    """Letters no font holds; they would be empty boxes."""
    return {letter for letter in set(text) if letter not in "\n" and not holds(letter)}


def holds(letter: str) -> bool:
    """Whether some font holds a letter."""
    point = ord(letter)
    if 0x20 <= point < 0x7F or 0xA0 <= point < _LATIN_END:
        return True
    starts, ends = _ranges()
    at = bisect_right(starts, point) - 1
    return at >= 0 and point <= ends[at]


@lru_cache(maxsize=1)
def _ranges() -> tuple[list[int], list[int]]:
    """Starts and ends of the code points all fonts hold together, ascending and apart."""
    found = sorted(pair for path in sorted(folder().glob("*.ttf")) for pair in _cmap(path.read_bytes()))
    starts: list[int] = []
    ends: list[int] = []
    for start, end in found:
        if ends and start <= ends[-1] + 1:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends


def _cmap(data: bytes) -> list[tuple[int, int]]:
    """Code points of a TrueType font: its cmap subtables of the formats 4 and 12 (OpenType, cmap)."""
    count = struct.unpack_from(">H", data, 4)[0]
    tables = {
        data[at : at + 4]: struct.unpack_from(">I", data, at + 8)[0] for at in range(12, 12 + 16 * count, 16)
    }
    cmap = tables[b"cmap"]
    out: list[tuple[int, int]] = []
    for index in range(struct.unpack_from(">H", data, cmap + 2)[0]):
        at = cmap + struct.unpack_from(">I", data, cmap + 8 + 8 * index)[0]
        form = struct.unpack_from(">H", data, at)[0]
        if form == 4:
            out += _format_4(data, at)
        elif form == 12:
            groups = struct.unpack_from(">I", data, at + 12)[0]
            out += [struct.unpack_from(">II", data, at + 16 + 12 * one) for one in range(groups)]
    return out


def _format_4(data: bytes, at: int) -> list[tuple[int, int]]:
    segments = struct.unpack_from(">H", data, at + 6)[0] // 2
    ends = struct.unpack_from(f">{segments}H", data, at + 14)
    starts = struct.unpack_from(f">{segments}H", data, at + 16 + 2 * segments)
    deltas = struct.unpack_from(f">{segments}H", data, at + 16 + 4 * segments)
    place = at + 16 + 6 * segments
    offsets = struct.unpack_from(f">{segments}H", data, place)
    out = []
    for index, (start, end, delta, offset) in enumerate(zip(starts, ends, deltas, offsets, strict=True)):
        if not offset:
            out += [(start, end)] if start != 0xFFFF and (start + delta) & 0xFFFF else []
            continue
        base = place + 2 * index + offset
        glyphs = struct.unpack_from(f">{end - start + 1}H", data, base)
        out += [(start + step, start + step) for step, glyph in enumerate(glyphs) if glyph]
    return out
