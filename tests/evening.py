"""A reader's evening in one second steps: the real planner, room and line rules, everything else made up.

400 tasks of three hubs with an archive each, one of which goes away and comes back; one line of 20 Mbit/s for
all; 60 GB of studies, earlier ones included; a quota of 20 GB. The engine runs an hour before the reader
comes; tasks come all evening, some of them stat. The reader opens whatever is on top of the list, one after
the other, whether it is here or not, and waits for a case that is not. A stat case is opened as soon as the
one in hand is done, others once they have stood on the list for `Evening.settle` seconds: nobody can fetch
what came a moment ago.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from teleread.archive.eviction import HeldStudy, Name, choose, fit, spared
from teleread.archive.planner import plan
from teleread.archive.plans import Decision, Held, Lane, Plan, Rules, Situation, SizeGuess
from teleread.archive.priors import PriorCase, RankedPrior, rank_priors
from teleread.model.study import StudyKey
from teleread.model.task import PriorStudy
from teleread.model.text import EMPTY, clean
from teleread.sync.lines import Lines
from teleread.sync.prefetch import SLOTS
from teleread.vault.worklist import WorklistRow

START: Final = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
HUBS: Final = ("north", "south", "flapping")
KINDS: Final = (
    # modality, share of tasks, megabytes, spread, seconds to read, share with a prior
    ("CR", 0.50, 20, 0.3, 40, 0.5),
    ("CT", 0.30, 300, 0.6, 180, 0.5),
    ("MR", 0.15, 200, 0.5, 200, 0.4),
    ("US", 0.05, 60, 0.4, 90, 0.2),
)


@dataclass(frozen=True)
class Evening:
    """What an evening is like."""

    seed: int
    tasks: int = 400
    total: float = 60e9
    """Bytes of all studies, earlier ones included."""
    rate: float = 20e6 / 8
    """Bytes a second of the reader's line."""
    quota: int = 20_000_000_000
    stat: float = 0.01
    """Share of tasks that are stat."""
    there: float = 0.6
    """Share of tasks that are on the list when the engine starts."""
    before: int = 3600
    """Seconds the engine runs before the reader comes."""
    reads: int = 6 * 3600
    """Seconds the reader reads."""
    up: float = 1500.0
    down: float = 240.0
    """Mean seconds that the flapping archive is there, and is not."""
    claimed: float = 0.3
    """Share of tasks that are the reader's from the start."""
    settle: int = 300
    """Seconds a case that is not stat has been on the list before it is opened."""
    rules: Rules = field(default_factory=Rules)


@dataclass
class Told:
    """How an evening went."""

    opened: int = 0
    ready: int = 0
    """Cases that were whole when they were opened."""
    with_priors: int = 0
    """Those whose chosen earlier studies were whole too."""
    waited: float = 0.0
    """Seconds the reader waited for images in all."""
    stat_missed: int = 0
    too_soon: int = 0
    """Cases opened before their own bytes could have come, however they were planned."""
    brought: float = 0.0
    """Bytes."""
    purged: int = 0
    refetched: int = 0
    """Studies fetched again after they had been purged."""
    most: float = 0.0
    """Most bytes held."""
    yields: int = 0

    @property
    def share(self) -> float:
        """Share of the opened cases that were ready."""
        return self.ready / max(1, self.opened)


@dataclass
class _Case:
    row: WorklistRow
    size: float
    reading: float
    comes: int
    priors: tuple[PriorStudy, ...]


@dataclass
class _Job:
    decision: Decision
    plan: Plan
    left: float


class Simulation:
    """One evening.

    Args:
        evening: What it is like.
    """

    def __init__(self, evening: Evening) -> None:
        self.evening = evening
        self.dice = random.Random(evening.seed)
        self.told = Told()
        self.sizes: dict[StudyKey, float] = {}
        self.cases = self._cases()
        self.here: dict[StudyKey, float] = {}
        self.used: dict[StudyKey, str] = {}
        self.gone: set[StudyKey] = set()
        self.documents: set[StudyKey] = set()
        self.done: set[str] = set()
        self.jobs: dict[str, _Job] = {}
        self.lines = Lines()
        self.failed: dict[StudyKey, float] = {}
        self.opened: StudyKey | None = None
        self.now = 0
        self.down_until = 0.0
        self.up_until = self.dice.expovariate(1 / evening.up)

    # -- the world ---------------------------------------------------------------------------------------

    def _cases(self) -> list[_Case]:
        made: list[_Case] = []
        weights = [one[1] for one in KINDS]
        for number in range(self.evening.tasks):
            modality, _, size, spread, seconds, prior = self.dice.choices(KINDS, weights)[0]
            hub = self.dice.choice(HUBS)
            bytes_of = self._spread(size * 1e6, spread)
            key = StudyKey(hub, f"1.{number}")
            self.sizes[key] = bytes_of
            priors: tuple[PriorStudy, ...] = ()
            if self.dice.random() < prior:
                old = StudyKey(hub, f"9.{number}")
                self.sizes[old] = self._spread(size * 1e6, spread)
                day = START - timedelta(days=self.dice.randint(20, 2000))
                priors = (
                    PriorStudy(clean(old.study_uid), clean(modality), clean(f"{modality} chest"), day, 100),
                )
            comes = 0 if self.dice.random() < self.evening.there else self.dice.randrange(25_000)
            reading = self._spread(seconds, 0.4)
            made.append(_Case(self._row(number, hub, modality, comes), bytes_of, reading, comes, priors))
        scale = self.evening.total / sum(self.sizes.values())
        self.sizes = {key: size * scale for key, size in self.sizes.items()}
        return made

    def _spread(self, mean: float, spread: float) -> float:
        return mean * math.exp(self.dice.gauss(0, spread) - spread * spread / 2)

    def _row(self, number: int, hub: str, modality: str, comes: int) -> WorklistRow:
        rank = 0 if self.dice.random() < self.evening.stat else self.dice.choice((1, 2, 3, 3, 3))
        hours = (1, 4, 12, 48)[rank] * self.dice.uniform(0.6, 1.4)
        mine = rank > 0 and comes == 0 and self.dice.random() < self.evening.claimed
        values: dict[str, Any] = dict.fromkeys(WorklistRow._fields, EMPTY)
        values |= {
            "hub_id": hub,
            "task_id": str(number),
            "status": clean("requested"),
            "owner": clean("me") if mine else EMPTY,
            "priority": clean(("stat", "urgent", "asap", "routine")[rank]),
            "priority_rank": rank,
            "due": START + timedelta(seconds=comes, hours=hours),
            "modality": clean(modality),
            "procedure": clean(f"{modality} chest"),
            "study_uid": clean(f"1.{number}"),
            "instances": 100,
            "held": 0,
            "expected": None,
        }
        return WorklistRow(**values)

    def down(self, hub: str) -> bool:
        """Whether a hub's archive is away."""
        return hub == "flapping" and self.now < self.down_until

    # -- the engine --------------------------------------------------------------------------------------

    def _whole(self, key: StudyKey) -> bool:
        return self.here.get(key, 0.0) >= self.sizes[key] - 1

    def _held(self, key: StudyKey) -> Held:
        size, whole = self.here.get(key, 0.0), self.sizes[key]
        if not size:
            return Held()
        return Held("all" if self._whole(key) else "part", int(100 * size / whole) or 1, 100, int(size))

    def _priors(self, row: WorklistRow, count: int) -> Sequence[RankedPrior]:
        case = self.cases[int(row.task_id)]
        return rank_priors(
            PriorCase(row.study_uid, row.modality, row.procedure, day=START.date()), case.priors, count=count
        )

    def rows(self) -> list[WorklistRow]:
        """The worklist now."""
        out = []
        for case in self.cases:
            if case.comes <= self.now and case.row.task_id not in self.done:
                held = self._held(StudyKey(case.row.hub_id, case.row.study_uid))
                out.append(case.row._replace(held=held.instances, expected=held.expected))
        return out

    def plan(self) -> Plan:
        """The real planner on the made-up vault."""
        evening = self.evening
        made = plan(
            self.rows(),
            evening.rules,
            Situation(
                START + timedelta(seconds=self.now),
                lines=self.lines.view(self.now),
                opened=[self.opened] if self.opened is not None else [],
                waiting={key: "failed" for key, until in self.failed.items() if until > self.now},
                documents=frozenset(self.documents),
                pictures=frozenset(key for key in self.here),
            ),
            mine=lambda row: row.owner == "me",
            held=self._held,
            priors=self._priors,
            sizes=self._guess(),
        )
        sizes = {(key.hub_id, key.study_uid): int(size) for key, size in self.here.items()}
        return fit(made, evening.quota, sizes, self._keeps())

    def _guess(self) -> SizeGuess:
        """What is held teaches sizes, as the vault's index does."""
        by: dict[str, list[float]] = {}
        for key, size in self.here.items():
            if self._whole(key):
                by.setdefault(self._modality(key), []).append(size)
        means = {modality: sum(sizes) / len(sizes) for modality, sizes in by.items()}
        return SizeGuess({modality: mean / 100 for modality, mean in means.items()}, means)

    def _modality(self, key: StudyKey) -> str:
        return str(self.cases[int(key.study_uid.partition(".")[2])].row.modality)

    def _keeps(self) -> dict[Name, str]:
        out = {
            (case.row.hub_id, str(case.row.study_uid)): "yours"
            for case in self.cases
            if case.row.owner == "me" and case.row.task_id not in self.done
        }
        for key in (self.opened, *(job.decision.key for job in self.jobs.values())):
            if key is not None:
                out[key.hub_id, key.study_uid] = "in hand"
        return out

    def _make_room(self, job: _Job) -> None:
        need = job.left - (self.evening.quota - sum(self.here.values()))
        held = [
            HeldStudy(key.hub_id, key.study_uid, int(size), self.used.get(key, ""))
            for key, size in self.here.items()
        ]
        keep = {**spared(job.plan, job.decision), **self._keeps()}
        over = {
            (case.row.hub_id, str(case.row.study_uid)) for case in self.cases if case.row.task_id in self.done
        }
        for one in choose(held, math.ceil(need), keep=keep, delivered=over, over=over):
            key = StudyKey(one.hub_id, one.study_uid)
            del self.here[key]
            self.gone.add(key)
            self.told.purged += 1

    def _assign(self) -> None:
        """Give idle workers their next study: the slots of `teleread.sync.prefetch`."""
        express = "now" in self.jobs or "stat" in self.jobs
        made = self.plan()
        running = self.jobs.get("ordinary")
        pressing = express or any(one.lane in (Lane.NOW, Lane.STAT) for one in made.to_fetch)
        if running is not None and (
            pressing or made.better(SLOTS["ordinary"], running.decision.key, running.decision.part)
        ):
            # It gives way at the end of an instance; what came is kept.
            del self.jobs["ordinary"]
            self.told.yields += 1
        for slot in ("now", "stat", "ordinary"):
            if slot in self.jobs or (slot == "ordinary" and ("now" in self.jobs or "stat" in self.jobs)):
                continue
            busy = {job.decision.key for job in self.jobs.values()}
            for one in made.to_fetch:
                if one.lane in SLOTS[slot] and one.key not in busy and self._begin(slot, made, one):
                    break

    def _begin(self, slot: str, made: Plan, one: Decision) -> bool:
        if self.down(one.key.hub_id):
            self.lines.failed(one.key.hub_id, self.now)
            self.failed[one.key] = self.now + 30.0
            return False
        whole = self.sizes[one.key] - self.here.get(one.key, 0.0)
        left = {"documents": 200_000.0, "first": min(whole, 3e6)}.get(one.part, whole)
        job = _Job(one, made, left)
        self._make_room(job)
        if one.key in self.gone and not self.here.get(one.key):
            self.told.refetched += 1
            self.gone.discard(one.key)
        self.jobs[slot] = job
        return True

    def _carry(self) -> bool:
        """One second of the line, shared by who fetches; whether something ended."""
        ended = False
        if not self.jobs:
            return False
        each = self.evening.rate / len(self.jobs)
        for slot, job in list(self.jobs.items()):
            key = job.decision.key
            if self.down(key.hub_id):
                self.lines.failed(key.hub_id, self.now)
                self.failed[key] = self.now + 30.0
                del self.jobs[slot]
                ended = True
                continue
            size = min(each, job.left)
            job.left -= size
            self.told.brought += size
            self.here[key] = min(self.sizes[key], self.here.get(key, 0.0) + size)
            self.used.setdefault(key, f"{self.now:06}")
            if job.left <= 0:
                del self.jobs[slot]
                ended = True
                self.lines.brought(key.hub_id, 10_000_000, 10_000_000 / self.evening.rate)
                if job.decision.part == "documents":
                    self.documents.add(key)
        self.told.most = max(self.told.most, sum(self.here.values()))
        return ended

    # -- the reader --------------------------------------------------------------------------------------

    def run(self) -> Told:
        """The whole evening."""
        evening = self.evening
        end = evening.before + evening.reads
        comings = {case.comes for case in self.cases}
        reading_until, current, waits = float(evening.before), None, False
        changed = True
        for self.now in range(end):
            changed |= self._flap() or self.now in comings or self.now % 30 == 0
            if self.now >= reading_until and current is not None and not waits:
                self.done.add(current.row.task_id)
                current, self.opened, changed = None, None, True
            if current is None and self.now >= evening.before:
                current = self._next()
                if current is not None:
                    waits, changed = self._open(current), True
                    reading_until = self.now + current.reading
            if waits and current is not None:
                self.told.waited += 1
                if self._whole(StudyKey(current.row.hub_id, current.row.study_uid)):
                    waits, reading_until = False, self.now + current.reading
            if changed:
                self._assign()
            changed = self._carry()
        return self.told

    def _flap(self) -> bool:
        if self.now >= self.up_until:
            self.down_until = self.now + self.dice.expovariate(1 / self.evening.down)
            self.up_until = self.down_until + self.dice.expovariate(1 / self.evening.up)
            return True
        return False

    def _next(self) -> _Case | None:
        settled = self.now - self.evening.settle
        rows = sorted(
            (
                row
                for row in self.rows()
                if row.priority_rank == 0 or self.cases[int(row.task_id)].comes <= max(0, settled)
            ),
            key=lambda row: (row.priority_rank, row.owner != "me", row.due or START, row.task_id),
        )
        return self.cases[int(rows[0].task_id)] if rows else None

    def _open(self, case: _Case) -> bool:
        """Whether its images have to be waited for."""
        key = StudyKey(case.row.hub_id, case.row.study_uid)
        self.opened = key
        self.used[key] = f"{self.now:06}"
        self.told.opened += 1
        ready = self._whole(key)
        self.told.ready += ready
        if ready:
            chosen = [one for one in self._priors(case.row, self.evening.rules.priors) if one.chosen]
            self.told.with_priors += all(
                self._whole(StudyKey(key.hub_id, one.prior.study_uid)) for one in chosen
            )
        else:
            self.told.stat_missed += case.row.priority_rank == 0
            since = self.now - max(case.comes, 0)
            self.told.too_soon += self.sizes[key] / self.evening.rate > since
        return not ready


def evenings(seeds: Sequence[int], **changes: Any) -> list[Told]:
    """Several evenings of one kind."""
    return [Simulation(Evening(seed, **changes)).run() for seed in seeds]


def share(told: Sequence[Told], what: Callable[[Told], int] = lambda one: one.ready) -> float:
    """Share of all opened cases."""
    return sum(what(one) for one in told) / max(1, sum(one.opened for one in told))
