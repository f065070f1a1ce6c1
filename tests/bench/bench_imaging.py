"""How long pictures take, beside the path pydicom documents, OpenJPEG in full, and textual-image.

Run: ``python -m tests.bench.bench_imaging [--rounds N] [--only PART] [--textual-image PYTHON]``. Ours and the
peer's are measured in turn in one run, medians and ratios printed; nothing is asserted. textual-image (LGPL)
is used where it is importable, or through the interpreter named, which may be that of its own environment.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleread.imaging.decode import DecodePool
from teleread.imaging.frames import Frame, Window
from teleread.imaging.halfblock import HalfBlock
from teleread.imaging.kitty import KittyStore, SharedPictures, transmit
from teleread.imaging.kitty import place as kitty_place
from teleread.imaging.mosaic import Mosaic
from teleread.imaging.render import render
from teleread.imaging.resample import fit, place
from teleread.imaging.sixel import Sixel
from teleread.imaging.volume import build_volume

CELLS = (160, 48)
SLICES = 60
AHEAD = 8

THEIRS = """
import io, json, statistics, sys, time
import numpy as np
from PIL import Image
picture = Image.fromarray(np.load(sys.argv[1]))
rounds = int(sys.argv[2])
from rich.console import Console
out = {}
def median(name, work):
    work(); times = []
    for _ in range(rounds):
        begin = time.perf_counter(); work(); times.append(1000 * (time.perf_counter() - begin))
    out[name] = statistics.median(times)
def drawn(kind, width, height):
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=200)
    return lambda: console.print(kind(picture, width=width, height=height))
from textual_image.renderable.halfcell import Image as Half
median("halfcell", drawn(Half, 160, 48))
from textual_image._sixel import image_to_sixels
reduced = picture.convert("RGB")
median("sixel", lambda: image_to_sixels(reduced))
median("sixel32", lambda: image_to_sixels(reduced.quantize(32).convert("RGB")))
from textual_image.renderable import tgp
def send():
    buffer = io.BytesIO(); reduced.save(buffer, "png", compress_level=2); data = buffer.getvalue()
    import base64
    return base64.b64encode(data)
median("kitty", send)
print(json.dumps(out))
"""


def ct_slice(z: float = 0.0, syntax: str = "") -> bytes:
    """A made-up 512 x 512 CT slice, explicit little endian or JPEG 2000."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless, generate_uid

    rng = np.random.default_rng(round(z) + 1)
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    body = np.where(x**2 + (1.4 * y) ** 2 < 0.8, 1064, 24) + rng.normal(0, 21, (512, 512))
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = CTImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, made.file_meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = "2.25.111", "2.25.222"
    made.FrameOfReferenceUID, made.InstanceNumber = "2.25.333", round(z) + 1
    made.PatientID, made.PatientName, made.StudyDate = "BENCH", "Bench^Mark", "20260101"
    made.Modality, made.PhotometricInterpretation = "CT", "MONOCHROME2"
    made.ImagePositionPatient, made.ImageOrientationPatient = [0, 0, z], [1, 0, 0, 0, 1, 0]
    made.PixelSpacing, made.SliceThickness = [0.7, 0.7], 1
    made.Rows = made.Columns = 512
    made.SamplesPerPixel, made.BitsAllocated, made.BitsStored, made.HighBit = 1, 16, 16, 15
    made.PixelRepresentation, made.RescaleSlope, made.RescaleIntercept = 1, 1, -1024
    made.WindowCenter, made.WindowWidth = 40, 400
    pixels = body.astype(np.int16)
    made.PixelData = pixels.tobytes()
    if syntax:
        from PIL import Image

        coded = io.BytesIO()  # Pillow writes unsigned samples
        Image.fromarray(pixels.astype(np.uint16)).save(coded, "JPEG2000", irreversible=False, no_jp2=True)
        made.PixelRepresentation = 0
        made.file_meta.TransferSyntaxUID = JPEG2000Lossless
        made.PixelData = encapsulate([coded.getvalue()])
        made["PixelData"].VR = "OB"
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def radiograph() -> bytes:
    """A made-up 3000 x 3000 radiograph."""
    from pydicom import dcmread
    from pydicom.uid import DigitalXRayImageStorageForPresentation

    made = dcmread(io.BytesIO(ct_slice()))
    noise = np.random.default_rng(3).integers(0, 4096, (3000, 3000)).astype(np.uint16)
    made.Rows = made.Columns = 3000
    made.SOPClassUID, made.Modality = DigitalXRayImageStorageForPresentation, "DX"
    made.BitsStored, made.HighBit, made.PixelRepresentation = 12, 11, 0
    made.RescaleIntercept, made.WindowCenter, made.WindowWidth = 0, 2048, 4096
    made.PixelData = noise.tobytes()
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def documented(file: Path) -> NDArray[np.uint8]:
    """As pydicom's manual does it: read, modality, VOI, eight bits."""
    from pydicom import dcmread
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    read = dcmread(file)
    values = apply_voi_lut(apply_modality_lut(read.pixel_array, read), read)
    grey: NDArray[np.uint8] = ((values - values.min()) / (values.max() - values.min()) * 255).astype(np.uint8)
    return grey


def in_turn(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Medians of the wall time of each, milliseconds, measured in turn; a first round is not counted."""
    times: list[list[float]] = [[] for _ in works]
    for round_ in range(rounds + 1):
        for number, work in enumerate(works):
            begin = time.perf_counter()
            work()
            if round_:
                times[number].append(1000 * (time.perf_counter() - begin))
    return [statistics.median(one) for one in times]


def line(name: str, ms: float, other: float | None = None) -> None:
    """One figure, with the ratio to a peer where there is one."""
    ratio = f"{other / ms:6.1f} x" if other else ""
    print(f"{name:<66}{ms:9.2f} ms{1000 / ms:9.0f}/s  {ratio}", flush=True)


def frames(rounds: int) -> None:
    """Vault to an eight-bit picture, against pydicom's documented path from a plain file."""
    from teleread.archive.local import import_paths
    from tests.archive_factories import make_vault

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "files"
        folder.mkdir()
        for z in range(SLICES):
            (folder / f"{z:03}.dcm").write_bytes(ct_slice(z))
        vault = make_vault(Path(name) / "vault")
        told = import_paths(vault, [folder], "hub")
        [key] = told.studies
        held = vault.studies.instances(key.hub_id, key.study_uid)
        files = sorted(folder.iterdir())
        turn = iter(range(1_000_000))
        with DecodePool(2) as pool:

            def ours() -> Any:
                sop = held[next(turn) % SLICES].sop_uid
                data = vault.objects.read(key.hub_id, key.study_uid, sop)
                found = pool.decode(data, key=sop)
                assert isinstance(found, Frame)
                return render(found).array

            def theirs() -> Any:
                return documented(files[next(turn) % SLICES])

            def ahead() -> None:
                sops = [held[next(turn) % SLICES].sop_uid for _ in range(AHEAD)]
                objects = [vault.objects.read(key.hub_id, key.study_uid, sop) for sop in sops]
                for found in pool.decode_many(objects):
                    assert isinstance(found, Frame)
                    render(found)

            peer, mine, many = in_turn(rounds, theirs, ours, ahead)
            line("pydicom's documented path, plain file to 8 bit, 512 x 512", peer)
            line("sealed vault, capped child, 8 bit, one by one", mine, peer)
            line(f"sealed vault, capped child, 8 bit, {AHEAD} ahead (each)", many / AHEAD, peer)
            block, placement = HalfBlock(), place(512, 512, CELLS[0], 2 * CELLS[1])
            [scroll] = in_turn(rounds, lambda: block.cells(fit(ours(), placement)))
            line("the same, drawn as half blocks (scrolling without read-ahead)", scroll)
        vault.close()


def compressed(rounds: int) -> None:
    """JPEG 2000 while moving, against OpenJPEG in full; a large radiograph."""
    from openjpeg import decode_pixel_data
    from pydicom import dcmread
    from pydicom.encaps import generate_frames

    data = ct_slice(1.0, "J2K")
    read = dcmread(io.BytesIO(data))
    stream = next(generate_frames(read.PixelData, number_of_frames=1))
    options = {"bits_stored": 16, "pixel_representation": 0}
    with DecodePool() as pool:
        works: list[Callable[[], object]] = [lambda: decode_pixel_data(stream, version=2, **options)]
        works += [partial(pool.decode, data, reduce=halvings) for halvings in (0, 1, 2)]
        peer, *mine = in_turn(rounds, *works)
        line("OpenJPEG, in process, full", peer)
        for halvings, ms in enumerate(mine):
            line(f"capped child, JPEG 2000 reduced {halvings} times", ms, peer)
        large = radiograph()
        placement = place(3000, 3000, CELLS[0], 2 * CELLS[1])

        def first() -> object:
            found = pool.decode(large)
            assert isinstance(found, Frame)
            return HalfBlock().cells(fit(render(found).array, placement))

        [ms] = in_turn(max(5, rounds // 4), first)
        line("radiograph 3000 x 3000, file to half blocks", ms)


def drawing(rounds: int, interpreter: str) -> None:
    """Encoders, against textual-image."""
    with DecodePool() as pool:
        frame = pool.decode(ct_slice())
    assert isinstance(frame, Frame)
    picture = render(frame).array
    canvas = fit(picture, place(512, 512, CELLS[0], 2 * CELLS[1]))
    theirs = textual_image(picture, max(5, rounds // 4), interpreter)
    for name, ms in theirs.items():
        line(f"textual-image, {name}", ms)
    turn = iter(range(1_000_000))
    [ms] = in_turn(rounds, lambda: render(frame, window=Window(next(turn), 400)))
    line("a new window on a decoded frame", ms)
    for colours in ("truecolor", "256", "16", "mono"):
        [ms] = in_turn(rounds, partial(HalfBlock(colours).cells, canvas))
        line(f"half blocks 160 x 48, {colours}", ms, theirs.get("halfcell"))
    tall = fit(picture, place(512, 512, 2 * CELLS[0], 3 * CELLS[1]))
    [ms] = in_turn(rounds, partial(Mosaic("sextant").cells, tall))
    line("sextants 160 x 48", ms, theirs.get("halfcell"))
    for greys, name in ((101, "sixel"), (32, "sixel32")):
        coder = Sixel(greys=greys)
        [ms] = in_turn(rounds, partial(coder.encode, picture))
        line(f"Sixel 512 x 512, {greys} greys, {len(coder.encode(picture)) // 1000} kB", ms, theirs.get(name))
    half = np.ascontiguousarray(picture[::2, ::2])
    [ms] = in_turn(rounds, partial(Sixel(greys=32, coarse=2).encode, half))
    line("Sixel 512 x 512 while moving: 256 x 256 doubled, 32 greys", ms, theirs.get("sixel32"))
    [ms] = in_turn(rounds, partial(transmit, 1, picture))
    line("Kitty 512 x 512, through the line", ms, theirs.get("kitty"))
    if SharedPictures.usable():
        shared = SharedPictures()
        [ms] = in_turn(rounds, partial(transmit, 1, picture, shared))
        shared.close()
        line("Kitty 512 x 512, shared memory", ms, theirs.get("kitty"))
    store = KittyStore()
    store.show("a", picture)
    [ms] = in_turn(rounds, lambda: kitty_place(store.show("a", None)[0], 80, 40))
    line("Kitty, back to a picture the terminal holds", ms, theirs.get("kitty"))


def textual_image(picture: NDArray[np.uint8], rounds: int, interpreter: str) -> dict[str, float]:
    """What textual-image takes for the same picture; empty where it is not there."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "picture.npy"
        np.save(file, picture)
        done = subprocess.run(
            [interpreter, "-c", THEIRS, str(file), str(rounds)],
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )
    if done.returncode:
        print(f"textual-image was not measured: {done.stderr.strip().splitlines()[-1:]}")
        return {}
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def planes(rounds: int) -> None:
    """A volume of 600 x 512 x 512: built, cut, given back."""
    pixels = np.random.default_rng(5).integers(-1000, 2000, (8, 512, 512)).astype(np.int16)
    base = Frame(pixels[0], 512, 512, pixel_spacing=(0.7, 0.7), orientation=(1, 0, 0, 0, 1, 0))
    from dataclasses import replace

    stack = [replace(base, pixels=pixels[z % 8], position=(0.0, 0.0, float(z))) for z in range(600)]
    before = _resident()
    begin = time.perf_counter()
    volume = build_volume(iter(stack), len(stack))
    first = volume.cut("coronal", 256)
    line("MPR 600 x 512 x 512: first view from decoded frames", 1000 * (time.perf_counter() - begin))
    held = _resident()

    def cut(plane: str, turn: Iterator[int]) -> object:
        return render(volume.cut(plane, 100 + next(turn) % 300))

    for plane in ("axial", "coronal", "sagittal"):
        [ms] = in_turn(rounds, partial(cut, plane, iter(range(1_000_000))))
        line(f"{plane} cut, windowed", ms)
    for how in ("max", "mean"):
        [ms] = in_turn(rounds, partial(volume.cut, "coronal", 256, slab=10.0, how=how))
        line(f"coronal slab of 10 mm, {how}", ms)
    del first
    volume.close()
    print(f"memory: {held - before} MB for the volume, {_resident() - before} MB after it was closed")


def _resident() -> int:
    """Resident memory now, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if sys.platform == "linux" else 0
    return pages * resource.getpagesize() // 1024**2


def main() -> None:
    """Measure and print."""
    parts = {"frames": frames, "compressed": compressed, "planes": planes}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", choices=(*parts, "drawing"))
    parser.add_argument("--textual-image", default=sys.executable, metavar="PYTHON")
    args = parser.parse_args()
    for name, part in parts.items():
        if args.only in (None, name):
            part(args.rounds)
    if args.only in (None, "drawing"):
        drawing(args.rounds, args.textual_image)


if __name__ == "__main__":
    main()
