"""What waiting costs: an engine with nothing to do, and a hub that many desks wait at.

    python -m tests.bench.bench_idle [SECONDS] [DESKS]

The first part runs `teleread engine` as a desk starts it, at its usual pace, and reads processor time and
memory from the system (Linux). In the second so many desks, each with a line of its own, ask one demo hub:
where nothing moved, as desks ask that go by the clock, and just after a case moved, as desks that are told.
The hub's processor time is read; pauses cost none, so none is waited for. What a hub carries follows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from teleread.host.clock import SystemClock
from teleread.hub.fhir import FhirHub
from teleread.model.hubfile import HubFile
from tests.e2e.flow import Place, set_up
from tests.e2e.world import Cli, Demo, environment

PULL_SECONDS = 20
ROUNDS = 5


def processor(pid: int) -> float:
    """Seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> tuple[float, float]:
    """MB resident now, and at most."""
    table = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(int(table[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


def asked(demo: Demo) -> dict[str, int]:
    """Requests that came to the demo, by area."""
    with urllib.request.urlopen(f"{demo.fhir.removesuffix('/fhir')}/_demo/", timeout=20) as answer:
        found: dict[str, int] = json.load(answer)["asked"]
    return found


@contextmanager
def running(folder: Path, cases: int) -> Iterator[Demo]:
    """The demo as a process."""
    demo = Demo(folder, cases)
    folder.mkdir()
    demo.start()
    try:
        yield demo
    finally:
        demo.stop()


def idle(folder: Path, seconds: float) -> None:
    """One engine, one hub, nothing that changes."""
    with running(folder / "hub", 10) as demo:
        cli = Cli(folder / "desk")
        cli.home.mkdir()
        set_up(cli, Place(demo.fhir, demo.dicomweb, demo.dimse, demo.stop, lambda: ""))
        more = {"TELEREAD_PREFETCH_CASES": "0", "TELEREAD_PULL_SECONDS": str(PULL_SECONDS)}
        engine = subprocess.Popen(
            [sys.executable, "-m", "teleread", "engine"],
            env=environment(cli.home, **cli.env, **more),
            stdout=subprocess.DEVNULL,
            cwd=cli.home,
        )
        try:
            time.sleep(45)  # what it pulls and looks up first
            used, came = processor(engine.pid), asked(demo)
            time.sleep(seconds)
            used = processor(engine.pid) - used
            fhir, images = (asked(demo).get(one, 0) - came.get(one, 0) for one in ("fhir", "dicom-web"))
            now, most = memory(engine.pid)
        finally:
            engine.terminate()
            engine.wait(40)
    print(f"idle engine: {100 * used / seconds:.2f} % of a core, {now:.0f} MB, at most {most:.0f} MB")
    each = fhir * PULL_SECONDS / seconds
    print(f"  {fhir} requests to the hub in {seconds:.0f} s ({each:.2f} a poll), {images} to its archive")


def desks(demo: Demo, count: int) -> list[FhirHub]:
    """So many desks, each with a line of its own."""
    made = [
        HubFile(hub_id=f"h{number}", name="DEMO", fhir=demo.fhir, reader_id="reader", reader_name="Dr Demo")
        for number in range(count)
    ]
    return [FhirHub(file, None, SystemClock()) for file in made]


def rounds(demo: Demo, hubs: list[FhirHub], change: str) -> float:
    """Every desk asks once a round, each after a change or after none; the hub's milliseconds a question."""
    assert demo.process is not None
    used = 0.0
    for _ in range(ROUNDS):
        # Windows begin five minutes before their cursor: what was laid down at the start is not in them.
        cursor = f"{datetime.now(UTC) + timedelta(minutes=5):%FT%TZ}"
        if change:
            demo.lever(change)
        before = processor(demo.process.pid)
        for hub in hubs:
            list(hub.pull(cursor))
        used += processor(demo.process.pid) - before
    return 1000 * used / (ROUNDS * len(hubs))


def load(folder: Path, count: int) -> None:
    """The cost of a question at a quiet hub and at a busy one, and what follows for a fleet."""
    with running(folder / "fleet", 200) as demo:
        hubs = desks(demo, count)
        for hub in hubs:
            hub.health()
        quiet, busy = rounds(demo, hubs, ""), rounds(demo, hubs, "reassign/rt-1-003")
        for hub in hubs:
            hub.close()
    print(f"{count} desks at one hub: a question costs it {quiet:.2f} ms where nothing moved,")
    print(f"  {busy:.2f} ms where a case did")
    pace = count / PULL_SECONDS
    print(f"  by the clock, every {PULL_SECONDS} s: {pace:.0f} a second, {pace * quiet / 10:.1f} % of a core")
    for seconds in (1, 10, 60):
        told = count / seconds * busy / 10
        print(f"  told of a change every {seconds} s: {count / seconds:.0f} a second, {told:.1f} % of a core")
    print(f"  they cost the same at a change every {PULL_SECONDS * busy / quiet:.0f} s")


def main() -> int:
    """Measure and print."""
    seconds, count = (int(one) for one in (*sys.argv[1:3], *("180", "200")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        idle(folder, seconds)
        load(folder, count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
