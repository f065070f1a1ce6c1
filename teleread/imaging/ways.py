"""The ways of drawing by name, and one picture drawn by one of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .halfblock import HalfBlock
from .iterm2 import ITerm2
from .kitty import Kitty, SharedPictures
from .mosaic import KINDS, Mosaic
from .probe import PROTOCOLS, TerminalFacts, choose, local
from .protocol import ImageProtocol, colours_of
from .resample import Placement, fit, place
from .sixel import LEVELS, Sixel

__all__ = ["GRAPHICS", "Drawing", "draw", "pick", "protocol", "usable_shared"]

GRAPHICS: Final = ("kitty", "iterm2", "sixel")
"""Ways that draw real pixels: they stand outside the grid of letters and must be cleared by hand."""
_CELL: Final = (10, 20)
"""Pixels of a cell where the terminal does not say."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn picture."""

    lines: tuple[str, ...]
    """One for each row of cells; for graphics the first holds everything."""
    placement: Placement
    """Where the picture lies on its canvas."""
    protocol: str
    """The way it was drawn."""
    note: str
    """That a way can't show 256 greys, in words; empty where it can."""


def pick(name: str, environment: Mapping[str, str], facts: TerminalFacts | None = None) -> str:
    """A way of drawing by name, ``auto`` chosen by what the terminal said.

    Args:
        name: ``auto`` or one of `PROTOCOLS`.
        environment: Environment variables.
        facts: What the terminal said; None where it was not asked.

    Raises:
        ValueError: There is no such way.
    """
    if name == "auto":
        return choose(facts or TerminalFacts(), environment)
    if name not in PROTOCOLS:
        raise ValueError(name)
    return name


def protocol(
    name: str,
    colours: str,
    cell: tuple[int, int] | None = None,
    *,
    registers: int = 0,
    shared: SharedPictures | None = None,
) -> ImageProtocol:
    """An encoder.

    Args:
        name: One of `PROTOCOLS` but ``none``.
        colours: What the terminal can show.
        cell: Width and height of a cell, pixels; None where the terminal does not say.
        registers: Sixel colours; 0 where not said.
        shared: For Kitty on this machine.
    """
    size = cell or _CELL
    if name == "sixel":
        return Sixel(size, greys=max(2, min(LEVELS, registers or LEVELS)))
    if name == "kitty":
        return Kitty(size, shared=shared)
    if name == "iterm2":
        return ITerm2(size)
    return Mosaic(name, colours) if name in KINDS else HalfBlock(colours)


def draw(
    picture: NDArray[np.uint8],
    cells: tuple[int, int],
    name: str,
    *,
    aspect: float = 1.0,
    colours: str = "",
    facts: TerminalFacts | None = None,
    shared: SharedPictures | None = None,
    environment: Mapping[str, str] | None = None,
) -> Drawing:
    """Fit a picture into cells and draw it.

    Args:
        picture: Greys or RGB.
        cells: Columns and rows.
        name: One of `PROTOCOLS` but ``none``.
        aspect: Height of the picture's pixels over their width.
        colours: One of `colours_of`'s answers; empty asks the environment.
        facts: What the terminal said.
        shared: As for `protocol`; None with a local Kitty sends through the line.
        environment: In place of the process's own.
    """
    around = os.environ if environment is None else environment
    said = facts or TerminalFacts()
    how = protocol(
        name, colours or colours_of(around), said.cell, registers=said.sixel_colours, shared=shared
    )
    can = how.capabilities
    size = said.cell or _CELL
    # A pixel of letters is as wide as its share of a cell; only half blocks and sextants come out square.
    shape = 1.0 if name in GRAPHICS else (size[1] / can.down) / (size[0] / can.across)
    square = 1.0 if name not in ("braille", "quadrant", "sextant") else shape
    placement = place(
        picture.shape[0],
        picture.shape[1],
        cells[0] * can.across,
        cells[1] * can.down,
        aspect=aspect / square,
    )
    canvas = _tight(picture, placement) if name in GRAPHICS else fit(picture, placement)
    note = f"{can.greys} of 256 greys" if can.greys < 256 and picture.ndim == 2 else ""
    return Drawing(tuple(how.cells(canvas)), placement, name, note)


def _tight(picture: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    """Real pixels are sent without the black around them."""
    from .resample import resize

    return resize(picture, placement.shown_height, placement.shown_width, placement.box)


def usable_shared(environment: Mapping[str, str]) -> SharedPictures | None:
    """Shared memory for a terminal on this machine; None where it is not one."""
    return SharedPictures() if local(environment) and SharedPictures.usable() else None
