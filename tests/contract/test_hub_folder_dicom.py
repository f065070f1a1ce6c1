"""Orders as DICOM worklist files in a drop box, written by pydicom."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from teleread.host.clock import FakeClock
from teleread.hub.folder import FolderHub
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskContext, TaskKey

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)


def worklist_file(
    name: str = "Müller^Zoë", syntax: str = ExplicitVRLittleEndian, charset: str = "ISO_IR 100", **more: str
) -> bytes:
    """One scheduled step of one requested procedure."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
    data.file_meta.MediaStorageSOPInstanceUID = "2.25.1"
    data.file_meta.TransferSyntaxUID = syntax
    data.SpecificCharacterSet = charset
    data.PatientName, data.PatientID, data.IssuerOfPatientID = name, "N000001", "NORTH"
    data.PatientBirthDate, data.PatientSex = "19700102", "F"
    data.AccessionNumber, data.StudyInstanceUID = "A1", "1.2.3.4"
    data.RequestedProcedureID, data.RequestedProcedureDescription = "A1", "XR Knee Left"
    data.RequestedProcedurePriority, data.ReasonForTheRequestedProcedure = "STAT", "Fell. Fracture?"
    step = Dataset()
    step.Modality, step.ScheduledProcedureStepStartDate = "CR", "20261124"
    step.ScheduledProcedureStepStartTime, step.ScheduledProcedureStepID = "030000", "SPS1"
    step.ScheduledProcedureStepStatus = more.pop("status", "SCHEDULED")
    data.ScheduledProcedureStepSequence = [step]
    for keyword, value in more.items():
        setattr(data, keyword, value)
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "orders").mkdir()
    return tmp_path


def hub_of(box: Path) -> FolderHub:
    return FolderHub(HubFile("hub-1", "TEST", folder=str(box), reader_id="reader"), None, FakeClock(NOW))


def pulled(hub: FolderHub) -> tuple[dict[str, TaskContext], str]:
    pages = list(hub.pull(""))
    found = {one.key.task_id: one for page in pages for one in page.contexts}
    return found, " ".join(words for page in pages for words in page.skipped)


@pytest.mark.parametrize("suffix", [".wl", ".dcm", ".DCM"])
@pytest.mark.parametrize(
    ("syntax", "charset"), [(ExplicitVRLittleEndian, "ISO_IR 192"), (ImplicitVRLittleEndian, "ISO_IR 100")]
)
def test_a_worklist_file_is_an_order_with_patient_and_study(
    box: Path, suffix: str, syntax: str, charset: str
) -> None:
    (box / "orders" / f"a{suffix}").write_bytes(worklist_file(syntax=syntax, charset=charset))
    found, skipped = pulled(hub_of(box))
    context = found["A1"]
    assert skipped == ""
    assert (context.task.status, context.task.priority) == ("requested", "stat")
    assert (context.order.accession, context.order.procedure) == ("A1", "XR Knee Left")
    assert context.order.question == "Fell. Fracture?"
    assert (context.patient.name, context.patient.birth_date) == ("Müller^Zoë", "1970-01-02")
    assert context.patient.primary is not None
    assert (context.patient.primary.value, context.patient.primary.issuer) == ("N000001", "NORTH")
    assert context.study is not None
    assert (context.study.study_uid, context.study.modality) == ("1.2.3.4", "CR")


def test_a_worklist_file_is_claimed_amended_and_called_off_as_any_order(box: Path) -> None:
    path, hub = box / "orders" / "a.wl", hub_of(box)
    path.write_bytes(worklist_file())
    claimed = hub.claim(hub.read(TaskKey("hub-1", "A1")))
    assert claimed.task.status == "in-progress"
    path.write_bytes(worklist_file(RequestedProcedureDescription="XR Knee Right instead"))
    now = hub.read(claimed.key)
    assert "order" in claimed.versions.changed(now.versions)
    path.write_bytes(worklist_file(status="DISCONTINUED"))
    assert hub.read(claimed.key).task.status == "cancelled"


HOSTILE = {
    "empty": b"",
    "text": b"accession,procedure\n",
    "no prefix": worklist_file()[132:],
    "deflated": worklist_file(syntax=DeflatedExplicitVRLittleEndian),
    "half": worklist_file()[:-40],
    "only its head": worklist_file()[:200],
    "a lying head": worklist_file()[:140] + b"\xff\xff\xff\x7f" + worklist_file()[144:],
    "nobody": worklist_file(name="", PatientID=""),
    "no order": worklist_file(AccessionNumber="", RequestedProcedureID="", StudyInstanceUID=""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_worklist_item_is_told_and_the_rest_is_good(box: Path, name: str) -> None:
    (box / "orders" / "good.wl").write_bytes(worklist_file())
    (box / "orders" / "bad.wl").write_bytes(HOSTILE[name])
    found, skipped = pulled(hub_of(box))
    assert set(found) == {"A1"}
    assert skipped.startswith("bad.wl: it")
