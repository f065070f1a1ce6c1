"""The report's measurements as TID 1500 (PS3.16): a Comprehensive SR that measuring viewers read, and back.

One group (TID 1501) for each lesion the reader named, in the order of the report; a measurement of no
lesion stands in a group of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from teleread.model.errors import IntegrityError, UsageError
from teleread.model.evidence import Measurement
from teleread.model.report import SignedReport
from teleread.model.text import SafeText

from . import sr_names as n
from .content import unknown_renderer
from .dicom_common import UTF_8, base, encode, evidence, open_file, predecessor, uid
from .dicom_sr import document_module, measured_number
from .facts import Facts, facts_of, held_images
from .marks import Mark, mark_text, read_mark
from .sr_items import Name, children, code, container, image, name_of, one, person, series_of, text, value_of
from .sr_read import MISSING, read_measurement
from .thawing import thaw

__all__ = ["RENDERER", "mark_in", "measurements_in", "render"]

RENDERER: Final = 1
"""Number of the newest renderer."""

SOP_CLASS: Final = "1.2.840.10008.5.1.4.1.1.88.33"

_TITLE: Final = Name("126000", "DCM", "Imaging Measurement Report")
_LIBRARY: Final = Name("111028", "DCM", "Image Library")
_LIBRARY_GROUP: Final = Name("126200", "DCM", "Image Library Group")
_ALL: Final = Name("126010", "DCM", "Imaging Measurements")
_GROUP: Final = Name("125007", "DCM", "Measurement Group")
_PROCEDURE: Final = Name("363679005", "SCT", "Imaging procedure")
_LANGUAGE: Final = Name("en", "RFC5646", "English")


def render(report: SignedReport, number: int = RENDERER, *, charset: str = UTF_8) -> bytes:
    """The measurements as a Part 10 file: a pure function of its arguments.

    Raises:
        IntegrityError: No such renderer, or the report's bytes are no frozen form.
        UsageError: The report has no measurement.
    """
    renderer = _RENDERERS.get(number)
    if renderer is None:
        raise unknown_renderer("measurement report", number)
    facts = facts_of(report)
    if not facts.measurements:
        raise UsageError(
            "This report has no measurement.",
            "Nothing was written.",
            "Its text and numbers in prose are in --format dicom-sr.",
            code="no-measurement",
        )
    return encode(renderer(facts, thaw(report.frozen), charset))


def _render_1(facts: Facts, form: Mapping[str, Any], charset: str) -> Dataset:
    ds = base(facts, form, SOP_CLASS, "SR", "measurements/1", charset)
    ds.SeriesDescription = "Measurements"
    ds.SeriesNumber = 9004
    ds.ReferencedPerformedProcedureStepSequence = Items([])
    document_module(ds, facts)
    before = form["predecessor"]
    if before:
        ds.PredecessorDocumentsSequence = predecessor(
            str(ds.StudyInstanceUID),
            uid(facts.report_id, "series/sr/1"),
            "1.2.840.10008.5.1.4.1.1.88.22",
            uid(facts.report_id, f"{before['version']}/sr/1"),
        )
    images = [one.image for one in facts.measurements if one.image]
    if images:
        ds.CurrentRequestedProcedureEvidenceSequence = evidence(str(ds.StudyInstanceUID), images)
    told = {one.sop_uid for one in images}
    rest = [one for one in held_images(form) if one.sop_uid not in told]
    if rest:
        ds.PertinentOtherEvidenceSequence = evidence(str(ds.StudyInstanceUID), rest)
    for element in container(_TITLE, _tree(facts, form), ""):
        ds[element.tag] = element
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "1500"
    ds.ContentTemplateSequence = Items([template])
    return ds


_RENDERERS: Final[dict[int, Callable[[Facts, Mapping[str, Any], str], Dataset]]] = {1: _render_1}


def _tree(facts: Facts, form: Mapping[str, Any]) -> list[Dataset]:
    language = form["template"].get("language", "")
    spoken = Name(language, "RFC5646", language) if language else _LANGUAGE
    reported = Name(facts.procedure_code, "99LOCAL", facts.procedure) if facts.procedure_code else _PROCEDURE
    images = {(one.image.sop_uid, one.image.frame): one.image for one in facts.measurements if one.image}
    tree = [
        code(n.LANGUAGE, spoken, "HAS CONCEPT MOD"),
        code(n.OBSERVER_TYPE, n.PERSON, "HAS OBS CONTEXT"),
        person(n.OBSERVER_NAME, facts.reader, "HAS OBS CONTEXT"),
        code(n.PROCEDURE_REPORTED, reported, "HAS CONCEPT MOD"),
    ]
    if images:
        entries = [image(None, one, "CONTAINS") for one in images.values()]
        tree.append(container(_LIBRARY, [container(_LIBRARY_GROUP, entries)]))
    groups = [_group(facts, index, group) for index, group in enumerate(_groups(facts.measurements))]
    tree.append(container(_ALL, groups))
    mark = Mark("dicom-measurements", 1, facts.report_id, facts.version, facts.sha256)
    tree.append(container(n.SIGNED, [text(n.MARK, mark_text(mark))]))
    return tree


def _groups(measurements: tuple[Measurement, ...]) -> list[list[Measurement]]:
    table: dict[str, list[Measurement]] = {}
    for index, measured in enumerate(measurements):
        table.setdefault(measured.group or f"\0{index}", []).append(measured)
    return list(table.values())


def _group(facts: Facts, index: int, group: list[Measurement]) -> Dataset:
    """TID 1501: the lesion by name and UID, then its numbers (TID 300)."""
    first = group[0]
    track = text(n.TRACKING, first.group or first.label, "HAS OBS CONTEXT")
    tracked = Dataset()
    tracked.RelationshipType, tracked.ValueType = "HAS OBS CONTEXT", "UIDREF"
    tracked.ConceptNameCodeSequence = code(n.TRACKING_UID, n.PERSON).ConceptNameCodeSequence
    tracked.UID = uid(facts.report_id, f"lesion/{first.group or index}")
    numbers = [measured_number(replace(one, group=SafeText("")), "CONTAINS") for one in group]
    return container(_GROUP, [track, tracked, *numbers])


# -- reading ------------------------------------------------------------------------------------------


def mark_in(data: bytes) -> Mark:
    """What a measurement report of ours says it was made from.

    Raises:
        IntegrityError: It is none of ours.
    """
    return _mark(open_file(data, (SOP_CLASS,)))


def _mark(ds: Dataset) -> Mark:
    try:
        block = next(item for item in children(ds) if n.SIGNED.is_(item))
        return read_mark(one(children(block), n.MARK))
    except (StopIteration, *MISSING):
        words = "This measurement report is none that teleread wrote."
        raise IntegrityError(words, code="not-a-report") from None


def measurements_in(data: bytes) -> tuple[Measurement, ...]:
    """Read the measurements back, group by group.

    Raises:
        IntegrityError: It is none of ours.
    """
    ds = open_file(data, (SOP_CLASS,))
    _mark(ds)
    try:
        return _measurements(ds)
    except MISSING:
        raise IntegrityError("A part of this measurement report is missing.", code="not-a-report") from None


def _measurements(ds: Dataset) -> tuple[Measurement, ...]:
    series = series_of(ds)
    found = []
    for block in (item for item in children(ds) if _ALL.is_(item)):
        for group in children(block):
            inner = children(group)
            numbers = [item for item in inner if str(item.get("ValueType")) == "NUM"]
            track = next((value_of(item) for item in inner if n.TRACKING.is_(item)), "")
            read = [read_measurement(item, series) for item in numbers if name_of(item)]
            lonely = len(read) == 1 and read[0].label == track
            found += [replace(one, group=SafeText("" if lonely else track)) for one in read]
    return tuple(found)
