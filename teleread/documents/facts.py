"""What a report says, taken out of the frozen form: the measure a form is held to when it is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from teleread.model.evidence import Alert, Change, Code, CoSigner, ImageRef, KeyImage, Measurement
from teleread.model.patient import NHS_SYSTEM
from teleread.model.report import SignedReport
from teleread.model.text import SafeText

from .thawing import thaw

__all__ = ["TOLD", "Facts", "Numbered", "Part", "facts_of", "held_images"]

TOLD: Final = {
    "identity-checked": "Identity checked by the reader",
    "identity-unknown": "Identity confirmed by the reader",
    "study-part": "Reported from part of the study",
    "study-not-held": "Reported without images held here",
    "study-changed": "Images changed while this was written",
}
"""Overrides that whoever acts on the report has to know of, rule id to words."""


@dataclass(frozen=True, slots=True)
class Part:
    """A section that says something."""

    loinc: str
    label: str
    text: str
    codes: tuple[Code, ...] = ()


@dataclass(frozen=True, slots=True)
class Numbered:
    """A number of the patient and who issued it."""

    value: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything of a report that its forms have to say."""

    report_id: str
    version: int
    sha256: str
    """Of the frozen bytes, hex."""
    kind: str
    signed_at: str
    """RFC 3339, UTC."""
    reader: str
    organisation: str
    cosigners: tuple[CoSigner, ...]
    patient_name: str
    """DICOM PN."""
    numbers: tuple[Numbered, ...]
    """The one lists show comes first: the hospital's, else the NHS number."""
    birth_date: str
    """ISO 8601, possibly partial."""
    sex: str
    accessions: tuple[str, ...]
    procedure: str
    procedure_code: str
    requester: str
    study_uid: str
    parts: tuple[Part, ...]
    """Sections, empty ones left out."""
    measurements: tuple[Measurement, ...]
    key_images: tuple[KeyImage, ...]
    alert: Alert | None
    change: Change | None
    notes: tuple[str, ...]
    """What the reader confirmed or went past, in words."""

    @property
    def addenda(self) -> int:
        """How many addenda the text holds."""
        return sum(one.loinc == "55107-7" for one in self.parts)


def facts_of(report: SignedReport) -> Facts:
    """Read a signed report.

    Raises:
        IntegrityError: Its bytes are no frozen form.
    """
    form = thaw(report.frozen)
    patient, order = form["patient"], form["order"]
    codes = [(one.get("section", ""), _code(one)) for one in form.get("codes", ())]
    return Facts(
        report_id=form["report_id"],
        version=form["version"],
        sha256=report.sha256,
        kind=form["kind"],
        signed_at=form["signed_at"],
        reader=form["reader"]["name"] or "Reader",
        organisation=form["reader"].get("organisation", ""),
        cosigners=tuple(
            CoSigner(SafeText(one["name"]), one["role"], one["id"]) for one in form.get("cosigners", ())
        ),
        patient_name=patient["name"],
        numbers=_numbers(patient["identifiers"]),
        birth_date=patient["birth_date"],
        sex=patient["sex"],
        accessions=tuple(order["accessions"]),
        procedure=order["procedure"] or form["study"]["description"] or "Radiology report",
        procedure_code=order["procedure_code"],
        requester=order["requester"],
        study_uid=form["study"]["uid"],
        parts=tuple(
            Part(
                one["loinc"],
                one["label"],
                one["text"],
                tuple(code for section, code in codes if section == one["id"]),
            )
            for one in form["sections"]
            if one["text"].strip()
        ),
        measurements=tuple(_measurement(one) for one in form.get("measurements", ())),
        key_images=tuple(
            KeyImage(_image(one), SafeText(one.get("note", ""))) for one in form.get("key_images", ())
        ),
        alert=_alert(form.get("alert")),
        change=_change(form.get("change")),
        notes=tuple(
            f"{TOLD[one['rule']]}: {one['reason']}" for one in form["overrides"] if one["rule"] in TOLD
        ),
    )


def _numbers(identifiers: Sequence[Mapping[str, str]]) -> tuple[Numbered, ...]:
    found = [Numbered(one["value"], one["issuer"]) for one in identifiers if one["value"]]
    first = next((one for one in found if one.issuer != NHS_SYSTEM), None)
    return tuple(found) if first is None else (first, *(one for one in found if one is not first))


def held_images(form: Mapping[str, Any]) -> tuple[ImageRef, ...]:
    """The images a report was read from, sorted; empty where the form does not tell their classes."""
    uids = [one["sop_uid"] for one in form["study"]["instances"]]
    return tuple(
        ImageRef(series["uid"], uids[at], series["sop_class"])
        for series in form["study"].get("series", ())
        for at in series["at"]
        if at < len(uids)
    )


def _code(table: Mapping[str, str]) -> Code:
    return Code(SafeText(table["value"]), SafeText(table["scheme"]), SafeText(table["meaning"]))


def _image(table: Mapping[str, Any]) -> ImageRef:
    return ImageRef(table["series_uid"], table["sop_uid"], table["sop_class"], table["frame"])


def _measurement(table: Mapping[str, Any]) -> Measurement:
    code, image = table.get("code"), table.get("image")
    return Measurement(
        label=SafeText(table["label"]),
        value=table["value"],
        unit=table["unit"],
        code=_code(code) if code else None,
        side=table.get("side", ""),
        group=SafeText(table.get("group", "")),
        image=_image(image) if image else None,
    )


def _alert(table: Mapping[str, str] | None) -> Alert | None:
    if not table:
        return None
    return Alert(
        SafeText(table["category"]), SafeText(table["told"]), SafeText(table["at"]), SafeText(table["method"])
    )


def _change(table: Mapping[str, str] | None) -> Change | None:
    return Change(SafeText(table["reason"]), SafeText(table["told"])) if table else None
