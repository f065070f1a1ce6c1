"""Fetching studies: one that is asked for, and the next ones before they are opened."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import OfflineError, TelereadError
from teleread.model.study import StudyKey
from teleread.model.task import PriorStudy, TaskKey
from teleread.model.text import clean

if TYPE_CHECKING:
    from teleread.archive.fetcher import FetchOutcome
    from teleread.archive.planner import Planned
    from teleread.sync.requests import Works

__all__ = ["Prefetcher", "fetch_study"]

PROGRESS_SECONDS: Final = 0.5
"""Shortest time between two progress events of one fetch."""

RETRY_SECONDS: Final = 120.0
"""How long a study that failed is left alone."""


class _StoppedError(OfflineError):
    """The engine is told to end; what came is kept."""


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
    told = outcome_json(_fetch(works, StudyKey(hub_id, study_uid), via, why, stop))
    told["priors"] = [
        _prior(works, StudyKey(hub_id, one.study_uid), via, stop)
        for one in _priors_of(works, hub_id, study_uid, priors)
    ]
    return told


def _prior(works: Works, key: StudyKey, via: str, stop: threading.Event | None) -> dict[str, Any]:
    try:
        told = outcome_json(_fetch(works, key, via, "prior", stop))
    except TelereadError as error:
        return {"study_uid": key.study_uid, "complete": False, "why": clean(error)}
    return {
        name: told[name]
        for name in ("study_uid", "via", "instances_expected", "instances_held", "bytes", "complete")
    }


def _fetch(works: Works, key: StudyKey, via: str, why: str, stop: threading.Event | None) -> FetchOutcome:
    from teleread.archive.fetcher import fetch

    archives = works.sites.archives(key.hub_id, via)
    names = {"hub": key.hub_id, "study": key.study_uid}
    with works.locks.of("study", key.hub_id, key.study_uid):
        works.vault.events.emit("fetch-started", {**names, "why": why})
        try:
            outcome = fetch(
                works.vault, archives, key, why=why, progress=_Progress(works, names, stop), clock=works.clock
            )
        except TelereadError as error:
            works.vault.events.emit("fetch-failed", {**names, "why": str(error.title)})
            raise
        works.vault.events.emit(
            "fetched",
            {
                **names,
                "held": outcome.instances_held,
                "expected": outcome.instances_expected,
                "complete": outcome.complete,
            },
        )
    return outcome


class _Progress:
    """Tells how far a fetch is, not too often; stops it when the engine ends."""

    def __init__(self, works: Works, names: dict[str, str], stop: threading.Event | None) -> None:
        self._works = works
        self._names = names
        self._stop = stop
        self._told = works.clock.monotonic()

    def __call__(self, held: int, expected: int, size: int) -> None:
        if self._stop is not None and self._stop.is_set():
            raise _StoppedError(
                "The fetch was stopped.", "What came is kept.", code="stopped", retryable=False
            )
        now = self._works.clock.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            data = {**self._names, "held": held, "expected": expected, "bytes": size}
            self._works.vault.events.emit("fetch-progress", data)


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
        "priors": [],
        "fallbacks": [{"via": via, "why": str(why)} for via, why in outcome.fallbacks],
        "problems": [str(one) for one in outcome.problems],
    }


# -- which priors ----------------------------------------------------------------------------------------


def _priors_of(works: Works, hub_id: str, study_uid: str, count: int) -> list[PriorStudy]:
    """The priors most worth having of whoever this study is of."""
    if count <= 0:
        return []
    from teleread.archive.planner import relevant_priors

    for key in works.vault.worklist.tasks_of_study(hub_id, study_uid):
        context = works.vault.worklist.get(key)
        if context is not None and context.priors:
            modality = context.study.modality if context.study else ""
            words = f"{context.order.body_part} {context.order.procedure}"
            return list(relevant_priors(modality, words, study_uid, context.priors, count))
    return []


# -- ahead of the reader -----------------------------------------------------------------------------------


class Prefetcher:
    """Brings the next cases, one study at a time.

    Args:
        works: The parts.
        stop: Ends it.
    """

    def __init__(self, works: Works, stop: threading.Event) -> None:
        self._works = works
        self._stop = stop
        self._failed: dict[StudyKey, float] = {}

    def once(self) -> int:
        """Fetch what the plan names now; answers how many studies came whole."""
        done = 0
        for planned in self._plan():
            if self._stop.is_set():
                break
            done += self._bring(planned)
        return done

    def _bring(self, planned: Planned) -> int:
        key, why = planned.key, "prior" if planned.reason.startswith("prior") else "prefetch"
        try:
            outcome = _fetch(self._works, key, "auto", why, self._stop)
        except TelereadError:
            # Told as an event already; others are tried, this one again later.
            self._failed[key] = self._works.clock.monotonic()
            return 0
        if not outcome.complete:
            self._failed[key] = self._works.clock.monotonic()
        return int(outcome.complete)

    def _plan(self) -> tuple[Planned, ...]:
        from teleread.archive.planner import plan

        works, now = self._works, self._works.clock.monotonic()
        self._failed = {key: at for key, at in self._failed.items() if now - at < RETRY_SECONDS}
        states = {one.key: one.state for one in works.vault.studies.list()}
        files = {one.hub_id: one for one in works.sites.files() if one.dicomweb or one.dimse}
        rows = [row for row in works.vault.worklist.items() if row.hub_id in files]
        return plan(
            rows,
            states,
            works.prefetch_cases,
            mine=lambda row: bool(row.owner) and row.owner == files[row.hub_id].reader_reference,
            priors=self._priors,
            skip=frozenset(self._failed),
        )

    def _priors(self, key: TaskKey) -> tuple[PriorStudy, ...]:
        context = self._works.vault.worklist.get(key)
        return context.priors if context is not None and self._works.prefetch_priors else ()
