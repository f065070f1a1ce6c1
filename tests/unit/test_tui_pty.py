"""Every screen in a real pty, with hostile text in every field: nothing of it may drive the terminal."""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

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
KEYS = (
    ("list", b"sss"),
    ("filter", b"/\x1b"),
    ("go menu", b"g\x1b"),
    ("keys", b"?\x1b"),
    ("palette", b":fi\x1b"),
    ("order from the list", b"o\x1b"),
    ("reading", b"\r"),
    ("order", b"o\x1b"),
    ("priors", b"p"),
    ("prior report", b"\r\x1b"),
    ("report", b"i"),
    ("checks", b"\x1bj\x1b"),
    ("sign", b"\x1b[19~\x1b"),
    ("outbox", b"\x1bgo"),
    ("outbox detail", b"\r\x1b"),
    ("transfers", b"gt"),
    ("reports", b"gr"),
    ("messages", b"gn"),
    ("manual", b"gh"),
    ("themes", b"gs"),
    ("lock", b"\x1b[24~"),
)
WORDS = {
    "keys": b"Keys here",
    "palette": b"palette",
    "reading": b"born",
    "order": b"Question",
    "priors": b"Priors",
    "report": b"Impression",
    "sign": b"nothing is sent yet",
    "outbox": b"Outbox",
    "transfers": b"Transfers",
    "manual": b"Manual",
    "lock": b"teleread is locked",
}
"""What must be seen, so that no screen is left out unnoticed."""

CHILD = '''
import dataclasses, sys
sys.path.insert(0, {root!r})
from teleread.model.text import SafeText
from teleread.tui.app import TelereadApp
from tests.unit import tui_fake

EVIL = "\\x1b]52;c;ZXZpbA==\\x07[@click=app.quit]X[/][/x]\\x9b2J\\x9d0;EVILTITLE\\x07\\u202e\\u200b\\x1b[2J"
KEEP = {{"priority", "sex", "birth_date", "nhs_status", "study_uid", "state"}}


def spoil(value, name=""):
    """The same value with the payload in every text that is shown, as if the edge had failed."""
    if type(value) is SafeText:
        return value if name in KEEP else SafeText(str(value) + EVIL)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        made = {{f.name: spoil(getattr(value, f.name), f.name) for f in dataclasses.fields(value)}}
        return dataclasses.replace(value, **made)
    if isinstance(value, tuple | list):
        return type(value)(spoil(one, name) for one in value)
    return value


class Hostile:
    def __init__(self):
        self.inner = tui_fake.FakeStation(12)

    def __getattr__(self, name):
        found = getattr(self.inner, name)
        if not callable(found) or name in {{"setting", "hubs"}}:
            return found
        return lambda *args, **kwargs: spoil(found(*args, **kwargs))


app = TelereadApp(Hostile())
app.preload()
app.run()
print("MISHAPS", app.mishaps, app.exit_words)
'''


class Terminal:
    """One program in a pty, read until it is quiet."""

    def __init__(self, code: str, columns: int, rows: int) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environ = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environ, "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore"},
            start_new_session=True,
        )
        os.close(slave)
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

    def wait_for(self, words: bytes, since: int) -> None:
        """Read on until the words have come; a crowded machine may be slow."""
        until = time.monotonic() + 20.0
        while words not in self.raw[since:] and time.monotonic() < until and self.process.poll() is None:
            self.read(1.0)

    def type(self, keys: bytes) -> None:
        """Send keys, a lone Escape with the pause that makes it one."""
        for key in re.findall(rb"\x1b\[[0-9;]*~|\x1b|[^\x1b]", keys):
            os.write(self.master, key)
            self.read(1.5 if key == b"\x1b" else 1.0, 0.15)

    def close(self) -> None:
        """End the program."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self.master)


@pytest.fixture(params=[(80, 24), (160, 50)], ids=["80x24", "160x50"])
def hostile(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    terminal = Terminal(CHILD.format(root=str(ROOT)), *request.param)
    yield terminal
    terminal.close()


def test_no_screen_lets_a_hostile_text_reach_the_terminal(hostile: Terminal) -> None:
    hostile.read(20.0, 1.0)
    for name, keys in KEYS:
        before = len(hostile.raw)
        hostile.type(keys)
        hostile.wait_for(WORDS.get(name, b""), before)
        assert hostile.process.poll() is None, f"the program ended at: {name}"
        assert WORDS.get(name, b"") in hostile.raw[before:], f"not seen: {name}"
    body = hostile.raw
    assert b"52;c;ZXZpbA==" in body  # what is left of it is text, seen and inert
    shown = body.decode()
    assert not [char for char in "\x9b\x9d\u202e\u200b" if char in shown]
    assert "\x1b]52" not in shown
    assert "\x1b]0" not in shown
    assert shown.count("\x1b[2J") <= 2  # Textual's own
    rest = ALLOWED.sub(b"", body)
    assert b"\x1b" not in rest, rest[max(0, rest.find(b"\x1b") - 20) : rest.find(b"\x1b") + 30]
    controls = {byte for byte in rest if byte < 32} - {10, 13}
    assert not controls, controls


def test_markup_in_a_name_is_text_and_a_click_on_it_does_nothing(hostile: Terminal) -> None:
    hostile.read(20.0, 1.0)
    assert b"RUSSO" in hostile.raw
    for column in range(20, 40, 3):
        os.write(hostile.master, b"\x1b[<0;%d;6M\x1b[<0;%d;6m" % (column, column))
        hostile.read(0.4, 0.1)
    assert hostile.process.poll() is None
