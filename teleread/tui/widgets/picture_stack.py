"""A stack of frames in a pane: which series, which image, how it is looked at, and letting go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from textual.geometry import Region
from textual.message import Message

from teleread.model.text import EMPTY, SafeText
from teleread.tui.cuts import Cuts, Slab, own_plane
from teleread.tui.graphics import Graphics
from teleread.tui.pictures import Decoder, Ring, Shot, shots_of
from teleread.workstation.api import SeriesView

from .picture_layers import PictureLayers
from .picture_looking import ZOOM_STEP
from .picture_view import View

if TYPE_CHECKING:
    from teleread.imaging.frames import CannotShow, Frame
    from teleread.imaging.planes import Plane
    from teleread.imaging.stack import Orientation, Vector
    from teleread.imaging.volume import Volume

__all__ = ["ZOOM_STEP", "PictureStack"]

LOOP_SECONDS: Final = 1 / 12
LOOP_LEAST: Final = 1 / 60
REST_SECONDS: Final = 0.12
"""A picture rests when no other came for so long."""
MOST_HALVINGS: Final = 3
"""Of the resolution, while a series moves."""


class PictureStack(PictureLayers):
    """One series at a time of one study.

    Args:
        decoder: Makes the decoding pool.
        read: Reads one instance's bytes (study uid, sop uid).
        graphics: How the terminal shows pictures.
        slot: Which of the panes it is.
    """

    @dataclass
    class Shown(Message):
        """Another frame is on the screen."""

        pane: PictureStack

    @dataclass
    class Moved(Message):
        """The reader went to another image."""

        pane: PictureStack

    def __init__(
        self,
        decoder: Callable[[], Decoder],
        read: Callable[[str, str], bytes],
        graphics: Graphics,
        slot: int = 0,
        *,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        super().__init__(graphics, slot, id=id)
        self._decoder, self._read = decoder, read
        self.study_uid = ""
        self.hidden: frozenset[str] = frozenset()
        """SOP Instance UIDs that a rejection note withdraws."""
        self._ring = self._new_ring()
        self._volume: Volume | None = None
        self._cuts: Cuts | None = None
        self.step = 1
        self._paper_top = 0
        """First row of an object's text in sight."""
        self.touched = False
        """The reader has moved in it."""
        self._places: dict[str, int] = {}
        self._loop: Any = None
        self._rest: Any = None
        self._moved = 0.0
        self._placed: list[tuple[Vector, Orientation] | None] = []
        self._placed_for: Sequence[Shot] | None = None
        self._references: dict[str, SafeText] = {}

    def _new_ring(self) -> Ring:
        return Ring(self._decoder, lambda sop_uid: self._read(self.study_uid, sop_uid), self._arrived)

    @property
    def ring(self) -> Ring:
        """Decoded frames near the one that is shown."""
        return self._ring

    # -- what is shown ----------------------------------------------------------------------------
    def show_series(
        self, series: Sequence[SeriesView], at: int | None = None, *, study_uid: str | None = None
    ) -> None:
        """Take the series of a study; the place in each is kept while its images grow.

        Args:
            series: Its series.
            at: Which to show; None keeps the one in sight.
            study_uid: Which study; None keeps it.
        """
        if study_uid is not None and study_uid != self.study_uid:
            self.study_uid = study_uid
            self._ring.clear()
            self._places.clear()
        self.series = series
        if at is not None:
            self.series_at = at
        self._take_series()

    def begin(self, series: SeriesView, study_uid: str) -> None:
        """Have the first image of a series decoded before the pane stands on the screen."""
        self.study_uid = study_uid
        shots = self._steps(series)
        place = _first_place(shots)
        self._ring.want(shots[place : place + 1], 0, 1)

    def hide(self, sop_uids: frozenset[str]) -> None:
        """Leave out what was withdrawn."""
        if sop_uids != self.hidden:
            self.hidden = sop_uids
            self._take_series()

    def _take_series(self) -> None:
        self.series_at = min(max(self.series_at, 0), max(0, len(self.series) - 1))
        current = self.current_series
        self.give_back_volume()
        self._shots = self._steps(current) if current else []
        default = _first_place(self._shots)
        place = self._places.get(current.series_uid, default) if current else 0
        self.at = min(max(place, 0), max(0, len(self._shots) - 1))
        self.shown_at = -1
        self.bring()
        self.refresh()

    def _steps(self, series: SeriesView) -> Sequence[Shot]:
        return shots_of([one for one in series.instances if one.sop_uid not in self.hidden])

    @property
    def count(self) -> int:
        """Steps of the stack."""
        return len(self._shots)

    @property
    def shots(self) -> Sequence[Shot]:
        """Its steps."""
        return self._shots

    @property
    def shot(self) -> Shot | None:
        """The frame that is wanted."""
        return self._shots[self.at] if self._shots else None

    @property
    def shot_shown(self) -> Shot | None:
        """The frame that is drawn."""
        return self._shots[self.shown_at] if 0 <= self.shown_at < len(self._shots) else None

    def frame(self) -> Frame | CannotShow | None:
        """The frame that is drawn."""
        shot = self.shot_shown
        return self._get(shot) if shot is not None else None

    def _get(self, shot: Shot) -> Frame | CannotShow | None:
        return self._cuts.get(shot) if self._cuts is not None else self._ring.get(shot)

    # -- cut another way --------------------------------------------------------------------------
    @property
    def cuts(self) -> Cuts | None:
        """The series cut another way; None as taken."""
        return self._cuts

    def show_cuts(self, volume: Volume | None, plane: str, slab: Slab) -> None:
        """Show a plane of a volume; the place in the patient stays where it can.

        Args:
            volume: The series as a volume; None takes the one that is here.
            plane: One of `teleread.imaging.volume.PLANES`.
            slab: How thick.
        """
        taken = self.taken()
        self._volume = volume or self._volume
        assert self._volume is not None
        here = self.at if self._cuts is not None and self._cuts.plane == plane else None
        if here is None and self._cuts is None and plane == own_plane(taken):
            here = round(self.at * (self._volume.count(plane) - 1) / max(1, len(taken) - 1))
        self._cuts = Cuts(self._volume, plane, taken, slab)
        self._shots = self._cuts.shots
        self.at = len(self._shots) // 2 if here is None else min(here, len(self._shots) - 1)
        self.bring()
        self.refresh()

    def has_volume(self) -> bool:
        """Whether the series is here as a volume."""
        return self._volume is not None

    def show_taken(self) -> None:
        """Show the series as it was taken, and give the volume back."""
        if self._cuts is not None:
            self._take_series()

    def taken(self) -> Sequence[Shot]:
        """The images of the series as they were taken."""
        return self._steps(self.current_series) if self.current_series is not None else []

    def give_back_volume(self) -> None:
        """Give the memory of the volume back to the system."""
        self._cuts, self.cut_words = None, ("", "soft")
        volume, self._volume = self._volume, None
        if volume is not None:
            volume.close()

    # -- where it lies ----------------------------------------------------------------------------
    def places(self) -> list[tuple[Vector, Orientation] | None]:
        """Position and orientation of each step, where it says."""
        if self._placed_for is not self._shots:
            self._placed_for = self._shots
            self._placed = self._cuts.places() if self._cuts is not None else _places(self._shots)
        return self._placed

    def plane_at(self, index: int) -> Plane | None:
        """Where a step lies; None where it does not say."""
        from teleread.imaging.planes import Plane

        if not 0 <= index < len(self._shots):
            return None
        there, one = self.places()[index], self._shots[index].instance
        if there is None:
            return None
        reference = self.frame_of_reference()
        return Plane(there[0], there[1], (1.0, 1.0), one.rows, one.columns, reference)

    def frame_of_reference(self) -> SafeText:
        """Frame of Reference UID, once a frame has come that says it."""
        frame = self.picture()
        if frame is not None and self.current_series is not None:
            self._references[self.current_series.series_uid] = frame.frame_of_reference
        uid = self.current_series.series_uid if self.current_series is not None else ""
        return self._references.get(uid, EMPTY)

    def tell_note(self, note: tuple[str, str]) -> None:
        """Say in the heading how this pane follows another."""
        if note != self.note:
            self.note = note
            self.refresh(Region(0, 0, self.size.width, 1))

    def bring(self) -> None:
        """Have the frame that is wanted brought, and its neighbours."""
        if not self._shots or self.covered:
            return
        if self._cuts is None:
            self._ring.want(self._shots, self.at, self.step, halvings=self._halvings())
        if self._get(self._shots[self.at]) is not None:
            self._show_at()

    def _arrived(self, shot: Shot) -> None:
        if self._shots and self._shots[self.at] == shot:
            self._show_at()

    def _show_at(self) -> None:
        if self.shown_at != self.at:
            self._paper_top = 0
        self.shown_at = self.at
        self.repaint()
        self.post_message(self.Shown(self))

    # -- moving -----------------------------------------------------------------------------------
    def move(self, by: int) -> None:
        """Go on by frames; a series stops at its ends."""
        self.go(self.at + by)

    def go(self, index: int, *, led: bool = False) -> None:
        """Go to a frame.

        Args:
            index: Which.
            led: Another pane leads; nobody is told.
        """
        index = min(max(index, 0), max(0, len(self._shots) - 1))
        if index != self.at:
            self.step = index - self.at
            self.at = index
            if self.current_series and not self._shots[index].cut:
                self._places[self.current_series.series_uid] = index
            self.touched = True
            self._set_moving()
            self.bring()
            if not led:
                self.post_message(self.Moved(self))

    def _halvings(self) -> int:
        """Halvings that frames in motion may come with: what the screen can't show, at least one."""
        if not self.hurrying or self._seen is None:
            return 0
        at = self._seen.placement
        finer = (at.box[3] - at.box[1]) / at.shown_height
        return min(MOST_HALVINGS, max(1, int(finer).bit_length() - 1))

    def _set_moving(self) -> None:
        """Make do with less until one rests."""
        self._moved = monotonic()
        if self._rest is not None:
            self.hurrying = True
        else:
            self._rest = self.set_timer(REST_SECONDS, self._rests)

    def _rests(self) -> None:
        left = REST_SECONDS - (monotonic() - self._moved)
        if left > LOOP_LEAST / 2:
            self._rest = self.set_timer(left, self._rests)
            return
        self._rest = None
        if self.hurrying:
            self.hurrying = False
            self.bring()

    def choose_series(self, by: int) -> None:
        """The series before or after."""
        target = min(max(self.series_at + by, 0), max(0, len(self.series) - 1))
        if target != self.series_at:
            self.series_at = target
            self.view = View()
            self._take_series()
            self.post_message(self.Moved(self))

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

    # -- running on its own ----------------------------------------------------------------------
    def toggle_loop(self) -> bool:
        """Run the series, or stop; whether it runs now."""
        if self._loop is not None:
            self._loop.stop()
            self._loop = None
            return False
        if len(self._shots) < 2:
            return False
        frame = self.picture()
        told = frame.frame_time / 1000 if frame is not None and frame.frame_time else LOOP_SECONDS
        self._loop = self.set_interval(min(max(told, LOOP_LEAST), 1.0), self._run)
        return True

    def _run(self) -> None:
        """The next frame, once the one before is drawn: a slow line slows the series, it drops nothing."""
        if self.shown_at == self.at:
            self.go((self.at + 1) % len(self._shots))

    # -- letting go -------------------------------------------------------------------------------
    def cover(self) -> None:
        """Forget the pictures: the screen is locked or left."""
        self.covered = True
        self.shown_at = -1
        self.wipe(forget=True)
        self.give_back_volume()
        self._ring.close()
        for timer in (self._loop, self._rest):
            if timer is not None:
                timer.stop()
        self._loop = self._rest = None
        self.hurrying = False
        self.refresh()

    def on_unmount(self) -> None:
        """The pane is gone, and its frames with it."""
        self.wipe(forget=True)
        self.give_back_volume()
        self._ring.close()

    def uncover(self) -> None:
        """Bring them again."""
        self.covered = False
        self._ring = self._new_ring()
        self._take_series()


def _first_place(shots: Sequence[Shot]) -> int:
    """Where a series is opened: in its middle."""
    return len(shots) // 2 if len(shots) > 2 else 0


def _places(shots: Sequence[Shot]) -> list[tuple[Vector, Orientation] | None]:
    found = ((one.position, one.orientation) for one in (shot.instance for shot in shots))
    return [None if place is None or way is None else (place, way) for place, way in found]
