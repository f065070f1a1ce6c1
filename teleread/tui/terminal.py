"""Questions to the terminal before the screen starts, each with a time limit."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import Final

from .themes import DARK, LIGHT

__all__ = ["background_luminance", "first_look", "parse_background"]

LIMIT: Final = 0.1
"""Seconds the terminal has to answer."""
_ANSWER: Final = re.compile(rb"\x1b\]11;rgb:([0-9a-fA-F]{2,4})/([0-9a-fA-F]{2,4})/([0-9a-fA-F]{2,4})")
_POSITION: Final = re.compile(rb"\x1b\[\d+;\d+R")


def first_look(picked: str) -> str:
    """The theme to begin with while the reader has picked none."""
    if os.environ.get("NO_COLOR"):
        return "mono-16"
    if picked not in {"auto", ""}:
        return DARK
    light = background_luminance()
    return LIGHT if light is not None and light > 0.5 else DARK


def parse_background(answer: bytes) -> float | None:
    """Relative luminance of the background in an OSC 11 answer, 0 to 1; None where it holds none."""
    found = _ANSWER.search(answer)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def background_luminance() -> float | None:
    """Ask the terminal for its background; None where it does not say within `LIMIT`.

    The cursor's position is asked for behind it: every terminal answers that, so one that keeps its colour
    to itself costs no waiting. Windows consoles are not asked.
    """
    keyboard, screen = sys.__stdin__, sys.__stdout__
    if os.name != "posix" or keyboard is None or screen is None:
        return None
    if not (keyboard.isatty() and screen.isatty()):
        return None
    import select
    import termios
    import tty

    descriptor = keyboard.fileno()
    try:
        before = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor, termios.TCSANOW)
    except (termios.error, OSError):
        return None
    answer = b""
    try:
        os.write(screen.fileno(), b"\x1b]11;?\x1b\\\x1b[6n")
        until = time.monotonic() + LIMIT
        while not _POSITION.search(answer) and len(answer) < 256:
            left = until - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                break
            answer += os.read(descriptor, 64)
    except OSError:
        return None
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
    return parse_background(answer)
