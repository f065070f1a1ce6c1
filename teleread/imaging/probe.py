"""Which pictures a terminal can show: what to ask it, how to read its answers, what to choose. I/O-free.

The caller writes `QUESTIONS`, collects what comes within a time limit (a hundred milliseconds; over ssh
more), and stops early once `complete` says so: the last question is one that every terminal answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from .protocol import colours_of

__all__ = ["PROTOCOLS", "QUESTIONS", "TerminalFacts", "choose", "complete", "facts_from", "local"]

QUESTIONS: Final = (
    "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"  # Kitty: is this picture understood?
    "\x1b[>q"  # XTVERSION: who is there?
    "\x1b[16t"  # how large is a cell, in pixels?
    "\x1b[?1;1;0S"  # how many Sixel colours?
    "\x1b[c"  # DA1: what kind of terminal? Everyone answers, so it comes last.
)
MAX_ANSWER: Final = 4096
"""Most bytes read of answers; more is no terminal."""

PROTOCOLS: Final = ("kitty", "iterm2", "sixel", "sextant", "quadrant", "halfblock", "braille", "none")
"""Ways of drawing by name."""

_KITTY: Final = re.compile(rb"\x1b_Gi=31;([^\x1b]{0,64})\x1b\\")
_DEVICE: Final = re.compile(rb"\x1b\[\?([0-9;]{1,64})c")
_CELL: Final = re.compile(rb"\x1b\[6;(\d{1,4});(\d{1,4})t")
_REGISTERS: Final = re.compile(rb"\x1b\[\?1;0;(\d{1,6})S")
_VERSION: Final = re.compile(rb"\x1bP>\|([^\x1b]{0,80})\x1b\\")
_NAMED: Final = re.compile(r"([a-z]+2?)[ (/v-]*([0-9.]{0,20})")
_INLINE: Final = ("iterm", "wezterm", "mintty", "konsole", "rio", "tabby")
"""Terminals that take iTerm2's inline images, as XTVERSION or TERM_PROGRAM names them."""


@dataclass(frozen=True, slots=True)
class TerminalFacts:
    """What a terminal said of itself."""

    answered: bool = False
    """It answered at all."""
    kitty: bool = False
    """It understands Kitty graphics."""
    sixel: bool = False
    """It draws Sixel (DA1 names feature 4)."""
    sixel_colours: int = 0
    """Colour registers; 0 where not said."""
    cell: tuple[int, int] | None = None
    """Width and height of a cell, pixels."""
    name: str = ""
    """As XTVERSION says, lower case, letters alone."""
    version: tuple[int, ...] = ()
    """As XTVERSION says."""

    @property
    def placeholders(self) -> bool:
        """It draws Kitty pictures wherever their placeholder cells stand (kitty from 0.28 on, Ghostty)."""
        return self.kitty and (self.name == "ghostty" or (self.name == "kitty" and self.version >= (0, 28)))


def complete(answer: bytes) -> bool:
    """Whether the last answer is there, so that nothing more need be waited for.

    Args:
        answer: Everything read so far.
    """
    return len(answer) >= MAX_ANSWER or _DEVICE.search(answer) is not None


def facts_from(answer: bytes) -> TerminalFacts:
    """Read what came back.

    Args:
        answer: Everything read within the time limit; anything else in it (keys typed early) is passed over.
    """
    answer = answer[:MAX_ANSWER]
    facts = TerminalFacts()
    device = _DEVICE.search(answer)
    if device is not None:
        facts = replace(facts, answered=True, sixel=b"4" in device[1].split(b";")[1:])
    kitty = _KITTY.search(answer)
    if kitty is not None:
        facts = replace(facts, answered=True, kitty=kitty[1].startswith(b"OK"))
    cell = _CELL.search(answer)
    if cell is not None and 2 <= int(cell[2]) <= 200 and 2 <= int(cell[1]) <= 400:
        facts = replace(facts, cell=(int(cell[2]), int(cell[1])))
    registers = _REGISTERS.search(answer)
    if registers is not None:
        facts = replace(facts, sixel_colours=int(registers[1]))
    version = _VERSION.search(answer)
    if version is not None:
        said = version[1].decode("ascii", "ignore").lower()
        named = _NAMED.match(said)
        if named is not None:
            figures = tuple(int(figure) for figure in named[2].split(".") if figure)
            facts = replace(facts, name=named[1].strip(), version=figures)
    return facts


def choose(facts: TerminalFacts, environment: Mapping[str, str]) -> str:
    """The best way of drawing, one of `PROTOCOLS`.

    A graphics protocol is taken only where the terminal itself said that it understands; inside tmux, screen
    and mosh that is what stands between, so half blocks stay unless it said so.

    Args:
        facts: From `facts_from`; a `TerminalFacts()` where nothing was asked or nothing came.
        environment: Environment variables.
    """
    term = environment.get("TERM", "")
    if term in ("", "dumb"):
        return "none"
    if colours_of(environment) == "mono":
        return "braille" if _unicode(environment) else "none"
    between = bool(environment.get("TMUX")) or term.startswith(("tmux", "screen"))
    if facts.kitty and not between:
        return "kitty"
    program = environment.get("TERM_PROGRAM", "").lower().removesuffix(".app")
    if facts.answered and not between and (facts.name or program).startswith(_INLINE):
        return "iterm2"
    if facts.sixel:
        return "sixel"
    return "halfblock"


def local(environment: Mapping[str, str]) -> bool:
    """Whether the terminal runs on this machine, so that shared memory reaches it.

    Args:
        environment: Environment variables.
    """
    return not any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"))


def _unicode(environment: Mapping[str, str]) -> bool:
    spoken = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    return "utf" in spoken.lower()
