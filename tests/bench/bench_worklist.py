"""What the command line costs: `--version`, and `worklist --json` of 1,000 items beyond start and unlocking.

Run it: ``python tests/bench/bench_worklist.py``. It prints processor times and their ratio to the limits of
the design; nothing is asserted.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.world import Cli, Demo, environment

ROUNDS = 9
LIMIT_MS = 150.0
IMPORTED = "from teleread.vault.seal import Kdf; import argon2.low_level"
STRETCH = IMPORTED + "; Kdf().stretch('x', bytes(16))"


def cpu_ms(home: Path, env: dict[str, str], *words: str) -> float:
    """Processor time of one command, user and system, milliseconds; the least of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = [sys.executable, *words]
        subprocess.run(line, env=environment(home, **env), stdout=subprocess.DEVNULL, check=True, cwd=home)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, spent * 1000)
    return best


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Path(folder) / "demo", cases=1000)
        cli = Cli(Path(folder) / "desk")
        for home in (demo.home, cli.home):
            home.mkdir()
        demo.start()
        try:
            cli.json("init", "--hub", "demo", "--fhir", demo.fhir, "--no-input")
            cli.json("sync")
        finally:
            demo.stop()
        run = ("-m", "teleread")
        bare = cpu_ms(cli.home, cli.env, "-c", "pass")
        stretched = cpu_ms(cli.home, cli.env, "-c", STRETCH) - cpu_ms(cli.home, cli.env, "-c", IMPORTED)
        version = cpu_ms(cli.home, cli.env, *run, "--version")
        unlocked = cpu_ms(cli.home, cli.env, *run, "outbox", "--json")
        full = cpu_ms(cli.home, cli.env, *run, "worklist", "--json")
        count = len(cli.items())
    print(f"interpreter alone          {bare:7.1f} ms CPU")
    print(f"teleread --version         {version:7.1f} ms CPU   {version / LIMIT_MS:.2f} of the limit")
    print(f"one passphrase stretched   {stretched:7.1f} ms CPU")
    print(f"start and unlock (outbox)  {unlocked:7.1f} ms CPU")
    print(f"worklist --json, {count} items {full:5.1f} ms CPU")
    for what, base in (("an empty command", unlocked), ("interpreter and passphrase", bare + stretched)):
        print(f"  beyond {what}: {full - base:.1f} ms, {(full - base) / LIMIT_MS:.2f} of the limit")


if __name__ == "__main__":
    os.environ.pop("TELEREAD_HOME", None)
    main()
