"""The demo's open tasks as a Modality Worklist (PS3.4 annex K), answered by C-FIND."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator

from teleread.demo.ups.desk import Desk
from teleread.demo.ups.elements import Data, el, nested, sequence, value_of, without_empty

__all__ = ["MODEL", "items", "matching"]

MODEL = "1.2.840.10008.5.1.4.31"
STATION = "TELEDEMO"
_OPEN = {"SCHEDULED", "IN PROGRESS"}
_PRIORITY = {"HIGH": "STAT", "MEDIUM": "HIGH", "LOW": "ROUTINE"}
_PATIENT = ("00100010", "00100020", "00100021", "00100024", "00101002", "00100030", "00100040")
_REQUEST = (
    "00080050",
    "0020000D",
    "00321032",
    "00321060",
    "00321064",
    "00401001",
    "00401002",
    "00401400",
    "00402004",
)
_STEP = "00400100"


def items(desk: Desk) -> Iterator[Data]:
    """One item for each task that is not over."""
    for workitem in desk.all():
        if value_of(workitem, "00741000") in _OPEN:
            yield _item(workitem)


def _item(workitem: Data) -> Data:
    request = next(iter(nested(workitem, "0040A370")), {})
    study = next(iter(nested(workitem, "00404021")), {})
    at = value_of(request, "00404005") or value_of(study, "00404005") or value_of(workitem, "00404005")
    step = {
        "00080060": el("CS", value_of(study, "00080061") or "OT"),
        "00400001": el("AE", STATION),
        "00400002": el("DA", at[:8]),
        "00400003": el("TM", at[8:14]),
        "00400007": el("LO", value_of(request, "00321060")[:64]),
        "00400009": el("SH", value_of(request, "00401001")[:16]),
        "00400020": el("CS", "SCHEDULED"),
    }
    return without_empty(
        {
            "00080005": el("CS", "ISO_IR 192"),
            **{tag: workitem[tag] for tag in _PATIENT if tag in workitem},
            **{tag: request[tag] for tag in _REQUEST if tag in request},
            "00401003": el("SH", _PRIORITY.get(value_of(workitem, "00741200"), "ROUTINE")),
            _STEP: sequence(without_empty(step)),
            "00080201": el("SH", "+0000"),
        }
    )


def matching(found: Iterator[Data], query: Data) -> Iterator[Data]:
    """Those that meet every key of a query (PS3.4 C.2.2.2), single and inside the scheduled step."""
    step_keys = next(iter(nested(query, _STEP)), {})
    for one in found:
        step = next(iter(nested(one, _STEP)), {})
        if _fits(one, query) and _fits(step, step_keys):
            yield one


def _fits(data: Data, keys: Data) -> bool:
    return all(
        _meets(value_of(data, tag), value_of(keys, tag), str(element.get("vr")))
        for tag, element in keys.items()
        if tag != "00080005" and element.get("vr") != "SQ"
    )


def _meets(value: str, wanted: str, vr: str) -> bool:
    if not wanted:
        return True
    if vr in {"DA", "TM", "DT"} and "-" in wanted:
        first, last = _range(wanted)
        return bool(value) and (not first or value >= first) and (not last or value[: len(last)] <= last)
    if vr == "PN":
        value, wanted = value.casefold(), wanted.casefold()
    if "*" in wanted or "?" in wanted:
        return re.match(fnmatch.translate(wanted.replace("[", "[[]")), value) is not None
    return value == wanted


def _range(wanted: str) -> tuple[str, str]:
    """Both ends of a range; a zone's minus sign parts nothing (PS3.4 C.2.2.2.5)."""
    found = re.fullmatch(r"([\d.]*(?:[+-]\d{4})?)-([\d.]*(?:[+-]\d{4})?)", wanted)
    first, last = found.groups() if found else (wanted, wanted)
    return re.sub(r"[+-]\d{4}$", "", first), re.sub(r"[+-]\d{4}$", "", last)
