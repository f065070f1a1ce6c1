"""The sync screen, the news of an absence, and how news is told outside of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from teleread.model.delivery import CHOICES, CONSEQUENCES
from teleread.model.hubfile import HubFile
from teleread.model.text import EMPTY, clean
from teleread.tui.screens.signing_in import SignInSheet
from teleread.tui.screens.sync import LineSheet, Sync
from teleread.tui.telling import Teller, desktop_command, outside, terminal_notice
from teleread.workstation.api import Digest, Escalation, HubLine, Status
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, walk
from tests.unit.tui_fake import NOW


def station_with_lines() -> tui_fake.FakeStation:
    station = tui_fake.FakeStation(12)
    good = HubLine(
        hub_id="hub-n",
        name=clean("Northgate"),
        kind=clean("FHIR"),
        online=True,
        offline_since=None,
        last_contact=NOW - timedelta(seconds=40),
        last_error=EMPTY,
        offset_seconds=95.0,
        signed_in=True,
        sign_in=clean("signed in as Dr Reader, renewed by itself"),
        waiting=2,
        held=1,
        oldest=NOW - timedelta(hours=3),
        why=((clean("goes by itself"), 2), (clean("behind an earlier one of its accession"), 1)),
        needs=(station.outbox_items[0],),
        next_look=NOW + timedelta(seconds=20),
        next_try=NOW + timedelta(minutes=6),
    )
    cut = replace(
        good,
        hub_id="hub-v",
        name=clean("Vale"),
        online=False,
        offline_since=NOW - timedelta(minutes=6),
        last_error=clean("The hub does not answer."),
        waiting=0,
        held=0,
        oldest=None,
        why=(),
        needs=(),
        offset_seconds=None,
        next_look=NOW + timedelta(minutes=2),
        next_try=None,
    )
    shut = replace(
        cut,
        hub_id="hub-b",
        name=clean("St Bride"),
        online=True,
        offline_since=None,
        last_error=EMPTY,
        signed_in=False,
        sign_in=clean("not signed in"),
    )
    station.lines = (good, cut, shut)
    return station


def news(station: tui_fake.FakeStation, last_id: int = 4) -> Digest:
    rows = ((station.rows[1].key, clean("cancelled")), (station.rows[2].key, clean("reported by another")))
    words = clean("1 cancelled, 1 reported by another")
    return Digest(NOW - timedelta(hours=1), words, rows, last_id)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_every_hub_has_its_line_what_waits_how_old_and_when_it_is_asked_next(size: tuple[int, int]) -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "y")
        assert isinstance(do.app.place, Sync)
        await do.until(lambda: "Northgate" in do.text())
        await do.until(lambda: "off line" in do.text())
        text = do.text()
        for word in ("Northgate", "on line", "off line", "sign in", "3h", "again in", "not signed in"):
            assert word in text, word
        if size[0] >= 120:
            told = " ".join(" ".join(row[100:].split()) for row in text.splitlines())
            for word in (
                "2 go by themselves, 1 held. NOT ISSUED.",
                "behind an earlier one of its accession",
                "The hub's clock is 95 s ahead of this machine's.",
                "signed in as Dr Reader",
                "Tried again in",
                "1 needs you; choose",
                "Withdraw it, with a reason. It is not sent.",
            ):
                assert word in told, word

    walk(steps, size=size, station=station_with_lines())


def test_enter_opens_a_hub_in_full_and_signs_in_where_that_is_what_is_missing() -> None:
    station = station_with_lines()
    hubs: Sequence[HubFile] = [
        HubFile("hub-n", "Northgate"),
        HubFile("hub-v", "Vale"),
        HubFile("hub-b", "St Bride", auth="device"),
    ]
    station.hubs = lambda: hubs  # type: ignore[method-assign]

    async def steps(do: Driver) -> None:
        await do.press("g", "y")
        await do.until(lambda: "off line" in do.text())
        place = do.app.place
        await do.press("enter")
        await do.until(lambda: isinstance(place.sheets[-1], LineSheet))
        await do.until(lambda: "Last contact" in do.text())
        await do.press("escape", "s", "s", "enter")
        await do.until(lambda: place.sheets and isinstance(place.sheets[-1], SignInSheet))

    walk(steps, station=station)


def test_news_stays_in_the_top_bar_until_its_screen_was_left() -> None:
    station = station_with_lines()
    station.digest = news(station)

    async def steps(do: Driver) -> None:
        await do.until(lambda: "+2" in do.text().splitlines()[0])
        await do.press("g", "y")
        await do.until(lambda: "While you were away" in do.text())
        await do.until(lambda: "OKONKWO, Adaeze" in do.text())
        assert station.read_news == []
        await do.press("q")
        await do.until(lambda: station.read_news == [4])
        await do.until(lambda: "+2" not in do.text().splitlines()[0])

    walk(steps, size=(160, 50), station=station)


def test_news_is_told_once_in_the_status_row_and_by_the_bell_where_chosen() -> None:
    station = station_with_lines()
    station.settings["notify"] = "bell"
    rung: list[int] = []

    async def steps(do: Driver) -> None:
        do.app.bell = lambda: rung.append(1)  # type: ignore[method-assign]
        station.digest = news(station)
        do.app.wake()
        await do.until(lambda: any("While you were away: 1 cancelled" in one.text for one in do.app.notices))
        do.app.wake()
        await do.settle()
        do.clock.advance(2)
        do.app.wake()
        await do.settle()
        told = [one.text for one in do.app.notices if "While you were away" in one.text]
        assert len(told) == 1
        assert rung == [1]

    walk(steps, station=station)


# -- outside of the screen ------------------------------------------------------------------------------


def status(**more: Any) -> Status:
    return replace(Status((), 0, 0, 0, 0, True), **more)


def test_the_teller_tells_each_thing_once_and_nothing_that_was_there_at_the_first_look() -> None:
    station = tui_fake.FakeStation(12)
    teller = Teller()
    assert teller.fresh(status(needs_you=2)) == []
    assert teller.fresh(status(needs_you=2)) == []
    assert [words for words, _ in teller.fresh(status(needs_you=3))] == ["3 items need you: g o."]
    line = Escalation("o1", "r1", clean("A stat report has no receipt from Vale for 12 min."))
    assert [role for _, role in teller.fresh(status(needs_you=1, escalations=(line,)))] == ["danger"]
    assert teller.fresh(status(needs_you=1, escalations=(line,))) == []
    assert len(teller.fresh(status(needs_you=1, digest=news(station, 4)))) == 1
    assert teller.fresh(status(needs_you=1, digest=news(station, 4))) == []
    assert len(teller.fresh(status(needs_you=1, digest=news(station, 5)))) == 1


@pytest.mark.parametrize(
    ("how", "rung", "written"), [("none", 0, 0), ("bell", 1, 0), ("desktop", 0, 1), ("both", 1, 1)]
)
def test_a_bell_and_the_desktop_are_each_by_choice(how: str, rung: int, written: int) -> None:
    bells: list[int] = []
    wrote: list[str] = []
    outside(
        ["2 cancelled."],
        how,
        bell=lambda: bells.append(1),
        write=wrote.append,
        start=lambda command: pytest.fail("no desktop here"),
        environment={"TERM": "xterm-kitty"},
    )
    assert (len(bells), len(wrote)) == (rung, written)
    assert all("2 cancelled." in one for one in wrote)


def test_nothing_is_told_for_nothing() -> None:
    def never(_: Sequence[str]) -> object:
        pytest.fail("something was started")

    outside([], "both", bell=pytest.fail, write=pytest.fail, start=never, environment={})


def test_a_desktop_on_this_machine_is_asked_and_where_it_fails_the_terminal_is(tmp_path: object) -> None:
    folder = str(tmp_path)
    with open(f"{folder}/notify-send", "w") as program:
        program.write("#!/bin/sh\n")
    import os

    os.chmod(f"{folder}/notify-send", 0o755)
    here = {"PATH": folder, "DISPLAY": ":0"}
    command = desktop_command("2 cancelled.", here)
    assert command[0].endswith("notify-send")
    assert command[-3:] == ("--", "teleread", "2 cancelled.")
    assert desktop_command("x", {**here, "SSH_CONNECTION": "a b"}) == ()
    assert desktop_command("x", {"PATH": folder}) == ()

    def broken(command: Sequence[str]) -> None:
        raise OSError

    wrote: list[str] = []
    outside(["x"], "desktop", bell=pytest.fail, write=wrote.append, start=broken, environment=here)
    assert len(wrote) == 1


def test_words_cannot_end_the_terminals_sequence_and_multiplexers_pass_it_on() -> None:
    plain = terminal_notice("a\x1b\\b\x07\nc", {"TERM": "foot"})
    assert plain == "\x1b]9;teleread: a\\bc\x1b\\"
    wrapped = terminal_notice("x", {"TERM": "tmux-256color", "TMUX": "/tmp/x"})
    assert wrapped.startswith("\x1bPtmux;\x1b\x1b]9;")
    assert wrapped.endswith("\x1b\\")


def test_every_choice_says_what_it_does() -> None:
    assert set(CONSEQUENCES) == set(CHOICES)
    assert all(words.endswith(".") for words in CONSEQUENCES.values())
