"""The report as DICOM structured report: TID 2000 with LOINC headings (PS3.16, CID 7001), and back.

Enhanced SR by default; Basic Text SR (measurements become words) and Comprehensive SR where a site wants
them. A version after the first names its predecessor in the same IOD. The signed bytes don't travel in it:
it carries report id, version and SHA-256, and is proved against the vault's copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from teleread.model.errors import UsageError
from teleread.model.evidence import CoSigner, ImageRef, Measurement
from teleread.model.report import SignedReport

from . import sr_names as n
from .content import unknown_renderer
from .dicom_common import UTF_8, base, coded, encode, evidence, held, held_name, predecessor, requests, uid
from .facts import Facts, Part, facts_of, held_images
from .lifecycle import kind_of
from .marks import Mark, mark_text
from .sr_items import Name, code, container, image, number, person, text
from .thawing import thaw

__all__ = ["IODS", "RENDERER", "document_module", "measured_number", "render", "sr_reference"]

RENDERER: Final = 1
"""Number of the newest renderer."""

IODS: Final = {
    "basic-text": "1.2.840.10008.5.1.4.1.1.88.11",
    "enhanced": "1.2.840.10008.5.1.4.1.1.88.22",
    "comprehensive": "1.2.840.10008.5.1.4.1.1.88.33",
}
"""SOP class by the name a site's switch has for it."""


def render(
    report: SignedReport, number_: int = RENDERER, *, iod: str = "enhanced", charset: str = UTF_8
) -> bytes:
    """The structured report as a Part 10 file: a pure function of its arguments.

    Args:
        report: What was signed.
        number_: Renderer.
        iod: ``basic-text``, ``enhanced`` or ``comprehensive``.
        charset: ``ISO_IR 192``, or ``ISO_IR 100`` where every letter of the report is in it.

    Raises:
        IntegrityError: No such renderer, or the report's bytes are no frozen form.
        UsageError: No such IOD, or letters that the character set does not hold.
    """
    renderer = _RENDERERS.get(number_)
    if renderer is None:
        raise unknown_renderer("structured report", number_)
    if iod not in IODS:
        raise UsageError(f"Structured reports are {', '.join(IODS)}.", code="iod")
    return encode(renderer(facts_of(report), thaw(report.frozen), iod, charset))


def sr_reference(report_id: str, version: int, iod: str, number_: int = RENDERER) -> tuple[str, str, str]:
    """Series UID, SOP class and SOP Instance UID of a version's structured report."""
    name = f"sr/{number_}"
    return uid(report_id, f"series/{name}"), IODS[iod], uid(report_id, f"{version}/{name}")


def _render_1(facts: Facts, form: Mapping[str, Any], iod: str, charset: str) -> Dataset:
    ds = base(facts, form, IODS[iod], "SR", "sr/1", charset)
    ds.SeriesDescription = "Radiology report"
    ds.ReferencedPerformedProcedureStepSequence = Items([])
    document_module(ds, facts)
    if form["predecessor"]:
        version = form["predecessor"]["version"]
        ds.PredecessorDocumentsSequence = predecessor(
            str(ds.StudyInstanceUID), *sr_reference(facts.report_id, version, iod, 1)
        )
    images = _images(facts)
    if images:
        ds.CurrentRequestedProcedureEvidenceSequence = evidence(str(ds.StudyInstanceUID), images)
    rest = [one for one in held_images(form) if one.sop_uid not in {ref.sop_uid for ref in images}]
    if rest:
        ds.PertinentOtherEvidenceSequence = evidence(str(ds.StudyInstanceUID), rest)
    root = container(n.REPORT, _tree(facts, form, iod), "")
    for element in root:
        ds[element.tag] = element
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2000"
    ds.ContentTemplateSequence = Items([template])
    return ds


_RENDERERS: Final[dict[int, Callable[[Facts, Mapping[str, Any], str, str], Dataset]]] = {1: _render_1}


def document_module(ds: Dataset, facts: Facts) -> None:
    """SR Document General Module (PS3.3 C.17.2)."""
    kind = kind_of(facts.kind)
    ds.CompletionFlag = kind.completion
    if kind.id in {"correction", "withdrawal", "preliminary"}:
        ds.CompletionFlagDescription = kind.words
    ds.VerificationFlag = kind.verification
    ds.PreliminaryFlag = kind.preliminary
    if kind.signed:
        ds.VerifyingObserverSequence = Items([_verifier(ds, facts)])
    trainees = [_observer(one.name, one.id) for one in facts.cosigners if one.role == "trainee"]
    ds.AuthorObserverSequence = Items([_observer(facts.reader, ""), *trainees])
    attesting = [_participant(one) for one in facts.cosigners if one.role != "trainee"]
    if attesting:
        ds.ParticipantSequence = Items(attesting)
    ds.ReferencedRequestSequence = requests(facts)
    code_of = facts.procedure_code
    ds.PerformedProcedureCodeSequence = Items([coded(code_of, "99LOCAL", facts.procedure)] if code_of else [])


def _verifier(ds: Dataset, facts: Facts) -> Dataset:
    """Verifying Observer Sequence (0040,A073): there exactly where the document is verified."""
    verifier = Dataset()
    verifier.VerifyingObserverName = held_name(facts.reader)
    verifier.VerifyingObserverIdentificationCodeSequence = Items([])
    verifier.VerifyingOrganization = held(facts.organisation) or "not stated"
    verifier.VerificationDateTime = f"{ds.ContentDate}{ds.ContentTime}+0000"
    return verifier


def _observer(name: str, person_id: str) -> Dataset:
    """Identified Person or Device Macro (PS3.3 table C.17-3b)."""
    item = Dataset()
    item.ObserverType = "PSN"
    item.PersonName = held_name(name)
    item.InstitutionName = ""
    item.InstitutionCodeSequence = Items([])
    item.PersonIdentificationCodeSequence = Items([coded(person_id, "99HUB", name)] if person_id else [])
    return item


def _participant(one: CoSigner) -> Dataset:
    item = _observer(one.name, one.id)
    item.ParticipationType = "ATTEST"
    item.ParticipationDateTime = ""
    return item


def _images(facts: Facts) -> list[ImageRef]:
    """Every image the content tree points to."""
    return [one.image for one in facts.key_images] + [one.image for one in facts.measurements if one.image]


# -- the tree -----------------------------------------------------------------------------------------


def _tree(facts: Facts, form: Mapping[str, Any], iod: str) -> list[Dataset]:
    language = form["template"].get("language", "")
    tree = []
    if language:
        tree.append(code(n.LANGUAGE, Name(language, "RFC5646", language), "HAS CONCEPT MOD"))
    if facts.procedure_code:
        reported = Name(facts.procedure_code, "99LOCAL", facts.procedure)
        tree.append(code(n.PROCEDURE_REPORTED, reported, "HAS CONCEPT MOD"))
    tree += [
        code(n.OBSERVER_TYPE, n.PERSON, "HAS OBS CONTEXT"),
        person(n.OBSERVER_NAME, facts.reader, "HAS OBS CONTEXT"),
    ]
    if facts.organisation:
        tree.append(text(n.OBSERVER_ORGANISATION, facts.organisation, "HAS OBS CONTEXT"))
    tree += _change(facts)
    tree.append(container(n.REQUEST, _request(facts)))
    measured = facts.measurements
    for part in facts.parts:
        with_numbers = measured if part.loinc == n.FINDINGS.value else ()
        tree.append(_section(part, with_numbers, iod))
        if with_numbers:
            measured = ()
    if measured:
        tree.append(_section(Part(n.FINDINGS.value, n.FINDINGS.meaning, "Measurements"), measured, iod))
    if facts.key_images:
        items = [
            image(
                None,
                one.image,
                "CONTAINS",
                [text(n.KEY_NOTE, one.note, "HAS CONCEPT MOD")] if one.note else (),
            )
            for one in facts.key_images
        ]
        tree.append(container(n.KEY_IMAGES, items))
    tree += _alert(facts)
    if facts.notes:
        tree.append(container(n.NOTES, [text(n.NOTE, one) for one in facts.notes]))
    mark = Mark("dicom-sr", 1, facts.report_id, facts.version, facts.sha256)
    tree.append(container(n.SIGNED, [text(n.MARK, mark_text(mark)), text(n.KIND, facts.kind)]))
    return tree


def _change(facts: Facts) -> list[Dataset]:
    if facts.change is None and facts.kind != "withdrawal":
        return []
    items = [text(n.CHANGE, kind_of(facts.kind).words)]
    if facts.change is not None:
        items.append(text(n.CHANGE_REASON, facts.change.reason or "not stated"))
        if facts.change.told:
            items.append(text(n.CHANGE_TOLD, facts.change.told))
    return [container(n.CHANGE, items)]


def _request(facts: Facts) -> list[Dataset]:
    items = [text(n.PROCEDURE_DESCRIPTION, facts.procedure)]
    if facts.requester:
        items.append(text(n.REQUESTER, facts.requester))
    return items


def _alert(facts: Facts) -> list[Dataset]:
    if facts.alert is None:
        return []
    alert = facts.alert
    pairs = (
        (n.ALERT_CATEGORY, alert.category),
        (n.ALERT_TOLD, alert.told),
        (n.ALERT_AT, alert.at),
        (n.ALERT_METHOD, alert.method),
    )
    return [container(n.CRITICAL, [text(name, words) for name, words in pairs if words])]


def _section(part: Part, measured: Sequence[Measurement], iod: str) -> Dataset:
    heading = n.heading(part.loinc, part.label)
    inner: list[Dataset] = []
    if heading.meaning != part.label:
        inner.append(text(n.EQUIVALENT, part.label, "HAS CONCEPT MOD"))
    numbers = [] if iod == "basic-text" else [measured_number(one, "INFERRED FROM") for one in measured]
    inner.append(text(n.text_name(heading), part.text, "CONTAINS", numbers))
    if iod == "basic-text":
        inner += [text(n.MEASUREMENT, _in_words(one)) for one in measured]
    inner += [
        code(n.text_name(heading), Name(one.value, one.scheme, one.meaning), "CONTAINS") for one in part.codes
    ]
    return container(heading, inner)


def _in_words(one: Measurement) -> str:
    side = f", {one.side.lower()}" if one.side else ""
    return f"{one.label}: {one.value}{'' if one.unit == '1' else ' ' + one.unit}{side}"


def _measurement_name(one: Measurement) -> Name:
    """The quantity: its own code, else what the unit tells."""
    if one.code is not None:
        return Name(one.code.value, one.code.scheme, one.code.meaning)
    return n.QUANTITY_BY_UNIT.get(one.unit, n.MEASUREMENT)


def measured_number(one: Measurement, relation: str) -> Dataset:
    """A number with what it is called, its side, its lesion and its image (after TID 300)."""
    inner = [text(n.EQUIVALENT, one.label, "HAS CONCEPT MOD")]
    if one.side in n.SIDES:
        inner.append(code(n.LATERALITY, n.SIDES[one.side], "HAS CONCEPT MOD"))
    if one.group:
        inner.append(text(n.TRACKING, one.group, "HAS PROPERTIES"))
    if one.image is not None:
        inner.append(image(n.SOURCE_IMAGE, one.image, "INFERRED FROM"))
    return number(_measurement_name(one), one.value, one.unit, relation, inner)
