"""Panes beside each other: how many, which is in use, and how they follow one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.geometry import Size

from teleread.model.hanging import LAYOUTS
from teleread.tui.pictures import RING_BYTES

from .picture import PicturePane
from .picture_marks import Ink
from .picture_stack import PictureStack

if TYPE_CHECKING:
    from teleread.imaging.planes import Plane

__all__ = ["PictureWall", "most_tiles", "shape_of"]

_SHAPES: Final = {1: (1, 1), 2: (2, 1), 4: (2, 2), 6: (3, 2)}
"""Tiles to (across, down)."""


def shape_of(tiles: int) -> tuple[int, int]:
    """Panes across and down."""
    return _SHAPES[tiles]


def most_tiles(width: int, *, graphic: bool) -> int:
    """Most panes a screen of so many columns takes: cells are coarse, real pixels are not."""
    if graphic:
        return 6
    return 2 if width < 160 else 4 if width < 220 else 6


class PictureWall(Container):
    """Up to six panes; one of them is in use.

    Args:
        make: Makes a pane for a place.
    """

    DEFAULT_CSS = """
    PictureWall { height: 1fr; width: 1fr; background: #000000; layout: grid; grid-gutter: 0 1; }
    PictureWall PicturePane { width: 1fr; height: 1fr; }
    """

    def __init__(self, make: Callable[[int], PicturePane], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._make = make
        self.panes: list[PicturePane] = [make(0)]
        self.at = 0
        self.layout_of = 1
        """Panes in sight: one of `LAYOUTS`."""
        self.yoked = True
        """Panes of other studies follow the one in use."""
        self.localising = True
        self._offsets: dict[tuple[int, int], float] = {}
        """Millimetres between two panes that the reader lined up by hand."""
        self._told = False
        """A first picture came, and the screen knows."""

    def compose(self) -> ComposeResult:
        """The first pane; others come when they are wanted."""
        yield self.panes[0]

    @property
    def current(self) -> PicturePane:
        """The pane in use."""
        return self.panes[self.at]

    @property
    def shown(self) -> Sequence[PicturePane]:
        """The panes in sight."""
        return self.panes[: self.layout_of]

    def show_tiles(self, tiles: int) -> None:
        """Have so many panes in sight.

        Args:
            tiles: One of `LAYOUTS`.
        """
        assert tiles in LAYOUTS
        for slot in range(len(self.panes), tiles):
            pane = self._make(slot)
            self.panes.append(pane)
            self.mount(pane)
        self.layout_of = tiles
        for slot, pane in enumerate(self.panes):
            seen = slot < tiles
            if not seen and pane.display:
                pane.wipe()
                pane.ring.clear()
            pane.ring.limit = RING_BYTES // tiles
            if seen and not pane.display:
                pane.bring()
            pane.display = seen
        across, down = shape_of(tiles)
        self.styles.grid_size_columns, self.styles.grid_size_rows = across, down
        self.at = min(self.at, tiles - 1)
        self.headings()

    def use(self, pane: PicturePane) -> None:
        """Turn to a pane."""
        if pane in self.panes:
            self.at = self.panes.index(pane)
            self.localise()

    def next_pane(self, step: int) -> PicturePane | None:
        """The pane beside the one in use; None past the last."""
        at = self.at + step
        return self.panes[at] if 0 <= at < self.layout_of else None

    def headings(self) -> None:
        """Say which study is which, where there are several."""
        for pane in self.shown:
            pane.refresh()

    # -- following --------------------------------------------------------------------------------
    def on_picture_stack_moved(self, message: PictureStack.Moved) -> None:
        """Panes that are tied follow."""
        message.stop()
        if isinstance(message.pane, PicturePane) and message.pane in self.panes:
            self.use(message.pane)
            self.follow(message.pane)

    def on_picture_stack_shown(self, message: PictureStack.Shown) -> None:
        """A frame came that may say more of where it lies; the screen is told of the first alone."""
        if self._told:
            message.stop()
        self._told = True
        if message.pane is self.current:
            self.follow(self.current)
            self.localise()

    def on_picture_pane_held(self, message: PicturePane.Held) -> None:
        """The reader turned to a pane."""
        self.use(message.pane)

    def follow(self, leader: PicturePane) -> None:
        """Bring the other panes to the place of one."""
        for pane in self.shown:
            ties = pane is not leader and leader.count > 1 and pane.count > 1
            pane.tell_note(self._tied(leader, pane) if ties else ("", "soft"))

    def _tied(self, leader: PicturePane, pane: PicturePane) -> tuple[str, str]:
        if not self.yoked:
            return "not yoked", "soft"
        from teleread.imaging.planes import link

        mine, theirs = leader.plane_at(leader.at), pane.places()
        offset = self._offsets.get((leader.slot, pane.slot), 0.0)
        found = link(mine, leader.at, leader.count, theirs, pane.frame_of_reference(), offset=offset)
        why = str(found.warning)
        if "different planes" in why:
            return "not yoked: planes differ", "soft"
        if not found.exact and leader.study_uid == pane.study_uid:
            return "not yoked", "soft"
        pane.go(found.index, led=True)
        if not found.exact:
            return "yoked by share", "warn"
        return f"yoked {self._apart(mine, pane, found.index):+.1f} mm", "soft"

    def _apart(self, mine: Plane | None, pane: PicturePane, index: int) -> float:
        from teleread.imaging.planes import dot
        from teleread.imaging.stack import normal

        there = pane.places()[index]
        if mine is None or there is None:
            return 0.0
        away = normal(mine.orientation)
        return dot(there[0], away) - dot(mine.position, away)

    def same_window(self, leader: PicturePane) -> None:
        """Give the panes that show another study of the same kind the window of one."""
        mine = leader.current_series
        for pane in self.shown:
            theirs = pane.current_series
            alike = mine is not None and theirs is not None and mine.modality == theirs.modality
            if alike and pane.study_uid != leader.study_uid and mine is not None and mine.modality == "CT":
                pane.look_at(window=leader.view.window, word=leader.view.word)

    def toggle_yoke(self) -> str:
        """Tie the panes as they stand now, or untie them; what was done, in words."""
        self.yoked = not self.yoked
        if not self.yoked:
            self.follow(self.current)
            return "Not yoked: each pane goes alone. y ties them where they stand."
        leader = self.current
        for pane in self.shown:
            if pane is not leader:
                self._line_up(leader, pane)
        self.follow(leader)
        return "Yoked as they stood."

    def _line_up(self, leader: PicturePane, pane: PicturePane) -> None:
        mine = leader.plane_at(leader.at)
        there = pane.places()
        if mine is None or not there or there[pane.at] is None:
            return
        apart = self._apart(mine, pane, pane.at)
        self._offsets[(leader.slot, pane.slot)] = apart or 1e-6
        self._offsets[(pane.slot, leader.slot)] = -apart or 1e-6

    def localise(self) -> None:
        """Draw where the plane of the pane in use crosses the others."""
        from teleread.imaging.planes import localiser, plane_of

        frame = self.current.picture()
        own = plane_of(frame) if frame is not None else None
        for pane in self.shown:
            lines: tuple[Ink, ...] = ()
            other = pane.picture()
            there = plane_of(other) if other is not None and pane is not self.current else None
            if self.localising and own is not None and there is not None:
                crossing = localiser(there, own)
                lines = (Ink("line", crossing, "line"),) if crossing is not None else ()
            if lines != pane.lines:
                pane.lines = lines
                pane.repaint()

    # -- life -------------------------------------------------------------------------------------
    def cover(self) -> None:
        """Forget every picture."""
        for pane in self.panes:
            pane.cover()

    def uncover(self) -> None:
        """Bring them again."""
        for pane in self.shown:
            pane.uncover()

    def renew_painters(self, *, plain: bool | None = None) -> None:
        """Draw in another way from now on.

        Args:
            plain: In cells, because something lies on the panes; None leaves that.
        """
        for pane in self.panes:
            changed = plain is None or (plain != pane.plain and self._graphic())
            pane.plain = pane.plain if plain is None else plain
            if changed:
                pane.renew_painter()

    def _graphic(self) -> bool:
        return self.panes[0].graphics.name in ("kitty", "sixel", "iterm2")

    def wipe(self) -> None:
        """Take away what is drawn outside the grid of letters: the panes go out of sight."""
        for pane in self.panes:
            pane.wipe()

    def on_resize(self, event: events.Resize) -> None:
        """Cells may have another size now, and what stood there stands elsewhere."""
        if self._graphic() and event.size != Size(0, 0):
            self.renew_painters()
