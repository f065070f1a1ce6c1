"""The engine in a process of its own: started with the key in an inherited pipe, run, told to stop."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Final

from teleread.host.clock import SystemClock
from teleread.host.filelock import OsLock, held
from teleread.host.paths import ProfilePaths
from teleread.model.errors import ExitCode, LockedError
from teleread.model.events import Event
from teleread.model.settings import SETTINGS
from teleread.vault.vault import Vault

from .core import Core
from .sites import Sites

__all__ = ["core_from_stdin", "run_engine", "running", "start", "stop"]

_CARRIED: Final = (
    "TELEREAD_HOME",
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "TZ",
)
"""Variables the engine needs to find the same files; it gets no others but settings."""

STOP_SECONDS: Final = 30.0


def running(core: Core) -> bool:
    """Whether an engine works on this vault."""
    return held(core.paths.engine_lock)


def start(core: Core) -> bool:
    """Start one where none runs; answers whether this call did."""
    _ = core.holder  # the engine, also one that another window started, stays while a window has a name
    if running(core):
        return False
    from teleread.host.limits import give_way
    from teleread.host.spawn import spawn_background

    names = [*_CARRIED, *(one.variable for one in SETTINGS.values())]
    environment = {name: os.environ[name] for name in names if os.environ.get(name)}
    environment |= core.environment
    if environment.get("TELEREAD_HOME"):
        environment["TELEREAD_HOME"] = os.path.abspath(environment["TELEREAD_HOME"])
    words = [sys.executable, "-m", "teleread", "--profile", core.paths.name, "engine"]
    child = spawn_background(
        [*words, "--key-from-stdin", "--leave-when-idle"],
        handoff=core.vault.master_handoff(),
        environment=environment,
    )
    give_way(child.pid)
    # Somebody has to take its exit code, or it stays as a zombie for as long as the desk runs.
    threading.Thread(target=child.wait, name="engine-wait", daemon=True).start()
    return True


def stop(core: Core, seconds: float = STOP_SECONDS) -> bool:
    """Ask the engine to stop, and wait for it; answers whether none runs now."""
    if not running(core):
        return True
    core.vault.requests.put("stop")
    lock = OsLock(core.paths.engine_lock)
    gone = lock.acquire(seconds)
    lock.release()
    return gone


def core_from_stdin(paths: ProfilePaths) -> Core:
    """Open the vault by the key that came through the inherited pipe.

    Raises:
        LockedError: Nothing came.
    """
    key = sys.stdin.buffer.read(4096)
    if len(key) != 32:
        raise LockedError("No key came through the pipe.", code="no-key")
    return Core(paths, Vault.open_with_key(paths, key), SystemClock())


def run_engine(
    core: Core,
    stop_event: threading.Event,
    *,
    once: bool,
    leave_when_idle: bool,
    emit: Callable[[Event], None],
) -> int:
    """Run the engine in this process until stopped; the exit code."""
    from teleread.sync.engine import EngineSettings, run

    from .outlook import policy
    from .signin import signs_in

    if core.offline:
        from teleread.model.errors import OfflineError

        raise OfflineError("Off line, as asked.", "The engine does nothing then.", code="offline-asked")
    sites = Sites(core)
    settings = EngineSettings(
        pull_seconds=core.setting("pull_seconds"),
        prefetch_cases=core.setting("prefetch_cases"),
        prefetch_priors=core.setting("prefetch_priors"),
        policy=lambda: policy(core),
        sign_in=signs_in(core, stop_event),
        once=once,
        leave_when_idle=(lambda: _unneeded(core)) if leave_when_idle else None,
    )
    try:
        fine = run(core.vault, sites, core.clock, stop_event, settings, emit)
    finally:
        sites.close()
        core.vault.close()
    return int(ExitCode.DONE if fine or not once else ExitCode.OFFLINE)


def _unneeded(core: Core) -> bool:
    """Whether no window is left and nothing waits to be delivered."""
    if any(one.state != "needs_attention" for one in core.vault.outbox.undelivered_reports()):
        return False
    return not core.vault.holders.others()
