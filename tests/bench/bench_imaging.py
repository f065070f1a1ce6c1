"""How long a picture takes, beside the path pydicom documents and beside textual-image where it is installed.

Run: ``python tests/bench/bench_imaging.py [--rounds N]``. Prints medians and ratios; nothing is asserted.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from teleread.imaging.decode import DecodePool
from teleread.imaging.frames import Frame, Window
from teleread.imaging.halfblock import HalfBlock
from teleread.imaging.render import render
from teleread.imaging.resample import fit, place

CELLS = (160, 48)


def ct_slice() -> bytes:
    """A made-up 512 x 512 CT slice, explicit little endian."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    rng = np.random.default_rng(1)
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    body = np.where(x**2 + (1.4 * y) ** 2 < 0.8, 1064, 24) + rng.normal(0, 21, (512, 512))
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = CTImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, made.file_meta.MediaStorageSOPInstanceUID
    made.Modality, made.PhotometricInterpretation = "CT", "MONOCHROME2"
    made.Rows = made.Columns = 512
    made.SamplesPerPixel, made.BitsAllocated, made.BitsStored, made.HighBit = 1, 16, 16, 15
    made.PixelRepresentation, made.RescaleSlope, made.RescaleIntercept = 1, 1, -1024
    made.WindowCenter, made.WindowWidth = 40, 400
    made.PixelData = body.astype(np.int16).tobytes()
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def documented(data: bytes) -> Any:
    """As pydicom's manual does it: read, modality, VOI, eight bits, resize."""
    from PIL import Image
    from pydicom import dcmread
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    read = dcmread(io.BytesIO(data))
    values = apply_voi_lut(apply_modality_lut(read.pixel_array, read), read)
    grey = ((values - values.min()) / (values.max() - values.min()) * 255).astype(np.uint8)
    return Image.fromarray(grey).resize((96, 96))


def median(work: Callable[[], object], rounds: int) -> float:
    """Median of the wall time, milliseconds; one round goes before and is not counted."""
    work()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


def line(name: str, ms: float, other: float | None = None) -> None:
    """One figure, with the ratio to another where there is one."""
    ratio = f"   {other / ms:6.1f} x" if other else ""
    print(f"{name:<62}{ms:9.2f} ms{ratio}")


def textual_image(picture: Any) -> Callable[[], object] | None:
    """Drawing the same picture as textual-image draws it."""
    try:
        from PIL import Image
        from rich.console import Console
        from textual_image.renderable.halfcell import Image as HalfcellImage
    except ImportError:
        return None
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=CELLS[0])
    image = HalfcellImage(Image.fromarray(picture), width=CELLS[0], height=CELLS[1])
    return lambda: console.print(image)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    data = ct_slice()
    placement = place(512, 512, CELLS[0], 2 * CELLS[1])
    with DecodePool() as pool:
        frame = pool.decode(data)
        assert isinstance(frame, Frame)
        peer = median(lambda: documented(data), rounds)
        line("pydicom's documented path, file to 96 x 96", peer)

        def whole() -> object:
            found = pool.decode(data)
            assert isinstance(found, Frame)
            return fit(render(found).array, placement)

        line("capped child, window, canvas (the child's pipes included)", median(whole, rounds), peer)
        line("decoded frame to canvas", median(lambda: fit(render(frame).array, placement), rounds), peer)
        turn = iter(range(100_000))
        moving = median(lambda: render(frame, window=Window(next(turn), 400)), rounds)
        line("the same without canvas, a new window every time", moving)
    canvas = fit(render(frame).array, placement)
    theirs = textual_image(canvas)
    other = median(theirs, 5) if theirs is not None else None
    if other is not None:
        line("textual-image, half blocks, 160 x 48 cells", other)
    for colours in ("truecolor", "256", "16", "mono"):
        block = HalfBlock(colours)
        size = sum(len(text.encode()) for text in block.cells(canvas))
        drawn = median(partial(block.cells, canvas), rounds)
        line(f"half blocks, {colours}, 160 x 48 cells, {size // 1000} kB", drawn, other)
    colour = np.repeat(canvas[..., None], 3, axis=2)
    line("half blocks, truecolor, RGB", median(lambda: HalfBlock().cells(colour), rounds), other)


if __name__ == "__main__":
    main()
