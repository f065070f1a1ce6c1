"""What the demo hub refuses to store: enough to catch a client's mistake, not a validator."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from teleread.demo.fhir.outcome import RefusalError
from teleread.demo.fhir.params import SERVED

__all__ = ["check_references", "check_resource", "references_in"]

_REPORT = "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown"
_TASK = (
    "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed "
    "entered-in-error"
)
_EVENT = "preparation in-progress not-done on-hold stopped completed entered-in-error unknown"
_CODES: dict[tuple[str, str], frozenset[str]] = {
    ("DiagnosticReport", "status"): frozenset(_REPORT.split()),
    ("Task", "status"): frozenset(_TASK.split()),
    ("Task", "priority"): frozenset({"routine", "urgent", "asap", "stat"}),
    ("Communication", "status"): frozenset(_EVENT.split()),
}
_NEEDED: dict[str, tuple[str, ...]] = {
    "DiagnosticReport": ("status", "code"),
    "Task": ("status", "intent"),
    "Provenance": ("target", "recorded", "agent"),
    "Communication": ("status",),
    "AuditEvent": ("type", "recorded", "agent", "source"),
    "ServiceRequest": ("status", "intent", "subject"),
    "ImagingStudy": ("status", "subject"),
}
_UNCHECKED_TARGETS = frozenset({"Practitioner", "PractitionerRole", "Organization", "Device"})
"""Who did it is the client's word; what it is about must exist here."""
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def check_resource(kind: str, body: Any) -> None:
    """Refuse a resource that cannot be what it says.

    Raises:
        RefusalError: 400 where it is no such resource, 422 where it breaks a rule.
    """
    if not isinstance(body, dict) or body.get("resourceType") != kind:
        raise RefusalError(400, "structure", f"The body is not a {kind}.")
    if "id" in body and not (isinstance(body["id"], str) and _ID.fullmatch(body["id"])):
        raise RefusalError(400, "value", "The id has a form that FHIR does not allow.")
    missing = [name for name in _NEEDED.get(kind, ()) if not body.get(name)]
    if missing:
        raise RefusalError(422, "required", f"{kind} needs {', '.join(missing)}.")
    for (of, name), codes in _CODES.items():
        if of == kind and name in body and body[name] not in codes:
            raise RefusalError(422, "code-invalid", f"{kind}.{name} has a code outside its value set.")
    _check_attachments(body)


def _check_attachments(body: dict[str, Any]) -> None:
    for form in body.get("presentedForm", []):
        if "data" not in form:
            continue
        try:
            data = base64.b64decode(form["data"], validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise RefusalError(422, "value", "A presentedForm is not base64.") from error
        if "size" in form and form["size"] != len(data):
            raise RefusalError(422, "invariant", "A presentedForm has another size than it says.")
        sha1 = base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()
        if "hash" in form and form["hash"] != sha1:
            raise RefusalError(422, "invariant", "A presentedForm has another hash (SHA-1) than it says.")


def references_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every Reference inside a resource, to read or to rewrite."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value
        for inner in value.values():
            yield from references_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references_in(inner)


def check_references(body: dict[str, Any], exists: Callable[[str, str], bool]) -> None:
    """Refuse a resource that points at something the hub does not have.

    Args:
        body: The resource, its references already relative.
        exists: Whether a type and id are known.

    Raises:
        RefusalError: 422, naming the kind of target but not its id.
    """
    for reference in references_in(body):
        text = reference["reference"]
        if text.startswith("urn:"):
            raise RefusalError(422, "invalid", "A urn: reference has no entry in the transaction.")
        parts = text.split("/")
        if len(parts) == 2 and parts[0] in SERVED - _UNCHECKED_TARGETS and not exists(parts[0], parts[1]):
            raise RefusalError(422, "not-found", f"A reference names a {parts[0]} that does not exist here.")
