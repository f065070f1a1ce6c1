"""Pictures as other people's encoders write them; each was met in public files and refused before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from teleread.imaging.decode import DecodePool
from teleread.imaging.frames import Frame
from tests.unit.imaging_files import encapsulated

JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool() as pool:
        yield pool


def test_a_jpeg_ls_stream_padded_before_its_end_marker_is_drawn(pool: DecodePool) -> None:
    """As in the DICOM compression sample set (WG-04): the even length was made inside the stream."""
    import jpeg_ls

    pixels = np.add.outer(np.arange(24) ** 2, np.arange(17) * 9).astype(np.uint16)
    stream = bytes(jpeg_ls.encode_array(pixels)).rstrip(b"\0")
    assert stream.endswith(b"\xff\xd9")
    padded = stream[:-2] + b"\0\xff\xd9"
    for one in (stream, padded):
        frame = pool.decode(encapsulated(pixels, one, JPEG_LS_LOSSLESS))
        assert isinstance(frame, Frame)
        assert np.array_equal(frame.pixels, pixels)
