"""What a performer tells about a workitem, in DICOM JSON (PS3.4 table CC.2.5-3, PS3.18 annex F)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from teleread.hub.ups_memory import Stored
from teleread.model.giving_back import REASONS

__all__ = ["cancel_reason", "code_item", "given_back", "moment", "performed", "progress_note"]

Data = dict[str, Any]


def _el(vr: str, *values: Any) -> Data:
    kept = [one for one in values if one not in (None, "")]
    return {"vr": vr, "Value": kept} if kept else {"vr": vr}


def _sq(*items: Data) -> Data:
    return {"vr": "SQ", "Value": list(items)}


def moment(at: datetime) -> str:
    """An instant as DT with its offset (PS3.5 6.2)."""
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S") + "+0000"


def code_item(value: str, scheme: str, meaning: str) -> Data:
    """An item of a code sequence (PS3.3 8.8); a code holds at most 16 characters, a meaning 64."""
    return {
        "00080100": _el("SH", value[:16]),
        "00080102": _el("SH", scheme),
        "00080104": _el("LO", meaning[:64]),
    }


def performed(
    workitem: Mapping[str, Any],
    aet: str,
    reader: tuple[str, str],
    began: datetime,
    *,
    ended: datetime | None = None,
    outputs: Iterable[Stored] = (),
    archive: str = "",
) -> Data:
    """Who reads it, since when, and in the end what came of it (Unified Procedure Step Performed Procedure).

    Args:
        workitem: As the hub shows it: what is done is what was asked for.
        aet: Our AE title, as the station.
        reader: Id at the hub, and name.
        began: When it was claimed.
        ended: When the report was signed; None while it is read.
        outputs: Every document that was stored.
        archive: Base address of the DICOMweb they were stored at.
    """
    ident, name = reader
    code = code_item(ident.rpartition("/")[2], "99TELEREAD", name or ident)
    person = {"00404009": _sq(code), "00404037": {"vr": "PN", "Value": [{"Alphabetic": _pn(name)}]}}
    asked = workitem.get("00404018")
    work = asked if isinstance(asked, dict) else _sq(code_item("110005", "DCM", "Interpretation"))
    item: Data = {
        "00404019": {**work, "vr": "SQ"},
        "00404028": _sq(code_item(aet, "99TELEREAD", aet)),
        "00404035": _sq(person),
        "00404050": _el("DT", moment(began)),
    }
    if ended is not None:
        item["00404051"] = _el("DT", moment(ended))
        item["00404033"] = _sq(*(_output(one, archive) for one in outputs))
    return {"00741216": _sq(item)}


def _output(one: Stored, archive: str) -> Data:
    reference = {"00081150": _el("UI", one.sop_class), "00081155": _el("UI", one.sop_uid)}
    return {
        "0040E020": _el("CS", "DICOM"),
        "0020000D": _el("UI", one.study_uid),
        "0020000E": _el("UI", one.series_uid),
        "00081199": _sq(reference),
        "0040E025": _sq({"00081190": _el("UR", f"{archive}/{one.path}")}),
    }


def _pn(name: str) -> str:
    for mark in "^=\\":
        name = name.replace(mark, " ")
    return name[:64] or "Reader"


def given_back(code: str, words: str, at: datetime) -> Data:
    """Why it is not done (Procedure Step Discontinuation Reason Code Sequence, CID 9303)."""
    reason = cancel_reason(code, words)
    return {"00741002": _sq({"00404052": _el("DT", moment(at)), **reason})}


def cancel_reason(code: str, words: str) -> Data:
    """The reason by itself, as a request to cancel carries it (PS3.18 11.8)."""
    meaning = REASONS.get(code, words or code)
    return {"00741238": _el("LT", words or meaning), "0074100E": _sq(code_item(code, "DCM", meaning))}


def progress_note(text: str) -> Data:
    """Words to whoever watches (Procedure Step Progress Description)."""
    return {"00741002": _sq({"00741006": _el("ST", text)})}
