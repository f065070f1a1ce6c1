"""A picture that moved in a real pty stands there as if printed whole: nothing of another is left."""

from __future__ import annotations

import contextlib
import os
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyte
import pytest

if sys.platform == "win32":
    pytest.skip("a pty is POSIX", allow_module_level=True)

import fcntl
import pty
import termios

ROOT = Path(__file__).resolve().parents[2]
SIZE = (160, 50)
PATIENCE = 60.0
QUESTIONS = re.compile(
    rb"\x1b\[>[0-9;]*[uq]|\x1b\[<u|\x1b\[=[0-9;]*u|\x1b\[\?[0-9;]*\$p|\x1b_G[^\x1b]*\x1b\\|\x1b\[16t|\x1b\[\?[0-9;]*S"
)
"""What pyte would print as text."""
DESK = """
from dataclasses import replace
import numpy as np
from teleread.tui.app import run
from tests.unit.test_tui_pictures import Decoder, Station
class Moving(Decoder):
    def decode(self, data, frame=1, **more):
        found = super().decode(data, frame, **more)
        place = int(bytes(data).decode().rsplit(".", 1)[1])
        return replace(found, pixels=np.roll(found.pixels, 13 * place, axis=place % 2))
run(Station(12, settings={"colours": "truecolor", "image_protocol": "halfblock"}), decoder_factory=Moving)
"""


class Glass:
    """The desk in a pty, and what its terminal shows."""

    def __init__(self, **more: str) -> None:
        self.master, slave = pty.openpty()
        self._resize(slave, *SIZE)
        where = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLORTERM": "truecolor", **more}
        self.process = subprocess.Popen(
            [sys.executable, "-c", DESK],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**where, "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            start_new_session=True,
        )
        os.close(slave)
        self.screen = pyte.Screen(*SIZE)
        self._stream = pyte.ByteStream(self.screen)

    @staticmethod
    def _resize(handle: int, columns: int, rows: int) -> None:
        fcntl.ioctl(handle, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        """Another size; everything is printed again."""
        self._resize(self.master, columns, rows)
        os.kill(self.process.pid, 28)  # SIGWINCH: the pty is no controlling terminal
        self.screen.resize(rows, columns)

    def read(self, quiet: float = 0.4) -> None:
        """Until nothing comes for a moment, or for too long something does: times left are counted."""
        end = time.monotonic() + 10 * quiet
        while time.monotonic() < end and select.select([self.master], [], [], quiet)[0]:
            try:
                self._stream.feed(QUESTIONS.sub(b"", os.read(self.master, 65536)))
            except OSError:
                return

    def until(self, what: Callable[[], object], words: str) -> None:
        """Until the screen is so."""
        end = time.monotonic() + PATIENCE
        while not what():
            shown = "\n".join(self.screen.display)
            assert time.monotonic() < end, f"never seen: {words}\n{shown}"
            assert self.process.poll() is None, shown
            self.read(0.2)

    def picture(self) -> list[list[Any]]:
        """The pane of pictures: what stands in each cell, and its colours."""
        lines = (self.screen.buffer[row] for row in range(4, SIZE[1] - 3))
        return [[(line[x].data, line[x].fg, line[x].bg) for x in range(88)] for line in lines]

    def shows(self, picture: list[list[Any]]) -> bool:
        """Whether the pane is so."""
        return self.picture() == picture

    def greys(self) -> int:
        """How many colours the pane has."""
        return len({cell[1] for line in self.picture() for cell in line})

    def at_rest(self, number: int) -> list[list[Any]]:
        """The picture of a number, once all its greys are there and nothing moves."""
        self.until(lambda: f"{number}/8" in "\n".join(self.screen.display), f"image {number}")
        self.until(lambda: self.greys() > 45, "all greys")
        before: list[list[Any]] | None = None
        while before != (now := self.picture()):
            before = now
            self.read()
        return before

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait(10)
        with contextlib.suppress(OSError):
            os.close(self.master)


@pytest.fixture(params=["", "192.0.2.1 1 192.0.2.2 22"], ids=["here", "far"])
def glass(request: pytest.FixtureRequest) -> Iterator[Glass]:
    """A desk with a case open; over a line that is spared, too."""
    made = Glass(SSH_CONNECTION=request.param)
    try:
        made.until(lambda: "RUSSO" in "\n".join(made.screen.display), "the list")
        made.read()
        os.write(made.master, b"\r")
        made.at_rest(5)
        yield made
    finally:
        made.close()


def test_moving_windowing_a_sheet_and_another_size_leave_nothing_of_another_picture(glass: Glass) -> None:
    for keys, number in (
        (b"sss", 8),
        (b"wwwww]", 3),
        (b"s" * 4 + b"x", 7),
        (b"?", 7),
        (b"\x1b", 7),
        (b"ww", 5),
    ):
        os.write(glass.master, keys)
        if keys == b"?":
            glass.until(lambda: "Keys here" in "\n".join(glass.screen.display), "the sheet")
            continue
        moved = glass.at_rest(number)
        glass.resize(SIZE[0], SIZE[1] - 1)
        glass.read()
        glass.resize(*SIZE)
        glass.until(partial(glass.shows, moved), f"the same, printed whole, after {keys!r}")
