"""The draft's text: how it starts, its fields, and how changes go into it. Pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from teleread.model.errors import UsageError
from teleread.model.report import FieldSpec, Section, SectionSpec, Template
from teleread.model.study import InstanceInfo
from teleread.model.task import PriorStudy, TaskContext
from teleread.model.text import EMPTY, SafeText, clean

__all__ = [
    "FieldMark",
    "addendum_sections",
    "fields_of",
    "merge",
    "new_sections",
    "next_field",
    "relevant_prior",
    "resolved",
    "set_field",
    "shown_day",
    "study_digest",
    "unresolved",
]

_FIELD: Final = re.compile(r"\[(\?)?([^\[\]\n]{1,400})\]")
_MUST: Final = re.compile(r"\[\?\s*([^\[\]\n]{1,400})\]|\[\s*\?\s*\]|_{3,}")
"""A place that must be filled: ``[?Label]``, and the blanks that pasted text brings along."""
_MAY: Final = re.compile(r"\[~\s*([^\[\]\n]{1,400})\]")
"""A place that may be filled: ``[~Label]``; left empty it goes at signing, with a line of nothing else."""


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class FieldMark:
    """A field where it stands in a section's text."""

    section: str
    start: int
    """Offset of its opening bracket, characters."""
    end: int
    """Offset after its closing bracket."""
    text: SafeText
    """What stands in it; empty where it must be filled."""
    must: bool
    """It must be filled before signing."""
    label: SafeText = EMPTY
    choices: tuple[SafeText, ...] = ()
    id: str = ""
    """Field id of the template; empty where the template does not know it."""


# -- starting -----------------------------------------------------------------------------------------


def new_sections(template: Template, context: TaskContext) -> tuple[Section, ...]:
    """The sections a new draft starts with: the order's question, the technique, what to compare with."""
    prior = relevant_prior(context)
    words = {
        **_merged(context),
        "{priors}": _named(prior) if prior else _nothing(context),
    }
    out = []
    for spec in template.sections:
        text = str(spec.text)
        for name, value in words.items():
            text = text.replace(name, value)
        if spec.id == "clinical-information" and not text:
            # brackets of the order's own words are no fields
            text = context.order.question.replace("[", "(").replace("]", ")")
        out.append(Section(spec.id, spec.label, spec.loinc, clean(text, multiline=True)))
    return tuple(out)


def _merged(context: TaskContext) -> dict[str, str]:
    """What a template may ask of the order and the study, by its name in braces."""
    order, study = context.order, context.study
    started = order.occurrence or (study.started if study else None)
    words = {
        "procedure": order.procedure or "Examination",
        "body_part": order.body_part,
        "side": order.laterality.lower(),
        "question": order.question,
        "accession": order.accession,
        "requester": order.requester,
        "modality": study.modality if study else "",
        "study": study.description if study else "",
        "images": str(study.instances) if study and study.instances else "",
        "examined": f"{started.day} {_MONTHS[started.month - 1]} {started.year}" if started else "",
    }
    # brackets of the order's own words are no fields
    return {f"{{{name}}}": value.replace("[", "(").replace("]", ")") for name, value in words.items()}


def addendum_sections(template: Template) -> tuple[Section, ...]:
    """The sections of an addendum draft: the same ids, with the template's words for addenda alone."""
    return tuple(Section(spec.id, spec.label, spec.loinc, spec.addendum) for spec in template.sections)


def relevant_prior(context: TaskContext) -> PriorStudy | None:
    """The newest earlier study of the same modality and a shared word of the body part, if any."""
    study = context.study
    modality = study.modality if study else ""
    said = _content_words(context.order.procedure, context.order.body_part)
    own = study.study_uid if study else ""
    fit = [
        one
        for one in context.priors
        if one.study_uid != own
        and (not modality or one.modality == modality)
        and (not said or said & _content_words(one.description))
    ]
    return max(fit, key=lambda one: one.started.timestamp() if one.started else 0.0, default=None)


_EMPTY_WORDS: Final = frozenset(
    {
        "ct",
        "mr",
        "mri",
        "us",
        "xr",
        "xray",
        "x",
        "ray",
        "cr",
        "dx",
        "and",
        "of",
        "with",
        "without",
        "contrast",
    }
    | {"the", "plain", "study", "scan", "left", "right", "both"}
)
"""Words that say nothing about the part of the body."""


def _content_words(*texts: str) -> set[str]:
    return {word for text in texts for word in re.findall(r"[a-z]+", text.casefold())} - _EMPTY_WORDS


def _nothing(context: TaskContext) -> SafeText:
    # "None" is a statement about the patient; where nobody asked the hub, only the report can be spoken of.
    return clean("No earlier study was available." if context.priors_at is None else "None.")


def _named(prior: PriorStudy) -> SafeText:
    what = prior.description or prior.modality or "Earlier study"
    return clean(f"{what} of {shown_day(prior)}.")


def shown_day(prior: PriorStudy) -> str:
    """``3 May 2026``; words where the hub does not say."""
    if prior.started is None:
        return "an unknown date"
    return f"{prior.started.day} {_MONTHS[prior.started.month - 1]} {prior.started.year}"


def study_digest(instances: Iterable[InstanceInfo]) -> str:
    """SHA-256 over the held SOP Instance UIDs, sorted; empty where none are held."""
    uids = sorted({one.sop_uid for one in instances})
    return hashlib.sha256("\n".join(uids).encode("ascii", "replace")).hexdigest() if uids else ""


# -- fields -------------------------------------------------------------------------------------------


def fields_of(section: Section, template: Template | None = None) -> tuple[FieldMark, ...]:
    """Fields in a section's text, in order: those to fill, and those of the template."""
    spec = _spec(template, section.id)
    marks = [
        FieldMark(section.id, one.start(), one.end(), EMPTY, True, clean((one.group(1) or "").strip()))
        for one in _MUST.finditer(section.text)
    ]
    marks += [
        FieldMark(section.id, one.start(), one.end(), EMPTY, False, clean(one.group(1).strip()))
        for one in _MAY.finditer(section.text)
    ]
    marks = [_described(mark, _by_label(spec, mark.label)) for mark in marks]
    for one in _FIELD.finditer(section.text):
        known = None if one.group(1) else _by_value(spec, one.group(2), section.text[: one.start()])
        if known is not None:
            mark = FieldMark(section.id, one.start(), one.end(), clean(one.group(2)), False)
            marks.append(_described(mark, known))
    return tuple(sorted(marks, key=lambda mark: mark.start))


def unresolved(sections: Iterable[Section], template: Template | None = None) -> tuple[FieldMark, ...]:
    """Fields that must still be filled, in the order of the report."""
    return tuple(mark for section in sections for mark in fields_of(section, template) if mark.must)


def next_field(
    sections: Sequence[Section],
    section_id: str,
    offset: int,
    *,
    backwards: bool = False,
    template: Template | None = None,
    must_only: bool = False,
) -> FieldMark | None:
    """The field after (or before) a place, going round once; None where there is none.

    Args:
        sections: The draft's sections.
        section_id: Section the cursor is in.
        offset: Place of the cursor in that section's text, characters.
        backwards: Look for the one before.
        template: Tells which bracketed texts are fields.
        must_only: Only those to be filled.
    """
    order = {section.id: index for index, section in enumerate(sections)}
    marks = [
        mark for section in sections for mark in fields_of(section, template) if mark.must or not must_only
    ]
    if not marks:
        return None
    here = (order.get(section_id, 0), offset)
    if backwards:
        before = [mark for mark in marks if (order[mark.section], mark.end) <= here]
        return before[-1] if before else marks[-1]
    return next((mark for mark in marks if (order[mark.section], mark.start) > here), marks[0])


def set_field(text: str, mark: FieldMark, value: str) -> SafeText:
    """Put a value into a field.

    A value the template offers keeps its brackets, so that it can be changed again; they go at signing.
    """
    chosen = clean(value)
    put = f"[{chosen}]" if chosen in mark.choices else chosen
    return clean(text[: mark.start] + put + text[mark.end :], multiline=True)


def _described(mark: FieldMark, spec: FieldSpec | None) -> FieldMark:
    if spec is None:
        return mark
    choices = spec.choices or ((spec.default,) if spec.default else ())
    return replace(mark, id=spec.id, label=spec.label, choices=choices)


def _spec(template: Template | None, section_id: str) -> SectionSpec | None:
    return next((one for one in template.sections if one.id == section_id), None) if template else None


def _by_label(spec: SectionSpec | None, label: str) -> FieldSpec | None:
    folded = label.casefold()
    fields = spec.fields if spec else ()
    return next((one for one in fields if one.label.casefold() == folded), None)


def _by_value(spec: SectionSpec | None, value: str, before: str) -> FieldSpec | None:
    """The field a bracketed text belongs to: one that offers it; of several, the one named last before it.

    Where names end at the same place the longest is meant: ``pc-ASPECT-Score``, not ``ASPECT-Score``.
    """
    fits = [one for one in (spec.fields if spec else ()) if value in one.choices or value == one.default]
    line = before[before.rfind("\n") + 1 :].casefold()

    def nearness(one: FieldSpec) -> tuple[int, int]:
        label = one.label.casefold()
        at = line.rfind(label)
        return (at + len(label), len(label)) if at >= 0 else (-1, 0)

    return max(fits, key=nearness, default=None)


# -- changing -----------------------------------------------------------------------------------------


def merge(sections: Sequence[Section], texts: Mapping[str, str]) -> tuple[Section, ...]:
    """Put changed texts into sections.

    Raises:
        UsageError: A text names a section the draft does not have.
    """
    known = {section.id for section in sections}
    strange = [name for name in texts if name not in known]
    if strange:
        raise UsageError(
            f"This draft has no section “{clean(strange[0], limit=60)}”.",
            remedy=f"Its sections are {', '.join(section.id for section in sections)}.",
        )
    return tuple(
        replace(section, text=clean(texts[section.id], multiline=True)) if section.id in texts else section
        for section in sections
    )


def resolved(sections: Iterable[Section], template: Template | None) -> tuple[Section, ...]:
    """The sections as they will be signed: the brackets of the template's fields are gone."""
    out = []
    for section in sections:
        text = _without_blank_lines(str(section.text))
        for mark in reversed(fields_of(replace(section, text=clean(text, multiline=True)), template)):
            if not mark.must:
                text = text[: mark.start] + mark.text + text[mark.end :]
        lines = [line.rstrip() for line in text.strip().split("\n")]
        out.append(replace(section, text=clean("\n".join(lines), multiline=True)))
    return tuple(out)


def _without_blank_lines(text: str) -> str:
    """The text without the lines in which there is nothing but captions of fields left empty."""
    return "\n".join(line for line in text.split("\n") if not _all_blank(line))


def _all_blank(line: str) -> bool:
    pieces = _MAY.split(line)[::2]
    captions, tail = pieces[:-1], pieces[-1]
    if not captions or "[" in "".join(pieces):
        return False
    return all(one.rstrip().endswith(":") for one in captions) and len(tail.strip()) <= 12
