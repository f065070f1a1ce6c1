"""Memory that is free within this process, given back to the machine."""

from __future__ import annotations

import sys

__all__ = ["give_back"]


def give_back() -> bool:
    """Give the C library's free pages back, where it can (glibc); whether any were.

    Decoded frames of many sizes leave holes that glibc keeps for itself until it is asked.
    """
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return bool(trim(0)) if trim is not None else False
