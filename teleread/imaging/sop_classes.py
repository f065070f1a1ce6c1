"""Which objects are no pictures, and what to call them (PS3.4 annex B.5)."""

from __future__ import annotations

from typing import Final

__all__ = ["MASKS", "NO_PICTURES", "name_of", "not_a_picture"]

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."

NO_PICTURES: Final = {
    "1.2.840.10008.1.3.10": "a media directory (DICOMDIR)",
    _STORAGE + "11.1": "a presentation state",
    _STORAGE + "11.2": "a presentation state",
    _STORAGE + "11.3": "a presentation state",
    _STORAGE + "11.4": "a presentation state",
    _STORAGE + "66": "raw data",
    _STORAGE + "66.1": "a spatial registration",
    _STORAGE + "66.2": "spatial fiducials",
    _STORAGE + "66.3": "a deformable registration",
    _STORAGE + "66.4": "a segmentation",
    _STORAGE + "66.5": "a surface segmentation",
    _STORAGE + "66.7": "a segmentation",
    _STORAGE + "67": "a real world value mapping",
    _STORAGE + "88.11": "a structured report (Basic Text SR)",
    _STORAGE + "88.22": "a structured report (Enhanced SR)",
    _STORAGE + "88.33": "a structured report (Comprehensive SR)",
    _STORAGE + "88.34": "a structured report (Comprehensive 3D SR)",
    _STORAGE + "88.35": "a structured report (Extensible SR)",
    _STORAGE + "88.40": "a procedure log",
    _STORAGE + "88.50": "a mammography CAD report",
    _STORAGE + "88.59": "a key object selection",
    _STORAGE + "88.65": "a chest CAD report",
    _STORAGE + "88.67": "a radiation dose report",
    _STORAGE + "104.1": "a PDF document",
    _STORAGE + "104.2": "a clinical document (CDA)",
    _STORAGE + "104.3": "a 3D model (STL)",
    _STORAGE + "481.3": "an RT structure set",
    _STORAGE + "481.5": "an RT plan",
    _STORAGE + "481.8": "an RT ion plan",
}
"""SOP Class UID to what the object is, in words."""

_FAMILIES: Final = (
    (_STORAGE + "88.", "a structured report"),
    (_STORAGE + "9.", "a waveform (ECG, sound)"),
    (_STORAGE + "11.", "a presentation state"),
    (_STORAGE + "66.", "a segmentation or registration"),
    (_STORAGE + "104.", "a document"),
    (_STORAGE + "481.", "a radiotherapy object"),
)
_WITH_PICTURES: Final = (_STORAGE + "481.1", _STORAGE + "481.2")
MASKS: Final = (_STORAGE + "66.4", _STORAGE + "66.7")
"""Segmentations: their pixels are a mask, drawn as such where they stand alone."""


def name_of(sop_class: str) -> str:
    """What an object without pictures is called, in words; empty for one that may have them.

    Args:
        sop_class: SOP Class UID.
    """
    name = NO_PICTURES.get(sop_class, "")
    if not name and sop_class not in _WITH_PICTURES:
        name = next((words for root, words in _FAMILIES if sop_class.startswith(root)), "")
    return name


def not_a_picture(sop_class: str, has_pixels: bool) -> str:
    """Words for an object that is no picture; empty for one that is.

    Args:
        sop_class: SOP Class UID.
        has_pixels: The object has pixel data.
    """
    if has_pixels and sop_class in MASKS:
        return ""
    name = name_of(sop_class)
    if name:
        return f"This is {name}, not a picture."
    return "" if has_pixels else "This object holds no pixels."
