"""MRRT templates come in whole, go out and come back equal; nothing is executed, nothing fetched."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from teleread.host.paths import Home
from teleread.model.errors import UsageError
from teleread.model.report import SECTION_IDS, FieldSpec, Template
from teleread.model.text import clean
from teleread.reporting.drafting import (
    addendum_sections,
    fields_of,
    new_sections,
    resolved,
    set_field,
    unresolved,
)
from teleread.reporting.mrrt_read import read_mrrt
from teleread.reporting.mrrt_write import write_mrrt
from teleread.reporting.questionnaire import read_questionnaire
from teleread.reporting.template_files import parse_template, write_template
from teleread.reporting.templates import builtin_templates, choose, load_templates
from tests.unit import signing_cases as made

PAGE = (Path(__file__).parents[1] / "data" / "templates" / "untidy.html").read_text("utf-8")


def test_an_untidy_page_comes_in_whole() -> None:
    found = read_mrrt(PAGE.encode(), "x.html")
    template = found.template
    assert (template.id, template.title, template.language) == ("http-example.org-t-1", "CT Test", "de")
    assert template.modalities == ("CT",)
    assert {one.id for one in template.sections} >= set(SECTION_IDS)
    findings = next(one for one in template.sections if one.id == "findings")
    assert (findings.loinc, findings.label, findings.required) == ("59776-5", "Befund", True)
    by_label = {str(one.label): one for one in findings.fields}
    stone = by_label["Stein"]
    assert (stone.choices, stone.default, stone.action) == (("links", "rechts"), "", "prohibit")
    assert [(choice, code.value, code.scheme) for choice, code in stone.codes] == [
        ("", "RID5235", "RADLEX"),
        ("rechts", "RID5825", "RADLEX"),
    ]
    assert [code.value for code in findings.codes] == ["64033007"]
    size = by_label["Größe"]
    assert (size.kind, size.unit, size.minimum, size.maximum) == ("number", "mm", "0.5", "20")
    assert size.action == "alert"
    assert (by_label["Art"].choices, by_label["Art"].default) == (("Kalk", "Urat"), "Kalk")
    assert (by_label["Bewertung"].choices, by_label["Bewertung"].default) == (("gut", "schlecht"), "gut")
    assert by_label["Ödem"].kind == "flag"
    assert by_label["Seite"].default == "", "a side is never taken by itself"
    assert findings.text.split("\n") == [
        "Stein: [?Stein]",
        "Größe: [?Größe] mm",
        "Text: [~Text]",
        "Art: [Kalk]",
        "Seite: [~Seite]",
        "Bewertung: [gut]",
        "Ödem: [~Ödem]",
    ]
    assert template.sections[-1].text == "Kein Stein."


def test_scripts_and_links_are_left_out_and_told() -> None:
    found = read_mrrt(PAGE.encode(), "x.html")
    assert any("script" in note for note in found.notes)
    assert any("link" in note for note in found.notes)
    assert "evil" not in repr(found.template)


def test_what_was_left_empty_goes_with_its_line_and_what_was_filled_stays() -> None:
    template = read_mrrt(PAGE.encode(), "x.html").template
    sections = new_sections(template, made.context())
    findings = next(one for one in sections if one.id == "findings")
    assert [mark.label for mark in unresolved([findings], template)] == ["Stein", "Größe"]
    text = str(findings.text)
    for label, value in (("Größe", "4"), ("Stein", "rechts")):
        mark = next(one for one in fields_of(made.section("findings", text), template) if one.label == label)
        text = set_field(text, mark, value)
    (done,) = resolved([made.section("findings", text)], template)
    assert done.text == "Stein: rechts\nGröße: 4 mm\nArt: Kalk\nBewertung: gut"


def same(template: Template) -> None:
    assert read_mrrt(write_mrrt(template), "x").template == template
    assert parse_template(write_template(template), "x") == template


def test_it_goes_out_and_comes_back_equal() -> None:
    same(read_mrrt(PAGE.encode(), "x.html").template)


@pytest.mark.parametrize("template", builtin_templates(), ids=lambda one: one.id)
def test_every_builtin_template_goes_out_and_comes_back_equal(template: Template) -> None:
    same(template)


def test_a_page_of_ours_that_was_edited_is_read_as_it_stands() -> None:
    template = next(one for one in builtin_templates() if one.id == "ct-head")
    page = write_mrrt(template).decode()
    edited = page.replace("Haemorrhage: ", "Bleeding: ", 1)
    assert edited != page
    found = read_mrrt(edited.encode(), "x").template
    assert "Bleeding:" in next(one for one in found.sections if one.id == "findings").text


def test_the_templates_of_other_origin_come_in_with_all_their_fields(shared_data: Path) -> None:
    counts = {}
    for path in sorted((shared_data / "reports" / "templates-de").glob("*.html")):
        text = path.read_text("utf-8")
        template = read_mrrt(text.encode(), path.name).template
        same(template)
        fields = [one for section in template.sections for one in section.fields]
        counts[path.name] = len(fields)
        assert len(fields) == _expected_fields(text)
        actions = [one for one in ("ALERT", "PROHIBIT") if f'completion-action="{one}"' in text]
        assert {one.action.upper() for one in fields if one.action} == set(actions)
        codes = {str(code.value) for one in fields for _, code in one.codes}
        codes |= {str(code.value) for one in template.sections for code in one.codes}
        codes |= {one.loinc for one in template.sections}
        assert codes >= _expected_codes(text)
    assert len(counts) >= 4


def _expected_fields(text: str) -> int:
    """Counted another way: every select, textarea and input, a radio group as one."""
    import re

    body = text[text.index("<body") :]
    radios = set(re.findall(r'<input type="radio" name="([^"]+)"', body))
    inputs = [one for one in re.findall(r"<input[^>]*>", body) if 'type="radio"' not in one]
    boxes = [re.search(r'name="([^"]+)"', one) for one in inputs if 'type="checkbox"' in one]
    named = [one[1] for one in boxes if one]
    extra = len(named) - len(set(named))
    return body.count("<select") + body.count("<textarea") + len(inputs) - extra + len(radios)


def _expected_codes(text: str) -> set[str]:
    import re

    return {re.sub(r".*(RID\d+).*", r"\1", one) for one in re.findall(r'<code[^>]*value="([^"]+)"', text)}


def test_questionnaires_come_in_too(shared_data: Path) -> None:
    found = 0
    for path in sorted((shared_data / "reports" / "templates-de").glob("*.json")):
        data = path.read_bytes()
        template = read_questionnaire(data, path.name).template
        same(template)

        def leaves(item: dict[str, object]) -> int:
            inner = item.get("item") or []
            assert isinstance(inner, list)
            own = item.get("type") not in {"group", "display"}
            return own + sum(leaves(one) for one in inner)

        expected = sum(leaves(one) for one in json.loads(data)["item"])
        assert sum(len(one.fields) for one in template.sections) == expected
        found += 1
    assert found >= 2


# -- bad input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html></html>",
        b"just words",
        b"\xff\xfe\x00",
        b"<section>" * 300,
        b"<section>" + b"<input>" * 60_000,
        b"<section>" + b"<input name='a'>" * 1_500,
        b"<section>" + b"<div>" * 5_000,
        b"".join(b"<section id=s%d><p>x</p></section>" % one for one in range(200)),
        b"<" * 200_000,
        b"x" * (3 * 1024 * 1024),
    ],
    ids=lambda one: f"{len(one)}-{one[:12]!r}",
)
def test_what_is_no_template_or_too_much_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(UsageError) as told:
        read_mrrt(data, "bad.html")
    assert "bad.html" in str(told.value)


def test_a_page_cut_anywhere_is_read_or_refused_and_never_breaks() -> None:
    data = PAGE.encode()
    for end in range(0, len(data), 37):
        with contextlib.suppress(UsageError):
            same(read_mrrt(data[:end], "cut.html").template)


def test_control_characters_and_brackets_of_a_page_drive_nothing() -> None:
    inner = "<p>A\x1b[31m [?Trap] [normal] <input name='b[0]'></p>"
    page = f"<section data-section-name='Findings'>{inner}</section>"
    template = read_mrrt(page.encode(), "x").template
    section = next(one for one in template.sections if one.id == "findings")
    assert "\x1b" not in section.text
    assert [one.label for one in fields_of(made.section("findings", section.text), template)] == ["B(0)"]


@pytest.mark.parametrize("data", [b"{}", b"[]", b"{", b'{"resourceType": "Patient"}', b"[" * 100_000])
def test_other_json_is_no_questionnaire(data: bytes) -> None:
    with pytest.raises(UsageError, match="not a FHIR Questionnaire"):
        read_questionnaire(data, "q.json")


def test_a_questionnaire_nested_too_deep_is_refused() -> None:
    item: dict[str, object] = {"type": "string", "text": "x"}
    for _ in range(50):
        item = {"type": "group", "text": "g", "item": [item]}
    data = json.dumps({"resourceType": "Questionnaire", "title": "q", "item": [item]}).encode()
    with pytest.raises(UsageError, match="more in it"):
        read_questionnaire(data, "q.json")


# -- modules, narrowing, addenda ------------------------------------------------------------------------


def write(folder: Path, name: str, **changes: str) -> None:
    text = write_template(next(one for one in builtin_templates() if one.id == "general")).decode()
    text = text.replace('id = "general"', f'id = "{name}"', 1)
    text = text.replace('title = "General report"', f'title = "{name}"\n' + "\n".join(changes.values()), 1)
    (folder / f"{name}.toml").write_text(text, "utf-8")


def test_modules_are_put_after_and_a_circle_is_told(tmp_path: Path) -> None:
    write(tmp_path, "one", modules='modules = ["two"]', words='procedure_words = ["zebra"]')
    write(tmp_path, "two", modules='modules = ["ct-head"]')
    write(tmp_path, "round", modules='modules = ["trip"]')
    write(tmp_path, "trip", modules='modules = ["round"]')
    write(tmp_path, "lost", modules='modules = ["nowhere"]')
    loaded = load_templates(tmp_path)
    by_id = {one.id: one for one in loaded.templates}
    findings = next(one for one in by_id["one"].sections if one.id == "findings")
    assert "Haemorrhage: [?Haemorrhage]" in findings.text
    assert {"round", "trip", "lost"} == {name for name, _ in loaded.failed}
    assert "round > trip > round" in dict(loaded.failed)["round"]
    assert "nowhere" in dict(loaded.failed)["lost"]


def test_hospital_and_part_of_the_body_narrow_the_choice_and_say_so(tmp_path: Path) -> None:
    from datetime import date

    write(
        tmp_path,
        "northgate-abdomen",
        where='hospitals = ["northgate"]\nbody_parts = ["abdomen"]',
        words='procedure_words = ["abdomen"]',
    )
    templates = load_templates(tmp_path).templates
    here = made.context(requester=clean("Northgate Hospital"))
    found = choose(templates, here, date(2026, 11, 24))
    assert found.template.id == "northgate-abdomen", found.why
    assert "fits the hospital" in found.why
    elsewhere = made.context(
        the_order=made.order(requester=clean("Southgate")), requester=clean("Southgate Hospital")
    )
    assert choose(templates, elsewhere, date(2026, 11, 24)).template.id == "ct-abdomen-pelvis"


def test_an_addendum_starts_with_the_templates_words_for_addenda() -> None:
    text = write_template(next(one for one in builtin_templates() if one.id == "general")).decode()
    text = text.replace('id = "findings"', 'id = "findings"\naddendum = "In addition: [?Finding]"')
    template = parse_template(text.encode(), "x")
    (words,) = [one.text for one in addendum_sections(template) if one.text]
    assert words == "In addition: [?Finding]"


def test_the_order_and_the_study_can_be_asked_for() -> None:
    text = write_template(next(one for one in builtin_templates() if one.id == "general")).decode()
    asked = "{procedure}; {body_part}; {accession}; {requester}; {modality}; {images}; {examined}"
    template = parse_template(text.replace('text = "{procedure}."', f'text = "{asked}"').encode(), "x")
    said = next(one.text for one in new_sections(template, made.context()) if one.id == "technique")
    assert said == "CT abdomen with contrast; abdomen; NG26-40522; Northgate, ward 7; CT; 2; 24 Nov 2026"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ('kind = "song"', "kind is one of"),
        ('action = "explode"', "action is one of"),
        ('minimum = "low"', "minimum is not a number"),
        ('choices = ["' + '", "'.join(map(str, range(600))) + '"]', "choices"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_in_words(change: str, why: str) -> None:
    text = write_template(next(one for one in builtin_templates() if one.id == "general")).decode()
    text += f'\n[[section.field]]\nid = "x"\nlabel = "X"\n{change}\n'
    with pytest.raises(UsageError, match=why):
        parse_template(text.encode(), "bad.toml")


# -- the command line -----------------------------------------------------------------------------------


def test_files_come_into_the_profile_and_one_bad_file_costs_itself_only(tmp_path: Path) -> None:
    from teleread.workstation.templates import export_template, import_templates

    paths = Home.find({"TELEREAD_HOME": str(tmp_path / "home")}).profile()
    (tmp_path / "page.html").write_text(PAGE, "utf-8")
    (tmp_path / "bad.html").write_text("nothing", "utf-8")
    taken = import_templates(
        paths, [str(tmp_path / "page.html"), str(tmp_path / "bad.html"), "/no/such/file"]
    )
    assert [bool(one.template) for one in taken] == [True, False, False]
    assert all(one.why for one in taken[1:])
    loaded = load_templates(paths.config / "templates")
    kept = next(one for one in loaded.templates if one.id == "http-example.org-t-1")
    assert kept == taken[0].template
    for name in ("out.html", "out.toml"):
        export_template(kept, str(tmp_path / name))
    assert read_mrrt((tmp_path / "out.html").read_bytes(), "x").template == kept
    with pytest.raises(UsageError, match="can't take a file"):
        export_template(kept, str(tmp_path / "no" / "x.html"))


def test_a_template_of_sixty_fields_opens_at_once() -> None:
    fields = tuple(FieldSpec(f"f{one}", clean(f"Field {one}"), (clean("a"),)) for one in range(60))
    template = next(one for one in builtin_templates() if one.id == "general")
    from dataclasses import replace

    text = clean("\n".join(f"Field {one}: [?Field {one}]" for one in range(60)), multiline=True)
    sections = tuple(
        replace(one, text=text, fields=fields) if one.id == "findings" else one for one in template.sections
    )
    big = replace(template, sections=sections)
    assert len(unresolved(new_sections(big, made.context()), big)) == 60
