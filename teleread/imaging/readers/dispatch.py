"""Which reader an object goes to, by its SOP class. Runs in the decode child."""

from __future__ import annotations

from teleread.imaging.objects import ReadObject
from teleread.imaging.part10 import Part10, cannot
from teleread.imaging.sop_classes import name_of

from . import contours, encapsulated, gsps, sr, waveform

__all__ = ["read_object"]

_STORAGE = "1.2.840.10008.5.1.4.1.1."


def read_object(part: Part10) -> ReadObject:
    """Read an object that is no picture.

    Args:
        part: The scanned object.

    Raises:
        TelereadError: There is no reader for it, or it is damaged.
    """
    header = part.elements
    sop_class = header.text(0x00080016)
    name = name_of(sop_class)
    if sop_class.startswith(_STORAGE + "88.") or 0x0040A730 in header:
        return sr.read_report(header, name or "a structured report")
    if sop_class.startswith(_STORAGE + "11."):
        return gsps.read_presentation(header)
    if sop_class == encapsulated.PDF:
        return encapsulated.read_pdf(header, name)
    if sop_class == _STORAGE + "104.2":
        return encapsulated.read_cda(header, name)
    if sop_class.startswith(_STORAGE + "9.") or 0x54000100 in header:
        return waveform.read_waveform(header, name or "a waveform")
    if sop_class == _STORAGE + "481.3":
        return contours.read_contours(header)
    raise cannot(f"This is {name}; there is nothing to read in it." if name else
                 "There is nothing to read in this object.", "not-image")  # fmt: skip
