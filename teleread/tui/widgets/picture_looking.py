"""How a pane's picture is looked at: window, zoom, place, turned and mirrored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from teleread.model.text import clean

from .picture_drawing import PictureDrawing

if TYPE_CHECKING:
    from teleread.imaging.frames import Frame, Window

__all__ = ["ZOOM_STEP", "PictureLooking"]

ZOOM_STEP: Final = 1.5
ZOOM_LEAST: Final = 0.05
ZOOM_MOST: Final = 24.0


class PictureLooking(PictureDrawing):
    """Changes the view of the picture that is drawn."""

    def picture(self) -> Frame | None:
        """The frame that is drawn, where it is a picture."""
        from teleread.imaging.frames import CannotShow

        found = self.frame()
        return None if isinstance(found, CannotShow) else found

    def look_at(self, **changes: Any) -> None:
        """Change the view."""
        self.view = replace(self.view, **changes)
        self.repaint()

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
        from teleread.imaging.presets import presets_for

        frame = self.picture()
        if digit == 0:
            self.look_at(window=None, word="as stored")
            return ""
        if frame is None:
            return "No picture is shown yet."
        found = next((one for one in presets_for(frame) if one.digit == digit), None)
        if found is None:
            return "There is no such window for this picture."
        self.look_at(window=found.window, word=str(found.name))
        return ""

    def zoom(self, factor: float) -> None:
        """Zoom in or out; the point in use stays in the middle."""
        target = self.view.zoom * factor
        least = min(1.0, self.view.zoom)
        self.look_at(zoom=min(max(target, least), ZOOM_MOST), centre=self.focus_of_zoom())

    def zoom_true(self) -> str:
        """One pixel of the screen for one of the picture, and back to all of it; what is shown now."""
        if self.view.zoom != 1.0:
            self.look_at(zoom=1.0)
            return "The whole picture."
        if self._seen is None:
            return ""
        at = self._seen.placement
        across = (at.box[2] - at.box[0]) / at.shown_width
        if abs(across - 1.0) > 1e-6:
            self.look_at(zoom=min(max(across, ZOOM_LEAST), ZOOM_MOST), centre=self.focus_of_zoom())
        return "One to one."

    def focus_of_zoom(self) -> tuple[float, float]:
        """What stays in the middle, as shares of the turned picture."""
        return self.view.centre

    def pan(self, across: float, down: float) -> None:
        """Move the picture by shares of what is in sight."""
        x, y = self.view.centre
        part = 1 / self.view.zoom
        self.look_at(centre=(min(max(x + across * part, 0.0), 1.0), min(max(y + down * part, 0.0), 1.0)))

    def turn(self) -> None:
        """A quarter of a turn, clockwise as it is seen."""
        quarter = 270 if self.view.flip else 90  # the mirror is looked through last
        self.look_at(rotation=(self.view.rotation + quarter) % 360, centre=(0.5, 0.5))

    def mirror(self) -> None:
        """Left to right."""
        self.look_at(flip=not self.view.flip, centre=(1 - self.view.centre[0], self.view.centre[1]))
