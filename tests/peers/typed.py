"""Run a program in a pty inside this terminal, and type what comes through a named pipe besides.

``python typed.py PIPE PROGRAM ...``: how a test types into a real terminal that has no remote control.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import sys
import termios
import tty


def main(pipe: str, argv: list[str]) -> None:
    """Hand bytes to and fro until the program ends."""
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(argv[0], argv)
    fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))
    before = termios.tcgetattr(0)
    tty.setraw(0)
    typed = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        while True:
            ready = select.select([0, master, typed], [], [])[0]
            for source, target in ((master, 1), (0, master), (typed, master)):
                if source in ready:
                    _pass_on(source, target)
    except OSError:  # the program has ended
        pass
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(0, termios.TCSANOW, before)


def _pass_on(source: int, target: int) -> None:
    data = os.read(source, 65536)
    if not data:
        raise OSError("it has ended")
    while data:
        data = data[os.write(target, data) :]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
