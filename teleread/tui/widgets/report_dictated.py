"""What nobody has read yet: dictated words, with a style and a sign at the row's edge; copied passages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from teleread.model.report import Section
from teleread.model.text import SafeText

from .report_drawing import PaneRow, ReportDrawing

if TYPE_CHECKING:
    from teleread.reporting.marks import Standing

__all__ = ["DictatedDrawing"]


class DictatedDrawing(ReportDrawing):
    """Draws unread dictated words; tells where they and unread copied passages stand."""

    _words: tuple[object, tuple[tuple[int, Standing], ...]] | None = None

    def unread(self) -> Sequence[tuple[int, Standing]]:
        """(section, mark where it stands) of all that is to be read, in reading order."""
        key = (self.buffer, self.buffer.version, self.copied)
        if self._words is None or self._words[0] != key:
            self._words = (key, tuple(self._find_unread()) if self.copied else ())
        return self._words[1]

    def _find_unread(self) -> Sequence[tuple[int, Standing]]:
        from teleread.reporting.marks import standing

        sections = [
            Section(name, SafeText(""), "", SafeText(text))
            for name, text in zip(self.buffer.ids, self.buffer.texts, strict=True)
        ]
        found = standing(self.copied, sections)
        return [(self.buffer.ids.index(one.mark.section), one) for one in found]

    def _dictated(self, section: int) -> list[Standing]:
        """Dictated words of a section to be read: copied passages have a style and a heading of their own."""
        from teleread.reporting.marks import COPIED

        return [one for index, one in self.unread() if index == section and one.mark.kind != COPIED]

    def unread_here(self) -> Standing | None:
        """The unread word or passage that is chosen; None for none."""
        chosen = self.buffer.selection
        return next(
            (
                one
                for section, one in self.unread()
                if section == self.buffer.section and (one.start, one.end) == chosen
            ),
            None,
        )

    def next_unread(self) -> Standing | None:
        """Choose the next unread word or passage, going round once; None for none."""
        found = self.unread()
        if not found:
            return None
        here = (self.buffer.section, min(self.buffer.selection or (self.buffer.at - 1,)))
        section, one = next((row for row in found if (row[0], row[1].start) > here), found[0])
        self.buffer.go(section, one.start)
        self.buffer.select(one.start, one.end)
        self._follow()
        return one

    def _noted(self, section: int) -> tuple[object, list[tuple[int, int, str]], str]:
        key, marks, source = super()._noted(section)
        words = [(one.start, one.end, "unread") for one in self._dictated(section)]
        return key, [*marks, *words], source

    def _mark_style(self, kind: str) -> Style:
        if kind == "unread":
            return self.look.style("warn", "mark", bold=True, underline=True)
        return super()._mark_style(kind)

    def _text_row(self, row: PaneRow, width: int) -> Strip:
        strip = super()._text_row(row, width)
        here = self._dictated(row.section)
        if not any(one.start < row.end and one.end > row.start for one in here):
            return strip
        sign = Segment(self.glyphs.warn[:1], self.look.style("warn", bold=True))
        return Strip.join([Strip([sign], 1), strip.crop(1)])
