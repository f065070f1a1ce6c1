"""Which presentation contexts a C-GET offers: all a study may need, at most 128 (PS3.8 9.3.2.2). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from teleread.wire.dicom_tags import is_uid
from teleread.wire.pdu import Context

__all__ = ["ALWAYS", "COMMON", "MAX_CONTEXTS", "storage_contexts"]

MAX_CONTEXTS: Final = 128
_ROOT: Final = "1.2.840.10008.5.1.4.1.1."

ALWAYS: Final = tuple(
    _ROOT + tail
    for tail in (
        "7",  # Secondary Capture
        "7.1",
        "7.2",
        "7.3",
        "7.4",
        "88.11",  # Basic Text SR
        "88.22",  # Enhanced SR
        "88.33",  # Comprehensive SR
        "88.34",  # Comprehensive 3D SR
        "88.40",  # Procedure Log
        "88.50",  # Mammography CAD SR
        "88.65",  # Chest CAD SR
        "88.67",  # X-Ray Radiation Dose SR
        "88.59",  # Key Object Selection
        "104.1",  # Encapsulated PDF
        "11.1",  # Greyscale Softcopy Presentation State
        "11.2",  # Colour Softcopy Presentation State
        "66",  # Raw Data
        "66.4",  # Segmentation
    )
)
"""Offered whatever the archive says: it may add one later, and some archives then send nothing at all."""

COMMON: Final = tuple(
    _ROOT + tail
    for tail in (
        "2",  # CT
        "2.1",  # Enhanced CT
        "4",  # MR
        "4.1",  # Enhanced MR
        "1",  # CR
        "1.1",  # Digital X-Ray
        "1.2",  # Mammography
        "13.1.3",  # Breast Tomosynthesis
        "6.1",  # Ultrasound
        "3.1",  # Ultrasound Multi-frame
        "12.1",  # X-Ray Angiography
        "12.2",  # Radiofluoroscopy
        "20",  # Nuclear Medicine
        "128",  # PET
        "1.3",  # Intra-oral X-Ray
        "77.1.4",  # VL Photographic
    )
)
"""Offered besides where the archive does not tell the SOP classes of a study."""

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
COMPRESSED: Final = (
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.201",  # HTJ2K lossless
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
    "1.2.840.10008.1.2.4.102",  # MPEG-4
    "1.2.840.10008.1.2.4.100",  # MPEG-2
    "1.2.840.10008.1.2.2",  # big endian, retired, still stored in places
)


def storage_contexts(
    told: Collection[str], first_id: int = 3, room: int = MAX_CONTEXTS - 1
) -> tuple[Context, ...]:
    """The storage contexts to offer.

    An acceptor chooses one syntax a context, so each compressed syntax of the study's own classes gets a
    context of its own as far as they go; explicit and implicit little endian always have theirs.

    Args:
        told: SOP classes that the archive says the study has; may be empty.
        first_id: Odd id of the first one.
        room: How many.
    """
    own = sorted(one for one in told if is_uid(one))  # a vendor's private classes too
    own_classes = own or list(COMMON)
    classes = list(dict.fromkeys((*own_classes, *ALWAYS)))[:room]
    offers: list[tuple[str, tuple[str, ...]]] = [(one, (EXPLICIT, IMPLICIT)) for one in classes]
    offers += _compressed(own_classes, room - len(offers))
    return tuple(
        Context(first_id + 2 * index, abstract, syntaxes) for index, (abstract, syntaxes) in enumerate(offers)
    )


def _compressed(classes: Iterable[str], room: int) -> list[tuple[str, tuple[str, ...]]]:
    with_pixels = [one for one in classes if one not in _NO_PIXELS]
    offers: list[tuple[str, tuple[str, ...]]] = []
    for syntax in COMPRESSED:
        offers += [(one, (syntax,)) for one in with_pixels]
    return offers[: max(0, room)]


_NO_PIXELS: Final = frozenset(
    one for one in ALWAYS if one.startswith((_ROOT + "88.", _ROOT + "104.", _ROOT + "11."))
)
