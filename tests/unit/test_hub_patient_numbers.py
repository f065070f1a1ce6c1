"""Which number a list shows, and that the comparison looks at every one."""

from __future__ import annotations

from typing import Any

from teleread.model.identity import compare
from teleread.model.patient import Patient
from teleread.model.text import clean
from teleread.wire.fhir_json import patient_of
from tests.contract.hub_cases import case
from tests.unit import signing_cases as made

TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"


def number(value: str, system: str, kind: str = "", **more: Any) -> dict[str, Any]:
    typed = {"type": {"coding": [{"system": TYPES, "code": kind}]}} if kind else {}
    return {"system": system, "value": value, **typed, **more}


def read(*identifiers: dict[str, Any]) -> Patient:
    return patient_of(case(1)[0] | {"identifier": list(identifiers)})


def test_the_record_number_is_shown_before_other_numbers_of_the_patient() -> None:
    patient = read(
        number("INS-7", "https://payer.example", "SN"),
        number("X1", "https://x.example"),
        number("N123", "https://north.example/mrn", "MR"),
    )
    assert patient.primary is not None
    assert (patient.primary.value, patient.primary.issuer) == ("N123", "https://north.example/mrn")


def test_a_record_number_of_nobody_or_out_of_use_is_not_put_first() -> None:
    patient = read(
        number("N000", "", "MR"),
        number("OLD", "https://north.example/mrn", "MR", use="old"),
        number("X1", "https://x.example"),
    )
    assert patient.primary is not None
    assert patient.primary.value == "N000"
    assert [one.value for one in patient.identifiers] == ["N000", "X1", "OLD"]


def test_the_images_are_compared_with_every_number_and_its_issuer() -> None:
    identifiers = [
        number("P-1", "https://payer.example", "SN"),
        number("N-1", "https://north.example/mrn", "MR"),
    ]
    for given in (identifiers, identifiers[::-1]):
        patient = read(*given)
        for issuer, value, level in (
            ("https://payer.example", "P-1", "ok"),
            ("https://payer.example", "P-2", "stop"),
            ("https://north.example/mrn", "N-2", "stop"),
        ):
            image = made.image(patient_id=clean(value), issuer=clean(issuer), other_ids=())
            match = compare(patient, made.order(), made.ordered(), (image,), (), None, "")
            assert {one.rule: one.level for one in match.findings}["patient-id"] == level
