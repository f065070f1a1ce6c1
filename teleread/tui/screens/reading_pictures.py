"""The reading screen's pictures: what each action on them does."""

from __future__ import annotations

from typing import Final

from teleread.tui.widgets.picture import ZOOM_STEP, View

from .reading_base import ReadingBase

__all__ = ["ReadingPictures"]

TEN: Final = 10
STEP: Final = 0.1


class ReadingPictures(ReadingBase):
    """What the reader does with pictures, one method an action."""

    def turn_to(self, step: int) -> bool:
        """Turn to the pane beside the one in use; whether there is one."""
        pane = self.wall.next_pane(step)
        if pane is not None:
            self.wall.use(pane)
            self.focus_on(pane)
        return pane is not None

    def on_picture_pane_full(self) -> None:
        """A double click fills the screen."""
        self.face.act("view.full")

    # -- images -----------------------------------------------------------------------------------
    def do_move_up(self, key: str) -> None:
        """The image before."""
        self.pictures.move(-1)

    def do_move_down(self, key: str) -> None:
        """The next image."""
        self.pictures.move(1)

    def do_move_up_ten(self, key: str) -> None:
        """Ten images back."""
        self.pictures.move(-TEN)

    def do_move_down_ten(self, key: str) -> None:
        """Ten images on."""
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

    def do_view_full(self, key: str) -> None:
        """Pictures fill the screen, and back."""
        self.full = not self.full
        self.lay_out(self.size.width, self.size.height)
        self.focus_on(self.pictures)

    def do_view_text(self, key: str) -> None:
        """Corner text on or off."""
        self.pictures.corner = not self.pictures.corner
        self.pictures.refresh()

    def do_view_reset(self, key: str) -> None:
        """As first shown."""
        self.pictures.view = View()
        self.pictures.repaint()

    def do_view_invert(self, key: str) -> None:
        """Black to white."""
        self.pictures.look_at(invert=not self.pictures.view.invert)

    def do_view_loop(self, key: str) -> None:
        """Run the series, and stop."""
        self.pictures.toggle_loop()

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

    def do_window_width(self, key: str) -> None:
        """Narrower window, wider."""
        self.pictures.change_window(width=(0.8, 1.25)[int(key)])

    def do_window_level(self, key: str) -> None:
        """Lower centre, higher."""
        self.pictures.change_window(shift=(-STEP, STEP)[int(key)])

    def do_list_filter(self, key: str) -> None:
        """Find a series by name."""
        from .ask import AskText

        self.open_sheet(AskText("Series", "A word of its name, or its number."), self._find_series)

    def _find_series(self, words: str | None) -> None:
        if words and not self.pictures.find_series(words):
            self.face.tell("No series of that name here.", "soft")

    def do_preset_n(self, key: str) -> None:
        """A window preset; 0 as stored."""
        words = self.pictures.preset(int(key))
        if words:
            self.face.tell(words, "soft")

    def do_window_type(self, key: str) -> None:
        """Type a window."""
        from .ask import AskText

        now = self.pictures.window_now()
        start = f"{now.centre:g},{now.width:g}" if now is not None else ""
        sheet = AskText("Window", "centre,width", start=start)
        self.open_sheet(sheet, self._typed_window)

    def _typed_window(self, text: str | None) -> None:
        from teleread.imaging.frames import CannotShow
        from teleread.imaging.window import parse_window

        frame = self.pictures.frame()
        if not text or frame is None or isinstance(frame, CannotShow):
            return
        window = parse_window(text, frame)
        self.pictures.look_at(window=window, word=str(window.name))
