"""Planes, links, measurements, volumes and hanging rules, with figures worked out by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from teleread.imaging.frames import Frame, Region
from teleread.imaging.measure import angle, calibration, ellipse, length, two_lengths, value_at, words
from teleread.imaging.planes import link, localiser, plane_of, to_patient, to_picture
from teleread.imaging.stack import Orientation, orientation_letters, turned_orientation
from teleread.imaging.volume import MAX_BYTES, Volume, build_volume
from teleread.model.errors import AttentionError, UsageError
from teleread.model.hanging import SeriesFacts, choose_hanging, read_hanging_rules
from teleread.model.hanging_defaults import DEFAULT_HANGING
from teleread.model.text import SafeText

AXIAL: Orientation = (1, 0, 0, 0, 1, 0)
CORONAL: Orientation = (1, 0, 0, 0, 0, -1)
WAYS = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def frame(
    z: float = 0.0,
    rows: int = 10,
    columns: int = 12,
    *,
    value: int | None = None,
    orientation: Orientation = AXIAL,
) -> Frame:
    pixels = np.arange(rows * columns, dtype=np.int16).reshape(rows, columns)
    if value is not None:
        pixels = np.full((rows, columns), value, np.int16)
    return Frame(
        pixels,
        rows,
        columns,
        pixel_spacing=(0.5, 0.25),
        spacing_kind=SafeText("PixelSpacing"),
        position=(0.0, 0.0, z),
        orientation=orientation,
        modality=SafeText("CT"),
        intercept=-1000.0,
        frame_of_reference=SafeText("1.2.3"),
    )


# -- measuring


def test_a_length_uses_the_spacing_of_rows_and_columns() -> None:
    found = length(frame(), (0, 0), (12, 8))  # 12 x 0.25 mm across, 8 x 0.5 mm down
    assert found.values == pytest.approx((5.0,))
    assert (found.unit, found.trusted, found.calibration) == ("mm", True, "Pixel Spacing")
    assert words(found, 2, 143) == "5 mm (series 2, image 143)"


def test_two_lengths_stand_longer_first_as_a_report_says_them() -> None:
    found = two_lengths(frame(rows=100, columns=100), ((0, 0), (36, 0)), ((0, 0), (0, 24)))
    assert words(found, 2, 143) == "12 x 9 mm (series 2, image 143)"
    small = two_lengths(frame(rows=100, columns=100), ((0, 0), (24, 0)), ((0, 0), (0, 17)))
    assert words(small) == "8.5 x 6 mm"


def test_a_detector_or_film_is_named_and_not_trusted() -> None:
    xray = replace(frame(), spacing_kind=SafeText("ImagerPixelSpacing"), modality=SafeText("DX"))
    found = length(xray, (0, 0), (40, 0))
    assert found.trusted is False
    assert words(found, 1, 1) == "10 mm (series 1, image 1, Imager Pixel Spacing: at the detector, magnified)"
    unsaid = replace(xray, spacing_kind=SafeText("PixelSpacing"))
    assert calibration(unsaid).trusted is False
    assert calibration(replace(unsaid, calibration=SafeText("FIDUCIAL"))).trusted is True


def test_without_spacing_there_are_pixels_in_their_own_shape() -> None:
    bare = replace(frame(), pixel_spacing=None, aspect=2.0)
    found = length(bare, (0, 0), (3, 2))
    assert (found.values, found.unit) == ((5.0,), "px")
    assert words(found) == "5 px (not calibrated)"


def test_ultrasound_is_measured_inside_one_region_alone() -> None:
    cm, s = SafeText("cm"), SafeText("s")
    regions = (
        Region(0, 0, 99, 99, 0.01, cm, 0.02, cm),
        Region(0, 120, 99, 199, 0.004, s, 0.5, SafeText("cm/s")),
    )
    picture = replace(frame(rows=200, columns=100), regions=regions)
    assert length(picture, (0, 0), (30, 20)).values == pytest.approx((5.0,))
    assert length(picture, (0, 0), (30, 150)).unit == "px"
    assert "centimetres" in length(picture, (0, 130), (9, 140)).calibration


def test_angles_follow_the_patients_proportions() -> None:
    found = angle(frame(), (10, 0), (0, 0), (0, 5))
    assert found.values == pytest.approx((90.0,))
    assert words(found) == "90°"
    slanted = angle(frame(), (10, 0), (0, 0), (4, 2))  # 1 mm across, 1 mm down
    assert slanted.values == pytest.approx((45.0,))


def test_an_ellipse_has_area_and_values_in_hounsfield_units() -> None:
    picture = frame(rows=40, columns=40, value=1040)
    picture.pixels[20, 20] = 1100
    found = ellipse(picture, (10, 10), (30, 30))
    assert found.values == pytest.approx((math.pi * 10 * 0.25 * 10 * 0.5,))
    assert found.unit == "mm²"
    assert found.highest == 100
    assert found.lowest == 40
    assert found.mean == pytest.approx(40 + 60 / found.pixels)
    assert abs(found.pixels - math.pi * 100) < 12
    assert "HU" in words(found)


def test_the_value_under_the_cursor_is_said_in_its_unit() -> None:
    assert value_at(frame(), (3, 2)) == "-973 HU"
    assert value_at(frame(), (99, 2)) == ""
    pet = replace(frame(), modality=SafeText("PT"), suv=0.01, intercept=0.0)
    assert value_at(pet, (3, 2)) == "SUV 0.27"
    colour = replace(frame(), pixels=np.full((10, 12, 3), 7, np.uint8))
    assert value_at(colour, (0, 0)) == "R 7 G 7 B 7"
    assert value_at(replace(frame(), padding=(27, 27)), (3, 2)) == "padding"


# -- planes


def test_places_go_to_the_patient_and_back() -> None:
    plane = plane_of(frame(5.0, orientation=CORONAL))
    assert plane is not None
    place = to_patient(plane, 4, 6)
    assert place == (1.0, 0.0, 2.0)  # four columns of 0.25 mm to the left, six rows of 0.5 mm to the feet
    assert to_picture(plane, place) == pytest.approx((4, 6, 0))


def test_a_localiser_line_lies_where_the_planes_cross() -> None:
    front = plane_of(frame(20.0, 60, 60, orientation=CORONAL))
    cut = plane_of(frame(10.0, 60, 60))
    assert front is not None
    assert cut is not None
    line = localiser(front, replace(cut, position=(0.0, -5.0, 10.0)))
    assert line is not None
    assert sorted(line) == [pytest.approx((0, 20)), pytest.approx((59, 20))]
    assert localiser(front, front) is None
    assert localiser(front, replace(cut, frame_of_reference=SafeText("9.9"))) is None
    assert localiser(front, replace(cut, position=(0.0, 5.0, 10.0))) is None  # it ends before the front plane


def test_stacks_with_one_frame_of_reference_are_linked_by_position() -> None:
    shown = plane_of(frame(12.0))
    others = [((0.0, 0.0, 5.0 * step), AXIAL) for step in range(8)]
    found = link(shown, 3, 20, others, "1.2.3")
    assert (found.index, found.exact, found.distance, found.warning) == (2, True, 2.0, "")
    moved = link(shown, 3, 20, others, "other", offset=10.0)
    assert (moved.index, moved.exact) == (4, True)


def test_stacks_without_one_are_linked_by_their_share_and_say_so() -> None:
    shown = plane_of(frame(12.0))
    others = [((0.0, 0.0, 5.0 * step), AXIAL) for step in range(9)]
    found = link(shown, 10, 21, others, "another")
    assert (found.index, found.exact) == (4, False)
    assert "no common frame of reference" in found.warning
    slanted = link(shown, 20, 21, [(place, CORONAL) for place, _ in others], "1.2.3")
    assert (slanted.index, slanted.exact) == (8, False)
    assert "different planes" in slanted.warning
    assert not link(None, 0, 1, [None], "").exact
    assert not link(shown, 0, 1, []).exact


@pytest.mark.parametrize(
    ("rotation", "flip", "letters"),
    [
        (0, False, ("R", "L", "A", "P")),
        (90, False, ("P", "A", "R", "L")),
        (180, False, ("L", "R", "P", "A")),
        (270, False, ("A", "P", "L", "R")),
        (0, True, ("L", "R", "A", "P")),
        (90, True, ("A", "P", "R", "L")),
    ],
)
def test_letters_turn_with_the_picture(rotation: int, flip: bool, letters: tuple[str, ...]) -> None:
    assert orientation_letters(turned_orientation(AXIAL, rotation, flip)) == letters
    assert turned_orientation(None, 90, True) is None


# -- volumes


def stack(
    orientation: Orientation, places: Sequence[tuple[float, float, float]], values: NDArray[Any]
) -> list[Frame]:
    return [
        replace(
            frame(rows=values.shape[1], columns=values.shape[2], orientation=orientation),
            pixels=values[index],
            position=place,
        )
        for index, place in enumerate(places)
    ]


@pytest.fixture
def body() -> Iterator[Volume]:
    """Axial, feet first, 5 slices of 4 rows and 3 columns; a value says its place: 100 z + 10 y + x."""
    z, y, x = np.mgrid[0:5, 0:4, 0:3]
    values = (100 * z + 10 * y + x).astype(np.int16)
    volume = build_volume(iter(stack(AXIAL, [(0.0, 0.0, 2.0 * k) for k in range(5)], values)), 5)
    yield volume
    volume.close()


def test_axial_cuts_are_the_slices(body: Volume) -> None:
    assert (body.count("axial"), body.step("axial"), body.warning) == (5, 2.0, "")
    found = body.cut("axial", 3)
    assert found.pixels.tolist() == [[300 + 10 * y + x for x in range(3)] for y in range(4)]
    assert found.position == (0.0, 0.0, 6.0)
    assert found.orientation == AXIAL
    assert orientation_letters(found.orientation) == ("R", "L", "A", "P")


def test_coronal_cuts_show_the_head_above_and_the_right_on_the_left(body: Volume) -> None:
    assert (body.count("coronal"), body.step("coronal")) == (4, 0.5)
    found = body.cut("coronal", 1)
    assert found.pixels.tolist() == [[100 * z + 10 + x for x in range(3)] for z in (4, 3, 2, 1, 0)]
    assert found.pixel_spacing == (2.0, 0.25)
    assert found.aspect == 8.0
    assert found.position == (0.0, 0.5, 8.0)
    assert orientation_letters(found.orientation) == ("R", "L", "H", "F")


def test_sagittal_cuts_show_the_front_on_the_left(body: Volume) -> None:
    assert body.count("sagittal") == 3
    found = body.cut("sagittal", 2)
    assert found.pixels.tolist() == [[100 * z + 10 * y + 2 for y in range(4)] for z in (4, 3, 2, 1, 0)]
    assert found.position == (0.5, 0.0, 8.0)
    assert orientation_letters(found.orientation) == ("A", "P", "H", "F")


def test_slabs_put_neighbours_together(body: Volume) -> None:
    assert body.cut("axial", 2, slab=6.0).pixels[0, 0] == 300
    assert body.cut("axial", 2, slab=6.0, how="min").pixels[0, 0] == 100
    assert body.cut("axial", 2, slab=6.0, how="mean").pixels[0, 0] == 200
    assert body.cut("axial", 2, slab=6.0).thickness == 6.0
    assert body.cut("axial", 4, slab=1000.0).pixels[3, 2] == 432
    assert body.cut("axial", 99).pixels[0, 0] == 400


def test_windows_and_units_go_with_the_cut(body: Volume) -> None:
    found = body.cut("sagittal", 0)
    assert value_at(found, (1, 0)) == "-590 HU"
    assert found.frames == 3


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize(
    "orientation",
    [
        (a, b)
        for a, b in itertools.permutations(
            [(1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (0, -1, 0), (0, 0, -1)], 2
        )
        if np.cross(a, b).any()
    ],
)
def test_every_way_of_cutting_a_body_gives_the_same_three_views(
    orientation: tuple[tuple[int, int, int], tuple[int, int, int]], way: int
) -> None:
    """A body of 4 x 5 x 6 mm whose values say their place, scanned in any of 24 ways, up or down."""
    row, column = (np.array(one) for one in orientation)
    normal = np.cross(row, column) * way
    size = np.array([4, 5, 6])
    counts = [int(abs(size @ axis)) for axis in (normal, column, row)]
    corner = sum(np.where(axis < 0, size - 1, 0) * np.abs(axis) for axis in (normal, column, row))
    values = np.zeros(counts, np.int16)
    for k, j, i in itertools.product(*map(range, counts)):
        x, y, z = corner + k * normal + j * column + i * row
        values[k, j, i] = 100 * z + 10 * y + x
    vectors: Orientation = tuple(float(part) for part in (*row, *column))  # type: ignore[assignment]
    places = [tuple(float(part) for part in corner + k * normal) for k in range(counts[0])]
    frames = [
        replace(one, pixel_spacing=(1.0, 1.0))
        for one in stack(vectors, places, values)  # type: ignore[arg-type]
    ]
    volume = build_volume(frames, counts[0])
    for plane, expected in (
        ("axial", [[100 * 2 + 10 * y + x for x in range(4)] for y in range(5)]),
        ("coronal", [[100 * z + 10 * 2 + x for x in range(4)] for z in range(5, -1, -1)]),
        ("sagittal", [[100 * z + 10 * y + 2 for y in range(5)] for z in range(5, -1, -1)]),
    ):
        found = volume.cut(plane, 2)
        assert found.pixels.tolist() == expected
        place = plane_of(found)
        assert place is not None
        x, y, z = to_patient(place, 1, 1)
        assert found.pixels[1, 1] == round(100 * z + 10 * y + x)
    volume.close()


def test_a_stack_is_read_ahead_for_its_volume() -> None:
    from teleread.imaging.decode import DecodePool
    from teleread.imaging.volume import frames_ahead
    from tests.unit.imaging_files import picture

    place = {
        0x00200037: ("DS", b"1\\0\\0\\0\\1\\0"),
        0x00280030: ("DS", b"1\\1"),
    }
    objects = [
        picture(np.full((4, 3), z, np.int16), place | {0x00200032: ("DS", f"0\\0\\{z}".encode())})
        for z in range(11)
    ]
    with DecodePool() as pool:
        volume = build_volume(frames_ahead(pool, iter(objects), together=4), 11)
        assert volume.cut("coronal", 0).pixels[:, 0].tolist() == list(range(10, -1, -1))
        with pytest.raises(AttentionError):
            build_volume(frames_ahead(pool, [*objects[:5], b"damaged"]), 6)
    volume.close()


def test_what_is_no_stack_is_refused_in_words() -> None:
    good = stack(AXIAL, [(0, 0, 0), (0, 0, 1), (0, 0, 2)], np.zeros((3, 4, 3), np.int16))
    for bad in (
        good[:2],
        [good[0], good[1], good[1]],
        [good[0], good[1], replace(good[2], position=None)],
        [good[0], good[1], replace(good[2], orientation=CORONAL)],
        [good[0], good[1], frame(2.0)],
    ):
        with pytest.raises(AttentionError) as caught:
            build_volume(bad, len(bad))
        assert caught.value.detail.endswith(".")
    with pytest.raises(AttentionError):
        build_volume(good, 4)


def test_uneven_gaps_and_a_tilted_gantry_are_said() -> None:
    values = np.zeros((4, 4, 3), np.int16)
    uneven = build_volume(stack(AXIAL, [(0, 0, z) for z in (0, 1, 2, 5)], values), 4)
    assert "uneven" in uneven.warning
    tilted = build_volume(stack(AXIAL, [(0, 0.4 * z, z) for z in range(4)], values), 4)
    assert "tilted" in tilted.warning


def test_pet_slices_with_steps_of_their_own_share_one_scale() -> None:
    values = np.full((3, 4, 3), 20000, np.int16)
    frames = stack(AXIAL, [(0, 0, z) for z in range(3)], values)
    slopes = (1.0, 3.0, 0.5)
    frames = [replace(one, slope=slope, intercept=0.0) for one, slope in zip(frames, slopes, strict=True)]
    volume = build_volume(frames, 3)
    for index, slope in enumerate(slopes):
        found = volume.cut("axial", index)
        assert found.pixels[0, 0] * found.slope == pytest.approx(20000 * slope, rel=1e-3)


def test_a_stack_over_the_limit_is_halved_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import teleread.imaging.volume as module

    assert MAX_BYTES <= 512 * 1024 * 1024
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    values = np.repeat(np.repeat(np.arange(24, dtype=np.int16).reshape(3, 4, 2), 2, axis=1), 2, axis=2)[
        :, :8, :4
    ]
    volume = build_volume(stack(AXIAL, [(0, 0, z) for z in range(3)], values), 3)
    assert volume.values.tolist() == values[:, ::2, ::2].tolist()
    assert volume.halved
    assert "half the resolution" in volume.warning
    assert volume.cut("axial", 0).pixel_spacing == (1.0, 0.5)
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(AttentionError):
        build_volume(stack(AXIAL, [(0, 0, z) for z in range(3)], values), 3)


def test_a_closed_volume_gives_its_memory_back() -> None:
    values = np.zeros((3, 4, 3), np.int16)
    volume = build_volume(stack(AXIAL, [(0, 0, z) for z in range(3)], values), 3)
    kept = volume.cut("coronal", 0)
    volume.close()
    assert volume.values.size == 0
    assert volume._memory.closed
    assert kept.pixels.shape == (3, 3)


# -- hanging

CT = SeriesFacts("ct-thick", "CT", "Ax portal 5.0", "axial", number=3, images=112, thickness=5.0)
THIN = replace(CT, series_uid="ct-thin", description="Ax portal 1.0", number=4, images=560, thickness=1.0)
OLD = replace(CT, series_uid="old", number=1)


def test_a_ct_with_a_prior_opens_side_by_side_and_says_why() -> None:
    found = choose_hanging([CT, THIN], [OLD])
    assert (found.layout, found.link) == (2, True)
    assert [(tile.study, tile.series_uid) for tile in found.tiles] == [
        ("current", "ct-thin"),
        ("prior", "old"),
    ]
    assert "prior" in found.why


def test_a_ct_alone_opens_its_thinnest_series() -> None:
    found = choose_hanging([CT, THIN])
    assert [tile.series_uid for tile in found.tiles] == ["ct-thin"]
    assert found.layout == 1


def test_mammography_hangs_right_and_left_cc_above_mlo() -> None:
    names = ("LMLO", "LCC", "RMLO", "RCC")
    views = [SeriesFacts(one, "MG", view=one, number=n, images=1) for n, one in enumerate(names)]
    assert [tile.series_uid for tile in choose_hanging(views).tiles] == ["RCC", "LCC", "RMLO", "LMLO"]
    six = choose_hanging(views, [SeriesFacts("p", "MG", view="RCC", images=1)])
    assert six.layout == 6
    assert len(six.tiles) == 5


def test_mr_of_the_head_hangs_by_sequence() -> None:
    names = ("t1_se", "t2_tse", "flair", "ep2d_diff")
    series = [
        SeriesFacts(one, "MR", one, body_part="BRAIN", number=n, images=20) for n, one in enumerate(names)
    ]
    assert [tile.series_uid for tile in choose_hanging(series).tiles] == [
        "ep2d_diff",
        "flair",
        "t2_tse",
        "t1_se",
    ]


def test_the_readers_own_rules_come_first() -> None:
    rules = read_hanging_rules(
        """
        [[rule]]
        name = "my CT"
        modality = "ct"
        layout = 2
        tiles = [{description = "5.0", window = "liver"}, {order = "thinnest", window = "lung"}]
        """
    )
    found = choose_hanging([CT, THIN], [OLD], rules)
    assert [(tile.series_uid, tile.window) for tile in found.tiles] == [
        ("ct-thick", "liver"),
        ("ct-thin", "lung"),
    ]
    assert "my CT" in found.why


def test_nothing_to_show_is_said_and_every_default_rule_can_be_read() -> None:
    assert choose_hanging([]).tiles == ()
    assert len(read_hanging_rules(DEFAULT_HANGING)) >= 10
    assert choose_hanging([SeriesFacts("x", "US", images=3)]).tiles[0].series_uid == "x"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule = 7", "tables"),
        ("[[rule]]\nlayout = 3", "layout is one of"),
        ("[[rule]]\nname = 'a'\nlayuot = 2", "layuot"),
        ("[[rule]]\ntiles = [{}, {}]", "1 to 1"),
        ("[[rule]]\ntiles = [{plane = 'oblique'}]", "plane"),
        ("[[rule]]\nprior = 'yes'", "true or false"),
        ("[[rule]]\nmodality = [1]", "texts"),
        ("[[rule", "no TOML"),
        ("[[rule]]\nseries = -1", "whole number"),
        ("[[rule]]\ntiles = [{window = 3}]", "are text"),
    ],
)
def test_rules_that_make_no_sense_are_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_hanging_rules(text)
    assert said in caught.value.detail


# -- outlines


def test_contours_are_drawn_on_the_image_they_name_or_lie_on() -> None:
    from teleread.imaging.objects import Contour, Contours
    from teleread.imaging.outlines import contour_outlines, draw_outlines

    square = np.array([[0.5, 1, 5], [2, 1, 5], [2, 4, 5], [0.5, 4, 5]], np.float32)
    named = Contour(0, SafeText("9.9"), square + np.float32(0))
    loose = Contour(1, SafeText(""), square)
    far = Contour(1, SafeText(""), square + np.array([0, 0, 40], np.float32))
    found = Contours(
        SafeText("plan"),
        (SafeText("liver"), SafeText("node")),
        ((255, 0, 0), (0, 255, 0)),
        (named, loose, far),
        SafeText("1.2.3"),
    )
    picture = replace(frame(5.0), thickness=2.0)
    outlines = contour_outlines(found, picture)
    assert [one.name for one in outlines] == ["node"]
    assert outlines[0].points == ((2.0, 2.0), (8.0, 2.0), (8.0, 8.0), (2.0, 8.0))  # mm / (0.25, 0.5)
    mine = contour_outlines(found, replace(picture, sop_uid=SafeText("9.9"), position=(0.0, 0.0, 90.0)))
    assert [one.name for one in mine] == ["liver"]
    assert contour_outlines(found, replace(picture, frame_of_reference=SafeText("4.5"))) == []
    drawn = draw_outlines(np.zeros((10, 12), np.uint8), outlines)
    assert drawn[2, 5].tolist() == [0, 255, 0]
    assert drawn[5, 5].tolist() == [0, 0, 0]


def test_a_segmentation_is_outlined_where_its_frame_lies() -> None:
    from teleread.imaging.outlines import mask_outline

    picture = replace(frame(5.0, 20, 24), thickness=1.0)
    mask = np.zeros((10, 12), np.uint8)
    mask[2:6, 3:9] = 1
    coarse = replace(frame(5.0), pixels=mask, pixel_spacing=(1.0, 0.5))
    edge = mask_outline(coarse, picture)
    assert edge is not None
    assert not edge[8, 10]
    rows, columns = np.nonzero(edge)
    assert 3 <= rows.min() <= 4
    assert 10 <= rows.max() <= 12
    assert 5 <= columns.min() <= 6
    assert 17 <= columns.max() <= 18
    assert mask_outline(replace(coarse, position=(0.0, 0.0, 9.0)), picture) is None
    assert mask_outline(replace(coarse, orientation=CORONAL), picture) is None
    assert mask_outline(replace(coarse, frame_of_reference=SafeText("4")), picture) is None
