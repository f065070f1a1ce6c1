"""As a radiologist would: a CT beside its prior, the planted nodule found, measured on both, in the report.

Once with keys alone and once with the mouse alone, in a real terminal on the demo's follow-up of nodules.
The reader here knows where the nodule is; everything between that and the sentence goes through the screen.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

import pytest

from teleread.demo.images.ct_chest import NODULES
from teleread.imaging.resample import Placement
from teleread.imaging.resample import place as fitted
from tests.e2e.flow import Place, set_up
from tests.e2e.terminal import Terminal
from tests.e2e.world import Cli

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pty is POSIX")

COLUMNS, LINES = 120, 40
PIXELS, SPACING = 512, 0.7
(X, Y, Z), RADIUS = NODULES[0]
NOW, BEFORE = 2 * RADIUS * 1.6, 2 * RADIUS
"""Diameters, mm."""
ZOOM = 1.5**6
SENTENCE = re.compile(
    r"(\d+(?:\.\d)?) x (\d+(?:\.\d)?) mm\s+\(series 2,\s+image (\d+)\),\s+previously\s+"
    r"(\d+(?:\.\d)?) x (\d+(?:\.\d)?) mm"
)


@dataclass
class Pane:
    """Where a pane lies on the screen, in cells from 0, and how its picture lies in it."""

    left: int
    top: int
    width: int
    height: int

    def placement(self, zoom: float = 1.0, centre: tuple[float, float] = (0.5, 0.5)) -> Placement:
        """As the program places it: half blocks, a rail at the right."""
        return fitted(PIXELS, PIXELS, self.width - 1, 2 * self.height, zoom=zoom, centre=centre)


class Desk:
    """The reading screen with the case and its prior beside each other."""

    def __init__(self, cli: Cli) -> None:
        self.terminal = Terminal(
            cli, size=(COLUMNS, LINES), NO_COLOR="", COLORTERM="truecolor", TELEREAD_GLYPHS="unicode"
        )
        half = (COLUMNS - 1) // 2
        self.panes = (Pane(0, 3, COLUMNS - 1 - half, LINES - 5), Pane(COLUMNS - half, 3, half, LINES - 5))

    def wait(self, words: str) -> None:
        """Until the screen shows something, and has drawn the rest of it."""
        self.terminal.wait(words)
        self.terminal.pump(0.4)

    def keys(self, keys: str) -> None:
        """Type."""
        self.terminal.send(keys)
        self.terminal.pump(0.5)

    def mouse(self, code: int, x: int, y: int, end: str = "M") -> None:
        """One report of the mouse at a cell from 0."""
        self.terminal.send(f"\x1b[<{code};{x + 1};{y + 1}{end}")

    def click(self, x: int, y: int) -> None:
        """Press and let go."""
        self.mouse(0, x, y)
        self.mouse(0, x, y, "m")
        self.terminal.pump(0.6)

    def click_on(self, words: str) -> None:
        """Click on words that the screen shows."""
        rows = self.terminal.screen.display
        row = max(index for index, line in enumerate(rows) if words in line)
        self.click(rows[row].index(words) + 1, row)

    def double_click_on(self, words: str) -> None:
        """Click twice at once on words that the screen shows, where it still does."""
        rows = self.terminal.screen.display
        found = [(line.index(words) + 1, index) for index, line in enumerate(rows) if words in line]
        for code in "MmMm" if found else "":
            self.mouse(0, *found[-1], end=code)
        self.terminal.pump(1.5)

    def drag(self, begin: tuple[int, int], end: tuple[int, int]) -> None:
        """Press, move, let go."""
        self.mouse(0, *begin)
        self.mouse(32, (begin[0] + end[0]) // 2, (begin[1] + end[1]) // 2)
        self.mouse(32, *end)
        self.mouse(0, *end, end="m")
        self.terminal.pump(0.6)


def nodule() -> tuple[float, float]:
    """Its place in the stored picture: columns and rows from the edge."""
    return PIXELS / 2 + X / SPACING, PIXELS / 2 + Y / SPACING


def with_arrows(across: int, down: int) -> str:
    """Arrow keys for so many steps of the cursor, eight at once with Shift."""
    out = ""
    for steps, less, more in ((across, "D", "C"), (down, "A", "B")):
        key = more if steps > 0 else less
        out += f"\x1b[1;2{key}" * (abs(steps) // 8) + f"\x1b[{key}" * (abs(steps) % 8)
    return out


@pytest.fixture
def ready(cli: Cli, place: Place) -> Cli:
    """A desk with the case and its prior here."""
    set_up(cli, place)
    cli.json("sync")
    (row,) = cli.items("okafor")
    cli.json("claim", row["task"])
    told = cli.json("fetch", row["task"], "--priors", "1", timeout=600)
    assert told["complete"] is True
    cli.json("report", "start", row["task"])
    return cli


def in_the_report(cli: Cli) -> tuple[float, ...]:
    """The sentence in the draft on disk: both diameters now, the image, both before."""
    (row,) = [one for one in cli.items() if one["draft"]]
    text = "\n".join(cli.json("report", "show", row["task"])["sections"].values())
    found = SENTENCE.search(text)
    assert found is not None, text
    return tuple(float(one) for one in found.groups())


def hold(figures: tuple[float, ...]) -> None:
    """They are the nodule's, within what cells of a terminal can tell."""
    long_now, short_now, _, long_before, short_before = figures
    for value, true in ((long_now, NOW), (short_now, NOW), (long_before, BEFORE), (short_before, BEFORE)):
        assert abs(value - true) < 2.2, figures
    assert long_now > long_before


def measured_with_keys(desk: Desk, pane: Pane, radius: float) -> None:
    """Both diameters of the nodule on the image in sight: to it, closer, and from edge to edge."""
    desk.keys("t")
    desk.wait("point 1 of 2")
    column, row = nodule()
    at = pane.placement()
    x, y = at.to_canvas(column, row)
    desk.keys(
        with_arrows(round(x - (at.left + at.shown_width / 2)), round(y - (at.top + at.shown_height / 2)))
    )
    desk.keys("z" * 6)
    close = pane.placement(ZOOM, (column / PIXELS, row / PIXELS))
    step = (close.box[2] - close.box[0]) / close.shown_width * SPACING
    reach = round(radius / step)
    desk.keys(with_arrows(-reach, 0) + "\r" + with_arrows(2 * reach, 0) + "\r")
    desk.wait("puts it into the report")
    desk.keys(with_arrows(-reach, -reach) + "\r" + with_arrows(0, 2 * reach) + "\r")
    desk.wait(" x ")
    desk.keys("\x1b")


def test_a_nodule_is_compared_with_keys_alone(ready: Cli) -> None:
    desk = Desk(ready)
    try:
        desk.wait("oldest pull")
        desk.keys("/")
        desk.terminal.pump(0.5)
        desk.keys("okafor")
        desk.wait("1 of ")
        desk.keys("\r")
        desk.keys("\r")
        desk.wait("151/300")
        desk.keys("c")
        desk.wait("Prior")
        desk.wait("76/150")
        desk.keys("W" * 8 + "w" * 3)
        desk.wait("68/300")
        desk.wait("yoked")
        measured_with_keys(desk, desk.panes[0], NOW / 2)
        desk.keys("e")
        desk.wait("◆ key image")
        desk.keys("\t")
        measured_with_keys(desk, desk.panes[1], BEFORE / 2)
        desk.keys("m")
        desk.wait("previously")
        desk.keys("w")
        desk.keys("\r")
        desk.wait("In the report, Findings")
        desk.terminal.pump(1.0)
        hold(in_the_report(ready))
    finally:
        desk.terminal.kill()


def measured_with_the_mouse(desk: Desk, pane: Pane, radius: float) -> None:
    """Ctrl and the wheel bring the nodule closer, two drags measure it."""
    column, row = nodule()
    x, y = pane.placement().to_canvas(column, row)
    cell = pane.left + int(x), pane.top + int(y / 2)
    for _ in range(6):
        desk.mouse(64 + 16, *cell)
        desk.terminal.pump(0.3)
        cell = pane.left + (pane.width - 1) // 2, pane.top + pane.height // 2
    close = pane.placement(ZOOM, (0.3, 0.4))
    reach = round(radius / ((close.box[2] - close.box[0]) / close.shown_width * SPACING))
    middle = pane.left + (pane.width - 1) // 2, pane.top + pane.height // 2
    desk.drag((middle[0] - reach, middle[1]), (middle[0] + reach, middle[1]))
    desk.wait("puts it into the report")
    desk.drag((middle[0], middle[1] - reach // 2), (middle[0], middle[1] + reach // 2))
    desk.wait(" x ")


def test_a_nodule_is_compared_with_the_mouse_alone(ready: Cli) -> None:
    desk = Desk(ready)
    try:
        desk.wait("oldest pull")
        desk.wait("OKAFOR")
        for _ in range(20):  # rows may still move under the mouse
            desk.double_click_on("OKAFOR")
            if "Worklist › Reading" in desk.terminal.text():
                break
        desk.wait("151/300")
        desk.click_on("compare")
        desk.wait("Prior")
        desk.wait("76/150")
        middle = desk.panes[0].left + 20, desk.panes[0].top + 15
        for _ in range(83):
            desk.mouse(64, *middle)
        desk.wait("68/300")
        desk.wait("yoked")
        desk.click(*middle)
        desk.click_on("measure")
        desk.wait("point 1 of 2")
        measured_with_the_mouse(desk, desk.panes[0], NOW / 2)
        desk.click_on("key image")
        desk.wait("◆ key image")
        desk.click(desk.panes[1].left + 5, desk.panes[1].top - 1)
        desk.click_on("measure")
        measured_with_the_mouse(desk, desk.panes[1], BEFORE / 2)
        desk.click_on("measures")
        desk.wait("previously")
        desk.click_on("previously")
        desk.click_on("previously")
        desk.wait("In the report, Findings")
        desk.terminal.pump(1.0)
        hold(in_the_report(ready))
    finally:
        desk.terminal.kill()
