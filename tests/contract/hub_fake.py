"""A tiny FHIR server in memory, as an httpx transport, that can be made odd, slow, forgetful and cut."""

from __future__ import annotations

import copy
import itertools
import json
import random
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx

BASE = "https://fake.example/fhir"

Resource = dict[str, Any]


@dataclass
class Quirks:
    """How this server differs from the book."""

    absolute: bool = False
    """References come back absolute."""
    includes: bool = True
    id_search: bool = True
    etags: bool = True
    compares: bool = True
    """If-Match is looked at."""
    meta_versions: bool = True
    last_updated: bool = True
    outcome_entries: bool = False
    page_size: int = 50
    relative_next: bool = False
    minimal: bool = False
    """PUT answers without a body."""
    bundle_time: bool = False
    """Searches tell when they were made (Bundle.meta.lastUpdated)."""
    show_location: bool = True
    """Transactions tell where the report went."""


@dataclass
class FakeHub(httpx.BaseTransport):
    """The server. `faults` says what happens to the next requests."""

    quirks: Quirks = field(default_factory=Quirks)
    now: datetime = datetime(2026, 11, 24, 4, 0, 0, tzinfo=UTC)
    faults: deque[str] = field(default_factory=deque)
    """``lose``: done, but no answer; ``drop``: not done, no answer; ``500``, ``503``, ``401``: refused;
    ``500-done``: done and refused; ``cut``: done, half a body; ``offline``: no connection; ``-``: none."""
    only_writes: bool = False
    """Faults meet writes alone."""
    asked: list[str] = field(default_factory=list)
    seed: int | None = None
    chance: float = 0.0
    store: dict[tuple[str, str], Resource] = field(default_factory=dict)
    before_write: list[Callable[[FakeHub], None]] = field(default_factory=list)
    """Each is called once, just before a write is done: somebody else was quicker."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(100))
    _dice: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        if self.seed is not None:
            self._dice = random.Random(self.seed)

    # What tests see and do

    def put(self, resource: Resource) -> Resource:
        """Store a resource with the next version."""
        key = (resource["resourceType"], resource["id"])
        version = int(self.store[key]["meta"]["versionId"]) + 1 if key in self.store else 1
        self.now += timedelta(seconds=1)
        kept = copy.deepcopy(resource)
        kept["meta"] = {"versionId": str(version), "lastUpdated": self.now.isoformat()}
        self.store[key] = kept
        return kept

    def get(self, kind: str, ident: str) -> Resource:
        """A resource as it stands."""
        return self.store[kind, ident]

    def edit(self, kind: str, ident: str, **changes: Any) -> None:
        """What somebody else does; None takes an element away."""
        resource = {**self.store[kind, ident], **changes}
        self.put({key: value for key, value in resource.items() if value is not None})

    def all(self, kind: str) -> list[Resource]:
        """Every resource of a type."""
        return [one for (of, _), one in self.store.items() if of == kind]

    # The wire

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        write = request.method != "GET"
        fault = self._fault(write)
        self.now += timedelta(milliseconds=10)
        if fault == "offline":
            raise httpx.ConnectError("refused", request=request)
        if fault == "drop":
            raise httpx.ReadTimeout("slow", request=request)
        if fault in {"500", "503", "401"}:
            return self._answer(int(fault), _outcome("not now"))
        answer = self._answered(request)
        if fault == "lose":
            raise httpx.ReadTimeout("slow", request=request)
        if fault == "500-done":
            return self._answer(500, _outcome("it fell over afterwards"))
        if fault == "cut":
            body = b"".join(iter(answer.stream))  # type: ignore[arg-type]
            return httpx.Response(answer.status_code, stream=httpx.ByteStream(body[: len(body) // 2] or b"{"))
        return answer

    def _fault(self, write: bool) -> str:
        if self.only_writes and not write:
            return ""
        if self.faults:
            return self.faults.popleft()
        if self.chance and self._dice.random() < self.chance:
            kinds = ["offline", "drop", "500", "503", "cut", "lose"]
            return self._dice.choice([*kinds, "500-done"] if write else kinds)
        return ""

    def _answered(self, request: httpx.Request) -> httpx.Response:
        path = unquote(request.url.path).removeprefix("/fhir").strip("/").split("/")
        try:
            if request.method != "GET" and self.before_write:
                self.before_write.pop(0)(self)
            if request.method == "GET":
                if path == ["metadata"]:
                    return self._answer(200, self._metadata())
                if len(path) == 2:
                    return self._read(path[0], path[1])
                return self._search(path[0], parse_qsl(request.url.query.decode()))
            body = json.loads(request.read())
            if request.method == "PUT" and len(path) == 2:
                return self._update(path, body, request.headers.get("if-match", ""))
            if request.method == "POST" and path == [""]:
                return self._transaction(body)
        except _Refusal as refusal:
            return self._answer(refusal.status, _outcome(str(refusal)))
        return self._answer(404, _outcome("no such thing"))

    def _answer(self, status: int, document: Any, **headers: str) -> httpx.Response:
        body = b"" if document is None else json.dumps(self._shown(document)).encode()
        head = {"Date": format_datetime(self.now, usegmt=True), "Content-Type": "application/fhir+json"}
        return httpx.Response(status, headers={**head, **headers}, stream=httpx.ByteStream(body))

    def _shown(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._shown(one) for one in value]
        if not isinstance(value, dict):
            return value
        shown = {key: self._shown(one) for key, one in value.items()}
        reference = shown.get("reference")
        if self.quirks.absolute and isinstance(reference, str) and "://" not in reference:
            shown["reference"] = f"{BASE}/{reference}"
        meta = shown.get("meta")
        if isinstance(meta, dict):
            hidden = {"versionId"} if not self.quirks.meta_versions else set()
            hidden |= {"lastUpdated"} if not self.quirks.last_updated else set()
            shown["meta"] = {key: one for key, one in meta.items() if key not in hidden}
        return shown

    def _etag(self, resource: Resource) -> dict[str, str]:
        return {"ETag": f'W/"{resource["meta"]["versionId"]}"'} if self.quirks.etags else {}

    def _metadata(self) -> Resource:
        task = {"type": "Task", **({"versioning": "versioned-update"} if self.quirks.compares else {})}
        rest = [{"mode": "server", "resource": [task], "interaction": [{"code": "transaction"}]}]
        return {
            "resourceType": "CapabilityStatement",
            "software": {"name": "Fake\x1b[31m", "version": "1"},
            "rest": rest,
        }

    def _read(self, kind: str, ident: str) -> httpx.Response:
        if (kind, ident) not in self.store:
            raise _Refusal(404, "not here")
        resource = self.store[kind, ident]
        return self._answer(200, resource, **self._etag(resource))

    def _check(self, key: tuple[str, str], condition: str) -> None:
        if not condition or not self.quirks.compares:
            return
        held = self.store.get(key)
        if held is None or condition.strip('W/"') != held["meta"]["versionId"]:
            raise _Refusal(412, "the version moved")

    def _update(self, path: list[str], body: Resource, condition: str) -> httpx.Response:
        key = (path[0], path[1])
        self._check(key, condition)
        stored = self.put(_local(body))
        return self._answer(200, None if self.quirks.minimal else stored, **self._etag(stored))

    def _transaction(self, bundle: Resource) -> httpx.Response:
        kept = copy.deepcopy(self.store)
        try:
            places: dict[str, str] = {}
            planned = [self._planned(entry, places) for entry in bundle["entry"]]
            entries = [self._applied(one, places) for one in planned]
        except _Refusal:
            self.store = kept
            raise
        return self._answer(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": entries})

    def _planned(self, entry: Resource, places: dict[str, str]) -> tuple[str, Resource | None]:
        resource, ask = entry["resource"], entry["request"]
        kind = resource["resourceType"]
        if ask["method"] == "PUT":
            ident = ask["url"].split("/")[1]
            self._check((kind, ident), ask.get("ifMatch", ""))
        else:
            condition = ask.get("ifNoneExist", "")
            held = [one for one in self.all(kind) if condition and _has(one, condition.split("=", 1)[1])]
            if held:
                places[entry.get("fullUrl", "")] = f"{kind}/{held[0]['id']}"
                return f"{kind}/{held[0]['id']}", None
            ident = str(next(self._numbers))
        places[entry.get("fullUrl", "")] = f"{kind}/{ident}"
        return f"{kind}/{ident}", {**resource, "id": ident}

    def _applied(self, planned: tuple[str, Resource | None], places: dict[str, str]) -> Resource:
        where, resource = planned
        status = "200"
        if resource is not None:
            text = json.dumps(_local(resource))
            for full, place in places.items():
                text = text.replace(f'"{full}"', f'"{place}"') if full.startswith("urn:uuid:") else text
            resource = json.loads(text)
            status = "200" if tuple(where.split("/")) in self.store else "201"
            self.put(resource)
        kind, ident = where.split("/")
        version = self.store[kind, ident]["meta"]["versionId"]
        response = {"status": status, "etag": f'W/"{version}"'}
        if self.quirks.show_location:
            response["location"] = f"{BASE}/{where}/_history/{version}"
        return {"response": response}

    def _search(self, kind: str, params: list[tuple[str, str]]) -> httpx.Response:
        asked = dict(params)
        if not self.quirks.includes and "_include" in asked:
            raise _Refusal(400, "unknown parameter _include")
        if not self.quirks.id_search and "_id" in asked:
            raise _Refusal(400, "unknown parameter _id")
        found = [one for one in self.all(kind) if _matches(one, asked)]
        down = asked.get("_sort", "").startswith("-")
        found.sort(key=lambda one: (one["meta"]["lastUpdated"], one["id"]), reverse=down)
        start = int(asked.get("_offset", 0))
        page = found[start : start + self.quirks.page_size]
        entries = [{"resource": one, "search": {"mode": "match"}} for one in page]
        if "_include" in asked:
            entries += [{"resource": one, "search": {"mode": "include"}} for one in self._included(page)]
        if self.quirks.outcome_entries:
            entries.append({"resource": _outcome("odd parameter"), "search": {"mode": "outcome"}})
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
        if self.quirks.bundle_time:
            bundle["meta"] = {"lastUpdated": self.now.isoformat()}
        if start + self.quirks.page_size < len(found):
            rest = [(key, value) for key, value in params if key != "_offset"]
            query = str(httpx.QueryParams([*rest, ("_offset", str(start + self.quirks.page_size))]))
            prefix = "" if self.quirks.relative_next else f"{BASE}/"
            bundle["link"] = [
                {"relation": "self", "url": "x"},
                {"relation": "next", "url": f"{prefix}{kind}?{query}"},
            ]
        return self._answer(200, bundle)

    def _included(self, page: list[Resource]) -> list[Resource]:
        text = json.dumps(page)
        wanted = set(re.findall(r"(ServiceRequest|Patient|ImagingStudy)/([A-Za-z0-9.-]+)", text))
        return [self.store[key] for key in sorted(wanted) if key in self.store]


class _Refusal(Exception):  # noqa: N818 - a status in the making
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def _outcome(words: str) -> Resource:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": words}]}


def _local(resource: Resource) -> Resource:
    changed: Resource = json.loads(json.dumps(resource).replace(f"{BASE}/", ""))
    return changed


def _has(resource: Resource, token: str) -> bool:
    system, _, value = token.rpartition("|")
    return any(
        one.get("system") == system and one.get("value") == value for one in resource.get("identifier", ())
    )


def _points(resource: Resource, element: str, target: str) -> bool:
    value = resource.get(element, [])
    pointers = value if isinstance(value, list) else [value]
    return any(one.get("reference") in target.split(",") for one in pointers)


def _matches(resource: Resource, asked: dict[str, str]) -> bool:
    tests: dict[str, Callable[[str], bool]] = {
        "_id": lambda wanted: resource["id"] in wanted.split(","),
        "status": lambda wanted: resource.get("status") in wanted.split(","),
        "_lastUpdated": lambda wanted: (
            datetime.fromisoformat(resource["meta"]["lastUpdated"])
            >= datetime.fromisoformat(wanted.removeprefix("ge"))
        ),
        "identifier": lambda wanted: _has(resource, wanted),
        "based-on": lambda wanted: _points(resource, "basedOn", wanted),
        "basedon": lambda wanted: _points(resource, "basedOn", wanted),
        "patient": lambda wanted: _points(resource, "subject", wanted) or _points(resource, "for", wanted),
    }
    return all(tests[name](value) for name, value in asked.items() if name in tests)
