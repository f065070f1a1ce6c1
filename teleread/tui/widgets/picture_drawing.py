"""The picture pane as it looks: the frame in cells or as graphics, printed whole or as what changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual.geometry import Region
from textual.strip import Strip

from teleread.tui.graphics import Graphics

from .picture_marks import Ink, drawn_on
from .picture_standing import WHOLE, CarryingStrip, PaintedCells, Standing, Thrift
from .picture_view import Point, Seen, View, seen
from .picture_words import PictureWords
from .ready import ReadyStrip

if TYPE_CHECKING:
    from teleread.imaging.frames import CannotShow, Frame
    from teleread.imaging.protocol import PlacedText
    from teleread.imaging.resample import Placement

    from .picture_paint import Painted, Painter

__all__ = ["PictureDrawing", "View"]

MARGIN: Final = 2
"""Columns left and right of graphics, for the letters of the sides."""
WAIT_SECONDS: Final = 0.004
"""How soon a picture that waits for the terminal is tried again."""


class PictureDrawing(PictureWords):
    """Draws one frame of one series; the pane below it chooses which, by keys and mouse.

    Args:
        graphics: How the terminal shows pictures.
        slot: Which of the panes it is.
    """

    def __init__(self, graphics: Graphics, slot: int = 0, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(graphics, slot, id=id)
        self.plain = False
        """Something lies on it: it is drawn in cells, and printed row by row."""
        self.hurrying = False
        """More frames follow at once."""
        self._painter: Painter | None = None
        self._painted: Painted | PaintedCells | None = None
        self._drawn_for: tuple[Any, ...] = ()
        self._standing: Standing | None = None
        self._carries = False
        """The heading brings along what changes below it."""
        self._waits: Any = None
        self.thrift = Thrift()

    def frame(self) -> Frame | CannotShow | None:
        """The frame that is drawn."""
        raise AttributeError(f"{type(self).__name__} has no frames")

    def inks(self, frame: Frame) -> tuple[Ink, ...]:
        """What is drawn on a frame: measurements, the cursor, lines of other panes."""
        return ()

    def greys(self, frame: Frame) -> Any:
        """A frame's greys or colours under the view, before it is turned."""
        from teleread.imaging.render import render

        return render(frame, window=self.view.window, invert=self.view.invert).array

    def layer_inks(self, frame: Frame) -> tuple[Ink, ...]:
        """What another object of the study draws on a frame."""
        return ()

    # -- shape ------------------------------------------------------------------------------------
    @property
    def painter(self) -> Painter:
        """How it is drawn now."""
        if self._painter is None:
            self._painter = self.graphics.painter(self.slot, plain=self.plain)
            self._standing = Standing(self.graphics.colours) if self._painter.changes else None
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
        return self._strips(range(y, y + 1))[0]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows without Textual's style pass: a finished line must stay one string."""
        strips = self._strips(crop.line_range)
        if crop.column_span == (0, self.size.width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]

    def _strips(self, rows: range) -> list[Strip]:
        from teleread.imaging.frames import CannotShow

        width, height = self.size
        frame = self.frame()
        heading = [self._heading_strip(width, alone=len(rows) == 1)] if 0 in rows else []
        below = [y for y in rows if y > 0]
        if frame is None or isinstance(frame, CannotShow):
            self.lost_picture()
            return heading + [self._instead(frame, y - 1, width, height - 1) for y in below]
        painted = self.draw(frame) if below else None
        if painted is None:
            return heading + [Strip.blank(width) for _ in below]
        rail = self.rail(height - 1)
        if isinstance(painted, PaintedCells):
            return heading + [self._row(painted, y - 1, rail[y - 1], width) for y in below]
        texts = self._texts(frame, width - 1, height - 1)
        return heading + [ReadyStrip(self._graphic_row(painted, texts, y, rail), width) for y in below]

    def _heading_strip(self, width: int, *, alone: bool) -> Strip:
        """The heading, with what changes below it where it is printed alone."""
        left, right = self._heading(width)
        strip = left.strip(width, right)
        if not self._carries or not alone:
            return strip
        return CarryingStrip(strip, self._change, partial(self.call_later, self.refresh))

    def _instead(self, frame: CannotShow | None, y: int, width: int, height: int) -> Strip:
        """A row of what stands in place of a picture."""
        paper = self.paper_row(frame, y, width, height)
        if paper is not None:
            return paper
        return self._words(y, width, height, frame.reason if frame else self._waiting())

    def _row(self, painted: PaintedCells, row: int, rail: str, width: int) -> Strip:
        """A row of a picture in cells, printed whole."""
        line = painted.rows[row] if row < len(painted.rows) else ""
        told = partial(self._standing.printed, row, painted, rail) if self._standing is not None else None
        return ReadyStrip(line + rail, width, told)

    def _change(self) -> str:
        """What turns the cells as they stand into the picture that is drawn; the cursor comes back."""
        from teleread.imaging.frames import CannotShow

        self._carries = False
        frame, region = self.frame(), self.region
        painted = None if frame is None or isinstance(frame, CannotShow) else self.draw(frame)
        if self._standing is None or not isinstance(painted, PaintedCells):
            return ""
        left, top, _, _ = self.area()
        spared = self.thrift.level if self.hurrying else WHOLE
        rail = self.rail(self.size.height - 1)
        sent = self._standing.change(painted, rail, region.y + top, region.x + left, spared)
        return f"\x1b7{sent}\x1b8"

    def paper_row(self, frame: CannotShow | None, y: int, width: int, height: int) -> Strip | None:
        """A row of an object's text; None where there is none."""
        return None

    def lost_picture(self) -> None:
        """Words stand where a picture stood."""
        if self._standing is not None:
            self._standing.forget()
        if self._painted is not None:
            self.wipe()
            self._seen = None

    def repaint(self) -> None:
        """Another frame, or the same looked at in another way: print what has to be printed again."""
        if self.hurrying and self._crowded():
            return
        from teleread.imaging.frames import CannotShow

        frame, before = self.frame(), self._seen
        if frame is None or isinstance(frame, CannotShow) or not self.size.width or not self._aside():
            self.refresh()
            return
        if not self._settle(frame) or before is None or self._seen is None:
            self.refresh()
        elif before.placement != self._seen.placement:
            self.refresh()  # the cells around it are printed, and wipe what stood there
        elif self.painter.over_cells:
            width, height = self.size
            self.refresh(Region(0, 0, width, 2), Region(0, height - 1, width, 1))
        elif self._standing is not None and self._standing.known_for(self._seen.placement):
            self._carries = True
            self.refresh(Region(0, 0, self.size.width, 1))
        else:
            self.refresh()

    def _aside(self) -> bool:
        """Whether a picture may be changed without printing its rows: nothing lies on it."""
        return self.painter.over_cells or (
            self._standing is not None and not self.plain and self.screen.is_current
        )

    def _crowded(self) -> bool:
        """Whether the terminal is behind; the picture, or the one due by then, is drawn a moment later."""
        if self._waits is not None:
            return True
        if not self.thrift.crowded(self.app._driver):
            self.thrift.went()
            return False
        self.thrift.waited()
        self._waits = self.set_timer(WAIT_SECONDS, self._try_again)
        return True

    def _try_again(self) -> None:
        if self.thrift.crowded(self.app._driver):
            self._waits = self.set_timer(WAIT_SECONDS, self._try_again)
            return
        self._waits = None
        self.repaint()

    def _settle(self, frame: Frame) -> bool:
        """Find where the picture lies; whether there is room for it."""
        _, _, width, height = self.area()
        if width < 1 or height < 1:
            return False
        painter = self.painter
        at = seen(frame, self.view, width * painter.across, height * painter.down, square=painter.square)
        self._seen = Seen(at.rows, at.columns, self.view, painter.settled(at.placement))
        return True

    def draw(self, frame: Frame) -> Painted | PaintedCells | None:
        """Make the picture, unless it is made already."""
        before = self._seen
        if not self._settle(frame) or self._seen is None:
            return None
        _, _, width, height = self.area()
        inks = self.inks(frame)
        shot = self._shots[self.shown_at]
        words = tuple(self.labels(width, height)), self.corner, self.look.name, self.at
        lighter = self.hurrying and self.painter.over_cells
        key = (shot, frame.reduced, self.view, width, height, words, lighter, inks)
        if key == self._drawn_for and self._painted is not None:
            return self._painted
        painter, placement = self.painter, self._seen.placement
        name = f"{shot.instance.sop_uid}/{shot.frame}/{frame.reduced}/{self.view}/{placement}/{inks}"
        painted: Painted | PaintedCells | None = painter.known(name, placement)
        if painted is None:
            painted = painter.paint(
                self._canvas(frame, placement, inks),
                placement,
                [] if painter.graphic else self._texts(frame, width, height),
                key=name,
                moving=lighter,
            )
        if painted.first:
            self._write(painted.first)
        self._painted, self._drawn_for = painted, key
        if before is None or before.placement != placement:
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
        coarse = self.painter.coarse(placement, moving=self.hurrying)
        high, wide = max(1, placement.shown_height // coarse), max(1, placement.shown_width // coarse)
        canvas = resize(picture, high, wide, placement.box)
        return drawn_on(canvas, inks, self._seen, (placement.left, placement.top), scale=1 / coarse)

    def _graphic_row(
        self, painted: Painted, placed: Sequence[PlacedText], y: int, rail: Sequence[str]
    ) -> str:
        """One row of a pane with graphics: text above and below, letters at the sides, the rail."""
        width, height = self.size
        left, top, across, down = self.area()
        texts = [one for one in placed if one[0] == y - 1]
        if top <= y < top + down:
            line = painted.rows[y - top] if y - top < len(painted.rows) else ""
            return (
                self._cells(texts, 0, left) + line + self._cells(texts, left + across, MARGIN) + rail[y - 1]
            )
        laid = self._laid_over(painted, rail) if y == height - 1 else ""
        return self._cells(texts, 0, width - 1) + rail[y - 1] + laid

    def _laid_over(self, painted: Painted, rail: Sequence[str]) -> str:
        """Graphics over the cells that were printed, and the rail beside them; the cursor comes back."""
        if not painted.over:
            return ""
        region = self.region
        left, top, _, down = self.area()
        out = ["\x1b7"]
        for y in range(top, top + down):
            out.append(f"\x1b[{region.y + y + 1};{region.x + self.size.width}H{rail[y - 1]}")
        row, column = painted.at
        out.append(f"\x1b[{region.y + top + row + 1};{region.x + left + column + 1}H{painted.over}\x1b8")
        return "".join(out)
