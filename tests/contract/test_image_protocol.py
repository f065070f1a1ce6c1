"""What every way of drawing has to keep to: one suite, all of them."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from teleread.imaging.probe import PROTOCOLS
from teleread.imaging.protocol import COLOURS, ImageProtocol
from teleread.imaging.ways import GRAPHICS, protocol
from teleread.model.text import SafeText

RNG = np.random.default_rng(11)
GREY: NDArray[np.uint8] = RNG.integers(0, 256, (61, 83)).astype(np.uint8)
COLOUR: NDArray[np.uint8] = RNG.integers(0, 256, (61, 83, 3)).astype(np.uint8)
CELL = (7, 15)

WAYS = [(name, colours) for name in PROTOCOLS if name != "none" for colours in COLOURS]

SEQUENCES = re.compile(
    r"\x1b\[[0-9;]*m"  # colours
    r"|\x1b_G[0-9A-Za-z=,+/;-]*\x1b\\"  # Kitty
    r'|\x1bP0;1;0q[0-9;"#!$?-~-]*\x1b\\'  # Sixel
    r"|\x1b\]1337;File=[0-9A-Za-z=;:+/]*\x07"  # iTerm2
)


@pytest.fixture(params=WAYS, ids=lambda way: "-".join(way))
def way(request: pytest.FixtureRequest) -> ImageProtocol:
    name, colours = request.param
    return protocol(name, colours, CELL)


@pytest.mark.parametrize("picture", [GREY, COLOUR, GREY[:1, :1], np.zeros((3, 200), np.uint8)])
def test_there_is_a_line_for_each_row_of_cells(way: ImageProtocol, picture: NDArray[np.uint8]) -> None:
    can = way.capabilities
    assert can.name
    assert can.across >= 1
    assert can.down >= 1
    assert 2 <= can.greys <= 256
    assert len(way.cells(picture)) == math.ceil(picture.shape[0] / can.down)


@pytest.mark.parametrize("picture", [GREY, COLOUR])
def test_nothing_but_known_sequences_and_one_glyph_a_cell_is_written(
    way: ImageProtocol, picture: NDArray[np.uint8]
) -> None:
    can = way.capabilities
    columns = math.ceil(picture.shape[1] / can.across)
    for line in way.cells(picture):
        plain = SEQUENCES.sub("", line)
        assert plain == "" or plain.isprintable()
        assert len(plain) in ((columns,) if can.text_over_picture else (0,))
        if "\x1b[" in line:
            assert line.endswith("\x1b[0m")  # no colour leaks into what follows


def test_a_text_stands_on_the_picture_where_that_can_be(way: ImageProtocol) -> None:
    texts = [(1, 2, SafeText("W 400"), ""), (0, 900, SafeText("outside"), ""), (99, 0, SafeText("below"), "")]
    lines = way.compose(GREY, texts)
    assert len(lines) == len(way.cells(GREY))
    shown = [SEQUENCES.sub("", line) for line in lines]
    if way.capabilities.text_over_picture:
        assert shown[1][2:7] == "W 400"
        assert "outside" not in "".join(shown)
        assert len(shown[1]) == len(SEQUENCES.sub("", way.cells(GREY)[1]))
    else:
        assert not any(shown)


def test_the_picture_that_was_given_is_left_as_it_was(way: ImageProtocol) -> None:
    picture = GREY.copy()
    picture.flags.writeable = False
    way.cells(picture)
    assert np.array_equal(picture, GREY)


def test_pictures_that_differ_are_drawn_differently(way: ImageProtocol) -> None:
    other = 255 - GREY
    assert way.cells(GREY) != way.cells(other)


def test_real_pixels_are_what_is_said_to_be_graphics() -> None:
    for name in PROTOCOLS:
        if name != "none":
            over = protocol(name, "truecolor", CELL).capabilities.text_over_picture
            assert over == (name not in GRAPHICS)
