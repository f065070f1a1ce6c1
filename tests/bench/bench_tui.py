"""Key to paint on a list of 10,000 and in the editor, first paint beside a bare Textual app, memory.

Run it: ``python tests/bench/bench_tui.py``. Real ptys; each time is from the write of a key to the first
cells it paints. It prints times and ratios; nothing is asserted.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIZE = (50, 160)
KEYS = 200
ROUNDS = 5

OURS = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.unit.tui_fake import FakeStation
from teleread.tui.app import run
run(FakeStation(COUNT))
"""

BARE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.unit.tui_fake import FakeStation
rows = FakeStation(1000).items()
from rich.text import Text
from textual.app import App
from textual.containers import Horizontal
from textual.scroll_view import ScrollView
from textual.geometry import Size
from textual.strip import Strip
from rich.segment import Segment
from textual.widget import Widget
class Row(Widget):
    DEFAULT_CSS = "Row {{ height: 1; }}"
    def render_line(self, y): return Strip([Segment("x" * self.size.width)], self.size.width)
class Rows(ScrollView, can_focus=True):
    def on_mount(self): self.virtual_size = Size(80, 1000)
    def render_line(self, y): return Strip([Segment("RUSSO, Giulia   CT head".ljust(self.size.width))])
class Bare(App):
    CSS = "Horizontal {{ height: 1fr; }} Rows {{ width: 1fr; }} Horizontal Row {{ width: 45; height: 1fr; }}"
    def compose(self):
        yield Row(); yield Row(); yield Row()
        with Horizontal():
            yield Rows(); yield Row()
        yield Row(); yield Row()
Bare().run()
"""


class Terminal:
    """A program in a pty."""

    def __init__(self, code: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        environ = {
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
        }
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environ,
            start_new_session=True,
        )
        os.close(slave)

    def until(self, mark: bytes, limit: float = 30.0) -> float:
        """Seconds from the start until something is painted."""
        got = b""
        end = time.perf_counter() + limit
        while mark not in got and time.perf_counter() < end:
            if select.select([self.master], [], [], 0.5)[0]:
                got += os.read(self.master, 65536)
        return time.perf_counter() - self.started

    def drain(self, quiet: float = 0.3) -> None:
        """Read until nothing comes."""
        while select.select([self.master], [], [], quiet)[0]:
            os.read(self.master, 65536)

    def key(self, key: bytes) -> float:
        """Milliseconds from a key to what it paints."""
        start = time.perf_counter()
        os.write(self.master, key)
        seen = b""
        while not re.search(rb"\x1b\[[0-9;]*m", seen):
            if not select.select([self.master], [], [], 2.0)[0]:
                return 2000.0
            seen += os.read(self.master, 65536)
        spent = (time.perf_counter() - start) * 1000
        self.drain(0.02)
        return spent

    def memory(self) -> float:
        """Resident megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def shown(name: str, times: list[float]) -> None:
    """One line."""
    ordered = sorted(times)
    middle, late = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99) - 1]
    print(f"{name:34} median {middle:6.1f} ms   p99 {late:6.1f} ms   ratio to 50 ms {late / 50:.2f}")


def first_paint() -> None:
    """Ours with 1,000 rows beside a bare app with the same widgets, turn by turn."""
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        for code, kept in ((OURS.replace("COUNT", "1000"), ours), (BARE, bare)):
            terminal = Terminal(code)
            kept.append(terminal.until(b"RUSSO") * 1000)
            terminal.close()
    mine, theirs = min(ours), min(bare)
    words = f"ours {mine:.0f} ms   bare {theirs:.0f} ms   ratio {mine / theirs:.2f}"
    print(f"first paint, 1,000 rows            {words}")


def main() -> None:
    """Measure and print."""
    first_paint()
    terminal = Terminal(OURS.replace("COUNT", "10000"))
    terminal.until(b"RUSSO")
    terminal.drain(1.0)
    print(f"memory with 10,000 rows            {terminal.memory():.0f} MB")
    shown("key to paint, list of 10,000", [terminal.key(b"s") for _ in range(KEYS)])
    shown("page down, list of 10,000", [terminal.key(b"S") for _ in range(KEYS // 4)])
    os.write(terminal.master, b"g")
    time.sleep(0.2)
    os.write(terminal.master, b"g")
    terminal.drain(0.5)
    os.write(terminal.master, b"\r")
    terminal.drain(1.5)
    os.write(terminal.master, b"i")
    terminal.drain(1.5)
    shown("key to paint, editor", [terminal.key(b"a" if count % 7 else b" ") for count in range(KEYS)])
    print(f"memory with a case open            {terminal.memory():.0f} MB")
    terminal.close()


if __name__ == "__main__":
    main()
