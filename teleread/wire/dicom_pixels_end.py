"""Whether the Pixel Data of an instance came whole, told from its own lengths (PS3.5 sections 7.1 and A.4).

A transport says where an instance ends; an archive with a damaged disk, or one that lies, may say so too
early. Nothing is held: lengths are added up, and of fragments only their eight-byte headers are looked at.
"""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["PixelsEnd"]

_ITEM: Final = 0xFFFEE000
_END: Final = 0xFFFEE0DD


class PixelsEnd:
    """Follows one instance's bytes.

    Args:
        offset: Where the Pixel Data value begins, bytes from the start of the file.
        length: Its length in bytes; None where it is undefined and made of fragments.
    """

    def __init__(self, offset: int, length: int | None) -> None:
        self._left = offset + (length or 0)
        """Bytes until something is due: the end, or the next fragment's header."""
        self._fragments = length is None
        self._head = b""
        self._broken = False

    @property
    def whole(self) -> bool:
        """Everything that was announced came. Writers that forget the last delimiter are borne with."""
        return self._left == 0 and not self._head and not self._broken

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the file, from its start."""
        at, size = 0, len(chunk)
        while at < size:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
                at += step
            elif not self._fragments or self._broken:
                return
            else:
                need = 8 - len(self._head)
                self._head += bytes(chunk[at : at + need])
                at += need
                if len(self._head) == 8:
                    self._fragment()

    def _fragment(self) -> None:
        group, element, length = struct.unpack("<HHI", self._head)
        self._head = b""
        tag = group << 16 | element
        if tag == _ITEM and length != 0xFFFFFFFF:
            self._left = length
        elif tag == _END:
            self._fragments = False
        else:
            self._broken = True
