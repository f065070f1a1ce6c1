"""A frame to a finished picture, with the words that say how faithful it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from teleread.model.text import SafeText, clean

from .frames import Frame, LookupTable, Window
from .resample import square
from .stack import orientation_letters, turned_orientation
from .window import chosen_window, to_grey

if TYPE_CHECKING:
    from .objects import Presentation

__all__ = ["NOTICE", "RenderedPicture", "render", "render_presented"]

NOTICE: Final = SafeText("preview, not for diagnosis")
"""What every picture says."""


@dataclass(frozen=True, slots=True, eq=False)
class RenderedPicture:
    """A picture fit to be drawn or written."""

    array: NDArray[np.uint8]
    """Greys, rows x columns, or RGB, rows x columns x 3."""
    label: SafeText
    """How faithful it is, in words."""
    window: Window | None
    """The window applied; None for colour and for a lookup table."""
    inverted: bool = False
    """Black is white, on top of what the object says."""
    aspect: float = 1.0
    """Height of the array's pixels over their width; 1.0 once they were made square."""


def render(
    frame: Frame,
    *,
    window: Window | None = None,
    invert: bool = False,
    annotate: bool = False,
    overlays: bool = True,
) -> RenderedPicture:
    """Draw a frame.

    Args:
        frame: A decoded frame.
        window: The window; None takes the frame's first VOI, else its own range.
        invert: Show black as white.
        annotate: Shutter, square pixels, letters, window, number and the notice (none of the patient).
        overlays: Draw overlay planes in white.
    """
    chosen = window if window is not None and not frame.is_colour else chosen_window(frame)
    array = to_grey(frame, chosen, invert)
    if overlays and frame.overlays is not None:
        array = array.copy()
        array[frame.overlays] = 255
    shown = chosen if isinstance(chosen, Window) else None
    label = _label(frame, chosen, invert)
    if not annotate:
        return RenderedPicture(array, label, shown, invert, frame.aspect)
    if frame.shutter is not None:
        array = np.where(frame.shutter[..., None] if frame.is_colour else frame.shutter, np.uint8(0), array)
    return RenderedPicture(_annotated(square(array, frame.aspect), frame, shown), label, shown, invert)


def _label(frame: Frame, chosen: Window | LookupTable | None, invert: bool) -> SafeText:
    parts = ["8 bit RGB" if frame.is_colour else f"8 bit of {frame.bits_stored}"]
    if isinstance(chosen, Window):
        parts.append(f"window {chosen.centre:g}/{chosen.width:g}")
    elif chosen is not None:
        parts.append("VOI lookup table")
    if invert:
        parts.append("inverted")
    if frame.lossy:
        parts.append("lossy compression")
    return clean(", ".join([*parts, "not for diagnosis"]))


def _annotated(array: NDArray[np.uint8], frame: Frame, window: Window | None) -> NDArray[np.uint8]:
    """Put the corner text on a picture, white on a black rim so that it reads on anything."""
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.fromarray(np.ascontiguousarray(array))
    draw = ImageDraw.Draw(canvas)
    width, height = canvas.size
    font = ImageFont.load_default(size=max(10, min(width, height) // 32))
    white = 255 if canvas.mode == "L" else (255, 255, 255)
    black = 0 if canvas.mode == "L" else (0, 0, 0)
    left, right, top, bottom = orientation_letters(frame.orientation)
    number = f"{frame.number}/{frame.frames}" if frame.frames > 1 else ""
    corner = f"W {window.width:g} L {window.centre:g}" if window is not None else ""
    middle, low, far = width // 2, height - 4, width - 4
    for x, y, anchor, words in (
        (4, height // 2, "lm", left),
        (far, height // 2, "rm", right),
        (middle, 4, "ma", top),
        (middle, low, "md", bottom),
        (4, 4, "la", corner),
        (far, 4, "ra", number),
        (far, low, "rd", str(NOTICE)),
    ):
        draw.text((x, y), words, fill=white, font=font, anchor=anchor, stroke_width=1, stroke_fill=black)
    return np.asarray(canvas)


def render_presented(
    frame: Frame, state: Presentation, *, window: Window | None = None, annotate: bool = False
) -> RenderedPicture:
    """Draw a frame as a presentation state wants it: greys, shutter, figures, texts, turned, its area alone.

    Args:
        frame: A decoded frame that the state covers.
        state: The presentation state.
        window: In place of the state's.
        annotate: Square pixels and corner text too.
    """
    from .presentation import as_presented, presented_greys, turned

    changed, shown = as_presented(frame, state)
    used = window or (shown if isinstance(shown, Window) else None)
    array = presented_greys(frame, state, window)
    left, top, right, bottom = state.area or (1, 1, frame.columns, frame.rows)
    left, top = max(1, min(left, frame.columns)), max(1, min(top, frame.rows))
    right, bottom = max(left, min(right, frame.columns)), max(top, min(bottom, frame.rows))
    array = turned(array[top - 1 : bottom, left - 1 : right], state.rotation, state.flip)
    array = _texted(array, _marks(frame, state, (left - 1, top - 1, right, bottom)))
    aspect = 1 / frame.aspect if state.rotation in (90, 270) else frame.aspect
    label = clean(f"{_label(changed, used or shown, False)}, presentation state {state.label}".strip())
    if not annotate:
        return RenderedPicture(array, label, used, False, aspect)
    vectors = turned_orientation(frame.orientation, state.rotation, state.flip)
    words = replace(changed, orientation=vectors)
    return RenderedPicture(_annotated(square(array, aspect), words, used), label, used, False)


def _marks(
    frame: Frame, state: Presentation, box: tuple[int, int, int, int]
) -> list[tuple[SafeText, tuple[float, float]]]:
    """Texts of a state, and where they stand in the turned part of the picture."""
    from .presentation import presented_texts, turned_place

    left, top, right, bottom = box
    return [
        (
            mark.text,
            turned_place((x - left, y - top), right - left, bottom - top, state.rotation, state.flip),
        )
        for mark, (x, y) in presented_texts(frame, state)
    ]


def _texted(array: NDArray[np.uint8], marks: list[tuple[SafeText, tuple[float, float]]]) -> NDArray[np.uint8]:
    if not marks:
        return array
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.fromarray(np.ascontiguousarray(array))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=max(10, min(canvas.size) // 40))
    white: Any = 255 if canvas.mode == "L" else (255, 255, 255)
    black: Any = 0 if canvas.mode == "L" else (0, 0, 0)
    for text, place in marks[:200]:
        draw.text(place, str(text), fill=white, font=font, stroke_width=1, stroke_fill=black)
    return np.asarray(canvas)
