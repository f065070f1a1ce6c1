"""RT structure sets as lines in patient space (PS3.3 C.8.8.5, C.8.8.6). Runs in the decode child."""

from __future__ import annotations

from typing import Final

import numpy as np

from teleread.imaging.elements import Elements
from teleread.imaging.objects import Contour, Contours
from teleread.model.text import EMPTY, clean

__all__ = ["read_contours"]

MAX_ROIS: Final = 256
MAX_CONTOURS: Final = 20_000
MAX_POINTS: Final = 1_000_000

_KINDS: Final = {
    "CLOSED_PLANAR": True,
    "CLOSEDPLANAR_XOR": True,
    "OPEN_PLANAR": False,
    "OPEN_NONPLANAR": False,
}
_UNCOLOURED: Final = (255, 255, 0)


def read_contours(header: Elements) -> Contours:
    """Read a structure set.

    Args:
        header: The data set.
    """
    rois = header.items(0x30060020)[:MAX_ROIS]
    names = {roi.whole(0x30060022, -1): roi.text(0x30060026) for roi in rois}
    order, colours = list(names), dict[int, tuple[int, int, int]]()
    found: list[Contour] = []
    left, full = MAX_POINTS, False
    for roi in header.items(0x30060039)[:MAX_ROIS]:
        number = roi.whole(0x30060084, -1)
        if number not in names:
            continue
        shades = [int(min(max(value, 0), 255)) for value in roi.numbers(0x3006002A)[:3]]
        if len(shades) == 3:
            colours[number] = (shades[0], shades[1], shades[2])
        for item in roi.items(0x30060040):
            contour = _contour(item, order.index(number))
            if contour is None:
                continue
            left -= len(contour.points)
            full = full or left < 0 or len(found) >= MAX_CONTOURS
            if full:
                break
            found.append(contour)
    frames = header.item(0x30060010).text(0x00200052) or header.text(0x00200052)
    return Contours(
        clean(header.text(0x30060002), limit=64),
        tuple(clean(names[number], limit=64) for number in order),
        tuple(colours.get(number, _UNCOLOURED) for number in order),
        tuple(found),
        clean(frames, limit=128),
        clean("There are more contours than are shown here.") if full else EMPTY,
    )


def _contour(item: Elements, roi: int) -> Contour | None:
    values = item.plain_numbers(0x30060050, 3 * MAX_POINTS)
    kind, count = item.text(0x30060042), len(values) // 3
    if kind not in _KINDS or count < 2:
        return None
    image = clean(item.item(0x30060016).text(0x00081155), limit=128)
    return Contour(roi, image, np.array(values[: 3 * count], np.float32).reshape(count, 3), _KINDS[kind])
