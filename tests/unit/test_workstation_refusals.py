"""Words that make no sense are refused with what would: settings, reasons, studies, outbox items."""

from __future__ import annotations

from pathlib import Path

import pytest

from teleread.cli import main as frame
from teleread.host.paths import Home
from teleread.model.errors import UsageError
from teleread.model.giving_back import REASONS
from teleread.workstation.config import setting
from teleread.workstation.pixels import held_study
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import World


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("theme", "nosuch", "reading-room"),
        ("image_protocol", "crayon", "halfblock"),
        ("glyphs", "runes", "unicode"),
        ("idle_minutes", "0", "at least 1"),
        ("idle_minutes", "soon", "whole number"),
        ("prefetch_quiet", "at night", "19:00-21:30"),
        ("cache_quota_gb", "nan", "number"),
    ],
)
def test_a_setting_takes_only_what_it_knows(
    key: str,
    value: str,
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TELEREAD_HOME", str(tmp_path))
    before = setting(Home.find({"TELEREAD_HOME": str(tmp_path)}).profile(), key)
    assert frame.run(["config", "set", key, value]) == 2
    assert named in capsys.readouterr().err
    assert setting(Home.find({"TELEREAD_HOME": str(tmp_path)}).profile(), key) == before


@pytest.mark.parametrize(
    ("key", "value"),
    [("theme", "daylight"), ("theme", "auto"), ("image_protocol", "sixel"), ("prefetch_quiet", "")],
)
def test_a_setting_takes_every_name_it_tells(
    key: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEREAD_HOME", str(tmp_path))
    assert frame.run(["config", "set", key, value]) == 0


def test_a_reason_that_no_hub_knows_is_refused_with_those_it_knows(world: World) -> None:
    key = world.task(cases.context())
    with pytest.raises(UsageError) as caught:
        world.desk.give_back(key, "nonsense")
    assert all(code in caught.value.remedy for code in REASONS)
    assert not world.desk.outbox()


def test_a_study_of_which_nothing_is_here_is_no_empty_study(world: World) -> None:
    world.task(cases.context())
    for name in ("1.2.3", cases.STUDY):
        with pytest.raises(UsageError) as caught:
            held_study(world.core, name)
        assert caught.value.code == "not-held"


def test_what_was_delivered_needs_no_telling(world: World) -> None:
    report = world.signed(world.task(cases.context(priority="stat")))
    item = world.item(report)
    world.vault.outbox.close(item.id, "taken back by the reader")
    with pytest.raises(UsageError) as caught:
        world.desk.outbox_told(item.id, "Dr Ward", "12:30")
    assert "closed" in caught.value.title
    assert world.item(report).told == ""
