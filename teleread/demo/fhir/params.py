"""Search parameters of the demo hub: where a value lies, and how it is compared (FHIR R4, 3.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

__all__ = ["COMMON", "PARAMS", "SERVED", "Param", "date_range", "values_at"]


def values_at(body: Any, path: str) -> list[Any]:
    """What lies at a dotted path; lists on the way are walked through."""
    found = [body]
    for step in path.split("."):
        found = [
            inner
            for item in found
            if isinstance(item, dict) and step in item
            for inner in (item[step] if isinstance(item[step], list) else [item[step]])
        ]
    return found


def _token_pairs(value: Any) -> list[tuple[str | None, str]]:
    if isinstance(value, bool):
        return [(None, str(value).lower())]
    if isinstance(value, str):
        return [(None, value)]
    if not isinstance(value, dict):
        return []
    if "coding" in value or "text" in value:
        return [(coding.get("system"), str(coding.get("code", ""))) for coding in value.get("coding", [])]
    return [(value.get("system"), str(value.get("value", value.get("code", ""))))]


def match_token(value: Any, wanted: str) -> bool:
    """``code``, ``system|code``, ``|code`` and ``system|`` against a code, coding, concept or identifier."""
    system, bar, code = wanted.rpartition("|")
    for has_system, has_code in _token_pairs(value):
        if bar and (system or None) != has_system:
            continue
        if code in {"", has_code} and (code or bar):
            return True
    return False


def match_reference(value: Any, wanted: str) -> bool:
    """``id``, ``Type/id`` or an absolute URL that ends so."""
    if not isinstance(value, dict):
        return False
    reference = str(value.get("reference", ""))
    parts = wanted.rstrip("/").split("/")
    target = "/".join(parts[-2:])
    return reference == target if len(parts) > 1 else reference.endswith(f"/{wanted}")


def match_string(value: Any, wanted: str) -> bool:
    """The beginning of any part of a name or of a text, ignoring case."""
    fold = wanted.casefold()
    if isinstance(value, dict):
        parts: Iterable[Any] = [
            piece for part in value.values() for piece in (part if isinstance(part, list) else [part])
        ]
    else:
        parts = [value]
    return any(isinstance(part, str) and part.casefold().startswith(fold) for part in parts)


def date_range(text: str) -> tuple[datetime, datetime]:
    """The first and last moment a FHIR date, dateTime or instant can mean.

    Raises:
        ValueError: It is none of them.
    """
    if len(text) == 4:
        return _at(date(int(text), 1, 1)), _at(date(int(text) + 1, 1, 1)) - _TICK
    if len(text) == 7:
        year, month = int(text[:4]), int(text[5:])
        return _at(date(year, month, 1)), _at(date(year + month // 12, month % 12 + 1, 1)) - _TICK
    if len(text) == 10:
        day = _at(date.fromisoformat(text))
        return day, day + timedelta(days=1) - _TICK
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    span = timedelta(0) if "." in text else timedelta(seconds=1) - _TICK
    return moment.astimezone(UTC), moment.astimezone(UTC) + span


_TICK = timedelta(microseconds=1)


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


_Span = tuple[datetime, datetime]
_COMPARE: dict[str, Callable[[_Span, _Span], bool]] = {
    "eq": lambda has, want: want[0] <= has[0] and has[1] <= want[1],
    "ne": lambda has, want: not (want[0] <= has[0] and has[1] <= want[1]),
    "gt": lambda has, want: has[1] > want[1],
    "ge": lambda has, want: has[1] >= want[0],
    "lt": lambda has, want: has[0] < want[0],
    "le": lambda has, want: has[0] <= want[1],
    "sa": lambda has, want: has[0] > want[1],
    "eb": lambda has, want: has[1] < want[0],
    "ap": lambda has, want: has[1] >= want[0] - timedelta(days=1) and has[0] <= want[1] + timedelta(days=1),
}


def match_date(value: Any, wanted: str) -> bool:
    """A date, dateTime, instant or Period against ``ge2026-01-01`` and the like.

    Raises:
        ValueError: The wanted date cannot be read.
    """
    prefix = wanted[:2] if wanted[:2] in _COMPARE else "eq"
    want = date_range(wanted[2:] if wanted[:2] in _COMPARE else wanted)
    if isinstance(value, dict):
        first = date_range(value["start"])[0] if "start" in value else datetime.min.replace(tzinfo=UTC)
        last = date_range(value["end"])[1] if "end" in value else datetime.max.replace(tzinfo=UTC)
        return _COMPARE[prefix]((first, last), want)
    return _COMPARE[prefix](date_range(str(value)), want)


@dataclass(frozen=True)
class Param:
    """One search parameter."""

    paths: tuple[str, ...]
    """Dotted paths; the value may lie at any of them."""
    match: Callable[[Any, str], bool]
    """How a value found is compared with the one asked for."""

    def values(self, body: dict[str, Any]) -> list[Any]:
        """Every value the resource has for it."""
        return [value for path in self.paths for value in values_at(body, path)]


def _token(*paths: str) -> Param:
    return Param(paths, match_token)


def _reference(*paths: str) -> Param:
    return Param(paths, match_reference)


def _date(*paths: str) -> Param:
    return Param(paths, match_date)


def _string(*paths: str) -> Param:
    return Param(paths, match_string)


COMMON: dict[str, Param] = {
    "_id": _token("id"),
    "_lastUpdated": _date("meta.lastUpdated"),
    "_tag": _token("meta.tag"),
    "identifier": _token("identifier"),
}

PARAMS: dict[str, dict[str, Param]] = {
    "Task": {
        "status": _token("status"),
        "business-status": _token("businessStatus"),
        "intent": _token("intent"),
        "priority": _token("priority"),
        "code": _token("code"),
        "group-identifier": _token("groupIdentifier"),
        "based-on": _reference("basedOn"),
        "focus": _reference("focus"),
        "patient": _reference("for"),
        "subject": _reference("for"),
        "owner": _reference("owner"),
        "requester": _reference("requester"),
        "part-of": _reference("partOf"),
        "authored-on": _date("authoredOn"),
        "modified": _date("lastModified"),
        "period": _date("executionPeriod"),
    },
    "ServiceRequest": {
        "status": _token("status"),
        "priority": _token("priority"),
        "code": _token("code"),
        "patient": _reference("subject"),
        "subject": _reference("subject"),
        "requester": _reference("requester"),
        "authored": _date("authoredOn"),
    },
    "Patient": {
        "name": _string("name"),
        "family": _string("name.family"),
        "given": _string("name.given"),
        "birthdate": _date("birthDate"),
        "gender": _token("gender"),
        "active": _token("active"),
    },
    "ImagingStudy": {
        "status": _token("status"),
        "modality": _token("modality"),
        "patient": _reference("subject"),
        "subject": _reference("subject"),
        "basedon": _reference("basedOn"),
        "endpoint": _reference("endpoint"),
        "series": _token("series.uid"),
        "instance": _token("series.instance.uid"),
        "started": _date("started"),
    },
    "DiagnosticReport": {
        "status": _token("status"),
        "code": _token("code"),
        "category": _token("category"),
        "patient": _reference("subject"),
        "subject": _reference("subject"),
        "based-on": _reference("basedOn"),
        "results-interpreter": _reference("resultsInterpreter"),
        "performer": _reference("performer"),
        "issued": _date("issued"),
        "date": _date("effectiveDateTime", "effectivePeriod"),
    },
    "Provenance": {
        "target": _reference("target"),
        "agent": _reference("agent.who"),
        "recorded": _date("recorded"),
        "entity": _reference("entity.what"),
    },
    "Communication": {
        "status": _token("status"),
        "patient": _reference("subject"),
        "subject": _reference("subject"),
        "based-on": _reference("basedOn"),
        "part-of": _reference("partOf"),
        "sent": _date("sent"),
    },
    "AuditEvent": {
        "date": _date("recorded"),
        "agent": _reference("agent.who"),
        "entity": _reference("entity.what"),
    },
    "Practitioner": {"name": _string("name"), "family": _string("name.family"), "active": _token("active")},
    "Organization": {"name": _string("name"), "active": _token("active")},
    "Endpoint": {"status": _token("status"), "connection-type": _token("connectionType")},
    "Device": {"status": _token("status")},
    "DocumentReference": {
        "status": _token("status"),
        "patient": _reference("subject"),
        "subject": _reference("subject"),
    },
}
"""What is served, and what it can be searched by besides `COMMON`."""

SERVED = frozenset(PARAMS)
"""Resource types the hub keeps."""
