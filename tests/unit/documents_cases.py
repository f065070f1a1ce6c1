"""Generated reports for the campaign: every script, every kind of field, every kind of version."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from teleread.documents.frozen import freeze
from teleread.model.evidence import (
    Alert,
    Change,
    Code,
    CoSigner,
    Evidence,
    ImageRef,
    KeyImage,
    Measurement,
)
from teleread.model.patient import NHS_SYSTEM, Patient, PatientIdentifier
from teleread.model.report import Draft, Override, Section, SignedReport
from teleread.model.task import Order
from teleread.model.text import SafeText, clean
from teleread.signing.compose import as_signed, freezing
from teleread.signing.jws import sign
from tests.unit import signing_cases as made

COUNT = 200 if os.environ.get("TELEREAD_FULL") == "1" else 12
"""Reports in a campaign."""

SEED = int(os.environ.get("TELEREAD_SEED", "20261124"))

CT, ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"

SCRIPTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "English": (
        "Okonkwo^Adaeze",
        ("Liver of normal size.", "No free fluid; lungs clear.", "5 mm < 1 cm & stable."),
    ),
    "French": (
        "Lefèvre^Noël",
        ("Foie de taille normale.", "Œdème pulmonaire à gauche.", "Pas d’épanchement."),
    ),
    "German": ("Müßig^Jörg", ("Leber normal groß.", "Kein Pleuraerguß.", "Gefäße unauffällig, Größe 3 mm.")),
    "Polish": ("Wąsik^Łukasz", ("Wątroba prawidłowej wielkości.", "Bez płynu w jamie otrzewnej.")),
    "Welsh": ("Llŷr^Siân", ("Yr afu o faint arferol.", "Dim hylif rhydd; ŵy a ŷd.")),
    "Vietnamese": ("Nguyễn^Thị Hồng", ("Gan kích thước bình thường.", "Không có dịch tự do.")),
    "Greek": ("Παπαδοπούλου^Ελένη", ("Ήπαρ φυσιολογικού μεγέθους.", "Χωρίς ελεύθερο υγρό.")),
    "Russian": ("Иванова^Ольга", ("Печень нормальных размеров.", "Свободной жидкости нет.")),
    "Hebrew": ("כהן^שרה", ("הכבד בגודל תקין.", "אין נוזל חופשי 5 mm בבטן.")),
    "Arabic": ("الخطيب^فاطمة", ("الكبد بحجم طبيعي.", "لا يوجد سائل حر 12 mm في البطن.")),
    "Urdu": ("قریشی^عائشہ", ("جگر کا سائز نارمل ہے۔", "پیٹ میں پانی نہیں۔")),
    "Hindi": ("शर्मा^प्रिया", ("यकृत सामान्य आकार का है।", "कोई मुक्त द्रव नहीं।")),
    "Bengali": ("চৌধুরী^মিতা", ("যকৃৎ স্বাভাবিক আকারের।", "মুক্ত তরল নেই।")),
    "Punjabi": ("ਸਿੰਘ^ਹਰਪ੍ਰੀਤ", ("ਜਿਗਰ ਆਮ ਆਕਾਰ ਦਾ ਹੈ।", "ਕੋਈ ਤਰਲ ਨਹੀਂ।")),
    "Gujarati": ("પટેલ^મીના", ("યકૃત સામાન્ય કદનું છે.", "મુક્ત પ્રવાહી નથી.")),
    "Tamil": ("முருகன்^செல்வி", ("கல்லீரல் இயல்பான அளவு.", "திரவம் இல்லை.")),
    "Thai": ("สมบูรณ์^มาลี", ("ตับขนาดปกติ", "ไม่มีน้ำในช่องท้อง")),
    "Amharic": ("ተስፋዬ^ሰላም", ("ጉበት መደበኛ መጠን ነው።", "ነፃ ፈሳሽ የለም።")),
    "Armenian": ("Հակոբյան^Անի", ("Լյարդը նորմալ չափի է։", "Ազատ հեղուկ չկա։")),
    "Georgian": ("ბერიძე^ნინო", ("ღვიძლი ნორმალური ზომისაა.", "თავისუფალი სითხე არ არის.")),
    "Chinese": ("王^小明", ("肝脏大小正常。", "腹腔未见游离液体。")),
    "Japanese": ("山田^花子", ("肝臓の大きさは正常です。", "腹水はありません。")),
    "Korean": ("김^희중", ("간 크기 정상.", "복수 없음.")),
    "Signs": (
        "O'Néill-Smith^Ann",
        (
            "≥ 3 cm², ±2 °, µm, ½ → ✓ |^~\\& \\T\\ .",
            "a^b|c~d\\e&f <b>x</b> {}[]#*_`$@",
            "1 < 2 > 0 \\.br\\ \\X0D\\",
        ),
    ),
}
"""Script to a patient's name and sentences."""

LATIN_1 = ("English", "German")

_EXTRA_SECTIONS = (
    ("recommendations", "Recommendations", "18783-1"),
    ("complications", "Complications", "55109-3"),
    ("history", "Previous history, as told", "11329-0"),
    ("befund-skelett", "Befund Skelett", ""),
    ("dose", "Radiation exposure", "73569-6"),
    ("odd", "A heading with a code of no list", "24604-1"),
)


def reports(count: int = COUNT, seed: int = SEED) -> Iterator[SignedReport]:
    """Chains of versions until there are so many: the same seed gives the same reports."""
    dice = random.Random(seed)
    scripts = list(SCRIPTS)
    told = 0
    for number in itertools.count(1):
        report: SignedReport | None = None
        script = scripts[told % len(scripts)]
        patient, order = about(dice, script, number)
        for kind in (
            *(("preliminary",) if dice.random() < 0.15 else ()),
            "report",
            *dice.choices(("addendum", "correction", "withdrawal", "opinion"), k=dice.randint(0, 2)),
        ):
            before = None if kind == "opinion" else report  # a report of its own, on the same order
            report = version(dice, script, kind, before, (patient, order))
            yield report
            told += 1
            if told == count:
                return


def about(dice: random.Random, script: str, number: int = 0) -> tuple[Patient, Order]:
    """Whom and what a report is about: the same in each of its versions, of other numbers in each report."""
    patient = made.patient(
        name=clean(SCRIPTS[script][0]),
        identifiers=_numbers(dice, number),
        birth_date=clean(dice.choice(("1979-03-14", "2025-12-31", "1979-03", "1979", ""))),
        sex=clean(dice.choice("MFO") if dice.random() < 0.9 else ""),
    )
    last = 40522 + number
    accessions: tuple[list[str], ...] = (
        [f"NG26-{last}"],
        [],
        [f"A1-{number}", f"B2-{number}"],
        [f"NORTHGATE-2026-00{last}"],
    )
    order = made.order(
        id=clean(f"o{number + 1}"),
        accessions=tuple(clean(one) for one in dice.choice(accessions)),
        procedure=clean(dice.choice(("CT abdomen with contrast", "", SCRIPTS[script][1][0]))),
        procedure_code=clean(dice.choice(("CABDOC", "", "A-LONG-LOCAL-PROCEDURE-CODE"))),
        requester=clean(dice.choice(("Northgate, ward 7", "", SCRIPTS[script][0]))),
        occurrence=dice.choice((None, datetime(2026, 11, 24, 13, 31, tzinfo=UTC))),
    )
    return patient, order


def version(
    dice: random.Random,
    script: str,
    kind: str,
    before: SignedReport | None,
    of: tuple[Patient, Order] | None = None,
) -> SignedReport:
    """One version, after the one before it."""
    sections = _sections(dice, script, kind, before)
    name, _ = SCRIPTS[script]
    patient, order = of or about(dice, script)
    context = made.context(the_patient=patient, the_order=order)
    draft = Draft(
        id="5e0d9a2a-2f51-4d3f-8d3a-3a1f1cf3e001",
        key=context.key,
        kind=kind,
        template_id="ct-abdomen-pelvis",
        template_version="1",
        seq=7,
        sections=sections,
        fields={"liver": "normal", "größe": "5 mm"} if dice.random() < 0.5 else {},
    )
    overrides = [made.CHECKED] if dice.random() < 0.3 else []
    if dice.random() < 0.3:
        overrides.append(Override("study-part", clean(dice.choice(SCRIPTS[script][1]))))
    case = made.case(draft=draft, context=context, overrides=tuple(overrides), predecessor=before)
    by = made.key()
    what = freezing(
        case,
        idempotency_key=_uuid(dice),
        report_id=_uuid(dice),
        reader_id="Practitioner/reader",
        reader_name=dice.choice(("Dr Demo Reader", "Dr Zoë Ångström", name.replace("^", " "))),
        signed_at=(before.signed_at if before else made.NOW)
        + timedelta(minutes=dice.randint(0, 10**6), milliseconds=dice.choice((0, 5))),
        zone="Europe/London",
        offset_seconds=-0.25,
    )
    what = replace(what, sections=sections, evidence=_evidence(dice, script, kind, sections))
    frozen = freeze(what)
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    private = load_der_private_key(by.private_key, None)
    assert isinstance(private, EllipticCurvePrivateKey)
    return as_signed(what, sign(frozen, private, [by.certificate]), frozen)


def _uuid(dice: random.Random) -> str:
    import uuid

    return str(uuid.UUID(int=dice.getrandbits(128), version=4))


def _nhs_number(number: int) -> str:
    """The so many-th valid one (check digit by 11) of the range kept for tests."""
    for body in itertools.count(999418221):
        check = (
            -sum(int(digit) * weight for digit, weight in zip(str(body), range(10, 1, -1), strict=True)) % 11
        )
        number -= check < 10
        if number < 0:
            return f"{body}{check}"
    raise AssertionError


def _numbers(dice: random.Random, number: int) -> tuple[PatientIdentifier, ...]:
    nhs = PatientIdentifier(clean(_nhs_number(number)), clean(NHS_SYSTEM), clean("01"))
    own = f"NG{123456 + number}"
    return dice.choice(
        (
            (made.number(own), nhs),
            (nhs, made.number(own), made.number("77-Ü", "")),
            (nhs,),
            (
                made.number(
                    f"{12 + number:04}",
                    "urn:oid:2.16.840.1.113883.2.1.4.1.of-a-hospital-with-a-very-long-name-indeed",
                ),
            ),
            (),
        )
    )


def _text(dice: random.Random, script: str, lines: int = 4) -> SafeText:
    sentences = SCRIPTS[script][1] + (SCRIPTS["Signs"][1] if dice.random() < 0.3 else ())
    out = [" ".join(dice.choices(sentences, k=dice.randint(1, 3))) for _ in range(dice.randint(1, lines))]
    if dice.random() < 0.3:
        out.insert(min(1, len(out)), "")
    if dice.random() < 0.2:
        out.append("  - indented\n" + " ".join(dice.choices(sentences, k=40)))
    return clean("\n".join(out).strip("\n"), multiline=True)


def _sections(
    dice: random.Random, script: str, kind: str, before: SignedReport | None
) -> tuple[Section, ...]:
    from teleread.documents.thawing import thaw

    if before is not None and kind == "addendum":
        said = [
            Section(one["id"], SafeText(one["label"]), one["loinc"], SafeText(one["text"]))
            for one in thaw(before.frozen)["sections"]
        ]
        count = 1 + sum(one.id.startswith("addendum-") for one in said)
        label = clean(f"Addendum {count}, 2026-11-25 09:00 UTC, Dr Demo Reader")
        return (*said, Section(f"addendum-{count}", label, "55107-7", _text(dice, script)))
    specs = [(one.id, str(one.label), one.loinc) for one in made.template().sections]
    specs += [one for one in _EXTRA_SECTIONS if dice.random() < 0.25]
    return tuple(
        Section(
            section_id,
            clean(label),
            loinc,
            SafeText("") if section_id == "comparison" and dice.random() < 0.5 else _text(dice, script),
        )
        for section_id, label, loinc in specs
    )


def _evidence(dice: random.Random, script: str, kind: str, sections: tuple[Section, ...]) -> Evidence:
    words = SCRIPTS[script][1]
    changed = kind in {"correction", "withdrawal"}
    return Evidence(
        key_images=tuple(
            KeyImage(_image(at, dice.choice((0, 1))), clean(dice.choice(("", words[0]))))
            for at in range(dice.choice((0, 1, 2)))
        ),
        measurements=tuple(_measurement(dice, words[0]) for _ in range(dice.choice((0, 0, 1, 3)))),
        codes=tuple(
            Code(clean(value), clean(scheme), clean(meaning), "findings")
            for value, scheme, meaning in (("RID5235", "RADLEX", "stone"), ("56381008", "SCT", "Calculus"))
            if dice.random() < 0.3
        ),
        alert=Alert(
            clean("Critical"),
            clean(f"Dr Ward, {words[0]}"),
            clean("24 November 2026 14:05"),
            clean("telephone"),
        )
        if dice.random() < 0.3
        else None,
        change=Change(clean(words[0]), clean("Ward 7, Sister Jones")) if changed else None,
        cosigners=dice.choice(
            (
                (),
                (),
                (CoSigner(clean("Dr Super Visor"), "supervisor", "Practitioner/super"),),
                (CoSigner(clean("Dr Tray Nee"), "trainee"), CoSigner(clean("Dr Super Visor"), "supervisor")),
            )
        ),
        organisation=clean(dice.choice(("", "Northgate Reporting Ltd"))),
        language="en-GB" if script == "English" else "",
    )


def _image(at: int, frame: int) -> ImageRef:
    kind = CT if at == 0 else ENHANCED_CT
    return ImageRef(f"{made.STUDY_UID}.1", f"{made.STUDY_UID}.1.{at}", kind, frame)


def _measurement(dice: random.Random, words: str) -> Measurement:
    value, unit, code = dice.choice(
        (
            ("12", "mm", None),
            ("0.55", "cm", Code(clean("103339001"), clean("SCT"), clean("Long axis"))),
            ("4.25", "cm2", None),
            ("123456789.12345", "mL", None),
            ("-35", "[hnsf'U]", None),
            ("62", "%", Code(clean("10230-1"), clean("LN"), clean("Left ventricular ejection fraction"))),
            ("3", "1", None),
        )
    )
    return Measurement(
        label=clean(f"Lesion {dice.randint(1, 9)}, {words}"),
        value=value,
        unit=unit,
        code=code,
        side=dice.choice(("", "LEFT", "RIGHT", "BILATERAL")),
        group=clean(dice.choice(("", "Lesion 1", "Lesion 2"))),
        image=_image(0, 0) if dice.random() < 0.6 else None,
    )
