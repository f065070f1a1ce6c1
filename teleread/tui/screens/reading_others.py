"""The reading screen's other hearings: what else was heard at a marked word, and one key that takes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .reading_dictation import ReadingDictation

if TYPE_CHECKING:
    from teleread.dictation.others import Other
    from teleread.reporting.marks import Standing as Marked

__all__ = ["ReadingOthers"]

AROUND: Final = 22
"""Characters of the text shown on either side of another hearing."""


class ReadingOthers(ReadingDictation):
    """Puts another hearing in a marked word's place."""

    def do_word_other(self, key: str) -> None:
        """What else was heard at the marked word in focus; a number puts it there."""
        from .ask import Choose

        self.look_at_report()
        here = self.report.unread_here()
        if here is None or here.mark.kind == "copied":
            self.face.tell("F3 goes to a marked word; there this key tells what else was heard.", "soft")
            return
        changes = self._changes(here)
        if not changes:
            self.face.tell("Nothing else was heard there that is at hand in this window.", "soft")
            return
        text = self.report.buffer.text

        def chosen(index: int | None) -> None:
            if index is not None:
                self.face.spawn(self._put_other(here, changes[index], text), "words")

        words = [self._as_it_would_stand(one, text) for one in changes]
        self.open_sheet(Choose(f"Instead of “{here.mark.text}”, also heard", words), chosen)

    def _changes(self, here: Marked) -> list[Other]:
        """Other hearings as changes to the section's text as it stands."""
        from teleread.dictation.others import Other

        found = self._said_at(here)
        if found is None:
            return []
        one, at = found
        written, piece = one.said.written, one.said.written.placed[at]
        told = list(one.said.others.get(at, ()))
        if piece.piece.was:
            told.append(Other(piece.start, piece.end, piece.piece.was))
        by, text = here.start - piece.start, self.report.buffer.text
        stand = [
            replace(change, start=change.start + by, end=change.end + by)
            for change in told
            if change.start + by >= 0
            and text[change.start + by : change.end + by] == written.text[change.start : change.end]
        ]
        return [_cased(change, text) for change in stand][:9]

    def _as_it_would_stand(self, change: Other, text: str) -> str:
        """The text around another hearing with it in its place, on one line."""
        before, after = text[: change.start][-AROUND:], text[change.end :][:AROUND]
        words = " ".join(f"{before}{change.put}{after}".split())
        more = self.face.glyphs.more
        head = more if change.start > AROUND else ""
        return f"{head}{words}{more if len(text) > change.end + AROUND else ''}"

    async def _put_other(self, here: Marked, change: Other, text: str) -> None:
        """Put it there and onto the disk; the word was looked at, so its mark is gone."""
        buffer = self.report.buffer
        section = buffer.ids.index(here.mark.section)
        if buffer.texts[section] != text:
            self.face.tell("The text was changed meanwhile: nothing was put in.", "warn")
            return
        buffer.put_at(section, change.start, change.end, change.put)
        self.report.changed()
        await self.keeper.flush()
        if any(one.mark == here.mark for _, one in self.report.unread()):
            await self._mark_read(here.mark)
        self.face.tell("Put in as heard otherwise; F3 goes to the next word.", "good")
        self._show_standing()


def _cased(change: Other, text: str) -> Other:
    """With a capital where what it replaces has one at the head of a sentence."""
    was = text[change.start : change.end]
    if was[:1].isupper() and not was.isupper() and change.put[:1].islower():
        return replace(change, put=change.put[:1].upper() + change.put[1:])
    return change
