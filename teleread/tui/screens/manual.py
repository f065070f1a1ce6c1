"""The manual, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from teleread.model.text import clean
from teleread.tui.paint import Line, wrap
from teleread.tui.widgets.lines import Row
from teleread.workstation.tables import manual_page, manual_topics

from .pages import Page

__all__ = ["Manual"]

_FIRST: Final = ("start", "worklist", "reading", "report", "signing", "outbox", "keys")


class Manual(Page):
    """Pages of `teleread help`; left and right turn them."""

    NAME = "Manual"
    HINTS = ("move.down", "move.left", "move.right", "app.back", "app.go", "help.keys")
    WORDS: ClassVar[dict[str, str]] = {
        "move.down": "scroll",
        "move.left": "page before",
        "move.right": "next page",
        "app.back": "back",
    }

    def __init__(self) -> None:
        super().__init__()
        topics = manual_topics()
        self.topics = [one for one in _FIRST if one in topics] + [one for one in topics if one not in _FIRST]
        self.at = 0

    def rows(self, width: int) -> Sequence[Row]:
        """The page: headings bold, what is indented as it stands."""
        look = self.face.look
        made: list[Row] = [(Line(look), None)]
        if not self.topics:
            return [(Line(look).gap(2).put("The manual is missing from this installation.", "warn"), None)]
        places = Line(look).gap(2)
        for index, topic in enumerate(self.topics):
            places.put(topic, "strong" if index == self.at else "soft", underline=index == self.at).gap(2)
        made += [(places, None), (Line(look), None)]
        measure = min(width - 4, 100)
        paragraph: list[str] = []

        def flush() -> None:
            text = " ".join(paragraph).replace("**", "").replace("`", "")
            made.extend((Line(look).gap(2).put(part), None) for part in wrap(text, measure) if text)
            paragraph.clear()

        for raw in manual_page(self.topics[self.at]).splitlines():
            row = clean(raw.rstrip())
            if row.startswith("#"):
                flush()
                made.append((Line(look).gap(2).put(row.lstrip("# "), "accent", bold=True), None))
            elif row.startswith(("    ", "|")):
                flush()
                made.append((Line(look).gap(2).put(row, "strong"), None))
            elif not row:
                flush()
                made.append((Line(look), None))
            else:
                if row.startswith("- "):
                    flush()
                paragraph.append(row.strip())
        flush()
        return made

    def _turn(self, by: int) -> None:
        self.at = (self.at + by) % max(1, len(self.topics))
        self.page.top = 0
        self.page.renew()

    def do_move_left(self, key: str) -> None:
        """The page before."""
        self._turn(-1)

    def do_move_right(self, key: str) -> None:
        """The next page."""
        self._turn(1)
