"""The list of measurements and key images: one goes into the report, in words, with the value it had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from textual import events

from teleread.model.picture_marks import KEY_IMAGE, PictureMark, candidates, sentence
from teleread.tui.paint import Line, wrap
from teleread.tui.widgets.lines import Lines, Row

from .sheet import Sheet

if TYPE_CHECKING:
    from teleread.documents.sr_foreign import SrValue

__all__ = ["MeasuresSheet"]


class MeasuresSheet(Sheet[str]):
    """Measurements of the study, each with what it may have been on the prior.

    Args:
        marks: Of the study that is read, in the order they were made.
        earlier: Of the prior it is compared with.
        text: The report as it stands, to say what is in it.
        drop: Forgets a mark.
        told: Numbers of the study's own dose and measurement reports, listed behind the marks.
    """

    IN_SIGHT: Final = 12
    """Most rows shown at once."""
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
        told: Sequence[SrValue] = (),
    ) -> None:
        super().__init__()
        self.marks = list(marks)
        self.earlier = list(earlier)
        self.text = text
        self.told = list(told)
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
        return max(3, min(self.IN_SIGHT, self.count()) + 4)

    def count(self) -> int:
        """Rows to choose from."""
        return len(self.marks) + len(self.told)

    def first(self) -> int:
        """The first row in sight."""
        return max(0, min(self.at - self.IN_SIGHT // 2, self.count() - self.IN_SIGHT))

    @property
    def mark(self) -> PictureMark | None:
        """The mark in focus; None where it is a number of a report."""
        return self.marks[self.at] if self.at < len(self.marks) else None

    def rows(self, width: int) -> Sequence[Row]:
        """What was measured, where, and what it was."""
        made: list[Row] = [self.heading("Measurements", width, f"{len(self.earlier)} on the prior")]
        if not self.count():
            made.append((self.start().put("Nothing is measured on this study. t measures.", "soft"), None))
            return made
        first = self.first()
        made += [self._row(index) for index in range(first, min(first + self.IN_SIGHT, self.count()))]
        words = f"by {self.mark.calibration}" if self.mark is not None and self.mark.calibration else ""
        made += [(self.start().put(part, "soft"), None) for part in wrap(words, width - 3) if words]
        return made

    def _row(self, index: int) -> Row:
        chosen = index == self.at
        ground = "select" if chosen else "raised"
        line, right = Line(self.face.look, ground).gap(), Line(self.face.look, ground)
        if index < len(self.marks):
            mark = self.marks[index]
            sign = f"{self.face.glyphs.issued} " if mark.kind == KEY_IMAGE else "  "
            words, used = str(mark.words), bool(mark.figure) and str(mark.words) in self.text
            before = self.before(mark)
        else:
            sign, before = "  ", None
            words = str(self.told[index - len(self.marks)].words)
            used = words in self.text
        line.put(sign, "accent").put(words, "strong" if chosen else "text", bold=chosen)
        if before is not None:
            line.put(f", previously {before.figure}", "text")
        return line, right.put("in text" if used else "not used", "soft").gap()

    async def _on_key(self, event: events.Key) -> None:
        step = {"w": -1, "up": -1, "s": 1, "down": 1}.get(event.key)
        mark = self.mark
        if step is not None:
            self.at = min(max(self.at + step, 0), max(0, self.count() - 1))
        elif event.key == "v" and mark is not None:
            count = len(candidates(mark, self.earlier))
            self._chosen[mark.id] = (self._chosen.get(mark.id, 0) + 1) % (count + 1)
        elif event.key == "delete" and mark is not None:
            self._drop(mark)
            self.marks.remove(mark)
            self.at = min(self.at, max(0, self.count() - 1))
        else:
            return
        event.stop()
        event.prevent_default()
        self.renew()

    def do_sheet_ok(self, key: str) -> None:
        """Enter puts the chosen one into the report."""
        mark = self.mark
        if mark is not None:
            words = (
                f"Key image: {mark.words}" if mark.kind == KEY_IMAGE else sentence(mark, self.before(mark))
            )
            self.finish(str(words))
        elif self.count():
            self.finish(str(self.told[self.at - len(self.marks)].words))

    def on_lines_clicked(self, message: Lines.Clicked) -> None:
        """A click chooses; a click on the chosen one puts it into the report."""
        index = self.first() + message.row - 1
        if message.row < 1 or not 0 <= index < self.count():
            return
        if index == self.at:
            self.do_sheet_ok("")
        else:
            self.at = index
            self.renew()
