"""Memory shared with a decode child, so that a picture crosses without a pipe.

Linux alone: an anonymous file in memory, sealed against shrinking. This side only ever reads and writes it
through its descriptor, so nothing a fallen child does to its mapping can be felt here; elsewhere there is
none, and pictures travel by pipe.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
from typing import Final

__all__ = ["Region", "map_region"]

_PAGE: Final = 4096
_STEP: Final = 1024 * 1024
_KEPT: Final = 64 * 1024 * 1024
"""A larger region is given back once what is shared is small again, bytes."""


class Region:
    """One direction of shared memory, as the pool's side holds it.

    Args:
        size: Bytes it begins with.
        resizable: Whether it may be made smaller again; the child maps it anew then.

    Raises:
        OSError: The platform has none.
    """

    def __init__(self, size: int, *, resizable: bool) -> None:
        if sys.platform != "linux":
            raise OSError("no sealed shared memory here")
        import fcntl

        self.descriptor = os.memfd_create("teleread", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.size = 0
        self._resizable = resizable
        try:
            self._resize(size)
            if not resizable:
                seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
                fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, seals)
        except OSError:
            os.close(self.descriptor)
            raise

    def _resize(self, size: int) -> None:
        size = -(-size // _STEP) * _STEP
        os.ftruncate(self.descriptor, size)
        self.size = size

    def put(self, *objects: bytes | memoryview) -> None:
        """Write objects from the beginning on; the region grows to hold them.

        Raises:
            OSError: There is no room.
        """
        total = sum(len(data) for data in objects)
        if total > self.size or (self.size > _KEPT > 4 * total):
            if not self._resizable:
                raise OSError("the region is too small")
            os.ftruncate(self.descriptor, 0)
            self._resize(total)
        begin = 0
        for data in objects:
            view, at = memoryview(data), 0
            while at < len(view):
                at += os.pwrite(self.descriptor, view[at:], begin + at)
            begin += len(view)

    def get(self, count: int) -> bytearray:
        """Read what the child wrote.

        Raises:
            OSError: There is not so much.
        """
        buffer = bytearray(count)
        view, at = memoryview(buffer), 0
        while at < count:
            got = os.preadv(self.descriptor, [view[at:]], at)
            if not got:
                raise OSError("the region ended")
            at += got
        return buffer

    def close(self) -> None:
        """Give it back."""
        with contextlib.suppress(OSError):
            os.close(self.descriptor)


def map_region(descriptor: int, size: int, *, writable: bool) -> mmap.mmap:
    """Map a region in the child.

    Args:
        descriptor: As inherited.
        size: Bytes.
        writable: Whether it is for answers.
    """
    access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    return mmap.mmap(descriptor, -(-size // _PAGE) * _PAGE, mmap.MAP_SHARED, access)
