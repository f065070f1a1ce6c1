"""Caps a child process puts on itself before it meets bytes from outside.

A child that decodes hostile bytes calls `apply` (or `apply_from_environment`) as its first act. On Linux the
parent sets the same caps from its side too (`teleread.host.spawn`), so that a child which forgets is capped
all the same.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final

__all__ = ["CAPS_VARIABLE", "apply", "apply_from_environment", "apply_to", "give_way"]

CAPS_VARIABLE: Final = "TELEREAD_CAPS"
"""Environment variable that carries ``memory,cpu,files`` to a capped child."""
BEHIND: Final = 10
"""Niceness of what works in the background: about a tenth of a busy processor, all of an idle one."""


def apply(memory: int, cpu: int, files: int = 32, *, file_size: int = 0) -> None:
    """Cap the calling process. There is no way back.

    Args:
        memory: Address space in bytes.
        cpu: Processor time in whole seconds; the process is killed one second later.
        files: Open descriptors.
        file_size: Largest file it may write, in bytes.
    """
    if sys.platform == "win32":
        _cap_with_a_job(memory, cpu)
    else:
        _cap_posix(None, memory, cpu, files, file_size)


def apply_from_environment() -> None:
    """Cap the calling process by what its parent put into the environment, if it put anything."""
    words = os.environ.get(CAPS_VARIABLE, "").split(",")
    if len(words) == 3 and all(word.isdigit() for word in words):
        memory, cpu, files = (int(word) for word in words)
        apply(memory, cpu, files)


def apply_to(pid: int, memory: int, cpu: int, files: int, *, file_size: int = 0) -> bool:
    """Cap another process of ours from outside.

    Returns:
        Whether the platform can do that (Linux alone).
    """
    if sys.platform != "linux":
        return False
    try:
        _cap_posix(pid, memory, cpu, files, file_size)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def give_way(pid: int) -> None:
    """Let a process stand back behind what the reader looks at: it gets the processor that is left.

    To be called as soon as it is started: threads and children it has later stand back with it.

    Args:
        pid: A process this one started.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):  # it has ended, or may not be changed
        os.setpriority(os.PRIO_PROCESS, pid, max(BEHIND, os.getpriority(os.PRIO_PROCESS, pid)))


def _cap_posix(pid: int | None, memory: int, cpu: int, files: int, file_size: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    wanted = (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_NOFILE, files, files),
        (resource.RLIMIT_FSIZE, file_size, file_size),
    )
    for which, soft, hard in wanted:
        if sys.platform == "linux" and pid is not None:
            held = resource.prlimit(pid, which)
            resource.prlimit(pid, which, _no_higher(soft, hard, held[1]))
            continue
        held = resource.getrlimit(which)
        # macOS refuses RLIMIT_AS below what is mapped already: the other caps still hold there.
        with contextlib.suppress(ValueError):
            resource.setrlimit(which, _no_higher(soft, hard, held[1]))


def _no_higher(soft: int, hard: int, ceiling: int) -> tuple[int, int]:
    """Raising a hard limit is refused, so a stricter one that stands already is kept."""
    if ceiling < 0:
        return soft, hard
    return min(soft, ceiling), min(hard, ceiling)


def _cap_with_a_job(memory: int, cpu: int) -> None:
    """The Windows branch: a job object with a memory and a time limit, which this process joins."""
    if sys.platform == "win32":
        import ctypes
        from ctypes import wintypes

        class Basic(ctypes.Structure):
            _fields_ = (
                ("PerProcessUserTimeLimit", ctypes.c_int64),
                ("PerJobUserTimeLimit", ctypes.c_int64),
                ("LimitFlags", wintypes.DWORD),
                ("MinimumWorkingSetSize", ctypes.c_size_t),
                ("MaximumWorkingSetSize", ctypes.c_size_t),
                ("ActiveProcessLimit", wintypes.DWORD),
                ("Affinity", ctypes.c_size_t),
                ("PriorityClass", wintypes.DWORD),
                ("SchedulingClass", wintypes.DWORD),
            )

        class Extended(ctypes.Structure):
            _fields_ = (
                ("Basic", Basic),
                ("IoInfo", ctypes.c_uint64 * 6),
                ("ProcessMemoryLimit", ctypes.c_size_t),
                ("JobMemoryLimit", ctypes.c_size_t),
                ("PeakProcessMemoryUsed", ctypes.c_size_t),
                ("PeakJobMemoryUsed", ctypes.c_size_t),
            )

        process_time, active_processes, process_memory = 0x2, 0x8, 0x100
        extended_information = 9
        limits = Extended()
        limits.Basic.LimitFlags = process_time | active_processes | process_memory
        limits.Basic.PerProcessUserTimeLimit = cpu * 10_000_000  # in 100 ns
        limits.Basic.ActiveProcessLimit = 1
        limits.ProcessMemoryLimit = memory
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        job = kernel.CreateJobObjectW(None, None)
        kernel.SetInformationJobObject(job, extended_information, ctypes.byref(limits), ctypes.sizeof(limits))
        kernel.AssignProcessToJobObject(job, kernel.GetCurrentProcess())
