"""What the screens say, how lines are made, how the report is edited: without a screen."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from teleread.tui import guard
from teleread.tui.calm import Calm
from teleread.tui.editor import Buffer, Passage, fields_of, wrap_spans
from teleread.tui.environment import scrub
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.themes import load_themes
from teleread.tui.widgets.prose import marks_of
from teleread.tui.words import age, ago, born, due_words, family, nhs, person, size

NOW = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
HOSTILE = (
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b[2J",
    "\x9b2J",
    "\x9d0;title\x9c",
    "a\u202eb",
    "zero\u200bwidth",
    "nul\x00",
    "new\nline",
    "[@click=app.quit]x[/]",
    "[/x]",
)


# -- words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("OKONKWO^Adaeze", "OKONKWO, Adaeze"),
        ("o'neill^Sean^Patrick", "O'NEILL, Sean Patrick"),
        ("YAMADA^Tarou=山田^太郎", "YAMADA, Tarou"),
        ("", "no name"),
        ("^Adaeze", "Adaeze"),
    ],
)
def test_a_name_is_said_family_first_in_capitals(name: str, shown: str) -> None:
    assert person(name) == shown
    assert person(name, demo=True) == f"{shown} DEMO"


def test_the_family_name_stands_alone_in_capitals() -> None:
    assert family("okonkwo^Adaeze") == "OKONKWO"


@pytest.mark.parametrize(
    ("birth", "years", "words"),
    [
        ("1979-03-14", "47y", "14 Mar 1979"),
        ("1979-11-25", "46y", "25 Nov 1979"),
        ("19790314", "47y", "14 Mar 1979"),
        ("1979-03", "47y", "Mar 1979"),
        ("1979", "47y", "1979"),
        ("2026-11-15", "9d", "15 Nov 2026"),
        ("2025-06-01", "17m", "1 Jun 2025"),
        ("", "", ""),
        ("unknown", "", ""),
        ("1979-13-01", "", ""),
        ("2031-01-01", "", "1 Jan 2031"),
    ],
)
def test_ages_and_birth_dates_are_said_as_far_as_they_are_known(birth: str, years: str, words: str) -> None:
    assert age(birth, date(2026, 11, 24)) == years
    assert born(birth) == words


@pytest.mark.parametrize(
    ("minutes", "used", "said"),
    [
        (26, 0.9, (3, "26m", "warn")),
        (12, 0.95, (3, "12m", "danger")),
        (-4, 1.1, (4, "4m over", "danger")),
        (110, 0.6, (2, "1h 50", "soft")),
        (305, 0.1, (0, "5h 05", "soft")),
        (560, 0.3, (1, "9h", "soft")),
        (60 * 26, 0.0, (0, "1d 2h", "soft")),
        (60 * 24 * 3, None, (0, "3d", "soft")),
        (10, None, (3, "10m", "danger")),
    ],
)
def test_time_left_is_a_quarter_words_and_a_role(
    minutes: int, used: float | None, said: tuple[int, str, str]
) -> None:
    assert due_words(NOW + timedelta(minutes=minutes), used, NOW) == said


def test_where_nothing_is_due_nothing_is_said() -> None:
    assert due_words(None, None, NOW)[1] == ""


def test_numbers_have_their_groups_and_units() -> None:
    assert nhs("9994182218") == "999 418 2218"
    assert nhs("odd") == "odd"
    assert size(218_000_000) == "218 MB"
    assert [ago(value) for value in (40, 360, 7200, 200_000, None)] == ["40s", "6m", "2h", "2d", ""]


# -- lines --------------------------------------------------------------------------------------------


@given(st.text(max_size=60), st.integers(0, 40))
def test_a_fitted_text_takes_exactly_its_cells(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width


@given(st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=200), st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_no_word(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_line_is_as_wide_as_asked_and_what_stands_right_wins() -> None:
    look = load_themes()[0]["reading-room"]
    left = Line(look).put("a long text on the left that does not fit")
    strip = left.strip(20, Line(look).put("RIGHT"))
    assert strip.cell_length == 20
    assert strip.text.endswith("RIGHT")


# -- the guard ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_or_format_character_leaves_a_strip(text: str) -> None:
    guard.install()
    assert guard.installed()
    sent = Strip([Segment(text, Style(color="red"))]).render(Console(color_system="truecolor"))
    body = sent.replace("\x1b[31m", "").replace("\x1b[0m", "")
    assert body.isprintable()


def test_a_harmless_text_passes_the_guard_unchanged() -> None:
    guard.install()
    assert Strip([Segment("Łódź ½ ◕ 山田", None)]).render(Console()) == "Łódź ½ ◕ 山田"


def test_a_hyperlink_never_reaches_the_terminal() -> None:
    guard.install()
    sent = Strip([Segment("x", Style(link="http://example.org"))]).render(Console())
    assert "example.org" not in sent
    assert "]8;" not in sent


def test_textuals_switches_are_taken_out_of_the_environment() -> None:
    environ = {"TEXTUAL_LOG": "/tmp/x", "TEXTUAL_SCREENSHOT": "1", "TEXTUAL": "devtools", "PATH": "/bin"}
    scrub(environ)
    assert environ == {"PATH": "/bin", "TEXTUAL_ANIMATIONS": "none"}
    environ["SSH_CONNECTION"] = "1"
    scrub(environ)
    assert environ["TEXTUAL_FPS"] == "30"


# -- the editor ---------------------------------------------------------------------------------------


def buffer(*texts: str) -> Buffer:
    return Buffer([Passage(f"s{index}", f"Section {index}", text) for index, text in enumerate(texts)])


@given(st.text(max_size=300), st.integers(1, 40))
def test_rows_of_a_text_hold_every_character_once_and_in_order(text: str, width: int) -> None:
    spans = wrap_spans(text, width)
    covered = [place for start, end in spans for place in range(start, end)]
    assert covered == sorted(set(covered))
    missing = set(range(len(text))) - set(covered)
    assert all(text[place] == "\n" for place in missing)
    assert len(spans) >= text.count("\n") + 1


def test_a_row_is_no_wider_than_asked_but_for_one_blank_at_its_end() -> None:
    text = "The liver is of normal size with no focal lesion and no biliary dilatation."
    for start, end in wrap_spans(text, 20):
        assert len(text[start:end].rstrip()) <= 20


def test_typing_goes_to_the_cursor_and_undo_takes_a_word_at_a_time() -> None:
    edited = buffer("", "")
    for char in "no mass":
        edited.type(char)
    assert edited.texts[0] == "no mass"
    assert edited.undo()
    assert edited.texts[0] == "no "
    assert edited.undo()
    assert edited.undo()
    assert edited.texts[0] == ""
    assert not edited.undo()
    assert edited.redo()
    assert edited.texts[0] == "no"


def test_erasing_never_crosses_a_heading() -> None:
    edited = buffer("one", "two")
    edited.go(1, 0)
    edited.erase()
    edited.go(0, 3)
    edited.erase(forward=True)
    assert edited.texts == ["one", "two"]


def test_the_cursor_walks_over_headings() -> None:
    edited = buffer("one", "two")
    edited.go(0, 3)
    edited.move(1)
    assert (edited.section, edited.at) == (1, 0)
    edited.move(-1)
    assert (edited.section, edited.at) == (0, 3)


def test_typing_replaces_what_is_selected() -> None:
    edited = buffer("one two three")
    edited.go(0, 4)
    edited.go(0, 7, select=True)
    edited.type("2")
    assert edited.text == "one 2 three"


def test_a_pasted_text_keeps_its_lines_and_loses_its_controls() -> None:
    edited = buffer("")
    edited.type("one\r\ntwo\x1b[2J\tthree\rfour\x9b")
    assert edited.text == "one\ntwo[2J three\nfour"


def test_fields_are_found_and_open_ones_told_apart() -> None:
    text = "Spleen: [normal]. Gallbladder: [?Gallbladder] Duct: ___ Site: [ ? ]"
    assert [text[a:b] for a, b, is_open in fields_of(text) if is_open] == ["[?Gallbladder]", "___", "[ ? ]"]
    assert [text[a:b] for a, b, is_open in fields_of(text) if not is_open] == ["[normal]"]


def test_the_next_field_is_an_open_one_and_the_search_goes_round_once() -> None:
    edited = buffer("[normal]", "a [?One] b [?Two]")
    edited.go(0, 0)
    assert edited.step_field(1) is not None
    assert edited.text[slice(*edited.selection or (0, 0))] == "[?One]"
    edited.step_field(1)
    assert edited.text[slice(*edited.selection or (0, 0))] == "[?Two]"
    edited.step_field(1)
    assert edited.text[slice(*edited.selection or (0, 0))] == "[?One]"
    edited.step_field(-1)
    assert edited.text[slice(*edited.selection or (0, 0))] == "[?Two]"
    edited.type("12 mm")
    assert edited.text == "a [?One] b 12 mm"


def test_only_changed_sections_are_unsaved_until_they_are_on_disk() -> None:
    edited = buffer("one", "two")
    edited.go(1, 3)
    edited.type("!")
    assert edited.unsaved() == {"s1": "two!"}
    written = edited.unsaved()
    edited.type("?")
    edited.mark_saved(written)
    assert edited.unsaved() == {"s1": "two!?"}


@given(
    st.lists(st.sampled_from(["a", " ", "\n", "bs", "del", "left", "right", "undo", "redo", "word", "sel"]))
)
def test_no_sequence_of_keys_leaves_the_cursor_outside_the_text(keys: list[str]) -> None:
    edited = buffer("no focal lesion", "", "x")
    acts = {
        "bs": edited.erase,
        "del": lambda: edited.erase(forward=True),
        "left": lambda: edited.move(-1),
        "right": lambda: edited.move(1),
        "undo": edited.undo,
        "redo": edited.redo,
        "word": lambda: edited.erase(word=True),
        "sel": lambda: edited.move(1, select=True),
    }
    for key in keys:
        acts[key]() if key in acts else edited.type(key)  # type: ignore[no-untyped-call]
        assert 0 <= edited.section < 3
        assert 0 <= edited.at <= len(edited.text)
        assert edited.anchor is None or 0 <= edited.anchor <= len(edited.text)


def test_what_matters_in_prose_is_marked() -> None:
    text = "No lesion in the RIGHT kidney. Aorta 24 mm, cyst 18 x 16 mm. Spleen [normal], gallbladder [?GB]."
    marked = {(kind, text[start:end]) for start, end, kind in marks_of(text)}
    assert marked == {
        ("no", "No"),
        ("side", "RIGHT"),
        ("number", "24 mm"),
        ("number", "18 x 16 mm"),
        ("field", "[normal]"),
        ("open", "[?GB]"),
    }


def test_a_full_collection_waits_until_nobody_is_at_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("freeze", "unfreeze", "collect"):
        monkeypatch.setattr(f"teleread.tui.calm.gc.{name}", lambda name=name: done.append(name))
    calm = Calm()
    calm.settle()
    calm.breathe(100)
    assert done == []
    calm.begin()
    calm.settle()
    calm.breathe(1)
    assert done == ["freeze"]
    calm.breathe(31)
    calm.breathe(60)
    assert done == ["freeze", "unfreeze", "collect", "freeze"]
    calm.breathe(0)
    calm.breathe(31)
    assert done.count("collect") == 2
