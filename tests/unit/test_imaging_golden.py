"""The grey-scale pipeline step by step: small pictures whose greys were worked out by hand from the standard.

Each case says its sum. PS3.3 C.7.6.3.1.5 (palette), C.11.1 (modality), C.11.2 (VOI), C.11.6 (presentation),
PS3.4 N.2 (the order); T.871 for YBR.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from teleread.imaging.decode import DecodePool
from teleread.imaging.frames import Frame
from teleread.imaging.objects import Presentation
from teleread.imaging.presentation import presented_greys, turned, turned_place
from teleread.imaging.render import render, render_presented
from teleread.imaging.show import picture_of_file
from tests.unit.imaging_files import element, item, part10, picture, us

RAW = np.array([[0, 100, 200], [300, 400, 4095]], np.uint16)
UID = "1.2.826.0.1.3680043.10.999.1"


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool() as pool:
        yield pool


def greys(pool: DecodePool, data: bytes) -> list[Any]:
    found = picture_of_file(data, pool=pool)
    assert found.picture is not None
    listed: list[Any] = found.picture.array.tolist()
    return listed


def ds(text: str) -> tuple[str, bytes]:
    return "DS", text.encode()


def window(centre: str, width: str, function: str = "") -> dict[int, tuple[str, bytes]]:
    elements = {0x00281050: ds(centre), 0x00281051: ds(width)}
    return elements | ({0x00281056: ("CS", function.encode())} if function else {})


def test_linear_window(pool: DecodePool) -> None:
    # c = 200, w = 201: ((x - 199.5) / 200 + 0.5) x 255: 0.6, 128.1 (100 -> 0.5 %), 127.5 + 0.6 ...
    assert greys(pool, picture(RAW, window("200", "201"))) == [[0, 1, 128], [255, 255, 255]]


def test_linear_exact_window(pool: DecodePool) -> None:
    # c = 200, w = 200: (x - 200) / 200 + 0.5: 100 -> 0, 200 -> 127.5, 300 -> 255
    assert greys(pool, picture(RAW, window("200", "200", "LINEAR_EXACT"))) == [[0, 0, 128], [255, 255, 255]]


def test_sigmoid_window(pool: DecodePool) -> None:
    # 255 / (1 + exp(-4 (x - 200) / 400)): 0 -> 1 / (1 + e^2) = 30.4; 100 -> 68.6; 300 -> 186.4; 400 -> 224.6
    assert greys(pool, picture(RAW, window("200", "400", "SIGMOID"))) == [[30, 69, 128], [186, 225, 255]]


def test_monochrome1_shows_low_values_white(pool: DecodePool) -> None:
    changes = {0x00280004: ("CS", b"MONOCHROME1"), **window("200", "200", "LINEAR_EXACT")}
    assert greys(pool, picture(RAW, changes)) == [[255, 255, 127], [0, 0, 0]]


def test_presentation_lut_shape_inverse(pool: DecodePool) -> None:
    changes = {0x20500020: ("CS", b"INVERSE"), **window("200", "200", "LINEAR_EXACT")}
    assert greys(pool, picture(RAW, changes)) == [[255, 255, 127], [0, 0, 0]]


def test_signed_values_and_rescale_come_before_the_window(pool: DecodePool) -> None:
    stored = np.array([[-1024, 0, 24], [1024, 1064, 3071]], np.int16)  # HU: -2048 -1024 -1000 0 40 2047
    changes = {0x00281052: ds("-1024"), 0x00281053: ds("1"), **window("0", "2048", "LINEAR_EXACT")}
    # (hu / 2048 + 0.5) x 255: -1000 -> 3.0; 0 -> 127.5; 40 -> 132.5
    assert greys(pool, picture(stored, changes)) == [[0, 0, 3], [128, 132, 255]]


def test_twelve_bits_signed_in_sixteen(pool: DecodePool) -> None:
    stored = np.array([[0x0800, 0x0FFF, 0xF7FF]], np.uint16).view(np.int16)  # -2048, -1, 2047
    changes = {0x00280101: ("US", us(12)), 0x00280102: ("US", us(11)), **window("0", "4096", "LINEAR_EXACT")}
    assert greys(pool, picture(stored, changes)) == [[0, 127, 255]]


def test_padding_is_black_and_does_not_stretch_the_range(pool: DecodePool) -> None:
    stored = np.array([[-2000, 0, 100], [-2000, 50, 25]], np.int16)
    changes = {0x00280120: ("SS", us(-2000))}
    # without a window the values' own range 0 to 100 is shown: 50 -> 127.5, 25 -> 63.75
    assert greys(pool, picture(stored, changes)) == [[0, 0, 255], [0, 128, 64]]
    ranged = changes | {0x00280121: ("SS", us(-1500)), 0x00280004: ("CS", b"MONOCHROME1")}
    stored = np.array([[-2000, 0, 100], [-1600, 50, 25]], np.int16)
    assert greys(pool, picture(stored, ranged)) == [[0, 255, 0], [0, 127, 191]]


def lut(first: int, bits: int, *values: int) -> bytes:
    words = element(0x00283006, "OW", us(*values))
    return item(element(0x00283002, "US", us(len(values), first, bits)), words)


def test_a_modality_table_takes_the_place_of_rescale(pool: DecodePool) -> None:
    stored = np.array([[0, 10, 11], [12, 13, 99]], np.uint16)
    changes = {
        0x00281052: ds("5000"),
        0x00281053: ds("1"),
        0x00283000: ("SQ", lut(10, 16, 0, 64, 128, 256)),
        **window("128", "256", "LINEAR_EXACT"),
    }
    # below the first input the first entry, above the last the last: 0 0 64 | 128 256 256, each / 256 x 255
    assert greys(pool, picture(stored, changes)) == [[0, 0, 64], [128, 255, 255]]


def test_a_voi_table_is_used_where_there_is_no_window(pool: DecodePool) -> None:
    stored = np.array([[0, 100, 101], [102, 103, 500]], np.uint16)
    changes = {0x00283010: ("SQ", lut(100, 10, 0, 1023, 511, 341))}
    assert greys(pool, picture(stored, changes)) == [[0, 0, 255], [127, 85, 85]]  # x 255 / 1023


def test_a_palette_colours_indices(pool: DecodePool) -> None:
    stored = np.array([[0, 1, 2], [3, 4, 9]], np.uint8)
    # entries of 16 bits count from index 1; below it the first is taken, above 3 the last
    tables = {0: (0xFF00, 0, 0x8000), 1: (0, 0xFF00, 0x8000), 2: (0, 0, 0x7F00)}
    changes: dict[int, tuple[str, bytes]] = {0x00280004: ("CS", b"PALETTE COLOR")}
    for channel, entries in tables.items():
        changes[0x00281101 + channel] = ("US", us(3, 1, 16))
        changes[0x00281201 + channel] = ("OW", us(*entries))
    red, green, grey = [255, 0, 0], [0, 255, 0], [128, 128, 127]
    assert greys(pool, picture(stored, changes)) == [[red, red, green], [grey, grey, grey]]


def test_a_segmented_palette_is_expanded(pool: DecodePool) -> None:
    stored = np.arange(8, dtype=np.uint8).reshape(2, 4)
    # discrete: 2 values; linear: 4 steps up to 0xFA00; indirect: the first segment again
    segments = us(0, 2, 0, 25600, 1, 4, 0xFA00, 2, 1, 0, 0)
    changes: dict[int, tuple[str, bytes]] = {0x00280004: ("CS", b"PALETTE COLOR")}
    for channel in range(3):
        changes[0x00281101 + channel] = ("US", us(8, 0, 16))
        changes[0x00281221 + channel] = ("OW", segments)
    # 25600 -> 64000 in four steps of 9600: 35200, 44800, 54400, 64000; the high byte is the colour
    expected = [0, 100, 137, 175, 212, 250, 0, 100]
    shown = np.array(greys(pool, picture(stored, changes)))
    assert shown[..., 0].reshape(-1).tolist() == expected
    assert np.array_equal(shown[..., 0], shown[..., 2])


@pytest.mark.parametrize("planar", [0, 1])
def test_ybr_full_becomes_rgb_once(pool: DecodePool, planar: int) -> None:
    ybr = np.array([[[76, 85, 255], [150, 44, 21]], [[29, 255, 107], [128, 128, 128]]], np.uint8)
    stored = ybr if planar == 0 else np.ascontiguousarray(ybr.transpose(2, 0, 1)).reshape(2, 2, 3)
    changes = {0x00280004: ("CS", b"YBR_FULL"), 0x00280006: ("US", us(planar))}
    shown = np.array(greys(pool, picture(stored, changes)))
    # R = Y + 1.402 (Cr - 128), G = Y - 0.344 (Cb - 128) - 0.714 (Cr - 128), B = Y + 1.772 (Cb - 128)
    expected = [[[254, 0, 0], [0, 255, 1]], [[0, 0, 254], [128, 128, 128]]]
    assert np.abs(shown - expected).max() <= 1


def test_ybr_422_has_one_colour_for_two_pixels(pool: DecodePool) -> None:
    stored = bytes([76, 150, 85, 255, 128, 128, 128, 128])  # Y Y Cb Cr, twice
    changes = {0x00280004: ("CS", b"YBR_FULL_422"), 0x7FE00010: ("OB", stored)}
    shown = np.array(greys(pool, picture(np.zeros((1, 4, 3), np.uint8), changes)))
    expected = [[[254, 0, 0], [255, 74, 74], [128, 128, 128], [128, 128, 128]]]
    assert np.abs(shown - expected).max() <= 1


def test_overlays_are_white_also_in_high_bits(pool: DecodePool) -> None:
    stored = np.array([[0x1000, 0], [0x1000 | 7, 7]], np.uint16)  # bit 12 is an overlay
    changes = {
        0x00280101: ("US", us(12)),
        0x00280102: ("US", us(11)),
        0x60000010: ("US", us(2)),
        0x60000011: ("US", us(2)),
        0x60000050: ("SS", us(1, 1)),
        0x60000100: ("US", us(16)),
        0x60000102: ("US", us(12)),
        **window("3.5", "7", "LINEAR_EXACT"),
    }
    assert greys(pool, picture(stored, changes)) == [[255, 0], [255, 255]]


# -- presentation states


def state(changes: dict[int, tuple[str, bytes]]) -> bytes:
    reference = item(
        element(0x0020000E, "UI", b"1.2.3"),
        element(
            0x00081140,
            "SQ",
            item(
                element(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2"),
                element(0x00081155, "UI", UID.encode()),
            ),
        ),
    )
    return part10(
        {
            0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.11.1"),
            0x00080018: ("UI", b"1.2.826.0.1.3680043.10.999.9"),
            0x00081115: ("SQ", reference),
            0x00700080: ("CS", b"TEST"),
            **changes,
        }
    )


def presented(pool: DecodePool, changes: dict[int, tuple[str, bytes]], pixels: NDArray[Any] = RAW) -> Any:
    found = pool.decode(picture(pixels, window("2000", "4000")))
    read = pool.read(state(changes))
    assert isinstance(found, Frame)
    assert isinstance(read, Presentation), read
    assert read.covers(UID)
    return render_presented(found, read).array.tolist()


def voi(centre: str, width: str, function: str = "LINEAR_EXACT") -> tuple[str, bytes]:
    inside = element(0x00281050, "DS", centre.encode()) + element(0x00281051, "DS", width.encode())
    return "SQ", item(inside + element(0x00281056, "CS", function.encode()))


def test_a_presentation_state_brings_its_own_window_and_rescale(pool: DecodePool) -> None:
    changes = {0x00283110: voi("400", "800"), 0x00281052: ds("0"), 0x00281053: ds("2")}
    # 2 x stored: 0 200 400 | 600 800 8190, each / 800 x 255
    assert presented(pool, changes) == [[0, 64, 128], [191, 255, 255]]


def test_without_a_voi_the_whole_range_is_shown_not_the_images_window(pool: DecodePool) -> None:
    assert presented(pool, {})[1] == [19, 25, 255]  # 300 and 400 of 4095


def test_a_presentation_state_inverts_and_has_a_table_of_its_own(pool: DecodePool) -> None:
    window_ = {0x00283110: voi("200", "400")}
    assert presented(pool, window_ | {0x20500020: ("CS", b"INVERSE")}) == [[255, 191, 127], [64, 0, 0]]
    table = {0x20500010: ("SQ", lut(0, 8, 0, 10, 20, 30, 255))}
    assert presented(pool, window_ | table) == [[0, 10, 20], [30, 255, 255]]


def test_a_voi_for_another_image_is_not_taken(pool: DecodePool) -> None:
    other = item(element(0x00081155, "UI", b"9.9.9"))
    inside = (
        element(0x00081140, "SQ", other) + element(0x00281050, "DS", b"1") + element(0x00281051, "DS", b"2")
    )
    both = item(inside) + voi("200", "400")[1]
    assert presented(pool, {0x00283110: ("SQ", both)}) == [[0, 64, 128], [191, 255, 255]]


def test_a_shutter_covers_with_its_own_grey(pool: DecodePool) -> None:
    changes = {
        0x00283110: voi("200", "400"),
        0x00181600: ("CS", b"RECTANGULAR"),
        0x00181602: ("IS", b"0"),
        0x00181604: ("IS", b"3"),
        0x00181606: ("IS", b"0"),
        0x00181608: ("IS", b"3"),
        0x00181622: ("US", us(0x8000)),
    }
    assert presented(pool, changes) == [[0, 64, 128], [191, 255, 128]]


def test_rotation_comes_before_the_flip(pool: DecodePool) -> None:
    changes = {0x00283110: voi("200", "400"), 0x00700042: ("US", us(90)), 0x00700041: ("CS", b"Y")}
    # 0 64 128 | 191 255 255 turned clockwise: 191 0 | 255 64 | 255 128; mirrored: 0 191 | 64 255 | 128 255
    assert presented(pool, changes) == [[0, 191], [64, 255], [128, 255]]


def test_only_the_displayed_area_is_shown(pool: DecodePool) -> None:
    area = element(0x00700052, "SL", np.array([2, 1], "<i4").tobytes())
    area += element(0x00700053, "SL", np.array([3, 2], "<i4").tobytes())
    changes = {0x00283110: voi("200", "400"), 0x0070005A: ("SQ", item(area))}
    assert presented(pool, changes) == [[64, 128], [255, 255]]


def test_figures_are_drawn_where_the_state_says(pool: DecodePool) -> None:
    line = (
        element(0x00700005, "CS", b"PIXEL")
        + element(0x00700020, "US", us(2))
        + element(0x00700021, "US", us(2))
        + element(0x00700022, "FL", np.array([3, 5, 13, 5], "<f4").tobytes())
        + element(0x00700023, "CS", b"POLYLINE")
        + element(0x00700024, "CS", b"N")
    )
    layer = element(0x00700002, "CS", b"A") + element(0x00700009, "SQ", item(line))
    blank = np.full((12, 16), 100, np.uint16)
    shown = np.array(presented(pool, {0x00283110: voi("200", "400"), 0x00700001: ("SQ", item(layer))}, blank))
    assert (shown[4, 2:13] == 255).all()  # row 5 from column 3 to 13, counted from 1
    assert (shown[3, 3:12] == 0).all()  # its black rim
    assert shown[8, 8] == 64
    assert shown[4, 15] == 64


def test_texts_stay_readable_when_the_picture_is_turned(pool: DecodePool) -> None:
    words = (
        element(0x00700003, "CS", b"PIXEL")
        + element(0x00700006, "ST", b"A")
        + element(0x00700010, "FL", np.array([1, 1], "<f4").tobytes())
        + element(0x00700011, "FL", np.array([9, 9], "<f4").tobytes())
    )
    layer = {0x00700001: ("SQ", item(element(0x00700008, "SQ", item(words))))}
    blank = np.full((60, 40), 100, np.uint16)
    plain = np.array(presented(pool, {0x00283110: voi("200", "400"), **layer}, blank))
    assert plain[:20, :20].max() > 200
    half_turn = {0x00283110: voi("200", "400"), 0x00700042: ("US", us(180)), **layer}
    assert (np.array(presented(pool, half_turn, blank))[:20, :20] == 64).all()
    assert turned_place((0, 0), 40, 60, 90, False) == (59, 0)
    assert turned_place((0, 0), 40, 60, 180, False) == (39, 59)
    assert turned_place((5, 7), 40, 60, 270, False) == (7, 34)
    assert turned_place((5, 7), 40, 60, 0, True) == (34, 7)


def test_places_turn_as_pixels_do() -> None:
    picture_ = np.arange(15, dtype=np.uint8).reshape(3, 5)
    for rotation in (0, 90, 180, 270):
        for flip in (False, True):
            out = turned(picture_, rotation, flip)
            x, y = turned_place((4, 1), 5, 3, rotation, flip)
            assert out[int(y), int(x)] == picture_[1, 4]


def test_a_state_is_shown_by_the_image_it_is_for(pool: DecodePool) -> None:
    data = picture(RAW)
    found = picture_of_file(
        state({0x00283110: voi("200", "400")}), pool=pool, other=lambda uid: data if uid == UID else None
    )
    assert found.picture is not None
    assert found.picture.array.tolist() == [[0, 64, 128], [191, 255, 255]]
    assert found.answer["placeholder"] == "This is a presentation state, not a picture."
    assert "presentation state TEST" in found.answer["fidelity"]
    alone = picture_of_file(state({}), pool=pool)
    assert alone.picture is None
    assert alone.answer["document"]["links"][0]["sop_uid"] == UID


def test_the_readers_window_wins_over_the_states(pool: DecodePool) -> None:
    from teleread.imaging.frames import Window

    found, read = pool.decode(picture(RAW)), pool.read(state({0x00283110: voi("200", "400")}))
    assert isinstance(found, Frame)
    assert isinstance(read, Presentation)
    shown = presented_greys(found, read, Window(100.0, 200.0, "LINEAR_EXACT"))
    assert shown.tolist() == [[0, 128, 255], [255, 255, 255]]


def test_overlays_show_only_where_the_state_activates_them(pool: DecodePool) -> None:
    overlay = {
        0x60000010: ("US", us(2)),
        0x60000011: ("US", us(3)),
        0x60000050: ("SS", us(1, 1)),
        0x60003000: ("OW", bytes([0b000001, 0])),
    }
    found = pool.decode(picture(RAW, overlay))
    assert isinstance(found, Frame)
    for activation, corner in (({}, 0), ({0x60001001: ("CS", b"LAYER")}, 255)):
        read = pool.read(state({0x00283110: voi("200", "400"), **activation}))
        assert isinstance(read, Presentation)
        assert presented_greys(found, read)[0, 0] == corner


def test_a_radiograph_without_vectors_has_the_letters_of_its_patient_orientation(pool: DecodePool) -> None:
    from teleread.imaging.stack import orientation_letters

    for said, letters in (
        (b"L\\F", ("R", "L", "H", "F")),
        (b"A\\FR", ("P", "A", "HL", "FR")),
        (b"P\\F", ("A", "P", "H", "F")),
        (b"X\\F", ("", "", "", "")),
        (b"L", ("", "", "", "")),
    ):
        found = pool.decode(picture(RAW, {0x00200020: ("CS", said)}))
        assert isinstance(found, Frame)
        assert orientation_letters(found.orientation) == letters


# -- functional groups, SUV, ultrasound, cine


def test_each_frame_of_an_enhanced_object_has_its_own_voi_and_rescale(pool: DecodePool) -> None:
    def group(slope: str, centre: str) -> bytes:
        transform = element(0x00281052, "DS", b"0") + element(0x00281053, "DS", slope.encode())
        voi_ = element(0x00281050, "DS", centre.encode()) + element(0x00281051, "DS", b"200")
        return item(
            element(0x00289132, "SQ", item(voi_ + element(0x00281056, "CS", b"LINEAR_EXACT"))),
            element(0x00289145, "SQ", item(transform)),
        )

    clip = np.full((2, 1, 2), 50, np.uint16)
    data = picture(clip, {0x52009230: ("SQ", group("1", "100") + group("3", "100"))})
    assert picture_of_file(data, 1, pool=pool).picture.array.tolist() == [[64, 64]]  # type: ignore[union-attr]
    assert picture_of_file(data, 2, pool=pool).picture.array.tolist() == [[191, 191]]  # type: ignore[union-attr]


def pet(changes: dict[int, tuple[str, bytes]]) -> bytes:
    drug = item(
        element(0x00181072, "TM", b"100000"),
        element(0x00181074, "DS", b"400000000"),
        element(0x00181075, "DS", b"6586.2"),
    )
    elements = {
        0x00080021: ("DA", b"20260314"),
        0x00080022: ("DA", b"20260314"),
        0x00080031: ("TM", b"110000"),
        0x00080032: ("TM", b"110500"),
        0x00080060: ("CS", b"PT"),
        0x00101030: ("DS", b"80"),
        0x00280051: ("CS", b"ATTN\\DECY\\SCAT"),
        0x00540016: ("SQ", drug),
        0x00541001: ("CS", b"BQML"),
        0x00541102: ("CS", b"START"),
    }
    return picture(RAW, elements | changes)


def test_suv_is_by_body_weight_and_the_dose_left_at_the_scan(pool: DecodePool) -> None:
    frame = pool.decode(pet({}))
    assert isinstance(frame, Frame)
    # 400 MBq at 10:00, 3600 s of a half life of 6586.2 s later: 400 x 2^-0.54660 = 273.86 MBq; 80 kg
    assert frame.suv == pytest.approx(80_000 / 273.86e6, rel=1e-4)
    assert frame.suv_note == "SUV by body weight"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({0x00541001: ("CS", b"CNTS")}, "CNTS"),
        ({0x00280051: ("CS", b"ATTN")}, "decay"),
        ({0x00101030: ("DS", b"")}, "weight"),
        ({0x00541102: ("CS", b"NONE")}, "time of the dose"),
        ({0x00540016: ("SQ", item())}, "dose"),
    ],
)
def test_without_what_it_needs_there_is_no_suv_and_the_reason(
    pool: DecodePool, changes: dict[int, tuple[str, bytes]], said: str
) -> None:
    frame = pool.decode(pet(changes))
    assert isinstance(frame, Frame)
    assert frame.suv is None
    assert said in frame.suv_note


def test_suv_as_stored_and_dose_corrected_to_its_administration(pool: DecodePool) -> None:
    frame = pool.decode(pet({0x00541001: ("CS", b"GML")}))
    assert isinstance(frame, Frame)
    assert frame.suv == 1.0
    frame = pool.decode(pet({0x00541102: ("CS", b"ADMIN")}))
    assert isinstance(frame, Frame)
    assert frame.suv == pytest.approx(80_000 / 400e6)


def test_ultrasound_regions_and_the_time_of_a_frame_are_read(pool: DecodePool) -> None:
    region = (
        element(0x00186018, "UL", np.array([10], "<u4").tobytes())
        + element(0x0018601A, "UL", np.array([20], "<u4").tobytes())
        + element(0x0018601C, "UL", np.array([110], "<u4").tobytes())
        + element(0x0018601E, "UL", np.array([220], "<u4").tobytes())
        + element(0x00186024, "US", us(3))
        + element(0x00186026, "US", us(3))
        + element(0x0018602C, "FD", np.array([0.05], "<f8").tobytes())
        + element(0x0018602E, "FD", np.array([-0.04], "<f8").tobytes())
    )
    frame = pool.decode(picture(RAW, {0x00186011: ("SQ", item(region)), 0x00082144: ("IS", b"25")}))
    assert isinstance(frame, Frame)
    [found] = frame.regions
    assert (found.left, found.top, found.right, found.bottom) == (10, 20, 110, 220)
    assert (found.across, found.down, found.unit_across) == (0.05, 0.04, "cm")
    assert frame.frame_time == 40.0
    vector = pool.decode(picture(RAW, {0x00181065: ("DS", b"0\\30\\50")}))
    assert isinstance(vector, Frame)
    assert vector.frame_time == 40.0


def test_a_whole_render_keeps_the_order_overlay_after_window_shutter_when_annotated(pool: DecodePool) -> None:
    frame = pool.decode(picture(RAW, window("200", "200", "LINEAR_EXACT")))
    assert isinstance(frame, Frame)
    assert render(frame).array.tolist() == [[0, 0, 128], [255, 255, 255]]
    assert render(frame, invert=True).array.tolist() == [[255, 255, 127], [0, 0, 0]]
