"""Transactions: every entry or none (FHIR R4, 3.1.0.11.2)."""

from __future__ import annotations

import copy
import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from teleread.demo.fhir.checks import check_references, check_resource, references_in
from teleread.demo.fhir.outcome import RefusalError
from teleread.demo.fhir.params import SERVED
from teleread.demo.fhir.search import matches, search_bundle
from teleread.demo.fhir.store import Store, Stored, Unit

__all__ = ["MAX_ENTRIES", "check_version", "run_transaction"]

MAX_ENTRIES = 1000
"""Most entries in one transaction."""
_VERSIONED = frozenset({"Task", "DiagnosticReport"})
"""Types whose updates must say which version they are based on."""
_ETAG = re.compile(r'(?:W/)?"?([0-9]+)"?')


@dataclass
class _Step:
    """One entry on its way."""

    method: str
    kind: str
    ident: str
    full_url: str
    body: dict[str, Any]
    if_match: str
    existing: Stored | None = None
    """What a conditional create found: nothing is written then."""
    query: str = ""
    stored: Stored | None = None
    status: str = ""


def check_version(current: Stored | None, kind: str, if_match: str) -> None:
    """Hold an update against the version it is based on.

    Raises:
        RefusalError: 412 where they differ, or where none is given and the type needs one.
    """
    if not if_match:
        if current is not None and kind in _VERSIONED:
            raise RefusalError(412, "conflict", f"An update of a {kind} needs If-Match at this hub.")
        return
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise RefusalError(400, "value", "If-Match is not a version this hub gives.")
    if current is None or current.version != int(found[1]):
        raise RefusalError(412, "conflict", f"The {kind} has changed since it was read.")


def run_transaction(store: Store, bundle: Any, base: str, *, full: bool) -> dict[str, Any]:
    """Do every entry of a transaction, or none.

    Args:
        store: Where the resources lie.
        bundle: The Bundle as sent.
        base: Base URL of the hub.
        full: Give the stored resources back with the answer.

    Returns:
        A Bundle of type ``transaction-response``, entries in the order sent.

    Raises:
        RefusalError: Something is wrong; nothing was stored.
    """
    with store.unit() as unit:
        steps = [_step(entry, base) for entry in _entries(bundle)]
        _settle_names(store, steps)
        _rewrite(store, unit, steps, base)
        for step in steps:
            _apply(unit, step)
        for step in steps:
            if step.stored is not None and step.existing is None:
                check_references(step.stored.body, lambda kind, ident: unit.read(kind, ident) is not None)
    return {
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": [_answer(store, step, base, full=full) for step in steps],
    }


def _entries(bundle: Any) -> list[dict[str, Any]]:
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise RefusalError(400, "structure", "The body is not a Bundle.")
    if bundle.get("type") != "transaction":
        raise RefusalError(400, "not-supported", "This hub takes Bundles of type transaction only.")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        raise RefusalError(400, "too-long", f"A transaction has at most {MAX_ENTRIES} entries.")
    return entries


def _step(entry: Any, base: str) -> _Step:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        raise RefusalError(400, "structure", "An entry has no request.")
    method = str(request.get("method", ""))
    path, _, query = str(request.get("url", "")).removeprefix(base).lstrip("/").partition("?")
    kind, _, ident = path.partition("/")
    if method not in {"GET", "POST", "PUT"} or kind not in SERVED or "/" in ident:
        raise RefusalError(400, "not-supported", "An entry asks for something this hub does not do.")
    if method == "POST":
        query = str(request.get("ifNoneExist", ""))
    body = copy.deepcopy(entry.get("resource")) if method != "GET" else {}
    if method != "GET":
        check_resource(kind, body)
    return _Step(
        method, kind, ident, str(entry.get("fullUrl", "")), body, str(request.get("ifMatch", "")), query=query
    )


def _settle_names(store: Store, steps: list[_Step]) -> None:
    """Give every step its logical id, so that references can be rewritten before anything is stored."""
    targets: set[tuple[str, str]] = set()
    for step in steps:
        if step.method == "GET":
            continue
        if step.query:
            found = matches(store, step.kind, parse_qsl(step.query, keep_blank_values=True))
            if len(found) > 1:
                raise RefusalError(
                    412, "multiple-matches", f"The condition on {step.kind} finds more than one."
                )
            if found and step.method == "POST":
                step.existing = found[0]
            step.ident = found[0].id if found else (step.ident or str(uuid.uuid4()))
        elif step.method == "POST":
            step.ident = str(uuid.uuid4())
        if not step.ident:
            raise RefusalError(400, "structure", "A PUT entry names no id.")
        if (step.kind, step.ident) in targets and step.existing is None:
            raise RefusalError(400, "duplicate", "Two entries write the same resource.")
        targets.add((step.kind, step.ident))
    urls = [step.full_url for step in steps if step.full_url.startswith("urn:")]
    if len(urls) != len(set(urls)):
        raise RefusalError(400, "duplicate", "Two entries have the same fullUrl.")


def _rewrite(store: Store, unit: Unit, steps: list[_Step], base: str) -> None:
    names = {
        step.full_url: f"{step.kind}/{step.ident}" for step in steps if step.full_url and step.method != "GET"
    }
    for step in steps:
        for reference in references_in(step.body):
            text = reference["reference"]
            if text in names:
                reference["reference"] = names[text]
            elif text.startswith(f"{base}/"):
                reference["reference"] = text.removeprefix(f"{base}/")
            elif "?" in text and text.partition("?")[0] in SERVED:
                reference["reference"] = _looked_up(store, unit, text)


def _looked_up(store: Store, unit: Unit, text: str) -> str:
    kind, _, query = text.partition("?")
    found = matches(store, kind, parse_qsl(query), unit.written.values())
    if len(found) != 1:
        raise RefusalError(
            412, "multiple-matches", f"A conditional reference to {kind} does not find exactly one."
        )
    return found[0].reference


def _apply(unit: Unit, step: _Step) -> None:
    if step.method == "GET":
        return
    if step.existing is not None:
        step.stored, step.status = step.existing, "200 OK"
        return
    current = unit.read(step.kind, step.ident)
    if step.method == "PUT":
        if "id" in step.body and step.body["id"] != step.ident:
            raise RefusalError(400, "value", "The id in the body is another than in the URL.")
        check_version(current, step.kind, step.if_match)
    step.stored = unit.put(step.kind, step.ident, step.body)
    step.status = "200 OK" if current else "201 Created"


def _answer(store: Store, step: _Step, base: str, *, full: bool) -> dict[str, Any]:
    if step.method == "GET":
        return _read_answer(store, step, base)
    assert step.stored is not None, "every written step was stored"
    entry: dict[str, Any] = {
        "fullUrl": f"{base}/{step.stored.reference}",
        "response": {
            "status": step.status,
            "location": step.stored.location,
            "etag": step.stored.etag,
            "lastModified": step.stored.updated,
        },
    }
    if full:
        entry["resource"] = step.stored.body
    return entry


def _read_answer(store: Store, step: _Step, base: str) -> dict[str, Any]:
    if not step.ident:
        body = search_bundle(store, step.kind, parse_qsl(step.query, keep_blank_values=True), base)
        return {"resource": body, "response": {"status": "200 OK"}}
    stored = store.read(step.kind, step.ident)
    if stored is None:
        return {"response": {"status": "404 Not Found"}}
    return {"resource": stored.body, "response": {"status": "200 OK", "etag": stored.etag}}
