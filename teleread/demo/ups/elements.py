"""DICOM JSON (PS3.18 annex F) as the demo writes and reads it; nothing of the client's is used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

__all__ = ["Data", "code_item", "el", "moment", "name_el", "nested", "sequence", "value_of", "without_empty"]

Data = dict[str, Any]


def el(vr: str, *values: Any) -> Data:
    """An element; one without a value where nothing is given."""
    kept = [one for one in values if one not in (None, "")]
    return {"vr": vr, "Value": kept} if kept else {"vr": vr}


def name_el(name: str) -> Data:
    """A person's name."""
    return {"vr": "PN", "Value": [{"Alphabetic": name}]} if name else {"vr": "PN"}


def sequence(*items: Data) -> Data:
    """A sequence."""
    return {"vr": "SQ", "Value": list(items)} if items else {"vr": "SQ"}


def code_item(value: str, scheme: str, meaning: str) -> Data:
    """An item of a code sequence (PS3.3, 8.8)."""
    return {"00080100": el("SH", value), "00080102": el("SH", scheme), "00080104": el("LO", meaning)}


def moment(instant: str) -> str:
    """A FHIR instant as DT with its offset (PS3.5, 6.2); empty for none."""
    if not instant:
        return ""
    at = datetime.fromisoformat(instant.replace("Z", "+00:00")).astimezone(UTC)
    return at.strftime("%Y%m%d%H%M%S.%f") + "+0000"


def value_of(data: Data, *path: str) -> str:
    """The first value at a path of tags, as text; empty where there is none."""
    at: Any = data
    for tag in path:
        element = at.get(tag) if isinstance(at, dict) else None
        values = element.get("Value") if isinstance(element, dict) else None
        at = values[0] if isinstance(values, list) and values else None
    if isinstance(at, dict):
        at = at.get("Alphabetic")
    return str(at) if at is not None else ""


def nested(data: Data, tag: str) -> list[Data]:
    """The items of a sequence."""
    element = data.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def without_empty(data: Data) -> Data:
    """Without elements that have no value."""
    return {tag: one for tag, one in data.items() if one.get("Value")}
