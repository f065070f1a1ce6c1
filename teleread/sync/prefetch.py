"""Fetching ahead of the reader: the plan worked off by a few workers, the pressing ones beside the others.

What is open on a screen and what is stat have a worker each, so neither waits for the other or for a line
that stalls; the ordinary worker gives way to both at the end of an instance and goes on afterwards. A second
ordinary one helps out while the first waits for a silent archive.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from teleread.archive.planner import READABLE
from teleread.archive.plans import Decision, Lane, Plan
from teleread.model.errors import OfflineError, TelereadError
from teleread.model.study import StudyKey
from teleread.sync.fetching import Job, StoppedError, run_job
from teleread.sync.lookback import look_for_priors
from teleread.vault.wishes import ALL

if TYPE_CHECKING:
    from teleread.sync.outlook import Outlook
    from teleread.sync.works import Works

__all__ = ["SLOTS", "Prefetcher"]

_ORDINARY: Final = (Lane.CASE, Lane.NEXT, Lane.PRIOR, Lane.THUMBNAIL, Lane.LATER)
SLOTS: Final = {
    "now": (Lane.NOW,),
    "stat": (Lane.STAT,),
    "ordinary": _ORDINARY,
    "spare": _ORDINARY,
}
"""Workers, by name, with the lanes each works off."""
_EXPRESS: Final = ("now", "stat")
RETRY_SECONDS: Final = 30.0
LONGEST_RETRY: Final = 900.0
"""How long a study that failed is left alone: the first time, and at most."""
STALL_SECONDS: Final = 8.0
"""Silence after which the spare worker fetches from other hubs."""
LOOK_SECONDS: Final = 2.0
"""How often a worker with nothing to do looks again."""
SWEEP_SECONDS: Final = 60.0
KEEP_SECONDS: Final = 10.0
"""How long a plan is believed while nothing in the vault changes: due times and quiet hours move on."""
REPLAN_SECONDS: Final = 4.0
"""How often a running fetch is held against the plan: what came meanwhile may go before it."""


class Prefetcher:
    """Brings what the plan names.

    Args:
        works: The parts.
        stop: Ends it.
    """

    def __init__(self, works: Works, stop: threading.Event) -> None:
        self._works = works
        self.clock = works.clock
        self._stop = stop
        self._guard = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._failed: dict[StudyKey, tuple[float, int, str]] = {}
        self._documents: set[StudyKey] = set()
        self._pictures: set[StudyKey] = set()
        self._wake = {name: threading.Event() for name in SLOTS}
        self._swept = -SWEEP_SECONDS
        self._stats: frozenset[StudyKey] = frozenset()
        self._version: Hashable = None
        self._changes = 0
        """Grows with every change of the vault that was seen, and with every fetch."""
        self._kept: tuple[Hashable, float, Plan] | None = None
        works.lines.learn(works.vault.wishes.rates())

    # -- one pass, and the loops of the engine --------------------------------------------------------------

    def once(self) -> int:
        """Fetch what the plan names now; answers how many studies came whole."""
        self._sweep()
        look_for_priors(self._works, self._outlook().plan(), self._stop)
        done = 0
        tried: set[tuple[StudyKey, str]] = set()
        while not self._stop.is_set():
            plan = self.plan()
            found = next((one for one in plan.to_fetch if (one.key, one.part) not in tried), None)
            if found is None:
                break
            tried.add((found.key, found.part))
            done += self._bring("once", plan, found)
        return done

    def loop(self, slot: str) -> None:
        """Work off the lanes of a slot until stopped."""
        wake = self._wake[slot]
        while not self._stop.is_set():
            wake.clear()
            if not self._turn(slot):
                # The pressing ones are woken by what happens; looking now and then is for what nobody told.
                wake.wait(LOOK_SECONDS * (2 if slot in _EXPRESS else 1))

    def nudge(self, *slots: str) -> None:
        """Something changed: look at once."""
        self._changes += 1
        for slot in slots or tuple(SLOTS):
            self._wake[slot].set()

    def watch(self) -> None:
        """See whether the vault changed, and wake the stat worker for a stat study that was not there before.

        Cheap, for every moment; of one thread alone, whose connections' versions it compares.
        """
        version = self._works.vault.data_version()
        if version == self._version:
            return
        self._version = version
        self._changes += 1
        found = frozenset(self._works.vault.studies.unfinished_stat(sorted(READABLE)))
        if found - self._stats:
            self._wake["stat"].set()
        self._stats = found

    def _turn(self, slot: str) -> int:
        """One decision of a slot; whether there was one to act on."""
        if slot == "spare" and not self._stalled():
            return 0
        if slot not in _EXPRESS and self.express():
            self._stop.wait(0.05)
            return 1
        plan = self._plan_kept() or self._plan_anew(slot)
        found = self._next(slot, plan)
        if found is None:
            return 0
        self._bring(slot, plan, found)
        return 1

    def _next(self, slot: str, plan: Plan) -> Decision | None:
        lanes, busy = SLOTS[slot], {*(one.key for one in self._busy()), *tuple(self._works.busy)}
        shut = {one.key.hub_id for one in self._busy()} if slot == "spare" else set()
        for one in plan.to_fetch:
            if one.lane in lanes and one.key not in busy and one.key.hub_id not in shut:
                return one
        if slot == "ordinary" and not self._paused():
            age = timedelta(minutes=self._works.wanted().check_minutes)
            return next(
                (one for one in plan.decisions if one.key not in busy and self._stale(one, age)), None
            )
        return None

    def _paused(self) -> bool:
        return any(one.kind == "pause" and one.key == ALL for one in self._works.vault.wishes.list())

    def _stale(self, one: Decision, most: timedelta) -> bool:
        """Whether a study that is here is to be asked about again: late images are noticed this way."""
        if one.state != "all" or one.wait or one.lane not in (Lane.NOW, Lane.STAT, Lane.NEXT):
            return False
        line = self._works.lines.view(self.clock.monotonic()).get(one.key.hub_id)
        if one.key in self._waiting() or (line is not None and line.down):
            return False
        study = self._works.vault.studies.get(one.key.hub_id, one.key.study_uid)
        if study is None or not study.asked_at:
            return False
        return self._works.clock.now() - datetime.fromisoformat(study.asked_at) > most

    # -- who works -------------------------------------------------------------------------------------------

    def _busy(self) -> tuple[Job, ...]:
        with self._guard:
            return tuple(self._jobs.values())

    def express(self) -> bool:
        """Whether something pressing is being fetched: open, stat, or asked for by a command."""
        with self._guard:
            own = {one.key for one in self._jobs.values()}
            return any(slot in self._jobs for slot in _EXPRESS) or bool(set(self._works.busy) - own)

    def _stalled(self) -> bool:
        with self._guard:
            job = self._jobs.get("ordinary")
        return job is not None and self._works.clock.monotonic() - job.beat > STALL_SECONDS

    # -- the plan --------------------------------------------------------------------------------------------

    def plan(self) -> Plan:
        """The plan of this moment, with what there is no room for held back."""
        return self._works.room().fit(self._outlook().plan())

    def _plan_kept(self) -> Plan | None:
        """The last plan, where nothing it was made from has changed: workers look more often than that."""
        told, kept = self._told(), self._kept
        fresh = kept is not None and kept[0] == told and self.clock.monotonic() - kept[1] < KEEP_SECONDS
        return kept[2] if kept is not None and fresh else None

    def _plan_anew(self, slot: str) -> Plan:
        """A plan that is kept; the ordinary worker first sees to room and to what is known of priors."""
        if slot == "ordinary":
            self._sweep()
        told, now = self._told(), self.clock.monotonic()
        found = self._outlook().plan()
        if slot == "ordinary" and look_for_priors(self._works, found, self._stop, most=1):
            told, found = self._told(), self._outlook().plan()
        found = self._works.room().fit(found)
        self._kept = (told, now, found)
        return found

    def _told(self) -> Hashable:
        """What a plan is made from, as far as it can be seen at a glance."""
        lines = self._works.lines.view(self.clock.monotonic())
        states = frozenset((hub_id, bool(one.down), one.shaky) for hub_id, one in lines.items())
        return self._changes, frozenset(self._waiting()), states

    def _outlook(self) -> Outlook:
        outlook = self._works.outlook()
        outlook.waiting = self._waiting()
        outlook.documents = frozenset(self._documents)
        outlook.pictures = frozenset(self._pictures)
        return outlook

    def _waiting(self) -> dict[StudyKey, str]:
        now = self._works.clock.monotonic()
        return {key: words for key, (until, _, words) in tuple(self._failed.items()) if until > now}

    # -- one study -------------------------------------------------------------------------------------------

    def _bring(self, slot: str, plan: Plan, decision: Decision) -> int:
        express = slot in _EXPRESS
        job = Job(
            decision.key,
            _ledger(decision.lane),
            decision.part,
            decision.reason,
            decision.lane.words,
            stop=self._stop,
            plan=plan,
            decision=decision,
        )
        if not express:
            job.give_way = _Watch(self, slot, job)
        with self._guard:
            if any(one.key == job.key for one in self._jobs.values()):
                return 0
            self._jobs[slot] = job
        try:
            outcome = run_job(self._works, job)
        except StoppedError:
            return 0
        except TelereadError as error:
            # Told as an event already; others are tried, this one again later.
            self._fail(decision.key, error.title, offline=isinstance(error, OfflineError))
            return 0
        finally:
            self._changes += 1
            with self._guard:
                self._jobs.pop(slot, None)
        return self._settle(decision, outcome.complete, outcome.satisfied, str(outcome.missing_why))

    def _settle(self, decision: Decision, complete: bool, satisfied: bool, why: str) -> int:
        key = decision.key
        if decision.part == "documents":
            self._documents.add(key)
        elif decision.part == "first":
            self._pictures.add(key)
        if not satisfied:
            self._fail(key, why or "not all of it came", offline=False)
        else:
            self._failed.pop(key, None)
            self._works.vault.wishes.drop(key, "first")
        return int(complete and decision.part == "all")

    def _fail(self, key: StudyKey, words: str, *, offline: bool) -> None:
        _, times, _ = self._failed.get(key, (0.0, 0, ""))
        # The line itself is left alone by `Lines`: a study is no worse for its archive's silence.
        pause = RETRY_SECONDS if offline else min(LONGEST_RETRY, RETRY_SECONDS * 2**times)
        now = self._works.clock.monotonic()
        self._failed[key] = (now + pause, times + 1, f"{words.rstrip('.')}; tried again in {pause:.0f} s")

    def _sweep(self) -> None:
        now = self._works.clock.monotonic()
        if now - self._swept >= SWEEP_SECONDS:
            self._swept = now
            self._works.room().sweep()


class _Watch:
    """Whether an ordinary fetch gives way: to what is pressing at once, to a better plan within seconds."""

    def __init__(self, prefetcher: Prefetcher, slot: str, job: Job) -> None:
        self._prefetcher = prefetcher
        self._slot = slot
        self._job = job
        self._look_at = prefetcher.clock.monotonic() + REPLAN_SECONDS
        self._outranked = False

    def __call__(self) -> bool:
        if self._prefetcher.express():
            return True
        now = self._prefetcher.clock.monotonic()
        if self._slot == "ordinary" and not self._outranked and now >= self._look_at:
            self._look_at = now + REPLAN_SECONDS
            self._outranked = self._prefetcher.plan().better(SLOTS[self._slot], self._job.key, self._job.part)
        return self._outranked


def _ledger(lane: Lane) -> str:
    return {Lane.NOW: "fetch", Lane.CASE: "prior", Lane.PRIOR: "prior"}.get(lane, "prefetch")
