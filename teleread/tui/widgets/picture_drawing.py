"""The picture pane as it looks: the heading, the frame as half blocks, corner text, the rail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from teleread.model.text import SafeText, clean
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.pictures import Shot
from teleread.workstation.api import SeriesView

from .ready import ReadyStrip
from .rows import Rows

if TYPE_CHECKING:
    from teleread.imaging.frames import CannotShow, Frame, Window
    from teleread.imaging.halfblock import HalfBlock
    from teleread.imaging.resample import Placement

__all__ = ["PictureDrawing", "View"]

NOTICE: Final = SafeText("preview, not for diagnosis")
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


class PictureDrawing(Rows):
    """Draws one frame of one series; the pane below it chooses which, by keys and mouse.

    Args:
        colours: What the terminal can show.
    """

    def __init__(self, colours: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.colours = colours
        self.series: Sequence[SeriesView] = ()
        self.series_at = 0
        self.at = 0
        self.shown_at = -1
        """Place of the frame that is drawn; -1 before the first."""
        self.view = View()
        self.corner = True
        self.covered = False
        """Nothing is drawn: the screen is locked."""
        self._shots: list[Shot] = []
        self._halfblock: HalfBlock | None = None
        self._lines: list[str] = []
        self._drawn_for: tuple[Any, ...] = ()
        self._placement: Placement | None = None

    @property
    def current_series(self) -> SeriesView | None:
        """The series in sight."""
        return self.series[self.series_at] if self.series else None

    def frame(self) -> Frame | CannotShow | None:
        """The frame that is drawn."""
        raise AttributeError(f"{type(self).__name__} has no frames")

    def window_now(self) -> Window | None:
        """The window in use; None for colour, tables and words."""
        raise AttributeError(f"{type(self).__name__} has no window")

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


def _normal(frame: Frame) -> tuple[float, float, float]:
    from teleread.imaging.stack import normal

    return normal(frame.orientation) if frame.orientation is not None else (0.0, 0.0, 1.0)
