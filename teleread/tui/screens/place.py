"""What every full screen has: bars, dispatch of actions, messages; and sheets that lie on it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from textual import events
from textual.geometry import Region
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from teleread.model.errors import TelereadError
from teleread.tui.face import Face, face
from teleread.tui.lean import LeanCompositor
from teleread.tui.pace import GAP_SECONDS, Pace
from teleread.tui.widgets.bars import HintBar, StatusLine, TopBar
from teleread.workstation.api import WorklistItem

from .sheet import Sheet

if TYPE_CHECKING:
    from textual.dom import DOMNode

__all__ = ["Place", "perform"]

T = TypeVar("T")

SLOW: Final = frozenset({"case.draft_next", "case.sign_next", "case.sign", "case.unsigned", "case.discard"})
"""Actions of which a held key does only one."""


async def perform(node: DOMNode, targets: Sequence[object | None], action_id: str, key: str) -> bool:
    """Do an action on the first of the targets that knows it.

    A target knows an action ``noun.verb`` by a method ``do_noun_verb(key)``.

    Returns:
        Whether any did.
    """
    name = "do_" + action_id.replace(".", "_")
    for target in targets:
        method = getattr(target, name, None)
        if method is None:
            continue
        try:
            result: Any = method(key)
            if inspect.isawaitable(result):
                await result
        except TelereadError as error:
            face(node).tell(str(error), "warn")
        return True
    return False


class Place(Screen[None], inherit_bindings=False):
    """A full screen: top bar, something, status, keys."""

    NAME = "Worklist"
    """Its name in the path."""
    CONTEXT = "L"
    """Context of its keys while nothing else has the focus."""
    HINTS: tuple[str, ...] = ()
    """Action ids of the last row."""
    WORDS: ClassVar[dict[str, str]] = {}
    """Words of the last row that differ from the table's: action id to word."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = LeanCompositor()
        self.sheets: list[Sheet[Any]] = []
        self.focus_before: Widget | None = None
        self._pace: Pace | None = None

    @property
    def face(self) -> Face:
        """The app, typed."""
        return face(self)

    @property
    def _update_timer(self) -> Timer:
        """Paints what has changed; in place of Textual's."""
        if self._pace is None:
            self._pace = Pace(self, GAP_SECONDS, callback=self._on_timer_update, name="paint", pause=True)
            self._pace._start()
            self._timers.add(self._pace)
        return self._pace

    @property
    def context(self) -> str:
        """Context of the widget in focus: L, P or T."""
        found = getattr(self.focused, "CONTEXT", "") if self.focused is not None else ""
        return str(found or self.CONTEXT)

    async def action_act(self, action_id: str, key: str = "") -> None:
        """Do an action of the table."""
        self.face.touched()
        if action_id in SLOW and self.face.held_down(action_id):
            return
        if self.sheets:
            sheet = self.sheets[-1]
            targets: tuple[object | None, ...] = (self.focused, sheet)
            if action_id in sheet.APP_ACTIONS:
                targets = (self.app,)
        else:
            targets = (self.focused, self, self.app)
        await perform(self, targets, action_id, key)

    # -- sheets -----------------------------------------------------------------------------------
    def open_sheet(self, sheet: Sheet[T], answered: Callable[[T | None], object] | None = None) -> None:
        """Lay a sheet on this screen.

        Args:
            sheet: The sheet.
            answered: Takes its answer; None where nothing happened.
        """
        if not self.sheets:
            self.focus_before = self.focused
        sheet.answered = answered
        self.sheets.append(sheet)
        self.mount(sheet)
        self.call_after_refresh(self.show_hints)

    def close_sheet(self, sheet: Sheet[T], answer: T | None) -> None:
        """Take a sheet away and give the focus back."""
        if sheet in self.sheets:
            self.sheets.remove(sheet)
        sheet.remove()
        self.set_focus(
            self.sheets[-1].first_focus() if self.sheets else self.focus_before, scroll_visible=False
        )
        self.show_hints()
        if sheet.answered is not None:
            sheet.answered(answer)

    def close_all_sheets(self) -> None:
        """Take every sheet away; nothing happens by it."""
        for sheet in reversed(list(self.sheets)):
            sheet.finish(None)

    def on_resize(self, event: events.Resize) -> None:
        """Sheets lie down anew."""
        self.call_after_refresh(self._settle_sheets)

    def _settle_sheets(self) -> None:
        for sheet in self.sheets:
            sheet.settle()

    def on_mount(self) -> None:
        """Fill the bars."""
        self.set_interval(15, self.tick)
        self.call_after_refresh(self.show_hints)
        self.show_status()

    def on_screen_resume(self) -> None:
        """Come back: the bars may be old."""
        self.show_status()
        self.show_hints()

    def tick(self) -> None:
        """Each quarter of a minute: the clock, and times left."""
        for bar in self.query(TopBar):
            bar.refresh()

    def path(self) -> tuple[str, ...]:
        """Names from the worklist to here."""
        names = [screen.NAME for screen in self.app.screen_stack if isinstance(screen, Place)]
        return tuple(names) if names else (self.NAME,)

    def show_status(self) -> None:
        """Fill the top bar from what the app knows."""
        for bar in self.query(TopBar):
            bar.path = self.path()
            bar.status = self.face.status
        lines = self.face.status.escalations if self.face.status is not None else ()
        for row in self.query(StatusLine):
            row.alert = str(lines[0].text) if lines else ""

    def show_hints(self) -> None:
        """Fill the last row for the context."""
        if self.sheets:
            for bar in self.query(HintBar):
                bar.chips = tuple((key, word, "") for key, word in self.sheets[-1].HINTS)
            return
        context, keymap = self.context, self.face.keymap
        chips = []
        for action_id in self.hints():
            key = keymap.first_key(action_id, context)
            if key:
                word = self.WORDS.get(action_id) or next(
                    one.hint or one.text for one in keymap.actions if one.id == action_id
                )
                chips.append((self._chip_key(action_id, key, context), word, action_id))
        for bar in self.query(HintBar):
            bar.chips = tuple(chips)

    def _chip_key(self, action_id: str, key: str, context: str) -> str:
        """A pair of keys is shown as a pair."""
        if action_id == "preset.n":
            return "1-9"
        other = self.face.keymap.first_key("move.up", context) if action_id == "move.down" else ""
        return f"{other} {key}".strip()

    def hints(self) -> tuple[str, ...]:
        """Action ids of the last row, now."""
        return self.HINTS

    def show_message(self, text: str, role: str) -> None:
        """Put words into the status row."""
        for line in self.query(StatusLine):
            line.message = (text, role)

    def sheet_region(self, rows: int) -> Region:
        """Where a sheet that wants so many rows may lie: never over a picture or who it is."""
        width, height = self.size
        rows = min(rows, height - 3)
        return Region(0, height - 1 - rows, width, rows)

    def on_descendant_focus(self) -> None:
        """Other keys are valid now."""
        self.show_hints()

    def on_top_bar_back(self) -> None:
        """The path was clicked."""
        self.run_worker(self.action_act("app.back"), exit_on_error=False)

    def on_hint_bar_pressed(self, message: HintBar.Pressed) -> None:
        """A chip was clicked."""
        self.run_worker(self.action_act(message.action), exit_on_error=False)

    def item(self) -> WorklistItem | None:
        """The case that actions here are about."""
        return None

    def lay_out_again(self) -> None:
        """The signs have another width now."""

    def data_moved(self) -> None:
        """The app has read the worklist anew."""

    async def leave(self) -> None:
        """Write what is held before this screen goes."""

    async def before_lock(self) -> None:
        """Write what is held and let go of pictures."""

    def after_unlock(self) -> None:
        """Take pictures up again."""

    def focus_on(self, widget: Widget) -> None:
        """Give a widget the focus."""
        self.set_focus(widget, scroll_visible=False)
