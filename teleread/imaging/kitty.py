"""The Kitty graphics protocol: pixels for kitty, Ghostty, WezTerm and Konsole.

Pictures are sent once under a number and then only placed, so that going back costs a few bytes. Local
terminals take them from shared memory; nothing is ever written to a file.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
import struct
import sys
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .protocol import Capabilities, PlacedText

__all__ = ["Kitty", "KittyStore", "SharedPictures", "delete", "grey_png", "place", "placeholder", "transmit"]

CHUNK: Final = 4096
"""Most bytes of base64 in one sequence."""
MAX_HELD: Final = 128 * 1024 * 1024
"""Most bytes of pixels kept in the terminal; its own limit is 320 MB."""
FIRST_ID: Final = 0x7E0001
"""Numbers are above what other programs count up from 1, and below 2^24, so that a colour can say them."""

_UP: Final = 2
"""PNG's filter by the row above (PNG 9.2)."""
_SHM: Final = Path("/dev/shm")
_LEFT: Final = re.compile(r"teleread-([0-9]{1,10})-[0-9a-f]{16}")
_CELL: Final = "\U0010eeee"
_MARKS: Final = (
    "305 30D-30E 310 312 33D-33F 346 34A-34C 350-352 357 35B 363-36F 483-487 592-595 597-599 59C-5A1 "
    "5A8-5A9 5AB-5AC 5AF 5C4 610-617 657-65B 65D-65E 6D6-6DC 6DF-6E2 6E4 6E7-6E8 6EB-6EC 730 732-733 "
    "735-736 73A 73D 73F-741 743 745 747 749-74A 7EB-7F1 7F3 816-819 81B-823 825-827 829-82D 951 953-954 "
    "F82-F83 F86-F87 135D-135F 17DD 193A 1A17 1A75-1A7C 1B6B 1B6D-1B73 1CD0-1CD2 1CDA-1CDB 1CE0 1DC0-1DC1 "
    "1DC3-1DC9 1DCB-1DCC 1DD1-1DE6 1DFE 20D0-20D1 20D4-20D7 20DB-20DC 20E1 20E7 20E9 20F0 2CEF-2CF1 "
    "2DE0-2DFF A66F A67C-A67D A6F0-A6F1 A8E0-A8F1 AAB0 AAB2-AAB3 AAB7-AAB8 AABE-AABF AAC1 FE20-FE26 10A0F "
    "10A38 1D185-1D189 1D1AA-1D1AD 1D242-1D244"
)
"""Marks that number rows and columns of placeholder cells: those of combining class 230 in Unicode 6.0 that
compose with no letter, in order, as the protocol lists them."""

MAX_CELLS: Final = 297
"""Most rows and columns of placeholders."""


def grey_png(picture: NDArray[np.uint8], level: int = 1) -> bytes:
    """A PNG without a library: greys or RGB, for speed.

    Args:
        picture: Greys, height x width, or RGB, height x width x 3.
        level: Of zlib.
    """
    height, width = picture.shape[:2]
    flat = picture.reshape(height, -1)
    rows = np.empty((height, 1 + flat.shape[1]), np.uint8)
    rows[:, 0] = _UP  # each row as its difference from the one above: fewer bytes, and sooner
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    coder = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    body = coder.compress(rows.data) + coder.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0 if picture.ndim == 2 else 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
        for kind, data in parts
    )


def transmit(number: int, picture: NDArray[np.uint8], shared: SharedPictures | None = None) -> str:
    """Send a picture under a number, without showing it.

    Args:
        number: 1 to 2^24 - 1.
        picture: Greys or RGB.
        shared: Where the terminal runs on this machine; None sends a PNG through the line.
    """
    height, width = picture.shape[:2]
    if shared is not None:
        name = shared.put(picture)
        if name:
            body = base64.standard_b64encode(name.encode()).decode()
            return f"\x1b_Ga=t,q=2,i={number},f=24,t=s,s={width},v={height};{body}\x1b\\"
    body = base64.standard_b64encode(grey_png(picture)).decode()
    chunks = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)] or [""]
    out = []
    for index, chunk in enumerate(chunks):
        first = f"a=t,q=2,i={number},f=100," if index == 0 else ""
        out.append(f"\x1b_G{first}m={int(index < len(chunks) - 1)};{chunk}\x1b\\")
    return "".join(out)


def place(number: int, columns: int, rows: int, *, placement: int = 1, virtual: bool = False) -> str:
    """Show a picture that was sent, at the cursor, over so many cells; the cursor stays.

    Args:
        number: Under which it was sent.
        columns: Cells across.
        rows: Cells down.
        placement: Its own number, so that placing it again moves it.
        virtual: For placeholders: nothing shows until their cells are written.
    """
    unseen = ",U=1" if virtual else ""
    return f"\x1b_Ga=p,q=2,i={number},p={placement},c={columns},r={rows},C=1{unseen}\x1b\\"


def delete(number: int | None = None, *, free: bool = False) -> str:
    """Take a picture off the screen, or all.

    Args:
        number: Which; None takes all that show.
        free: Let the terminal forget its pixels too.
    """
    if number is None:
        return f"\x1b_Ga=d,q=2,d={'A' if free else 'a'}\x1b\\"
    return f"\x1b_Ga=d,q=2,d={'I' if free else 'i'},i={number}\x1b\\"


def placeholder(number: int, columns: int, rows: int) -> list[str]:
    """Lines of cells that stand for a picture wherever they are printed, scrolled or overwritten.

    Args:
        number: Under which it was sent; its placement must be virtual.
        columns: Cells across, at most `MAX_CELLS`.
        rows: Cells down.
    """
    columns, rows = min(columns, MAX_CELLS), min(rows, MAX_CELLS)
    colour = f"\x1b[38;2;{number >> 16 & 255};{number >> 8 & 255};{number & 255}m"
    marks = _marks()
    return [
        colour + "".join(_CELL + marks[row] + marks[column] for column in range(columns)) + "\x1b[39m"
        for row in range(rows)
    ]


@cache
def _marks() -> list[str]:
    marks: list[str] = []
    for stretch in _MARKS.split():
        first, _, last = stretch.partition("-")
        marks += map(chr, range(int(first, 16), int(last or first, 16) + 1))
    return marks


class SharedPictures:
    """Pictures handed to a local terminal in shared memory; it takes and removes them.

    What a terminal did not take is removed by `close`, and before that once many lie about; what a killed
    process left behind is removed by the next one.
    """

    MOST = 8

    def __init__(self) -> None:
        self._names: list[str] = []
        _sweep()

    @staticmethod
    def usable() -> bool:
        """Whether this machine has it."""
        return sys.platform == "linux" and _SHM.is_dir()

    def put(self, picture: NDArray[np.uint8]) -> str:
        """Lay a picture out as RGB; the name to tell the terminal, empty where there is no room."""
        name = f"/teleread-{os.getpid()}-{secrets.token_hex(8)}"
        colours = picture if picture.ndim == 3 else _coloured(picture)
        try:
            handle = os.open(_SHM / name[1:], os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        except OSError:
            return ""
        self._names.append(name)
        try:
            view, at = np.ascontiguousarray(colours).reshape(-1).data, 0
            while at < len(view):
                at += os.write(handle, view[at:])
        except OSError:
            self._remove(self._names.pop())
            return ""
        finally:
            os.close(handle)
        while len(self._names) > self.MOST:
            self._remove(self._names.pop(0))
        return name

    def close(self) -> None:
        """Remove what nobody took."""
        while self._names:
            self._remove(self._names.pop())

    @staticmethod
    def _remove(name: str) -> None:
        with contextlib.suppress(OSError):
            (_SHM / name[1:]).unlink()


def _sweep() -> None:
    """Remove pictures of this account's processes that are no more: a picture is a patient's, in clear."""
    for one in _SHM.glob("teleread-*-*") if SharedPictures.usable() else ():
        whose = _LEFT.fullmatch(one.name)
        with contextlib.suppress(OSError):
            if whose and one.stat().st_uid == os.getuid() and not Path("/proc", whose[1]).exists():
                one.unlink()


def _coloured(greys: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Greys as RGB; in half the time of repeating them."""
    colours = np.empty((*greys.shape, 3), np.uint8)
    for channel in range(3):
        colours[..., channel] = greys
    return colours


class KittyStore:
    """What the terminal holds: pictures by key, the least used forgotten first.

    Args:
        shared: As for `transmit`.
        most: Most bytes kept in the terminal.
        first: Number of its first picture.
    """

    def __init__(
        self, shared: SharedPictures | None = None, most: int = MAX_HELD, first: int = FIRST_ID
    ) -> None:
        self._shared = shared
        self._most = most
        self._held: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._spare: list[int] = []
        """Numbers of pictures forgotten here, whose pixels the next one under the number replaces."""
        self._bytes = 0
        self._first = self._next = first

    def show(self, key: str, picture: NDArray[np.uint8] | None) -> tuple[int, str]:
        """The number of a picture, and what has to be sent first: nothing when the terminal holds it.

        Args:
            key: A name of exactly these pixels (image, frame, window, size).
            picture: The pixels; may be None where `holds` says that they are not needed.
        """
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key][0], ""
        if picture is None:
            raise KeyError(key)
        self._make_room(picture.nbytes)
        number = self._spare.pop() if self._spare else self._new_number()
        self._held[key] = (number, picture.nbytes)
        self._bytes += picture.nbytes
        return number, transmit(number, picture, self._shared)

    def holds(self, key: str) -> bool:
        """Whether the terminal has it already."""
        return key in self._held

    def _new_number(self) -> int:
        number, self._next = self._next, self._next + 1 if self._next < 0xFFFFFF else self._first
        return number

    def _make_room(self, size: int) -> None:
        # Not by deleting: kitty frees with one picture every other that is not placed just then.
        while self._held and self._bytes + size > self._most:
            _, (number, held) = self._held.popitem(last=False)
            self._bytes -= held
            self._spare.append(number)

    def clear(self) -> str:
        """Take everything of ours off the screen and out of the terminal (lock, exit)."""
        numbers = [*(number for number, _ in self._held.values()), *self._spare]
        out = "".join(delete(number, free=True) for number in numbers)
        self._held.clear()
        self._spare.clear()
        self._bytes = 0
        if self._shared is not None:
            self._shared.close()
        return out


class Kitty:
    """Draws greys or RGB by the Kitty protocol, one picture after the other.

    Args:
        cell: Width and height of a cell, pixels.
        shared: For a local terminal.
        placeholders: Write cells that stand for the picture, in place of putting it at the cursor.
    """

    def __init__(
        self,
        cell: tuple[int, int] = (8, 16),
        *,
        shared: SharedPictures | None = None,
        placeholders: bool = False,
    ) -> None:
        self.cell = cell
        self.store = KittyStore(shared)
        self.placeholders = placeholders

    @property
    def capabilities(self) -> Capabilities:
        """A cell holds its real pixels; text needs rows of its own."""
        return Capabilities("kitty", self.cell[0], self.cell[1], text_over_picture=False)

    def cells(self, picture: NDArray[np.uint8]) -> list[str]:
        """A picture as lines, one for each row of cells it covers."""
        return self.keyed(
            f"{zlib.crc32(np.ascontiguousarray(picture).reshape(-1).data):08x}-{picture.shape}", picture
        )

    def keyed(self, key: str, picture: NDArray[np.uint8]) -> list[str]:
        """The same for a picture whose name is known; nothing is sent twice.

        Args:
            key: A name of exactly these pixels.
            picture: Greys or RGB.
        """
        columns = min(MAX_CELLS, -(-picture.shape[1] // self.cell[0]))
        rows = min(MAX_CELLS, -(-picture.shape[0] // self.cell[1]))
        number, sent = self.store.show(key, picture)
        if self.placeholders:
            lines = placeholder(number, columns, rows)
            return [sent + place(number, columns, rows, virtual=True) + lines[0], *lines[1:]]
        return [sent + place(number, columns, rows), *[""] * (rows - 1)]

    def compose(self, picture: NDArray[np.uint8], texts: Sequence[PlacedText]) -> list[str]:
        """The same; texts need rows of their own."""
        del texts
        return self.cells(picture)

    def clear(self) -> str:
        """What takes all of ours off the screen."""
        return self.store.clear()
