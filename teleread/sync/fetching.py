"""One fetch with what belongs to it: room made, progress told, the line's speed learned, stopped in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import OfflineError, TelereadError
from teleread.model.study import StudyKey
from teleread.model.task import PriorStudy
from teleread.model.text import clean

if TYPE_CHECKING:
    from teleread.archive.fetcher import FetchOutcome
    from teleread.archive.plans import Decision, Plan
    from teleread.sync.works import Works

__all__ = ["Job", "StoppedError", "fetch_study", "outcome_json", "run_job"]

PROGRESS_SECONDS: Final = 0.5
"""Shortest time between two progress events of one fetch."""
BOUNDARY_SECONDS: Final = 0.4
"""How long a fetch that gives way waits for the end of the instance in hand."""
ROOM_STEP: Final = 64 << 20
"""Bytes brought between two looks at the room."""


class StoppedError(TelereadError):
    """The fetch gave way, or the engine ends; what came is kept, and the rest is fetched later."""


def _never() -> bool:
    return False


@dataclass(slots=True)
class Job:
    """One fetch under way."""

    key: StudyKey
    why: str = "fetch"
    """For the ledger: ``fetch``, ``prefetch``, ``prior``."""
    part: str = "all"
    reason: str = ""
    """Words for the transfers screen."""
    lane: str = "now"
    give_way: Callable[[], bool] = _never
    """Whether something more pressing waits."""
    stop: threading.Event | None = None
    beat: float = 0.0
    """When it last moved, by the clock's `monotonic`."""
    plan: Plan | None = field(default=None, repr=False)
    decision: Decision | None = field(default=None, repr=False)
    """What it is for; better decisions are spared when room is made."""


def fetch_study(
    works: Works,
    hub_id: str,
    study_uid: str,
    *,
    via: str = "auto",
    priors: int = 0,
    why: str = "fetch",
    stop: threading.Event | None = None,
) -> dict[str, Any]:
    """Bring a study, then earlier ones of its patient.

    Args:
        works: The parts.
        hub_id: The hub.
        study_uid: The study.
        via: ``auto``, or one way.
        priors: How many earlier studies besides.
        why: For the ledger.
        stop: Ends the fetch when set; what came is kept.

    Returns:
        What `teleread fetch` prints.

    Raises:
        TelereadError: The study could not be brought; a prior that fails is told, not raised.
    """
    job = Job(StudyKey(hub_id, study_uid), why, reason="asked for", stop=stop)
    told = outcome_json(run_job(works, job, via))
    told["priors"] = [
        _prior(works, Job(StudyKey(hub_id, one.study_uid), "prior", reason="asked for", stop=stop), via)
        for one in _priors_of(works, hub_id, study_uid, priors)
    ]
    return told


def _prior(works: Works, job: Job, via: str) -> dict[str, Any]:
    try:
        told = outcome_json(run_job(works, job, via))
    except TelereadError as error:
        return {"study_uid": job.key.study_uid, "complete": False, "why": clean(error)}
    return {
        name: told[name]
        for name in ("study_uid", "via", "instances_expected", "instances_held", "bytes", "complete")
    }


def _priors_of(works: Works, hub_id: str, study_uid: str, count: int) -> list[PriorStudy]:
    """The priors most worth having of whoever this study is of."""
    if count <= 0:
        return []
    outlook = works.outlook()
    for key in works.vault.worklist.tasks_of_study(hub_id, study_uid):
        context = works.vault.worklist.get(key)
        if context is not None:
            found = outlook.ranked(context, works.file(hub_id), count)
            return [one.prior for one in found if one.chosen]
    return []


def run_job(works: Works, job: Job, via: str = "auto") -> FetchOutcome:
    """Do one fetch.

    Raises:
        StoppedError: It gave way, or the engine ends.
        TelereadError: It could not be done; told as an event already.
    """
    from teleread.archive.fetcher import fetch

    key = job.key
    archives = works.sites.archives(key.hub_id, via)
    names = {"hub": key.hub_id, "study": key.study_uid}
    events = works.vault.events
    with works.locks.of("study", key.hub_id, key.study_uid):
        works.busy.add(key)
        job.beat = works.clock.monotonic()
        events.emit("fetch-started", {**names, "why": job.why, "reason": job.reason, "lane": job.lane})
        progress = _Progress(works, names, job)
        try:
            works.room().make(job.decision.bytes if job.decision else ROOM_STEP, job.plan, job.decision)
            outcome = fetch(
                works.vault, archives, key, why=job.why, progress=progress, clock=works.clock, part=job.part
            )
        except StoppedError as stopped:
            events.emit("fetch-yielded", {**names, "why": stopped.title})
            raise
        except TelereadError as error:
            _noted(works, key.hub_id, error)
            events.emit("fetch-failed", {**names, "why": error.title, "remedy": error.remedy})
            raise
        finally:
            works.busy.discard(key)
        _learned(works, key.hub_id, outcome)
        _told(works, names, outcome)
    return outcome


def _noted(works: Works, hub_id: str, error: TelereadError) -> None:
    if isinstance(error, OfflineError):
        works.lines.failed(hub_id, works.clock.monotonic())


def _learned(works: Works, hub_id: str, outcome: FetchOutcome) -> None:
    """Keep how fast the line was, for the next plan and for the next start."""
    if outcome.offline:
        works.lines.failed(hub_id, works.clock.monotonic())
        return
    rate = works.lines.brought(hub_id, outcome.bytes, outcome.seconds)
    if rate is not None and outcome.bytes:
        works.vault.wishes.put_rate(hub_id, rate)


def _told(works: Works, names: dict[str, str], outcome: FetchOutcome) -> None:
    data = {
        **names,
        "held": outcome.instances_held,
        "expected": outcome.instances_expected,
        "complete": outcome.complete,
        "bytes": outcome.bytes,
        "seconds": outcome.seconds,
        "why": outcome.missing_why,
    }
    works.vault.events.emit("fetched", data)
    if outcome.changed:
        works.vault.events.emit("study-changed", {**names, "why": outcome.changed})


class _Progress:
    """Tells how far a fetch is, not too often; stops it when it is to give way or the engine ends."""

    def __init__(self, works: Works, names: dict[str, str], job: Job) -> None:
        self._works = works
        self._names = names
        self._job = job
        self._began = self._told = works.clock.monotonic()
        self._asked: float | None = None
        self._held = -1
        self._first: int | None = None
        self._room = ROOM_STEP

    def __call__(self, held: int, expected: int, size: int) -> None:
        now = self._job.beat = self._works.clock.monotonic()
        self._first = held if self._first is None else self._first
        self._heed(held, now)
        if size >= self._room:
            self._room = size + ROOM_STEP
            self._works.room().make(ROOM_STEP, self._job.plan, self._job.decision)
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            rate = size / max(now - self._began, 0.001)
            data = {**self._names, "held": held, "expected": expected, "bytes": size, "rate": round(rate)}
            self._works.vault.events.emit("fetch-progress", {**data, "eta": self._eta(held, expected, now)})

    def _heed(self, held: int, now: float) -> None:
        """Stop, if it is to: between two instances where one ends soon, else in the middle of one."""
        if self._job.stop is not None and self._job.stop.is_set():
            raise StoppedError("The fetch was stopped.", "What came is kept.", code="stopped", retryable=True)
        if self._job.give_way():
            self._asked = now if self._asked is None else self._asked
            if held != self._held or now - self._asked >= BOUNDARY_SECONDS:
                raise StoppedError(
                    "It gave way to something more pressing.",
                    "What came is kept.",
                    "The rest is fetched after it.",
                    code="yielded",
                    retryable=True,
                )
        else:
            self._asked = None
        self._held = held

    def _eta(self, held: int, expected: int, now: float) -> float | None:
        """Seconds left, by instances; None while too few came to tell."""
        came, took = held - (self._first or 0), now - self._began
        if came < 1 or took < 2.0 or expected <= held:
            return None
        return round(took / came * (expected - held), 1)


def outcome_json(outcome: FetchOutcome) -> dict[str, Any]:
    """How a fetch ended, as the command line's contract prints it."""
    return {
        "study_uid": outcome.key.study_uid,
        "via": outcome.via or None,
        "instances_expected": outcome.instances_expected,
        "instances_held": outcome.instances_held,
        "bytes": outcome.bytes,
        "seconds": outcome.seconds,
        "complete": outcome.complete,
        "missing_why": outcome.missing_why or None,
        "changed": outcome.changed or None,
        "priors": [],
        "fallbacks": [{"via": via, "why": str(why)} for via, why in outcome.fallbacks],
        "problems": [str(one) for one in outcome.problems],
    }
