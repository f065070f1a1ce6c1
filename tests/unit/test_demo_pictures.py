"""The demo's pictures show what their orders and reports speak of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from teleread.demo.cases.nouns import Series
from teleread.demo.cases.table import BUILT_IN, cases
from teleread.demo.images.ct_chest import NODULES
from teleread.demo.images.painters import paint

PAINTED = [
    pytest.param(series, id=f"{case.number}-{series.slug}")
    for case in BUILT_IN
    for series in case.study.series
    if series.painter != "real"
]


@pytest.mark.parametrize("series", PAINTED)
def test_a_picture_has_the_size_and_depth_its_header_says(series: Series) -> None:
    picture = paint(series, series.count // 2, 1)
    shape = (series.rows, series.columns)
    if series.photometric == "RGB":
        frames = (series.frames,) if series.frames > 1 else ()
        assert picture.shape == (*frames, *shape, 3)
        assert picture.dtype == np.dtype(np.uint8)
    else:
        assert picture.shape == shape
        assert picture.dtype == np.dtype(np.uint16)
        assert picture.max() < 2**series.bits
    assert picture.std() > 10


def test_the_same_seed_paints_the_same_picture() -> None:
    series = BUILT_IN[1].study.series[0]
    assert (paint(series, 150, 1) == paint(series, 150, 1)).all()
    assert (paint(series, 150, 1) != paint(series, 150, 2)).any()


def area_of_nodule(series: Series, number: int) -> float:
    """Square mm of soft tissue within 9 mm of a planted nodule, in its middle slice."""
    (x, y, z), _ = NODULES[number]
    assert series.spacing is not None
    hounsfield = paint(series, round(z / series.step[2] + (series.count - 1) / 2), 1).astype(float) - 1024
    away: NDArray[Any] = (np.arange(series.columns) - (series.columns - 1) / 2) * series.spacing[0]
    near = np.hypot(away[None, :] - x, away[:, None] - y) < 9
    return float((hounsfield[near] > -400).sum() * series.spacing[0] ** 2)


@pytest.mark.parametrize(("number", "before"), [(0, 6.0), (1, 4.0)])
def test_a_nodule_measures_what_the_prior_report_says_and_has_grown(number: int, before: float) -> None:
    case = BUILT_IN[1]
    old = area_of_nodule(case.priors[0].study.series[0], number)
    new = area_of_nodule(case.study.series[0], number)
    assert 2 * (old / np.pi) ** 0.5 == pytest.approx(before, abs=1.2)
    assert new > 1.8 * old


def test_tissues_of_the_chest_have_their_hounsfield_units() -> None:
    series = BUILT_IN[1].study.series[0]
    hounsfield = paint(series, 150, 1).astype(float) - 1024
    assert hounsfield[5:20, 5:20].mean() == pytest.approx(-1000, abs=25)
    heart = hounsfield[200:220, 290:310]
    assert heart.mean() == pytest.approx(45, abs=25)


def test_a_left_limb_is_a_right_limb_mirrored_with_its_letter_on_the_other_side() -> None:
    wrist = next(case for case in BUILT_IN if case.order.code == "XWRIL").study.series[0]
    picture = paint(wrist, 0, 1)
    half = picture.shape[1] // 2
    corner = picture[: wrist.rows // 8]
    assert corner[:, half:].max() == 3900 > corner[:, :half].max()


def test_the_clot_makes_the_left_side_of_the_head_brighter() -> None:
    series = next(case for case in BUILT_IN if case.number == 4).study.series[0]
    hounsfield = paint(series, 17, 1).astype(float) - 1024
    rim = (hounsfield > 58) & (hounsfield < 80)
    half = series.columns // 2
    assert rim[:, half:].sum() > 3 * rim[:, :half].sum()


def test_the_clip_moves() -> None:
    clip = next(one for one in BUILT_IN[7].study.series if one.frames > 1)
    frames = paint(clip, 0, 1).astype(int)
    assert (np.abs(frames[0] - frames[6]).mean()) > 1


def test_the_tiny_films_of_a_long_worklist_can_be_painted() -> None:
    extra = list(cases(len(BUILT_IN) + 5, 1))[len(BUILT_IN) :]
    pictures = [paint(case.study.series[0], 0, 1) for case in extra]
    assert {picture.shape for picture in pictures} == {(80, 64)}
