"""FHIR JSON to the model: what is read, and that nothing from outside can make reading fail."""

from __future__ import annotations

import base64
import copy
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from teleread.model.text import SafeText, was_cleaned
from teleread.wire.fhir_json import Unreadable, context_of, links_of, order_of, patient_of, study_of, task_of
from teleread.wire.fhir_parts import reference, when
from teleread.wire.fhir_reports import frozen_of, plain_of, prior_report_of, uuids_of
from tests.contract.hub_cases import case, others_report, prior_of

SEEN = datetime(2026, 11, 24, 4, tzinfo=UTC)


def parts() -> dict[str, dict[str, Any]]:
    return {one["resourceType"]: one for one in case(1)}


def made(resources: dict[str, dict[str, Any]]) -> Any:
    return context_of(
        "h",
        resources["Task"],
        resources["ServiceRequest"],
        resources["Patient"],
        resources["ImagingStudy"],
        SEEN,
    )[0]


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ({"reference": "Patient/7"}, "Patient/7"),
        ({"reference": "https://hub.example/fhir/Patient/7"}, "Patient/7"),
        ({"reference": "https://hub.example/fhir/Patient/7/_history/2"}, "Patient/7"),
        ({"reference": "urn:uuid:1"}, "urn:uuid:1"),
        ({"reference": "#inside"}, "#inside"),
        ({"identifier": {"system": "https://x.example", "value": "9"}}, "https://x.example|9"),
        ({"reference": "nonsense"}, ""),
        ({"display": "Dr Name"}, ""),
        (None, ""),
        ("Patient/7", ""),
    ],
)
def test_a_reference_reads_the_same_however_it_is_written(given: Any, target: str) -> None:
    assert reference(given) == target


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-24T08:00:00Z", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24T09:00:00+01:00", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24T08:00:00.123456789Z", datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-13-01", None),
        ("soon", None),
        (5, None),
    ],
)
def test_a_time_reads_as_utc_or_not_at_all(text: Any, at: datetime | None) -> None:
    assert when(text) == at


def test_a_task_finds_its_parts_wherever_they_are_named() -> None:
    task = parts()["Task"]
    moved = {key: value for key, value in task.items() if key not in {"basedOn", "focus"}}
    moved["focus"] = task["basedOn"][0]
    moved["input"] = [{"type": {"text": "study"}, "valueReference": task["focus"]}]
    assert links_of(moved) == links_of(task)


@pytest.mark.parametrize(
    ("sites", "procedure", "side"),
    [
        ([{"coding": [{"code": "7771000"}]}], "XR Knee", "LEFT"),
        ([{"coding": [{"code": "24028007"}]}], "XR Knee Left", "RIGHT"),
        ([{"text": "Both hands"}], "XR Hands", "BILATERAL"),
        ([{"text": "Left hand"}, {"text": "Right hand"}], "XR Hands", "BILATERAL"),
        ([], "XR Wrist Lt", "LEFT"),
        ([], "XR Knee (R)", "RIGHT"),
        ([], "XR knees, left and right", "BILATERAL"),
        ([{"text": "Chest"}], "XR Chest", ""),
        ([], "CT Bright contrast, leftover", ""),
    ],
)
def test_the_side_comes_from_codes_then_the_body_site_then_the_examination(
    sites: list[Any], procedure: str, side: str
) -> None:
    order = parts()["ServiceRequest"] | {"bodySite": sites, "code": {"text": procedure}}
    assert order_of(order).laterality == side


def test_the_side_is_never_read_from_the_history() -> None:
    order = parts()["ServiceRequest"] | {
        "bodySite": [],
        "code": {"text": "XR Chest"},
        "reasonCode": [{"text": "Left sided pain"}],
    }
    assert order_of(order).laterality == ""


@pytest.mark.parametrize(
    ("names", "pn"),
    [
        ([{"family": "Day", "given": ["Ann", "Bea", "Cy"]}], "Day^Ann^Bea Cy"),
        ([{"family": "Day"}], "Day"),
        ([{"text": "Day, Ann"}], "Day^Ann"),
        ([{"use": "nickname", "text": "Annie"}, {"use": "official", "family": "Day"}], "Day"),
        ([{"use": "old", "family": "Was"}, {"family": "Is"}], "Is"),
        ([{"use": "old", "family": "Was"}], "Was"),
        ([{"family": "A^B=C\\D", "given": ["E^F"]}], "A B C D^E F"),
        ([{"family": "\x1b]52;c;x\x07Day", "given": ["\u202eAnn"]}], "]52;c;xDay^Ann"),
        ([{}], ""),
        ("Day", ""),
    ],
)
def test_a_name_becomes_a_dicom_person_name(names: Any, pn: str) -> None:
    assert patient_of(parts()["Patient"] | {"name": names}).name == pn


def test_a_number_out_of_use_comes_after_those_in_use() -> None:
    identifiers = [
        {"use": "old", "system": "https://a.example", "value": "OLD"},
        {"system": "https://a.example", "value": " NEW "},
        {"assigner": {"display": "West"}, "value": "W1"},
        {"system": "https://a.example"},
    ]
    patient = patient_of(parts()["Patient"] | {"identifier": identifiers})
    assert [(one.value, one.issuer) for one in patient.identifiers] == [
        ("NEW", "https://a.example"),
        ("W1", "West"),
        ("OLD", "https://a.example"),
    ]


@pytest.mark.parametrize(
    ("code", "status"), [("01", "01"), ("08", "08"), ("09", ""), ("number-present-and-verified", "")]
)
def test_only_the_numbered_codes_say_that_an_nhs_number_was_verified(code: str, status: str) -> None:
    patient = parts()["Patient"]
    patient["identifier"][0]["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] = code
    nhs = patient_of(patient).nhs
    assert nhs is not None
    assert nhs.status == status


@pytest.mark.parametrize(
    ("changes", "active", "linked"),
    [
        ({}, True, ()),
        ({"active": False}, False, ()),
        ({"link": [{"type": "replaced-by", "other": {"reference": "Patient/p2"}}]}, False, ("p2",)),
        ({"link": [{"type": "seealso", "other": {"reference": "Patient/p2"}}]}, True, ("p2",)),
    ],
)
def test_a_record_merged_away_is_seen(changes: dict[str, Any], active: bool, linked: tuple[str, ...]) -> None:
    patient = patient_of(parts()["Patient"] | changes)
    assert (patient.active, patient.linked_ids) == (active, linked)


@pytest.mark.parametrize(
    "value", ["urn:oid:../../evil", "urn:oid:1.2.3\n", "urn:oid:" + "1." * 40 + "1", "1", "", None]
)
def test_a_study_whose_uid_is_none_is_told_and_never_used(value: Any) -> None:
    study = parts()["ImagingStudy"] | {"identifier": [{"system": "urn:dicom:uid", "value": value}]}
    if value == "urn:oid:1.2.3\n":
        assert study_of(study).study_uid == "1.2.3"
        return
    with pytest.raises(Unreadable, match="no Study Instance UID"):
        study_of(study)


def test_a_task_that_is_nobodys_is_unreadable_and_one_without_an_order_is_not() -> None:
    resources = parts()
    with pytest.raises(Unreadable):
        context_of("h", resources["Task"], None, None, None, SEEN)
    context, noted = context_of("h", resources["Task"], None, resources["Patient"], None, SEEN)
    assert context.order.id == ""
    assert len(noted) == 1


def test_a_report_is_read_as_text_whatever_form_it_comes_in() -> None:
    report = prior_of(1)[1]
    assert prior_report_of(report).text == "Old words.\nSecond line."
    page = "<head><title>x</title></head><h1>A</h1><script>evil()</script><p>B &lt; C</p>"
    data = base64.b64encode(page.encode()).decode()
    report["presentedForm"] = [{"contentType": "text/html; charset=utf-8", "data": data}]
    assert prior_report_of(report).text == "A\n\nB < C"
    report["presentedForm"] = [{"contentType": "application/pdf", "data": "JVBERg=="}]
    report["conclusion"] = "Short."
    assert prior_report_of(report).text == "Short."


def test_hidden_parts_of_a_web_page_are_no_text() -> None:
    assert plain_of("<style>a{}</style>x<br>y<template>z</template><script>1<2") == "x\ny"


@pytest.mark.parametrize("data", ["e30=", "e30", "e31=", "e30=\n", "e30 =", "***", None, 5])
def test_frozen_bytes_count_only_as_canonical_base64(data: Any) -> None:
    report = {"presentedForm": [{"contentType": "application/vnd.teleread.report+json", "data": data}]}
    assert frozen_of(report) == (b"{}" if data == "e30=" else None)


def test_ids_and_keys_are_the_uuids_among_the_identifiers() -> None:
    report = {
        "identifier": [
            {"value": "urn:uuid:6F1D6A3E-5B1C-4A53-9F39-0D7A54B6A001"},
            {"value": "urn:uuid:short"},
            {"value": "ACC1"},
        ]
    }
    assert uuids_of(report) == ("6f1d6a3e-5b1c-4a53-9f39-0d7a54b6a001",)


# -- hostile documents ---------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "\x1b[31m", "Patient/../x", "urn:oid:..", "2026-99-99", "\u202e", "#", "/", "|"])
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found += _paths(inner, (*path, key))
    return found


def _put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = new


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), _JSON, _JSON)
def test_no_value_anywhere_makes_reading_fail(dice: random.Random, one: Any, two: Any) -> None:
    resources = copy.deepcopy(parts())
    resources["DiagnosticReport"] = others_report(1)
    for new in (one, two):
        _put(resources, dice.choice([path for path in _paths(resources) if len(path) > 1]), new)
    for read in (made, lambda every: prior_report_of(every["DiagnosticReport"])):
        try:
            found = read(resources)
        except Unreadable:
            continue
        assert all(not was_cleaned(text, multiline=True) for text in _texts(found))
        assert getattr(found, "raw_json", "{}")


def _texts(value: Any) -> list[SafeText]:
    if isinstance(value, SafeText):
        return [value]
    if isinstance(value, tuple):
        return [text for one in value for text in _texts(one)]
    if hasattr(value, "__dataclass_fields__"):
        names = [name for name in value.__dataclass_fields__ if name != "raw"]
        return [text for name in names for text in _texts(getattr(value, name))]
    return []


def test_a_document_nested_deep_is_only_text_to_us() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = {"a": [deep]}
    assert task_of(parts()["Task"] | {"owner": deep, "code": deep}).owner == ""
