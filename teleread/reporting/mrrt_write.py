"""Templates out as IHE MRRT: an HTML page any reporting system can open, which reads back equal here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from teleread.model.evidence import Code
from teleread.model.report import FieldSpec, Section, SectionSpec, Template

from .drafting import fields_of
from .mrrt_page import read_page
from .mrrt_text import digest

__all__ = ["write_mrrt"]

_TYPES: Final = {
    "text": ("text", "TEXT"),
    "number": ("number", "NUMBER"),
    "date": ("date", "DATE"),
    "time": ("time", "TIME"),
    "flag": ("checkbox", "CHECKBOX"),
    "long-text": ("", "TEXTAREA"),
}
_SCHEMES: Final = (("RADLEX", "2.16.840.1.113883.6.256"), ("LN", "2.16.840.1.113883.6.1"))


def write_mrrt(template: Template) -> bytes:
    """The template as an MRRT page, UTF-8."""
    page = _page(template, {})
    # the digest of each section is of what a reader finds in it
    found = {one.own_id: digest(one) for one in read_page(page, template.id).sections}
    return _page(template, found).encode("utf-8")


def _page(template: Template, digests: dict[str, str]) -> str:
    sections = "\n".join(_section(template, one, digests.get(one.id, "")) for one in template.sections)
    return f"""<!DOCTYPE html>
<html lang="{_attribute(template.language or "en")}">
<head>
<title>{escape(template.title)}</title>
<meta charset="UTF-8">
{_meta(template)}
<script type="text/xml">
{_attributes(template)}
</script>
</head>
<body>
{sections}
</body>
</html>
"""


def _meta(template: Template) -> str:
    ages = f"{_age(template.min_age)}-{_age(template.max_age)}"
    rows = [
        ("dcterms.title", template.title),
        ("dcterms.identifier", template.id),
        ("dcterms.type", "IMAGE_REPORT_TEMPLATE"),
        ("dcterms.language", template.language),
        ("dcterms.subject", "".join(f"{one};" for one in template.modalities)),
        *((f"dcterms.{name}", value) for name, value in template.origin),
        ("teleread.version", template.version),
        ("teleread.modalities", "; ".join(template.modalities)),
        ("teleread.procedure-words", "; ".join(template.procedure_words)),
        ("teleread.procedure-codes", "; ".join(template.procedure_codes)),
        ("teleread.body-parts", "; ".join(template.body_parts)),
        ("teleread.hospitals", "; ".join(template.hospitals)),
        ("teleread.modules", "; ".join(template.modules)),
        ("teleread.sex", template.sex),
        ("teleread.ages", "" if ages == "-" else ages),
    ]
    return "\n".join(f'<meta name="{name}" content="{_attribute(value)}">' for name, value in rows if value)


def _age(age: int | None) -> str:
    return "" if age is None else str(age)


# -- coded content ------------------------------------------------------------------------------------


def _attributes(template: Template) -> str:
    schemes = "\n".join(
        f'<coding_scheme name="{name}" designator="{oid}"></coding_scheme>' for name, oid in _SCHEMES
    )
    entries = "\n".join(_entries(template))
    return f"""<template_attributes>
<top-level-flag>true</top-level-flag>
<status>ACTIVE</status>
<coded_content>
<coding_schemes>
{schemes}
</coding_schemes>
{entries}
</coded_content>
</template_attributes>"""


def _entries(template: Template) -> Iterator[str]:
    for section in template.sections:
        loinc = [Code(section.loinc, "LN", section.label)] if section.loinc else []  # type: ignore[arg-type]
        yield from _entry(section.id, [*loinc, *section.codes])
        for one in section.fields:
            yield from _entry(_field_id(section, one), [code for choice, code in one.codes if not choice])
            for at, choice in enumerate(one.choices):
                yield from _entry(
                    _option_id(section, one, at), [code for of, code in one.codes if of == choice]
                )


def _entry(name: str, codes: Sequence[Code]) -> Iterator[str]:
    for code in codes:
        meaning, value, scheme = (_attribute(part) for part in (code.meaning, code.value, code.scheme))
        yield (
            f'<entry origtxt="{_attribute(name)}"><term><code meaning="{meaning}" value="{value}" '
            f'scheme="{scheme}"></code></term></entry>'
        )


def _field_id(section: SectionSpec, one: FieldSpec) -> str:
    return f"{section.id}.{one.id}"


def _option_id(section: SectionSpec, one: FieldSpec, at: int) -> str:
    return f"{_field_id(section, one)}.option-{at + 1}"


# -- sections -----------------------------------------------------------------------------------------


def _section(template: Template, section: SectionSpec, told: str) -> str:
    own = {
        "data-teleread-id": section.id,
        "data-teleread-loinc": section.loinc,
        "data-teleread-text": section.text,
        "data-teleread-digest": told,
        "data-teleread-addendum": section.addendum,
    }
    extra = "".join(
        f' {name}="{_attribute(value)}"' for name, value in own.items() if value or name.endswith("loinc")
    )
    required = ' data-section-required="true"' if section.required else ""
    name = f'id="{_attribute(section.id)}" data-section-name="{_attribute(section.label)}"'
    return f"""<section {name}{required}{extra}>
<header class="level1">{escape(section.label)}</header>
{_body(template, section)}
</section>"""


def _body(template: Template, section: SectionSpec) -> str:
    """The text, a paragraph a line, with the fields where they stand; fields of no place come last."""
    as_written = Section(section.id, section.label, section.loinc, section.text)
    marks = {mark.start: mark for mark in fields_of(as_written, template)}
    by_id = {one.id: one for one in section.fields}
    shown: set[str] = set()
    out, at = "", 0
    text = str(section.text)
    for start, mark in marks.items():
        one = by_id.get(mark.id)
        if one is None or mark.id in shown:
            continue
        out += escape(text[at:start]) + _field(section, one)
        shown.add(mark.id)
        at = mark.end
    out += escape(text[at:])
    if not text and not section.fields:
        name = f"{_attribute(section.id)}.text"
        out = f'<textarea name="{name}" data-teleread-none data-field-type="TEXTAREA"></textarea>'
    lines = [f"<p>{line}</p>" for line in out.split("\n") if line.strip()]
    lines += [
        f"<p>{escape(one.label)}: {_field(section, one)}</p>" for one in section.fields if one.id not in shown
    ]
    return "\n".join(lines)


def _field(section: SectionSpec, one: FieldSpec) -> str:
    order = [spec.id for spec in section.fields].index(one.id)
    kind = one.kind or ("choice" if one.choices else "text")
    attributes = {
        "id": _field_id(section, one),
        "name": _field_id(section, one),
        "data-teleread-field": one.id,
        "data-teleread-order": str(order),
        "data-teleread-label": one.label,
        "data-teleread-kind": one.kind,
        "data-field-units": one.unit,
        "min": one.minimum,
        "max": one.maximum,
        "data-field-completion-action": one.action.upper(),
    }
    words = "".join(f' {name}="{_attribute(value)}"' for name, value in attributes.items() if value)
    if one.choices and one.default and one.default not in one.choices:
        name = f"{_attribute(_field_id(section, one))}.list"
        shown = _options(section, one)
        value = _attribute(one.default)
        return f'<input list="{name}" value="{value}"{words}><datalist id="{name}">{shown}</datalist>'
    if one.choices and kind != "flag":
        multiple = " multiple" if kind == "choices" else ""
        return f'<select data-field-type="SELECTION_LIST"{multiple}{words}>{_options(section, one)}</select>'
    html, told = _TYPES.get(kind, _TYPES["text"])
    if kind == "long-text":
        return f'<textarea data-field-type="TEXTAREA"{words}>{escape(one.default)}</textarea>'
    value = f' value="{_attribute(one.default)}"' if one.default else ""
    ticked = " checked" if kind == "flag" and one.default and one.default == one.choices[0] else ""
    return f'<input type="{html}" data-field-type="{told}"{words}{value}{ticked}>'


def _options(section: SectionSpec, one: FieldSpec) -> str:
    """The choices; a blank one comes first where nothing is chosen beforehand."""
    choices = list(one.choices)
    shown = "" if one.default else '<option value="">—</option>'
    for at, choice in enumerate(choices):
        picked = " selected" if choice == one.default else ""
        option = _option_id(section, one, at)
        shown += f'<option id="{_attribute(option)}"{picked}>{escape(choice)}</option>'
    return shown


def _attribute(text: str) -> str:
    return re.sub(r"[\n\r]", "&#10;", escape(text, quote=True))
