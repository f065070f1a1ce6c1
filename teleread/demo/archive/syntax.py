"""Between attributes, Datasets, DICOM JSON and transfer syntaxes; everything here needs pydicom."""

from __future__ import annotations

import io
from typing import Any

from teleread.demo.archive.files import EXPLICIT
from teleread.demo.archive.held import Attributes

__all__ = ["as_json", "dataset_of", "frames_of", "keyword_of", "restored"]

NATIVE = frozenset({"1.2.840.10008.1.2", EXPLICIT})


def keyword_of(name: str) -> str:
    """The DICOM keyword of a keyword or of eight hex digits; empty if there is none."""
    from pydicom.datadict import keyword_for_tag, tag_for_keyword

    name = name.rpartition(".")[2]
    if len(name) == 8:
        try:
            return str(keyword_for_tag(int(name, 16)))
        except ValueError:
            pass
    return name if tag_for_keyword(name) is not None else ""


def dataset_of(attributes: Attributes) -> Any:
    """A Dataset from attributes by keyword."""
    from pydicom.dataset import Dataset

    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def as_json(ds: Any) -> dict[str, Any]:
    """A Dataset in the DICOM JSON model, without pixels (PS3.18 Annex F)."""
    document: dict[str, Any] = ds.to_json_dict()
    document.pop("7FE00010", None)
    if "00080005" in document:
        document["00080005"]["Value"] = ["ISO_IR 192"]
    return document


def restored(data: bytes, stored: str, wanted: str) -> bytes:
    """A Part 10 file in the transfer syntax somebody wants.

    Args:
        data: As stored.
        stored: Its transfer syntax.
        wanted: ``*`` for as stored; else Explicit VR Little Endian where it is stored compressed.
    """
    if wanted in {"*", stored} or stored in NATIVE:
        return data
    from pydicom import dcmread
    from pydicom.filewriter import dcmwrite

    ds = dcmread(io.BytesIO(data))
    if "PixelData" not in ds:
        return data
    ds.decompress(generate_instance_uid=False)
    out = io.BytesIO()
    dcmwrite(out, ds)
    return out.getvalue()


def frames_of(data: bytes, numbers: list[int]) -> list[bytes]:
    """Single frames, uncompressed, in little endian order.

    Args:
        data: The Part 10 file.
        numbers: Frame numbers from 1.
    """
    from pydicom import dcmread

    ds = dcmread(io.BytesIO(data))
    pixels = ds.pixel_array
    if int(ds.get("NumberOfFrames", 1)) == 1:
        pixels = pixels[None]
    return [pixels[number - 1].tobytes() for number in numbers]
