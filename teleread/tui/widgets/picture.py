"""The picture pane: a stack of frames as half blocks, with corner text and the rail."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingsMap
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from teleread.model.text import SafeText, clean
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.pictures import Decoder, Ring, Shot, shots_of
from teleread.workstation.api import SeriesView

from .ready import ReadyStrip
from .rows import Rows

if TYPE_CHECKING:
    from teleread.imaging.frames import CannotShow, Frame, Window
    from teleread.imaging.halfblock import HalfBlock
    from teleread.imaging.resample import Placement

__all__ = ["PicturePane", "View"]

NOTICE: Final = SafeText("preview, not for diagnosis")
ZOOM_STEP: Final = 1.5
ZOOM_MOST: Final = 24.0
LOOP_SECONDS: Final = 1 / 12
SYSTEMS: Final = {
    "truecolor": ColorSystem.TRUECOLOR,
    "256": ColorSystem.EIGHT_BIT,
    "16": ColorSystem.STANDARD,
}


@dataclass(frozen=True, slots=True)
class View:
    """How pictures are looked at; kept while scrolling."""

    window: Window | None = None
    """None: as stored."""
    word: str = "as stored"
    invert: bool = False
    zoom: float = 1.0
    centre: tuple[float, float] = (0.5, 0.5)


class PicturePane(Rows, can_focus=True):
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
        super().__init__(id=id)
        self._bindings = bindings
        self._decoder, self._read = decoder, read
        self._ring = Ring(decoder, read, self._arrived)
        self.colours = colours
        self.series: Sequence[SeriesView] = ()
        self.series_at = 0
        self.at = 0
        self.shown_at = -1
        """Place of the frame that is drawn; -1 before the first."""
        self.step = 1
        self.view = View()
        self.corner = True
        self.covered = False
        """Nothing is drawn: the screen is locked."""
        self._places: dict[str, int] = {}
        self._shots: list[Shot] = []
        self._halfblock: HalfBlock | None = None
        self._lines: list[str] = []
        self._drawn_for: tuple[Any, ...] = ()
        self._placement: Placement | None = None
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
    def current_series(self) -> SeriesView | None:
        """The series in sight."""
        return self.series[self.series_at] if self.series else None

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

    # -- drawing ----------------------------------------------------------------------------------
    def render_line(self, y: int) -> Strip:
        """The heading, then the picture."""
        width, height = self.size
        if y == 0:
            left, right = self._heading(width)
            return left.strip(width, right)
        from teleread.imaging.frames import CannotShow

        frame = self.frame()
        if frame is None or isinstance(frame, CannotShow):
            return self._words(y - 1, width, height - 1, frame.reason if frame else self._waiting())
        self._draw(frame, width - 1, height - 1)
        line = self._lines[y - 1] if y - 1 < len(self._lines) else ""
        return ReadyStrip(line + self._rail_cell(y - 1, height - 1), width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows without Textual's style pass: a finished line must stay one string."""
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span == (0, self.size.width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]

    def _waiting(self) -> str:
        if self.covered:
            return ""
        return "" if self._shots else "No image is here. F fetches this study first."

    def _heading(self, width: int) -> tuple[Line, Line | None]:
        focus = self.has_focus
        line = self.start("raised" if focus else "panel")
        line.put(self.glyphs.bar if focus else " ", "accent")
        series = self.current_series
        if series is None:
            return line.put("Pictures", "strong", bold=focus), None
        number = f"S{series.number} " if series.number is not None else ""
        line.put(f"{number}{series.description or series.modality}", "strong", bold=True).gap(2)
        line.put(f"{self.series_at + 1}/{len(self.series)} series", "soft")
        right = self.start("raised" if focus else "panel")
        window = self.window_now()
        if window is not None:
            right.put(f"W {window.width:g} L {window.centre:g} ", "text").put(self.view.word, "soft").gap(3)
        if self.view.invert:
            right.put("inverted", "warn").gap(2)
        ratio = f" {self._placement.ratio}" if self._placement is not None and width >= 76 else ""
        right.put(f"half blocks{ratio}", "soft").gap()
        return line, right

    def _draw(self, frame: Frame, width: int, height: int) -> None:
        """Make the lines of the picture, unless they are made already."""
        key = (self._shots[self.shown_at], self.view, width, height, self.corner, self.look.name, self.at)
        if key == self._drawn_for or width < 1 or height < 1:
            return
        from teleread.imaging.halfblock import HalfBlock
        from teleread.imaging.render import render
        from teleread.imaging.resample import fit as fit_picture
        from teleread.imaging.resample import place

        if self._halfblock is None:
            self._halfblock = HalfBlock(self.colours)
        view = self.view
        picture = render(frame, window=view.window, invert=view.invert).array
        placement = place(
            frame.rows,
            frame.columns,
            width,
            2 * height,
            aspect=frame.aspect,
            zoom=view.zoom,
            centre=view.centre,
        )
        if self._placement != placement:
            self._placement = placement
            self.refresh()
        self._lines = self._halfblock.compose(
            fit_picture(picture, placement), self._texts(frame, width, height)
        )
        self._drawn_for = key

    def _texts(self, frame: Frame, width: int, height: int) -> list[tuple[int, int, SafeText, str]]:
        """Corner text: number, position, letters, and the notice that is never off."""
        texts: list[tuple[int, int, SafeText, str]] = []
        bottom = height - 1

        def put(row: int, column: int, words: str, role: str) -> None:
            if 0 <= row < height and words:
                texts.append((row, max(0, column), clean(words), self._escape(role)))

        put(bottom, width - len(NOTICE) - 1, NOTICE, "warn")
        if not self.corner:
            return texts
        from teleread.imaging.stack import orientation_letters

        number = f"{self.shown_at + 1}/{len(self._shots)}"
        put(0, width - len(number) - 1, number, "text")
        if self.at != self.shown_at:
            put(1, width - 12, f"{self.at + 1} is coming", "soft")
        left, right, top, low = orientation_letters(frame.orientation)
        put(0, (width - len(top)) // 2, top, "strong")
        put(bottom, (width - len(low)) // 2, low, "strong")
        put(height // 2, 1, left, "strong")
        put(height // 2, width - len(right) - 1, right, "strong")
        if frame.position is not None:
            axis = max(range(3), key=lambda index: abs(_normal(frame)[index]))
            put(bottom, 1, f"{'xyz'[axis]} {frame.position[axis]:.1f} mm", "soft")
        return texts

    def _escape(self, role: str) -> str:
        """The escape sequence of a role on a picture: always the dark theme's colours."""
        if self.colours == "mono":
            return ""
        looks = self.face.looks
        look = looks.get("reading-room", self.look)
        colour = look.roles[role].rich
        if colour is None:
            return ""
        codes = ";".join(colour.downgrade(SYSTEMS[self.colours]).get_ansi_codes())
        return f"\x1b[{codes}m"

    def _rail_cell(self, row: int, height: int) -> str:
        """One cell of the rail: where we are in the stack."""
        count = len(self._shots)
        if count < 2 or height < 1:
            return "\x1b[0m" + self._escape("faint") + " \x1b[0m"
        here = round(self.shown_at * (height - 1) / (count - 1))
        at_end = self.shown_at in {0, count - 1}
        if row in {here, here - 1} if here else row in {0, 1}:
            return "\x1b[0;40m" + self._escape("accent" if at_end else "soft") + self.glyphs.thumb + "\x1b[0m"
        return "\x1b[0;40m" + self._escape("faint") + self.glyphs.rail + "\x1b[0m"

    def _words(self, y: int, width: int, height: int, reason: str) -> Strip:
        """Words in place of a picture."""
        black = Style(bgcolor="#000000", color="#cbc7bd")
        rows = wrap(reason, max(10, width - 8)) if reason else []
        if y == height - 1:
            text = fit(f"{NOTICE:>{max(0, width - 1)}}", width)
        else:
            first = max(0, (height - len(rows)) // 2)
            index = y - first
            text = rows[index].center(width) if 0 <= index < len(rows) else " " * width
        return Strip([Segment(fit(text, width), black)], width)

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


def _normal(frame: Frame) -> tuple[float, float, float]:
    from teleread.imaging.stack import normal

    return normal(frame.orientation) if frame.orientation is not None else (0.0, 0.0, 1.0)


def colours_here(setting: str) -> str:
    """What the terminal can show, unless the reader says it."""
    from teleread.imaging.protocol import COLOURS, colours_of

    return setting if setting in COLOURS else colours_of(os.environ)
