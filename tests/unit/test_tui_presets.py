"""The three presets in text, keys that no terminal sends alike, and the places the go menu leads to."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from teleread.tui import inputs
from teleread.tui.screens.reading import Reading
from teleread.tui.screens.worklist import Worklist
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, walk


def preset(name: str, **settings: Any) -> tui_fake.FakeStation:
    """A station whose reader uses a preset."""
    return tui_fake.FakeStation(12, settings={"key_preset": name, **settings})


async def in_impression(do: Driver, text: str = "") -> None:
    """The cursor in the impression, with some text."""
    await do.press("s", "enter", "i")
    do.reading.report.place_cursor("impression")
    do.reading.report.write(text)
    await do.settle()


def impression(do: Driver) -> str:
    return do.reading.report.buffer.texts[-1]


# -- vim ----------------------------------------------------------------------------------------------


def test_in_vim_the_first_escape_leaves_insert_mode_and_the_second_hands_to_the_pictures() -> None:
    async def steps(do: Driver) -> None:
        await in_impression(do, "no abscess")
        await do.press("escape")
        assert do.reading.report.has_focus
        assert "normal mode" in do.text()
        await do.press("escape")
        assert do.reading.pictures.has_focus
        await do.press("i", "x")
        assert "x" in "".join(do.reading.report.buffer.texts)

    walk(steps, station=preset("vim"), size=(120, 40))


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ("0x", "ne two\nthree"),
        ("0wx", "one wo\nthree"),
        ("$bi.", "one .two\nthree"),
        ("A!", "one two!\nthree"),
        ("I-", "-one two\nthree"),
        ("ox", "one two\nx\nthree"),
        ("Ox", "x\none two\nthree"),
        ("dd", "three"),
        ("0dw", "two\nthree"),
        ("0xu", "one two\nthree"),
        ("0xuU", "ne two\nthree"),
        ("jddkx", "one two\n"),
        ("zqQ9&", "one two\nthree"),
        ("0ax", "oxne two\nthree"),
    ],
)
def test_letters_move_and_change_in_normal_mode_and_type_nothing_else(keys: str, wanted: str) -> None:
    async def steps(do: Driver) -> None:
        await in_impression(do, "one two\nthree")
        do.reading.report.buffer.go(len(do.reading.report.buffer.texts) - 1, 4)
        await do.press("escape")
        names = {
            "$": "dollar_sign",
            ".": "full_stop",
            "!": "exclamation_mark",
            "-": "minus",
            "&": "ampersand",
        }
        await do.press(*[names.get(key, key) for key in keys])
        if keys != "jddkx":
            assert impression(do) == wanted
        else:
            assert "three" not in impression(do)

    walk(steps, station=preset("vim"))


def test_in_vim_slash_finds_and_n_goes_on() -> None:
    async def steps(do: Driver) -> None:
        await in_impression(do, "cyst here, cyst there")
        await do.press("escape", "slash", *"cyst", "enter")
        buffer = do.reading.report.buffer
        first = (buffer.section, buffer.selection)
        assert first[1] is not None
        await do.press("n")
        assert (buffer.section, buffer.selection) != first
        assert buffer.text[slice(*buffer.selection)].casefold() == "cyst"  # type: ignore[misc]

    walk(steps, station=preset("vim"))


# -- emacs --------------------------------------------------------------------------------------------


def test_in_emacs_ctrl_x_and_a_letter_does_what_alt_does_elsewhere() -> None:
    async def steps(do: Driver) -> None:
        await in_impression(do, "text")
        before = do.reading.pictures.at
        await do.press("ctrl+x", "s")
        assert do.reading.pictures.at == before + 1
        assert do.reading.report.has_focus
        await do.press("alt+s", "escape")
        assert do.reading.pictures.at == before + 1
        assert impression(do) == "text"

    walk(steps, station=preset("emacs"), size=(160, 50))


def test_in_emacs_an_unknown_letter_after_ctrl_x_does_nothing_and_types_nothing() -> None:
    async def steps(do: Driver) -> None:
        await in_impression(do, "text")
        await do.press("ctrl+x", "Q", "ctrl+x", "9")
        assert impression(do) == "text"
        assert not do.reading.sheets
        await do.press("ctrl+x", "g", "o")
        assert not isinstance(do.app.place, Reading)

    walk(steps, station=preset("emacs"))


def test_in_emacs_the_cursor_moves_by_control_keys_and_ctrl_g_goes_back() -> None:
    async def steps(do: Driver) -> None:
        await in_impression(do, "one\ntwo")
        await do.press("ctrl+p", "ctrl+e", *"x")
        assert impression(do) == "onex\ntwo"
        await do.press("ctrl+g")
        assert do.reading.pictures.has_focus
        await do.press("ctrl+g")
        assert isinstance(do.app.place, Worklist)

    walk(steps, station=preset("emacs"))


# -- every preset -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "key"), [("default", "ctrl+f"), ("emacs", "alt+s")])
def test_find_goes_round_the_report_and_says_when_there_is_nothing(name: str, key: str) -> None:
    async def steps(do: Driver) -> None:
        await in_impression(do, "no cyst")
        await do.press(key, *"LIVER", "enter")
        buffer = do.reading.report.buffer
        assert buffer.labels[buffer.section] == "Findings"
        assert buffer.selection is not None
        await do.press(key, *["backspace"] * 5, *"zebra", "enter")
        assert "zebra” does not stand in the report" in do.text()

    walk(steps, station=preset(name))


def heard(data: str) -> list[tuple[str, str | None]]:
    """Keys that Textual makes of a terminal's bytes."""
    inputs.install()
    parser = XTermParser(False)
    return [(one.key, one.character) for one in parser.feed(data) if isinstance(one, events.Key)]


def test_pedals_are_function_keys_and_never_text() -> None:
    pedals = {25: 13, 26: 14, 28: 15, 29: 16, 31: 17, 32: 18, 33: 19, 34: 20}
    for number, key in pedals.items():
        assert heard(f"\x1b[{number}~") == [(f"f{key}", None)]
    assert heard("\x1b[35~") == [("unknown", None)]
    assert heard("\x1b[24~") == [("f12", None)]


@pytest.mark.parametrize("letter", "0123456789-=")
def test_alt_with_a_digit_types_no_letter_of_another_keyboard(letter: str) -> None:
    assert all(not (text and text.isprintable()) for _, text in heard(f"\x1b{letter}"))


def test_pedals_and_unknown_keys_type_nothing_into_the_report() -> None:
    async def steps(do: Driver) -> None:
        await in_impression(do, "text")
        await do.press(*[f"f{number}" for number in range(13, 21)], "unknown", "ignore")
        assert impression(do) == "text"

    walk(steps)


# -- places -------------------------------------------------------------------------------------------


def test_settings_are_changed_in_place_and_kept() -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "s")
        assert "Settings" in do.text()
        await do.press("enter", "3")
        assert do.station.settings["theme"] == do.app.look.name
        await do.press("s", "enter", "3")
        assert do.station.settings["glyphs"] == "ascii"
        assert do.text().isascii()
        await do.press("s", "s", "s", "enter", "w", "enter")
        assert do.station.settings["idle_minutes"] == 5

    walk(steps)


def test_the_doctor_says_what_is_wrong_first_and_what_to_do() -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "d")
        text = do.text()
        assert "1 of 2 good" in text
        assert "It refuses. Ask Vale." in text
        assert text.index("archive Vale") < text.index("disk")

    walk(steps)


def test_the_audit_trail_shows_its_newest_rows_and_whether_it_adds_up() -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "a")
        assert "1 rows, the chain adds up" in do.text()
        assert "draft-started" in do.text()

    walk(steps)


def test_g_c_comes_back_to_the_case_that_was_open() -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "c")
        assert isinstance(do.app.place, Worklist)
        await do.press("s", "enter")
        here = do.reading.case.item.key
        await do.press("g", "o", "g", "c")
        assert do.reading.case.item.key == here

    walk(steps)


def test_the_list_is_sorted_by_a_column_from_a_menu() -> None:
    async def steps(do: Driver) -> None:
        await do.press("comma")
        assert "Sort by" in do.text()
        await do.press("3")
        names = [str(row.name) for row in do.list.table.rows]
        assert names == sorted(names, key=str.casefold)
        await do.press("comma", "escape")
        assert [str(row.name) for row in do.list.table.rows] == names

    walk(steps)


def test_a_filter_is_saved_under_a_name_and_gets_a_number_key() -> None:
    async def steps(do: Driver) -> None:
        await do.press("M")
        assert "no filter to save" in do.text()
        await do.press("slash", *"nowak", "enter", "M", *"His", "enter")
        await do.until(lambda: "filters" in do.station.settings)
        assert do.station.settings["filters"] == {"His": "nowak"}
        await do.press("0", "1")
        assert [str(row.name) for row in do.list.table.rows] == ["NOWAK^Piotr"]

    walk(steps)


def test_a_series_is_found_by_a_word_of_its_name_or_its_number() -> None:
    async def steps(do: Driver) -> None:
        def series() -> str:
            return str(do.reading.pictures.series[do.reading.pictures.series_at].description)

        await do.press("s", "enter", "slash", *"cor", "enter")
        await do.until(lambda: series() == "Cor 3.0")
        await do.press("slash", *"1", "enter")
        await do.until(lambda: do.reading.pictures.series_at == 0)
        await do.press("slash", *"zebra", "enter")
        await do.until(lambda: "No series of that name" in do.text())

    walk(steps)
