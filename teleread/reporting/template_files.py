"""Templates as TOML files: read strictly, with words about what is wrong; written for people to edit."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from teleread.model.errors import UsageError
from teleread.model.evidence import Code
from teleread.model.report import SECTION_IDS, FieldSpec, SectionSpec, Template
from teleread.model.text import SafeText, clean

__all__ = ["ACTIONS", "KINDS", "MAX_BYTES", "MAX_FIELDS", "MAX_SECTIONS", "parse_template", "write_template"]

MAX_BYTES: Final = 1024 * 1024
MAX_SECTIONS: Final = 64
MAX_FIELDS: Final = 1000
"""Fields of one template."""
MAX_CHOICES: Final = 500
MAX_MODULES: Final = 16

KINDS: Final = ("text", "long-text", "number", "date", "time", "choice", "choices", "flag")
ACTIONS: Final = ("none", "alert", "prohibit")
_ORIGIN: Final = ("publisher", "creator", "contributor", "rights", "license", "date", "description", "source")


def parse_template(data: bytes, name: str) -> Template:
    """Read one template file.

    Raises:
        UsageError: It is no TOML, or something in it is missing or of the wrong kind.
    """
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES // 1024} KiB.")
        template = _template(tomllib.loads(data.decode("utf-8")))
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


def _template(table: Mapping[str, Any]) -> Template:
    sections = tuple(_section(one) for one in _tables(table, "section", MAX_SECTIONS))
    if sum(len(one.fields) for one in sections) > MAX_FIELDS:
        raise ValueError(f"it has more than {MAX_FIELDS} fields.")
    return Template(
        id=_word(table, "id"),
        version=_word(table, "version"),
        title=_text(table, "title"),
        sections=sections,
        modalities=tuple(one.upper() for one in _words(table, "modalities")),
        procedure_words=tuple(one.casefold() for one in _words(table, "procedure_words")),
        procedure_codes=tuple(one.upper() for one in _words(table, "procedure_codes")),
        sex=str(table.get("sex", "")).upper(),
        min_age=_age(table, "min_age"),
        max_age=_age(table, "max_age"),
        body_parts=tuple(one.casefold() for one in _words(table, "body_parts")),
        hospitals=tuple(one.casefold() for one in _words(table, "hospitals")),
        modules=tuple(_words(table, "modules")[:MAX_MODULES]),
        language=_language(table),
        origin=_origin(table),
    )


def _section(table: Mapping[str, Any]) -> SectionSpec:
    for key in ("text", "addendum"):
        if not isinstance(table.get(key, ""), str):
            raise TypeError("the text of a section is not a text.")
    return SectionSpec(
        id=_word(table, "id"),
        label=_text(table, "label"),
        loinc=_word(table, "loinc") if table.get("loinc") != "" else "",
        text=clean(table.get("text", "").strip("\n"), multiline=True),
        fields=tuple(_field(one) for one in _tables(table, "field", MAX_FIELDS)),
        required=table.get("required", False) is True,
        codes=tuple(_code(one) for one in _tables(table, "code", MAX_CHOICES)),
        addendum=clean(table.get("addendum", "").strip("\n"), multiline=True),
    )


def _field(table: Mapping[str, Any]) -> FieldSpec:
    choices = _words(table, "choices")
    if len(choices) > MAX_CHOICES:
        raise ValueError(f"a field has more than {MAX_CHOICES} choices.")
    return FieldSpec(
        id=_word(table, "id"),
        label=_text(table, "label"),
        choices=tuple(clean(one) for one in choices),
        default=clean(table.get("default", "")),
        kind=_one_of(table, "kind", KINDS),
        unit=str(clean(table.get("unit", ""), limit=40)),
        minimum=_decimal(table, "minimum"),
        maximum=_decimal(table, "maximum"),
        action=_one_of(table, "action", ACTIONS),
        codes=tuple(
            (clean(one.get("choice", "")), _code(one)) for one in _tables(table, "code", MAX_CHOICES)
        ),
    )


def _code(table: Mapping[str, Any]) -> Code:
    value, scheme = clean(table.get("value", ""), limit=80), clean(table.get("scheme", ""), limit=40)
    if not value or not scheme:
        raise ValueError("a code needs value and scheme.")
    return Code(value, scheme, clean(table.get("meaning", ""), limit=200))


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


def _one_of(table: Mapping[str, Any], key: str, known: Sequence[str]) -> str:
    value = table.get(key, "")
    if value and value not in known:
        raise ValueError(f"{key} is one of {', '.join(known)}.")
    return str(value)


def _decimal(table: Mapping[str, Any], key: str) -> str:
    value = str(table.get(key, ""))
    try:
        if value and not Decimal(value).is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise ValueError(f"{key} is not a number.") from None
    return value


def _language(table: Mapping[str, Any]) -> str:
    value = table.get("language", "")
    if not isinstance(value, str) or not re.fullmatch(r"([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?", value):
        raise ValueError("language is a tag like en-GB.")
    return value


def _origin(table: Mapping[str, Any]) -> tuple[tuple[str, SafeText], ...]:
    found = table.get("origin", {})
    if not isinstance(found, dict):
        raise TypeError("origin is not a table.")
    return tuple((name, clean(found[name], limit=2000)) for name in _ORIGIN if found.get(name))


# -- writing ------------------------------------------------------------------------------------------


def write_template(template: Template) -> bytes:
    """The template as a TOML file that reads back equal."""
    lines = [
        *_lines(
            {
                "id": template.id,
                "version": template.version,
                "title": template.title,
                "language": template.language,
                "modalities": template.modalities,
                "body_parts": template.body_parts,
                "procedure_words": template.procedure_words,
                "procedure_codes": template.procedure_codes,
                "sex": template.sex,
                "min_age": template.min_age,
                "max_age": template.max_age,
                "hospitals": template.hospitals,
                "modules": template.modules,
            }
        ),
    ]
    if template.origin:
        lines += ["", "[origin]", *_lines(dict(template.origin))]
    for section in template.sections:
        lines += ["", "[[section]]", *_section_lines(section)]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _section_lines(section: SectionSpec) -> list[str]:
    lines = [f"id = {_quoted(section.id)}", f"label = {_quoted(section.label)}"]
    lines += [f"loinc = {_quoted(section.loinc)}"]
    lines += _lines(
        {"required": section.required or None, "text": section.text, "addendum": section.addendum}
    )
    for code in section.codes:
        lines += ["", "[[section.code]]", *_lines(_code_table(code))]
    for one in section.fields:
        lines += ["", "[[section.field]]"]
        lines += _lines(
            {
                "id": one.id,
                "label": one.label,
                "kind": one.kind,
                "choices": one.choices,
                "default": one.default,
                "unit": one.unit,
                "minimum": one.minimum,
                "maximum": one.maximum,
                "action": one.action,
            }
        )
        for choice, code in one.codes:
            lines += ["", "[[section.field.code]]", *_lines({"choice": choice, **_code_table(code)})]
    return lines


def _code_table(code: Code) -> dict[str, str]:
    return {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in table.items() if value not in ("", (), None)]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_quoted(one) for one in value) + "]"
    if "\n" in value:
        return '"""\n' + _escaped(value).replace("\\n", "\n") + '"""'
    return _quoted(value)


def _quoted(text: str) -> str:
    return '"' + _escaped(text) + '"'


def _escaped(text: str) -> str:
    """The inside of a TOML basic string."""
    out = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return "".join(one if one >= " " and one != "\x7f" else f"\\u{ord(one):04X}" for one in out)
