"""Autotext: a short name becomes a text wherever it is typed; it nests, and never expands itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from teleread.model.errors import UsageError
from teleread.model.text import clean
from teleread.reporting.autotext import (
    MAX_TEXT,
    Autotext,
    at_cursor,
    check_name,
    check_text,
    expand,
    load_site_autotexts,
    names_like,
)


def library(**texts: str) -> dict[str, Autotext]:
    return {name: Autotext(name, clean(text, multiline=True), "own") for name, text in texts.items()}


LUNGS = library(lungs="The lungs are clear.", heart="Normal heart size.", chest=".lungs .heart")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (".lungs", "The lungs are clear."),
        ("Seen. .lungs", "Seen. The lungs are clear."),
        ("Seen.\n.LUNGS", "Seen.\nThe lungs are clear."),
        ("(.lungs", "(The lungs are clear."),
        (".chest", "The lungs are clear. Normal heart size."),
        (".unknown", ".unknown"),
        ("lungs", "lungs"),
        ("see.lungs", "see.lungs"),
        ("1.lungs", "1.lungs"),
        ("..lungs", "..lungs"),
        (".lung", ".lung"),
        ("", ""),
    ],
)
def test_a_name_before_the_cursor_becomes_its_text(text: str, made: str) -> None:
    done = expand(LUNGS, text, len(text))
    assert done.text == made
    assert done.cursor == len(made)


def test_what_stands_behind_the_cursor_stays_and_only_the_name_right_before_it_counts() -> None:
    done = expand(LUNGS, "A. .heart B.", 9)
    assert (done.text, done.cursor) == ("A. Normal heart size. B.", 21)
    assert expand(LUNGS, ".heart B.", 9).text == ".heart B."
    found = at_cursor(LUNGS, "x .chest", 8)
    assert found is not None
    assert found.name == "chest"
    assert at_cursor(LUNGS, "x .chest", 7) is None


def test_the_cursor_goes_where_the_autotext_says_and_its_first_field_is_told() -> None:
    own = library(node="Node of [?Size] mm, {cursor} short axis. [benign].")
    done = expand(own, ">> .node <<", 8)
    assert done.text == ">> Node of [?Size] mm,  short axis. [benign]. <<"
    assert done.text[done.cursor :].startswith(" short axis")
    assert done.field is not None
    assert done.text[slice(*done.field)] == "[?Size]"


def test_values_of_the_case_are_put_in_and_missing_ones_become_fields() -> None:
    own = library(title="{procedure}, {side} side; {unknown}")
    assert expand(own, ".title", 6, {"procedure": "MRI knee", "side": "left"}).text == (
        "MRI knee, left side; {unknown}"
    )
    assert expand(own, ".title", 6, {"procedure": "MRI [?knee]"}).text == (
        "MRI (?knee), [?Side] side; {unknown}"
    )


@pytest.mark.parametrize(
    "texts",
    [
        {"one": "x .one"},
        {"one": ".two", "two": "then .one"},
        {"one": ".two", "two": ".three", "three": "a .ONE b"},
    ],
)
def test_an_autotext_that_expands_itself_is_refused_in_words(texts: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="expands itself") as caught:
        expand(library(**texts), "A .one", 6)
    assert caught.value.code == "autotext-cycle"
    assert ".one" in caught.value.detail


def test_setting_an_autotext_that_would_expand_itself_is_refused() -> None:
    with pytest.raises(UsageError, match="expands itself"):
        check_text(library(two=".one"), "one", "see .two")
    assert check_text(library(two=".three"), "one", "see .two") == "see .two"


def test_autotexts_that_grow_without_end_are_refused_and_soon() -> None:
    bomb = library(**{f"n{index:02}": f".n{index + 1:02} " * 400 for index in range(12)}, n12="lol")
    with pytest.raises(UsageError, match="longer than"):
        expand(bomb, ".n00", 4)
    deep = library(**{f"d{index:02}": f".d{index + 1:02}" for index in range(40)}, d40="end")
    with pytest.raises(UsageError, match="too deep"):
        expand(deep, ".d00", 4)
    empty = library(**{f"e{index:02}": f".e{index + 1:02} " * 900 for index in range(15)})
    empty["e15"] = Autotext("e15", clean(""), "site")
    with pytest.raises(UsageError):
        expand(empty, ".e00", 4)


@pytest.mark.parametrize("name", ["", "a", ".", "1st", "two words", "x" * 41, "a.b", "é?"])
def test_a_name_that_cannot_be_typed_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="can't name"):
        check_name(name)


def test_names_are_kept_in_small_letters_without_their_full_stop() -> None:
    assert check_name(" .Normal-Chest ") == "normal-chest"
    assert check_name("Ödem") == "ödem"


def test_texts_are_cleaned_and_limited() -> None:
    assert check_text({}, "one", "a\x1b[31mb\nc") == "a[31mb\nc"
    for bad in ("", " \n", "\x00"):
        with pytest.raises(UsageError, match="empty"):
            check_text({}, "one", bad)
    with pytest.raises(UsageError, match="longer"):
        check_text({}, "one", "x" * (MAX_TEXT + 1))


def test_a_pick_list_shows_names_that_begin_so_before_names_that_contain_it() -> None:
    assert [one.name for one in names_like(LUNGS, ".h")] == ["heart", "chest"]


def test_the_sites_files_are_read_and_a_bad_one_costs_itself_alone(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[autotext]\nnad = "No abnormality."\n"Two Words" = "x"\n', "utf-8")
    (tmp_path / "b.toml").write_text('hub = "north"\n[autotext]\nward = "Ward 7 told."\n', "utf-8")
    (tmp_path / "c.toml").write_text("[autotext\n", "utf-8")
    (tmp_path / "d.toml").write_text("[autotext]\nx1 = 5\n", "utf-8")
    (tmp_path / "e.toml").write_text('[autotext]\nfine = "Fine."\n', "utf-8")
    found, failed = load_site_autotexts(tmp_path, "north")
    assert sorted(found) == ["fine", "ward"]
    assert [one.partition(":")[0] for one in failed] == ["a.toml", "c.toml", "d.toml"]
    assert sorted(load_site_autotexts(tmp_path, "south")[0]) == ["fine"]
    assert load_site_autotexts(tmp_path / "none") == ({}, ())
