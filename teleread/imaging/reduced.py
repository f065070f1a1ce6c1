"""A frame decoded with fewer pixels, as large as its object again: marks and places keep their meaning."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from .frames import Frame

__all__ = ["HALVING", "enlarged"]

HALVING: Final = frozenset(("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"))
"""Transfer syntaxes that can be decoded at half the resolution: JPEG 2000 (PS3.5 A.4.4)."""


def enlarged(frame: Frame, rows: int, columns: int) -> Frame:
    """Repeat its pixels until it has the size of its object.

    Args:
        frame: A decoded frame; a whole one comes back as it is.
        rows: Height of the object's frames, pixels; 0 where nobody knows.
        columns: Width.

    Returns:
        The frame, `Frame.reduced` still saying that it is not what it could be.
    """
    if not frame.reduced:
        return frame
    times = 1 << frame.reduced
    rows, columns = rows or frame.rows * times, columns or frame.columns * times
    if not (frame.rows <= rows <= frame.rows * times and frame.columns <= columns <= frame.columns * times):
        return frame
    pixels = np.repeat(np.repeat(frame.pixels, times, axis=0), times, axis=1)[:rows, :columns]
    spacing = frame.pixel_spacing
    if spacing is not None:
        spacing = spacing[0] * frame.rows / rows, spacing[1] * frame.columns / columns
    return replace(
        frame, pixels=np.ascontiguousarray(pixels), rows=rows, columns=columns, pixel_spacing=spacing
    )
