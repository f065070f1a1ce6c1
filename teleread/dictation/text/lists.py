"""Numbers that count the lines of a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .pieces import Piece, low

__all__ = ["listed"]

_LIST: Final = re.compile(r"(?:^|\n)(\d{1,2})\. [^\n]*\n\Z")


def listed(pieces: Sequence[Piece], before: str = "") -> list[Piece]:
    """Numbers that count the lines of a list get their full stop: after a heading's colon from one, then on.

    Args:
        pieces: After `figures`.
        before: The text they will stand behind.
    """
    out: list[Piece] = []
    found = _LIST.search(before)
    due = int(found[1]) + 1 if found else 1
    opened = found is not None or before.rstrip(" \n").endswith(":")
    head = before.endswith("\n")
    for at, piece in enumerate(pieces):
        if head and _counts(pieces, at, due, opened):
            if out and low(out[-1]) == "number":
                out.pop()
            after = pieces[at + 1] if at + 1 < len(pieces) else None
            out.append(replace(piece, said=""))
            if after is None or after.kind != "mark":
                out.append(Piece(".", (), "mark", tight=True))
            due, opened = due + 1, True
        else:
            out.append(piece)
        if piece.kind == "break":
            opened = opened or _heads(pieces, at)
        head = piece.kind == "break" or (head and low(piece) == "number")
    return out


def _counts(pieces: Sequence[Piece], at: int, due: int, opened: bool) -> bool:
    piece = pieces[at]
    if piece.kind != "number" or piece.text != str(due):
        return False
    after = pieces[at + 1] if at + 1 < len(pieces) else None
    named = at > 0 and low(pieces[at - 1]) == "number"
    stopped = after is not None and after.kind == "mark" and after.text == "."
    return (opened or named or stopped) and (after is None or after.kind in {"word", "mark"})


def _heads(pieces: Sequence[Piece], at: int) -> bool:
    return at > 0 and pieces[at - 1].text == ":"
