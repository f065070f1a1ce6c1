"""Searching the demo hub: filters, sorting, paging, includes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from teleread.demo.fhir.outcome import RefusalError, issue, outcome
from teleread.demo.fhir.params import COMMON, PARAMS, Param, match_reference, match_token, values_at
from teleread.demo.fhir.store import Store, Stored

__all__ = ["matches", "search_bundle"]

PAGE = 50
"""Entries on a page where the client does not say."""
MAX_PAGE = 500
"""Most entries on a page, whatever the client says."""

_RESULT_WORDS = frozenset(
    {
        "_count",
        "_sort",
        "_include",
        "_revinclude",
        "_summary",
        "_total",
        "_elements",
        "_format",
        "_pretty",
        "_page",
    }
)
_SORTABLE = {
    "_lastUpdated": "meta.lastUpdated",
    "_id": "id",
    "authored-on": "authoredOn",
    "priority": "priority",
    "status": "status",
    "modified": "lastModified",
    "started": "started",
    "issued": "issued",
    "birthdate": "birthDate",
}

Query = list[tuple[str, str]]


@dataclass
class _Asked:
    """A query taken apart."""

    filters: Query = field(default_factory=list)
    include: Query = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def search_bundle(
    store: Store, kind: str, query: Query, base: str, *, strict: bool = False
) -> dict[str, Any]:
    """Answer a search with a searchset Bundle.

    Args:
        store: Where the resources lie.
        kind: Resource type.
        query: Names and values as sent, in order.
        base: Base URL of the hub, for the links.
        strict: Refuse unknown parameters instead of ignoring them in words.

    Raises:
        RefusalError: A value cannot be read, or a parameter is unknown and ``strict``.
    """
    asked = _take_apart(kind, query)
    if asked.unknown and strict:
        raise RefusalError(400, "not-supported", f"Unknown search parameter: {', '.join(asked.unknown)}.")
    with store.lock:
        found = [item for item in store.all(kind) if _fits(store, item, asked.filters)]
        bundle: dict[str, Any] = {
            "resourceType": "Bundle",
            "meta": {"lastUpdated": store.searched_at()},
            "type": "searchset",
            "total": len(found),
        }
        links = [{"relation": "self", "url": _url(base, kind, query)}]
        bundle["link"] = links
        if asked.words.get("_summary") == "count":
            return bundle
        page, token = _page(found, asked.words)
        if token:
            rest = [(name, value) for name, value in query if name != "_page"]
            links.append({"relation": "next", "url": _url(base, kind, [*rest, ("_page", token)])})
        entries = [_entry(base, item, "match") for item in page]
        entries += [_entry(base, item, "include") for item in _included(store, page, asked.include)]
    if asked.unknown:
        words = f"Ignored unknown search parameter: {', '.join(asked.unknown)}."
        entries.append(
            {"resource": outcome(issue("warning", "not-supported", words)), "search": {"mode": "outcome"}}
        )
    if entries:
        bundle["entry"] = entries
    return bundle


def matches(store: Store, kind: str, query: Query, extra: Iterable[Stored] = ()) -> list[Stored]:
    """What a condition (ifNoneExist, conditional update or reference) finds.

    Args:
        store: Where the resources lie.
        kind: Resource type.
        query: The condition's names and values.
        extra: Resources of the same transaction that are not stored yet.

    Raises:
        RefusalError: The condition is empty or names a parameter the hub does not know.
    """
    asked = _take_apart(kind, query)
    if not asked.filters or asked.unknown:
        raise RefusalError(400, "invalid", "The condition is empty or names an unknown search parameter.")
    candidates = {item.id: item for item in store.all(kind)}
    candidates.update({item.id: item for item in extra if item.type == kind})
    return [item for item in candidates.values() if _fits(store, item, asked.filters)]


def _take_apart(kind: str, query: Query) -> _Asked:
    asked = _Asked()
    for name, value in query:
        plain = name.split(":")[0].split(".")[0]
        if name in {"_include", "_include:iterate", "_revinclude"}:
            asked.include.append((name, value))
        elif name in _RESULT_WORDS:
            asked.words[name] = value
        elif plain in COMMON or plain in PARAMS[kind]:
            asked.filters.append((name, value))
        else:
            asked.unknown.append(name)
    return asked


def _param(kind: str, name: str) -> Param:
    param = PARAMS.get(kind, {}).get(name) or COMMON.get(name)
    if param is None:
        raise RefusalError(400, "not-supported", f"{kind} cannot be searched by {name}.")
    return param


def _fits(store: Store, item: Stored, filters: Query) -> bool:
    return all(_fits_one(store, item, name, value) for name, value in filters)


def _fits_one(store: Store, item: Stored, name: str, wanted: str) -> bool:
    if "." in name:
        return _fits_chain(store, item, name, wanted)
    plain, _, modifier = name.partition(":")
    param = _param(item.type, plain)
    values = param.values(item.body)
    if modifier == "missing":
        return (not values) == (wanted == "true")
    if modifier == "identifier":
        identifiers = [value.get("identifier") for value in values if isinstance(value, dict)]
        return any(match_token(value, want) for value in identifiers for want in wanted.split(","))
    if modifier in {"", "not", "exact", "contains"} or modifier in PARAMS:
        try:
            hit = any(param.match(value, want) for want in wanted.split(",") for value in values)
        except ValueError as error:
            raise RefusalError(400, "value", f"The value of {name} cannot be read.") from error
        return hit != (modifier == "not")
    raise RefusalError(400, "not-supported", f"The modifier :{modifier} is not supported.")


def _fits_chain(store: Store, item: Stored, name: str, wanted: str) -> bool:
    head, _, tail = name.partition(".")
    plain = head.split(":")[0]
    for value in _param(item.type, plain).values(item.body):
        kind, _, ident = (
            str(value.get("reference", "")).partition("/") if isinstance(value, dict) else ("", "", "")
        )
        target = store.read(kind, ident)
        if target is not None and _fits_one(store, target, tail, wanted):
            return True
    return False


def _page(found: list[Stored], words: dict[str, str]) -> tuple[list[Stored], str | None]:
    """One page, and the token of the next.

    The token is a place in the order, not a count: what moves meanwhile is not missed.
    """
    try:
        size = min(max(int(words.get("_count", PAGE)), 0), MAX_PAGE)
    except ValueError as error:
        raise RefusalError(400, "value", "_count is not a number.") from error
    name, down = _sort_of(words.get("_sort", "_lastUpdated"))
    path = _SORTABLE[name]

    def key(item: Stored) -> tuple[str, str]:
        values = values_at(item.body, path)
        return (str(values[0]) if values else "", item.id)

    found.sort(key=key, reverse=down)
    if "_page" in words:
        after = _after(words["_page"])
        found = [item for item in found if (key(item) < after if down else key(item) > after)]
    page = found[:size]
    more = len(found) > size and size > 0
    return page, _token(key(page[-1])) if more else None


def _sort_of(text: str) -> tuple[str, bool]:
    first = text.split(",")[0]
    name = first.removeprefix("-")
    if name not in _SORTABLE:
        raise RefusalError(400, "not-supported", f"Cannot sort by {name}.")
    return name, first.startswith("-")


def _token(key: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _after(token: str) -> tuple[str, str]:
    try:
        first, second = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError as error:
        raise RefusalError(400, "value", "The paging link is not one of this hub's.") from error
    return str(first), str(second)


def _included(store: Store, page: list[Stored], wishes: Query) -> list[Stored]:
    seen = {item.reference for item in page}
    added: list[Stored] = []
    for name, value in wishes:
        parts = value.split(":")
        if len(parts) < 2:
            raise RefusalError(400, "value", f"{name} needs Type:parameter.")
        sources = page + added if name.endswith(":iterate") else page
        found = (
            _pointing(store, sources, parts[0], parts[1])
            if name == "_revinclude"
            else _pointed(store, sources, parts[0], parts[1])
        )
        for item in found:
            if item.reference not in seen:
                seen.add(item.reference)
                added.append(item)
    return added


def _pointed(store: Store, sources: list[Stored], kind: str, name: str) -> list[Stored]:
    out = []
    for source in sources:
        if source.type != kind:
            continue
        for value in _param(kind, name).values(source.body):
            target_kind, _, ident = str(value.get("reference", "")).partition("/")
            target = store.read(target_kind, ident)
            if target is not None:
                out.append(target)
    return out


def _pointing(store: Store, targets: list[Stored], kind: str, name: str) -> list[Stored]:
    param = _param(kind, name)
    names = [item.reference for item in targets]
    return [
        item
        for item in store.all(kind)
        if any(match_reference(value, wanted) for value in param.values(item.body) for wanted in names)
    ]


def _entry(base: str, item: Stored, mode: str) -> dict[str, Any]:
    return {"fullUrl": f"{base}/{item.reference}", "resource": item.body, "search": {"mode": mode}}


def _url(base: str, kind: str, query: Query) -> str:
    return f"{base}/{kind}?{urlencode(query)}" if query else f"{base}/{kind}"
