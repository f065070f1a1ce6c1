"""Settings: which source wins, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from teleread.host.paths import Home, ProfilePaths
from teleread.model.errors import UsageError
from teleread.model.settings import SETTINGS, Sources, resolve
from teleread.workstation.config import setting, sources, write_setting


def told(**more: Any) -> Sources:
    return Sources(
        flags=more.get("flags", {}),
        environment=more.get("environment", {}),
        profile=more.get("profile", {}),
        profile_path="profile.toml",
        hubs=more.get("hubs", ()),
    )


def test_a_flag_wins_over_all_and_the_others_are_named() -> None:
    every = told(
        flags={"idle_minutes": 3},
        environment={"TELEREAD_IDLE_MINUTES": "4"},
        profile={"idle_minutes": 5},
        hubs=[("north", {"idle_minutes": 6})],
    )
    found = resolve("idle_minutes", every)
    assert (found.value, found.source) == (3, "flag")
    assert [one[0] for one in found.losers] == ["environment", "profile", "hub"]


@pytest.mark.parametrize(
    ("more", "value", "source"),
    [
        ({"environment": {"TELEREAD_IDLE_MINUTES": "4"}, "profile": {"idle_minutes": 5}}, 4, "environment"),
        ({"profile": {"idle_minutes": 5}, "hubs": [("north", {"idle_minutes": 6})]}, 5, "profile"),
        ({"hubs": [("north", {"idle_minutes": 6}), ("south", {"idle_minutes": 7})]}, 6, "hub"),
        ({}, 10, "built-in"),
    ],
)
def test_the_stronger_source_wins(more: dict[str, Any], value: int, source: str) -> None:
    found = resolve("idle_minutes", told(**more))
    assert (found.value, found.source) == (value, source)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("idle_minutes", "never"),
        ("idle_minutes", 0),
        ("idle_minutes", True),
        ("glyphs", "runes"),
        ("keys", "x"),
    ],
)
def test_a_value_of_another_kind_is_refused(key: str, value: Any) -> None:
    with pytest.raises(UsageError):
        resolve(key, told(profile={key: value}))


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(UsageError, match="no setting"):
        resolve("colour_of_the_moon", told())


def test_every_setting_has_words_and_a_default_it_would_take() -> None:
    for key, spec in SETTINGS.items():
        assert spec.text.endswith(".")
        assert resolve(key, told(profile={key: spec.default})).value == spec.default


@pytest.fixture
def paths(tmp_path: Path) -> ProfilePaths:
    return Home.find({"TELEREAD_HOME": str(tmp_path)}).profile()


def test_a_setting_is_written_beside_the_readers_own_comments(paths: ProfilePaths) -> None:
    paths.make()
    paths.settings.write_text("# mine\nglyphs = 'ascii'\n", "utf-8")
    assert write_setting(paths, "idle_minutes", "15") == 15
    assert "# mine" in paths.settings.read_text("utf-8")
    assert setting(paths, "idle_minutes") == 15
    assert setting(paths, "glyphs") == "ascii"


def test_a_broken_profile_file_is_told_and_left_alone(paths: ProfilePaths) -> None:
    paths.make()
    paths.settings.write_text("this is = = no toml", "utf-8")
    with pytest.raises(UsageError):
        sources(paths)
    with pytest.raises(UsageError):
        write_setting(paths, "idle_minutes", 15)
    assert paths.settings.read_text("utf-8") == "this is = = no toml"
