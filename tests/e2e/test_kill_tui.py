"""kill -9 of the reading desk, in a real terminal, while somebody types: what the screen showed is kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte
import pytest

from tests.e2e.flow import Place, set_up
from tests.e2e.world import Cli, environment, reports_at

ROUNDS, ROUNDS_FULL = 2, 50
COLUMNS, LINES = 120, 40
PROMISE, PROMISE_IN_A_CROWD = 0.3, 1.0
"""Seconds after which a shown word must be on disk; the second where other tests share the machine."""
_ASKED = re.compile(rb"\x1b\[>[0-9;]*u|\x1b\[<u|\x1b\[=[0-9;]*u|\x1b\[\?[0-9;]*\$p")


class Terminal:
    """The desk in a terminal of its own."""

    def __init__(self, cli: Cli) -> None:
        words = [sys.executable, "-m", "teleread"]
        where = environment(
            cli.home, **cli.env, TERM="xterm-256color", TELEREAD_PULL_SECONDS="1", TELEREAD_PREFETCH_CASES="0"
        )
        self.pid, self.fd = pty.fork()
        if self.pid == 0:  # the child: only what is safe between fork and exec
            os.chdir(cli.home)
            os.execve(sys.executable, words, where)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.seen: dict[str, float] = {}
        """When each typed number was first on the screen."""

    def text(self) -> str:
        """The screen."""
        return "\n".join(self.screen.display)

    def pump(self, seconds: float) -> None:
        """Read what it draws."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self.fd], [], [], left)
            if not ready:
                return
            with contextlib.suppress(OSError):
                self.stream.feed(_ASKED.sub(b"", os.read(self.fd, 65536)))
                for word in re.findall(r"\bw\d+\b", self.text()):
                    self.seen.setdefault(word, time.monotonic())

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self.fd, keys.encode())

    def wait(self, words: str, seconds: float = 40.0) -> None:
        """Until the screen shows something."""
        end = time.monotonic() + seconds
        while words not in self.text():
            assert time.monotonic() < end, self.text()
            self.pump(0.1)

    def kill(self) -> float:
        """SIGKILL; when."""
        at = time.monotonic()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        return at


def open_report(desk: Terminal, accession: str) -> None:
    """Find a case by its accession, open it, begin the report."""
    desk.wait("oldest pull")
    desk.send("/")
    desk.pump(0.3)
    desk.send(accession)
    desk.wait(f"/ {accession}")
    desk.send("\r")
    desk.pump(0.5)
    desk.send("\r")
    desk.wait("Worklist › Reading")
    desk.pump(0.5)
    desk.send("i")
    desk.wait("typing here")


def type_and_die(desk: Terminal, dice: random.Random) -> tuple[float, int]:
    """Type numbered words until a random moment; (when it died, words typed)."""
    end = time.monotonic() + dice.uniform(0.5, 4.0)
    count = 0
    while time.monotonic() < end:
        count += 1
        desk.send(f"w{count} ")
        desk.pump(dice.uniform(0.01, 0.12))
    return desk.kill(), count


@pytest.mark.campaign
@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is POSIX's")
def test_words_on_the_screen_outlive_a_kill_of_the_desk_and_are_delivered_once(
    cli: Cli, place: Place, full: bool
) -> None:
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    print(f"seed {seed}")
    promise = PROMISE if full else PROMISE_IN_A_CROWD
    set_up(cli, place)
    cli.json("sync")
    films = cli.items("modality:CR state:requested")
    tasks = []
    for number in range(ROUNDS_FULL if full else ROUNDS):
        film = films[number % len(films)]
        desk = Terminal(cli)
        open_report(desk, film["accession"])
        died, count = type_and_die(desk, dice)
        kept = cli.json("report", "show", film["task"])["sections"]["findings"]
        due = [word for word, at in desk.seen.items() if at < died - promise]
        assert [word for word in due if word not in kept.split()] == [], (seed, number, count)
        if film["task"] not in tasks:
            tasks.append(film["task"])
        cli.json("report", "discard", film["task"], "--reason", "next round") if full else None
    if not full:
        for task in tasks:
            sign_and_deliver(cli, place, task)
    assert cli.json("audit", "verify")["valid"] is True


def sign_and_deliver(cli: Cli, place: Place, task: str) -> None:
    """What was rescued can be signed, and arrives once."""
    cli.json("report", "set", task, "impression", "Rescued.")
    rules = [rule["id"] for rule in cli.run("report", "check", task, "--json").json["rules"]]
    words = [f"--override={rule}=A campaign of kills" for rule in rules]
    signed = cli.json("report", "sign", task, *words)
    for _ in range(5):
        if cli.run("sync", "--json").code == 0:
            break
        time.sleep(1.0)
    assert len(reports_at(place.fhir, signed["report"])) == 1
