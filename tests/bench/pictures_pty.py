"""A program in a pty of its own: the desk that counts its pictures, keys sent to it, and what it takes.

A line is slow because the reader of the pty waits: what is written stays in the writer's hands, as behind a
connection whose buffers are full. A real one has buffers of its own besides.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CELL", "KEYS", "PATIENCE", "PICTURE", "ROOT", "Desk", "Drawn", "Screen"]

ROOT = Path(__file__).resolve().parents[2]
CELL = (8, 16)
"""Pixels of a cell."""
KEYS = 80
"""Keys a second."""
SECONDS = 5.0
BURST = 0.05
"""Seconds of a line that may come at once."""
PATIENCE = 30.0
GOING = 5.0
"""Seconds a program has to end by itself."""
PICTURE = "▀".encode()
_SHARED = re.compile(rb"t=s,s=\d+,v=\d+;([A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class Drawn:
    """What was drawn while something was scrolled."""

    pictures: int
    seconds: float
    own_ms: float
    """Processor time of our own drawing, all of it."""
    cpu_ms: float
    """Of the process that draws, all of it."""
    child_ms: float
    """Of the one that decodes."""
    octets: int

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return self.pictures / max(self.seconds, 1e-9)

    def each(self, total: float) -> float:
        """A share of a picture."""
        return total / max(1, self.pictures)


class Screen:
    """A program in a pty of a terminal that says nothing but its size.

    Args:
        argv: The program.
        size: Columns and rows.
        rate: Bytes a second that the line takes; 0 for all.
        variables: Further variables.
    """

    def __init__(self, argv: list[str], size: tuple[int, int], *, rate: float = 0, **variables: str) -> None:
        self.master, slave = pty.openpty()
        columns, rows = size
        fcntl.ioctl(
            slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, columns * CELL[0], rows * CELL[1])
        )
        where = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        where |= {"LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "HOME": tempfile.gettempdir(), **variables}
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=where, cwd=ROOT, start_new_session=True
        )
        os.close(slave)
        self.rate = rate
        self.octets = 0
        self.pictures = 0
        """Sixel pictures and Kitty's placements that came."""
        self.tail = b""
        self._paid = time.perf_counter()
        self.last = time.perf_counter()
        """When something came last."""

    def take(self, wait: float) -> bytes:
        """What comes within a time; pictures in shared memory are taken, as a terminal does."""
        now = time.perf_counter()
        if self.rate and self._paid > now:
            time.sleep(min(wait, self._paid - now))
            if self._paid > time.perf_counter():
                return b""
        if not select.select([self.master], [], [], wait)[0]:
            return b""
        try:
            data = os.read(self.master, 65536)
        except OSError:  # it has ended
            return b""
        self.last = time.perf_counter()
        self.octets += len(data)
        if self.rate:
            self._paid = max(self._paid, self.last - BURST) + len(data) / self.rate
        self.pictures += data.count(b"\x1bP") + data.count(b"U=1")
        for name in _SHARED.findall(self.tail[-200:] + data):
            self._take_shared(name)
        self.tail = (self.tail + data)[-400:]
        return data

    @staticmethod
    def _take_shared(name: bytes) -> None:
        import base64

        with contextlib.suppress(OSError, ValueError):
            file = Path("/dev/shm") / base64.b64decode(name).decode().lstrip("/")
            file.read_bytes()
            file.unlink()

    def until(self, what: Callable[[bytes], bool], limit: float = PATIENCE) -> float:
        """Milliseconds until what came satisfies; `limit` where it never does."""
        begin = time.perf_counter()
        seen = b""
        while time.perf_counter() - begin < limit:
            seen += self.take(0.2)
            if what(seen):
                return 1000 * (time.perf_counter() - begin)
            if self.process.poll() is not None:
                raise RuntimeError(seen[-3000:].decode(errors="replace"))
        return 1000 * limit

    def quiet(self, seconds: float = 0.5, limit: float = PATIENCE) -> None:
        """Read until nothing comes."""
        end = time.perf_counter() + limit
        self.last = time.perf_counter()
        while time.perf_counter() - self.last < seconds and time.perf_counter() < end:
            self.take(0.05)

    def type(self, keys: bytes) -> None:
        """Type."""
        os.write(self.master, keys)

    def close(self) -> None:
        """End it as a terminal that goes away does, so that it takes its pictures out of shared memory."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGHUP)
        end = time.perf_counter() + GOING
        while self.process.poll() is None and time.perf_counter() < end:
            self.take(0.1)
        self.process.kill()
        self.process.wait()
        os.close(self.master)


class Desk(Screen):
    """The desk with a case of one kind open on the whole screen.

    Args:
        folder: Where its vault is.
        kind: One of `tests.bench.pictures_desk.KINDS`.
        size: Columns and rows.
        rate: Bytes a second that its line takes; 0 for all.
        far: The terminal is on another machine.
        way: How pictures are drawn.
    """

    def __init__(
        self, folder: Path, kind: str, size: tuple[int, int], *, rate: float = 0, far: bool = False, way: str
    ) -> None:
        self.counts = folder / "counts"
        self.counts.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "tests.bench.pictures_desk", str(folder), kind, way]
        remote = {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"} if rate or far else {}
        super().__init__(argv, size, rate=rate, **remote)
        self.until(lambda seen: b"RUSSO" in seen)
        self.quiet()

    def open_case(self) -> float:
        """Milliseconds from Enter to the first picture."""
        self.type(b"\r")
        took = self.until(lambda seen: PICTURE in seen or b"\x1b_G" in seen or b"\x1bP" in seen)
        self.quiet()
        return took

    def full(self) -> None:
        """The picture on the whole screen."""
        self.type(b"f")
        self.quiet()

    def told(self) -> dict[str, Any]:
        """What it counted until now."""
        self.counts.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        end = time.perf_counter() + PATIENCE
        while not self.counts.exists() and time.perf_counter() < end:
            self.take(0.02)
        found: dict[str, Any] = json.loads(self.counts.read_text())
        return found

    def spent(self) -> tuple[float, float]:
        """Processor milliseconds of the desk, and of its decoder."""
        own, children = self.process.pid, 0.0
        listed = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        for child in listed:
            with contextlib.suppress(OSError):
                children += _ticks(int(child))
        return _ticks(own), children

    def memory(self) -> int:
        """Resident memory, MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024

    def scroll(self, key: bytes, seconds: float = SECONDS, presses: int = 0, rate: float = KEYS) -> Drawn:
        """Press a key so many times a second, and count what is drawn until it rests.

        Args:
            key: Which.
            seconds: How long.
            presses: How often, in place of `seconds`.
            rate: Presses a second.
        """
        self.quiet(0.3)
        before, (own, child), octets = self.told(), self.spent(), self.octets
        begin = time.perf_counter()
        sent, most = 0, presses or round(seconds * rate)
        while sent < most:
            due = min(most, int((time.perf_counter() - begin) * rate) + 1)
            if due > sent:
                self.type(key * (due - sent))
                sent = due
            self.take(0.004)
        self.quiet(0.25)
        took = self.last - begin
        after, (own_after, child_after) = self.told(), self.spent()
        return Drawn(
            after["pictures"] - before["pictures"],
            took,
            after["own_ms"] - before["own_ms"],
            own_after - own,
            child_after - child,
            self.octets - octets,
        )


def _ticks(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
