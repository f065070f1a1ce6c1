"""Spelling: British, with radiology's words; finds what may be wrong, and says what may be meant."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import pytest

from teleread.model.errors import UsageError
from teleread.reporting.spelling import Speller, check_own_word, load_word_lists

REPORTS = Path(__file__).parents[1] / "data" / "checks"


@pytest.fixture(scope="module")
def speller() -> Speller:
    return Speller.standard(("Northgate", "zyxotide"))


def doubted(speller: Speller, text: str) -> list[str]:
    return [one.word for one in speller.doubts(text)]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("pnuemothorax", "pneumothorax"),
        ("hydronephrois", "hydronephrosis"),
        ("consolidaiton", "consolidation"),
        ("lymphadenopahty", "lymphadenopathy"),
        ("aneursym", "aneurysm"),
        ("oesphagus", "oesophagus"),
        ("kindey", "kidney"),
        ("seperate", "separate"),
        ("tumor", "tumour"),
        ("hemorrhage", "haemorrhage"),
        ("edema", "oedema"),
        ("caliber", "calibre"),
        ("fiber", "fibre"),
    ],
)
def test_the_likeliest_word_comes_first(speller: Speller, wrong: str, right: str) -> None:
    assert doubted(speller, f"There is a {wrong} here.") == [wrong]
    assert speller.suggest(wrong)[0] == right


def test_a_word_at_the_start_of_a_sentence_keeps_its_capital(speller: Speller) -> None:
    assert doubted(speller, "Normal. Pnuemothorax seen.") == ["Pnuemothorax"]
    assert speller.suggest("Pnuemothorax")[0] == "Pneumothorax"


@pytest.mark.parametrize(
    "text",
    [
        "CT KUB, T2WI and FLAIR at L4/5; SUVmax 5.2; 12mm; Dr Okonkwo was told.",
        "Subsegmental, peribronchovascular and non-obstructing; para-aortic nodes.",
        "Crohn's disease, Doppler ultrasound, the patient's own zyxotide at Northgate.",
        "Organised or organized, both are British. The colour of the tumour.",
        "患者 Пациент المريض",
        "see https://hub.example/xqzt and report.txt or a@b.example",
        "",
    ],
)
def test_what_is_no_mistake_is_left_alone(speller: Speller, text: str) -> None:
    assert doubted(speller, text) == []


@pytest.mark.parametrize(
    ("text", "wrong", "meant"),
    [
        ("Small plural effusion.", "plural", "pleural"),
        ("Speculated nodule in the lung.", "Speculated", "Spiculated"),
        ("Enlarged prostrate.", "prostrate", "prostate"),
        ("The terminal ilium is thickened.", "ilium", "ileum"),
        ("Discreet mass.", "Discreet", "Discrete"),
    ],
)
def test_a_right_word_in_the_wrong_place_is_told_by_its_neighbours(
    speller: Speller, text: str, wrong: str, meant: str
) -> None:
    (doubt,) = speller.doubts(text)
    assert (doubt.word, doubt.instead) == (wrong, (meant,))
    assert text[doubt.start : doubt.end] == wrong


def test_those_words_are_left_alone_where_they_belong(speller: Speller) -> None:
    assert doubted(speller, "The plural of the iliac wing; fracture of the ilium; discreet enquiry.") == []


@pytest.mark.parametrize("half", ["development", "held-out"])
def test_the_projects_own_reports_hold_no_doubtful_word(speller: Speller, half: str) -> None:
    cases = tomllib.loads((REPORTS / f"{half}.toml").read_text("utf-8"))["case"]
    texts = [one[name] for one in cases for name in ("technique", "findings", "impression")]
    assert [word for text in texts for word in doubted(speller, text)] == []


def test_real_dictated_reports_give_few_doubts_and_those_are_american(
    speller: Speller, shared_data: Path
) -> None:
    texts = [path.read_text("utf-8") for path in (shared_data / "reports" / "en-dictated").glob("*.txt")]
    words = sum(len(text.split()) for text in texts)
    doubts = [word for text in texts for word in doubted(speller, text)]
    print(f"\n{words} words, {len(doubts)} doubts: {sorted(set(doubts))}")
    assert words > 3000
    assert len(doubts) < words * 0.01


def test_a_word_of_nonsense_gets_no_suggestion_and_hostile_ones_none_either(speller: Speller) -> None:
    for word in ("xqzxqzxq", "", "a" * 5000, "'" * 30, "ß" * 10, "\x00\x00"):
        assert speller.suggest(word) == ()


def test_own_words_are_single_words() -> None:
    assert check_own_word(" Zyxotide ") == "zyxotide"
    for bad in ("", "x", "two words", "a1", "x" * 41, "\x1b"):
        with pytest.raises(UsageError, match="no single word"):
            check_own_word(bad)


def test_the_sites_lists_are_read_plain_or_as_hunspells(tmp_path: Path) -> None:
    (tmp_path / "site.txt").write_text("# drugs\nFooximab # new\nbar\n12x\n", "utf-8")
    (tmp_path / "med.dic").write_bytes(b"2\ngadofoo/SM\n\xff\xfe\n")
    assert set(load_word_lists(tmp_path)) == {"fooximab", "bar", "gadofoo"}
    assert load_word_lists(tmp_path / "none") == ()


def test_the_word_lists_say_whose_they_are() -> None:
    notice = (resources.files("teleread.reporting") / "lexicon" / "NOTICE").read_text("utf-8")
    assert "Kevin Atkinson" in notice
    assert "Permission to use, copy, modify, distribute and sell" in notice
