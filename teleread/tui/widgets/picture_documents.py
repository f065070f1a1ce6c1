"""Documents in a pane: their text in rows that scroll, a PDF's pages as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.strip import Strip

from teleread.tui.pictures import PAGES, Shot

from .picture_paper import paper_rows
from .picture_stack import PictureStack
from .picture_words import NOTICE

if TYPE_CHECKING:
    from teleread.imaging.frames import CannotShow

__all__ = ["PictureDocuments"]


class PictureDocuments(PictureStack):
    """Shows what an object without pixels says."""

    def paper_row(self, frame: CannotShow | None, y: int, width: int, height: int) -> Strip | None:
        """A row of an object's text; None where there is none."""
        from teleread.tui.papers import Paper

        if not isinstance(frame, Paper):
            return None
        rows = paper_rows(frame, width)
        self._paper_top = min(max(self._paper_top, 0), max(0, len(rows) - height + 1))
        if y == height - 1:
            more = len(rows) - self._paper_top - height + 1
            words = f"{more} more rows: S" if more > 0 else ""
            return self.start().gap().put(words, "soft").strip(width, self.start().put(NOTICE, "warn").gap())
        index = self._paper_top + y
        line = self.start()
        if 0 <= index < len(rows):
            indent, name, text = rows[index]
            line.gap(2 + 2 * indent).put(name, "strong", bold=True).gap(1 if name and text else 0).put(text)
        return line.strip(width)

    def turn_page(self, by: int) -> bool:
        """Scroll an object's text; whether there is one."""
        from teleread.tui.papers import Paper

        if not isinstance(self.frame(), Paper):
            return False
        self._paper_top += by * max(1, self.size.height - 4)
        self.refresh()
        return True

    def turn_pages(self) -> str:
        """Show the pages of a document as pictures, and its text again.

        Returns:
            What is shown, in words; empty where there is no document.
        """
        from teleread.tui.papers import Paper

        shot, paper = self.shot_shown, self.frame()
        if shot is not None and shot.cut == PAGES:
            self._take_series()
            return "The document's text."
        if shot is None or not isinstance(paper, Paper) or not paper.pages:
            return ""
        self._shots = [Shot(shot.instance, number, PAGES) for number in range(1, paper.pages + 1)]
        self.at, self.shown_at = 0, -1
        self.bring()
        self.refresh()
        return "The document's pages."
