"""A structured report of ours read back: the facts it was made from."""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset

from teleread.model.errors import IntegrityError
from teleread.model.evidence import Alert, Change, Code, CoSigner, KeyImage, Measurement
from teleread.model.text import SafeText

from . import sr_names as n
from .dicom_common import accessions_of, birth_date_of, iso_moment, numbers_of, open_file, uid
from .dicom_sr import IODS
from .facts import Facts, Part
from .marks import Mark, read_mark
from .sr_items import Name, as_code, children, image_of, name_of, one, read_code, series_of, value_of, walk

__all__ = ["MISSING", "facts_in", "mark_in", "read_measurement"]

MISSING: Final = (AttributeError, IndexError, KeyError, ValueError, TypeError)
"""What is raised where an item lacks what ours have."""

_OURS: Final = (n.CHANGE, n.NOTES, n.SIGNED, n.REQUEST, n.KEY_IMAGES, n.CRITICAL)
_SIDES: Final = {name.value: side for side, name in n.SIDES.items()}


def mark_in(data: bytes) -> Mark:
    """What a structured report of ours says it was made from.

    Raises:
        IntegrityError: It is none of ours.
    """
    ds = open_file(data, tuple(IODS.values()))
    return _mark(ds)


def _mark(ds: Dataset) -> Mark:
    try:
        found = next((item for item in walk(ds) if n.MARK.is_(item)), None)
    except MISSING:
        found = None
    if found is None:
        raise IntegrityError("This structured report is none that teleread wrote.", code="not-a-report")
    return read_mark(value_of(found))


def facts_in(data: bytes) -> Facts:
    """Read a structured report of ours back.

    Raises:
        IntegrityError: It is none of ours, or a part of it is missing.
    """
    ds = open_file(data, tuple(IODS.values()))
    try:
        return _facts(ds)
    except MISSING:
        raise IntegrityError("A part of this structured report is missing.", code="not-a-report") from None


def _facts(ds: Dataset) -> Facts:
    mark = _mark(ds)
    top = children(ds)
    series = series_of(ds)
    inside = {
        (name.value, name.scheme): children(item)
        for item in top
        if (name := name_of(item)) is not None and str(item.ValueType) == "CONTAINER"
    }

    def block(name: Name) -> list[Dataset]:
        return inside.get((name.value, name.scheme), [])

    study_uid = str(ds.StudyInstanceUID)
    return Facts(
        report_id=mark.report_id,
        version=mark.version,
        sha256=mark.sha256,
        kind=one(block(n.SIGNED), n.KIND),
        signed_at=iso_moment(str(ds.ContentDate), str(ds.ContentTime)),
        reader=one(top, n.OBSERVER_NAME),
        organisation=one(top, n.OBSERVER_ORGANISATION),
        cosigners=_cosigners(ds),
        patient_name=str(ds.PatientName),
        numbers=numbers_of(ds),
        birth_date=birth_date_of(ds),
        sex=str(ds.PatientSex or ""),
        accessions=accessions_of(ds),
        procedure=one(block(n.REQUEST), n.PROCEDURE_DESCRIPTION),
        procedure_code=_procedure_code(top),
        requester=one(block(n.REQUEST), n.REQUESTER),
        study_uid="" if study_uid == uid(mark.report_id, "study") else study_uid,
        parts=tuple(_part(item) for item in top if _is_section(item)),
        measurements=tuple(
            read_measurement(item, series) for item in walk(ds) if str(item.get("ValueType")) == "NUM"
        ),
        key_images=tuple(
            KeyImage(image_of(item, series), SafeText(one(children(item), n.KEY_NOTE)))
            for item in block(n.KEY_IMAGES)
            if str(item.ValueType) == "IMAGE"
        ),
        alert=_alert(block(n.CRITICAL)),
        change=_change(block(n.CHANGE)),
        notes=tuple(value_of(item) for item in block(n.NOTES)),
    )


def _procedure_code(top: list[Dataset]) -> str:
    found = next((item for item in top if n.PROCEDURE_REPORTED.is_(item)), None)
    return "" if found is None else read_code(found.ConceptCodeSequence[0]).value


def _cosigners(ds: Dataset) -> tuple[CoSigner, ...]:
    authors = [(item, "trainee") for item in ds.get("AuthorObserverSequence", [])][1:]
    attesting = [(item, "supervisor") for item in ds.get("ParticipantSequence", [])]
    return tuple(
        CoSigner(SafeText(str(item.PersonName)), role, _person_id(item)) for item, role in authors + attesting
    )


def _person_id(item: Dataset) -> str:
    codes = item.get("PersonIdentificationCodeSequence") or []
    return read_code(codes[0]).value if codes else ""


def _is_section(item: Dataset) -> bool:
    if str(item.ValueType) != "CONTAINER" or any(name.is_(item) for name in _OURS):
        return False
    return _words(children(item)) is not None


def _words(inner: list[Dataset]) -> Dataset | None:
    """The text of a section among what its heading holds."""
    texts = (item for item in inner if str(item.ValueType) == "TEXT")
    return next((item for item in texts if str(item.RelationshipType) == "CONTAINS"), None)


def _part(item: Dataset) -> Part:
    name, inner = name_of(item), children(item)
    words = _words(inner)
    if name is None or words is None:
        raise KeyError
    codes = [
        as_code(read_code(child.ConceptCodeSequence[0])) for child in inner if str(child.ValueType) == "CODE"
    ]
    return Part(
        loinc="" if name.scheme == n.OURS else name.value,
        label=one(inner, n.EQUIVALENT) or name.meaning,
        text=value_of(words),
        codes=tuple(codes),
    )


def read_measurement(item: Dataset, series: dict[str, str]) -> Measurement:
    """A NUM item of ours."""
    inner = children(item)
    measured = item.MeasuredValueSequence[0]
    name = name_of(item)
    unit = read_code(measured.MeasurementUnitsCodeSequence[0]).value
    sides = (read_code(child.ConceptCodeSequence[0]).value for child in inner if n.LATERALITY.is_(child))
    sources = (image_of(child, series) for child in inner if n.SOURCE_IMAGE.is_(child))
    return Measurement(
        label=SafeText(one(inner, n.EQUIVALENT)),
        value=str(measured.NumericValue),
        unit=unit,
        code=_own_code(name, unit),
        side=_SIDES.get(next(sides, ""), ""),
        group=SafeText(one(inner, n.TRACKING)),
        image=next(sources, None),
    )


def _own_code(name: Name | None, unit: str) -> Code | None:
    """The code the measurement had; None where the name is what the unit tells."""
    if name is None or name in (n.QUANTITY_BY_UNIT.get(unit), n.MEASUREMENT):
        return None
    return as_code(name)


def _alert(items: list[Dataset]) -> Alert | None:
    if not items:
        return None
    names = (n.ALERT_CATEGORY, n.ALERT_TOLD, n.ALERT_AT, n.ALERT_METHOD)
    category, told, at, method = (SafeText(one(items, name)) for name in names)
    return Alert(category, told, at, method)


def _change(items: list[Dataset]) -> Change | None:
    reason, told = one(items, n.CHANGE_REASON), one(items, n.CHANGE_TOLD)
    return Change(SafeText(reason), SafeText(told)) if reason or told else None
