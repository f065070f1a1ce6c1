"""Asking the terminal on this process's own line which pictures it can show; POSIX alone."""

from __future__ import annotations

import os
import select
import struct
import sys
import time
from dataclasses import replace
from typing import Final

from .probe import MAX_ANSWER, QUESTIONS, TerminalFacts, complete, facts_from

__all__ = ["LIMIT", "LIMIT_FAR", "ask_terminal"]

LIMIT: Final = 0.15
"""Seconds a terminal on this machine has for its answers."""
LIMIT_FAR: Final = 0.6
"""Seconds over ssh."""


def ask_terminal(limit: float = LIMIT) -> TerminalFacts:
    """Ask, and wait no longer than the limit. Nothing is echoed, and what was typed meanwhile is lost.

    Args:
        limit: Seconds.

    Returns:
        What came back; a `TerminalFacts()` where there is no terminal, or it said nothing.
    """
    if sys.platform == "win32":
        return TerminalFacts()
    import termios
    import tty

    try:
        line = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return TerminalFacts()
    try:
        before = termios.tcgetattr(line)
        try:
            tty.setraw(line, termios.TCSANOW)
            os.write(line, QUESTIONS.encode())
            facts = facts_from(_answers(line, limit))
            return facts if facts.cell is not None else replace(facts, cell=_cell(line))
        finally:
            termios.tcsetattr(line, termios.TCSAFLUSH, before)  # a late answer must not look like typing
    except (OSError, termios.error):
        return TerminalFacts()
    finally:
        os.close(line)


def _cell(line: int) -> tuple[int, int] | None:
    """Pixels of a cell as the kernel was told; xterm answers no question on its size, and tells it here."""
    import fcntl
    import termios

    if sys.platform == "win32":
        return None
    rows, columns, width, height = struct.unpack("4H", fcntl.ioctl(line, termios.TIOCGWINSZ, bytes(8)))
    if not (rows and columns) or width < 2 * columns or height < 2 * rows:
        return None
    return width // columns, height // rows


def _answers(line: int, limit: float) -> bytes:
    found = b""
    end = time.monotonic() + limit
    while not complete(found):
        left = end - time.monotonic()
        if left <= 0 or not select.select([line], [], [], left)[0]:
            break
        got = os.read(line, MAX_ANSWER)
        if not got:
            break
        found += got
    return found
