"""What to fetch before it is opened, in which order, and why: one pure function.

Lanes, most pressing first: what the reader looks at now; stat cases; the priors of the open case; the next
cases; their priors; first pictures of cases further down, then those cases whole. Within the next cases the
order is the one they will be opened in, but a study that can't be here in time at the line's speed lets those
pass that can (Moore and Hodgson: the fewest late ones). A gate (pause, quiet hours, metered line, battery, a
line that failed) holds a decision back with its reason; nothing is left out without words. Room is the part
of `teleread.archive.eviction`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from teleread.model.study import StudyKey
from teleread.model.task import PriorStudy
from teleread.vault.worklist import WorklistRow

from .plans import Decision, Held, Lane, Line, Plan, Rules, Situation, SizeGuess
from .priors import RankedPrior

__all__ = ["READABLE", "plan"]

READABLE: Final = frozenset({"requested", "received", "accepted", "ready", "in-progress", "on-hold"})
"""FHIR Task.status of what may still have to be read."""
NEAR: Final = 5
"""Cases of the reader that are next, where none that nobody holds are kept ready."""
IMMINENT: Final = 2
"""Cases that go before those of an archive that comes and goes."""
_WHILE: Final = "; its archive comes and goes, so it is used while it answers"
_FAR: Final = datetime.max.replace(tzinfo=UTC)


class _Want(NamedTuple):
    """A study before the gates."""

    key: StudyKey
    row: WorklistRow | None
    lane: Lane
    part: str
    reason: str
    mine: bool
    held: Held
    bytes: int


def _nothing(_: StudyKey) -> Held:
    return Held()


def _no_priors(_: WorklistRow, __: int) -> Sequence[RankedPrior]:
    return ()


def plan(
    rows: Iterable[WorklistRow],
    rules: Rules,
    situation: Situation,
    *,
    mine: Callable[[WorklistRow], bool],
    held: Callable[[StudyKey], Held] = _nothing,
    priors: Callable[[WorklistRow, int], Sequence[RankedPrior]] = _no_priors,
    sizes: SizeGuess | None = None,
) -> Plan:
    """Decide what is fetched, in order, with a reason for each.

    Args:
        rows: The worklist.
        rules: What the reader and the site want.
        situation: How things are.
        mine: Whether the reader holds a task.
        held: What is here of a study that is no row's own; asked for priors of chosen cases only.
        priors: The ranked priors of a case, and how many are to be chosen; asked for chosen cases only.
        sizes: How large studies are.
    """
    own, free = _readable(rows, mine)
    maker = _Maker(rules, situation, held, priors, sizes or SizeGuess())
    return Plan(maker.decide(own, free))


def _readable(
    rows: Iterable[WorklistRow], mine: Callable[[WorklistRow], bool]
) -> tuple[list[WorklistRow], list[WorklistRow]]:
    own: list[WorklistRow] = []
    free: list[WorklistRow] = []
    for row in rows:
        if row.study_uid and row.status in READABLE:
            if row.owner and mine(row):
                own.append(row)
            elif not row.owner:
                free.append(row)
    return sorted(own, key=_rank), sorted(free, key=_rank)


def _rank(row: WorklistRow) -> tuple[int, datetime]:
    return row.priority_rank, row.due or _FAR


class _Maker:
    """The steps of one plan."""

    def __init__(
        self,
        rules: Rules,
        situation: Situation,
        held: Callable[[StudyKey], Held],
        priors: Callable[[WorklistRow, int], Sequence[RankedPrior]],
        sizes: SizeGuess,
    ) -> None:
        self._rules = rules
        self._now = situation
        self._held = held
        self._priors = priors
        self._sizes = sizes

    def decide(self, own: Sequence[WorklistRow], free: Sequence[WorklistRow]) -> tuple[Decision, ...]:
        wants: dict[tuple[StudyKey, str], _Want] = {}
        for want in self._wants(own, free):
            # A study is fetched for its most pressing reason; whole, it needs no part of itself before.
            if (want.key, "all") not in wants:
                wants.setdefault((want.key, want.part), want)
        return self._gated(list(wants.values()))

    def _wants(self, own: Sequence[WorklistRow], free: Sequence[WorklistRow]) -> Iterable[_Want]:
        rules = self._rules
        by_study = {(row.hub_id, str(row.study_uid)): row for row in (*free, *own)}
        stat = [row for row in (*own, *free) if row.priority_rank == 0]
        next_own = [row for row in own if row.priority_rank]
        next_free = [row for row in free if row.priority_rank]
        ready, later = next_free[: rules.cases], next_free[rules.cases :]
        if not rules.cases:
            later = []  # who keeps no case ready wants none further down either
        opened = [by_study.get((one.hub_id, one.study_uid)) for one in self._now.opened]
        mine = {id(row) for row in own}
        yield from self._asked(by_study)
        for index, row in enumerate(stat, start=1):
            whose = "yours, " if id(row) in mine else ""
            yield self._case(row, Lane.STAT, f"{whose}stat case {index} of {len(stat)}", bool(whose))
        yield from self._of_priors([row for row in opened if row], Lane.CASE, "open case", mine)
        near, far = next_own[: rules.cases or NEAR], next_own[rules.cases or NEAR :]
        yield from self._next(near, ready, mine)
        yield from self._of_priors(
            [*stat, *sorted([*near, *ready], key=_rank)], Lane.PRIOR, "next case", mine
        )
        for row in later[: rules.thumbnails]:
            yield self._case(row, Lane.THUMBNAIL, "first pictures of a case further down", False, "first")
        yield from self._further(far, later[: rules.later], len(near), mine)
        yield from self._of_priors(far, Lane.LATER, "case of yours further down", mine)

    def _further(
        self, own: Sequence[WorklistRow], free: Sequence[WorklistRow], before: int, mine: set[int]
    ) -> Iterable[_Want]:
        """What is further down, in the order it will be opened; an archive that comes and goes first."""
        named = [(row, f"yours, {row.priority}, number {n}") for n, row in enumerate(own, start=before + 1)]
        start = self._rules.cases + 1
        named += [(row, f"further down, number {n} that nobody holds") for n, row in enumerate(free, start)]
        named.sort(key=lambda one: (not self._shaky(one[0].hub_id), *_rank(one[0])))
        for row, reason in named:
            yield self._case(row, Lane.LATER, reason, id(row) in mine)

    def _asked(self, by_study: Mapping[tuple[str, str], WorklistRow]) -> Iterable[_Want]:
        for keys, reason in ((self._now.opened, "open on the screen"), (self._now.asked, "put first by you")):
            for key in keys:
                row = by_study.get((key.hub_id, key.study_uid))
                yield self._want(key, row, Lane.NOW, reason, True)

    def _next(self, own: Sequence[WorklistRow], ready: Sequence[WorklistRow], mine: set[int]) -> list[_Want]:
        """The next cases, as they will be opened; those that can't be in time let others pass."""
        named = [(row, f"yours, {row.priority}, {n} of {len(own)}") for n, row in enumerate(own, start=1)]
        free = f"of {len(ready)} that nobody holds"
        named += [(row, f"next {n} {free}, {row.priority}") for n, row in enumerate(ready, start=1)]
        named.sort(key=lambda one: (*_rank(one[0]), id(one[0]) not in mine))
        wants = [self._case(row, Lane.NEXT, reason, id(row) in mine) for row, reason in named]
        ordered = _fewest_late(wants, self._seconds, 60.0 * self._rules.reading_minutes)
        # An archive that comes and goes is used while it answers; the very next cases go before that.
        first, rest = ordered[:IMMINENT], ordered[IMMINENT:]
        shaky = [one._replace(reason=one.reason + _WHILE) for one in rest if self._shaky(one.key.hub_id)]
        return [*first, *shaky, *(one for one in rest if not self._shaky(one.key.hub_id))]

    def _shaky(self, hub_id: str) -> bool:
        line = self._now.lines.get(hub_id)
        return line is not None and line.shaky

    def _of_priors(
        self, rows: Sequence[WorklistRow], lane: Lane, whose: str, mine: set[int]
    ) -> Iterable[_Want]:
        """Documents of all of them first: words are kilobytes, pixels are not."""
        found: list[tuple[WorklistRow, RankedPrior, StudyKey]] = []
        if self._rules.priors > 0:
            for row in rows:
                for one in self._priors(row, self._rules.priors):
                    if one.chosen:
                        found.append((row, one, StudyKey(row.hub_id, one.prior.study_uid)))
        for row, one, key in found:
            if key not in self._now.documents:
                yield self._prior(row, one, key, lane, whose, "documents", id(row) in mine)
        for row, one, key in found:
            yield self._prior(row, one, key, lane, whose, "all", id(row) in mine)

    def _prior(
        self, row: WorklistRow, one: RankedPrior, key: StudyKey, lane: Lane, whose: str, part: str, own: bool
    ) -> _Want:
        prior = one.prior
        day = prior.started.date().isoformat() if prior.started else "an unknown day"
        what = "reports of the" if part == "documents" else "the"
        reason = f"{what} prior {prior.modality or 'study'} of {day} for the {whose} ({one.why})"
        held = self._held(key)
        size = 200_000 if part == "documents" else self._size(prior, held)
        return _Want(key, row, lane, part, reason, own, held, size)

    def _size(self, prior: PriorStudy, held: Held) -> int:
        return self._sizes.bytes_of(prior.modality, prior.instances, held)

    def _case(self, row: WorklistRow, lane: Lane, reason: str, own: bool, part: str = "all") -> _Want:
        return self._want(StudyKey(row.hub_id, row.study_uid), row, lane, reason, own, part)

    def _want(
        self, key: StudyKey, row: WorklistRow | None, lane: Lane, reason: str, own: bool, part: str = "all"
    ) -> _Want:
        if row is None:
            held = self._held(key)
            return _Want(key, None, lane, part, reason, own, held, self._sizes.bytes_of("", None, held))
        # Bytes are only known of studies whose mean matters: the row's counts do for the rest.
        held = Held(row.cached, row.held, row.expected, 0)
        if row.cached == "part":
            found = self._held(key)
            held = found if found.instances else held
        size = self._sizes.bytes_of(row.modality, row.instances, held)
        return _Want(
            key, row, lane, part, reason, own, held, min(size, 4_000_000) if part == "first" else size
        )

    # ------------------------------------------------------------------ gates

    def _seconds(self, want: _Want) -> float | None:
        line = self._now.lines.get(want.key.hub_id)
        return want.bytes / line.rate if line and line.rate else None

    def _gated(self, wants: Sequence[_Want]) -> tuple[Decision, ...]:
        out: list[Decision] = []
        clock: float | None = 0.0
        for index, want in enumerate(wants):
            done = self._done(want)
            wait = "" if done else self._wait(want)
            eta: float | None = None
            if not done and not wait:
                seconds = self._seconds(want)
                clock = None if clock is None or seconds is None else clock + seconds
                eta = clock
            out.append(
                Decision(
                    want.key,
                    want.row.key if want.row else None,
                    want.lane,
                    want.part,
                    want.reason,
                    int(want.lane) * 100_000 + index,
                    wait,
                    "all" if done else want.held.state,
                    want.bytes,
                    eta,
                )
            )
        return tuple(out)

    def _done(self, want: _Want) -> bool:
        if want.held.state == "all":
            return True
        return want.part == "first" and (want.key in self._now.pictures or want.held.instances > 0)

    def _wait(self, want: _Want) -> str:
        """Why a study waits; the first gate that holds it speaks."""
        now = self._now
        line = now.lines.get(want.key.hub_id, Line())
        if want.key in now.waiting:
            return now.waiting[want.key]
        if line.down:
            return line.down
        if want.key in now.paused:
            return "paused by you"
        if now.all_paused and want.lane != Lane.NOW:
            return "all fetching is paused by you"
        if want.lane > Lane.STAT and (held_back := self._polite(want)):
            return held_back
        return ""

    def _polite(self, want: _Want) -> str:
        """Gates that what is open, asked for or stat passes through."""
        rules, now = self._rules, self._now
        if rules.quiet is not None and _within(now.minute, *rules.quiet):
            return f"quiet hours until {rules.quiet[1] // 60:02}:{rules.quiet[1] % 60:02}"
        for on, rule, words in (
            (now.metered, rules.on_metered, "the line is metered"),
            (now.battery, rules.on_battery, "the machine runs on battery"),
        ):
            if on and (rule == "none" or (rule == "own" and not (want.mine or want.lane == Lane.CASE))):
                return words
        return ""


def _within(minute: int, start: int, end: int) -> bool:
    return start <= minute < end if start <= end else minute >= start or minute < end


def _fewest_late(
    wants: Sequence[_Want], seconds: Callable[[_Want], float | None], each: float
) -> list[_Want]:
    """Moore and Hodgson: in the order of deadlines, drop the longest one whenever one would be late.

    Args:
        wants: In the order they will be opened; the n-th is opened after n - 1 readings.
        seconds: How long each takes on the line; None where the line is not known, and nothing is moved.
        each: Seconds a reading takes.
    """
    took = [seconds(one) for one in wants]
    if any(one is None for one in took):
        return list(wants)
    chosen: list[tuple[float, int]] = []
    clock = 0.0
    late: set[int] = set()
    for index, need in enumerate(took):
        cost = need or 0.0
        heapq.heappush(chosen, (-cost, index))
        clock += cost
        if clock > each * index + each:
            longest, which = heapq.heappop(chosen)
            clock += longest
            late.add(which)
    after = "; it can't be here in time at this speed, so shorter ones go first"
    moved = [wants[index]._replace(reason=wants[index].reason + after) for index in sorted(late)]
    return [*(one for index, one in enumerate(wants) if index not in late), *moved]
