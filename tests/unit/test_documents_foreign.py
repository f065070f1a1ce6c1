"""Numbers out of structured reports of others: read under caps, offered to the text, signed with it."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items

from teleread.documents.facts import facts_of
from teleread.documents.sr_foreign import CLASSES, values_in
from teleread.documents.sr_items import Name, code, container, number, text
from teleread.model.errors import IntegrityError
from teleread.model.report import Override
from teleread.model.study import StudyKey
from teleread.model.text import clean
from tests.unit import vault_cases as cases
from tests.unit.test_tui_report_writing import begin, text_of
from tests.unit.test_tui_screens import Driver, walk
from tests.unit.test_workstation_desk import AWAY, World

CT_DOSE, COMPREHENSIVE = CLASSES[3], CLASSES[2]
DLP = Name("113813", "DCM", "CT Dose Length Product Total")


def written(sop_class: str, *content: Dataset) -> bytes:
    """A structured report with that content."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, "1.2.3.4.5"
    ds.ValueType = "CONTAINER"
    ds.ContentSequence = Items(list(content))
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = sop_class, "1.2.3.4.5"
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dose(value: str = "415.82", unit: str = "mGycm") -> bytes:
    """A dose report of a CT (TID 10011): the whole, and one acquisition."""
    total = container(
        Name("113811", "DCM", "CT Accumulated Dose Data"), [number(DLP, value, unit, "CONTAINS")]
    )
    ctdi = number(Name("113830", "DCM", "Mean CTDIvol"), "5.3", "mGy", "CONTAINS")
    acquired = [
        text(Name("125203", "DCM", "Acquisition Protocol"), "Abdomen"),
        container(Name("113829", "DCM", "CT Dose"), [ctdi]),
    ]
    return written(CT_DOSE, total, container(Name("113819", "DCM", "CT Acquisition"), acquired))


def lesion() -> bytes:
    """A measurement report (TID 1500) with one group."""
    group = [
        text(Name("112039", "DCM", "Tracking Identifier"), "Lesion 1"),
        code(Name("363698007", "SCT", "Finding Site"), Name("10200004", "SCT", "Liver")),
        code(Name("272741003", "SCT", "Laterality"), Name("24028007", "SCT", "Right")),
        number(Name("103339001", "SCT", "Long axis"), "12.345678", "mm", "CONTAINS"),
    ]
    inner = [container(Name("125007", "DCM", "Measurement Group"), group)]
    return written(COMPREHENSIVE, container(Name("126010", "DCM", "Imaging Measurements"), inner))


def test_a_dose_report_tells_the_whole_and_each_acquisition_by_its_protocol() -> None:
    assert [str(one.words) for one in values_in(dose())] == [
        "DLP, total 415.8 mGy.cm (from the dose report)",
        "CTDIvol, Abdomen 5.3 mGy (from the dose report)",
    ]


def test_a_measurement_report_tells_site_side_and_lesion() -> None:
    (found,) = values_in(lesion())
    assert str(found.words) == "Long axis, Liver 12.35 mm (from the measurement report)"
    one = found.measurement
    assert (one.value, one.unit, one.side, one.group) == ("12.35", "mm", "RIGHT", "Lesion 1")
    assert one.code is not None
    assert (one.code.value, one.code.scheme) == ("103339001", "SCT")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_what_is_no_number_is_passed_over(value: str) -> None:
    data = dose("111111").replace(b"111111", value.ljust(6).encode())
    assert [str(one.measurement.label) for one in values_in(data)] == ["CTDIvol, Abdomen"]


def test_a_number_without_a_unit_is_passed_over() -> None:
    assert [str(one.measurement.label) for one in values_in(dose(unit=""))] == ["CTDIvol, Abdomen"]


def test_small_doses_are_told_without_an_exponent_in_units_people_use() -> None:
    area = number(Name("113722", "DCM", "Dose Area Product Total"), "1.6e-005", "Gym2", "CONTAINS")
    (found,) = values_in(written(CT_DOSE, container(Name("113702", "DCM", "Accumulated"), [area])))
    assert str(found.words).startswith("Dose area product, total 0.16 Gy.cm2 ")


def test_an_image_a_cut_file_and_one_nested_too_deep_are_refused_in_words() -> None:
    with pytest.raises(IntegrityError):
        values_in(written("1.2.840.10008.5.1.4.1.1.2"))
    with pytest.raises(IntegrityError):
        values_in(dose()[:300])
    deep = number(DLP, "1", "mGy.cm", "CONTAINS")
    for _ in range(70):
        deep = container(Name("113811", "DCM", "CT Accumulated Dose Data"), [deep])
    with pytest.raises(IntegrityError):
        values_in(written(CT_DOSE, deep))


def test_every_dose_report_of_a_real_device_tells_a_dose(shared_data: Path) -> None:
    files = sorted((shared_data / "sr" / "dose").glob("*.dcm"))
    found = {path.name: values_in(path.read_bytes()) for path in files}
    assert found
    assert [name for name, values in found.items() if not values] == []
    # as the devices' own totals say
    totals = {name: str(values[0].words) for name, values in found.items()}
    assert totals["CT-RDSR-Siemens-Multi-1.dcm"] == "DLP, total 7.46 mGy.cm (from the dose report)"
    assert totals["RF-RDSR-GE.dcm"] == "Dose area product, total 2.413 Gy.cm2 (from the dose report)"
    assert totals["MG-RDSR-Hologic_2D.dcm"].startswith("Average glandular dose, accumulated, left 1.3 mGy")


def test_a_value_is_signed_where_its_words_stand_in_the_text_and_only_there(world: World) -> None:
    context = cases.context()
    key = world.task(context)
    study = StudyKey(cases.HUB, str(context.study.study_uid)) if context.study else StudyKey("", "")
    for at, (sop_class, data) in enumerate(((CT_DOSE, dose()), (COMPREHENSIVE, lesion())), 1):
        with world.vault.objects.open_segment(study.hub_id, study.study_uid) as segment:
            segment.begin(replace(cases.instance(at, study.study_uid), sop_class=sop_class, size=len(data)))
            segment.write(data)
            segment.end()
    offered = world.desk.writing.told_by_reports(study)
    assert len(offered) == 3
    draft = world.desk.start_draft(key)
    findings = f"Normal liver. {offered[0].words}."
    texts = {"technique": "Contrast.", "findings": findings, "impression": "No abnormality."}
    world.desk.save_draft(draft.id, draft.seq, texts)
    report = world.desk.sign(
        draft.id, (Override("study-part", clean("all that there is")), AWAY[1]), pin=cases.PIN
    )
    (kept,) = facts_of(report).measurements
    assert (kept.label, kept.value, kept.unit) == ("DLP, total", "415.8", "mGy.cm")
    assert kept.code is not None
    assert kept.code.value == "113813"


def test_the_list_of_measurements_offers_the_dose_and_enter_puts_it_into_the_report() -> None:
    async def steps(do: Driver) -> None:
        do.station.writing.told = values_in(dose())
        await begin(do, "findings")
        await do.press("escape", "m")
        await do.until(lambda: do.reading.sheets)
        assert "DLP, total 415.8 mGy.cm (from the dose report)" in do.text()
        await do.press("s", "enter")
        await do.until(lambda: "CTDIvol, Abdomen 5.3 mGy (from the dose report)" in text_of(do, "findings"))

    walk(steps)
