"""Every picture of the public files beside an independent renderer's: DCMTK, with GDCM for JPEG 2000.

Same window, same frame; the mean difference stays under one grey level, and no pixel is far off. DCMTK cuts
its result to whole greys where the standard's formula is rounded here, so a difference of one is common.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from teleread.imaging.decode import DecodePool
from teleread.imaging.frames import CannotShow, Frame, Window
from teleread.imaging.png import write_png
from teleread.imaging.show import picture_of_file
from teleread.imaging.window import chosen_window
from tests.peers.orthanc import need

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"

PEER_CANNOT = {
    "modalities/sc-ot/parametric_map_float.dcm": "DCMTK's image library knows no Float Pixel Data",
    "transfer-syntaxes/rle/liver_rle.dcm": "DCMTK takes no one-bit pixels from RLE",
    "transfer-syntaxes/deflated-frames/liver_deflate.dcm": "DCMTK 3.6 knows no deflated frames",
    "transfer-syntaxes/htj2k/HTJ2KLossless_08_RGB.dcm": "neither DCMTK nor GDCM knows HTJ2K",
    "transfer-syntaxes/htj2k/HTJ2K_08_RGB.dcm": "neither DCMTK nor GDCM knows HTJ2K",
}
"""Where the peer has no picture; each has a test of its own below."""

PEER_WRONG = {
    "transfer-syntaxes/jpeg2000/TOSHIBA_J2K_SIZ1_PixRep0.dcm": (
        "the stream says signed and the header unsigned; the stream made the numbers: as GDCM reads them air "
        "lies at 0 and tissue at 65 000, outside the window 350/2700 that the file gives for its values"
    ),
}
"""Where the peer draws something else, and why it is the one in error."""

JPEG2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
LOSSY = ("1.2.840.10008.1.2.4.5", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91")


def files() -> list[str]:
    """Files of the two folders, one in eight of long series unless everything is asked for."""
    found: list[str] = []
    for part in ("modalities", "transfer-syntaxes"):
        for folder in sorted({file.parent for file in (DATA / part).rglob("*") if file.is_file()}):
            names = sorted(file for file in folder.iterdir() if file.is_file())
            step = 8 if len(names) > 20 and os.environ.get("TELEREAD_FULL") != "1" else 1
            found += [str(file.relative_to(DATA)) for file in names[::step]]
    return found


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool() as pool:
        yield pool


@pytest.fixture(scope="module", autouse=True)
def renderer() -> None:
    need("DCMTK (dcm2pnm, dcmj2pnm, dcml2pnm)", all(map(shutil.which, ("dcm2pnm", "dcmj2pnm", "dcml2pnm"))))


def theirs(file: Path, frame: Frame, window: object, scratch: Path) -> NDArray[np.uint8]:
    """The peer's picture of the same frame by the same window."""
    syntax = str(frame.transfer_syntax)
    program = "dcm2pnm"
    if syntax in JPEG2000:
        need("GDCM (gdcmconv)", shutil.which("gdcmconv"))
        raw = scratch / "raw.dcm"
        subprocess.run(["gdcmconv", "--raw", file, raw], check=True, capture_output=True, timeout=60)
        file = raw
    elif syntax in ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"):
        program = "dcml2pnm"
    elif syntax.startswith("1.2.840.10008.1.2.4."):
        program = "dcmj2pnm"
    options = ["-q", "+F", str(frame.number)]
    if isinstance(window, Window):
        centre, width = window.centre, window.width
        if window.function == "LINEAR_EXACT":  # PS3.3 C.11.2.1.3: the same line, written another way
            centre, width = centre + 0.5, width + 1
        options += ["+Ww", repr(centre), repr(width), "+Wfs" if window.function == "SIGMOID" else "+Wfl"]
    elif not frame.is_colour:
        options += ["+Wl", "1"]
    out = scratch / "theirs.pnm"
    subprocess.run([program, *options, file, out], check=True, capture_output=True, timeout=60)
    return np.asarray(Image.open(out))


def ours(data: bytes, number: int, pool: DecodePool, scratch: Path) -> NDArray[np.uint8]:
    """What ``teleread image --png`` writes."""
    found = picture_of_file(data, number, pool=pool)
    assert found.picture is not None
    write_png(found.picture.array, scratch / "ours.png")
    return np.asarray(Image.open(scratch / "ours.png"))


@pytest.mark.peer("dcmtk")
@pytest.mark.parametrize("name", files() if DATA.is_dir() else [])
def test_a_picture_is_the_one_an_independent_renderer_draws(
    name: str, pool: DecodePool, tmp_path: Path
) -> None:
    data = (DATA / name).read_bytes()
    first = pool.decode(data, 1, key=name)
    if isinstance(first, CannotShow):
        assert first.code == "not-image", first.reason
        return
    if name in PEER_CANNOT or name in PEER_WRONG:
        return
    for number in sorted({1, max(1, first.frames // 2), first.frames}):
        frame = pool.decode(data, number, key=name)
        assert isinstance(frame, Frame)
        mine = ours(data, number, pool, tmp_path).astype(np.int64)
        other = theirs(DATA / name, frame, chosen_window(frame), tmp_path).astype(np.int64)
        if other.ndim > mine.ndim:
            assert np.array_equal(other[..., 0], other[..., 2])
            other = other[..., 0]
        assert other.shape == mine.shape
        off = np.abs(other - mine)
        assert off.mean() <= 1.0
        assert off.max() <= (3 if str(frame.transfer_syntax).startswith(LOSSY) else 2)


def test_most_files_have_a_picture_and_a_peer(shared_data: Path, pool: DecodePool) -> None:
    """The comparison above would also pass if nothing were decoded."""
    shown = 0
    names = files()
    for name in names:
        found = pool.decode((shared_data / name).read_bytes(), 1, key=name)
        shown += isinstance(found, Frame)
    assert shown >= 0.85 * len(names)
    assert set(PEER_CANNOT) <= set(names)


FIFTEEN = "transfer-syntaxes/same-ct-15-ways"
LOSSLESS = ("2", "2.1", "2.1.99", "2.2", "2.5", "2.4.57", "2.4.70", "2.4.80", "2.4.90")
NEAR = {"2.4.81": 1, "2.4.91": 5}
OWN_RANGE = ("2.4.50", "2.4.51", "2.4.53", "2.4.55")


def _one_of(folder: Path, end: str) -> bytes:
    [file] = [one for one in folder.iterdir() if one.name.endswith(f"_1.2.840.10008.1.{end}.dcm")]
    return file.read_bytes()


def _hounsfield(pool: DecodePool, data: bytes) -> tuple[Frame, NDArray[Any]]:
    frame = pool.decode(data)
    assert isinstance(frame, Frame)
    return frame, frame.pixels * frame.slope + frame.intercept


def test_fifteen_encodings_of_one_ct_agree(shared_data: Path, pool: DecodePool) -> None:
    folder = shared_data / FIFTEEN
    assert len(list(folder.iterdir())) == 15
    truth, values = _hounsfield(pool, _one_of(folder, "2.1"))
    for end in LOSSLESS:
        frame, found = _hounsfield(pool, _one_of(folder, end))
        assert np.array_equal(found, values), end
        assert np.array_equal(frame.pixels, truth.pixels), end
    for end, most in NEAR.items():
        assert np.abs(_hounsfield(pool, _one_of(folder, end))[1] - values).max() <= most, end
    for end in OWN_RANGE:  # of 8 and 12 bits over the whole range: a step is up to 32 Hounsfield units
        frame, found = _hounsfield(pool, _one_of(folder, end))
        assert np.abs(found - np.clip(values, -4047, None)).mean() <= 1.5 * frame.slope + 2, end


def test_masks_are_the_same_plain_run_length_coded_and_deflated(shared_data: Path, pool: DecodePool) -> None:
    plain = (shared_data / "modalities/ct/liver-3slice-with-seg/liver.dcm").read_bytes()
    for other in ("rle/liver_rle.dcm", "deflated-frames/liver_deflate.dcm"):
        coded = (shared_data / "transfer-syntaxes" / other).read_bytes()
        for number in (1, 2, 3):
            one, two = pool.decode(plain, number), pool.decode(coded, number)
            assert isinstance(one, Frame)
            assert isinstance(two, Frame)
            assert one.pixels.any()
            assert np.array_equal(one.pixels, two.pixels)


def test_floating_point_pixels_are_drawn_over_their_range(shared_data: Path, pool: DecodePool) -> None:
    from pydicom import dcmread

    file = shared_data / "modalities/sc-ot/parametric_map_float.dcm"
    values = dcmread(file).pixel_array.astype(np.float64)
    values = values[0] if values.ndim == 3 else values
    grey = (values - values.min()) / (values.max() - values.min()) * 255
    found = picture_of_file(file.read_bytes(), pool=pool)
    assert found.picture is not None
    assert found.frame is not None
    assert (
        np.abs(found.frame.pixels * found.frame.slope + found.frame.intercept - values).max()
        <= (values.max() - values.min()) / 65535
    )
    window = found.picture.window
    assert window is not None
    if window.name == "own range":
        assert np.abs(found.picture.array - grey).max() <= 1


def test_htj2k_lossless_and_lossy_are_one_picture(shared_data: Path, pool: DecodePool) -> None:
    folder = shared_data / "transfer-syntaxes/htj2k"
    one, two = (
        pool.decode((folder / name).read_bytes()) for name in ("HTJ2KLossless_08_RGB.dcm", "HTJ2K_08_RGB.dcm")
    )
    assert isinstance(one, Frame)
    assert isinstance(two, Frame)
    assert one.is_colour
    assert np.abs(one.pixels.astype(int) - two.pixels).mean() <= 4
    assert one.pixels.std() > 20


def test_the_command_writes_the_same_picture(shared_data: Path, pool: DecodePool, tmp_path: Path) -> None:
    name = "modalities/cr-dx/gdcm-CR-MONO1-10-chest.dcm"
    out = tmp_path / "out.png"
    subprocess.run(
        [sys.executable, "-m", "teleread", "image", str(shared_data / name), "--png", str(out), "--json"],
        check=True,
        capture_output=True,
        timeout=60,
        cwd=ROOT,
    )
    frame = pool.decode((shared_data / name).read_bytes())
    assert isinstance(frame, Frame)
    other = theirs(shared_data / name, frame, chosen_window(frame), tmp_path)
    assert np.abs(np.asarray(Image.open(out)).astype(int) - other).max() <= 2


@pytest.mark.peer("dcmtk")
@pytest.mark.parametrize(
    "changes",
    [
        {"SoftcopyVOILUTSequence": (60.0, 500.0)},
        {"SoftcopyVOILUTSequence": (60.0, 500.0), "PresentationLUTShape": "INVERSE"},
        {"SoftcopyVOILUTSequence": (40.0, 400.0), "ImageRotation": 90},
        {"SoftcopyVOILUTSequence": (40.0, 400.0), "ImageRotation": 270, "ImageHorizontalFlip": "Y"},
        {"SoftcopyVOILUTSequence": (40.0, 400.0), "RescaleSlope": 2, "RescaleIntercept": -3000},
    ],
)
def test_a_presentation_state_is_shown_as_dcmtk_shows_it(
    changes: dict[str, Any], shared_data: Path, pool: DecodePool, tmp_path: Path
) -> None:
    need("DCMTK (dcmp2pgm)", shutil.which("dcmp2pgm"))
    image = shared_data / FIFTEEN / "CTImage.dcm_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm"
    state = tmp_path / "state.dcm"
    _write_state(image, state, changes)
    out = tmp_path / "state.pgm"
    subprocess.run(["dcmp2pgm", "-q", "-p", state, image, out], check=True, capture_output=True, timeout=60)
    other = np.asarray(Image.open(out)).astype(np.int64)
    data = image.read_bytes()
    found = picture_of_file(state.read_bytes(), pool=pool, other=lambda uid: data)
    assert found.picture is not None
    off = np.abs(found.picture.array.astype(np.int64) - other)
    assert off.shape == other.shape
    assert off.mean() <= 1.0
    assert off.max() <= 2


def _write_state(image: Path, target: Path, changes: dict[str, Any]) -> None:
    """A presentation state by pydicom for one image; dcmp2pgm draws neither shutters nor figures."""
    from pydicom import dcmread
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, GrayscaleSoftcopyPresentationStateStorage, generate_uid

    shown = dcmread(image, stop_before_pixels=True)
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = GrayscaleSoftcopyPresentationStateStorage
    made.SOPInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.StudyInstanceUID, made.Modality = shown.StudyInstanceUID, "PR"
    made.PatientName, made.PatientID, made.PatientBirthDate, made.PatientSex = "Bench^Mark", "1", "", ""
    made.StudyDate = made.StudyTime = made.AccessionNumber = made.StudyID = made.ReferringPhysicianName = ""
    made.SeriesNumber, made.InstanceNumber, made.Manufacturer = 1, 1, ""
    made.PresentationCreationDate, made.PresentationCreationTime = "20260101", "120000"
    made.ContentLabel, made.ContentDescription, made.ContentCreatorName = "TEST", "", ""
    reference, series, area = Dataset(), Dataset(), Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
        shown.SOPClassUID,
        shown.SOPInstanceUID,
    )
    series.SeriesInstanceUID, series.ReferencedImageSequence = shown.SeriesInstanceUID, [reference]
    made.ReferencedSeriesSequence = [series]
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [shown.Columns, shown.Rows]
    area.PresentationSizeMode, area.PresentationPixelAspectRatio = "SCALE TO FIT", [1, 1]
    made.DisplayedAreaSelectionSequence = [area]
    made.RescaleSlope, made.RescaleIntercept, made.RescaleType = 1, -1024, "HU"
    made.PresentationLUTShape = "IDENTITY"
    for name, value in changes.items():
        if name == "SoftcopyVOILUTSequence":
            voi = Dataset()
            voi.WindowCenter, voi.WindowWidth = value
            made.SoftcopyVOILUTSequence = [voi]
        else:
            setattr(made, name, value)
    if "ImageRotation" in made:
        made.ImageHorizontalFlip = made.get("ImageHorizontalFlip", "N")
    made.save_as(target, enforce_file_format=True)
