"""FHIR REST as the hub adapter uses it: read, search with paging, fetch by ids, put by version."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from teleread.model.errors import AttentionError, OfflineError
from teleread.wire.fhir_parts import items, obj, version_of, when, words
from teleread.wire.http import HttpClient
from teleread.wire.http_answers import JsonAnswer

__all__ = ["FHIR_JSON", "BundlePage", "FhirWire", "Resource", "encoded"]

FHIR_JSON = "application/fhir+json"
PAGE_SIZE = 100
MAX_PAGES = 2_000
"""More pages than any worklist has; a server that never ends is stopped here."""
IDS_AT_ONCE = 40
"""Most ids in one search, so that its address stays under 2 KB."""

_DOTS = re.compile(r"^\.+$")

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BundlePage:
    """One page of a search."""

    resources: tuple[Resource, ...]
    """Matches and what was included, outcomes left out."""
    date: datetime | None
    """The server's clock, from the Date header."""
    last: bool
    searched_at: datetime | None = None
    """When it searched, by the clock that stamps resources (Bundle.meta.lastUpdated)."""

    def of(self, kind: str) -> list[Resource]:
        """The resources of one type."""
        return [one for one in self.resources if one.get("resourceType") == kind]


def encoded(resource: Resource) -> bytes:
    """A resource as bytes to send."""
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()


class FhirWire:
    """The verbs of FHIR REST over one `HttpClient`. Raises only errors of the model.

    Args:
        http: The client, on the FHIR base address.
    """

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    def get(self, path: str) -> JsonAnswer:
        """Read one address below the base."""
        return self.http.get_json(path, headers={"Accept": FHIR_JSON})

    def read(self, kind: str, ident: str) -> Resource:
        """Read one resource, now.

        Raises:
            AttentionError: ``gone``, ``forbidden``, ``refused``.
            OfflineError: No answer, or one that is no such resource.
        """
        answer = self.get(self.path(kind, ident))
        resource = obj(answer.json)
        if resource.get("resourceType") != kind or words(resource.get("id")) != ident:
            raise self._garbled()
        return _with_version(resource, answer.version)

    def put(self, resource: Resource, version: str) -> Resource | None:
        """Update a resource, only if it still has that version (where the server compares).

        Returns:
            The resource as stored; None where the server does not show it.

        Raises:
            AttentionError: ``changed`` (412) and the other refusals.
            OfflineError: ``unknown``: it may have been applied.
        """
        kind, ident = str(resource["resourceType"]), str(resource["id"])
        headers = {"Accept": FHIR_JSON, "Content-Type": FHIR_JSON, "Prefer": "return=representation"}
        if version:
            headers["If-Match"] = f'W/"{version}"'
        answer = self.http.send_json("PUT", self.path(kind, ident), encoded(resource), headers)
        stored = obj(answer.json)
        if stored.get("resourceType") != kind:
            return None
        return _with_version(stored, answer.version)

    def search(self, kind: str, params: Mapping[str, Any], *, pages: int = MAX_PAGES) -> Iterator[BundlePage]:
        """Search, page after page, whatever the ``next`` links look like.

        Raises:
            OfflineError: No answer, or one that is no Bundle; ``garbled`` where the pages go round.
        """
        url, query = kind, dict(params)
        seen: set[str] = set()
        for _ in range(pages):
            answer = self.http.get_json(url, params=query or None, headers={"Accept": FHIR_JSON})
            bundle = obj(answer.json)
            if bundle.get("resourceType") != "Bundle":
                raise self._garbled()
            following = _next_link(bundle)
            searched_at = when(obj(bundle.get("meta")).get("lastUpdated"))
            yield BundlePage(_resources(bundle), answer.date, not following, searched_at)
            if not following:
                return
            if following in seen:
                raise self._garbled()
            seen.add(following)
            url, query = following, {}

    def all(self, kind: str, params: Mapping[str, Any], *, pages: int = 20) -> list[Resource]:
        """Search and keep the resources of that type."""
        found: list[Resource] = []
        for page in self.search(kind, params, pages=pages):
            found += page.of(kind)
        return found

    def by_ids(self, kind: str, idents: Iterable[str]) -> dict[str, Resource]:
        """Read several resources: in batches by ``_id``, the rest one by one; missing ones are left out."""
        wanted = sorted({ident for ident in idents if ident})
        found: dict[str, Resource] = {}
        for at in range(0, len(wanted), IDS_AT_ONCE):
            found |= self._batch(kind, wanted[at : at + IDS_AT_ONCE])
        for ident in wanted:
            if ident not in found:
                try:
                    found[ident] = self.read(kind, ident)
                except AttentionError as refusal:
                    if refusal.code not in {"gone", "forbidden"}:
                        raise
        return found

    def _batch(self, kind: str, idents: Sequence[str]) -> dict[str, Resource]:
        params = {"_id": ",".join(idents), "_count": len(idents)}
        try:
            resources = self.all(kind, params)
        except AttentionError as refusal:
            if refusal.code not in {"refused", "gone"}:
                raise
            return {}  # a server without _id: one by one
        return {ident: one for one in resources if (ident := words(one.get("id"))) in idents}

    def path(self, kind: str, ident: str) -> str:
        """``Type/id``, safe inside an address.

        Raises:
            AttentionError: The id cannot stand in an address.
        """
        if not ident or len(ident) > 128 or _DOTS.match(ident):
            raise AttentionError(
                f"{self._who} names a {kind} in a way that cannot be asked for.", code="refused"
            )
        return f"{kind}/{quote(ident, safe='')}"

    @property
    def _who(self) -> str:
        return self.http.who[:1].upper() + self.http.who[1:]

    def _garbled(self) -> OfflineError:
        return OfflineError(
            f"{self._who} sends an answer that is not what was asked for.",
            "What is here stays as it is.",
            "Check the address of the hub; tell the site if it goes on.",
            code="garbled",
        )


def _with_version(resource: Resource, version: str) -> Resource:
    """The resource, its version taken from the ETag where its meta tells none."""
    if version and not version_of(resource):
        return {**resource, "meta": {**obj(resource.get("meta")), "versionId": version}}
    return resource


def _resources(bundle: Resource) -> tuple[Resource, ...]:
    found: list[Resource] = []
    for entry in items(bundle.get("entry")):
        resource = obj(entry.get("resource"))
        if (
            obj(entry.get("search")).get("mode") != "outcome"
            and resource.get("resourceType") != "OperationOutcome"
        ):
            found.append(resource)
    return tuple(found)


def _next_link(bundle: Resource) -> str:
    for link in items(bundle.get("link")):
        url = link.get("url")
        if link.get("relation") == "next" and isinstance(url, str) and len(url) < 8192:
            return url
    return ""
