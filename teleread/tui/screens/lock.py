"""The lock screen: no patient, only counts."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.screen import Screen

from teleread.model.errors import LockedError, TelereadError
from teleread.tui.face import Face, face
from teleread.tui.paint import Line, wrap
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.lines import Lines, Row
from teleread.tui.words import clock

__all__ = ["LockScreen"]


class LockScreen(Screen[bool], inherit_bindings=False):
    """Covers everything until the passphrase or the PIN is typed."""

    DEFAULT_CSS = """
    LockScreen { background: $tr-room; align: center middle; }
    LockScreen Lines { width: 100%; height: 1fr; }
    LockScreen Entry { width: 100%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.words = "Pictures are cleared; drafts are kept."
        self.working = False

    @property
    def face(self) -> Face:
        """The app, typed."""
        return face(self)

    def compose(self) -> ComposeResult:
        """Words, the line to type into, words."""
        yield Lines(self._rows, ground="room", id="above")
        yield Entry("Passphrase or PIN", ground="panel", secret=True, id="secret")
        yield Lines(self._below, ground="room", id="below")

    def on_mount(self) -> None:
        """The cursor stands in the line."""
        self.set_focus(self.query_one(Entry), scroll_visible=False)
        self.set_interval(15, self._renew)

    def _renew(self) -> None:
        for lines in self.query(Lines):
            lines.renew()

    def _rows(self, width: int) -> Sequence[Row]:
        look, status = self.face.look, self.face.status
        count = status.not_issued if status is not None else 0
        made: list[Row] = [(Line(look), None)]
        right = Line(look).put(clock(self.face.now()), "soft").gap()
        name = "teleread is locked" + ("  DEMO" if self.face.demo else "")
        made.append((Line(look).gap(2).put(f"{self.face.glyphs.logo} {name}", "strong", bold=True), right))
        made.append((Line(look), None))
        if count:
            one = count == 1
            words = (
                f"{count} report{' is' if one else 's are'} not issued. They send by themselves while locked."
            )
            made.append((Line(look).gap(2).put(words, "warn"), None))
        if self.face.demo:
            made.append(
                (Line(look).gap(2).put("The demo asks nothing: type anything, then Enter.", "soft"), None)
            )
        return made

    def _below(self, width: int) -> Sequence[Row]:
        look = self.face.look
        made: list[Row] = [
            (Line(look).gap(2).put(part, "text"), None) for part in wrap(self.words, width - 4)
        ]
        made.append(
            (Line(look).gap(2).put("Quit is safe too: everything is on disk. Ctrl+D quits.", "soft"), None)
        )
        return made

    def on_entry_submitted(self, message: Entry.Submitted) -> None:
        """Try it."""
        message.stop()
        if not self.working and message.entry.value:
            self.working = True
            self.words = "One moment …"
            self._renew()
            secret = message.entry.value
            message.entry.set("")
            self.face.spawn(self._try(secret), "unlock")

    async def _try(self, secret: str) -> None:
        try:
            await self.face.calls.vault(self.face.workstation.unlock, secret)
        except LockedError as error:
            self.words = str(error)
        except TelereadError as error:
            self.words = str(error)
        else:
            self.dismiss(True)
            return
        finally:
            self.working = False
        self._renew()

    def key_ctrl_d(self) -> None:
        """Quit: everything is on disk."""
        self.app.exit(0)
