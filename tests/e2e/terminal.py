"""The reading desk in a terminal of its own: keys sent and when, what it drew and when, its engine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

import pyte

from tests.e2e.world import Cli, environment

COLUMNS, LINES = 120, 40
_ASKED = re.compile(
    rb"\x1b\[>[0-9;]*[uq]|\x1b\[<u|\x1b\[=[0-9;]*u|\x1b\[\?[0-9;]*\$p|\x1b_G[^\x1b]*\x1b\\\\|\x1b\[16t|\x1b\[\?[0-9;]*S"
)
"""Questions of Textual's and ours that pyte would print as text."""


class Terminal:
    """`teleread` on a desk, in a pty.

    Args:
        cli: The desk.
        size: (columns, rows).
        words: Arguments of the command.
        settings: Further variables.
    """

    def __init__(
        self, cli: Cli, *words: str, size: tuple[int, int] = (COLUMNS, LINES), **settings: str
    ) -> None:
        line = [sys.executable, "-m", "teleread", *words]
        quick = {"TELEREAD_PULL_SECONDS": "1", "TELEREAD_PREFETCH_CASES": "0"}
        where = environment(cli.home, **{**cli.env, "TERM": "xterm-256color", **quick, **settings})
        self.home = cli.home
        self.pid, self.fd = pty.fork()
        if self.pid == 0:  # the child: only what is safe between fork and exec
            os.chdir(cli.home)
            os.execve(sys.executable, line, where)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.screen = pyte.Screen(*size)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.sent: list[tuple[str, float]] = []
        """Words typed, and when their last key was sent."""
        self.shown: dict[str, float] = {}
        """When each typed word was first on the screen."""
        self.status: int | None = None

    def text(self) -> str:
        """The screen."""
        return "\n".join(self.screen.display)

    def pump(self, seconds: float) -> None:
        """Read what it draws for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0] or not self._take():
                return

    def _take(self) -> bool:
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # Linux says so when the other end has closed
            return False
        if not data:
            return False
        self.raw += data
        self.stream.feed(_ASKED.sub(b"", data))
        for word in re.findall(r"\br\d+w\d+\b|\bSigned \d\d:\d\d, not issued", self.text()):
            self.shown.setdefault(word, time.monotonic())
        return True

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self.fd, keys.encode())

    def word(self, word: str) -> None:
        """Type a word and a blank, and note when."""
        self.send(f"{word} ")
        self.sent.append((word, time.monotonic()))

    def wait(self, words: str, seconds: float = 60.0) -> None:
        """Until the screen shows something."""
        end = time.monotonic() + seconds
        while words not in self.text():
            assert time.monotonic() < end, f"never seen: {words}\n{self.text()}"
            assert self.alive(), f"it ended before: {words}\n{self.text()}"
            self.pump(0.1)

    def alive(self) -> bool:
        """Whether it runs."""
        if self.status is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is None

    @property
    def signed(self) -> bool:
        """Whether the screen has ever said that it was signed."""
        return any(word.startswith("Signed") for word in self.shown)

    def leave(self, seconds: float = 30.0) -> int:
        """Read until it ends by itself; its exit code."""
        end = time.monotonic() + seconds
        while self.alive():
            assert time.monotonic() < end, f"it did not end:\n{self.text()}"
            self.pump(0.1)
        self._close()
        assert self.status is not None
        return self.status

    def kill(self) -> float:
        """SIGKILL; when. What it had drawn until then is read."""
        at = time.monotonic()
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -int(signal.SIGKILL)
        self._close()
        return at

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            while select.select([self.fd], [], [], 0)[0] and self._take():
                pass
            os.close(self.fd)


def engine_of(home: Path) -> int | None:
    """Process id of the engine that works for a desk, as Linux tells it; None where there is none."""
    mark = f"TELEREAD_HOME={home}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            mine = mark in (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # gone, or somebody else's
            continue
        if mine and b"engine" in words and b"--key-from-stdin" in words:
            return int(folder.name)
    return None


def kill_engine(home: Path) -> bool:
    """SIGKILL the engine of a desk; whether there was one."""
    pid = engine_of(home)
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return True


def open_report(desk: Terminal, accession: str) -> None:
    """Find a case by its accession, open it, and put the cursor into its report."""
    desk.wait("oldest pull")
    desk.send("/")
    desk.pump(0.3)
    desk.send(accession)
    desk.wait(f"/ {accession}")
    desk.wait("1 of ")
    desk.send("\r")
    desk.pump(0.5)
    desk.send("\r")
    desk.wait("Worklist › Reading")
    desk.pump(0.5)
    desk.send("i")
    desk.wait("typing here")
