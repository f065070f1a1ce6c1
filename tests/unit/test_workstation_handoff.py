"""Which viewer is set, and how it is started: words for everything that can't be, and never a shell."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from teleread.model.errors import OfflineError, UsageError
from teleread.model.events import Event
from teleread.sync.engine import _printable
from teleread.workstation import handoff
from tests.unit.test_workstation_desk import World


def setting(world: World, **values: str) -> None:
    for key, value in values.items():
        world.desk.set_setting(key, value)


@pytest.mark.parametrize(
    "said", ["", "weasel", "ftp://viewer.example/{url}", "https://viewer.example/", "dist"]
)
def test_a_viewer_that_is_none_is_refused_in_words(world: World, said: str) -> None:
    setting(world, viewer=said)
    with pytest.raises(UsageError) as told:
        handoff.viewer_of(world.core)
    assert told.value.code == ("bad-viewer" if said else "no-viewer")
    assert told.value.remedy


def test_the_folder_of_the_npm_package_is_as_good_as_its_dist(world: World, tmp_path: Path) -> None:
    build = tmp_path / "package" / "dist"
    build.mkdir(parents=True)
    (build / "index.html").write_text("")
    for folder in (build, build.parent):
        setting(world, viewer=str(folder))
        assert handoff.viewer_of(world.core) == str(build)
    for said in ("weasis", "dicomweb", "https://viewer.example/viewer/dicomwebproxy?url={url}"):
        setting(world, viewer=said)
        assert handoff.viewer_of(world.core) == said


@pytest.mark.skipif(sys.platform == "win32", reason="quotes are others there")
def test_a_command_is_taken_apart_and_never_given_to_a_shell(world: World) -> None:
    url = "http://127.0.0.1:1/open/x;touch$(id)"
    for template, wanted in (
        ("chromium --incognito {url}", ["chromium", "--incognito", url]),
        ("'my viewer' --open={url} ; rm", ["my viewer", f"--open={url}", ";", "rm"]),
        ("viewer", ["viewer", url]),
    ):
        setting(world, viewer_command=template)
        assert handoff._command(world.core, url) == wanted
    setting(world, viewer_command="")
    assert handoff._command(world.core, url)[-1] == url
    setting(world, viewer_command="viewer 'half")
    with pytest.raises(UsageError):
        handoff._command(world.core, url)


def test_a_study_that_is_not_here_is_not_handed_over(world: World) -> None:
    setting(world, viewer="weasis")
    with pytest.raises(UsageError) as told:
        world.desk.hand_off("hub", "1.2.3")
    assert told.value.code == "not-held"


def test_off_line_by_request_no_engine_is_started(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    setting(world, viewer="weasis")
    world.core.offline = True
    monkeypatch.setattr(handoff, "_held", lambda *_: True)
    with pytest.raises(OfflineError):
        world.desk.hand_off("hub", "1.2.3")


def test_a_viewer_that_does_not_start_ends_the_hand_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(world, viewer="weasis", viewer_command="/nowhere/viewer {url}")
    ended: list[tuple[str, str]] = []
    monkeypatch.setattr(handoff, "_held", lambda *_: True)
    monkeypatch.setattr(handoff, "answered", lambda *_: {"url": "weasis://x"})
    monkeypatch.setattr(handoff, "end", lambda _, hub, study: ended.append((hub, study)))
    with pytest.raises(UsageError) as told:
        world.desk.hand_off("hub", "1.2.3")
    assert told.value.code == "viewer-start"
    assert ended == [("hub", "1.2.3")]


def test_the_link_of_a_hand_off_is_never_printed_with_the_engines_events() -> None:
    data: dict[str, Any] = {"kind": "handoff", "answer": {"url": "http://127.0.0.1:1/open/secret"}}
    shown = _printable(Event(1, datetime(2026, 1, 2, tzinfo=UTC), "request-done", data))
    assert "secret" not in str(shown)
    assert shown.data == {"kind": "handoff"}
