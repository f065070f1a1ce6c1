"""Capture: which way to a microphone is taken, what happens when it goes, and a real sound server."""

from __future__ import annotations

import shutil
import sys
import threading
from array import array
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from teleread.dictation import capture
from teleread.dictation.capture import ProgramSource, found_sources, open_source, play
from teleread.dictation.ports import FRAME
from teleread.dictation.ring import SealedRing
from teleread.dictation.session import Dictation
from teleread.dictation.take import Take
from teleread.model.errors import TelereadError, UsageError
from tests.peers.pulse import SoundServer, sound_server
from tests.unit.test_dictation_sound import tone, wav_file
from tests.unit.test_dictation_take import KEY, Heard, Scripted, texts, voice, wait_for

SOME = f"import sys; sys.stdout.buffer.write(bytes(range(256)) * {FRAME // 256} * 3)"
FOR_EVER = SOME + "; sys.stdout.flush(); sys.stdin.read(); import time; time.sleep(600)"


def test_a_recorder_that_ends_is_a_microphone_gone_and_what_it_gave_is_kept() -> None:
    source = ProgramSource("parec", argv=(sys.executable, "-c", SOME))
    got: list[bytes] = []
    frames = source.frames()
    got += [next(frames) for _ in range(3)]
    with pytest.raises(TelereadError, match="went away"):
        next(frames)
    assert got == [bytes(range(256)) * (FRAME // 256)] * 3


def test_a_recorder_that_gives_nothing_is_a_microphone_gone() -> None:
    source = ProgramSource("parec", argv=(sys.executable, "-c", FOR_EVER), patience=0.3)
    with pytest.raises(TelereadError, match="went away"):
        list(source.frames())


def test_a_recorder_ends_with_its_source() -> None:
    source = ProgramSource("parec", argv=(sys.executable, "-c", FOR_EVER))
    frames = source.frames()
    next(frames)
    source.close()
    assert len(list(frames)) <= 2
    assert source._child.returncode is not None


def test_ways_to_a_microphone_are_tried_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "portaudio", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda name: name if name != "parec" else None)
    assert found_sources() == ("pw-record", "arecord")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert found_sources() == ()
    with pytest.raises(UsageError, match="pulseaudio-utils"):
        open_source()
    with pytest.raises(UsageError, match="alsa-utils"):
        open_source("arecord")
    with pytest.raises(UsageError, match="dictation_source"):
        open_source("cloud")
    with pytest.raises(UsageError, match="paplay"):
        play(b"", which=lambda name: None)


def test_a_file_or_fifo_named_in_the_settings_is_a_source(tmp_path: Path) -> None:
    path = wav_file(tmp_path / "a.wav", tone(0.1))
    assert len(list(open_source(f"wav:{path}").frames())) == 4
    assert open_source(f"fifo:{path}").capabilities.live


# -- a real sound server ------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    """PulseAudio of this test's own, with a null sink."""
    with sound_server(tmp_path) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def test_what_a_sound_server_plays_is_recorded_cut_and_heard(server: SoundServer, tmp_path: Path) -> None:
    heard, hears = Heard(), Scripted("no effusion")
    source = open_source("parec", server.microphone)
    ring = SealedRing(KEY, tmp_path / "sound")
    take = Take(Dictation(hears, ring=ring), source, voice, heard)
    take.start()
    wait_for(lambda: ring.end > 0)
    player = threading.Thread(target=server.play, args=(bytes(16000) + tone(1.0) + bytes(64000),))
    player.start()
    wait_for(lambda: heard.kept)
    player.join()
    take.stop()
    assert heard.done.wait(60)
    assert heard.troubles == []
    assert texts(heard)[0] == "No effusion"
    samples = array("h", max(hears.asked, key=len))
    crossings = sum(a < 0 <= b for a, b in pairwise(samples))
    assert 400 <= crossings <= 480  # a second of 440 Hz
    assert max(samples) == pytest.approx(0.3 * 32767, rel=0.05)
