"""What every DICOM form shares: identifiers, patient, study, equipment (PS3.3 C.7), and the Part 10 file.

UIDs are UUID-derived (PS3.5 B.2): ``2.25.`` and the name-based UUID (RFC 9562, version 5) of report id,
version and form. The report id itself came from the operating system at signing, so the UIDs are as unique
as it is, and the same report always gives the same object.
"""

from __future__ import annotations

import struct
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any, Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence as Items

from teleread.model.errors import IntegrityError, UsageError
from teleread.model.evidence import Code, ImageRef
from teleread.model.text import SafeText
from teleread.wire.part10 import file_meta

from .facts import Facts, Numbered

__all__ = [
    "EXPLICIT_LE",
    "LATIN_1",
    "MAX_BYTES",
    "UTF_8",
    "accessions_of",
    "as_held",
    "as_referred",
    "base",
    "birth_date_of",
    "coded",
    "encode",
    "evidence",
    "held",
    "held_name",
    "iso_moment",
    "numbers_of",
    "open_file",
    "predecessor",
    "requests",
    "uid",
]

EXPLICIT_LE: Final = "1.2.840.10008.1.2.1"
MAX_BYTES: Final = 64 * 1024 * 1024
UTF_8: Final = "ISO_IR 192"
LATIN_1: Final = "ISO_IR 100"
_CODECS: Final = {UTF_8: "utf-8", LATIN_1: "latin-1"}
_LO, _SH = 64, 16


_SINGLE_FRAME: Final = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{one}"
    for one in ("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "2", "4", "6.1", "7", "128", "481.1")
)
"""Storage SOP classes without Number of Frames: a reference to one of them names no frame."""


def as_referred(image: ImageRef) -> ImageRef:
    """The image as a reference may name it (PS3.3 table 10-3)."""
    return replace(image, frame=0) if image.sop_class in _SINGLE_FRAME else image


def uid(report_id: str, name: str) -> str:
    """The UID of one thing of a report, such as ``2/sr/1`` (version, form, renderer)."""
    return f"2.25.{uuid.uuid5(uuid.UUID(report_id), name).int}"


def held(text: str, limit: int = _LO) -> str:
    """A text as LO and SH can hold it (PS3.5 6.2): no backslash, which splits values, and not longer.

    The standard counts characters, many receivers count bytes: the shorter of the two is kept.
    """
    text = text.replace("\\", "\N{FULLWIDTH REVERSE SOLIDUS}").strip()
    return text[:limit].encode("utf-8")[:limit].decode("utf-8", "ignore").strip()


def held_name(name: str) -> str:
    """A person's name as PN can hold it: the first component group alone."""
    return name.partition("=")[0].replace("\\", "\N{FULLWIDTH REVERSE SOLIDUS}").strip()


def as_held(facts: Facts) -> Facts:
    """The facts as DICOM can hold them: what a form that was read back is compared with."""
    return replace(
        facts,
        reader=held_name(facts.reader),
        parts=tuple(replace(one, codes=tuple(_as_held(code) for code in one.codes)) for one in facts.parts),
        patient_name=held_name(facts.patient_name),
        numbers=tuple(Numbered(held(one.value), one.issuer) for one in facts.numbers),
        accessions=tuple(one if _short(one) else held(one) for one in facts.accessions),
        sex=facts.sex if facts.sex in {"M", "F", "O"} else "",
        key_images=tuple(replace(one, image=as_referred(one.image)) for one in facts.key_images),
        measurements=tuple(
            replace(
                one,
                image=one.image and as_referred(one.image),
                code=one.code and _as_held(one.code),
            )
            for one in facts.measurements
        ),
    )


def _as_held(code: Code) -> Code:
    return replace(code, scheme=SafeText(held(code.scheme, _SH)), meaning=SafeText(held(code.meaning)))


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """A Code Sequence item (PS3.3 section 8.8)."""
    item = Dataset()
    if len(value) > _SH:
        item.LongCodeValue = value
    else:
        item.CodeValue = value
    item.CodingSchemeDesignator = held(scheme, _SH)
    item.CodeMeaning = held(meaning) or value
    return item


def base(
    facts: Facts, form: Mapping[str, Any], sop_class: str, modality: str, name: str, charset: str
) -> Dataset:
    """A data set with the patient, study, series and equipment modules.

    Args:
        facts: The report.
        form: Its frozen form.
        sop_class: SOP Class UID.
        modality: ``SR``, ``KO`` or ``DOC``.
        name: Names the object within the report version: ``sr/1``.
        charset: Specific Character Set.
    """
    ds = Dataset()
    ds.SpecificCharacterSet = charset
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = uid(facts.report_id, f"{facts.version}/{name}")
    day, time = _date_time(facts.signed_at)
    ds.InstanceCreationDate, ds.InstanceCreationTime = day, time
    ds.TimezoneOffsetFromUTC = "+0000"
    _patient(ds, facts)
    _study(ds, facts, form)
    ds.Modality = modality
    ds.SeriesInstanceUID = uid(facts.report_id, f"series/{name}")
    ds.SeriesNumber = {"SR": 9001, "KO": 9002, "DOC": 9003}[modality]
    ds.InstanceNumber = facts.version
    ds.Manufacturer = "teleread"
    ds.ManufacturerModelName = "teleread.report/1"
    ds.SoftwareVersions = name
    ds.ContentDate, ds.ContentTime = day, time
    return ds


def _patient(ds: Dataset, facts: Facts) -> None:
    ds.PatientName = held_name(facts.patient_name)
    ds.PatientID = ""
    if facts.numbers:
        _number(ds, facts.numbers[0])
    others = []
    for number in facts.numbers[1:]:
        item = Dataset()
        _number(item, number)
        item.TypeOfPatientID = "TEXT"
        others.append(item)
    if others:
        ds.OtherPatientIDsSequence = Items(others)
    whole = len(facts.birth_date) == 10
    ds.PatientBirthDate = facts.birth_date.replace("-", "") if whole else ""
    if facts.birth_date and not whole:
        ds.PatientComments = f"Born {facts.birth_date}"
    ds.PatientSex = facts.sex if facts.sex in {"M", "F", "O"} else ""


def _number(ds: Dataset, number: Numbered) -> None:
    ds.PatientID = held(number.value)
    if not number.issuer:
        return
    ds.IssuerOfPatientID = held(number.issuer)
    qualifier = Dataset()
    qualifier.UniversalEntityID = number.issuer
    qualifier.UniversalEntityIDType = "URI"
    ds.IssuerOfPatientIDQualifiersSequence = Items([qualifier])


def _study(ds: Dataset, facts: Facts, form: Mapping[str, Any]) -> None:
    started = form["order"]["occurrence"] or form["study"]["started"] or ""
    ds.StudyInstanceUID = facts.study_uid or uid(facts.report_id, "study")
    ds.StudyDate, ds.StudyTime = _date_time(started)
    ds.ReferringPhysicianName = ""
    ds.StudyID = ""
    ds.AccessionNumber = facts.accessions[0] if facts.accessions and _short(facts.accessions[0]) else ""
    ds.StudyDescription = held(form["study"]["description"] or facts.procedure)


def requests(facts: Facts) -> Items:
    """Referenced Request Sequence (0040,A370): one item an accession.

    An accession longer than its 16 characters stands in Filler Order Number, which holds 64.
    """
    items = []
    for accession in facts.accessions or ("",):
        item = Dataset()
        item.StudyInstanceUID = facts.study_uid or uid(facts.report_id, "study")
        item.ReferencedStudySequence = Items([])
        item.AccessionNumber = accession if _short(accession) else ""
        item.PlacerOrderNumberImagingServiceRequest = ""
        item.FillerOrderNumberImagingServiceRequest = "" if _short(accession) else held(accession)
        item.RequestedProcedureID = ""
        item.RequestedProcedureDescription = held(facts.procedure)
        item.RequestedProcedureCodeSequence = _procedure(facts)
        items.append(item)
    return Items(items)


def _procedure(facts: Facts) -> Items:
    code = facts.procedure_code
    return Items([coded(code, "99LOCAL", facts.procedure)] if code else [])


def _short(accession: str) -> bool:
    return len(accession) <= _SH and "\\" not in accession


def _date_time(stamp: str) -> tuple[str, str]:
    """DA and TM of RFC 3339 in UTC; of a bare date, the date alone."""
    day, _, time = stamp.partition("T")
    clock = time.rstrip("Z").replace(":", "")
    return day.replace("-", ""), clock


def iso_moment(day: str, time: str) -> str:
    """RFC 3339 in UTC from DA and TM written here."""
    if not day:
        return ""
    date = f"{day[:4]}-{day[4:6]}-{day[6:8]}"
    return f"{date}T{time[:2]}:{time[2:4]}:{time[4:]}Z" if time else date


# -- references ---------------------------------------------------------------------------------------


def evidence(study_uid: str, images: Iterable[ImageRef]) -> Items:
    """Hierarchical SOP Instance Reference Macro (PS3.3 table C.17-3): every instance once."""
    table: dict[str, dict[str, str]] = {}
    for one in images:
        table.setdefault(one.series_uid, {})[one.sop_uid] = one.sop_class
    return Items([_hierarchy(study_uid, table)]) if table else Items([])


def predecessor(study_uid: str, series_uid: str, sop_class: str, sop_uid: str) -> Items:
    """Predecessor Documents Sequence (0040,A360)."""
    return Items([_hierarchy(study_uid, {series_uid: {sop_uid: sop_class}})])


def _hierarchy(study_uid: str, table: Mapping[str, Mapping[str, str]]) -> Dataset:
    study = Dataset()
    series_items = []
    for series_uid, instances in table.items():
        series = Dataset()
        items = []
        for sop_uid, sop_class in instances.items():
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
            items.append(item)
        series.ReferencedSOPSequence = Items(items)
        series.SeriesInstanceUID = series_uid
        series_items.append(series)
    study.ReferencedSeriesSequence = Items(series_items)
    study.StudyInstanceUID = study_uid
    return study


# -- the file -----------------------------------------------------------------------------------------


def encode(ds: Dataset) -> bytes:
    """The Part 10 file, explicit VR little endian; the same data set always gives the same bytes.

    Raises:
        UsageError: A text has characters that the asked character set does not hold.
    """
    codec = _CODECS.get(str(ds.SpecificCharacterSet))
    if codec is None:
        raise UsageError("Only ISO_IR 192 and ISO_IR 100 are written.", code="character-set")
    try:
        for text in _texts(ds):
            text.encode(codec)
    except UnicodeEncodeError:
        raise UsageError(
            "This report has letters that ISO_IR 100 (Latin 1) does not hold.",
            "Nothing was written.",
            "Write it in ISO_IR 192 (UTF-8).",
            code="character-set",
        ) from None
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, ds, str(ds.SpecificCharacterSet))
    meta = file_meta(str(ds.SOPClassUID), str(ds.SOPInstanceUID), EXPLICIT_LE)
    body: bytes = buffer.getvalue()
    return meta + body


_TEXT_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})


def _texts(ds: Dataset) -> Iterable[str]:
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item)
        elif element.VR in _TEXT_VRS:
            yield str(element.value)


def open_file(data: bytes, sop_classes: Sequence[str]) -> Dataset:
    """Read a DICOM file that a form of ours may be.

    Raises:
        IntegrityError: It is none, too long, or of another SOP class.
    """
    try:
        if len(data) > MAX_BYTES:
            raise ValueError
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd value is told by the comparison, not by a warning
            ds = dcmread(BytesIO(data), force=False)
            for _ in _texts(ds):  # pydicom reads lazily: whatever is broken breaks here
                pass
        if str(ds.get("SOPClassUID", "")) not in sop_classes:
            raise ValueError
    except _BROKEN:
        raise IntegrityError("This DICOM file is not a report of that kind.", code="not-a-report") from None
    return ds


_BROKEN: Final = (
    *(InvalidDicomError, ValueError, OSError, AttributeError, NotImplementedError, RecursionError),
    *(LookupError, TypeError, EOFError, OverflowError, BytesLengthException, struct.error),
)
"""What pydicom raises over a file that is none, or a broken one."""


def numbers_of(ds: Dataset) -> tuple[Numbered, ...]:
    """The patient's numbers as `base` wrote them."""
    items = [ds, *ds.get("OtherPatientIDsSequence", [])]
    return tuple(Numbered(str(one.PatientID), _issuer(one)) for one in items if one.get("PatientID"))


def _issuer(ds: Dataset) -> str:
    qualifiers = ds.get("IssuerOfPatientIDQualifiersSequence") or []
    if qualifiers:
        return str(qualifiers[0].get("UniversalEntityID", ""))
    return str(ds.get("IssuerOfPatientID", ""))


def birth_date_of(ds: Dataset) -> str:
    """ISO 8601, possibly partial, as `base` wrote it."""
    day = str(ds.get("PatientBirthDate", ""))
    if day:
        return iso_moment(day, "")
    return str(ds.get("PatientComments", "")).removeprefix("Born ")


def accessions_of(ds: Dataset) -> tuple[str, ...]:
    """Accession numbers as `requests` wrote them."""
    found = [
        str(one.get("AccessionNumber") or one.get("FillerOrderNumberImagingServiceRequest") or "")
        for one in ds.get("ReferencedRequestSequence", [])
    ]
    return tuple(one for one in found if one)
