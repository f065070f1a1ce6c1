"""iTerm2's inline images, which WezTerm, mintty and Konsole take too (OSC 1337)."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .kitty import grey_png
from .protocol import Capabilities, PlacedText

__all__ = ["ITerm2"]


class ITerm2:
    """Draws greys or RGB inline.

    Args:
        cell: Width and height of a cell, pixels.
    """

    def __init__(self, cell: tuple[int, int] = (8, 16)) -> None:
        self.cell = cell

    @property
    def capabilities(self) -> Capabilities:
        """A cell holds its real pixels; text needs rows of its own."""
        return Capabilities("iterm2", self.cell[0], self.cell[1], text_over_picture=False)

    def cells(self, picture: NDArray[np.uint8]) -> list[str]:
        """The picture as one sequence, and nothing for the other rows it covers."""
        columns, rows = -(-picture.shape[1] // self.cell[0]), -(-picture.shape[0] // self.cell[1])
        png = grey_png(picture)
        options = (
            f"inline=1;size={len(png)};width={columns};height={rows};preserveAspectRatio=1;doNotMoveCursor=1"
        )
        body = base64.standard_b64encode(png).decode()
        return [f"\x1b]1337;File={options}:{body}\x07", *[""] * (rows - 1)]

    def compose(self, picture: NDArray[np.uint8], texts: Sequence[PlacedText]) -> list[str]:
        """The same; texts need rows of their own."""
        del texts
        return self.cells(picture)
