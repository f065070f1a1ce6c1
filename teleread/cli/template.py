"""`teleread template`: list or show report templates. No vault is needed."""

from __future__ import annotations

import argparse
from typing import Any

from teleread.cli.call import Call, subcommands
from teleread.model.errors import UsageError
from teleread.model.report import Template
from teleread.model.text import clean

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(parser, (("list", "every template"), ("show", "one template")))
    verbs["show"].add_argument("id", metavar="ID")


def run(call: Call) -> int:
    """Do the verb; list is the default."""
    from teleread.workstation.cases import all_templates

    templates, failed = all_templates(call.paths)
    for words in failed:
        call.out.note(words)
    if call.args.verb == "show":
        found = next((one for one in templates if one.id == call.args.id), None)
        if found is None:
            raise UsageError(
                f"There is no template “{clean(call.args.id, limit=64)}”.",
                remedy="teleread template list shows them.",
                code="no-template",
            )
        return _show(call, found)
    rows = [
        {"id": one.id, "version": one.version, "title": one.title, "modalities": list(one.modalities)}
        for one in templates
    ]
    call.out.document("templates", {"templates": rows})
    call.out.table(
        ("ID", "TITLE", "MODALITIES"), [(one.id, one.title, " ".join(one.modalities)) for one in templates]
    )
    return 0


def _show(call: Call, template: Template) -> int:
    sections: list[dict[str, Any]] = [
        {
            "id": one.id,
            "label": one.label,
            "loinc": one.loinc,
            "text": one.text,
            "required": one.required,
            "fields": [
                {
                    "id": spec.id,
                    "label": spec.label,
                    "choices": list(spec.choices),
                    "default": spec.default or None,
                }
                for spec in one.fields
            ],
        }
        for one in template.sections
    ]
    call.out.document(
        "template",
        {"id": template.id, "version": template.version, "title": template.title, "sections": sections},
    )
    call.out.say(f"{template.title} ({template.id} {template.version})")
    for one in template.sections:
        call.out.say(f"\n{one.label}\n{one.text}")
    return 0
