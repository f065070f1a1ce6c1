"""FHIR R4 JSON to the model: DiagnosticReport, with the frozen bytes inside.

No I/O; tolerant of what is missing; text from outside is cleaned here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from teleread.model.task import PriorReport
from teleread.model.text import EMPTY, SafeText, clean
from teleread.wire.fhir_json import DICOM_UID_SYSTEM, Unreadable
from teleread.wire.fhir_parts import (
    accessions,
    codeable_words,
    items,
    logical_id,
    obj,
    reference,
    version_of,
    when,
    words,
)

__all__ = [
    "FINAL",
    "FROZEN_TYPE",
    "author_of",
    "frozen_of",
    "frozen_sha256",
    "prior_report_of",
    "report_study_ids",
    "uuids_of",
]

FROZEN_TYPE = "application/vnd.teleread.report+json"
"""Content type of the attachment that carries the frozen bytes verbatim."""

FINAL = frozenset({"final", "amended", "corrected", "appended"})
"""Statuses under which a report is issued."""

_UUID = re.compile(r"^urn:uuid:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$", re.IGNORECASE)
_TEXT_CAP = 1 << 20


def uuids_of(resource: dict[str, Any]) -> tuple[str, ...]:
    """Report ids and idempotency keys among the identifiers, as bare lower-case UUIDs."""
    found: list[str] = []
    for one in items(resource.get("identifier")):
        match = _UUID.match(words(one.get("value"), limit=64))
        if match:
            found.append(match.group(1).lower())
    return tuple(dict.fromkeys(found))


def frozen_of(resource: dict[str, Any]) -> bytes | None:
    """The frozen bytes a DiagnosticReport carries; None where it carries none, or not as base64 should be."""
    for one in items(resource.get("presentedForm")):
        if str(one.get("contentType", "")).partition(";")[0].strip().lower() == FROZEN_TYPE:
            return _canonical(one.get("data"))
    return None


def _canonical(data: Any) -> bytes | None:
    if not isinstance(data, str):
        return None
    try:
        raw = base64.b64decode(data.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if base64.b64encode(raw).decode("ascii") == data else None


def frozen_sha256(resource: dict[str, Any]) -> str:
    """SHA-256 of the frozen bytes, hexadecimal; empty where there are none."""
    frozen = frozen_of(resource)
    return "" if frozen is None else hashlib.sha256(frozen).hexdigest()


def author_of(resource: dict[str, Any]) -> SafeText:
    """Who interpreted it, as shown; else a reference; else who performed it."""
    for key in ("resultsInterpreter", "performer"):
        for one in items(resource.get(key)):
            name = words(one.get("display")) or reference(one)
            if name:
                return name
    return EMPTY


def report_study_ids(resource: dict[str, Any]) -> tuple[str, ...]:
    """What a report says its studies are: logical ids of ImagingStudy, bare UIDs of logical references."""
    found: list[str] = []
    for one in items(resource.get("imagingStudy")):
        ident = logical_id(one, "ImagingStudy")
        identifier = obj(one.get("identifier"))
        if ident:
            found.append(ident)
        if identifier.get("system") == DICOM_UID_SYSTEM:
            found.append(words(identifier.get("value"), limit=128).removeprefix("urn:oid:"))
    return tuple(found)


def prior_report_of(resource: dict[str, Any], studies: Mapping[str, str] | None = None) -> PriorReport:
    """Read a DiagnosticReport.

    Args:
        resource: The DiagnosticReport.
        studies: Study Instance UIDs by logical id of their ImagingStudy.

    Raises:
        Unreadable: It has no id.
    """
    ident = words(resource.get("id"), limit=128)
    if resource.get("resourceType") != "DiagnosticReport" or not ident:
        raise Unreadable("a DiagnosticReport without an id")
    known = studies or {}
    linked = report_study_ids(resource)
    uid = next((known[one] for one in linked if one in known), "") or next(
        (one for one in linked if "." in one), ""
    )
    numbers = accessions(resource) or _order_numbers(resource)
    conclusion = words(resource.get("conclusion"), multiline=True, limit=16_384)
    return PriorReport(
        id=ident,
        version=version_of(resource),
        status=words(resource.get("status"), limit=64),
        study_uid=clean(uid, limit=64),
        accession=numbers[0] if numbers else EMPTY,
        title=codeable_words(resource.get("code")),
        author=author_of(resource),
        issued=when(resource.get("issued")) or when(resource.get("effectiveDateTime")),
        text=_text(resource) or conclusion,
        conclusion=conclusion,
    )


def _order_numbers(resource: dict[str, Any]) -> tuple[SafeText, ...]:
    numbers: list[SafeText] = []
    for one in items(resource.get("basedOn")):
        numbers += accessions({"identifier": [obj(one.get("identifier"))]})
    return tuple(numbers)


def _text(resource: dict[str, Any]) -> SafeText:
    forms = list(items(resource.get("presentedForm")))
    for wanted in ("text/plain", "text/html"):
        for form in forms:
            kind = str(form.get("contentType", "")).partition(";")[0].strip().lower()
            data = form.get("data")
            if kind != wanted or not isinstance(data, str) or len(data) > 2 * _TEXT_CAP:
                continue
            text = _decoded(data)
            found = clean(plain_of(text) if wanted == "text/html" else text, multiline=True)
            if found.strip():
                return found
    div = obj(resource.get("text")).get("div")
    return clean(plain_of(div[:_TEXT_CAP]), multiline=True) if isinstance(div, str) else EMPTY


def _decoded(data: str) -> str:
    try:
        raw = base64.b64decode(data, validate=False)
    except (ValueError, binascii.Error):
        return ""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


_BLOCKS = frozenset(
    {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "header", "pre"}
)
_HIDDEN = frozenset({"script", "style", "head", "template"})


class _Plain(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag in {"td", "th"}:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS and tag != "br":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def plain_of(html: str) -> str:
    """The words of an HTML text, one line a block, without what a browser would not show."""
    parser = _Plain()
    parser.feed(html)
    parser.close()
    lines = [line.strip() for line in "".join(parser.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
