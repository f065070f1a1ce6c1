"""FHIR R4 Questionnaires in, as templates: groups become sections and lines, items become fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from teleread.model.errors import UsageError
from teleread.model.evidence import Code
from teleread.model.text import clean

from .mrrt_codes import Codes, slug
from .mrrt_parts import Break, Choice, Input, Page, PageSection, Token, Words
from .mrrt_read import MAX_BYTES, Imported, from_page

__all__ = ["read_questionnaire"]

MAX_DEPTH: Final = 20
MAX_ITEMS: Final = 5000

_INPUTS: Final = {
    "integer": "number",
    "decimal": "number",
    "quantity": "number",
    "date": "date",
    "dateTime": "date",
    "time": "time",
    "boolean": "checkbox",
    "string": "text",
    "url": "text",
    "text": "textarea",
    "choice": "select",
    "open-choice": "select",
}
_SYSTEMS: Final = {
    "http://loinc.org": "LN",
    "http://snomed.info/sct": "SCT",
    "http://radlex.org": "RADLEX",
    "http://www.radlex.org": "RADLEX",
    "http://unitsofmeasure.org": "UCUM",
}

Json = dict[str, Any]


def read_questionnaire(data: bytes, name: str) -> Imported:
    """Read a Questionnaire.

    Raises:
        UsageError: It is none, or larger than any template needs.
    """
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {MAX_BYTES // 1048576} MiB.", code="too-long")
    try:
        resource = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        resource = None
    if not isinstance(resource, dict) or resource.get("resourceType") != "Questionnaire":
        raise UsageError(f"{name} is not a FHIR Questionnaire.", code="no-template")
    reader = _Reader(name)
    page = Page(title=_words(resource, "title") or _words(resource, "name"))
    page.meta = {
        "dcterms.identifier": str(clean(resource.get("id") or page.title or name, limit=64)),
        "dcterms.language": str(clean(resource.get("language"), limit=20)),
        "dcterms.publisher": _words(resource, "publisher"),
        "dcterms.rights": _words(resource, "copyright"),
        "dcterms.date": str(clean(resource.get("version") or resource.get("date"), limit=40)),
    }
    page.sections = [reader.section(one) for one in _items(resource)]
    return from_page(page, reader.codes, name)


class _Reader:
    def __init__(self, name: str) -> None:
        self.codes = Codes()
        self._name = name
        self._count = 0
        self._label = ""
        """The section's, for an item that has none."""

    def section(self, item: Json) -> PageSection:
        """A section of an item at the top; one that is no group is a section with one field."""
        label = _words(item, "text").rstrip(": ")
        section = PageSection(
            id=slug(str(item.get("linkId") or label or "section")).lower(),
            name=label,
            required=item.get("required") is True,
            label=label,
        )
        self._label = label
        inner = _items(item) if item.get("type") == "group" else [{**item, "text": ""}]
        section.tokens = [token for one in inner for token in self._tokens(one, 1)]
        self._keep(section.id, item.get("code"))
        return section

    def _tokens(self, item: Json, depth: int) -> Iterator[Token]:
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_ITEMS:
            raise UsageError(f"{self._name} has more in it than a template needs.", code="too-long")
        label, kind = _words(item, "text"), str(item.get("type"))
        yield Break()
        if kind in {"group", "display"}:
            yield Words(label, kind == "group")
        elif kind in _INPUTS:
            key = f"item-{self._count}"
            self._keep(key, item.get("code"))
            if label:
                yield Words(label, True, key)
            yield self._input(item, kind, key)
        for one in _items(item):
            yield from self._tokens(one, depth + 1)
        yield Break()

    def _input(self, item: Json, kind: str, key: str) -> Input:
        shown = _INPUTS[kind]
        attributes = {"id": key, "name": slug(f"{item.get('linkId') or _words(item, 'text')}-{key}")}
        attributes["title"] = _words(item, "text") or self._label
        initial = [_answer(one) for one in item.get("initial") or [] if isinstance(one, dict)]
        if item.get("required") is True:
            attributes["data-field-completion-action"] = "PROHIBIT"
        if shown == "textarea":
            return Input("textarea", attributes, text=initial[0] if initial else "")
        if shown != "select":
            attributes["type"] = shown
            if shown == "checkbox":
                return Input("input", attributes)
            attributes["value"] = initial[0] if initial else ""
            return Input("input", attributes)
        if item.get("repeats") is True:
            attributes["multiple"] = ""
        options = [one for one in item.get("answerOption") or [] if isinstance(one, dict)]
        choices = [Choice("—")]
        for at, one in enumerate(options):
            option = f"{key}.{at}"
            picked = one.get("initialSelected") is True or _answer(one) in initial
            choices.append(Choice(_answer(one), option, picked))
            coding = one.get("valueCoding")
            self._keep(option, [coding] if isinstance(coding, dict) else None)
        return Input("select", attributes, choices)

    def _keep(self, key: str, codings: object) -> None:
        for one in codings if isinstance(codings, list) else []:
            value = clean(one.get("code"), limit=80) if isinstance(one, dict) else ""
            if not value:
                continue
            system = str(one.get("system") or "")
            scheme = _SYSTEMS.get(system.rstrip("/"), "99LOCAL")
            code = Code(clean(value), clean(scheme), clean(one.get("display"), limit=200))
            self.codes.table.setdefault(key, []).append(code)


def _items(item: Json) -> list[Json]:
    found = item.get("item")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _words(item: Json, key: str) -> str:
    value = item.get(key)
    return " ".join(clean(value, limit=400).split()) if isinstance(value, str) else ""


def _answer(one: Json) -> str:
    """The words of an answer, of whatever type it is."""
    for name, value in one.items():
        if not name.startswith("value"):
            continue
        if isinstance(value, dict):
            return str(clean(value.get("display") or value.get("code") or value.get("value"), limit=400))
        return str(clean(value, limit=400))
    return ""
