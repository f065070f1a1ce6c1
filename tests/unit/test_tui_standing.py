"""A picture in cells that moves costs what changes, and the screen is as if it had been printed whole."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyte
import pytest
from numpy.typing import NDArray
from rich.console import Console
from rich.segment import Segment
from textual.strip import Strip

from teleread.imaging.halfblock import HalfBlock
from teleread.imaging.reduced import enlarged
from teleread.imaging.resample import place
from teleread.model.text import clean
from teleread.tui.widgets.picture_standing import (
    PALETTE,
    WHOLE,
    CarryingStrip,
    Level,
    PaintedCells,
    Standing,
    Thrift,
)

COLUMNS, ROWS = 40, 12
TOP, LEFT = 2, 3
Pixels = NDArray[np.uint8]


class Glass:
    """A terminal, and what is known of the pane on it."""

    def __init__(self, colours: str) -> None:
        self.screen = pyte.Screen(COLUMNS + LEFT + 2, ROWS + TOP + 2)
        self._stream = pyte.Stream(self.screen)
        self.standing = Standing(colours)

    def whole(self, painted: PaintedCells, rail: list[str], rows: range = range(ROWS)) -> None:
        """Print rows whole."""
        for row in rows:
            self._stream.feed(f"\x1b[{TOP + row + 1};{LEFT + 1}H{painted.rows[row]}{rail[row]}\x1b[0m")
            self.standing.printed(row, painted, rail[row])

    def change(self, painted: PaintedCells, rail: list[str], level: Level = WHOLE) -> str:
        """Change what stands there."""
        sent = self.standing.change(painted, rail, TOP, LEFT, level)
        self._stream.feed(sent)
        return sent

    def cells(self) -> list[list[Any]]:
        """Character, colours, of every cell; a cell's halves may be said either way round."""
        lines = [self.screen.buffer[TOP + row] for row in range(ROWS)]
        return [[_seen(line[LEFT + column]) for column in range(COLUMNS + 1)] for line in lines]


def _seen(cell: Any) -> tuple[str, ...]:
    return (cell.data, cell.bg) if cell.data == " " else (cell.data, cell.fg, cell.bg)


def canvas(rng: np.random.Generator, *, colour: bool = False) -> Pixels:
    shape = (2 * ROWS, COLUMNS, 3) if colour else (2 * ROWS, COLUMNS)
    return rng.integers(0, 256, shape).astype(np.uint8)


def stirred(rng: np.random.Generator, before: Pixels) -> Pixels:
    """Some of the cells are others."""
    after = before.copy()
    which = rng.random(before.shape[:2]) < 0.2
    after[which] = rng.integers(0, 256, after[which].shape)
    return after


def texts(chance: random.Random) -> list[tuple[int, int, Any, str]]:
    words = ["12/300", "R", "W 400 L 40", "not for diagnosis, ever", "日本", ""]
    return [
        (chance.randrange(ROWS), chance.randrange(COLUMNS), clean(chance.choice(words)), "\x1b[38;2;9;9;9m")
        for _ in range(chance.randrange(5))
    ]


def rails(chance: random.Random) -> list[str]:
    at = chance.randrange(ROWS)
    return [f"\x1b[0;40m{'#' if row == at else '|'}\x1b[0m" for row in range(ROWS)]


@pytest.mark.parametrize("colours", ["truecolor", "256"])
@pytest.mark.parametrize("seed", range(6))
def test_changes_leave_the_screen_as_if_it_had_been_printed_whole(colours: str, seed: int) -> None:
    rng, chance = np.random.default_rng(seed), random.Random(seed)
    way = HalfBlock(colours)
    mine = Glass(colours)
    picture = canvas(rng, colour=seed == 5)
    for turn in range(12):
        picture = stirred(rng, picture) if chance.random() < 0.9 else canvas(rng, colour=picture.ndim == 3)
        painted, rail = PaintedCells(way, picture, texts(chance)), rails(chance)
        act = (
            "whole" if turn == 0 else chance.choice(["change", "change", "change", "whole", "some", "spare"])
        )
        if act == "whole":
            mine.whole(painted, rail)
        elif act == "some":  # a few rows are printed by themselves, then the rest is changed
            first = chance.randrange(ROWS)
            mine.whole(painted, rail, range(first, ROWS))
            mine.change(painted, rail)
        elif act == "spare":  # with less than it has, and then, at rest, with all
            spared = [Level(64, 2), Level(PALETTE, 6), Level(PALETTE, 18, across=2)]
            mine.change(painted, rail, chance.choice(spared))
            mine.change(painted, rail)
        else:
            mine.change(painted, rail)
        other = Glass(colours)
        other.whole(painted, rail)
        assert mine.cells() == other.cells(), (turn, act)


def test_what_does_not_change_is_not_sent() -> None:
    rng, chance = np.random.default_rng(1), random.Random(1)
    glass, way = Glass("truecolor"), HalfBlock()
    first, rail = PaintedCells(way, canvas(rng), texts(chance)), rails(chance)
    glass.whole(first, rail)
    assert glass.change(PaintedCells(way, first.canvas.copy(), first.texts), rail) == ""
    after = first.canvas.copy()
    after[:2, :3] ^= 255
    sent = glass.change(PaintedCells(way, after, first.texts), rail)
    assert 0 < len(sent) < 200


def test_a_picture_in_motion_over_a_slow_line_costs_less_than_half() -> None:
    rng = np.random.default_rng(2)
    way = HalfBlock()
    body = np.tile(np.linspace(20, 220, COLUMNS), (2 * ROWS, 1))
    stack = [np.clip(body + rng.normal(0, 5, body.shape), 0, 255).astype(np.uint8) for _ in range(6)]
    rail = rails(random.Random(2))
    sent = []
    for level in (WHOLE, Level(64, 2), Level(PALETTE, 6), Level(PALETTE, 6, across=2)):
        glass = Glass("truecolor")
        glass.whole(PaintedCells(way, stack[0], ()), rail)
        sent.append(sum(len(glass.change(PaintedCells(way, one, ()), rail, level)) for one in stack[1:]))
        assert np.abs(glass.standing._canvas.astype(int) - stack[-1]).max() <= 24
    assert sent[0] > sent[1] > 2 * sent[2]
    assert sent[2] > 1.3 * sent[3]


def test_where_something_else_was_printed_everything_is_sent_again() -> None:
    rng = np.random.default_rng(3)
    glass, way = Glass("truecolor"), HalfBlock()
    at = place(100, 100, COLUMNS, 2 * ROWS)
    painted, rail = PaintedCells(way, canvas(rng), ()), rails(random.Random(3))
    assert not glass.standing.known_for(at)
    glass.whole(painted, rail, range(ROWS - 1))
    assert not glass.standing.known_for(at)
    glass.whole(painted, rail)
    assert glass.standing.known_for(at)
    assert not glass.standing.known_for(place(100, 100, COLUMNS, 2 * ROWS + 2))
    glass.standing.forget()
    assert not glass.standing.known_for(at)


def test_a_row_that_is_cut_says_that_what_it_carried_is_lost() -> None:
    console = Console(force_terminal=True, color_system="truecolor")
    lost: list[int] = []
    strip = CarryingStrip(Strip([Segment("heading")], 7), lambda: "<change>", lambda: lost.append(1))
    assert strip.render(console) == "heading<change>"
    assert strip.crop(0, 7) is strip
    assert list(strip.divide([7])) == [strip]
    assert not lost
    assert [part.text for part in strip.divide([4, 7])] == ["head", "ing"]
    assert strip.crop(2, 5).render(console) == "adi"
    assert len(lost) == 2


def test_less_is_drawn_the_longer_the_line_is_behind_and_more_again_when_it_is_not() -> None:
    here, far = Thrift({}), Thrift({"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"})
    assert here.level == WHOLE
    first = far.level
    assert first.greys < 256
    for thrift in (here, far):
        for _ in range(9):
            thrift.waited()
        assert thrift.level.greys == PALETTE
        for _ in range(1000):
            thrift.went()
    assert (here.level, far.level) == (WHOLE, first)


def test_a_coarse_frame_keeps_its_size_in_pixels_and_millimetres() -> None:
    from teleread.imaging.frames import Frame

    small = Frame(np.arange(12, dtype=np.int16).reshape(3, 4), 3, 4, pixel_spacing=(2.0, 2.0), reduced=1)
    large = enlarged(small, 5, 7)
    assert (large.rows, large.columns, large.reduced) == (5, 7, 1)
    assert large.pixels.shape == (5, 7)
    assert large.pixel_spacing == pytest.approx((2.0 * 3 / 5, 2.0 * 4 / 7))
    assert np.array_equal(large.pixels[::2, ::2], small.pixels)
    assert enlarged(small, 0, 0).pixels.shape == (6, 8)
    assert enlarged(small, 50, 70) is small
    whole = Frame(small.pixels, 3, 4)
    assert enlarged(whole, 5, 7) is whole
