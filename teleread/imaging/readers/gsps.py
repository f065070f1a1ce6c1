"""Softcopy presentation states (PS3.3 A.33, C.10.5, C.10.6, C.11.8, C.11.10). Runs in the decode child."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

from teleread.imaging.elements import Elements
from teleread.imaging.frames import FUNCTIONS, LookupTable, Window
from teleread.imaging.header import read_table, read_windows
from teleread.imaging.objects import Graphic, Link, Presentation, PresentedWindow, TextMark
from teleread.model.text import SafeText, clean

__all__ = ["read_presentation"]

MAX_GRAPHICS: Final = 2000
MAX_POINTS: Final = 4096
MAX_IMAGES: Final = 5000

_KINDS: Final = ("POINT", "POLYLINE", "INTERPOLATED", "CIRCLE", "ELLIPSE")


def read_presentation(header: Elements) -> Presentation:
    """Read a presentation state.

    Args:
        header: The data set.
    """
    slope = header.number(0x00281053)
    area = header.item(0x0070005A)
    corners = (*area.numbers(0x00700052)[:2], *area.numbers(0x00700053)[:2])
    rotation = header.whole(0x00700042) % 360
    table = read_table(header.item(0x20500010), False)
    return Presentation(
        label=clean(header.text(0x00700080), limit=64),
        description=clean(header.text(0x00700081), limit=200),
        images=tuple(itertools.islice(_images(header), MAX_IMAGES)),
        slope=slope if slope else None,
        intercept=header.number(0x00281052) or 0.0,
        modality_lut=read_table(header.item(0x00283000), True),
        windows=tuple(itertools.islice(_windows(header), 64)),
        invert=header.text(0x20500020) == "INVERSE",
        lut=table,
        rotation=rotation if rotation in (90, 180, 270) else 0,
        flip=header.text(0x00700041) == "Y",
        area=tuple(int(edge) for edge in corners) if len(corners) == 4 else None,  # type: ignore[arg-type]
        shutter=tuple(_shutter(header)),
        overlays=any(header.text(group << 16 | 0x1001) for group in range(0x6000, 0x6020, 2)),
        shutter_value=min(max(header.whole(0x00181622), 0), 65535),
        graphics=tuple(itertools.islice(_graphics(header), MAX_GRAPHICS)),
        texts=tuple(itertools.islice(_texts(header), MAX_GRAPHICS)),
    )


def _images(header: Elements) -> Iterator[Link]:
    for series in header.items(0x00081115):
        for item in series.items(0x00081140):
            frames = tuple(int(number) for number in item.numbers(0x00081160)[:1000] if 0 < number < 1 << 31)
            yield Link(
                clean(item.text(0x00081155), limit=128),
                clean(item.text(0x00081150), limit=128),
                clean(series.text(0x0020000E), limit=128),
                frames=frames,
            )


def _named(item: Elements) -> tuple[SafeText, ...]:
    """Images a part of the state is limited to."""
    return tuple(clean(one.text(0x00081155), limit=128) for one in item.items(0x00081140)[:MAX_IMAGES])


def _windows(header: Elements) -> Iterator[PresentedWindow]:
    for item in header.items(0x00283110):
        function = item.text(0x00281056)
        found: tuple[Window, ...] = read_windows(item, function if function in FUNCTIONS else "LINEAR")
        table: LookupTable | None = read_table(item.item(0x00283010), True)
        if found or table is not None:
            yield PresentedWindow(_named(item), found[0] if found else None, None if found else table)


def _shutter(header: Elements) -> Iterator[tuple[str, tuple[float, ...]]]:
    for name in header.texts(0x00181600)[:8]:
        if name == "RECTANGULAR":
            edges = [header.number(tag) for tag in (0x00181602, 0x00181604, 0x00181606, 0x00181608)]
            if all(edge is not None for edge in edges):
                yield name, tuple(edge for edge in edges if edge is not None)
        elif name == "CIRCULAR":
            centre, radius = header.numbers(0x00181610)[:2], header.number(0x00181612)
            if len(centre) == 2 and radius is not None and radius > 0:
                yield name, (*centre, radius)
        elif name == "POLYGONAL":
            vertices = header.numbers(0x00181620)
            if len(vertices) >= 6 and len(vertices) % 2 == 0:
                yield name, tuple(vertices)


def _points(values: list[float]) -> tuple[tuple[float, float], ...]:
    return tuple(zip(values[0::2], values[1::2], strict=False))


def _units(text: str) -> str:
    return "DISPLAY" if text == "DISPLAY" else "PIXEL"


def _graphics(header: Elements) -> Iterator[Graphic]:
    for annotation in header.items(0x00700001):
        images, layer = _named(annotation), clean(annotation.text(0x00700002), limit=64)
        for item in annotation.items(0x00700009):
            kind, points = item.text(0x00700023), _points(item.numbers(0x00700022)[: 2 * MAX_POINTS])
            if kind in _KINDS and points:
                units, filled = _units(item.text(0x00700005)), item.text(0x00700024) == "Y"
                yield Graphic(images, kind, points, units, filled, layer)


def _texts(header: Elements) -> Iterator[TextMark]:
    for annotation in header.items(0x00700001):
        images = _named(annotation)
        for item in annotation.items(0x00700008):
            words = clean(item.whole_text(0x00700006).strip(), multiline=True, limit=2000)
            box, anchor = item.numbers(0x00700010), item.numbers(0x00700014)
            place = box if len(box) == 2 else anchor
            if not words or len(place) != 2:
                continue
            units = _units(item.text(0x00700003 if len(box) == 2 else 0x00700004))
            shown = len(anchor) == 2 and item.text(0x00700015) == "Y"
            yield TextMark(
                images,
                words,
                (place[0], place[1]),
                units,
                (anchor[0], anchor[1]) if shown else None,
                _units(item.text(0x00700004)),
            )
