"""What Textual makes of some keys would be typed into a report: those are put right before it reads any.

Tried with Textual 8.2: pedals (F13 to F20 in VT form) arrive as control characters, a blank or a quotation
mark, and Alt with a digit, a hyphen or an equals sign arrives as a letter of a Mac keyboard.
"""

from __future__ import annotations

from typing import Any, Final, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS, IGNORE_SEQUENCE
from textual._keyboard_protocol import FUNCTIONAL_KEYS

__all__ = ["install"]

PEDALS: Final = {25: 13, 26: 14, 28: 15, 29: 16, 31: 17, 32: 18, 33: 19, 34: 20}
"""Number in ``ESC [ number ~`` to the function key it means."""
NUMBERS: Final = frozenset(range(1, 200)) - {27}
"""Numbers of that form that mean a key of its own; 27 announces a character, 200 begins a paste."""


def install() -> None:
    """Put the keys right; harmless twice."""
    for number in NUMBERS:
        FUNCTIONAL_KEYS.setdefault(f"{number}~", f"f{PEDALS[number]}" if number in PEDALS else "unknown")
    sequences = cast("dict[str, Any]", ANSI_SEQUENCES_KEYS)
    for sequence, meant in list(sequences.items()):
        if isinstance(meant, str) and len(sequence) == 2 and sequence[0] == "\x1b":
            sequences[sequence] = IGNORE_SEQUENCE
