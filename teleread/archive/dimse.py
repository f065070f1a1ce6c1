"""DIMSE: C-FIND for what there is, C-GET or C-MOVE for the bytes (PS3.4 annex C)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from teleread.host.clock import Clock, SystemClock
from teleread.model.errors import AttentionError, UsageError
from teleread.model.hubfile import HubFile
from teleread.model.text import clean
from teleread.wire import dicom_text, pdu
from teleread.wire.dicom_header import HeaderReader
from teleread.wire.dicom_tags import is_uid
from teleread.wire.dimse import VERIFICATION, Association, Outcome, status_words
from teleread.wire.dimse_line import DEFAULT_LIMITS, DimseLimits
from teleread.wire.part10 import file_meta
from teleread.wire.storage_scp import StorageScp

from .contexts import storage_contexts
from .intake import Intake
from .port import Capabilities, InstanceSink, Manifest, RetrieveResult, SeriesManifest, StudyMatch

__all__ = ["DimseArchive"]

FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
BATCH: Final = 64
"""Most SOP Instance UIDs in one request: longer lists are refused by some archives."""
MAX_FAILURES: Final = 10
"""Single requests that may fail in a row before the archive is left alone."""
CANNOT_UNDERSTAND: Final = 0xC000


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
        """Nothing is held open between calls."""

    def _associate(self, contexts: Sequence[pdu.Context], storage: Sequence[str] = ()) -> Association:
        return Association(
            self._address,
            self._hub.aet,
            contexts,
            storage=storage,
            limits=self._limits,
            monotonic=self._clock.monotonic,
        )

    # ------------------------------------------------------------------ what there is

    def find_studies(self, patient_id: str) -> tuple[StudyMatch, ...]:
        """Studies of a patient id."""
        identifier = _identifier(
            (0x0008, 0x0005, "ISO_IR 192"),
            (0x0008, 0x0020, ""),
            (0x0008, 0x0050, ""),
            (0x0008, 0x0052, "STUDY"),
            (0x0008, 0x0061, ""),
            (0x0008, 0x1030, ""),
            (0x0010, 0x0020, patient_id),
            (0x0020, 0x000D, ""),
            (0x0020, 0x1208, ""),
        )
        out: dict[str, StudyMatch] = {}
        for one in self._find(identifier):
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
                int(count) if count.isascii() and count.isdigit() and len(count) < 10 else None,
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
        association = self._associate((pdu.Context(1, FIND, (pdu.IMPLICIT,)),))
        try:
            series = self._series(association, study_uid)
            found = tuple(
                SeriesManifest(uid, clean(modality), self._instances(association, study_uid, uid))
                for uid, modality in series.items()
            )
        except BaseException:
            association.abort()
            raise
        association.release()
        return Manifest(study_uid, found)

    def _series(self, association: Association, study_uid: str) -> dict[str, str]:
        identifier = _identifier(
            (0x0008, 0x0052, "SERIES"),
            (0x0008, 0x0060, ""),
            (0x0020, 0x000D, study_uid),
            (0x0020, 0x000E, ""),
        )
        out: dict[str, str] = {}
        for one in association.find(FIND, identifier):
            if one.uid(0x0020000D) in {study_uid, ""} and is_uid(one.uid(0x0020000E)):
                out[one.uid(0x0020000E)] = one.uid(0x00080060)
        return out

    def _instances(self, association: Association, study_uid: str, series_uid: str) -> dict[str, str]:
        identifier = _identifier(
            (0x0008, 0x0016, ""),
            (0x0008, 0x0018, ""),
            (0x0008, 0x0052, "IMAGE"),
            (0x0020, 0x000D, study_uid),
            (0x0020, 0x000E, series_uid),
        )
        out: dict[str, str] = {}
        for one in association.find(FIND, identifier):
            if one.uid(0x0020000E) in {series_uid, ""} and one.uid(0x00080018):
                out[clean(one.uid(0x00080018), limit=80)] = clean(one.uid(0x00080016), limit=64)
        return out

    def _find(self, identifier: bytes) -> Iterator[HeaderReader]:
        association = self._associate((pdu.Context(1, FIND, (pdu.IMPLICIT,)),))
        try:
            yield from association.find(FIND, identifier)
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
        if self.capabilities.via == "c-move":
            self._by_move(manifest, frozenset(wanted), intake)
        else:
            self._by_get(manifest, frozenset(wanted), intake)
        return intake.result()

    def _by_get(self, manifest: Manifest, wanted: frozenset[str], intake: Intake) -> None:
        contexts = storage_contexts(manifest.sop_classes)
        storage = list(dict.fromkeys(one.abstract for one in contexts))
        association = self._associate((pdu.Context(1, GET, (pdu.IMPLICIT,)), *contexts), storage)
        store = _Store(intake)
        try:
            _Requests(lambda identifier: association.get(GET, identifier, store), intake).run(
                manifest, wanted
            )
        except BaseException:
            association.abort()
            raise
        association.release()

    def _by_move(self, manifest: Manifest, wanted: frozenset[str], intake: Intake) -> None:
        association = self._associate((pdu.Context(1, MOVE, (pdu.IMPLICIT,)),))
        store = _Store(intake)

        def arrived() -> int:
            if intake.fatal:
                raise intake.fatal
            return intake.bytes

        try:
            with StorageScp(
                association.local_address, self._hub.listen, self._hub.aet, store, limits=self._limits
            ):
                _Requests(lambda what: association.move(MOVE, what, self._hub.aet, arrived), intake).run(
                    manifest, wanted
                )
        except BaseException:
            association.abort()
            raise
        association.release()
        if intake.fatal:
            raise intake.fatal


class _Requests:
    """Asks for a study, then for what is still missing in lists, then one by one.

    One object the archive can't send may fail its whole request with nothing sent at all, so what failed in
    company is asked for alone.
    """

    def __init__(self, ask: Callable[[bytes], Outcome], intake: Intake) -> None:
        self._ask = ask
        self._intake = intake

    def run(self, manifest: Manifest, wanted: frozenset[str]) -> None:
        """Ask until everything came or was refused by itself.

        Raises:
            OfflineError: The line broke.
            AttentionError: Everything was refused.
        """
        outcome = None
        if wanted >= manifest.sop_uids:
            outcome = self._ask(_identifier((8, 0x52, "STUDY"), (0x20, 0xD, manifest.study_uid)))
            if outcome.status == 0 and not self._missing(wanted):
                return
        self._in_lists(manifest, wanted)
        missing = self._missing(wanted)
        if missing and not self._intake.arrived and outcome is not None and outcome.status:
            raise AttentionError(
                "The archive did not send the study.",
                f"The archive says: {status_words(outcome.status, outcome.comment)}.",
                "Ask the site whether it may be fetched by our AE title.",
                code="refused",
            )

    def _in_lists(self, manifest: Manifest, wanted: frozenset[str]) -> None:
        failures = 0
        for series in manifest.series:
            missing = sorted(self._missing(frozenset(series.instances) & wanted))
            for start in range(0, len(missing), BATCH):
                batch = missing[start : start + BATCH]
                outcome = self._image(manifest.study_uid, series.series_uid, batch)
                if outcome.status == 0 and not self._missing(frozenset(batch)):
                    continue
                failures = self._one_by_one(manifest.study_uid, series.series_uid, batch, outcome, failures)
                if failures >= MAX_FAILURES:
                    return

    def _one_by_one(
        self, study_uid: str, series_uid: str, batch: Sequence[str], outcome: Outcome, failures: int
    ) -> int:
        for sop_uid in sorted(self._missing(frozenset(batch))):
            if len(batch) > 1:
                outcome = self._image(study_uid, series_uid, [sop_uid])
            if sop_uid in self._intake.arrived:
                failures = 0
                continue
            why = status_words(outcome.status, outcome.comment) if outcome.status else "it sent nothing"
            self._intake.problem(f"One instance did not come: {why}.")
            failures += 1
            if failures >= MAX_FAILURES:
                break
        return failures

    def _image(self, study_uid: str, series_uid: str, sop_uids: Sequence[str]) -> Outcome:
        return self._ask(
            _identifier(
                (8, 0x18, "\\".join(sop_uids)),
                (8, 0x52, "IMAGE"),
                (0x20, 0xD, study_uid),
                (0x20, 0xE, series_uid),
            )
        )

    def _missing(self, wanted: frozenset[str]) -> frozenset[str]:
        return frozenset(one for one in wanted - self._intake.arrived if is_uid(one))


class _Store:
    """C-STORE sub-operations as Part 10 files for the intake."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def begin(self, sop_class: str, sop_uid: str, transfer_syntax: str) -> None:
        self._intake.begin(transfer_syntax)
        self._intake.write(file_meta(sop_class, sop_uid, transfer_syntax))

    def write(self, chunk: bytes | memoryview) -> None:
        self._intake.write(chunk)

    def end(self) -> int:
        # A refused instance is answered as an error, so the archive's own log tells the same story as ours.
        return 0 if self._intake.end() else CANNOT_UNDERSTAND

    def cut(self, why: str) -> None:
        self._intake.cut(why)


def _identifier(*elements: tuple[int, int, str]) -> bytes:
    return b"".join(pdu.element(group, number, value) for group, number, value in elements)
