"""What the header says of the pixels and of their display. Runs in the decode child.

Only what is needed to decode is required; everything else is read if it can be read. Multi-frame objects keep
it in functional groups (PS3.3 C.7.6.16), single-frame ones at the top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from teleread.model.text import clean

from . import physics
from .elements import Elements
from .frames import FUNCTIONS, LookupTable, Window
from .part10 import Part10, cannot

__all__ = ["Shape", "describe", "page_shape", "read_shape", "read_table", "read_windows"]

MAX_FRAME_BYTES: Final = 256 * 1024 * 1024
"""Largest single frame, decoded."""
MAX_OBJECT_BYTES: Final = 16 * 1024**3
"""Largest sum of an object's frames, decoded; one frame at a time is ever held."""
MAX_FRAMES: Final = 100_000
"""Most frames of an object."""
MAX_WINDOWS: Final = 16

_GREY: Final = ("MONOCHROME1", "MONOCHROME2")
_ONE_SAMPLE: Final = (*_GREY, "PALETTE COLOR")
_YBR: Final = ("YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422")
_THREE_SAMPLES: Final = ("RGB", *_YBR)
_LOSSY: Final = tuple(
    f"1.2.840.10008.1.2.4.{number}"
    for number in (50, 51, 53, 55, 81)  # JPEG with DCT, JPEG-LS near-lossless
)
_ALLOCATED: Final = {0x7FE00010: (1, 8, 16, 32), 0x7FE00008: (32,), 0x7FE00009: (64,)}


@dataclass(frozen=True, slots=True)
class Shape:
    """The Image Pixel module (PS3.3 C.7.6.3), checked."""

    rows: int
    columns: int
    samples: int
    planar: int
    allocated: int
    """Bits Allocated: 1, 8, 16, 32 or 64."""
    stored: int
    """Bits Stored, at most Bits Allocated."""
    high_bit: int
    signed: bool
    photometric: str
    frames: int
    floating: bool
    """Float or Double Float Pixel Data."""

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame."""
        bits = self.rows * self.columns * self.samples * self.allocated
        return bits * 2 // 3 if self.photometric == "YBR_FULL_422" else bits


def read_shape(part: Part10) -> Shape:
    """Read and check the figures that decide how much is allocated.

    Raises:
        TelereadError: A figure is missing, impossible or over a limit.
    """
    header, pixel = part.elements, part.pixel
    assert pixel is not None
    rows, columns = header.whole(0x00280010), header.whole(0x00280011)
    if not (0 < rows <= 65535 and 0 < columns <= 65535):
        raise cannot("The header does not say how many rows and columns the picture has.")
    allocated = header.whole(0x00280100, 64 if pixel.tag == 0x7FE00009 else 0)
    if allocated not in _ALLOCATED[pixel.tag]:
        raise cannot(f"The header says {allocated} bits a pixel are allocated, which no picture has.")
    stored = header.whole(0x00280101, allocated)
    if not 0 < stored <= allocated:
        raise cannot(f"The header says {stored} of {allocated} bits a pixel are used, which cannot be.")
    photometric = header.text(0x00280004)
    samples = header.whole(0x00280002, 1)
    _check_colours(photometric, samples)
    shape = Shape(
        rows=rows,
        columns=columns,
        samples=samples,
        planar=header.whole(0x00280006),
        allocated=allocated,
        stored=stored,
        high_bit=header.whole(0x00280102, stored - 1),
        signed=header.whole(0x00280103) == 1,
        photometric=photometric,
        frames=max(1, header.whole(0x00280008, 1)),
        floating=pixel.tag != 0x7FE00010,
    )
    _check_size(shape)
    return shape


def page_shape(rows: int, columns: int, pages: int) -> Shape:
    """The shape of a page drawn as a colour picture."""
    return Shape(rows, columns, 3, 0, 8, 8, 7, False, "RGB", pages, False)


def _check_colours(photometric: str, samples: int) -> None:
    if photometric not in (*_ONE_SAMPLE, *_THREE_SAMPLES):
        said = clean(photometric, limit=16)
        raise cannot(f"The header calls the colours “{said}”, which is not known here." if said else
                     "The header does not say how pixel values become grey or colour.")  # fmt: skip
    if samples != (1 if photometric in _ONE_SAMPLE else 3):
        raise cannot(f"The header contradicts itself: {photometric} with {samples} samples a pixel.")


def _check_size(shape: Shape) -> None:
    if shape.frames > MAX_FRAMES:
        raise cannot(f"The header claims {shape.frames} frames; no more than {MAX_FRAMES} are read.", "limit")
    unpacked = shape.rows * shape.columns * shape.samples * max(8, shape.allocated) // 8
    if unpacked > MAX_FRAME_BYTES or unpacked * shape.frames > MAX_OBJECT_BYTES:
        claim = f"{shape.frames} x {shape.rows} x {shape.columns} x {shape.samples} x {shape.allocated} bits"
        raise cannot(f"The header claims {claim}, which is more than is drawn here.", "limit")


class _Groups:
    """Attributes of one frame, wherever they stand."""

    def __init__(self, header: Elements, number: int) -> None:
        self.header = header
        self.shared = header.item(0x52009229)
        self.own = header.item(0x52009230, number - 1)

    def macro(self, sequence: int, tag: int) -> Elements:
        """The item that holds ``tag``: the frame's own, the shared one, else the top level."""
        for group in (self.own, self.shared):
            if sequence in group:
                return group.item(sequence)
        return self.header if tag in self.header else Elements(memoryview(b""), {}, self.header.big)


def describe(part: Part10, shape: Shape, number: int) -> dict[str, Any]:
    """Everything of a frame but its pixels, overlays and decoder, as keywords of `Frame`.

    Args:
        part: The scanned object.
        shape: Its checked shape.
        number: Which frame, from 1.
    """
    header = part.elements
    groups = _Groups(header, number)
    values = groups.macro(0x00289145, 0x00281052)
    voi = groups.macro(0x00289132, 0x00281050)
    spacing, aspect, kind = _spacing(groups)
    measures = groups.macro(0x00289110, 0x00180050)
    factor, note = physics.uptake(header)
    slope, intercept = values.number(0x00281053), values.number(0x00281052)
    instance = header.number(0x00200013)
    function = voi.text(0x00281056)
    function = function if function in FUNCTIONS else "LINEAR"
    tables = (read_table(item, shape.signed) for item in header.items(0x00283010)[:MAX_WINDOWS])
    return {
        "rows": shape.rows,
        "columns": shape.columns,
        "frames": shape.frames,
        "number": number,
        "photometric": clean(shape.photometric),
        "transfer_syntax": clean(part.transfer_syntax, limit=64),
        "bits_stored": shape.stored,
        "signed": shape.signed,
        "slope": slope or 1.0,
        "intercept": 0.0 if intercept is None else intercept,
        "unit": clean(values.text(0x00281054), limit=16),
        "modality_lut": read_table(header.item(0x00283000), shape.signed),
        "windows": read_windows(voi, function),
        "voi_tables": tuple(table for table in tables if table is not None),
        "padding": _padding(header, shape),
        "voi_function": function,
        "presentation_invert": shape.photometric == "MONOCHROME1" or header.text(0x20500020) == "INVERSE",
        "pixel_spacing": spacing,
        "spacing_kind": kind,
        "calibration": clean(
            header.text(0x00280A04) or header.text(0x00280A02) if kind == "PixelSpacing" else "", limit=64
        ),
        "regions": physics.regions(header),
        "suv": factor,
        "suv_note": clean(note, limit=120),
        "frame_of_reference": clean(header.text(0x00200052), limit=64),
        "thickness": measures.number(0x00180050),
        "comments": clean(header.whole_text(0x00204000), limit=500),
        "aspect": aspect,
        "position": _floats(groups.macro(0x00209113, 0x00200032), 0x00200032, 3),
        "orientation": _floats(groups.macro(0x00209116, 0x00200037), 0x00200037, 6) or _anatomic(header),
        "laterality": clean(_laterality(groups), limit=16),
        "instance_number": None if instance is None else int(instance),
        "sop_class": clean(header.text(0x00080016), limit=64),
        "sop_uid": clean(header.text(0x00080018), limit=128),
        "modality": clean(header.text(0x00080060), limit=16),
        "body_part": clean(header.text(0x00180015), limit=64),
        "frame_time": physics.frame_time(header),
        "lossy": header.text(0x00282110) == "01" or part.transfer_syntax in _LOSSY,
    }


def _laterality(groups: _Groups) -> str:
    anatomy = groups.macro(0x00209071, 0x00200062)
    return anatomy.text(0x00209072) or groups.header.text(0x00200062) or groups.header.text(0x00200060)


def read_windows(voi: Elements, function: str) -> tuple[Window, ...]:
    """VOI windows of a data set or item, in its order.

    Args:
        voi: Where Window Center and Width stand.
        function: Their VOI LUT Function.
    """
    centres, widths = voi.numbers(0x00281050), voi.numbers(0x00281051)
    names = voi.texts(0x00281055)
    return tuple(
        Window(centre, width, function, clean(names[index] if index < len(names) else "", limit=64))
        for index, (centre, width) in enumerate(zip(centres, widths, strict=False))
        if width > 0 and index < MAX_WINDOWS
    )


def _spacing(groups: _Groups) -> tuple[tuple[float, float] | None, float, str]:
    """Spacing in mm, aspect of a pixel (height over width), source; PS3.3 C.7.6.3.1.7 and 10.7.1."""
    measures = groups.macro(0x00289110, 0x00280030)
    for source, tag, name in (
        (measures, 0x00280030, "PixelSpacing"),
        (groups.header, 0x00181164, "ImagerPixelSpacing"),
        (groups.header, 0x00182010, "NominalScannedPixelSpacing"),
    ):
        values = source.numbers(tag)
        if len(values) >= 2 and min(values[:2]) > 0:
            return (values[0], values[1]), _sane_aspect(values[0] / values[1]), name
    ratio = groups.header.numbers(0x00280034)
    if len(ratio) >= 2 and min(ratio[:2]) > 0:
        return None, _sane_aspect(ratio[0] / ratio[1]), ""
    return None, 1.0, ""


def _sane_aspect(aspect: float) -> float:
    return aspect if 0.02 <= aspect <= 50 else 1.0


def _floats(source: Elements, tag: int, count: int) -> tuple[float, ...] | None:
    values = source.numbers(tag)
    return tuple(values[:count]) if len(values) >= count else None


_WAYS: Final = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "H": (2, 1), "F": (2, -1)}
"""Patient axis and sign of each letter (PS3.3 C.7.6.1.1.1)."""


def _anatomic(header: Elements) -> tuple[float, ...] | None:
    """Directions out of Patient Orientation, for projections that have no vectors; letters need no more."""
    said = header.texts(0x00200020)
    if len(said) != 2 or not all(said):
        return None
    found: list[float] = []
    for letters in said:
        way = [0.0, 0.0, 0.0]
        for weight, letter in zip((1.0, 0.5, 0.25), letters, strict=False):
            if letter not in _WAYS:
                return None
            axis, sign = _WAYS[letter]
            way[axis] += sign * weight
        length = sum(part * part for part in way) ** 0.5
        if not length:
            return None
        found += [part / length for part in way]
    return tuple(found)


def _padding(header: Elements, shape: Shape) -> tuple[int, int] | None:
    """Pixel Padding Value and Range Limit (PS3.3 C.7.5.1.1.2); they have the sign of the pixels."""
    if 0x00280120 not in header or shape.floating or shape.photometric not in _GREY:
        return None
    ends = []
    for tag in (0x00280120, 0x00280121):
        values = header.numbers(tag, vr="SS" if shape.signed else "US")
        ends += [int(value) for value in values[:1]]
    return (min(ends), max(ends)) if ends else None


def read_table(item: Elements, signed: bool) -> LookupTable | None:
    """Read a modality or VOI lookup table; None where there is none or it does not hold together.

    Args:
        item: The sequence item with LUT Descriptor (0028,3002) and LUT Data (0028,3006).
        signed: The table's input values are signed.
    """
    import numpy as np

    descriptor = [int(value) for value in item.numbers(0x00283002, vr="US")]
    if len(descriptor) < 3:
        return None
    count, first, bits = descriptor[0] or 65536, descriptor[1], descriptor[2]
    if signed and first > 32767:
        first -= 65536
    raw = item.raw(0x00283006)
    if len(raw) >= 2 * count:
        values = np.frombuffer(raw, ">u2" if item.big else "<u2", count).astype(np.uint16)
    elif len(raw) >= count:
        values = np.frombuffer(raw, np.uint8, count).astype(np.uint16)
    else:
        return None
    if not 1 <= bits <= 16:
        return None
    return LookupTable(first, bits, values, clean(item.text(0x00283003), limit=64))
