"""Thousands of damaged files: a picture, a placeholder or words, in time, in little memory, no traceback.

Good files come from the public ones beside the checkout, and from generated ones where those are absent, so
that the campaign means something in a plain clone too. Everything follows from the seed.
"""

from __future__ import annotations

import io
import random
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from teleread.imaging.decode import DecodePool
from teleread.imaging.frames import CannotShow, Frame
from teleread.imaging.objects import Document, Presentation
from teleread.imaging.render import render, render_presented
from teleread.model.text import was_cleaned
from tests.unit.imaging_files import (
    DEFLATED,
    IMPLICIT_LE,
    JPEG_LOSSLESS,
    described,
    element,
    encapsulated,
    item,
    part10,
    picture,
    us,
)
from tests.unit.imaging_jpeg import encode

SEED = 20261124
SECONDS = 2.0
MEGABYTES = 512
BARE = 96
"""What a process with numpy and Pillow takes before the first file."""
BIGGEST = 400_000
"""Largest file that is made into mutants, bytes."""

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool() as pool:
        pool.decode(b"warm")
        yield pool


def _code(value: bytes, meaning: bytes) -> bytes:
    name = element(0x00080104, "LO", meaning)
    return item(element(0x00080100, "SH", value), element(0x00080102, "SH", b"DCM"), name)


def _generated() -> list[bytes]:
    """Small good objects of every kind that can be read."""
    rng = np.random.default_rng(SEED)
    grey = rng.integers(0, 4096, (24, 20)).astype(np.uint16)
    colour = rng.integers(0, 256, (9, 7, 3)).astype(np.uint8)
    palette = {0x00281101 + n: ("US", us(256, 0, 16)) for n in range(3)} | {
        0x00281201 + n: ("OW", rng.integers(0, 65536, 256).astype(np.uint16).tobytes()) for n in range(3)
    }
    deflated = part10(described(grey), syntax=DEFLATED)
    meta = deflated.index(b"1.2.840.10008.1.2.1.99") + 22
    engine = zlib.compressobj(wbits=-15)
    text = item(
        element(0x0040A040, "CS", b"TEXT"),
        element(0x0040A043, "SQ", _code(b"121071", b"Finding")),
        element(0x0040A160, "UT", b"A nodule of 12 mm."),
    )
    report = {
        0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.88.11"),
        0x0040A040: ("CS", b"CONTAINER"),
        0x0040A043: ("SQ", _code(b"18748-4", b"Diagnostic imaging report")),
        0x0040A730: ("SQ", text * 3),
    }
    state = {
        0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.11.1"),
        0x00283110: ("SQ", item(element(0x00281050, "DS", b"40"), element(0x00281051, "DS", b"400"))),
        0x00700042: ("US", us(90)),
        0x20500020: ("CS", b"INVERSE"),
    }
    return [
        picture(grey),
        picture(grey, syntax=IMPLICIT_LE),
        picture(rng.integers(-1000, 1000, (3, 8, 9)).astype(np.int16), {0x00281050: ("DS", b"40\\300")}),
        picture(colour),
        picture(grey.astype(np.uint8), {0x00280004: ("CS", b"PALETTE COLOR"), **palette}),
        encapsulated(grey, encode([grey.tolist()], 16, 1), JPEG_LOSSLESS),
        deflated[:meta] + engine.compress(deflated[meta:]) + engine.flush(),
        part10(report),
        part10(state),
    ]


def _public() -> list[bytes]:
    """Small public files, one of each folder and transfer syntax at the least."""
    files = [
        file
        for part in ("modalities", "transfer-syntaxes", "sr")
        for file in sorted((SHARED / part).rglob("*"))
        if file.is_file() and file.stat().st_size <= BIGGEST
    ]
    seen: dict[Path, int] = {}
    kept = []
    for file in files:
        seen[file.parent] = seen.get(file.parent, 0) + 1
        if seen[file.parent] <= 6 or "transfer-syntaxes" in file.parts:
            kept.append(file.read_bytes())
    return kept


def mutant(data: bytes, chance: random.Random) -> bytes:
    """One damaged copy."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        # Most of what can go wrong stands near the front, and where the pixels begin.
        near = min(len(out), 4096) if chance.random() < 0.6 else len(out)
        place = chance.randrange(min(128, near - 1), near)
        how = chance.randrange(7)
        if how == 0:
            out[place] ^= 1 << chance.randrange(8)
        elif how == 1:
            out[place] = chance.randrange(256)
        elif how == 2:
            out[place : place + 4] = struct.pack("<I", chance.choice((0, 1, 0xFFFF, 0xFFFFFFFF, 1 << 30)))
        elif how == 3:
            del out[place : place + chance.randint(1, 64)]
        elif how == 4:
            out[place:place] = out[place : place + chance.randint(1, 64)]
        elif how == 5:
            out[place : place + 2] = chance.choice((b"SQ", b"OW", b"UN", b"UT", b"\xfe\xff", b"\xff\xd8"))
        else:
            del out[chance.randrange(len(out) // 2, len(out)) :]
        if len(out) < 200:
            break
    return bytes(out)


def _settle(pool: DecodePool, data: bytes) -> Frame | CannotShow:
    found = pool.decode(data, timeout=SECONDS)
    if isinstance(found, CannotShow) and found.code == "timeout":
        found = pool.decode(data, timeout=10 * SECONDS)  # the machine may be busy; a hang stays one
    return found


def check(pool: DecodePool, data: bytes) -> str:
    """Everything that is done with an object; what became of it."""
    found = _settle(pool, data)
    if isinstance(found, Frame):
        picture_ = render(found, annotate=found.rows * found.columns < 1 << 20)
        assert picture_.array.dtype == np.uint8
        return "picture"
    assert found.code not in ("stopped", "timeout"), (found, data[:2000].hex())
    assert str(found.reason).endswith(".")
    assert not was_cleaned(found.reason)
    if found.code != "not-image":
        return found.code
    read = pool.read(data, timeout=10 * SECONDS)
    if isinstance(read, CannotShow):
        assert read.code not in ("stopped", "timeout"), (read, data[:2000].hex())
    if isinstance(read, Document):
        assert not was_cleaned(read.text, multiline=True)
    if isinstance(read, Presentation):
        render_presented(_PLAIN, read, annotate=True)
    return "object"


def megabytes(pid: int | str, field: str) -> float:
    """A line of a process's status that is given in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field))) / 1024


_PLAIN = Frame(np.arange(96, dtype=np.uint16).reshape(8, 12) * 40, 8, 12)


@pytest.mark.campaign
def test_damaged_files_get_a_picture_or_words_in_time_and_little_memory(pool: DecodePool, full: bool) -> None:
    chance = random.Random(SEED)
    before = 0.0
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew: what other tests took isn't ours
        before = megabytes("self", "VmRSS")
    good = _generated() + (_public() if SHARED.is_dir() else [])
    for data in good:
        assert check(pool, data) in ("picture", "object", "no-codec", "damaged"), data[:300].hex()
    became: dict[str, int] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5000 if full else 500):
            what = check(pool, mutant(chance.choice(good), chance))
            became[what] = became.get(what, 0) + 1
    assert became["picture"] > 0.2 * sum(became.values())  # the damage is of the kind that lets much through
    assert len(became) >= 5
    if sys.platform == "linux":
        grown = megabytes("self", "VmHWM") - before
        assert megabytes(pool._idle[0].process.pid, "VmHWM") + grown + BARE < MEGABYTES


def test_every_public_malformed_file_gets_a_picture_or_words(pool: DecodePool, shared_data: Path) -> None:
    files = [file for file in sorted((shared_data / "malformed").rglob("*")) if file.is_file()]
    assert len(files) > 80
    became = [check(pool, file.read_bytes()) for file in files]
    assert became.count("picture") > 40


def test_the_command_says_it_in_words_without_a_traceback(shared_data: Path) -> None:
    import subprocess

    folder = shared_data / "malformed"
    names = ("found-in-the-wild/MR_truncated.dcm", "fuzz/pixel_data/TC0325_encap_10k_frags.dcm")
    files = [folder / name for name in names]
    for file in files:
        done = subprocess.run(
            [sys.executable, "-m", "teleread", "image", str(file)],
            capture_output=True,
            timeout=60,
            cwd=Path(__file__).resolve().parents[2],
        )
        assert done.returncode == 1
        assert done.stdout == b""
        assert b"Traceback" not in done.stderr
        assert all(byte >= 32 or byte == 10 for byte in done.stderr)


def test_sizes_are_checked_before_anything_is_allocated(pool: DecodePool) -> None:
    """A few bytes that claim gigabytes: by header, stream, frames, overlay and palette."""
    grey = np.zeros((4, 4), np.uint16)
    huge = {0x00280010: ("US", us(65535)), 0x00280011: ("US", us(65535))}
    for changes in (
        huge,
        {0x00280008: ("IS", b"2147483647")},
        {0x60000010: ("US", us(65535)), 0x60000011: ("US", us(65535)), 0x60003000: ("OW", b"\0\0")},
        {0x00281101: ("US", us(0, 0, 16)), 0x00280004: ("CS", b"PALETTE COLOR")},
    ):
        check(pool, picture(grey, changes))
    blank = np.zeros((8000, 9000), np.uint16)
    coded = io.BytesIO()
    if features.check("jpg_2000"):
        Image.fromarray(blank).save(coded, "JPEG2000", irreversible=False, no_jp2=True)
        assert len(coded.getvalue()) < 100_000
        assert check(pool, encapsulated(blank, coded.getvalue(), "1.2.840.10008.1.2.4.90")) == "limit"
    stream = encode([grey.tolist()], 16, 1)
    check(pool, encapsulated(grey, stream, JPEG_LOSSLESS).replace(us(4), us(65535)))
