"""Makes the studies of the benchmark: a CT of the chest as a phantom, with a scanner's noise.

usage: python study.py FOLDER [--slices 600] [--kind raw|j2k] [--study UID]
Files only; nothing of it is of a person.
"""

from __future__ import annotations

import argparse
import io
import struct
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from tests.archive_factories import CT, explicit, file_of  # noqa: E402 # the checkout comes first

SIZE = 512
NOISE = 21.0
"""Standard deviation in Hounsfield units, as a chest at 1 mm has it."""
VENDOR = 10 * 1024
"""Bytes of a scanner's own elements in each header."""
SYNTAXES = {"raw": "1.2.840.10008.1.2.1", "j2k": "1.2.840.10008.1.2.4.90"}
STUDIES = {"raw": "1.2.826.0.1.3680043.10.5.600", "j2k": "1.2.826.0.1.3680043.10.5.601"}


def anatomy(along: float) -> NDArray[np.float32]:
    """A body with lungs, a spine and vessels, in Hounsfield units; ``along`` runs from 0 to 1."""
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j].astype(np.float32)
    picture = np.full((SIZE, SIZE), -1000, np.float32)
    picture[(x / 0.85) ** 2 + (y / 0.62) ** 2 < 1] = 45
    lung = 0.25 + 0.12 * np.sin(np.pi * along)
    for side in (-0.4, 0.4):
        picture[((x - side) / lung) ** 2 + (y / 0.42) ** 2 < 1] = -860
    picture[x**2 + ((y - 0.4) / 1.1) ** 2 < 0.011] = 500
    for number in range(30):
        cx, cy = 0.6 * np.cos(number * 2.4 + along * 3), 0.35 * np.sin(number * 1.7 - along * 2)
        picture[(x - cx) ** 2 + (y - cy) ** 2 < 0.0002 * (1 + number % 5)] = 70
    return picture


def pixels(number: int, slices: int, dice: np.random.Generator) -> NDArray[np.uint16]:
    """One slice, stored with 1024 added, as many scanners do."""
    noise: NDArray[np.floating] = dice.standard_normal((SIZE, SIZE), np.float32)
    for axis in (0, 1):  # a soft kernel, as reconstruction uses it: neighbours share their noise
        noise = (np.roll(noise, 1, axis) + 2 * noise + np.roll(noise, -1, axis)) / 4
    body = anatomy(number / slices)
    noisy = body + noise * np.where(body > -1000, NOISE, NOISE / 2) / 0.375
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    noisy[x * x + y * y > 1] = -1024  # beyond the circle that was reconstructed
    stored: NDArray[np.uint16] = np.clip(np.rint(noisy) + 1024, 0, 4095).astype(np.uint16)
    return stored


def encoded(values: NDArray[np.uint16], kind: str) -> bytes:
    """The Pixel Data element."""
    if kind == "raw":
        return explicit(0x7FE00010, b"OW", values.astype("<u2").tobytes())
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(values).save(out, "JPEG2000", irreversible=False, no_jp2=True)
    stream = out.getvalue() + bytes(len(out.getvalue()) % 2)
    head = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    fragment = struct.pack("<HHI", 0xFFFE, 0xE000, len(stream)) + stream
    return head + item + fragment + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def ct(number: int, slices: int, kind: str, dice: np.random.Generator, series: int = 1) -> bytes:
    """One slice as a file."""
    study = STUDIES[kind]
    sop_uid = f"{study}.{series}.{number}"
    vendor = dice.bytes(VENDOR)
    return file_of(
        (
            explicit(0x00080005, b"CS", "ISO_IR 100"),
            explicit(0x00080016, b"UI", CT),
            explicit(0x00080018, b"UI", sop_uid),
            explicit(0x00080020, b"DA", "20260102"),
            explicit(0x00080050, b"SH", "ACC600"),
            explicit(0x00080060, b"CS", "CT"),
            explicit(0x00081030, b"LO", "CT chest"),
            explicit(0x0008103E, b"LO", "Lung 1 mm"),
            explicit(0x00100010, b"PN", "Bench^Study"),
            explicit(0x00100020, b"LO", "P0600"),
            explicit(0x00100030, b"DA", "19500101"),
            explicit(0x00100040, b"CS", "F"),
            explicit(0x0020000D, b"UI", study),
            explicit(0x0020000E, b"UI", f"{study}.{series}"),
            explicit(0x00200011, b"IS", str(series)),
            explicit(0x00200013, b"IS", str(number)),
            explicit(0x00200032, b"DS", f"-180\\-180\\{number}"),
            explicit(0x00200037, b"DS", "1\\0\\0\\0\\1\\0"),
            explicit(0x00280002, b"US", struct.pack("<H", 1)),
            explicit(0x00280004, b"CS", "MONOCHROME2"),
            explicit(0x00280010, b"US", struct.pack("<H", SIZE)),
            explicit(0x00280011, b"US", struct.pack("<H", SIZE)),
            explicit(0x00280100, b"US", struct.pack("<H", 16)),
            explicit(0x00280101, b"US", struct.pack("<H", 16)),
            explicit(0x00280102, b"US", struct.pack("<H", 15)),
            explicit(0x00280103, b"US", struct.pack("<H", 0)),
            explicit(0x00281050, b"DS", "40"),
            explicit(0x00281051, b"DS", "400"),
            explicit(0x00281052, b"DS", "-1024"),
            explicit(0x00281053, b"DS", "1"),
            explicit(0x00290010, b"LO", "TELEREAD BENCH"),
            explicit(0x00291010, b"OB", vendor),
            encoded(pixels(number, slices, dice), kind),
        ),
        syntax=SYNTAXES[kind],
        sop_uid=sop_uid,
    )


def main() -> int:
    """Write the files."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    words.add_argument("--slices", type=int, default=600)
    words.add_argument("--series", type=int, default=1)
    words.add_argument("--kind", choices=sorted(SYNTAXES), default="raw")
    asked = words.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng(7)
    size = 0
    for number in range(1, asked.slices + 1):
        series = 1 + (number - 1) * asked.series // asked.slices
        data = ct(number, asked.slices, asked.kind, dice, series)
        (asked.folder / f"{number:04}.dcm").write_bytes(data)
        size += len(data)
    print(size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
