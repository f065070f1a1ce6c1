"""DIMSE: C-FIND for what there is, C-GET or C-MOVE for the bytes (PS3.4 annex C)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from teleread.host.clock import Clock, SystemClock
from teleread.model.errors import AttentionError, UsageError
from teleread.model.hubfile import HubFile
from teleread.model.text import SafeText, clean
from teleread.wire import dicom_text, pdu
from teleread.wire.dicom_header import HeaderReader
from teleread.wire.dicom_tags import is_uid
from teleread.wire.dimse import VERIFICATION, Association
from teleread.wire.dimse_line import DEFAULT_LIMITS, DimseLimits
from teleread.wire.dimse_tls import DimseTls, calling

from .contexts import class_groups
from .dimse_requests import identifier, is_short
from .dimse_retrieve import Job, by_get, by_move, get_ahead
from .intake import Intake
from .port import Capabilities, InstanceSink, Manifest, RetrieveResult, SeriesManifest, StudyMatch

__all__ = ["DimseArchive"]

FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"


class DimseArchive:
    """An archive behind DIMSE.

    Args:
        hub: The hub file; ``dimse`` is set.
        secret: Not used: DIMSE knows no sign-in beyond AE titles.
        clock: Where time comes from.
        via: ``c-get`` or ``c-move``; the latter needs ``listen`` in the hub file.
        limits: Time and size limits.
    """

    def __init__(
        self,
        hub: HubFile,
        secret: str | None = None,
        clock: Clock | None = None,
        *,
        via: str = "c-get",
        limits: DimseLimits = DEFAULT_LIMITS,
    ) -> None:
        del secret
        if hub.dimse is None:
            raise UsageError(f"Hub {hub.name} has no DIMSE address.", remedy="Give one with --dimse.")
        self._hub = hub
        self._address = hub.dimse
        self._clock = clock or SystemClock()
        self._limits = limits
        self._tls: DimseTls | None = None
        self._suspects: dict[str, set[str]] = {}
        self._begun: tuple[str, Association] | None = None
        """A study whose listing goes on with an association that stands already."""
        self._told: dict[str, frozenset[str]] = {}
        self.capabilities = Capabilities(via)

    def echo(self) -> float:
        """C-ECHO; milliseconds. It proves little: some archives answer it for AE titles they don't know."""
        start = self._clock.monotonic()
        association = self._associate((pdu.Context(1, VERIFICATION, (pdu.IMPLICIT,)),))
        try:
            association.echo()
        finally:
            association.release()
        return (self._clock.monotonic() - start) * 1000

    def close(self) -> None:
        """Let go of an association that waits for more questions."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun[1].release()

    def _associate(self, contexts: Sequence[pdu.Context], storage: Sequence[str] = ()) -> Association:
        if self._tls is None and self._hub.dimse_tls:
            self._tls = calling(self._hub)
        return Association(
            self._address,
            self._hub.aet,
            contexts,
            storage=storage,
            limits=self._limits,
            monotonic=self._clock.monotonic,
            tls=self._tls,
        )

    # ------------------------------------------------------------------ what there is

    def find_studies(self, patient_id: str) -> tuple[StudyMatch, ...]:
        """Studies of a patient id."""
        asked = identifier(
            (0x0008, 0x0005, "ISO_IR 192"),
            (0x0008, 0x0020, ""),
            (0x0008, 0x0050, ""),
            (0x0008, 0x0052, "STUDY"),
            (0x0008, 0x0061, ""),
            (0x0008, 0x1030, ""),
            (0x0010, 0x0020, patient_id),
            (0x0010, 0x0021, ""),
            (0x0020, 0x000D, ""),
            (0x0020, 0x1208, ""),
        )
        out: dict[str, StudyMatch] = {}
        for one in self._find(asked):
            codecs = dicom_text.character_sets(one.values.get(0x00080005, b""), self._charset)
            told = dicom_text.text(one.values.get(0x00100020), codecs)
            study_uid = one.uid(0x0020000D)
            if told.strip() != patient_id.strip() or not is_uid(study_uid):
                continue  # an archive that ignores the key lists everybody's
            count = dicom_text.text(one.values.get(0x00201208), codecs)
            out[study_uid] = StudyMatch(
                study_uid,
                dicom_text.text(one.values.get(0x00080020), codecs),
                clean(dicom_text.text(one.values.get(0x00080061), codecs).split("\\")[0]),
                dicom_text.text(one.values.get(0x00081030), codecs),
                dicom_text.text(one.values.get(0x00080050), codecs),
                _count(count),
                dicom_text.text(one.values.get(0x00100021), codecs),
            )
        return tuple(out.values())

    @property
    def _charset(self) -> str:
        """What to assume where an answer names no character set (``dimse_charset`` in the hub file)."""
        return str(self._hub.extra.get("dimse_charset", ""))

    def manifest(self, study_uid: str) -> Manifest:
        """What the archive says the study has, series by series: some archives insist on that."""
        if not is_uid(study_uid):
            raise AttentionError(
                "The study can't be asked for: its Study Instance UID is none that DICOM allows.",
                remedy="Tell the site; its order carries it.",
                code="bad-uid",
            )
        begun, self._begun = self._begun, None
        association = begun[1] if begun is not None and begun[0] == study_uid else self._queries()
        try:
            series = self._series(association, study_uid)
            listed = {} if is_short(association.round_trip) else self._at_once(association, study_uid, series)
            found = tuple(
                SeriesManifest(
                    uid, modality, listed.get(uid) or self._instances(association, study_uid, uid), count
                )
                for uid, (modality, count) in series.items()
            )
        except BaseException:
            association.abort()
            raise
        self._let_go(association)
        return Manifest(study_uid, found)

    def _let_go(self, association: Association) -> None:
        """Release; on a long line nobody waits for its answer."""
        if is_short(association.round_trip):
            association.release()
        else:
            threading.Thread(target=association.release, name="dimse-release", daemon=True).start()

    def _at_once(
        self, association: Association, study_uid: str, series: dict[str, tuple[SafeText, int | None]]
    ) -> dict[str, dict[str, str]]:
        """The instances of all series by one query, for the round trips it saves.

        An archive need not answer it (PS3.4 C.4.1.2: only hierarchical queries are sure), so it counts only
        for a series where it lists exactly as many as the archive says there are.
        """
        if len(series) < 3 or any(count is None for _, count in series.values()):
            return {}
        try:
            found = self._listing(association, study_uid, "")
        except AttentionError:
            return {}
        return {uid: one for uid, one in found.items() if uid in series and len(one) == series[uid][1]}

    def overview(self, study_uid: str) -> Manifest | None:
        """The study's series with their counts, for C-GET on a short line; None where a listing is better.

        Without SOP Classes in Study (0008,0062) it is: an archive that is not offered what it holds may
        convert it. On a long line it is too, for instances are shared out among several associations.
        """
        if self.capabilities.via != "c-get" or not is_uid(study_uid):
            return None
        association = self._queries()
        try:
            classes = (
                self._classes(association, study_uid) if is_short(association.round_trip) else frozenset()
            )
            series = self._series(association, study_uid) if classes else {}
        except BaseException:
            association.abort()
            raise
        if not series or any(count is None for _, count in series.values()):
            self._begun = study_uid, association
            return None
        association.release()
        self._told[study_uid] = classes
        return Manifest(
            study_uid,
            tuple(SeriesManifest(uid, modality, {}, count) for uid, (modality, count) in series.items()),
        )

    def retrieve_ahead(
        self, overview: Manifest, sink: InstanceSink, progress: Callable[[int, int], None]
    ) -> RetrieveResult:
        """Bring the study in one request, before its instances are listed."""
        intake = Intake(sink, progress)
        classes = self._told.pop(overview.study_uid, frozenset())
        if classes:
            get_ahead(self._job(overview, frozenset(), intake), classes)
        return intake.result()

    def manifest_meanwhile(self, study_uid: str) -> Manifest:
        """As `manifest`: nothing was listed meanwhile."""
        return self.manifest(study_uid)

    def _queries(self) -> Association:
        return self._associate((pdu.Context(1, FIND, (pdu.IMPLICIT,)),))

    def _classes(self, association: Association, study_uid: str) -> frozenset[str]:
        """The SOP classes of a study, where the archive tells them and one offer has room for all."""
        asked = identifier((0x0008, 0x0052, "STUDY"), (0x0008, 0x0062, ""), (0x0020, 0x000D, study_uid))
        told = [
            one.uid(0x00080062)
            for one in association.find(FIND, asked)
            if one.uid(0x0020000D) in {study_uid, ""}
        ]
        classes = frozenset(uid.strip(" \0") for text in told for uid in text.split("\\")) - {""}
        return classes if len(class_groups(classes)) == 1 else frozenset()

    def _series(self, association: Association, study_uid: str) -> dict[str, tuple[SafeText, int | None]]:
        """Modality of each series, and its count where that is told."""
        asked = identifier(
            (0x0008, 0x0052, "SERIES"),
            (0x0008, 0x0060, ""),
            (0x0020, 0x000D, study_uid),
            (0x0020, 0x000E, ""),
            (0x0020, 0x1209, ""),
        )
        out: dict[str, tuple[SafeText, int | None]] = {}
        for one in association.find(FIND, asked):
            if one.uid(0x0020000D) in {study_uid, ""} and is_uid(one.uid(0x0020000E)):
                out[one.uid(0x0020000E)] = (clean(one.uid(0x00080060)), _count(one.uid(0x00201209)))
        return out

    def _instances(self, association: Association, study_uid: str, series_uid: str) -> dict[str, str]:
        found = self._listing(association, study_uid, series_uid)
        return {**found.get("", {}), **found.get(series_uid, {})}

    def _listing(
        self, association: Association, study_uid: str, series_uid: str
    ) -> dict[str, dict[str, str]]:
        """Instances with their SOP classes, by Instance Number, for each series that was told."""
        asked = identifier(
            (0x0008, 0x0016, ""),
            (0x0008, 0x0018, ""),
            (0x0008, 0x0052, "IMAGE"),
            (0x0020, 0x000D, study_uid),
            (0x0020, 0x000E, series_uid),
            (0x0020, 0x0013, ""),
        )
        rows: dict[tuple[str, str], tuple[int, str]] = {}
        for one in association.find(FIND, asked):
            place: tuple[str, str] = one.uid(0x0020000E), clean(one.uid(0x00080018), limit=80)
            if place[1] and one.uid(0x0020000D) in {study_uid, ""}:
                rows[place] = _count(one.uid(0x00200013)) or 0, clean(one.uid(0x00080016), limit=64)
        out: dict[str, dict[str, str]] = {}
        for place in sorted(rows, key=lambda name: (rows[name][0], name[1])):
            out.setdefault(place[0], {})[place[1]] = rows[place][1]
        return out

    def _find(self, asked: bytes) -> Iterator[HeaderReader]:
        association = self._queries()
        try:
            yield from association.find(FIND, asked)
        except BaseException:
            association.abort()
            raise
        association.release()

    # ------------------------------------------------------------------ bytes

    def retrieve(
        self,
        manifest: Manifest,
        wanted: Collection[str],
        sink: InstanceSink,
        progress: Callable[[int, int], None],
    ) -> RetrieveResult:
        """Bring the wanted instances: the study in one request where all are wanted, lists of them else."""
        intake = Intake(sink, progress)
        job = self._job(manifest, frozenset(wanted), intake)
        used = 1
        if self.capabilities.via == "c-move":
            by_move(job, self._hub)
        else:
            used = by_get(job)
        if not job.missing:
            self._suspects.pop(manifest.study_uid, None)
        result = intake.result()
        return replace(result, counters={**result.counters, "associations": used})

    def _job(self, manifest: Manifest, wanted: frozenset[str], intake: Intake) -> Job:
        suspects = self._suspects.setdefault(manifest.study_uid, set())
        most = max(1, int(self._hub.associations))
        return Job(self._associate, manifest, wanted, intake, self._limits, suspects, most)


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
