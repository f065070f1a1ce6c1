"""Children, started by exec (never forked), with an emptied environment and closed descriptors."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import teleread
from teleread.host import limits

__all__ = ["bare_environment", "spawn_background", "spawn_capped", "spawn_viewer"]

_KEPT_ON_WINDOWS: Final = ("SYSTEMROOT", "TEMP", "TMP")
"""Without these a Windows process cannot load its own libraries."""


def bare_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: what Python needs, nothing of the reader's.

    Args:
        extra: Variables to add.
    """
    environment = {
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONPATH": str(Path(teleread.__file__).resolve().parent.parent),
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Number libraries would start a thread for each core, each with a stack that counts against the cap.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    if sys.platform == "win32":
        environment |= {name: os.environ[name] for name in _KEPT_ON_WINDOWS if name in os.environ}
    return environment | dict(extra or {})


def spawn_capped(
    argv: Sequence[str], *, memory: int, cpu: int, files: int = 32, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a child that may meet hostile bytes.

    It gets stdin and stdout as pipes and an environment without the reader's variables. It should call
    `teleread.host.limits.apply_from_environment` first thing; on Linux the caps hold even if it does not.

    Args:
        argv: Program and arguments.
        memory: Address space in bytes.
        cpu: Processor time in seconds, over its whole life.
        files: Open descriptors.
        pass_fds: Descriptors it inherits besides (POSIX alone).
    """
    child = subprocess.Popen(
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=bare_environment({limits.CAPS_VARIABLE: f"{memory},{cpu},{files}"}),
        cwd=None if sys.platform == "win32" else "/",
        close_fds=True,
        pass_fds=() if sys.platform == "win32" else tuple(pass_fds),
        start_new_session=sys.platform != "win32",  # Ctrl+C in the terminal is the parent's to handle
    )
    limits.apply_to(child.pid, memory, cpu, files)
    return child


def spawn_background(
    argv: Sequence[str], *, handoff: bytes, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process that outlives this one, and hand it a secret through its stdin pipe.

    The secret reaches it neither by argument nor by environment.

    Args:
        argv: Program and arguments.
        handoff: At most 4096 bytes (a pipe takes that much without a reader), then end of file.
        environment: Variables it needs besides the bare ones, such as ``TELEREAD_HOME``.

    Raises:
        ValueError: The handoff is longer.
    """
    if len(handoff) > 4096:
        raise ValueError("a handoff must fit a pipe")
    child = subprocess.Popen(
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=bare_environment(environment),
        cwd=None if sys.platform == "win32" else "/",
        close_fds=True,
        start_new_session=sys.platform != "win32",
    )
    assert child.stdin is not None
    try:
        child.stdin.write(handoff)
        child.stdin.close()
    except BrokenPipeError:
        pass  # it ended at once; whoever asked for it sees that by its exit code
    return child


def spawn_viewer(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a program of the reader's on their own desktop, without a shell and without our variables.

    Args:
        argv: Program and arguments.

    Raises:
        OSError: It does not start.
    """
    child = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("TELEREAD_")},
        cwd=None if sys.platform == "win32" else "/",
        close_fds=True,
        start_new_session=sys.platform != "win32",
    )
    # Somebody has to take its exit code, or it stays as a zombie for as long as the desk runs.
    threading.Thread(target=child.wait, name="viewer-wait", daemon=True).start()
    return child
