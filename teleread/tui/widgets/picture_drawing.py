"""The picture pane as it looks: the heading, the frame in cells or as graphics, corner text, the rail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from teleread.model.text import SafeText, clean
from teleread.tui.graphics import Graphics
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.pictures import Shot
from teleread.workstation.api import SeriesView

from .picture_marks import Ink, drawn_on
from .picture_view import Point, Seen, View, seen
from .ready import ReadyStrip
from .rows import Rows

if TYPE_CHECKING:
    from teleread.imaging.frames import CannotShow, Frame, Window
    from teleread.imaging.resample import Placement

    from .picture_paint import Painted, Painter

__all__ = ["PictureDrawing", "View"]

NOTICE: Final = SafeText("preview, not for diagnosis")
SYSTEMS: Final = {
    "truecolor": ColorSystem.TRUECOLOR,
    "256": ColorSystem.EIGHT_BIT,
    "16": ColorSystem.STANDARD,
}
NARROW, WIDE = 44, 70
"""Columns of a pane from which its heading has room for the window, and for all words."""
MARGIN: Final = 2
"""Columns left and right of graphics, for the letters of the sides."""


class PictureDrawing(Rows):
    """Draws one frame of one series; the pane below it chooses which, by keys and mouse.

    Args:
        graphics: How the terminal shows pictures.
        slot: Which of the panes it is.
    """

    def __init__(self, graphics: Graphics, slot: int = 0, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.graphics = graphics
        self.slot = slot
        self.series: Sequence[SeriesView] = ()
        self.series_at = 0
        self.at = 0
        self.shown_at = -1
        """Place of the frame that is drawn; -1 before the first."""
        self.view = View()
        self.corner = True
        self.covered = False
        """Nothing is drawn: the screen is locked."""
        self.plain = False
        """Drawn in cells, because something lies on it."""
        self.moving = False
        """More frames follow at once."""
        self.title: tuple[tuple[str, str], ...] = ()
        """What stands first in the heading, (words, role): which study this is, where there are two."""
        self.note: tuple[str, str] = ("", "soft")
        """(words, role): how this pane follows another."""
        self.cut_words: tuple[str, str] = ("", "soft")
        """(words, role): how the series is cut another way than it was taken."""
        self.under = SafeText("")
        """The value under the cursor."""
        self._shots: Sequence[Shot] = ()
        self._painter: Painter | None = None
        self._painted: Painted | None = None
        self._drawn_for: tuple[Any, ...] = ()
        self._seen: Seen | None = None

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

    def inks(self, frame: Frame) -> tuple[Ink, ...]:
        """What is drawn on a frame: measurements, the cursor, lines of other panes."""
        return ()

    def greys(self, frame: Frame) -> Any:
        """A frame's greys or colours under the view, before it is turned."""
        from teleread.imaging.render import render

        return render(frame, window=self.view.window, invert=self.view.invert).array

    def laid(self) -> tuple[str, str]:
        """(words, role): what lies over the picture."""
        return "", "soft"

    def layer_inks(self, frame: Frame) -> tuple[Ink, ...]:
        """What another object of the study draws on a frame."""
        return ()

    # -- shape ------------------------------------------------------------------------------------
    @property
    def painter(self) -> Painter:
        """How it is drawn now."""
        if self._painter is None:
            self._painter = self.graphics.painter(self.slot, plain=self.plain)
        return self._painter

    def renew_painter(self) -> None:
        """Draw in another way from now on: what stands there is taken away first."""
        self.wipe(forget=True)
        self._painter = None
        self._painted, self._drawn_for = None, ()
        self.refresh()

    def wipe(self, *, forget: bool = False) -> None:
        """Take away what is drawn outside the grid of letters.

        Args:
            forget: Out of the terminal's memory too; for all panes at once.
        """
        if self._painter is not None:
            self._write(self._painter.clear() if forget else self._painter.hide())
        self._painted, self._drawn_for = None, ()

    def _write(self, sequence: str) -> None:
        driver = self.app._driver
        if sequence and driver is not None and not self.app.is_headless:
            driver.write(sequence)

    def area(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of the picture in cells of this pane."""
        width, height = self.size
        if self.painter.graphic:
            return MARGIN, 2, width - 1 - 2 * MARGIN, height - 3
        return 0, 1, width - 1, height - 1

    def place_under(self, x: float, y: float) -> Point | None:
        """The place of the stored picture under a cell of this pane; None beside it."""
        if self._seen is None:
            return None
        left, top, _, _ = self.area()
        across, down = (x - left + 0.5) * self.painter.across, (y - top + 0.5) * self.painter.down
        return self._seen.to_picture(across, down) if self._seen.holds(across, down) else None

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
            self.lost_picture()
            paper = self.paper_row(frame, y - 1, width, height - 1)
            if paper is not None:
                return paper
            return self._words(y - 1, width, height - 1, frame.reason if frame else self._waiting())
        painted = self.draw(frame)
        if painted is None:
            return Strip.blank(width)
        if self.painter.graphic:
            return ReadyStrip(self._graphic_row(frame, painted, y), width)
        line = painted.rows[y - 1] if y - 1 < len(painted.rows) else ""
        return ReadyStrip(line + self._rail_cell(y - 1, height - 1), width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows without Textual's style pass: a finished line must stay one string."""
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span == (0, self.size.width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]

    def paper_row(self, frame: CannotShow | None, y: int, width: int, height: int) -> Strip | None:
        """A row of an object's text; None where there is none."""
        return None

    def lost_picture(self) -> None:
        """Words stand where a picture stood."""
        if self._painted is not None:
            self.wipe()
            self._seen = None

    def repaint(self) -> None:
        """Another frame, or the same looked at in another way: print what has to be printed again."""
        from teleread.imaging.frames import CannotShow

        frame, before = self.frame(), self._seen
        if (
            not self.painter.over_cells
            or frame is None
            or isinstance(frame, CannotShow)
            or not self.size.width
        ):
            self.refresh()
            return
        if self.draw(frame) is None or before is None or self._seen is None:
            self.refresh()
        elif before.placement != self._seen.placement:
            self.refresh()  # the cells around it are printed, and wipe what stood there
        else:
            width, height = self.size
            self.refresh(Region(0, 0, width, 2), Region(0, height - 1, width, 1))

    def draw(self, frame: Frame) -> Painted | None:
        """Make the picture, unless it is made already."""
        _, _, width, height = self.area()
        if width < 1 or height < 1:
            return None
        inks = self.inks(frame)
        shot = self._shots[self.shown_at]
        words = tuple(self.labels(width, height)), self.corner, self.look.name, self.at
        key = (shot, self.view, width, height, words, self.moving, inks)
        if key == self._drawn_for and self._painted is not None:
            return self._painted
        painter = self.painter
        at = seen(frame, self.view, width * painter.across, height * painter.down, square=painter.square)
        placement = painter.settled(at.placement)
        changed = self._seen is None or self._seen.placement != placement
        self._seen = Seen(at.rows, at.columns, self.view, placement)
        name = f"{shot.instance.sop_uid}/{shot.frame}/{self.view}/{placement}/{inks}"
        painted = painter.known(name, placement)
        if painted is None:
            painted = painter.paint(
                self._canvas(frame, placement, inks),
                placement,
                [] if painter.graphic else self._texts(frame, width, height),
                key=name,
                moving=self.moving,
            )
        if painted.first:
            self._write(painted.first)
        self._painted, self._drawn_for = painted, key
        if changed:
            self.refresh()
        return painted

    def _canvas(self, frame: Frame, placement: Placement, inks: Sequence[Ink]) -> Any:
        """The pixels of the canvas; for graphics only what is shown of the picture."""
        from teleread.imaging.presentation import turned
        from teleread.imaging.resample import fit as fit_picture
        from teleread.imaging.resample import resize

        assert self._seen is not None
        view = self.view
        picture, inks = self.greys(frame), (*self.layer_inks(frame), *inks)
        if view.rotation or view.flip:
            picture = turned(picture, view.rotation, view.flip)
        if not self.painter.graphic:
            return drawn_on(fit_picture(picture, placement), inks, self._seen, (0, 0))
        coarse = self.painter.coarse(placement, moving=self.moving)
        high, wide = max(1, placement.shown_height // coarse), max(1, placement.shown_width // coarse)
        canvas = resize(picture, high, wide, placement.box)
        return drawn_on(canvas, inks, self._seen, (placement.left, placement.top), scale=1 / coarse)

    def _graphic_row(self, frame: Frame, painted: Painted, y: int) -> str:
        """One row of a pane with graphics: text above and below, letters at the sides, the rail."""
        width, height = self.size
        rail = self._rail_cell(y - 1, height - 1)
        left, top, across, down = self.area()
        texts = [one for one in self._texts(frame, width - 1, height - 1) if one[0] == y - 1]
        if top <= y < top + down:
            line = painted.rows[y - top] if y - top < len(painted.rows) else ""
            return self._cells(texts, 0, left) + line + self._cells(texts, left + across, MARGIN) + rail
        return self._cells(texts, 0, width - 1) + rail + (self._laid_over(painted) if y == height - 1 else "")

    def _cells(self, texts: Sequence[tuple[int, int, SafeText, str]], first: int, count: int) -> str:
        """Black cells with the texts that begin in them."""
        ground = "\x1b[0;48;2;0;0;0m"
        out, at = [ground], first
        for _, column, words, style in sorted(texts, key=lambda one: one[1]):
            if not first <= column < first + count or column < at:
                continue
            shown = words[: first + count - column]
            out += [" " * (column - at), style, shown, ground]
            at = column + len(shown)
        return "".join([*out, " " * (first + count - at), "\x1b[0m"])

    def _laid_over(self, painted: Painted) -> str:
        """Graphics over the cells that were printed, and the rail beside them; the cursor comes back."""
        if not painted.over:
            return ""
        region = self.region
        left, top, _, down = self.area()
        height = self.size.height
        out = ["\x1b7"]
        for y in range(top, top + down):
            out.append(
                f"\x1b[{region.y + y + 1};{region.x + self.size.width}H{self._rail_cell(y - 1, height - 1)}"
            )
        row, column = painted.at
        out.append(f"\x1b[{region.y + top + row + 1};{region.x + left + column + 1}H{painted.over}\x1b8")
        return "".join(out)

    def _waiting(self) -> str:
        if self.covered:
            return ""
        return "" if self._shots else "No image is here. F fetches this study first."

    def _heading(self, width: int) -> tuple[Line, Line | None]:
        focus = self.has_focus
        ground = "raised" if focus else "panel"
        line = self.start(ground)
        line.put(self.glyphs.bar if focus else " ", "accent")
        for words, role in self.title:
            line.put(words, role, bold=role == "warn").gap(2)
        series = self.current_series
        if series is None:
            return line.put("Pictures", "strong", bold=focus), None
        number = f"S{series.number} " if series.number is not None else ""
        line.put(f"{number}{series.description or series.modality}", "strong", bold=True).gap(2)
        line.put(f"{self.series_at + 1}/{len(self.series)} series", "soft")
        return line, self._heading_right(ground, width)

    def _heading_right(self, ground: str, width: int) -> Line:
        right = self.start(ground)
        for words, role in (self.cut_words, self.laid(), self.note):
            if words:
                right.put(words, role).gap(2)
        if self.under:
            right.put(self.under, "text").gap(2)
        window = self.window_now()
        if window is not None and width >= NARROW:
            right.put(f"W {window.width:g} L {window.centre:g} ", "text")
            right.put(self.view.word if width >= WIDE or not self.title else "", "soft").gap(2)
        for said, word in (
            (self.view.invert, "inverted"),
            (self.view.rotation, f"turned {self.view.rotation}°"),
            (self.view.flip, "mirrored"),
        ):
            if said:
                right.put(word, "warn").gap(2)
        ratio = f" {self._seen.placement.ratio}" if self._seen is not None and width >= WIDE else ""
        return right.put(f"{self.painter.words}{ratio}", "soft").gap() if width >= NARROW else right

    def _texts(self, frame: Frame, width: int, height: int) -> list[tuple[int, int, SafeText, str]]:
        """Corner text: number, position, letters, and the notice that is never off."""
        from teleread.imaging.stack import orientation_letters, turned_orientation

        texts: list[tuple[int, int, SafeText, str]] = []
        bottom = height - 1

        def put(row: int, column: int, words: str, role: str) -> None:
            if 0 <= row < height and words:
                texts.append((row, max(0, column), clean(words), self._escape(role)))

        put(bottom, width - len(NOTICE) - 1, NOTICE, "warn")
        for row, column, words, role in self.labels(width, height):
            put(row, column, words, role)
        if not self.corner:
            return texts
        number = f"{self.shown_at + 1}/{len(self._shots)}"
        put(0, width - len(number) - 1, number, "text")
        if self.at != self.shown_at:
            put(1, width - 12, f"{self.at + 1} is coming", "soft")
        turned = turned_orientation(frame.orientation, self.view.rotation, self.view.flip)
        left, right, top, low = orientation_letters(turned)
        put(0, (width - len(top)) // 2, top, "strong")
        put(bottom, (width - len(low)) // 2, low, "strong")
        inner = 0 if self.painter.graphic else 1
        put(height // 2, inner, left[:2], "strong")
        put(height // 2, width - len(right[:2]) - inner, right[:2], "strong")
        if frame.position is not None:
            axis = max(range(3), key=lambda index: abs(_normal(frame)[index]))
            put(bottom, 1, f"{'xyz'[axis]} {frame.position[axis]:.1f} mm", "soft")
        return texts

    def labels(self, width: int, height: int) -> list[tuple[int, int, str, str]]:
        """Further words on the picture: row, column, words, role."""
        return []

    def _escape(self, role: str) -> str:
        """The escape sequence of a role on a picture: always the dark theme's colours."""
        colours = self.graphics.colours
        if colours == "mono":
            return ""
        looks = self.face.looks
        look = looks.get("reading-room", self.look)
        colour = look.roles[role].rich
        if colour is None:
            return ""
        codes = ";".join(colour.downgrade(SYSTEMS[colours]).get_ansi_codes())
        return f"\x1b[{codes}m"

    def key_places(self) -> frozenset[int]:
        """Places of the stack that carry a key image or a measurement."""
        return frozenset()

    def _rail_cell(self, row: int, height: int) -> str:
        """One cell of the rail: where we are in the stack, and what is marked there."""
        count = len(self._shots)
        ground = "\x1b[0;40m"
        if count < 2 or height < 1:
            marked = bool(self.key_places()) and row == 0
            sign = self.glyphs.issued if marked else " "
            return ground + self._escape("accent" if marked else "faint") + sign + "\x1b[0m"
        here = round(self.shown_at * (height - 1) / (count - 1))
        if row in {here, here - 1} if here else row in {0, 1}:
            role = "accent" if self.shown_at in {0, count - 1} else "soft"
            return ground + self._escape(role) + self.glyphs.thumb + "\x1b[0m"
        if any(round(place * (height - 1) / (count - 1)) == row for place in self.key_places()):
            return ground + self._escape("accent") + self.glyphs.issued + "\x1b[0m"
        return ground + self._escape("faint") + self.glyphs.rail + "\x1b[0m"

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
