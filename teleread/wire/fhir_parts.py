"""Small pieces of FHIR R4 JSON, read tolerantly: what is missing or of the wrong kind is simply not there.

Nothing here does I/O, and nothing raises on a document that parsed as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from teleread.model.text import EMPTY, SafeText, clean

__all__ = [
    "accessions",
    "codeable_code",
    "codeable_words",
    "codings",
    "count",
    "is_record_number",
    "items",
    "logical_id",
    "obj",
    "reference",
    "version_of",
    "when",
    "words",
]

_PARTIAL = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$")
_WORDS = 1024
_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"


def obj(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list; an object alone counts as a list of one."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def words(value: Any, *, limit: int = _WORDS, multiline: bool = False) -> SafeText:
    """A text, cleaned; empty for anything that is no text."""
    if not isinstance(value, str):
        return EMPTY
    cleaned = clean(value, multiline=multiline, limit=limit)
    return clean(cleaned.strip(), multiline=multiline, limit=limit)


def count(value: Any) -> int | None:
    """A count; None where there is none or it makes no sense."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10_000_000:
        return None
    return value


def when(value: Any) -> datetime | None:
    """A FHIR date, dateTime or instant in UTC: UTC where it has no zone, its start where it is partial."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    partial = _PARTIAL.match(value)
    try:
        if partial:
            year, month, day = (int(part or 1) for part in partial.groups())
            return datetime(year, month, day, tzinfo=UTC)
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def version_of(resource: dict[str, Any]) -> SafeText:
    """The version id; empty where the server keeps none."""
    return words(obj(resource.get("meta")).get("versionId"), limit=64)


def codings(concept: Any) -> Iterator[dict[str, Any]]:
    """The codings of a CodeableConcept."""
    yield from items(obj(concept).get("coding"))


def codeable_words(concept: Any) -> SafeText:
    """A CodeableConcept as a person reads it: its text, else the first display, else the first code."""
    text = words(obj(concept).get("text"))
    if text:
        return text
    for key in ("display", "code"):
        for coding in codings(concept):
            text = words(coding.get(key))
            if text:
                return text
    return EMPTY


def codeable_code(concept: Any) -> SafeText:
    """The first code of a CodeableConcept."""
    return next((code for one in codings(concept) if (code := words(one.get("code"), limit=128))), EMPTY)


def reference(value: Any) -> SafeText:
    """What a Reference points to, the same however the server writes it.

    ``https://hub/fhir/Patient/7/_history/2`` and ``Patient/7`` both give ``Patient/7``; a logical reference
    gives ``system|value``; anything else gives the empty text.
    """
    given = obj(value)
    literal = words(given.get("reference"), limit=512)
    if literal:
        parts = literal.split("/_history/")[0].rstrip("/").split("/")
        if len(parts) >= 2 and parts[-2][:1].isupper():
            return clean("/".join(parts[-2:]))
        return literal if literal.startswith(("urn:", "#")) else EMPTY
    identifier = obj(given.get("identifier"))
    number = words(identifier.get("value"), limit=256)
    return clean(f"{words(identifier.get('system'), limit=256)}|{number}") if number else EMPTY


def logical_id(value: Any, kind: str) -> str:
    """The logical id in a Reference to that kind of resource; empty where it is none."""
    target = reference(value)
    head, slash, tail = target.partition("/")
    return tail if slash and head == kind else ""


def accessions(resource: dict[str, Any]) -> tuple[SafeText, ...]:
    """Accession numbers: identifiers of type ACSN, else those whose system says accession."""
    typed: list[SafeText] = []
    named: list[SafeText] = []
    for one in items(resource.get("identifier")):
        number = words(one.get("value"), limit=64)
        if not number:
            continue
        if any(coding.get("code") == "ACSN" for coding in codings(one.get("type"))):
            typed.append(number)
        elif "accession" in words(one.get("system")).lower():
            named.append(number)
    return tuple(dict.fromkeys(typed or named))


def is_record_number(identifier: dict[str, Any]) -> bool:
    """Whether an identifier is typed as a medical record number (HL7 v2 table 0203, ``MR``)."""
    return any(
        coding.get("code") == "MR" and coding.get("system") in {_TYPES, None, ""}
        for coding in codings(identifier.get("type"))
    )
