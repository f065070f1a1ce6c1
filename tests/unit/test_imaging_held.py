"""Pictures out of the vault: rejected images stay hidden, presentation states find the image they are for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from teleread.archive.local import import_paths
from teleread.model.errors import AttentionError
from teleread.workstation.pictures import picture_bytes, rejected_images, show
from tests.unit import vault_cases as cases
from tests.unit.imaging_files import element, item, part10, picture
from tests.unit.test_workstation_desk import World

STUDY, SERIES = "1.2.826.0.1.3680043.10.999.50", "1.2.826.0.1.3680043.10.999.51"
GOOD, BAD, NOTE, STATE = (f"1.2.826.0.1.3680043.10.999.{number}" for number in (1, 2, 3, 4))


def identity(sop_uid: str, series: str = SERIES) -> dict[int, tuple[str, bytes]]:
    return {
        0x00080018: ("UI", sop_uid.encode()),
        0x00100010: ("PN", b"TEST^CASE"),
        0x00100020: ("LO", b"T1"),
        0x0020000D: ("UI", STUDY.encode()),
        0x0020000E: ("UI", series.encode()),
    }


def reference(sop_uid: str) -> bytes:
    inside = element(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2") + element(
        0x00081155, "UI", sop_uid.encode()
    )
    return item(inside)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    folder = tmp_path / "files"
    folder.mkdir()
    named = item(
        element(0x0040A040, "CS", b"IMAGE") + element(0x00081199, "SQ", reference(BAD)),
    )
    title = item(
        element(0x00080100, "SH", b"113001") + element(0x00080104, "LO", b"Rejected for Quality Reasons")
    )
    series = item(element(0x00081140, "SQ", reference(GOOD)) + element(0x0020000E, "UI", SERIES.encode()))
    files = {
        "good": picture(np.arange(12, dtype=np.uint16).reshape(3, 4) * 100, identity(GOOD)),
        "bad": picture(np.arange(12, dtype=np.uint16).reshape(3, 4), identity(BAD)),
        "note": part10(
            identity(NOTE, SERIES + "1")
            | {
                0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.88.59"),
                0x00080060: ("CS", b"KO"),
                0x0040A043: ("SQ", title),
                0x0040A730: ("SQ", named),
            }
        ),
        "state": part10(
            identity(STATE, SERIES + "2")
            | {
                0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.11.1"),
                0x00080060: ("CS", b"PR"),
                0x00081115: ("SQ", series),
                0x20500020: ("CS", b"INVERSE"),
            }
        ),
    }
    for name, data in files.items():
        (folder / f"{name}.dcm").write_bytes(data)
    told = import_paths(world.vault, [folder], cases.HUB)
    assert told.kept == 4, told
    yield world
    world.vault.close()


def test_a_rejected_image_is_named_and_a_study_shows_the_others(world: World) -> None:
    core = world.core
    assert rejected_images(core, cases.HUB, STUDY) == {BAD: "rejected for quality reasons"}
    with pytest.raises(AttentionError) as caught:
        picture_bytes(lambda: core, f"{STUDY}/{SERIES}/{BAD}")
    assert caught.value.title == "That image is rejected for quality reasons."
    picked = picture_bytes(lambda: core, STUDY)
    assert GOOD.encode() in picked.data[:2000]


def test_a_presentation_state_shows_the_image_it_is_for(world: World) -> None:
    picked = picture_bytes(lambda: world.core, f"{STUDY}/{SERIES}2/{STATE}")
    told, drawn, _ = show(
        picked.data,
        frame=1,
        window=None,
        png=None,
        annotate=False,
        cells=(8, 4),
        colours=True,
        protocol="halfblock",
        other=picked.other,
    )
    assert told["placeholder"] == "This is a presentation state, not a picture."
    assert "▀" in drawn
    assert "presentation state" in told["fidelity"]
    assert picked.other is not None
    assert picked.other("9.9.9") is None


# -- hanging what is held


def test_held_series_hang_by_what_is_known_of_them(world: World) -> None:
    from teleread.workstation.cases import study_series
    from teleread.workstation.hanging import facts_of, hang

    series = study_series(world.core, cases.HUB, STUDY)
    facts = {one.series_uid: facts_of(one) for one in series}
    assert facts[SERIES].images == 2
    assert facts[SERIES + "1"].images == 0
    found = hang(series)
    assert [tile.series_uid for tile in found.tiles] == [SERIES]
    assert found.layout == 1


def test_planes_steps_and_views_come_from_the_index() -> None:
    from teleread.model.study import InstanceInfo
    from teleread.model.text import SafeText
    from teleread.workstation.api import SeriesView
    from teleread.workstation.hanging import facts_of

    stack = tuple(
        InstanceInfo(
            f"1.{z}",
            "ct",
            "9",
            "x",
            1,
            rows=8,
            columns=8,
            position=(0, 0, 2.5 * z),
            orientation=(1, 0, 0, 0, 1, 0),
        )
        for z in range(4)
    )
    found = facts_of(SeriesView("9", SafeText("CT"), SafeText("Ax"), 3, stack))
    assert (found.plane, found.thickness, found.images) == ("axial", 2.5, 4)
    breast = facts_of(SeriesView("8", SafeText("MG"), SafeText("L MLO tomo"), 1, stack[:1]))
    assert (breast.view, breast.thickness) == ("LMLO", None)


def test_rules_that_cannot_be_read_are_told_and_the_usual_ones_used(tmp_path: Path) -> None:
    from teleread.workstation.hanging import load_rules

    assert load_rules(tmp_path) == ((), "")
    (tmp_path / "hanging.toml").write_text("[[rule]]\nname = 'mine'\nlayout = 4\n")
    rules, problem = load_rules(tmp_path)
    assert (rules[0].name, problem) == ("mine", "")
    (tmp_path / "hanging.toml").write_text("[[rule]]\nlayout = 5\n")
    assert load_rules(tmp_path) == (
        (),
        "hanging.toml: “rule 1”: layout is one of 1, 2, 4, 6. The usual rules are used.",
    )
    (tmp_path / "hanging.toml").write_bytes(b"\xff\xfe")
    assert "can't be read" in load_rules(tmp_path)[1]
    (tmp_path / "hanging.toml").write_bytes(b"#" * 300_000)
    assert "longer" in load_rules(tmp_path)[1]
