"""The draft's text: how it starts, its fields, and how changes go into it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from teleread.model.errors import UsageError
from teleread.model.task import PriorStudy
from teleread.model.text import clean
from teleread.reporting.drafting import (
    addendum_sections,
    fields_of,
    merge,
    new_sections,
    next_field,
    relevant_prior,
    resolved,
    set_field,
    study_digest,
    unresolved,
)
from tests.unit import signing_cases as made


def prior(description: str, modality: str, year: int, uid: str = "1.2.9") -> PriorStudy:
    return PriorStudy(clean(uid), clean(modality), clean(description), datetime(year, 5, 3, tzinfo=UTC))


def texts(*priors: PriorStudy) -> dict[str, str]:
    asked = replace(made.context(priors=priors), priors_at=datetime(2026, 5, 3, tzinfo=UTC))
    return {one.id: one.text for one in new_sections(made.template(), asked)}


def test_a_new_draft_starts_with_the_orders_question_technique_and_no_comparison() -> None:
    found = texts()
    assert found["clinical-information"].startswith("RUQ pain, fever 38.9.\n")
    assert found["technique"] == "CT abdomen with contrast, [portal venous phase]."
    assert found["comparison"] == "None."
    assert found["impression"] == ""


def test_none_is_not_claimed_where_nobody_asked_for_earlier_studies() -> None:
    found = {one.id: one.text for one in new_sections(made.template(), made.context())}
    assert found["comparison"] == "No earlier study was available."


def test_brackets_in_the_orders_question_are_no_fields() -> None:
    sections = new_sections(made.template(), made.context())
    assert [mark.section for mark in unresolved(sections, made.template())] == ["findings"]


def test_the_newest_relevant_prior_is_named() -> None:
    found = texts(
        prior("CT abdomen", "CT", 2024),
        prior("CT abdomen and pelvis", "CT", 2026),
        prior("CT head", "CT", 2026, "1.2.10"),
        prior("US abdomen", "US", 2026, "1.2.11"),
    )
    assert found["comparison"] == "CT abdomen and pelvis of 3 May 2026."


def test_the_study_itself_is_no_prior() -> None:
    assert relevant_prior(made.context(priors=(prior("CT abdomen", "CT", 2026, made.STUDY_UID),))) is None


def test_an_addendum_starts_empty_with_the_same_sections() -> None:
    sections = addendum_sections(made.template())
    assert [one.id for one in sections] == [one.id for one in made.template().sections]
    assert {one.text for one in sections} == {""}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Gallbladder: [?Gallbladder].", ["Gallbladder"]),
        ("[?Unknown label] and [ ? ]", ["Unknown label", ""]),
        ("Size ____ mm", [""]),
        ("Gallbladder: [normal].", []),
        ("See [1] and [sic].", []),
        ("[?broken\nover lines]", []),
    ],
)
def test_fields_to_fill_are_found(text: str, labels: list[str]) -> None:
    marks = unresolved([made.section("findings", text)], made.template())
    assert [mark.label for mark in marks] == labels


def test_a_field_offers_its_templates_choices() -> None:
    (mark,) = fields_of(made.section("findings", "Gallbladder: [?Gallbladder]."), made.template())
    assert mark.choices == ("normal", "gallstones", "acute cholecystitis", "absent")


def test_a_default_is_known_by_the_name_on_its_line() -> None:
    section = made.section("findings", "Liver: x.\nSpleen: [normal].\nPancreas: [normal].")
    assert [mark.id for mark in fields_of(section, made.template())] == ["spleen", "pancreas"]


def test_jumping_goes_round_in_both_directions() -> None:
    sections = [
        made.section("technique", "[portal venous phase]."),
        made.section("findings", "Spleen: [normal].\nGallbladder: [?Gallbladder]."),
    ]
    template = made.template()
    first = next_field(sections, "technique", 0, template=template)
    assert first is not None
    assert first.id == "spleen"
    second = next_field(sections, first.section, first.start, template=template)
    assert second is not None
    assert second.must
    again = next_field(sections, second.section, second.start, template=template)
    assert again is not None
    assert again.section == "technique"
    back = next_field(sections, "findings", second.start, backwards=True, template=template)
    assert back is not None
    assert back.id == "spleen"
    only = next_field(sections, "technique", 0, template=template, must_only=True)
    assert only == second
    round_back = next_field(sections, "technique", 0, backwards=True, template=template)
    assert round_back == second


def test_jumping_without_fields_goes_nowhere() -> None:
    assert next_field([made.section("findings", "All well.")], "findings", 3) is None


def test_filling_a_field_resolves_it_and_a_choice_can_be_changed_again() -> None:
    text = "Gallbladder: [?Gallbladder]. Spleen: [normal]."
    section = made.section("findings", text)
    mark = fields_of(section, made.template())[0]
    chosen = made.section("findings", set_field(text, mark, "gallstones"))
    assert unresolved([chosen], made.template()) == ()
    assert fields_of(chosen, made.template())[0].id == "gallbladder"
    free = set_field(text, mark, "sludge, no stones")
    assert free == "Gallbladder: sludge, no stones. Spleen: [normal]."


def test_signing_takes_the_brackets_of_fields_and_no_others() -> None:
    section = made.section("findings", "Spleen: [normal].  \nSee image [12] and [sic].\n\n")
    (out,) = resolved([section], made.template())
    assert out.text == "Spleen: normal.\nSee image [12] and [sic]."


def test_merging_changes_named_sections_and_refuses_unknown_ones() -> None:
    sections = new_sections(made.template(), made.context())
    changed = merge(sections, {"impression": "Done.\x1b[2J"})
    assert changed[4].text == "Done.[2J"
    assert changed[:4] == sections[:4]
    with pytest.raises(UsageError, match="no section"):
        merge(sections, {"conclusion": "x"})


def test_the_study_digest_knows_which_images_are_held_and_not_their_order() -> None:
    held = made.instances(3)
    assert study_digest(held) == study_digest(reversed(held))
    assert study_digest(held) != study_digest(held[:2])
    assert study_digest(()) == ""
