"""Questions to the terminal before the screen starts, each with a time limit."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from typing import Final

from .themes import DARK, LIGHT

__all__ = ["background_luminance", "first_look", "on_hangup", "parse_background"]

LIMIT: Final = 0.1
"""Seconds the terminal has to answer."""
GRACE: Final = 2.0
"""Seconds to leave in when the terminal is gone."""
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


def on_hangup(leave: Callable[[], object]) -> None:
    """Watch, in a thread, for the terminal to go: call `leave`, and end the process if that does not.

    A session without a controlling terminal gets no SIGHUP, reads ends of file for ever and blocks on what
    it can't write. Drafts are in the journal by then, and the engine goes on by itself. One that gets SIGHUP
    leaves in order, too: the last of what was dictated is sealed.
    """
    if os.name != "posix" or sys.__stdin__ is None or not sys.__stdin__.isatty():
        return
    import select
    import signal
    import threading

    watch = select.poll()
    watch.register(sys.__stdin__.fileno(), 0)  # nothing asked for: it ends with a hang-up alone

    def end() -> None:
        leave()
        time.sleep(GRACE)
        os._exit(1)

    def wait() -> None:
        watch.poll(None)
        end()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=end, daemon=True).start())
    threading.Thread(target=wait, name="hangup", daemon=True).start()


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
