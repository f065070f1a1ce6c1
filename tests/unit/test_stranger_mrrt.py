"""MRRT pages as other authors write them: labels round fields, nameless buttons, radreport.org's groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from teleread.model.report import FieldSpec, SectionSpec
from teleread.reporting.mrrt_read import read_mrrt
from teleread.reporting.mrrt_write import write_mrrt
from teleread.workstation import templates

PAGE = """<!DOCTYPE html><html><head><title>T</title><meta name="dcterms.title" content="T"/></head>
<body><section id="findings" class="level1" data-section-name="Findings"><header>Findings</header>
{}
</section></body></html>"""


def findings(body: str) -> SectionSpec:
    """The section of a page with this body, which also goes out and comes back equal."""
    template = read_mrrt(PAGE.format(body).encode(), "page.html").template
    assert read_mrrt(write_mrrt(template), "again.html").template == template
    [found] = [one for one in template.sections if one.id == "findings"]
    return found


def fields(body: str) -> dict[str, FieldSpec]:
    return {str(one.label): one for one in findings(body).fields}


CHIPS = """<div>
<label><span>Dose (mGy)</span><input type="number" id="dose" min="0"/></label>
<label><span>Quality <em>overall</em></span><select id="q"><option>good<option>poor</select></label>
<label class="chip"><input type="checkbox" id="ul_r"/><span>Upper lobe right</span></label>
<label class="chip"><input type="checkbox" id="ml_r" checked/><span>Middle lobe right</span></label>
<label class="chip"><input type="checkbox" id="ul_l" value="x"/><span>Upper lobe left</span></label>
<label><span>Largest node</span><input type="number" id="n1"/><div>longest diameter, mm</div></label>
<label><span>Second node</span><input type="number" id="n2"/><div>longest diameter, mm</div></label>
<label><span>Other</span><textarea id="o"></textarea></label></div>"""


def test_fields_inside_their_labels_keep_kind_and_name() -> None:
    """Boxes without a name had made every field of the page one of them, each under its neighbour's name."""
    found = {one.id: (str(one.label), one.kind) for one in findings(CHIPS).fields}
    assert found == {
        "dose": ("Dose (mGy)", "number"),
        "q": ("Quality overall", "choice"),
        "ul_r": ("Upper lobe right", "flag"),
        "ml_r": ("Middle lobe right", "flag"),
        "ul_l": ("Upper lobe left", "flag"),
        "n1": ("Largest node", "number"),
        "n2": ("Second node", "number"),
        "o": ("Other", "long-text"),
    }


def test_only_a_ticked_box_says_something() -> None:
    found = {one.id: one.default for one in findings(CHIPS).fields}
    assert (found["ul_r"], found["ml_r"], found["ul_l"]) == ("", "yes", "")


def test_a_box_and_the_bare_words_behind_it_are_one_field() -> None:
    section = findings('<p><input type=checkbox id=a value="Normal"> Normal lungs</p>')
    assert [str(one.label) for one in section.fields] == ["Normal lungs"]
    assert section.text == "Normal lungs: [~Normal lungs]"


@pytest.mark.parametrize("kind", ["checkbox", "radio"])
def test_a_group_of_buttons_as_radreport_writes_it(kind: str) -> None:
    """The span around them bears the name, the codes' id and the completion action."""
    section = findings(
        f"""<p><label for="B_1">Technique:</label>
        <span id="B_1" name="" data-field-type="{kind.upper()}" data-field-completion-action="PROHIBIT">
        <br /><input id="B_1_0" type="{kind}" name="B_1" value="With contrast." checked="">
        With contrast.</input>
        <br /><input id="B_1_1" type="{kind}" name="B_1" value="Without contrast.">Without contrast.</input>
        <br /><span><input id="B_1_2" type="{kind}" name="B_1" value="With oral" />
        <input id="B_1_2_FreeText" type="text" value="With oral" /></span></span></p>"""
    )
    group, beside = section.fields
    assert (group.label, group.action, group.default) == ("Technique", "prohibit", "With contrast.")
    assert group.choices == ("With contrast.", "Without contrast.", "With oral")
    assert (beside.label, beside.default) == ("With oral", "")
    assert "Without contrast" not in section.text, "what nobody ticked is no statement of the report"
    assert section.text.count("With contrast.") == 1


def test_a_button_whose_value_is_a_number_is_called_by_its_words() -> None:
    found = fields(
        """<p>Lungs: <label><input type=radio name=q value=1>clear</label>
        <label><input type=radio name=q value=2 checked>consolidated</label></p>
        <p>Heart: <input type=radio name=h value=0 checked>normal
        <input type=radio name=h value=1>large</p>"""
    )
    assert (found["Lungs"].choices, found["Lungs"].default) == (("clear", "consolidated"), "consolidated")
    assert (found["Heart"].choices, found["Heart"].default) == (("normal", "large"), "normal")


def test_buttons_without_a_name_are_each_their_own() -> None:
    found = fields(
        '<p>Left: <input type="radio" id="l" value="seen"></p><p>Right: <input type="radio" id="r"></p>'
    )
    assert {label: one.choices for label, one in found.items()} == {"Left": ("seen",), "Right": ("yes",)}


def test_a_page_saved_as_utf16_is_read(tmp_path: Path) -> None:
    """It had been called a broken TOML file."""
    page = PAGE.format('<p><label for="a">Größe</label><input id="a"></p>')
    for name in ("utf-16-le", "utf-16-be"):
        (tmp_path / "page.html").write_bytes(("\ufeff" + page).encode(name))
        template, _ = templates._template_in(tmp_path / "page.html", (tmp_path / "page.html").read_bytes())
        assert "Größe" in {str(one.label) for section in template.sections for one in section.fields}
