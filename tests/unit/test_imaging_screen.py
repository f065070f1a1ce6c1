from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pyte
import pytest
from numpy.typing import NDArray

from teleread.imaging import colours, resample
from teleread.imaging.halfblock import HalfBlock
from teleread.imaging.protocol import COLOURS, ImageProtocol, colours_of
from teleread.model.text import clean

RNG = np.random.default_rng(11)
GREY = RNG.integers(0, 256, (12, 20), dtype=np.uint8)
RGB = RNG.integers(0, 256, (12, 20, 3), dtype=np.uint8)


def on_screen(lines: list[str], columns: int) -> list[list[Any]]:
    """What a terminal shows: its cells by row."""
    screen = pyte.Screen(columns, len(lines))
    stream = pyte.Stream(screen)
    stream.feed("\r\n".join(lines))
    return [[screen.buffer[row][column] for column in range(columns)] for row in range(len(lines))]


def hex_of(colour: Any) -> str:
    values = [int(part) for part in (colour if np.ndim(colour) else [colour] * 3)]
    return "".join(f"{value:02x}" for value in values)


@pytest.mark.parametrize("picture", [GREY, RGB])
def test_colours_on_a_truecolour_screen_equal_the_picture(picture: NDArray[np.uint8]) -> None:
    cells = on_screen(HalfBlock().cells(picture), 20)
    for row in range(6):
        for column in range(20):
            cell = cells[row][column]
            assert cell.data == "▀"
            assert cell.fg == hex_of(picture[2 * row, column])
            assert cell.bg == hex_of(picture[2 * row + 1, column])


def test_256_colours_are_the_nearest_greys() -> None:
    greys = np.arange(256, dtype=np.uint8).reshape(16, 16)
    cells = on_screen(HalfBlock("256").cells(greys), 16)
    steps = {colour[0] for colour in colours.XTERM[16:] if len(set(colour)) == 1}
    for row in range(16):
        for column in range(16):
            cell = cells[row // 2][column]
            drawn = int((cell.bg if row % 2 else cell.fg)[:2], 16)
            assert abs(drawn - int(greys[row, column])) == min(
                abs(step - int(greys[row, column])) for step in steps
            )


def test_256_colours_keep_pure_colours_pure() -> None:
    picture = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    chosen = colours.to_256(picture)
    assert [colours.XTERM[index] for index in chosen.ravel()] == [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
    ]


def test_16_colours_use_greys_alone_and_keep_the_mean() -> None:
    for grey in (0, 40, 100, 180, 240, 255):
        chosen = colours.to_16(np.full((16, 16), grey, np.uint8))
        assert set(np.unique(chosen)) <= {0, 7, 8, 15}
        mean = np.mean([colours.XTERM[index][0] for index in chosen.ravel()])
        assert abs(mean - grey) <= 6


def test_16_colours_reach_the_screen_with_the_plain_codes() -> None:
    lines = HalfBlock("16").cells(np.array([[0, 255], [255, 0]], np.uint8))
    assert lines == ["\x1b[30;107m▀\x1b[97;40m▀\x1b[0m"]


def test_mono_uses_no_colour_at_all_and_keeps_black_and_white() -> None:
    picture = np.array([[0, 255, 0, 255], [0, 0, 255, 255]], np.uint8)
    assert HalfBlock("mono").cells(picture) == [" ▀▄█\x1b[0m"]


@pytest.mark.parametrize("depth", COLOURS)
@pytest.mark.parametrize("picture", [GREY, RGB])
def test_every_line_ends_with_a_reset_and_equals_its_cells(depth: str, picture: NDArray[np.uint8]) -> None:
    block = HalfBlock(depth)
    lines = block.cells(picture)
    assert len(lines) == 6
    assert all(line.endswith("\x1b[0m") for line in lines)
    assert lines == ["".join(cells) + "\x1b[0m" for cells in block.cells_grid(picture)]


def test_an_odd_height_gets_a_black_row() -> None:
    cells = on_screen(HalfBlock().cells(GREY[:3]), 20)
    assert {cell.bg for cell in cells[1]} == {"000000"}


@pytest.mark.parametrize("depth", COLOURS)
def test_text_stands_on_black_and_the_rest_of_the_row_stays(depth: str) -> None:
    block = HalfBlock(depth)
    plain = on_screen(block.cells(GREY), 20)
    cells = on_screen(block.compose(GREY, [(2, 3, clean("57/112"), "\x1b[1m")]), 20)
    assert "".join(cell.data for cell in cells[2][3:9]) == "57/112"
    assert {cell.bold for cell in cells[2][3:9]} == {True}
    assert cells[2][:3] == plain[2][:3]
    assert cells[2][9:] == plain[2][9:]
    assert [row for number, row in enumerate(cells) if number != 2] == [
        row for number, row in enumerate(plain) if number != 2
    ]


def test_text_is_cut_at_the_edge_and_wide_letters_take_two_cells() -> None:
    lines = HalfBlock().compose(
        GREY, [(0, 17, clean("漢字"), ""), (1, 0, clean("a漢b"), ""), (9, 0, clean("x"), "")]
    )
    cells = on_screen(lines, 20)
    assert cells[0][17].data == "漢"
    assert cells[0][19].data == "▀"
    assert [cell.data for cell in cells[1][:5]] == ["a", "漢", "", "b", "▀"]


def test_the_entry_point_names_the_half_blocks() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    where = project["entry-points"]["teleread.image_protocol"]["halfblock"]
    protocol: ImageProtocol = EntryPoint("halfblock", where, "teleread.image_protocol").load()()
    assert (protocol.capabilities.across, protocol.capabilities.down) == (1, 2)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "linux"}, "16"),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, "mono"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, "mono"),
        ({}, "mono"),
    ],
)
def test_the_environment_says_what_a_terminal_shows(environment: dict[str, str], expected: str) -> None:
    assert colours_of(environment) == expected


@pytest.mark.parametrize("offset", range(12))
@pytest.mark.parametrize("down", [False, True])
def test_a_line_one_pixel_wide_stays_visible_wherever_it_lies(offset: int, down: bool) -> None:
    picture = np.zeros((512, 512), np.uint8)
    if down:
        picture[:, 200 + offset] = 255
    else:
        picture[200 + offset] = 255
    canvas = resample.fit(picture, resample.place(512, 512, 88, 80))
    lit = canvas.max(axis=0 if down else 1)
    assert lit.max() >= 10
    along = canvas.max(axis=1 if down else 0)
    assert (along > 0).sum() == 80


def test_shrinking_keeps_the_mean() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (300, 400), dtype=np.uint8)
    assert abs(float(resample.resize(picture, 37, 50).mean()) - float(picture.mean())) < 1


@pytest.mark.parametrize(
    ("rows", "columns", "aspect", "width", "height"),
    [(512, 512, 1.0, 80, 80), (512, 512, 2.0, 40, 80), (512, 512, 0.5, 160, 80), (100, 400, 1.0, 160, 40)],
)
def test_a_picture_fits_whole_with_the_shape_of_its_pixels_honoured(
    rows: int, columns: int, aspect: float, width: int, height: int
) -> None:
    placement = resample.place(rows, columns, 160, 80, aspect=aspect)
    assert (placement.shown_width, placement.shown_height) == (width, height)
    assert list(placement.box) == [0, 0, columns, rows]
    assert resample.fit(np.full((rows, columns), 9, np.uint8), placement).shape == (80, 160)


@pytest.mark.parametrize(
    ("columns", "width", "ratio"),
    [
        (512, 88, "1:6"),
        (512, 512, "1:1"),
        (3000, 160, "1:19"),
        (64, 160, "2.5:1"),
        (100, 160, "1.6:1"),
        (16, 160, "10:1"),
    ],
)
def test_the_ratio_says_how_coarse_the_picture_is(columns: int, width: int, ratio: str) -> None:
    assert resample.place(columns, columns, width, width).ratio == ratio


def test_zoom_shows_the_part_asked_for_and_stops_at_the_edge() -> None:
    placement = resample.place(100, 100, 50, 50, zoom=2.0, centre=(1.0, 0.0))
    assert list(placement.box) == [50, 0, 100, 50]
    assert placement.ratio == "1:1"


def test_places_on_the_canvas_and_in_the_picture_are_each_others_inverse() -> None:
    placement = resample.place(300, 200, 90, 70, aspect=1.3, zoom=1.7, centre=(0.3, 0.6))
    column, row = placement.to_picture(31.5, 20.25)
    assert placement.to_canvas(column, row) == pytest.approx((31.5, 20.25))


def test_colour_is_placed_like_grey() -> None:
    canvas = resample.fit(np.full((10, 20, 3), (1, 2, 3), np.uint8), resample.place(10, 20, 20, 20))
    assert canvas.shape == (20, 20, 3)
    assert canvas[10, 10].tolist() == [1, 2, 3]
    assert canvas[0, 0].tolist() == [0, 0, 0]
