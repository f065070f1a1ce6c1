"""The reading screen and the reader's own editor: it borrows the terminal, the draft takes one change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

from teleread.tui.paint import wrap
from teleread.tui.widgets.lines import Row

from .reading_voice import ReadingVoice
from .sheet import Sheet

if TYPE_CHECKING:
    from teleread.workstation.editing import Edited, Trip

__all__ = ["EditorSheet", "ReadingEditor"]


class EditorSheet(Sheet[bool]):
    """What leaving for an editor means; Enter goes.

    Args:
        trip: The editor.
    """

    HINTS = (("Enter", "open it"), ("Esc", "back"))

    def __init__(self, trip: Trip) -> None:
        super().__init__()
        self.trip = trip

    def wanted(self) -> int:
        """A heading and the warning."""
        return 9

    def rows(self, width: int) -> Sequence[Row]:
        """The warning."""
        words = (
            f"{self.trip.program} gets the text of this draft as a file in memory. Until it ends, the text "
            "is not encrypted: your own programs can read it, and swap that is not encrypted can hold it.",
            "Save and leave it: the draft takes the text as one change. The file is destroyed then. The "
            "screen still locks when no key comes; text not saved in the editor is lost with that.",
        )
        made: list[Row] = [self.heading("In your own editor", width, "outside the vault", "warn")]
        for one in words:
            made += [(self.start().put(part, "warn"), None) for part in wrap(one, width - 3)]
        return made

    def do_sheet_ok(self, key: str) -> None:
        """Enter goes."""
        self.finish(True)


class ReadingEditor(ReadingVoice):
    """What the reader does in an editor of their own."""

    def do_report_editor(self, key: str) -> None:
        """The draft in the editor that VISUAL or EDITOR names, where the reader has switched that on."""
        self.face.spawn(self._offer_editor(), "editor")

    async def _offer_editor(self) -> None:
        draft = self._draft
        if draft is None or not await self.words_in():
            return
        await self.keeper.flush()
        trip = await self.face.calls.vault(self.face.workstation.writing.to_editor, draft.id)
        self.look_at_report()

        def answered(goes: bool | None) -> None:
            if goes:
                self.face.spawn(self._to_editor(trip), "editor")

        self.open_sheet(EditorSheet(trip), answered)

    async def _to_editor(self, trip: Trip) -> None:
        from teleread.workstation.editing import edit

        buffer = self.report.buffer
        sections = tuple(zip(buffer.ids, buffer.labels, buffer.texts, strict=True))
        try:
            with self.app.suspend():  # nothing here runs or paints while the terminal is the editor's
                made = edit(trip, sections, self._must_lock)
        except SuspendNotSupported:
            self.face.tell("This terminal can't be lent to an editor. The draft is as it was.", "warn")
            return
        finally:
            self.wall.renew_painters()
        await self._take_back_text(made, buffer)

    def _must_lock(self) -> bool:
        """Whether the screen has to lock: elsewhere it was locked, or no key came to this terminal."""
        from teleread.workstation.editing import terminal_idle

        idle = terminal_idle()
        late = idle is not None and idle > 60 * float(self.face.setting("idle_minutes", 10))
        return late or self.face.workstation.locked()

    async def _take_back_text(self, made: Edited, buffer: Any) -> None:
        """One change that can be undone; on disk before anything else."""
        changed = {name: text for name, text in made.texts.items() if text != self.text_of(name)}
        if buffer is self.report.buffer and changed:
            buffer.put_all(changed)
            self.report.changed()
            await self.keeper.flush()
        if made.notes:
            self.face.tell(" ".join(made.notes), "warn")
        elif changed:
            self.face.tell("The draft has the editor's text, as one change: undo takes it back.", "good")
        else:
            self.face.tell("Nothing was changed in the editor.", "soft")
        if made.ended:
            self.face.act("app.lock")
        else:
            self.face.touched()
