"""The archive's contents: what the cases plan, and what somebody stored."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from teleread.demo.archive.files import FileKeeper, Planned, header, syntax_of
from teleread.demo.archive.held import Attributes, HeldInstance, HeldSeries, HeldStudy
from teleread.demo.archive.matching import query_fits
from teleread.demo.cases.nouns import Case, Seed, Series, Study

__all__ = ["Catalogue", "NotDicomError", "plans_of"]

_STUDY_KEYWORDS = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyDescription",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
)
_SERIES_KEYWORDS = (
    "Modality",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SeriesNumber",
    "BodyPartExamined",
    "Laterality",
    "SeriesDate",
    "SeriesTime",
)
_INSTANCE_KEYWORDS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "InstanceNumber",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "BitsAllocated",
)


class NotDicomError(Exception):
    """What was sent to be stored is no DICOM object the archive can take."""


def plans_of(cases: Iterable[Case], seed: Seed, began: datetime) -> Iterator[Planned]:
    """Every study the cases plan, priors included."""
    local = began.astimezone()
    for case in cases:
        owner = case.images_of or case.person
        studies: list[tuple[Study, str, datetime]] = [
            (case.study, seed.accession(case), local - timedelta(minutes=case.asked + 8))
        ]
        for index, prior in enumerate(case.priors, 1):
            when = local - timedelta(days=prior.study.days_ago)
            studies.append((prior.study, seed.accession(case, index), when))
        for study, accession, when in studies:
            uid = seed.uid(case.number, study.slug)
            yield Planned(study, uid, owner, case.site, accession, when, case.order.referrer, seed.value)


class Catalogue:
    """Everything the archive can answer with. Safe to use from several threads.

    Args:
        plans: Studies the demo makes itself.
        folder: Where files lie: painted ones, and those stored by somebody.
    """

    def __init__(self, plans: Iterable[Planned], folder: Path) -> None:
        self._painted = FileKeeper(folder / "painted")
        self._uploads = FileKeeper(folder / "stored")
        self._lock = threading.RLock()
        self._instances: dict[str, HeldInstance] = {}
        self.studies: dict[str, HeldStudy] = {}
        for planned in plans:
            self.studies[planned.study_uid] = self._study(planned)
        for path in sorted((folder / "stored").glob("*/*.dcm")):
            self._index(path)

    def _study(self, planned: Planned) -> HeldStudy:
        person = planned.person
        attributes: Attributes = {
            "StudyDate": planned.when.strftime("%Y%m%d"),
            "StudyTime": planned.when.strftime("%H%M%S"),
            "AccessionNumber": planned.accession,
            "ReferringPhysicianName": planned.referrer,
            "StudyDescription": planned.study.description,
            "PatientName": person.pn,
            "PatientID": person.mrn,
            "IssuerOfPatientID": planned.site.system,
            "PatientBirthDate": person.born.replace("-", ""),
            "PatientSex": {"male": "M", "female": "F"}.get(person.sex, "O"),
            "StudyInstanceUID": planned.study_uid,
            "StudyID": planned.accession[-8:],
        }
        held = HeldStudy(planned.study_uid, attributes)
        for series in planned.study.series:
            uid = planned.series_uid(series)
            make = partial(self._planned_instances, planned, series)
            held.series[uid] = HeldSeries(
                uid, _series_attributes(attributes, series, uid), make, planned=series.count
            )
        return held

    def _planned_instances(self, planned: Planned, series: Series) -> list[HeldInstance]:
        out = []
        for index in range(series.count):
            attributes: Attributes = {
                "SOPClassUID": series.sop_class,
                "SOPInstanceUID": planned.sop_uid(series, index),
                "InstanceNumber": index + 1,
                "Rows": series.rows,
                "Columns": series.columns,
                "BitsAllocated": 8 if series.bits <= 8 else 16,
            }
            if series.frames > 1:
                attributes["NumberOfFrames"] = series.frames
            out.append(
                HeldInstance(
                    planned.sop_uid(series, index),
                    series.sop_class,
                    syntax_of(series),
                    attributes,
                    partial(self._painted.load, planned, series, index),
                    partial(header, planned, series, index),
                )
            )
        return out

    def find(self, level: str, wanted: dict[str, str]) -> Iterator[Attributes]:
        """Answer a query.

        Args:
            level: STUDY, SERIES or IMAGE.
            wanted: DICOM keyword to matching key, of any level up to that one.

        Yields:
            Attributes of the level and those above it, with counts.
        """
        with self._lock:
            studies = list(self.studies.values())
        for study in studies:
            attributes = {
                **study.attributes,
                "ModalitiesInStudy": study.modalities,
                "NumberOfStudyRelatedSeries": len(study.series),
                "NumberOfStudyRelatedInstances": study.count,
            }
            upper = {name: text for name, text in wanted.items() if name in attributes}
            if not query_fits(attributes, upper):
                continue
            rest = {name: text for name, text in wanted.items() if name not in attributes}
            if level == "STUDY":
                yield attributes
            else:
                yield from self._find_series(study, attributes, level, rest)

    def _find_series(
        self, study: HeldStudy, above: Attributes, level: str, wanted: dict[str, str]
    ) -> Iterator[Attributes]:
        for series in list(study.series.values()):
            attributes = {**above, **series.attributes, "NumberOfSeriesRelatedInstances": series.count}
            upper = {name: text for name, text in wanted.items() if name in series.attributes}
            if not query_fits(attributes, upper):
                continue
            if level == "SERIES":
                yield attributes
                continue
            rest = {name: text for name, text in wanted.items() if name in _INSTANCE_KEYWORDS}
            for instance in series.instances:
                if query_fits(instance.attributes, rest):
                    yield {**attributes, **instance.attributes}

    def instances(self, study: str, series: str = "", instance: str = "") -> list[HeldInstance]:
        """Instances by UID; empty if there are none."""
        with self._lock:
            held = self.studies.get(study)
            if held is None:
                return []
            if series:
                one = held.series.get(series)
                found = one.instances if one else []
            else:
                found = held.instances
        return [item for item in found if not instance or item.uid == instance]

    def images(self, study: str) -> list[tuple[str, str, str]]:
        """Series UID, SOP class and SOP Instance UID of a study's images; no documents."""
        with self._lock:
            held = self.studies.get(study)
            series = list(held.series.values()) if held else []
        return [
            (one.uid, item.sop_class, item.uid)
            for one in series
            if one.attributes.get("Modality") not in {"SR", "DOC", "KO", "PR"}
            for item in one.instances
        ]

    def store(self, data: bytes) -> tuple[str, str, str]:
        """Keep a Part 10 file that somebody sent.

        Returns:
            Study, SOP class and SOP instance UID.

        Raises:
            NotDicomError: It is no such file, or lacks a UID.
        """
        ds = _read_header(io.BytesIO(data))
        path = self._uploads.path(str(ds.SOPInstanceUID))
        with self._lock:
            if not self.instances(str(ds.StudyInstanceUID), instance=str(ds.SOPInstanceUID)):
                self._uploads.write(path, data)
                self._index(path)
        return str(ds.StudyInstanceUID), str(ds.SOPClassUID), str(ds.SOPInstanceUID)

    def _index(self, path: Path) -> None:
        with path.open("rb") as file:
            ds = _read_header(file)
        study = self.studies.setdefault(
            str(ds.StudyInstanceUID), HeldStudy(str(ds.StudyInstanceUID), _pick(ds, _STUDY_KEYWORDS))
        )
        uid = str(ds.SeriesInstanceUID)
        series = study.series.setdefault(uid, HeldSeries(uid, _pick(ds, _SERIES_KEYWORDS)))
        series.added.append(
            HeldInstance(
                str(ds.SOPInstanceUID),
                str(ds.SOPClassUID),
                str(ds.file_meta.TransferSyntaxUID),
                _pick(ds, _INSTANCE_KEYWORDS),
                path.read_bytes,
                partial(_header_of, path),
            )
        )


def _series_attributes(study: Attributes, series: Series, uid: str) -> Attributes:
    attributes: Attributes = {
        "Modality": series.modality,
        "SeriesDescription": series.description,
        "SeriesInstanceUID": uid,
        "SeriesNumber": series.number,
        "BodyPartExamined": series.body_part,
        "SeriesDate": study["StudyDate"],
        "SeriesTime": study["StudyTime"],
    }
    if series.laterality:
        attributes["Laterality"] = series.laterality
    return attributes


def _read_header(source: Any) -> Any:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        ds = dcmread(source, stop_before_pixels=True)
        names = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
        if not all(ds.get(name) for name in names) or "TransferSyntaxUID" not in ds.file_meta:
            raise NotDicomError("a UID is missing")
    except (InvalidDicomError, ValueError, KeyError, OSError, EOFError, NotImplementedError) as error:
        raise NotDicomError("not a DICOM file") from error
    return ds


def _header_of(path: Path) -> Any:
    with path.open("rb") as file:
        return _read_header(file)


def _pick(ds: Any, keywords: tuple[str, ...]) -> Attributes:
    out: Attributes = {}
    for keyword in keywords:
        value = ds.get(keyword)
        if value is not None and value != "":
            out[keyword] = int(value) if keyword in {"Rows", "Columns", "BitsAllocated"} else str(value)
    return out
