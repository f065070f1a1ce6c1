"""Keys let go, as kitty's protocol tells them: a hold ends at once, a press stays on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from teleread.tui import inputs
from teleread.tui.dictation import HoldKey
from teleread.tui.releases import RELEASES, Releases
from tests.unit.test_dictation_take import LOUD
from tests.unit.test_tui_dictation import dictating
from tests.unit.test_tui_report_writing import begin
from tests.unit.test_tui_screens import Driver, walk


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    yield
    RELEASES.told = None


def keys_of(*reads: str) -> list[tuple[str, str | None]]:
    """(key, character) that Textual makes of what a terminal sends, read by read."""
    inputs.install()
    parser = XTermParser()
    return [
        (one.key, one.character) for read in reads for one in parser.feed(read) if isinstance(one, events.Key)
    ]


@pytest.mark.parametrize(
    ("sent", "plain"),
    [
        ("\x1b[1;1:2S", "\x1b[S"),
        ("\x1b[57376;1:1u", "\x1b[57376u"),
        ("\x1b[97;1:2;97u", "\x1b[97;;97u"),
        ("\x1b[32;1:2;32u", "\x1b[32;;32u"),
        ("\x1b[3;5:2~", "\x1b[3;5~"),
    ],
)
def test_a_key_that_repeats_is_the_key_that_it_is_without_the_question(sent: str, plain: str) -> None:
    assert Releases().clean(sent) == plain
    assert keys_of(sent) == keys_of(plain)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("\x1b[1;1:3S", "f4"),
        ("\x1b[57376;1:3u", "f13"),
        ("\x1b[32;1:3;32u", "space"),
        ("\x1b[97;1:3;97u", "a"),
    ],
)
def test_a_key_that_is_let_go_is_told_by_name_and_types_nothing(sent: str, name: str) -> None:
    told: list[str] = []
    RELEASES.told = told.append
    assert keys_of(sent) == []
    assert told == [name]


def test_a_release_cut_in_two_by_a_read_is_one_release() -> None:
    told: list[str] = []
    RELEASES.told = told.append
    assert keys_of("x\x1b[1;1", ":3Sy") == [("x", "x"), ("y", "y")]
    assert told == ["f4"]


@pytest.mark.parametrize("sent", ["\x1b[A", "\x1b[1;5C", "\x1bOS", "x", "\x1b", "\x1b[<0;3;4M", "\x1b[25~"])
def test_what_has_no_event_type_is_left_as_it_is(sent: str) -> None:
    made = Releases()
    made.told = lambda name: None
    assert made.clean(sent) == sent


def test_a_short_press_stays_on_and_a_long_one_ends_with_the_release() -> None:
    tap = HoldKey()
    assert tap.press(100.0) == "on"
    assert not tap.released(100.1)
    assert tap.press(105.0) == "off"
    hold = HoldKey()
    assert hold.press(100.0) == "on"
    assert hold.press(100.5) == "held"
    assert hold.released(100.55)
    slow = HoldKey()
    assert slow.press(100.0) == "on"
    assert slow.released(103.0)


def test_the_microphone_goes_off_when_a_held_pedal_is_let_go_and_stays_on_after_a_press(
    tmp_path: Path,
) -> None:
    station, fake = dictating(tmp_path, "no stones full stop")

    async def hold_for(do: Driver, seconds: float) -> None:
        do.clock.advance(60)
        await do.press("f13")
        await do.until(lambda: do.reading.microphone.on)
        fake.fed[-1].feed([LOUD] * 4)
        assert RELEASES.told is not None
        do.clock.advance(seconds)
        RELEASES.told("f5")
        RELEASES.told("f13")
        await do.settle()

    async def is_off(do: Driver) -> None:
        await do.until(lambda: not do.reading.microphone.on)
        assert RELEASES.told is None
        draft = do.reading.keeper.draft
        assert draft is not None
        await do.until(lambda: not do.reading.microphone.busy(draft.id))

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await hold_for(do, 0.1)
        assert do.reading.microphone.on
        await do.press("f13")
        await is_off(do)
        await hold_for(do, 3.0)
        await is_off(do)

    walk(steps, station=station)
