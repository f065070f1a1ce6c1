"""From perfect words to report text: what is said, and what is written for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from teleread.dictation.echo import without_echo
from teleread.dictation.ports import HeardWord
from teleread.dictation.text.pipeline import Style, begins_sentence, write
from teleread.model.text import clean
from teleread.reporting.spelling import Speller

BENCH = Path(__file__).parent.parent / "bench" / "dictation"


def heard(text: str, sure: float = 1.0) -> list[HeardWord]:
    return [HeardWord(clean(word), at, at + 0.5, sure) for at, word in enumerate(text.split())]


def written(text: str, style: Style | None = None, before: str = "") -> str:
    return write(heard(text), style, before=before).text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("impression colon new line one full stop no collection full stop", "Impression:\n1. No collection."),
        ("the colon is normal full stop the sigmoid colon too", "The colon is normal. The sigmoid colon too"),
        ("colon colon normal full stop", "Colon: normal."),
        ("the follow up period was six months period", "The follow up period was 6 months."),
        ("slipped capital femoral epiphysis full stop", "Slipped capital femoral epiphysis."),
        ("a new line in the right atrium new line normal", "A new line in the right atrium\nNormal"),
        ("a comma shaped defect comma small", "A comma shaped defect, small"),
        ("open bracket series two image ten close bracket", "(Series 2 image 10)"),
        ("pleural effusion question mark", "Pleural effusion?"),
        ("and slash or", "And/or"),
        ("first full stop new paragraph second", "First.\n\nSecond"),
        ("bullet point cyst bullet point stone", "\n- Cyst\n- Stone"),
        (
            "liver normal full stop spleen large scratch that spleen normal full stop",
            "Liver normal. Spleen normal.",
        ),
        ("liver normal full stop scratch that spleen normal", "Spleen normal"),
    ],
)
def test_spoken_marks_are_told_from_words_that_sound_the_same(said: str, text: str) -> None:
    assert written(said) == text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("eleven point two centimetres", "11.2 cm"),
        ("one point oh five", "1.05"),
        ("nought point five millimetres", "0.5 mm"),
        ("two and a half centimetres", "2.5 cm"),
        ("three by four by five centimetres", "3 x 4 x 5 cm"),
        ("three centimetres by four centimetres", "3 cm x 4 cm"),
        ("one hundred and twenty ml", "120 ml"),
        ("two thousand and fifty", "2050"),
        ("three to four millimetres", "3-4 mm"),
        ("grew from three to four millimetres", "Grew from 3 to 4 mm"),
        ("two to three nodules", "Two to three nodules"),
        ("a ratio of two to one", "A ratio of 2:1"),
        ("blood pressure one twenty over eighty", "Blood pressure 120/80"),
        ("minus fifteen hounsfield units", "-15 HU"),
        ("ninety five percent", "95%"),
        ("forty centimetres per second", "40 cm/s"),
        ("s u v max of five point two", "SUVmax of 5.2"),
        ("one of the two lesions", "One of the two lesions"),
        ("twelve lesions", "12 lesions"),
        ("on the third of may twenty twenty four", "On 3 May 2024"),
        ("may third twenty nineteen", "3 May 2019"),
        ("since march twenty twenty three", "Since March 2023"),
        ("there may be a march fracture", "There may be a march fracture"),
        ("at fourteen thirty hours", "At 14:30 hours"),
        ("in six to eight weeks", "In 6-8 weeks"),
        ("three t two foci", "Three T2 foci"),
    ],
)
def test_numbers_units_and_dates_are_written_as_reports_write_them(said: str, text: str) -> None:
    assert written(said) == text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("c five six", "C5/6"),
        ("l five s one", "L5/S1"),
        ("t twelve l one", "T12/L1"),
        ("l four on l five", "L4 on L5"),
        ("l four six millimetre cyst", "L4 6 mm cyst"),
        ("see five nodules", "See five nodules"),
        ("see five six", "C5/6"),
        ("c five seven", "C5 seven"),
        ("t two n one m zero", "T2 N1 M0"),
        ("p t three b n two m nought", "pT3b N2 M0"),
        ("bi rads four a", "BI-RADS 4A"),
        ("by rads three", "BI-RADS 3"),
        ("t i rads four", "TI-RADS 4"),
        ("lung rads four b", "Lung-RADS 4B"),
        ("bosniak two f", "Bosniak IIF"),
        ("bosniak category four", "Bosniak category IV"),
        ("segment four a", "Segment 4a"),
        ("grade two a tear", "Grade 2 a tear"),
        ("u three nodule", "U3 nodule"),
        ("c t p a", "CTPA"),
        ("a c t scan", "A CT scan"),
        ("x ray", "X-ray"),
        ("baker's cyst and crohns disease", "Baker's cyst and Crohn's disease"),
        ("aspects of eight", "ASPECTS of 8"),
        ("some aspects of the liver", "Some aspects of the liver"),
    ],
)
def test_levels_stages_and_classes_are_written_by_their_own_rules(said: str, text: str) -> None:
    assert written(said) == text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("The kidney measures 2.1 x 1.5 x 1.9 centimeters.", "The kidney measures 2.1 x 1.5 x 1.9 cm."),
        ("Tumor at C5-6 and L5-S1.", "Tumour at C5/6 and L5/S1."),
        ("11cm mass, T2-weighted.", "11 cm mass, T2-weighted."),
        ("No hemorrhage. Full stop.", "No haemorrhage."),
        ("Impression: new line, 1. Acute appendicitis", "Impression:\n1. Acute appendicitis"),
        ("Seen on 3/5/2024 at 14:30.", "Seen on 3/5/2024 at 14:30."),
        ("1,200 mL", "1200 ml"),
        ("a 3-mm cyst", "A 3 mm cyst"),
    ],
)
def test_what_the_engine_wrote_its_own_way_ends_the_same(said: str, text: str) -> None:
    assert written(said) == text


def test_the_engines_marks_fall_away_once_the_reader_says_them() -> None:
    assert (
        written("No effusion, full stop. The heart, is normal full stop.")
        == "No effusion. The heart is normal."
    )
    assert (
        written("No effusion. The heart is normal.", Style(marks="spoken"))
        == "No effusion the heart is normal"
    )


def test_a_site_may_write_american() -> None:
    assert written("tumor of the esophagus", Style(british=False)) == "Tumor of the esophagus"


@pytest.mark.parametrize(
    ("before", "begins"),
    [("", True), ("Normal.", True), ("Impression:", True), ("a 3 mm", False), ("x:\n", True)],
)
def test_a_sentence_begins_where_the_text_before_ended_one(before: str, begins: bool) -> None:
    assert begins_sentence(before) is begins


def test_a_list_goes_on_over_utterances() -> None:
    assert written("two no collection", before="Impression:\n1. Appendicitis.\n") == "2. No collection"


def test_every_written_word_knows_which_heard_words_it_was_made_from() -> None:
    made = write(heard("the right kidney measures eleven point two centimetres full stop"))
    by_text = {placed.piece.text: placed.piece.heard for placed in made.placed}
    assert by_text["11.2"] == (4, 5, 6)
    assert by_text["cm"] == (7,)
    assert by_text["."] == (8, 9)
    assert all(made.text[placed.start : placed.end] == placed.piece.text for placed in made.placed)


@pytest.mark.parametrize("part", ["development", "test"])
def test_perfect_words_of_the_bench_come_out_with_at_most_one_word_in_a_hundred_wrong(part: str) -> None:
    rows = [row.split("\t") for row in (BENCH / f"{part}.tsv").read_text("utf-8").splitlines()]
    wrong = total = 0
    for _, said, wanted in rows:
        want, got = wanted.replace("\\n", "\n").split(), written(said).split()
        total += len(want)
        wrong += sum(a != b for a, b in zip(want, got, strict=False)) + abs(len(want) - len(got))
    assert len(rows) >= 60
    assert wrong <= total * 0.01


def test_british_spelling_makes_no_word_that_the_speller_does_not_know() -> None:
    from teleread.dictation.text.finish import written_british

    speller = Speller.standard()
    changed = {word: made for word in sorted(speller.levels) if (made := written_british(word)) != word}
    wrong = {word: made for word, made in changed.items() if made not in speller.levels}
    assert len(wrong) <= len(changed) * 0.03, sorted(wrong.items())[:60]
    for word in ("size", "oesophagus", "haematoma", "oedema", "colorectal", "hemipelvis", "literature"):
        assert written_british(word) == word


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("nodule common, previously six millimetres full stop", "Nodule, previously 6 mm."),
        ("bursa, common no biceps subluxation full stop", "Bursa, no biceps subluxation."),
        ("six millimetres, common bile duct normal full stop", "6 mm common bile duct normal."),
        ("a common variant, seen before full stop", "A common variant seen before."),
        ("nodule, common no change.", "Nodule, common no change."),
        ("clear full stop full stop", "Clear."),
    ],
)
def test_a_comma_heard_as_common_is_one_only_where_marks_are_said_and_nothing_can_be_common(
    said: str, text: str
) -> None:
    assert written(said) == text


def at_times(*words: tuple[str, float, float]) -> tuple[HeardWord, ...]:
    return tuple(HeardWord(clean(word), start, end, 0.9) for word, start, end in words)


def test_a_phrase_written_twice_and_said_once_is_kept_once_with_the_times_it_took() -> None:
    once = at_times(("undo", 0.2, 0.6), ("that", 0.6, 1.0))
    echo = at_times(("undo", 1.0, 1.0), ("that.", 1.0, 1.1))
    assert without_echo((*once, *echo)) == once
    assert without_echo((*echo, *once)) == once
    assert without_echo((*once, *echo, *echo)) == once
    twice = (*once, *at_times(("undo", 1.0, 1.4), ("that", 1.4, 1.8)))
    assert without_echo(twice) == twice
    short = at_times(("no", 0, 0.4), ("no", 0.4, 0.4))
    assert without_echo(short) == short


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("ADL45 there is a protrusion", "At L4/5 there is a protrusion"),
        ("stenosis ADC67 full stop", "Stenosis at C6/7."),
        ("an ADC of 67", "An ADC of 67"),
        ("ADC68 is a value", "ADC 68 is a value"),
        ("slip of L5 an S1", "Slip of L5 on S1"),
        ("an L5 lesion", "An L5 lesion"),
        ("pie grads 4 lesion", "PI-RADS 4 lesion"),
        ("the undergrads for a visit", "The undergrads for a visit"),
        ("greyed two small vessel disease", "Grade 2 small vessel disease"),
        ("the great vessels are normal", "The great vessels are normal"),
        ("18 I 12 millimetres", "18 x 12 mm"),
        ("T3 at N0 M0 full stop", "T3a N0 M0."),
        ("T2 and 0 M0 full stop", "T2 N0 M0."),
        ("both ovaries a normal full stop", "Both ovaries are normal."),
        ("the ventricles are small and normal full stop", "The ventricles are small and normal."),
        ("no calculus scene full stop", "No calculus seen."),
        ("the scene was cleared", "The scene was cleared"),
    ],
)
def test_little_words_heard_for_others_are_told_by_what_stands_beside_them(said: str, text: str) -> None:
    assert written(said) == text


def test_what_was_misheard_stays_told() -> None:
    made = write(heard("slip of L5 an S1 full stop both ovaries a normal full stop"))
    assert [(one.piece.text, one.piece.was) for one in made.placed if one.piece.was] == [
        ("on", "an"),
        ("are", "a"),
    ]
