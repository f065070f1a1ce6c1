"""Right patient and right study: the table of the design, section 9, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from teleread.model.identifiers import fold_name, normal_accession, normal_issuer
from teleread.model.identity import Match, compare
from teleread.model.patient import NHS_SYSTEM
from teleread.model.task import TaskContext
from teleread.model.text import EMPTY, clean
from tests.unit import signing_cases as made


def found(match: Match, rule: str) -> str:
    levels = {one.rule: one.level for one in match.findings}
    assert len(levels) == len(match.findings), "one finding a rule"
    return levels[rule]


def against(
    image: Mapping[str, Any] | None = None,
    patient: Mapping[str, Any] | None = None,
    order: Mapping[str, Any] | None = None,
    ordered: Mapping[str, Any] | None = None,
    *,
    bare: str = "",
    accessions: tuple[str, ...] = (),
    now: TaskContext | None = None,
) -> Match:
    return compare(
        made.patient(**(patient or {})),
        made.order(**(order or {})),
        made.ordered(**(ordered or {})),
        (made.image(**(image or {})),),
        accessions,
        now,
        bare,
    )


def test_a_case_that_agrees_in_everything_is_ok() -> None:
    match = against()
    assert match.level == "ok"
    assert {one.level for one in match.findings} == {"ok"}


@pytest.mark.parametrize(
    ("order_id", "image_id", "level"),
    [
        ("NG123456", " ng123456 ", "ok"),
        ("NG123456", "NG 123-456", "ok"),
        ("NG-123456", "NG123456", "ok"),
        ("NG123456", "NG123457", "stop"),
        ("123456", "0123456", "unknown"),
        ("000123", "123000", "stop"),
        ("12-345", "123-45", "unknown"),
        ("NG123456", "", "unknown"),
        ("", "NG123456", "unknown"),
    ],
)
def test_hospital_numbers_of_one_issuer_compare_with_care(order_id: str, image_id: str, level: str) -> None:
    numbers = (made.number(order_id),) if order_id else ()
    match = against({"patient_id": clean(image_id), "other_ids": ()}, {"identifiers": numbers})
    assert found(match, "patient-id") == level


@pytest.mark.parametrize(
    ("issuer", "bare", "level"),
    [
        (made.HOSPITAL, "", "stop"),
        (made.HOSPITAL.upper(), "", "stop"),
        ("", made.HOSPITAL, "stop"),
        ("", "", "unknown"),
        ("https://stbride.example/mrn", "", "unknown"),
        ("https://stbride.example/mrn", made.HOSPITAL, "unknown"),
        ("", "https://stbride.example/mrn", "unknown"),
    ],
)
def test_a_reissued_number_stops_only_within_one_issuer(issuer: str, bare: str, level: str) -> None:
    image = {"patient_id": clean("NG999999"), "issuer": clean(issuer), "other_ids": ()}
    assert found(against(image, bare=bare), "patient-id") == level


def test_the_same_number_without_an_issuer_proves_nothing() -> None:
    image = {"issuer": EMPTY, "other_ids": ()}
    match = against(image)
    assert found(match, "patient-id") == "unknown"
    assert match.level == "unknown"
    assert "patient_id_issuer" in match.unknowns[0].text


def test_a_bare_number_with_the_hub_files_issuer_is_enough() -> None:
    match = against({"issuer": EMPTY, "other_ids": (), "sex": EMPTY, "birth_date": EMPTY}, bare=made.HOSPITAL)
    assert match.level == "ok"
    assert found(match, "birth-date") == "unknown"


def test_a_matching_nhs_number_is_enough_where_issuers_differ() -> None:
    match = against({"issuer": clean("NORTHGATE")})
    assert found(match, "patient-id") == "unknown"
    assert match.level == "ok"


def test_another_number_that_the_hub_lists_for_this_patient_is_linked() -> None:
    both = (made.number("NG000001"), made.number("NG123456"))
    assert found(against(patient={"identifiers": both}), "patient-id") == "ok"


def test_a_number_that_the_hub_added_since_is_linked() -> None:
    now = made.context(the_patient=made.patient(identifiers=(made.number("NG1"), made.number("NG123456"))))
    match = against(patient={"identifiers": (made.number("NG1"),)}, now=now)
    assert found(match, "patient-id") == "ok"


@pytest.mark.parametrize(
    ("image_number", "issuer", "level"),
    [
        ("999 418 2218", "NHS", "ok"),
        ("999-418-2218", NHS_SYSTEM, "ok"),
        ("9994182218", "2.16.840.1.113883.2.1.4.1", "ok"),
        ("9994182218", "urn:oid:2.16.840.1.113883.2.1.4.1", "ok"),
        ("9990000018", "NHS Number", "stop"),
        ("9994182219", "nhs", "stop"),
    ],
)
def test_two_nhs_numbers_must_agree(image_number: str, issuer: str, level: str) -> None:
    match = against({"other_ids": ((clean(image_number), clean(issuer)),)})
    assert found(match, "nhs-number") == level


def test_a_missing_nhs_number_stops_nothing() -> None:
    match = against({"other_ids": ()})
    assert found(match, "nhs-number") == "unknown"
    assert match.level == "ok"


@pytest.mark.parametrize(
    ("ours", "theirs", "level"),
    [
        ("1979-03-14", "1979-03-14", "ok"),
        ("1979-03-14", "19790314", "ok"),
        ("1979-03-14", "1979-03-15", "stop"),
        ("1979-03", "1979-03-15", "ok"),
        ("1979", "1979-03-15", "ok"),
        ("1979-03", "1979-04-15", "stop"),
        ("1980", "1979-03-14", "stop"),
        ("", "1979-03-14", "unknown"),
        ("1979-03-14", "", "unknown"),
        ("14.03.1979", "1979-03-14", "unknown"),
    ],
)
def test_birth_dates_compare_as_far_as_both_go(ours: str, theirs: str, level: str) -> None:
    match = against({"birth_date": clean(theirs)}, {"birth_date": clean(ours)})
    assert found(match, "birth-date") == level


def test_another_study_uid_stops() -> None:
    assert found(against({"study_uid": clean("1.2.3")}), "study-uid") == "stop"


def test_a_study_uid_as_an_urn_is_the_same() -> None:
    match = against(ordered={"study_uid": clean(f"urn:oid:{made.STUDY_UID}")})
    assert found(match, "study-uid") == "ok"


@pytest.mark.parametrize(
    ("of_order", "of_image", "of_series", "level"),
    [
        (("NG26-40522",), "ng26-40522 ", (), "ok"),
        (("A1", "A2"), "A2", (), "ok"),
        (("A1",), "X", ("A1",), "ok"),
        (("A1",), "", ("A1",), "ok"),
        (("A1",), "X", ("Y",), "stop"),
        ((), "X", (), "unknown"),
    ],
)
def test_one_accession_in_common_is_enough(
    of_order: tuple[str, ...], of_image: str, of_series: tuple[str, ...], level: str
) -> None:
    match = against(
        {"accession": clean(of_image)},
        order={"accessions": tuple(map(clean, of_order))},
        accessions=of_series,
    )
    assert found(match, "accession") == level


def test_images_without_an_accession_leave_it_to_the_hubs_study() -> None:
    assert found(against({"accession": EMPTY}), "accession") == "ok"
    match = against({"accession": EMPTY}, ordered={"accessions": ()})
    assert found(match, "accession") == "unknown"


@pytest.mark.parametrize(
    ("ours", "theirs", "level"),
    [
        ("Okonkwo^Adaeze", "OKONKWO^ADAEZE", "ok"),
        ("Okonkwo^Adaeze", "Adaeze^Okonkwo", "ok"),
        ("Okonkwo^Adaeze", "Okonkwo, Adaeze", "ok"),
        ("O'Brien^Séan", "OBRIEN^SEAN^^DR", "ok"),
        ("Müller-Lüdenscheidt^Jörg", "MULLER LUDENSCHEIDT^JORG", "ok"),
        ("Nowak^Łukasz", "NOWAK^LUKASZ", "ok"),
        ("Yamada^Tarou=山田^太郎", "山田^太郎", "ok"),
        ("Yamada^Tarou", "山田^太郎", "unknown"),
        ("Okonkwo^Adaeze", "Abbott^Joan", "warn"),
        ("Okonkwo^Adaeze", "Okonkwo^Ada", "warn"),
        ("", "Okonkwo^Adaeze", "unknown"),
    ],
)
def test_names_compare_without_case_accents_and_order(ours: str, theirs: str, level: str) -> None:
    assert found(against({"name": clean(theirs)}, {"name": clean(ours)}), "name") == level


def test_another_sex_warns_and_stops_nothing() -> None:
    match = against({"sex": clean("M")})
    assert found(match, "sex") == "warn"
    assert match.level == "warn"
    assert match.stops == ()


def test_one_image_of_somebody_else_in_the_study_stops() -> None:
    strange = made.image(patient_id=clean("NG777777"), birth_date=clean("1950-01-01"))
    images = (made.image(), made.image(), strange)
    match = compare(made.patient(), made.order(), made.ordered(), images, (), None, "")
    assert {one.rule for one in match.stops} == {"patient-id", "birth-date"}


def test_without_images_nothing_is_claimed() -> None:
    match = compare(made.patient(), made.order(), made.ordered(), (), (), None, "")
    assert match.level == "unknown"
    assert match.stops == ()


def test_a_hub_that_now_names_another_patient_stops() -> None:
    now = made.context(the_patient=made.patient(id=clean("p2"), identifiers=(), name=clean("Abbott^Joan")))
    match = against(now=now)
    assert found(match, "patient-id") == "stop"
    assert found(match, "name") == "warn"


def test_a_merged_patient_whom_the_hub_links_is_the_same() -> None:
    now = made.context(the_patient=made.patient(id=clean("p2"), linked_ids=(clean("p1"),)))
    assert against(now=now).level == "ok"


def test_a_number_corrected_at_the_hub_stops() -> None:
    now = made.context(the_patient=made.patient(identifiers=(made.number("NG5"),)))
    assert found(against(now=now), "patient-id") == "stop"


def test_another_study_or_accession_at_the_hub_now_stops() -> None:
    now = made.context(
        the_order=made.order(accessions=(clean("NG26-50000"),)),
        the_study=made.ordered(study_uid=clean("1.2.3.4")),
    )
    assert {one.rule for one in against(now=now).stops} == {"study-uid", "accession"}


def test_a_record_that_is_no_longer_used_warns() -> None:
    match = against(now=made.context(the_patient=replace(made.patient(), active=False)))
    assert found(match, "record") == "warn"


def test_words_say_what_was_compared_with_what() -> None:
    (stop,) = against({"birth_date": clean("1980-01-01")}).stops
    assert "1979-03-14" in stop.text
    assert "1980-01-01" in stop.text


def test_text_from_a_hostile_header_stays_inert() -> None:
    match = against({"patient_id": clean("\x1b]52;c;AAAA\x07"), "other_ids": ()})
    assert all(char.isprintable() for one in match.findings for char in one.text)


def test_issuers_and_accessions_have_one_form() -> None:
    assert normal_issuer(" HTTPS://fhir.nhs.uk/Id/nhs-number ") == NHS_SYSTEM
    assert normal_issuer("urn:oid:1.2.3") == normal_issuer("1.2.3")
    assert normal_accession(" Ab-1 ") == "ab-1"
    assert fold_name("Ødegård^Åse") == fold_name("odegard ase")


def test_images_of_several_patients_are_told_with_every_number_not_the_first_alone() -> None:
    images = tuple(made.image(patient_id=number) for number in ("AA1", "BB2", "AA1", "CC3"))
    match = compare(made.patient(), made.order(), made.ordered(), images, (), None, "")
    (told,) = (one for one in match.findings if one.rule == "patient-id")
    assert told.level != "ok"
    assert all(number in told.text for number in ("AA1", "BB2", "CC3"))


def test_a_study_of_very_many_patients_is_counted_where_it_is_not_listed() -> None:
    images = tuple(made.image(birth_date=f"19{year}0101") for year in range(20, 50))
    match = compare(made.patient(), made.order(), made.ordered(), images, (), None, "")
    (told,) = (one for one in match.findings if one.rule == "birth-date")
    assert (told.level, "19200101" in told.text, "And 26 more" in told.text) == ("stop", True, True)
