"""One object to one picture and the answer of ``teleread image``, without a vault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from teleread.model.errors import TelereadError, UsageError

from .decode import DecodePool
from .frames import CannotShow, Frame

__all__ = ["PictureOfFile", "picture_of_file"]


@dataclass(frozen=True, slots=True, eq=False)
class PictureOfFile:
    """What was made of an object."""

    answer: dict[str, Any]
    """The keys the command line's contract names, without ``schema``."""
    picture: Any = None
    """A `RenderedPicture`; None for a placeholder."""
    frame: Frame | None = None
    """The decoded frame; None for a placeholder."""


def picture_of_file(
    data: bytes | memoryview,
    frame: int = 1,
    window: str = "",
    *,
    invert: bool = False,
    annotate: bool = False,
    pool: DecodePool | None = None,
    timeout: float = 10.0,
) -> PictureOfFile:
    """Decode and draw one frame of one object.

    Args:
        data: Its Part 10 bytes.
        frame: Which frame, from 1.
        window: ``CENTRE,WIDTH``, a preset's name, or empty for the object's own.
        invert: Show black as white.
        annotate: Square pixels and corner text.
        pool: Decode children to use; without one, one is started and ended.
        timeout: Seconds the decoding may take.

    Returns:
        The picture and the answer. For an object that is whole and has no picture here (a report, a document,
        a compression without decoder) the answer's ``placeholder`` says why.

    Raises:
        UsageError: The frame does not exist, or the window is none.
        TelereadError: The bytes are no DICOM, damaged, cut short, or over a limit; in words.
    """
    if pool is None:
        with DecodePool() as own:
            found = own.decode(data, frame, timeout=timeout)
    else:
        found = pool.decode(data, frame, timeout=timeout)
    if isinstance(found, CannotShow):
        return PictureOfFile(_placeholder(found))
    from .render import render
    from .window import parse_window

    chosen = parse_window(window, found) if window and not found.is_colour else None
    picture = render(found, window=chosen, invert=invert, annotate=annotate)
    shown = picture.window
    answer = {
        "rows": found.rows,
        "columns": found.columns,
        "frames": found.frames,
        "frame": found.number,
        "window": None if shown is None else [shown.centre, shown.width],
        "photometric": str(found.photometric),
        "transfer_syntax": str(found.transfer_syntax),
        "decoder": found.decoder,
        "placeholder": None,
        "fidelity": str(picture.label),
    }
    return PictureOfFile(answer, picture, found)


def _placeholder(found: CannotShow) -> dict[str, Any]:
    if found.code == "no-frame":
        raise UsageError(str(found.reason), code="no-frame")
    if not found.whole:
        raise TelereadError(
            str(found.reason), "Nothing is drawn and nothing guessed; the file is untouched.", code=found.code
        )
    return {
        "rows": found.rows,
        "columns": found.columns,
        "frames": found.frames,
        "frame": None,
        "window": None,
        "photometric": str(found.photometric) or None,
        "transfer_syntax": str(found.transfer_syntax) or None,
        "decoder": None,
        "placeholder": str(found.reason),
        "fidelity": None,
    }
