"""Letting go of what was read: the rules keep sentences in memory so that typing stays quick."""

from __future__ import annotations

import sys

__all__ = ["forget"]


def forget() -> None:
    """Empty every cache of this stage; called when the session is locked or ends."""
    for name, module in list(sys.modules.items()):
        if name.startswith("teleread.reporting."):
            for value in list(vars(module).values()):
                clear = getattr(value, "cache_clear", None)
                if callable(clear):
                    clear()
