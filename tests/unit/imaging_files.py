"""Small DICOM objects for the imaging tests, written byte by byte so that they can lie."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXPLICIT_LE = "1.2.840.10008.1.2.1"
IMPLICIT_LE = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
CT = "1.2.840.10008.5.1.4.1.1.2"

_LONG = ("OB", "OW", "OF", "OD", "SQ", "UN", "UT")


def element(tag: int, vr: str, value: bytes, *, length: int | None = None, implicit: bool = False) -> bytes:
    """One element; ``length`` overrides what its header claims."""
    value += (b"\0" if vr in ("UI", "OB", "OW", "UN") else b" ") * (len(value) % 2)
    claimed = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack("<I", claimed) + value
    if vr in _LONG:
        return head + vr.encode() + struct.pack("<HI", 0, claimed) + value
    return head + vr.encode() + struct.pack("<H", claimed) + value


def us(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *[value & 0xFFFF for value in values])


def item(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body


def fragments(*parts: bytes) -> bytes:
    """Encapsulated pixel data: an empty offset table, and one fragment a part."""
    out = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    for part in parts:
        part += b"\0" * (len(part) % 2)
        out += struct.pack("<HHI", 0xFFFE, 0xE000, len(part)) + part
    return out + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def part10(
    elements: Mapping[int, tuple[str, bytes]], *, syntax: str = EXPLICIT_LE, tail: bytes = b""
) -> bytes:
    """A Part 10 file of these elements, sorted, with ``tail`` behind them."""
    implicit = syntax == IMPLICIT_LE
    body = b"".join(
        element(tag, vr, value, implicit=implicit) for tag, (vr, value) in sorted(elements.items())
    )
    meta = element(0x00020010, "UI", syntax.encode())
    return (
        b"\0" * 128 + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta + body + tail
    )


def picture(
    pixels: NDArray[Any], changes: Mapping[int, tuple[str, bytes]] | None = None, *, syntax: str = EXPLICIT_LE
) -> bytes:
    """A grey (rows x columns), multi-frame (frames x rows x columns) or RGB (rows x columns x 3) object."""
    return part10(described(pixels) | dict(changes or {}), syntax=syntax)


def described(pixels: NDArray[Any]) -> dict[int, tuple[str, bytes]]:
    """The elements of such an object."""
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3 and pixels.dtype == np.uint8
    frames = pixels.shape[0] if pixels.ndim == 3 and not colour else 1
    rows, columns = pixels.shape[:2] if colour else pixels.shape[-2:]
    bits = 8 * pixels.dtype.itemsize
    elements: dict[int, tuple[str, bytes]] = {
        0x00080016: ("UI", CT.encode()),
        0x00080018: ("UI", b"1.2.826.0.1.3680043.10.999.1"),
        0x00080060: ("CS", b"CT"),
        0x00200013: ("IS", b"7"),
        0x00280002: ("US", us(3 if colour else 1)),
        0x00280004: ("CS", b"RGB" if colour else b"MONOCHROME2"),
        0x00280008: ("IS", str(frames).encode()),
        0x00280010: ("US", us(rows)),
        0x00280011: ("US", us(columns)),
        0x00280100: ("US", us(bits)),
        0x00280101: ("US", us(bits)),
        0x00280102: ("US", us(bits - 1)),
        0x00280103: ("US", us(int(pixels.dtype.kind == "i"))),
        0x7FE00010: ("OW", np.ascontiguousarray(pixels).tobytes()),
    }
    if colour:
        elements[0x00280006] = ("US", us(0))
    return elements


def encapsulated(pixels: NDArray[Any], stream: bytes, syntax: str) -> bytes:
    """An object whose pixels are ``stream``, in one fragment."""
    elements = described(pixels)
    del elements[0x7FE00010]
    value = fragments(stream)
    return part10(elements, syntax=syntax, tail=element(0x7FE00010, "OB", value, length=0xFFFFFFFF))
