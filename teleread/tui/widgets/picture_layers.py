"""A pane's picture under what other objects of the study lay over it."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_not
from typing import TYPE_CHECKING, Any

from teleread.model.study import InstanceInfo
from teleread.tui.layers import Layer, lays_over
from teleread.workstation.api import SeriesView

from .picture_looking import PictureLooking
from .picture_marks import Ink
from .picture_view import View

if TYPE_CHECKING:
    from teleread.imaging.frames import Frame, Window

__all__ = ["PictureLayers"]


class PictureLayers(PictureLooking):
    """Knows the layers of its study; which of them is in sight is part of the view."""

    study_uid = ""
    _layers: Sequence[Layer] = ()
    _layers_of: tuple[str, int] = ("", 0)
    _overlaying: tuple[Sequence[SeriesView], list[InstanceInfo]] = ((), [])
    """What lies over others, and the series it was found in: asked for with each picture."""

    @property
    def laid_over(self) -> Sequence[Layer]:
        """Of the study that is shown, as far as they were read."""
        return self._layers if self._layers_of[0] == self.study_uid else ()

    def overlaying(self) -> list[InstanceInfo]:
        """The instances of the study that lie over others."""
        asked, series = self._overlaying[0], self.series
        if len(asked) != len(series) or any(map(is_not, asked, series)):
            found = [one for each in series for one in each.instances if lays_over(one.sop_class)]
            self._overlaying = tuple(series), found
        return self._overlaying[1]

    def layers_known(self) -> bool:
        """Whether they were read since the last of them came."""
        return self._layers_of == (self.study_uid, len(self.overlaying()))

    def take_layers(self, study_uid: str, count: int, layers: Sequence[Layer]) -> None:
        """Keep what was read.

        Args:
            study_uid: Which study.
            count: How many instances they were read from.
            layers: The layers.
        """
        self._layers, self._layers_of = layers, (study_uid, count)

    def laid(self) -> tuple[str, str]:
        """What lies over the picture, or that something could."""
        layer, frame = self.layer_now(), self.picture()
        if getattr(self.frame(), "pages", 0):
            return "V pages", "soft"
        if layer is None or frame is None:
            return ("V overlays", "soft") if self.overlaying() else ("", "soft")
        return (
            (str(layer.words), "warn") if layer.covers(frame) else (f"{layer.words}: not this image", "soft")
        )

    def layer_now(self) -> Layer | None:
        """The layer in sight."""
        return next((one for one in self.laid_over if one.name == self.view.layer), None)

    def next_layer(self) -> str:
        """Lay the next one over that says anything of this picture, then none.

        Returns:
            What is shown now, in words.
        """
        frame = self.picture()
        if frame is None:
            return "There is no picture to lay anything over."
        names = [one.name for one in self.laid_over]
        after = names.index(self.view.layer) + 1 if self.view.layer in names else 0
        found = next((one for one in self.laid_over[after:] if one.covers(frame)), None)
        if found is None:
            was = self.view.layer
            if was:
                self.look_at(layer="", **_as_taken())
            return "As taken." if was else "Nothing of this study lies over this picture."
        self.look_at(layer=found.name, **{**_as_taken(), **found.looked_at(frame)})
        return str(found.words)

    def window_now(self) -> Window | None:
        """The window in use: the reader's, else that of the layer, else the picture's own."""
        layer, frame = self.layer_now(), self.picture()
        if self.view.window is None and layer is not None and frame is not None and layer.covers(frame):
            return layer.window(frame) or super().window_now()
        return super().window_now()

    def greys(self, frame: Frame) -> Any:
        """The picture as the layer wants it, before it is turned."""
        layer = self.layer_now()
        made = layer.greys(frame, self.view) if layer is not None and layer.covers(frame) else None
        return super().greys(frame) if made is None else made

    def layer_inks(self, frame: Frame) -> tuple[Ink, ...]:
        """What the layer draws, and writes where letters can't stand."""
        layer = self.layer_now()
        if layer is None:
            return ()
        said = [Ink("words", (place,), "draft", text=str(text)) for text, place in layer.texts(frame)]
        return (*layer.inks(frame), *(said if self.painter.graphic else ()))

    def layer_labels(self, frame: Frame) -> list[tuple[int, int, str, str]]:
        """What the layer writes, in letters: row, column, words, role."""
        layer = self.layer_now()
        if layer is None or self._seen is None or self.painter.graphic or not layer.covers(frame):
            return []
        found = []
        for text, place in layer.texts(frame):
            x, y = self._seen.to_canvas(place)
            found += [
                (int(y / self.painter.down) + row, int(x / self.painter.across), words, "warn")
                for row, words in enumerate(str(text).splitlines())
            ]
        return found


def _as_taken() -> dict[str, Any]:
    plain = View()
    names = ("window", "word", "zoom", "centre", "rotation", "flip", "invert")
    return {name: getattr(plain, name) for name in names}
