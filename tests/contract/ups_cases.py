"""A report as DICOM documents, composed independently of `teleread.documents`."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from datetime import UTC, datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items

from teleread.model.delivery import Receipt, Submission
from teleread.model.task import TaskContext, TaskKey

SR, PDF = "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.104.1"


def documents(
    context: TaskContext, *, report_id: str, key: str, text: str, version: int, before: Receipt | None
) -> Submission:
    """A report version as a structured report and a PDF that stands for one."""
    frozen = json.dumps({"schema": "teleread.report/1", "text": text, "version": version}).encode()
    digest = hashlib.sha256(frozen).hexdigest()
    mark = f"teleread.report/1 form=dicom-sr renderer=1 report={report_id} version={version} sha256={digest}"
    return Submission(
        form="documents",
        body=frozen,
        key=key,
        report_id=report_id,
        version=version,
        sha256=digest,
        task=TaskKey(context.key.hub_id, context.key.task_id),
        predecessor=before.version if before else "",
        parts={
            "dicom-sr": _file(context, SR, "SR", f"{report_id}/{version}/sr", [text, mark]),
            "dicom-pdf": _file(context, PDF, "DOC", f"{report_id}/{version}/pdf", []),
        },
        author="Dr Demo Reader",
        signed_at=datetime(2026, 11, 24, 4, 30, tzinfo=UTC),
        completes=context.task.owner == "Practitioner/reader",
    )


def _uid(name: str) -> str:
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, name).int}"


def _file(context: TaskContext, sop_class: str, modality: str, name: str, texts: list[str]) -> bytes:
    assert context.study is not None
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, _uid(name)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = str(context.study.study_uid), _uid(f"series {name}")
    ds.PatientID = str(context.patient.primary.value) if context.patient.primary else ""
    ds.PatientName, ds.Modality = str(context.patient.name), modality
    content = Items([])
    for text in texts:
        item = Dataset()
        item.RelationshipType, item.ValueType, item.TextValue = "CONTAINS", "TEXT", text
        content.append(item)
    if content:
        ds.ValueType, ds.ContentSequence = "CONTAINER", content
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()
