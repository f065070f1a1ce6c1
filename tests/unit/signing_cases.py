"""Builders for the tests of reporting, documents and signing: one made-up case, told in keywords."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from teleread.documents.frozen import freeze
from teleread.model.identity import Match, compare
from teleread.model.patient import NHS_SYSTEM, Patient, PatientIdentifier
from teleread.model.report import Draft, Override, Section, SignedReport, Template
from teleread.model.study import ImageIdentity, InstanceInfo, StudyInfo, StudyKey
from teleread.model.task import Order, OrderedStudy, PriorStudy, Task, TaskContext, TaskKey
from teleread.model.text import SafeText, clean
from teleread.reporting.drafting import merge, new_sections, study_digest
from teleread.reporting.templates import builtin_templates
from teleread.signing.compose import Case, as_signed, freezing
from teleread.signing.jws import sign
from teleread.signing.keys import NewKey, make_key

HOSPITAL = "https://northgate.example/mrn"
STUDY_UID = "1.2.826.0.1.3680043.8.498.1"
NOW = datetime(2026, 11, 24, 14, 2, 11, tzinfo=UTC)
REPORT_ID = "6f1d6a3e-5b1c-4a53-9f39-0d7a54b6a001"
KEYS = (
    "01933f1c-0d7a-7b52-8c00-000000000001",
    "01933f1c-0d7a-7b52-8c00-000000000002",
    "01933f1c-0d7a-7b52-8c00-000000000003",
)


def number(value: str, issuer: str = HOSPITAL) -> PatientIdentifier:
    return PatientIdentifier(clean(value), clean(issuer))


def patient(**changes: Any) -> Patient:
    base = Patient(
        id=clean("p1"),
        version=clean("3"),
        name=clean("Okonkwo^Adaeze"),
        identifiers=(
            number("NG123456"),
            PatientIdentifier(clean("9994182218"), clean(NHS_SYSTEM), clean("01")),
        ),
        birth_date=clean("1979-03-14"),
        sex=clean("F"),
    )
    return replace(base, **changes)


def order(**changes: Any) -> Order:
    base = Order(
        id=clean("o1"),
        version=clean("2"),
        status=clean("active"),
        accessions=(clean("NG26-40522"),),
        procedure=clean("CT abdomen with contrast"),
        procedure_code=clean("CABDOC"),
        body_part=clean("abdomen"),
        question=clean("RUQ pain, fever 38.9.\n[?abscess]", multiline=True),
        requester=clean("Northgate, ward 7"),
        occurrence=datetime(2026, 11, 24, 13, 31, tzinfo=UTC),
    )
    return replace(base, **changes)


def ordered(**changes: Any) -> OrderedStudy:
    base = OrderedStudy(
        id=clean("s1"),
        version=clean("1"),
        study_uid=clean(STUDY_UID),
        modality=clean("CT"),
        instances=2,
        started=datetime(2026, 11, 24, 13, 31, tzinfo=UTC),
        description=clean("CT abdomen"),
        accessions=(clean("NG26-40522"),),
    )
    return replace(base, **changes)


def image(**changes: Any) -> ImageIdentity:
    base = ImageIdentity(
        patient_id=clean("NG123456"),
        issuer=clean(HOSPITAL),
        other_ids=((clean("9994182218"), clean("NHS")),),
        name=clean("OKONKWO^ADAEZE"),
        birth_date=clean("1979-03-14"),
        sex=clean("F"),
        accession=clean("NG26-40522"),
        study_uid=clean(STUDY_UID),
    )
    return replace(base, **changes)


def context(
    *,
    the_patient: Patient | None = None,
    the_order: Order | None = None,
    the_study: OrderedStudy | None = None,
    priors: tuple[PriorStudy, ...] = (),
    **task: Any,
) -> TaskContext:
    base = Task(
        id=clean("t1"), version=clean("5"), status=clean("in-progress"), owner=clean("Practitioner/reader")
    )
    raw = {
        "task": {
            "resourceType": "Task",
            "id": "t1",
            "meta": {"versionId": "5", "profile": ["https://northgate.example/reading"]},
            "status": "in-progress",
            "intent": "order",
            "priority": "urgent",
            "for": {"reference": "Patient/p1"},
            "owner": {"reference": "Practitioner/reader"},
        }
    }
    return TaskContext(
        TaskKey("hub-7f3c", "t1"),
        replace(base, **task),
        the_order or order(),
        the_patient or patient(),
        the_study or ordered(),
        priors,
        raw=raw,
    )


def template(template_id: str = "ct-abdomen-pelvis") -> Template:
    return next(one for one in builtin_templates() if one.id == template_id)


GOOD_TEXTS = {
    "technique": "CT of the abdomen, [portal venous phase].",
    "findings": "Liver: [of normal size with no focal lesion].\nGallbladder: gallstones. RIGHT kidney: cyst.",
    "impression": "1. No liver abscess.\n2. Stable small RIGHT renal cyst; no follow-up needed.",
}


def instances(count: int = 2) -> tuple[InstanceInfo, ...]:
    return tuple(
        InstanceInfo(
            sop_uid=f"{STUDY_UID}.1.{index}",
            sop_class="1.2.840.10008.5.1.4.1.1.2",
            series_uid=f"{STUDY_UID}.1",
            transfer_syntax="1.2.840.10008.1.2.1",
            size=1000,
            sha256=f"{index:064x}",
            identity=image(),
        )
        for index in range(count)
    )


def study(held: int = 2, expected: int | None = 2) -> StudyInfo:
    return StudyInfo(StudyKey("hub-7f3c", STUDY_UID), held=held, expected=expected, modality=clean("CT"))


def draft(the_context: TaskContext | None = None, *, kind: str = "report", **texts: str) -> Draft:
    the_context = the_context or context()
    sections = new_sections(template(), the_context)
    if kind == "addendum":
        sections = tuple(replace(one, text=SafeText("")) for one in sections)
    written = texts if texts or kind == "addendum" else GOOD_TEXTS
    return Draft(
        id="5e0d9a2a-2f51-4d3f-8d3a-3a1f1cf3e001",
        key=the_context.key,
        kind=kind,
        template_id="ct-abdomen-pelvis",
        template_version="1",
        seq=7,
        sections=merge(sections, {name.replace("_", "-"): text for name, text in written.items()}),
        opened_versions=the_context.versions,
        opened_study_digest=study_digest(instances()),
    )


def match(the_context: TaskContext | None = None, images: tuple[ImageIdentity, ...] | None = None) -> Match:
    the_context = the_context or context()
    return compare(
        the_context.patient,
        the_context.order,
        the_context.study,
        (image(),) if images is None else images,
        (),
        None,
        "",
    )


def case(**changes: Any) -> Case:
    the_context = changes.get("context") or context()
    base = Case(
        draft=draft(the_context),
        context=the_context,
        study=study(),
        instances=instances(),
        match=match(the_context),
        checks=(),
        overrides=(),
        template=template(),
    )
    return replace(base, **changes)


@functools.lru_cache(maxsize=4)
def key(name: str = "Dr Demo Reader") -> NewKey:
    return make_key(name, NOW)


def signed(
    the_case: Case | None = None,
    *,
    by: NewKey | None = None,
    at: datetime = NOW,
    key_of_it: str = "",
    report_id: str = REPORT_ID,
) -> SignedReport:
    """A signed report without a vault; its idempotency key by its version, where none is given."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    the_case, by = the_case or case(), by or key()
    before = the_case.predecessor
    what = freezing(
        the_case,
        idempotency_key=key_of_it or KEYS[before.version if before else 0],
        report_id=report_id,
        reader_id="Practitioner/reader",
        reader_name="Dr Demo Reader",
        signed_at=at,
        zone="Europe/London",
        offset_seconds=-0.25,
    )
    frozen = freeze(what)
    private = load_der_private_key(by.private_key, None)
    assert isinstance(private, EllipticCurvePrivateKey)
    return as_signed(what, sign(frozen, private, [by.certificate]), frozen)


def addendum(before: SignedReport | None = None) -> SignedReport:
    """Version 2 (or later): an addendum on a signed report."""
    before = before or signed()
    later = draft(kind="addendum", findings="Appendix 9 mm, not inflamed.")
    return signed(case(draft=replace(later, report_id=before.report_id), predecessor=before))


CHECKED = Override("identity-checked", clean("Spoke to the ward: wristband checked."))


def section(section_id: str, text: str) -> Section:
    return Section(section_id, clean(section_id.capitalize()), "59776-5", clean(text, multiline=True))


def sealed(report: SignedReport, *, by: NewKey | None = None) -> bytes:
    """Its structured report with a DICOM digital signature."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    from teleread.documents.forms import render_form
    from teleread.signing.dicom_signature import seal

    by = by or key()
    private = load_der_private_key(by.private_key, None)
    assert isinstance(private, EllipticCurvePrivateKey)
    plain = render_form(report, "dicom-sr")
    return plain + seal(plain, report, by.certificate, lambda data: private.sign(data, ECDSA(SHA256())))
