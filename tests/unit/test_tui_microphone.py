"""The microphone sheet: microphones by name, the level, the phrase; what is wrong, in words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from teleread.dictation.devices import Device
from teleread.model.errors import TelereadError
from teleread.model.text import clean
from teleread.workstation.microphone import Tried
from tests.unit import tui_fake
from tests.unit.test_tui_dictation import FakeSpeech
from tests.unit.test_tui_report_writing import begin
from tests.unit.test_tui_screens import Driver, walk

GOOD = Tried(True, "voice -18 dB, room -61 dB", text=clean("The lungs are clear."), engine="scripted")


class Tries(FakeSpeech):
    """Dictation whose microphones the test names, and which hears what it is told."""

    def __init__(self, station: tui_fake.FakeStation, folder: Path) -> None:
        super().__init__(station, folder, "nothing")
        self.asked: list[str] = []
        self.answer: Tried | TelereadError = GOOD
        self.gate = threading.Event()

    def microphones(self) -> tuple[str, tuple[Device, ...]]:
        return "parec", (Device("in.desk", clean("Desk")), Device("in.head", clean("Headset")))

    def try_microphone(self, device: str, show: Callable[[float], None]) -> Tried:
        self.asked.append(device)
        show(-12.0)
        assert self.gate.wait(30)
        show(-12.0)
        if isinstance(self.answer, TelereadError):
            raise self.answer
        return self.answer


def station_with(tmp_path: Path) -> tuple[tui_fake.FakeStation, Tries]:
    station = tui_fake.FakeStation(12)
    made = Tries(station, tmp_path)
    station.speech = made
    return station, made


def test_a_microphone_is_chosen_its_level_seen_a_phrase_heard_and_then_it_is_kept(tmp_path: Path) -> None:
    station, tries = station_with(tmp_path)

    async def steps(do: Driver) -> None:
        await do.press("g", "v")
        await do.until(lambda: "Headset" in do.text())
        assert "the system's choice" in do.text()
        await do.pilot.press("s", "s", "space")
        await do.until(lambda: "-12 dB" in do.text())
        assert "Say: “The lungs are clear." in do.text()
        tries.gate.set()
        await do.until(lambda: "voice -18 dB" in do.text())
        assert "“The lungs are clear.”" in do.text()
        assert tries.asked == ["in.head"]
        await do.press("enter")
        await do.until(lambda: station.settings.get("dictation_device") == "in.head")

    walk(steps, station=station)


def test_a_microphone_that_goes_away_while_it_is_tried_says_so_in_words(tmp_path: Path) -> None:
    station, tries = station_with(tmp_path)
    tries.answer = TelereadError("The microphone went away.", "", "Plug it in again and press the key.")
    tries.gate.set()

    async def steps(do: Driver) -> None:
        await do.press("g", "v")
        await do.until(lambda: "Headset" in do.text())
        await do.press("space")
        await do.until(lambda: "went away" in do.text() and "Plug it in again" in do.text())

    walk(steps, station=station, size=(80, 24))


def test_a_sheet_that_is_closed_ends_its_listening(tmp_path: Path) -> None:
    station, tries = station_with(tmp_path)
    ended = threading.Event()
    real = tries.try_microphone

    def watched(device: str, show: Callable[[float], None]) -> Tried:
        try:
            return real(device, show)
        finally:
            ended.set()

    tries.try_microphone = watched  # type: ignore[method-assign]

    async def steps(do: Driver) -> None:
        await do.press("g", "v")
        await do.until(lambda: "Headset" in do.text())
        await do.pilot.press("space")
        await do.until(lambda: bool(tries.asked))
        await do.pilot.press("escape")
        await do.until(lambda: not do.app.place.sheets)
        tries.gate.set()
        await do.until(ended.is_set)
        assert "dictation_device" not in station.settings

    walk(steps, station=station)


def test_without_the_extra_the_sheet_is_a_sentence_that_says_what_to_install() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("escape", "g", "v")
        await do.until(lambda: "not installed" in do.text())
        assert not do.reading.sheets

    walk(steps, size=(160, 50))
