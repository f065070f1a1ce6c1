"""Joining many short byte strings out of tables, with whole-array operations: what fast encoders live on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pieces", "join_pieces", "pieces_of"]

Pieces = NDArray[np.void]
"""Byte strings to be picked by number, padded with zero bytes to one length."""


def pieces_of(strings: Sequence[bytes]) -> Pieces:
    """Make a table.

    Args:
        strings: The strings, by number; none holds a zero byte.
    """
    longest = max(1, *map(len, strings)) if strings else 1
    flat = b"".join(one.ljust(longest, b"\0") for one in strings)
    return np.frombuffer(flat, f"V{longest}")


def join_pieces(columns: Sequence[tuple[Pieces, NDArray[np.integer]]]) -> bytes:
    """Join strings item by item: for each item one string of each table, in the order of the tables.

    Args:
        columns: Tables, and which string of each every item takes; all of one length.
    """
    names = [f"f{place}" for place in range(len(columns))]
    row = np.dtype([(name, table.dtype) for name, (table, _) in zip(names, columns, strict=True)])
    out = np.empty(len(columns[0][1]), row)
    for name, (table, chosen) in zip(names, columns, strict=True):
        out[name] = table[chosen]
    return out.tobytes().translate(None, b"\0")
