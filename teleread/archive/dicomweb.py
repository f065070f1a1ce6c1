"""DICOMweb: QIDO-RS for what there is, WADO-RS for the bytes (PS3.18 chapters 8 and 10).

Answers are never trusted to be about what was asked: some archives ignore keys they don't know and list
everything. A cut answer looks whole to HTTP where a server ends by hanging up, so the closing boundary is
demanded (`teleread.wire.multipart`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from teleread.host.clock import Clock, SystemClock
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.text import EMPTY
from teleread.wire import dicom_json
from teleread.wire.dicom_tags import is_uid
from teleread.wire.http import HttpClient, StreamAnswer, Timeouts
from teleread.wire.multipart import MultipartParser, boundary_of

from .intake import Intake
from .port import Capabilities, InstanceSink, Manifest, RetrieveResult, SeriesManifest, StudyMatch

__all__ = ["DicomwebArchive"]

_JSON: Final = {"Accept": "application/dicom+json"}
_ACCEPTS: Final = (
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom"',
)
"""Bytes as stored first; a server that knows no ``*`` answers 406 or 400 and is asked again without."""
PAGE: Final = 1000
MAX_INSTANCES: Final = 200_000
_NOT_ENCODED: Final = re.compile(r"[A-Za-z0-9._~^*,:;!$'()@+\-]{1,256}")

STUDY, SERIES, SOP, SOP_CLASS = "0020000D", "0020000E", "00080018", "00080016"


class DicomwebArchive:
    """An archive behind DICOMweb.

    Args:
        hub: The hub file; ``dicomweb`` is set.
        secret: Password or token of the hub.
        clock: Where time comes from.
        client: Another client, for tests.
        again: How often one instance is asked for again at once after its line broke.
    """

    capabilities = Capabilities("dicomweb")

    def __init__(
        self,
        hub: HubFile,
        secret: str | None = None,
        clock: Clock | None = None,
        *,
        client: HttpClient | None = None,
        again: int = 2,
    ) -> None:
        self._hub = hub
        self._clock = clock or SystemClock()
        self._again = again
        self._accept = 0
        # Some archives think for two minutes before the first object.
        self._http = client or HttpClient(
            hub, secret, base=hub.dicomweb, what="archive", timeouts=Timeouts(read=150.0, total=300.0)
        )

    def echo(self) -> float:
        """Ask for one study; milliseconds until it answered."""
        start = self._clock.monotonic()
        self._http.get_json("studies", {"limit": 1}, _JSON)
        return (self._clock.monotonic() - start) * 1000

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    # ------------------------------------------------------------------ what there is

    def find_studies(self, patient_id: str) -> tuple[StudyMatch, ...]:
        """Studies of a patient id."""
        out: dict[str, StudyMatch] = {}
        fields = ["00081030", "00080061", "00201208", "00080050"]
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
            )
        return tuple(out.values())

    def manifest(self, study_uid: str) -> Manifest:
        """What the archive says the study has."""
        _check(study_uid)
        query = {"includefield": ["00080060"]}
        try:
            found = list(self._pages(f"studies/{study_uid}/instances", query, SOP))
        except AttentionError as error:
            if error.code == "forbidden":
                raise
            found = list(self._by_series(study_uid))
        return Manifest(study_uid, _series_of(study_uid, found))

    def _by_series(self, study_uid: str) -> Iterator[Mapping[str, Any]]:
        """For archives that list no instances of a study: series first, then theirs."""
        try:
            series = list(self._pages(f"studies/{study_uid}/series", {}, SERIES))
        except AttentionError as error:
            if error.code == "gone":
                return
            raise
        for one in series:
            series_uid = dicom_json.uid(one, SERIES)
            if is_uid(series_uid):
                path = f"studies/{study_uid}/series/{series_uid}/instances"
                for instance in self._pages(path, {}, SOP):
                    yield {SERIES: one.get(SERIES), "00080060": one.get("00080060"), **instance}

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
        if self._hub.literal_query and patient_id and _NOT_ENCODED.fullmatch(patient_id):
            # Some archives don't percent-decode values; an address given whole keeps ^ * , as they are.
            rest = [("PatientID", patient_id), *_flat(query)]
            path = f"{path}?" + "&".join(f"{name}={value}" for name, value in rest)
            return dicom_json.data_sets(self._http.get_json(path, None, _JSON).json)
        return dicom_json.data_sets(self._http.get_json(path, query, _JSON).json)

    # ------------------------------------------------------------------ bytes

    def retrieve(
        self,
        manifest: Manifest,
        wanted: Collection[str],
        sink: InstanceSink,
        progress: Callable[[int, int], None],
    ) -> RetrieveResult:
        """Bring the wanted instances: a whole study or series in one answer, single ones else."""
        intake = Intake(sink, progress)
        for path, uids in _requests(manifest, frozenset(wanted)):
            self._fetch(path, uids, intake)
        return intake.result()

    def _fetch(self, path: str, uids: frozenset[str], intake: Intake) -> None:
        single = len(uids) == 1
        for tried in range(self._again + 1 if single else 1):
            try:
                self._stream(path, intake)
                return
            except AttentionError as error:
                if error.code != "gone" or intake.fatal:
                    raise
                what = "an instance" if single else f"{len(uids)} instances"
                intake.problem(f"The archive listed {what}, and says now that it is not there.")
                return
            except OfflineError as error:
                # An idle connection that the archive closed meanwhile is the usual reason.
                if intake.fatal or tried >= self._again or error.code not in {"cut", "timeout"} or not single:
                    raise

    def _stream(self, path: str, intake: Intake) -> None:
        while True:
            accept = _ACCEPTS[self._accept]
            with self._http.stream(path, {"Accept": accept}, allow=(400, 406)) as answer:
                if answer.status not in {400, 406}:
                    _read(answer, intake)
                    return
            if self._accept + 1 >= len(_ACCEPTS):
                raise AttentionError(
                    "The archive does not send DICOM by DICOMweb.",
                    f"It refused every form of the request (status {answer.status}).",
                    "Use C-GET, or ask the site.",
                    code="refused",
                )
            self._accept += 1


class _Parts:
    """The parts of an answer as instances."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def begin(self, headers: Mapping[str, str]) -> None:
        kind = headers.get("content-type", "")
        found = re.search(r"transfer-syntax=\"?([0-9.]{1,64})", kind, re.IGNORECASE)
        self._intake.begin(found.group(1) if found else "")

    def write(self, chunk: bytes | memoryview) -> None:
        self._intake.write(chunk)

    def end(self) -> None:
        self._intake.end()

    def cut(self, why: str) -> None:
        self._intake.cut(why)


def _read(answer: StreamAnswer, intake: Intake) -> None:
    kind = answer.headers.get("content-type", "")
    if kind.lower().startswith("application/dicom") and "json" not in kind.lower():
        _read_bare(answer, intake)
        return
    parser = MultipartParser(boundary_of(kind), _Parts(intake))
    try:
        for piece in answer.pieces:
            parser.feed(piece)
            if parser.closed:
                break
    except TelereadError:
        intake.cut("The line broke in the middle of it.")
        raise
    parser.finish()
    if parser.broken:
        raise OfflineError(
            "The archive's answer does not keep to its own lengths.",
            f"{parser.parts} instances came whole and are kept.",
            "The rest is asked for again.",
            code="garbled",
        )


def _read_bare(answer: StreamAnswer, intake: Intake) -> None:
    """One instance without parts, as some archives answer; only its length tells that it is whole."""
    intake.begin("")
    size = 0
    try:
        for piece in answer.pieces:
            size += len(piece)
            intake.write(piece)
    except TelereadError:
        intake.cut("The line broke in the middle of it.")
        raise
    if answer.length is not None and size != answer.length:
        intake.cut("The answer ends in the middle of it.")
        raise OfflineError("The archive's answer was cut short.", remedy="It is asked for again.", code="cut")
    intake.end()


def _requests(manifest: Manifest, wanted: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """The addresses to ask, with the instances each is for."""
    base = f"studies/{manifest.study_uid}"
    if wanted >= manifest.sop_uids:
        yield base, wanted
        return
    for series in manifest.series:
        if not is_uid(series.series_uid):
            continue
        own = frozenset(series.instances) & wanted
        if own and own == frozenset(series.instances):
            yield f"{base}/series/{series.series_uid}", own
            continue
        for sop_uid in sorted(one for one in own if is_uid(one)):
            yield f"{base}/series/{series.series_uid}/instances/{sop_uid}", frozenset({sop_uid})


def _series_of(study_uid: str, found: list[Mapping[str, Any]]) -> tuple[SeriesManifest, ...]:
    series: dict[str, dict[str, str]] = {}
    modality: dict[str, Any] = {}
    for one in found:
        told = dicom_json.uid(one, STUDY)
        if told and told != study_uid:
            continue
        series_uid = dicom_json.uid(one, SERIES)
        series.setdefault(series_uid, {})[dicom_json.uid(one, SOP)] = dicom_json.uid(one, SOP_CLASS)
        modality.setdefault(series_uid, dicom_json.words(one, "00080060"))
    return tuple(SeriesManifest(uid, modality[uid], instances) for uid, instances in series.items())


def _flat(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        if name != "PatientID":
            for one in value if isinstance(value, list) else [value]:
                yield name, quote(str(one), safe="")


def _check(study_uid: str) -> None:
    if not is_uid(study_uid):
        raise AttentionError(
            "The study can't be asked for: its Study Instance UID is none that DICOM allows.",
            remedy="Tell the site; its order carries it.",
            code="bad-uid",
        )
