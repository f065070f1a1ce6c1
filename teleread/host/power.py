"""Whether the machine runs on battery, and whether its line is metered: asked of the system."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["metered", "on_battery"]

SECONDS: Final = 2.0
"""How long a helper of the system is waited for."""
_SUPPLIES: Final = Path("/sys/class/power_supply")
_METERED: Final = frozenset({"1", "3"})
"""NetworkManager's NMMetered: 1 yes, 3 guessed yes."""


def on_battery(supplies: Path = _SUPPLIES) -> bool:
    """Whether a battery feeds the machine now; False where that can't be told."""
    if sys.platform == "win32":
        return _windows_battery()
    if sys.platform == "darwin":
        return "Battery Power" in _said("pmset", "-g", "batt")
    kinds = {one: _read(one / "type") for one in _folders(supplies)}
    if any(kind in {"Mains", "USB"} and _read(one / "online") == "1" for one, kind in kinds.items()):
        return False
    return any(kind == "Battery" and _read(one / "status") == "Discharging" for one, kind in kinds.items())


def metered() -> bool:
    """Whether the system counts its line as metered; False where it does not say.

    Linux asks NetworkManager on the system bus. macOS and Windows tell it to bundled programs alone: there
    the setting ``metered`` says it.
    """
    if sys.platform != "linux":
        return False
    said = _said(
        "busctl",
        "--system",
        "get-property",
        "org.freedesktop.NetworkManager",
        "/org/freedesktop/NetworkManager",
        "org.freedesktop.NetworkManager",
        "Metered",
    )
    return said.split()[-1:] != [] and said.split()[-1] in _METERED


def _said(program: str, *words: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        done = subprocess.run(
            [path, *words], capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout[:4096].decode("utf-8", "replace") if done.returncode == 0 else ""


def _folders(path: Path) -> tuple[Path, ...]:
    try:
        return tuple(path.iterdir())
    except OSError:
        return ()


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")[:64].strip()
    except OSError:
        return ""


def _windows_battery() -> bool:
    if sys.platform == "win32":
        import ctypes

        class Status(ctypes.Structure):
            """SYSTEM_POWER_STATUS."""

            _fields_ = (
                ("line", ctypes.c_ubyte),
                ("battery", ctypes.c_ubyte),
                ("percent", ctypes.c_ubyte),
                ("saver", ctypes.c_ubyte),
                ("life", ctypes.c_ulong),
                ("full", ctypes.c_ulong),
            )

        status = Status()
        told = ctypes.windll.kernel32.GetSystemPowerStatus(ctypes.byref(status))
        return bool(told) and status.line == 0
    return False
