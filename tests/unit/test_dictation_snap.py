"""The snap and the learnt corrections: what they may never touch."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from teleread.dictation.bias import CaseWords, bias_for, case_from, vocabulary
from teleread.dictation.safety import NEGATION, NUMBER, SIDE, kind_of, prefix_of
from teleread.dictation.snap import Snap, in_context, safe_to_snap
from teleread.dictation.text.pieces import Piece
from teleread.dictation.text.vocabulary import words
from teleread.reporting.spelling import Speller

SPELLER = Speller.standard()
TERMS = tuple(sorted(vocabulary()))
SNAP = Snap(TERMS, SPELLER.known)
HARD = {SIDE, NEGATION, NUMBER}
SAFETY = sorted(words("sides") | words("denials") | words("more_numbers"))


def pieces(*said: str) -> list[Piece]:
    return [Piece(word, (at,)) for at, word in enumerate(said)]


def texts(made: list[Piece]) -> list[str]:
    return [piece.text for piece in made]


def hard(said: list[str]) -> Counter[str]:
    return Counter(word for one in said for word in one.split() if kind_of(word) in HARD)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("hydronefrosis", "hydronephrosis"),
        ("diverticulosus", "diverticulosis"),
        ("choleocystitis", "cholecystitis"),
        ("perinefric", "perinephric"),
        ("hydron process", "hydronephrosis"),
    ],
)
def test_a_word_nothing_knows_becomes_the_term_it_sounds_like_and_says_so(heard: str, meant: str) -> None:
    (made,) = SNAP(pieces(*heard.split()))
    assert (made.text, made.was) == (meant, heard)
    assert made.heard == tuple(range(len(heard.split())))


def test_a_word_that_anything_knows_is_left_alone() -> None:
    for word in ("plural", "infarct", "hypertrophied", "chondral", "effusion"):
        assert texts(SNAP(pieces(word))) == [word]


def test_a_slurred_denial_and_noun_are_never_snapped_into_the_finding() -> None:
    for word in ("noeffusion", "nofusion", "nohydronephrosis", "rightplural", "unremarkablesion"):
        assert texts(SNAP(pieces(word))) == [word]


def test_no_term_of_the_lexicon_may_stand_for_a_safety_word_or_for_one_turned_round() -> None:
    for term in TERMS:
        assert not any(safe_to_snap(word, term) for word in SAFETY)
        turned = [other for other in TERMS if prefix_of(term) != prefix_of(other)]
        assert not any(safe_to_snap(term, other) for other in turned)


def test_a_term_with_a_safety_word_slurred_onto_it_stays_as_heard() -> None:
    every = 1 if os.environ.get("TELEREAD_FULL") else 211
    joined = [one for word in SAFETY if len(word) > 1 for term in TERMS for one in (word + term, term + word)]
    for slurred in joined[::every]:
        (made,) = SNAP(pieces(slurred))
        if made.was:  # only to what has the same word at the same end
            assert safe_to_snap(slurred, made.text)
            assert hard([made.text]) == hard([slurred])
            assert prefix_of(made.text) == prefix_of(slurred)


letters = some.text("abcdefghiklmnoprstuy", min_size=2, max_size=14)
said = some.lists(some.one_of(letters, some.sampled_from(SAFETY), some.sampled_from(TERMS)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(said)
def test_whatever_is_said_sides_denials_and_numbers_are_the_same_before_and_after(said: list[str]) -> None:
    made = SNAP(pieces(*said))
    assert hard(texts(made)) == hard(said)
    assert [at for one in made for at in one.heard] == list(range(len(said)))
    assert texts(SNAP(pieces(*said))) == texts(made)


@settings(max_examples=60, deadline=None)
@given(some.sampled_from(SAFETY), some.sampled_from(TERMS), some.integers(0, 3))
def test_joined_words_never_swallow_a_safety_word(word: str, term: str, drop: int) -> None:
    for slurred in (word + term[drop:], term[: len(term) - drop] + word):
        for one in SNAP(pieces(slurred)):
            if one.was:
                assert safe_to_snap(slurred, one.text)
                assert kind_of(one.text) not in HARD


def test_learnt_corrections_that_would_change_a_safety_word_are_not_taken() -> None:
    snap = Snap(
        (), SPELLER.known, {"right": "left", "no": "know", "hypodense": "hyperdense", "fecal": "thecal"}
    )
    assert texts(snap(pieces("right", "no", "hypodense", "fecal"))) == ["right", "no", "hypodense", "thecal"]


def test_known_confusions_are_mended_by_what_stands_beside_them_and_told() -> None:
    made = in_context(pieces("small", "plural", "effusion"), SPELLER.doubts)
    assert [(one.text, one.was) for one in made][1] == ("pleural", "plural")
    assert texts(in_context(pieces("plural", "words"), SPELLER.doubts)) == ["plural", "words"]


def test_the_bias_of_a_case_ranks_its_own_words_first_and_holds_no_side_denial_or_number() -> None:
    case = case_from(
        {
            "procedure": "CT abdomen, left",
            "modality": "CT",
            "body_part": "abdomen",
            "clinical_question": "No pain. ?Right pyelonephritis",
            "prior_words": ["angiomyolipoma", "left", "5"],
            "unknown": 3,
        }
    )
    bias = bias_for(case, SPELLER.levels)
    assert case.laterality == "LEFT"
    assert bias.phrases[0] == "pyelonephritis"
    assert "angiomyolipoma" in bias.phrases
    assert not any(kind_of(word) in HARD for phrase in bias.phrases for word in phrase.split())
    assert bias_for(case, SPELLER.levels) == bias
    assert bias_for(CaseWords()).phrases


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ("sub-segmental", "subsegmental"),
        ("hyper intense", "hyperintense"),
        ("no-calculus", "no calculus"),
        ("no-man", "no man"),
        ("intra-articular", "intra-articular"),
        ("follow-up", "follow-up"),
        ("hyper active", "hyper active"),
    ],
)
def test_hyphens_and_gaps_the_recogniser_made_up_are_mended(said: str, made: str) -> None:
    assert texts(SNAP(pieces(*said.split()))) == made.split()


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("hyperechoic", "prefix"),
        ("paraventricular", "prefix"),
        ("periventricular", ""),  # the word of the list needs no second look
        ("dilutionate", "unknown"),
        ("effusion", ""),
        ("grey-white", ""),
    ],
)
def test_a_word_that_could_be_another_or_that_nothing_knows_is_told(word: str, why: str) -> None:
    (made,) = SNAP(pieces(word))
    assert made.odd == why
