"""multipart/related: any chunking, any lie about lengths, every cut."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.model.errors import OfflineError
from teleread.wire.multipart import MultipartParser, boundary_of

BOUNDARY = b"=_b7f0"


class Recorder:
    """Keeps parts, and what became of them."""

    def __init__(self) -> None:
        self.whole: list[bytes] = []
        self.heads: list[Mapping[str, str]] = []
        self.cuts: list[str] = []
        self._open = bytearray()

    def begin(self, headers: Mapping[str, str]) -> None:
        self.heads.append(headers)
        self._open = bytearray()

    def write(self, chunk: bytes | memoryview) -> None:
        self._open += chunk

    def end(self) -> None:
        self.whole.append(bytes(self._open))

    def cut(self, why: str) -> None:
        self.cuts.append(why)


def answer(parts: Sequence[bytes], *, lengths: bool, closing: bool = True, lie: int = 0) -> bytes:
    out = b""
    for part in parts:
        size = f"Content-Length: {len(part) + lie}\r\n" if lengths else ""
        head = f"Content-Type: application/dicom\r\n{size}MIME-Version: 1.0\r\n\r\n"
        out += b"--" + BOUNDARY + b"\r\n" + head.encode() + part + b"\r\n"
    return out + b"--" + BOUNDARY + (b"--\r\n" if closing else b"")


def parse(data: bytes, cuts: Sequence[int] = (), *, finish: bool = True) -> tuple[Recorder, MultipartParser]:
    recorder = Recorder()
    parser = MultipartParser(BOUNDARY, recorder)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        parser.feed(memoryview(data)[start:end])
    if finish:
        parser.finish()
    return recorder, parser


payloads = st.lists(
    st.one_of(st.binary(max_size=300), st.just(b"\r\n--" + BOUNDARY[:3]), st.just(b"\r\n\r\n--")), max_size=5
)


@settings(max_examples=200, deadline=None)
@given(parts=payloads, lengths=st.booleans(), cuts=st.lists(st.integers(0, 2000), max_size=20))
def test_parts_come_back_whole_however_the_answer_is_cut_into_pieces(
    parts: list[bytes], lengths: bool, cuts: list[int]
) -> None:
    recorder, parser = parse(answer(parts, lengths=lengths), cuts)
    assert recorder.whole == parts
    assert parser.closed
    assert recorder.cuts == []


@settings(max_examples=200, deadline=None)
@given(parts=payloads.filter(bool), lengths=st.booleans(), where=st.integers(0, 10_000))
def test_a_cut_anywhere_keeps_whole_parts_and_is_told(parts: list[bytes], lengths: bool, where: int) -> None:
    data = answer(parts, lengths=lengths)
    data = data[: where % (len(data) - 4)]
    recorder = Recorder()
    parser = MultipartParser(BOUNDARY, recorder)
    parser.feed(data)
    with pytest.raises(OfflineError) as caught:
        parser.finish()
    assert caught.value.code == "cut"
    assert recorder.whole == parts[: len(recorder.whole)]


def test_a_missing_closing_boundary_is_told_though_every_part_came() -> None:
    with pytest.raises(OfflineError, match="cut short"):
        parse(answer([b"one", b"two"], lengths=True, closing=False))


def test_a_preamble_and_an_epilogue_are_passed_over() -> None:
    recorder, _ = parse(b"hello\r\nthere\r\n" + answer([b"one"], lengths=False) + b"bye")
    assert recorder.whole == [b"one"]


@pytest.mark.parametrize("lie", [3, -2])
def test_a_wrong_length_costs_that_part_and_what_it_swallows_not_the_rest(lie: int) -> None:
    lying = answer([b"first part"], lengths=True, closing=False, lie=lie)
    data = lying[: -len(BOUNDARY) - 2] + answer([b"second", b"third"], lengths=True)
    recorder, parser = parse(data)
    assert parser.broken == 1
    assert b"third" in recorder.whole
    assert len(recorder.cuts) == 1
    assert b"first part" not in recorder.whole


def test_a_length_of_ten_gibibytes_is_streamed_not_kept() -> None:
    data = b"--" + BOUNDARY + b"\r\nContent-Length: 10737418240\r\n\r\n"

    class Nothing(Recorder):
        def write(self, chunk: bytes | memoryview) -> None:
            self.size = getattr(self, "size", 0) + len(chunk)

    sink = Nothing()
    parser = MultipartParser(BOUNDARY, sink)
    parser.feed(data)
    piece = bytes(1 << 16)
    tracemalloc.start()
    for _ in range(64):
        parser.feed(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 18
    with pytest.raises(OfflineError):
        parser.finish()
    assert sink.size == 64 << 16
    assert sink.cuts


@pytest.mark.parametrize(
    "data",
    [
        bytes(200_000),
        b"--" + BOUNDARY + b"\r\nX: " + b"a" * 40_000,
        b"--" + BOUNDARY + b"garbage" * 100 + b"\r\n",
    ],
)
def test_what_follows_no_rule_ends_in_words_and_is_not_gathered(data: bytes) -> None:
    with pytest.raises(OfflineError) as caught:
        parse(data)
    assert caught.value.code == "garbled"


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', b"abc"),
        ('Multipart/Related; boundary="a;b=c"; type=x', b"a;b=c"),
        ("multipart/related;BOUNDARY=x", b"x"),
    ],
)
def test_the_boundary_is_found(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize("content_type", ["text/html", "multipart/related", "multipart/related; boundary="])
def test_an_answer_that_is_no_multipart_is_told(content_type: str) -> None:
    with pytest.raises(OfflineError, match="no sense"):
        boundary_of(content_type)
