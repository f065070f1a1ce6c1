"""The reading screen's pictures: what each action on them does."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from teleread.tui.widgets.picture import ZOOM_STEP, PicturePane, View

from .reading_measures import ReadingMeasures

__all__ = ["ReadingPictures"]

TEN: Final = 10
STEP: Final = 0.1


class ReadingPictures(ReadingMeasures):
    """What the reader does with pictures, one method an action."""

    # -- moving -----------------------------------------------------------------------------------
    def do_move_up(self, key: str) -> None:
        """The image before."""
        self.pictures.move(-1)

    def do_move_down(self, key: str) -> None:
        """The next image."""
        self.pictures.move(1)

    def do_move_up_ten(self, key: str) -> None:
        """Ten images back; a page of an object's text."""
        if not self.pictures.turn_page(-1):
            self.pictures.move(-TEN)

    def do_move_down_ten(self, key: str) -> None:
        """Ten images on; a page of an object's text."""
        if not self.pictures.turn_page(1):
            self.pictures.move(TEN)

    def do_go_first(self, key: str) -> None:
        """The first image."""
        self.pictures.go(0)

    def do_go_last(self, key: str) -> None:
        """The last image."""
        self.pictures.go(1 << 30)

    def do_move_left(self, key: str) -> None:
        """The series before."""
        self.pictures.choose_series(-1)

    def do_move_right(self, key: str) -> None:
        """The next series."""
        self.pictures.choose_series(1)

    def do_view_loop(self, key: str) -> None:
        """Run the series, and stop."""
        self.pictures.toggle_loop()

    def do_list_filter(self, key: str) -> None:
        """Find a series by name."""
        from .ask import AskText

        self.open_sheet(AskText("Series", "A word of its name, or its number."), self._find_series)

    def _find_series(self, words: str | None) -> None:
        if words and not self.pictures.find_series(words):
            self.face.tell("No series of that name here.", "soft")

    # -- the view ---------------------------------------------------------------------------------
    def do_view_full(self, key: str) -> None:
        """Pictures fill the screen, and back."""
        self.full = not self.full
        self.lay_out(self.size.width, self.size.height)
        self.focus_on(self.pictures)

    def do_view_text(self, key: str) -> None:
        """Corner text on or off."""
        for pane in self.wall.panes:
            pane.corner = not pane.corner
            pane.refresh()

    def do_view_reset(self, key: str) -> None:
        """As first shown."""
        self.pictures.look_at(**{name: getattr(View(), name) for name in View.__slots__})

    def do_view_invert(self, key: str) -> None:
        """Black to white."""
        self.pictures.look_at(invert=not self.pictures.view.invert)

    def do_view_rotate(self, key: str) -> None:
        """A quarter turn clockwise."""
        self.pictures.turn()

    def do_view_flip(self, key: str) -> None:
        """Left to right."""
        self.pictures.mirror()

    def do_view_layer(self, key: str) -> None:
        """Lay the next state or the outlines over the picture, then nothing; turn to a PDF's pages."""
        words = self.pictures.turn_pages()
        if words:
            self.face.tell(words, "soft")
        elif self.pictures.layers_known() or not self.pictures.overlaying():
            self.face.tell(self.pictures.next_layer(), "soft")
        else:
            self.face.spawn(self._read_layers(self.pictures), "layers")

    async def _read_layers(self, pane: PicturePane) -> None:
        from teleread.tui.layers import layers_of

        study_uid, found = pane.study_uid, pane.overlaying()
        self.face.tell("Reading what lies over this study's pictures ...", "soft")
        read = partial(self._read, study_uid)
        layers = await asyncio.to_thread(layers_of, found, read, self._decoder())
        if self.is_mounted and pane.study_uid == study_uid:
            pane.take_layers(study_uid, len(found), layers)
            self.face.tell(pane.next_layer(), "soft")

    def do_view_true(self, key: str) -> None:
        """One pixel for one, and all of it again."""
        words = self.pictures.zoom_true()
        if words:
            self.face.tell(words, "soft")

    def do_zoom_in(self, key: str) -> None:
        """Closer."""
        self.pictures.zoom(ZOOM_STEP)

    def do_zoom_out(self, key: str) -> None:
        """Farther."""
        self.pictures.zoom(1 / ZOOM_STEP)

    def do_view_pan(self, key: str) -> None:
        """Look higher, lower, further left, further right."""
        across, down = ((0, -STEP), (0, STEP), (-STEP, 0), (STEP, 0))[int(key)]
        self.pictures.pan(across, down)

    # -- windows ----------------------------------------------------------------------------------
    def do_window_width(self, key: str) -> None:
        """Narrower window, wider."""
        self.pictures.change_window(width=(0.8, 1.25)[int(key)])
        self.wall.same_window(self.pictures)

    def do_window_level(self, key: str) -> None:
        """Lower centre, higher."""
        self.pictures.change_window(shift=(-STEP, STEP)[int(key)])
        self.wall.same_window(self.pictures)

    def do_preset_n(self, key: str) -> None:
        """A window preset; 0 as stored."""
        words = self.pictures.preset(int(key))
        if words:
            self.face.tell(words, "soft")
        self.wall.same_window(self.pictures)

    def do_window_type(self, key: str) -> None:
        """Type a window."""
        from .ask import AskText

        now = self.pictures.window_now()
        start = f"{now.centre:g},{now.width:g}" if now is not None else ""
        sheet = AskText("Window", "centre,width", start=start)
        self.open_sheet(sheet, self._typed_window)

    def _typed_window(self, text: str | None) -> None:
        from teleread.imaging.window import parse_window

        frame = self.pictures.picture()
        if not text or frame is None:
            return
        window = parse_window(text, frame)
        self.pictures.look_at(window=window, word=str(window.name))
        self.wall.same_window(self.pictures)

    # -- measuring --------------------------------------------------------------------------------
    def do_measure_length(self, key: str) -> None:
        """Measure a distance."""
        self._take("length")

    def do_measure_angle(self, key: str) -> None:
        """Measure an angle."""
        self._take("angle")

    def do_measure_ellipse(self, key: str) -> None:
        """Measure an ellipse."""
        self._take("ellipse")

    def do_measure_value(self, key: str) -> None:
        """Read the value under a cursor."""
        self._take("value")

    def _take(self, kind: str) -> None:
        if self.context == "T":
            self.look_at_pictures()
        for pane in self.wall.panes:
            if pane is not self.pictures:
                pane.put_away()
        taken = self.pictures.take_tool(kind)
        if not taken and self.pictures.picture() is None:
            self.face.tell("There is no picture to measure on.", "soft")
        elif taken and kind != "value":
            self.face.tell(
                "Arrows move the cursor, Enter sets a point; or drag with the mouse. Esc ends.", "soft"
            )

    def do_offer_accept(self, key: str) -> None:
        """Set a point."""
        self.pictures.set_point()

    def do_tool_leave(self, key: str) -> None:
        """Put the tool away."""
        for pane in self.wall.panes:
            pane.put_away()
