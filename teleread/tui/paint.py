"""Lines of styled text for the Line API: built from roles, never from markup."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from .themes import Look

__all__ = ["Line", "fit", "wrap"]


_PLAIN: Final = str.maketrans({"…": "~", "·": ".", "“": '"', "”": '"', "’": "'", "–": "-"})
_plain = False


def use_plain(plain: bool) -> None:
    """Draw our own words without signs that a terminal may draw two cells wide; one terminal, one width."""
    global _plain
    _plain = plain


def fit(text: str, width: int) -> str:
    """The text in exactly so many cells, with a sign where it was cut."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length <= width:
        return text + " " * (width - length)
    if width == 1:
        return set_cell_size(text, 1)
    cut = set_cell_size(text, width - 1).rstrip() + "…"
    return cut + " " * (width - cell_len(cut))


def wrap(text: str, width: int) -> list[str]:
    """Soft-wrapped lines of at most so many cells; line breaks are kept."""
    if width < 1:
        return []
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            trial = f"{line} {word}" if line else word
            if cell_len(trial) <= width:
                line = trial
                continue
            if line:
                lines.append(line)
            while cell_len(word) > width:
                head = _head(word, width)
                lines.append(head)
                word = word[len(head) :]
            line = word
        lines.append(line)
    return lines


def _head(word: str, width: int) -> str:
    """The longest beginning that fits; at least one character."""
    used = 0
    for index, char in enumerate(word):
        used += cell_len(char)
        if used > width:
            return word[: max(1, index)]
    return word


class Line:
    """One row being put together from left to right.

    Args:
        look: The theme.
        on: Ground role of the row.
    """

    __slots__ = ("_look", "_on", "_parts", "width")

    def __init__(self, look: Look, on: str = "room") -> None:
        self._look = look
        self._on = on
        self._parts: list[Segment] = []
        self.width = 0

    def put(
        self,
        text: str,
        role: str = "text",
        *,
        on: str = "",
        bold: bool = False,
        underline: bool = False,
        italic: bool = False,
        reverse: bool = False,
    ) -> Line:
        """Add text in a role."""
        if text:
            if _plain and not text.isascii():
                text = text.translate(_PLAIN)
            style = self._look.style(
                role, on or self._on, bold=bold, underline=underline, italic=italic, reverse=reverse
            )
            self._parts.append(Segment(text, style))
            self.width += cell_len(text)
        return self

    def styled(self, text: str, style: Style) -> Line:
        """Add text in a ready style."""
        if text:
            self._parts.append(Segment(text, style))
            self.width += cell_len(text)
        return self

    def gap(self, cells: int = 1) -> Line:
        """Add blanks."""
        return self.put(" " * cells)

    def to(self, column: int) -> Line:
        """Fill with blanks up to a column."""
        return self.put(" " * (column - self.width)) if column > self.width else self

    def add(self, other: Line) -> Line:
        """Add everything of another line."""
        self._parts += other._parts
        self.width += other.width
        return self

    def chip(self, key: str, label: str) -> Line:
        """Add a key and its word, as the last row shows them."""
        self.put(f" {key} ", "strong", on="raised", bold=True, reverse=self._look.ansi)
        return self.put(f" {label} ", "soft") if label else self

    def rule(
        self, title: str, width: int, note: str = "", *, glyph: str = "─", note_role: str = "soft"
    ) -> Line:
        """Add a section heading: ``Name ───── note`` over so many cells."""
        self.put(title, "soft", bold=True).gap()
        tail = cell_len(note) + 1 if note else 0
        count = width - cell_len(title) - 1 - tail
        self.put(glyph * max(0, count), "line")
        if note:
            self.gap().put(note, note_role)
        return self

    def strip(self, width: int, right: Line | None = None) -> Strip:
        """The finished row in exactly so many cells; what stands right wins where both don't fit."""
        blank = self._look.style("text", self._on)
        if right is not None and right.width:
            room = max(0, width - right.width)
            strip = Strip(self._parts, self.width)
            if self.width >= room:  # one blank between them
                strip = strip.crop(0, max(0, room - 1))
            strip = strip.adjust_cell_length(room, blank)
            return Strip.join([strip, Strip(right._parts, right.width)]).crop(0, width)
        return Strip(self._parts, self.width).adjust_cell_length(width, blank)
