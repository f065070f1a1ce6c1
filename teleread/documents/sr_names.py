"""Concept names of the structured forms (PS3.16): LOINC headings of CID 7001, DICOM terms, and our own.

Where no standard term says it, the scheme is ``99TELEREAD``.
"""

from __future__ import annotations

from typing import Final

from .sr_items import Name

OURS: Final = "99TELEREAD"


def _dcm(value: str, meaning: str) -> Name:
    return Name(value, "DCM", meaning)


def _loinc(value: str, meaning: str) -> Name:
    return Name(value, "LN", meaning)


def _ours(value: str, meaning: str) -> Name:
    return Name(value, OURS, meaning)


def _snomed(value: str, meaning: str) -> Name:
    return Name(value, "SCT", meaning)


REPORT: Final = _loinc("18748-4", "Diagnostic Imaging Report")
LANGUAGE: Final = _dcm("121049", "Language of Content Item and Descendants")
PROCEDURE_REPORTED: Final = _dcm("121058", "Procedure Reported")
OBSERVER_TYPE: Final = _dcm("121005", "Observer Type")
PERSON: Final = _dcm("121006", "Person")
OBSERVER_NAME: Final = _dcm("121008", "Person Observer Name")
OBSERVER_ORGANISATION: Final = _dcm("121009", "Person Observer's Organization Name")
EQUIVALENT: Final = _dcm("121050", "Equivalent Meaning of Concept Name")
PROCEDURE_DESCRIPTION: Final = _dcm("121065", "Procedure Description")
TRACKING: Final = _dcm("112039", "Tracking Identifier")
TRACKING_UID: Final = _dcm("112040", "Tracking Unique Identifier")
SOURCE_IMAGE: Final = _dcm("121112", "Source of Measurement")
KEY_NOTE: Final = _dcm("113012", "Key Object Description")
LATERALITY: Final = _snomed("272741003", "Laterality")
SIDES: Final = {
    "LEFT": _snomed("7771000", "Left"),
    "RIGHT": _snomed("24028007", "Right"),
    "BILATERAL": _snomed("51440002", "Bilateral"),
}

REQUEST: Final = _loinc("55115-0", "Request")
REQUESTER: Final = _ours("requester", "Requested by")
KEY_IMAGES: Final = _loinc("55113-5", "Key Images")
CRITICAL: Final = _loinc("73568-8", "Communication of Critical Results")
ALERT_CATEGORY: Final = _ours("alert-category", "Category of the critical finding")
ALERT_TOLD: Final = _ours("alert-told", "Person told")
ALERT_AT: Final = _ours("alert-at", "Told at")
ALERT_METHOD: Final = _ours("alert-method", "Told by")
CHANGE: Final = _ours("change", "Change to an earlier report")
CHANGE_REASON: Final = _ours("change-reason", "Reason of the change")
CHANGE_TOLD: Final = _ours("change-told", "Person told of the change")
NOTES: Final = _ours("notes", "Reader's notes")
NOTE: Final = _ours("note", "Reader's note")
SIGNED: Final = _ours("signed-report", "Signed report")
MARK: Final = _ours("mark", "Report, version and SHA-256")
KIND: Final = _ours("kind", "Kind of report")
SECTION: Final = _ours("section", "Section")
MEASUREMENT: Final = _ours("measurement", "Measurement")

FINDINGS: Final = _loinc("59776-5", "Findings")

_HEADINGS: Final = {
    one.value: one
    for one in (
        FINDINGS,
        REQUEST,
        KEY_IMAGES,
        CRITICAL,
        _loinc("19005-8", "Impressions"),
        _loinc("55110-1", "Conclusions"),
        _loinc("18783-1", "Recommendations"),
        _loinc("55107-7", "Addendum"),
        _loinc("55752-0", "Clinical Information"),
        _loinc("18834-2", "Previous Findings"),
        _loinc("55114-3", "Prior Procedure Descriptions"),
        _loinc("55111-9", "Current Procedure Descriptions"),
        _loinc("11329-0", "History"),
        _loinc("18785-6", "Indications for Procedure"),
        _loinc("55112-7", "Summary"),
        _loinc("55109-3", "Complications"),
        _loinc("55108-5", "Patient Presentation"),
        _loinc("29549-3", "Medications Administered"),
        _loinc("73569-6", "Radiation Exposure and Protection Information"),
    )
}
"""CID 7001 by LOINC code."""

_TEXT_NAMES: Final = {
    "59776-5": _dcm("121071", "Finding"),
    "19005-8": _dcm("121073", "Impression"),
    "55110-1": _dcm("121077", "Conclusion"),
    "18783-1": _dcm("121075", "Recommendation"),
    "55111-9": PROCEDURE_DESCRIPTION,
    "18834-2": _dcm("121069", "Previous Finding"),
}
"""CID 7002: what one text under a heading is called; elsewhere it is called as its heading."""

QUANTITY_BY_UNIT: Final = {
    **dict.fromkeys(("mm", "cm", "m", "um"), _snomed("410668003", "Length")),
    **dict.fromkeys(("mm2", "cm2"), _snomed("42798000", "Area")),
    **dict.fromkeys(("mm3", "cm3", "mL", "ml", "L"), _snomed("118565006", "Volume")),
    "deg": _snomed("1483009", "Angle"),
    "[hnsf'U]": _dcm("112031", "Attenuation Coefficient"),
}
"""Which quantity a unit tells of where the measurement names none."""


def heading(loinc: str, label: str) -> Name:
    """The heading of a section: CID 7001's, the code as given, or our own where there is none."""
    if loinc in _HEADINGS:
        return _HEADINGS[loinc]
    return _loinc(loinc, label) if loinc else SECTION


def text_name(name: Name) -> Name:
    """What a text under a heading is called."""
    return _TEXT_NAMES.get(name.value, name)
