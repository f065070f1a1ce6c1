"""DICOM objects of the demo: headers from plans, pixels from painters, files on disk."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import threading
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from teleread.demo.cases.nouns import Person, Series, Site, Study

__all__ = ["EXPLICIT", "J2K_LOSSLESS", "RLE", "FileKeeper", "Planned", "syntax_of"]

EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
J2K_LOSSLESS = "1.2.840.10008.1.2.4.90"
_SYNTAX = {"": EXPLICIT, "rle": RLE, "j2k": J2K_LOSSLESS}
_IMPLEMENTATION = "2.25.223458734582734582734582734582734"


def syntax_of(series: Series) -> str:
    """Transfer Syntax UID a series is stored in."""
    return _SYNTAX[series.compression]


@dataclass(frozen=True)
class Planned:
    """One study of the demo, with everything its headers need."""

    study: Study
    study_uid: str
    person: Person
    """Whose images these are; may be another than the order's."""
    site: Site
    accession: str
    when: datetime
    """Start of the study, site's local time."""
    referrer: str
    seed: int

    def series_uid(self, series: Series) -> str:
        """Series Instance UID."""
        return f"{self.study_uid}.{series.number}"

    def sop_uid(self, series: Series, index: int) -> str:
        """SOP Instance UID of the index-th instance, from 0."""
        return f"{self.study_uid}.{series.number}.{index + 1}"


class FileKeeper:
    """Paints instances when asked and keeps the files.

    Args:
        folder: Where the files lie. Names come from hashes, never from UIDs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._locks = [threading.Lock() for _ in range(16)]

    def path(self, sop_uid: str) -> Path:
        """Where an instance's file lies or will lie."""
        name = hashlib.sha256(sop_uid.encode()).hexdigest()
        return self._folder / name[:2] / f"{name[2:]}.dcm"

    def load(self, planned: Planned, series: Series, index: int) -> bytes:
        """The Part 10 file of an instance, painted at the first call."""
        path = self.path(planned.sop_uid(series, index))
        if path.exists():
            return path.read_bytes()
        with self._locks[hash(path.name) % len(self._locks)]:
            if path.exists():
                return path.read_bytes()
            data = file_bytes(planned, series, index)
            self.write(path, data)
        return data

    def write(self, path: Path, data: bytes) -> None:
        """Write a file whole or not at all."""
        path.parent.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)


def header(planned: Planned, series: Series, index: int) -> Any:
    """The Dataset of an instance without its pixels.

    Args:
        planned: The study.
        series: Which series.
        index: Instance, from 0.
    """
    from pydicom.dataset import Dataset

    ds = Dataset()
    _patient(ds, planned)
    _study(ds, planned)
    _series(ds, planned, series)
    ds.SOPClassUID = series.sop_class
    ds.SOPInstanceUID = planned.sop_uid(series, index)
    ds.InstanceNumber = index + 1
    ds.ContentDate, ds.ContentTime = ds.StudyDate, ds.StudyTime
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"] if series.modality == "CT" else ["ORIGINAL", "PRIMARY"]
    _pixels(ds, series)
    _geometry(ds, series, index)
    _look(ds, series)
    return ds


def _patient(ds: Any, planned: Planned) -> None:
    from pydicom.dataset import Dataset

    person = planned.person
    ds.SpecificCharacterSet = "ISO_IR 192" if person.ideographic else "ISO_IR 100"
    ds.PatientName = person.pn
    ds.PatientID = person.mrn
    ds.IssuerOfPatientID = planned.site.system
    qualifiers = Dataset()
    qualifiers.UniversalEntityID = planned.site.system
    qualifiers.UniversalEntityIDType = "URI"
    ds.IssuerOfPatientIDQualifiersSequence = [qualifiers]
    ds.PatientBirthDate = person.born.replace("-", "")
    ds.PatientSex = {"male": "M", "female": "F"}.get(person.sex, "O")
    if person.nhs:
        other, nhs = Dataset(), Dataset()
        other.PatientID = person.nhs
        other.IssuerOfPatientID = "https://fhir.nhs.uk/Id/nhs-number"
        other.TypeOfPatientID = "TEXT"
        nhs.UniversalEntityID = "2.16.840.1.113883.2.1.4.1"
        nhs.UniversalEntityIDType = "ISO"
        other.IssuerOfPatientIDQualifiersSequence = [nhs]
        ds.OtherPatientIDsSequence = [other]
    ds.PatientComments = "DEMO, made-up patient"


def _study(ds: Any, planned: Planned) -> None:
    ds.StudyInstanceUID = planned.study_uid
    ds.StudyDate = planned.when.strftime("%Y%m%d")
    ds.StudyTime = planned.when.strftime("%H%M%S")
    ds.AccessionNumber = planned.accession
    ds.StudyID = planned.accession[-8:]
    ds.StudyDescription = planned.study.description
    ds.ReferringPhysicianName = planned.referrer
    ds.InstitutionName = planned.site.name


def _series(ds: Any, planned: Planned, series: Series) -> None:
    ds.Modality = series.modality
    ds.SeriesInstanceUID = planned.series_uid(series)
    ds.SeriesNumber = series.number
    ds.SeriesDescription = series.description
    ds.SeriesDate, ds.SeriesTime = ds.StudyDate, ds.StudyTime
    ds.Manufacturer = "teleread DEMO"
    ds.ManufacturerModelName = "Painter"
    ds.SoftwareVersions = "DEMO"
    ds.BodyPartExamined = series.body_part
    if series.laterality:
        ds.Laterality = series.laterality
    if series.view:
        ds.ViewPosition = series.view
    if series.modality in {"CT", "MR"}:
        ds.PatientPosition = "HFS"
        ds.FrameOfReferenceUID = f"{planned.study_uid}.0"
        ds.PositionReferenceIndicator = ""


def _pixels(ds: Any, series: Series) -> None:
    colour = series.photometric == "RGB"
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = series.photometric
    if colour:
        ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = series.rows, series.columns
    ds.BitsAllocated = 8 if series.bits <= 8 else 16
    ds.BitsStored, ds.HighBit = series.bits, series.bits - 1
    ds.PixelRepresentation = 0
    if series.frames > 1:
        from pydicom.tag import Tag

        ds.NumberOfFrames = series.frames
        ds.FrameIncrementPointer = Tag("FrameTime")
        ds.FrameTime = "66.7"
        ds.CineRate = 15


def _geometry(ds: Any, series: Series, index: int) -> None:
    if series.spacing:
        ds.PixelSpacing = [_ds(value) for value in series.spacing]
        if series.modality in {"CR", "DX"}:
            ds.ImagerPixelSpacing = ds.PixelSpacing
    if series.orientation is not None:
        ds.ImageOrientationPatient = [_ds(value) for value in series.orientation]
        position = [base + step * index for base, step in zip(series.origin, series.step, strict=True)]
        ds.ImagePositionPatient = [_ds(value) for value in position]
        axis = max(range(3), key=lambda number: abs(series.step[number]))
        ds.SliceLocation = _ds(position[axis])
    if series.thickness is not None:
        ds.SliceThickness = _ds(series.thickness)


def _ds(value: float) -> str:
    """A decimal string of at most 16 characters."""
    return f"{value:.6g}"


def _look(ds: Any, series: Series) -> None:
    if series.intercept is not None:
        ds.RescaleSlope, ds.RescaleIntercept = _ds(series.slope), _ds(series.intercept)
        ds.RescaleType = "HU"
    if series.windows:
        ds.WindowCenter = [_ds(window[0]) for window in series.windows]
        ds.WindowWidth = [_ds(window[1]) for window in series.windows]
        if all(window[2] for window in series.windows):
            ds.WindowCenterWidthExplanation = [window[2] for window in series.windows]
    if series.modality == "CT":
        ds.KVP = "120"
        ds.ConvolutionKernel = "DEMO"
    if series.photometric == "MONOCHROME1":
        ds.PresentationLUTShape = "INVERSE"


def file_bytes(planned: Planned, series: Series, index: int) -> bytes:
    """The Part 10 file of an instance."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filewriter import dcmwrite

    ds = header(planned, series, index)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = series.sop_class
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = EXPLICIT
    meta.ImplementationClassUID = _IMPLEMENTATION
    meta.ImplementationVersionName = "TELEREAD_DEMO"
    ds.file_meta = meta
    if series.painter == "real":
        _encapsulated(ds, _codestream(series, index))
    else:
        from teleread.demo.images.painters import paint

        ds.add_new(
            0x7FE00010, "OB" if ds.BitsAllocated == 8 else "OW", paint(series, index, planned.seed).tobytes()
        )
        if series.compression == "rle":
            ds.compress(RLE, generate_instance_uid=False)
    out = io.BytesIO()
    dcmwrite(out, ds, enforce_file_format=True)
    return out.getvalue()


def _encapsulated(ds: Any, codestream: bytes) -> None:
    from pydicom.encaps import encapsulate

    ds.file_meta.TransferSyntaxUID = J2K_LOSSLESS
    ds.PixelData = encapsulate([codestream])
    ds["PixelData"].VR = "OB"


def _codestream(series: Series, index: int) -> bytes:
    name = series.params["file"] + (f"-{index + 1}" if series.count > 1 else "") + ".j2k"
    return bytes((resources.files("teleread.demo") / "data" / name).read_bytes())
