"""What other objects of a study lay over its pictures: presentation states, structures, segmentations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import TelereadError
from teleread.model.study import InstanceInfo
from teleread.model.text import SafeText, clean

from .pictures import DECODE_SECONDS, Decoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from teleread.imaging.frames import CannotShow, Frame, Window
    from teleread.imaging.objects import Contours, Presentation, ReadObject

    from .widgets.picture_marks import Ink
    from .widgets.picture_view import Point, View

__all__ = ["Layer", "Outlined", "Presented", "layers_of", "lays_over"]

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_STATES: Final = frozenset(f"{_STORAGE}11.{number}" for number in (1, 2, 3, 4))
"""Softcopy presentation states: greyscale, colour, pseudo-colour, blending (PS3.4 B.5)."""
_STRUCTURES: Final = f"{_STORAGE}481.3"
_SEGMENTATION: Final = f"{_STORAGE}66.4"
MOST_OBJECTS: Final = 32
MOST_BYTES: Final = 128 * 1024 * 1024
"""Largest object that is read for its outlines."""
MOST_MASKS: Final = 600
"""Frames of segmentations kept, one bit a pixel."""
_COLOURS: Final = ((189, 162, 220), (149, 205, 178), (232, 191, 82), (143, 188, 214), (244, 117, 106))
"""RGB of the segmentations, in turn."""


def lays_over(sop_class: str) -> bool:
    """Whether objects of a SOP class are laid over pictures here."""
    return sop_class in _STATES or sop_class in (_STRUCTURES, _SEGMENTATION)


@dataclass(frozen=True, slots=True)
class Layer:
    """Something that can be laid over the pictures of a study; this one changes nothing."""

    name: str
    """Tells it from others."""
    words: SafeText
    """As the heading says it."""

    def covers(self, frame: Frame) -> bool:
        """Whether it says anything of a picture."""
        return False

    def window(self, frame: Frame) -> Window | None:
        """The window it wants; None for the picture's own."""
        return None

    def looked_at(self, frame: Frame) -> dict[str, Any]:
        """How it wants a picture turned and placed: members of `View`."""
        return {}

    def greys(self, frame: Frame, view: View) -> NDArray[Any] | None:
        """The picture as it wants it, before it is turned; None leaves it."""
        return None

    def inks(self, frame: Frame) -> Iterator[Ink]:
        """What it draws on the picture."""
        return iter(())

    def texts(self, frame: Frame) -> list[tuple[SafeText, Point]]:
        """What it writes on the picture, and where."""
        return []


@dataclass(frozen=True, slots=True)
class Presented(Layer):
    """A softcopy presentation state (PS3.4 annex N)."""

    state: Presentation

    def covers(self, frame: Frame) -> bool:
        """Whether the state refers to the image."""
        return self.state.covers(str(frame.sop_uid))

    def window(self, frame: Frame) -> Window | None:
        """Its VOI, where that is a window."""
        from teleread.imaging.frames import Window
        from teleread.imaging.presentation import as_presented

        shown = as_presented(frame, self.state)[1]
        return shown if isinstance(shown, Window) else None

    def looked_at(self, frame: Frame) -> dict[str, Any]:
        """Turned and mirrored as it says, its displayed area in the middle of the pane."""
        state = self.state
        turned: dict[str, Any] = {"rotation": state.rotation, "flip": state.flip}
        if state.area is None:
            return turned
        left, top, right, bottom = state.area
        across, down = frame.columns / max(1, right - left + 1), frame.rows / max(1, bottom - top + 1)
        x, y = ((left + right - 1) / 2) / frame.columns, ((top + bottom - 1) / 2) / frame.rows
        for _ in range(state.rotation // 90 % 4):
            x, y = 1 - y, x
        centre = (min(max(1 - x if state.flip else x, 0.0), 1.0), min(max(y, 0.0), 1.0))
        return {**turned, "zoom": max(1.0, min(across, down)), "centre": centre}

    def greys(self, frame: Frame, view: View) -> NDArray[Any]:
        """Its own modality, VOI and presentation transforms, shutter and figures."""
        from teleread.imaging.presentation import presented_greys

        made = presented_greys(frame, self.state, view.window)
        return 255 - made if view.invert else made

    def texts(self, frame: Frame) -> list[tuple[SafeText, Point]]:
        """Its texts."""
        from teleread.imaging.presentation import presented_texts

        return [(mark.text, place) for mark, place in presented_texts(frame, self.state)]


@dataclass(frozen=True, slots=True)
class Outlined(Layer):
    """Outlines of structure sets and segmentations."""

    contours: tuple[Contours, ...] = ()
    masks: tuple[tuple[Frame, tuple[int, int, int]], ...] = field(default=())
    """Frames whose pixels are packed eight to a byte, and their colours."""

    def covers(self, frame: Frame) -> bool:
        """Whether anything is drawn on it."""
        return next(self.inks(frame), None) is not None

    def inks(self, frame: Frame) -> Iterator[Ink]:
        """The lines that lie on the picture."""
        import numpy as np

        from teleread.imaging.outlines import contour_outlines, lies_on, mask_outline

        from .widgets.picture_marks import Ink

        for contours in self.contours:
            for one in contour_outlines(contours, frame):
                path = (*one.points, one.points[0]) if one.closed else one.points
                yield Ink("line" if len(path) > 1 else "dots", path, one.colour)
        for mask, colour in self.masks:
            if not lies_on(mask, frame):
                continue
            bits = np.unpackbits(mask.pixels, count=mask.rows * mask.columns).reshape(mask.rows, mask.columns)
            edge = mask_outline(replace(mask, pixels=bits), frame)
            if edge is not None:
                rows, columns = np.nonzero(edge)
                yield Ink("dots", tuple(zip(columns.tolist(), rows.tolist(), strict=True)), colour)


def layers_of(
    instances: Sequence[InstanceInfo], read: Callable[[str], bytes], decoder: Decoder
) -> tuple[Layer, ...]:
    """Read what lies over a study's pictures; what can't be read is left out.

    Takes seconds: off the screen's thread.

    Args:
        instances: The instances held of the study.
        read: Reads one instance's bytes (SOP Instance UID).
        decoder: Reads objects in its child; the caller closes it.
    """
    from teleread.imaging.objects import Contours, Presentation

    states: list[Layer] = []
    contours: list[Contours] = []
    masks: list[tuple[Frame, tuple[int, int, int]]] = []
    drawn = [one for one in instances if lays_over(one.sop_class) and one.size <= MOST_BYTES]
    for one in drawn[:MOST_OBJECTS]:
        try:
            data = read(one.sop_uid)
        except TelereadError:
            continue  # the pane of the object itself says why
        if one.sop_class == _SEGMENTATION:
            colour = _COLOURS[len({mask.sop_uid for mask, _ in masks}) % len(_COLOURS)]
            masks += [(mask, colour) for mask in _masks(decoder, data, one.frames, MOST_MASKS - len(masks))]
            continue
        found: ReadObject | CannotShow = decoder.read(data, timeout=DECODE_SECONDS)
        if isinstance(found, Presentation):
            states.append(Presented(one.sop_uid, clean(f"as {found.label or 'presented'}"), found))
        elif isinstance(found, Contours):
            contours.append(found)
    if contours or masks:
        states.append(Outlined("outlines", clean("outlines"), tuple(contours), tuple(masks)))
    return tuple(states)


def _masks(decoder: Decoder, data: bytes, frames: int, room: int) -> Iterator[Frame]:
    """The frames of a segmentation that mark anything, one bit a pixel."""
    import numpy as np

    from teleread.imaging.frames import CannotShow

    for number in range(1, min(frames, room) + 1):
        found = decoder.decode(data, number, timeout=DECODE_SECONDS)
        if isinstance(found, CannotShow):
            return
        if not found.is_colour and found.pixels.any():
            yield replace(found, pixels=np.packbits(found.pixels > 0))
