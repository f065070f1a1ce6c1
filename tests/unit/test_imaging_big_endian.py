"""Big endian objects: words are turned round and bytes are not, whatever size a pixel has (PS3.5 A.3)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from teleread.imaging.decode import DecodePool
from teleread.imaging.frames import Frame


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool() as pool:
        yield pool


def big_endian(values: NDArray[Any], vr: str, *, bits: int, frames: int = 1) -> bytes:
    """An object of pixels that are laid out as its VR says: a row of values for each frame."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, RTDoseStorage

    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = RTDoseStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = "2.25.1"
    made.StudyInstanceUID, made.SeriesInstanceUID, made.PatientID = "2.25.2", "2.25.3", "MADEUP"
    made.Rows, made.Columns = values.shape[-2:]
    made.NumberOfFrames = frames
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit = bits - 1
    flat = np.packbits(values.astype(np.uint8), bitorder="little") if bits == 1 else values.reshape(-1)
    data = flat.astype(flat.dtype.newbyteorder(">")).tobytes()
    if vr == "OW" and flat.dtype.itemsize == 1:
        data = np.frombuffer(data, np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    made.add_new(0x7FE00010, vr, data)
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.mark.parametrize(("bits", "vr"), [(1, "OB"), (1, "OW"), (8, "OB"), (8, "OW"), (16, "OW"), (32, "OW")])
def test_every_frame_has_its_values(pool: DecodePool, bits: int, vr: str) -> None:
    rng = np.random.default_rng(bits)
    kind = {1: np.uint8, 8: np.uint8, 16: np.uint16, 32: np.uint32}[bits]
    values = rng.integers(0, 2**bits, (3, 8, 6), dtype=np.uint64).astype(kind)
    data = big_endian(values, vr, bits=bits, frames=3)
    for number in (1, 2, 3):
        found = pool.decode(data, number)
        assert isinstance(found, Frame), found
        assert np.array_equal(found.pixels, values[number - 1])
