"""What a report stands on besides its words: key images, measurements, codes, who was told."""

from __future__ import annotations

from dataclasses import dataclass

from .text import EMPTY, SafeText

__all__ = [
    "NO_EVIDENCE",
    "Alert",
    "Change",
    "CoSigner",
    "Code",
    "Evidence",
    "ImageRef",
    "KeyImage",
    "Measurement",
]


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One image of the study, or one frame of it."""

    series_uid: str
    sop_uid: str
    sop_class: str
    frame: int = 0
    """Frame number, from 1; 0 for the whole instance."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code that rides along with a section, as it was given."""

    value: SafeText
    scheme: SafeText
    """DICOM Coding Scheme Designator: ``SCT``, ``RADLEX``, ``LN``, ``99...``."""
    meaning: SafeText
    section: str = ""
    """Section id it stands with; empty where it goes with a measurement."""


@dataclass(frozen=True, slots=True)
class KeyImage:
    """An image the reader marked."""

    image: ImageRef
    note: SafeText = EMPTY


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number with its unit, and the image it was taken on."""

    label: SafeText
    """What was measured, as the reader calls it: ``Segment VI lesion, long axis``."""
    value: str
    """Decimal, as written: ``12.5``."""
    unit: str
    """UCUM code: ``mm``, ``cm2``, ``[hnsf'U]``; ``1`` for none."""
    code: Code | None = None
    """What kind of quantity it is; None: a length, an area, ... is told by the unit."""
    side: str = ""
    """``LEFT``, ``RIGHT``, ``BILATERAL`` or empty."""
    group: SafeText = EMPTY
    """The lesion it belongs to, by the reader's name for it: one group in a measurement report."""
    image: ImageRef | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """A critical finding, and who was told of it."""

    category: SafeText
    """The hub's own word or code for how pressing it is."""
    told: SafeText
    """The person."""
    at: SafeText
    """When, as the reader said."""
    method: SafeText
    """``telephone``, ``message``, ..."""


@dataclass(frozen=True, slots=True)
class Change:
    """Why a correction or a withdrawal was made, and who was told."""

    reason: SafeText
    told: SafeText = EMPTY


@dataclass(frozen=True, slots=True)
class CoSigner:
    """Someone named beside the reader."""

    name: SafeText
    role: str
    """``supervisor`` or ``trainee``."""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it; everything may be missing."""

    key_images: tuple[KeyImage, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    codes: tuple[Code, ...] = ()
    alert: Alert | None = None
    change: Change | None = None
    cosigners: tuple[CoSigner, ...] = ()
    organisation: SafeText = EMPTY
    """The reader's own organisation."""
    language: str = ""
    """Language of the text (RFC 5646), from the template; empty where it does not say."""


NO_EVIDENCE = Evidence()
