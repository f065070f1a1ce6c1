"""Real terminals on a screen of their own: what Sixel and Kitty pictures look like there, pixel by pixel.

Needs Xvfb, ImageMagick's ``import``, and the terminal; ``teleread image`` runs in it, asks it what it can,
and the picture on the screen is compared with the one that was sent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.peers.orthanc import need
from tests.unit.imaging_files import picture

ROOT = Path(__file__).resolve().parents[2]
SIZE = (1000, 800)

XTERM = ["xterm", "-ti", "vt340", "-geometry", "80x40", "-bg", "#003040", "-fg", "#80a0c0", "-e"]
KITTY = [
    "kitty", "--config", "NONE", "-o", "background=#003040", "-o", "foreground=#80a0c0",
    "-o", "initial_window_width=900", "-o", "initial_window_height=700", "-o", "remember_window_size=no",
]  # fmt: skip


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[str]:
    need("Xvfb", shutil.which("Xvfb"))
    need("ImageMagick (import)", shutil.which("import"))
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp"],
        pass_fds=(writer,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as line:
            number = line.readline().strip()
        assert number
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


def seen(screen: str, argv: list[str], script: str, tmp_path: Path) -> NDArray[np.uint8]:
    """Run a script in a terminal; the screen once the script says that it is done."""
    done, file = tmp_path / "done", tmp_path / "run.sh"
    file.write_text(f"cd {ROOT}\n{script}\ntouch {done}\nsleep 60\n")
    environment = {
        "DISPLAY": screen,
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "COLORTERM": "truecolor",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "TELEREAD_HOME": str(tmp_path / "home"),
    }
    terminal = subprocess.Popen(
        [*argv, "sh", str(file)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 60
        while not done.exists():
            assert time.monotonic() < end, "the terminal did not come up"
            assert terminal.poll() is None, "the terminal ended"
            time.sleep(0.1)
        shot = tmp_path / "shot.png"
        last: bytes | None = None
        grab = ["import", "-window", "root", f"rgb:{shot}"]
        for _ in range(40):  # until two pictures of the screen are the same
            subprocess.run(grab, env=environment, check=True, timeout=30)
            data = shot.read_bytes()
            if data == last:
                break
            last = data
            time.sleep(0.5)
        assert last is not None
        wide = 2 if len(last) == SIZE[0] * SIZE[1] * 6 else 1
        found = np.frombuffer(last, np.uint8).reshape(SIZE[1], SIZE[0], 3, wide)
        pixels: NDArray[np.uint8] = np.ascontiguousarray(found[..., wide - 1])
        return pixels
    finally:
        terminal.terminate()
        terminal.wait(10)


def pattern() -> NDArray[np.uint8]:
    """Greys of every kind, with a white frame to find it by."""
    y, x = np.mgrid[0:120, 0:120]
    out: NDArray[np.uint8] = ((x * 2 + y) % 256).astype(np.uint8)
    out[40:80, 40:80] = np.where((x[40:80, 40:80] // 8 + y[40:80, 40:80] // 8) % 2, 230, 20)
    out[:3], out[-3:], out[:, :3], out[:, -3:] = 255, 255, 255, 255
    return out


def shown_in(shot: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The grey part of a screen whose background is none, as large as the pattern."""
    white = (shot == 255).all(axis=2)
    rows, columns = np.flatnonzero(white.sum(axis=1) > 100), np.flatnonzero(white.sum(axis=0) > 100)
    assert len(rows), "no picture on the screen"
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    part = Image.fromarray(shot).crop(box)
    assert 0.95 < (box[2] - box[0]) / (box[3] - box[1]) < 1.05  # square pixels stay square
    greys = np.asarray(part.resize((120, 120), Image.Resampling.BOX)).astype(np.float64)
    assert np.abs(greys - greys.mean(axis=2, keepdims=True)).max() < 4
    found: NDArray[np.float64] = greys.mean(axis=2)
    return found


@pytest.mark.peer("terminals")
@pytest.mark.parametrize(
    ("program", "argv", "way"),
    [
        ("xterm", XTERM, "auto"),
        ("xterm", XTERM, "sixel"),
        ("kitty", KITTY, "auto"),
        ("kitty", KITTY, "kitty"),
    ],
)
def test_a_picture_on_a_real_screen_is_the_one_that_was_sent(
    program: str, argv: list[str], way: str, screen: str, tmp_path: Path
) -> None:
    need(program, shutil.which(program))
    if way == "sixel" or (program == "xterm" and way == "auto"):
        need("xterm with Sixel", _has_sixel())
    file = tmp_path / "picture.dcm"
    file.write_bytes(picture(pattern()))
    command = f"{sys.executable} -m teleread image {file} --protocol {way}"
    shot = seen(screen, argv, command, tmp_path)
    off = np.abs(shown_in(shot) - pattern())
    assert np.median(off) <= 3
    assert off.mean() <= 8  # scaled up and down again


def _has_sixel() -> bool:
    told = subprocess.run(["xterm", "-version"], capture_output=True, text=True, timeout=10).stdout
    figures = "".join(char for char in told if char.isdigit())
    return bool(figures) and int(figures) >= 330
