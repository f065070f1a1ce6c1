from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from teleread.imaging.decode import DecodePool
from teleread.imaging.png import write_png
from teleread.imaging.show import picture_of_file
from teleread.model.errors import TelereadError, UsageError
from tests.unit.imaging_files import part10, picture, us

VALUES = np.array([[0, 500, 1000], [1000, 500, 0]], np.uint16)
CHANGES = {0x00281050: ("DS", b"500.5\\40"), 0x00281051: ("DS", b"1001\\80")}


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool() as pool:
        yield pool


def test_the_answer_has_the_keys_of_the_contract(pool: DecodePool) -> None:
    found = picture_of_file(picture(VALUES, CHANGES), pool=pool)
    assert found.answer["rows"] == 2
    assert found.answer["columns"] == 3
    assert found.answer["frames"] == 1
    assert found.answer["window"] == [500.5, 1001.0]
    assert found.answer["photometric"] == "MONOCHROME2"
    assert found.answer["transfer_syntax"] == "1.2.840.10008.1.2.1"
    assert found.answer["decoder"] == "native"
    assert found.answer["placeholder"] is None
    assert found.picture is not None
    assert found.picture.array.tolist() == [[0, 128, 255], [255, 128, 0]]


def test_the_window_asked_for_is_applied_and_told(pool: DecodePool) -> None:
    found = picture_of_file(picture(VALUES), window="500,2", pool=pool)
    assert found.answer["window"] == [500.0, 2.0]
    assert found.picture is not None
    assert found.picture.array.tolist() == [[0, 255, 255], [255, 255, 0]]


def test_a_report_is_a_placeholder(pool: DecodePool) -> None:
    found = picture_of_file(part10({0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.88.11")}), pool=pool)
    assert found.picture is None
    assert found.answer["placeholder"] == "This is a structured report (Basic Text SR), not a picture."


def test_damage_is_an_error_in_words(pool: DecodePool) -> None:
    with pytest.raises(TelereadError) as told:
        picture_of_file(picture(VALUES, {0x00280010: ("US", us(900))}), pool=pool)
    assert told.value.code == "truncated"


def test_a_frame_that_does_not_exist_is_a_usage_error(pool: DecodePool) -> None:
    with pytest.raises(UsageError):
        picture_of_file(picture(VALUES), 9, pool=pool)


def test_a_pool_is_not_needed() -> None:
    assert picture_of_file(picture(VALUES)).answer["rows"] == 2


def test_a_png_holds_the_picture_and_the_label(tmp_path: Path, pool: DecodePool) -> None:
    found = picture_of_file(picture(VALUES, CHANGES), pool=pool)
    out = tmp_path / "out.png"
    assert found.picture is not None
    write_png(found.picture.array, out, {"Comment": str(found.picture.label)})
    with Image.open(out) as image:
        assert image.size == (3, 2)
        assert np.array_equal(np.asarray(image), found.picture.array)
        assert image.info["Comment"] == "8 bit of 16, window 500.5/1001, not for diagnosis"
    assert [file.name for file in tmp_path.iterdir()] == ["out.png"]
    if sys.platform != "win32":
        assert out.stat().st_mode & 0o077 == 0


def test_a_png_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TelereadError) as told:
        write_png(np.zeros((2, 2), np.uint8), tmp_path / "no" / "out.png")
    assert "could not be written" in told.value.title
    assert list(tmp_path.iterdir()) == []


def test_colour_is_written_as_rgb() -> None:
    file = io.BytesIO()
    write_png(np.array([[[1, 2, 3]]], np.uint8), file)
    with Image.open(file) as image:
        assert image.getpixel((0, 0)) == (1, 2, 3)


def test_importing_the_package_and_its_pool_loads_no_number_library() -> None:
    code = (
        "import sys, teleread.imaging, teleread.imaging.decode, teleread.imaging.stack, "
        "teleread.imaging.protocol, teleread.imaging.show\n"
        "print([name for name in ('numpy', 'pydicom', 'PIL') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"
