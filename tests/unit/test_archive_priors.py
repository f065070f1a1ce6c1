"""Earlier studies: which are worth having, and the points that say so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from teleread.archive.priors import PriorCase, rank_priors
from teleread.model.task import PriorReport, PriorStudy
from teleread.model.text import EMPTY, clean


def prior(name: str, modality: str, description: str, year: int, *, accession: str = "") -> PriorStudy:
    return PriorStudy(
        clean(name),
        clean(modality),
        clean(description),
        datetime(year, 3, 5, tzinfo=UTC),
        accessions=(clean(accession),) if accession else (),
    )


def report(study: str, text: str) -> PriorReport:
    return PriorReport(
        clean(f"r-{study}"), EMPTY, clean("final"), clean(study), EMPTY, EMPTY, EMPTY, None, clean(text)
    )


CASE = PriorCase("self", "CT", "CT chest", "CT chest", day=date(2026, 4, 1))


def test_priors_of_the_same_place_and_kind_win_over_newer_ones_of_another_place() -> None:
    listed = (
        prior("knee", "CT", "CT knee left", 2025),
        prior("xr", "CR", "Chest PA", 2024),
        prior("old", "CT", "CT chest with contrast", 2019),
        prior("new", "CT", "CT thorax and chest", 2023),
        prior("self", "CT", "CT chest", 2026),
    )
    best = rank_priors(CASE, listed)
    assert [one.prior.study_uid for one in best if one.chosen] == ["new", "old", "xr"]


def test_a_case_without_a_named_place_takes_priors_of_its_kind() -> None:
    listed = (prior("a", "MR", "", 2020), prior("b", "US", "", 2021))
    found = rank_priors(PriorCase("x", "MR", ""), listed)
    assert [one.prior.study_uid for one in found if one.chosen] == ["a"]


def test_words_for_one_place_are_the_same_place() -> None:
    found = rank_priors(CASE, [prior("a", "CR", "Thorax AP", 2025)])
    assert found[0].relevant


def test_points_are_told_one_by_one_and_add_up() -> None:
    found = rank_priors(
        CASE, [prior("a", "CT", "CT chest", 2026)], reports=[report("a", "Clear lungs.")], count=1
    )[0]
    assert dict(found.parts) == {
        "same place": 40,
        "same kind of image": 20,
        "same examination": 15,
        "under 3 months old": 15,
        "has a report": 5,
    }
    assert found.score == 95
    assert "same place +40" in found.why
    assert found.why.endswith("95 points")


def test_the_same_procedure_code_counts_whatever_the_words_are() -> None:
    coded = replace(prior("a", "CT", "Thorax Nativ", 2026), procedure_code=clean("cches"))
    case = PriorCase("self", "CT", "CT chest", "CT chest", code="CCHES", day=date(2026, 4, 1))
    found = rank_priors(case, [coded])[0]
    assert ("same procedure code", 15) in found.parts
    odd = replace(prior("b", "CT", "Protocol 7", 2026), procedure_code=clean("CCHES"))
    assert ("same place", 40) in rank_priors(case, [odd])[0].parts
    other = replace(prior("c", "CT", "Knee", 2026), procedure_code=clean("CKNEE"))
    assert not rank_priors(case, [other])[0].relevant


def test_newer_beats_older_of_the_same_kind() -> None:
    listed = [prior("old", "CT", "CT chest", 2016), prior("new", "CT", "CT chest", 2025)]
    assert [one.prior.study_uid for one in rank_priors(CASE, listed)] == ["new", "old"]


def test_a_study_that_a_report_mentions_by_its_day_speaks_for_itself() -> None:
    listed = [prior("pelvis", "MR", "MR pelvis", 2020), prior("foot", "CR", "Foot", 2021)]
    told = [report("other", "Nodule. Compared with the MR of 5 March 2020, stable.")]
    found = {str(one.prior.study_uid): one for one in rank_priors(CASE, listed, reports=told)}
    assert found["pelvis"].relevant
    assert ("mentioned in a report or the question", 15) in found["pelvis"].parts
    assert not found["foot"].relevant
    assert found["foot"].why.startswith("another place")


def test_its_own_report_is_no_mention_and_an_accession_in_the_question_is() -> None:
    one = prior("hip", "CR", "Hip", 2020, accession="NG20-55512")
    own = rank_priors(CASE, [one], reports=[report("hip", "Hip of 05/03/2020.")])
    assert not own[0].relevant
    asked = PriorCase("self", "CT", "CT chest", question="see NG20-55512")
    assert rank_priors(asked, [one])[0].relevant


def test_pinned_ones_come_first_and_do_not_count_against_the_number() -> None:
    listed = [
        prior("a", "CT", "CT chest", 2025),
        prior("b", "CT", "CT chest", 2024),
        prior("foot", "CR", "Foot", 2020),
    ]
    found = rank_priors(CASE, listed, pinned={"foot"}, count=1)
    assert [(one.prior.study_uid, one.chosen) for one in found] == [("foot", True), ("a", True), ("b", False)]
    assert "pinned by you" in found[0].why


def test_a_study_listed_twice_counts_once_and_the_case_is_no_prior_of_itself() -> None:
    listed = [prior("a", "CT", "CT chest", 2025)] * 2 + [prior("self", "CT", "CT chest", 2026)]
    assert len(rank_priors(CASE, listed)) == 1
