"""The picture pane: which frame of which series, how it is looked at; keys, mouse, and letting go."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from textual import events
from textual.binding import BindingsMap
from textual.message import Message

from teleread.model.text import clean
from teleread.tui.pictures import Decoder, Ring, Shot, shots_of
from teleread.workstation.api import SeriesView

from .picture_drawing import PictureDrawing, View

if TYPE_CHECKING:
    from teleread.imaging.frames import CannotShow, Frame, Window

__all__ = ["PicturePane", "View", "colours_here"]

ZOOM_STEP: Final = 1.5
ZOOM_MOST: Final = 24.0
LOOP_SECONDS: Final = 1 / 12


class PicturePane(PictureDrawing, can_focus=True):
    """One series at a time; the heading, the picture, the rail.

    Args:
        bindings: Keys of pictures.
        decoder: Makes the decoding pool.
        read: Reads one instance's bytes.
        colours: What the terminal can show.
    """

    DEFAULT_CSS = """
    PicturePane { height: 1fr; width: 1fr; background: #000000; }
    """

    CONTEXT = "P"

    @dataclass
    class Shown(Message):
        """Another frame is on the screen."""

        pane: PicturePane

    @dataclass
    class Full(Message):
        """A double click wants the whole screen."""

    def __init__(
        self,
        bindings: BindingsMap,
        decoder: Callable[[], Decoder],
        read: Callable[[str], bytes],
        colours: str,
        *,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        super().__init__(colours, id=id)
        self._bindings = bindings
        self._decoder, self._read = decoder, read
        self._ring = Ring(decoder, read, self._arrived)
        self.step = 1
        self._places: dict[str, int] = {}
        self._loop: Any = None
        self._drag: tuple[str, int, int] | None = None

    # -- what is shown ----------------------------------------------------------------------------
    def show_series(self, series: Sequence[SeriesView], at: int | None = None) -> None:
        """Take the series of a study; the place in each is kept while its images grow."""
        self.series = series
        if at is not None:
            self.series_at = at
        self._take_series()

    def _take_series(self) -> None:
        self.series_at = min(max(self.series_at, 0), max(0, len(self.series) - 1))
        current = self.current_series
        self._shots = shots_of(current.instances) if current else []
        default = len(self._shots) // 2 if len(self._shots) > 2 else 0
        place = self._places.get(current.series_uid, default) if current else 0
        self.at = min(max(place, 0), max(0, len(self._shots) - 1))
        self.shown_at = -1
        self._want()
        self.refresh()

    @property
    def shot(self) -> Shot | None:
        """The frame that is wanted."""
        return self._shots[self.at] if self._shots else None

    def frame(self) -> Frame | CannotShow | None:
        """The frame that is drawn."""
        if not 0 <= self.shown_at < len(self._shots):
            return None
        return self._ring.get(self._shots[self.shown_at])

    def _want(self) -> None:
        if not self._shots or self.covered:
            return
        self._ring.want(self._shots, self.at, self.step)
        if self._ring.get(self._shots[self.at]) is not None:
            self._show_at()

    def _arrived(self, shot: Shot) -> None:
        if self._shots and self._shots[self.at] == shot:
            self._show_at()

    def _show_at(self) -> None:
        self.shown_at = self.at
        self.refresh()
        self.post_message(self.Shown(self))

    # -- moving -----------------------------------------------------------------------------------
    def move(self, by: int) -> None:
        """Go on by frames; a series stops at its ends."""
        self.go(self.at + by)

    def go(self, index: int) -> None:
        """Go to a frame."""
        index = min(max(index, 0), max(0, len(self._shots) - 1))
        if index != self.at:
            self.step = index - self.at
            self.at = index
            if self.current_series:
                self._places[self.current_series.series_uid] = index
            self._want()

    def choose_series(self, by: int) -> None:
        """The series before or after."""
        target = min(max(self.series_at + by, 0), max(0, len(self.series) - 1))
        if target != self.series_at:
            self.series_at = target
            self.view = View()
            self._take_series()

    def find_series(self, words: str) -> bool:
        """Go to the next series whose number is this, or whose name holds it; whether there is one."""
        wanted = words.casefold().strip()
        count = len(self.series)
        for index in (*range(self.series_at + 1, count), *range(self.series_at)):
            one = self.series[index]
            named = f"s{one.number}" if one.number is not None else ""
            if wanted in {named, named[1:]} or wanted in f"{one.modality} {one.description}".casefold():
                self.choose_series(index - self.series_at)
                return True
        return False

    # -- the view ---------------------------------------------------------------------------------
    def look_at(self, **changes: Any) -> None:
        """Change the view."""
        self.view = replace(self.view, **changes)
        self.refresh()

    def window_now(self) -> Window | None:
        """The window in use; None for colour, tables and words."""
        from teleread.imaging.frames import CannotShow, Window
        from teleread.imaging.window import chosen_window

        frame = self.frame()
        if frame is None or isinstance(frame, CannotShow) or frame.is_colour:
            return None
        chosen = self.view.window or chosen_window(frame)
        return chosen if isinstance(chosen, Window) else None

    def change_window(self, *, width: float = 1.0, shift: float = 0.0) -> None:
        """Make the window wider by a factor, or move its centre by a share of its width."""
        now = self.window_now()
        if now is None:
            return
        made = replace(
            now, centre=now.centre + shift * now.width, width=max(1.0, now.width * width), name=clean("")
        )
        self.look_at(window=made, word="")

    def preset(self, digit: int) -> str:
        """Take a preset; 0 is as stored.

        Returns:
            Words where there is none.
        """
        from teleread.imaging.frames import CannotShow
        from teleread.imaging.presets import presets_for

        frame = self.frame()
        if digit == 0:
            self.look_at(window=None, word="as stored")
            return ""
        if frame is None or isinstance(frame, CannotShow):
            return "No picture is shown yet."
        found = next((one for one in presets_for(frame) if one.digit == digit), None)
        if found is None:
            return "There is no such window for this picture."
        self.look_at(window=found.window, word=str(found.name))
        return ""

    def zoom(self, factor: float) -> None:
        """Zoom in or out."""
        self.look_at(zoom=min(max(self.view.zoom * factor, 1.0), ZOOM_MOST))

    def pan(self, across: float, down: float) -> None:
        """Move the picture by shares of what is in sight."""
        x, y = self.view.centre
        part = 1 / self.view.zoom
        self.look_at(centre=(min(max(x + across * part, 0.0), 1.0), min(max(y + down * part, 0.0), 1.0)))

    def toggle_loop(self) -> bool:
        """Run the series, or stop; whether it runs now."""
        if self._loop is not None:
            self._loop.stop()
            self._loop = None
            return False
        if len(self._shots) < 2:
            return False
        self._loop = self.set_interval(LOOP_SECONDS, self._run)
        return True

    def _run(self) -> None:
        following = (self.at + 1) % len(self._shots)
        if self._ring.get(self._shots[following]) is not None or following != self.at:
            self.go(following)

    # -- letting go -------------------------------------------------------------------------------
    def cover(self) -> None:
        """Forget the pictures: the screen is locked or left."""
        self.covered = True
        self.shown_at = -1
        self._lines, self._drawn_for = [], ()
        self._ring.close()
        if self._loop is not None:
            self._loop.stop()
            self._loop = None
        self.refresh()

    def on_unmount(self) -> None:
        """The pane is gone, and its frames with it."""
        self._ring.close()

    def uncover(self) -> None:
        """Bring them again."""
        self.covered = False
        self._ring = Ring(self._decoder, self._read, self._arrived)
        self._want()

    # -- mouse ------------------------------------------------------------------------------------
    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The next frame; with Ctrl zoom out."""
        event.stop()
        if event.ctrl:
            self.zoom(1 / ZOOM_STEP)
        else:
            self.move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The frame before; with Ctrl zoom in."""
        event.stop()
        if event.ctrl:
            self.zoom(ZOOM_STEP)
        else:
            self.move(-1)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin a drag: rail, window (right or Ctrl), pan (middle)."""
        if event.x >= self.size.width - 1:
            self._drag = ("rail", event.x, event.y)
            self._rail_to(event.y)
        elif event.button == 3 or event.ctrl:
            self._drag = ("window", event.x, event.y)
        elif event.button == 2:
            self._drag = ("pan", event.x, event.y)
        if self._drag is not None:
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Go on with a drag."""
        if self._drag is None:
            return
        kind, x, y = self._drag
        across, down = event.x - x, event.y - y
        self._drag = (kind, event.x, event.y)
        if kind == "rail":
            self._rail_to(event.y)
        elif kind == "pan":
            self.pan(-across / max(1, self.size.width), -down / max(1, self.size.height))
        elif across or down:
            self.change_window(width=1.05**across, shift=down / 25)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End a drag."""
        if self._drag is not None:
            self._drag = None
            self.release_mouse()

    def _rail_to(self, y: int) -> None:
        height = max(2, self.size.height - 1)
        self.go(round((y - 1) * (len(self._shots) - 1) / (height - 1)))

    def on_click(self, event: events.Click) -> None:
        """A double click fills the screen."""
        if event.chain >= 2 and event.button == 1 and event.x < self.size.width - 1:
            self.post_message(self.Full())

    def on_focus(self) -> None:
        """The heading shows where the keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """The heading shows where the keys go."""
        self.refresh()


def colours_here(setting: str) -> str:
    """What the terminal can show, unless the reader says it."""
    from teleread.imaging.protocol import COLOURS, colours_of

    return setting if setting in COLOURS else colours_of(os.environ)
