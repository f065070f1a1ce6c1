"""Sixel, Kitty, iTerm2 and mosaics: what a terminal would show is what was given."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from teleread.imaging.iterm2 import ITerm2
from teleread.imaging.kitty import (
    MAX_CELLS,
    Kitty,
    KittyStore,
    SharedPictures,
    _marks,
    delete,
    grey_png,
    place,
    placeholder,
    transmit,
)
from teleread.imaging.mosaic import KINDS, Mosaic
from teleread.imaging.pieces import join_pieces, pieces_of
from teleread.imaging.sixel import Sixel

Picture = NDArray[np.uint8]
RNG = np.random.default_rng(4)
NOISE: Picture = RNG.integers(0, 256, (50, 70)).astype(np.uint8)
SCAN: Picture = np.zeros((64, 96), np.uint8)
SCAN[8:56, 16:80] = np.arange(64, dtype=np.uint8)[None, :] * 3 + 20
SCAN[20:30, 40:60] = RNG.integers(0, 256, (10, 20))


def draw_sixel(text: str) -> NDArray[np.int64]:
    """A terminal of our own: RGB in percent, height x width x 3; -1 where nothing was drawn."""
    head = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\', text, re.S)
    assert head is not None
    width, height, body = int(head[1]), int(head[2]), head[3]
    out = np.full((-(-height // 6) * 6, width, 3), -1)
    palette: dict[int, tuple[int, int, int]] = {}
    colour = x = band = 0
    token = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|([$-])")
    at = 0
    while at < len(body):
        found = token.match(body, at)
        assert found is not None, body[at : at + 20]
        at = found.end()
        if found[1]:
            palette[int(found[1])] = (int(found[2]), int(found[3]), int(found[4]))
        elif found[5]:
            colour = int(found[5])
        elif found[9]:
            x, band = 0, band + (found[9] == "-")
        else:
            count, bits = int(found[6] or 1), ord(found[7] or found[8]) - 63
            for line in range(6):
                if bits >> line & 1:
                    out[6 * band + line, x : x + count] = palette[colour]
            x += count
            assert x <= width
    return out[:height]


@pytest.mark.parametrize("picture", [NOISE, SCAN, np.zeros((7, 5), np.uint8), NOISE[:1, :1]])
def test_sixel_shows_every_grey_to_the_nearest_of_101(picture: Picture) -> None:
    shown = draw_sixel(Sixel().encode(picture))
    assert shown.shape == (*picture.shape, 3)
    assert (shown >= 0).all()
    assert np.array_equal(shown[..., 0], shown[..., 2])
    assert np.abs(shown[..., 0] * 2.55 - picture).max() <= 1.3


@pytest.mark.parametrize("greys", [2, 16, 64])
def test_fewer_greys_are_still_the_nearest(greys: int) -> None:
    shown = draw_sixel(Sixel(greys=greys).encode(SCAN))[..., 0]
    assert len(np.unique(shown)) <= greys
    assert np.abs(shown * 2.55 - SCAN).max() <= 255 / (greys - 1) / 2 + 1.5


def test_coarse_sixel_doubles_each_pixel_and_is_lighter() -> None:
    half = SCAN[::2, ::2]
    text = Sixel(coarse=2).encode(half)
    shown = draw_sixel(text)[..., 0]
    assert shown.shape == SCAN.shape
    assert np.array_equal(shown[::2, ::2], shown[1::2, 1::2])
    assert np.abs(shown[::2, ::2] * 2.55 - half).max() <= 1.3
    noise = np.repeat(np.repeat(NOISE, 2, 0), 2, 1)
    assert Sixel(coarse=2).encode(NOISE) == Sixel().encode(noise)


def test_sixel_draws_colours_near_the_truth() -> None:
    picture = np.zeros((24, 24, 3), np.uint8)
    picture[:12, :, 0], picture[12:, :12, 1], picture[12:, 12:] = 255, 128, 77
    shown = draw_sixel(Sixel().encode(picture)) * 2.55
    assert np.abs(shown - picture).max() <= 12


def test_sixel_covers_its_rows_of_cells() -> None:
    lines = Sixel((10, 20)).cells(NOISE)
    assert len(lines) == 3
    assert lines[1:] == ["", ""]


def test_a_png_of_our_own_is_read_by_others() -> None:
    for picture in (NOISE, np.stack((NOISE, NOISE[::-1], NOISE), axis=-1)):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(grey_png(picture)))), picture)


def sequences(text: str) -> list[tuple[dict[str, str], str]]:
    found = re.findall(r"\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\", text)
    return [(dict(part.split("=") for part in keys.split(",")), body) for keys, body in found]


def test_kitty_sends_a_picture_in_chunks_that_make_a_png() -> None:
    sent = sequences(transmit(7, NOISE))
    assert len(sent) > 1
    assert sent[0][0]["i"] == "7"
    assert sent[0][0]["a"] == "t"
    assert [keys["m"] for keys, _ in sent] == ["1"] * (len(sent) - 1) + ["0"]
    assert all(len(body) <= 4096 for _, body in sent)
    png = base64.standard_b64decode("".join(body for _, body in sent))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), NOISE)


@pytest.mark.skipif(not SharedPictures.usable(), reason="no POSIX shared memory here")
def test_what_a_killed_process_left_in_shared_memory_is_removed_by_the_next() -> None:
    code = "import os, numpy as np\nfrom teleread.imaging.kitty import SharedPictures\n"
    code += "print(SharedPictures().put(np.zeros((4, 4), np.uint8)), flush=True)\nos.kill(os.getpid(), 9)"
    left = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout
    living = SharedPictures()
    try:
        kept = Path("/dev/shm") / living.put(NOISE)[1:]
        assert not (Path("/dev/shm") / left.strip()[1:]).exists()
        SharedPictures()
        assert kept.exists()
    finally:
        living.close()


@pytest.mark.skipif(not SharedPictures.usable(), reason="no POSIX shared memory here")
def test_a_local_terminal_gets_the_name_of_shared_memory_and_what_it_leaves_is_removed() -> None:
    shared = SharedPictures()
    text = transmit(9, NOISE, shared)
    [(keys, body)] = sequences(text)
    file = Path("/dev/shm") / base64.standard_b64decode(body).decode().lstrip("/")
    try:
        assert (keys["t"], keys["f"], keys["s"], keys["v"]) == ("s", "24", "70", "50")
        assert file.stat().st_mode & 0o777 == 0o600
        laid = np.frombuffer(file.read_bytes(), np.uint8).reshape(50, 70, 3)
        assert np.array_equal(laid[..., 1], NOISE)
        assert len(text) < 120
        names = [file, *(Path("/dev/shm") / shared.put(NOISE)[1:] for _ in range(SharedPictures.MOST))]
        assert not file.exists()
        assert sum(one.exists() for one in names) == SharedPictures.MOST
    finally:
        shared.close()
    assert not any(one.exists() for one in names)


def test_going_back_to_a_picture_sends_no_pixels_and_the_least_used_is_forgotten() -> None:
    store = KittyStore(most=3 * NOISE.nbytes)
    first, sent = store.show("a", NOISE)
    assert "a=t" in sent
    assert store.show("a", None) == (first, "")
    others = [store.show(key, NOISE) for key in "bc"]
    assert len({first, *(number for number, _ in others)}) == 3
    again, sent = store.show("d", NOISE)
    assert again == first  # its pixels are replaced: kitty deletes more than it is told to
    assert "d=I" not in sent
    assert not store.holds("a")
    with pytest.raises(KeyError):
        store.show("a", None)
    assert store.clear().count("d=I") == 3
    assert store.clear() == ""


def test_kitty_places_at_the_cursor_without_moving_it() -> None:
    [(keys, _)] = sequences(place(5, 80, 24))
    assert keys == {"a": "p", "q": "2", "i": "5", "p": "1", "c": "80", "r": "24", "C": "1"}
    lines = Kitty((10, 20)).cells(NOISE)
    assert len(lines) == 3
    assert "c=7,r=3" in lines[0]


def test_placeholders_name_picture_row_and_column() -> None:
    lines = placeholder(0x010203, 3, 2)
    assert lines[0].startswith("\x1b[38;2;1;2;3m\U0010eeee\u0305\u0305\U0010eeee\u0305\u030d")
    assert lines[1].startswith("\x1b[38;2;1;2;3m\U0010eeee\u030d\u0305")
    marks = _marks()
    assert len(set(marks)) == len(marks) == MAX_CELLS == 297  # as the protocol counts them
    assert all(unicodedata.combining(mark) == 230 for mark in marks)
    assert marks == sorted(marks)
    shown = Kitty((10, 20), placeholders=True).cells(NOISE)
    assert "U=1" in shown[0]
    assert len(shown) == 3


def test_a_kitty_shows_the_same_picture_twice_for_a_few_bytes() -> None:
    kitty = Kitty()
    first, again = kitty.cells(NOISE)[0], kitty.cells(NOISE)[0]
    assert len(first) > 4000
    assert len(again) < 60
    assert kitty.clear()


def test_iterm2_says_size_and_cells() -> None:
    lines = ITerm2((10, 20)).cells(NOISE)
    found = re.fullmatch(r"\x1b\]1337;File=([^:]*):([^\x07]*)\x07", lines[0])
    assert found is not None
    options = dict(part.split("=") for part in found[1].split(";"))
    png = base64.standard_b64decode(found[2])
    assert (options["inline"], options["width"], options["height"]) == ("1", "7", "3")
    assert int(options["size"]) == len(png)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), NOISE)


def test_no_encoder_writes_a_byte_a_terminal_could_trip_over() -> None:
    for text in (Sixel().encode(NOISE), transmit(1, NOISE), ITerm2().cells(NOISE)[0], delete(), delete(3)):
        inner = re.sub(r"^\x1b[P_\]]|\x1b\\\x1b_|\x1b\\$|\x07$", "", text)
        assert inner.isascii()
        assert not any(ord(char) < 32 for char in inner)


def test_pieces_are_joined_item_by_item() -> None:
    one, two = pieces_of([b"", b"a", b"bcd"]), pieces_of([b"-", b"++"])
    joined = join_pieces([(one, np.array([2, 0, 1])), (two, np.array([0, 1, 0]))])
    assert joined == b"bcd-++a-"
    assert join_pieces([(one, np.zeros(0, np.int64))]) == b""


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_mosaic_keeps_a_picture_of_two_greys_exactly(kind: str) -> None:
    across, down = KINDS[kind]
    picture = np.where(RNG.random((down * 6, across * 9)) < 0.5, 40, 220).astype(np.uint8)
    lines = Mosaic(kind).cells(picture)
    assert len(lines) == 6
    assert np.array_equal(_seen(lines, kind), picture)


def _seen(lines: list[str], kind: str) -> Picture:
    """What the cells show: the glyph's lit pixels in the front colour, the rest in the back colour."""
    across, down = KINDS[kind]
    glyphs = _names(kind)
    out = np.zeros((len(lines) * down, across * 9), np.uint8)
    cell = re.compile(r"\x1b\[38;2;(\d+);\d+;\d+m\x1b\[48;2;(\d+);\d+;\d+m(.)")
    for row, line in enumerate(lines):
        assert line.endswith("\x1b[0m")
        for column, found in enumerate(cell.finditer(line)):
            for pixel in range(across * down):
                y, x = row * down + pixel // across, column * across + pixel % across
                out[y, x] = int(found[1]) if pixel in glyphs[found[3]] else int(found[2])
    return out


def _names(kind: str) -> dict[str, set[int]]:
    """Lit pixels by glyph, out of Unicode's own names."""
    if kind == "braille":
        dots = {1: 0, 4: 1, 2: 2, 5: 3, 3: 4, 6: 5, 7: 6, 8: 7}
        return {
            chr(0x2800 + code): {dots[bit + 1] for bit in range(8) if code >> bit & 1} for code in range(256)
        }
    if kind == "sextant":
        known: dict[str, set[int]] = {" ": set(), "█": set(range(6)), "▌": {0, 2, 4}, "▐": {1, 3, 5}}
        for code in range(0x1FB00, 0x1FB3C):
            figures = unicodedata.name(chr(code)).removeprefix("BLOCK SEXTANT-")
            known[chr(code)] = {int(figure) - 1 for figure in figures}
        return known
    order = {"UPPER LEFT": 0, "UPPER RIGHT": 1, "LOWER LEFT": 2, "LOWER RIGHT": 3}
    known = {" ": set(), "█": {0, 1, 2, 3}, "▀": {0, 1}, "▄": {2, 3}, "▌": {0, 2}, "▐": {1, 3}}
    for code in range(0x2596, 0x25A0):
        parts = unicodedata.name(chr(code)).removeprefix("QUADRANT ").split(" AND ")
        known[chr(code)] = {order[part] for part in parts}
    return known


def test_a_mosaic_without_colours_writes_glyphs_alone() -> None:
    lines = Mosaic("braille", "mono").cells(NOISE)
    assert all(0x2800 <= ord(char) <= 0x28FF for char in "".join(lines))
    assert [len(line) for line in lines] == [35] * 13


def test_a_mosaic_in_256_colours_and_rgb_and_with_text() -> None:
    assert "\x1b[38;5;" in Mosaic("quadrant", "256").cells(NOISE)[0]
    colour = np.zeros((6, 4, 3), np.uint8)
    colour[..., 0] = 200
    assert Mosaic("sextant").cells(colour)[0].startswith("\x1b[38;2;0;0;0m\x1b[48;2;200;0;0m")
    from teleread.model.text import SafeText

    line = Mosaic().compose(NOISE, [(0, 33, SafeText("abc"), "\x1b[1m")])[0]
    assert "a" in line
    assert "b" in line
    assert "c" not in line.replace("\x1b", "")


def test_marks_on_a_grey_picture_cost_it_no_grey() -> None:
    picture = np.repeat(SCAN[..., None], 3, axis=2)
    picture[30, 20:60] = (143, 188, 214)
    shown = draw_sixel(Sixel().encode(picture))[: SCAN.shape[0]]
    plain = draw_sixel(Sixel().encode(SCAN))[: SCAN.shape[0]]
    rows = np.arange(SCAN.shape[0]) != 30
    assert np.array_equal(shown[rows], plain[rows])
    assert shown[30, 40].tolist() == [56, 74, 84]
