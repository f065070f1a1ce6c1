from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from teleread.imaging.frames import Frame, LookupTable, Window
from teleread.imaging.presets import NAMED, presets_for
from teleread.imaging.render import render
from teleread.imaging.window import auto_window, parse_window, range_window, to_grey, voi
from teleread.model.errors import UsageError
from teleread.model.text import SafeText


def frame_of(pixels: Any, **fields: Any) -> Frame:
    array = np.asarray(pixels)
    return Frame(array, array.shape[0], array.shape[1], **fields)


def table(first: int, bits: int, *values: int) -> LookupTable:
    return LookupTable(first, bits, np.array(values, np.uint16))


@pytest.mark.parametrize(
    ("centre", "width", "value", "expected"),
    [
        # PS3.3 C.11.2.1.2.1, note 1: centre 2048, width 4096 takes 0 to 0 and 4095 to the maximum
        (2048, 4096, 0, 0.0),
        (2048, 4096, 4095, 255.0),
        (2048, 4096, -1, 0.0),
        (2048, 4096, 4096, 255.0),
        # note 2: centre 2048, width 1 is a threshold: at or below 2047 minimum, above it maximum
        (2048, 1, 2047, 0.0),
        (2048, 1, 2048, 255.0),
        # note 3: centre 0, width 100 goes from -50 to 49
        (0, 100, -50, 0.0),
        (0, 100, 49, 255.0),
        (0, 100, -0.5, 127.5),
        # note 4: centre 0, width 1: at or below -1 minimum, above -0.5 maximum
        (0, 1, -1, 0.0),
        (0, 1, 0, 255.0),
    ],
)
def test_linear_follows_the_standard_to_the_value(
    centre: float, width: float, value: float, expected: float
) -> None:
    assert voi(np.array([float(value)]), Window(centre, width))[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0.0), (-1, 0.0), (1, 255 / 4096), (2048, 127.5), (4096, 255.0), (4097, 255.0)]
)
def test_linear_exact_follows_the_standard(value: float, expected: float) -> None:
    assert voi(np.array([float(value)]), Window(2048, 4096, "LINEAR_EXACT"))[0] == pytest.approx(expected)


@pytest.mark.parametrize(("value", "share"), [(40, 0.5), (140, 1 / (1 + np.exp(-1))), (-10_000_000, 0.0)])
def test_sigmoid_follows_the_standard(value: float, share: float) -> None:
    assert voi(np.array([float(value)]), Window(40, 400, "SIGMOID"))[0] == pytest.approx(255 * share)


def test_rescale_comes_before_the_window() -> None:
    frame = frame_of(np.array([[0, 864, 1064, 1264, 4095]], np.uint16), slope=1.0, intercept=-1024.0)
    assert to_grey(frame, Window(40, 400)).tolist() == [[0, 0, 128, 255, 255]]


def test_the_table_of_every_value_agrees_with_the_formula() -> None:
    rng = np.random.default_rng(7)
    for dtype in (np.int16, np.uint16, np.int8, np.uint8):
        info = np.iinfo(dtype)
        pixels = rng.integers(info.min, info.max, (40, 50), dtype=dtype, endpoint=True)
        frame = frame_of(pixels, slope=1.5, intercept=-20.0)
        window = Window(info.max / 3, info.max / 2)
        expected = np.floor(voi(pixels.astype(np.float64) * 1.5 - 20.0, window) + 0.5)
        assert np.array_equal(to_grey(frame, window), expected)


def test_32_bit_values_are_windowed_too() -> None:
    frame = frame_of(np.array([[0, 1_000_000, 2_000_000]], np.uint32))
    assert to_grey(frame).tolist() == [[0, 128, 255]]


def test_monochrome1_shows_its_lowest_value_white() -> None:
    frame = frame_of(np.array([[0, 4095]], np.uint16), presentation_invert=True)
    assert to_grey(frame).tolist() == [[255, 0]]
    assert to_grey(frame, invert=True).tolist() == [[0, 255]]


def test_padding_is_black_whichever_way_and_is_left_out_of_the_range() -> None:
    pixels = np.array([[-2000, 10, 20, 30]], np.int16)
    frame = frame_of(pixels, padding=(-2000, -1999), presentation_invert=True)
    window = range_window(frame)
    assert (window.centre, window.width) == (20.0, 20.0)
    assert to_grey(frame).tolist() == [[0, 255, 127, 0]]


def test_a_frame_of_one_value_is_black() -> None:
    assert to_grey(frame_of(np.full((2, 2), 9, np.uint8))).max() == 0


def test_the_first_voi_window_is_the_default() -> None:
    frame = frame_of(np.array([[0, 50, 100]], np.uint16), windows=(Window(50.5, 101), Window(0, 2)))
    assert to_grey(frame).tolist() == [[0, 128, 255]]
    assert render(frame).window == Window(50.5, 101)


def test_the_own_range_is_the_default_without_one_in_small_units_too() -> None:
    frame = frame_of(np.array([[0, 1000, 2000]], np.uint16), slope=0.0001)
    assert to_grey(frame).tolist() == [[0, 128, 255]]


def test_a_modality_table_is_applied_and_clamped() -> None:
    frame = frame_of(np.array([[0, 10, 11, 12, 99]], np.uint16), modality_lut=table(10, 16, 0, 500, 1000))
    assert to_grey(frame).tolist() == [[0, 0, 128, 255, 255]]


def test_a_voi_table_is_applied_and_clamped() -> None:
    frame = frame_of(np.array([[0, 1, 2, 9]], np.uint8), voi_tables=(table(1, 8, 255, 0),))
    assert to_grey(frame).tolist() == [[255, 255, 0, 0]]
    assert "lookup table" in render(frame).label


def test_auto_leaves_outliers_out() -> None:
    pixels = np.full((100, 100), 500, np.uint16)
    pixels[:50] = 400
    pixels[0, 0] = 65535
    assert auto_window(frame_of(pixels)).width == pytest.approx(100)


def test_colour_has_no_window_and_can_be_inverted() -> None:
    frame = frame_of(np.array([[[10, 20, 30]]], np.uint8))
    assert to_grey(frame, Window(0, 1)).tolist() == [[[10, 20, 30]]]
    assert to_grey(frame, invert=True).tolist() == [[[245, 235, 225]]]
    assert render(frame).window is None


def test_overlays_are_white_and_the_frame_is_left_as_it_was() -> None:
    mask = np.array([[True, False]])
    frame = frame_of(np.array([[0, 200]], np.uint8), overlays=mask, windows=(Window(128, 256),))
    assert render(frame).array.tolist() == [[255, 200]]
    assert render(frame, overlays=False).array.tolist() == [[0, 200]]


def test_the_label_says_how_faithful_the_picture_is() -> None:
    frame = frame_of(np.zeros((2, 2), np.uint16), bits_stored=12, windows=(Window(40, 400),))
    assert render(frame).label == "8 bit of 12, window 40/400, not for diagnosis"


def test_annotating_squares_the_pixels_and_plain_rendering_does_not() -> None:
    frame = frame_of(np.zeros((40, 40), np.uint8), aspect=2.0, orientation=(1, 0, 0, 0, 1, 0))
    assert render(frame).array.shape == (40, 40)
    annotated = render(frame, annotate=True).array
    assert annotated.shape == (80, 40)
    assert annotated.max() > 200  # letters on black


@pytest.mark.parametrize(("text", "centre", "width"), [("40,400", 40, 400), (" -600, 1500 ", -600, 1500)])
def test_a_typed_window_is_read(text: str, centre: float, width: float) -> None:
    window = parse_window(text)
    assert (window.centre, window.width) == (centre, width)


@pytest.mark.parametrize("text", ["", "40", "40,0", "40,-3", "a,b", "1,2,3", "nan,1", "inf,1", "\x1b[2J"])
def test_what_is_no_window_is_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_window(text)
    assert "\x1b" not in str(told.value)
    assert "lung" in told.value.remedy


def test_presets_are_found_by_name_and_by_digit() -> None:
    assert parse_window("Lung") == NAMED["lung"]
    digits = {preset.digit: preset.name for preset in presets_for(frame_of([[0]], modality=SafeText("CT")))}
    assert digits[1] == "soft"
    assert sorted(digits) == list(range(1, 10))


def test_presets_of_other_modalities_are_measured_on_the_frame() -> None:
    frame = frame_of(
        np.arange(101, dtype=np.uint16).reshape(1, 101),
        modality=SafeText("MR"),
        windows=(Window(5, 10, name=SafeText("algo")),),
    )
    presets = presets_for(frame)
    assert [str(preset.name) for preset in presets] == ["algo", "own range", "auto"]
    assert presets[1].window.width == 100
    assert parse_window("full", frame).width == 100
    assert parse_window("stored", frame).width == 10


def test_scrolling_with_one_window_builds_its_table_once() -> None:
    from teleread.imaging import window as module

    module._table.cache_clear()
    for _ in range(5):
        to_grey(frame_of(np.zeros((4, 4), np.int16)), Window(40, 400))
    assert module._table.cache_info().misses == 1


@pytest.mark.parametrize(("slope", "intercept"), [(1e308, 0.0), (1e308, -1e308), (1.0, 1e308), (1e-308, 0.0)])
def test_absurd_rescale_values_are_drawn_without_a_warning(slope: float, intercept: float) -> None:
    frame = frame_of(np.array([[-32768, 0, 32767]], np.int16), slope=slope, intercept=intercept)
    for window in (None, Window(40, 400), Window(0, 1e11), Window(0, 1e-9, "SIGMOID")):
        assert to_grey(frame, window).shape == (1, 3)


def test_a_shutter_covers_only_what_is_annotated() -> None:
    cover = np.zeros((60, 60), bool)
    cover[:, :30] = True
    frame = frame_of(np.full((60, 60), 255, np.uint8), shutter=cover, windows=(Window(128, 256),))
    assert render(frame).array.min() == 255
    annotated = render(frame, annotate=True).array
    assert annotated[30, 5] == 0
    assert annotated[30, 55] == 255


def test_the_aspect_is_told_until_the_pixels_are_square() -> None:
    frame = frame_of(np.zeros((10, 10), np.uint8), aspect=2.0)
    assert render(frame).aspect == 2.0
    assert render(frame, annotate=True).aspect == 1.0
