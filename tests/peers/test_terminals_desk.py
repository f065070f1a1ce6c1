"""The reading desk in real terminals: pictures in their own pixels, and nothing left of them when they go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.peers.orthanc import need
from tests.peers.test_terminals import KITTY, ROOT, SIZE, XTERM, _has_sixel, screen

__all__ = ["screen"]

PATIENCE = 90.0
XTERM_WIDE = [word if word != "80x40" else "130x45" for word in XTERM]
Shot = NDArray[np.uint8]


class Desk:
    """The desk in a terminal of its own.

    Args:
        display: Where the terminal shows itself.
        argv: The terminal.
        tmp_path: Where the pipe for keys is.
    """

    def __init__(self, display: str, argv: list[str], tmp_path: Path) -> None:
        pipe = tmp_path / "keys"
        os.mkfifo(pipe)
        self.environment = {
            "DISPLAY": display,
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }
        desk = ["env", "COLORTERM=truecolor", "TERM=xterm-256color", sys.executable, "-m"]
        words = [sys.executable, str(ROOT / "tests/peers/typed.py"), str(pipe), *desk]
        words.append("tests.peers.desk_with_pictures")
        self.terminal = subprocess.Popen(
            [*argv, *words],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.keys = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)

    def type(self, keys: str) -> None:
        """Type."""
        os.write(self.keys, keys.encode())

    def seen(self) -> Shot:
        """The screen now."""
        done = subprocess.run(
            ["import", "-window", "root", "rgb:-"],
            env=self.environment,
            check=True,
            timeout=60,
            capture_output=True,
        )
        wide = 2 if len(done.stdout) == SIZE[0] * SIZE[1] * 6 else 1
        found = np.frombuffer(done.stdout, np.uint8).reshape(SIZE[1], SIZE[0], 3, wide)
        return np.ascontiguousarray(found[..., wide - 1])

    def until(self, what: Callable[[Shot], bool], keys: str = "") -> Shot:
        """Until the screen is so; keys are typed again each second while it is not."""
        end = time.monotonic() + PATIENCE
        while True:
            shot = self.seen()
            if what(shot):
                return shot
            assert time.monotonic() < end, "it was never seen"
            assert self.terminal.poll() is None, "the terminal ended"
            self.type(keys)
            time.sleep(1.0)

    def close(self) -> None:
        """End the terminal."""
        os.close(self.keys)
        self.terminal.terminate()
        self.terminal.wait(10)


def sloped(shot: Shot) -> NDArray[np.bool_]:
    """Rows of the screen that carry a picture: greys, no colours, that grow over more than 120 pixels."""
    grey = shot[..., 0].astype(np.int16)
    flat = (np.abs(shot.astype(np.int16) - grey[..., None]) <= 3).all(axis=2)
    steps = np.diff(grey, axis=1)
    inner = (grey[:, 1:] > 8) & (grey[:, 1:] < 248)
    gentle = flat[:, 1:] & flat[:, :-1] & (steps >= -1) & (steps <= 14) & inner
    found = np.zeros(len(shot), np.bool_)
    length, rise = np.zeros(len(shot), np.int64), np.zeros(len(shot), np.int64)
    for column in range(gentle.shape[1]):
        on = gentle[:, column]
        length = np.where(on, length + 1, 0)
        rise = np.where(on, rise + steps[:, column], 0)
        found |= (length > 120) & (rise > 90)
    return found


def slopes(shot: Shot) -> int:
    """How many rows carry a picture."""
    return int(sloped(shot).sum())


def a_picture(shot: Shot) -> bool:
    """A picture is on the screen."""
    return slopes(shot) > 120


def real_pixels(shot: Shot, edge: int) -> bool:
    """A picture is there, with more greys in a row than its pane has columns of cells.

    Args:
        shot: The screen.
        edge: Where its pane ends, pixels.
    """
    rows = shot[sloped(shot)][:, :edge, 0]
    return a_picture(shot) and max(len(np.unique(row)) for row in rows) > 85


def no_picture(shot: Shot) -> bool:
    """Nothing of one is."""
    return slopes(shot) == 0


@pytest.mark.peer("terminals")
@pytest.mark.parametrize(("program", "argv", "edge"), [("xterm", XTERM_WIDE, 440), ("kitty", KITTY, 900)])
def test_pictures_of_the_desk_are_real_pixels_and_leave_no_debris(
    program: str, argv: list[str], edge: int, screen: str, tmp_path: Path
) -> None:
    need(program, shutil.which(program))
    if program == "xterm":
        need("xterm with Sixel", _has_sixel())
    desk = Desk(screen, argv, tmp_path)
    try:
        desk.until(lambda shot: bool((shot > 120).any()))
        shot = desk.until(partial(real_pixels, edge=edge), "\r")
        desk.type("s")
        desk.until(a_picture)
        whole = slopes(shot)
        desk.type("v")
        desk.until(lambda shot: 0 < slopes(shot) < whole)  # two panes: what stood there is gone
        desk.type("\x1b[24~")
        desk.until(no_picture)
        desk.type("opensesame\r")
        desk.until(lambda shot: slopes(shot) > 0)
        desk.type("q")
        desk.until(no_picture)
    finally:
        desk.close()
