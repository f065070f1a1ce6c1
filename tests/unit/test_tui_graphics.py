"""Graphics in a pane: what the terminal is asked, what its answers become, what is drawn and taken away."""

from __future__ import annotations

import numpy as np
import pytest

from teleread.imaging.probe import TerminalFacts
from teleread.imaging.resample import Placement, place
from teleread.tui.graphics import Graphics, Listener, questions
from teleread.tui.widgets.picture_paint import painter_for

KITTY = "\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.32.1)\x1b\\\x1b[6;20;10t\x1b[?62;c"
XTERM = "\x1bP>|XTerm(379)\x1b\\\x1b[?1;0;1024S\x1b[?63;1;2;4;6c"
CELL = (10, 20)
AREA = place(512, 512, 40 * CELL[0], 20 * CELL[1])
GREYS = np.tile(np.arange(200, dtype=np.uint8), (200, 1))


def heard(*pieces: str) -> tuple[str, list[bytes]]:
    """What is left of the input, and what the listener told."""
    told: list[bytes] = []
    listener = Listener(told.append)
    return "".join(listener.take(piece) for piece in pieces), told


def test_answers_are_taken_out_of_what_is_typed_and_keys_stay() -> None:
    left, told = heard("s" + KITTY + "w")
    assert left == "sw"
    assert told[-1].decode() == KITTY


CUTS = [at for at in range(len(KITTY)) if KITTY[:at].rpartition("\x1b")[2][:2] in {"_G", "P>", "[?"}]
"""Places inside an answer, behind the signs that tell it from a key."""


@pytest.mark.parametrize("cut", CUTS)
def test_an_answer_that_comes_in_two_pieces_is_put_together(cut: int) -> None:
    left, told = heard("s" + KITTY[:cut], KITTY[cut:] + "w")
    assert left == "sw"
    assert told[-1].decode() == KITTY


def test_a_lone_escape_is_never_kept_back() -> None:
    assert heard("\x1b") == ("\x1b", [])
    assert heard("\x1b[A\x1b[<0;3;4M") == ("\x1b[A\x1b[<0;3;4M", [])


def test_later_answers_add_to_the_earlier_ones() -> None:
    told: list[TerminalFacts] = []
    graphics = Graphics(environment={"TERM": "xterm-256color", "COLORTERM": "truecolor"})
    assert graphics.name == "halfblock"
    graphics._told = lambda: told.append(graphics.facts)
    graphics._heard(b"\x1bP>|kitty(0.32.1)\x1b\\")
    assert graphics.name == "halfblock"
    graphics._heard(KITTY.encode())
    assert graphics.name == "kitty"
    assert told[-1].placeholders


def test_the_readers_choice_wins_over_what_the_terminal_says() -> None:
    graphics = Graphics("sextant", environment={"TERM": "xterm-256color", "COLORTERM": "truecolor"})
    graphics._heard(KITTY.encode())
    assert graphics.name == "sextant"
    assert graphics.painter().words == "sextants"
    assert Graphics("none", environment={"TERM": "xterm"}).name == "halfblock"


@pytest.mark.parametrize(
    ("environment", "kitty", "anything"),
    [
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x"}, False, True),
        ({"TERM": "screen-256color"}, False, True),
        ({"TERM": "linux"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False, False),
    ],
)
def test_a_terminal_is_asked_nothing_that_it_would_print(
    environment: dict[str, str], kitty: bool, anything: bool
) -> None:
    asked = questions(environment)
    assert ("\x1b_G" in asked) is kitty
    assert bool(asked) is anything


def test_cells_stay_cells_while_something_lies_on_the_pane() -> None:
    graphics = Graphics(environment={"TERM": "xterm-256color", "COLORTERM": "truecolor"})
    graphics._heard(XTERM.encode())
    assert graphics.painter().name == "sixel"
    assert not graphics.painter(plain=True).graphic


def placed(placement: Placement) -> tuple[int, int]:
    """Rows and columns of cells of a canvas."""
    return placement.height // CELL[1], placement.width // CELL[0]


@pytest.mark.parametrize("name", ["sixel", "iterm2", "kitty"])
def test_graphics_lie_over_empty_cells_and_begin_at_a_cell(name: str) -> None:
    painter = painter_for(name, "truecolor", TerminalFacts(True, True, True), CELL, environment={})
    settled = painter.settled(AREA)
    assert (settled.left % CELL[0], settled.top % CELL[1]) == (0, 0)
    made = painter.paint(GREYS, settled, [], key="a", moving=False)
    rows, columns = placed(AREA)
    assert len(made.rows) == rows
    assert all(row.count(" ") == columns for row in made.rows)
    assert made.over
    assert made.at == (settled.top // CELL[1], settled.left // CELL[0])


def test_a_kitty_picture_takes_away_the_one_before_and_going_back_sends_no_pixels() -> None:
    painter = painter_for("kitty", "truecolor", TerminalFacts(True, True), CELL, environment={"SSH_TTY": "x"})
    first = painter.paint(GREYS, AREA, [], key="a", moving=False)
    assert "a=t" in first.first
    assert "a=d" not in first.over
    second = painter.paint(GREYS, AREA, [], key="b", moving=False)
    assert second.over.index("a=p") < second.over.index("a=d")
    back = painter.known("a", AREA)
    assert back is not None
    assert back.first == ""
    assert len(back.over) < 120
    assert painter.known("c", AREA) is None
    assert "a=d" in painter.hide()
    assert painter.hide() == ""
    assert painter.clear().count("d=I") == 2


def test_placeholder_cells_carry_the_picture_so_that_what_covers_them_covers_it() -> None:
    facts = TerminalFacts(True, True, name="kitty", version=(0, 32))
    painter = painter_for("kitty", "truecolor", facts, CELL, environment={"SSH_TTY": "x"})
    assert painter.graphic
    assert not painter.over_cells
    made = painter.paint(GREYS, painter.settled(AREA), [], key="a", moving=False)
    assert made.over == ""
    assert sum("\U0010eeee" in row for row in made.rows) == 20
    assert "U=1" in made.first


def test_panes_count_their_pictures_apart() -> None:
    numbers = set()
    for slot in range(6):
        painter = painter_for(
            "kitty", "truecolor", TerminalFacts(True, True), CELL, slot, environment={"SSH_TTY": "x"}
        )
        made = painter.paint(GREYS, AREA, [], key="a", moving=False)
        numbers.add(made.over.split("i=")[1].split(",")[0])
    assert len(numbers) == 6


def test_sixel_in_motion_is_drawn_from_a_quarter_of_the_pixels_at_the_same_size() -> None:
    painter = painter_for("sixel", "truecolor", TerminalFacts(True, sixel=True), CELL, environment={})
    assert (painter.coarse(AREA, moving=False), painter.coarse(AREA, moving=True)) == (1, 2)
    still = painter.paint(np.zeros((400, 400), np.uint8), AREA, [], key="a", moving=False)
    moving = painter.paint(np.zeros((200, 200), np.uint8), AREA, [], key="b", moving=True)
    assert '"1;1;400;400' in still.over
    assert '"1;1;400;400' in moving.over
