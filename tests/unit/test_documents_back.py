"""Every form of every generated report reads back equal, is the same when written again, proves itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from teleread.documents import (
    dicom_measurements,
    dicom_sr,
    encapsulated,
    fhir,
    hl7v2,
    hl7v2_read,
    key_objects,
    pdf,
    render_html,
    render_text,
)
from teleread.documents.dicom_common import as_held
from teleread.documents.facts import facts_of
from teleread.documents.forms import FORMS, Switches, render_form
from teleread.documents.frozen import thaw
from teleread.documents.sr_read import facts_in
from teleread.model.errors import IntegrityError, TelereadError, UsageError
from teleread.model.report import SignedReport
from teleread.signing.verify import verify_file
from tests.unit import documents_cases as cases
from tests.unit import signing_cases as made

REPORTS = list(cases.reports())
NAMED = [pytest.param(one, id=f"{index}-{one.kind}") for index, one in enumerate(REPORTS)]
MEASURED = [one for one in REPORTS if facts_of(one).measurements]


@pytest.mark.parametrize("report", NAMED)
def test_html_fhir_and_hl7_give_back_the_very_bytes(report: SignedReport) -> None:
    for carried in (
        render_html.read_back(render_html.render(report)),
        fhir.read_back(fhir.export_bundle(report)),
        hl7v2_read.read_back(hl7v2.render(report)),
    ):
        assert (carried.frozen, carried.signature) == (report.frozen, report.signature)


@pytest.mark.parametrize("report", NAMED)
def test_the_pdf_gives_back_the_very_bytes_alone_and_inside_a_dicom_object(report: SignedReport) -> None:
    page = pdf.render(report)
    carried = pdf.read_back(page)
    assert (carried.frozen, carried.signature) == (report.frozen, report.signature)
    assert encapsulated.pdf_in(encapsulated.render(report)) == page


@pytest.mark.parametrize("iod", list(dicom_sr.IODS))
@pytest.mark.parametrize("report", NAMED)
def test_a_structured_report_reads_back_equal(report: SignedReport, iod: str) -> None:
    facts = as_held(facts_of(report))
    found = facts_in(dicom_sr.render(report, iod=iod))
    if iod == "basic-text":  # its measurements are words
        assert found.measurements == ()
        found = replace(found, measurements=facts.measurements)
    assert found == facts


@pytest.mark.parametrize("report", MEASURED)
def test_measurements_read_back_equal(report: SignedReport) -> None:
    found = dicom_measurements.measurements_in(dicom_measurements.render(report))
    assert sorted(map(repr, found)) == sorted(map(repr, as_held(facts_of(report)).measurements))


@pytest.mark.parametrize("report", NAMED)
def test_key_objects_read_back_equal(report: SignedReport) -> None:
    assert key_objects.read(key_objects.render(report)) == key_objects.selection_of(report)


@pytest.mark.parametrize(
    "style",
    [
        hl7v2.Style(),
        hl7v2.Style(layout="repeat", carry=False),
        hl7v2.Style(layout="formatted", addendum="append"),
        hl7v2.Style(width=40, addendum="append-only", sender="T|E^L", receiver="RIS"),
    ],
    ids=lambda one: f"{one.layout}-{one.addendum}",
)
@pytest.mark.parametrize("report", NAMED)
def test_a_message_is_understood_as_it_was_meant(report: SignedReport, style: hl7v2.Style) -> None:
    data = hl7v2.render(report, style=style)
    assert hl7v2_read.read(data) == hl7v2_read.message_of(report, style=style)


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_is_the_same_when_it_is_written_again(form: str) -> None:
    for report in MEASURED[:4]:
        assert render_form(report, form) == render_form(report, form)


def held(report: SignedReport, report_id: str, version: int) -> SignedReport | None:
    return report if (report.report_id, report.version) == (report_id, version) else None


SWITCHED = Switches(sr="comprehensive", hl7_layout="repeat", hl7_addendum="append", hl7_receiver="RIS")


@pytest.mark.parametrize("switches", [Switches(), SWITCHED], ids=["usual", "switched"])
@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_is_proved(form: str, switches: Switches) -> None:
    for report in MEASURED[:3]:
        data = render_form(report, form, switches)
        own = (made.key().public_key,)
        verdict = verify_file(data, own, (), lambda *name, report=report: held(report, *name))
        assert (verdict.valid, verdict.trust, verdict.why) == (True, "own", "")


@pytest.mark.parametrize("form", list(FORMS))
def test_one_flipped_bit_anywhere_breaks_the_proof(form: str) -> None:
    report = MEASURED[0]
    data = render_form(report, form)
    dice = random.Random(form)
    own = (made.key().public_key,)
    for _ in range(40):
        place = dice.randrange(len(data))
        changed = bytearray(data)
        changed[place] ^= 1 << dice.randrange(8)
        verdict = verify_file(bytes(changed), own, (), lambda *name: held(report, *name))
        assert not verdict.valid, f"byte {place} of {len(data)}"
        assert verdict.why


@pytest.mark.parametrize("form", ["dicom-sr", "dicom-measurements", "key-objects", "text"])
def test_a_form_without_the_signed_bytes_needs_the_vault(form: str) -> None:
    verdict = verify_file(render_form(MEASURED[0], form), ())
    assert not verdict.valid
    assert "does not hold that report" in verdict.why


def latin_1() -> SignedReport:
    import itertools

    found = (one for one in cases.reports(400) if _fits(one))
    (report,) = itertools.islice(found, 1)
    return report


def _fits(report: SignedReport) -> bool:
    return all(ord(letter) < 256 for letter in report.frozen.decode())


def test_latin_1_is_written_where_every_letter_is_in_it() -> None:
    report = latin_1()
    switches = Switches(dicom_charset="ISO_IR 100", hl7_charset="8859/1")
    assert facts_in(render_form(report, "dicom-sr", switches)) == as_held(facts_of(report))
    message = render_form(report, "hl7v2", switches)
    assert hl7v2_read.read(message) == hl7v2_read.message_of(report, style=switches.hl7)


@pytest.mark.parametrize("form", ["dicom-sr", "hl7v2"])
def test_letters_that_latin_1_lacks_are_refused_in_words(form: str) -> None:
    report = next(one for one in cases.reports(60) if not _fits(one))
    switches = Switches(dicom_charset="ISO_IR 100", hl7_charset="8859/1")
    with pytest.raises(UsageError, match="letters"):
        render_form(report, form, switches)


@pytest.mark.parametrize("form", [one for one in FORMS if one not in {"text", "html", "fhir"}])
def test_a_renderer_nobody_has_is_told(form: str) -> None:
    table: dict[str, Callable[[SignedReport, int], bytes]] = {
        "pdf": pdf.render,
        "dicom-sr": dicom_sr.render,
        "dicom-measurements": dicom_measurements.render,
        "dicom-pdf": encapsulated.render,
        "key-objects": key_objects.render,
        "hl7v2": hl7v2.render,
    }
    with pytest.raises(IntegrityError, match="renderer 99"):
        table[form](MEASURED[0], 99)


def test_a_withdrawal_is_told_first_and_in_every_readable_form() -> None:
    report = next(one for one in cases.reports(400) if one.kind == "withdrawal" and one.version > 1)
    change = facts_of(report).change
    assert change
    for form in ("text", "html", "hl7v2"):
        words = render_form(report, form).decode()
        assert "withdrawn" in words.casefold()
        assert words.casefold().index("withdrawn") < words.index("Technique")
        assert change.told in words
    assert b'"entered-in-error"' in render_form(report, "fhir")
    assert key_objects.selection_of(report).title == key_objects.REJECTED
    assert "|W|||" in render_form(report, "hl7v2").decode()


def test_a_critical_result_stands_in_every_readable_form() -> None:
    report = next(one for one in cases.reports(400) if facts_of(one).alert)
    alert = facts_of(report).alert
    assert alert
    for form in ("text", "html", "hl7v2"):
        assert f"Told: {alert.told}" in render_form(report, form).decode()
    assert facts_in(render_form(report, "dicom-sr")).alert == alert


def test_a_later_version_names_the_document_it_replaces() -> None:
    from io import BytesIO

    from pydicom import dcmread

    later = next(one for one in cases.reports(400) if one.version == 2)
    found = dcmread(BytesIO(dicom_sr.render(later)))
    study = found.PredecessorDocumentsSequence[0]
    reference = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    _, kind, uid = dicom_sr.sr_reference(later.report_id, 1, "enhanced")
    assert (reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID) == (kind, uid)
    assert str(found.SOPInstanceUID) != uid


def test_an_old_report_without_evidence_still_gives_every_form_but_measurements() -> None:
    report = made.signed()
    for form in FORMS:
        if form == "dicom-measurements":
            with pytest.raises(UsageError, match="no measurement"):
                render_form(report, form)
        else:
            assert render_form(report, form)


def test_a_report_signed_by_version_1_tells_no_classes_and_so_gives_no_manifest() -> None:
    bare = tuple(replace(one, sop_class="") for one in made.instances())
    report = made.signed(made.case(instances=bare))
    assert "series" not in thaw(report.frozen)["study"]
    with pytest.raises(UsageError, match="key image"):
        key_objects.render(report)


def test_letters_no_font_holds_are_written_as_their_numbers() -> None:
    from teleread.documents.fonts import holds, missing

    assert missing("Leber größer; печень; 肝臓; الكبد; ✓ ≥ →") == set()
    assert not holds("\U00013000")
    page = pdf._drawable({"lines": ["\U00013000 ok"]})
    assert page == {"lines": ["[U+13000] ok"]}


def test_the_shipped_fonts_cover_every_script_of_the_campaign() -> None:
    from teleread.documents.fonts import missing

    for name, sentences in cases.SCRIPTS.values():
        assert missing(name + "".join(sentences)) == set()


def test_text_forms_stay_text() -> None:
    assert render_text.render(MEASURED[0]).decode().count("\x1b") == 0


def test_without_typst_a_report_still_leaves_by_fhir_and_the_pdf_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf, "_typst_version", lambda: "")
    report = MEASURED[0]
    assert fhir.read_back(fhir.export_bundle(report)).renderer == 1
    with pytest.raises(TelereadError, match="typst is not installed"):
        pdf.render(report)
    monkeypatch.setattr(pdf, "_typst_version", lambda: "0.99.0")
    with pytest.raises(TelereadError, match=r"typst 0\.99\.0 is installed"):
        pdf.render(report)


@pytest.mark.parametrize("form", ["pdf", "dicom-pdf"])
def test_a_pdf_of_another_typst_is_told_as_such_and_never_as_changed(form: str) -> None:
    data = render_form(MEASURED[0], form)
    told = pdf.setter_of(data).encode()
    other = told[:-1] + (b"8" if told[-1:] != b"8" else b"7")
    verdict = verify_file(data.replace(b"(Typst " + told, b"(Typst " + other), (made.key().public_key,))
    assert not verdict.valid
    assert "was set with typst" in verdict.why


def test_a_message_whose_signature_has_other_bytes_than_letters_is_refused_in_words() -> None:
    import base64

    report = MEASURED[0]
    data = hl7v2.render(report)
    signature = base64.b64encode(report.signature.encode())[:190]
    assert data.count(signature[:40]) == 1
    for letters in (b"////", b"wqDC", b"AAAA"):  # bytes over 127, two letters of Latin-1 in UTF-8, zeros
        broken = data.replace(signature[:40], letters + signature[4:40])
        verdict = verify_file(broken, (made.key().public_key,), (), lambda *name: held(report, *name))
        assert not verdict.valid
        assert verdict.why
