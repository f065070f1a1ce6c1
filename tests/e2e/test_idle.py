"""An engine with nothing to do: what it loads, and how large it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.flow import Place, set_up
from tests.e2e.world import Cli, environment

PATIENCE = 60.0
NOT_YET = {"pydicom", "pynetdicom", "numpy", "textual", "PIL", "typst", "websockets", "sounddevice"}
"""What nobody has needed before a case is claimed or an image is fetched."""
MOST_MB = 100

# Told by a thread of its own once the hub was asked twice: what an exit loads is not what waiting loads.
_PROGRAM = """
import json, pathlib, sys, threading, time

def tell():
    out = pathlib.Path(sys.argv[1])
    while not out.with_suffix(".ask").exists():
        time.sleep(0.05)
    part = out.with_suffix(".part")
    part.write_text(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
    part.rename(out)

threading.Thread(target=tell, daemon=True).start()
from teleread.__main__ import main
sys.exit(main(["engine"]))
"""


def test_an_engine_that_waits_has_loaded_nothing_for_images_and_stays_small(cli: Cli, place: Place) -> None:
    set_up(cli, place)
    told, log = cli.home / "modules.json", cli.home / "events.ndjson"
    more = {"TELEREAD_PULL_SECONDS": "1", "TELEREAD_PREFETCH_CASES": "0"}
    with log.open("wb") as out:
        engine = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(told)],
            env=environment(cli.home, **cli.env, **more),
            stdout=out,
            stdin=subprocess.DEVNULL,
            cwd=cli.home,
        )
    try:
        _until(engine, lambda: log.read_text().count('"kind":"pulled"') >= 2)
        told.with_suffix(".ask").touch()
        _until(engine, told.exists)
        size = _resident(engine.pid)
    finally:
        engine.terminate()
        engine.wait(40)
    assert not NOT_YET & set(json.loads(told.read_text()))
    assert size is None or size < MOST_MB


def _until(engine: subprocess.Popen[bytes], there: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        assert engine.poll() is None, "the engine ended"
        assert time.monotonic() < end, "the engine did not do it in time"
        time.sleep(0.1)


def _resident(pid: int) -> float | None:
    """MB of memory now; None where the system does not say."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmRSS:\s*(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else None
