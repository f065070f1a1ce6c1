"""Messages of this day."""

from __future__ import annotations

from collections.abc import Sequence

from teleread.tui.paint import Line, wrap
from teleread.tui.widgets.lines import Row
from teleread.tui.words import clock

from .pages import Page

__all__ = ["Notices"]


class Notices(Page):
    """Every message that stood in the status row, newest first."""

    NAME = "Messages"

    def rows(self, width: int) -> Sequence[Row]:
        """Time and words."""
        made: list[Row] = []
        for notice in reversed(self.face.notices):
            parts = wrap(notice.text, width - 12)
            line = Line(self.face.look).gap().put(clock(notice.at, seconds=True), "soft").gap(2)
            made.append((line.put(parts[0], notice.level), None))
            made += [(Line(self.face.look).gap(11).put(part, notice.level), None) for part in parts[1:]]
        if not made:
            made.append((Line(self.face.look).gap(2).put("No message yet today.", "soft"), None))
        return made
