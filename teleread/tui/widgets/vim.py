"""The vim preset's modes in the report: keys type until Esc, then letters move and change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from textual import events

if TYPE_CHECKING:
    from .report import ReportPane

__all__ = ["Vim"]


class Vim:
    """Which mode the pane is in, and what the letters do.

    Esc leaves insert mode; a second Esc is left to the bindings, which hand over to the pictures.

    Args:
        pane: The pane.
        actions: Keys of normal mode that are actions of the table, to their ids.
    """

    def __init__(self, pane: ReportPane, actions: Mapping[str, str]) -> None:
        self._pane = pane
        self._actions = actions
        self._first = ""
        """First key of a pair (``dd``, ``gg``)."""
        self.inserting = True

    def insert(self) -> None:
        """Keys type."""
        self.inserting = True
        self._tell()

    def _tell(self) -> None:
        self._pane.mode = "" if self.inserting else "normal mode, i types"
        self._pane.refresh()

    def takes(self, event: events.Key) -> bool:
        """Act on a key; whether it was one of this mode."""
        if self.inserting:
            if event.key != "escape" or not self._pane.writable:
                return False
            self.inserting = False
            self._tell()
            return True
        if event.key == "escape" or event.key.startswith(("alt+", "ctrl+")):
            self._first = ""
            return False
        name = self._actions.get(event.key)
        if name is not None and not self._first:
            self._pane.post_message(self._pane.Wanted(name))
            return True
        if not (event.is_printable and event.character):
            return False
        pair, self._first = self._first + event.character, ""
        if pair in _LEADS:
            self._first = pair
        elif pair in _KEYS:
            _KEYS[pair](self._pane)
        return True  # a letter without a meaning types nothing in this mode


def _begin(pane: ReportPane) -> None:
    assert pane.vim is not None
    pane.vim.insert()


def _append(pane: ReportPane) -> None:
    buffer = pane.buffer
    if buffer.at < len(buffer.text) and buffer.text[buffer.at] != "\n":
        buffer.move(1)
    _begin(pane)


def _at_row(step: int) -> Callable[[ReportPane], None]:
    def go(pane: ReportPane) -> None:
        pane.row_end(step)
        _begin(pane)

    return go


def _open_below(pane: ReportPane) -> None:
    buffer = pane.buffer
    end = buffer.text.find("\n", buffer.at)
    buffer.go(buffer.section, len(buffer.text) if end < 0 else end)
    pane.write("\n")
    _begin(pane)


def _open_above(pane: ReportPane) -> None:
    buffer = pane.buffer
    start = buffer.text.rfind("\n", 0, buffer.at) + 1
    buffer.go(buffer.section, start)
    pane.write("\n")
    buffer.go(buffer.section, start)
    _begin(pane)


def _erase_line(pane: ReportPane) -> None:
    buffer = pane.buffer
    start = buffer.text.rfind("\n", 0, buffer.at) + 1
    end = buffer.text.find("\n", buffer.at)
    buffer.go(buffer.section, start)
    buffer.go(buffer.section, len(buffer.text) if end < 0 else end + 1, select=True)
    pane.erase()


def _again(pane: ReportPane) -> None:
    if pane.sought:
        pane.find(pane.sought)


_LEADS: Final = frozenset({"d", "g"})
_KEYS: Final[Mapping[str, Callable[[ReportPane], None]]] = {
    "h": lambda pane: pane.buffer.move(-1),
    "l": lambda pane: pane.buffer.move(1),
    "j": lambda pane: pane.vertical(1),
    "k": lambda pane: pane.vertical(-1),
    "w": lambda pane: pane.buffer.move(1, word=True),
    "b": lambda pane: pane.buffer.move(-1, word=True),
    "0": lambda pane: pane.row_end(-1),
    "$": lambda pane: pane.row_end(1),
    "gg": lambda pane: pane.buffer.go(0, 0),
    "G": lambda pane: pane.buffer.go(len(pane.buffer.texts) - 1, 1 << 30),
    "i": _begin,
    "a": _append,
    "I": _at_row(-1),
    "A": _at_row(1),
    "o": _open_below,
    "O": _open_above,
    "x": lambda pane: pane.erase(forward=True),
    "dd": _erase_line,
    "dw": lambda pane: pane.erase(forward=True, word=True),
    "n": _again,
}
