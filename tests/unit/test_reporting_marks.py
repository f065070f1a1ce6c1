"""Marks on a text: they stand while their passage stands unchanged, and go with the first edit inside it."""

from __future__ import annotations

import pytest

from teleread.model.report import Section
from teleread.model.text import clean
from teleread.reporting.marks import COPIED, DICTATED, Mark, copied_passages, marks_in, marks_out, standing


def section(text: str, section_id: str = "findings") -> Section:
    return Section(section_id, clean("Findings"), "", clean(text, multiline=True))


def mark(text: str, **more: str) -> Mark:
    return Mark("findings", DICTATED, clean(text), clean(more.get("before", "")))


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("in the right lung", [(7, 12)]),
        ("right", [(0, 5)]),
        ("bright signal", []),
        ("rights", []),
        ("left lung", []),
        ("", []),
    ],
)
def test_a_word_stands_as_a_word(text: str, stands: list[tuple[int, int]]) -> None:
    assert [(one.start, one.end) for one in standing([mark("right")], [section(text)])] == stands


def test_what_stands_before_tells_two_equal_words_apart() -> None:
    found = standing([mark("no", before="There is ")], [section("no mass. There is no shift.")])
    assert [(one.start, one.end) for one in found] == [(18, 20)]
    assert standing([mark("no", before="There is ")], [section("no mass. There was no shift.")]) == ()


def test_marks_of_a_section_that_is_gone_are_gone() -> None:
    assert standing([mark("right")], [section("right", "impression")]) == ()


def test_copied_text_is_marked_sentence_by_sentence() -> None:
    marks = copied_passages("findings", "Clear lungs. 9 mm nodule.\n- Normal heart.\n---", "r1")
    assert [str(one.text) for one in marks] == ["Clear lungs.", "9 mm nodule.", "- Normal heart."]
    assert {one.kind for one in marks} == {COPIED}


def test_marks_survive_the_journal_and_what_cannot_be_read_is_none() -> None:
    marks = (mark("rechts — «è»", before="x "), Mark("impression", COPIED, clean("A."), source="r1"))
    assert marks_in({"@marks": marks_out(marks)}) == marks
    assert marks_out(()) == ""
    for bad in ("", "{", "5", "[1]", '[["a","b","c","d","e"]]', '[["a","copied"]]', "null"):
        assert marks_in({"@marks": bad}) == ()
