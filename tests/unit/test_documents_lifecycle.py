"""The table of kinds: what the manual says is what is written, in every form."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

import teleread
from teleread.documents import dicom_sr, encapsulated, fhir, hl7v2, hl7v2_read, render_text
from teleread.documents.frozen import thaw
from teleread.documents.lifecycle import KINDS
from teleread.model.report import SignedReport
from teleread.wire.er7 import decode
from tests.unit import documents_cases as cases

PAGE = Path(teleread.__file__).parent / "help" / "lifecycle.md"


def made(kind: str) -> SignedReport:
    """A version of that kind, on a report where it stands on one."""
    import random

    dice = random.Random(kind)
    before = cases.version(dice, "English", "report", None) if KINDS[kind].stands_on else None
    return cases.version(dice, "English", kind, before)


def test_the_manuals_table_is_the_table() -> None:
    row = r"^\| ([a-z ]+) \| (\S+) \| (\w+) \| (\w) \| (\w)[^|]*\| ([A-Z, ]+) \|$"
    rows = re.findall(row, PAGE.read_text("utf-8"), re.MULTILINE)
    told = {("opinion" if row[0] == "second opinion" else row[0]): row[1:] for row in rows}
    assert told == {
        name: (
            one.fhir_status,
            one.activity[0],
            one.obr_25,
            one.obx_11,
            f"{one.completion}, {one.verification}, {one.preliminary}",
        )
        for name, one in KINDS.items()
    }


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_form_says_the_kind(kind: str) -> None:
    report, row = made(kind), KINDS[kind]
    bundle = fhir.export_bundle(report, 1).decode()
    assert f'"status": "{row.fhir_status}"' in bundle
    assert f'"code": "{row.activity[0]}"' in bundle
    segments = decode(hl7v2.render(report))
    assert [one.get(25) for one in segments if one.name == "OBR"] == [row.obr_25]
    assert {one.get(11) for one in segments if one.name == "OBX"} == {row.obx_11}
    ds = dcmread(BytesIO(dicom_sr.render(report)))
    flags = (ds.CompletionFlag, ds.VerificationFlag, ds.PreliminaryFlag)
    assert flags == (row.completion, row.verification, row.preliminary)
    assert ("VerifyingObserverSequence" in ds) is row.signed
    assert row.words.split(",")[0] in render_text.render(report).decode()


def test_an_unsigned_reading_says_nowhere_that_it_was_signed() -> None:
    report = made("preliminary")
    assert "Signed by" not in render_text.render(report).decode()
    assert "Not signed: a preliminary reading" in render_text.render(report).decode()
    assert b"Signed by " not in hl7v2.render(report)
    ds = dcmread(BytesIO(encapsulated.render(report)))
    assert ds.VerificationFlag == "UNVERIFIED"


def test_the_first_renderers_messages_can_still_be_written_and_a_second_opinion_has_own_numbers() -> None:
    for kind, status in (("withdrawal", ("X", "C")), ("opinion", ("F", "F"))):
        report = made(kind)
        old, new = (
            next(one for one in decode(hl7v2.render(report, number)) if one.name == "OBR")
            for number in (1, 2)
        )
        assert (old.get(25), new.get(25)) == status
        apart = kind == "opinion"
        assert new.get(3) == (report.report_id if apart else old.get(3))
        assert (new.get(29) == old.get(2)) is apart
        assert old.get(29) == ""
        assert new.get(29, 2) == (old.get(18) if apart else "")
        assert hl7v2_read.read(hl7v2.render(report, 1)).mark.renderer == 1


def test_what_is_added_to_a_second_opinion_stays_under_its_own_numbers_and_ends_nobodys_reading() -> None:
    import random

    report = opinion = made("opinion")
    numbers = {(opinion.report_id, "")}
    for kind in ("addendum", "correction", "withdrawal"):
        report = cases.version(random.Random(kind), "English", kind, report)
        form = thaw(report.frozen)
        assert form["predecessor"]["began"] == "opinion"
        assert fhir.leaves_task(form)
        (obr,) = (one for one in decode(hl7v2.render(report)) if one.name == "OBR")
        numbers.add((obr.get(3), obr.get(2)))
        assert obr.get(29) == form["order"]["id"]
        message = hl7v2.render(report)
        assert hl7v2_read.read(message) == hl7v2_read.message_of(report, style=hl7v2.Style())
    assert numbers == {(opinion.report_id, "")}


def test_an_addendum_to_an_opinion_signed_before_that_was_told_stays_as_it_went_out() -> None:
    import hashlib
    import json
    import random

    import rfc8785

    later = cases.version(random.Random(1), "English", "addendum", made("opinion"))
    form = json.loads(later.frozen)
    del form["predecessor"]["began"]
    data = rfc8785.dumps(form)
    old = replace(later, frozen=data, sha256=hashlib.sha256(data).hexdigest())
    (obr,) = (one for one in decode(hl7v2.render(old)) if one.name == "OBR")
    assert obr.get(2) == form["order"]["id"]
    assert obr.get(29) == ""
    assert not fhir.leaves_task(thaw(old.frozen))
    assert "began" not in (thaw(made("addendum").frozen)["predecessor"] or {})
