"""The port of ways to draw a picture in a terminal; entry points ``teleread.image_protocol`` name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from teleread.model.text import SafeText

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["COLOURS", "Capabilities", "ImageProtocol", "PlacedText", "colours_of"]

COLOURS: Final = ("truecolor", "256", "16", "mono")
"""What a terminal can show, best first."""

PlacedText = tuple[int, int, SafeText, str]
"""Row and column of a cell, a text, and the escape sequence that styles it (ours, never from outside)."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a way of drawing can do."""

    name: str
    """As ``--protocol`` and the heading call it."""
    across: int
    """Picture pixels in a cell's width."""
    down: int
    """Picture pixels in a cell's height."""
    text_over_picture: bool
    """Corner text may stand in cells on the picture; else it needs rows of its own."""
    greys: int = 256
    """Levels of grey it can tell apart; under 256 the heading says so."""


class ImageProtocol(Protocol):
    """Turns pixels into lines a terminal draws."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def cells(self, picture: NDArray[np.uint8]) -> list[str]:
        """A picture as finished lines, one for each row of cells."""
        ...

    def compose(self, picture: NDArray[np.uint8], texts: Sequence[PlacedText]) -> list[str]:
        """The same with texts on it."""
        ...


def colours_of(environment: Mapping[str, str]) -> str:
    """What the terminal says it can show, one of `COLOURS`.

    Args:
        environment: Environment variables.
    """
    if environment.get("NO_COLOR") or environment.get("TERM", "") in ("", "dumb"):
        return "mono"
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "truecolor"
    term = environment.get("TERM", "")
    if "direct" in term or environment.get("WT_SESSION"):
        return "truecolor"
    return "256" if "256" in term else "16"
