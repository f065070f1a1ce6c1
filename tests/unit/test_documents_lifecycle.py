"""The table of kinds: what the manual says is what is written, in every form."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

import teleread
from teleread.documents import dicom_sr, encapsulated, fhir, hl7v2, hl7v2_read, render_text
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
