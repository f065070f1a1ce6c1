"""Every setting that is read anywhere stands in the table: what is missing there can't be set."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import teleread
from teleread.model.settings import SETTINGS, coerce

ROOT: Final = Path(teleread.__file__).parent
READERS: Final = {"setting", "set_setting", "write_setting", "spec_of", "adopt"}
"""Functions that take a setting's name, as their first or second argument."""

CALLED: Final = re.compile(rf"\b(?:{'|'.join(READERS)})\(|\bSETTINGS\[")
"""What stands in a module that reads one: only those are taken apart."""


def names_read(source: str) -> Iterator[str]:
    """Names of settings that a module reads or writes, as they stand in its calls."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in READERS:
                told = node.args[:1] if isinstance(called, ast.Attribute) else node.args[:2]
                for one in told:
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        yield one.value
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and getattr(node.value, "id", "") == "SETTINGS"
        ):
            yield str(node.slice.value)


def test_every_setting_that_is_read_stands_in_the_table() -> None:
    sources = {path: path.read_text("utf-8") for path in ROOT.rglob("*.py")}
    found = {
        (name, str(path.relative_to(ROOT)))
        for path, source in sources.items()
        if CALLED.search(source)
        for name in names_read(source)
    }
    names = {name for name, _ in found}
    assert {"spelling", "theme", "dictation_source", "viewer"} <= names
    assert sorted(one for one in found if one[0] not in SETTINGS) == []


def test_the_search_finds_every_way_of_reading_one() -> None:
    source = 'a.setting("one"); setting(paths, "two"); SETTINGS["three"]; core.set_setting("four", 1)'
    assert sorted(names_read(source)) == ["four", "one", "three", "two"]


@pytest.mark.parametrize(("word", "kept"), [("on", True), ("off", False), ("no", False), (True, True)])
def test_a_switch_is_kept_as_what_it_means_however_it_is_said(word: object, kept: bool) -> None:
    assert coerce(SETTINGS["spelling"], word) is kept
