"""QIDO-RS: what an archive has (PS3.18 section 10.6), from servers that page oddly and ignore keys.

Answers are never trusted to be about what was asked: some archives ignore keys they don't know and list
everything; some ignore ``limit`` and ``offset``; some don't percent-decode values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote

from teleread.model.errors import AttentionError, OfflineError
from teleread.model.hubfile import HubFile
from teleread.model.text import EMPTY
from teleread.wire import dicom_json
from teleread.wire.dicom_tags import is_uid
from teleread.wire.http_answers import JsonAnswer

from .port import Manifest, SeriesManifest, StudyMatch

__all__ = ["Qido", "check_study"]

_JSON: Final = {"Accept": "application/dicom+json"}
PAGE: Final = 1000
MAX_INSTANCES: Final = 200_000
_NOT_ENCODED: Final = re.compile(r"[A-Za-z0-9._~^*,:;!$'()@+\-]{1,256}")

STUDY, SERIES, SOP, SOP_CLASS = "0020000D", "0020000E", "00080018", "00080016"
MODALITY, NUMBER, SERIES_NUMBER, COUNT = "00080060", "00200013", "00200011", "00201209"


class Asks(Protocol):
    """`teleread.wire.http.HttpClient`, as far as it is needed here."""

    def get_json(
        self,
        path_or_url: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        /,
    ) -> JsonAnswer:
        """Read a JSON document."""
        ...


class Qido:
    """Asks an archive what there is.

    Args:
        hub: The hub file.
        http: The client.
    """

    def __init__(self, hub: HubFile, http: Asks) -> None:
        self._hub = hub
        self._http = http
        self._literal = hub.literal_query

    def studies(self, patient_id: str) -> tuple[StudyMatch, ...]:
        """Studies of a patient id."""
        found = self._studies(patient_id)
        if not found and not self._literal and quote(patient_id, safe="") != patient_id:
            # It may be one that does not decode what was encoded: then it stays so.
            self._literal = True
            found = self._studies(patient_id)
            self._literal = bool(found)
        return found

    def _studies(self, patient_id: str) -> tuple[StudyMatch, ...]:
        out: dict[str, StudyMatch] = {}
        fields = ["00081030", "00080061", "00201208", "00080050", "00100021"]
        for one in self._pages("studies", {"PatientID": patient_id, "includefield": fields}):
            study_uid = dicom_json.uid(one, STUDY)
            if dicom_json.words(one, "00100020").strip() != patient_id.strip() or not is_uid(study_uid):
                continue  # an archive that ignores the key lists everybody's
            out[study_uid] = StudyMatch(
                study_uid,
                dicom_json.words(one, "00080020"),
                next(iter(dicom_json.texts(one, "00080061")), EMPTY),
                dicom_json.words(one, "00081030"),
                dicom_json.words(one, "00080050"),
                dicom_json.integer(one, "00201208"),
                dicom_json.words(one, "00100021"),
            )
        return tuple(out.values())

    def overview(self, study_uid: str) -> Manifest | None:
        """The study's series with their counts; None where the archive does not tell them."""
        check_study(study_uid)
        # One page: where there are more, the counts don't fit what comes, and the listing decides.
        query = {"includefield": [COUNT, MODALITY, SERIES_NUMBER], "limit": PAGE}
        try:
            found = self._ask(f"studies/{study_uid}/series", query)
        except AttentionError as error:
            if error.code == "forbidden":
                raise
            return None
        series = [
            SeriesManifest(dicom_json.uid(one, SERIES), dicom_json.words(one, MODALITY), {}, count)
            for one in sorted(found, key=_series_number)
            if _of_study(one, study_uid)
            and is_uid(dicom_json.uid(one, SERIES))
            and (count := dicom_json.integer(one, COUNT)) is not None
        ]
        return Manifest(study_uid, tuple(series)) if found and len(series) == len(found) else None

    def manifest(self, study_uid: str) -> Manifest:
        """Every instance the archive lists of the study, however it lets itself be asked."""
        check_study(study_uid)
        query = {"includefield": [MODALITY, NUMBER, SERIES_NUMBER]}
        found: list[Mapping[str, Any]] = []
        refused: AttentionError | None = None
        for listing in (
            lambda: self._pages(f"studies/{study_uid}/instances", query, SOP),
            lambda: self._by_series(study_uid),
            lambda: self._ask(f"studies/{study_uid}/metadata", {}),
        ):
            try:
                found = list(listing())
            except AttentionError as error:
                if error.code == "forbidden":
                    raise
                refused = error
                continue
            return Manifest(study_uid, _series_of(study_uid, found))
        if refused is not None and refused.code != "gone":
            raise refused
        return Manifest(study_uid, ())

    def _by_series(self, study_uid: str) -> Iterator[Mapping[str, Any]]:
        """For archives that list no instances of a study: series first, then theirs."""
        for one in self._pages(f"studies/{study_uid}/series", {}, SERIES):
            series_uid = dicom_json.uid(one, SERIES)
            if is_uid(series_uid):
                path = f"studies/{study_uid}/series/{series_uid}/instances"
                for instance in self._pages(path, {}, SOP):
                    told = {name: one.get(name) for name in (SERIES, MODALITY, SERIES_NUMBER)}
                    yield {**told, **instance}

    def _pages(self, path: str, query: Mapping[str, Any], key: str = STUDY) -> Iterator[Mapping[str, Any]]:
        """All pages: asked for until one brings nothing new, whatever becomes of limit and offset."""
        seen: set[str] = set()
        while len(seen) < MAX_INSTANCES:
            page = self._ask(path, {**query, "limit": PAGE, "offset": len(seen)})
            fresh = 0
            for one in page:
                name = dicom_json.uid(one, key)
                if name and name not in seen:
                    seen.add(name)
                    fresh += 1
                    yield one
            if not fresh:
                return
        raise OfflineError("The archive lists more than any study can hold.", code="garbled")

    def _ask(self, path: str, query: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        patient_id = query.get("PatientID")
        if self._literal and patient_id and _NOT_ENCODED.fullmatch(patient_id):
            # Some archives don't percent-decode values; an address given whole keeps ^ * , as they are.
            rest = [("PatientID", patient_id), *_flat(query)]
            path = f"{path}?" + "&".join(f"{name}={value}" for name, value in rest)
            return dicom_json.data_sets(self._http.get_json(path, None, _JSON).json)
        return dicom_json.data_sets(self._http.get_json(path, query, _JSON).json)


def _series_of(study_uid: str, found: list[Mapping[str, Any]]) -> tuple[SeriesManifest, ...]:
    series: dict[str, dict[str, str]] = {}
    modality: dict[str, Any] = {}
    for one in sorted(found, key=lambda one: (_series_number(one), dicom_json.integer(one, NUMBER) or 0)):
        if not _of_study(one, study_uid):
            continue
        series_uid = dicom_json.uid(one, SERIES)
        series.setdefault(series_uid, {})[dicom_json.uid(one, SOP)] = dicom_json.uid(one, SOP_CLASS)
        modality.setdefault(series_uid, dicom_json.words(one, MODALITY))
    return tuple(SeriesManifest(uid, modality[uid], instances) for uid, instances in series.items())


def _of_study(one: Mapping[str, Any], study_uid: str) -> bool:
    return dicom_json.uid(one, STUDY) in {"", study_uid}


def _series_number(one: Mapping[str, Any]) -> int:
    return dicom_json.integer(one, SERIES_NUMBER) or 0


def _flat(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        if name != "PatientID":
            for one in value if isinstance(value, list) else [value]:
                yield name, quote(str(one), safe="")


def check_study(study_uid: str) -> None:
    """Refuse a Study Instance UID that is none.

    Raises:
        AttentionError: ``bad-uid``.
    """
    if not is_uid(study_uid):
        raise AttentionError(
            "The study can't be asked for: its Study Instance UID is none that DICOM allows.",
            remedy="Tell the site; its order carries it.",
            code="bad-uid",
        )
