"""What Textual makes of some keys would be typed into a report: those are put right before it reads any.

Tried with Textual 8.2: pedals (F13 to F20 in VT form) arrive as control characters, a blank or a quotation
mark, and Alt with a digit, a hyphen or an equals sign arrives as a letter of a Mac keyboard.
"""

from __future__ import annotations

from typing import Any, Final, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS, IGNORE_SEQUENCE
from textual._keyboard_protocol import FUNCTIONAL_KEYS

from .releases import RELEASES

__all__ = ["Pastes", "install"]

_BEGIN, _END = "\x1b[200~", "\x1b[201~"
_CONTROLS: Final = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"}

PEDALS: Final = {25: 13, 26: 14, 28: 15, 29: 16, 31: 17, 32: 18, 33: 19, 34: 20}
"""Number in ``ESC [ number ~`` to the function key it means."""
NUMBERS: Final = frozenset(range(1, 200)) - {27}
"""Numbers of that form that mean a key of its own; 27 announces a character, 200 begins a paste."""


class Pastes:
    """Takes control characters out of what is pasted: Textual makes keys of them, and keys act."""

    def __init__(self) -> None:
        self._inside = False
        self._held = ""

    def clean(self, data: str) -> str:
        """Some input, what was pasted in it harmless; the beginning of an end mark is kept back."""
        data, self._held = self._held + data, ""
        out = []
        while data:
            mark = _END if self._inside else _BEGIN
            before, found, data = data.partition(mark)
            if self._inside and not found:
                before, self._held = _without_begun(before)
            out.append((before.translate(_CONTROLS) if self._inside else before) + found)
            self._inside ^= bool(found)
        return "".join(out)


def _without_begun(text: str) -> tuple[str, str]:
    """A text, and the beginning of an end mark that it ends with."""
    for size in range(min(len(_END) - 1, len(text)), 0, -1):
        if _END.startswith(text[-size:]):
            return text[:-size], text[-size:]
    return text, ""


def install() -> None:
    """Put the keys right; harmless twice."""
    _guard_pastes()
    for number in NUMBERS:
        FUNCTIONAL_KEYS.setdefault(f"{number}~", f"f{PEDALS[number]}" if number in PEDALS else "unknown")
    sequences = cast("dict[str, Any]", ANSI_SEQUENCES_KEYS)
    for sequence, meant in list(sequences.items()):
        if isinstance(meant, str) and len(sequence) == 2 and sequence[0] == "\x1b":
            sequences[sequence] = IGNORE_SEQUENCE


def _guard_pastes() -> None:
    from textual._xterm_parser import XTermParser

    plain: Any = XTermParser.feed
    if getattr(XTermParser, "guards", False):
        return

    def feed(self: XTermParser, data: str) -> Any:
        pastes: Pastes | None = getattr(self, "_pastes", None)
        if pastes is None:
            pastes = self._pastes = Pastes()  # type: ignore[attr-defined]
        left = pastes.clean(RELEASES.clean(data)) if data else ""
        return plain(self, left) if left or not data else ()

    XTermParser.guards = True  # type: ignore[attr-defined]
    XTermParser.feed = feed  # type: ignore[method-assign]
