"""The list of measurements and key images: one goes into the report, in words, with the value it had."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events

from teleread.model.picture_marks import KEY_IMAGE, PictureMark, candidates, sentence
from teleread.tui.paint import Line, wrap
from teleread.tui.widgets.lines import Lines, Row

from .sheet import Sheet

__all__ = ["MeasuresSheet"]


class MeasuresSheet(Sheet[str]):
    """Measurements of the study, each with what it may have been on the prior.

    Args:
        marks: Of the study that is read, in the order they were made.
        earlier: Of the prior it is compared with.
        text: The report as it stands, to say what is in it.
        drop: Forgets a mark.
    """

    HINTS = (
        ("Enter", "into the report"),
        ("w s", "choose"),
        ("v", "another earlier one"),
        ("Del", "forget it"),
        ("Esc", "back"),
    )

    def __init__(
        self,
        marks: Sequence[PictureMark],
        earlier: Sequence[PictureMark],
        text: str,
        drop: Callable[[PictureMark], object],
    ) -> None:
        super().__init__()
        self.marks = list(marks)
        self.earlier = list(earlier)
        self.text = text
        self._drop = drop
        self.at = max(0, len(self.marks) - 1)
        self._chosen: dict[str, int] = {}
        """Id of a mark to which of its earlier ones, counted from 0; past the last: none."""

    def before(self, mark: PictureMark) -> PictureMark | None:
        """The same finding on the prior, as chosen."""
        found = candidates(mark, self.earlier) if mark.kind != KEY_IMAGE else ()
        at = self._chosen.get(mark.id, 0)
        return found[at] if at < len(found) else None

    def wanted(self) -> int:
        """A row each, one for the words, one for the heading."""
        return max(3, len(self.marks) + 4)

    def rows(self, width: int) -> Sequence[Row]:
        """What was measured, where, and what it was."""
        made: list[Row] = [self.heading("Measurements", width, f"{len(self.earlier)} on the prior")]
        if not self.marks:
            made.append((self.start().put("Nothing is measured on this study. t measures.", "soft"), None))
            return made
        for index, mark in enumerate(self.marks):
            chosen = index == self.at
            line = Line(self.face.look, "select" if chosen else "raised").gap()
            sign = f"{self.face.glyphs.issued} " if mark.kind == KEY_IMAGE else "  "
            line.put(sign, "accent").put(str(mark.words), "strong" if chosen else "text", bold=chosen)
            before = self.before(mark)
            if before is not None:
                line.put(f", previously {before.figure}", "text")
            right = Line(self.face.look, "select" if chosen else "raised")
            used = bool(mark.figure) and str(mark.words) in self.text
            right.put("in text" if used else "not used", "soft").gap()
            made.append((line, right))
        mark = self.marks[self.at]
        words = f"by {mark.calibration}" if mark.calibration else ""
        made += [(self.start().put(part, "soft"), None) for part in wrap(words, width - 3) if words]
        return made

    async def _on_key(self, event: events.Key) -> None:
        step = {"w": -1, "up": -1, "s": 1, "down": 1}.get(event.key)
        mark = self.marks[self.at] if self.marks else None
        if step is not None:
            self.at = min(max(self.at + step, 0), max(0, len(self.marks) - 1))
        elif event.key == "v" and mark is not None:
            count = len(candidates(mark, self.earlier))
            self._chosen[mark.id] = (self._chosen.get(mark.id, 0) + 1) % (count + 1)
        elif event.key == "delete" and mark is not None:
            self._drop(mark)
            self.marks.remove(mark)
            self.at = min(self.at, max(0, len(self.marks) - 1))
        else:
            return
        event.stop()
        event.prevent_default()
        self.renew()

    def do_sheet_ok(self, key: str) -> None:
        """Enter puts the chosen one into the report."""
        if self.marks:
            mark = self.marks[self.at]
            words = (
                f"Key image: {mark.words}" if mark.kind == KEY_IMAGE else sentence(mark, self.before(mark))
            )
            self.finish(str(words))

    def on_lines_clicked(self, message: Lines.Clicked) -> None:
        """A click chooses; a click on the chosen one puts it into the report."""
        index = message.row - 1
        if not 0 <= index < len(self.marks):
            return
        if index == self.at:
            self.do_sheet_ok("")
        else:
            self.at = index
            self.renew()
