"""Templates: plain sectioned TOML files, built in or the reader's own, and which one suits an order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

from teleread.model.errors import UsageError
from teleread.model.report import SectionSpec, Template
from teleread.model.task import TaskContext
from teleread.model.text import SafeText, clean

from .template_files import MAX_BYTES, MAX_FIELDS, parse_template

__all__ = [
    "FALLBACK",
    "Loaded",
    "Suggestion",
    "age_on",
    "builtin_templates",
    "choose",
    "load_templates",
    "parse_template",
    "suggest",
]

FALLBACK: Final = "general"
"""The template that suits every procedure."""

MAX_FILES: Final = 2000


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a look at the template folders gave."""

    templates: tuple[Template, ...]
    """Built-in ones first; the reader's own of the same id stand in their place."""
    failed: tuple[tuple[str, SafeText], ...] = ()
    """(file name, why) of files that could not be used."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A template that suits an order."""

    template: Template
    score: int
    why: SafeText
    """Words for the reader: ``procedure says abdomen, pelvis``."""


@lru_cache(maxsize=1)
def builtin_templates() -> tuple[Template, ...]:
    """The templates that come with teleread, by id."""
    folder = resources.files("teleread.reporting") / "builtin"
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    return tuple(parse_template(one.read_bytes(), one.name) for one in files)


def load_templates(folder: Path | None = None) -> Loaded:
    """The built-in templates and those in a profile's folder; one bad file costs itself only."""
    table = {one.id: one for one in builtin_templates()}
    failed: list[tuple[str, SafeText]] = []
    if folder is not None and folder.is_dir():
        for path in sorted(folder.glob("*.toml"))[:MAX_FILES]:
            try:
                if path.stat().st_size > MAX_BYTES:
                    raise UsageError(f"It is larger than {MAX_BYTES // 1024} KiB.")
                template = parse_template(path.read_bytes(), path.name)
            except (OSError, UsageError) as error:
                failed.append((clean(path.name), clean(error)))
                continue
            table[template.id] = template
    whole = []
    for template in table.values():
        try:
            whole.append(_expanded(template, table))
        except UsageError as error:
            failed.append((clean(template.id), clean(error)))
    return Loaded(tuple(whole), tuple(failed))


def _expanded(template: Template, table: Mapping[str, Template], above: tuple[str, ...] = ()) -> Template:
    """The template with its modules' sections put after its own.

    Raises:
        UsageError: A module is not there, or leads back to itself.
    """
    if not template.modules:
        return template
    chain = (*above, template.id)
    sections = {one.id: one for one in template.sections}
    for name in template.modules:
        if name in chain:
            raise UsageError(f"Its modules go round: {' > '.join((*chain, name))}.")
        module = table.get(name)
        if module is None:
            raise UsageError(f"Its module “{clean(name, limit=64)}” is not there.")
        for section in _expanded(module, table, chain).sections:
            sections[section.id] = _joined(sections.get(section.id), section, name)
    if sum(len(one.fields) for one in sections.values()) > MAX_FIELDS:
        raise UsageError(f"With its modules it has more than {MAX_FIELDS} fields.")
    return replace(template, sections=tuple(sections.values()))


def _joined(before: SectionSpec | None, after: SectionSpec, module: str) -> SectionSpec:
    """A module's section after the one of the same id; clashing field ids get the module's name."""
    if before is None:
        return after
    taken = {one.id for one in before.fields}
    fields = [replace(one, id=f"{module}.{one.id}") if one.id in taken else one for one in after.fields]
    text = "\n".join(one for one in (before.text, after.text) if one)
    return replace(
        before,
        text=clean(text, multiline=True),
        fields=(*before.fields, *fields),
        required=before.required or after.required,
    )


# -- choosing -----------------------------------------------------------------------------------------

_MODALITY_WORDS: Final = {
    "ct": "CT",
    "ctpa": "CT",
    "cta": "CT",
    "mr": "MR",
    "mri": "MR",
    "mra": "MR",
    "us": "US",
    "uss": "US",
    "ultrasound": "US",
    "xr": "CR",
    "cxr": "CR",
    "radiograph": "CR",
    "ray": "CR",
    "mammogram": "MG",
}


def choose(templates: Iterable[Template], context: TaskContext, on: date) -> Suggestion:
    """The template that suits an order best, with the reason.

    Args:
        templates: Those to choose from.
        context: The order, patient and study.
        on: The day the patient's age is counted to.

    Raises:
        UsageError: Not even the fallback is among them.
    """
    found = suggest(templates, context, on)
    if not found:
        raise UsageError("There is no template to start from.", remedy="Restore the one called general.")
    return found[0]


def suggest(templates: Iterable[Template], context: TaskContext, on: date) -> tuple[Suggestion, ...]:
    """Every template that suits an order, best first; the fallback is always the last."""
    found = [one for one in (_score(template, context, on) for template in templates) if one]
    return tuple(sorted(found, key=lambda one: (-one.score, one.template.id)))


def _score(template: Template, context: TaskContext, on: date) -> Suggestion | None:
    if template.id == FALLBACK:
        return Suggestion(template, 0, clean("it suits every procedure"))
    order = context.order
    said = _spoken(order.procedure, order.body_part, context.study.description if context.study else "")
    modality = (context.study.modality if context.study else "") or _modality_of(said)
    if not _suits(template, context, modality, on):
        return None
    if order.procedure_code and order.procedure_code.upper() in template.procedure_codes:
        return Suggestion(template, 1000, clean(f"procedure code {order.procedure_code}"))
    words = [entry for entry in template.procedure_words if set(entry.split()) <= said]
    if not words:
        return None
    narrow = [name for name, given in _narrowed(template) if given]
    score = 10 * sum(len(one.split()) for one in words) + bool(modality) + 2 * len(narrow)
    score += _SITE if template.hospitals else 0
    why = f"{modality or 'procedure'}, says {', '.join(words)}"
    return Suggestion(template, score, clean("; ".join([why, *(f"fits the {one}" for one in narrow)])))


_SITE: Final = 2000
"""What a site made for itself goes before what suits the procedure code anywhere."""


def _narrowed(template: Template) -> tuple[tuple[str, bool], ...]:
    """What narrows a template's use, besides its words."""
    return (
        ("sex", bool(template.sex)),
        ("age", template.min_age is not None or template.max_age is not None),
        ("part of the body", bool(template.body_parts)),
        ("hospital", bool(template.hospitals)),
    )


def _suits(template: Template, context: TaskContext, modality: str, on: date) -> bool:
    if template.modalities and modality and not set(modality.upper().split("\\")) & set(template.modalities):
        return False
    if template.sex and template.sex != context.patient.sex:
        return False
    order = context.order
    if template.body_parts and not _named(template.body_parts, order.body_part, order.procedure):
        return False
    if template.hospitals and not _named(template.hospitals, context.task.requester, order.requester):
        return False
    if template.min_age is None and template.max_age is None:
        return True
    age = age_on(context.patient.birth_date, on)
    return age is not None and (template.min_age or 0) <= age <= (template.max_age or 200)


def _named(words: Iterable[str], *texts: str) -> bool:
    said = _spoken(*texts)
    return any(set(one.split()) <= said for one in words)


def _spoken(*texts: str) -> set[str]:
    return {word for text in texts for word in re.findall(r"[a-z0-9]+", text.casefold())}


def _modality_of(words: set[str]) -> str:
    return next((code for word, code in _MODALITY_WORDS.items() if word in words), "")


def age_on(birth_date: str, on: date) -> int | None:
    """Whole years from an ISO 8601 date, possibly partial, to a day; None where it is unknown."""
    found = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", birth_date.strip())
    if found is None:
        return None
    year, month, day = (int(part) if part else 1 for part in found.groups())
    return on.year - year - ((on.month, on.day) < (month, day))
