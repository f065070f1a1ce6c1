"""DICOMweb: what there is by QIDO-RS, the bytes by WADO-RS, over as many lines as the line to it is worth.

Near (a round trip below `LAN_RTT`): a study in one answer, else a series, else one by one. Far: the middle
picture of each series, then one by one over several lines, whose number and packing `Governor` measures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from teleread.host.clock import Clock, SystemClock
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.wire.dicom_tags import is_uid
from teleread.wire.http import HttpClient, Timeouts
from teleread.wire.http_bulk import BulkClient
from teleread.wire.sign_in import SecretSignIn, SignIn

from .feeds import Job
from .intake import Intake
from .lanes import Lanes
from .link import LAN_RTT, Governor, LinkEstimate
from .port import Capabilities, InstanceSink, Manifest, RetrieveResult, StudyMatch
from .qido import Qido, check_study
from .wado import Listings, Streams, Wado

__all__ = ["DicomwebArchive"]

NEAR_LINES: Final = 4
"""Lines for single instances on the same premises."""
_SINGLE: Final = 2
"""The level of single instances; 1 is a series, 0 a study."""
_TOO_MUCH: Final = frozenset({"refused", "gone", "server", "too-big"})
"""Errors after which a smaller thing is asked for."""
LISTING_SECONDS: Final = 300.0


class DicomwebArchive:
    """An archive behind DICOMweb. One thread at a time.

    Args:
        hub: The hub file; ``dicomweb`` is set.
        secret: Password or token of the hub.
        clock: Where time comes from.
        sign_in: Another way to sign in: asked again when the archive refuses in mid-study.
        client: Another client for listings, for tests.
        streams: Another client for bytes, for tests.
        limits: Time limits; some archives think for two minutes before the first object.
        again: How often one instance is asked for again at once after its line broke.
    """

    capabilities = Capabilities("dicomweb")

    def __init__(
        self,
        hub: HubFile,
        secret: str | None = None,
        clock: Clock | None = None,
        *,
        sign_in: SignIn | None = None,
        client: HttpClient | None = None,
        streams: Streams | None = None,
        limits: Timeouts | None = None,
        again: int = 2,
    ) -> None:
        self._hub = hub
        self._clock = clock or SystemClock()
        self._again = again
        self._cap = max(1, min(hub.connections, 32))
        by = sign_in or SecretSignIn(hub, secret)
        limits = limits or Timeouts(read=150.0, total=300.0)
        self._http = client or HttpClient(
            hub, secret, base=hub.dicomweb, what="archive", timeouts=limits, sign_in=by
        )
        self._bulk = BulkClient(hub, secret, base=hub.dicomweb, timeouts=limits, sign_in=by)
        self._qido = Qido(hub, self._http)
        self._wado = Wado(streams or self._bulk)
        self._level = 0
        self._broke = ""
        """The study whose answer in bulk broke: the rest of it is asked for one by one."""
        self._known: LinkEstimate | None = None
        self._ahead: _Ahead | None = None

    def echo(self) -> float:
        """Ask for one study; milliseconds until it answered."""
        start = self._clock.monotonic()
        self._http.get_json("studies", {"limit": 1}, {"Accept": "application/dicom+json"})
        return (self._clock.monotonic() - start) * 1000

    def close(self) -> None:
        """Let go of connections."""
        self._bulk.close()
        self._http.close()

    @property
    def link(self) -> LinkEstimate | None:
        """What the line to the archive is like, as far as it was measured."""
        rtt = self._bulk.rtt
        return self._known or (None if rtt is None else LinkEstimate(rtt, 0.0, 1))

    @property
    def _near(self) -> bool:
        rtt = self._bulk.rtt
        return rtt is None or rtt < LAN_RTT

    # ------------------------------------------------------------------ what there is

    def find_studies(self, patient_id: str) -> tuple[StudyMatch, ...]:
        """Studies of a patient id."""
        return self._qido.studies(patient_id)

    def manifest(self, study_uid: str) -> Manifest:
        """What the archive says, now, the study has."""
        check_study(study_uid)
        self._ahead = None
        return self._qido.manifest(study_uid)

    def manifest_meanwhile(self, study_uid: str) -> Manifest:
        """The listing that ran while bytes came; asked for now where none did."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.study_uid == study_uid and (found := ahead.wait()) is not None:
            return found
        return self.manifest(study_uid)

    def overview(self, study_uid: str) -> Manifest | None:
        """The study's series and their counts; None where the archive does not tell them."""
        check_study(study_uid)
        ahead = self._ahead = _Ahead(study_uid, Qido(self._hub, Listings(self._bulk)))

        def far() -> None:
            # Known to be far by now: other lines open, and the listing runs, while the archive answers.
            if not self._near:
                ahead.start()
                self._bulk.warm(self._cap)

        if self._bulk.rtt is None:
            self._bulk.warm(1, far)
        elif not self._near:
            self._bulk.warm(self._cap, far)
        return self._qido.overview(study_uid)

    # ------------------------------------------------------------------ bytes

    def retrieve_ahead(
        self, overview: Manifest, sink: InstanceSink, progress: Callable[[int, int], None]
    ) -> RetrieveResult:
        """Near: the study in one answer. Far: the middle picture of each series, then all that is listed."""
        intake = Intake(sink, progress)
        ahead = self._ahead
        if self._near:
            if self._level == 0:
                count = sum(one.count or 0 for one in overview.series)
                self._run_bulk(overview.study_uid, [Job(f"studies/{overview.study_uid}", count)], intake)
        elif ahead is not None:
            ahead.start()
            listed = ahead.now()
            jobs = _middles(overview) if listed is None else _singles(listed, listed.sop_uids)
            with self._governed(jobs, intake, open_end=listed is None) as lanes:
                if listed is None:
                    ahead.then(lambda found: lanes.add(_singles(found, found.sop_uids) if found else ()))
        return intake.result()

    def retrieve(
        self,
        manifest: Manifest,
        wanted: Collection[str],
        sink: InstanceSink,
        progress: Callable[[int, int], None],
    ) -> RetrieveResult:
        """Bring the wanted instances: near, a whole study or series in one answer; far, one by one."""
        intake = Intake(sink, progress)
        left = frozenset(wanted)
        if self._near and self._broke != manifest.study_uid:
            self._in_bulk(manifest, left, intake)
            left -= intake.arrived
        jobs = _singles(manifest, left)
        if jobs:
            self._one_by_one(jobs, intake)
        return intake.result()

    def _in_bulk(self, manifest: Manifest, wanted: frozenset[str], intake: Intake) -> None:
        """Whole studies and series in one answer each, as far as the archive does that."""
        while self._level < _SINGLE:
            jobs = _bulk_jobs(manifest, wanted - intake.arrived, self._level)
            if not jobs:
                return
            try:
                self._run_bulk(manifest.study_uid, jobs, intake)
                return
            except (AttentionError, OfflineError) as error:
                if intake.fatal or error.code not in _TOO_MUCH or intake.arrived:
                    raise
                # It lists what it does not send so: the next smaller thing is asked for, from now on.
                self._level += 1

    def _run_bulk(self, study_uid: str, jobs: list[Job], intake: Intake) -> None:
        try:
            Lanes(jobs, self._wado.bring, intake).run()
        except OfflineError:
            # Asked for again as it was, it may break again, at the same place or sooner.
            self._broke = study_uid
            raise

    def _one_by_one(self, jobs: list[Job], intake: Intake) -> None:
        if self._near:
            lines = min(NEAR_LINES, self._cap)
            Lanes(jobs, self._wado.bring, intake, lines=lines, again=self._again).run()
        else:
            with self._governed(jobs, intake):
                pass

    @contextmanager
    def _governed(self, jobs: list[Job], intake: Intake, *, open_end: bool = False) -> Iterator[Lanes]:
        """Lanes that run when the block ends, as many as the line is worth."""
        governor = Governor(self._bulk.rtt or 0.0, self._cap, self._known)
        lanes = Lanes(
            jobs, self._wado.bring, intake, lines=governor.lines, again=self._again, open_end=open_end
        )

        def tick() -> None:
            packs = self._wado.packs is not False
            governor.saw(self._clock.monotonic(), lanes.received, packable=lanes.packable and packs)
            if governor.packed and not packs:
                governor.unpacked()
            self._wado.packed = governor.packed
            lanes.widen(governor.lines)

        self._wado.packed = governor.packed
        try:
            yield lanes
            tick()
            lanes.run(tick)
        finally:
            self._known = governor.estimate()
            self._wado.packed = False


class _Ahead:
    """A study's listing, asked for in a thread while other things are done.

    Args:
        study_uid: The study.
        qido: Asks; used by that thread alone.
    """

    def __init__(self, study_uid: str, qido: Qido) -> None:
        self.study_uid = study_uid
        self._qido = qido
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._found: Manifest | None = None
        self._started = False
        self._then: Callable[[Manifest | None], None] | None = None

    def start(self) -> None:
        """Ask, once."""
        with self._guard:
            if self._started:
                return
            self._started = True
        threading.Thread(target=self._ask, name="teleread-listing", daemon=True).start()

    def now(self) -> Manifest | None:
        """The listing, if it is here."""
        return self._found if self._over.is_set() else None

    def wait(self) -> Manifest | None:
        """The listing, once it is here; None where it was not asked for or did not come."""
        if self._started:
            self._over.wait(LISTING_SECONDS)
        return self._found

    def then(self, act: Callable[[Manifest | None], None]) -> None:
        """Have something done with it, by its thread, or at once where it is here."""
        with self._guard:
            if not self._over.is_set():
                self._then = act
                return
        act(self._found)

    def _ask(self) -> None:
        # What went wrong is told to whoever asks again.
        with suppress(TelereadError):
            self._found = self._qido.manifest(self.study_uid)
        with self._guard:
            self._over.set()
            act = self._then
        if act is not None:
            act(self._found)


def _middles(overview: Manifest) -> list[Job]:
    """For each series the instance in the middle of its listing: looked up, then asked for."""
    jobs = []
    for one in overview.series:
        path = f"studies/{overview.study_uid}/series/{one.series_uid}/instances"
        if one.count:
            jobs.append(Job(path, 1, look_up=f"{path}?limit=1&offset={one.count // 2}"))
    return jobs


def _singles(manifest: Manifest, wanted: frozenset[str]) -> list[Job]:
    """Instances one by one, in the order they are best brought."""
    where = {
        sop_uid: f"studies/{manifest.study_uid}/series/{one.series_uid}/instances/{sop_uid}"
        for one in manifest.series
        if is_uid(one.series_uid)
        for sop_uid in one.instances
        if sop_uid in wanted and is_uid(sop_uid)
    }
    middles = tuple(list(one.instances)[len(one.instances) // 2] for one in manifest.series if one.instances)
    order = dict.fromkeys((*(manifest.first or middles), *where))
    return [Job(where[sop_uid], 1, sop_uid) for sop_uid in order if sop_uid in where]


def _bulk_jobs(manifest: Manifest, wanted: frozenset[str], level: int) -> list[Job]:
    """The whole study, or each series that is wanted whole, of more than one instance."""
    base = f"studies/{manifest.study_uid}"
    if level == 0 and len(wanted) > 1 and wanted >= manifest.sop_uids:
        return [Job(base, len(wanted))]
    return [
        Job(f"{base}/series/{one.series_uid}", len(one.instances))
        for one in manifest.series
        if is_uid(one.series_uid) and len(one.instances) > 1 and wanted >= set(one.instances)
    ]
