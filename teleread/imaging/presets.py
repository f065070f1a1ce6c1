"""Window presets: what the digits 1 to 9 choose.

CT values are Hounsfield units; other modalities have no common unit, so their presets are measured on the
frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from teleread.model.text import SafeText, clean

from .frames import Frame, Window

__all__ = ["NAMED", "Preset", "presets_for"]


@dataclass(frozen=True, slots=True)
class Preset:
    """One window on a digit."""

    digit: int
    """1 to 9; 0 is the window as stored and stands in no table."""
    name: SafeText
    """Word for the heading and the command line."""
    window: Window
    """What it sets."""


_CT: Final = (
    ("soft", 40, 300),
    ("lung", -600, 1500),
    ("bone", 400, 1800),
    ("brain", 40, 80),
    ("mediastinum", 50, 350),
    ("liver", 90, 150),
    ("abdomen", 40, 400),
    ("angio", 300, 600),
    ("stroke", 35, 40),
)
_CT_WITHOUT_DIGIT: Final = (("subdural", 80, 200), ("spine", 50, 250), ("temporal", 600, 2800))


def _window(name: str, centre: float, width: float) -> Window:
    return Window(float(centre), float(width), "LINEAR", SafeText(name))


NAMED: Final = {name: _window(name, centre, width) for name, centre, width in (*_CT, *_CT_WITHOUT_DIGIT)}
"""Presets by name, as ``--window`` takes them."""


def presets_for(frame: Frame) -> tuple[Preset, ...]:
    """What the digits choose for a frame; nothing for colour.

    Args:
        frame: For CT the common table; else its own windows, its range and the range without outliers.
    """
    if frame.is_colour:
        return ()
    if frame.modality == "CT":
        return tuple(Preset(digit, SafeText(name), NAMED[name]) for digit, (name, _, _) in enumerate(_CT, 1))
    from .window import auto_window, range_window

    own = [(window.name or clean(f"stored {index}"), window) for index, window in enumerate(frame.windows, 1)]
    measured = [(window.name, window) for window in (range_window(frame), auto_window(frame))]
    return tuple(Preset(digit, name, window) for digit, (name, window) in enumerate((own[:7] + measured), 1))
