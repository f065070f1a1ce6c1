"""Whether an instance came whole, told from its own lengths."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.wire.dicom_header import HeaderReader
from teleread.wire.dicom_pixels_end import PixelsEnd
from tests.archive_factories import ct, document, explicit, file_of, item, sequence

SR = "1.2.840.10008.5.1.4.1.1.88.11"


def fragments(*sizes: int, end: bool = True) -> bytes:
    body = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, size) + bytes(size) for size in sizes)
    return body + (struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) if end else b"")


def whole(offset: int, length: int | None, data: bytes, seed: int = 0) -> bool:
    end = PixelsEnd(offset, length)
    chance, at = random.Random(seed), 0
    while at < len(data):
        step = chance.randint(1, 40)
        end.feed(memoryview(data)[at : at + step])
        at += step
    return end.whole


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(0, 90), max_size=6), seed=st.integers(0, 999), tail=st.integers(0, 30))
def test_fragments_are_whole_at_their_last_delimiter_however_they_are_cut(
    sizes: list[int], seed: int, tail: int
) -> None:
    data = bytes(50) + fragments(0, *sizes)
    assert whole(50, None, data + bytes(tail), seed)


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 90), min_size=1, max_size=4), cut=st.integers(1, 400))
def test_fragments_that_end_inside_one_are_not_whole(sizes: list[int], cut: int) -> None:
    data = bytes(50) + fragments(0, *sizes)
    boundaries = {50 + 8}
    for size in sizes:
        boundaries.add(max(boundaries) + 8 + size)
    at = len(data) - cut
    if at > 50:
        assert whole(50, None, data[:at]) == (at in boundaries)


@pytest.mark.parametrize(("length", "there", "is_whole"), [(10, 10, True), (10, 12, True), (10, 9, False)])
def test_native_pixels_are_whole_when_their_length_came(length: int, there: int, is_whole: bool) -> None:
    assert whole(20, length, bytes(20 + there)) is is_whole


def test_fragments_of_a_length_that_no_fragment_has_are_not_whole() -> None:
    assert not whole(0, None, struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + bytes(100))


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(1, 60))
def test_a_header_that_ends_inside_an_element_is_cut_and_at_a_boundary_it_is_not(cut: int) -> None:
    papers = document(1, SR, "SR")
    nested = sequence(0x0040A730, [item(explicit(0x00080100, b"SH", "T"))], undefined=True)
    data = papers + nested
    reader = HeaderReader()
    reader.feed(data)
    reader.finish()
    assert not reader.cut
    short = data[:-cut]
    reader = HeaderReader()
    reader.feed(short)
    reader.finish()
    if len(short) > len(papers):
        assert reader.cut
    if len(short) == len(papers):
        assert not reader.cut


def test_the_announced_length_of_pixels_is_known_from_the_header() -> None:
    reader = HeaderReader()
    reader.feed(ct(1, size=16))
    assert (reader.pixel_length, reader.cut) == (512, False)
    reader = HeaderReader()
    reader.feed(
        file_of([explicit(0x00080018, b"UI", "1.2"), b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + bytes(8)])
    )
    assert reader.has_pixels
    assert reader.pixel_length is None
