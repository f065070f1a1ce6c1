"""The demo's cases: made up, consistent, and enough of them to sign."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import pytest
from pydicom import dcmread

from teleread.demo.archive.catalogue import Catalogue, plans_of
from teleread.demo.cases.nouns import Case, Seed
from teleread.demo.cases.people import PEOPLE, nhs_number, passer_by
from teleread.demo.cases.resources import case_resources
from teleread.demo.cases.table import BUILT_IN, cases

SEED = Seed(1)
BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)


def signable(case: Case) -> bool:
    return case.state == "requested" and not case.owner and case.images_of is None


def test_there_are_enough_cases_of_every_kind() -> None:
    free = [case for case in BUILT_IN if signable(case)]
    films = [case for case in free if case.study.modalities == ("CR",)]
    assert len(BUILT_IN) >= 16
    assert len(free) >= 8
    assert len({case.person.key for case in films}) >= 6
    assert {case.priority for case in free} == {"stat", "urgent", "asap", "routine"}
    assert {"in-progress", "completed", "cancelled"} <= {case.state for case in BUILT_IN}
    assert any(case.study.instances == 300 and case.priors for case in free)
    assert any(case.study.modalities == ("MR",) and len(case.study.series) == 5 for case in free)
    assert any(series.frames > 1 for case in free for series in case.study.series)
    assert any(series.photometric == "MONOCHROME1" for case in free for series in case.study.series)


def test_one_case_that_is_no_plain_film_shows_somebody_else() -> None:
    mixed = [case for case in BUILT_IN if case.images_of is not None]
    assert len(mixed) == 1
    stranger = mixed[0].images_of
    assert stranger is not None
    assert "CR" not in mixed[0].study.modalities
    for name in ("mrn", "nhs", "born", "family"):
        assert getattr(stranger, name) != getattr(mixed[0].person, name)


def test_every_nhs_number_is_of_the_range_never_issued_and_valid() -> None:
    people = [*PEOPLE.values(), *(passer_by(number, 1) for number in range(1, 2000))]
    numbers = [person.nhs for person in people if person.nhs]
    assert len(numbers) == len(set(numbers))
    for number in numbers:
        total = sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False))
        assert re.fullmatch(r"999\d{7}", number)
        assert (11 - total % 11) % 11 == int(number[9])
    assert nhs_number(0) != nhs_number(1)


def test_the_same_seed_gives_the_same_resources_and_another_seed_other_ids() -> None:
    once = [laid for case in BUILT_IN for laid in case_resources(case, SEED, BEGAN)]
    again = [laid for case in cases(None, 1) for laid in case_resources(case, Seed(1), BEGAN)]
    other = {laid[1] for case in cases(None, 2) for laid in case_resources(case, Seed(2), BEGAN)}
    assert once == again
    assert not {ident for _, ident, _ in once} & other


def test_accession_numbers_are_unique_and_short() -> None:
    listed = list(cases(1200, 1))
    numbers = [SEED.accession(case, prior) for case in listed for prior in range(len(case.priors) + 1)]
    assert len(numbers) == len(set(numbers))
    assert max(map(len, numbers)) <= 16


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return Catalogue(plans_of(BUILT_IN, SEED, BEGAN), tmp_path_factory.mktemp("archive"))


def test_images_and_orders_name_the_same_patient_where_they_should(catalogue: Catalogue) -> None:
    for case in BUILT_IN:
        ds = catalogue.instances(SEED.uid(case.number, case.study.slug))[0].header()
        same = (ds.PatientID, ds.PatientBirthDate) == (case.person.mrn, case.person.born.replace("-", ""))
        assert same == (case.images_of is None)
        assert ds.AccessionNumber == SEED.accession(case)
        assert ds.InstitutionName.startswith("DEMO ")
        if case.person.nhs:
            assert (ds.OtherPatientIDsSequence[0].PatientID == case.person.nhs) == same


def test_headers_and_files_say_the_same(catalogue: Catalogue) -> None:
    for case in BUILT_IN:
        instance = catalogue.instances(SEED.uid(case.number, case.study.slug))[-1]
        header = instance.header()
        ds = dcmread(io.BytesIO(instance.load()))
        for element in header:
            assert ds[element.tag].value == element.value
        assert ds.file_meta.TransferSyntaxUID == instance.syntax
        assert ds.pixel_array.size


def test_sides_agree_between_order_and_images() -> None:
    for case in BUILT_IN:
        for series in case.study.series:
            if series.laterality:
                word = {"L": "Left", "R": "Right"}[series.laterality]
                assert word in case.order.procedure
                assert word in case.order.site_text


def test_a_nodule_has_grown_since_the_prior() -> None:
    case = BUILT_IN[1]
    now = case.study.series[0].params["growth"]
    before = case.priors[0].study.series[0].params["growth"]
    assert now > before
    assert "6 mm" in case.priors[0].report


def test_more_cases_than_stories_are_small_plain_films() -> None:
    extra = list(cases(len(BUILT_IN) + 50, 1))[len(BUILT_IN) :]
    assert len(extra) == 50
    assert all(signable(case) and case.study.series[0].rows <= 128 for case in extra)
