"""The RESTful interface of the demo hub (FHIR R4, 3.1)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from teleread.demo.exchange import Reply, Request, json_reply
from teleread.demo.fhir.bundle import check_version, run_transaction
from teleread.demo.fhir.checks import check_references, check_resource, references_in
from teleread.demo.fhir.outcome import RefusalError
from teleread.demo.fhir.params import COMMON, PARAMS, SERVED
from teleread.demo.fhir.search import matches, search_bundle
from teleread.demo.fhir.store import Store, Stored, Unit

__all__ = ["FHIR_JSON", "FhirService"]

FHIR_JSON = "application/fhir+json"
_TAKEN = ("application/fhir+json", "application/json", "text/json")


class FhirService:
    """Answers FHIR requests from a store.

    Args:
        store: Where the resources lie.
        version: The demo's version, for the CapabilityStatement.
    """

    def __init__(self, store: Store, version: str) -> None:
        self.store = store
        self._version = version

    def handle(self, request: Request) -> Reply:
        """Answer one request; refusals become OperationOutcomes."""
        try:
            return self._route(request)
        except RefusalError as refusal:
            return json_reply(refusal.status, refusal.document(), media=FHIR_JSON)

    def _route(self, request: Request) -> Reply:
        path = request.path
        if path in {("metadata",), (".well-known", "smart-configuration")}:
            return self._metadata(request)
        if not path:
            return self._transaction(request)
        if path[0] not in SERVED:
            raise RefusalError(404, "not-supported", "This hub does not keep resources of that type.")
        table: dict[tuple[str, int], Callable[[Request], Reply]] = {
            ("GET", 1): self._search,
            ("POST", 1): self._create,
            ("PUT", 1): self._update,
            ("POST", 2): self._search_form,
            ("GET", 2): self._read,
            ("PUT", 2): self._update,
            ("GET", 3): self._history,
            ("GET", 4): self._vread,
        }
        action = table.get((request.method, len(path)))
        if action is None:
            raise RefusalError(405, "not-supported", "This hub does not do that.")
        return action(request)

    def _metadata(self, request: Request) -> Reply:
        if request.path[0] != "metadata":
            raise RefusalError(404, "not-found", "This hub needs no sign-in.")
        return json_reply(200, capability_statement(self._version, request.base), media=FHIR_JSON)

    def _transaction(self, request: Request) -> Reply:
        if request.method != "POST":
            raise RefusalError(405, "not-supported", "Only transactions are sent to the hub's root.")
        full = "return=representation" in request.header("prefer")
        return json_reply(
            200, run_transaction(self.store, _body(request), request.base, full=full), media=FHIR_JSON
        )

    def _search(self, request: Request) -> Reply:
        return self._searched(request, request.query)

    def _search_form(self, request: Request) -> Reply:
        if request.path[1] != "_search":
            raise RefusalError(405, "not-supported", "This hub has no such operation.")
        return self._searched(request, [*request.query, *request.form()])

    def _searched(self, request: Request, query: list[tuple[str, str]]) -> Reply:
        strict = "handling=strict" in request.header("prefer")
        return json_reply(
            200,
            search_bundle(self.store, request.path[0], query, request.base, strict=strict),
            media=FHIR_JSON,
        )

    def _read(self, request: Request) -> Reply:
        stored = self.store.read(request.path[0], request.path[1])
        if stored is None:
            raise RefusalError(404, "not-found", f"There is no such {request.path[0]}.")
        if request.header("if-none-match") in {stored.etag, stored.etag.removeprefix("W/")}:
            return Reply(304, headers=_version_headers(stored))
        return _resource(200, stored)

    def _vread(self, request: Request) -> Reply:
        kind, ident, word, version = request.path
        if word != "_history":
            raise RefusalError(404, "not-found", "There is nothing there.")
        found = [item for item in self.store.versions(kind, ident) if str(item.version) == version]
        if not found:
            raise RefusalError(404, "not-found", f"There is no such version of a {kind}.")
        return _resource(200, found[0])

    def _history(self, request: Request) -> Reply:
        kind, ident, word = request.path
        found = self.store.versions(kind, ident) if word == "_history" else []
        if not found:
            raise RefusalError(404, "not-found", f"There is no such {kind}.")
        entries = [
            {
                "fullUrl": f"{request.base}/{item.reference}",
                "resource": item.body,
                "request": {"method": "PUT" if item.version > 1 else "POST", "url": item.reference},
                "response": {"status": "200", "etag": item.etag, "lastModified": item.updated},
            }
            for item in found
        ]
        document = {"resourceType": "Bundle", "type": "history", "total": len(found), "entry": entries}
        return json_reply(200, document, media=FHIR_JSON)

    def _create(self, request: Request) -> Reply:
        kind, body = request.path[0], _body(request)
        check_resource(kind, body)
        condition = request.header("if-none-exist")
        with self.store.unit() as unit:
            if condition:
                found = matches(self.store, kind, parse_qsl(condition.lstrip("?"), keep_blank_values=True))
                if len(found) > 1:
                    raise RefusalError(412, "multiple-matches", "The condition finds more than one.")
                if found:
                    return _resource(200, found[0], request)
            stored = unit.put(kind, str(uuid.uuid4()), self._settled(unit, body, request.base))
        return _resource(201, stored, request)

    def _update(self, request: Request) -> Reply:
        kind, body = request.path[0], _body(request)
        check_resource(kind, body)
        with self.store.unit() as unit:
            ident = request.path[1] if len(request.path) > 1 else self._found(request)
            if body.get("id", ident) != ident:
                raise RefusalError(400, "value", "The id in the body is another than in the URL.")
            current = unit.read(kind, ident)
            check_version(current, kind, request.header("if-match"))
            stored = unit.put(kind, ident, self._settled(unit, body, request.base))
        return _resource(200 if current else 201, stored, request)

    def _found(self, request: Request) -> str:
        found = matches(self.store, request.path[0], request.query)
        if len(found) > 1:
            raise RefusalError(412, "multiple-matches", "The condition finds more than one.")
        return found[0].id if found else str(uuid.uuid4())

    def _settled(self, unit: Unit, body: dict[str, Any], base: str) -> dict[str, Any]:
        for reference in references_in(body):
            reference["reference"] = reference["reference"].removeprefix(f"{base}/")
        check_references(body, lambda kind, ident: unit.read(kind, ident) is not None)
        return body


def _body(request: Request) -> Any:
    media = request.header("content-type").partition(";")[0].strip().lower()
    if media and media not in _TAKEN:
        raise RefusalError(415, "not-supported", "This hub takes JSON only.")
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, "structure", "The body is not JSON.") from error


def _resource(status: int, stored: Stored, request: Request | None = None) -> Reply:
    headers = _version_headers(stored)
    if request is not None:
        headers["Location"] = f"{request.base}/{stored.location}"
        if "return=minimal" in request.header("prefer"):
            return Reply(status, headers=headers)
    return json_reply(status, stored.body, media=FHIR_JSON, headers=headers)


def _version_headers(stored: Stored) -> dict[str, str]:
    modified = format_datetime(datetime.fromisoformat(stored.updated), usegmt=True)
    return {"ETag": stored.etag, "Last-Modified": modified}


def capability_statement(version: str, base: str) -> dict[str, Any]:
    """What the hub says about itself."""
    interactions = ["read", "vread", "update", "history-instance", "create", "search-type"]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "software": {"name": "teleread DEMO hub", "version": version},
        "implementation": {"description": "DEMO: made-up patients on this machine only", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json", FHIR_JSON],
        "rest": [
            {
                "mode": "server",
                "documentation": "DEMO. No sign-in; loopback only.",
                "interaction": [{"code": "transaction"}],
                "resource": [
                    {
                        "type": kind,
                        "interaction": [{"code": code} for code in interactions],
                        "versioning": "versioned-update",
                        "readHistory": True,
                        "updateCreate": True,
                        "conditionalCreate": True,
                        "conditionalRead": "not-match",
                        "conditionalUpdate": True,
                        "searchParam": [
                            {"name": name, "type": param.match.__name__.removeprefix("match_")}
                            for name, param in {**COMMON, **params}.items()
                        ],
                    }
                    for kind, params in PARAMS.items()
                ],
            }
        ],
    }
