"""Templates: plain sectioned TOML files, built in or the reader's own, and which one suits an order."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from teleread.model.errors import UsageError
from teleread.model.report import SECTION_IDS, FieldSpec, SectionSpec, Template
from teleread.model.task import TaskContext
from teleread.model.text import SafeText, clean

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

MAX_BYTES: Final = 256 * 1024
MAX_SECTIONS: Final = 32
MAX_FIELDS: Final = 400
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
    return Loaded(tuple(table.values()), tuple(failed))


def parse_template(data: bytes, name: str) -> Template:
    """Read one template file.

    Raises:
        UsageError: It is no TOML, or something in it is missing or of the wrong kind.
    """
    try:
        table = tomllib.loads(data.decode("utf-8"))
        sections = _tables(table, "section", MAX_SECTIONS)
        template = Template(
            id=_word(table, "id"),
            version=_word(table, "version"),
            title=_text(table, "title"),
            sections=tuple(_section(one) for one in sections),
            modalities=tuple(one.upper() for one in _words(table, "modalities")),
            procedure_words=tuple(one.casefold() for one in _words(table, "procedure_words")),
            procedure_codes=tuple(one.upper() for one in _words(table, "procedure_codes")),
            sex=str(table.get("sex", "")).upper(),
            min_age=_age(table, "min_age"),
            max_age=_age(table, "max_age"),
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{name} is not a TOML file: {clean(error, limit=200)}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{name} is not a template: {clean(error.args[0] if error.args else error)}"
        ) from None
    ids = [one.id for one in template.sections]
    missing = [one for one in SECTION_IDS if one not in ids]
    if missing or len(set(ids)) != len(ids):
        raise UsageError(
            f"{name} is not a template: "
            + (f"it has no section {', '.join(missing)}." if missing else "it names a section twice.")
        )
    return template


def _section(table: Mapping[str, Any]) -> SectionSpec:
    text = table.get("text", "")
    if not isinstance(text, str):
        raise TypeError("the text of a section is not a text.")
    return SectionSpec(
        id=_word(table, "id"),
        label=_text(table, "label"),
        loinc=_word(table, "loinc"),
        text=clean(text.strip("\n"), multiline=True),
        fields=tuple(_field(one) for one in _tables(table, "field", MAX_FIELDS)),
        required=table.get("required", False) is True,
    )


def _field(table: Mapping[str, Any]) -> FieldSpec:
    return FieldSpec(
        id=_word(table, "id"),
        label=_text(table, "label"),
        choices=tuple(clean(one) for one in _words(table, "choices")),
        default=clean(table.get("default", "")),
    )


def _tables(table: Mapping[str, Any], key: str, most: int) -> list[Mapping[str, Any]]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found) or len(found) > most:
        raise TypeError(f"its {key} entries are not a list of at most {most} tables.")
    return found


def _word(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise ValueError(f"it needs {key}, of letters, digits, dots and hyphens.")
    return value


def _text(table: Mapping[str, Any], key: str) -> SafeText:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"it needs {key}.")
    return clean(value.strip(), limit=200)


def _words(table: Mapping[str, Any], key: str) -> list[str]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise TypeError(f"its {key} is not a list of texts.")
    return found


def _age(table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"its {key} is not a whole number of years.")
    return value


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
    score = 10 * len(words) + bool(modality) + 2 * (bool(template.sex) + (template.min_age is not None))
    return Suggestion(template, score, clean(f"{modality or 'procedure'}, says {', '.join(words)}"))


def _suits(template: Template, context: TaskContext, modality: str, on: date) -> bool:
    if template.modalities and modality and not set(modality.upper().split("\\")) & set(template.modalities):
        return False
    if template.sex and template.sex != context.patient.sex:
        return False
    if template.min_age is None and template.max_age is None:
        return True
    age = age_on(context.patient.birth_date, on)
    return age is not None and (template.min_age or 0) <= age <= (template.max_age or 200)


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
