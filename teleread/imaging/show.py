"""One object to one picture and the answer of ``teleread image``, without a vault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import TelereadError, UsageError
from teleread.model.text import clean

from .decode import DecodePool
from .frames import CannotShow, Frame

if TYPE_CHECKING:
    from .objects import Document, Presentation, ReadObject
    from .render import RenderedPicture

__all__ = ["PictureOfFile", "picture_of_file"]

MAX_SHOWN_LINES: Final = 2000


@dataclass(frozen=True, slots=True, eq=False)
class PictureOfFile:
    """What was made of an object."""

    answer: dict[str, Any]
    """The keys the command line's contract names, without ``schema``."""
    picture: RenderedPicture | None = None
    """What there is to draw; None for a placeholder with nothing but words."""
    frame: Frame | None = None
    """The decoded frame; None for a placeholder."""
    text: str = ""
    """An object's text, for people."""


def picture_of_file(
    data: bytes | memoryview,
    frame: int = 1,
    window: str = "",
    *,
    invert: bool = False,
    annotate: bool = False,
    pool: DecodePool | None = None,
    timeout: float = 10.0,
    other: Callable[[str], bytes | None] | None = None,
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
        other: Brings another object by SOP Instance UID, for a presentation state; None where it is not held.

    Returns:
        The picture and the answer. For an object that is whole and has no picture here (a report, a document,
        a compression without decoder) the answer's ``placeholder`` says why; what can be read of it stands in
        ``document``, a waveform has a plot for a picture, a presentation state the image it is for.

    Raises:
        UsageError: The frame does not exist, or the window is none.
        TelereadError: The bytes are no DICOM, damaged, cut short, or over a limit; in words.
    """
    if pool is None:
        with DecodePool() as own:
            return picture_of_file(
                data,
                frame,
                window,
                invert=invert,
                annotate=annotate,
                pool=own,
                timeout=timeout,
                other=other,
            )
    found = pool.decode(data, frame, timeout=timeout)
    if isinstance(found, CannotShow):
        answer = _placeholder(found)
        if found.code != "not-image":
            return PictureOfFile(answer)
        return _object(answer, pool.read(data, timeout=timeout), frame, annotate, pool, other)
    return _drawn(found, window, invert, annotate)


def _drawn(found: Frame, window: str, invert: bool, annotate: bool) -> PictureOfFile:
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


def _object(
    answer: dict[str, Any],
    read: ReadObject | CannotShow,
    frame: int,
    annotate: bool,
    pool: DecodePool,
    other: Callable[[str], bytes | None] | None,
) -> PictureOfFile:
    """What can be said or drawn of an object that is no picture."""
    from .objects import Contours, Document, Presentation, Waveform

    if isinstance(read, CannotShow):
        if read.whole:
            return PictureOfFile(answer)
        raise TelereadError(
            str(read.reason), "Nothing is shown and nothing guessed; the file is untouched.", code=read.code
        )
    if isinstance(read, Document):
        answer["document"] = _document(read)
        return PictureOfFile(answer, text=_words(read))
    if isinstance(read, Waveform):
        return _plotted(answer, read)
    if isinstance(read, Presentation):
        return _presented(answer, read, frame, annotate, pool, other)
    assert isinstance(read, Contours)
    count = [sum(one.roi == number for one in read.contours) for number in range(len(read.names))]
    answer["document"] = {
        "kind": "an RT structure set",
        "title": str(read.label),
        "structures": [
            {"name": str(name), "contours": count[number]} for number, name in enumerate(read.names)
        ],
    }
    lines = [f"{name}: {count[number]} contours" for number, name in enumerate(read.names)]
    return PictureOfFile(answer, text="\n".join(lines))


def _document(read: Document) -> dict[str, Any]:
    return {
        "kind": str(read.kind),
        "title": str(read.title),
        "lines": [[line.level, str(line.name), str(line.text)] for line in read.lines[:MAX_SHOWN_LINES]],
        "links": [
            {
                "sop_uid": str(link.sop_uid),
                "series_uid": str(link.series_uid) or None,
                "study_uid": str(link.study_uid) or None,
                "frames": list(link.frames),
            }
            for link in read.links
        ],
        "rejects": str(read.rejects) or None,
        "pages": read.pages or None,
        "note": str(read.note) or None,
    }


def _words(read: Document) -> str:
    parts = [str(read.title), read.text, str(read.note)]
    if read.rejects:
        parts.insert(1, f"{len(read.links)} images are {read.rejects}; they are not to be shown.")
    return "\n".join(part for part in parts if part)


def _plotted(answer: dict[str, Any], read: Any) -> PictureOfFile:
    from .plot import plot_waveform
    from .render import RenderedPicture

    plot = plot_waveform(read)
    label = clean("plot of a waveform, not for diagnosis")
    answer["document"] = {
        "kind": str(read.kind),
        "channels": [
            {
                "label": str(one.label),
                "unit": str(one.unit) or None,
                "rate": one.rate,
                "samples": len(one.samples),
            }
            for one in read.channels
        ],
        "lines": [[line.level, str(line.name), str(line.text)] for line in read.notes],
        "note": str(read.note) or None,
    }
    answer["fidelity"] = str(label)
    return PictureOfFile(answer, RenderedPicture(plot, label, None), text="\n".join(map(str, read.notes)))


def _presented(
    answer: dict[str, Any],
    state: Presentation,
    number: int,
    annotate: bool,
    pool: DecodePool,
    other: Callable[[str], bytes | None] | None,
) -> PictureOfFile:
    """The image a presentation state is for, where it is at hand, as the state wants it."""
    answer["document"] = {
        "kind": "a presentation state",
        "title": str(state.label),
        "description": str(state.description) or None,
        "links": [{"sop_uid": str(link.sop_uid), "frames": list(link.frames)} for link in state.images],
        "lines": [[0, "", str(one.text)] for one in state.texts],
    }
    text = "\n".join(str(one.text) for one in state.texts)
    for link in state.images:
        data = other(str(link.sop_uid)) if other is not None else None
        found = pool.decode(data, link.frames[0] if link.frames else number) if data is not None else None
        if isinstance(found, Frame):
            from .render import render_presented

            picture = render_presented(found, state, annotate=annotate)
            answer["fidelity"] = str(picture.label)
            return PictureOfFile(answer, picture, found, text)
    return PictureOfFile(answer, text=text)


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
