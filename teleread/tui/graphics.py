"""Which pictures the terminal can show: asked behind the first paint, answered whenever it likes.

The questions go out with the screen already drawn, and the answers are taken out of what is typed before
Textual reads it, so nothing waits and nothing of an answer is ever a key. A terminal that says nothing
keeps half blocks.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from teleread.imaging.probe import TerminalFacts

    from .widgets.picture_paint import Painter

__all__ = ["Graphics", "Listener", "install", "questions"]

WINDOW: Final = 5.0
"""Seconds after the question in which an answer that comes in pieces is put together."""
MAX_ANSWER: Final = 4096

_ANSWERS: Final = re.compile(
    r"\x1b_G[^\x1b]{0,128}\x1b\\|\x1bP>\|[^\x1b]{0,128}\x1b\\|\x1b\[\?[0-9;]{1,64}[cS]|\x1b\[6;\d{1,4};\d{1,4}t"
)
_BEGUN: Final = re.compile(r"\x1b(?:_G[^\x1b]{0,128}\x1b?|P>[^\x1b]{0,128}\x1b?|\[\?[0-9;]{0,64})\Z")


class Listener:
    """Takes answers out of what the terminal sends.

    Args:
        heard: Told everything answered so far, from the thread that reads keys.
    """

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._answers = ""
        self._begun = ""
        self.open = True
        """Pieces are still put together; a lone Escape is never kept back."""

    def take(self, data: str) -> str:
        """What is left of some input when the answers are out of it."""
        data, self._begun = self._begun + data, ""
        found = "".join(_ANSWERS.findall(data))
        if found:
            data = _ANSWERS.sub("", data)
            if len(self._answers) < MAX_ANSWER:
                self._answers += found
                self._heard(self._answers.encode("latin-1", "replace"))
        if self.open and (begun := _BEGUN.search(data)):
            data, self._begun = data[: begun.start()], begun[0]
        return data


_listener: Listener | None = None


def install() -> None:
    """Put the listener before Textual's parser, before any thread reads keys; harmless twice."""
    from textual._xterm_parser import XTermParser

    plain: Any = XTermParser.feed
    if getattr(XTermParser, "listens", False):
        return

    def feed(self: XTermParser, data: str) -> Any:
        if _listener is None or not data:
            return plain(self, data)
        left = _listener.take(data)
        return plain(self, left) if left else ()

    XTermParser.listens = True  # type: ignore[attr-defined]
    XTermParser.feed = feed  # type: ignore[method-assign]


def questions(environment: Mapping[str, str]) -> str:
    """What to ask; nothing where the answer is known or a question would be printed.

    Args:
        environment: Environment variables.
    """
    from teleread.imaging.probe import QUESTIONS
    from teleread.imaging.protocol import colours_of

    term = environment.get("TERM", "")
    if term in ("", "dumb", "linux") or colours_of(environment) == "mono":
        return ""
    if environment.get("TMUX") or term.startswith(("tmux", "screen")):
        return "\x1b[c"  # a Kitty question would become the title of the pane
    return QUESTIONS


class Graphics:
    """What is known of the terminal, and the painters that follow from it.

    Args:
        setting: The reader's own choice of a way of drawing; ``auto`` for none.
        colours: What the reader says the terminal can show; ``auto`` asks the environment.
        environment: In place of the process's own.
    """

    def __init__(
        self, setting: str = "auto", colours: str = "auto", environment: Mapping[str, str] | None = None
    ) -> None:
        from teleread.imaging.probe import TerminalFacts
        from teleread.imaging.protocol import COLOURS, colours_of

        self.setting = setting
        self._around = os.environ if environment is None else environment
        self.colours = colours if colours in COLOURS else colours_of(self._around)
        """What the terminal can show."""
        self.facts: TerminalFacts = TerminalFacts()
        self._told: Callable[[], object] = lambda: None

    def ask(self, write: Callable[[str], object], told: Callable[[], object]) -> None:
        """Ask the terminal.

        Args:
            write: Writes to it.
            told: Called from the thread that reads keys when it has said something new.
        """
        global _listener
        asked = questions(self._around)
        if not asked:
            return
        self._told = told
        _listener = Listener(self._heard)
        write(asked)
        closing = threading.Timer(WINDOW, _stop, (_listener,))
        closing.daemon = True
        closing.start()

    def _heard(self, answers: bytes) -> None:
        from teleread.imaging.probe import facts_from

        facts = facts_from(answers)
        if facts != self.facts:
            self.facts = facts
            self._told()

    @property
    def name(self) -> str:
        """The way pictures are drawn: one of `teleread.imaging.probe.PROTOCOLS`."""
        from teleread.imaging.probe import PROTOCOLS, choose

        name = self.setting if self.setting in PROTOCOLS else choose(self.facts, self._around)
        return "halfblock" if name == "none" else name

    def painter(self, slot: int = 0, *, plain: bool = False) -> Painter:
        """A painter for a pane.

        Args:
            slot: Which pane.
            plain: In cells, whatever the terminal can: something lies on the pane.
        """
        from .widgets.picture_paint import cell_size, painter_for

        name = self.name
        if plain and name in ("kitty", "sixel", "iterm2"):
            name = "halfblock"
        return painter_for(name, self.colours, self.facts, cell_size(), slot, self._around)


def _stop(listener: Listener) -> None:
    listener.open = False
