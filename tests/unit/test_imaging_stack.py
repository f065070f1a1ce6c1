from __future__ import annotations

import random
from math import cos, radians, sin

import pytest

from teleread.imaging.stack import (
    Orientation,
    Vector,
    largest_series,
    middle,
    normal,
    orientation_letters,
    plane,
    sort_instances,
)
from teleread.model.study import InstanceInfo

AXIAL: Orientation = (1, 0, 0, 0, 1, 0)
CORONAL: Orientation = (1, 0, 0, 0, 0, -1)
SAGITTAL: Orientation = (0, 1, 0, 0, 0, -1)


def instance(
    number: int | None, position: Vector | None, orientation: Orientation | None = AXIAL
) -> InstanceInfo:
    return InstanceInfo(
        f"1.2.{number}.{position}",
        "1.2.840.10008.5.1.4.1.1.2",
        "1.2.3",
        "1.2.840.10008.1.2.1",
        0,
        instance_number=number,
        position=position,
        orientation=orientation,
    )


def shuffled(instances: list[InstanceInfo]) -> list[InstanceInfo]:
    out = list(instances)
    random.Random(5).shuffle(out)
    return out


@pytest.mark.parametrize("numbers", [range(1, 9), range(8, 0, -1), [3, 1, 4, 8, 5, 2, 6, 7]])
def test_position_decides_whatever_the_numbers_say(numbers: list[int]) -> None:
    stack = [instance(number, (0, 0, 5.0 * index)) for index, number in enumerate(numbers)]
    found = [one.position[2] for one in sort_instances(shuffled(stack)) if one.position]
    assert found == [35.0, 30.0, 25.0, 20.0, 15.0, 10.0, 5.0, 0.0]


def test_a_tilted_gantry_is_sorted_along_its_own_normal() -> None:
    tilt = radians(20)
    orientation = (1.0, 0.0, 0.0, 0.0, cos(tilt), -sin(tilt))
    along = normal(orientation)
    # Moved within its plane too, as an angled localiser is: z alone would mislead.
    sideways = [40 * (index % 2) for index in range(9)]
    stack = [
        instance(
            index,
            (0.0, 3 * along[1] * index + by * cos(tilt), 3 * along[2] * index - by * sin(tilt)),
            orientation,
        )
        for index, by in enumerate(sideways)
    ]
    assert [one.instance_number for one in sort_instances(shuffled(stack))] == [8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_reading_goes_front_to_back_and_right_to_left() -> None:
    coronal = [instance(index, (0, float(index), 0), CORONAL) for index in (2, 0, 1)]
    sagittal = [instance(index, (float(index), 0, 0), SAGITTAL) for index in (2, 0, 1)]
    assert [one.instance_number for one in sort_instances(coronal)] == [0, 1, 2]
    assert [one.instance_number for one in sort_instances(sagittal)] == [0, 1, 2]


def test_equal_positions_are_ordered_by_number() -> None:
    stack = [instance(number, (0, 0, float(number % 2))) for number in (4, 1, 3, 2)]
    assert [one.instance_number for one in sort_instances(stack)] == [1, 3, 2, 4]


def test_planes_of_different_orientation_stay_apart() -> None:
    mixed = [instance(1, (0, 0, 9), AXIAL), instance(2, (0, 5, 0), CORONAL), instance(3, (0, 0, 10), AXIAL)]
    assert [one.instance_number for one in sort_instances(shuffled(mixed))] == [3, 1, 2]


def test_without_position_the_number_decides_and_no_number_comes_last() -> None:
    stack = [instance(None, None), instance(9, None), instance(2, (0, 0, 0), None), instance(4, (0, 0, 0))]
    assert [one.instance_number for one in sort_instances(stack)] == [4, 2, 9, None]


def test_parallel_direction_vectors_do_not_break_sorting() -> None:
    assert len(sort_instances([instance(1, (0, 0, 0), (1, 0, 0, 1, 0, 0))])) == 1
    assert orientation_letters((1, 0, 0, 1, 0, 0)) == ("", "", "", "")


@pytest.mark.parametrize(
    ("orientation", "letters", "name"),
    [
        (AXIAL, ("R", "L", "A", "P"), "Ax"),
        (CORONAL, ("R", "L", "H", "F"), "Cor"),
        (SAGITTAL, ("A", "P", "H", "F"), "Sag"),
        ((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0), ("L", "R", "P", "A"), "Ax"),
        ((0.8, 0.6, 0.0, 0.0, 0.0, -1.0), ("RA", "LP", "H", "F"), "Cor"),
        (None, ("", "", "", ""), ""),
    ],
)
def test_letters_and_plane_come_from_the_vectors(
    orientation: Orientation | None, letters: tuple[str, str, str, str], name: str
) -> None:
    assert orientation_letters(orientation) == letters
    assert plane(orientation) == name


def test_the_middle_of_the_largest_series_is_chosen() -> None:
    assert middle(largest_series([[1], [1, 2, 3], [4, 5, 6], []])) == 2
    assert middle(largest_series([])) is None
