"""Every screen in a real pty, with hostile text in every field: nothing of it may drive the terminal."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("a pty is POSIX", allow_module_level=True)

import fcntl
import pty
import termios

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = re.compile(
    rb"\x1b\[[0-9;:]*m"  # colours and weights
    rb"|\x1b\[[0-9;]*[HABCDGKJ]"  # cursor and erasing, by Textual itself
    rb"|\x1b\[\?[0-9;]*[hl]"  # modes
    rb"|\x1b\[\?[0-9;]*\$p"  # which modes are known
    rb"|\x1b\[[<>=]?[0-9;]*u"  # keyboard protocol
    rb"|\x1b\]22;[a-z]*(?:\x1b\\|\x07)?"  # shape of the mouse pointer
    rb"|\x1b\[\?[0-9]*c|\x1b\[[0-9]*c|\x1b\[6n"
    rb"|\x1b[\\78=>]|\x1b\(B"
)
PATIENCE = 60.0
"""Seconds a crowded machine may take to answer."""
SIZES = ((80, 24), (120, 40), (160, 50))
PASTED = b"\x1b[200~pasted \x1b]52;c;ZXZpbA==\x07\x1b[2J\x9b2J\x00[@click=app.quit]z[/x]\x1b[201~"
KEYS = (
    ("list", b"sss"),
    ("filter", b"/\x1b"),
    ("paste into the filter", b"/"),
    ("pasted filter", PASTED),
    ("out of the filter", b"\x1b\x1b"),
    ("go menu", b"g\x1b"),
    ("keys", b"?\x1b"),
    ("palette", b":fi\x1b"),
    ("order from the list", b"o\x1b"),
    ("refused claim", b"+"),
    ("give back", b"-"),
    ("refused give-back", b"1"),
    ("refused fetch", b"F"),
    ("reading", b"\r"),
    ("order", b"o\x1b"),
    ("priors", b"p"),
    ("prior report", b"\r\x1b"),
    ("report", b"i"),
    ("pasted words", PASTED),
    ("checks", b"\x1bj\x1b"),
    ("sign", b"\x1b[19~\x1b"),
    ("discard", b"\x1b[3;2~\x1b"),
    ("outbox", b"\x1bgo"),
    ("outbox detail", b"\r"),
    ("refused retry", b"R\x1b"),
    ("transfers", b"gt"),
    ("reports", b"gr"),
    ("a signed report", b"\r\x1b"),
    ("messages", b"gn"),
    ("manual", b"gh"),
    ("settings", b"gs"),
    ("lock", b"\x1b[24~"),
    ("wrong word", b"x\r"),
)
WORDS = {
    "keys": b"Keys here",
    "palette": b"palette",
    "refused claim": b"The hub refuses",
    "give back": b"the draft is kept",
    "refused give-back": b"The hub says",
    "refused fetch": b"The ",
    "reading": b"born",
    "order": b"Question",
    "priors": b"Priors",
    "report": b"Technique",
    "pasted words": b"pasted",
    "sign": b"nothing is sent yet",
    "discard": b"to the trash",
    "outbox": b"WALSH",
    "transfers": b"on the way",
    "manual": b"Starting",
    "settings": b"Settings",
    "lock": b"teleread is locked",
    "wrong word": b"Not open",
}
"""What must be seen, so that no screen is left out unnoticed."""


class Terminal:
    """One program in a pty, read until it is quiet."""

    def __init__(self, kind: str, columns: int, rows: int) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.columns, self.rows = columns, rows
        self.modes: list[Any] = termios.tcgetattr(self.slave)
        environ = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.tui_hostile", kind],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**environ, "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            start_new_session=True,
        )
        self.raw = b""

    def read(self, wait: float, quiet: float = 0.25) -> bytes:
        """What comes until nothing comes for a moment; at most so many seconds."""
        got = b""
        until = time.monotonic() + wait
        while time.monotonic() < until:
            ready = select.select([self.master], [], [], quiet)[0]
            if not ready:
                if got:
                    break
                continue
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                break
            if not piece:
                break
            got += piece
        self.raw += got
        return got

    def wait_for(self, words: bytes, since: int = 0) -> None:
        """Read on until the words have come; a crowded machine may be slow."""
        until = time.monotonic() + PATIENCE
        while words not in self.raw[since:] and time.monotonic() < until and self.process.poll() is None:
            self.read(1.0)

    def type(self, keys: bytes) -> None:
        """Send keys, a lone Escape with the pause that makes it one, a paste in one piece."""
        pattern = rb"\x1b\[200~.*?\x1b\[201~|\x1b\[[0-9;]*[~A-D]|\x1b|[^\x1b]"
        for key in re.findall(pattern, keys, re.DOTALL):
            os.write(self.master, key)
            self.read(1.5 if key == b"\x1b" else 1.0, 0.15)

    def see(self, name: str, keys: bytes, words: bytes = b"") -> None:
        """Send keys and wait for what they must bring; the program goes on."""
        before = len(self.raw)
        self.type(keys)
        self.wait_for(words, before)
        assert self.process.poll() is None, f"the program ended at: {name}"
        assert words in self.raw[before:], f"not seen: {name}"

    def click(self, column: int, row: int, button: int = 0) -> None:
        """Press and let go at a cell, both counted from 1."""
        os.write(self.master, b"\x1b[<%d;%d;%dM\x1b[<%d;%d;%dm" % (button, column, row, button, column, row))

    def leave(self, *, locked: bool = False) -> dict[str, Any]:
        """End it; what the program told at its end.

        Args:
            locked: By F12 and Ctrl+D, from wherever it is; else ``g q``, and ``y`` as reports are not issued.
        """
        self.type(b"\x1b[24~" if locked else b"gq")
        self.wait_for(b"is locked" if locked else b"NOT ISSUED")
        self.type(b"\x04" if locked else b"y")
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.5)
        self.read(0.5)
        assert self.process.poll() == 0, self.raw[-400:]
        found = re.search(rb"TOLD (\{.*\})", self.raw)
        assert found is not None, self.raw[-400:]
        told: dict[str, Any] = json.loads(found[1])
        return told

    def close(self) -> None:
        """End the program."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for one in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(one)


Starter = Callable[..., Terminal]


@pytest.fixture
def start() -> Iterator[Starter]:
    """Starts programs, and ends them."""
    running: list[Terminal] = []

    def starter(kind: str, size: tuple[int, int] = (120, 40)) -> Terminal:
        running.append(Terminal(kind, *size))
        running[-1].wait_for(b"RUSSO")
        running[-1].read(3.0, 0.5)
        return running[-1]

    yield starter
    for one in running:
        one.close()


def inert(body: bytes) -> None:
    """Nothing but Textual's own sequences, and no control character besides."""
    shown = body.decode()
    assert not [char for char in "\x00\x9b\x9d\u202e\u200b" if char in shown]
    assert "\x1b]52" not in shown
    assert "\x1b]0" not in shown
    assert "\x1b]8;" not in shown, "a way out of the program"
    assert shown.count("\x1b[2J") <= 2  # Textual's own
    rest = ALLOWED.sub(b"", body)
    assert b"\x1b" not in rest, rest[max(0, rest.find(b"\x1b") - 20) : rest.find(b"\x1b") + 30]
    controls = {byte for byte in rest if byte < 32} - {10, 13}
    assert not controls, controls


def restored(terminal: Terminal) -> None:
    """The terminal is as it was: modes off, cursor shown, first screen back, echo on."""
    for mode in (b"1049", b"1000", b"1003", b"1006", b"1015", b"2004", b"1004"):
        on, off = terminal.raw.rfind(b"\x1b[?" + mode + b"h"), terminal.raw.rfind(b"\x1b[?" + mode + b"l")
        assert off >= on, f"mode {mode.decode()} is left on"
    assert terminal.raw.rfind(b"\x1b[?25h") > terminal.raw.rfind(b"\x1b[?25l"), "the cursor stays hidden"
    keyboard = terminal.raw.rfind(b"\x1b[>1u"), terminal.raw.rfind(b"\x1b[<u")
    assert keyboard[1] >= keyboard[0], "the keyboard protocol is left on"
    now = termios.tcgetattr(terminal.slave)
    assert now[3] & (termios.ECHO | termios.ICANON | termios.ISIG) == terminal.modes[3] & (
        termios.ECHO | termios.ICANON | termios.ISIG
    )
    assert now[0] == terminal.modes[0]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_no_screen_lets_a_hostile_text_reach_the_terminal(start: Starter, size: tuple[int, int]) -> None:
    terminal = start("raw", size)
    for name, keys in KEYS:
        terminal.see(name, keys, WORDS.get(name, b""))
    assert b"52;c;ZXZpbA==" in terminal.raw  # what is left of it is text, seen and inert
    terminal.see("unlock", b"opensesame\r", b"Settings")
    told = terminal.leave()
    inert(terminal.raw)
    restored(terminal)
    assert (told["mishaps"], told["words"]) == ([], "")
    assert (told["signed"], told["discarded"], told["resolved"]) == (0, 0, 0)
    pasted = [text for text in told["drafts"].values() if "pasted" in text]
    assert pasted, "what was pasted is in the draft"
    assert all(char.isprintable() or char == "\n" for text in pasted for char in text)


def test_text_that_was_cleaned_once_is_shown_as_it_is_and_its_markup_does_nothing(start: Starter) -> None:
    terminal = start("cleaned")
    for name, keys in KEYS:
        terminal.see(name, keys, WORDS.get(name, b""))
    assert b"[@click=app.quit]X[/][/x]" in terminal.raw
    terminal.see("unlock", b"opensesame\r")
    told = terminal.leave()
    inert(terminal.raw)
    assert (told["mishaps"], told["words"]) == ([], "")


@pytest.mark.parametrize("kind", ["raw", "cleaned"])
def test_markup_in_a_name_is_text_and_a_click_on_it_does_nothing(start: Starter, kind: str) -> None:
    terminal = start(kind)
    for row in range(1, terminal.rows - 1, 2):
        for column in range(20, terminal.columns, 9):
            terminal.click(column, row)
        terminal.read(0.3, 0.05)
        assert terminal.process.poll() is None, "a click on a name ended the program"
    terminal.type(b"\x1b\x1b")
    told = terminal.leave()
    inert(terminal.raw)
    assert (told["mishaps"], told["signed"]) == ([], 0)


def ready_to_sign(terminal: Terminal) -> None:
    """A case with nothing left to settle, its sign sheet open."""
    terminal.see("reading", b"s\r", b"born")
    terminal.see("report", b"i", b"Technique")
    terminal.type(b"\x1b[12~normal" + b"\x1b[1;3B" * 4 + b"No abscess.")
    terminal.read(1.0, 0.6)
    terminal.see("sign", b"\x1b[19~", b"nothing is sent yet")


def click_over(terminal: Terminal, columns: range, rows: range) -> None:
    """Click, double click, and click with the other button, all over a part of the screen."""
    for row in rows:
        for column in columns:
            for button in (0, 0, 2):
                terminal.click(column, row, button)
        terminal.read(0.15, 0.02)
        assert terminal.process.poll() is None


def heard(terminal: Terminal) -> None:
    """Every click was taken: a key typed behind them is answered."""
    for _ in range(3):
        before = len(terminal.raw)
        terminal.type(b"\t")
        terminal.wait_for(b"stay here", before)
        if b"stay here" in terminal.raw[before:]:
            return
    raise AssertionError("the clicks were not taken in time")


@pytest.mark.parametrize(
    ("size", "left", "top"), [((80, 24), 1, 5), ((160, 50), 91, 5)], ids=["80x24", "160x50"]
)
def test_no_click_and_no_key_but_the_right_digits_signs(
    start: Starter, size: tuple[int, int], left: int, top: int
) -> None:
    terminal = start("own", size)
    ready_to_sign(terminal)
    sheet = range(left, size[0] + 1, 9), range(top, size[1] - 1)
    click_over(terminal, *sheet)  # the PIN is not typed
    terminal.see("the PIN", b"246813\r", b"digit. Esc")
    click_over(terminal, *sheet)  # now two digits would sign
    heard(terminal)
    terminal.type(b"\r\r  ")
    terminal.see("the digits", b"14", b"Signed")  # they do, so the clicks met a sheet that could
    told = terminal.leave()
    assert (told["mishaps"], told["signed"], told["discarded"]) == ([], 1, 0)


def test_clicks_anywhere_around_a_sign_sheet_sign_nothing(start: Starter) -> None:
    terminal = start("own")
    ready_to_sign(terminal)
    terminal.see("the PIN", b"246813\r", b"digit. Esc")
    click_over(terminal, range(1, terminal.columns + 1, 7), range(1, terminal.rows + 1))
    told = terminal.leave(locked=True)
    restored(terminal)
    assert (told["mishaps"], told["signed"], told["discarded"], told["resolved"]) == ([], 0, 0, 0)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (b"gs", b"Settings"),
        (b"/modality:zz\r", "No match for “modality:zz”".encode()),
        (b"gsgh", b"Starting"),
        (b"\ritypedahead", b"typedahead"),
    ],
    ids=["menu", "filter", "two places", "case and report"],
)
def test_keys_of_one_write_go_where_the_key_before_them_leads(
    start: Starter, keys: bytes, words: bytes
) -> None:
    terminal = start("own")
    before = len(terminal.raw)
    os.write(terminal.master, keys)
    until = time.monotonic() + PATIENCE
    while words not in shown_text(terminal.raw[before:]) and time.monotonic() < until:
        terminal.read(1.0)
    assert words in shown_text(terminal.raw[before:])


def shown_text(body: bytes) -> bytes:
    """What was painted, without the sequences between: letters typed one by one stand apart in it."""
    return ALLOWED.sub(b"", body)
