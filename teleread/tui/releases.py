"""When a key is let go, as terminals with kitty's keyboard protocol tell it, while somebody wants to know.

The protocol (sw.kovidgoyal.net/kitty/keyboard-protocol, "event types") adds ``:2`` to what a key that
repeats sends and ``:3`` to what one that is let go sends. Textual knows neither: they are taken out here,
before it reads any. Other terminals ignore the question, and then nothing is ever let go.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from textual._keyboard_protocol import FUNCTIONAL_KEYS

if TYPE_CHECKING:
    from textual.driver import Driver

__all__ = ["ASK", "RELEASES", "STOP", "Releases", "watch", "watch_no_more"]

ASK: Final = "\x1b[=2;2u"
"""Report event types too, besides what is reported already."""
STOP: Final = "\x1b[=2;3u"
"""Don't any more."""
_EVENT: Final = re.compile(r"\x1b\[([\d:]*);(\d*):([123])((?:;[\d:]*)?)([u~A-S])")
_BEGUN: Final = re.compile(r"\x1b\[[\d:;]+\Z")
"""The beginning of such a sequence, cut off by the size of a read."""
_LONGEST: Final = 40
"""Characters kept back at most: no key sends more."""


class Releases:
    """Takes event types out of what a terminal sends, and tells which key was let go."""

    def __init__(self) -> None:
        self.told: Callable[[str], object] | None = None
        """Who wants to know, by a key's name as Textual has it; called on the thread that reads keys."""
        self._held = ""

    def clean(self, data: str) -> str:
        """What a terminal sent, as Textual knows it."""
        data, self._held = self._held + data, ""
        if self.told is not None and (begun := _BEGUN.search(data)) and len(begun.group()) < _LONGEST:
            data, self._held = data[: begun.start()], begun.group()
        return _EVENT.sub(self._plain, data) if "\x1b[" in data else data

    def _plain(self, found: re.Match[str]) -> str:
        code, modifiers, event, text, end = found.groups()
        if event == "3":
            if self.told is not None:
                self.told(_name(code, end))
            return ""
        modifiers = "" if modifiers == "1" else modifiers
        if not modifiers and not text:
            return f"\x1b[{'' if end.isupper() else code}{end}"
        return f"\x1b[{code};{modifiers}{text}{end}"


def _name(code: str, end: str) -> str:
    number = code.partition(":")[0] or "1"
    named = FUNCTIONAL_KEYS.get(f"{number}{end}")
    if named is not None or end != "u":
        return named or ""
    point = int(number)
    return "space" if point == 32 else chr(point) if 32 < point < 0x110000 else ""


RELEASES: Final = Releases()
"""Of the one terminal there is."""


def watch(driver: Driver | None, key: str, call: Callable[[], object]) -> None:
    """Ask the terminal to tell when keys are let go; `call` is called, on this loop, when that one is."""
    loop = asyncio.get_running_loop()

    def told(name: str) -> None:
        if name == key and not loop.is_closed():
            loop.call_soon_threadsafe(call)

    if driver is not None and key:
        RELEASES.told = told
        driver.write(ASK)


def watch_no_more(driver: Driver | None) -> None:
    """Nobody wants to know any more."""
    if RELEASES.told is not None:
        RELEASES.told = None
        if driver is not None:
            driver.write(STOP)
