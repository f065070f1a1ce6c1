"""What works in the background stands back behind what the reader looks at."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from teleread.host.limits import BEHIND, give_way
from teleread.workstation import background

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="priorities are POSIX's here")


@pytest.fixture
def waiting() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing until its input ends."""
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield child
    child.communicate()


def niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def test_a_process_that_gives_way_stands_back_and_its_parent_does_not(
    waiting: subprocess.Popen[bytes],
) -> None:
    before = niceness(0)
    give_way(waiting.pid)
    assert niceness(waiting.pid) == max(BEHIND, before)
    assert niceness(0) == before


def test_one_that_stands_further_back_already_stays_there(waiting: subprocess.Popen[bytes]) -> None:
    os.setpriority(os.PRIO_PROCESS, waiting.pid, 19)
    give_way(waiting.pid)
    assert niceness(waiting.pid) == 19


def test_a_process_that_has_ended_is_no_error(waiting: subprocess.Popen[bytes]) -> None:
    waiting.communicate()
    give_way(waiting.pid)


def test_the_engine_is_started_standing_back(
    waiting: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from teleread.host import spawn

    monkeypatch.setattr(spawn, "spawn_background", lambda *args, **more: waiting)
    monkeypatch.setattr(background, "running", lambda core: False)
    vault = SimpleNamespace(master_handoff=lambda: b"k" * 32)
    paths = SimpleNamespace(name="default")
    core = SimpleNamespace(holder="a window", environment={}, paths=paths, vault=vault)
    assert background.start(core)  # type: ignore[arg-type] # as much of a profile as it asks for
    assert niceness(waiting.pid) >= BEHIND
