"""Stored values to the 256 greys of a screen: modality, VOI and presentation (PS3.3 C.11.1, C.11.2).

The whole chain is computed once for every value a pixel can have, and applied by one table look-up.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from teleread.model.errors import UsageError
from teleread.model.text import SafeText, clean

from .frames import Frame, LookupTable, Pixels, Window
from .presets import NAMED

__all__ = [
    "auto_window",
    "chosen_window",
    "modality_values",
    "parse_window",
    "range_window",
    "to_grey",
    "voi",
    "voi_values",
]

OWN_RANGE: Final = SafeText("own range")
AUTO: Final = SafeText("auto")


def voi(values: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """Apply a VOI window, exactly as PS3.3 C.11.2.1.2 and C.11.2.1.3 write it.

    Args:
        values: Values after the modality transform.
        window: Centre and width in the same unit.

    Returns:
        Values from 0.0 to 255.0, not rounded.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _voi(values, window)


def _voi(values: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    centre, width = window.centre, window.width
    if window.function == "SIGMOID":
        return 255.0 / (1.0 + np.exp(-4.0 * (values - centre) / max(width, 1e-12)))
    if window.function == "LINEAR" and width >= 1.0:
        centre, width = centre - 0.5, width - 1.0  # Window Width 1 is a threshold
    if width <= 0.0:
        return np.where(values <= centre, 0.0, 255.0)
    return np.clip(((values - centre) / width + 0.5) * 255.0, 0.0, 255.0)


def modality_values(stored: Pixels, frame: Frame) -> NDArray[np.float64]:
    """Apply the Modality LUT, else Rescale Slope and Intercept.

    Args:
        stored: Stored values of ``frame``.
        frame: Where they come from.
    """
    if frame.modality_lut is not None:
        return _looked_up(stored.astype(np.float64), frame.modality_lut)
    return _rescaled(stored, frame.slope, frame.intercept)


def _rescaled(stored: Pixels, slope: float, intercept: float) -> NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):  # a header may say 1e308
        out: NDArray[np.float64] = np.clip(stored.astype(np.float64) * slope + intercept, -1e300, 1e300)
    return out


def _looked_up(values: NDArray[np.float64], table: LookupTable) -> NDArray[np.float64]:
    index = np.clip(np.rint(values) - table.first, 0, len(table.values) - 1).astype(np.int64)
    out: NDArray[np.float64] = table.values[index].astype(np.float64)
    return out


def _unpadded(frame: Frame) -> Pixels:
    """Stored values that are no padding, flat; all of them where everything is."""
    pixels = frame.pixels.reshape(-1)
    if frame.padding is None:
        return pixels
    low, high = frame.padding
    kept: Pixels = pixels[(pixels < low) | (pixels > high)]
    return kept if len(kept) else pixels


def range_window(frame: Frame) -> Window:
    """The window that shows the frame's own range, padding left out."""
    stored = _unpadded(frame)
    ends = np.array([int(stored.min()), int(stored.max())])
    if frame.modality_lut is not None:
        ends = np.arange(ends[0], ends[1] + 1)
    return _between(modality_values(ends, frame), OWN_RANGE)


def auto_window(frame: Frame) -> Window:
    """The window from the first to the 99th percentile, padding left out."""
    stored = _unpadded(frame)
    thinned = stored[:: max(1, len(stored) // 250_000)]
    return _between(np.percentile(modality_values(thinned, frame), (1, 99)), AUTO)


def _between(values: NDArray[np.float64], name: SafeText) -> Window:
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return Window(low + 0.5, 1.0, "LINEAR_EXACT", name)  # one value alone is black
    return Window((low + high) / 2, high - low, "LINEAR_EXACT", name)


def chosen_window(frame: Frame) -> Window | LookupTable | None:
    """How a frame is shown unless asked otherwise: its first VOI, else its own range; None for colour."""
    if frame.is_colour:
        return None
    if frame.windows:
        return frame.windows[0]
    return frame.voi_tables[0] if frame.voi_tables else range_window(frame)


def to_grey(
    frame: Frame, window: Window | LookupTable | None = None, invert: bool = False
) -> NDArray[np.uint8]:
    """Make a frame fit to be drawn.

    Args:
        frame: A decoded frame.
        window: The window or VOI table; None takes `chosen_window`. Colour has none.
        invert: Show black as white, on top of what the object says.

    Returns:
        Greys, rows x columns, or RGB, rows x columns x 3. Padding is black either way.
    """
    if frame.is_colour:
        return 255 - frame.pixels if invert else frame.pixels
    shown = window if window is not None else chosen_window(frame)
    inverted = frame.presentation_invert != invert
    if frame.pixels.dtype.itemsize > 2:
        return _greys(frame.pixels, frame, shown, inverted)
    size = frame.pixels.dtype.itemsize
    unsigned: Pixels = frame.pixels.view(np.uint8 if size == 1 else np.uint16)
    if frame.modality_lut is None and isinstance(shown, Window):
        table = _table(
            frame.pixels.dtype.str, frame.slope, frame.intercept, frame.padding, shown, inverted
        )  # scrolling keeps the window, so the table is mostly there already
    else:
        table = _greys(_every_value(frame.pixels.dtype), frame, shown, inverted)
    return np.take(table, unsigned)


def _every_value(dtype: np.dtype[np.generic]) -> Pixels:
    """Every value of an 8 or 16-bit type, in the order of its unsigned bits."""
    bits = 8 * dtype.itemsize
    unsigned = np.arange(1 << bits, dtype=np.uint8 if bits == 8 else np.uint16)
    return unsigned.view(dtype)


@lru_cache(maxsize=64)
def _table(
    dtype: str,
    slope: float,
    intercept: float,
    padding: tuple[int, int] | None,
    window: Window,
    inverted: bool,
) -> NDArray[np.uint8]:
    stored = _every_value(np.dtype(dtype))
    values = _rescaled(stored, slope, intercept)
    return _finished(voi(values, window), stored, padding, inverted)


def _greys(
    stored: Pixels, frame: Frame, shown: Window | LookupTable | None, inverted: bool
) -> NDArray[np.uint8]:
    greys = voi_values(modality_values(stored, frame), shown, frame)
    return _finished(greys, stored, frame.padding, inverted)


def voi_values(
    values: NDArray[np.float64], shown: Window | LookupTable | None, frame: Frame
) -> NDArray[np.float64]:
    """Apply a window or a VOI table.

    Args:
        values: Values after the modality transform.
        shown: The window or table; None takes the frame's own range.
        frame: Where they come from.

    Returns:
        Values from 0.0 to 255.0, not rounded.
    """
    if isinstance(shown, LookupTable):
        return np.minimum(_looked_up(values, shown) * (255.0 / ((1 << shown.bits) - 1)), 255.0)
    return voi(values, shown if shown is not None else range_window(frame))


def _finished(
    greys: NDArray[np.float64], stored: Pixels, padding: tuple[int, int] | None, inverted: bool
) -> NDArray[np.uint8]:
    out = np.floor(np.nan_to_num(greys) + 0.5).astype(np.uint8)
    if inverted:
        out = 255 - out
    if padding is not None:
        out[(stored >= padding[0]) & (stored <= padding[1])] = 0
    return out


def parse_window(text: str, frame: Frame | None = None) -> Window:
    """Read a window as it is typed: ``CENTRE,WIDTH``, or the name of a preset.

    Args:
        text: Such as ``40,400``, ``lung``, ``full`` or ``auto``.
        frame: The frame that ``full``, ``auto`` and ``stored`` are measured on.

    Raises:
        UsageError: It is neither, or the width is not above zero.
    """
    word = text.strip().lower()
    if word in NAMED:
        return NAMED[word]
    if frame is not None and not frame.is_colour and word in ("full", "auto", "stored"):
        chosen = chosen_window(frame)
        if word == "stored" and isinstance(chosen, Window):
            return chosen
        return auto_window(frame) if word == "auto" else range_window(frame)
    try:
        centre, width = (float(part) for part in word.split(","))
    except ValueError:
        centre = width = float("nan")
    if not (abs(centre) < 1e12 and 0 < width < 1e12):
        names = ", ".join(sorted(NAMED))
        raise UsageError(
            f"“{clean(text, limit=40)}” is no window.",
            remedy=f"Type centre,width, such as 40,400, or one of: {names}, full, auto.",
            code="window",
        )
    return Window(centre, width)
