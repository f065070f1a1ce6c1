"""Reading a frozen form back: strictly, member by member, to the very same bytes."""

from __future__ import annotations

import json
import re
import unicodedata
from hashlib import sha256
from typing import Any, Final

from teleread.model.errors import IntegrityError

__all__ = ["MAX_BYTES", "SCHEMA", "thaw"]

SCHEMA: Final = "teleread.report/1"

MAX_BYTES: Final = 32 * 1024 * 1024
"""Longest frozen form read back (about 200,000 instances)."""

_TEXT, _NUMBER, _TEXT_OR_NULL, _NUMBER_OR_NULL = "text", "number", "text?", "number?"
_UUID, _STAMP, _DECIMAL = "uuid", "stamp", "decimal"
_PATTERNS: Final = {
    _UUID: re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII),
    _STAMP: re.compile(
        r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{3})?Z",
        re.ASCII,
    ),
    _DECIMAL: re.compile(r"-?(0|[1-9]\d{0,8})(\.\d{1,5})?", re.ASCII),
}

_IMAGE: Final = {"series_uid": _TEXT, "sop_uid": _TEXT, "sop_class": _TEXT, "frame": _NUMBER}
_CODE: Final = {"value": _TEXT, "scheme": _TEXT, "meaning": _TEXT, "section?": _TEXT}

_SHAPE: Final[dict[str, Any]] = {
    "schema": _TEXT,
    "report_id": _UUID,
    "version": _NUMBER,
    "kind": _TEXT,
    "idempotency_key": _UUID,
    "hub_id": _TEXT,
    "task": {"id": _TEXT, "version": _TEXT, "status": _TEXT},
    "order": {
        "id": _TEXT,
        "version": _TEXT,
        "accessions": [_TEXT],
        "procedure": _TEXT,
        "procedure_code": _TEXT,
        "body_part": _TEXT,
        "laterality": _TEXT,
        "question": _TEXT,
        "requester": _TEXT,
        "occurrence": _TEXT_OR_NULL,
    },
    "patient": {
        "id": _TEXT,
        "version": _TEXT,
        "name": _TEXT,
        "identifiers": [{"value": _TEXT, "issuer": _TEXT, "status": _TEXT}],
        "birth_date": _TEXT,
        "sex": _TEXT,
    },
    "study": {
        "id": _TEXT,
        "version": _TEXT,
        "uid": _TEXT,
        "modality": _TEXT,
        "description": _TEXT,
        "started": _TEXT_OR_NULL,
        "expected": _NUMBER_OR_NULL,
        "held": _NUMBER,
        "instances": [{"sop_uid": _TEXT, "sha256": _TEXT}],
        "series?": [{"uid": _TEXT, "sop_class": _TEXT, "at": [_NUMBER]}],
    },
    "template": {"id": _TEXT, "version": _TEXT, "language?": _TEXT},
    "sections": [{"id": _TEXT, "label": _TEXT, "loinc": _TEXT, "text": _TEXT}],
    "fields": {"*": _TEXT},
    "checks": [{"id": _TEXT, "severity": _TEXT, "text": _TEXT}],
    "overrides": [{"rule": _TEXT, "reason": _TEXT}],
    "identity": [{"rule": _TEXT, "level": _TEXT, "text": _TEXT}],
    "reader": {"id": _TEXT, "name": _TEXT, "organisation?": _TEXT},
    "predecessor": (None, {"version": _NUMBER, "sha256": _TEXT, "keys": [_UUID], "began?": _TEXT}),
    "signed_at": _STAMP,
    "zone": _TEXT,
    "clock_offset": _TEXT_OR_NULL,
    "key_images?": [{**_IMAGE, "note?": _TEXT}],
    "measurements?": [
        {
            "label": _TEXT,
            "value": _DECIMAL,
            "unit": _TEXT,
            "side?": _TEXT,
            "group?": _TEXT,
            "code?": _CODE,
            "image?": _IMAGE,
        }
    ],
    "codes?": [_CODE],
    "alert?": {"category": _TEXT, "told": _TEXT, "at": _TEXT, "method": _TEXT},
    "change?": {"reason": _TEXT, "told": _TEXT},
    "cosigners?": [{"id": _TEXT, "name": _TEXT, "role": _TEXT}],
}
"""Kinds of every member; a name that ends with a question mark may be missing."""


_MOST_PROVEN: Final = 64
_PROVEN: Final[dict[bytes, None]] = {}
"""SHA-256 of forms that stood the whole test a moment ago: a report on its way is read ten times over.

Digests alone, no words of a report; the same bytes pass the same test.
"""


def thaw(data: bytes) -> dict[str, Any]:
    """Read a frozen form strictly: what comes back serialises to the very same bytes.

    Raises:
        IntegrityError: Too long, no JSON, a name given twice, a member missing, unknown or of the wrong
            kind, text that is not NFC, or bytes that are not RFC 8785's.
    """
    import rfc8785

    if len(data) > MAX_BYTES:
        raise _broken(f"it is longer than {MAX_BYTES // 1048576} MiB")
    digest = sha256(data).digest()
    if digest in _PROVEN:
        known: dict[str, Any] = json.loads(data)
        return known
    try:
        form = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_once,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
        if not isinstance(form, dict) or form.get("schema") != SCHEMA:
            raise _broken("it is of another kind or version")
        _check(form, _SHAPE, "")
        if rfc8785.dumps(form) != data:
            raise _broken("its bytes are not in the canonical form")
    except (UnicodeError, ValueError, RecursionError, rfc8785.CanonicalizationError):
        raise _broken("it can't be read") from None
    if len(_PROVEN) >= _MOST_PROVEN:
        _PROVEN.clear()
    _PROVEN[digest] = None
    return form


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise _broken("a name stands in it twice")
    return table


def _no_number(text: str) -> Any:
    raise _broken("it holds a number that is not whole")


def _check(value: Any, shape: Any, place: str) -> None:
    if isinstance(shape, tuple):
        if value is not None:
            _check(value, shape[1], place)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise _broken(f"{place} is of the wrong kind")
        for one in value:
            _check(one, shape[0], place)
    elif isinstance(shape, dict):
        _check_object(value, shape, place)
    elif not _is(value, shape):
        raise _broken(f"{place} is of the wrong kind")


def _check_object(value: Any, shape: dict[str, Any], place: str) -> None:
    if not isinstance(value, dict):
        raise _broken(f"{place} is of the wrong kind")
    if "*" in shape:
        if not all(_is(one, _TEXT) and _is(name, _TEXT) for name, one in value.items()):
            raise _broken(f"{place} is of the wrong kind")
        return
    must = {name for name in shape if not name.endswith("?")}
    if not must <= value.keys() or not value.keys() <= {name.rstrip("?") for name in shape}:
        raise _broken(f"{place or 'it'} has too many or too few members")
    for key, inner in shape.items():
        name = key.rstrip("?")
        if name in value:
            _check(value[name], inner, f"{place}.{name}" if place else name)
            if key != name and not value[name]:
                raise _broken(f"{name} is there and says nothing")


def _is(value: Any, kind: str) -> bool:
    if value is None:
        return kind.endswith("?")
    if kind.startswith("number"):
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not isinstance(value, str) or not unicodedata.is_normalized("NFC", value):
        return False
    pattern = _PATTERNS.get(kind)
    return pattern is None or pattern.fullmatch(value) is not None


def _broken(why: str) -> IntegrityError:
    return IntegrityError(
        "This is not a frozen report as it was signed.", f"What is wrong: {why}.", code="not-frozen"
    )
