"""MRRT pages of other hands: unclosed inputs, Latin-1, nested lists, remote parts, stray tags; real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from teleread.model.report import Template
from teleread.reporting.drafting import fields_of, new_sections
from teleread.reporting.mrrt_read import read_mrrt
from teleread.reporting.mrrt_write import write_mrrt
from teleread.reporting.questionnaire import read_questionnaire
from teleread.reporting.template_files import parse_template, write_template
from tests.unit import signing_cases as made

FOREIGN = Path(__file__).parents[1] / "data" / "templates"
UNTIDY: dict[str, tuple[list[tuple[str, str, str, str]], set[str], str]] = {
    "latin-1": (
        [
            ("Gallenblase", "text", "unauffällig", "alert"),
            ("Milz Größe", "number", "", "prohibit"),
            ("Freie Flüssigkeit", "flag", "", ""),
            ("Beurteilung", "long-text", "", ""),
        ],
        {"RADLEX RID5235"},
        "Freie Flüssigkeit: [~Freie Flüssigkeit]",
    ),
    "entities": (
        [
            ("Medial meniscus", "choice", "", "prohibit"),
            ("Lateral meniscus", "choice", "no tear", ""),
            ("Effusion < 5 mm – depth", "number", "", ""),
            ("Cartilage", "long-text", "Preserved, Outerbridge ≤ 1", ""),
            ("I", "long-text", "", "alert"),
        ],
        {"SCT 4800001"},
        "Lateral meniscus: [no tear]",
    ),
    "nested": (
        [
            ("Fx", "choice", "", "prohibit"),
            ("Fg", "choices", "", ""),
            ("Al", "choice", "normal", ""),
            ("Jd", "date", "", ""),
        ],
        {"RADLEX RID4650", "RADLEX RID28730"},
        "Alignment Al: [normal]",
    ),
    "remote": (
        [
            ("Frontal", "text", "clear", "none"),
            ("Maxillary", "choice", "clear", ""),
            ("Septum", "text", "", "alert"),
        ],
        set(),
        "Septum: [?Septum]",
    ),
    "strays": (
        [
            ("Heart", "text", "normal", ""),
            ("Size", "number", "", ""),
            ("Lungs", "text", "clear", ""),
            ("Z", "text", 'No "acute" finding (1).', "prohibit"),
        ],
        set(),
        "Heart: [normal] Size: [~Size] cm Lungs: [clear]",
    ),
}
"""Pages of other hands: fields (label, kind, default, action), codes, and a line of the findings."""


@pytest.mark.parametrize("name", list(UNTIDY))
def test_a_page_of_another_hand_comes_in_whole_shows_as_a_form_and_goes_out_equal(name: str) -> None:
    found = read_mrrt((FOREIGN / f"untidy-{name}.html").read_bytes(), f"{name}.html")
    fields, codes, line = UNTIDY[name]
    specs = [one for section in found.template.sections for one in section.fields]
    assert [(str(one.label), one.kind, str(one.default), one.action) for one in specs] == fields
    told = {f"{code.scheme} {code.value}" for one in specs for _, code in one.codes}
    assert told == codes
    findings = next(one for one in found.template.sections if one.id == "findings")
    assert line in findings.text.split("\n")
    assert "evil" not in repr(found.template)
    assert "example.org" not in repr(found.template)
    assert read_mrrt(write_mrrt(found.template), "x").template == found.template
    assert parse_template(write_template(found.template), "x") == found.template
    assert shown_in_the_form(found.template) >= set(labels(found.template))


def labels(template: Template) -> list[str]:
    """Every field that is not room for prose alone, by section and name."""
    return [
        f"{section.id}/{one.label}"
        for section in template.sections
        for one in section.fields
        if one.kind != "long-text" or (one.action in {"alert", "prohibit"} and not one.default)
    ]


def shown_in_the_form(template: Template) -> set[str]:
    """The fields of a draft that begins with the template, as the form lists them."""
    return {
        f"{section.id}/{mark.label}"
        for section in new_sections(template, made.context())
        for mark in fields_of(section, template)
    }


def test_every_field_of_the_templates_of_other_origin_is_in_the_form(shared_data: Path) -> None:
    told = {}
    for path in sorted((shared_data / "reports" / "templates-de").iterdir()):
        read = {".html": read_mrrt, ".json": read_questionnaire}.get(path.suffix)
        if read is not None:
            template = read(path.read_bytes(), path.name).template
            told[path.name] = sorted(set(labels(template)) - shown_in_the_form(template))
    assert len(told) >= 6
    assert {name: left for name, left in told.items() if left} == {}


def test_fields_of_one_value_in_one_line_are_told_apart_by_the_name_before_them() -> None:
    asked = (("ASPECTS", "10"), ("pc-ASPECTS", "10"), ("Heart", "normal"), ("Lungs", "normal"))
    inputs = " ".join(f'{name}: <input value="{value}">' for name, value in asked)
    page = f'<section data-section-name="Findings"><p>{inputs}</section>'
    template = read_mrrt(page.encode(), "x").template
    section = next(one for one in new_sections(template, made.context()) if one.id == "findings")
    assert [str(mark.label) for mark in fields_of(section, template)] == [name for name, _ in asked]
