"""Which presentation contexts a C-GET offers: all a study may need, at most 128 (PS3.8 9.3.2.2). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from teleread.wire.dicom_tags import is_uid
from teleread.wire.pdu import Context

__all__ = [
    "ALWAYS",
    "COMMON",
    "MAX_CONTEXTS",
    "WIDE",
    "class_groups",
    "further_contexts",
    "pairs_of",
    "storage_contexts",
]

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
COMPRESSED: Final = tuple(
    "1.2.840.10008.1.2." + tail
    for tail in (
        "4.90",  # JPEG 2000 lossless
        "4.70",  # JPEG lossless, first-order prediction
        "4.80",  # JPEG-LS lossless
        "5",  # RLE
        "4.50",  # JPEG baseline
        "4.91",  # JPEG 2000
        "4.51",  # JPEG extended
        "4.81",  # JPEG-LS near-lossless
        "4.57",  # JPEG lossless
        "4.201",  # HTJ2K lossless
        "4.202",
        "4.203",
        "4.102",  # MPEG-4
        "4.100",  # MPEG-2
        "2",  # big endian, retired, still stored in places
    )
)
"""Syntaxes that get a context of their own, the likely ones first."""
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
RARE: Final = tuple(
    "1.2.840.10008.1.2." + tail
    for tail in (
        *("4.101", "4.103", "4.104", "4.105", "4.106", "4.107", "4.108"),  # video
        *("4.100.1", "4.101.1", "4.102.1", "4.103.1", "4.104.1", "4.105.1", "4.106.1"),
        *("4.92", "4.93"),  # JPEG 2000 part 2
        *("4.53", "4.55"),  # JPEG, retired
        "8.1",  # frames deflated one by one
        "1.99",  # deflated as a whole; inflated under a cap when it is shown
        "1.98",
    )
)
"""Offered as far as there is room: an archive that is not offered what it holds may convert it."""

_TAILS: Final = (
    "1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 2 2.1 2.2 3.1 4 4.1 4.2 4.3 4.4 6.1 6.2 6.3 7 7.1 7.2 7.3 7.4"
    " 9.1.1 9.1.2 9.1.3 9.1.4 9.2.1 9.3.1 9.4.1 9.4.2 9.5.1 9.6.1 9.6.2 9.7.1 9.7.2 9.7.3 9.7.4 9.8.1"
    " 11.1 11.2 11.3 11.4 11.5 11.6 11.7 11.8 11.9 11.10 11.11 11.12 12.1 12.1.1 12.2 12.2.1"
    " 13.1.1 13.1.2 13.1.3 13.1.4 13.1.5 14.1 14.2 20 30 66 66.1 66.2 66.3 66.4 66.5 66.6 67 68.1 68.2"
    " 77.1.1 77.1.1.1 77.1.2 77.1.2.1 77.1.3 77.1.4 77.1.4.1 77.1.5.1 77.1.5.2 77.1.5.3 77.1.5.4 77.1.5.5"
    " 77.1.5.6 77.1.5.7 77.1.5.8 77.1.6 77.1.7 77.1.8 77.1.9 78.1 78.2 78.3 78.4 78.5 78.6 78.7 78.8 79.1"
    " 80.1 81.1 82.1 88.11 88.22 88.33 88.34 88.35 88.40 88.50 88.59 88.65 88.67 88.68 88.69 88.70 88.71"
    " 88.72 88.73 88.74 88.75 88.76 88.77 90.1 91.1 104.1 104.2 104.3 104.4 104.5 128 128.1 130 131"
    " 481.1 481.2 481.3 481.4 481.5 481.6 481.7 481.8 481.9 481.10 481.11 481.12 481.23 481.24 501.1 601.1"
)
WIDE: Final = tuple(dict.fromkeys((*COMMON, *ALWAYS, *(_ROOT + tail for tail in _TAILS.split()))))
"""The storage classes of PS3.4 B.5 that a reading station may meet; the common ones first."""

Pair = tuple[str, str]
"""SOP class and transfer syntax."""


def storage_contexts(
    told: Collection[str], syntaxes: Collection[str] = (), first_id: int = 3, room: int = MAX_CONTEXTS - 1
) -> tuple[Context, ...]:
    """The storage contexts to offer first.

    An acceptor chooses one syntax a context, and an archive that may choose sends what it likes. So each
    syntax the study's own classes may be stored in has a context of its own as far as they go, what the
    archive told before what is only likely, and explicit before implicit little endian; the papers that may
    be added at any time get one context each.

    Args:
        told: SOP classes that the archive says the study has; may be empty.
        syntaxes: Transfer syntaxes that it says they are stored in; may be empty.
        first_id: Odd id of the first one.
        room: How many.
    """
    own = sorted(one for one in told if is_uid(one)) or list(COMMON)  # a vendor's private classes too
    papers = [one for one in ALWAYS if one not in own]
    with_pixels = [one for one in own if one not in _NO_PIXELS]
    likely = [one for one in dict.fromkeys((*sorted(syntaxes), *COMPRESSED, *RARE)) if one in _KNOWN]
    offers: list[tuple[str, tuple[str, ...]]] = [(one, (EXPLICIT,)) for one in own]
    offers += [(one, (EXPLICIT, IMPLICIT)) for one in papers]
    offers += [(one, (IMPLICIT,)) for one in own]
    offers += [(one, (syntax,)) for syntax in likely for one in with_pixels]
    offers += [(one, (DEFLATED,)) for one in own if one in _NO_PIXELS]
    return _numbered(offers[:room], first_id)


def further_contexts(
    missing: Collection[str], offered: Collection[Pair], first_id: int = 3, room: int = MAX_CONTEXTS - 1
) -> tuple[Context, ...]:
    """What to offer for instances that did not come: whatever was not offered before; empty at the end.

    Args:
        missing: Their SOP classes; an empty one where the archive did not tell it.
        offered: Every pair that was offered so far.
        first_id: Odd id of the first one.
        room: How many.
    """
    known = sorted(one for one in missing if is_uid(one))
    classes = known if len(known) == len(missing) else [*known, *WIDE]
    before = frozenset(offered)
    pairs = [(one, (EXPLICIT,)) for one in classes] + [(one, (IMPLICIT,)) for one in known]
    pairs += [(one, (syntax,)) for syntax in (*COMPRESSED, *RARE) for one in classes if one not in _NO_PIXELS]
    fresh = [(one, syntaxes) for one, syntaxes in pairs if (one, syntaxes[0]) not in before]
    return _numbered(list(dict.fromkeys(fresh))[:room], first_id)


def class_groups(classes: Collection[str]) -> list[frozenset[str]]:
    """Classes in groups, each so small that one offer has every likely syntax of each of them."""
    own = sorted(classes)
    papers = [one for one in own if one in _NO_PIXELS]
    rest = [one for one in own if one not in _NO_PIXELS]
    room = (MAX_CONTEXTS - 1 - len(ALWAYS) - 3 * len(papers)) // (2 + len(COMPRESSED))
    size = max(1, room)
    groups = [frozenset(rest[at : at + size]) for at in range(0, len(rest), size)] or [frozenset()]
    return [groups[0] | frozenset(papers), *groups[1:]]


def pairs_of(contexts: Iterable[Context]) -> frozenset[Pair]:
    """Every SOP class and transfer syntax that was offered."""
    return frozenset((one.abstract, syntax) for one in contexts for syntax in one.syntaxes)


def _numbered(offers: Sequence[tuple[str, tuple[str, ...]]], first_id: int) -> tuple[Context, ...]:
    return tuple(
        Context(first_id + 2 * at, abstract, syntaxes) for at, (abstract, syntaxes) in enumerate(offers)
    )


_KNOWN: Final = frozenset((*COMPRESSED, *RARE))
_NO_PIXELS: Final = frozenset(
    one for one in WIDE if one.startswith((_ROOT + "88.", _ROOT + "104.", _ROOT + "11.", _ROOT + "9."))
)
