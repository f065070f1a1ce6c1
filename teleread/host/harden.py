"""What a process that holds keys does first: no core dumps, no tracing, no variables that dump its screen."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final

__all__ = ["harden"]

_DANGEROUS: Final = ("TEXTUAL", "PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONBREAKPOINT")
"""Prefixes of variables that make a library write the screen, or a debugger's session, to a file."""

_SET_DUMPABLE: Final = 4
"""``PR_SET_DUMPABLE`` of prctl(2)."""


def harden() -> None:
    """Harden the calling process; everything the platform lacks is left out."""
    for name in [name for name in os.environ if name.startswith(_DANGEROUS)]:
        del os.environ[name]
    if sys.platform == "win32":
        return
    import resource

    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
