"""The bytes by DIMSE: C-GET on one association or several, C-MOVE to a storage SCP of our own (PS3.4 C.4)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from teleread.model.errors import OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.wire import pdu
from teleread.wire.dimse import Association, Outcome
from teleread.wire.dimse_line import DimseLimits
from teleread.wire.dimse_messages import StoreRequest
from teleread.wire.dimse_tls import listening
from teleread.wire.storage_scp import StorageScp

from .contexts import class_groups, further_contexts, pairs_of, storage_contexts
from .dimse_lanes import Lanes
from .dimse_requests import Batches, Requests, Shortfall, askable, associations, study, work
from .dimse_store import Store, Strays
from .intake import Intake
from .port import Manifest

__all__ = ["Call", "Job", "by_get", "by_move", "get_ahead"]

MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
_OFFERS: Final = 3
"""Sets of presentation contexts that are tried for what the first ones did not bring."""

Call = Callable[[Sequence[pdu.Context], Sequence[str]], Association]
"""Makes an association: contexts, and SOP classes for which we are the SCP."""


@dataclass(frozen=True, slots=True)
class Job:
    """One retrieve."""

    call: Call
    manifest: Manifest
    wanted: frozenset[str]
    intake: Intake
    limits: DimseLimits
    suspects: set[str]
    """SOP Instance UIDs that may have broken a line before."""
    most: int = 1
    """Most associations at once."""

    @property
    def missing(self) -> frozenset[str]:
        """What may be asked for and is not here yet."""
        return askable(self.wanted - self.intake.arrived)


def by_get(job: Job, syntaxes: frozenset[str] = frozenset()) -> int:
    """Bring what is wanted by C-GET.

    Args:
        job: What, from where, and to where.
        syntaxes: Transfer syntaxes that the archive says the study is stored in.

    Returns:
        How many associations were used at once.

    Raises:
        OfflineError: The line broke; what ended before stays.
        AttentionError: The archive refused everything.
    """
    shortfall = Shortfall(job.manifest, job.intake)
    strays = Strays(job.wanted, job.limits.strays)
    classes = {uid: cls for one in job.manifest.series for uid, cls in one.instances.items()}
    offered: frozenset[tuple[str, str]] = frozenset()
    used = 0
    for group in class_groups(job.manifest.sop_classes):
        contexts = storage_contexts(group, syntaxes)
        offered |= pairs_of(contexts)
        part = replace(
            job, wanted=frozenset(one for one in job.wanted if classes.get(one, "") in group | {""})
        )
        used = max(used, _Get(part, contexts, shortfall, strays).run() if part.missing else 0)
    for _ in range(_OFFERS):
        contexts = further_contexts({classes.get(one, "") for one in job.missing}, offered)
        if not job.missing or not contexts:
            break
        offered |= pairs_of(contexts)
        used = max(used, _Get(job, contexts, shortfall, strays).run(whole=False))
    shortfall.tell(job.missing)
    return used


def get_ahead(job: Job, classes: frozenset[str]) -> None:
    """Ask for a whole study by C-GET before its instances are listed; what stays away is asked for later.

    Args:
        job: What, from where, and to where; its manifest has counts in place of instances.
        classes: The SOP classes of the study.

    Raises:
        OfflineError: The line broke; what ended before stays.
        AttentionError: C-GET is not offered.
    """
    count = sum(one.count or 0 for one in job.manifest.series)
    contexts = storage_contexts(classes)
    storage = list(dict.fromkeys(one.abstract for one in contexts))
    association = job.call((pdu.Context(1, GET, (pdu.IMPLICIT,)), *contexts), storage)
    strays = Strays((), job.limits.strays + count)
    store = Store(Lanes(job.intake, alone=True).lane(), strays, job.suspects)
    try:
        association.get(GET, study(job.manifest.study_uid), store)
    except BaseException:
        association.abort()
        raise
    association.release()


class _Get:
    """One set of presentation contexts: as many associations as the line is worth."""

    def __init__(
        self, job: Job, contexts: Sequence[pdu.Context], shortfall: Shortfall, strays: Strays
    ) -> None:
        self._job = job
        self._contexts = (pdu.Context(1, GET, (pdu.IMPLICIT,)), *contexts)
        self._storage = list(dict.fromkeys(one.abstract for one in contexts))
        self._shortfall = shortfall
        self._strays = strays

    def run(self, *, whole: bool = True) -> int:
        """Bring what these contexts bring; how many associations it took."""
        job = self._job
        first = job.call(self._contexts, self._storage)
        count = associations(first.round_trip, len(job.missing), job.most)
        try:
            if count > 1 and job.missing - job.suspects:
                _Crew(job, self._another, self._strays).run(first, count)
                whole = False
            if job.missing:
                store = Store(Lanes(job.intake, alone=True).lane(), self._strays, job.suspects)

                def ask(identifier: bytes) -> Outcome:
                    return first.get(GET, identifier, store)

                requests = Requests(ask, job.intake, self._shortfall, job.suspects)
                requests.run(job.manifest, job.missing, whole=whole)
        except BaseException:
            first.abort()
            raise
        first.release()
        return count

    def _another(self) -> Association:
        return self._job.call(self._contexts, self._storage)


class _Crew:
    """Several associations that share one list of work.

    One that breaks leaves its list to whoever asks later.
    """

    def __init__(self, job: Job, call: Callable[[], Association], strays: Strays) -> None:
        self._job = job
        self._call = call
        self._strays = strays
        self._lanes = Lanes(job.intake)
        self._guard = threading.Lock()
        self._lines: list[Association] = []

    def run(self, first: Association, count: int) -> None:
        """Fetch with `count` associations; `first` stands already, and stays open.

        Raises:
            OfflineError: The first one broke; what the others brought stays.
            AttentionError: C-GET is not offered.
        """
        batches = Batches(self._job.manifest, self._job.missing - self._job.suspects, count)
        threads = [
            threading.Thread(target=self._help, args=(batches,), name=f"c-get-{number}", daemon=True)
            for number in range(1, count)
        ]
        for thread in threads:
            thread.start()
        failure: BaseException | None = None
        try:
            self._work(first, batches)
        except BaseException as error:  # raised below, once the others have ended
            failure = error
            self._note(error)
        for thread in threads:
            thread.join()
        self._lanes.check()
        self._lanes.finish()
        if failure is not None:
            raise failure

    def _work(self, line: Association, batches: Batches) -> None:
        with self._guard:
            if self._lanes.failure is not None:
                raise OfflineError("The retrieve was stopped.")
            self._lines.append(line)
        store = Store(self._lanes.lane(), self._strays, self._job.suspects)
        try:
            work(
                self._job.manifest.study_uid,
                batches,
                lambda identifier: line.get(GET, identifier, store),
                lambda: store.ended,
            )
        finally:
            with self._guard:
                self._lines.remove(line)

    def _help(self, batches: Batches) -> None:
        """What each further thread does.

        An archive may allow fewer associations than were asked for, or one may break: the first association
        asks for whatever is left, and tells if it can't.
        """
        line = None
        try:
            line = self._call()
            self._work(line, batches)
        except BaseException as error:  # the boundary of a thread: told by whoever waits for it
            self._note(error)
            if line is not None:
                line.abort()
        else:
            line.release()

    def _note(self, error: BaseException) -> None:
        """Where nothing more can be taken, wake every association, for each may wait for minutes."""
        if not isinstance(error, TelereadError) or error.code == "strays":
            self._lanes.fail(error)
        if self._lanes.failure is None:
            return
        with self._guard:
            for line in self._lines:
                line.cut()


def by_move(job: Job, hub: HubFile) -> None:
    """Bring what is wanted by C-MOVE: the archive calls our own storage SCP.

    Args:
        job: What, from where, and to where.
        hub: Our AE title, the port to listen on, and whether what comes has to come over TLS.

    Raises:
        OfflineError: The line broke; what ended before stays.
        AttentionError: The archive refused everything.
        TelereadError: The port can't be listened on.
    """
    shortfall = Shortfall(job.manifest, job.intake)
    strays = Strays(job.wanted, job.limits.strays)
    lanes = Lanes(job.intake)
    association = job.call((pdu.Context(1, MOVE, (pdu.IMPLICIT,)),), ())

    def arrived() -> int:
        lanes.check()
        strays.check()
        return lanes.received

    def ours(request: StoreRequest) -> bool:
        """Whether a sub-operation belongs to the move that runs; some don't say, or name themselves."""
        return request.move_title in titles and request.move_message in {0, association.message}

    def ask(identifier: bytes) -> Outcome:
        outcome = association.move(MOVE, identifier, hub.aet, arrived)
        lanes.finish()
        strays.check()
        return outcome

    titles = {"", hub.aet, hub.dimse.aet if hub.dimse else ""}
    told = job.manifest.sop_classes
    all_told = all(cls for one in job.manifest.series for cls in one.instances.values())
    scp = StorageScp(
        association.local_address,
        hub.listen,
        hub.aet,
        lambda: Store(lanes.lane(), strays, job.suspects, ours),
        limits=job.limits,
        tls=listening(hub),
        classes=told if all_told else None,
    )
    try:
        with scp:
            Requests(ask, job.intake, shortfall, job.suspects).run(job.manifest, job.wanted)
    except BaseException:
        association.abort()
        lanes.check()
        strays.check()
        raise
    association.release()
    lanes.check()
    shortfall.tell(job.missing)
