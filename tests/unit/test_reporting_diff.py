"""A report beside an earlier one: nothing lost, nothing made up, changes told by the word."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from teleread.model.report import Section
from teleread.model.text import clean
from teleread.reporting.diff import copied_from, diff, sections_in, sentence_pairs, word_diff


def section(section_id: str, text: str) -> Section:
    return Section(section_id, clean(section_id.capitalize()), "", clean(text, multiline=True))


def kinds(before: str, after: str) -> list[tuple[str, str]]:
    return [(one.kind, str(one.text)) for one in word_diff(before, after)]


def test_a_changed_number_and_side_are_told_alone() -> None:
    assert kinds("A 9 mm nodule, left upper lobe.", "A 12 mm nodule, right upper lobe.") == [
        ("same", "A "),
        ("gone", "9"),
        ("new", "12"),
        ("same", " mm nodule, "),
        ("gone", "left"),
        ("new", "right"),
        ("same", " upper lobe."),
    ]


def test_a_lost_no_is_told() -> None:
    assert ("gone", "No ") in kinds("No effusion. Clear.", "effusion. Clear.") or (
        "gone",
        "No ",
    ) in kinds("No effusion.", "effusion.")


def test_decimals_are_one_word_and_blanks_alone_no_change() -> None:
    assert kinds("1.5 cm", "1.6 cm") == [("gone", "1.5"), ("new", "1.6"), ("same", " cm")]
    assert kinds("a  b\tc", "a b c") == [("same", "a b c")]


def test_equal_and_empty_texts() -> None:
    assert kinds("Same.", "Same.") == [("same", "Same.")]
    assert kinds("", "") == []
    assert kinds("Gone.", "") == [("gone", "Gone.")]
    assert kinds("", "New.") == [("new", "New.")]


WORDS = st.lists(
    st.sampled_from(["no", "left", "right", "12", "mm", "1.5", "mass", "è", "漢", ".", ",", "\n", " "])
).map(" ".join)


@settings(deadline=None)
@given(WORDS, WORDS)
@example(". no", ".")
def test_either_text_can_be_read_out_of_the_difference(before: str, after: str) -> None:
    pieces = word_diff(clean(before, multiline=True), clean(after, multiline=True))
    mine = "".join(one.text for one in pieces if one.kind != "gone")
    theirs = "".join(one.text for one in pieces if one.kind != "new")
    assert mine == clean(after, multiline=True)
    assert theirs.split() == clean(before, multiline=True).split()


def test_sections_are_put_side_by_side_and_none_is_left_out() -> None:
    before = (section("findings", "Clear."), section("impression", "Normal."), section("comparison", "None."))
    after = (section("technique", "CT."), section("findings", "Clear."), section("impression", "Mass."))
    found = {one.id: one for one in diff(before, after)}
    assert [one.id for one in diff(before, after)] == ["technique", "findings", "impression", "comparison"]
    assert found["findings"].changed is False
    assert found["findings"].likeness == 1.0
    assert found["impression"].changed is True
    assert (found["technique"].before, found["technique"].after) == (False, True)
    assert (found["comparison"].before, found["comparison"].after) == (True, False)
    assert copied_from(before, after[1]) == "Clear."
    assert copied_from(before, after[0]) == ""


def test_a_report_in_plain_text_is_cut_at_its_headings() -> None:
    text = "CT HEAD\n\nClinical details: fall\nReport:\nNo bleed.\nVentricles: normal.\n\nCONCLUSION\nNormal."
    assert {one.id: str(one.text) for one in sections_in(text)} == {
        "clinical-information": "fall",
        "findings": "CT HEAD\nNo bleed.\nVentricles: normal.",
        "impression": "Normal.",
    }


def test_a_text_without_headings_is_findings_and_its_conclusion_comes_from_the_hub() -> None:
    found = sections_in("All clear.", "Normal study.")
    assert [(one.id, str(one.text)) for one in found] == [
        ("findings", "All clear."),
        ("impression", "Normal study."),
    ]
    assert sections_in("") == ()


def test_a_huge_text_written_anew_is_told_whole() -> None:
    before, after = "a b. " * 20_000, "c d. " * 20_000
    assert [one.kind for one in word_diff(before, after)] == ["gone", "new"]


def test_sentences_stand_beside_their_like_and_a_turned_side_or_denial_is_told() -> None:
    before = "9 mm nodule in the left upper lobe. No pleural effusion. The heart is not enlarged. Fracture."
    after = "Clear airways. 9 mm nodule in the right upper lobe. Pleural effusion. The heart is not enlarged."
    found = {(one.kind, str(one.after or one.before)): one for one in sentence_pairs(before, after)}
    assert {kind for kind, _ in found} == {"new", "changed", "same", "gone"}
    turned = found["changed", "9 mm nodule in the right upper lobe."]
    assert turned.before == "9 mm nodule in the left upper lobe."
    assert (turned.sided, turned.denied) == (True, False)
    denied = found["changed", "Pleural effusion."]
    assert (denied.sided, denied.denied) == (False, True)
    assert ("new", "Clear airways.") in found
    assert ("gone", "Fracture.") in found
    assert found["same", "The heart is not enlarged."].sided is False


def test_a_sentence_that_a_sender_wrapped_stays_one_sentence() -> None:
    before = "Nodule of 4 mm in the left\nlower lobe.\nNo effusion."
    told = [str(one.before) for one in sentence_pairs(before, "No effusion.")]
    assert told == ["Nodule of 4 mm in the left lower lobe.", "No effusion."]


@settings(deadline=None)
@given(WORDS, WORDS)
def test_no_sentence_is_lost_or_shown_twice(before: str, after: str) -> None:
    pairs = sentence_pairs(clean(before, multiline=True), clean(after, multiline=True))
    for side, text in (("before", before), ("after", after)):
        shown = "".join(str(getattr(one, side)) for one in pairs)
        assert sorted("".join(shown.split())) == sorted("".join(clean(text, multiline=True).split()))
