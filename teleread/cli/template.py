"""`teleread template`: list, show, import or export report templates. No vault is needed."""

from __future__ import annotations

import argparse
from typing import Any

from teleread.cli.call import Call, subcommands
from teleread.model.errors import ExitCode, UsageError
from teleread.model.report import Template
from teleread.model.text import clean

__all__ = ["arguments", "run"]

_VERBS = (
    ("list", "every template"),
    ("show", "one template"),
    ("import", "take MRRT, TOML or FHIR Questionnaire files into the profile"),
    ("export", "write a template to a file: MRRT, or TOML where PATH ends so"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(parser, _VERBS)
    for verb in ("show", "export"):
        verbs[verb].add_argument("id", metavar="ID")
    verbs["import"].add_argument("paths", nargs="+", metavar="PATH")
    verbs["export"].add_argument("--out", required=True, metavar="PATH")


def run(call: Call) -> int:
    """Do the verb; list is the default."""
    if call.args.verb == "import":
        return _import(call)
    from teleread.workstation.cases import all_templates

    templates, failed = all_templates(call.paths)
    for words in failed:
        call.out.note(words)
    if call.args.verb in {"show", "export"}:
        found = next((one for one in templates if one.id == call.args.id), None)
        if found is None:
            raise UsageError(
                f"There is no template “{clean(call.args.id, limit=64)}”.",
                remedy="teleread template list shows them.",
                code="no-template",
            )
        return _show(call, found) if call.args.verb == "show" else _export(call, found)
    rows = [
        {"id": one.id, "version": one.version, "title": one.title, "modalities": list(one.modalities)}
        for one in templates
    ]
    call.out.document("templates", {"templates": rows})
    call.out.table(
        ("ID", "TITLE", "MODALITIES"), [(one.id, one.title, " ".join(one.modalities)) for one in templates]
    )
    return 0


def _import(call: Call) -> int:
    from teleread.workstation.templates import import_templates

    taken = import_templates(call.paths, call.args.paths)
    rows = [
        {
            "path": str(one.path),
            "id": one.template.id if one.template else None,
            "title": one.template.title if one.template else None,
            "fields": sum(len(section.fields) for section in one.template.sections) if one.template else 0,
            "notes": list(one.notes),
            "why": one.why or None,
        }
        for one in taken
    ]
    call.out.document("template-import", {"templates": rows})
    for one in taken:
        if one.template is None:
            call.out.note(one.why)
            continue
        call.out.say(f"{one.template.id}: {one.template.title}. {' '.join(one.notes)}".strip())
    return int(ExitCode.DONE if all(one.template for one in taken) else ExitCode.ERROR)


def _export(call: Call, template: Template) -> int:
    from teleread.workstation.templates import export_template

    size, form = export_template(template, call.args.out)
    call.out.document("template-export", {"id": template.id, "format": form, "bytes": size})
    call.out.say(f"Written: {size} bytes of {form}.")
    return 0


def _show(call: Call, template: Template) -> int:
    sections: list[dict[str, Any]] = [
        {
            "id": one.id,
            "label": one.label,
            "loinc": one.loinc,
            "text": one.text,
            "required": one.required,
            "codes": [_code(code) for code in one.codes],
            "fields": [
                {
                    "id": spec.id,
                    "label": spec.label,
                    "kind": spec.kind or ("choice" if spec.choices else "text"),
                    "choices": list(spec.choices),
                    "default": spec.default or None,
                    "unit": spec.unit or None,
                    "minimum": spec.minimum or None,
                    "maximum": spec.maximum or None,
                    "action": spec.action or None,
                    "codes": [{"choice": choice or None, **_code(code)} for choice, code in spec.codes],
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


def _code(code: Any) -> dict[str, str]:
    return {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}
