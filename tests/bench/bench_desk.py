"""The real desk: key to paint while its engine fetches flat out, and how soon a cached case stands.

Run it: ``python tests/bench/bench_desk.py [rows]``. A demo serves (a process of its own), an engine fetches
the largest CT again and again, the desk has 10,000 rows. Times are from the write of a key to the first
cells it paints; for a case, until picture and draft are both on the screen. Nothing is asserted.
"""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.bench_tui import SIZE, Terminal, shown
from tests.e2e.flow import Place, set_up
from tests.e2e.world import Cli, Demo, environment

ROWS = 10_000
KEYS = 200
CASES = 10
OPEN_LIMIT_MS = 200.0
HALF_BLOCK = "▀".encode()
WRITTEN = b"efore the storm"
"""What the drafts made ready begin with, behind the cursor."""
PATIENCE = 15.0


def command_line(pid: int) -> bytes:
    """A process's words."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


class Desk(Terminal):
    """`teleread` in a pty.

    Args:
        cli: The desk's home.
    """

    def __init__(self, cli: Cli) -> None:
        import fcntl
        import struct
        import termios

        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        more = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TELEREAD_PREFETCH_CASES": "0"}
        where = environment(cli.home, **{**cli.env, **more})
        where.pop("NO_COLOR", None)
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "teleread"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=where,
            cwd=cli.home,
            start_new_session=True,
        )
        os.close(slave)

    def drain(self, quiet: float = 0.3) -> None:
        """Read until nothing comes for so long, or four times as long: the list counts seconds."""
        end = time.perf_counter() + 4 * quiet
        while time.perf_counter() < end and select.select([self.master], [], [], quiet)[0]:
            os.read(self.master, 65536)

    def cpu_ms(self) -> float:
        """Processor time spent by the desk and its decoder, milliseconds: fair on a crowded machine."""
        pids = [self.process.pid]
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids += [int(one) for one in children.read_text().split() if b"decode" in command_line(int(one))]
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
        return sum(int(one[11]) + int(one[12]) for one in fields) * 1000 / os.sysconf("SC_CLK_TCK")

    def type(self, keys: bytes) -> None:
        """Keys one by one, each drawn before the next."""
        for key in keys:
            os.write(self.master, bytes([key]))
            self.drain(0.1)

    def key_until(self, key: bytes, *marks: bytes) -> float:
        """Milliseconds from a key until all of some bytes were painted."""
        start = time.perf_counter()
        os.write(self.master, key)
        seen = b""
        while not all(mark in seen for mark in marks):
            if time.perf_counter() - start > PATIENCE:
                return PATIENCE * 1000
            if select.select([self.master], [], [], 1.0)[0]:
                seen += os.read(self.master, 65536)
        return (time.perf_counter() - start) * 1000


class Fetching:
    """The engine brings a study again and again, until told to stop.

    Args:
        cli: The desk.
        study: What to fetch, a row of the worklist.
    """

    def __init__(self, cli: Cli, study: dict[str, str]) -> None:
        self.cli, self.study = cli, study
        self.images = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            told = self.cli.run("fetch", self.study["task"], "--no-priors", "--json", timeout=600).json
            self.images += int(told.get("instances_held", 0))
            self.cli.run("cache", "purge", self.study["study_uid"], "--json")

    def stop(self) -> int:
        """End it; how many images came."""
        self._stop.set()
        self._thread.join(600)
        return self.images


def ready(cli: Cli, count: int) -> list[dict[str, str]]:
    """Cases with images here and a draft."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.waiting_room", str(count)],
        env=environment(cli.home, **cli.env),
        capture_output=True,
        check=True,
        cwd=cli.home,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def find(desk: Desk, accession: str) -> None:
    """Make a case the only row; all rows where none is named."""
    for keys in (b"/", b"\x15" + accession.encode(), b"\r"):
        os.write(desk.master, keys)
        desk.drain(0.2)


def opened(desk: Desk, cases: list[dict[str, str]], words: str) -> None:
    """Open cached cases, one after the other."""
    times: list[float] = []
    spent = 0.0
    for case in cases:
        find(desk, case["accession"])
        before = desk.cpu_ms()
        times.append(desk.key_until(b"\r", HALF_BLOCK, WRITTEN))
        spent += desk.cpu_ms() - before
        desk.drain(0.3)
        desk.type(b"q")
    ordered = sorted(times)
    late = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    print(
        f"{words:40} median {ordered[len(ordered) // 2]:6.1f} ms   p95 {late:6.1f} ms"
        f"   ratio to {OPEN_LIMIT_MS:.0f} ms {late / OPEN_LIMIT_MS:.2f}   first {times[0]:.0f} ms"
        f"   processor {spent / len(times):.0f} ms each"
    )


def pressed(desk: Desk, name: str, typed: bytes) -> None:
    """Press keys one by one: wall times, and the processor's, which other programs leave alone."""
    before = desk.cpu_ms()
    shown(name, [desk.key(bytes([key])) for key in typed])
    print(
        f"{'':34} processor {(desk.cpu_ms() - before) / len(typed):.1f} ms a key, all work beside it included"
    )


def keys(desk: Desk, case: dict[str, str], when: str) -> None:
    """Key to paint, in the list and in the editor."""
    find(desk, "")
    pressed(desk, f"list, {when}", b"s" * KEYS)
    find(desk, case["accession"])
    desk.key_until(b"\r", HALF_BLOCK, WRITTEN)
    desk.drain(1.0)
    desk.type(b"i")
    desk.drain(1.0)
    pressed(desk, f"editor, {when}", b"".join(b"a" if count % 7 else b" " for count in range(KEYS)))
    os.write(desk.master, b"\x1b")
    desk.drain(1.0)
    desk.type(b"q")
    desk.drain(0.5)


def main(rows: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        demo, cli = Demo(Path(folder) / "demo", cases=rows), Cli(Path(folder) / "desk")
        demo.home.mkdir()
        cli.home.mkdir()
        demo.start()
        try:
            set_up(cli, Place(demo.fhir, demo.dicomweb, demo.dimse, demo.stop, lambda: demo.fhir))
            cli.json("sync", timeout=900)
            cases = ready(cli, CASES)
            chest = max(cli.items("modality:CT state:requested"), key=lambda one: int(one["instances"]))
            desk = Desk(cli)
            desk.until(b"oldest pull")
            desk.drain(2.0)
            print(f"{rows} rows, {len(cases)} cached cases; the CT has {chest['instances']} images")
            print(f"memory of the desk, first list:  {desk.memory():.0f} MB")
            opened(desk, cases, "open a cached case, at rest")
            keys(desk, cases[0], "at rest")
            fetching = Fetching(cli, chest)
            desk.drain(3.0)
            keys(desk, cases[1], "while a fetch runs")
            opened(desk, cases, "open a cached case, while a fetch runs")
            print(f"images fetched meanwhile: {fetching.stop()}")
            print(f"memory of the desk, in the end:  {desk.memory():.0f} MB")
            desk.close()
        finally:
            demo.stop()


if __name__ == "__main__":
    os.environ.pop("TELEREAD_HOME", None)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
