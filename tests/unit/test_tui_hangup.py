"""A terminal that goes without a word: no SIGHUP reaches a session that has no controlling terminal."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DESK = """
import sys
from tests.unit.tui_fake import FakeStation
from teleread.tui.app import run
sys.exit(run(FakeStation(20)))
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX terminals")
def test_the_desk_ends_when_its_terminal_is_gone_instead_of_reading_on_for_ever() -> None:
    import pty

    ours, theirs = pty.openpty()
    desk = subprocess.Popen(
        [sys.executable, "-c", DESK],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    os.close(theirs)
    painted = b""
    end = time.monotonic() + 60
    try:
        while b"Worklist" not in painted and time.monotonic() < end:
            if select.select([ours], [], [], 0.2)[0]:
                painted += os.read(ours, 65536)
        assert b"Worklist" in painted
        os.close(ours)
        assert desk.wait(60) == 1
    finally:
        desk.kill()
        desk.wait()
