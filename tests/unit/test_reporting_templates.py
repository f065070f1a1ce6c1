"""Templates: the built-in ones, the reader's own, and which one suits an order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from teleread.model.errors import UsageError
from teleread.model.report import SECTION_IDS, Template
from teleread.model.text import clean
from teleread.reporting.drafting import fields_of, merge, new_sections, resolved, set_field, unresolved
from teleread.reporting.templates import (
    age_on,
    builtin_templates,
    choose,
    load_templates,
    parse_template,
    suggest,
)
from tests.unit import signing_cases as made

TODAY = date(2026, 11, 24)
LOINC = {
    "clinical-information": "55752-0",
    "technique": "55111-9",
    "comparison": "18834-2",
    "findings": "59776-5",
    "impression": "19005-8",
}


@pytest.mark.parametrize("template", builtin_templates(), ids=lambda one: one.id)
def test_every_builtin_template_has_the_five_sections_with_their_codes(template: Template) -> None:
    assert [one.id for one in template.sections] == list(SECTION_IDS)
    assert {one.id: one.loinc for one in template.sections} == LOINC
    assert {one.id for one in template.sections if one.required} == {"findings", "impression"}


@pytest.mark.parametrize("template", builtin_templates(), ids=lambda one: one.id)
def test_every_bracket_of_a_builtin_template_is_a_field_it_declares(template: Template) -> None:
    for section in new_sections(template, made.context()):
        spec = next(one for one in template.sections if one.id == section.id)
        marks = fields_of(section, template)
        assert section.text.count("[") == len(marks)
        assert [mark.id for mark in marks] == [one.id for one in spec.fields]
        for mark in marks:
            known = next(one for one in spec.fields if one.id == mark.id)
            assert mark.choices or known.kind == "number", mark
            assert mark.must or mark.text in mark.choices


@pytest.mark.parametrize("template", builtin_templates(), ids=lambda one: one.id)
def test_a_filled_builtin_template_keeps_no_bracket(template: Template) -> None:
    sections = new_sections(template, made.context())
    while left := unresolved(sections, template):
        mark = left[-1]
        assert mark.label, "a field that must be filled says what it asks for"
        section = next(one for one in sections if one.id == mark.section)
        filled = set_field(section.text, mark, (mark.choices or ("12",))[0])
        sections = merge(sections, {section.id: filled})
    assert "[" not in "".join(one.text for one in resolved(sections, template))


def test_twenty_five_examinations_and_more_have_a_template_that_says_its_language() -> None:
    templates = builtin_templates()
    assert len(templates) >= 26  # the fallback is none of them
    assert {one.language for one in templates} == {"en-GB"}
    assert len({one.title for one in templates}) == len(templates)
    answered = [one for one in templates if "[?" in one.sections[-1].text]
    assert len(answered) >= 20, "the conclusion begins with the answer to the question"


@pytest.mark.parametrize(
    ("procedure", "modality", "expected"),
    [
        ("XR chest PA", "CR", "chest-xray"),
        ("Chest X-ray", "DX", "chest-xray"),
        ("XR chest", "", "chest-xray"),
        ("CT head", "CT", "ct-head"),
        ("CT brain without contrast", "", "ct-head"),
        ("CT abdomen and pelvis with contrast", "CT", "ct-abdomen-pelvis"),
        ("CT abdomen with contrast", "CT", "ct-abdomen-pelvis"),
        ("CT chest, abdomen and pelvis", "CT", "ct-chest-abdomen-pelvis"),
        ("CT pulmonary angiogram", "CT", "ct-pulmonary-angiogram"),
        ("CTPA", "", "ct-pulmonary-angiogram"),
        ("CT urinary tract", "CT", "ct-urinary-tract"),
        ("CT KUB", "CT", "ct-urinary-tract"),
        ("CT colonography", "CT", "ct-colonography"),
        ("CT aorta", "CT", "ct-aortic-angiogram"),
        ("CT cervical spine", "CT", "ct-cervical-spine"),
        ("MRI brain", "MR", "mri-brain"),
        ("MRI head and internal auditory meatus", "MR", "mri-brain"),
        ("MRI whole spine", "MR", "mri-whole-spine"),
        ("MRI shoulder right", "MR", "mri-shoulder"),
        ("MRCP", "MR", "mri-mrcp"),
        ("US thyroid", "US", "us-neck-thyroid"),
        ("US renal tract", "US", "us-renal-tract"),
        ("US doppler leg veins left", "US", "us-leg-veins"),
        ("US carotid doppler", "US", "us-carotid"),
        ("US pelvis", "US", "us-pelvis-female"),
        ("XR abdomen", "CR", "abdominal-xray"),
        ("XR cervical spine", "DX", "spine-xray"),
        ("XR hip left", "DX", "pelvis-hip-xray"),
        ("XR pelvis", "DX", "pelvis-hip-xray"),
        ("Mammogram", "MG", "mammogram"),
        ("CT thorax", "CT", "ct-chest"),
        ("MRI knee left", "MR", "mri-knee"),
        ("MR Knee RIGHT", "MR", "mri-knee"),
        ("US abdomen", "US", "us-abdomen"),
        ("Ultrasound abdomen", "", "us-abdomen"),
        ("XR hand right", "CR", "limb-xray"),
        ("XR knee left", "CR", "limb-xray"),
        ("XR wrist left", "DX", "limb-xray"),
        ("MRI lumbar spine", "MR", "mri-lumbar-spine"),
        ("MRI liver", "MR", "general"),
        ("Barium swallow", "RF", "general"),
        ("", "", "general"),
    ],
)
def test_the_procedure_chooses_the_template(procedure: str, modality: str, expected: str) -> None:
    context = made.context(
        the_order=made.order(procedure=clean(procedure), procedure_code=clean(""), body_part=clean("")),
        the_study=made.ordered(modality=clean(modality), description=clean("")),
    )
    found = choose(builtin_templates(), context, TODAY)
    assert found.template.id == expected
    assert found.why


def test_a_procedure_code_wins_over_words() -> None:
    context = made.context(the_order=made.order(procedure=clean("CT head"), procedure_code=clean("ccapc")))
    own = replace(made.template("ct-abdomen-pelvis"), procedure_codes=("CCAPC",))
    found = choose([*builtin_templates(), replace(own, id="mine")], context, TODAY)
    assert found.template.id == "mine"
    assert "ccapc" in found.why


def test_the_fallback_is_always_offered_last() -> None:
    found = suggest(builtin_templates(), made.context(), TODAY)
    assert found[-1].template.id == "general"
    assert found[0].template.id == "ct-abdomen-pelvis"


@pytest.mark.parametrize(
    ("sex", "born", "fits"),
    [("F", "2020-01-01", True), ("M", "2020-01-01", False), ("F", "1979-03-14", False), ("F", "", False)],
)
def test_sex_and_age_narrow_the_choice(sex: str, born: str, fits: bool) -> None:
    child = replace(made.template(), id="child", sex="F", min_age=0, max_age=16)
    context = made.context(the_patient=made.patient(sex=clean(sex), birth_date=clean(born)))
    found = choose([child, *builtin_templates()], context, TODAY)
    assert (found.template.id == "child") is fits


@pytest.mark.parametrize(
    ("born", "age"),
    [("2000-11-24", 26), ("2000-11-25", 25), ("2000", 26), ("2000-12", 25), ("", None), ("unknown", None)],
)
def test_age_counts_whole_years(born: str, age: int | None) -> None:
    assert age_on(born, TODAY) == age


def test_own_templates_stand_in_place_of_builtin_ones_and_a_bad_file_costs_itself_only(
    tmp_path: Path,
) -> None:
    text = (Path(__file__).parents[2] / "teleread/reporting/builtin/ct-head.toml").read_text("utf-8")
    (tmp_path / "head.toml").write_text(text.replace('title = "CT head"', 'title = "My head"'), "utf-8")
    (tmp_path / "broken.toml").write_text("id = ", "utf-8")
    (tmp_path / "empty.toml").write_text('id = "x"\nversion = "1"\ntitle = "X"\n', "utf-8")
    (tmp_path / "notes.txt").write_text("not a template", "utf-8")
    loaded = load_templates(tmp_path)
    assert {one.id: one.title for one in loaded.templates}["ct-head"] == "My head"
    assert len(loaded.templates) == len(builtin_templates())
    assert [name for name, _ in loaded.failed] == ["broken.toml", "empty.toml"]
    assert all(why for _, why in loaded.failed)


@pytest.mark.parametrize(
    "change",
    [
        ('id = "ct-head"', 'id = "../../evil"'),
        ('id = "findings"', 'id = "technique"'),
        ("required = true", 'required = true\nfield = "x"'),
        ('version = "1"', "version = 1"),
        ('modalities = ["CT"]', "modalities = [1]"),
    ],
)
def test_a_template_of_the_wrong_shape_is_refused_in_words(change: tuple[str, str]) -> None:
    text = (Path(__file__).parents[2] / "teleread/reporting/builtin/ct-head.toml").read_text("utf-8")
    assert change[0] in text
    with pytest.raises(UsageError, match=r"bad\.toml is not a"):
        parse_template(text.replace(*change).encode(), "bad.toml")


def test_control_characters_in_a_template_are_dropped() -> None:
    text = (Path(__file__).parents[2] / "teleread/reporting/builtin/general.toml").read_text("utf-8")
    template = parse_template(text.replace("General report", "A\\u001b[31mB").encode(), "x.toml")
    assert template.title == "A[31mB"
