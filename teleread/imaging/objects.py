"""What objects that are no pictures say: documents, presentation states, waveforms, contours.

Plain values, cleaned; they are read in a decode child (`readers`) and checked again on arrival
(`objectwire`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from teleread.model.text import EMPTY, SafeText, clean

from .frames import LookupTable, Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
else:
    Samples = Any

__all__ = [
    "REJECTIONS",
    "Channel",
    "Contour",
    "Contours",
    "Document",
    "Graphic",
    "Line",
    "Link",
    "Presentation",
    "PresentedWindow",
    "ReadObject",
    "TextMark",
    "Waveform",
    "hidden_images",
]

REJECTIONS: Final = {
    "113001": "rejected for quality reasons",
    "113037": "rejected for patient safety reasons",
    "113038": "rejected: wrong modality worklist entry",
    "113039": "rejected: its time of keeping is over",
}
"""Titles of key object selections that withdraw what they name (IHE RAD Imaging Object Change Management)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a document."""

    level: int
    """How deep it stands; 0 is a main heading."""
    name: SafeText
    """Heading or name of the value; may be empty."""
    text: SafeText = EMPTY
    """The value; may hold line breaks. Empty for a heading."""

    def __str__(self) -> str:
        words = f"{self.name}: {self.text}" if self.name and self.text else self.name or self.text
        return "  " * self.level + str(words)


@dataclass(frozen=True, slots=True)
class Link:
    """An object that a document names."""

    sop_uid: SafeText
    """SOP Instance UID."""
    sop_class: SafeText = EMPTY
    """SOP Class UID."""
    series_uid: SafeText = EMPTY
    """Series Instance UID, where the document says it."""
    study_uid: SafeText = EMPTY
    """Study Instance UID, where the document says it."""
    frames: tuple[int, ...] = ()
    """Frames, from 1; empty for all."""
    name: SafeText = EMPTY
    """What the document calls it."""


@dataclass(frozen=True, slots=True)
class Document:
    """A structured report, key object selection, PDF or clinical document, as text."""

    kind: SafeText
    """What it is, in words: ``a structured report (Basic Text SR)``."""
    title: SafeText
    """Its own title."""
    lines: tuple[Line, ...] = ()
    """Its text."""
    links: tuple[Link, ...] = ()
    """What it points at."""
    rejects: SafeText = EMPTY
    """Why the linked images must not be shown; empty when it rejects nothing."""
    pages: int = 0
    """Pages of a PDF."""
    note: SafeText = EMPTY
    """What is missing here: cut at a limit, no text in it."""

    @property
    def text(self) -> str:
        """All lines, as plain text."""
        return "\n".join(str(line) for line in self.lines)


@dataclass(frozen=True, slots=True)
class PresentedWindow:
    """A VOI of a presentation state, and the images it is for."""

    images: tuple[SafeText, ...]
    """SOP Instance UIDs; empty for all."""
    window: Window | None = None
    """A window, or"""
    table: LookupTable | None = None
    """a lookup table."""


@dataclass(frozen=True, slots=True)
class Graphic:
    """One drawn figure (PS3.3 C.10.5)."""

    images: tuple[SafeText, ...]
    """SOP Instance UIDs; empty for all."""
    kind: str
    """POINT, POLYLINE, INTERPOLATED, CIRCLE or ELLIPSE."""
    points: tuple[tuple[float, float], ...]
    """Column and row; of the image from 1 (``PIXEL``), or shares of the displayed area (``DISPLAY``)."""
    units: str = "PIXEL"
    """What the points count."""
    filled: bool = False
    """Graphic Filled is Y."""
    layer: SafeText = EMPTY
    """Graphic Layer."""


@dataclass(frozen=True, slots=True)
class TextMark:
    """One text of a presentation state."""

    images: tuple[SafeText, ...]
    """SOP Instance UIDs; empty for all."""
    text: SafeText
    """What it says; may hold line breaks."""
    place: tuple[float, float]
    """Column and row of its box's top left corner, else of its anchor."""
    units: str = "PIXEL"
    """As for `Graphic`."""
    anchor: tuple[float, float] | None = None
    """What it points at, where that is to be shown."""
    anchor_units: str = "PIXEL"
    """As for `Graphic`."""


@dataclass(frozen=True, slots=True, eq=False)
class Presentation:
    """A softcopy presentation state (PS3.3 A.33): how images are to be shown."""

    label: SafeText = EMPTY
    """Content Label."""
    description: SafeText = EMPTY
    """Content Description."""
    images: tuple[Link, ...] = ()
    """Images it is for."""
    slope: float | None = None
    """Rescale Slope in place of the image's; None leaves it."""
    intercept: float = 0.0
    """Rescale Intercept."""
    modality_lut: LookupTable | None = None
    """Modality LUT in place of the image's."""
    windows: tuple[PresentedWindow, ...] = ()
    """VOI; the first that is for an image holds."""
    invert: bool = False
    """Presentation LUT Shape is INVERSE."""
    lut: LookupTable | None = None
    """Presentation LUT: from VOI output to P-values."""
    rotation: int = 0
    """Clockwise, degrees: 0, 90, 180 or 270."""
    flip: bool = False
    """Mirrored left to right, after the rotation."""
    area: tuple[int, int, int, int] | None = None
    """Displayed area: left, top, right, bottom in pixels, counted from 1."""
    shutter: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """RECTANGULAR: left, right, upper, lower; CIRCULAR: row, column, radius; POLYGONAL: row, column, ..."""
    overlays: bool = False
    """Overlays of the image are to be shown (Overlay Activation Layer)."""
    shutter_value: int = 0
    """Shutter Presentation Value, 0 to 65535 (a P-value)."""
    graphics: tuple[Graphic, ...] = ()
    """Figures."""
    texts: tuple[TextMark, ...] = ()
    """Texts."""

    def covers(self, sop_uid: str) -> bool:
        """Whether it is for an image."""
        return any(link.sop_uid == sop_uid for link in self.images)


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """One lead of a waveform."""

    label: SafeText
    """Such as ``Lead II``."""
    unit: SafeText
    """Of the samples, such as ``uV``; empty where not said."""
    rate: float
    """Samples a second."""
    samples: Samples
    """Values in `unit`; padding is nan."""


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """An ECG, a pressure curve, sound (PS3.3 C.10.9)."""

    kind: SafeText
    """What it is, in words."""
    channels: tuple[Channel, ...] = ()
    """All channels of all multiplex groups."""
    notes: tuple[Line, ...] = ()
    """Annotations."""
    note: SafeText = EMPTY
    """What is missing here."""


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """One closed or open line of a structure."""

    roi: int
    """Index into `Contours.names`."""
    image: SafeText
    """SOP Instance UID it lies on; empty where not said."""
    points: Samples
    """Patient coordinates, n x 3, mm."""
    closed: bool = True
    """CLOSED_PLANAR."""


@dataclass(frozen=True, slots=True, eq=False)
class Contours:
    """An RT structure set (PS3.3 C.8.8.5, C.8.8.6)."""

    label: SafeText
    """Structure Set Label."""
    names: tuple[SafeText, ...] = ()
    """ROI names."""
    colours: tuple[tuple[int, int, int], ...] = ()
    """RGB of each ROI."""
    contours: tuple[Contour, ...] = ()
    """The lines."""
    frame_of_reference: SafeText = EMPTY
    """Frame of Reference UID of the coordinates."""
    note: SafeText = EMPTY
    """What is missing here."""


ReadObject = Document | Presentation | Waveform | Contours


def hidden_images(documents: Iterable[Document]) -> dict[str, SafeText]:
    """SOP Instance UIDs that rejection notes withdraw, and why.

    Args:
        documents: Key object selections of a study; others are passed over.
    """
    hidden: dict[str, SafeText] = {}
    for document in documents:
        if document.rejects:
            hidden |= {str(link.sop_uid): clean(document.rejects) for link in document.links}
    return hidden
