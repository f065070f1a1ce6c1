"""Objects without pixels in a pane: reports, documents and key objects as text, waveforms as a plot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from teleread.imaging.frames import CannotShow, Frame, Window
from teleread.model.text import SafeText, clean

if TYPE_CHECKING:
    from teleread.imaging.objects import ReadObject, Waveform

__all__ = ["Paper", "paper_of"]

MOST_LINES = 4000


@dataclass(frozen=True, slots=True)
class Paper(CannotShow):
    """An object's text, in place of a picture."""

    title: SafeText = SafeText("")  # noqa: RUF009 - an immutable text
    """What it is, and what it is called."""
    lines: tuple[tuple[int, SafeText, SafeText], ...] = ()
    """Depth, name, value."""
    pages: int = 0
    """Pages of a PDF, which may be drawn as pictures."""


def paper_of(found: ReadObject) -> Frame | Paper:
    """What is shown of an object that is no picture.

    Args:
        found: As a decode child read it.
    """
    from teleread.imaging.objects import Contours, Document, Presentation, Waveform

    if isinstance(found, Waveform):
        return _plot(found) if found.channels else _paper(found.kind, "", [], found.note)
    if isinstance(found, Document):
        lines: list[tuple[int, Any, Any]] = [(one.level, one.name, one.text) for one in found.lines]
        if found.links:
            lines.append((0, clean(f"Names {len(found.links)} images"), clean(found.rejects)))
        return replace(_paper(found.kind, found.title, lines, found.note), pages=found.pages)
    if isinstance(found, Presentation):
        said: list[tuple[int, Any, Any]] = [(0, "", found.description)]
        said += [(1, "", one.text) for one in found.texts]
        said.append((0, f"For {len(found.images)} images", ""))
        return _paper("a presentation state", found.label, said, "")
    assert isinstance(found, Contours)
    counts = [sum(one.roi == index for one in found.contours) for index in range(len(found.names))]
    rows = [(0, name, f"{count} contours") for name, count in zip(found.names, counts, strict=True)]
    return _paper("an RT structure set", found.label, rows, found.note)


def _paper(kind: str, title: str, lines: list[tuple[int, Any, Any]], note: str) -> Paper:
    kept = tuple(
        (level, clean(name), clean(text, multiline=True))
        for level, name, text in lines[:MOST_LINES]
        if name or text
    )
    words = clean(f"{title}, {kind}" if title else str(kind))
    more = ((0, clean(note), SafeText("")),) if note else ()
    return Paper(words, "not-image", title=words, lines=kept + more)


def _plot(found: Waveform) -> Frame:
    """Drawn light on dark, to be looked at like any picture."""
    from teleread.imaging.plot import plot_waveform

    plot = plot_waveform(found)
    rows, columns = plot.shape
    window = Window(127.5, 255.0, "LINEAR_EXACT", clean("plot"))
    return Frame(plot, rows, columns, windows=(window,), comments=clean(found.kind))
