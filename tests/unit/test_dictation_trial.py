"""The microphone chosen and tried: which there are by each way, the level in words, the phrase, the cues."""

from __future__ import annotations

import argparse
import io
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from teleread.cli import microphone as typed
from teleread.cli.call import Call, Options
from teleread.cli.output import Output
from teleread.dictation import capture, devices
from teleread.dictation.cues import CUES, cue
from teleread.dictation.levels import root_mean_square
from teleread.dictation.ports import BYTES_A_SECOND
from teleread.dictation.trial import LONGEST, sounded
from teleread.workstation import dictation
from tests.unit.test_dictation_take import LOUD, QUIET, Fed, speech, voice

ROOM = [QUIET] * 30


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of the test's own, nothing in it yet but a shell's commands."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    real = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name: str(folder / name) if (folder / name).exists() else real(name, path="")
    )
    return folder


def program(folder: Path, name: str, says: str, code: int = 0) -> None:
    made = folder / name
    made.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\nexit {code}\n")
    made.chmod(0o700)


@pytest.mark.parametrize(
    ("way", "name", "says", "found"),
    [
        (
            "parec",
            "pactl",
            "0\tout.monitor\tmodule\ts16le\tIDLE\n1\tin.desk\tmodule\ts16le\tIDLE",
            ["in.desk", "out.monitor"],
        ),
        (
            "pw-record",
            "pw-dump",
            '[{"info":{"props":{"media.class":"Audio/Source","node.name":"desk","node.description":"Desk"}}},'
            '{"info":{"props":{"media.class":"Audio/Sink","node.name":"out"}}},{"info":null}]',
            ["desk"],
        ),
        (
            "arecord",
            "arecord",
            "null\n    Discard\nhw:CARD=A,DEV=0\n    Desk microphone",
            ["hw:CARD=A,DEV=0"],
        ),
    ],
)
def test_each_way_tells_its_microphones_and_what_a_loudspeaker_plays_comes_last(
    programs: Path, way: str, name: str, says: str, found: list[str]
) -> None:
    program(programs, name, says)
    assert [one.name for one in devices.devices(way)] == found


@pytest.mark.parametrize("says", ["[1, 2]", "{", '[{"info": {"props": 3}}]'])
def test_a_server_that_answers_nonsense_or_fails_tells_no_microphone(programs: Path, says: str) -> None:
    program(programs, "pw-dump", says)
    program(programs, "pactl", "0\tsome", code=1)
    assert devices.devices("pw-record") == devices.devices("parec") == devices.devices("wav:x") == ()


def tried(frames: Sequence[bytes], *, ends: bool = True) -> tuple[str, float, float, list[float]]:
    source, shown = Fed(), list[float]()
    source.feed(list(frames))
    if ends:
        source.close()
    came = sounded(source, voice(0), shown.append)
    return came.fault, came.voice, came.room, shown


def test_a_phrase_is_over_with_its_pause_and_its_level_is_told_meanwhile() -> None:
    fault, loud, room, shown = tried([*ROOM, *speech(1.0), LOUD], ends=False)
    assert fault == ""
    assert -12 < loud < -9
    assert room < -70
    assert max(shown) > -12


@pytest.mark.parametrize(
    ("frames", "fault"),
    [
        ([], "none"),
        ([bytes(1024)] * 40, "muted"),
        (ROOM, "no-voice"),
        ([QUIET] * 20 + [b"\xff\x7f" * 512] * 30 + [QUIET] * 20, "cut off"),
    ],
)
def test_what_is_wrong_with_a_microphone_has_a_name(frames: list[bytes], fault: str) -> None:
    assert tried(frames)[0] == fault


def test_a_room_without_a_pause_is_listened_to_for_ten_seconds_of_sound_at_most() -> None:
    source = Fed()
    source.feed([LOUD] * int(LONGEST * 40))
    came = sounded(source, voice(0))
    assert came.ring.end <= (LONGEST + 0.1) * BYTES_A_SECOND
    assert came.cut is not None


def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Call, io.StringIO]:
    monkeypatch.setenv("TELEREAD_HOME", str(tmp_path / "home"))
    told = io.StringIO()
    monkeypatch.setattr("sys.stderr", told)
    return Call(Options(), argparse.Namespace(), Output()), told


def test_without_the_extra_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dictation, "installed", lambda: False)
    made, told = call(tmp_path, monkeypatch)
    (check,) = typed.tried(made)
    assert not check.ok
    assert "not installed" in check.detail
    assert "teleread[dictation]" in check.remedy
    typed.offer(made, lambda: pytest.fail("nothing is asked where nothing can be tried"))
    assert told.getvalue() == ""


def test_without_a_way_to_a_microphone_the_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nothing:
        def close(self) -> None:
            pass

    monkeypatch.setattr("teleread.workstation.microphone.can_hear", lambda: None)
    monkeypatch.setattr(dictation, "recogniser", Nothing)
    monkeypatch.setattr("teleread.dictation.capture.found_sources", lambda: ())
    (check,) = typed.tried(call(tmp_path, monkeypatch)[0])
    assert not check.ok
    assert "alsa-utils" in check.remedy


def test_init_offers_the_microphones_by_number_and_keeps_the_one_that_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from teleread.model.text import clean
    from teleread.workstation.config import setting

    known = tuple(devices.Device(name, clean(f"The {name}")) for name in ("first", "second"))
    monkeypatch.setattr(dictation, "installed", lambda: True)
    monkeypatch.setattr("teleread.workstation.microphone.microphones", lambda wanted: ("parec", known))
    monkeypatch.setattr(typed, "tried", lambda call: [])
    made, told = call(tmp_path, monkeypatch)
    answers = iter(["y\n", "2\n"])
    typed.offer(made, lambda: next(answers))
    assert "2  The second" in told.getvalue()
    assert setting(made.paths, "dictation_device") == "second"
    typed.offer(made, lambda: "")


def test_cues_are_short_soft_and_begin_and_end_without_a_crack() -> None:
    for name in CUES:
        sound = cue(name)
        assert 0.02 < len(sound) / BYTES_A_SECOND < 0.5
        assert sound[:2] == bytes(2)
        assert abs(int.from_bytes(sound[-2:], "little", signed=True)) < 200
        assert 0.01 < root_mean_square(sound) < 0.1


def test_a_player_that_fails_says_so_once_it_has_ended(programs: Path) -> None:
    program(programs, "paplay", "", code=1)
    failed = threading.Event()
    capture.play(b"\0\0", failed=failed.set)
    assert failed.wait(30)
