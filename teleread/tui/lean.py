"""Paints what changed and can be seen, and nothing else.

Textual's compositor asks every widget on a changed line for all its rows, the containers behind it too, and
throws away what is covered. Here a widget is asked only for the rows of which something is to be painted and
nothing in front has painted it yet; the bytes that reach the terminal are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import cast

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip

__all__ = ["LeanCompositor"]

Span = tuple[int, int, int]
"""Row, first column, column behind the last."""


class LeanCompositor(Compositor):
    """Textual's compositor, without the work nobody sees."""

    _spans: Sequence[Span] | None = None
    """What a partial update paints; None paints whole lines."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last paint; None where nothing did."""
        dirty, screen = self._dirty_regions.copy(), self.size.region
        self._dirty_regions.clear()
        if not dirty:
            return None
        spans = list(self._regions_to_spans(dirty))
        rows = {y for y, _, _ in spans}
        self._spans = spans
        try:
            crop = Region.from_union(list(dirty)).intersection(screen)
            chops = self._render_chops(crop, rows.__contains__)
        finally:
            self._spans = None
        return ChopsUpdate(chops, spans, [row[1:] for row in self.cuts])

    def _render_chops(
        self, crop: Region, is_rendered_line: Callable[[int], bool]
    ) -> Sequence[Mapping[int, Strip]]:
        cuts = self.cuts
        chops: list[dict[int, Strip | None]] = [dict.fromkeys(row[:-1]) for row in cuts]
        open_cuts = self._open_cuts(cuts, is_rendered_line)
        for widget, (region, clip) in self.visible_widgets.items():
            if not crop.overlaps(clip):
                continue
            area = region.intersection(clip)
            if not area:
                continue
            left, right = area.column_span
            for first, last in _runs(area, open_cuts):
                part = Region(left - region.x, first - region.y, area.width, last - first)
                for y, strip in enumerate(widget.render_lines(part), first):
                    _fill(chops[y], open_cuts[y], strip, [cut for cut in cuts[y] if left <= cut <= right])
        return cast("Sequence[Mapping[int, Strip]]", chops)

    def _open_cuts(
        self, cuts: Sequence[Sequence[int]], is_rendered_line: Callable[[int], bool]
    ) -> list[set[int]]:
        """For each row where the pieces begin that are to be painted."""
        if self._spans is None:
            return [set(row[:-1]) if is_rendered_line(y) else set() for y, row in enumerate(cuts)]
        wanted: list[set[int]] = [set() for _ in cuts]
        for y, first, behind in self._spans:
            if 0 <= y < len(cuts):
                row = cuts[y]
                wanted[y].update(cut for cut, end in pairwise(row) if cut < behind and end > first)
        return wanted


def _runs(area: Region, open_cuts: Sequence[set[int]]) -> Iterator[tuple[int, int]]:
    """(first, behind the last) of neighbouring rows in which something of an area is still to be painted."""
    left, right = area.column_span
    first: int | None = None
    for y in area.line_range:
        if any(left <= cut < right for cut in open_cuts[y]):
            first = y if first is None else first
        elif first is not None:
            yield first, y
            first = None
    if first is not None:
        yield first, area.bottom


def _fill(line: dict[int, Strip | None], still: set[int], strip: Strip, cuts: Sequence[int]) -> None:
    """Put a row of a widget into the pieces of a line that are still empty."""
    if len(cuts) == 2 and strip.cell_length == cuts[1] - cuts[0]:
        parts: Sequence[Strip] = (strip,)
    else:
        parts = strip.divide([cut - cuts[0] for cut in cuts[1:]])
    for cut, part in zip(cuts, parts, strict=False):
        if cut in still:
            line[cut] = part
            still.remove(cut)
