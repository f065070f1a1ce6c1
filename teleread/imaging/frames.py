"""What a decoded frame is, and what stands in its place when there is none.

A frame carries stored values and everything the display pipeline needs (PS3.3 C.7.6.3, C.11.1, C.11.2), so
that windowing, scrolling and drawing never touch DICOM again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from teleread.model.text import EMPTY, SafeText

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

__all__ = ["FUNCTIONS", "CannotShow", "Frame", "LookupTable", "Pixels", "Region", "Window"]

MONOCHROME2: Final = SafeText("MONOCHROME2")

FUNCTIONS: Final = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
"""VOI LUT Function (0028,1056), PS3.3 C.11.2.1.3."""

if TYPE_CHECKING:
    Pixels = NDArray[Any]
    """An array of pixels; its dtype is said where it matters."""
else:
    Pixels = "numpy.ndarray"


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window, in units after the modality transform (Hounsfield units for CT)."""

    centre: float
    """Window Center (0028,1050)."""
    width: float
    """Window Width (0028,1051)."""
    function: str = "LINEAR"
    """One of `FUNCTIONS`."""
    name: SafeText = EMPTY
    """Window Center & Width Explanation, or the preset's name."""

    def __str__(self) -> str:
        return f"{self.centre:g},{self.width:g}"


@dataclass(frozen=True, slots=True, eq=False)
class LookupTable:
    """A modality or VOI lookup table (PS3.3 C.11.1, C.11.2)."""

    first: int
    """Input value the first entry belongs to; lower inputs take the first entry, higher ones the last."""
    bits: int
    """Bits of an entry, 8 to 16."""
    values: NDArray[numpy.uint16]
    """The entries."""
    name: SafeText = EMPTY
    """LUT Explanation."""


@dataclass(frozen=True, slots=True)
class Region:
    """A calibrated part of an ultrasound picture (PS3.3 C.8.5.5)."""

    left: int
    """First column, from 0."""
    top: int
    """First row, from 0."""
    right: int
    """Last column."""
    bottom: int
    """Last row."""
    across: float
    """Units from a column to the next."""
    unit_across: SafeText
    """cm, s, Hz or cm/s; empty for another."""
    down: float
    """Units from a row to the next."""
    unit_down: SafeText
    """As `unit_across`."""

    def holds(self, column: float, row: float) -> bool:
        """Whether a place lies in it."""
        return self.left <= column <= self.right and self.top <= row <= self.bottom


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded frame."""

    pixels: Pixels
    """Stored values, rows x columns (8, 16 or 32 bit integers), or RGB uint8, rows x columns x 3."""
    rows: int
    """Height in pixels."""
    columns: int
    """Width in pixels."""
    frames: int = 1
    """Frames of the object."""
    number: int = 1
    """Which of them this is, from 1."""
    photometric: SafeText = MONOCHROME2
    """Photometric Interpretation as the object says; colour pixels here are RGB already."""
    transfer_syntax: SafeText = EMPTY
    """UID the object came in."""
    bits_stored: int = 8
    """Bits Stored."""
    signed: bool = False
    """Pixel Representation is 1."""
    slope: float = 1.0
    """Rescale Slope."""
    intercept: float = 0.0
    """Rescale Intercept."""
    unit: SafeText = EMPTY
    """Rescale Type such as HU; empty where not said."""
    modality_lut: LookupTable | None = None
    """Modality LUT; takes the place of slope and intercept."""
    windows: tuple[Window, ...] = ()
    """VOI windows, in the object's order."""
    voi_tables: tuple[LookupTable, ...] = ()
    """VOI lookup tables, in the object's order."""
    padding: tuple[int, int] | None = None
    """Pixel Padding Value and Range Limit, lowest first, in stored values."""
    voi_function: str = "LINEAR"
    """VOI LUT Function."""
    presentation_invert: bool = False
    """The lowest value is white: MONOCHROME1, or Presentation LUT Shape INVERSE."""
    pixel_spacing: tuple[float, float] | None = None
    """Millimetres between rows, between columns, as Pixel Spacing or else Imager Pixel Spacing says."""
    spacing_kind: SafeText = EMPTY
    """Where `pixel_spacing` is from: PixelSpacing, ImagerPixelSpacing or NominalScannedPixelSpacing."""
    calibration: SafeText = EMPTY
    """How Pixel Spacing of a projection was calibrated, as the object says: GEOMETRY, FIDUCIAL, or words."""
    regions: tuple[Region, ...] = ()
    """Calibrated regions of an ultrasound picture."""
    suv: float | None = None
    """Factor from modality units to SUV by body weight, g/ml."""
    suv_note: SafeText = EMPTY
    """How SUV is computed, or why it is not."""
    frame_of_reference: SafeText = EMPTY
    """Frame of Reference UID."""
    thickness: float | None = None
    """Slice Thickness, mm."""
    comments: SafeText = EMPTY
    """Image Comments."""
    aspect: float = 1.0
    """Height of a pixel over its width."""
    position: tuple[float, float, float] | None = None
    """Image Position (Patient), mm."""
    orientation: tuple[float, float, float, float, float, float] | None = None
    """Image Orientation (Patient)."""
    laterality: SafeText = EMPTY
    """Image Laterality, else Laterality."""
    instance_number: int | None = None
    """Instance Number."""
    sop_class: SafeText = EMPTY
    """SOP Class UID."""
    sop_uid: SafeText = EMPTY
    """SOP Instance UID; never part of a path."""
    modality: SafeText = EMPTY
    """Modality, such as CT."""
    body_part: SafeText = EMPTY
    """Body Part Examined."""
    frame_time: float | None = None
    """Milliseconds a frame of a clip lasts."""
    lossy: bool = False
    """Pixels went through lossy compression at some time."""
    reduced: int = 0
    """Halvings of the resolution it was decoded with; 0 for a whole frame."""
    decoder: str = "native"
    """What decoded the pixels."""
    overlays: NDArray[numpy.bool_] | None = None
    """Where an overlay plane is set, rows x columns; None without overlays."""
    shutter: NDArray[numpy.bool_] | None = None
    """Where a display shutter covers the picture, rows x columns; None without one."""

    @property
    def is_colour(self) -> bool:
        """The pixels are RGB."""
        return self.pixels.ndim == 3


@dataclass(frozen=True, slots=True)
class CannotShow:
    """What stands in place of a picture: words, and what is known of the object."""

    reason: SafeText
    """What happened, one sentence."""
    code: str = "damaged"
    """Short name: not-image, no-codec, no-frame; not-dicom, truncated, damaged, limit, stopped, timeout."""
    transfer_syntax: SafeText = EMPTY
    """UID, where known."""
    sop_class: SafeText = EMPTY
    """SOP Class UID, where known."""
    photometric: SafeText = EMPTY
    """Photometric Interpretation, where known."""
    rows: int = 0
    """Rows the header claims; 0 where unknown."""
    columns: int = 0
    """Columns the header claims; 0 where unknown."""
    frames: int = 0
    """Frames the header claims; 0 where unknown."""

    @property
    def whole(self) -> bool:
        """Nothing is wrong with the object: it just has no picture here."""
        return self.code in ("not-image", "no-codec")
