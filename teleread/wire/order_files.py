"""Order files of sites with nothing but a folder: JSON, CSV, HL7 v2 and DICOM. I/O-free.

JSON is one order, a list of orders, or an object with ``orders``; keys are those of `OrderEntry`, those of
the patient below ``patient``. CSV has the same names in its first line, the patient's with ``patient_`` in
front. Unknown keys are passed over.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

from teleread.model.text import clean
from teleread.wire.hl7_orders import changes_of
from teleread.wire.orders import Change, Merge, OrderEntry, PatientEntry

__all__ = ["KINDS", "MAX_BYTES", "MAX_ORDERS", "read_orders"]

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_ORDERS: Final = 50_000
"""Most orders in one file."""
_TEXTS: Final = tuple(one.name for one in fields(OrderEntry) if one.name not in {"patient", "instances"})
_PERSON: Final = tuple(one.name for one in fields(PatientEntry))
_STATUS: Final = {
    "": "requested",
    "new": "requested",
    "requested": "requested",
    "active": "requested",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "completed": "completed",
    "done": "completed",
}
_PRIORITY: Final = {"stat": "stat", "urgent": "urgent", "asap": "asap", "routine": "routine", "": "routine"}

Changes = list[Change | Merge]


def read_orders(suffix: str, data: bytes) -> Changes:
    """What a file asks for.

    Args:
        suffix: How its name ends: a key of `KINDS`.
        data: Its bytes, at most `MAX_BYTES`.

    Raises:
        ValueError: It can't be read; its text is for people.
    """
    if len(data) > MAX_BYTES:
        raise ValueError("it is too large for a list of orders")
    found = KINDS[suffix](data)
    if len(found) > MAX_ORDERS:
        raise ValueError("it lists too many orders")
    return found


def _json(data: bytes) -> Changes:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if isinstance(document, dict) and isinstance(document.get("orders"), list):
        document = document["orders"]
    rows = document if isinstance(document, list) else [document]
    if not all(isinstance(one, dict) for one in rows):
        raise ValueError("it is no order and no list of orders")
    return [_change(one, one.get("patient") if isinstance(one.get("patient"), dict) else {}) for one in rows]


def _csv(data: bytes) -> Changes:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    head = text.split("\n", 1)[0]
    mark = max(",;\t", key=head.count)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=mark, strict=True))
    except csv.Error:
        raise ValueError("it is no CSV: a quotation mark is not closed") from None
    out: Changes = []
    for number, row in enumerate(rows, 2):
        if None in row.values() or None in row:
            raise ValueError(f"its line {number} has not as many cells as its first; it may be half written")
        cells = {str(key).strip().lower(): value for key, value in row.items() if isinstance(value, str)}
        person = {
            key.removeprefix("patient_"): one for key, one in cells.items() if key.startswith("patient_")
        }
        out.append(
            _change(
                cells, {**person, **({"nhs_number": cells["nhs_number"]} if "nhs_number" in cells else {})}
            )
        )
    return out


def _change(order: Mapping[str, Any], person: Mapping[str, Any] | None) -> Change:
    told = {name: _words(order, name) for name in _TEXTS}
    told["status"] = _STATUS.get(told["status"].lower(), "requested")
    told["priority"] = _PRIORITY.get(told["priority"].lower(), "routine")
    patient = PatientEntry(**{name: _words(person or {}, name) for name in _PERSON})
    try:
        instances = int(str(order.get("instances") or ""))
    except ValueError:
        instances = None
    if instances is not None and not 0 <= instances < 10_000_000:
        instances = None
    return Change(patient, OrderEntry(**told, instances=instances, patient=patient))


def _words(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    if name == "number" and value is None:
        value = table.get("id")
    plain = value if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    limit = 16_384 if name == "question" else 256
    return str(clean(str(plain).strip(), multiline=name == "question", limit=limit))


def _dicom(data: bytes) -> Changes:
    from teleread.wire.order_dicom import dicom_orders

    return dicom_orders(data)


KINDS: Final[dict[str, Callable[[bytes], Changes]]] = {
    ".json": _json,
    ".csv": _csv,
    ".hl7": changes_of,
    ".wl": _dicom,
    ".dcm": _dicom,
}
"""How a file's name ends to how it is read."""
