"""The render guard: no control or format character of a text ever reaches the terminal.

Text from outside is cleaned at the edge (`teleread.model.text.clean`); this is the second wall, for whatever
comes another way. Textual sends the text of a segment to the terminal as it is, escape sequences included.
It also ends, without a word, at the first key that is no UTF-8: a guard for what comes in stands here too.
"""

from __future__ import annotations

import codecs
import sys
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

__all__ = ["harmless", "install", "installed"]

_original: Final = Strip.render


@lru_cache(maxsize=4096)
def harmless(text: str) -> str:
    """The text without characters that are not printable; odd blanks become a blank."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if unicodedata.category(char) == "Zs" else "" for char in text
    )


def _plain_link(style: Style | None) -> Style | None:
    """A style without its hyperlink: an address is a way out of the program."""
    if style is None or not style.link:
        return style
    return style.update_link(None)


def _guarded(self: Strip, console: Console) -> str:
    if self._render_cache is None:
        for text, style, _ in self._segments:
            if not text.isprintable() or (style is not None and style._link):
                break
        else:
            return _original(self, console)
        safe = Strip(
            [
                Segment(harmless(text), _plain_link(style))
                for text, style, control in self._segments
                if not control
            ],
            self._cell_length,
        )
        self._render_cache = _original(safe, console)
    return self._render_cache


def _forgiving(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
    """A decoder that shows a byte it can't read as U+FFFD and reads on."""
    return partial(codecs.getincrementaldecoder(encoding), errors="replace")


def install() -> None:
    """Put the guards into Textual; harmless twice."""
    Strip.render = _guarded  # type: ignore[method-assign]
    if sys.platform != "win32":
        from textual.drivers import linux_driver

        linux_driver.getincrementaldecoder = _forgiving  # type: ignore[attr-defined, assignment]


def installed() -> bool:
    """Whether the guard is in place."""
    return Strip.render is _guarded
