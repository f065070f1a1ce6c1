"""Marks and commands: what has to be looked at, and what is no text at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from teleread.dictation.agree import together
from teleread.dictation.bias import CaseWords
from teleread.dictation.commands import COMMANDS, Grammar, confusable
from teleread.dictation.marks import marks_for
from teleread.dictation.ports import HeardWord, Hearing, Utterance
from teleread.dictation.safety import kind_of, opposite, prefix_of
from teleread.dictation.text.finish import composed
from teleread.dictation.text.pieces import Piece
from teleread.dictation.text.pipeline import write
from teleread.model.actions import ACTIONS
from teleread.model.text import clean

BENCH = Path(__file__).parent.parent / "bench" / "dictation"


def heard(text: str, sure: float = 0.99) -> list[HeardWord]:
    return [HeardWord(clean(word), at, at + 0.5, sure) for at, word in enumerate(text.split())]


def marked(
    said: str, *others: str, sure: float = 0.99, before: str = "", laterality: str = "", sex: str = ""
) -> dict[str, str]:
    words = heard(said, sure)
    made = write(words, before=before)
    found = marks_for(
        made,
        words,
        [write(heard(one), before=before) for one in others],
        CaseWords(laterality=laterality, sex=sex),
        before=before,
    )
    return {made.placed[at].piece.text: mark.kind for at, mark in found.items()}


@pytest.mark.parametrize(
    ("said", "other", "marks"),
    [
        ("left effusion", "right effusion", {"Left": "laterality"}),
        ("bilateral effusions", "lateral effusions", {"Bilateral": "laterality"}),
        ("no collection", "a collection", {"No": "negation"}),
        ("collection seen", "no collection seen", {"Collection": "negation"}),
        ("without contrast", "we thank contrast", {"Without": "negation"}),
        ("hypodense lesion", "hyperdense lesion", {"Hypodense": "prefix"}),
        ("infrarenal aorta", "suprarenal aorta", {"Infrarenal": "prefix"}),
        ("irregular margin", "regular margin", {"Irregular": "prefix"}),
        ("fifteen millimetres", "fifty millimetres", {"15": "number"}),
        ("a fourteen millimetre cyst", "a forty millimetre cyst", {"14": "number"}),
        ("small effusion", "small infusion", {}),
        ("eleven point two centimetres", "11.2 cm", {}),
        ("the heart", "the heart", {}),
    ],
)
def test_hearings_that_differ_on_a_safety_word_mark_it(said: str, other: str, marks: dict[str, str]) -> None:
    assert marked(said, other) == marks


def test_unsure_safety_words_are_marked_sooner_than_others() -> None:
    assert marked("left effusion", sure=0.5) == {"Left": "laterality"}
    assert marked("small effusion", sure=0.1) == {"Small": "low-confidence", "effusion": "low-confidence"}


def test_a_side_against_the_order_is_marked_unless_the_sentence_compares() -> None:
    assert marked("fracture of the right radius full stop", laterality="LEFT") == {"right": "laterality"}
    assert marked("normal compared with the right full stop", laterality="LEFT") == {}


def test_numbers_no_body_has_and_organs_of_the_other_sex_are_marked() -> None:
    assert marked("a nine hundred millimetre nodule") == {"900": "implausible"}
    assert marked("one hundred and twenty percent") == {"120": "implausible"}
    assert marked("the uterus is normal", sex="M") == {"uterus": "sex"}
    assert marked("the uterus is normal", sex="F") == {}


def test_a_finding_the_text_before_denied_is_marked() -> None:
    assert marked("right hydronephrosis", before="No hydronephrosis. ") == {"hydronephrosis": "negation"}
    assert marked("no hydronephrosis", before="No hydronephrosis. ") == {}


def test_a_prefix_heard_as_a_little_word_is_marked() -> None:
    assert marked("and displaced fracture") == {"displaced": "prefix"}
    assert marked("a displaced fracture") == {}


def test_a_mark_tells_what_else_was_heard() -> None:
    words = heard("fifteen millimetres")
    found = marks_for(write(words), words, [write(heard("fifty millimetres"))], CaseWords())
    assert found[0].instead == ("50",)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        *(("left", "laterality"), ("Right-sided", "laterality"), ("no", "negation"), ("isn't", "negation")),
        *(
            ("fourteen", "number"),
            ("twenty-five", "number"),
            ("hypodense", "prefix"),
            ("irregular", "prefix"),
        ),
        *(("inferior", "laterality"), ("liver", ""), ("intact", ""), ("unremarkable", "prefix")),
    ],
)
def test_the_kinds_of_words_are_known(word: str, kind: str) -> None:
    assert kind_of(word) == kind


def test_prefixes_know_their_opposites() -> None:
    assert "hyper" in opposite(prefix_of("hypointense"))
    assert "supra" in opposite(prefix_of("infrarenal"))
    assert prefix_of("interesting") in {"", "inter"}


GRAMMAR = Grammar(("normal-chest", "appendix"))


def commands() -> list[list[str]]:
    return [row.split("\t") for row in (BENCH / "commands.tsv").read_text("utf-8").splitlines()]


def test_every_command_of_the_bench_is_known_to_the_letter() -> None:
    for said, wanted, argument in commands():
        found = GRAMMAR.match(said.capitalize() + ".")
        assert found is not None, said
        assert (found.command.id, found.argument) == (wanted, argument)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("Scratched that.", "scratch-that"),
        ("Go to impressions", "section.go"),
        ("delete loss sentence", "scratch-that"),
        ("nex field", "field.next"),
        ("go two findings", "section.go"),
        ("insert normal chess", "insert"),
    ],
)
def test_a_command_heard_nearly_right_is_still_one(said: str, wanted: str) -> None:
    found = GRAMMAR.match(said)
    assert found is not None
    assert found.command.id == wanted
    assert found.sure < 1


def test_no_sentence_of_a_report_is_ever_a_command() -> None:
    for part in ("development", "test"):
        for row in (BENCH / f"{part}.tsv").read_text("utf-8").splitlines():
            for said in row.split("\t")[1].split(" full stop"):
                assert GRAMMAR.match(said) is None or said == " scratch that", said
    for said in ("no new lesion", "left lung", "next of kin", "the report", "bone", "normal chest", "lung"):
        assert GRAMMAR.match(said) is None, said


def test_open_commands_take_their_words() -> None:
    found = GRAMMAR.match("replace small effusion with large effusion")
    assert found is not None
    assert (found.command.id, found.argument, found.second) == ("replace", "small effusion", "large effusion")


def test_commands_that_sign_or_discard_need_a_key_and_all_actions_are_of_the_one_table() -> None:
    known = {action.id for action in ACTIONS}
    for command in COMMANDS:
        assert command.action in known | {""}, command.id
        assert command.needs_key == (command.id in {"sign", "discard"})


def test_names_that_sound_alike_or_too_short_are_told() -> None:
    found = {
        (name, other) for name, other, _ in confusable(["normal chest", "normal chess", "nad", "undo thad"])
    }
    assert ("normal chest", "normal chess") in found
    assert ("undo thad", "undo that") in found
    assert any(name == "nad" for name, _ in found)
    assert confusable(["normal chest", "cervical spine"]) == []


def kinds_of(*pieces: Piece, sure: float = 0.99) -> list[str]:
    words = heard(" ".join(piece.text for piece in pieces), sure)
    made = composed([replace(piece, heard=(at,)) for at, piece in enumerate(pieces)])
    return [mark.kind for _, mark in sorted(marks_for(made, words, [], CaseWords()).items())]


def test_words_nothing_knows_and_words_one_prefix_from_another_are_marked_however_surely_heard() -> None:
    assert kinds_of(Piece("effusion"), Piece("comattee", odd="unknown")) == ["low-confidence"]
    assert kinds_of(Piece("hyperechoic", odd="prefix"), sure=0.9) == ["prefix"]
    assert kinds_of(Piece("hyperechoic", odd="prefix"), sure=0.99) == []


def test_a_word_that_was_only_spelt_otherwise_needs_no_second_look() -> None:
    assert kinds_of(Piece("haemorrhage", was="hemorrhage"), Piece("washout", was="wash out")) == []
    assert kinds_of(Piece("hilar", was="hiler")) == ["changed"]


def test_a_little_word_where_a_class_has_its_figure_is_marked() -> None:
    assert marked("long rads for a nodule") == {"for": "number"}
    assert marked("fracture grade to") == {"to": "number"}
    assert marked("adjacent to the nodule for comparison") == {}


def test_the_words_of_the_surer_engine_are_taken_and_the_others_are_kept_to_differ() -> None:
    sure, unsure = hearing("no left effusion", 0.9), hearing("no leaf fusion", 0.5)
    assert together([unsure]) == unsure
    made = together([unsure, sure])
    assert made.best == sure.best
    assert made.others == (unsure.best,)
    nearly = hearing("no left effusion", 0.52)
    assert together([unsure, nearly]).best == unsure.best  # the better engine's, where there is little in it


def test_an_engine_that_lost_words_or_echoes_is_never_the_surer_one() -> None:
    whole = hearing("no pleural effusion on the left", 0.5)
    assert together([whole, hearing("on the left", 0.99)]).best == whole.best
    echo = hearing(" ".join(["no pleural effusion on the left"] * 2), 0.99)
    assert together([whole, echo]).best == whole.best
    assert together([whole, Utterance(0, 1, Hearing(()))]).others == ()
    silent = hearing("no plural effusion on the left", 1.0)  # it tells nothing: it is not the surer one
    assert together([whole, silent]).best == whole.best
    assert together([silent, whole]).best == silent.best


def hearing(text: str, sure: float) -> Utterance:
    return Utterance(0.0, 9.0, Hearing(tuple(heard(text, sure)), "engine"))


def test_a_denial_with_nothing_behind_it_and_a_phrase_said_twice_are_marked() -> None:
    assert marked("no effusion full stop no") == {"No": "negation"}
    assert marked("a fracture is not seen") == {}
    twice = "cyst in the left kidney full stop cyst in the left kidney full stop"
    words = heard(twice)
    made = write(words)
    assert [
        (made.placed[at].piece.text, mark.kind)
        for at, mark in marks_for(made, words, [], CaseWords()).items()
    ] == [("left", "laterality")]


@pytest.mark.parametrize("said", ["undo that", "Undo that. Undo that.", "undo that, undo that, undo that."])
def test_a_command_the_recogniser_wrote_several_times_over_is_one_command(said: str) -> None:
    found = Grammar().match(said)
    assert found is not None
    assert found.command.id == "undo"
    assert Grammar().match(f"{said} is what the patient said") is None
