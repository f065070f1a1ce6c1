"""Fields nobody filled: what the template says of each decides whether it blocks, warns or may stay empty."""

from __future__ import annotations

from dataclasses import replace

import pytest

from teleread.model.report import FieldSpec, Section, SectionSpec, Template
from teleread.model.text import clean
from teleread.reporting.checks import run
from tests.unit import signing_cases as made


def fired(text: str, **fields: str) -> list[tuple[str, str]]:
    """(rule, severity) for a findings text, with fields of these completion actions."""
    specs = tuple(FieldSpec(name, clean(name), action=action) for name, action in fields.items())
    template = Template(
        "t", "1", clean("T"), (SectionSpec("findings", clean("Findings"), "59776-5", fields=specs),)
    )
    draft = made.draft()
    sections = tuple(
        Section("findings", one.label, one.loinc, clean(text, multiline=True))
        if one.id == "findings"
        else one
        for one in made.draft(impression="Normal.", technique="CT.").sections
    )
    context = made.context()
    found = run(
        replace(draft, sections=sections),
        context,
        made.study(),
        made.instances(),
        made.match(context),
        template,
    )
    return [(one.id, one.severity) for one in found if one.id in {"unresolved-field", "field-empty"}]


@pytest.mark.parametrize(
    ("text", "action", "expected"),
    [
        ("Size: [?Size].", "", [("unresolved-field", "block")]),
        ("Size: [?Size].", "prohibit", [("unresolved-field", "block")]),
        ("Size: [?Size].", "alert", [("field-empty", "warn")]),
        ("Size: [~Size].", "prohibit", [("unresolved-field", "block")]),
        ("Size: [~Size].", "alert", [("field-empty", "warn")]),
        ("Size: [~Size].", "none", []),
        ("Size: [~Size].", "", []),
        ("Size: 12 mm.", "prohibit", []),
        ("Size: ___", "", [("unresolved-field", "block")]),
    ],
)
def test_the_completion_action_decides(text: str, action: str, expected: list[tuple[str, str]]) -> None:
    assert fired(text, Size=action) == expected


def test_a_field_the_template_does_not_know_must_be_filled() -> None:
    assert fired("[?Something else]", Size="none") == [("unresolved-field", "block")]
