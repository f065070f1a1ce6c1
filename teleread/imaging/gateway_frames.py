"""What the local gateway reads of one held instance: its header, its frames as they are stored."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from teleread.model.errors import TelereadError
from teleread.wire.part10 import zeroed_preamble

from .part10 import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, Part10, cannot, scan

if TYPE_CHECKING:
    from teleread.model.study import InstanceInfo

__all__ = ["HeldInstance"]

_NATIVE: Final = frozenset({IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED_LE})
MAX_HEADER: Final = 64 * 1024 * 1024
"""Longest header read apart from the pixels, bytes."""

ReadRange = Callable[[int, int], bytes]
"""(offset, size) of an instance's file to its bytes."""


class HeldInstance:
    """One instance.

    Args:
        info: Its row of the index.
        read: Reads a part of its file.
    """

    def __init__(self, info: InstanceInfo, read: ReadRange) -> None:
        self.info = info
        self._read = read

    def whole(self) -> bytes:
        """The file, with a preamble of zeros.

        Raises:
            TelereadError: It is not held, or damaged.
        """
        return zeroed_preamble(self._read(0, self.info.size))

    def header(self) -> Part10:
        """The elements before the pixels; the pixels' own bytes are not read where their place is known.

        Raises:
            TelereadError: It is not held, damaged, or no DICOM.
        """
        place = self.info.pixel_offset
        if place is None or self.info.transfer_syntax == DEFLATED_LE or not 0 < place <= MAX_HEADER:
            return scan(memoryview(self._read(0, self.info.size)))
        return scan(memoryview(self._read(0, place)), self.info.size)

    def frame(self, number: int) -> tuple[bytes, str]:
        """One frame as it is stored; native pixels in little endian.

        Args:
            number: Which, from 1.

        Returns:
            The bytes, and the Transfer Syntax UID they are in.

        Raises:
            TelereadError: There is no such frame (``no-frame``), or the object is damaged.
        """
        from .header import read_shape

        part = self.header()
        if part.pixel is None:
            raise cannot("It holds no pictures.", "no-frame")
        shape = read_shape(part)
        if not 1 <= number <= shape.frames:
            raise cannot("There is no such frame.", "no-frame")
        if part.encapsulated:
            return self._compressed(part, number, shape.frames), part.transfer_syntax
        if part.transfer_syntax not in _NATIVE:
            raise cannot("The file says its pixels are compressed, and they do not come so.")
        if shape.frame_bits % 8:
            return self._bits(part, number, shape.frame_bits), EXPLICIT_LE
        size = shape.frame_bits // 8
        raw = self._pixels(part, (number - 1) * size, size)
        if part.elements.big and shape.allocated > 8:
            raw = _turned(raw, shape.allocated // 8)
        elif part.elements.big and part.pixel.vr == "OW":
            raise cannot(
                "Its pixels are in an order that no viewer takes; the terminal shows it.", "no-codec"
            )
        return raw, EXPLICIT_LE

    def _pixels(self, part: Part10, at: int, size: int) -> bytes:
        pixel = part.pixel
        assert pixel is not None
        if at + size > pixel.length:
            raise cannot("The file ends inside its pixels.", "truncated")
        if pixel.offset + at + size <= len(part.elements.data):
            return bytes(part.elements.data[pixel.offset + at : pixel.offset + at + size])
        raw = self._read(pixel.offset + at, size)
        if len(raw) < size:
            raise cannot("The file ends inside its pixels.", "truncated")
        return raw

    def _bits(self, part: Part10, number: int, bits: int) -> bytes:
        """A frame of one-bit pixels that may begin inside a byte, moved to begin with one (PS3.5 8.1.1)."""
        first = (number - 1) * bits
        begin, end = first // 8, -(-(first + bits) // 8)
        value = int.from_bytes(self._pixels(part, begin, end - begin), "little") >> first % 8
        return (value & ((1 << bits) - 1)).to_bytes(-(-bits // 8), "little")

    def _compressed(self, part: Part10, number: int, frames: int) -> bytes:
        from . import codestream

        if len(part.elements.data) < self.info.size:
            part = scan(memoryview(self._read(0, self.info.size)))
        pixel = part.pixel
        if pixel is None:
            raise cannot("The file ends before its pixels.", "truncated")
        value = part.elements.data[pixel.offset : pixel.offset + pixel.length]
        raw = part.elements.raw(0x7FE00001)
        extended = [int(one) for one in struct.unpack_from(f"<{len(raw) // 8}Q", raw)]
        try:
            return bytes(codestream.frame_bytes(value, codestream.fragments(value), number, frames, extended))
        except (struct.error, IndexError, ValueError) as error:
            raise TelereadError("The compressed pictures are damaged.", code="damaged") from error


def _turned(raw: bytes, size: int) -> bytes:
    turned = bytearray(raw)
    for place in range(size):
        turned[place::size] = raw[size - 1 - place :: size]
    return bytes(turned)
