"""The nearest words to a misspelt one: every word of the list compared at once.

A filter by length and by which letters occur leaves a few thousand; their distances (optimal string
alignment: insert, delete, change, swap two neighbours) are worked out side by side in one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Index"]

_LONGEST: Final = 32
_FAR: Final = 2
"""Largest distance of a suggestion."""
_MOST: Final = 12

_Bytes = npt.NDArray[np.uint8]


class Index:
    """The words of a list, laid out for comparing.

    Args:
        levels: Word (letters a to z and apostrophes) to how common it is, 10 for the commonest.
    """

    def __init__(self, levels: Mapping[str, int]) -> None:
        kept = [word for word in levels if len(word) <= _LONGEST and word.isascii()]
        self._words = kept
        self._level = np.array([levels[word] for word in kept], np.int32)
        self._length = np.array([len(word) for word in kept], np.int32)
        joined = b"".join(word.encode("ascii").ljust(_LONGEST, b"\0") for word in kept)
        self._letters: _Bytes = np.frombuffer(joined, np.uint8).reshape(len(kept), _LONGEST)
        self._has = np.zeros(len(kept), np.uint32)
        for letter in range(26):
            self._has |= (self._letters == 97 + letter).any(axis=1).astype(np.uint32) << letter
        self._count = np.array([number.bit_count() for number in range(1 << 13)], np.uint8)

    def nearest(self, word: str) -> tuple[str, ...]:
        """Words within two steps, the likeliest first.

        Args:
            word: Small letters.
        """
        if not 2 <= len(word) <= _LONGEST or not word.isascii():
            return ()
        near = self._candidates(word)
        distance = _distances(word, self._letters[near], self._length[near])
        fits = distance <= (1 if len(word) <= 4 else _FAR)
        near, distance = near[fits], distance[fits]
        first = self._letters[near, 0] == ord(word[0])
        apart = np.abs(self._length[near] - len(word))
        mixed = (apart == 0) & (self._has[near] == _letters_of(word))  # the same letters, in another order
        rank = distance * 100 + self._level[near] - 25 * first - 25 * mixed + 3 * apart
        return tuple(self._words[place] for place in near[np.argsort(rank, kind="stable")][:_MOST])

    def _candidates(self, word: str) -> npt.NDArray[np.intp]:
        """Words of about that length and of about those letters."""
        other = self._has ^ _letters_of(word)
        differ = self._count[other & 0x1FFF] + self._count[other >> np.uint32(13)]
        fits: npt.NDArray[np.bool_] = (np.abs(self._length - len(word)) <= _FAR) & (differ <= 2 * _FAR)
        return np.flatnonzero(fits)


def _letters_of(word: str) -> np.uint32:
    """Which letters occur, a bit each."""
    return np.uint32(sum({1 << (ord(char) - 97) for char in word if "a" <= char <= "z"}))


def _distances(word: str, letters: _Bytes, length: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Optimal string alignment distance of a word to each row of letters; beyond two it may be too large."""
    count, widest = len(letters), int(length.max(initial=0))
    columns = [np.ascontiguousarray(letters[:, place]) for place in range(widest)]
    before: list[npt.NDArray[np.int8]] = []
    row = [np.full(count, place, np.int8) for place in range(widest + 1)]
    for index, char in enumerate(word.encode("ascii")):
        earlier, before = before, row
        row = [np.full(count, index + 1, np.int8)]
        for place, column in enumerate(columns):
            same = column == char
            cell = np.minimum(before[place] + ~same, np.minimum(before[place + 1], row[place]) + 1)
            if index and place:
                swapped = (column == ord(word[index - 1])) & (columns[place - 1] == char)
                cell = np.where(swapped, np.minimum(cell, earlier[place - 1] + 1), cell)
            row.append(cell.astype(np.int8))
    table = np.stack(row, axis=1)
    return table[np.arange(count), length].astype(np.int32)
