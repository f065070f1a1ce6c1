"""The rows of an object's text for a width; pure."""

from __future__ import annotations

from teleread.tui.paint import wrap
from teleread.tui.papers import Paper

__all__ = ["paper_rows"]

DEEPEST = 8


def paper_rows(paper: Paper, width: int) -> list[tuple[int, str, str]]:
    """(depth, name, text) of each row.

    Args:
        paper: The text.
        width: Cells of the pane.
    """
    rows: list[tuple[int, str, str]] = [(0, str(paper.title), ""), (0, "", "")]
    for level, name, text in paper.lines:
        depth = min(level, DEEPEST)
        room = max(10, width - 4 - 2 * depth)
        beside = room - len(name) - 1
        if text and "\n" not in text and len(text) <= beside:
            rows.append((depth, str(name), str(text)))
            continue
        rows += [(depth, part, "") for part in wrap(str(name), room) if name]
        rows += [(depth, "", part) for part in wrap(str(text), room) if text]
    return rows
