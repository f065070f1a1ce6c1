"""How pictures cross from the child: shared, many at once, at a lower resolution; and asking terminals."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from teleread.imaging.decode import DecodePool
from teleread.imaging.frames import CannotShow, Frame
from teleread.imaging.framewire import BrokenMessageError, Place, at_place, frame_from
from teleread.imaging.halfblock import HalfBlock
from teleread.imaging.probe import QUESTIONS, TerminalFacts, choose, complete, facts_from, local
from teleread.imaging.sharing import Region
from teleread.imaging.ways import draw, pick, protocol
from tests.unit.imaging_files import encapsulated, picture, us

JPEG2000 = "1.2.840.10008.1.2.4.90"
linux = pytest.mark.skipif(sys.platform != "linux", reason="shared memory of this kind is Linux's")


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool() as pool:
        yield pool


def slices(count: int) -> list[bytes]:
    rng = np.random.default_rng(8)
    return [picture(rng.integers(0, 4096, (16, 12)).astype(np.uint16)) for _ in range(count)]


def pixels_of(found: Frame | CannotShow) -> list[list[int]]:
    assert isinstance(found, Frame), found
    listed: list[list[int]] = found.pixels.tolist()
    return listed


def test_many_slices_at_once_are_the_same_as_one_by_one(pool: DecodePool) -> None:
    objects = slices(9)
    assert [pixels_of(one) for one in pool.decode_many(objects)] == [
        pixels_of(pool.decode(one)) for one in objects
    ]
    assert pool.decode_many([]) == []


def test_a_bad_one_among_many_costs_itself_alone(pool: DecodePool) -> None:
    from tests.unit.imaging_jpeg import encode

    grey = np.arange(12, dtype=np.uint16).reshape(3, 4)
    packed = encapsulated(grey, encode([grey.tolist()], 16, 1), "1.2.840.10008.1.2.4.70")
    objects = [*slices(2), b"nothing", packed, slices(1)[0][:400]]
    found = pool.decode_many(objects)
    assert isinstance(found[0], Frame)
    assert isinstance(found[1], Frame)
    assert isinstance(found[2], CannotShow)
    assert pixels_of(found[3]) == grey.tolist()
    assert isinstance(found[4], CannotShow)
    assert found[4].code == "truncated"


def test_overlays_shutters_and_long_headers_are_the_same_many_at_once(pool: DecodePool) -> None:
    values = np.random.default_rng(9).integers(0, 4096, (16, 12)).astype(np.uint16)
    embedded = {
        0x00280101: ("US", us(12)),
        0x00280102: ("US", us(11)),
        0x60000010: ("US", us(16)),
        0x60000011: ("US", us(12)),
        0x60000050: ("SS", us(1, 1)),
        0x60000102: ("US", us(12)),
    }
    shutter = {0x00181600: ("CS", b"CIRCULAR"), 0x00181610: ("IS", b"8\\6"), 0x00181612: ("IS", b"4")}
    objects = [
        picture(values | 0x1000, embedded),
        picture(values, shutter),
        picture(values, {0x00204000: ("LT", b"x" * 50_000)}),
        picture(values),
    ]
    for one, alone in zip(pool.decode_many(objects), map(pool.decode, objects), strict=True):
        assert isinstance(one, Frame)
        assert isinstance(alone, Frame)
        assert np.array_equal(one.pixels, alone.pixels)
        assert (one.overlays is None) == (alone.overlays is None)
        assert (one.shutter is None) == (alone.shutter is None)
        assert one.comments == alone.comments
    first = pool.decode_many(objects)[0]
    assert isinstance(first, Frame)
    assert first.overlays is not None
    assert first.overlays.all()


def test_a_frame_outlives_the_next_question(pool: DecodePool) -> None:
    one, two = slices(2)
    first = pool.decode(one)
    before = pixels_of(first)
    pool.decode(two)
    pool.decode(picture(np.zeros((64, 64), np.uint16)))
    assert pixels_of(first) == before


def test_bytes_that_may_change_are_copied(pool: DecodePool) -> None:
    data = bytearray(slices(1)[0])
    found = pool.decode(memoryview(data))
    before = pixels_of(found)
    data[-100:] = bytes(100)
    assert pixels_of(found) == before


def test_pixels_are_found_where_the_child_says_and_nowhere_else() -> None:
    data = bytes(range(100))
    assert at_place(data, Place(10, 2, 3, "|u1")).tolist() == [[10, 11, 12], [13, 14, 15]]
    assert at_place(data, Place(0, 1, 2, ">u2")).tolist() == [[1, 0x0203]]
    assert at_place(b"\xff\xff\x00\x18", Place(0, 1, 2, "<i2", 4, 4)).tolist() == [[-1, -2048]]
    with pytest.raises(ValueError, match="buffer"):
        at_place(data, Place(90, 4, 4, "|u1"))


@pytest.mark.parametrize(
    "lie",
    [
        {"place": [99, 0, 0]},
        {"place": [-1, 0, 0]},
        {"place": [0, 0]},
        {"dtype": "O"},
        {"dtype": "<f8"},
        {"shape": [1, 1, 3]},
    ],
)
def test_a_place_that_is_none_makes_the_answer_broken(pool: DecodePool, lie: dict[str, object]) -> None:
    from teleread.imaging.framewire import pack_frame
    from teleread.imaging.header import describe, read_shape
    from teleread.imaging.part10 import scan

    data = picture(np.zeros((1, 1), np.uint16))
    part = scan(memoryview(data))
    shape = read_shape(part)
    fields = describe(part, shape, 1) | {"decoder": "native"}
    head, _ = pack_frame(fields, None, None, None, Place(0, 1, 1, "<u2"))
    assert isinstance(frame_from(head, bytearray(), data), Frame)
    with pytest.raises(BrokenMessageError):
        frame_from(head | lie, bytearray(), data[:100])


@linux
def test_a_region_can_be_read_but_not_cut_short_from_outside() -> None:
    region = Region(1 << 20, resizable=False)
    try:
        region.put(b"abc", b"def")
        assert region.get(6) == b"abcdef"
        with pytest.raises(OSError, match="permitted"):
            os.ftruncate(region.descriptor, 0)
        with pytest.raises(OSError, match="small"):
            region.put(bytes(2 << 20))
        with pytest.raises(OSError, match="ended"):
            region.get(2 << 20)
    finally:
        region.close()


@linux
def test_a_region_gives_back_what_a_large_object_needed() -> None:
    region = Region(1, resizable=True)
    try:
        region.put(bytes(80 << 20))
        assert region.size >= 80 << 20
        region.put(b"small")
        assert region.size <= 1 << 20
        assert region.get(5) == b"small"
    finally:
        region.close()


def test_without_shared_memory_pictures_come_by_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    import teleread.imaging.decode_link as link

    def none(*args: object, **kwargs: object) -> Region:
        raise OSError

    monkeypatch.setattr(link, "Region", none)
    objects = slices(3)
    with DecodePool() as pool:
        found = [pixels_of(one) for one in pool.decode_many(objects)]
        child = pool._idle[0]
        assert child.regions is None
    with DecodePool() as pool:
        assert found == [pixels_of(pool.decode(one)) for one in objects]


def test_a_large_colour_picture_takes_the_pipe_and_arrives_whole(pool: DecodePool) -> None:
    colour = np.random.default_rng(1).integers(0, 256, (1700, 1700, 3)).astype(np.uint8)
    found = pool.decode(picture(colour))
    assert isinstance(found, Frame)
    assert np.array_equal(found.pixels, colour)


@pytest.mark.parametrize(("precision", "dtype"), [(8, np.uint8), (16, np.uint16)])
def test_jpeg2000_is_decoded_at_a_lower_resolution_while_moving(
    pool: DecodePool, precision: int, dtype: type
) -> None:
    from PIL import Image, features

    if not features.check("jpg_2000"):
        pytest.skip("this Pillow has no JPEG 2000")
    y, x = np.mgrid[0:64, 0:96]
    smooth = ((np.sin(x / 17) + np.cos(y / 13) + 2) / 4 * ((1 << precision) - 1)).astype(dtype)
    coded = io.BytesIO()
    Image.fromarray(smooth).save(coded, "JPEG2000", irreversible=False, no_jp2=True)
    data = encapsulated(smooth, coded.getvalue(), JPEG2000)
    whole = pool.decode(data)
    assert isinstance(whole, Frame)
    assert np.array_equal(whole.pixels, smooth)
    assert whole.reduced == 0
    for halvings, rows in ((1, 32), (2, 16)):
        small = pool.decode(data, reduce=halvings)
        assert isinstance(small, Frame)
        assert (small.rows, small.columns, small.reduced) == (rows, rows * 3 // 2, halvings)
        near = smooth[:: 1 << halvings, :: 1 << halvings].astype(float)
        assert np.abs(small.pixels - near).mean() < 0.05 * (1 << precision)


def test_what_has_no_lower_resolution_comes_whole(pool: DecodePool) -> None:
    [data] = slices(1)
    found = pool.decode(data, reduce=2)
    assert isinstance(found, Frame)
    assert (found.rows, found.reduced) == (16, 0)


# -- what a terminal says

XTERM = b"\x1b[?64;1;4;22c"
KITTY = b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.26.5)\x1b\\\x1b[6;20;10t\x1b[?62;c"
LOOKS = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "en_GB.UTF-8"}


def test_answers_are_read_whatever_stands_between_them() -> None:
    kitty = facts_from(b"typed" + KITTY + b"more")
    assert (kitty.kitty, kitty.sixel, kitty.cell) == (True, False, (10, 20))
    assert (kitty.name, kitty.version, kitty.placeholders) == ("kitty", (0, 26, 5), False)
    newer = facts_from(KITTY.replace(b"0.26.5", b"0.35.2"))
    assert newer.placeholders
    ghostty = facts_from(KITTY.replace(b"kitty(0.26.5)", b"ghostty 1.1.0"))
    assert (ghostty.name, ghostty.placeholders) == ("ghostty", True)
    assert facts_from(b"\x1bP>|XTerm(379)\x1b\\").version == (379,)
    xterm = facts_from(b"\x1b[?1;0;1024S" + XTERM)
    assert (xterm.sixel, xterm.kitty, xterm.sixel_colours, xterm.answered) == (True, False, 1024, True)
    assert facts_from(b"") == TerminalFacts()
    assert facts_from(b"\x1b_Gi=31;ENOTSUP\x1b\\").kitty is False
    assert facts_from(b"\x1b[?41;c").sixel is False  # 41 is no 4
    assert facts_from(b"\x1b[6;0;9999t").cell is None


def test_waiting_ends_with_the_last_answer() -> None:
    assert not complete(KITTY[:-3])
    assert complete(KITTY)
    assert complete(bytes(5000))
    assert QUESTIONS.endswith("\x1b[c")


@pytest.mark.parametrize(
    ("answer", "environment", "chosen"),
    [
        (KITTY, LOOKS, "kitty"),
        (XTERM, LOOKS, "sixel"),
        (b"\x1b[?1;2c", LOOKS, "halfblock"),
        (b"", LOOKS, "halfblock"),
        (b"\x1bP>|iTerm2 3.5\x1b\\\x1b[?62;4c", LOOKS, "iterm2"),
        (b"\x1b[?62;4c", LOOKS | {"TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        (KITTY, LOOKS | {"TMUX": "/tmp/tmux-0/default,1,0", "TERM": "tmux-256color"}, "halfblock"),
        (XTERM, LOOKS | {"TMUX": "x", "TERM": "screen-256color"}, "sixel"),
        (b"\x1bP>|iTerm2 3.5\x1b\\\x1b[?1;2c", LOOKS | {"TMUX": "x"}, "halfblock"),
        (KITTY, LOOKS | {"TERM": "dumb"}, "none"),
        (b"", {}, "none"),
        (b"\x1b[?1;2c", LOOKS | {"NO_COLOR": "1"}, "braille"),
        (b"\x1b[?1;2c", {"TERM": "vt100", "NO_COLOR": "1", "LANG": "C"}, "none"),
    ],
)
def test_the_best_way_a_terminal_proved_is_chosen(
    answer: bytes, environment: dict[str, str], chosen: str
) -> None:
    assert choose(facts_from(answer), environment) == chosen
    assert pick("auto", environment, facts_from(answer)) == chosen


def test_a_way_can_be_named_and_nonsense_can_not() -> None:
    assert pick("sextant", {}) == "sextant"
    with pytest.raises(ValueError, match="crayon"):
        pick("crayon", {})
    assert local(LOOKS)
    assert not local(LOOKS | {"SSH_CONNECTION": "1 2 3 4"})


@pytest.mark.parametrize("name", ["halfblock", "quadrant", "sextant", "braille", "sixel", "kitty", "iterm2"])
def test_every_way_draws_a_square_picture_square(name: str) -> None:
    square = np.random.default_rng(2).integers(0, 256, (100, 100)).astype(np.uint8)
    made = draw(
        square, (40, 20), name, colours="truecolor", facts=TerminalFacts(cell=(10, 20)), environment=LOOKS
    )
    can = protocol(name, "truecolor", (10, 20)).capabilities
    columns, rows = made.placement.shown_width / can.across, made.placement.shown_height / can.down
    assert columns == pytest.approx(40, abs=1)  # a cell is twice as high as wide
    assert rows == pytest.approx(20, abs=1)
    assert len(made.lines) == 20
    assert made.protocol == name
    assert (made.note != "") == (name == "sixel")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_a_terminal_is_asked_without_echo_and_within_its_limit() -> None:
    """A child whose terminal is a pty that we answer for, once; then one that never answers."""
    import pty

    script = (
        "from teleread.imaging.asking import ask_terminal\n"
        "print('FACTS', ask_terminal(20.0), flush=True)\n"
        "print('SILENT', ask_terminal(0.05).answered, flush=True)\n"
    )
    pid, line = pty.fork()
    if pid == 0:  # pragma: no cover - the child
        os.execv(sys.executable, [sys.executable, "-c", script])
    seen = b""
    answered = False
    watch = threading.Timer(60, os.kill, (pid, 9))
    watch.start()
    try:
        while b"SILENT" not in seen or not seen.endswith(b"\n"):
            try:
                seen += os.read(line, 4096)
            except OSError:
                break
            if not answered and QUESTIONS.encode() in seen:
                answered = True
                os.write(line, KITTY)
    finally:
        watch.cancel()
        os.close(line)
        os.waitpid(pid, 0)
    words = seen.decode(errors="replace")
    assert "kitty=True" in words
    assert "cell=(10, 20)" in words
    assert "SILENT False" in words
    assert "OK" not in words.split("FACTS")[0].replace(QUESTIONS, "")  # nothing of the answer was echoed


# -- changed cells


def apply(screen: list[list[str]], text: str, top: int, left: int) -> None:
    """A terminal as small as can be: cursor moves, colours, half blocks."""
    import re

    row = column = -1
    front, back = "", ""
    at = 0
    token = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([0-9;]*)m|(.)", re.S)
    while at < len(text):
        found = token.match(text, at)
        assert found is not None
        at = found.end()
        if found[1]:
            row, column = int(found[1]) - 1 - top, int(found[2]) - 1 - left
        elif found[4]:
            screen[row][column] = f"{front}/{back}"
            column += 1
        else:
            parts = found[3].split(";")
            while parts and parts != ["0"]:
                kind, parts = parts[0], parts[1:]
                size = 4 if parts[0] == "2" else 2
                colour = ";".join(str(int(part)) for part in parts[:size])
                parts = parts[size:]
                if kind == "38":
                    front = colour
                else:
                    back = colour


@pytest.mark.parametrize("colours", ["truecolor", "256"])
def test_only_changed_cells_are_sent_and_the_screen_ends_the_same(colours: str) -> None:
    rng = np.random.default_rng(6)
    block = HalfBlock(colours)
    before = rng.integers(0, 256, (20, 30)).astype(np.uint8)
    after = before.copy()
    after[4:9, 3:11] = rng.integers(0, 256, (5, 8))
    after[15, 29] ^= 255
    whole: list[list[str]] = [[""] * 30 for _ in range(10)]
    apply(whole, block.changed(None, after, 4, 7), 4, 7)
    parts: list[list[str]] = [[""] * 30 for _ in range(10)]
    apply(parts, block.changed(None, before, 4, 7), 4, 7)
    text = block.changed(before, after, 4, 7)
    apply(parts, text, 4, 7)
    assert parts == whole
    assert len(text) < len(block.changed(None, after, 4, 7)) / 3
    assert block.changed(after, after, 4, 7) == ""


def test_fewer_greys_while_moving_send_less_and_stay_near() -> None:
    ramp = np.tile(np.arange(0, 256, dtype=np.uint8), (2, 1)).repeat(4, axis=1)
    from teleread.imaging.colours import coarser

    few = coarser(ramp, 64)
    assert len(np.unique(few)) == 64
    assert np.abs(few.astype(int) - ramp).max() <= 2
    block = HalfBlock()
    assert len(block.changed(None, few, 0, 0)) < 0.5 * len("".join(block.cells(ramp)))
