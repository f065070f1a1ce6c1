"""Tones while dictating: off unless chosen, one for each thing, never in the way, a failure told once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from teleread.dictation.cues import CUES, cue
from teleread.model.errors import TelereadError, UsageError
from tests.unit.test_dictation_take import speech
from tests.unit.test_tui_dictation import dictating, off, on, one_utterance
from tests.unit.test_tui_report_writing import begin, text_of
from tests.unit.test_tui_screens import Driver, walk

NAMES = {cue(name): name for name in CUES}


def test_without_the_setting_no_tone_is_played(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "cyst in the left kidney full stop")

    async def steps(do: Driver) -> None:
        await one_utterance(do, fake)
        assert fake.played == []

    walk(steps, station=station)


def test_on_off_a_word_to_be_read_and_trouble_each_have_their_tone(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "cyst in the left kidney full stop")
    station.settings["sound"] = "dictation"

    async def steps(do: Driver) -> None:
        await one_utterance(do, fake)
        await do.until(lambda: [NAMES[one] for one in fake.played] == ["start", "mark", "stop"])
        fed = await on(do, fake)
        fed.frames_in.put(TelereadError("The microphone went away.", code="microphone-gone"))
        await do.until(lambda: "went away" in do.text())
        await do.until(lambda: [NAMES[one] for one in fake.played[3:]] == ["start", "error"])

    walk(steps, station=station)


def test_where_nothing_plays_it_is_said_once_and_dictation_goes_on(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "no stones full stop")
    station.settings["sound"] = "dictation"
    tried: list[bytes] = []

    def mute(sound: bytes, failed: Callable[[], object] = lambda: None) -> None:
        tried.append(sound)
        raise UsageError("Nothing on this machine plays sound.", remedy="Install alsa-utils.")

    fake.play = mute  # type: ignore[method-assign]

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        (await on(do, fake)).feed(speech())
        await do.until(lambda: text_of(do, "impression") == "No stones.")
        await off(do)
        await do.until(lambda: any("Tones can't be played" in one.text for one in do.app.notices))
        told = [one.text for one in do.app.notices if "Tones can't be played" in one.text]
        assert len(told) == len(tried) == 1
        assert "Install alsa-utils." in told[0]

    walk(steps, station=station)


def test_a_player_that_ends_badly_is_told_once_too(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "cyst in the left kidney full stop")
    station.settings["sound"] = "dictation"

    def breaks(sound: bytes, failed: Callable[[], object] = lambda: None) -> None:
        failed()
        failed()

    fake.play = breaks  # type: ignore[method-assign]

    async def steps(do: Driver) -> None:
        await one_utterance(do, fake)
        await do.until(lambda: any("Tones can't be played" in one.text for one in do.app.notices))
        assert sum("Tones can't be played" in one.text for one in do.app.notices) == 1

    walk(steps, station=station)
