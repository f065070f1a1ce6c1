"""The DICOM digital signature on the structured report: made at signing, kept, proved, broken by any byte."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from teleread.documents.dicom_seal import split
from teleread.documents.forms import Switches, render_form
from teleread.documents.sr_read import mark_in
from teleread.model.errors import IntegrityError
from teleread.signing.dicom_signature import verify
from teleread.signing.verify import verify_file
from teleread.workstation.exports import export_report, verify_named
from tests.unit import signing_cases as made
from tests.unit import vault_cases as cases
from tests.unit.signing_cases import sealed
from tests.unit.test_workstation_desk import World


def test_the_exported_structured_report_carries_the_signature_made_at_signing(
    world: World, tmp_path: Path
) -> None:
    report = world.signed(world.task(cases.context()))
    out = tmp_path / "report.dcm"
    export_report(world.core, report.report_id, "dicom-sr", str(out))
    first = out.read_bytes()
    export_report(world.core, report.report_id, "dicom-sr", str(out))
    assert out.read_bytes() == first
    ds = dcmread(BytesIO(first))
    item = ds.MACParametersSequence[0]
    assert (item.MACAlgorithm, item.MACCalculationTransferSyntaxUID) == ("SHA256", "1.2.840.10008.1.2.1")
    assert len(ds.DigitalSignaturesSequence) == 1
    verdict = verify_named(world.core, str(out))
    assert (verdict.valid, verdict.trust, verdict.sha256) == (True, "own", report.sha256)


def test_a_site_that_wants_none_gets_none(tmp_path: Path) -> None:
    world = World(tmp_path, documents={"dicom_signature": False})
    report = world.signed(world.task(cases.context()))
    assert world.vault.reports.seals(report.report_id, 1) == {}
    out = tmp_path / "report.dcm"
    export_report(world.core, report.report_id, "dicom-sr", str(out))
    assert split(out.read_bytes())[1] == b""
    world.desk.close()


def test_a_report_that_the_sites_character_set_does_not_hold_is_signed_all_the_same(tmp_path: Path) -> None:
    world = World(tmp_path, documents={"dicom_charset": "ISO_IR 100"}, reader_name="Dr Ελένη")
    report = world.signed(world.task(cases.context()))
    assert world.vault.reports.seals(report.report_id, 1) == {}
    world.desk.close()


def test_a_signature_asked_for_each_time_signs_report_and_form_and_is_let_go(tmp_path: Path) -> None:
    world = World(tmp_path, sign_again_hours=0.0)
    report = world.signed(world.task(cases.context()))
    assert len(world.vault.reports.seals(report.report_id, 1)) == 1
    assert world.core.session is not None
    assert not world.core.session.ready
    world.desk.close()


def test_the_proof_names_the_key_also_where_the_report_is_not_held() -> None:
    report = made.signed()
    data = sealed(report)
    assert verify_file(data, (made.key().public_key,)).trust == "own"
    found = verify_file(data, ())
    assert (found.valid, found.trust, found.sha256) == (True, "unknown", report.sha256)
    assert "does not hold the report" in found.why


@pytest.mark.parametrize("is_held", [True, False], ids=["held", "not-held"])
def test_one_flipped_bit_anywhere_breaks_the_signed_file(is_held: bool) -> None:
    report = made.signed()
    data = sealed(report)
    tail = split(data)[1]
    dice = random.Random(7)
    places = [dice.randrange(len(data)) for _ in range(60)]
    places += [len(data) - 1 - dice.randrange(len(tail)) for _ in range(60)]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << dice.randrange(8)
        find = (lambda *_: report) if is_held else None
        verdict = verify_file(bytes(changed), (made.key().public_key,), (), find)
        assert not verdict.valid, f"byte {place} of {len(data)}"


def test_a_signature_by_another_key_than_the_reports_is_told() -> None:
    report = made.signed()
    data = sealed(report, by=made.key("Dr Somebody Else"))
    verdict = verify_file(data, (made.key().public_key,), (), lambda *_: report)
    assert not verdict.valid
    assert "another key" in verdict.why


def test_a_signature_cut_from_one_report_does_not_fit_another() -> None:
    first, second = made.signed(), made.addendum()
    tail = split(sealed(first))[1]
    plain = render_form(second, "dicom-sr", Switches())
    with pytest.raises(IntegrityError):
        verify(plain, tail, mark_in(plain))
